// SPDX-License-Identifier: Apache-2.0
// From weights to stable levels, from levels to events and a fill rate.
//
// Samples that come more than a third of an emptying apart (`within`) cannot show that a weight stands still:
// then each is a level, but for those beyond the capacity, and a fall waits for the next sample to agree.
#include "streams/container.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FULL_SHARE      0.8 // of the capacity: somebody should order the lorry
#define EMPTY_SHARE     0.1 // of the capacity: what sticks in an emptied container
#define EMPTYING_SHARE  0.3 // of the capacity: a smaller fall is no emptying
#define EMPTYING_MIN_KG 100.0
#define OVERFULL_SHARE  1.2 // of the capacity: no slow sample is believed beyond
#define FIRST_GRAIN_MS  (10 * 60000)
#define NEVER_DAYS      1000              // what takes longer is the scale drifting
#define LONGEST_MS      (30 * 86400000LL) // between two weights; more is a clock that was put right
#define DAY_MS          86400000.0

void container_reset(struct container *c, const struct container_rule *r)
{
    memset(c, 0, sizeof *c);
    c->tare = r->tare;
    c->level = c->from = c->held = NAN;
    c->grain_ms = FIRST_GRAIN_MS;
}

// ---- The fill rate ----

static void note_point(struct container *c)
{
    if (c->points_n && c->working_ms - c->points[c->points_n - 1].at_ms < c->grain_ms)
        return;
    if (c->points_n == CONTAINER_POINTS) {
        for (uint32_t i = 0; i < CONTAINER_POINTS / 2; i++)
            c->points[i] = c->points[2 * i];
        c->points_n = CONTAINER_POINTS / 2;
        c->grain_ms *= 2;
    }
    c->points[c->points_n++] = (struct container_point){c->working_ms, c->level + c->taken_out};
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double container_rate(const struct container *c)
{
    double slopes[CONTAINER_POINTS * (CONTAINER_POINTS - 1) / 2];
    size_t n = 0;
    for (uint32_t i = 0; i < c->points_n; i++)
        for (uint32_t j = i + 1; j < c->points_n; j++)
            slopes[n++] = (c->points[j].filled - c->points[i].filled) /
                          ((double)(c->points[j].at_ms - c->points[i].at_ms) / DAY_MS);
    if (c->points_n < 3)
        return NAN;
    qsort(slopes, n, sizeof *slopes, ascending);
    return n % 2 ? slopes[n / 2] : (slopes[n / 2 - 1] + slopes[n / 2]) / 2;
}

static double full_at(const struct container_rule *r)
{
    return r->volume_limit > 0 ? fmin(r->capacity, r->volume_limit) : r->capacity;
}

double container_days(const struct container *c, const struct container_rule *r)
{
    double rate = container_rate(c), left = full_at(r) - c->level;
    if (isnan(left) || !(rate > 0))
        return NAN;
    return left <= 0 ? 0 : left / rate < NEVER_DAYS ? left / rate : NAN;
}

static void begin_again(struct container *c)
{
    c->points_n = 0;
    c->working_ms = 0;
    c->grain_ms = FIRST_GRAIN_MS;
    c->taken_out = 0;
    c->full_said = false;
    c->from = NAN;
}

// ---- Levels to events ----

struct step {
    const struct container_rule *rule;
    struct container_event *out;
    unsigned n;
    double came_in, taken;
    int64_t ms, spacing_ms;
};

static void say(struct step *s, enum stream_event_kind kind, double mass)
{
    if (s->n < CONTAINER_EVENTS)
        s->out[s->n++] = (struct container_event){kind, mass};
}

static double tolerance(const struct container_rule *r)
{
    return fmax(5 * r->stable * r->capacity, 0.5);
}

static void gone(struct container *c, struct step *s, enum stream_event_kind kind, double before, double left)
{
    say(s, kind, before - left);
    s->taken += before - left;
    begin_again(c);
    c->level = c->counted = left;
}

// A fall ends in an emptying, or when an emptying would have been over, in something taken out.
static void settle_fall(struct container *c, struct step *s, double net)
{
    const struct container_rule *r = s->rule;
    int64_t within = r->within_ms > s->spacing_ms ? r->within_ms : s->spacing_ms;
    bool in_time = s->ms - c->from_ms <= within;
    if (in_time && net <= EMPTY_SHARE * r->capacity &&
        c->from - net >= fmax(EMPTYING_SHARE * r->capacity, EMPTYING_MIN_KG)) {
        gone(c, s, STREAM_CONTAINER_EMPTIED, c->from, net);
    } else if (net >= c->from - tolerance(r)) {
        c->from = NAN; // it is back: somebody had lifted it a little
    } else if (!in_time) {
        say(s, STREAM_CONTAINER_PARTIAL, c->from - net);
        s->taken += c->from - net;
        c->taken_out += c->from - net;
        c->counted = net;
        c->from = NAN;
    }
}

static void count_in(struct container *c, struct step *s, double net)
{
    if (isnan(c->from) && net > c->counted) {
        s->came_in += net - c->counted;
        c->counted = net;
    }
    if (!c->full_said && net >= FULL_SHARE * full_at(s->rule)) {
        c->full_said = true;
        say(s, STREAM_CONTAINER_FULL, net);
    }
}

static void new_level(struct container *c, struct step *s, double net)
{
    if (isnan(c->level)) {
        c->level = c->counted = net;
    } else if (isnan(c->from) && net < c->level - tolerance(s->rule)) {
        c->from = c->level;
        // Not before the samples that show it: while nobody looked it may have taken any time.
        c->from_ms = c->times[0] > c->level_ms ? c->times[0] : c->level_ms;
    }
    if (!isnan(c->from))
        settle_fall(c, s, net);
    c->level = net;
    c->level_ms = s->ms;
    count_in(c, s, net);
    if (isnan(c->from))
        note_point(c);
}

// Gross: something stands on the scale again. Either the same container, or another with a tare of its own.
static void came_back(struct container *c, struct step *s, double gross)
{
    const struct container_rule *r = s->rule;
    double before = isnan(c->level) ? 0 : c->level, net = gross - c->tare;
    c->absent = false;
    if (net > EMPTY_SHARE * r->capacity)
        return; // with its content: compared as any other level
    bool other = fabs(net) > tolerance(r);
    if (other)
        c->tare = gross;
    c->from = NAN;
    if (!isnan(c->level))
        gone(c, s, other ? STREAM_CONTAINER_SWAPPED : STREAM_CONTAINER_EMPTIED, before, other ? 0 : net);
}

static void steady(struct container *c, struct step *s, double weight)
{
    if (s->rule->tare > 0) {
        if (weight < 0.5 * c->tare) {
            c->absent = true;
            return;
        }
        if (c->absent)
            came_back(c, s, weight);
    }
    new_level(c, s, weight - c->tare);
}

// ---- Samples to levels ----

static bool stands_still(const struct container *c, const struct container_rule *r, double *mean)
{
    if (c->n < CONTAINER_SAMPLES)
        return false;
    double sum = 0, squares = 0;
    for (int i = 0; i < CONTAINER_SAMPLES; i++)
        sum += c->samples[i];
    *mean = sum / CONTAINER_SAMPLES;
    for (int i = 0; i < CONTAINER_SAMPLES; i++)
        squares += (c->samples[i] - *mean) * (c->samples[i] - *mean);
    return sqrt(squares / CONTAINER_SAMPLES) < r->stable * r->capacity;
}

static void slow_sample(struct container *c, struct step *s, double weight)
{
    double net = weight - c->tare, held = c->held;
    c->held = NAN;
    if (net > OVERFULL_SHARE * s->rule->capacity)
        return;
    bool falls = !isnan(c->level) && net < c->level - tolerance(s->rule);
    if (falls && (isnan(held) || fabs(weight - held) > 0.05 * s->rule->capacity)) {
        c->held = weight;
        c->held_ms = s->ms;
        return;
    }
    steady(c, s, weight);
}

unsigned container_feed(struct container *c, const struct container_rule *r, int64_t ms, double weight,
                        bool working, struct container_event out[static CONTAINER_EVENTS], double *came_in,
                        double *taken)
{
    struct step s = {.rule = r, .out = out, .ms = ms};
    *came_in = *taken = 0;
    if (isnan(weight))
        return 0;
    int64_t since = c->n ? ms - c->times[CONTAINER_SAMPLES - 1] : 0;
    if (since < 0)
        since = 0;
    if (c->n && ms <= c->times[CONTAINER_SAMPLES - 1] && weight == c->samples[CONTAINER_SAMPLES - 1])
        return 0;
    bool slow = since > r->within_ms / 3;
    if (slow && c->n == 1 && isnan(c->level)) {
        struct step first = {.rule = r, .out = out, .ms = c->times[CONTAINER_SAMPLES - 1]};
        slow_sample(c, &first, c->samples[CONTAINER_SAMPLES - 1]); // the very first could not be judged
    }
    if (working)
        c->working_ms += since < LONGEST_MS ? since : LONGEST_MS;
    if (c->working_ms > CONTAINER_WORKING_MAX)
        begin_again(c);
    memmove(c->samples, c->samples + 1, sizeof c->samples - sizeof *c->samples);
    memmove(c->times, c->times + 1, sizeof c->times - sizeof *c->times);
    c->samples[CONTAINER_SAMPLES - 1] = weight;
    c->times[CONTAINER_SAMPLES - 1] = ms;
    c->n += c->n < CONTAINER_SAMPLES;
    double mean;
    if (slow) {
        s.spacing_ms = 2 * since;
        c->n = 1;
        slow_sample(c, &s, weight);
    } else if (stands_still(c, r, &mean)) {
        steady(c, &s, mean);
    }
    *came_in = s.came_in;
    *taken = s.taken;
    return s.n;
}
