/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a simulated value moves over time. Pure: time is an argument, noise is a function of time and seed, so
 * that a run can be repeated and two polls at the same moment agree.
 */
#ifndef SIM_RULE_H
#define SIM_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values at moments, straight lines between them. */
struct sim_series {
    double *t, *v; /* seconds, ascending from 0 on; n of them */
    size_t n;
    double length; /* begins again after so many seconds; 0: the ends last for ever */
    bool hold;     /* steps instead of straight lines */
};

double sim_series_at(const struct sim_series *s, double t);
void sim_series_free(struct sim_series *s);

/* "06:00 10.5" and the like, ascending: a day. False with a sentence in `why`. */
bool sim_series_of_day(struct sim_series *out, char *const *items, size_t n, char *why, size_t why_size);
/* "06:00", "6:00:30" -> second of the day. */
bool sim_time_of_day(const char *text, double *second);

struct sim_csv {
    const char *file;
    const char *column;      /* heading, or number from 1 */
    const char *time_column; /* NULL: rows are `interval_s` apart */
    double interval_s;
    bool loop, hold;
};
/* Comma, semicolon or tab, headings in the first line; times as seconds, "2018-01-31 12:15[:30]",
 * "31/01/2018 12:15" or "12:15". Rows without a number are left out. The first row is time 0. */
bool sim_series_of_csv(struct sim_series *out, const struct sim_csv *c, char *why, size_t why_size);

enum sim_rule_kind {
    SIM_STEADY,  /* value */
    SIM_DAY,     /* series over the time of day */
    SIM_RUN,     /* series over the time since the start */
    SIM_COUNTER, /* value + integral of `of` over time * factor */
    SIM_FORMULA, /* factor * (of - minus) * times + value */
};

#define SIM_NO_POINT UINT16_MAX

struct sim_rule {
    uint8_t kind;
    bool given; /* by the plant file; else the plausible steady value of the quantity */
    double value;
    double factor;             /* SIM_COUNTER: per simulated second */
    double noise;              /* up to so much more or less, evenly */
    double weekend;            /* times this on Saturday and Sunday */
    double min, max;           /* bounds of the result */
    uint16_t of, minus, times; /* points of the same meter, or SIM_NO_POINT */
    struct sim_series series;
    const char *text; /* of a string point; NULL: none */
};

extern const struct sim_rule sim_rule_steady; /* to begin with: neutral factors, no bounds */

struct sim_moment {
    double elapsed; /* simulated seconds since the start */
    double second_of_day;
    bool weekend;
    uint64_t seed; /* of this meter and point */
};

/* The value at a moment, of any kind but SIM_COUNTER. `inputs`: values of of, minus, times. */
double sim_rule_value(const struct sim_rule *r, const struct sim_moment *at, const double inputs[3]);
/* The largest magnitude it can take, roughly: what a scale must have room for. */
double sim_rule_peak(const struct sim_rule *r);

/* A plausible value of a quantity in its own unit: 230 for voltage. */
double sim_plausible(const char *quantity, bool counter);

#endif
