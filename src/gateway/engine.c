// SPDX-License-Identifier: Apache-2.0
// The engine in the daemon: made with the site, its memory carried over reloads and restarts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/gateway.h"

// Keys of the outbox's table of facts.
#define KEY "engine/%s"

static void keep(void *arg, const char *name, const void *data, size_t n)
{
    struct gateway *g = arg;
    char key[200];
    snprintf(key, sizeof key, KEY, name);
    outbox_keep(g->outbox, key, data, n);
}

static bool kept(void *arg, const char *name, struct buf *out)
{
    struct gateway *g = arg;
    char key[200];
    snprintf(key, sizeof key, KEY, name);
    long n = outbox_kept(g->outbox, key, NULL, 0);
    char *room = n > 0 ? buf_room(out, (size_t)n) : NULL;
    if (!room || outbox_kept(g->outbox, key, room, (size_t)n) != n)
        return false;
    out->len += (size_t)n;
    return true;
}

int gateway_open_engine(struct gateway *g)
{
    g->engine = engine_new(g->site);
    if (!g->engine)
        return -1;
    engine_load(g->engine, kept, g);
    return 0;
}

void gateway_close_engine(struct gateway *g)
{
    if (g->engine && g->outbox)
        engine_save(g->engine, keep, g);
    engine_free(g->engine);
    g->engine = NULL;
}

// ---- Reload ----

struct carried {
    struct carried *next;
    char *name;
    struct buf bytes;
};

static void carry(void *arg, const char *name, const void *data, size_t n)
{
    struct carried **list = arg, *c = calloc(1, sizeof *c);
    if (!c)
        return; // begins anew
    c->name = strdup(name);
    buf_put(&c->bytes, data, n);
    c->next = *list;
    *list = c;
}

static bool carried(void *arg, const char *name, struct buf *out)
{
    for (const struct carried *c = *(struct carried **)arg; c; c = c->next) {
        if (!c->name || c->bytes.failed || strcmp(c->name, name) != 0)
            continue;
        buf_put(out, c->bytes.data, c->bytes.len);
        return true;
    }
    return false;
}

void gateway_exchange_engine(struct gateway *g, struct engine *fresh)
{
    struct carried *list = NULL;
    engine_save(g->engine, carry, &list);
    engine_load(fresh, carried, &list);
    engine_free(g->engine);
    g->engine = fresh;
    while (list) {
        struct carried *next = list->next;
        free(list->name);
        buf_free(&list->bytes);
        free(list);
        list = next;
    }
}
