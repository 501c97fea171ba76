/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block is one piece of memory with messages of one lane in a row: the unit that is filled by
 * outbox_put, compressed into a row of the file, and filled again from a row. Its records have the
 * byte layout of the file (outbox_file.c shows it), so nothing is converted on the way.
 *
 * Records grow up from the start, an index of them grows down from the end:
 *
 *     | record 0 | record 1 | ...  ->      free      <-  ... | slot 1 | slot 0 |
 *
 * Records never change once added: a reader that pinned the block needs no lock for those it knew of.
 */
#ifndef SYMBIONT_OUTBOX_BLOCK_H
#define SYMBIONT_OUTBOX_BLOCK_H

#include "symbiont/outbox.h"

#define RECORD_HEAD 16u
/* What a message takes in a block: head, topic and its NUL, payload, slot. */
#define RECORD_SIZE(topic_len, n) (RECORD_HEAD + (size_t)(topic_len) + 1 + (size_t)(n))
#define SLOT_SIZE                 8u

#define TOPIC_MAX   65535u      /* as in MQTT */
#define MESSAGE_MAX (16u << 20) /* far above any batch the publishers make; keeps all sums in 32 bits */

struct block {
    struct block *next;
    uint64_t first_id; /* record i has id first_id + i */
    struct mono base;  /* when record 0 was put */
    uint32_t count, used, cap;
    uint32_t written; /* records [0, written) are in the file */
    unsigned pins;    /* who reads it without the lane's lock */
    bool listed;      /* still in a list of the lane; when not, the last pin frees it */
    bool sealed;      /* takes no more records */
    bool writing;     /* the writer has it: not to be dropped */
    _Alignas(8) unsigned char bytes[];
};

/* Room for records and slots of `cap` bytes altogether. NULL: no memory. */
struct block *block_new(size_t cap);
void block_start(struct block *b, uint64_t first_id, struct mono now);

static inline size_t block_memory(const struct block *b)
{
    return sizeof *b + b->cap;
}

static inline uint64_t block_last_id(const struct block *b)
{
    return b->first_id + b->count - 1;
}

bool block_fits(const struct block *b, size_t record_size);
/* The caller has asked block_fits. */
void block_add(struct block *b, struct mono now, const char *topic, size_t topic_len, const void *payload,
               size_t n, struct utc time);

struct mono block_put_at(const struct block *b, uint32_t i);
void block_item(const struct block *b, uint32_t i, struct outbox_item *item);
struct utc block_time(const struct block *b, uint32_t i);
/* The bytes of records [from, to). */
const unsigned char *block_range(const struct block *b, uint32_t from, uint32_t to, size_t *n);

/*
 * For a block whose first `used` bytes came from the file: checks that they are exactly `count` records and
 * fills the index. The room must have been made with block_cap_for. False: not valid records.
 */
bool block_index(struct block *b, uint32_t used, uint32_t count);

static inline size_t block_cap_for(size_t raw, size_t count)
{
    return ((raw + 7) & ~(size_t)7) + count * SLOT_SIZE;
}

#endif
