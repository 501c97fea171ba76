/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher's own rate, apart from the poll rate. A meter polled every second need not be published
 * every second: `interval` and `aggregate` make fewer readings out of many, `deadband` keeps back
 * those that say nothing new. Pure: one struct thin per meter and publisher, readings in, readings out.
 *
 * last            the first reading of each interval; points read since the one before it are included
 * mean, min, max  one reading per interval, stamped with its end; only quantities that go up and down are
 *                 averaged, totals and states keep their last value
 *
 * Intervals are aligned to UTC: 15 min begins at the quarter hour, as demand metering wants it.
 */
#ifndef PUBLISH_THIN_H
#define PUBLISH_THIN_H

#include "symbiont/config.h"
#include "symbiont/encode.h"

enum thin_aggregate { THIN_LAST, THIN_MEAN, THIN_MIN, THIN_MAX };

/* Part of a publisher's settings; the rows are THIN_OPTIONS. */
struct thin_config {
    int64_t interval_ns;     /* 0: every reading */
    int aggregate;           /* enum thin_aggregate */
    char *deadband;          /* "2 %", "0.5", or NULL: publish also what did not change */
    struct groups deadbands; /* of thin_deadband_section */
    int64_t max_silence_ns;
};

/* A deadband of one quantity: "0.5 kW". */
struct thin_deadband_config {
    struct settings common;
    char *quantity, *change;
};

extern const struct section thin_deadband_section;
extern const struct choice thin_aggregates[];

#define THIN_OPTIONS(type, member)                                                                           \
    {"interval",                                                                                             \
     OPTION_DURATION,                                                                                        \
     offsetof(type, member.interval_ns),                                                                     \
     .def = "0 s",                                                                                           \
     .min = 0,                                                                                               \
     .max = 86400,                                                                                           \
     .help = "One message per meter and interval, however often the meter is polled. 0 s: every reading."},  \
        {"aggregate",                                                                                        \
         OPTION_CHOICE,                                                                                      \
         offsetof(type, member.aggregate),                                                                   \
         .def = "last",                                                                                      \
         .choices = thin_aggregates,                                                                         \
         .help = "What the message of an interval holds: the last values, or their mean, min or max. "       \
                 "Totals and states always give their last value."},                                         \
        {"deadband", OPTION_TEXT, offsetof(type, member.deadband),                                           \
         .help = "Publish a reading only when a value has changed by more than this since it was last "      \
                 "published: \"2 %\" of its size (totals aside), or \"0.5\" in its own unit."},              \
        {"deadbands", OPTION_GROUPS, offsetof(type, member.deadbands), .section = &thin_deadband_section,    \
         .help = "Deadbands of single quantities, which go before `deadband`."},                             \
    {                                                                                                        \
        "max_silence", OPTION_DURATION, offsetof(type, member.max_silence_ns),                               \
            .def = "15 min", .min = 1, .max = 86400,                                                         \
            .help = "With a deadband: publish at least this often, changed or not."                          \
    }

/* How far a value may move unpublished. */
struct thin_limit {
    double absolute, percent;
};

/* "2 %", "0.5", or, with the quantity it is for, "0.5 kW". False with a sentence in `why`. */
bool thin_limit_parse(const char *text, const struct quantity *q, struct thin_limit *out, char *why,
                      size_t why_size);

/* What the table cannot say. */
void thin_check(const struct thin_config *c, struct place at, struct diagnostics *d);

/* Does it do anything? Otherwise readings may pass by it. */
bool thin_active(const struct thin_config *c);

struct thin;

/* Both arguments outlive it. NULL when memory is out. */
struct thin *thin_new(const struct thin_config *c, const struct meter_info *m);
void thin_free(struct thin *t);
const struct meter_info *thin_meter(const struct thin *t);

/* A reading to publish; its pointers are valid until the next call with the same thin. */
struct thin_out {
    struct reading reading;
    bool windowed;
    struct encode_window window;
};

/* Takes a reading in. True: `out` is to be published now. */
bool thin_put(struct thin *t, const struct reading *in, struct thin_out *out);
/* For a meter that fell silent: true when its interval ended before `now` and had readings. */
bool thin_expire(struct thin *t, struct utc now, struct thin_out *out);
/* At the end of the program: true when an interval was begun; its reading is stamped with the last one in it.
 */
bool thin_finish(struct thin *t, struct thin_out *out);

#endif
