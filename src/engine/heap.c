// SPDX-License-Identifier: Apache-2.0
// A binary heap whose members stay and only change their time.
#include "engine/heap.h"

#include <stdlib.h>

bool heap_open(struct heap *h, size_t n)
{
    *h = (struct heap){.n = n};
    h->due = calloc(n + 1, sizeof *h->due);
    h->at = calloc(n + 1, sizeof *h->at);
    h->where = calloc(n + 1, sizeof *h->where);
    if (!h->due || !h->at || !h->where)
        return false;
    for (size_t i = 0; i < n; i++) {
        h->due[i] = INT64_MIN;
        h->at[i] = h->where[i] = (uint32_t)i;
    }
    return true;
}

void heap_close(struct heap *h)
{
    free(h->due);
    free(h->at);
    free(h->where);
}

static bool before(const struct heap *h, size_t a, size_t b)
{
    uint32_t x = h->at[a], y = h->at[b];
    return h->due[x] != h->due[y] ? h->due[x] < h->due[y] : x < y;
}

static void swap(struct heap *h, size_t a, size_t b)
{
    uint32_t x = h->at[a], y = h->at[b];
    h->at[a] = y;
    h->at[b] = x;
    h->where[y] = (uint32_t)a;
    h->where[x] = (uint32_t)b;
}

void heap_set(struct heap *h, size_t member, int64_t due)
{
    if (h->due[member] == due)
        return;
    h->due[member] = due;
    size_t i = h->where[member];
    for (; i > 0 && before(h, i, (i - 1) / 2); i = (i - 1) / 2)
        swap(h, i, (i - 1) / 2);
    for (;;) {
        size_t least = i, child = 2 * i + 1;
        if (child < h->n && before(h, child, least))
            least = child;
        if (child + 1 < h->n && before(h, child + 1, least))
            least = child + 1;
        if (least == i)
            return;
        swap(h, i, least);
        i = least;
    }
}
