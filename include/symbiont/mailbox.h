/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handing work from one thread to another: a bounded queue of equal-sized items, copied in and out.
 * A sender never waits: a full mailbox refuses and counts. The receiver is either a loop (give
 * its wakeup) or a thread that waits in mailbox_wait.
 */
#ifndef SYMBIONT_MAILBOX_H
#define SYMBIONT_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/loop.h"

struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct wakeup *wakeup; /* may be NULL */
    unsigned char *items;
    size_t item_size, capacity, head, count;
    uint64_t refused; /* items turned away because it was full */
    bool closed;
};

/* Returns 0 or -1 with errno ENOMEM. */
int mailbox_open(struct mailbox *m, size_t item_size, size_t capacity, struct wakeup *wakeup);
void mailbox_free(struct mailbox *m);

bool mailbox_put(struct mailbox *m, const void *item); /* false: full or closed, and counted */
bool mailbox_take(struct mailbox *m, void *item);      /* false: empty */

/* Waits for an item until `due`. 1: taken, 0: time is up, -1: closed and empty. */
int mailbox_wait(struct mailbox *m, void *item, struct mono due);

size_t mailbox_count(struct mailbox *m); /* items waiting */

/* No more items are accepted; a waiting receiver wakes. */
void mailbox_close(struct mailbox *m);

#endif
