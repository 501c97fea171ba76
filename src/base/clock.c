// SPDX-License-Identifier: Apache-2.0
// Reading the two clocks, and UTC as people read it.
#include "symbiont/clock.h"

#include <stdio.h>
#include <time.h>

struct mono mono_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (struct mono){t.tv_sec * NS_PER_S + t.tv_nsec};
}

struct utc utc_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (struct utc){t.tv_sec * 1000LL + t.tv_nsec / NS_PER_MS};
}

bool utc_plausible(struct utc t)
{
    // 2024-01-01: before this source was written.
    return t.ms >= 1704067200000LL;
}

char *utc_text(struct utc t, char *out)
{
    time_t seconds = (time_t)(t.ms >= 0 ? t.ms / 1000 : (t.ms - 999) / 1000);
    int ms = (int)(t.ms - (int64_t)seconds * 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || tm.tm_year > 8099)
        return snprintf(out, UTC_TEXT, "invalid time") < 0 ? NULL : out;
    size_t n = strftime(out, UTC_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, UTC_TEXT - n, ".%03dZ", ms);
    return out;
}
