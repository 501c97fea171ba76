// SPDX-License-Identifier: Apache-2.0
// Windows over samples in event time, of fixed memory and, but for three functions, constant cost.
#include "window.h"

#include <math.h>
#include <string.h>

enum {
    GRAINS_LEAST = 64,
    GRAINS_MOST = 256,
    // Pairs of points grow with the square: 64 of them are 2,016 slopes.
    SLOPE_GRAINS = 64,
    COVER_GRAINS = 64,
};

#define HOUR_MS 3600000.0

// ---- Size ----

static bool adds_up(uint8_t function)
{
    return function <= WINDOW_COUNT;
}

// Only for these does a share of a segment carry the same share of what it added up.
static bool weighs_time(uint8_t function)
{
    return function <= WINDOW_STDDEV;
}

static bool spans(uint8_t function)
{
    return function == WINDOW_DELTA || function == WINDOW_RATE;
}

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

// ---- Rings ----

static struct segment *segment_at(const struct window *w, size_t i)
{
    return &w->segments[ring_place(w->seg, i, w->spec->segments)];
}

static struct sample *sample_at(const struct window *w, size_t i)
{
    return &w->samples[ring_place(w->smp, i, w->spec->samples)];
}

static void drop_first(struct ring *r, size_t room)
{
    r->head = (uint16_t)ring_place(*r, 1, room);
    r->n--;
}

// ---- Segments: what is known, and sums over it ----

// What a segment adds to the running sums. Of WINDOW_STDDEV it keeps its mean and the sum of the squares
// about that mean, so that nothing is lost while the sums, taken about one reference, are dominated by an
// outlier.
struct share {
    double a, b;
};

static struct share share_of(const struct window *w, const struct segment *s)
{
    if (w->spec->function != WINDOW_STDDEV)
        return (struct share){s->a, s->b};
    double from = s->a - w->reference;
    return (struct share){s->known * from, s->b + s->known * from * from};
}

static void join(const struct window *w, struct segment *to, const struct segment *s)
{
    double known = to->known + s->known;
    if (w->spec->function != WINDOW_STDDEV) {
        to->a += s->a;
        to->b += s->b;
    } else if (known > 0) {
        double apart = s->a - to->a; // Chan, Golub and LeVeque 1983
        to->b += s->b + apart * apart * (to->known * (s->known / known));
        to->a += apart * (s->known / known);
    }
    to->known = known;
    to->end = s->end;
}

// The part of a segment after `low`.
static void cut(const struct window *w, struct segment *s, int64_t low)
{
    double rest = (double)(s->end - low) / (double)(s->end - s->start);
    s->start = low;
    s->known *= rest;
    if (w->spec->function == WINDOW_STDDEV)
        s->b *= rest;
    else if (weighs_time(w->spec->function))
        s->a *= rest;
}

static void add_up(struct window *w)
{
    w->known = w->a = w->b = 0;
    for (size_t i = 0; i < w->seg.n; i++) {
        const struct segment *s = segment_at(w, i);
        struct share x = share_of(w, s);
        w->known += s->known;
        w->a += x.a;
        w->b += x.b;
    }
}

// Sums that are added to and taken from drift; once per turn of the ring they are made anew, which costs
// nothing in the mean.
static void add_up_anew(struct window *w)
{
    add_up(w);
    if (w->spec->function == WINDOW_STDDEV && w->known > 0 && isfinite(w->a)) {
        w->reference += w->a / w->known;
        add_up(w);
    }
    w->since_exact = 0;
}

static bool dwarfs(double gone, double left)
{
    return fabs(gone) > 1e6 * fabs(left) || !isfinite(gone);
}

static void take_away(struct window *w, double known, struct share x)
{
    w->known -= known;
    w->a -= x.a;
    w->b -= x.b;
}

// Drops what is at or before `low`, cutting the segment across it.
static void drop_segments(struct window *w, int64_t low)
{
    bool anew = false;
    while (w->seg.n && segment_at(w, 0)->end <= low) {
        struct segment gone = *segment_at(w, 0);
        struct share x = share_of(w, &gone);
        drop_first(&w->seg, w->spec->segments);
        take_away(w, gone.known, x);
        anew |= dwarfs(x.a, w->a) || dwarfs(x.b, w->b);
    }
    if (w->seg.n && segment_at(w, 0)->start < low) {
        struct segment *s = segment_at(w, 0);
        struct share before = share_of(w, s), after;
        double known = s->known;
        cut(w, s, low);
        after = share_of(w, s);
        take_away(w, known - s->known, (struct share){before.a - after.a, before.b - after.b});
    }
    if (anew || w->seg.n == 0)
        add_up_anew(w);
}

static void add_segment(struct window *w, const struct segment *s)
{
    int64_t width = w->spec->segment_grain_ms;
    struct segment *end = w->seg.n ? segment_at(w, w->seg.n - 1u) : NULL;
    // Where only coverage is asked for, time known without a gap is one segment.
    bool seamless = end && !adds_up(w->spec->function) && end->end == s->start &&
                    end->known == (double)(end->end - end->start) && s->known == (double)(s->end - s->start);
    struct share x = share_of(w, s);
    w->known += s->known;
    w->a += x.a;
    w->b += x.b;
    if (end && (seamless || end->end / width == s->end / width || w->seg.n == w->spec->segments)) {
        join(w, end, s);
    } else {
        w->seg.n++;
        *segment_at(w, w->seg.n - 1u) = *s;
    }
    if (++w->since_exact >= w->spec->segments)
        add_up_anew(w);
}

// What the pending sample adds: nothing when it is unknown; no time when what came before it is too long ago.
static struct segment pending_segment(const struct window *w)
{
    const struct window_spec *spec = w->spec;
    int64_t t = w->pending.t;
    double v = w->pending.v;
    struct segment s = {.start = t, .end = t};
    if (isnan(v))
        return s;
    if (w->has_last && (spec->hold_ms == 0 || t - w->last.t <= spec->hold_ms)) {
        s.start = w->last.t;
        s.known = (double)(t - w->last.t);
    }
    switch (spec->function) {
    case WINDOW_AVG:
    case WINDOW_INTEGRAL:
        s.a = v * s.known;
        break;
    case WINDOW_STDDEV:
    case WINDOW_SUM:
        s.a = v;
        break;
    case WINDOW_COUNT:
        s.a = !spec->boolean || (v != 0 && w->has_last && w->last.v == 0);
        break;
    default:
        break;
    }
    return s;
}

// ---- Order statistics ----

static size_t lower_bound(const double *sorted, size_t n, double v)
{
    size_t low = 0;
    while (n > 0) {
        size_t half = n / 2;
        if (sorted[low + half] < v) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low;
}

static void drop_sample(struct window *w)
{
    double v = sample_at(w, 0)->v;
    if (w->spec->function == WINDOW_PERCENTILE) {
        size_t i = lower_bound(w->sorted, w->smp.n, v);
        memmove(w->sorted + i, w->sorted + i + 1, (w->smp.n - i - 1u) * sizeof *w->sorted);
    }
    drop_first(&w->smp, w->spec->samples);
    w->slope_current = false;
}

static void add_sample(struct window *w, struct sample s)
{
    if (w->smp.n == w->spec->samples)
        drop_sample(w);
    if (w->spec->function == WINDOW_PERCENTILE) {
        size_t i = lower_bound(w->sorted, w->smp.n, s.v);
        memmove(w->sorted + i + 1, w->sorted + i, (w->smp.n - i) * sizeof *w->sorted);
        w->sorted[i] = s.v;
    }
    w->smp.n++;
    *sample_at(w, w->smp.n - 1u) = s;
    w->slope_current = false;
}

static bool opens_grain(const struct window *w, int64_t t)
{
    int64_t width = w->spec->sample_grain_ms;
    return w->smp.n == 0 || sample_at(w, w->smp.n - 1u)->t / width != t / width;
}

// The values of a maximum's deque fall, and rise for a minimum: what a later one exceeds will never
// be asked for again.
static void add_extreme(struct window *w, struct sample s)
{
    bool max = w->spec->function == WINDOW_MAX;
    while (w->smp.n) {
        double v = sample_at(w, w->smp.n - 1u)->v;
        if (max ? v > s.v : v < s.v)
            break;
        w->smp.n--;
    }
    // Within one grain the stronger value stands for both, up to a grain longer than it should.
    if (w->smp.n == w->spec->samples || !opens_grain(w, s.t))
        sample_at(w, w->smp.n - 1u)->t = s.t;
    else
        add_sample(w, s);
}

// The k-th of the sorted values and the pending one.
static double kth(const struct window *w, size_t extra_at, double extra, size_t k)
{
    if (k == extra_at)
        return extra;
    return w->sorted[k < extra_at ? k : k - 1];
}

// Linear between ranks, as R's type 7.
static double percentile(const struct window *w)
{
    bool extra = !isnan(w->pending.v);
    size_t n = w->smp.n + (extra ? 1u : 0u);
    if (n == 0)
        return NAN;
    size_t at = extra ? lower_bound(w->sorted, w->smp.n, w->pending.v) : SIZE_MAX;
    double h = (double)(n - 1) * w->spec->fraction;
    size_t k = (size_t)h;
    double low = kth(w, at, w->pending.v, k), part = h - (double)k;
    return part > 0 ? low + part * (kth(w, at, w->pending.v, k + 1) - low) : low;
}

// ---- Slope ----

// The k-th smallest; reorders x. Hoare's selection with the median of three.
static double select_kth(double *x, size_t n, size_t k)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        double a = x[low], b = x[low + (high - low) / 2], c = x[high];
        double pivot = a < b ? (b < c ? b : (a < c ? c : a)) : (a < c ? a : (b < c ? c : b));
        size_t i = low, j = high;
        for (;;) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i >= j)
                break;
            double swap = x[i];
            x[i++] = x[j];
            x[j--] = swap;
        }
        // x[low..j] <= pivot <= x[i..high]
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
    return x[k];
}

// Theil and Sen: the median of the slopes of all pairs, which a few outliers cannot move.
static double theil_sen(const struct window *w, bool with_pending)
{
    enum { POINTS = SLOPE_GRAINS + 4 };
    double slopes[POINTS * (POINTS - 1) / 2];
    struct sample p[POINTS];
    size_t n = 0, pairs = 0;
    for (size_t i = 0; i < w->smp.n; i++)
        p[n++] = *sample_at(w, i);
    if (with_pending)
        p[n++] = w->pending;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (p[j].t > p[i].t)
                slopes[pairs++] = (p[j].v - p[i].v) / ((double)(p[j].t - p[i].t) / HOUR_MS);
    if (pairs == 0)
        return NAN;
    double high = select_kth(slopes, pairs, pairs / 2);
    return pairs % 2 ? high : (high + select_kth(slopes, pairs, pairs / 2 - 1)) / 2;
}

// A point is taken per grain, so in most calls nothing has changed.
static double slope(struct window *w)
{
    bool with_pending = !isnan(w->pending.v) && opens_grain(w, w->pending.t);
    if (!w->slope_current || with_pending) {
        w->slope = theil_sen(w, with_pending);
        w->slope_current = !with_pending;
    }
    return w->slope;
}

// ---- Delta and rate ----

// What a counter has wrapped by with this value after the newest one; NAN: it fell without an explanation.
static double wraps_with(const struct window *w, double v)
{
    double step = v - w->newest.v;
    if (!w->spec->counter || !w->has_known || step >= 0)
        return w->wraps;
    // More than half a turn between two samples is more likely a reset or a misreading than a wrap.
    bool wrapped = w->spec->modulus > 0 && step + w->spec->modulus <= w->spec->modulus / 2 &&
                   step + w->spec->modulus >= 0;
    return wrapped ? w->wraps + w->spec->modulus : NAN;
}

// Nothing of before may be compared with `s`.
static bool breaks(const struct window *w, struct sample s)
{
    return isnan(wraps_with(w, s.v)) ||
           (w->spec->hold_ms > 0 && w->has_known && s.t - w->newest.t > w->spec->hold_ms);
}

static void add_reading(struct window *w, struct sample s)
{
    if (breaks(w, s)) {
        w->smp = (struct ring){0, 0};
        w->wraps = 0;
    } else {
        w->wraps = wraps_with(w, s.v);
    }
    if (opens_grain(w, s.t))
        add_sample(w, (struct sample){s.t, s.v + w->wraps});
}

static double span_result(struct window *w, double *span)
{
    struct sample end = w->pending, begin;
    *span = 0;
    if (isnan(end.v)) { // the newest known value is as good, until the coverage runs out
        if (!w->has_known)
            return NAN;
        end = (struct sample){w->newest.t, w->newest.v + w->wraps};
    } else {
        if (breaks(w, end))
            return NAN;
        end.v += wraps_with(w, end.v);
    }
    int64_t low = end.t - w->spec->length_ms;
    while (w->smp.n > 1 && sample_at(w, 1)->t <= low)
        drop_sample(w);
    if (w->smp.n == 0 || sample_at(w, 0)->t >= end.t)
        return NAN;
    begin = *sample_at(w, 0);
    if (begin.t < low) {
        struct sample next = w->smp.n > 1 ? *sample_at(w, 1) : end;
        begin.v += (next.v - begin.v) * ((double)(low - begin.t) / (double)(next.t - begin.t));
        begin.t = low;
    }
    *span = (double)(end.t - begin.t);
    double per_ms = (end.v - begin.v) / *span;
    if (w->spec->function == WINDOW_RATE)
        return per_ms * HOUR_MS;
    return begin.t == low ? end.v - begin.v : per_ms * (double)w->spec->length_ms;
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
    struct segment segment = pending_segment(w);
    bool counts = segment.known > 0 || (segment.a != 0 && !weighs_time(function));
    if (w->spec->segments && counts)
        add_segment(w, &segment);
    if (!isnan(s.v)) {
        if (function == WINDOW_MIN || function == WINDOW_MAX)
            add_extreme(w, s);
        else if (spans(function))
            add_reading(w, s);
        else if (w->spec->samples && opens_grain(w, s.t))
            add_sample(w, s);
        w->newest = s;
        w->has_known = true;
    }
    w->last = s;
    w->has_last = true;
}

static double extreme(const struct window *w)
{
    double old = w->smp.n ? sample_at(w, 0)->v : NAN, v = w->pending.v;
    if (isnan(old) || isnan(v))
        return isnan(old) ? v : old;
    return w->spec->function == WINDOW_MAX ? fmax(old, v) : fmin(old, v);
}

static double added_up(const struct window *w, const struct segment *p)
{
    struct share x = share_of(w, p);
    double known = w->known + p->known, mean = (w->a + x.a) / known;
    switch (w->spec->function) {
    case WINDOW_AVG:
        return mean;
    case WINDOW_INTEGRAL:
        return mean * ((double)w->spec->length_ms / HOUR_MS);
    case WINDOW_STDDEV:
        return sqrt(fmax(0, (w->b + x.b) / known - mean * mean));
    default:
        return w->a + x.a;
    }
}

static double answer(struct window *w, const struct segment *p, double *known)
{
    *known = w->known + p->known;
    switch (w->spec->function) {
    case WINDOW_MIN:
    case WINDOW_MAX:
        return extreme(w);
    case WINDOW_PERCENTILE:
        return percentile(w);
    case WINDOW_SLOPE:
        return slope(w);
    case WINDOW_DELTA:
    case WINDOW_RATE:
        return span_result(w, known);
    default:
        return added_up(w, p);
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
        drop_segments(w, low);
    while (w->smp.n && !spans(w->spec->function) && sample_at(w, 0)->t <= low)
        drop_sample(w);
    struct segment p = pending_segment(w);
    if (p.start < low) // one sample longer than the window
        cut(w, &p, low);
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
    drop_segments(w, low);
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
