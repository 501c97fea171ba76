/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines gathered for one request, and what is left to do of them: a stack of ranges, because a
 * refused request is taken apart until the bad line stands alone. Pure.
 */
#ifndef PUBLISH_INFLUX_BATCH_H
#define PUBLISH_INFLUX_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/clock.h"

struct influx_entry {
    size_t at, n; /* its bytes in `text`; the last is '\n' */
    uint64_t id;  /* of the outbox's message */
    struct utc time;
    bool gone; /* set aside: not to be sent again */
};

struct influx_range {
    size_t from, to; /* entries [from, to) */
};

/* 100,000 entries take 17 halvings; each leaves one range behind. */
#define INFLUX_RANGES_MAX 64

struct influx_batch {
    struct buf text, post;
    struct influx_entry *entries;
    size_t n, cap;
    struct influx_range ranges[INFLUX_RANGES_MAX]; /* the last is next */
    size_t range_count;                            /* 0 and n > 0: still being gathered */
    bool stored_any;                               /* the server took some range of it */
    bool searching;                                /* it is being taken apart because of errors 500 */
    unsigned broken;                               /* errors 500 in a row */
};

void influx_batch_free(struct influx_batch *b);
void influx_batch_reset(struct influx_batch *b);

/* Appends one message of one or more lines. False: no memory, nothing was added. */
bool influx_batch_add(struct influx_batch *b, const char *lines, size_t n, uint64_t id, struct utc time);

/* Gathering is over: all of it is one range. */
void influx_batch_begin(struct influx_batch *b);

/* The range to send next; count of entries left in it and their bytes, contiguous. 1, or 0: nothing is left
 * to do, or -1: no memory. */
int influx_batch_next(struct influx_batch *b, const char **data, size_t *bytes, size_t *count);
/* The range is done with. */
void influx_batch_pop(struct influx_batch *b);
/* Its two halves in its place. Only when more than one entry is left in it. */
void influx_batch_split(struct influx_batch *b);
/* Another range first, this one last. */
void influx_batch_rotate(struct influx_batch *b);

/* Calls `bad` for each entry left in the range; those it says true for are gone. Returns how many. `index`
 * counts, from 0, the entries as they were sent. */
size_t influx_batch_sift(struct influx_batch *b,
                         bool (*bad)(void *arg, const struct influx_entry *e, const char *line, size_t index),
                         void *arg);

#endif
