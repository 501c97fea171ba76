// SPDX-License-Identifier: Apache-2.0
// A bounded queue between two threads that never makes the sender wait.
#include "symbiont/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/wait.h"

int mailbox_open(struct mailbox *m, size_t item_size, size_t capacity, struct wakeup *wakeup)
{
    *m = (struct mailbox){.item_size = item_size, .capacity = capacity, .wakeup = wakeup};
    m->items = calloc(capacity, item_size);
    if (!m->items)
        return -1;
    pthread_cond_init(&m->filled, NULL);
    pthread_mutex_init(&m->lock, NULL);
    return 0;
}

void mailbox_free(struct mailbox *m)
{
    if (!m->items)
        return;
    pthread_cond_destroy(&m->filled);
    pthread_mutex_destroy(&m->lock);
    free(m->items);
    *m = (struct mailbox){0};
}

bool mailbox_put(struct mailbox *m, const void *item)
{
    pthread_mutex_lock(&m->lock);
    bool accepted = m->count < m->capacity && !m->closed;
    if (accepted) {
        size_t at = (m->head + m->count) % m->capacity;
        memcpy(m->items + at * m->item_size, item, m->item_size);
        m->count++;
        pthread_cond_signal(&m->filled);
    } else {
        m->refused++;
    }
    pthread_mutex_unlock(&m->lock);
    if (accepted && m->wakeup)
        wakeup_send(m->wakeup);
    return accepted;
}

static bool take_locked(struct mailbox *m, void *item)
{
    if (m->count == 0)
        return false;
    memcpy(item, m->items + m->head * m->item_size, m->item_size);
    m->head = (m->head + 1) % m->capacity;
    m->count--;
    return true;
}

bool mailbox_take(struct mailbox *m, void *item)
{
    pthread_mutex_lock(&m->lock);
    bool taken = take_locked(m, item);
    pthread_mutex_unlock(&m->lock);
    return taken;
}

int mailbox_wait(struct mailbox *m, void *item, struct mono due)
{
    pthread_mutex_lock(&m->lock);
    int rc = 0;
    while (m->count == 0 && !m->closed && rc == 0)
        rc = wait_until(&m->filled, &m->lock, due);
    int result = take_locked(m, item) ? 1 : m->closed ? -1 : 0;
    pthread_mutex_unlock(&m->lock);
    return result;
}

size_t mailbox_count(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    size_t n = m->count;
    pthread_mutex_unlock(&m->lock);
    return n;
}

void mailbox_close(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    m->closed = true;
    pthread_cond_broadcast(&m->filled);
    pthread_mutex_unlock(&m->lock);
}
