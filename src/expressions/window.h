/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window remembers the recent samples of one part of an expression and answers one question about
 * them. A sample stands for the time since the sample before it: a meter's value of 10:00:01 is taken to
 * have held since 10:00:00, and a mean stamped with the end of its interval is exact. The window ends at
 * the newest sample, so that its answer does not creep while one waits for the next.
 *
 * Memory is fixed when the program is compiled. Samples that come faster than the window's grain (its
 * length by 64 to 256) are merged within one grain, for means and sums, or thinned to the first of
 * each grain, for order statistics, delta, rate and slope.
 */
#ifndef SYMBIONT_EXPRESSIONS_WINDOW_H
#define SYMBIONT_EXPRESSIONS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/cursor.h"

enum window_function {
    WINDOW_AVG,
    WINDOW_INTEGRAL, /* times hours */
    WINDOW_STDDEV,
    WINDOW_SUM,
    WINDOW_COUNT, /* of known samples, or of changes from false to true */
    WINDOW_MIN,
    WINDOW_MAX,
    WINDOW_PERCENTILE, /* and median */
    WINDOW_SLOPE,      /* per hour */
    WINDOW_DELTA,
    WINDOW_RATE, /* per hour */
    WINDOW_AGE,  /* seconds */
};

struct window_spec {
    uint8_t function; /* enum window_function */
    bool boolean;     /* samples are 0 and 1 */
    bool counter;
    double modulus;
    double fraction;   /* of WINDOW_PERCENTILE, 0 to 1 */
    double coverage;   /* share of the length that must be known, 0 to 1 */
    int64_t length_ms; /* 0: WINDOW_AGE without a limit */
    int64_t hold_ms;   /* a sample is known this long, and a longer gap is not bridged; 0: no limit */
    uint64_t inputs;   /* slots its samples depend on, a bit each */
    uint16_t segments, samples; /* room for them; filled by window_size, as are the grains */
    int64_t segment_grain_ms, sample_grain_ms;
};

/* Chooses grains and room. `every_ms`: between two samples, 0 when not known. */
void window_size(struct window_spec *spec, int64_t every_ms);

/* Samples joined in time. */
struct segment {
    int64_t start, end; /* ms; the samples' times are in (start, end] */
    double known;       /* ms of it that are known */
    double a, b;        /* what the function adds up; of WINDOW_STDDEV the mean, and squares about it */
};

struct sample {
    int64_t t;
    double v;
};

struct ring {
    uint16_t head, n;
};

/* Where the i-th element stands in an array of `room` elements. */
static inline size_t ring_place(struct ring r, size_t i, size_t room)
{
    size_t at = r.head + i;
    return at < room ? at : at - room;
}

struct window {
    const struct window_spec *spec;
    struct segment *segments;
    struct sample *samples;
    double *sorted; /* the values of `samples`, ascending: percentiles only */
    struct ring seg, smp;
    double known, a, b; /* running sums over segments */
    uint16_t since_exact;
    bool has_reference;
    double reference; /* WINDOW_STDDEV sums up differences from this */

    /* The newest sample is kept apart, for another of the same time may replace it. */
    bool has_pending, has_last, has_known;
    struct sample pending; /* v NAN: unknown */
    struct sample last;    /* the one before it, known or not */
    struct sample newest;  /* the newest known one before it; v is raw */
    double wraps;          /* what a counter has wrapped by until `newest` */

    bool slope_current;
    double slope;
    double result;
    int64_t valid_until;
};

/* Memory that window_init needs beside the window, aligned for double. */
size_t window_bytes(const struct window_spec *spec);
void window_init(struct window *w, const struct window_spec *spec, void *memory);
void window_reset(struct window *w);

/* Asks for the ends of its rings to come into the cache. */
void window_prefetch(const struct window *w);

/* A sample at t, not before the newest one; NAN: unknown. */
void window_push(struct window *w, int64_t t, double v);
/* The answer at t, not before the newest sample; NAN: unknown. */
double window_result(struct window *w, int64_t t);

void window_save(const struct window *w, struct buf *out);
/* False when the bytes make no sense; the window is then reset. No sample may be after `now`. */
bool window_restore(struct window *w, struct cursor *c, int64_t now);

#endif
