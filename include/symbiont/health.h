/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health of one unit on one line: whether to ask it now. Pure; time is an argument.
 *
 * A unit is UP until `down_failures` requests in a row have failed over at least `down_after_ns`; then it is
 * DOWN and gets one probe per growing, capped, jittered interval. One answer makes it UP.
 */
#ifndef SYMBIONT_HEALTH_H
#define SYMBIONT_HEALTH_H

#include <stdbool.h>
#include "symbiont/backoff.h"
#include "symbiont/clock.h"

enum health_state {
    HEALTH_UNKNOWN, /* never asked */
    HEALTH_UP,      /* its last request was answered */
    HEALTH_SUSPECT, /* failing, not yet long enough */
    HEALTH_DOWN,
};
const char *health_text(enum health_state s); /* "unknown", "up", "suspect", "down" */

struct health_settings {
    unsigned down_failures; /* 2 */
    int64_t down_after_ns;  /* since the first failure of the row */
    int64_t probe_first_ns, probe_cap_ns;
};

struct health {
    enum health_state state;
    bool known_up;     /* HEALTH_CAME_UP was told, and HEALTH_WENT_DOWN not since */
    unsigned failures; /* in a row */
    unsigned probes;   /* since it went down */
    struct mono first_failure, next_probe;
    struct backoff probe;
};

enum health_advice {
    HEALTH_POLL,  /* ask everything */
    HEALTH_PROBE, /* ask one thing */
    HEALTH_SKIP,  /* do not ask */
};

struct health health_begin(const struct health_settings *s);
enum health_advice health_advise(const struct health *h, struct mono now);

enum health_change { HEALTH_SAME, HEALTH_WENT_DOWN, HEALTH_CAME_UP };

/* The outcome of a request; an exception answer counts as answered, but for 10 and 11 (a gateway
 * says that the unit behind it is silent). `random`: bits for the jitter. */
enum health_change health_report(struct health *h, const struct health_settings *s, struct mono now,
                                 bool answered, uint64_t random);

#endif
