// SPDX-License-Identifier: Apache-2.0
// The memory of an expression as bytes, to carry windows over a restart.
//
//     "SXP1"
//     u64 fingerprint of the program
//     i64 now, u8 started
//     per slot:    f64 value, i64 at
//     per window:  u8 flags, f64 reference, f64 wraps, f64 slope, f64 result, i64 valid_until,
//                  3 samples (pending, last, newest), f64 known, a, b, u16 since_exact,
//                  u16 n, n segments {i64 start, i64 end, f64 known, a, b}, u16 n, n samples {i64 t, f64 v}
//     u64 FNV-1a of all bytes before
//
// Big-endian; f64 as its 64 bits. The running sums are kept as they are, so that a restored window goes
// on to the last bit as it would have. What was fed but not yet evaluated is evaluated first, so no slot is
// dirty.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "program.h"
#include "symbiont/pack.h"

enum { HAS_PENDING = 1, HAS_LAST = 2, HAS_KNOWN = 4, HAS_REFERENCE = 8, SLOPE_CURRENT = 16 };

static const char magic[4] = {'S', 'X', 'P', '1'};

// ---- Writing ----

static void put_sample(struct buf *b, struct sample s)
{
    pack_i64(b, s.t);
    pack_f64(b, s.v);
}

void window_save(const struct window *w, struct buf *out)
{
    int flags = (w->has_pending ? HAS_PENDING : 0) | (w->has_last ? HAS_LAST : 0) |
                (w->has_known ? HAS_KNOWN : 0) | (w->has_reference ? HAS_REFERENCE : 0) |
                (w->slope_current ? SLOPE_CURRENT : 0);
    buf_putc(out, (char)flags);
    pack_f64(out, w->reference);
    pack_f64(out, w->wraps);
    pack_f64(out, w->slope);
    pack_f64(out, w->result);
    pack_i64(out, w->valid_until);
    put_sample(out, w->pending);
    put_sample(out, w->last);
    put_sample(out, w->newest);
    pack_f64(out, w->known);
    pack_f64(out, w->a);
    pack_f64(out, w->b);
    pack_u16(out, w->since_exact);
    pack_u16(out, w->seg.n);
    for (size_t i = 0; i < w->seg.n; i++) {
        const struct segment *s = &w->segments[ring_place(w->seg, i, w->spec->segments)];
        pack_i64(out, s->start);
        pack_i64(out, s->end);
        pack_f64(out, s->known);
        pack_f64(out, s->a);
        pack_f64(out, s->b);
    }
    pack_u16(out, w->smp.n);
    for (size_t i = 0; i < w->smp.n; i++)
        put_sample(out, w->samples[ring_place(w->smp, i, w->spec->samples)]);
}

void expression_state_save(struct expression_state *s, struct buf *out)
{
    size_t begin = out->len;
    if (s->dirty)
        expression_value(s, (struct utc){s->now});
    buf_put(out, magic, sizeof magic);
    pack_u64(out, s->program->fingerprint);
    pack_i64(out, s->now);
    buf_putc(out, s->started ? 1 : 0);
    for (size_t i = 0; i < s->program->slots; i++)
        put_sample(out, (struct sample){s->at[i], s->values[i]});
    for (size_t i = 0; i < s->program->windows; i++)
        window_save(&s->windows[i], out);
    if (!out->failed)
        pack_u64(out, fnv1a(FNV_BASIS, out->data + begin, out->len - begin));
}

// ---- Reading ----

// Milliseconds that are known, of a window: sums, so a little less than nothing is nothing. More would be no
// time that an answer can hold.
static bool is_known_ms(double v)
{
    return v >= -1 && v <= 2 * (double)LATEST_MS;
}

static double take_f64(struct cursor *c)
{
    double v = cursor_f64(c);
    return isinf(v) ? NAN : v;
}

static struct sample take_sample(struct cursor *c)
{
    int64_t t = cursor_i64(c);
    return (struct sample){t, take_f64(c)};
}

static bool take_segments(struct window *w, struct cursor *c)
{
    uint16_t n = cursor_u16(c);
    if (n > w->spec->segments)
        return false;
    int64_t before = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        struct segment *s = &w->segments[i];
        s->start = cursor_i64(c);
        s->end = cursor_i64(c);
        s->known = take_f64(c);
        s->a = take_f64(c);
        s->b = take_f64(c);
        if (c->failed || s->start > s->end || s->start < before || s->end > w->pending.t ||
            !is_known_ms(s->known) || s->start < w->pending.t - 2 * LATEST_MS)
            return false;
        before = s->end;
    }
    w->seg = (struct ring){0, n};
    return true;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool take_samples(struct window *w, struct cursor *c)
{
    uint16_t n = cursor_u16(c);
    if (n > w->spec->samples)
        return false;
    for (size_t i = 0; i < n; i++) {
        w->samples[i] = take_sample(c);
        int64_t t = w->samples[i].t;
        if (c->failed || isnan(w->samples[i].v) || t > w->pending.t || t < w->pending.t - 2 * LATEST_MS ||
            (i > 0 && t <= w->samples[i - 1].t))
            return false;
        if (w->spec->function == WINDOW_PERCENTILE)
            w->sorted[i] = w->samples[i].v;
    }
    w->smp = (struct ring){0, n};
    if (n && w->spec->function == WINDOW_PERCENTILE)
        qsort(w->sorted, n, sizeof *w->sorted, ascending);
    return true;
}

static bool take_window(struct window *w, struct cursor *c, int64_t now)
{
    uint8_t flags = cursor_u8(c);
    w->has_pending = flags & HAS_PENDING;
    w->has_last = flags & HAS_LAST;
    w->has_known = flags & HAS_KNOWN;
    w->has_reference = flags & HAS_REFERENCE;
    w->slope_current = flags & SLOPE_CURRENT;
    w->reference = take_f64(c);
    w->wraps = take_f64(c);
    w->slope = take_f64(c);
    w->result = take_f64(c);
    w->valid_until = cursor_i64(c);
    w->pending = take_sample(c);
    w->last = take_sample(c);
    w->newest = take_sample(c);
    w->known = take_f64(c);
    w->a = take_f64(c);
    w->b = take_f64(c);
    w->since_exact = cursor_u16(c);
    if (w->pending.t > now || w->pending.t < -LATEST_MS || (w->has_last && !w->has_pending) ||
        (w->has_last && (w->last.t > w->pending.t || w->last.t < -LATEST_MS)) ||
        (w->has_known && (w->newest.t > w->pending.t || w->newest.t < -LATEST_MS || isnan(w->newest.v))) ||
        isnan(w->wraps) || isnan(w->reference) || !is_known_ms(w->known) ||
        w->since_exact > w->spec->segments)
        return false;
    return take_segments(w, c) && take_samples(w, c) && !c->failed;
}

bool window_restore(struct window *w, struct cursor *c, int64_t now)
{
    window_reset(w);
    if (take_window(w, c, now))
        return true;
    window_reset(w);
    return false;
}

static bool take_state(struct expression_state *s, struct cursor *c)
{
    s->now = cursor_i64(c);
    s->started = cursor_u8(c) == 1;
    if (s->now > LATEST_MS || s->now < -LATEST_MS)
        return false;
    for (size_t i = 0; i < s->program->slots; i++) {
        struct sample v = take_sample(c);
        if (isnan(v.v)) // of when does not matter, and may be of before time went back
            v.t = s->now;
        if (v.t > s->now || v.t < -LATEST_MS)
            return false;
        s->at[i] = v.t;
        s->values[i] = v.v;
    }
    for (size_t i = 0; i < s->program->windows; i++)
        if (!window_restore(&s->windows[i], c, s->now))
            return false;
    return !c->failed && cursor_left(c) == 0;
}

bool expression_state_restore(struct expression_state *s, const void *data, size_t n)
{
    if (n < sizeof magic + 16 || memcmp(data, magic, sizeof magic) != 0)
        return false;
    struct cursor end = cursor_over((const uint8_t *)data + n - 8, 8);
    struct cursor c = cursor_over((const uint8_t *)data + sizeof magic, n - sizeof magic - 8);
    if (cursor_u64(&end) != fnv1a(FNV_BASIS, data, n - 8) || cursor_u64(&c) != s->program->fingerprint)
        return false;
    // Into a fresh state first: a refused one must leave the old as it was.
    struct expression_state *fresh = expression_state_new(s->program);
    bool ok = fresh && take_state(fresh, &c);
    if (ok)
        expression_state_copy(s, fresh);
    expression_state_free(fresh);
    return ok;
}
