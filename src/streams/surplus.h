/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a flow counts as surplus: sustained above one amount, until sustained below a lower one. Only time
 * that was measured counts; a gap neither begins nor ends a surplus, until it lasts too long.
 */
#ifndef SYMBIONT_SURPLUS_H
#define SYMBIONT_SURPLUS_H

#include "symbiont/stream.h"

struct surplus_rule {
    double above, below; /* in the stream's unit */
    int64_t hold_ms, release_ms, unknown_ms;
};

struct surplus {
    uint8_t state;      /* enum stream_state */
    int64_t dwell_ms;   /* time counted towards the next state */
    int64_t unknown_ms; /* since something was last known */
    int64_t began_ms;   /* UTC: when the surplus was found */
    double amount;      /* integral since then */
};

enum surplus_change { SURPLUS_SAME, SURPLUS_BEGINS, SURPLUS_ENDS };

/* A sample that stands for `lasted_ms`; NAN: nothing was known in that time. */
enum surplus_change surplus_step(struct surplus *s, const struct surplus_rule *r, double value,
                                 int64_t lasted_ms);

/* The defaults of a resource, in its unit; `nominal` 0: not known. */
struct surplus_rule surplus_default(enum resource r, double nominal);

static inline bool surplus_on(const struct surplus *s)
{
    return s->state == STREAM_SURPLUS || s->state == STREAM_RELEASING;
}

#endif
