// SPDX-License-Identifier: Apache-2.0
// One struct thin per meter, made when its first reading comes.
#include "thin_set.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_MS 1000

static void give(struct thin_set *s, const struct thin_out *out)
{
    s->publish(s->arg, &out->reading, out->windowed ? &out->window : NULL);
}

// A reload may put another meter at the same index, with other points.
static struct thin *thin_of(struct thin_set *s, const struct meter_info *m)
{
    if (m->index >= s->n) {
        size_t n = m->index + 16;
        struct thin **items = realloc(s->items, n * sizeof(struct thin *));
        if (!items)
            return NULL;
        memset(items + s->n, 0, (n - s->n) * sizeof(struct thin *));
        s->items = items;
        s->n = n;
    }
    struct thin **t = &s->items[m->index];
    if (*t && thin_meter(*t) != m) {
        thin_free(*t);
        *t = NULL;
    }
    if (!*t)
        *t = thin_new(s->config, m);
    return *t;
}

static void sweep(struct thin_set *s, struct utc now)
{
    struct thin_out out;
    int64_t since = now.ms - s->swept.ms;
    if (since >= 0 && since < SWEEP_MS)
        return;
    s->swept = now;
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i] && thin_expire(s->items[i], now, &out))
            give(s, &out);
}

void thin_set_reading(struct thin_set *s, const struct reading *r)
{
    struct thin_out out;
    if (!thin_active(s->config)) {
        s->publish(s->arg, r, NULL);
        return;
    }
    struct thin *t = thin_of(s, r->meter);
    if (!t)
        s->publish(s->arg, r, NULL); // without memory: rather too much than nothing
    else if (thin_put(t, r, &out))
        give(s, &out);
    sweep(s, r->time);
}

void thin_set_forget(struct thin_set *s, const struct meter_info *m)
{
    struct thin_out out;
    for (size_t i = 0; i < s->n; i++) {
        struct thin *t = s->items[i];
        if (!t || thin_meter(t) != m)
            continue;
        if (thin_finish(t, &out))
            give(s, &out);
        thin_free(t);
        s->items[i] = NULL;
    }
}

void thin_set_finish(struct thin_set *s)
{
    struct thin_out out;
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i] && thin_finish(s->items[i], &out))
            give(s, &out);
}

void thin_set_free(struct thin_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        thin_free(s->items[i]);
    free(s->items);
    s->items = NULL;
    s->n = 0;
}
