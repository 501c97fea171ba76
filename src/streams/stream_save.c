// SPDX-License-Identifier: Apache-2.0
// A stream's moment as bytes, to go on after a restart.
//
// - "SST1"
// - u64 identity (name, unit, container or not), u64 setup (formula, thresholds, container, parts)
// - u8 flags (1 started, 2 gap, 4 recurring, 8 regression), i64 last_ms, high_ms
// - the open hour: i64 hour, f64 amount, internal, surplus, came_in, taken, low, high,
//   i64 known_ms, surplus_ms
// - surplus: u8 state, i64 dwell_ms, unknown_ms, began_ms, f64 amount
// - container: f64 tare, level, counted, from, held, taken_out,
//   i64 level_ms, from_ms, held_ms, working_ms, grain_ms, u8 flags (1 absent, 2 full_said),
//   u8 n, 5 x (f64 sample, i64 time), u8 n, n x (i64 at, f64 filled)
// - with flag 8: u64 identity of the regression, the open hour's f64 sum and i64 ms of each driver,
//   u32 length, bytes of model_save
// - per part that is compiled: u32 length, bytes of expression_state_save
// - u64 FNV-1a of all bytes before
//
// Big-endian; f64 as its 64 bits. What does not fit together is refused as a whole.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "streams/stream_inside.h"
#include "symbiont/cursor.h"
#include "symbiont/pack.h"

static const char magic[4] = {'S', 'S', 'T', '1'};
enum { STARTED = 1, GAP = 2, RECURRING = 4, REGRESSION = 8 };
enum { ABSENT = 1, FULL_SAID = 2 };

#define LATEST_MS (INT64_C(1) << 53)

uint64_t stream_identity(const struct stream *s)
{
    uint64_t h = fnv1a_text(fnv1a_text(FNV_BASIS, s->config->name), unit_text(s->unit));
    return fnv1a(h, s->has_container ? "c" : "f", 1);
}

static uint64_t setup_of(const struct stream *s)
{
    char text[400];
    int n = snprintf(text, sizeof text, "%d %.17g %.17g %lld %lld %lld %.17g %.17g %.17g %.17g %lld",
                     s->can_surplus, s->rule.above, s->rule.below, (long long)s->rule.hold_ms,
                     (long long)s->rule.release_ms, (long long)s->rule.unknown_ms, s->container_rule.capacity,
                     s->container_rule.tare, s->container_rule.volume_limit, s->container_rule.stable,
                     (long long)s->container_rule.within_ms);
    uint64_t h = fnv1a_text(fnv1a(FNV_BASIS, text, (size_t)n), s->formula);
    return s->config->internal ? fnv1a_text(h, s->config->internal) : h;
}

uint64_t stream_model_identity(const struct stream *s)
{
    const struct baseline_config *c = &s->config->baseline;
    return fnv1a_text(fnv1a_text(fnv1a_text(FNV_BASIS, s->formula), c->outdoor), c->production);
}

// ---- Writing ----

static void put_hour(struct buf *b, const struct open_hour *o)
{
    pack_i64(b, o->hour);
    const double sums[] = {o->amount, o->internal, o->surplus, o->came_in, o->taken, o->low, o->high};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        pack_f64(b, sums[i]);
    pack_i64(b, o->known_ms);
    pack_i64(b, o->surplus_ms);
}

static void put_container(struct buf *b, const struct container *c)
{
    const double numbers[] = {c->tare, c->level, c->counted, c->from, c->held, c->taken_out};
    const int64_t times[] = {c->level_ms, c->from_ms, c->held_ms, c->working_ms, c->grain_ms};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        pack_f64(b, numbers[i]);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        pack_i64(b, times[i]);
    pack_u8(b, (c->absent ? ABSENT : 0u) | (c->full_said ? FULL_SAID : 0u));
    pack_u8(b, c->n);
    for (int i = 0; i < CONTAINER_SAMPLES; i++) {
        pack_f64(b, c->samples[i]);
        pack_i64(b, c->times[i]);
    }
    pack_u8(b, c->points_n);
    for (uint32_t i = 0; i < c->points_n; i++) {
        pack_i64(b, c->points[i].at_ms);
        pack_f64(b, c->points[i].filled);
    }
}

// With their length before them; frees them.
static void put_sized(struct buf *b, struct buf *bytes)
{
    pack_u32(b, (uint32_t)bytes->len);
    buf_put(b, bytes->data, bytes->len);
    b->failed |= bytes->failed;
    buf_free(bytes);
}

static void put_parts(struct stream *s, struct buf *b)
{
    for (size_t i = 0; i < s->part_count; i++) {
        if (!s->parts[i].program)
            continue;
        struct buf bytes = {0};
        expression_state_save(s->parts[i].state, &bytes);
        put_sized(b, &bytes);
    }
}

static void put_model(struct buf *b, const struct stream *s)
{
    pack_u64(b, stream_model_identity(s));
    for (int d = 0; d < MODEL_DRIVERS; d++) {
        pack_f64(b, s->hour.driver[d]);
        pack_i64(b, s->hour.driver_ms[d]);
    }
    struct buf bytes = {0};
    model_save(s->model, &bytes);
    put_sized(b, &bytes);
}

void stream_save(struct stream *s, struct buf *out)
{
    size_t begin = out->len;
    buf_put(out, magic, sizeof magic);
    pack_u64(out, stream_identity(s));
    pack_u64(out, setup_of(s));
    pack_u8(out, (s->started ? STARTED : 0u) | (s->gap ? GAP : 0u) | (s->recurring ? RECURRING : 0u) |
                     (s->model ? REGRESSION : 0u));
    pack_i64(out, s->last_ms);
    pack_i64(out, s->high_ms);
    put_hour(out, &s->hour);
    pack_u8(out, s->surplus.state);
    pack_i64(out, s->surplus.dwell_ms);
    pack_i64(out, s->surplus.unknown_ms);
    pack_i64(out, s->surplus.began_ms);
    pack_f64(out, s->surplus.amount);
    put_container(out, &s->container);
    if (s->model)
        put_model(out, s);
    put_parts(s, out);
    if (!out->failed)
        pack_u64(out, fnv1a(FNV_BASIS, out->data + begin, out->len - begin));
}

// ---- Reading ----

struct moment {
    bool started, gap, recurring, regression;
    int64_t last_ms, high_ms;
    struct open_hour hour;
    struct surplus surplus;
    struct container container;
};

// A time, or a span of time.
static int64_t take_time(struct cursor *c)
{
    int64_t v = cursor_i64(c);
    if (v > LATEST_MS || v < -LATEST_MS)
        c->failed = true;
    return v;
}

// A span of time that goes on growing: what is saved later is still within the bound above.
static int64_t take_growing(struct cursor *c)
{
    int64_t v = take_time(c);
    return v > LATEST_MS / 2 ? LATEST_MS / 2 : v;
}

// Beyond any plant; a sum of such values over years of milliseconds is still within the bound of sums.
#define VALUE_MAX 1e12
#define SUM_MAX   1e30

static double take_f64(struct cursor *c, double most)
{
    double v = cursor_f64(c);
    if (fabs(v) > most)
        c->failed = true;
    return v;
}

// A value, or NaN: unknown.
static double take_value(struct cursor *c)
{
    return take_f64(c, VALUE_MAX);
}

static double take_number(struct cursor *c)
{
    double v = take_f64(c, VALUE_MAX);
    if (isnan(v))
        c->failed = true;
    return v;
}

static double take_sum(struct cursor *c)
{
    double v = take_f64(c, SUM_MAX);
    if (isnan(v))
        c->failed = true;
    return v;
}

static void take_hour(struct cursor *c, struct open_hour *o)
{
    o->hour = take_time(c);
    double *const sums[] = {&o->amount, &o->internal, &o->surplus, &o->came_in, &o->taken};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        *sums[i] = take_sum(c);
    o->low = take_value(c);
    o->high = take_value(c);
    o->known_ms = take_time(c);
    o->surplus_ms = take_time(c);
    if (o->known_ms < 0 || o->known_ms > 3600000 || o->surplus_ms < 0 || o->surplus_ms > 3600000 ||
        o->hour > LATEST_MS / 3600000 || o->hour < -LATEST_MS / 3600000)
        c->failed = true;
}

static void take_container(struct cursor *c, struct container *out)
{
    out->tare = take_number(c);
    out->level = take_value(c);
    out->counted = take_number(c);
    out->from = take_value(c);
    out->held = take_value(c);
    out->taken_out = take_number(c);
    int64_t *const times[] = {&out->level_ms, &out->from_ms, &out->held_ms, &out->working_ms, &out->grain_ms};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        *times[i] = take_time(c);
    uint8_t flags = cursor_u8(c);
    out->absent = flags & ABSENT;
    out->full_said = flags & FULL_SAID;
    out->n = cursor_u8(c);
    for (int i = 0; i < CONTAINER_SAMPLES; i++) {
        out->samples[i] = take_number(c);
        out->times[i] = take_time(c);
    }
    out->points_n = cursor_u8(c);
    if (out->n > CONTAINER_SAMPLES || out->points_n > CONTAINER_POINTS || out->grain_ms < 0 ||
        out->working_ms < 0 || out->working_ms > CONTAINER_WORKING_MAX)
        c->failed = true;
    for (uint32_t i = 0; !c->failed && i < out->points_n; i++) {
        out->points[i].at_ms = take_time(c);
        out->points[i].filled = take_number(c);
        if ((i > 0 && out->points[i].at_ms <= out->points[i - 1].at_ms) ||
            out->points[i].at_ms > out->working_ms)
            c->failed = true;
    }
}

static bool take_moment(struct cursor *c, struct moment *m)
{
    uint8_t flags = cursor_u8(c);
    m->started = flags & STARTED;
    m->gap = flags & GAP;
    m->recurring = flags & RECURRING;
    m->regression = flags & REGRESSION;
    m->last_ms = take_time(c);
    m->high_ms = take_time(c);
    take_hour(c, &m->hour);
    m->surplus.state = cursor_u8(c);
    m->surplus.dwell_ms = take_growing(c);
    m->surplus.unknown_ms = take_growing(c);
    m->surplus.began_ms = take_time(c);
    m->surplus.amount = take_sum(c);
    take_container(c, &m->container);
    if (m->surplus.state > STREAM_RELEASING || m->surplus.dwell_ms < 0 || m->surplus.unknown_ms < 0)
        c->failed = true;
    // The open hour is the one that the time accounted for ends in, or the one that begins there; no more of
    // it is known than is over.
    int64_t over = c->failed ? 0 : m->high_ms - m->hour.hour * 3600000;
    if (m->started && (m->last_ms > m->high_ms || over < 0 || over > 3600000 || m->hour.known_ms > over ||
                       m->hour.surplus_ms > over))
        c->failed = true;
    return !c->failed;
}

// Each window as far as its own bytes are sound: an expression that changed begins anew.
static void take_parts(struct stream *s, struct cursor *c)
{
    for (size_t i = 0; i < s->part_count && !c->failed; i++) {
        if (!s->parts[i].program)
            continue;
        uint32_t n = cursor_u32(c);
        const uint8_t *bytes = cursor_take(c, n);
        if (bytes)
            expression_state_restore(s->parts[i].state, bytes, n);
    }
}

// Of another formula or other drivers, or damaged: the regression begins anew.
static void take_model(struct stream *s, struct cursor *c)
{
    struct open_hour o = s->hour;
    uint64_t identity = cursor_u64(c);
    bool good = true;
    for (int d = 0; d < MODEL_DRIVERS; d++) {
        o.driver[d] = take_sum(c);
        o.driver_ms[d] = take_time(c);
        good &= o.driver_ms[d] >= 0 && o.driver_ms[d] <= 3600000;
    }
    uint32_t n = cursor_u32(c);
    const uint8_t *bytes = cursor_take(c, n);
    if (!bytes || !good || !s->model || identity != stream_model_identity(s))
        return;
    struct cursor inner = cursor_over(bytes, n);
    if (model_restore(s->model, &inner))
        s->hour = o;
}

bool stream_restore(struct stream *s, const void *data, size_t n)
{
    if (n < sizeof magic + 24 || memcmp(data, magic, sizeof magic) != 0)
        return false;
    struct cursor end = cursor_over((const uint8_t *)data + n - 8, 8);
    struct cursor c = cursor_over((const uint8_t *)data + sizeof magic, n - sizeof magic - 8);
    struct moment m = {0};
    if (cursor_u64(&end) != fnv1a(FNV_BASIS, data, n - 8) || cursor_u64(&c) != stream_identity(s))
        return false;
    bool same = cursor_u64(&c) == setup_of(s);
    if (!take_moment(&c, &m) || (s->has_container && m.container.grain_ms < 1))
        return false;
    s->started = m.started;
    s->last_ms = m.last_ms;
    s->high_ms = m.high_ms;
    s->hour = m.hour;
    s->gap = m.gap;
    if (m.regression)
        take_model(s, &c);
    if (!same)
        return true;
    s->recurring = m.recurring;
    s->surplus = m.surplus;
    if (s->has_container)
        s->container = m.container;
    take_parts(s, &c);
    return true;
}
