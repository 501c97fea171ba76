// SPDX-License-Identifier: Apache-2.0
// Kept over a restart as it stands: senders, topics, offers and needs, matches, what was published.
#include <stdio.h>
#include <string.h>
#include "coordinator/store_inside.h"

// ---- Senders and topics ----

void store_put_seen(struct store *s, const char *key_id, const struct envelope_seen *seen)
{
    store_change(s, PUT_SEEN, "tii", key_id, (int64_t)seen->epoch, (int64_t)seen->seq);
}

bool store_get_seen(struct store *s, const char *key_id, struct envelope_seen *out)
{
    sqlite3_stmt *st = store_ask(s, GET_SEEN, "t", key_id);
    bool found = sqlite3_step(st) == SQLITE_ROW;
    if (found)
        *out = (struct envelope_seen){(uint64_t)sqlite3_column_int64(st, 0),
                                      (uint64_t)sqlite3_column_int64(st, 1)};
    sqlite3_reset(st);
    return found;
}

void store_put_topic(struct store *s, const char *topic, const struct envelope_topic *t)
{
    store_change(s, PUT_TOPIC, "ttiibiii", topic, t->key_id, (int64_t)t->epoch, (int64_t)t->seq,
                 (const void *)t->hash, sizeof t->hash, (int64_t)t->withdrawn, t->until.ms, t->issued.ms);
}

void store_drop_topic(struct store *s, const char *topic)
{
    store_change(s, DROP_TOPIC, "t", topic);
}

void store_each_topic(struct store *s,
                      void (*each)(void *arg, const char *topic, const struct envelope_topic *t), void *arg)
{
    sqlite3_stmt *st = store_ask(s, EACH_TOPIC, "");
    while (sqlite3_step(st) == SQLITE_ROW) {
        struct envelope_topic t = {.epoch = (uint64_t)sqlite3_column_int64(st, 2),
                                   .seq = (uint64_t)sqlite3_column_int64(st, 3),
                                   .withdrawn = sqlite3_column_int64(st, 5) != 0,
                                   .until = {sqlite3_column_int64(st, 6)},
                                   .issued = {sqlite3_column_int64(st, 7)}};
        snprintf(t.key_id, sizeof t.key_id, "%s", store_text_at(st, 1));
        if (sqlite3_column_bytes(st, 4) == (int)sizeof t.hash)
            memcpy(t.hash, sqlite3_column_blob(st, 4), sizeof t.hash);
        each(arg, store_text_at(st, 0), &t);
    }
    sqlite3_reset(st);
}
// ---- Entries, deals, what was published ----

void store_put_entry(struct store *s, const struct store_entry *e)
{
    store_change(s, PUT_ENTRY, "ttbi", e->id, e->pseudonym, e->json, e->n, e->expires.ms);
}

void store_drop_entry(struct store *s, const char *id)
{
    store_change(s, DROP_ENTRY, "t", id);
}

void store_each_entry(struct store *s, void (*each)(void *arg, const struct store_entry *e), void *arg)
{
    sqlite3_stmt *st = store_ask(s, EACH_ENTRY, "");
    while (sqlite3_step(st) == SQLITE_ROW)
        each(arg, &(struct store_entry){.id = store_text_at(st, 0),
                                        .pseudonym = store_text_at(st, 1),
                                        .json = sqlite3_column_blob(st, 2),
                                        .n = (size_t)sqlite3_column_bytes(st, 2),
                                        .expires = {sqlite3_column_int64(st, 3)}});
    sqlite3_reset(st);
}

void store_put_deal(struct store *s, const char *id, const void *json, size_t n)
{
    store_change(s, PUT_DEAL, "tb", id, json, n);
}

void store_drop_deal(struct store *s, const char *id)
{
    store_change(s, DROP_DEAL, "t", id);
    store_change(s, DROP_HOURS, "t", id);
}

void store_each_deal(struct store *s, void (*each)(void *arg, const char *id, const void *json, size_t n),
                     void *arg)
{
    sqlite3_stmt *st = store_ask(s, EACH_DEAL, "");
    while (sqlite3_step(st) == SQLITE_ROW)
        each(arg, store_text_at(st, 0), sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
    sqlite3_reset(st);
}

void store_put_published(struct store *s, const char *topic, const void *data, size_t n, struct utc until)
{
    store_change(s, PUT_PUBLISHED, "tbi", topic, data, n, until.ms);
}

void store_drop_published(struct store *s, const char *topic)
{
    if (topic)
        store_change(s, DROP_PUBLISHED, "t", topic);
    else
        store_change(s, DROP_ALL_PUBLISHED, "");
}

void store_each_published(struct store *s,
                          void (*each)(void *arg, const char *topic, const void *data, size_t n,
                                       struct utc until),
                          void *arg)
{
    sqlite3_stmt *st = store_ask(s, EACH_PUBLISHED, "");
    while (sqlite3_step(st) == SQLITE_ROW)
        each(arg, store_text_at(st, 0), sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1),
             (struct utc){sqlite3_column_int64(st, 2)});
    sqlite3_reset(st);
}
