/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ids of a lane still wait: a short sorted list of runs [first, last]. Ids of one run of the program
 * are consecutive, so a lane has one span, and one more for each restart or loss it still remembers.
 */
#ifndef SYMBIONT_OUTBOX_SPANS_H
#define SYMBIONT_OUTBOX_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    uint64_t first, last;
};

struct spans {
    struct span *at;
    size_t n, cap;
};

void spans_free(struct spans *s);
/* Adds [first, last], which may touch or overlap what is there. -1: no memory, unchanged. */
int spans_add(struct spans *s, uint64_t first, uint64_t last);
/* Removes [first, last]; returns how many ids went. When a split finds no memory the smaller rest goes too,
 * and is counted. */
uint64_t spans_remove(struct spans *s, uint64_t first, uint64_t last);
/* The smallest waiting id >= id; 0: none. */
uint64_t spans_next(const struct spans *s, uint64_t id);
/* How many of [first, last] wait. */
uint64_t spans_count(const struct spans *s, uint64_t first, uint64_t last);

#endif
