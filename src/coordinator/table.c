// SPDX-License-Identifier: Apache-2.0
// An open hash table with a secret seed.
#include "coordinator/table.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static size_t place_of(const struct table *t, const char *name)
{
    unsigned char key[crypto_shorthash_KEYBYTES] = {0}, hash[crypto_shorthash_BYTES];
    memcpy(key, &t->seed, sizeof t->seed);
    crypto_shorthash(hash, (const unsigned char *)name, strlen(name), key);
    uint64_t h;
    memcpy(&h, hash, sizeof h);
    return (size_t)h & (t->cap - 1);
}

static bool is_gone(const struct table_slot *s)
{
    return s->name && !s->value;
}

static void insert(struct table *t, const char *name, void *value)
{
    size_t i = place_of(t, name);
    while (t->slots[i].name)
        i = (i + 1) & (t->cap - 1);
    t->slots[i] = (struct table_slot){name, value};
    t->used++;
}

static bool grow(struct table *t)
{
    struct table old = *t;
    size_t cap = 64;
    while (cap < 3 * (t->count + 1))
        cap *= 2;
    t->slots = calloc(cap, sizeof *t->slots);
    if (!t->slots) {
        *t = old;
        return false;
    }
    t->cap = cap;
    t->used = 0;
    while (!t->seed)
        randombytes_buf(&t->seed, sizeof t->seed);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].value)
            insert(t, old.slots[i].name, old.slots[i].value);
    free(old.slots);
    return true;
}

static struct table_slot *find(const struct table *t, const char *name)
{
    if (!t->cap)
        return NULL;
    size_t i = place_of(t, name);
    for (; t->slots[i].name; i = (i + 1) & (t->cap - 1))
        if (!is_gone(&t->slots[i]) && strcmp(t->slots[i].name, name) == 0)
            return &t->slots[i];
    return NULL;
}

void table_free(struct table *t)
{
    free(t->slots);
    *t = (struct table){0};
}

bool table_put(struct table *t, const char *name, void *value)
{
    struct table_slot *s = find(t, name);
    if (s) {
        *s = (struct table_slot){name, value};
        return true;
    }
    if (4 * (t->used + 1) > 3 * t->cap && !grow(t))
        return false;
    insert(t, name, value);
    t->count++;
    return true;
}

void *table_get(const struct table *t, const char *name)
{
    const struct table_slot *s = find(t, name);
    return s ? s->value : NULL;
}

void table_remove(struct table *t, const char *name)
{
    struct table_slot *s = find(t, name);
    if (!s)
        return;
    *s = (struct table_slot){"", NULL};
    t->count--;
}

void *table_next(const struct table *t, size_t *at)
{
    while (*at < t->cap)
        if (t->slots[(*at)++].value)
            return t->slots[*at - 1].value;
    return NULL;
}
