// SPDX-License-Identifier: Apache-2.0
// The table of retained documents.
#include "mqtt_documents.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// A document that was under way so many times when the connection broke is sent alone the next time.
#define SUSPECT_AFTER 3

struct document {
    char *topic; // NULL: the place is free
    char *payload;
    size_t n;
    uint32_t version;
    bool dirty; // the broker does not have it
    bool flying;
    bool clearing; // empty payload, then forgotten
    bool given_up; // until it changes
    unsigned drops;
};

struct mqtt_documents {
    pthread_mutex_t lock;
    struct document *items;
    size_t n, cap; // n: places in use or once used
    size_t dirty, count;
};

struct mqtt_documents *mqtt_documents_new(void)
{
    struct mqtt_documents *d = calloc(1, sizeof *d);
    if (d)
        pthread_mutex_init(&d->lock, NULL);
    return d;
}

static void forget(struct mqtt_documents *d, struct document *doc)
{
    free(doc->topic);
    free(doc->payload);
    d->count--;
    *doc = (struct document){.version = doc->version + 1};
}

void mqtt_documents_free(struct mqtt_documents *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].topic)
            forget(d, &d->items[i]);
    free(d->items);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static struct document *find(struct mqtt_documents *d, const char *topic)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].topic && strcmp(d->items[i].topic, topic) == 0)
            return &d->items[i];
    return NULL;
}

static struct document *add(struct mqtt_documents *d, const char *topic)
{
    size_t at = 0;
    while (at < d->n && d->items[at].topic)
        at++;
    if (at == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 64;
        struct document *items = realloc(d->items, cap * sizeof *items);
        if (!items)
            return NULL;
        memset(items + d->cap, 0, (cap - d->cap) * sizeof *items);
        d->items = items;
        d->cap = cap;
    }
    d->items[at].topic = strdup(topic);
    if (!d->items[at].topic)
        return NULL;
    if (at == d->n)
        d->n++;
    d->count++;
    return &d->items[at];
}

static void set_dirty(struct mqtt_documents *d, struct document *doc, bool dirty)
{
    if (dirty && !doc->dirty)
        d->dirty++;
    if (!dirty && doc->dirty)
        d->dirty--;
    doc->dirty = dirty;
}

static int set_locked(struct mqtt_documents *d, const char *topic, const char *payload, size_t n)
{
    struct document *doc = find(d, topic);
    // The same again: the broker has it, or will.
    if (doc && payload && doc->payload && doc->n == n && memcmp(doc->payload, payload, n) == 0 &&
        !doc->clearing)
        return 0;
    char *copy = NULL;
    if (payload && !(copy = malloc(n ? n : 1)))
        return -1;
    if (!doc && !(doc = add(d, topic))) {
        free(copy);
        return -1;
    }
    if (payload)
        memcpy(copy, payload, n);
    free(doc->payload);
    doc->payload = copy;
    doc->n = payload ? n : 0;
    doc->clearing = !payload;
    doc->version++;
    doc->given_up = false;
    doc->drops = 0;
    set_dirty(d, doc, true);
    return 0;
}

int mqtt_documents_set(struct mqtt_documents *d, const char *topic, const char *payload, size_t n)
{
    pthread_mutex_lock(&d->lock);
    int rc = set_locked(d, topic, payload, n);
    pthread_mutex_unlock(&d->lock);
    return rc;
}

bool mqtt_documents_has(struct mqtt_documents *d, const char *topic)
{
    pthread_mutex_lock(&d->lock);
    bool has = find(d, topic) != NULL;
    pthread_mutex_unlock(&d->lock);
    return has;
}

static bool take_locked(struct mqtt_documents *d, bool suspect, struct mqtt_document *out, struct buf *topic,
                        struct buf *payload)
{
    for (size_t i = 0; d->dirty && i < d->n; i++) {
        struct document *doc = &d->items[i];
        if (!doc->topic || !doc->dirty || doc->flying || doc->given_up ||
            (doc->drops >= SUSPECT_AFTER) != suspect)
            continue;
        buf_reset(topic);
        buf_reset(payload);
        buf_puts(topic, doc->topic);
        buf_put(payload, doc->payload ? doc->payload : "", doc->n);
        buf_text(topic);
        if (topic->failed || payload->failed)
            return false;
        doc->flying = true;
        *out = (struct mqtt_document){i, doc->version};
        return true;
    }
    return false;
}

bool mqtt_documents_take(struct mqtt_documents *d, bool suspect, struct mqtt_document *out, struct buf *topic,
                         struct buf *payload)
{
    pthread_mutex_lock(&d->lock);
    bool taken = take_locked(d, suspect, out, topic, payload);
    pthread_mutex_unlock(&d->lock);
    return taken;
}

void mqtt_documents_accepted(struct mqtt_documents *d, struct mqtt_document taken)
{
    pthread_mutex_lock(&d->lock);
    struct document *doc = &d->items[taken.index];
    doc->flying = false;
    doc->drops = 0;
    if (doc->topic && doc->version == taken.version) {
        set_dirty(d, doc, false);
        if (doc->clearing)
            forget(d, doc);
    }
    pthread_mutex_unlock(&d->lock);
}

void mqtt_documents_refused(struct mqtt_documents *d, struct mqtt_document taken)
{
    pthread_mutex_lock(&d->lock);
    struct document *doc = &d->items[taken.index];
    doc->flying = false;
    if (doc->topic && doc->version == taken.version)
        set_dirty(d, doc, false);
    pthread_mutex_unlock(&d->lock);
}

bool mqtt_documents_lost(struct mqtt_documents *d, bool soon)
{
    bool none_given_up = true;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->n; i++) {
        struct document *doc = &d->items[i];
        if (!doc->topic)
            continue;
        if (doc->flying && soon && ++doc->drops > SUSPECT_AFTER) {
            doc->given_up = true;
            none_given_up = false;
        }
        doc->flying = false;
        set_dirty(d, doc, !doc->given_up);
    }
    pthread_mutex_unlock(&d->lock);
    return none_given_up;
}

size_t mqtt_documents_waiting(struct mqtt_documents *d)
{
    pthread_mutex_lock(&d->lock);
    size_t n = d->dirty;
    pthread_mutex_unlock(&d->lock);
    return n;
}

size_t mqtt_documents_count(struct mqtt_documents *d)
{
    pthread_mutex_lock(&d->lock);
    size_t n = d->count;
    pthread_mutex_unlock(&d->lock);
    return n;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void mqtt_documents_topics(struct mqtt_documents *d, struct buf *out)
{
    pthread_mutex_lock(&d->lock);
    const char **topics = calloc(d->count ? d->count : 1, sizeof *topics);
    size_t n = 0;
    for (size_t i = 0; topics && i < d->n; i++)
        if (d->items[i].topic)
            topics[n++] = d->items[i].topic;
    if (topics)
        qsort(topics, n, sizeof *topics, by_text);
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, topics[i]);
        buf_putc(out, '\n');
    }
    out->failed |= !topics;
    free(topics);
    pthread_mutex_unlock(&d->lock);
}
