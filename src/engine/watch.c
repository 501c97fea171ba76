// SPDX-License-Identifier: Apache-2.0
// Streams and rules: fed by every reading, settled once for each, told of the time.
#include <math.h>
#include <stdlib.h>
#include "engine/parts.h"

#define MINUTE_MS INT64_C(60000)

// More would push each other out of the cache again.
enum { PREFETCH_MOST = 64 };

// As for expressions: further back means that a clock was put right.
#define STEP_BACK_MS (5 * MINUTE_MS + ENGINE_LAG_MS)

// ---- Making ----

static void on_alert(void *arg, const struct alert *a)
{
    struct engine *e = arg;
    if (e->hooks.alert)
        e->hooks.alert(e->hooks.arg, a);
    engine_keep_rule(e, a->rule);
}

static void on_stream_event(void *arg, const struct stream *s, const struct stream_event *event)
{
    struct engine *e = arg;
    if (e->hooks.stream_event)
        e->hooks.stream_event(e->hooks.arg, s, event);
}

static void on_stream_hour(void *arg, const struct stream *s, const struct stream_hour *h)
{
    struct engine *e = arg;
    if (e->hooks.stream_hour)
        e->hooks.stream_hour(e->hooks.arg, s, h);
}

static bool open_stream(struct engine *e, size_t i, struct diagnostics *d)
{
    const struct stream_hooks hooks = {on_stream_event, on_stream_hour, e};
    struct site_scope scope;
    struct expression_names names = site_names_for_stream(e->site, i, &scope);
    struct stream *s = stream_new(site_stream(e->site, i), &names, &e->site->calendar, &hooks, d);
    e->streams[i] = s;
    for (size_t k = 0; s && k < stream_inputs(s); k++)
        if (!bus_connect(&e->to_watch, stream_input_source(s, k)->index,
                         (struct wire){(uint32_t)i, (uint32_t)k, NULL}))
            return false;
    return s != NULL;
}

static bool open_rule(struct engine *e, size_t i, const struct expression_names *names, struct diagnostics *d)
{
    const struct rule_hooks hooks = {e, on_alert};
    struct rule *r = rule_new(site_rule(e->site, i), names, &e->site->calendar, &hooks, d);
    e->rules[i] = r;
    for (size_t k = 0; r && k < rule_inputs(r); k++)
        if (!bus_connect(&e->to_watch, rule_input_source(r, k)->index,
                         (struct wire){(uint32_t)(e->stream_count + i), (uint32_t)k, NULL}))
            return false;
    return r != NULL;
}

// Of a hundred points that a meter reads a rule or two wants one.
static bool open_fan(struct engine *e, size_t meter, struct fan *f)
{
    size_t first = e->site->first_source[meter], points = e->site->first_source[meter + 1] - first, wires = 0,
           n;
    for (size_t i = 0; i < points; i++) {
        bus_wires(&e->to_watch, first + i, &n);
        wires += n;
    }
    f->points = calloc(points + 1, sizeof *f->points);
    f->rules = calloc(wires + 1, sizeof *f->rules);
    if (!f->points || !f->rules)
        return false;
    for (size_t i = 0; i < points; i++) {
        const struct wire *w = bus_wires(&e->to_watch, first + i, &n);
        if (n)
            f->points[f->point_count++] = (uint32_t)i;
        for (size_t k = 0; k < n; k++) {
            if (w[k].consumer < e->stream_count || e->marked[w[k].consumer])
                continue;
            e->marked[w[k].consumer] = true;
            f->rules[f->rule_count++] = (uint32_t)(w[k].consumer - e->stream_count);
        }
    }
    for (size_t i = 0; i < f->rule_count; i++)
        e->marked[f->rules[i] + e->stream_count] = false;
    return true;
}

static bool open_fans(struct engine *e)
{
    size_t meters = e->site->root->meters.n;
    e->fans = calloc(meters + 1, sizeof *e->fans);
    bool good = e->fans != NULL;
    for (size_t i = 0; good && i < meters; i++)
        good = open_fan(e, i, &e->fans[i]);
    return good;
}

static bool open_all(struct engine *e, struct diagnostics *d)
{
    struct site_scope scope;
    struct expression_names names = site_names_for_rules(e->site, &scope);
    for (size_t i = 0; i < e->stream_count; i++)
        if (!open_stream(e, i, d))
            return false;
    for (size_t i = 0; i < e->rule_count; i++)
        if (!open_rule(e, i, &names, d))
            return false;
    return bus_finish(&e->to_watch) && open_fans(e);
}

bool watch_open(struct engine *e)
{
    const struct site *s = e->site;
    size_t streams = s->root->streams.n, rules = s->root->rules.n;
    e->streams = calloc(streams + 1, sizeof(struct stream *));
    e->rules = calloc(rules + 1, sizeof(struct rule *));
    e->told = calloc(streams + 1, sizeof *e->told);
    e->marked = calloc(streams + rules + 1, sizeof *e->marked);
    e->touched = calloc(rules + 1, sizeof *e->touched);
    if (!e->streams || !e->rules || !e->told || !e->marked || !e->touched || !heap_open(&e->due, rules) ||
        !bus_begin(&e->to_watch, site_sources(s)))
        return false;
    e->stream_count = streams;
    e->rule_count = rules;
    struct diagnostics *d = diagnostics_new(); // the site was checked: only memory can fail
    bool good = d && open_all(e, d);
    diagnostics_free(d);
    return good;
}

void watch_close(struct engine *e)
{
    for (size_t i = 0; i < e->stream_count; i++)
        stream_free(e->streams[i]);
    for (size_t i = 0; i < e->rule_count; i++)
        rule_free(e->rules[i]);
    for (size_t i = 0; e->fans && i < e->site->root->meters.n; i++) {
        free(e->fans[i].points);
        free(e->fans[i].rules);
    }
    free(e->fans);
    free(e->streams);
    free(e->rules);
    free(e->told);
    free(e->marked);
    free(e->touched);
    heap_close(&e->due);
    bus_free(&e->to_watch);
}

// ---- Feeding ----

static void feed_source(struct engine *e, size_t source, struct utc t, double v)
{
    size_t n;
    const struct wire *w = bus_wires(&e->to_watch, source, &n);
    for (size_t i = 0; i < n; i++) {
        size_t c = w[i].consumer;
        if (c < e->stream_count) {
            stream_feed(e->streams[c], w[i].slot, t, v);
            e->marked[c] = e->stream_touched = true;
            continue;
        }
        rule_feed(e->rules[c - e->stream_count], w[i].slot, t, v);
        if (!e->marked[c]) {
            e->marked[c] = true;
            e->touched[e->touched_count++] = (uint32_t)(c - e->stream_count);
        }
    }
}

// ---- Settling ----

static void tell_stream(struct engine *e, size_t i, struct utc t)
{
    struct stream_told *told = &e->told[i];
    enum stream_state state = stream_state(e->streams[i]);
    if (state == told->state && told->at && t.ms >= told->at && t.ms - told->at < ENGINE_TELL_MS)
        return;
    *told = (struct stream_told){t.ms, state};
    if (e->hooks.stream_state)
        e->hooks.stream_state(e->hooks.arg, e->streams[i], t);
}

static void pass_on_stream(struct engine *e, size_t i, struct utc t)
{
    feed_source(e, site_source_of_stream(e->site, i), t, stream_value(e->streams[i], t));
    tell_stream(e, i, t);
}

static void settle(struct engine *e, struct utc t)
{
    // A stream names only streams before it.
    for (size_t i = 0; e->stream_touched && i < e->stream_count; i++) {
        if (!e->marked[i])
            continue;
        e->marked[i] = false;
        stream_settle(e->streams[i], t);
        pass_on_stream(e, i, t);
    }
    e->stream_touched = false;
    for (size_t i = 0; i < e->touched_count; i++) {
        uint32_t r = e->touched[i];
        e->marked[e->stream_count + r] = false;
        rule_settle(e->rules[r], t);
        // One that is due later than it was is found to be so when its old time comes.
        int64_t next = rule_next(e->rules[r]).ms;
        if (next < heap_due_of(&e->due, r))
            heap_set(&e->due, r, next);
    }
    e->touched_count = 0;
}

// ---- Time ----

static int64_t minute_of(int64_t t)
{
    return t - ((t % MINUTE_MS) + MINUTE_MS) % MINUTE_MS;
}

static void tick_streams(struct engine *e, int64_t t)
{
    int64_t minute = minute_of(t);
    if (minute == e->minute || e->stream_count == 0)
        return;
    e->minute = minute;
    struct utc at = {minute};
    for (size_t i = 0; i < e->stream_count; i++) {
        stream_tick(e->streams[i], at);
        if (stream_inputs(e->streams[i]) == 0)
            pass_on_stream(e, i, at);
        else if (stream_state(e->streams[i]) != e->told[i].state)
            tell_stream(e, i, at);
    }
    settle(e, at);
}

// What is due before `limit`.
static void advance(struct engine *e, int64_t limit)
{
    while (heap_due(&e->due) < limit) {
        size_t i = heap_first(&e->due);
        int64_t due = rule_next(e->rules[i]).ms;
        if (due < limit) {
            rule_tick(e->rules[i], (struct utc){due == INT64_MIN ? limit - 1 : due});
            due = rule_next(e->rules[i]).ms;
        }
        heap_set(&e->due, i, due);
    }
}

// Rules lie all over the memory: their first lines are asked for together, and what these point at after
// them.
static void prefetch(const struct engine *e, const struct fan *f, const struct value *values)
{
    for (size_t i = 0; i < f->point_count && i < PREFETCH_MOST; i++)
        __builtin_prefetch(&values[f->points[i]]);
    size_t n = f->rule_count < PREFETCH_MOST ? f->rule_count : PREFETCH_MOST;
    for (int stage = 0; n > 1 && stage < 3; stage++)
        for (size_t i = 0; i < n; i++)
            rule_prefetch(e->rules[f->rules[i]], stage);
}

void engine_reading(struct engine *e, const struct reading *r)
{
    size_t first = e->site->first_source[r->meter->index];
    advance(e, r->time.ms);
    tick_streams(e, r->time.ms);
    const struct fan *f = &e->fans[r->meter->index];
    prefetch(e, f, r->values);
    for (size_t i = 0; i < f->point_count; i++) {
        const struct value *v = &r->values[f->points[i]];
        if (v->reason != REASON_NOT_DUE)
            feed_source(e, first + f->points[i], r->time,
                        v->reason == REASON_GOOD && !r->maintenance ? v->number : NAN);
    }
    settle(e, r->time);
    if (r->time.ms > e->now)
        e->now = r->time.ms;
}

static void tick_rules(struct engine *e, struct utc t)
{
    e->now = t.ms;
    for (size_t i = 0; i < e->rule_count; i++) {
        rule_tick(e->rules[i], t);
        heap_set(&e->due, i, rule_next(e->rules[i]).ms);
    }
}

void engine_resume(struct engine *e, const struct engine *old)
{
    for (size_t i = 0; i < e->stream_count; i++)
        for (size_t k = 0; k < old->stream_count && !stream_inherit(e->streams[i], old->streams[k]);)
            k++;
    if (old->now <= 0)
        return;
    e->minute = old->minute;
    tick_rules(e, (struct utc){old->now});
}

void engine_tick(struct engine *e, struct utc t)
{
    if (t.ms <= 0)
        return;
    if (t.ms < e->now - STEP_BACK_MS)
        tick_rules(e, t); // those that nobody feeds learn of the clock here
    advance(e, t.ms + 1);
    tick_streams(e, t.ms);
    if (t.ms > e->now)
        e->now = t.ms;
}

struct rule *engine_rule(const struct engine *e, size_t i)
{
    return i < e->rule_count ? e->rules[i] : NULL;
}

struct stream *engine_stream(const struct engine *e, size_t i)
{
    return i < e->stream_count ? e->streams[i] : NULL;
}

struct utc engine_now(const struct engine *e)
{
    return (struct utc){e->now};
}
