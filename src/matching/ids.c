// SPDX-License-Identifier: Apache-2.0
// Open addressing, a power of two in size, at most two thirds full.
#include "matching/ids.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void ids_begin(struct ids *t)
{
    *t = (struct ids){0};
    randombytes_buf(t->key, sizeof t->key);
}

void ids_end(struct ids *t)
{
    free(t->slots);
    *t = (struct ids){0};
}

static uint64_t hashed(const struct ids *t, const char *text)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t hash;
    crypto_shorthash(out, (const unsigned char *)text, strlen(text), t->key);
    memcpy(&hash, out, sizeof hash);
    return hash;
}

static struct ids_slot *slot_of(const struct ids *t, const char *text, ids_text *text_of, const void *arg)
{
    uint64_t hash = hashed(t, text);
    for (size_t i = t->cap ? hash & (t->cap - 1) : 0; t->cap; i = (i + 1) & (t->cap - 1)) {
        struct ids_slot *s = &t->slots[i];
        if (s->value == IDS_NONE)
            return NULL;
        if (s->value != IDS_GONE && s->hash == hash && strcmp(text_of(arg, s->value), text) == 0)
            return s;
    }
    return NULL;
}

uint32_t ids_find(const struct ids *t, const char *text, ids_text *text_of, const void *arg)
{
    const struct ids_slot *s = slot_of(t, text, text_of, arg);
    return s ? s->value : IDS_NONE;
}

static void insert(struct ids *t, uint64_t hash, uint32_t value)
{
    size_t i = hash & (t->cap - 1);
    while (t->slots[i].value != IDS_NONE)
        i = (i + 1) & (t->cap - 1);
    t->slots[i] = (struct ids_slot){hash, value};
    t->used++;
}

// Twice the size, or the same without those that are gone.
static bool rebuild(struct ids *t)
{
    size_t live = 0;
    for (size_t i = 0; i < t->cap; i++)
        live += t->slots[i].value < IDS_GONE;
    struct ids next = *t;
    next.cap = t->cap ? t->cap : 64;
    while (live * 3 >= next.cap)
        next.cap *= 2;
    next.used = 0;
    next.slots = malloc(next.cap * sizeof *next.slots);
    if (!next.slots)
        return false;
    for (size_t i = 0; i < next.cap; i++)
        next.slots[i].value = IDS_NONE;
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].value < IDS_GONE)
            insert(&next, t->slots[i].hash, t->slots[i].value);
    free(t->slots);
    *t = next;
    return true;
}

bool ids_put(struct ids *t, const char *text, uint32_t value)
{
    if ((t->used + 1) * 3 > t->cap * 2 && !rebuild(t))
        return false;
    insert(t, hashed(t, text), value);
    return true;
}

void ids_change(struct ids *t, const char *text, uint32_t value, ids_text *text_of, const void *arg)
{
    struct ids_slot *s = slot_of(t, text, text_of, arg);
    if (s)
        s->value = value;
}

void ids_remove(struct ids *t, const char *text, ids_text *text_of, const void *arg)
{
    struct ids_slot *s = slot_of(t, text, text_of, arg);
    if (s)
        s->value = IDS_GONE;
}
