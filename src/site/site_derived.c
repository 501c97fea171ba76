// SPDX-License-Identifier: Apache-2.0
// Derived points: their expressions compiled against the names of the site.
#include <stdlib.h>
#include <string.h>
#include "site/site_options.h"

static size_t count_derived(const struct site *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->root->meters.n; i++)
        for (size_t k = 0; s->devices[i] && k < s->devices[i]->n; k++)
            n += s->devices[i]->points[k].type == POINT_DERIVED;
    return n;
}

// A state may be said by a condition: 1 when it is true.
static struct expression *compile(const struct site *s, struct site_scope *scope, const struct point *p,
                                  struct expression_error *error)
{
    const struct expression_names names = {site_resolve, scope};
    const struct expression_wanted wanted = {.unit = p->unit};
    if (p->quantity && p->quantity->kind == QUANTITY_STATE) {
        const struct expression_wanted truth = {.unit = NULL};
        struct expression *e = expression_compile(p->expression, &names, &s->calendar, &truth, error);
        if (e)
            return e;
    }
    return expression_compile(p->expression, &names, &s->calendar, &wanted, error);
}

static void compile_one(struct site *s, size_t meter, size_t point, struct diagnostics *d)
{
    const struct point *p = &s->devices[meter]->points[point];
    struct site_scope scope = {.site = s, .meter = meter, .point = point};
    struct expression_error error;
    struct expression *e = compile(s, &scope, p, &error);
    if (e)
        s->derived[s->derived_count++] = (struct site_derived){meter, point, e};
    else if (!scope.blocked)
        diag_error(d, p->place, "point \"%s\": expression, column %d: %s", p->name, error.column, error.text);
}

// Between meters nothing says who comes first, so nothing may go in a circle: what can be computed when
// all it needs is computed is taken away, and a circle remains.
static void refuse_circles(const struct site *s, struct diagnostics *d)
{
    size_t n = s->derived_count, left = n, *of_source = calloc(site_sources(s) + 1, sizeof *of_source);
    bool *done = calloc(n + 1, sizeof *done), more = of_source && done;
    if (!more && n)
        diag_error(d, s->devices[s->derived[0].meter]->points[s->derived[0].point].place, "out of memory");
    for (size_t i = 0; more && i < n; i++)
        of_source[site_source(s, s->derived[i].meter, s->derived[i].point)] = i + 1;
    while (more && left > 0) {
        more = false;
        for (size_t i = 0; i < n; i++) {
            const struct expression *e = s->derived[i].program;
            bool ready = !done[i];
            for (size_t k = 0; ready && k < expression_slots(e); k++) {
                size_t needs = of_source[expression_source(e, k)->index];
                ready = needs == 0 || done[needs - 1];
            }
            if (ready) {
                done[i] = more = true;
                left--;
            }
        }
    }
    for (size_t i = 0; done && of_source && left > 0 && i < n; i++) {
        const struct point *p = &s->devices[s->derived[i].meter]->points[s->derived[i].point];
        if (!done[i])
            diag_error(d, p->place, "point \"%s\" of meter \"%s\" is computed from itself, by way of others",
                       p->name, site_meter(s, s->derived[i].meter)->name);
    }
    free(of_source);
    free(done);
}

// A reading is what a meter answers; without a register there is no answer to begin with.
static void refuse_empty(const struct site *s, size_t meter, struct diagnostics *d)
{
    const struct device *device = s->devices[meter];
    for (size_t i = 0; i < device->n; i++)
        if (device->points[i].type != POINT_DERIVED)
            return;
    diag_error(d, site_meter(s, meter)->common.place,
               "meter \"%s\" has only derived points, so there is nothing to ask it; put them into a meter "
               "that is read",
               site_meter(s, meter)->name);
}

void site_derived_compile(struct site *s, struct diagnostics *d)
{
    size_t n = count_derived(s);
    s->derived = calloc(n + 1, sizeof *s->derived);
    for (size_t i = 0; s->derived && i < s->root->meters.n; i++) {
        if (!s->devices[i])
            continue;
        refuse_empty(s, i, d);
        for (size_t k = 0; k < s->devices[i]->n; k++)
            if (s->devices[i]->points[k].type == POINT_DERIVED)
                compile_one(s, i, k, d);
    }
    if (s->derived && s->derived_count == n)
        refuse_circles(s, d);
}

void site_derived_free(struct site *s)
{
    for (size_t i = 0; i < s->derived_count; i++)
        expression_free(s->derived[i].program);
    free(s->derived);
    s->derived_count = 0;
}
