// SPDX-License-Identifier: Apache-2.0
// A bounded list of refused messages, the newest last.
#include "store/outbox_rejects.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct reject {
    struct reject *next;
    uint64_t number; // consecutive, for ever
    size_t bytes;
    struct outbox_rejected what; // its pointers lead into text[]
    char text[];
};

struct rejects {
    pthread_mutex_t lock;
    struct reject *head, *tail;
    size_t n, bytes;
    uint64_t last, saved; // numbers
    uint64_t highest_id;  // of all lanes: what comes after it needs no look
};

struct rejects *rejects_new(void)
{
    struct rejects *r = calloc(1, sizeof *r);
    if (r)
        pthread_mutex_init(&r->lock, NULL);
    return r;
}

void rejects_free(struct rejects *r)
{
    if (!r)
        return;
    while (r->head) {
        struct reject *next = r->head->next;
        free(r->head);
        r->head = next;
    }
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static char *put_text(char *to, const char *text, size_t n)
{
    if (n)
        memcpy(to, text, n);
    to[n] = '\0';
    return to + n + 1;
}

static struct reject *copy_of(const struct outbox_rejected *what)
{
    size_t lane = strlen(what->lane), topic = strlen(what->topic), why = strnlen(what->why, REJECT_WHY_MAX);
    size_t n = what->n < REJECT_PAYLOAD_MAX ? what->n : REJECT_PAYLOAD_MAX;
    size_t bytes = sizeof(struct reject) + lane + topic + why + n + 4;
    struct reject *r = malloc(bytes);
    if (!r)
        return NULL;
    *r = (struct reject){.bytes = bytes, .what = *what};
    char *at = r->text;
    r->what.lane = at;
    at = put_text(at, what->lane, lane);
    r->what.topic = at;
    at = put_text(at, what->topic, topic);
    r->what.why = at;
    at = put_text(at, what->why, why);
    r->what.payload = at;
    put_text(at, what->payload, n);
    r->what.n = n;
    return r;
}

static void append(struct rejects *r, struct reject *added, uint64_t number)
{
    added->number = number;
    r->last = number;
    if (added->what.id > r->highest_id)
        r->highest_id = added->what.id;
    if (r->tail)
        r->tail->next = added;
    else
        r->head = added;
    r->tail = added;
    r->n++;
    r->bytes += added->bytes;
    while (r->head != r->tail && (r->n > REJECTS_MAX || r->bytes > REJECTS_BYTES_MAX)) {
        struct reject *oldest = r->head;
        r->head = oldest->next;
        r->n--;
        r->bytes -= oldest->bytes;
        free(oldest);
    }
}

void rejects_add(struct rejects *r, const struct outbox_rejected *what)
{
    struct reject *added = copy_of(what);
    if (!added)
        return;
    pthread_mutex_lock(&r->lock);
    append(r, added, r->last + 1);
    pthread_mutex_unlock(&r->lock);
}

void rejects_restore(struct rejects *r, uint64_t number, const struct outbox_rejected *what)
{
    struct reject *added = number > r->last ? copy_of(what) : NULL; // known: the file is read a second time
    if (!added)
        return;
    pthread_mutex_lock(&r->lock);
    append(r, added, number);
    r->saved = number;
    pthread_mutex_unlock(&r->lock);
}

size_t rejects_each(struct rejects *r, void (*each)(const struct outbox_rejected *what, void *arg), void *arg)
{
    pthread_mutex_lock(&r->lock);
    size_t n = r->n;
    for (const struct reject *p = r->head; p; p = p->next)
        each(&p->what, arg);
    pthread_mutex_unlock(&r->lock);
    return n;
}

static bool is_same(const struct outbox_rejected *what, const char *lane, const struct outbox_item *item)
{
    size_t n = item->n < REJECT_PAYLOAD_MAX ? item->n : REJECT_PAYLOAD_MAX;
    return what->id == item->id && what->time.ms == item->time.ms && strcmp(what->lane, lane) == 0 &&
           what->n == n && memcmp(what->payload, item->payload, n) == 0;
}

bool rejects_have(struct rejects *r, const char *lane, const struct outbox_item *item)
{
    bool found = false;
    pthread_mutex_lock(&r->lock);
    if (item->id <= r->highest_id)
        for (const struct reject *p = r->head; p && !found; p = p->next)
            found = is_same(&p->what, lane, item);
    pthread_mutex_unlock(&r->lock);
    return found;
}

bool rejects_changed(struct rejects *r)
{
    pthread_mutex_lock(&r->lock);
    bool any = r->last > r->saved;
    pthread_mutex_unlock(&r->lock);
    return any;
}

// The list is copied out first: the lock is not to be held while the disk is busy.
uint64_t rejects_unsaved(struct rejects *r,
                         int (*save)(uint64_t number, const struct outbox_rejected *what, void *arg),
                         void *arg, uint64_t *upto)
{
    pthread_mutex_lock(&r->lock);
    struct reject *copies = NULL, **end = &copies;
    uint64_t lowest = r->head ? r->head->number : r->last + 1;
    *upto = r->last;
    for (const struct reject *p = r->head; p; p = p->next) {
        if (p->number <= r->saved)
            continue;
        struct reject *copy = copy_of(&p->what);
        if (!copy) { // it and those after it next time
            *upto = p->number - 1;
            break;
        }
        copy->number = p->number;
        *end = copy;
        end = &copy->next;
    }
    pthread_mutex_unlock(&r->lock);
    while (copies) {
        struct reject *next = copies->next;
        if (lowest && save(copies->number, &copies->what, arg) != 0)
            lowest = 0;
        free(copies);
        copies = next;
    }
    return lowest;
}

void rejects_saved(struct rejects *r, uint64_t upto)
{
    pthread_mutex_lock(&r->lock);
    r->saved = upto;
    pthread_mutex_unlock(&r->lock);
}

void rejects_all_changed(struct rejects *r)
{
    pthread_mutex_lock(&r->lock);
    r->saved = r->head ? r->head->number - 1 : r->last;
    pthread_mutex_unlock(&r->lock);
}
