/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading foreign bytes: a cursor that knows its end. A read past the end returns 0 and sets
 * `failed`, which stays set; a decoder checks once at the end. All integers are big-endian, the
 * order of Modbus.
 */
#ifndef SYMBIONT_CURSOR_H
#define SYMBIONT_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct cursor cursor_over(const void *data, size_t n)
{
    const uint8_t *p = data;
    return (struct cursor){p, p + n, false};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* n bytes, or NULL (and failed) when fewer are left. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
    if (c->failed || cursor_left(c) < n) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += n;
    return p;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 1);
    return p ? p[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 2);
    unsigned value = p ? (unsigned)p[0] << 8 | p[1] : 0;
    return (uint16_t)value;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
    uint32_t high = cursor_u16(c);
    return high << 16 | cursor_u16(c);
}

static inline uint64_t cursor_u64(struct cursor *c)
{
    uint64_t high = cursor_u32(c);
    return high << 32 | cursor_u32(c);
}

static inline int64_t cursor_i64(struct cursor *c)
{
    return (int64_t)cursor_u64(c);
}

/* IEEE 754, whatever it is: NaN and infinities too. */
static inline float cursor_f32(struct cursor *c)
{
    uint32_t bits = cursor_u32(c);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double cursor_f64(struct cursor *c)
{
    uint64_t bits = cursor_u64(c);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
