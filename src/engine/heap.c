// SPDX-License-Identifier: Apache-2.0
// A binary heap whose members stay and only change their time.
#include "engine/heap.h"

#include <stdlib.h>

bool heap_open(struct heap *h, size_t n)
{
    *h = (struct heap){.n = n};
    h->nodes = calloc(n + 1, sizeof *h->nodes);
    h->where = calloc(n + 1, sizeof *h->where);
    if (!h->nodes || !h->where)
        return false;
    for (size_t i = 0; i < n; i++) {
        h->nodes[i] = (struct heap_node){INT64_MIN, (uint32_t)i};
        h->where[i] = (uint32_t)i;
    }
    return true;
}

void heap_close(struct heap *h)
{
    free(h->nodes);
    free(h->where);
}

static bool before(struct heap_node a, struct heap_node b)
{
    return a.due != b.due ? a.due < b.due : a.member < b.member;
}

static void put(struct heap *h, size_t place, struct heap_node node)
{
    h->nodes[place] = node;
    h->where[node.member] = (uint32_t)place;
}

void heap_set(struct heap *h, size_t member, int64_t due)
{
    struct heap_node node = {due, (uint32_t)member};
    size_t i = h->where[member];
    for (; i > 0 && before(node, h->nodes[(i - 1) / 2]); i = (i - 1) / 2)
        put(h, i, h->nodes[(i - 1) / 2]);
    for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && before(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (!before(h->nodes[child], node))
            break;
        put(h, i, h->nodes[child]);
    }
    put(h, i, node);
}
