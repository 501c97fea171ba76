// SPDX-License-Identifier: Apache-2.0
// The engine in the daemon: made with the site, told of the time, its memory carried over reloads and
// restarts. Streams are remembered in the ledger, together with their hours; the rest is facts of the outbox.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "gateway/gateway.h"

#define TICK_NS NS_PER_S
#define HOUR_MS (3600 * 1000)

// Keys of the outbox's table of facts; INDEX names all that are there.
#define KEY   "engine/%s"
#define INDEX "engine index"

// ---- Remembering ----

static void keep(void *arg, const char *name, const void *data, size_t n)
{
    struct gateway *g = arg;
    char key[220];
    snprintf(key, sizeof key, KEY, name);
    outbox_keep(g->outbox, key, data, n);
}

static const char *stream_of(const char *name)
{
    return strncmp(name, "stream/", 7) == 0 ? name + 7 : NULL;
}

static int stream_number(const struct gateway *g, const char *name)
{
    struct stream *s;
    for (size_t i = 0; g->stream_numbers && (s = engine_stream(g->engine, i)); i++)
        if (strcmp(stream_name(s), name) == 0)
            return g->stream_numbers[i];
    return -1;
}

struct keeping {
    struct gateway *gateway;
    struct buf names; /* of the facts, a line each */
};

static void keep_all(void *arg, const char *name, const void *data, size_t n)
{
    struct keeping *k = arg;
    struct gateway *g = k->gateway;
    if (stream_of(name)) {
        int number = stream_number(g, stream_of(name));
        if (g->ledger && number >= 0)
            ledger_keep(g->ledger, number, data, n);
        return;
    }
    keep(g, name, data, n);
    buf_printf(&k->names, "%s\n", name);
}

static bool kept_fact(const struct gateway *g, const char *key, struct buf *out)
{
    long n = outbox_kept(g->outbox, key, NULL, 0);
    char *room = n > 0 ? buf_room(out, (size_t)n) : NULL;
    if (!room || outbox_kept(g->outbox, key, room, (size_t)n) != n)
        return false;
    out->len += (size_t)n;
    return true;
}

static bool kept(void *arg, const char *name, struct buf *out)
{
    struct gateway *g = arg;
    char key[220];
    if (stream_of(name)) {
        int number = stream_number(g, stream_of(name));
        return g->ledger && number >= 0 && ledger_state(g->ledger, number, out);
    }
    snprintf(key, sizeof key, KEY, name);
    return kept_fact(g, key, out);
}

static bool has_line(const struct buf *list, const char *line, size_t n)
{
    for (const char *at = list->data, *end = at + list->len; at && at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop ? stop : end) - at);
        if (length == n && memcmp(at, line, n) == 0)
            return true;
        at += length + 1;
    }
    return false;
}

// What the configuration no longer has is not to be carried along for ever.
static void forget_the_rest(struct gateway *g, const struct buf *now)
{
    struct buf before = {0};
    if (kept_fact(g, INDEX, &before))
        for (const char *at = before.data, *end = at + before.len; at < end;) {
            const char *stop = memchr(at, '\n', (size_t)(end - at));
            size_t n = (size_t)((stop ? stop : end) - at);
            char name[200];
            if (n && n < sizeof name && !has_line(now, at, n)) {
                snprintf(name, sizeof name, "%.*s", (int)n, at);
                keep(g, name, NULL, 0);
            }
            at += n + 1;
        }
    buf_free(&before);
    if (!now->failed)
        outbox_keep(g->outbox, INDEX, now->data, now->len);
}

static void remember(struct gateway *g, bool clean)
{
    struct keeping k = {.gateway = g};
    engine_save(g->engine, clean, keep_all, &k);
    if (clean)
        forget_the_rest(g, &k.names);
    buf_free(&k.names);
    if (g->ledger)
        ledger_commit(g->ledger);
}

// ---- Hours ----

static void on_hour(void *arg, const struct stream *s, const struct stream_hour *h)
{
    struct gateway *g = arg;
    int number = g->engine && g->ledger ? stream_number(g, stream_name(s)) : -1;
    if (number < 0)
        return;
    ledger_add(g->ledger, number, h);
    g->hour_over = true;
    exchange_hour(g, s, h);
}

static int open_ledger(struct gateway *g, char *why, size_t why_size)
{
    char path[4096];
    if (g->ledger || g->site->root->streams.n == 0)
        return 0;
    snprintf(path, sizeof path, "%s/ledger.db", g->site->root->storage.directory);
    g->ledger = ledger_open(path, false, why, why_size);
    return g->ledger ? 0 : -1;
}

// Hours of another unit are no history of a stream that took over the name.
struct other_unit {
    const struct ledger_stream *what;
    bool other;
};

static void compare_unit(void *arg, const struct ledger_stream *known)
{
    struct other_unit *o = arg;
    if (strcmp(known->name, o->what->name) == 0 && strcmp(known->unit, o->what->unit) != 0)
        o->other = true;
}

static bool number_streams(struct gateway *g)
{
    struct stream *s;
    free(g->stream_numbers);
    free(g->stream_recalls);
    g->stream_numbers = calloc(g->site->root->streams.n + 1, sizeof *g->stream_numbers);
    g->stream_recalls = calloc(g->site->root->streams.n + 1, sizeof *g->stream_recalls);
    if (!g->stream_numbers || !g->stream_recalls) {
        free(g->stream_numbers); // zeros would be the number of a stream
        free(g->stream_recalls);
        g->stream_numbers = NULL;
        g->stream_recalls = NULL;
        return false;
    }
    for (size_t i = 0; (s = engine_stream(g->engine, i)); i++) {
        struct ledger_stream what;
        struct other_unit unit = {.what = &what};
        char code[12];
        ledger_describe(s, &what, code);
        if (g->ledger)
            ledger_streams(g->ledger, compare_unit, &unit);
        g->stream_numbers[i] = g->ledger ? ledger_stream(g->ledger, &what) : -1;
        g->stream_recalls[i] = g->stream_numbers[i] >= 0 && !unit.other;
    }
    return true;
}

// ---- History ----

static void recall_hour(void *arg, const struct stream_hour *h)
{
    stream_recall(arg, h);
}

static enum ledger_answer recall(struct gateway *g, size_t i)
{
    struct utc now = utc_now();
    int64_t from = utc_plausible(now) ? now.ms / 3600000 - STREAM_RECALL_HOURS : 0;
    if (!g->stream_recalls || !g->stream_recalls[i])
        return LEDGER_OK;
    return ledger_read(g->ledger, g->stream_numbers[i], from, INT32_MAX, recall_hour,
                       engine_stream(g->engine, i));
}

// At start nothing waits for the loop yet.
static void recall_all(struct gateway *g)
{
    const struct timespec pause = {0, 10 * 1000 * 1000};
    for (size_t i = 0; engine_stream(g->engine, i); i++) {
        enum ledger_answer answer = recall(g, i);
        for (int n = 0; answer == LEDGER_BUSY && n < 300; n++) {
            nanosleep(&pause, NULL);
            answer = recall(g, i);
        }
        if (answer != LEDGER_OK)
            log_warning("ledger", "the history of stream %s cannot be read: its profile begins anew",
                        stream_name(engine_stream(g->engine, i)));
    }
}

static bool has_stream(const struct engine *e, const char *name)
{
    struct stream *s;
    for (size_t i = 0; (s = engine_stream(e, i)); i++)
        if (strcmp(stream_name(s), name) == 0)
            return true;
    return false;
}

// Streams that a reload brought: there are few, and mostly the ledger has nothing of them.
static void recall_others(struct gateway *g, const struct engine *old)
{
    struct stream *s;
    for (size_t i = 0; (s = engine_stream(g->engine, i)); i++)
        if (!has_stream(old, stream_name(s)))
            recall(g, i);
}

// ---- Time ----

static void tick(struct timer *t, struct mono now)
{
    struct gateway *g = (struct gateway *)((char *)t - offsetof(struct gateway, engine_timer));
    struct utc utc = utc_now();
    if (utc_plausible(utc) && poller_held(g->poller).waiting == 0)
        engine_tick(g->engine, (struct utc){utc.ms - ENGINE_LAG_MS});
    // The hour's one commit: streams close their hours a moment after it, and totals go with them.
    int64_t hour = utc.ms / HOUR_MS;
    bool streams = engine_stream(g->engine, 0) != NULL;
    if (!streams && utc_plausible(utc) && g->hour_kept && hour != g->hour_kept)
        g->hour_over = true;
    g->hour_kept = hour;
    if (g->hour_over) {
        g->hour_over = false;
        gateway_keep_counters(g);
        remember(g, false);
    }
    loop_timer(g->loop, t, mono_add(now, TICK_NS));
}

// ---- Opening and closing ----

static struct engine_hooks hooks_of(struct gateway *g)
{
    struct engine_hooks hooks = gateway_engine_hooks(g);
    hooks.stream_hour = on_hour;
    hooks.keep = keep;
    return hooks;
}

int gateway_open_engine(struct gateway *g, char *why, size_t why_size)
{
    struct engine_hooks hooks = hooks_of(g);
    if (open_ledger(g, why, why_size) < 0)
        return -1;
    snprintf(why, why_size, "out of memory");
    g->engine = engine_new(g->site, &hooks);
    if (!g->engine)
        return -1;
    if (!number_streams(g)) {
        engine_free(g->engine); // it remembers nothing yet: the stop must not keep that in place of what was
        g->engine = NULL;
        return -1;
    }
    recall_all(g);
    engine_load(g->engine, kept, g);
    g->engine_timer.fire = tick;
    return loop_timer(g->loop, &g->engine_timer, mono_add(loop_now(g->loop), TICK_NS));
}

void gateway_close_engine(struct gateway *g)
{
    if (g->loop)
        loop_timer_stop(g->loop, &g->engine_timer);
    if (g->engine && g->outbox)
        remember(g, true);
    if (g->ledger && !ledger_close(g->ledger))
        log_error("ledger", "the last hours could not be written; see the messages above");
    engine_free(g->engine);
    free(g->stream_numbers);
    free(g->stream_recalls);
    g->engine = NULL;
    g->ledger = NULL;
    g->stream_numbers = NULL;
    g->stream_recalls = NULL;
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

struct engine *gateway_prepare_engine(struct gateway *g, struct site *fresh)
{
    struct engine_hooks hooks = hooks_of(g);
    return engine_new(fresh, &hooks);
}

// The site in force is already the fresh one.
void gateway_exchange_engine(struct gateway *g, struct engine *fresh)
{
    struct carried *list = NULL;
    struct engine *old = g->engine;
    struct stream *s;
    char why[300];
    engine_save(old, true, carry, &list);
    g->engine = fresh;
    if (open_ledger(g, why, sizeof why) < 0)
        log_error("ledger", "%s", why);
    if (!number_streams(g))
        log_error("ledger", "out of memory: hours are not kept until the next reload");
    engine_load(fresh, carried, &list);
    engine_resume(fresh, old);
    recall_others(g, old);
    for (size_t i = 0; (s = engine_stream(old, i)); i++)
        if (!has_stream(fresh, stream_name(s)))
            gateway_forget_stream(g, stream_name(s));
    engine_free(old);
    while (list) {
        struct carried *next = list->next;
        free(list->name);
        buf_free(&list->bytes);
        free(list);
        list = next;
    }
}
