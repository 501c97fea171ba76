// SPDX-License-Identifier: Apache-2.0
// A row of the outbox file after inflating, perhaps damaged: whatever comes, no read outside, and what is
// accepted is exactly what packing the same messages would give.
// Input: count (2 bytes), then the bytes of the records.
#include <stdlib.h>
#include <string.h>

#include "store/outbox_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 1 << 20)
        return 0;
    uint32_t count = (uint32_t)data[0] << 8 | data[1], used = (uint32_t)size - 2;
    struct block *b = block_new(block_cap_for(used, count)), *again = block_new(block_cap_for(used, count));
    require(b && again);
    struct mono now = {1};
    block_start(b, 7, now);
    block_start(again, 7, now);
    memcpy(b->bytes, data + 2, used);
    if (block_index(b, used, count)) {
        require(b->count == count && b->used == used);
        for (uint32_t i = 0; i < count; i++) {
            struct outbox_item item;
            block_item(b, i, &item);
            const char *end = (const char *)b->bytes + used;
            size_t topic_len = strlen(item.topic);
            require(item.id == 7 + i && item.topic + topic_len + 1 == item.payload);
            require(item.n <= (size_t)(end - item.payload));
            require(block_time(b, i).ms == item.time.ms);
            require(block_fits(again, RECORD_SIZE(topic_len, item.n)));
            block_add(again, now, item.topic, topic_len, item.payload, item.n, item.time);
        }
        require(again->used == used && memcmp(again->bytes, b->bytes, used) == 0);
        size_t n = 0;
        require(count == 0 || (block_range(b, 0, count, &n) == b->bytes && n == used));
    }
    free(b);
    free(again);
    return 0;
}
