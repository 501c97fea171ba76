/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two kinds of time that the compiler keeps apart: monotonic for scheduling, UTC for stamping.
 * Pure code takes either as an argument; only the loop and the edges of the program read a clock.
 */
#ifndef SYMBIONT_CLOCK_H
#define SYMBIONT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* CLOCK_MONOTONIC, nanoseconds. Never shown to people, never stored. */
struct mono {
    int64_t ns;
};

/* Milliseconds since 1970-01-01 UTC. Never used to schedule. */
struct utc {
    int64_t ms;
};

#define NS_PER_MS 1000000LL
#define NS_PER_S  1000000000LL

struct mono mono_now(void);
struct utc utc_now(void);

static inline struct mono mono_add(struct mono t, int64_t ns)
{
    return (struct mono){t.ns + ns};
}

static inline int64_t mono_since(struct mono later, struct mono earlier)
{
    return later.ns - earlier.ns;
}

static inline bool mono_before(struct mono a, struct mono b)
{
    return a.ns < b.ns;
}

/* False while the clock is before this program can have been built: a gateway that boots without
 * a battery-backed clock reads 1970 until NTP answers. */
bool utc_plausible(struct utc t);

/* "2026-11-24T08:00:00.123Z" into `out` (at least UTC_TEXT bytes); returns out. */
#define UTC_TEXT 32
char *utc_text(struct utc t, char *out);

#endif
