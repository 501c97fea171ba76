// SPDX-License-Identifier: Apache-2.0
// A sorted list of runs of ids.
#include "store/outbox_spans.h"

#include <stdlib.h>
#include <string.h>

void spans_free(struct spans *s)
{
    free(s->at);
    *s = (struct spans){0};
}

static int room_for_one(struct spans *s)
{
    if (s->n < s->cap)
        return 0;
    size_t cap = s->cap ? 2 * s->cap : 4;
    struct span *at = realloc(s->at, cap * sizeof *at);
    if (!at)
        return -1;
    s->at = at;
    s->cap = cap;
    return 0;
}

// The first span that ends at or after `id`; s->n when there is none.
static size_t find(const struct spans *s, uint64_t id)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->at[middle].last < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_out(struct spans *s, size_t i, size_t n)
{
    if (n == 0)
        return;
    memmove(s->at + i, s->at + i + n, (s->n - i - n) * sizeof *s->at);
    s->n -= n;
}

int spans_add(struct spans *s, uint64_t first, uint64_t last)
{
    // The put path: the next id after the last span.
    if (s->n && s->at[s->n - 1].last + 1 == first) {
        s->at[s->n - 1].last = last;
        return 0;
    }
    size_t i = find(s, first ? first - 1 : 0), j = i;
    while (j < s->n && s->at[j].first <= last + 1)
        j++;
    if (i == j) {
        if (room_for_one(s) < 0)
            return -1;
        memmove(s->at + i + 1, s->at + i, (s->n - i) * sizeof *s->at);
        s->at[i] = (struct span){first, last};
        s->n++;
        return 0;
    }
    if (s->at[i].first > first)
        s->at[i].first = first;
    if (s->at[j - 1].last > last)
        last = s->at[j - 1].last;
    s->at[i].last = last;
    take_out(s, i + 1, j - i - 1);
    return 0;
}

static uint64_t split(struct spans *s, size_t i, uint64_t first, uint64_t last)
{
    struct span rest = {last + 1, s->at[i].last};
    uint64_t gone = last - first + 1;
    if (room_for_one(s) == 0) {
        s->at[i].last = first - 1;
        memmove(s->at + i + 2, s->at + i + 1, (s->n - i - 1) * sizeof *s->at);
        s->at[i + 1] = rest;
        s->n++;
    } else if (first - s->at[i].first < rest.last - rest.first + 1) {
        gone += first - s->at[i].first;
        s->at[i].first = rest.first;
    } else {
        gone += rest.last - rest.first + 1;
        s->at[i].last = first - 1;
    }
    return gone;
}

uint64_t spans_remove(struct spans *s, uint64_t first, uint64_t last)
{
    uint64_t gone = 0;
    size_t i = find(s, first);
    if (i < s->n && s->at[i].first < first) {
        if (s->at[i].last > last)
            return split(s, i, first, last);
        gone += s->at[i].last - first + 1;
        s->at[i++].last = first - 1;
    }
    size_t j = i;
    while (j < s->n && s->at[j].last <= last) {
        gone += s->at[j].last - s->at[j].first + 1;
        j++;
    }
    take_out(s, i, j - i);
    if (i < s->n && s->at[i].first <= last) {
        gone += last - s->at[i].first + 1;
        s->at[i].first = last + 1;
    }
    return gone;
}

uint64_t spans_next(const struct spans *s, uint64_t id)
{
    size_t i = find(s, id);
    if (i == s->n)
        return 0;
    return s->at[i].first > id ? s->at[i].first : id;
}

uint64_t spans_count(const struct spans *s, uint64_t first, uint64_t last)
{
    uint64_t n = 0;
    for (size_t i = find(s, first); i < s->n && s->at[i].first <= last; i++) {
        uint64_t low = s->at[i].first > first ? s->at[i].first : first;
        uint64_t high = s->at[i].last < last ? s->at[i].last : last;
        n += high - low + 1;
    }
    return n;
}
