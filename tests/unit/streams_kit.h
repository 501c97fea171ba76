/* SPDX-License-Identifier: Apache-2.0 */
/* A stream out of configuration text, its names, and what it said, for the tests of streams. */
#ifndef STREAMS_KIT_H
#define STREAMS_KIT_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "test.h"

#include "symbiont/stream.h"
#include "symbiont/text.h"

#define MINUTE 60000LL
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
/* Monday 2026-01-05 00:00 UTC. */
#define MONDAY 1767571200000LL

struct streams_root {
    struct settings common;
    struct groups streams, needs;
};

static const struct option streams_rows[] = {
    {"streams", OPTION_GROUPS, offsetof(struct streams_root, streams), .section = &stream_section},
    {"needs", OPTION_GROUPS, offsetof(struct streams_root, needs), .section = &needs_section},
    {0},
};
static const struct section streams_root_section = {"root", sizeof(struct streams_root), streams_rows, ""};

struct kit {
    struct config *config;
    struct diagnostics *d;
    struct stream *s;
    int64_t every_ms;
    struct stream_event events[400];
    size_t events_n;
    struct stream_hour hours[4000];
    size_t hours_n;
    char said[2000]; /* the diagnostics */
};

static bool kit_name(void *arg, const char *name, struct expression_source *out, char *why, size_t size)
{
    static const struct {
        const char *name, *unit;
    } names[] = {{"m.flow", "m3/h"},
                 {"m.hot", "degC"},
                 {"m.cold", "degC"},
                 {"m.power", "kW"},
                 {"m.load", "kW"},
                 {"m.mass", "kg"},
                 {"m.level", "%"},
                 {"m.steam", "t/h"},
                 {"m.bar", "bar"},
                 {"m.oxygen", "%"},
                 {"m.flue", "degC"},
                 {"m.makeup", "m3/h"},
                 {"m.blowdown", "m3/h"},
                 {"m.makeup_mass", "kg/h"},
                 {"m.blowdown_mass", "kg/h"},
                 {"m.conductivity", "uS/cm"},
                 {"m.ph", "pH"},
                 {"own", "kW"}};
    const struct kit *k = arg;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0) {
            *out = (struct expression_source){.index = (uint32_t)i,
                                              .unit = unit_find(names[i].unit),
                                              .every_ms = k->every_ms,
                                              .hold_ms = 3 * k->every_ms};
            return true;
        }
    const char *near = text_nearest(name, names, sizeof names / sizeof *names, sizeof *names);
    snprintf(why, size, "there is no \"%s\"%s%s%s", name, near ? "; did you mean \"" : "", near ? near : "",
             near ? "\"?" : "");
    return false;
}

static void kit_event(void *arg, const struct stream *s, const struct stream_event *e)
{
    struct kit *k = arg;
    (void)s;
    assert_true(k->events_n < sizeof k->events / sizeof *k->events);
    k->events[k->events_n++] = *e;
}

static void kit_hour(void *arg, const struct stream *s, const struct stream_hour *h)
{
    struct kit *k = arg;
    (void)s;
    assert_true(k->hours_n < sizeof k->hours / sizeof *k->hours);
    k->hours[k->hours_n++] = *h;
}

static inline void kit_collect(void *arg, bool error, struct place at, const char *text)
{
    struct kit *k = arg;
    (void)at;
    size_t n = strlen(k->said);
    snprintf(k->said + n, sizeof k->said - n, "%s%s\n", error ? "" : "warning: ", text);
}

/* The stream of "streams: ( {...} );", or NULL with k->said. */
static inline struct stream *kit_try(struct kit *k, const char *settings, int64_t every_ms,
                                     const struct expression_calendar *calendar)
{
    char text[4000];
    snprintf(text, sizeof text, "streams: ( { name = \"s\"; %s } );\n", settings);
    memset(k, 0, sizeof *k);
    k->every_ms = every_ms;
    k->d = diagnostics_new();
    k->config = config_read_text(text, "t.conf", &streams_root_section, k->d);
    const struct streams_root *root = config_root(k->config);
    const struct expression_names names = {kit_name, k};
    const struct stream_hooks hooks = {kit_event, kit_hour, k};
    if (diag_errors(k->d) == 0)
        k->s = stream_new(root->streams.items, &names, calendar, &hooks, k->d);
    diag_each(k->d, kit_collect, k);
    return k->s;
}

static inline void kit_close(struct kit *k)
{
    stream_free(k->s);
    config_free(k->config);
    diagnostics_free(k->d);
}

static inline struct kit *kit_new(const char *settings, int64_t every_ms)
{
    struct kit *k = malloc(sizeof *k);
    if (!kit_try(k, settings, every_ms, NULL))
        fail_msg("%s", k->said);
    return k;
}

static inline void kit_free(struct kit *k)
{
    kit_close(k);
    free(k);
}

static inline void kit_feed(struct kit *k, const char *name, int64_t ms, double value)
{
    for (size_t i = 0; i < stream_inputs(k->s); i++)
        if (strcmp(stream_input(k->s, i), name) == 0) {
            stream_feed(k->s, i, (struct utc){ms}, value);
            return;
        }
    fail_msg("%s is not an input", name);
}

static inline void kit_sample(struct kit *k, const char *name, int64_t ms, double value)
{
    kit_feed(k, name, ms, value);
    stream_settle(k->s, (struct utc){ms});
}

static inline void kit_near(double value, double expected, double tolerance)
{
    if (isnan(value) != isnan(expected) || fabs(value - expected) > tolerance)
        fail_msg("%.15g is not within %g of %.15g", value, tolerance, expected);
}

static inline double kit_field(struct kit *k, const char *name, int64_t ms)
{
    struct stream_field f[STREAM_FIELDS_MAX];
    size_t n = stream_fields(k->s, (struct utc){ms}, f, STREAM_FIELDS_MAX);
    for (size_t i = 0; i < n; i++)
        if (strcmp(f[i].name, name) == 0)
            return f[i].value;
    return NAN;
}

static inline int kit_open(void **state)
{
    (void)state;
    char why[200];
    return units_open(why, sizeof why);
}

#endif
