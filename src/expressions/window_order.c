// SPDX-License-Identifier: Apache-2.0
// Extremes and percentiles of a window's samples.
#include "window_parts.h"

#include <math.h>
#include <string.h>

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

void window_drop_sample(struct window *w)
{
    double v = sample_at(w, 0)->v;
    if (w->spec->function == WINDOW_PERCENTILE) {
        size_t i = lower_bound(w->sorted, w->smp.n, v);
        memmove(w->sorted + i, w->sorted + i + 1, (w->smp.n - i - 1u) * sizeof *w->sorted);
    }
    ring_drop_first(&w->smp, w->spec->samples);
    w->slope_current = false;
}

void window_add_sample(struct window *w, struct sample s)
{
    if (w->smp.n == w->spec->samples)
        window_drop_sample(w);
    if (w->spec->function == WINDOW_PERCENTILE) {
        size_t i = lower_bound(w->sorted, w->smp.n, s.v);
        memmove(w->sorted + i + 1, w->sorted + i, (w->smp.n - i) * sizeof *w->sorted);
        w->sorted[i] = s.v;
    }
    w->smp.n++;
    *sample_at(w, w->smp.n - 1u) = s;
    w->slope_current = false;
}

bool window_opens_grain(const struct window *w, int64_t t)
{
    int64_t width = w->spec->sample_grain_ms;
    return w->smp.n == 0 || sample_at(w, w->smp.n - 1u)->t / width != t / width;
}

// The values of a maximum's deque fall, and rise for a minimum: what a later one exceeds will never
// be asked for again.
void window_add_extreme(struct window *w, struct sample s)
{
    bool max = w->spec->function == WINDOW_MAX;
    while (w->smp.n) {
        double v = sample_at(w, w->smp.n - 1u)->v;
        if (max ? v > s.v : v < s.v)
            break;
        w->smp.n--;
    }
    // Within one grain the stronger value stands for both, up to a grain longer than it should.
    if (w->smp.n == w->spec->samples || !window_opens_grain(w, s.t))
        sample_at(w, w->smp.n - 1u)->t = s.t;
    else
        window_add_sample(w, s);
}

// The k-th of the sorted values and the pending one.
static double kth(const struct window *w, size_t extra_at, double extra, size_t k)
{
    if (k == extra_at)
        return extra;
    return w->sorted[k < extra_at ? k : k - 1];
}

// Linear between ranks, as R's type 7.
double window_percentile(const struct window *w)
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

double window_extreme(const struct window *w)
{
    double old = w->smp.n ? sample_at(w, 0)->v : NAN, v = w->pending.v;
    if (isnan(old) || isnan(v))
        return isnan(old) ? v : old;
    return w->spec->function == WINDOW_MAX ? fmax(old, v) : fmin(old, v);
}
