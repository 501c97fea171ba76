/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cycles that ended while the wall clock was not set (a gateway without a battery boots in 1970 until NTP
 * answers). They are kept as they were read, with their monotonic time, and made into readings once the clock
 * is set, in their order; what does not fit is lost oldest first, counted, and leaves a hole in the meter's
 * sequence. Private to this folder.
 */
#ifndef SYMBIONT_HELD_H
#define SYMBIONT_HELD_H

#include "symbiont/meter.h"

struct held_cycle {
    struct held_cycle *next;
    struct meter *meter;
    struct mono middle; /* of its transactions */
    bool maintenance;
    size_t bytes;
    char **texts; /* as a meter's, NULL when it has none */
    struct value raw[];
};

struct held {
    struct held_cycle *first, **end;
    struct timer timer;
    size_t n, bytes, limit; /* limit: of bytes */
    uint64_t lost;
};

#define HELD_BYTES (16u << 20)

void held_begin(struct held *h);
/* Copies the meter's cycle in; `lost` is called for the meter of each that has to go for it. False: no
 * memory. */
bool held_put(struct held *h, struct meter *m, struct mono middle, void (*lost)(struct meter *m));
/* The oldest, to be freed by the caller; NULL: none. */
struct held_cycle *held_take(struct held *h);
/* The meter goes: what is held of it is lost. */
void held_forget(struct held *h, const struct meter *m);

#endif
