// SPDX-License-Identifier: Apache-2.0
// Growing, capped, jittered intervals.
#include "symbiont/backoff.h"

#include <stdlib.h>
#include <sys/random.h>
#include "symbiont/clock.h"

int64_t backoff_next(struct backoff *b, uint64_t random)
{
    b->nominal_ns = b->nominal_ns ? 2 * b->nominal_ns : b->first_ns;
    if (b->nominal_ns > b->cap_ns)
        b->nominal_ns = b->cap_ns;
    int64_t spread = b->nominal_ns / 2; // 75 % to 125 %
    return b->nominal_ns - spread / 2 + (spread ? (int64_t)(random % (uint64_t)spread) : 0);
}

void backoff_reset(struct backoff *b)
{
    b->nominal_ns = 0;
}

// splitmix64 (Steele, Lea, Flood 2014): enough for jitter, no lock.
uint64_t random_bits(void)
{
    static _Thread_local uint64_t state;
    if (state == 0 && getrandom(&state, sizeof state, GRND_NONBLOCK) != sizeof state)
        state = (uint64_t)mono_now().ns | 1;
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
