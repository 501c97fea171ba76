// SPDX-License-Identifier: Apache-2.0
// What a window's samples say of change: slope, delta and rate.
#include "window_parts.h"

#include <math.h>

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
double window_slope(struct window *w)
{
    bool with_pending = !isnan(w->pending.v) && window_opens_grain(w, w->pending.t);
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

void window_add_reading(struct window *w, struct sample s)
{
    if (breaks(w, s)) {
        w->smp = (struct ring){0, 0};
        w->wraps = 0;
    } else {
        w->wraps = wraps_with(w, s.v);
    }
    if (window_opens_grain(w, s.t))
        window_add_sample(w, (struct sample){s.t, s.v + w->wraps});
}

double window_span(struct window *w, double *span)
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
        window_drop_sample(w);
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
