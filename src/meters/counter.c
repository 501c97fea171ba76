// SPDX-License-Identifier: Apache-2.0
// Judging the steps of a total: normal, wrap, reset, or refused.
#include "symbiont/counter.h"

#include <math.h>

// A meter may write its total in bursts (some every 15 minutes): after standing still it may rise by what
// max_rate allows since it last moved, up to this long. Longer, and one wild reading after a quiet weekend
// would pass.
#define BURST_MS (60 * 60 * 1000)

// Without a known rate a fall still counts as going round when it is this small a part of the modulus.
#define WRAP_PART 0.01

// The year 9999: differences of times up to it cannot overflow.
#define TIME_MAX_MS 253402300799999

static const char *const kind_words[] = {
    [COUNTER_FIRST] = "first reading",
    [COUNTER_NORMAL] = "normal",
    [COUNTER_BRIDGED] = "gap bridged",
    [COUNTER_WRAP] = "wrap",
    [COUNTER_RESET] = "reset confirmed",
    [COUNTER_UNKNOWN] = "may have gone round unseen",
    [COUNTER_LOW] = "lower than before, refused",
    [COUNTER_FAST] = "rose faster than can be, refused",
};

const char *counter_kind_text(enum counter_kind kind)
{
    return kind_words[kind];
}

// ---- The rule ----

// How many values the register can hold; 0: no wrap is assumed. A signed or a 64-bit total does not go round
// in a meter's life unless the profile says so.
static double register_values(const struct point *p)
{
    if (p->mask)
        return (double)(p->mask >> __builtin_ctzll(p->mask)) + 1;
    switch ((enum point_type)p->type) {
    case POINT_UINT16:
        return 0x1p16;
    case POINT_UINT32:
        return 0x1p32;
    case POINT_LOW_BYTE:
    case POINT_HIGH_BYTE:
        return 0x1p8;
    case POINT_BCD16:
        return 1e4;
    case POINT_BCD32:
        return 1e8;
    default:
        return 0;
    }
}

struct counter_rule counter_rule_for(const struct point *points, size_t i, const struct value *out,
                                     int64_t every_ns)
{
    const struct point *p = &points[i];
    double factor =
        fabs(p->factor / (p->divisor == 0 ? 1 : p->divisor)) * fabs(point_multiplier(points, i, out));
    bool is_float = p->type == POINT_FLOAT32 || p->type == POINT_FLOAT64 || p->type == POINT_DERIVED;
    return (struct counter_rule){
        .modulus = p->modulus > 0 ? p->modulus : register_values(p) * factor,
        .max_rate = p->max_rate,
        .step = is_float ? 0 : factor,
        .relative_step = p->type == POINT_FLOAT32 ? 0x1p-23 : 0,
        .gap_ms = 3 * every_ns / NS_PER_MS,
        .confirm = 3,
        .confirm_ms = 60 * 1000,
    };
}

// ---- Is a step explained? ----

// The time in which a rise may have happened. When the clock was set back: as long as usual.
static int64_t window_ms(const struct counter *c, int64_t now_ms)
{
    int64_t elapsed = now_ms - c->last_ms, still = now_ms - c->still_ms;
    if (elapsed <= 0)
        return c->interval_ms;
    if (still > BURST_MS)
        still = BURST_MS;
    return still > elapsed ? still : elapsed;
}

static double allowed_rise(const struct counter_rule *r, int64_t window, double reading)
{
    return r->max_rate * (double)window / 1000 + r->step + r->relative_step * fabs(reading);
}

static bool rise_explained(const struct counter *c, const struct counter_rule *r, double reading,
                           int64_t now_ms)
{
    double rise = reading - c->last;
    if (r->max_rate > 0)
        return rise <= allowed_rise(r, window_ms(c, now_ms), reading);
    // More than half way round is a fall rather than a rise.
    if (r->modulus > 0 && rise > r->modulus / 2)
        return false;
    // Back at the level from before a "reset" in one leap: the reset was a fault that lasted.
    return !(c->last < c->abandoned && reading >= c->abandoned && rise > (c->abandoned - c->last) / 2);
}

static bool wrap_explained(const struct counter *c, const struct counter_rule *r, double reading,
                           int64_t now_ms)
{
    if (r->modulus <= 0 || c->last > r->modulus || reading < 0)
        return false;
    double rise = reading + r->modulus - c->last;
    if (r->max_rate > 0)
        return rise <= allowed_rise(r, window_ms(c, now_ms), reading);
    return rise <= r->modulus * WRAP_PART;
}

// Could it have gone round a whole time since the last reading, however it looks?
static bool may_have_gone_round(const struct counter *c, const struct counter_rule *r, int64_t now_ms)
{
    return r->modulus > 0 && r->max_rate > 0 &&
           r->max_rate * (double)(now_ms - c->last_ms) / 1000 >= r->modulus;
}

static enum counter_kind judge(const struct counter *c, const struct counter_rule *r, double reading,
                               int64_t now_ms)
{
    if (!c->known)
        return COUNTER_FIRST;
    if (may_have_gone_round(c, r, now_ms))
        return COUNTER_UNKNOWN;
    if (reading < c->last)
        return wrap_explained(c, r, reading, now_ms) ? COUNTER_WRAP : COUNTER_LOW;
    if (!rise_explained(c, r, reading, now_ms))
        return COUNTER_FAST;
    bool gap = r->gap_ms > 0 && now_ms - c->last_ms > r->gap_ms;
    return c->refused || gap ? COUNTER_BRIDGED : COUNTER_NORMAL;
}

// ---- Refused readings ----

static bool agrees_with_refused(const struct counter *c, const struct counter_rule *r, double reading,
                                int64_t now_ms)
{
    if (!c->refused || reading < c->last_refused)
        return false;
    int64_t window = now_ms - c->last_refused_ms;
    if (window < c->interval_ms)
        window = c->interval_ms;
    return r->max_rate <= 0 || reading - c->last_refused <= allowed_rise(r, window, reading);
}

// True when this reading confirms a new level.
static bool refuse(struct counter *c, const struct counter_rule *r, double reading, int64_t now_ms)
{
    if (!agrees_with_refused(c, r, reading, now_ms)) {
        c->refused = 0;
        c->first_refused = reading;
        c->first_refused_ms = now_ms;
    }
    c->refused++;
    c->last_refused = reading;
    c->last_refused_ms = now_ms;
    return c->refused >= r->confirm && now_ms - c->first_refused_ms >= r->confirm_ms;
}

static void trust(struct counter *c, double reading, int64_t now_ms)
{
    if (!c->known)
        c->still_ms = now_ms;
    else if (reading != c->last)
        c->still_ms = c->last_ms < now_ms ? c->last_ms : now_ms;
    if (c->known && now_ms > c->last_ms)
        c->interval_ms = now_ms - c->last_ms;
    c->last = reading;
    c->last_ms = now_ms;
    c->refused = 0;
    c->known = 1;
}

static double delta_of(const struct counter *c, const struct counter_rule *r, enum counter_kind kind,
                       double reading)
{
    switch (kind) {
    case COUNTER_NORMAL:
    case COUNTER_BRIDGED:
        return reading - c->last;
    case COUNTER_WRAP:
        return reading + r->modulus - c->last;
    case COUNTER_RESET:
        return reading - c->first_refused;
    default:
        return 0;
    }
}

struct counter_event counter_step(struct counter *c, const struct counter_rule *rule, double reading,
                                  struct utc now)
{
    enum counter_kind kind = judge(c, rule, reading, now.ms);
    if (counter_refused(kind) && refuse(c, rule, reading, now.ms))
        kind = COUNTER_RESET;
    struct counter_event event = {.kind = kind,
                                  .before = c->known ? c->last : reading,
                                  .after = reading,
                                  .delta = delta_of(c, rule, kind, reading),
                                  .elapsed_ms = c->known ? now.ms - c->last_ms : 0};
    if (kind == COUNTER_RESET)
        c->abandoned = reading < c->last ? c->last : 0;
    if (!counter_refused(kind))
        trust(c, reading, now.ms);
    c->total += event.delta;
    return event;
}

bool counter_valid(const struct counter *c)
{
    const double numbers[] = {c->total, c->last, c->abandoned, c->first_refused, c->last_refused};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!isfinite(numbers[i]))
            return false;
    const int64_t times[] = {c->last_ms, c->still_ms, c->interval_ms, c->first_refused_ms,
                             c->last_refused_ms};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i] < 0 || times[i] > TIME_MAX_MS)
            return false;
    return c->known <= 1 && c->total >= 0;
}
