// SPDX-License-Identifier: Apache-2.0
// A bounded queue of received messages between two threads.
#include "mqtt_inbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct mqtt_inbox {
    pthread_mutex_t lock; // held for a list operation, never while anything else is called
    struct mqtt_letter *first, **end;
    size_t used, limit;
    uint64_t put, dropped, refused;
};

struct mqtt_inbox *mqtt_inbox_new(size_t bytes)
{
    struct mqtt_inbox *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    pthread_mutex_init(&b->lock, NULL);
    b->end = &b->first;
    b->limit = bytes;
    return b;
}

void mqtt_inbox_free(struct mqtt_inbox *b)
{
    if (!b)
        return;
    struct mqtt_letter *l;
    while ((l = mqtt_inbox_take(b)))
        free(l);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

static size_t size_of(size_t topic_n, size_t n)
{
    return sizeof(struct mqtt_letter) + topic_n + 1 + n + 1;
}

static struct mqtt_letter *letter(const char *topic, size_t topic_n, const void *payload, size_t n,
                                  bool retained)
{
    struct mqtt_letter *l = memchr(topic, 0, topic_n) ? NULL : malloc(size_of(topic_n, n));
    if (!l)
        return NULL;
    char *words = (char *)(l + 1), *data = words + topic_n + 1;
    memcpy(words, topic, topic_n);
    words[topic_n] = '\0';
    if (n)
        memcpy(data, payload, n);
    data[n] = '\0';
    *l = (struct mqtt_letter){.retained = retained, .topic = words, .payload = data, .n = n};
    return l;
}

bool mqtt_inbox_put(struct mqtt_inbox *b, const char *topic, size_t topic_n, const void *payload, size_t n,
                    bool retained)
{
    size_t size = size_of(topic_n, n);
    pthread_mutex_lock(&b->lock);
    bool fits = size <= b->limit - b->used;
    if (fits)
        b->used += size; // reserved
    else
        b->dropped++;
    pthread_mutex_unlock(&b->lock);
    if (!fits)
        return false;

    struct mqtt_letter *l = letter(topic, topic_n, payload, n, retained);
    pthread_mutex_lock(&b->lock);
    if (l) {
        *b->end = l;
        b->end = &l->next;
        b->put++;
    } else {
        b->used -= size;
        b->dropped++;
    }
    pthread_mutex_unlock(&b->lock);
    return l != NULL;
}

void mqtt_inbox_refuse(struct mqtt_inbox *b)
{
    pthread_mutex_lock(&b->lock);
    b->refused++;
    pthread_mutex_unlock(&b->lock);
}

struct mqtt_letter *mqtt_inbox_take(struct mqtt_inbox *b)
{
    pthread_mutex_lock(&b->lock);
    struct mqtt_letter *l = b->first;
    if (l) {
        b->first = l->next;
        if (!b->first)
            b->end = &b->first;
        b->used -= size_of(strlen(l->topic), l->n);
    }
    pthread_mutex_unlock(&b->lock);
    return l;
}

void mqtt_inbox_counts(struct mqtt_inbox *b, uint64_t *taken, uint64_t *dropped, uint64_t *too_long)
{
    pthread_mutex_lock(&b->lock);
    *taken = b->put;
    *dropped = b->dropped;
    *too_long = b->refused;
    pthread_mutex_unlock(&b->lock);
}
