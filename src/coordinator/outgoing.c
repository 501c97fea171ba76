// SPDX-License-Identifier: Apache-2.0
// What the coordinator says: signed, kept byte by byte, and sent once it is on disk.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/coordinator.h"

// Numbers are taken from the disk in blocks: after a crash the next block begins, and none is used twice.
#define SEQ_BLOCK 1000

struct outgoing {
    struct outgoing *next;
    char topic[EXCHANGE_TOPIC];
    bool retained;
    uint32_t expiry_s;
    size_t n;
    char data[];
};

bool outgoing_open(struct coordinator *c, char *why, size_t size)
{
    // A store that came back from a backup does not know what was said since: each start begins an epoch of
    // its own, larger than the stored one and, by the clock, than those the backup does not know.
    int64_t next = store_number(c->store, "epoch", 0) + 1, by_clock = utc_now().ms / 1000;
    c->end_out = &c->first_out;
    c->epoch = (uint64_t)(next > by_clock ? next : by_clock);
    c->seq = c->seq_reserved = 0;
    store_keep(c->store, "epoch", (int64_t)c->epoch);
    store_keep(c->store, "seq", 0);
    if (store_commit(c->store))
        return true;
    snprintf(why, size, "the store cannot be written (%s): without it numbers would be used twice",
             store_error(c->store));
    return false;
}

static uint64_t next_number(struct coordinator *c)
{
    if (c->seq >= c->seq_reserved) {
        c->seq_reserved = c->seq + SEQ_BLOCK;
        store_keep(c->store, "seq", (int64_t)c->seq_reserved);
    }
    return ++c->seq;
}

static void queue(struct coordinator *c, const char *topic, const void *data, size_t n, bool retained,
                  uint32_t expiry_s)
{
    struct outgoing *o = malloc(sizeof *o + n + 1);
    if (!o) {
        log_error("outgoing", "out of memory: %s is not published", topic);
        return;
    }
    *o = (struct outgoing){.retained = retained, .expiry_s = expiry_s, .n = n};
    snprintf(o->topic, sizeof o->topic, "%s", topic);
    if (n)
        memcpy(o->data, data, n);
    *c->end_out = o;
    c->end_out = &o->next;
}

// The body stands in c->body.
void say(struct coordinator *c, const struct exchange_topic *t, enum message_kind kind, int64_t life_ms)
{
    char topic[EXCHANGE_TOPIC];
    struct utc now = utc_now();
    struct message m = {.kind = kind,
                        .epoch = c->epoch,
                        .seq = next_number(c),
                        .issued = now,
                        .expires = {now.ms + life_ms},
                        .body = buf_text(&c->body),
                        .body_size = c->body.len};
    snprintf(m.territory, sizeof m.territory, "%s", c->territory->root->territory);
    snprintf(m.from, sizeof m.from, "%s", EXCHANGE_COORDINATOR);
    snprintf(m.to, sizeof m.to, "%s", t->pseudonym);
    exchange_topic_text(t, topic);
    buf_reset(&c->message);
    if (c->body.failed || !envelope_write(&m, &c->key, &c->message)) {
        log_error("outgoing", "out of memory: %s is not published", topic);
        return;
    }
    store_put_published(c->store, topic, c->message.data, c->message.len, m.expires);
    queue(c, topic, c->message.data, c->message.len, true, (uint32_t)(life_ms / 1000));
}

void say_clear(struct coordinator *c, const struct exchange_topic *t)
{
    char topic[EXCHANGE_TOPIC];
    exchange_topic_text(t, topic);
    store_drop_published(c->store, topic);
    queue(c, topic, NULL, 0, true, 0);
}

void say_plain(struct coordinator *c, const char *topic, const void *data, size_t n)
{
    queue(c, topic, data, n, false, 0);
}

void outgoing_send(struct coordinator *c)
{
    struct outgoing *o;
    while ((o = c->first_out)) {
        if (!link_put(c->link, o->topic, o->data, o->n, o->retained, o->expiry_s))
            log_error("outgoing", "too much is waiting for the broker: %s is not published now", o->topic);
        c->first_out = o->next;
        free(o);
    }
    c->end_out = &c->first_out;
}

static void repeat(void *arg, const char *topic, const void *data, size_t n, struct utc until)
{
    struct coordinator *c = arg;
    int64_t left_s = (until.ms - utc_now().ms) / 1000;
    if (left_s > 0)
        link_put(c->link, topic, data, n, true, (uint32_t)left_s);
}

static void take_back(void *arg, const char *topic, const void *data, size_t n, struct utc until)
{
    (void)data, (void)n, (void)until;
    queue(arg, topic, NULL, 0, true, 0);
}

// Whoever has only the new key takes nothing that the old one signed.
void outgoing_notice_key(struct coordinator *c)
{
    int64_t id, before = store_number(c->store, "key", 0);
    memcpy(&id, c->key.public_key, sizeof id);
    store_keep(c->store, "key", id);
    if (!before || before == id)
        return;
    log_info("outgoing", "the key is another one: everything is said anew");
    store_each_published(c->store, take_back, c);
    store_drop_published(c->store, NULL);
    struct entry *e;
    struct deal *d;
    for (size_t at = 0; (e = table_next(&c->entries, &at));)
        entry_receipt(c, e);
    for (size_t at = 0; (d = table_next(&c->deals, &at));)
        for (unsigned i = 0; i < d->n; i++)
            d->parties[i].issued.ms = 0;
    c->rekeyed = true;
}

// The same bytes as before: whoever has them takes them for a refresh. Without a clock nobody can say how
// long they are still good for.
void outgoing_repeat(struct coordinator *c)
{
    if (!utc_plausible(utc_now()))
        return;
    store_each_published(c->store, repeat, c);
}

void outgoing_free(struct coordinator *c)
{
    struct outgoing *o;
    while ((o = c->first_out)) {
        c->first_out = o->next;
        free(o);
    }
    c->end_out = &c->first_out;
    buf_free(&c->body);
    buf_free(&c->message);
    buf_free(&c->scratch);
    buf_free(&c->plain);
}
