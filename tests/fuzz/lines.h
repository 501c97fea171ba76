/* SPDX-License-Identifier: Apache-2.0 */
/* For fuzzers whose input is lines, one event each: a half of the mutations are of their order, a line that
 * goes, comes again or comes elsewhere, a quarter are of one value in them, and a quarter of bytes. */
#ifndef TESTS_FUZZ_LINES_H
#define TESTS_FUZZ_LINES_H

#include "values.h"

enum { LINES_MOST = 64 };

struct lines {
    size_t n;
    struct {
        const uint8_t *at;
        size_t n;
    } items[LINES_MOST + 1];
};

static inline void lines_split(struct lines *l, const uint8_t *data, size_t n)
{
    for (size_t at = 0; at < n && l->n < LINES_MOST; l->n++) {
        const uint8_t *stop = memchr(data + at, '\n', n - at);
        l->items[l->n].at = data + at;
        l->items[l->n].n = stop && l->n + 1 < LINES_MOST ? (size_t)(stop - data) - at : n - at;
        at += l->items[l->n].n + 1;
    }
}

static inline size_t lines_join(const struct lines *l, uint8_t *out, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n && n + l->items[i].n + 1 <= most; i++) {
        memcpy(out + n, l->items[i].at, l->items[i].n);
        n += l->items[i].n;
        out[n++] = '\n';
    }
    return n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t most, unsigned seed)
{
    struct lines l = {0};
    if (n == 0 || (seed & 3) == 1)
        return LLVMFuzzerMutate(data, n, most);
    if ((seed & 3) == 3)
        return value_mutate(data, n, most, seed >> 2);
    uint8_t *copy = malloc(n);
    if (!copy)
        return n;
    memcpy(copy, data, n);
    lines_split(&l, copy, n);
    size_t from = (seed >> 4) % l.n, to = (seed >> 12) % (l.n + 1);
    bool stays = seed & 2, again = seed & 4;
    if (stays || again) { // it comes there as well, or goes there
        memmove(l.items + to + 1, l.items + to, (l.n - to) * sizeof l.items[0]);
        l.items[to] = l.items[from + (from >= to)];
        l.n++;
        from += from >= to;
    }
    if (!stays) {
        memmove(l.items + from, l.items + from + 1, (l.n - from - 1) * sizeof l.items[0]);
        l.n--;
    }
    n = lines_join(&l, data, most);
    free(copy);
    return n;
}

#endif
