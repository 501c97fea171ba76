// SPDX-License-Identifier: Apache-2.0
// The ledger's file: opened, judged, made, set aside.
//
// Format 1 (PRAGMA user_version; application_id "SYML")
//   stream    number, name, title, resource, direction, provenance, unit, amount_unit, code
//   hour      stream, hour (since 1970 UTC) -> amount, internal, surplus, taken, low, high, known_s,
//             surplus_s
//   state     stream -> bytes of stream_save as of the last commit
//
// Whole numbers take a byte or three in SQLite's records and zero takes none: an idle stream costs a third of
// a busy one.
#include "store/ledger_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define APPLICATION_ID 0x53594d4c
#define FORMAT         1

static const char schema[] =
    "CREATE TABLE stream(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT, resource TEXT, "
    "direction TEXT,"
    "  provenance TEXT, unit TEXT, amount_unit TEXT, code TEXT);"
    "CREATE TABLE hour(stream INTEGER, hour INTEGER, amount REAL, internal REAL, surplus REAL, taken REAL, "
    "low REAL,"
    "  high REAL, known_s INTEGER, surplus_s INTEGER, PRIMARY KEY(stream, hour)) WITHOUT ROWID;"
    "CREATE TABLE state(stream INTEGER PRIMARY KEY, data BLOB NOT NULL);";

static const char sql_read[] =
    "SELECT hour, amount, internal, surplus, taken, low, high, known_s, surplus_s FROM hour"
    " WHERE stream = ?1 AND hour >= ?2 AND hour < ?3 ORDER BY hour";
static const char *const sql[S_STATEMENTS] = {
    [S_STREAM] = "INSERT INTO stream VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(number) DO "
                 "UPDATE SET title = ?3, resource = ?4,"
                 " direction = ?5, provenance = ?6, unit = ?7, amount_unit = ?8, code = ?9",
    [S_HOUR] = "INSERT INTO hour VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO UPDATE SET "
               "amount = ?3,"
               " internal = ?4, surplus = ?5, taken = ?6, low = ?7, high = ?8, known_s = ?9, surplus_s = ?10"
               " WHERE excluded.known_s > known_s",
    [S_STATE] = "INSERT INTO state VALUES(?1, ?2) ON CONFLICT DO UPDATE SET data = ?2",
    [S_READ] = sql_read,
};

void ledger_file_close(struct ledger *l)
{
    for (int i = 0; i < S_STATEMENTS; i++)
        sqlite3_finalize(l->st[i]);
    memset(l->st, 0, sizeof l->st);
    sqlite3_close(l->db);
    l->db = NULL;
}

static int64_t pragma(sqlite3 *db, const char *text)
{
    sqlite3_stmt *st = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db, text, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return value;
}

static enum opened say(struct ledger *l, enum opened result, const char *words, char *why, size_t size)
{
    snprintf(why, size, "%s: %s", l->path, words ? words : l->db ? sqlite3_errmsg(l->db) : "out of memory");
    ledger_file_close(l);
    return result;
}

// Damaged, or only not to be had now?
static enum opened blame(struct ledger *l, char *why, size_t size)
{
    int rc = sqlite3_errcode(l->db) & 0xff;
    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        return say(l, REFUSED, "another process has it open (a running symbiontd answers reports itself)",
                   why, size);
    return say(l, rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? DAMAGED : REFUSED, NULL, why, size);
}

bool ledger_run(struct ledger *l, const char *text)
{
    return sqlite3_exec(l->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static bool make_tables(struct ledger *l)
{
    char text[100];
    snprintf(text, sizeof text, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION_ID,
             FORMAT);
    return ledger_run(l, "BEGIN IMMEDIATE") && ledger_run(l, schema) && ledger_run(l, text);
}

// A rollback journal: one commit an hour gains nothing from a log, and a ledger that is closed is one file.
enum opened ledger_file_open(struct ledger *l, char *why, size_t size)
{
    int flags = l->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(l->path, &l->db, flags | SQLITE_OPEN_NOMUTEX, l->vfs.name) != SQLITE_OK)
        return blame(l, why, size);
    if (!ledger_run(l, "PRAGMA secure_delete=OFF; PRAGMA cache_size=-512") ||
        (!l->read_only &&
         !ledger_run(l,
                     "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL")))
        return blame(l, why, size);
    int64_t tables = pragma(l->db, "SELECT count(*) FROM sqlite_schema");
    if (tables < 0)
        return blame(l, why, size);
    if (tables > 0 && pragma(l->db, "PRAGMA application_id") != APPLICATION_ID)
        return say(l, l->read_only ? REFUSED : DAMAGED, "it is not a ledger", why, size);
    int64_t format = pragma(l->db, "PRAGMA user_version");
    if (tables > 0 && format < 1)
        return say(l, l->read_only ? REFUSED : DAMAGED, "it is of no format that was ever written", why,
                   size);
    if (tables > 0 && format > FORMAT)
        return say(l, REFUSED, "it was written by a newer symbiont", why, size);
    if (tables == 0 && l->read_only)
        return say(l, REFUSED, "it is not a ledger", why, size);
    if (tables == 0 && !make_tables(l))
        return blame(l, why, size);
    for (int i = 0; i < S_STATEMENTS; i++)
        if (sqlite3_prepare_v2(l->db, sql[i], -1, &l->st[i], NULL) != SQLITE_OK)
            return say(l, DAMAGED, NULL, why, size);
    return OPENED;
}

static bool load_streams(struct ledger *l)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(l->db,
                           "SELECT number, name, title, resource, direction, provenance, unit, amount_unit, "
                           "code FROM stream ORDER BY number",
                           -1, &st, NULL) != SQLITE_OK)
        return false;
    bool ok = true;
    int rc;
    while (ok && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        int64_t number = sqlite3_column_int64(st, 0);
        const char *text[8];
        for (int i = 0; i < 8; i++)
            text[i] = (const char *)sqlite3_column_text(st, i + 1);
        ok = number > 0 && number <= LEDGER_STREAMS_MAX && text[0] &&
             ledger_more_entries(l, (size_t)number) &&
             ledger_copy_what(&l->entries[number - 1].what,
                              &(struct ledger_stream){(int)number, text[0], text[1], text[2], text[3],
                                                      text[4], text[5], text[6], text[7]});
    }
    sqlite3_finalize(st);
    return ok;
}

enum opened ledger_load_streams(struct ledger *l, char *why, size_t size)
{
    return load_streams(l) ? OPENED : say(l, DAMAGED, "its streams cannot be read", why, size);
}

void ledger_set_aside(struct ledger *l, const char *why)
{
    char aside[4200], journal[4200];
    snprintf(aside, sizeof aside, "%s.corrupt-%lld", l->path, (long long)(utc_now().ms / 1000));
    log_error(LEDGER_SUBJECT, "%s; set aside as %s", why, aside);
    if (rename(l->path, aside) < 0)
        log_error(LEDGER_SUBJECT, "%s: cannot be set aside: %s", l->path, strerror(errno));
    snprintf(journal, sizeof journal, "%s-journal", l->path);
    unlink(journal);
}
