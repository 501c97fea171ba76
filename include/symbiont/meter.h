/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meters and the poller that asks them: deadlines, cycles, health. Loop thread only.
 *
 * A cycle asks the requests of a meter that are due, a few at a time, and ends in one reading: the
 * good points with their values, the others with their reason. Deadlines are on the monotonic clock
 * (next += period); a slot that passes while the meter is busy is counted as missed, never made up for.
 */
#ifndef SYMBIONT_METER_H
#define SYMBIONT_METER_H

#include "symbiont/counter.h"
#include "symbiont/health.h"
#include "symbiont/line.h"
#include "symbiont/plan.h"
#include "symbiont/reading.h"

/* The settings of one meter; the table is meter_section. */
struct meter_config {
    struct settings common;
    char *name, *line, *profile;
    int64_t unit_id;
    int64_t every_ns;
    struct groups points; /* of point_section */
    double ct_ratio, vt_ratio;
    struct texts only;
    bool unverified, maintenance, align;
    int order;                                      /* of order_choices; 0: the profile's */
    int64_t timeout_ns, pause_ns, connect_pause_ns; /* 0: the profile's, else the line's */
    int64_t in_flight, max_registers, max_gap;      /* -1: the profile's */
    bool merge;
};
extern const struct section meter_section;

/* What all meters share; the table is polling_section. */
struct polling_config {
    struct settings common;
    int64_t down_failures;
    int64_t down_after_ns, probe_first_ns, probe_cap_ns;
    int64_t absent_retry_ns; /* how often a register that the device says it lacks is asked again */
    bool align;
    int64_t connects;
};
extern const struct section polling_section;

struct poller;
struct meter;

/* A total made a step that was not plain growth: see counter.h. */
struct counter_note {
    const struct meter_info *meter;
    size_t point;
    struct utc time;
    const struct counter_event *event;
    const struct counter *state; /* after it */
};

struct poller_hooks {
    void *arg;
    void (*reading)(void *arg, const struct reading *r);
    /* The unit came up (online) or went down. */
    void (*online)(void *arg, const struct meter_info *m, bool online);
    void (*counter)(void *arg, const struct counter_note *note);
    /* Fills the derived points of a finished cycle; may be NULL. */
    void (*derive)(void *arg, const struct meter_info *m, struct utc time, struct value *values);
    struct utc (*now)(void *arg); /* the wall clock; NULL: the machine's */
};

/* Everything a meter is made from. Pointers outlive the meter. */
struct meter_parts {
    const struct meter_config *config;
    const struct device *device;
    struct line *line;
    size_t index; /* among the site's meters */
    double phase; /* 0..1: where in its period the meter's slot lies, see poller_phase */
};

struct poller *poller_new(struct loop *loop, const struct polling_config *c, const struct poller_hooks *hooks,
                          uint64_t epoch);
void poller_free(struct poller *p); /* after its meters are removed */
void poller_configure(struct poller *p, const struct polling_config *c);

/*
 * While the wall clock is not set (utc_plausible) cycles are held back, at most 16 MiB of them, and given out
 * in their order, with their true times, as soon as it is: at most a few hundred at a time.
 */
struct poller_held {
    uint64_t waiting, lost; /* lost: had to go for want of room, or with their meter, or at the end */
};
struct poller_held poller_held(const struct poller *p);
/* Gives out all that is held when the clock is set; for the end. */
void poller_settle(struct poller *p);

/*
 * Where the j-th of n meters of a line has its slot: the meters of one line are spread over the
 * period, lines shifted against each other.
 */
double poller_phase(size_t line_index, size_t j, size_t n);

/* Adds a meter and begins to poll it. NULL with a sentence in `why`. */
struct meter *poller_add(struct poller *p, const struct meter_parts *parts, char *why, size_t why_size);
/* Stops polling; the memory goes when the last outstanding transaction has come back. */
void poller_remove(struct meter *m);
/* After a reload that changed nothing of this meter: the same, from the new configuration's memory. */
void poller_rebind(struct meter *m, const struct meter_parts *parts);

const struct meter_info *meter_info(const struct meter *m);
struct line *meter_line(const struct meter *m);

struct meter_stats {
    enum health_state health;
    uint8_t unit;
    uint64_t cycles, readings; /* begun; handed over with at least one good point */
    uint64_t missed, late;     /* slots passed by; begun more than 2 % of the period after their time */
    uint64_t skipped;          /* slots not asked because the unit is down */
    uint64_t timeouts, bad_answers, exceptions, no_connection;
    uint8_t last_exception;
    struct utc last_success; /* 0: never */
    int64_t round_trip_ns;   /* of the last answer */
    int64_t cycle_ns;        /* length of the last cycle */
    size_t requests, points;
    bool maintenance;
};
void meter_stats(const struct meter *m, struct meter_stats *out);
/* The values of the last cycle; meter_info()->n of them. */
const struct value *meter_values(const struct meter *m);
/* Of a text point, as it was last read; "" before that, and of other points. */
const char *meter_text(const struct meter *m, size_t point);
struct utc meter_time(const struct meter *m);

/* Counter states, to be kept over restarts: `save` is called for each counter that has been read, `load` for
 * each counter point, and returns false when nothing is known of it. */
void meter_counters_save(const struct meter *m,
                         void (*save)(void *arg, const char *point, const struct counter *c), void *arg);
void meter_counters_load(struct meter *m, bool (*load)(void *arg, const char *point, struct counter *c),
                         void *arg);

#endif
