/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of meters and the poller, shared by poller.c (when), meter.c (what is made of an answer) and
 * units of a line. Private to this folder. */
#ifndef SYMBIONT_POLLER_H
#define SYMBIONT_POLLER_H

#include "meters/held.h"
#include "symbiont/meter.h"
#include "symbiont/sunspec.h"

/* One unit of one line; meters that name the same unit share its health. */
struct unit_health {
    struct unit_health *next;
    struct line *line;
    uint8_t id;
    bool probing; /* a probe is under way */
    unsigned meters;
    struct health health;
};

/* A meter that a reload took away, or made anew with other settings: should its name come again in this
 * epoch, its numbering goes on, or receivers would take its readings for repeats. */
struct retired {
    struct retired *next;
    uint64_t seq;
    char name[];
};

struct poller {
    struct loop *loop;
    struct poller_hooks hooks;
    struct health_settings health;
    int64_t absent_retry_ns;
    bool align;
    uint64_t epoch;
    struct mono origin; /* of the grid of slots */
    struct unit_health *units;
    struct meter *meters; /* linked by next */
    struct held held;
    bool waits_for_clock; /* held cycles cannot be given a time yet */
    struct retired *retired;
    uint64_t seq_floor; /* of those that there was no memory for */
};

/* One request of the plan and its way over the line. */
struct ask {
    struct transaction transaction; /* first */
    struct meter *meter;
    uint16_t request;
    bool split;      /* refused: to be split when the cycle is over */
    bool complained; /* its absence was logged */
    struct mono due, absent_until;
};

/* The walk to the model of a SunSpec device, before its first cycle and after each time it was down. */
struct locator {
    struct transaction transaction; /* first */
    struct meter *meter;
    struct sunspec walk;
};

/* A point that counts. */
struct meter_counter {
    uint16_t point;
    enum counter_kind told; /* the last decision about it */
    struct counter state;
};

struct cycle {
    bool running, abandoned, probing, splits;
    uint16_t *todo; /* asks that are due */
    size_t n, next;
    int outstanding;
    struct mono begun, first_asked, last_answered;
};

struct meter {
    struct meter *next;
    struct poller *poller;
    struct line *line;
    struct unit_health *unit;
    const struct device *device;
    struct meter_info info;
    struct device_timing timing;
    double phase;
    bool align, maintenance, removed;
    uint64_t seq;

    struct locator *locator; /* only for SunSpec devices */
    bool located;
    uint16_t base; /* added to the addresses of the plan */

    struct plan plan;
    struct ask *asks;
    struct timer timer;
    struct cycle cycle;
    struct value *raw, *last, *values; /* info.n each: of this cycle, last good, published */
    char **texts;                      /* per point, only for text points */
    struct meter_counter *counters;
    size_t counter_count;
    struct utc time; /* of the last reading */
    struct complaint implausible;
    struct meter_stats stats;
};

/* poller.c */
void meter_go_on(struct meter *m);                     /* located: the cycle's own requests */
void meter_give_up(struct meter *m, struct value why); /* not located: the cycle ends without them */
/* What an answer tells of the unit: counters and health. */
void meter_note_answer(struct meter *m, const struct modbus_answer *answer, struct mono now);
int64_t meter_timeout(const struct meter *m, bool probe);
void meter_prepare(struct meter *m);  /* after the plan changed: asks point back at it */
void meter_schedule(struct meter *m); /* deadlines for asks that have none */
void meter_arm(struct meter *m);

/* locate.c */
bool locator_make(struct meter *m);  /* false: memory */
void locator_begin(struct meter *m); /* asks; meter_go_on or meter_give_up follows */

/* meter_reading.c */
void meter_decode(struct meter *m, const struct request *r, const uint8_t *data);
void meter_finish(struct meter *m);
int64_t meter_probe_timeout(const struct meter *m);

/* meter.c */
void meter_apply_splits(struct meter *m);
void meter_release(struct meter *m); /* frees a removed meter with nothing outstanding */
void poller_unit_changed(struct poller *p, struct unit_health *u, bool up, const char *why);

#endif
