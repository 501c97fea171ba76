// SPDX-License-Identifier: Apache-2.0
// Alerts on their way, what was told of and when, notes for the digest.
#include "coordinator/store_inside.h"

void store_put_alert(struct store *s, const struct store_alert *a)
{
    if (a->id)
        store_change(s, PUT_ALERT, "iii", (int64_t)a->attempts, a->due.ms, a->id);
    else
        store_change(s, ADD_ALERT, "tttiii", a->channel, a->subject, a->body, (int64_t)a->attempts,
                     a->created.ms, a->due.ms);
}

void store_drop_alert(struct store *s, int64_t id)
{
    store_change(s, DROP_ALERT, "i", id);
}

bool store_due_alert(struct store *s, const char *channel, struct utc now, struct store_alert *out)
{
    sqlite3_stmt *st = store_ask(s, DUE_ALERT, "ti", channel, now.ms);
    if (sqlite3_step(st) != SQLITE_ROW) {
        sqlite3_reset(st);
        return false;
    }
    *out = (struct store_alert){.id = sqlite3_column_int64(st, 0),
                                .channel = store_text_at(st, 1),
                                .subject = store_text_at(st, 2),
                                .body = store_text_at(st, 3),
                                .attempts = sqlite3_column_int(st, 4),
                                .created = {sqlite3_column_int64(st, 5)},
                                .due = {sqlite3_column_int64(st, 6)}};
    return true;
}

bool store_find_alert(struct store *s, int64_t id, struct store_alert *out)
{
    sqlite3_stmt *st = store_ask(s, FIND_ALERT, "i", id);
    bool found = sqlite3_step(st) == SQLITE_ROW;
    *out = (struct store_alert){.id = id};
    if (found) {
        out->attempts = sqlite3_column_int(st, 0);
        out->created.ms = sqlite3_column_int64(st, 1);
        out->due.ms = sqlite3_column_int64(st, 2);
    }
    sqlite3_reset(st);
    return found;
}

int64_t store_alerts(struct store *s, const char *channel)
{
    return store_ask_number(store_ask(s, COUNT_ALERTS, "t", channel), 0);
}

void store_told(struct store *s, const char *synergy, struct utc when)
{
    store_change(s, PUT_TOLD, "ti", synergy, when.ms);
}

struct utc store_last_told(struct store *s, const char *synergy)
{
    return (struct utc){store_ask_number(store_ask(s, GET_TOLD, "t", synergy), 0)};
}

void store_note(struct store *s, struct utc when, const char *kind, const char *match, const char *text)
{
    store_change(s, ADD_NOTE, "ittt", when.ms, kind, match, text);
}

void store_each_note(struct store *s, struct utc since,
                     void (*each)(void *arg, struct utc when, const char *kind, const char *match,
                                  const char *text),
                     void *arg)
{
    sqlite3_stmt *st = store_ask(s, EACH_NOTE, "i", since.ms);
    while (sqlite3_step(st) == SQLITE_ROW)
        each(arg, (struct utc){sqlite3_column_int64(st, 0)}, store_text_at(st, 1), store_text_at(st, 2),
             store_text_at(st, 3));
    sqlite3_reset(st);
}
