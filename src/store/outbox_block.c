// SPDX-License-Identifier: Apache-2.0
// Messages packed one after the other in a piece of memory, in the byte layout of the file.
#include "store/outbox_block.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    uint32_t offset; // of the record
    uint32_t put_ms; // after block.base
};

struct block *block_new(size_t cap)
{
    cap = (cap + 7) & ~(size_t)7;
    if (cap > UINT32_MAX / 2)
        return NULL;
    struct block *b = malloc(sizeof *b + cap);
    if (b)
        *b = (struct block){.cap = (uint32_t)cap};
    return b;
}

void block_start(struct block *b, uint64_t first_id, struct mono now)
{
    *b = (struct block){.cap = b->cap, .first_id = first_id, .base = now};
}

static struct slot *slot_at(struct block *b, uint32_t i)
{
    return (struct slot *)(void *)(b->bytes + b->cap) - 1 - i;
}

static const struct slot *slot_of(const struct block *b, uint32_t i)
{
    return (const struct slot *)(const void *)(b->bytes + b->cap) - 1 - i;
}

bool block_fits(const struct block *b, size_t record_size)
{
    size_t taken = b->used + ((size_t)b->count + 1) * SLOT_SIZE;
    return taken <= b->cap && record_size <= b->cap - taken;
}

static void store_u16(unsigned char *to, uint16_t v)
{
    v = htole16(v);
    memcpy(to, &v, sizeof v);
}

static void store_u32(unsigned char *to, uint32_t v)
{
    v = htole32(v);
    memcpy(to, &v, sizeof v);
}

static void store_u64(unsigned char *to, uint64_t v)
{
    v = htole64(v);
    memcpy(to, &v, sizeof v);
}

static uint16_t load_u16(const unsigned char *from)
{
    uint16_t v;
    memcpy(&v, from, sizeof v);
    return le16toh(v);
}

static uint32_t load_u32(const unsigned char *from)
{
    uint32_t v;
    memcpy(&v, from, sizeof v);
    return le32toh(v);
}

static uint64_t load_u64(const unsigned char *from)
{
    uint64_t v;
    memcpy(&v, from, sizeof v);
    return le64toh(v);
}

void block_add(struct block *b, struct mono now, const char *topic, size_t topic_len, const void *payload,
               size_t n, struct utc time)
{
    unsigned char *to = b->bytes + b->used;
    store_u32(to, (uint32_t)n);
    store_u16(to + 4, (uint16_t)topic_len);
    store_u16(to + 6, 0);
    store_u64(to + 8, (uint64_t)time.ms);
    memcpy(to + RECORD_HEAD, topic, topic_len);
    to[RECORD_HEAD + topic_len] = '\0';
    if (n)
        memcpy(to + RECORD_HEAD + topic_len + 1, payload, n);
    int64_t age = mono_since(now, b->base) / NS_PER_MS;
    // A block open for 49 days at less than a message a day: the age stops growing, which only spills early.
    *slot_at(b, b->count) = (struct slot){b->used, age < 0            ? 0
                                                   : age > UINT32_MAX ? UINT32_MAX
                                                                      : (uint32_t)age};
    b->used += (uint32_t)RECORD_SIZE(topic_len, n);
    b->count++;
}

struct mono block_put_at(const struct block *b, uint32_t i)
{
    return mono_add(b->base, slot_of(b, i)->put_ms * NS_PER_MS);
}

void block_item(const struct block *b, uint32_t i, struct outbox_item *item)
{
    const unsigned char *from = b->bytes + slot_of(b, i)->offset;
    uint16_t topic_len = load_u16(from + 4);
    const char *topic = (const char *)from + RECORD_HEAD;
    *item = (struct outbox_item){
        .id = b->first_id + i,
        .time = {(int64_t)load_u64(from + 8)},
        .topic = topic,
        .payload = topic + topic_len + 1,
        .n = load_u32(from),
    };
}

struct utc block_time(const struct block *b, uint32_t i)
{
    return (struct utc){(int64_t)load_u64(b->bytes + slot_of(b, i)->offset + 8)};
}

const unsigned char *block_range(const struct block *b, uint32_t from, uint32_t to, size_t *n)
{
    uint32_t start = slot_of(b, from)->offset;
    // `to` may be the newest record, whose end is only known from its own head.
    const unsigned char *last = b->bytes + slot_of(b, to - 1)->offset;
    size_t end = slot_of(b, to - 1)->offset + RECORD_SIZE(load_u16(last + 4), load_u32(last));
    *n = end - start;
    return b->bytes + start;
}

bool block_index(struct block *b, uint32_t used, uint32_t count)
{
    uint32_t at = 0, found = 0;
    while (at < used) {
        if (found == count || used - at < RECORD_HEAD + 1)
            return false;
        const unsigned char *r = b->bytes + at;
        uint32_t n = load_u32(r);
        uint16_t topic_len = load_u16(r + 4);
        if (load_u16(r + 6) != 0 || n > MESSAGE_MAX || RECORD_SIZE(topic_len, n) > used - at)
            return false;
        if (r[RECORD_HEAD + topic_len] != '\0' || memchr(r + RECORD_HEAD, '\0', topic_len))
            return false;
        *slot_at(b, found++) = (struct slot){at, 0};
        at += (uint32_t)RECORD_SIZE(topic_len, n);
    }
    b->used = used;
    b->count = b->written = found;
    return found == count;
}
