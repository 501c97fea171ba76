// SPDX-License-Identifier: Apache-2.0
// Rounds of `symbiont watch` from a running gateway: its "values" and its "status", put together.
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/control_client.h"
#include "cli/watch.h"
#include "symbiont/text.h"

struct gateway_source {
    struct watch_source source; // first
    const struct command *c;
    const struct interrupt *interrupt;
    char path[128];
    const char *socket;
    json_t *values, *status; // of the last good round; the round points into them
    bool checked;            // the names asked for exist
};

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

// "2026-11-24T08:00:00.123Z" -> milliseconds; false when it is none.
static bool time_of(const json_t *o, const char *key, int64_t *ms)
{
    struct tm tm = {0};
    int milli = 0;
    const char *text = text_of(o, key);
    if (!text || sscanf(text, "%d-%d-%dT%d:%d:%d.%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                        &tm.tm_min, &tm.tm_sec, &milli) < 6)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ms = (int64_t)timegm(&tm) * 1000 + milli;
    return true;
}

// ---- One meter ----

static bool fill_meter(struct watch_meter *m, const json_t *values, const json_t *status, int64_t now_ms)
{
    size_t i;
    json_t *p, *points = json_object_get(values, "points");
    int64_t success_ms;
    if (!watch_meter_size(m, json_array_size(points)))
        return false;
    m->name = text_of(values, "name");
    m->state = status ? text_of(status, "state") : text_of(values, "state");
    m->age_s = time_of(status, "last_success", &success_ms) ? (double)(now_ms - success_ms) / 1000 : NAN;
    double trip = json_number_value(json_object_get(status, "round_trip_ms"));
    m->round_trip_ms = trip > 0 ? trip : NAN;
    json_array_foreach(points, i, p)
    {
        struct watch_point *w = &m->points[i];
        const json_t *value = json_object_get(p, "value");
        const char *bad = text_of(p, "bad");
        w->name = text_of(p, "name");
        w->unit = text_of(p, "unit");
        w->text = json_string_value(value);
        w->value = json_is_number(value) ? json_number_value(value) : NAN;
        snprintf(w->bad, sizeof w->bad, "%s", bad ? bad : w->text || json_is_number(value) ? "" : "no value");
    }
    return true;
}

// The lists are in the same order, unless a reload came between the two questions.
static const json_t *status_of(const json_t *meters, size_t likely, const char *name)
{
    const json_t *m = json_array_get(meters, likely);
    if (m && text_of(m, "name") && strcmp(text_of(m, "name"), name) == 0)
        return m;
    for (size_t i = 0; i < json_array_size(meters); i++) {
        m = json_array_get(meters, i);
        if (text_of(m, "name") && strcmp(text_of(m, "name"), name) == 0)
            return m;
    }
    return NULL;
}

static bool wanted(const struct command *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->words[i], name) == 0)
            return true;
    return c->n == 0;
}

static bool fill_meters(struct gateway_source *g, int64_t now_ms)
{
    size_t i, n = 0;
    json_t *m, *meters = json_object_get(g->values, "meters");
    const json_t *stati = json_object_get(g->status, "meters");
    json_array_foreach(meters, i, m)
    {
        const char *name = text_of(m, "name");
        if (!name || !wanted(g->c, name))
            continue;
        if (!fill_meter(&g->source.round.meters[n++], m, status_of(stati, i, name), now_ms))
            return false;
    }
    g->source.round.n = n;
    return true;
}

static void fill_publishers(struct watch_round *r, const json_t *publishers)
{
    size_t i;
    json_t *p;
    json_array_foreach((json_t *)(uintptr_t)publishers, i, p)
    {
        r->publishers[i] =
            (struct watch_publisher){.name = text_of(p, "name") ? text_of(p, "name") : "?",
                                     .error = text_of(p, "error"),
                                     .connected = json_is_true(json_object_get(p, "connected")),
                                     .waiting = json_integer_value(json_object_get(p, "waiting")),
                                     .oldest_s = json_number_value(json_object_get(p, "oldest_s"))};
    }
}

// ---- A round ----

static json_t *ask(struct gateway_source *g, const char *request, int *status)
{
    struct buf answer = {0};
    struct watch_round *r = &g->source.round;
    json_t *root = NULL;
    *status =
        control_ask_quietly(g->socket, request, g->interrupt->fd, &answer, r->trouble, sizeof r->trouble);
    if (*status == EX_OK) {
        root = json_loadb(answer.data, answer.len, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(root)) {
            snprintf(r->trouble, sizeof r->trouble, "%s: the answer is not JSON", g->socket);
            *status = EX_UNAVAILABLE;
        }
    }
    buf_free(&answer);
    // Who sees the screen knows whom it watches: there is room for the reason only.
    size_t prefix = strlen(g->socket) + 2;
    if (g->checked && *status != EX_OK && strlen(r->trouble) > prefix &&
        strncmp(r->trouble, g->socket, prefix - 2) == 0)
        memmove(r->trouble, r->trouble + prefix, strlen(r->trouble + prefix) + 1);
    return root;
}

// A name that no meter has is a mistake of whoever typed it; later a reload may take a meter away.
static int check_names(const struct gateway_source *g)
{
    const json_t *meters = json_object_get(g->values, "meters");
    size_t n = json_array_size(meters);
    const char **names = calloc(n + 1, sizeof *names);
    int status = EX_OK;
    if (!names)
        return command_fail(g->c, EX_OSERR, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const char *name = text_of(json_array_get(meters, i), "name");
        names[i] = name ? name : "";
    }
    for (size_t k = 0; k < g->c->n && status == EX_OK; k++) {
        size_t i = 0;
        while (i < n && strcmp(names[i], g->c->words[k]) != 0)
            i++;
        if (i < n)
            continue;
        const char *near = text_nearest(g->c->words[k], names, n, sizeof *names);
        status = command_fail(g->c, EX_USAGE, "the gateway has no meter \"%s\"%s%s%s", g->c->words[k],
                              near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    free(names);
    return status;
}

// What was last known grows old.
static void grow_old(struct watch_round *r, struct utc now)
{
    for (size_t i = 0; i < r->n; i++)
        r->meters[i].age_s += (double)(now.ms - r->time.ms) / 1000;
    r->time = now;
}

static int poll_gateway(struct watch_source *s)
{
    struct gateway_source *g = (struct gateway_source *)s;
    struct watch_round *r = &s->round;
    int status, status_too = EX_OK;
    int64_t now_ms;
    json_t *values = ask(g, "values", &status),
           *state = status == EX_OK ? ask(g, "status", &status_too) : NULL;
    status = status == EX_OK ? status_too : status;
    if (status != EX_OK) {
        json_decref(values);
        json_decref(state);
        grow_old(r, utc_now());
        return status;
    }
    json_decref(g->values);
    json_decref(g->status);
    g->values = values;
    g->status = state;
    r->time = utc_now();
    r->title = text_of(state, "site");
    r->trouble[0] = '\0';
    if (json_is_false(json_object_get(state, "clock_set")))
        snprintf(r->trouble, sizeof r->trouble, "the clock is not set");
    if (!g->checked && (status = check_names(g)) != EX_OK)
        return status;
    g->checked = true;
    if (!time_of(state, "now", &now_ms))
        now_ms = r->time.ms;
    const json_t *publishers = json_object_get(state, "publishers");
    if (!watch_round_size(r, json_array_size(json_object_get(values, "meters")),
                          json_array_size(publishers)) ||
        !fill_meters(g, now_ms))
        return command_fail(g->c, EX_OSERR, "out of memory");
    fill_publishers(r, publishers);
    return EX_OK;
}

static void close_gateway(struct watch_source *s)
{
    struct gateway_source *g = (struct gateway_source *)s;
    watch_round_free(&s->round);
    json_decref(g->values);
    json_decref(g->status);
    free(g);
}

struct watch_source *watch_gateway_open(const struct command *c, const struct interrupt *interrupt,
                                        int *status)
{
    struct gateway_source *g = calloc(1, sizeof *g);
    if (!g) {
        *status = command_fail(c, EX_OSERR, "out of memory");
        return NULL;
    }
    g->source.poll = poll_gateway;
    g->source.close = close_gateway;
    g->c = c;
    g->interrupt = interrupt;
    g->socket = control_socket(c, g->path, sizeof g->path);
    return &g->source;
}
