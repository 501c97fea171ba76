// SPDX-License-Identifier: Apache-2.0
// territory.db: tables, statements, commits.
#include "coordinator/store.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/log.h"

#define SUBJECT        "store"
#define APPLICATION_ID 0x53594d54 // "SYMT"
#define FORMAT         2
#define YEAR_MS        (366LL * 86400000)

static const char schema[] =
    "CREATE TABLE fact(key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
    "CREATE TABLE seen(key TEXT PRIMARY KEY, epoch INTEGER, seq INTEGER) WITHOUT ROWID;"
    "CREATE TABLE topic(topic TEXT PRIMARY KEY, key TEXT, epoch INTEGER, seq INTEGER, hash BLOB, withdrawn "
    "INTEGER,"
    " until INTEGER, issued INTEGER) WITHOUT ROWID;"
    "CREATE TABLE entry(id TEXT PRIMARY KEY, pseudonym TEXT, json BLOB, expires INTEGER) WITHOUT ROWID;"
    "CREATE TABLE deal(id TEXT PRIMARY KEY, json BLOB) WITHOUT ROWID;"
    "CREATE TABLE published(topic TEXT PRIMARY KEY, data BLOB, until INTEGER) WITHOUT ROWID;"
    "CREATE TABLE released(entry TEXT, match TEXT, pseudonym TEXT, level INTEGER, time INTEGER,"
    " PRIMARY KEY(entry, match, pseudonym, level)) WITHOUT ROWID;"
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

enum {
    GET_FACT,
    PUT_FACT,
    GET_SEEN,
    PUT_SEEN,
    PUT_TOPIC,
    DROP_TOPIC,
    EACH_TOPIC,
    PUT_ENTRY,
    DROP_ENTRY,
    EACH_ENTRY,
    PUT_DEAL,
    DROP_DEAL,
    DROP_HOURS,
    EACH_DEAL,
    PUT_PUBLISHED,
    DROP_PUBLISHED,
    EACH_PUBLISHED,
    ADD_RELEASE,
    GET_RELEASES,
    COUNT_RELEASES,
    PUT_HOUR,
    SUM_PAIR,
    SUM_LONELY,
    SUM_GROUP,
    ADD_ALERT,
    PUT_ALERT,
    DROP_ALERT,
    DUE_ALERT,
    FIND_ALERT,
    COUNT_ALERTS,
    PUT_TOLD,
    GET_TOLD,
    ADD_NOTE,
    EACH_NOTE,
    TIDY_TOPICS,
    TIDY_PUBLISHED,
    TIDY_NOTES,
    STATEMENTS,
};

static const char *const sql[STATEMENTS] = {
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
    [EACH_PUBLISHED] = "SELECT topic, data, until FROM published",
    [ADD_RELEASE] = "INSERT OR IGNORE INTO released VALUES(?,?,?,?,?)",
    [GET_RELEASES] = "SELECT match, pseudonym, level, time FROM released WHERE entry=? ORDER BY time DESC, "
                     "match, pseudonym LIMIT ?",
    [COUNT_RELEASES] = "SELECT count(*) FROM released WHERE entry=?",
    [PUT_HOUR] = "INSERT OR REPLACE INTO hour VALUES(?,?,?,?)",
    [SUM_PAIR] =
        "SELECT sum(min(a.amount, b.amount)), sum(max(a.amount, b.amount)), count(*), min(a.hour), "
        "max(a.hour) "
        "FROM hour a JOIN hour b ON b.match=a.match AND b.hour=a.hour AND b.party=1 WHERE a.match=? AND "
        "a.party=0",
    [SUM_LONELY] =
        "SELECT count(*) FROM (SELECT hour FROM hour WHERE match=? GROUP BY hour HAVING count(*)=1)",
    [SUM_GROUP] = "SELECT sum(amount), sum(amount), count(DISTINCT hour), min(hour), max(hour) FROM hour "
                  "WHERE match=?",
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
    [TIDY_NOTES] = "DELETE FROM note WHERE time<?",
};

struct store {
    char path[4096];
    sqlite3 *db;
    sqlite3_stmt *st[STATEMENTS];
    bool open; // a transaction is
    bool failed, behind;
    uint64_t commits;
    char error[300];
    struct complaint trouble;
};

// ---- Statements ----

static void note_failure(struct store *s)
{
    s->failed = true;
    snprintf(s->error, sizeof s->error, "%s", sqlite3_errmsg(s->db));
}

// Binds by the letters of `types`: t text (NULL allowed), i int64_t, d double, b blob (pointer, size).
static sqlite3_stmt *bind(struct store *s, int which, const char *types, va_list args)
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

static bool exec(struct store *s, const char *text)
{
    return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

// A change, within the transaction that the first one opens.
static bool change(struct store *s, int which, const char *types, ...)
{
    if (!s->open && !s->failed) {
        s->open = exec(s, "BEGIN IMMEDIATE");
        if (!s->open)
            note_failure(s);
    }
    if (s->failed)
        return false;
    va_list args;
    va_start(args, types);
    sqlite3_stmt *st = bind(s, which, types, args);
    va_end(args);
    int rc = sqlite3_step(st);
    if (rc != SQLITE_DONE)
        note_failure(s);
    sqlite3_reset(st);
    return rc == SQLITE_DONE;
}

static sqlite3_stmt *ask(struct store *s, int which, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *st = bind(s, which, types, args);
    va_end(args);
    return st;
}

static int64_t ask_number(struct store *s, sqlite3_stmt *st, int64_t otherwise)
{
    (void)s;
    int64_t value = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : otherwise;
    sqlite3_reset(st);
    return value;
}

static const char *text_at(sqlite3_stmt *st, int i)
{
    const char *t = (const char *)sqlite3_column_text(st, i);
    return t ? t : "";
}

// ---- The file ----

// Format 1 did not keep when the latest message of a topic was issued.
static bool bring_up_to_date(struct store *s, int64_t format)
{
    return format >= 2 || exec(s, "BEGIN IMMEDIATE; ALTER TABLE topic ADD COLUMN issued INTEGER;"
                                  "PRAGMA user_version=2; COMMIT");
}

enum opened { OPENED, DAMAGED, REFUSED };

static enum opened open_file(struct store *s, char *why, size_t size)
{
    enum opened result = REFUSED;
    sqlite3_stmt *st = NULL;
    int64_t tables = -1, id = 0, format = 0;
    if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) == SQLITE_OK &&
        exec(s, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                "PRAGMA cache_size=-8192") &&
        sqlite3_prepare_v2(s->db,
                           "SELECT (SELECT count(*) FROM sqlite_schema), (SELECT * FROM "
                           "pragma_application_id), (SELECT * FROM pragma_user_version)",
                           -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW) {
        tables = sqlite3_column_int64(st, 0);
        id = sqlite3_column_int64(st, 1);
        format = sqlite3_column_int64(st, 2);
    }
    int rc = sqlite3_errcode(s->db) & 0xff;
    sqlite3_finalize(st);
    if (tables < 0) {
        snprintf(why, size, "%s: %s", s->path,
                 rc == SQLITE_BUSY || rc == SQLITE_LOCKED ? "another coordinator has it open"
                                                          : sqlite3_errmsg(s->db));
        return rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? DAMAGED : REFUSED;
    }
    if (tables > 0 && id != APPLICATION_ID) {
        snprintf(why, size, "%s: it is not a territory's store", s->path);
        return DAMAGED;
    }
    if (tables > 0 && format > FORMAT) {
        snprintf(why, size, "%s: it was written by a newer symbiont-coordinator", s->path);
        return REFUSED;
    }
    if (tables > 0 && !bring_up_to_date(s, format)) {
        snprintf(why, size, "%s: %s", s->path, sqlite3_errmsg(s->db));
        return REFUSED;
    }
    char text[100];
    snprintf(text, sizeof text, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION_ID,
             FORMAT);
    if (tables == 0 && !(exec(s, "BEGIN IMMEDIATE") && exec(s, schema) && exec(s, text))) {
        snprintf(why, size, "%s: %s", s->path, sqlite3_errmsg(s->db));
        return REFUSED;
    }
    result = OPENED;
    for (int i = 0; i < STATEMENTS && result == OPENED; i++)
        if (sqlite3_prepare_v2(s->db, sql[i], -1, &s->st[i], NULL) != SQLITE_OK) {
            snprintf(why, size, "%s: %s", s->path, sqlite3_errmsg(s->db));
            result = DAMAGED;
        }
    return result;
}

static void close_file(struct store *s)
{
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->st[i]);
    memset(s->st, 0, sizeof s->st);
    sqlite3_close(s->db);
    s->db = NULL;
}

static void put_aside(struct store *s, const char *why)
{
    char aside[4200], from[4200], to[4300];
    snprintf(aside, sizeof aside, "%s.damaged-%lld", s->path, (long long)(utc_now().ms / 1000));
    log_error(SUBJECT, "%s: put aside as %s, and begun anew: members' offers come back from the broker", why,
              aside);
    rename(s->path, aside);
    static const char *const tails[] = {"-wal", "-shm"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s%s", s->path, tails[i]);
        snprintf(to, sizeof to, "%s%s", aside, tails[i]);
        rename(from, to);
    }
}

struct store *store_open(const char *directory, char *why, size_t why_size)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s || (size_t)snprintf(s->path, sizeof s->path, "%s/territory.db", directory) >= sizeof s->path) {
        snprintf(why, why_size, "%s", s ? "the storage directory's name is too long" : "out of memory");
        free(s);
        return NULL;
    }
    enum opened o = open_file(s, why, why_size);
    if (o == DAMAGED) {
        close_file(s);
        put_aside(s, why);
        o = open_file(s, why, why_size);
    }
    if (o == OPENED)
        return s;
    close_file(s);
    free(s);
    return NULL;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_commit(s);
    close_file(s);
    free(s);
}

bool store_commit(struct store *s)
{
    if (s->open && !s->failed && !exec(s, "COMMIT"))
        note_failure(s);
    if (s->failed) {
        exec(s, "ROLLBACK");
        complain(&s->trouble, mono_now(), LOG_LEVEL_ERROR, SUBJECT,
                 "%s cannot be written: %s. The coordinator goes on in memory", s->path, s->error);
        s->behind = true;
        s->failed = s->open = false;
        return false;
    }
    s->commits += s->open;
    if (s->open && !s->behind) {
        complaint_over(&s->trouble, SUBJECT, "%s is written again", s->path);
        s->error[0] = '\0';
    }
    s->open = false;
    return true;
}

bool store_behind(const struct store *s)
{
    return s->behind;
}

void store_caught_up(struct store *s)
{
    s->behind = false;
}

const char *store_error(const struct store *s)
{
    return s->error;
}

void store_stats(const struct store *s, uint64_t *commits, int64_t *file_bytes)
{
    sqlite3_stmt *st = NULL;
    *commits = s->commits;
    *file_bytes = 0;
    if (sqlite3_prepare_v2(s->db, "SELECT page_count*page_size FROM pragma_page_count, pragma_page_size", -1,
                           &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        *file_bytes = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
}

// ---- Facts, numbers, topics ----

int64_t store_number(struct store *s, const char *key, int64_t otherwise)
{
    return ask_number(s, ask(s, GET_FACT, "t", key), otherwise);
}

void store_keep(struct store *s, const char *key, int64_t value)
{
    change(s, PUT_FACT, "ti", key, value);
}

void store_put_seen(struct store *s, const char *key_id, const struct envelope_seen *seen)
{
    change(s, PUT_SEEN, "tii", key_id, (int64_t)seen->epoch, (int64_t)seen->seq);
}

bool store_get_seen(struct store *s, const char *key_id, struct envelope_seen *out)
{
    sqlite3_stmt *st = ask(s, GET_SEEN, "t", key_id);
    bool found = sqlite3_step(st) == SQLITE_ROW;
    if (found)
        *out = (struct envelope_seen){(uint64_t)sqlite3_column_int64(st, 0),
                                      (uint64_t)sqlite3_column_int64(st, 1)};
    sqlite3_reset(st);
    return found;
}

void store_put_topic(struct store *s, const char *topic, const struct envelope_topic *t)
{
    change(s, PUT_TOPIC, "ttiibiii", topic, t->key_id, (int64_t)t->epoch, (int64_t)t->seq,
           (const void *)t->hash, sizeof t->hash, (int64_t)t->withdrawn, t->until.ms, t->issued.ms);
}

void store_drop_topic(struct store *s, const char *topic)
{
    change(s, DROP_TOPIC, "t", topic);
}

void store_each_topic(struct store *s,
                      void (*each)(void *arg, const char *topic, const struct envelope_topic *t), void *arg)
{
    sqlite3_stmt *st = ask(s, EACH_TOPIC, "");
    while (sqlite3_step(st) == SQLITE_ROW) {
        struct envelope_topic t = {.epoch = (uint64_t)sqlite3_column_int64(st, 2),
                                   .seq = (uint64_t)sqlite3_column_int64(st, 3),
                                   .withdrawn = sqlite3_column_int64(st, 5) != 0,
                                   .until = {sqlite3_column_int64(st, 6)},
                                   .issued = {sqlite3_column_int64(st, 7)}};
        snprintf(t.key_id, sizeof t.key_id, "%s", text_at(st, 1));
        if (sqlite3_column_bytes(st, 4) == (int)sizeof t.hash)
            memcpy(t.hash, sqlite3_column_blob(st, 4), sizeof t.hash);
        each(arg, text_at(st, 0), &t);
    }
    sqlite3_reset(st);
}

// ---- Entries, deals, what was published ----

void store_put_entry(struct store *s, const struct store_entry *e)
{
    change(s, PUT_ENTRY, "ttbi", e->id, e->pseudonym, e->json, e->n, e->expires.ms);
}

void store_drop_entry(struct store *s, const char *id)
{
    change(s, DROP_ENTRY, "t", id);
}

void store_each_entry(struct store *s, void (*each)(void *arg, const struct store_entry *e), void *arg)
{
    sqlite3_stmt *st = ask(s, EACH_ENTRY, "");
    while (sqlite3_step(st) == SQLITE_ROW)
        each(arg, &(struct store_entry){.id = text_at(st, 0),
                                        .pseudonym = text_at(st, 1),
                                        .json = sqlite3_column_blob(st, 2),
                                        .n = (size_t)sqlite3_column_bytes(st, 2),
                                        .expires = {sqlite3_column_int64(st, 3)}});
    sqlite3_reset(st);
}

void store_put_deal(struct store *s, const char *id, const void *json, size_t n)
{
    change(s, PUT_DEAL, "tb", id, json, n);
}

void store_drop_deal(struct store *s, const char *id)
{
    change(s, DROP_DEAL, "t", id);
    change(s, DROP_HOURS, "t", id);
}

void store_each_deal(struct store *s, void (*each)(void *arg, const char *id, const void *json, size_t n),
                     void *arg)
{
    sqlite3_stmt *st = ask(s, EACH_DEAL, "");
    while (sqlite3_step(st) == SQLITE_ROW)
        each(arg, text_at(st, 0), sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
    sqlite3_reset(st);
}

void store_put_published(struct store *s, const char *topic, const void *data, size_t n, struct utc until)
{
    change(s, PUT_PUBLISHED, "tbi", topic, data, n, until.ms);
}

void store_drop_published(struct store *s, const char *topic)
{
    change(s, DROP_PUBLISHED, "t", topic);
}

void store_each_published(struct store *s,
                          void (*each)(void *arg, const char *topic, const void *data, size_t n,
                                       struct utc until),
                          void *arg)
{
    sqlite3_stmt *st = ask(s, EACH_PUBLISHED, "");
    while (sqlite3_step(st) == SQLITE_ROW)
        each(arg, text_at(st, 0), sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1),
             (struct utc){sqlite3_column_int64(st, 2)});
    sqlite3_reset(st);
}

// ---- Releases, hours ----

bool store_add_release(struct store *s, const char *entry, const struct release *r)
{
    return change(s, ADD_RELEASE, "tttii", entry, r->match, r->to, (int64_t)r->level, r->time.ms) &&
           sqlite3_changes(s->db) > 0;
}

unsigned store_releases(struct store *s, const char *entry, struct release *out, unsigned most)
{
    sqlite3_stmt *st = ask(s, GET_RELEASES, "ti", entry, (int64_t)most);
    unsigned n = 0;
    for (; n < most && sqlite3_step(st) == SQLITE_ROW; n++) {
        out[n] = (struct release){.level = (uint8_t)sqlite3_column_int64(st, 2),
                                  .time = {sqlite3_column_int64(st, 3)}};
        snprintf(out[n].match, sizeof out[n].match, "%s", text_at(st, 0));
        snprintf(out[n].to, sizeof out[n].to, "%s", text_at(st, 1));
    }
    sqlite3_reset(st);
    return (unsigned)ask_number(s, ask(s, COUNT_RELEASES, "t", entry), n);
}

void store_put_hour(struct store *s, const char *match, unsigned party, int64_t hour, double amount)
{
    change(s, PUT_HOUR, "tiid", match, (int64_t)party, hour, amount);
}

void store_sum_hours(struct store *s, const char *match, bool pair, struct store_sums *out)
{
    sqlite3_stmt *st = ask(s, pair ? SUM_PAIR : SUM_GROUP, "t", match);
    *out = (struct store_sums){0};
    if (sqlite3_step(st) == SQLITE_ROW)
        *out = (struct store_sums){.least = sqlite3_column_double(st, 0),
                                   .most = sqlite3_column_double(st, 1),
                                   .hours = sqlite3_column_int64(st, 2),
                                   .first = sqlite3_column_int64(st, 3),
                                   .last = sqlite3_column_int64(st, 4)};
    sqlite3_reset(st);
    if (pair)
        out->lonely = ask_number(s, ask(s, SUM_LONELY, "t", match), 0);
}

// ---- Alerts ----

void store_put_alert(struct store *s, const struct store_alert *a)
{
    if (a->id)
        change(s, PUT_ALERT, "iii", (int64_t)a->attempts, a->due.ms, a->id);
    else
        change(s, ADD_ALERT, "tttiii", a->channel, a->subject, a->body, (int64_t)a->attempts, a->created.ms,
               a->due.ms);
}

void store_drop_alert(struct store *s, int64_t id)
{
    change(s, DROP_ALERT, "i", id);
}

bool store_due_alert(struct store *s, const char *channel, struct utc now, struct store_alert *out)
{
    sqlite3_stmt *st = ask(s, DUE_ALERT, "ti", channel, now.ms);
    if (sqlite3_step(st) != SQLITE_ROW) {
        sqlite3_reset(st);
        return false;
    }
    *out = (struct store_alert){.id = sqlite3_column_int64(st, 0),
                                .channel = text_at(st, 1),
                                .subject = text_at(st, 2),
                                .body = text_at(st, 3),
                                .attempts = sqlite3_column_int(st, 4),
                                .created = {sqlite3_column_int64(st, 5)},
                                .due = {sqlite3_column_int64(st, 6)}};
    return true;
}

bool store_find_alert(struct store *s, int64_t id, struct store_alert *out)
{
    sqlite3_stmt *st = ask(s, FIND_ALERT, "i", id);
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
    return ask_number(s, ask(s, COUNT_ALERTS, "t", channel), 0);
}

void store_told(struct store *s, const char *synergy, struct utc when)
{
    change(s, PUT_TOLD, "ti", synergy, when.ms);
}

struct utc store_last_told(struct store *s, const char *synergy)
{
    return (struct utc){ask_number(s, ask(s, GET_TOLD, "t", synergy), 0)};
}

void store_note(struct store *s, struct utc when, const char *kind, const char *match, const char *text)
{
    change(s, ADD_NOTE, "ittt", when.ms, kind, match, text);
}

void store_each_note(struct store *s, struct utc since,
                     void (*each)(void *arg, struct utc when, const char *kind, const char *match,
                                  const char *text),
                     void *arg)
{
    sqlite3_stmt *st = ask(s, EACH_NOTE, "i", since.ms);
    while (sqlite3_step(st) == SQLITE_ROW)
        each(arg, (struct utc){sqlite3_column_int64(st, 0)}, text_at(st, 1), text_at(st, 2), text_at(st, 3));
    sqlite3_reset(st);
}

void store_tidy(struct store *s, struct utc now)
{
    change(s, TIDY_TOPICS, "i", now.ms);
    change(s, TIDY_PUBLISHED, "i", now.ms);
    change(s, TIDY_NOTES, "i", now.ms - YEAR_MS);
}
