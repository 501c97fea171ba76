// SPDX-License-Identifier: Apache-2.0
// territory.db: its tables, its statements, and how they are run.
#include <stdarg.h>
#include <stdio.h>
#include "coordinator/store_inside.h"

const char store_schema[] =
    "CREATE TABLE fact(key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
    "CREATE TABLE seen(key TEXT PRIMARY KEY, epoch INTEGER, seq INTEGER) WITHOUT ROWID;"
    "CREATE TABLE topic(topic TEXT PRIMARY KEY, key TEXT, epoch INTEGER, seq INTEGER, hash BLOB, withdrawn "
    "INTEGER,"
    " until INTEGER, issued INTEGER) WITHOUT ROWID;"
    "CREATE TABLE entry(id TEXT PRIMARY KEY, pseudonym TEXT, json BLOB, expires INTEGER) WITHOUT ROWID;"
    "CREATE TABLE deal(id TEXT PRIMARY KEY, json BLOB) WITHOUT ROWID;"
    "CREATE TABLE published(topic TEXT PRIMARY KEY, data BLOB, until INTEGER) WITHOUT ROWID;" STORE_RELEASED
        STORE_FIGURE
    "CREATE TABLE hour(match TEXT, party INTEGER, hour INTEGER, amount REAL, PRIMARY KEY(match, hour, party))"
    " WITHOUT ROWID;"
    "CREATE TABLE alert(id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT, subject TEXT, body TEXT, "
    "attempts INTEGER,"
    " created INTEGER, due INTEGER);"
    "CREATE TABLE told(synergy TEXT PRIMARY KEY, time INTEGER) WITHOUT ROWID;"
    "CREATE TABLE note(time INTEGER, kind TEXT, match TEXT, text TEXT);"
    "CREATE INDEX note_time ON note(time);"
    // Numbers of alerts go into message ids: none is ever used twice, not by a store begun anew either.
    "INSERT INTO sqlite_sequence VALUES('alert', CAST(strftime('%s','now') AS INTEGER));";

const char *const store_sql[STORE_STATEMENTS] = {
    [GET_FACT] = "SELECT value FROM fact WHERE key=?",
    [PUT_FACT] = "INSERT OR REPLACE INTO fact VALUES(?,?)",
    [GET_SEEN] = "SELECT epoch, seq FROM seen WHERE key=?",
    [PUT_SEEN] = "INSERT OR REPLACE INTO seen VALUES(?,?,?)",
    [PUT_TOPIC] = "INSERT OR REPLACE INTO topic VALUES(?,?,?,?,?,?,?,?)",
    [DROP_TOPIC] = "DELETE FROM topic WHERE topic=?",
    [EACH_TOPIC] = "SELECT topic, key, epoch, seq, hash, withdrawn, until, issued FROM topic",
    [PUT_ENTRY] = "INSERT OR REPLACE INTO entry VALUES(?,?,?,?)",
    [DROP_ENTRY] = "DELETE FROM entry WHERE id=?",
    [EACH_ENTRY] = "SELECT id, pseudonym, json, expires FROM entry",
    [PUT_DEAL] = "INSERT OR REPLACE INTO deal VALUES(?,?)",
    [DROP_DEAL] = "DELETE FROM deal WHERE id=?",
    [DROP_HOURS] = "DELETE FROM hour WHERE match=?",
    [EACH_DEAL] = "SELECT id, json FROM deal",
    [PUT_PUBLISHED] = "INSERT OR REPLACE INTO published VALUES(?,?,?)",
    [DROP_PUBLISHED] = "DELETE FROM published WHERE topic=?",
    [DROP_ALL_PUBLISHED] = "DELETE FROM published",
    [EACH_PUBLISHED] = "SELECT topic, data, until FROM published",
    [ADD_RELEASE] = "INSERT OR IGNORE INTO released VALUES(?,?,?,?,?,?)",
    [GET_RELEASES] =
        "SELECT match, pseudonym, level, time FROM released WHERE owner=? AND entry=? ORDER BY time DESC, "
        "match, pseudonym LIMIT ?",
    [COUNT_RELEASES] = "SELECT count(*) FROM released WHERE owner=? AND entry=?",
    [PUT_HOUR] = "INSERT OR REPLACE INTO hour VALUES(?,?,?,?)",
    [SUM_PAIR] =
        "SELECT sum(min(a.amount, b.amount)), sum(max(a.amount, b.amount)), count(*), min(a.hour), "
        "max(a.hour) "
        "FROM hour a JOIN hour b ON b.match=a.match AND b.hour=a.hour AND b.party=1 WHERE a.match=? AND "
        "a.party=0",
    [SUM_LONELY] =
        "SELECT count(*) FROM (SELECT hour FROM hour WHERE match=? GROUP BY hour HAVING count(*)=1)",
    [SUM_ROUNDS] =
        "SELECT (hour-?)/? AS round, sum(amount), count(DISTINCT hour), min(hour), max(hour) FROM hour "
        "WHERE match=? GROUP BY round ORDER BY round",
    [ADD_ALERT] = "INSERT INTO alert(channel, subject, body, attempts, created, due) VALUES(?,?,?,?,?,?)",
    [PUT_ALERT] = "UPDATE alert SET attempts=?, due=? WHERE id=?",
    [DROP_ALERT] = "DELETE FROM alert WHERE id=?",
    [DUE_ALERT] = "SELECT id, channel, subject, body, attempts, created, due FROM alert WHERE channel=? AND "
                  "due<=? ORDER BY due, id LIMIT 1",
    [FIND_ALERT] = "SELECT attempts, created, due FROM alert WHERE id=?",
    [COUNT_ALERTS] = "SELECT count(*) FROM alert WHERE channel=?",
    [PUT_TOLD] = "INSERT OR REPLACE INTO told VALUES(?,?)",
    [GET_TOLD] = "SELECT time FROM told WHERE synergy=?",
    [ADD_NOTE] = "INSERT INTO note VALUES(?,?,?,?)",
    [EACH_NOTE] = "SELECT time, kind, match, text FROM note WHERE time>? ORDER BY time",
    [TIDY_TOPICS] = "DELETE FROM topic WHERE until<?",
    [TIDY_PUBLISHED] = "DELETE FROM published WHERE until<?",
    [TIDY_RELEASES] = "DELETE FROM released WHERE time<? AND entry NOT IN (SELECT id FROM entry)",
    [PUT_FIGURE] = "INSERT OR REPLACE INTO figure VALUES(?,?,?,?)",
    [GET_FIGURE] = "SELECT text, sites FROM figure WHERE cell=?",
    [TIDY_FIGURES] = "DELETE FROM figure WHERE time<?",
    [TIDY_TOLD] = "DELETE FROM told WHERE time<?",
    [TIDY_NOTES] = "DELETE FROM note WHERE time<?",
};

// ---- Statements ----

void store_note_failure(struct store *s)
{
    s->failed = true;
    snprintf(s->error, sizeof s->error, "%s", sqlite3_errmsg(s->db));
}

static sqlite3_stmt *bind(struct store *s, enum store_statement which, const char *types, va_list args)
{
    sqlite3_stmt *st = s->st[which];
    sqlite3_reset(st);
    for (int i = 1; *types; types++, i++) {
        const void *blob;
        switch (*types) {
        case 't':
            sqlite3_bind_text(st, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
            break;
        case 'i':
            sqlite3_bind_int64(st, i, va_arg(args, int64_t));
            break;
        case 'd':
            sqlite3_bind_double(st, i, va_arg(args, double));
            break;
        default:
            blob = va_arg(args, const void *);
            sqlite3_bind_blob64(st, i, blob, va_arg(args, size_t), SQLITE_TRANSIENT);
        }
    }
    return st;
}

bool store_exec(struct store *s, const char *text)
{
    return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

// A change, within the transaction that the first one opens.
bool store_change(struct store *s, enum store_statement which, const char *types, ...)
{
    if (!s->open && !s->failed) {
        s->open = store_exec(s, "BEGIN IMMEDIATE");
        if (!s->open)
            store_note_failure(s);
    }
    if (s->failed)
        return false;
    va_list args;
    va_start(args, types);
    sqlite3_stmt *st = bind(s, which, types, args);
    va_end(args);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_DONE)
        store_note_failure(s);
    sqlite3_reset(st);
    return rc == SQLITE_DONE;
}

sqlite3_stmt *store_ask(struct store *s, enum store_statement which, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *st = bind(s, which, types, args);
    va_end(args);
    return st;
}

int64_t store_ask_number(sqlite3_stmt *st, int64_t otherwise)
{
    int64_t value = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : otherwise;
    sqlite3_reset(st);
    return value;
}

const char *store_text_at(sqlite3_stmt *st, int i)
{
    const char *t = (const char *)sqlite3_column_text(st, i);
    return t ? t : "";
}
