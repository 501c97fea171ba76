// SPDX-License-Identifier: Apache-2.0
// Cycles that wait for the time of day.
#include "meters/held.h"

#include <stdlib.h>
#include <string.h>
#include "meters/poller.h"

void held_begin(struct held *h)
{
    *h = (struct held){.end = &h->first, .limit = HELD_BYTES};
}

static size_t text_bytes(const struct meter *m)
{
    size_t n = m->texts ? m->info.n * sizeof(char *) : 0;
    for (size_t i = 0; m->texts && i < m->info.n; i++)
        n += m->texts[i] ? strlen(m->texts[i]) + 1 : 0;
    return n;
}

// One piece of memory: the values, then the pointers to texts, then the texts.
static struct held_cycle *copy(struct meter *m, struct mono middle)
{
    size_t n = m->info.n, values = n * sizeof(struct value);
    size_t bytes = sizeof(struct held_cycle) + values + text_bytes(m);
    struct held_cycle *c = malloc(bytes);
    if (!c)
        return NULL;
    *c = (struct held_cycle){.meter = m, .middle = middle, .maintenance = m->maintenance, .bytes = bytes};
    memcpy(c->raw, m->raw, values);
    if (!m->texts)
        return c;
    c->texts = (char **)(void *)(c->raw + n);
    char *at = (char *)(c->texts + n);
    for (size_t i = 0; i < n; i++) {
        c->texts[i] = m->texts[i] ? at : NULL;
        if (m->texts[i])
            at = stpcpy(at, m->texts[i]) + 1;
    }
    return c;
}

struct held_cycle *held_take(struct held *h)
{
    struct held_cycle *c = h->first;
    if (!c)
        return NULL;
    h->first = c->next;
    if (!h->first)
        h->end = &h->first;
    h->n--;
    h->bytes -= c->bytes;
    return c;
}

bool held_put(struct held *h, struct meter *m, struct mono middle, void (*lost)(struct meter *m))
{
    struct held_cycle *c = copy(m, middle);
    while (h->n > 0 && (!c || h->bytes + c->bytes > h->limit)) {
        struct held_cycle *oldest = held_take(h);
        lost(oldest->meter);
        h->lost++;
        free(oldest);
        if (!c)
            c = copy(m, middle);
    }
    if (!c) {
        h->lost++;
        return false;
    }
    *h->end = c;
    h->end = &c->next;
    h->n++;
    h->bytes += c->bytes;
    return true;
}

void held_forget(struct held *h, const struct meter *m)
{
    for (struct held_cycle **at = &h->first; *at;) {
        struct held_cycle *c = *at;
        if (c->meter != m) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        h->n--;
        h->bytes -= c->bytes;
        h->lost++;
        free(c);
    }
    h->end = &h->first;
    while (*h->end)
        h->end = &(*h->end)->next;
}
