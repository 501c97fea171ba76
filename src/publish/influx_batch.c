// SPDX-License-Identifier: Apache-2.0
// The stack of ranges of a batch.
#include "influx_batch.h"

#include <stdlib.h>
#include <string.h>

void influx_batch_free(struct influx_batch *b)
{
    buf_free(&b->text);
    buf_free(&b->post);
    free(b->entries);
    *b = (struct influx_batch){0};
}

void influx_batch_reset(struct influx_batch *b)
{
    buf_reset(&b->text);
    b->n = b->range_count = 0;
    b->stored_any = b->searching = false;
    b->broken = 0;
}

static bool make_room(struct influx_batch *b)
{
    if (b->n < b->cap)
        return true;
    size_t cap = b->cap ? 2 * b->cap : 256;
    struct influx_entry *entries = realloc(b->entries, cap * sizeof *entries);
    if (!entries)
        return false;
    b->entries = entries;
    b->cap = cap;
    return true;
}

bool influx_batch_add(struct influx_batch *b, const char *lines, size_t n, uint64_t id, struct utc time)
{
    size_t at = b->text.len;
    if (!make_room(b))
        return false;
    buf_put(&b->text, lines, n);
    if (n == 0 || lines[n - 1] != '\n')
        buf_putc(&b->text, '\n');
    if (b->text.failed) {
        b->text.failed = false;
        b->text.len = at;
        return false;
    }
    b->entries[b->n++] = (struct influx_entry){.at = at, .n = b->text.len - at, .id = id, .time = time};
    return true;
}

void influx_batch_begin(struct influx_batch *b)
{
    b->ranges[0] = (struct influx_range){0, b->n};
    b->range_count = 1;
}

static struct influx_range *top(struct influx_batch *b)
{
    return &b->ranges[b->range_count - 1];
}

static size_t left_in(const struct influx_batch *b, struct influx_range r, size_t *bytes)
{
    size_t count = 0;
    *bytes = 0;
    for (size_t i = r.from; i < r.to; i++) {
        if (b->entries[i].gone)
            continue;
        count++;
        *bytes += b->entries[i].n;
    }
    return count;
}

// Sent as it lies when nothing in it is gone, else copied together.
static const char *contiguous(struct influx_batch *b, struct influx_range r, size_t count, size_t bytes)
{
    const char *text = b->text.data;
    if (count == r.to - r.from)
        return text + b->entries[r.from].at;
    buf_reset(&b->post);
    char *to = buf_room(&b->post, bytes);
    if (!to)
        return NULL;
    for (size_t i = r.from; i < r.to; i++)
        if (!b->entries[i].gone)
            buf_put(&b->post, text + b->entries[i].at, b->entries[i].n);
    return b->post.data;
}

int influx_batch_next(struct influx_batch *b, const char **data, size_t *bytes, size_t *count)
{
    while (b->range_count) {
        struct influx_range r = *top(b);
        *count = left_in(b, r, bytes);
        if (*count) {
            *data = contiguous(b, r, *count, *bytes);
            return *data ? 1 : -1;
        }
        b->range_count--;
    }
    return 0;
}

void influx_batch_pop(struct influx_batch *b)
{
    b->range_count--;
}

void influx_batch_split(struct influx_batch *b)
{
    struct influx_range r = *top(b);
    size_t bytes, half = left_in(b, r, &bytes) / 2, middle = r.from;
    for (size_t passed = 0; passed < half; middle++)
        passed += !b->entries[middle].gone;
    // Rotated ranges can fill the stack of a very large batch: then one more is taken apart later.
    if (b->range_count == INFLUX_RANGES_MAX) {
        influx_batch_rotate(b);
        return;
    }
    *top(b) = (struct influx_range){middle, r.to};
    b->ranges[b->range_count++] = (struct influx_range){r.from, middle};
}

void influx_batch_rotate(struct influx_batch *b)
{
    struct influx_range last = *top(b);
    memmove(b->ranges + 1, b->ranges, (b->range_count - 1) * sizeof b->ranges[0]);
    b->ranges[0] = last;
}

size_t influx_batch_sift(struct influx_batch *b,
                         bool (*bad)(void *arg, const struct influx_entry *e, const char *line, size_t index),
                         void *arg)
{
    struct influx_range r = *top(b);
    size_t index = 0, found = 0;
    for (size_t i = r.from; i < r.to; i++) {
        struct influx_entry *e = &b->entries[i];
        if (e->gone)
            continue;
        if (bad(arg, e, b->text.data + e->at, index++)) {
            e->gone = true;
            found++;
        }
    }
    return found;
}
