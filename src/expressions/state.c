// SPDX-License-Identifier: Apache-2.0
// The memory of an expression: feeding it, asking it, and how it takes time that does not run evenly.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "program.h"

// Meters are stamped in the middle of their own cycles and answer in any order; a serial line's
// cycle may take a minute or two. What lies further back is a clock that was put right.
#define STEP_BACK_MS (5 * 60 * 1000)

struct expression_state *expression_state_new(const struct expression *e)
{
    size_t windows = e->windows * sizeof(struct window), inputs = e->slots * sizeof(double);
    size_t bytes = sizeof(struct expression_state) + windows + 2 * inputs;
    for (size_t i = 0; i < e->windows; i++)
        bytes += window_bytes(&e->specs[i]);
    struct expression_state *s = calloc(1, bytes);
    if (!s)
        return NULL;
    s->program = e;
    s->windows = (struct window *)(void *)(s + 1);
    s->values = (double *)(void *)(s->windows + e->windows);
    s->at = (int64_t *)(void *)(s->values + e->slots);
    char *memory = (char *)(s->at + e->slots);
    for (size_t i = 0; i < e->windows; i++) {
        window_init(&s->windows[i], &e->specs[i], memory);
        memory += window_bytes(&e->specs[i]);
    }
    for (size_t i = 0; i < e->slots; i++)
        s->values[i] = NAN;
    return s;
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
    for (size_t i = 0; i < s->program->windows; i++)
        window_reset(&s->windows[i]);
    for (size_t i = 0; i < s->program->slots; i++)
        s->values[i] = NAN;
    s->dirty = 0;
}

static double run(struct expression_state *s)
{
    double v = code_run(s->program->code, s->program->code_count, s, s->now);
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
        if (s->dirty && s->program->windows)
            run(s);
        s->now = t;
        s->started = true;
    }
    return true;
}

void expression_feed(struct expression_state *s, size_t slot, struct utc t, double value)
{
    if (slot >= s->program->slots || !advance(s, t.ms)) {
        s->counts.late++;
        return;
    }
    if (t.ms < s->now)
        s->counts.late++;
    if (!isfinite(value))
        value = NAN;
    else if (!s->program->sources[slot].unit)
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
    if (slot >= s->program->slots)
        return NAN;
    int64_t hold = s->program->sources[slot].hold_ms;
    return hold == 0 || t.ms - s->at[slot] <= hold ? s->values[slot] : NAN;
}

struct expression_counts expression_counts(const struct expression_state *s)
{
    return s->counts;
}
