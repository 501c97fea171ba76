// SPDX-License-Identifier: Apache-2.0
// What is known of a window's time, and sums over it: running, exact while samples are a grain apart.
#include "window_parts.h"

#include <math.h>

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
void window_cut(const struct window *w, struct segment *s, int64_t low)
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
void window_drop_segments(struct window *w, int64_t low)
{
    bool anew = false;
    while (w->seg.n && segment_at(w, 0)->end <= low) {
        struct segment gone = *segment_at(w, 0);
        struct share x = share_of(w, &gone);
        ring_drop_first(&w->seg, w->spec->segments);
        take_away(w, gone.known, x);
        anew |= dwarfs(x.a, w->a) || dwarfs(x.b, w->b);
    }
    if (w->seg.n && segment_at(w, 0)->start < low) {
        struct segment *s = segment_at(w, 0);
        struct share before = share_of(w, s), after;
        double known = s->known;
        window_cut(w, s, low);
        after = share_of(w, s);
        take_away(w, known - s->known, (struct share){before.a - after.a, before.b - after.b});
    }
    if (anew || w->seg.n == 0)
        add_up_anew(w);
}

void window_add_segment(struct window *w, const struct segment *s)
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
struct segment window_pending_segment(const struct window *w)
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

double window_added_up(const struct window *w, const struct segment *p)
{
    struct share x = share_of(w, p);
    double known = w->known + p->known, mean = (w->a + x.a) / known;
    switch (w->spec->function) {
    case WINDOW_AVG:
        return mean;
    case WINDOW_INTEGRAL:
        return mean * ((double)w->spec->length_ms / HOUR_MS);
    case WINDOW_STDDEV: {
        double variance = (w->b + x.b) / known - mean * mean;
        return variance < 0 ? 0 : sqrt(variance); // what overflowed stays unknown: fmax would make it 0
    }
    default:
        return w->a + x.a;
    }
}
