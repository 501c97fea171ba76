/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container on a scale: what is in it, how fast it fills, and when somebody took it away. Weights are only
 * believed while they stand still, so a lorry on the plate or a glitch does not become waste.
 */
#ifndef SYMBIONT_CONTAINER_H
#define SYMBIONT_CONTAINER_H

#include "symbiont/stream.h"

struct container_rule {
    double capacity, tare; /* kg; tare 0: the weight is net */
    double volume_limit;   /* kg at which it is full by volume; 0: no limit */
    double stable;         /* share of the capacity */
    int64_t within_ms;
};

enum { CONTAINER_SAMPLES = 5, CONTAINER_POINTS = 48 };

struct container_point {
    int64_t at_ms; /* working time since the last emptying */
    double filled; /* net, and what was taken out in between */
};

struct container {
    double tare; /* in force: another container may have come */
    double samples[CONTAINER_SAMPLES];
    int64_t times[CONTAINER_SAMPLES];
    uint32_t n;
    double level;     /* stable net, NAN: none yet */
    int64_t level_ms; /* when it was last seen */
    double counted;   /* up to this the content has been counted as come in */
    double from;      /* net before a fall that is going on, NAN: none */
    int64_t from_ms;
    bool absent; /* nothing stands on the scale */
    bool full_said;
    double held; /* slow samples: a fall that waits for the next sample, NAN: none */
    int64_t held_ms;
    double taken_out; /* since the last emptying, without emptying it */
    int64_t working_ms, grain_ms;
    struct container_point points[CONTAINER_POINTS];
    uint32_t points_n;
};

struct container_event {
    enum stream_event_kind kind;
    double mass; /* taken away, kg; FULL: in it */
};
enum { CONTAINER_EVENTS = 2 };
#define CONTAINER_WORKING_MAX (100LL * 366 * 86400000) /* ms; then the fill rate begins anew */

/* Nothing known yet. */
void container_reset(struct container *c, const struct container_rule *r);

/*
 * A weight (kg, as the scale shows it). `working`: time since the sample before counts for the fill rate.
 * Returns how many events happened, in `out`. *came_in and *taken: kg that this sample shows to have come in
 * and gone.
 */
unsigned container_feed(struct container *c, const struct container_rule *r, int64_t ms, double weight,
                        bool working, struct container_event out[static CONTAINER_EVENTS], double *came_in,
                        double *taken);

/* kg per day by the median of slopes (Theil-Sen); NaN with fewer than three points. */
double container_rate(const struct container *c);
/* Until it is full by weight or by volume at that rate; NaN: not known, or it does not fill. */
double container_days(const struct container *c, const struct container_rule *r);

#endif
