// SPDX-License-Identifier: Apache-2.0
// The memory of an expression: feeding it, asking it, and how it takes time that does not run evenly.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "program.h"

// Meters are stamped in the middle of their own cycles and answer in any order; a serial line's
// cycle may take a minute or two. What lies further back is a clock that was put right.
#define STEP_BACK_MS (5 * 60 * 1000)

// Where the parts of the block begin.
struct layout {
    size_t values, at, holds, code, specs, windows, rings, total;
};

static size_t part(size_t *at, size_t bytes)
{
    size_t begin = *at;
    *at += (bytes + 7) & ~(size_t)7;
    return begin;
}

static struct layout lay_out(const struct expression *e)
{
    struct layout l;
    size_t at = sizeof(struct expression_state);
    l.values = part(&at, e->slots * sizeof(double));
    l.at = part(&at, e->slots * sizeof(int64_t));
    l.holds = part(&at, e->slots * sizeof(int64_t));
    l.code = part(&at, e->code_count * sizeof(struct instruction));
    l.specs = part(&at, e->windows * sizeof(struct window_spec));
    l.windows = part(&at, e->windows * sizeof(struct window));
    l.rings = at;
    for (size_t i = 0; i < e->windows; i++)
        part(&at, window_bytes(&e->specs[i]));
    l.total = at;
    return l;
}

struct expression_state *expression_state_new(const struct expression *e)
{
    struct layout l = lay_out(e);
    char *block = NULL;
    if (posix_memalign((void **)&block, 64, l.total) != 0)
        return NULL;
    memset(block, 0, l.total);
    struct expression_state *s = (struct expression_state *)(void *)block;
    struct window_spec *specs = (struct window_spec *)(void *)(block + l.specs);
    s->program = e;
    s->slots = (uint16_t)e->slots;
    s->code_count = (uint16_t)e->code_count;
    s->window_count = (uint16_t)e->windows;
    s->hot_lines = (uint16_t)((l.rings + 63) / 64);
    s->uses_calendar = e->uses_calendar;
    s->values = (double *)(void *)(block + l.values);
    s->at = (int64_t *)(void *)(block + l.at);
    s->holds = (int64_t *)(void *)(block + l.holds);
    s->code = (struct instruction *)(void *)(block + l.code);
    s->windows = (struct window *)(void *)(block + l.windows);
    memcpy(s->code, e->code, e->code_count * sizeof *s->code);
    if (e->windows)
        memcpy(specs, e->specs, e->windows * sizeof *specs);
    char *rings = block + l.rings;
    for (size_t i = 0; i < e->windows; i++) {
        window_init(&s->windows[i], &specs[i], rings);
        rings += (window_bytes(&specs[i]) + 7) & ~(size_t)7;
    }
    for (size_t i = 0; i < e->slots; i++) {
        s->values[i] = NAN;
        s->holds[i] = e->sources[i].hold_ms;
        s->booleans |= e->sources[i].unit ? 0 : UINT64_C(1) << i;
    }
    return s;
}

void expression_prefetch(const struct expression_state *s)
{
    for (size_t i = 0; i < s->hot_lines; i++)
        __builtin_prefetch((const char *)s + 64 * i, 1);
}

void expression_prefetch_windows(const struct expression_state *s)
{
    for (size_t i = 0; i < s->window_count; i++)
        window_prefetch(&s->windows[i]);
}

void expression_state_copy(struct expression_state *to, const struct expression_state *from)
{
    const struct expression *e = to->program;
    to->now = from->now;
    to->started = from->started;
    to->dirty = from->dirty;
    memcpy(to->values, from->values, e->slots * sizeof *to->values);
    memcpy(to->at, from->at, e->slots * sizeof *to->at);
    for (size_t i = 0; i < e->windows; i++) {
        struct window *w = &to->windows[i], kept = *w;
        *w = from->windows[i];
        w->spec = kept.spec;
        w->segments = kept.segments;
        w->samples = kept.samples;
        w->sorted = kept.sorted;
        memcpy(w->segments, from->windows[i].segments, window_bytes(w->spec));
    }
}

void expression_state_free(struct expression_state *s)
{
    free(s);
}

static void forget(struct expression_state *s)
{
    for (size_t i = 0; i < s->window_count; i++)
        window_reset(&s->windows[i]);
    for (size_t i = 0; i < s->slots; i++)
        s->values[i] = NAN;
    s->dirty = 0;
}

static double run(struct expression_state *s)
{
    double v = code_run(s->code, s->code_count, s, s->now);
    s->dirty = 0;
    return v;
}

// Takes `t` as the present; false when it is no time at all.
static bool advance(struct expression_state *s, int64_t t)
{
    if (t > LATEST_MS || t < -LATEST_MS)
        return false;
    if (s->started && t < s->now - STEP_BACK_MS) {
        forget(s);
        s->counts.resets++;
        s->now = t;
    }
    if (!s->started || t > s->now) {
        // What was fed at an earlier instant goes into the windows as of that instant.
        if (s->dirty && s->window_count)
            run(s);
        s->now = t;
        s->started = true;
    }
    return true;
}

void expression_feed(struct expression_state *s, size_t slot, struct utc t, double value)
{
    if (slot >= s->slots || !advance(s, t.ms)) {
        s->counts.late++;
        return;
    }
    if (t.ms < s->now)
        s->counts.late++;
    if (!isfinite(value))
        value = NAN;
    else if (s->booleans >> slot & 1)
        value = value != 0; // windows count on 0 and 1
    s->values[slot] = value;
    s->at[slot] = s->now;
    s->dirty |= UINT64_C(1) << slot;
}

double expression_value(struct expression_state *s, struct utc t)
{
    return advance(s, t.ms) ? run(s) : NAN;
}

enum truth expression_truth(struct expression_state *s, struct utc t)
{
    double v = expression_value(s, t);
    return isnan(v) ? TRUTH_UNKNOWN : v != 0 ? TRUTH_TRUE : TRUTH_FALSE;
}

double expression_fed(const struct expression_state *s, size_t slot, struct utc t)
{
    if (slot >= s->slots)
        return NAN;
    int64_t hold = s->holds[slot];
    return hold == 0 || t.ms - s->at[slot] <= hold ? s->values[slot] : NAN;
}

bool expression_anything_known(const struct expression_state *s, struct utc t)
{
    for (size_t i = 0; i < s->slots; i++)
        if (!isnan(s->values[i]) && (s->holds[i] == 0 || t.ms - s->at[i] <= s->holds[i]))
            return true;
    return false;
}

struct expression_counts expression_counts(const struct expression_state *s)
{
    return s->counts;
}
