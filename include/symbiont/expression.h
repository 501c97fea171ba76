/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The expression language of derived points, rules and streams: arithmetic over measured values with
 * units, and windows in event time. docs/expressions.md is its manual.
 *
 * A text is compiled once, with every dimension checked, into a program that never changes and can be
 * shared. A state holds what the program remembers: the values last fed and the windows. Both are
 * pure: time is an argument, nothing is read or written. Feeding and evaluating allocate nothing.
 *
 *     const struct expression_wanted power = {.unit = unit_find("kW")};
 *     struct expression *e = expression_compile("avg(chiller.active_power, 15 min)", &names, NULL, &power,
 * &error); struct expression_state *s = expression_state_new(e); expression_feed(s, 0, time, 41.5); // slot 0
 * is the first name of the text double kw = expression_value(s, time);      // NaN: unknown
 *
 * A value that is bad, stale or not there yet is unknown, written NAN here, and makes the result unknown
 * unless the result does not depend on it ("false and unknown" is false).
 */
#ifndef SYMBIONT_EXPRESSION_H
#define SYMBIONT_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/clock.h"
#include "symbiont/units.h"
#include "symbiont/zone.h"

struct expression;
struct expression_state;

enum {
    EXPRESSION_MAX_TEXT = 2000, /* bytes */
    EXPRESSION_MAX_INPUTS = 64, /* different names */
    EXPRESSION_MAX_WINDOWS = 16,
    EXPRESSION_MAX_NAME = 128, /* "meter.point" with its NUL */
};

/* ---- Compiling ---- */

/* What a name of the text stands for. Filled by the caller's resolve. */
struct expression_source {
    uint32_t index;          /* the caller's own number; not used here */
    const struct unit *unit; /* in which values are fed; NULL: true (not 0) or false */
    int64_t hold_ms;         /* a value is known this long after it was fed, 0: until the next one */
    int64_t every_ms;        /* how often one is expected, 0: not known; windows are kept that finely */
    bool counter;            /* a total that only grows: delta and rate take a fall for a fault, or a wrap */
    double modulus;          /* of a counter, in `unit`: value at which it starts at 0 again; 0: none */
};

struct expression_names {
    /* "point" or "meter.point" -> its source; false with a sentence in `why`, which should name the
     * nearest known name. Called once per different name. */
    bool (*resolve)(void *arg, const char *name, struct expression_source *out, char *why, size_t why_size);
    void *arg;
};

/* For hour(), weekday(), month(), holiday() and workday(). Lives as long as the programs compiled with it. */
struct expression_calendar {
    const struct zone *zone; /* NULL: UTC */
    const int64_t *holidays; /* local day numbers (zone.h), ascending */
    size_t holiday_count;
};

/* What the result must be. */
struct expression_wanted {
    const struct unit *unit; /* a number, converted into this unit; NULL: true or false */
};

struct expression_error {
    int column; /* character of the text, from 1 */
    char text[300];
};

/* `calendar` NULL: UTC without holidays. `wanted` NULL: anything. NULL on failure, with `error` filled. */
struct expression *expression_compile(const char *text, const struct expression_names *names,
                                      const struct expression_calendar *calendar,
                                      const struct expression_wanted *wanted, struct expression_error *error);
void expression_free(struct expression *e);

/* The unit of the result; NULL: true or false. */
const struct unit *expression_unit(const struct expression *e);

/* The names of the text in order of appearance; slots count from 0. */
size_t expression_slots(const struct expression *e);
const struct expression_source *expression_source(const struct expression *e, size_t slot);
const char *expression_name(const struct expression *e, size_t slot);

/* The longest window, ms; 0: the result depends only on the values last fed. */
int64_t expression_window_ms(const struct expression *e);

/* The i-th function of the language, for completion and the manual: "avg", "avg(x, 15 min)", one line. False
 * past the end. */
bool expression_function(size_t i, const char **name, const char **signature, const char **text);

/* ---- Evaluating ---- */

/* NULL when memory is out. The program must outlive the state. */
struct expression_state *expression_state_new(const struct expression *e);
void expression_state_free(struct expression_state *s);

/*
 * A name has this value at time `t`; NAN: unknown. Values of one instant belong together: feed them all
 * before evaluating at it. Time may step back by up to five minutes (meters answer in their own order): such
 * a value counts as of the latest time seen. A step further back means that the clock was put right:
 * everything remembered is dropped.
 */
void expression_feed(struct expression_state *s, size_t slot, struct utc t, double value);

/* The result at `t`: a number in expression_unit, or 0 and 1 for false and true; NAN: unknown. */
double expression_value(struct expression_state *s, struct utc t);

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN };
/* The result of a program that answers true or false. */
enum truth expression_truth(struct expression_state *s, struct utc t);

/* Is any of the values fed still known at `t`? False without names. */
bool expression_anything_known(const struct expression_state *s, struct utc t);

/* Asks for its memory to come into the cache, and, once that is there, for what its windows will touch:
 * before many states are evaluated one after the other. */
void expression_prefetch(const struct expression_state *s);
void expression_prefetch_windows(const struct expression_state *s);

/* The value last fed to a slot, if it is still known at `t`, else NAN: for explaining a result. */
double expression_fed(const struct expression_state *s, size_t slot, struct utc t);

/*
 * The earliest time after `t` at which the answer may change although nothing more is fed: a value goes
 * stale, a window's coverage fails, a quarter of an hour begins that hour() may belong to. age() and count()
 * run on by themselves: each full minute. INT64_MAX ms: never. To be asked after an evaluation at `t`.
 */
struct utc expression_next(const struct expression_state *s, struct utc t);
/* Does it ask for age() or count(), whose answers run on by themselves? */
bool expression_timed(const struct expression *e);

struct expression_counts {
    uint64_t late;   /* values older than the latest time seen */
    uint64_t resets; /* times that everything was dropped because time went back */
};
struct expression_counts expression_counts(const struct expression_state *s);

/* Appends what is remembered, to be restored after a restart. */
void expression_state_save(struct expression_state *s, struct buf *out);
/* False, and the state untouched, when the bytes are damaged or from a program of another text, unit or
 * source. */
bool expression_state_restore(struct expression_state *s, const void *data, size_t n);

#endif
