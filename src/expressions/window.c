// SPDX-License-Identifier: Apache-2.0
// Windows over samples in event time, of fixed memory: taking samples in, and answering.
#include "window_parts.h"

#include <math.h>
#include <string.h>

enum { GRAINS_LEAST = 64, GRAINS_MOST = 256, COVER_GRAINS = 64 };

// ---- Size ----

static int64_t grain(int64_t length, int64_t count)
{
    return (length + count - 1) / count;
}

void window_size(struct window_spec *spec, int64_t every_ms)
{
    int64_t n = GRAINS_MOST;
    if (every_ms > 0 && spec->length_ms / every_ms < n)
        n = spec->length_ms / every_ms < GRAINS_LEAST ? GRAINS_LEAST : spec->length_ms / every_ms;
    if (spec->function == WINDOW_AGE)
        return;
    int64_t cover = adds_up(spec->function) ? n : COVER_GRAINS;
    if (spec->function == WINDOW_SLOPE)
        n = SLOPE_GRAINS;
    // A window touches one grain more than its length holds, and one more lies across its beginning.
    if (!spans(spec->function)) {
        spec->segments = (uint16_t)(cover + 3);
        spec->segment_grain_ms = grain(spec->length_ms, cover);
    }
    if (!adds_up(spec->function)) {
        spec->samples = (uint16_t)(n + 3);
        spec->sample_grain_ms = grain(spec->length_ms, n);
    }
}

size_t window_bytes(const struct window_spec *spec)
{
    size_t sorted = spec->function == WINDOW_PERCENTILE ? spec->samples : 0;
    return spec->segments * sizeof(struct segment) + spec->samples * sizeof(struct sample) +
           sorted * sizeof(double);
}

void window_init(struct window *w, const struct window_spec *spec, void *memory)
{
    *w = (struct window){.spec = spec, .segments = memory};
    w->samples = (struct sample *)(void *)(w->segments + spec->segments);
    w->sorted = (double *)(void *)(w->samples + spec->samples);
    window_reset(w);
}

void window_prefetch(const struct window *w)
{
    const struct window_spec *spec = w->spec;
    if (w->seg.n) {
        __builtin_prefetch(&w->segments[w->seg.head], 1);
        __builtin_prefetch(&w->segments[ring_place(w->seg, w->seg.n - 1u, spec->segments)], 1);
        __builtin_prefetch(&w->segments[ring_place(w->seg, w->seg.n % spec->segments, spec->segments)], 1);
    }
    if (w->smp.n) {
        __builtin_prefetch(&w->samples[w->smp.head], 1);
        __builtin_prefetch(&w->samples[ring_place(w->smp, w->smp.n - 1u, spec->samples)], 1);
    }
}

void window_reset(struct window *w)
{
    struct window empty = {.spec = w->spec,
                           .segments = w->segments,
                           .samples = w->samples,
                           .sorted = w->sorted,
                           .result = NAN,
                           .valid_until = INT64_MIN};
    *w = empty;
}

// ---- Pushing ----

static void commit(struct window *w)
{
    struct sample s = w->pending;
    uint8_t function = w->spec->function;
    if (!w->has_reference && !isnan(s.v)) {
        w->reference = s.v;
        w->has_reference = true;
    }
    struct segment segment = window_pending_segment(w);
    bool counts = segment.known > 0 || (segment.a != 0 && !weighs_time(function));
    if (w->spec->segments && counts)
        window_add_segment(w, &segment);
    if (!isnan(s.v)) {
        if (function == WINDOW_MIN || function == WINDOW_MAX)
            window_add_extreme(w, s);
        else if (spans(function))
            window_add_reading(w, s);
        else if (w->spec->samples && window_opens_grain(w, s.t))
            window_add_sample(w, s);
        w->newest = s;
        w->has_known = true;
    }
    w->last = s;
    w->has_last = true;
}

static double answer(struct window *w, const struct segment *p, double *known)
{
    *known = w->known + p->known;
    switch (w->spec->function) {
    case WINDOW_MIN:
    case WINDOW_MAX:
        return window_extreme(w);
    case WINDOW_PERCENTILE:
        return window_percentile(w);
    case WINDOW_SLOPE:
        return window_slope(w);
    case WINDOW_DELTA:
    case WINDOW_RATE:
        return window_span(w, known);
    default:
        return window_added_up(w, p);
    }
}

// Until when the answer holds if no further sample comes: the last one is known for a while, and then
// what is missing must not exceed what may be missing.
static int64_t holds_until(const struct window *w, double known)
{
    double spare = known - w->spec->coverage * (double)w->spec->length_ms;
    if (spare < -0.5) // half a millisecond: times are whole, sums are not
        return INT64_MIN;
    int64_t from = spans(w->spec->function) && isnan(w->pending.v) ? w->newest.t : w->pending.t;
    if (!isnan(w->pending.v)) {
        if (w->spec->hold_ms == 0)
            return INT64_MAX;
        from += w->spec->hold_ms;
    }
    return from + (int64_t)fmax(0, spare);
}

void window_push(struct window *w, int64_t t, double v)
{
    if (w->has_pending && t > w->pending.t)
        commit(w);
    w->pending = (struct sample){t, v};
    w->has_pending = true;
    if (w->spec->function == WINDOW_AGE)
        return;
    int64_t low = t - w->spec->length_ms;
    if (w->spec->segments)
        window_drop_segments(w, low);
    while (w->smp.n && !spans(w->spec->function) && sample_at(w, 0)->t <= low)
        window_drop_sample(w);
    struct segment p = window_pending_segment(w);
    if (p.start < low) // one sample longer than the window
        window_cut(w, &p, low);
    double known;
    w->result = answer(w, &p, &known);
    if (!isfinite(w->result))
        w->result = NAN;
    w->valid_until = holds_until(w, known);
}

// The count of samples is itself the answer to how much is known: it needs no coverage, and it falls
// while nothing comes.
static double count_now(struct window *w, int64_t t)
{
    int64_t low = t - w->spec->length_ms;
    window_drop_segments(w, low);
    bool pending = w->has_pending && !isnan(w->pending.v) && w->pending.t > low;
    return w->a + (pending ? 1 : 0);
}

static double age(const struct window *w, int64_t t)
{
    double limit = w->spec->length_ms ? (double)w->spec->length_ms / 1000 : NAN;
    bool pending = w->has_pending && !isnan(w->pending.v);
    if (!pending && !w->has_known)
        return limit;
    double seconds = (double)(t - (pending ? w->pending.t : w->newest.t)) / 1000;
    return isnan(limit) ? seconds : fmin(seconds, limit);
}

double window_result(struct window *w, int64_t t)
{
    if (w->spec->function == WINDOW_AGE)
        return age(w, t);
    if (w->spec->function == WINDOW_COUNT && !w->spec->boolean)
        return count_now(w, t);
    return t <= w->valid_until ? w->result : NAN;
}
