/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing, capped, jittered intervals between tries. The jitter (each interval is drawn from 75 to
 * 125 % of its nominal length) keeps a thousand meters that came back together from being asked together.
 */
#ifndef SYMBIONT_BACKOFF_H
#define SYMBIONT_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first_ns, cap_ns; /* nominal length of the first interval, and the longest */
    int64_t nominal_ns;       /* 0: no failure yet */
};

/* The interval to wait now, in ns; each call doubles the nominal length up to the cap. `random` is
 * any 64 evenly spread bits. */
int64_t backoff_next(struct backoff *b, uint64_t random);

/* It worked: the next interval is the first again. */
void backoff_reset(struct backoff *b);

/* 64 evenly spread bits that need not be secret; thread-safe. */
uint64_t random_bits(void);

#endif
