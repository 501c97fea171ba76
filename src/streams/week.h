/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream's history by hour of the week: for each of the 168 hours, and each half of the year, the last 12
 * weeks. What is firm, typical and usual comes out of it. Bounded: 32 KiB.
 */
#ifndef SYMBIONT_WEEK_H
#define SYMBIONT_WEEK_H

#include "symbiont/stream.h"

enum { WEEK_HOURS = 168, WEEK_KEPT = 12, WEEK_RECENT = 4, WEEK_BASELINE = 8 };

struct week_entry {
    float mean;      /* of the hour; NAN: never known */
    uint16_t week;   /* since Monday 1969-12-29; 0: empty */
    uint8_t known;   /* 250ths of the hour */
    uint8_t surplus; /* 250ths of the hour */
};

struct week_history {
    struct week_entry entries[2][WEEK_HOURS][WEEK_KEPT]; /* [summer]; newest first */
    float months[12];                                    /* mean of each month last seen; NAN */
    float month_hours[12];                               /* hours in it */
    uint16_t month_year[12];
    float promised[WEEK_HOURS]; /* what was forecast a week before for the hour that comes next in that place;
                                   NAN */
    double error, actual;       /* decaying sums of |forecast - actual| and of |actual| */
    uint16_t changed_week;      /* in which a change was last told */
};

/* Where an instant stands in local time. */
struct week_place {
    unsigned hour; /* of the week, 0: Monday 00:00 */
    uint16_t week;
    unsigned month; /* 0..11 */
    uint16_t year;
    int64_t day; /* local day number */
};
struct week_place week_place(const struct zone *z, struct utc t);

void week_reset(struct week_history *w);
/* An hour is over. `excluded` hours (holidays, shutdown) are not history. */
void week_add(struct week_history *w, struct week_place p, double mean, double known, double surplus);
/* The values of an hour of the week, newest first, at most `weeks` old; their number. */
unsigned week_values(const struct week_history *w, struct week_place now, unsigned hour, unsigned weeks,
                     bool season_only, const struct week_entry *out[static WEEK_KEPT]);
/* Do winter (October to March) and summer differ by more than 25 % of their mean? */
bool week_seasonal(const struct week_history *w);
/* Linear between ranks, q 0..1; NAN when n is 0. Sorts `values`. */
double week_quantile(double *values, unsigned n, double q);
/* 1 when the last two weeks are each more than 25 % above what was before, -1 below, 0. Looks once a week. */
int week_change(struct week_history *w, struct week_place now, double *before, double *after);

#endif
