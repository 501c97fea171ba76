// SPDX-License-Identifier: Apache-2.0
// The memory of one configuration.
#include "config/owner.h"

#include <stdlib.h>
#include <string.h>

// Most requests are names and short lists; larger ones get a block of their own.
#define BLOCK_BYTES 16384

struct block {
    struct block *next;
    size_t size;
    _Alignas(16) char data[];
};

struct config *config_new(size_t memory_max)
{
    struct config *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->left = memory_max;
    c->text_left = CONFIG_TOTAL_MAX;
    crypto_hash_sha256_init(&c->sum);
    return c;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    while (c->blocks) {
        struct block *next = c->blocks->next;
        free(c->blocks);
        c->blocks = next;
    }
    free(c);
}

void *config_alloc(struct config *c, size_t size)
{
    if (c->failed || size > c->left || c->left < 16) { // before rounding up, which could overflow
        c->failed = true;
        return NULL;
    }
    size = size ? (size + 15) & ~(size_t)15 : 16;
    if (size > c->left)
        size = c->left;
    c->left -= size;
    if (!c->blocks || size > c->blocks->size - c->used) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        struct block *fresh = calloc(1, sizeof *fresh + room);
        if (!fresh) {
            c->failed = true;
            return NULL;
        }
        fresh->size = room;
        fresh->next = c->blocks;
        c->blocks = fresh;
        c->used = 0;
    }
    void *at = c->blocks->data + c->used;
    c->used += size;
    return at;
}

char *config_copy(struct config *c, const char *text, size_t n)
{
    char *copy = config_alloc(c, n + 1);
    if (copy && n)
        memcpy(copy, text, n);
    return copy;
}

void *config_root(const struct config *c)
{
    return c->root;
}

const char *config_hash(const struct config *c)
{
    return c->hash;
}
