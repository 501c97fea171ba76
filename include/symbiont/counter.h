/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Totals that can be trusted. A meter's total only grows, until its register goes round, the meter is reset
 * or replaced, or a reading is wrong. Each reading is judged against the one before; a step that is not
 * explained gives no number: never is "any fall" taken for a reset, since one false low reading would then
 * count the whole meter again. Pure: time is an argument, the state is a plain struct that may be saved and
 * restored.
 *
 * - normal: not below the one before, and no more above it than max_rate allows;
 * - wrap: below, but explained by going round at the modulus;
 * - refused: anything else. The level last trusted stays. Once `confirm` refused readings in a row agree
 *   with each other, over confirm_ms at least, the new level is taken (reset), without counting the step to
 * it.
 */
#ifndef SYMBIONT_COUNTER_H
#define SYMBIONT_COUNTER_H

#include <stdbool.h>
#include <stdint.h>
#include "symbiont/clock.h"
#include "symbiont/point.h"

/* What is known of a total, in its published unit. */
struct counter_rule {
    double modulus;       /* starts again at 0 there; 0: not known to */
    double max_rate;      /* largest plausible rise per second; 0: not known */
    double step;          /* the smallest rise the register can show */
    double relative_step; /* the same as a part of the reading: 2^-23 of an IEEE single */
    int64_t gap_ms;       /* a step over more than this is reported as bridging a gap; 0: never */
    uint32_t confirm;     /* readings that make a new level believed */
    int64_t confirm_ms;   /* and the time they span at least */
};

/* All zero: nothing read yet. */
struct counter {
    double total;         /* sum of all increments */
    double last;          /* the reading last trusted */
    double abandoned;     /* the level before the last reset to a lower one; 0: none */
    int64_t last_ms;      /* UTC of `last` */
    int64_t still_ms;     /* UTC from which `last` may have been reached: the reading before it rose to it */
    int64_t interval_ms;  /* the last positive time between two trusted readings */
    double first_refused; /* readings refused in a row that agree with each other: the first, */
    double last_refused;  /* the last, */
    int64_t first_refused_ms, last_refused_ms;
    uint32_t refused; /* and how many */
    uint32_t known;   /* 1: there has been a reading */
};

enum counter_kind {
    COUNTER_FIRST, /* the first reading: nothing to compare it with */
    COUNTER_NORMAL,
    COUNTER_BRIDGED, /* a normal step that covers a gap, or readings that were refused and prove wrong now */
    COUNTER_WRAP,    /* went round at the modulus */
    COUNTER_RESET,   /* a new level was confirmed; delta counts from its first reading */
    COUNTER_UNKNOWN, /* so long a gap that the register may have gone round unseen: no delta, on from here */
    COUNTER_LOW,     /* refused: below the last one, and no wrap */
    COUNTER_FAST,    /* refused: rose by more than can be */
};

/* One decision with its numbers. */
struct counter_event {
    enum counter_kind kind;
    double before, after; /* the last trusted reading, and this one */
    double delta;         /* what was added to the total; 0 when refused or not known */
    int64_t elapsed_ms;   /* since the last trusted reading; below 0 when the clock was set back */
};

/* Is the reading itself not to be trusted (REASON_COUNTER)? */
static inline bool counter_refused(enum counter_kind kind)
{
    return kind >= COUNTER_LOW;
}

/* "wrap", "reset", "lower than before, refused", ... */
const char *counter_kind_text(enum counter_kind kind);

/*
 * The rule for points[i], read every every_ns: the declared modulus or, for unsigned integers and BCD of up
 * to 32 bits, the one of the register's width, scaled; max_rate; steps; confirmation by 3 readings over a
 * minute; a gap is more than three periods. `out` as points_finish left it: a scale factor in the meter
 * scales the modulus too.
 */
struct counter_rule counter_rule_for(const struct point *points, size_t i, const struct value *out,
                                     int64_t every_ns);

/* Judges one good, finite reading and adds the increment, if any, to the total. */
struct counter_event counter_step(struct counter *c, const struct counter_rule *rule, double reading,
                                  struct utc now);

/* Could this be a state that was saved? Check before using one that was read from a file. */
bool counter_valid(const struct counter *c);

#endif
