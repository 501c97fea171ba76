// SPDX-License-Identifier: Apache-2.0
// A stream in time: each sample is spread over the hours it stands for, moves the surplus state and the
// container.
//
// last_ms is the newest sample; high_ms the end of the time that is accounted for. They part when the clock
// is set back: states go on from the new time, but no second of UTC is counted twice.
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "streams/stream_inside.h"

#define HOUR_MS     3600000LL
#define BACK_MS     (5 * 60000LL)  // as in expressions: further back means that the clock was set
#define WRONG_MS    (24 * HOUR_MS) // the clock had been so far ahead that what it counted belongs to no time
#define LONG_GAP_MS (14 * 24 * HOUR_MS)
#define DECLARED_MS (15 * 60000LL) // a declared stream advances in steps of this

static const char *const words[] = {
    [STREAM_SURPLUS_BEGINS] = "surplus",    [STREAM_SURPLUS_ENDS] = "surplus_ended",
    [STREAM_CHANGED] = "changed",           [STREAM_CONTAINER_FULL] = "full",
    [STREAM_CONTAINER_EMPTIED] = "emptied", [STREAM_CONTAINER_PARTIAL] = "partial",
    [STREAM_CONTAINER_SWAPPED] = "swapped",
};

const char *stream_event_word(enum stream_event_kind k)
{
    return words[k];
}

const char *stream_state_word(enum stream_state s)
{
    static const char *const states[] = {"idle", "pending", "surplus", "releasing"};
    return states[s];
}

enum stream_state stream_state(const struct stream *s)
{
    return (enum stream_state)s->surplus.state;
}

void stream_say(struct stream *s, enum stream_event_kind kind, int64_t ms, double value, double amount,
                int64_t lasted, const char *format, ...)
{
    if (!s->hooks.event)
        return;
    struct stream_event e = {.kind = kind,
                             .time = {ms},
                             .value = value,
                             .amount = amount,
                             .lasted_ms = lasted,
                             .recurring = s->recurring};
    va_list args;
    va_start(args, format);
    vsnprintf(e.text, sizeof e.text, format, args);
    va_end(args);
    s->hooks.event(s->hooks.arg, s, &e);
}

// ---- Hours ----

void stream_hour_reset(struct stream *s, int64_t hour)
{
    s->hour = (struct open_hour){.hour = hour, .low = NAN, .high = NAN};
}

static void close_hour(struct stream *s)
{
    struct open_hour *o = &s->hour;
    struct stream_hour h = {
        .hour = o->hour,
        .amount = s->has_container ? o->came_in : o->amount / (double)HOUR_MS,
        .internal = o->internal / (double)HOUR_MS,
        .surplus = o->surplus / (double)HOUR_MS,
        .taken = o->taken,
        .low = o->low,
        .high = o->high,
        .known_s = (int32_t)((o->known_ms + 500) / 1000),
        .surplus_s = (int32_t)((o->surplus_ms + 500) / 1000),
    };
    bool any = o->known_ms > 0 || o->came_in > 0 || o->taken > 0;
    stream_learn(s, &h, o);
    stream_hour_reset(s, o->hour + 1);
    if (any && s->hooks.hour)
        s->hooks.hour(s->hooks.arg, s, &h);
    stream_history_add(s, &h, true);
}

static void account(struct stream *s, double value, double internal, int64_t from, int64_t to)
{
    if (from < s->high_ms)
        from = s->high_ms;
    if (to <= from)
        return;
    if (s->hour.hour > to / HOUR_MS || to - from > LONG_GAP_MS) {
        close_hour(s);
        stream_hour_reset(s, to / HOUR_MS);
        from = to;
    }
    while (from < to) {
        struct open_hour *o = &s->hour;
        int64_t end = (o->hour + 1) * HOUR_MS, until = to < end ? to : end;
        double ms = (double)(until - from);
        if (!isnan(value)) {
            o->known_ms += until - from;
            o->amount += value * ms;
            o->internal += isnan(internal) ? 0 : internal * ms;
            o->low = isnan(o->low) || value < o->low ? value : o->low;
            o->high = isnan(o->high) || value > o->high ? value : o->high;
        }
        for (int d = 0; d < MODEL_DRIVERS; d++)
            if (!isnan(s->driver[d])) {
                o->driver[d] += s->driver[d] * ms;
                o->driver_ms[d] += until - from;
            }
        if (surplus_on(&s->surplus)) {
            o->surplus_ms += until - from;
            o->surplus += isnan(value) ? 0 : value * ms;
        }
        from = until;
        if (until == end)
            close_hour(s);
    }
    s->high_ms = to;
}

// ---- Surplus ----

static void begin_surplus(struct stream *s, double value, int64_t ms)
{
    struct week_place now = week_place(s->calendar.zone, (struct utc){ms - 1});
    s->surplus.began_ms = ms;
    s->surplus.amount = 0;
    s->recurring = stream_recurs(s, now, now.hour) || stream_recurs(s, now, (now.hour + 1) % WEEK_HOURS);
    stream_say(s, STREAM_SURPLUS_BEGINS, ms, value, NAN, 0, "%s: %.4g %s to spare, %s", stream_name(s), value,
               unit_text(s->unit),
               s->recurring ? "as in most weeks" : "not seen often at this time of the week");
}

static void end_surplus(struct stream *s, double value, int64_t ms)
{
    double amount = s->surplus.amount / (double)HOUR_MS;
    int64_t lasted = ms - s->surplus.began_ms;
    char now[64] = "nothing is known of it";
    if (!isnan(value))
        snprintf(now, sizeof now, "%.4g %s now", value, unit_text(s->unit));
    if (s->has_container)
        amount = NAN;
    stream_say(s, STREAM_SURPLUS_ENDS, ms, value, amount, lasted,
               "%s: no longer to spare, %s; it was for %.1f h", stream_name(s), now,
               (double)lasted / (double)HOUR_MS);
    s->recurring = false;
}

// `value` held from `from` to `to`.
static void advance(struct stream *s, double value, double internal, int64_t from, int64_t to)
{
    account(s, value, internal, from, to);
    if (!s->can_surplus)
        return;
    if (surplus_on(&s->surplus) && !isnan(value))
        s->surplus.amount += value * (double)(to - from);
    switch (surplus_step(&s->surplus, &s->rule, value, to - from)) {
    case SURPLUS_BEGINS:
        begin_surplus(s, value, to);
        break;
    case SURPLUS_ENDS:
        end_surplus(s, value, to);
        break;
    case SURPLUS_SAME:
        break;
    }
}

// Nothing was known. The moment at which that ends a surplus lies within, whenever we look.
static void advance_unknown(struct stream *s, int64_t from, int64_t to)
{
    int64_t left = s->rule.unknown_ms - s->surplus.unknown_ms;
    if (s->can_surplus && s->surplus.state != STREAM_IDLE && left > 0 && from + left < to) {
        advance(s, NAN, NAN, from, from + left);
        from += left;
    }
    advance(s, NAN, NAN, from, to);
}

// ---- Containers ----

static void weigh(struct stream *s, int64_t ms, double weight)
{
    struct container_event events[CONTAINER_EVENTS];
    double came_in, taken;
    int64_t day = week_place(s->calendar.zone, (struct utc){ms}).day;
    unsigned n = container_feed(&s->container, &s->container_rule, ms, weight, !stream_day_shut(s, day),
                                events, &came_in, &taken);
    s->hour.came_in += came_in;
    s->hour.taken += taken;
    for (unsigned i = 0; i < n; i++) {
        double mass = events[i].mass;
        switch (events[i].kind) {
        case STREAM_CONTAINER_FULL:
            stream_say(s, events[i].kind, ms, mass, NAN, 0,
                       "%s: the container holds %.0f kg, it should be fetched", stream_name(s), mass);
            break;
        case STREAM_CONTAINER_EMPTIED:
            stream_say(s, events[i].kind, ms, mass, NAN, 0, "%s: emptied, %.0f kg taken away", stream_name(s),
                       mass);
            break;
        case STREAM_CONTAINER_SWAPPED:
            stream_say(s, events[i].kind, ms, mass, NAN, 0,
                       "%s: another container stands there, %.0f kg taken away", stream_name(s), mass);
            break;
        default:
            stream_say(s, events[i].kind, ms, mass, NAN, 0,
                       "%s: %.0f kg were taken out, the container is not emptied: what was it?",
                       stream_name(s), mass);
        }
    }
}

// ---- Samples and ticks ----

static double part_value(struct part *p, int64_t ms)
{
    return p->program ? expression_value(p->state, (struct utc){ms}) : NAN;
}

static double declared_at(const struct stream *s, int64_t ms)
{
    struct week_place p = week_place(s->calendar.zone, (struct utc){ms - 1});
    return stream_day_shut(s, p.day) || !schedule_has(s->hours, p.hour) ? 0 : s->declared;
}

static void begin_at(struct stream *s, int64_t ms)
{
    s->started = true;
    s->gap = false;
    s->last_ms = ms;
    s->high_ms = ms;
    stream_hour_reset(s, ms / HOUR_MS);
}

// True when the time may be counted from last_ms on.
static bool clock_goes_on(struct stream *s, int64_t ms)
{
    if (ms >= s->last_ms - BACK_MS)
        return ms > s->last_ms;
    if (s->high_ms - ms > WRONG_MS) {
        s->high_ms = ms;
        stream_hour_reset(s, ms / HOUR_MS);
    }
    s->last_ms = ms;
    s->gap = false;
    return false;
}

static void evaluate(struct stream *s, int64_t ms, double *gross)
{
    *gross = s->parts[PART_VALUE].program ? part_value(&s->parts[PART_VALUE], ms) : declared_at(s, ms);
    s->internal = s->parts[PART_INTERNAL].program ? part_value(&s->parts[PART_INTERNAL], ms) : NAN;
    s->difference = part_value(&s->parts[PART_DIFFERENCE], ms);
    for (int d = 0; d < MODEL_DRIVERS; d++)
        s->driver[d] = part_value(&s->parts[PART_DRIVER + d], ms);
    s->value = *gross;
    if (s->parts[PART_INTERNAL].program)
        s->value = isnan(s->internal) || isnan(*gross) ? NAN : fmax(0, *gross - s->internal);
    if (!isnan(s->internal) && !isnan(*gross))
        s->internal = fmin(fmax(s->internal, 0), *gross);
}

void stream_settle(struct stream *s, struct utc t)
{
    double gross;
    if (!s->fed && s->parts[PART_VALUE].program && s->own_inputs)
        return;
    s->fed = false;
    if (!s->started)
        begin_at(s, t.ms);
    int64_t from = s->last_ms;
    bool counts = clock_goes_on(s, t.ms);
    evaluate(s, t.ms, &gross);
    if (s->has_container) {
        // What the scale shows becomes what is in the container; a moving weight leaves the last one that
        // stood still.
        bool known = !isnan(gross);
        if (known)
            weigh(s, t.ms, gross);
        s->value = known ? s->container.level : NAN;
    }
    if (!counts)
        return;
    if (s->gap || t.ms - from > s->hold_ms)
        advance_unknown(s, from, t.ms);
    else if (isnan(s->value))
        advance_unknown(s, from, t.ms);
    else
        advance(s, s->value, s->internal, from, t.ms);
    s->last_ms = t.ms;
    s->gap = false;
}

static void tick_declared(struct stream *s, int64_t ms)
{
    if (!s->started) {
        begin_at(s, ms - ms % DECLARED_MS);
        evaluate(s, s->last_ms, &(double){0});
    }
    if (ms < s->last_ms - BACK_MS || ms - s->last_ms > LONG_GAP_MS)
        clock_goes_on(s, ms - ms % DECLARED_MS);
    while (ms - s->last_ms >= DECLARED_MS)
        stream_settle(s, (struct utc){s->last_ms + DECLARED_MS - s->last_ms % DECLARED_MS});
}

void stream_tick(struct stream *s, struct utc t)
{
    if (!s->parts[PART_VALUE].program) {
        tick_declared(s, t.ms);
        return;
    }
    if (!s->started || t.ms - s->last_ms <= s->hold_ms)
        return;
    advance_unknown(s, s->last_ms, t.ms);
    s->last_ms = t.ms;
    s->gap = true;
    s->value = NAN;
}

double stream_value(const struct stream *s, struct utc t)
{
    bool stale = s->parts[PART_VALUE].program && t.ms - s->last_ms > s->hold_ms;
    return s->started && !stale ? s->value : NAN;
}
