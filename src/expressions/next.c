// SPDX-License-Identifier: Apache-2.0
// When the answer of an expression may change although nothing is fed.
#include <math.h>
#include "program.h"

#define MINUTE_MS INT64_C(60000)
// Time zones differ by quarters of an hour; so full hours and days of any zone fall on them.
#define QUARTER_MS (15 * MINUTE_MS)

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// The first multiple of `step` after t.
static int64_t next_multiple(int64_t t, int64_t step)
{
    int64_t into = t % step;
    return t - (into < 0 ? into + step : into) + step;
}

static bool runs(const struct window_spec *spec)
{
    return spec->function == WINDOW_AGE || (spec->function == WINDOW_COUNT && !spec->boolean);
}

bool expression_timed(const struct expression *e)
{
    for (size_t i = 0; i < e->windows; i++)
        if (runs(&e->specs[i]))
            return true;
    return false;
}

struct utc expression_next(const struct expression_state *s, struct utc now)
{
    int64_t t = now.ms > s->now ? now.ms : s->now, next = INT64_MAX;
    for (size_t i = 0; i < s->slots; i++) {
        int64_t hold = s->holds[i];
        if (hold && !isnan(s->values[i]) && s->at[i] + hold >= t)
            next = earlier(next, s->at[i] + hold + 1);
    }
    for (size_t i = 0; i < s->window_count; i++) {
        int64_t until = s->windows[i].valid_until;
        if (runs(s->windows[i].spec))
            next = earlier(next, next_multiple(t, MINUTE_MS));
        else if (until >= t && until < INT64_MAX)
            next = earlier(next, until + 1);
    }
    if (s->uses_calendar)
        next = earlier(next, next_multiple(t, QUARTER_MS));
    return (struct utc){next};
}
