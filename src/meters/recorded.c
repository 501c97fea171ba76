// SPDX-License-Identifier: Apache-2.0
// From recorded registers to readings, by the same functions that serve a live meter.
#include "meters/recorded.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "symbiont/expression.h"

const uint8_t *recorded_data(const struct recorded *r, const struct point *p)
{
    for (size_t i = r->n; i-- > 0;) { // the last one that holds it
        const struct recorded_read *d = &r->reads[i];
        if (d->table == p->table && p->address >= d->address &&
            p->address + p->words <= d->address + d->count)
            return d->data + (size_t)(p->address - d->address) * (d->table <= TABLE_DISCRETE ? 1 : 2);
    }
    return NULL;
}

static void finish(struct recorded *r, const struct device *d)
{
    for (size_t i = 0; i < d->n; i++)
        r->raw[i] =
            (struct value){.reason = d->points[i].type == POINT_DERIVED ? REASON_NOT_DUE : REASON_NOT_YET};
    // Twice: a point whose word order another one tells needs that one first.
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < d->n; i++) {
            const struct point *p = &d->points[i];
            const uint8_t *data = p->type == POINT_DERIVED ? NULL : recorded_data(r, p);
            uint8_t order;
            if (!data)
                continue;
            if (p->type == POINT_STRING)
                r->raw[i] = (struct value){0};
            else if (point_order(d->points, i, r->raw, NULL, &order))
                r->raw[i] = point_raw(p, order, data);
            else
                r->raw[i] = (struct value){.reason = REASON_DEPENDENCY};
        }
    points_finish(d->points, d->n, r->raw, NULL, r->out);
    r->finished = true;
}

// ---- Derived points ----

static bool resolve(void *arg, const char *name, struct expression_source *out, char *why, size_t why_size)
{
    const struct device *d = *(const struct device **)arg;
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->points[i].name, name) == 0) {
            *out = (struct expression_source){.index = (uint32_t)i, .unit = d->points[i].unit};
            return true;
        }
    snprintf(why, why_size, "there is no point \"%s\" in this profile", name);
    return false;
}

// Of one instant: windows over time have nothing to look at.
static struct value derive(const struct recorded *r, const struct device *d, size_t i, char *why,
                           size_t why_size)
{
    const struct point *p = &d->points[i];
    const struct expression_names names = {resolve, &d};
    const struct expression_wanted wanted = {p->unit};
    struct expression_error error;
    struct expression *e = expression_compile(p->expression, &names, NULL, &wanted, &error);
    struct expression_state *s = e ? expression_state_new(e) : NULL;
    struct utc now = {0};
    struct value v = {.number = NAN, .reason = REASON_DEPENDENCY};
    for (size_t k = 0; s && k < expression_slots(e); k++) {
        struct value from = r->out[expression_source(e, k)->index];
        expression_feed(s, k, now, from.reason == REASON_GOOD ? from.number : NAN);
    }
    double result = s ? expression_value(s, now) : NAN;
    if (result >= p->min && result <= p->max)
        v = (struct value){.number = result};
    if (!e)
        snprintf(why, why_size, "%s", error.text);
    expression_state_free(s);
    expression_free(e);
    return v;
}

struct value recorded_value(struct recorded *r, const struct device *d, size_t i, char *why, size_t why_size)
{
    why[0] = '\0';
    if (!r->finished)
        finish(r, d);
    return d->points[i].type == POINT_DERIVED ? derive(r, d, i, why, why_size) : r->out[i];
}
