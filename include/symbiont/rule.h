/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule watches a condition and raises an alert when it has held for long enough, and ends it when it is
 * over. docs/rules.md is its manual. A rule is pure: time is an argument, nothing is read or written. Its
 * memory is fixed when it is made; feeding it allocates nothing.
 *
 *     struct rule *r = rule_new(config, &names, &calendar, &hooks, diagnostics);
 *     rule_feed(r, input, t, 41.5);        // all values of one instant...
 *     rule_settle(r, t);                   // ...then once: its state, perhaps an alert
 *     rule_tick(r, t);                     // when t has reached rule_next(r)
 *
 * A sample stands for the time since the sample before it: four quarters of an hour in a row that are above a
 * limit are an hour. What follows from time passing happens at its own moment, rule_next, so a rule that is
 * told of the time more often says the same.
 */
#ifndef SYMBIONT_RULE_H
#define SYMBIONT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/config.h"
#include "symbiont/expression.h"

/* ---- Settings ---- */

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };
const char *severity_word(enum severity s);

/* What an unknown condition counts as. */
enum unknown_policy { UNKNOWN_HOLD, UNKNOWN_RELEASE, UNKNOWN_ALERT };

struct rule_config {
    struct settings common;
    char *name, *when, *release, *alert;
    int64_t for_ns, release_for_ns;
    struct texts schedule;
    int severity; /* enum severity */
    int unknown;  /* enum unknown_policy */
    int64_t repeat_ns, at_most_every_ns;
};
extern const struct section rule_section; /* "rules", OPTION_GROUPS */

/* ---- Alerts ---- */

enum alert_kind {
    ALERT_BEGAN,
    ALERT_STANDS, /* a reminder, or a standing alert told again because its beginning may not have arrived */
    ALERT_ENDED,
};
const char *alert_word(enum alert_kind k); /* "began", "stands", "ended" */

enum alert_cause {
    CAUSE_CONDITION, /* as the rule says */
    CAUSE_UNKNOWN,   /* its inputs are not known */
    CAUSE_SCHEDULE,  /* its schedule is over */
    CAUSE_CHANGED,   /* the rule was changed or removed */
};
const char *alert_cause_word(enum alert_cause c);

struct rule;

struct alert {
    const struct rule *rule; /* NULL: it is no longer there */
    const char *name;
    enum severity severity;
    enum alert_kind kind;
    enum alert_cause cause;
    struct utc time;     /* of this event */
    struct utc began;    /* of the alert: with the name what identifies it */
    struct utc since;    /* from when on the condition held */
    int64_t lasted_ms;   /* from `began` until `time` */
    uint64_t suppressed; /* alerts that at_most_every kept back since the last one told */
    const char *text;    /* for people; valid during the call */
};

struct rule_hooks {
    void *arg;
    void (*alert)(void *arg, const struct alert *a);
};

/* ---- A rule ---- */

/*
 * Compiles. What is wrong goes to `d`; then, or when memory is out, NULL. `calendar` and `hooks` (may be
 * NULL) are copied; what they point to, and `c`, live as long as the rule.
 */
struct rule *rule_new(const struct rule_config *c, const struct expression_names *names,
                      const struct expression_calendar *calendar, const struct rule_hooks *hooks,
                      struct diagnostics *d);
void rule_free(struct rule *r);

const struct rule_config *rule_config(const struct rule *r);

/* What it is to be fed with: each name once. */
size_t rule_inputs(const struct rule *r);
const char *rule_input(const struct rule *r, size_t input);
const struct expression_source *rule_input_source(const struct rule *r, size_t input);
/* What was last fed, if it is still known at t; else NaN. */
double rule_input_value(const struct rule *r, size_t input, struct utc t);

/* NAN: unknown. */
void rule_feed(struct rule *r, size_t input, struct utc t, double value);
void rule_settle(struct rule *r, struct utc t);
void rule_tick(struct rule *r, struct utc t);
/* Asks for the memory that settling will touch to come into the cache, in stages 0, 1, 2, each once the one
 * before has had time: before many rules are settled one after the other. */
void rule_prefetch(const struct rule *r, int stage);
/* When time alone may change something next; INT64_MAX ms: never. Until the first settle or tick: at once. */
struct utc rule_next(const struct rule *r);

/* ---- What is known of it ---- */

enum rule_state {
    RULE_ASLEEP,    /* outside its schedule */
    RULE_IDLE,      /* the condition does not hold */
    RULE_PENDING,   /* it holds, but not yet for long enough */
    RULE_ACTIVE,    /* the alert stands */
    RULE_RELEASING, /* the alert stands; the release holds, but not yet for long enough */
};
#define RULE_STATES 5
const char *rule_state_word(enum rule_state s);
const char *rule_state_meaning(enum rule_state s);

struct rule_health {
    enum rule_state state;
    enum truth condition;     /* at the last evaluation */
    struct utc evaluated;     /* 0: never */
    struct utc unknown_since; /* 0: it is known */
    struct utc began;         /* of the standing alert; 0: none stands */
    struct utc last_ended;    /* 0: none yet */
    uint64_t evaluations;     /* since it was made */
    uint64_t alerts;          /* that began, over restarts */
    uint64_t suppressed;      /* of them not told, because of at_most_every */
    int64_t active_ms;        /* how long alerts stood, all together, without the standing one */
};
void rule_health(const struct rule *r, struct rule_health *out);

/* ---- Over a restart ---- */

/* The state, without windows: small. `clean`: the process ends in order, so that all that was told has been
 * sent. */
void rule_save(const struct rule *r, bool clean, struct buf *out);
/*
 * False, and the rule untouched, when the bytes are damaged. A standing alert of a rule that has been changed
 * ends. One of a process that did not end in order is told again (ALERT_STANDS, same `began`), for its
 * beginning may have been lost.
 */
bool rule_restore(struct rule *r, const void *data, size_t n);
/* From the same bytes: the alert that stands, or false. For rules that are no longer there. */
bool rule_saved_alert(const void *data, size_t n, struct utc *began, struct utc *last,
                      enum severity *severity);
/* Windows and values last fed, of the i-th of rule_windows expressions; appends nothing when there is none.
 */
size_t rule_windows(const struct rule *r);
bool rule_save_windows(struct rule *r, size_t i, struct buf *out);
bool rule_restore_windows(struct rule *r, size_t i, const void *data, size_t n);

#endif
