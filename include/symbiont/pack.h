/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as bytes, to keep a state in a file: the writing half of cursor.h. Big-endian; a floating
 * point number as its IEEE 754 bits. FNV-1a over what was written tells damage apart from a state.
 */
#ifndef SYMBIONT_PACK_H
#define SYMBIONT_PACK_H

#include <string.h>
#include "symbiont/buf.h"

static inline void pack_bytes(struct buf *b, uint64_t value, int count)
{
    uint8_t bytes[8];
    for (int i = 0; i < count; i++)
        bytes[i] = (uint8_t)(value >> 8 * (count - 1 - i));
    buf_put(b, bytes, (size_t)count);
}

static inline void pack_u8(struct buf *b, unsigned value)
{
    buf_putc(b, (char)(uint8_t)value);
}

static inline void pack_u16(struct buf *b, uint16_t value)
{
    pack_bytes(b, value, 2);
}

static inline void pack_u32(struct buf *b, uint32_t value)
{
    pack_bytes(b, value, 4);
}

static inline void pack_u64(struct buf *b, uint64_t value)
{
    pack_bytes(b, value, 8);
}

static inline void pack_i64(struct buf *b, int64_t value)
{
    pack_u64(b, (uint64_t)value);
}

static inline void pack_f32(struct buf *b, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    pack_u32(b, bits);
}

static inline void pack_f64(struct buf *b, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    pack_u64(b, bits);
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo; offset basis and prime of the authors' page). Begin with FNV_BASIS. */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)

static inline uint64_t fnv1a(uint64_t hash, const void *data, size_t n)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* A text with the NUL that ends it; none is "". */
static inline uint64_t fnv1a_text(uint64_t hash, const char *text)
{
    return text ? fnv1a(hash, text, strlen(text) + 1) : fnv1a(hash, "", 1);
}

#endif
