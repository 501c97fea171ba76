/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of windows: window.c takes samples in, and three files keep them in the way their functions need. */
#ifndef SYMBIONT_EXPRESSIONS_WINDOW_PARTS_H
#define SYMBIONT_EXPRESSIONS_WINDOW_PARTS_H

#include "window.h"

#define HOUR_MS 3600000.0

/* Pairs of points grow with the square: 64 of them are 2,016 slopes. */
enum { SLOPE_GRAINS = 64 };

static inline bool adds_up(uint8_t function)
{
    return function <= WINDOW_COUNT;
}

/* Only for these does a share of a segment carry the same share of what it added up. */
static inline bool weighs_time(uint8_t function)
{
    return function <= WINDOW_STDDEV;
}

static inline bool spans(uint8_t function)
{
    return function == WINDOW_DELTA || function == WINDOW_RATE;
}

static inline struct segment *segment_at(const struct window *w, size_t i)
{
    return &w->segments[ring_place(w->seg, i, w->spec->segments)];
}

static inline struct sample *sample_at(const struct window *w, size_t i)
{
    return &w->samples[ring_place(w->smp, i, w->spec->samples)];
}

static inline void ring_drop_first(struct ring *r, size_t room)
{
    r->head = (uint16_t)ring_place(*r, 1, room);
    r->n--;
}

/* window_sums.c: segments, and running sums over them. */

/* What the pending sample adds: nothing when it is unknown; no time when what came before it is too long ago.
 */
struct segment window_pending_segment(const struct window *w);
void window_add_segment(struct window *w, const struct segment *s);
/* Drops what is at or before `low`, cutting the segment across it. */
void window_drop_segments(struct window *w, int64_t low);
/* The part of a segment after `low`. */
void window_cut(const struct window *w, struct segment *s, int64_t low);
/* avg, integral, stddev, sum, count of everything kept and the pending segment. */
double window_added_up(const struct window *w, const struct segment *pending);

/* window_order.c: samples in order of time or size. */

void window_add_sample(struct window *w, struct sample s);
void window_drop_sample(struct window *w); /* the oldest */
/* Is a sample of time t the first of its grain? */
bool window_opens_grain(const struct window *w, int64_t t);
void window_add_extreme(struct window *w, struct sample s);
double window_extreme(const struct window *w);
double window_percentile(const struct window *w);

/* window_trend.c: what lies between two samples. */

double window_slope(struct window *w);
void window_add_reading(struct window *w, struct sample s);
/* delta, rate; `span`: ms between the two samples compared. */
double window_span(struct window *w, double *span);

#endif
