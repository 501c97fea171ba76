// SPDX-License-Identifier: Apache-2.0
// What a name in an expression stands for: "point" of the same meter, "meter.point" of any, or a stream.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "site/site_options.h"
#include "symbiont/text.h"

// A meter read faster than this is still late by a network's hiccup; one read "as fast as it answers" has no
// period at all.
#define HOLD_MIN_MS        1000
#define HOLD_CONTINUOUS_MS 10000

int64_t site_hold_ms(int64_t every_ns)
{
    if (every_ns == 0)
        return HOLD_CONTINUOUS_MS;
    int64_t hold = 3 * every_ns / NS_PER_MS;
    return hold > HOLD_MIN_MS ? hold : HOLD_MIN_MS;
}

int64_t site_every_ns(const struct site *s, size_t meter, const struct point *p)
{
    if (s->pace_ns[meter])
        return s->pace_ns[meter];
    return p->every_ns ? p->every_ns : site_meter(s, meter)->every_ns;
}

static size_t find_meter(const struct site *s, const char *name, size_t n)
{
    for (size_t i = 0; i < s->root->meters.n; i++) {
        const char *is = site_meter(s, i)->name;
        if (is && strlen(is) == n && strncmp(is, name, n) == 0)
            return i;
    }
    return SIZE_MAX;
}

static size_t find_point(const struct device *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->points[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

// "; did you mean ..." or nothing.
static void hint(const char *near, const char *prefix, char *why, size_t why_size)
{
    size_t n = strlen(why);
    if (near)
        snprintf(why + n, why_size - n, "; did you mean \"%s%s\"?", prefix, near);
}

static bool no_meter(const struct site *s, const char *name, size_t n, char *why, size_t why_size)
{
    char wanted[EXPRESSION_MAX_NAME];
    snprintf(wanted, sizeof wanted, "%.*s", (int)n, name);
    snprintf(why, why_size, "there is no meter \"%s\"", wanted);
    const char **names = calloc(s->root->meters.n + 1, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; names && i < s->root->meters.n; i++)
        if (site_meter(s, i)->name)
            names[count++] = site_meter(s, i)->name;
    if (names)
        hint(text_nearest(wanted, names, count, sizeof *names), "", why, why_size);
    free(names);
    return false;
}

static bool no_point(const struct site *s, size_t meter, const char *name, bool qualified, char *why,
                     size_t why_size)
{
    const struct device *d = s->devices[meter];
    char prefix[80] = "";
    if (qualified)
        snprintf(prefix, sizeof prefix, "%s.", site_meter(s, meter)->name);
    snprintf(why, why_size, "meter \"%s\" has no point \"%s\"", site_meter(s, meter)->name, name);
    hint(d->n ? text_nearest(name, &d->points[0].name, d->n, sizeof d->points[0]) : NULL, prefix, why,
         why_size);
    return false;
}

static void describe_point(const struct site *s, size_t meter, size_t point, struct expression_source *out)
{
    const struct point *p = &s->devices[meter]->points[point];
    int64_t every = site_every_ns(s, meter, p);
    *out = (struct expression_source){.index = (uint32_t)site_source(s, meter, point),
                                      .unit = p->type == POINT_BOOL ? NULL : p->unit,
                                      .hold_ms = site_hold_ms(every),
                                      .every_ms = every / NS_PER_MS,
                                      .counter = p->quantity && p->quantity->kind == QUANTITY_COUNTER,
                                      .modulus = p->modulus};
}

static bool find_stream(const struct site_scope *scope, const char *name, struct expression_source *out,
                        char *why, size_t why_size)
{
    const struct site *s = scope->site;
    const char **names = calloc(s->root->streams.n + 1, sizeof *names);
    size_t count = 0;
    bool found = false;
    snprintf(why, why_size, "\"%s\" is not known; a point is named meter.point, a stream by its name", name);
    for (size_t i = 0; names && !found && i < s->root->streams.n; i++) {
        const struct stream_config *c = site_stream(s, i);
        if (!c->name)
            continue;
        names[count++] = c->name;
        if (strcmp(c->name, name) != 0)
            continue;
        if (i >= scope->streams) {
            snprintf(why, why_size, "stream \"%s\" stands later; a stream may use only those before it",
                     name);
            free(names);
            return false;
        }
        *out = (struct expression_source){.index = (uint32_t)site_source_of_stream(s, i),
                                          .unit = stream_config_unit(c),
                                          .every_ms = s->stream_every_ms[i],
                                          .hold_ms = site_hold_ms(s->stream_every_ms[i] * NS_PER_MS)};
        found = out->unit != NULL;
    }
    if (names && !found)
        hint(text_nearest(name, names, count, sizeof *names), "", why, why_size);
    free(names);
    return found;
}

bool site_resolve(void *arg, const char *name, struct expression_source *out, char *why, size_t why_size)
{
    struct site_scope *scope = arg;
    const struct site *s = scope->site;
    const char *dot = strchr(name, '.');
    size_t meter = dot ? find_meter(s, name, (size_t)(dot - name)) : scope->meter;
    if (meter == SIZE_MAX)
        return dot ? no_meter(s, name, (size_t)(dot - name), why, why_size)
                   : find_stream(scope, name, out, why, why_size);
    if (!s->devices[meter]) {
        scope->blocked = true;
        snprintf(why, why_size, "meter \"%s\" has errors of its own", site_meter(s, meter)->name);
        return false;
    }
    const char *word = dot ? dot + 1 : name;
    size_t point = find_point(s->devices[meter], word);
    if (point == SIZE_MAX)
        return no_point(s, meter, word, dot != NULL, why, why_size);
    const struct point *p = &s->devices[meter]->points[point];
    if (p->type == POINT_STRING) {
        snprintf(why, why_size, "\"%s\" is a text; only numbers can be computed with", name);
        return false;
    }
    if (meter == scope->meter && p->type == POINT_DERIVED && point >= scope->point) {
        snprintf(why, why_size, "\"%s\" is computed %s; use only points that stand before this one", name,
                 point == scope->point ? "by this very expression" : "later");
        return false;
    }
    describe_point(s, meter, point, out);
    return true;
}

static struct expression_names names_from(const struct site *s, size_t streams, struct site_scope *scope)
{
    *scope = (struct site_scope){.site = s, .meter = SIZE_MAX, .streams = streams};
    return (struct expression_names){site_resolve, scope};
}

struct expression_names site_names_for_stream(const struct site *s, size_t i, struct site_scope *scope)
{
    return names_from(s, i, scope);
}

struct expression_names site_names_for_rules(const struct site *s, struct site_scope *scope)
{
    return names_from(s, s->root->streams.n, scope);
}
