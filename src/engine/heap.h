/* SPDX-License-Identifier: Apache-2.0 */
/* Who is due next: a binary heap of numbered members by their time, then by number. */
#ifndef SYMBIONT_ENGINE_HEAP_H
#define SYMBIONT_ENGINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t due;
    uint32_t member;
};

struct heap {
    size_t n;
    struct heap_node *nodes;
    uint32_t *where; /* member -> place */
};

/* n members, all due at once. False: memory. */
bool heap_open(struct heap *h, size_t n);
void heap_close(struct heap *h);
void heap_set(struct heap *h, size_t member, int64_t due);

static inline int64_t heap_due(const struct heap *h)
{
    return h->n ? h->nodes[0].due : INT64_MAX;
}

static inline size_t heap_first(const struct heap *h)
{
    return h->nodes[0].member;
}

static inline int64_t heap_due_of(const struct heap *h, size_t member)
{
    return h->nodes[h->where[member]].due;
}

#endif
