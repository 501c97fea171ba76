// SPDX-License-Identifier: Apache-2.0
// territory.db: the file, its commits, small facts, what is forgotten.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/store_inside.h"

#define APPLICATION_ID 0x53594d54 // "SYMT"
#define FORMAT         3
#define YEAR_MS        (366LL * 86400000)
// Who has seen what is over is kept for as long as anything signed may live.
#define RELEASES_MS ENVELOPE_LIFE_MS

// ---- The file ----

// Format 1 did not keep when the latest message of a topic was issued, format 2 not whose a release is.
static bool bring_up_to_date(struct store *s, int64_t format)
{
    return (format >= 2 || store_exec(s, "BEGIN IMMEDIATE; ALTER TABLE topic ADD COLUMN issued INTEGER;"
                                         "PRAGMA user_version=2; COMMIT")) &&
           (format >= 3 ||
            store_exec(
                s, "BEGIN IMMEDIATE; ALTER TABLE released RENAME TO released_2;" STORE_RELEASED STORE_FIGURE
                   "INSERT INTO released SELECT coalesce((SELECT pseudonym FROM entry WHERE id=entry),"
                   " ''), entry, match, pseudonym, level, time FROM released_2;"
                   "DROP TABLE released_2; PRAGMA user_version=3; COMMIT"));
}

enum opened { OPENED, DAMAGED, REFUSED };

static enum opened open_file(struct store *s, char *why, size_t size)
{
    enum opened result = REFUSED;
    sqlite3_stmt *st = NULL;
    int64_t tables = -1, id = 0, format = 0;
    if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) == SQLITE_OK &&
        store_exec(s, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
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
    if (tables == 0 &&
        !(store_exec(s, "BEGIN IMMEDIATE") && store_exec(s, store_schema) && store_exec(s, text))) {
        snprintf(why, size, "%s: %s", s->path, sqlite3_errmsg(s->db));
        return REFUSED;
    }
    result = OPENED;
    for (int i = 0; i < STORE_STATEMENTS && result == OPENED; i++)
        if (sqlite3_prepare_v2(s->db, store_sql[i], -1, &s->st[i], NULL) != SQLITE_OK) {
            snprintf(why, size, "%s: %s", s->path, sqlite3_errmsg(s->db));
            result = DAMAGED;
        }
    return result;
}

static void close_file(struct store *s)
{
    for (int i = 0; i < STORE_STATEMENTS; i++)
        sqlite3_finalize(s->st[i]);
    memset(s->st, 0, sizeof s->st);
    sqlite3_close(s->db);
    s->db = NULL;
}

static void put_aside(struct store *s, const char *why)
{
    char aside[4200], from[4200], to[4300];
    snprintf(aside, sizeof aside, "%s.damaged-%lld", s->path, (long long)(utc_now().ms / 1000));
    log_error(STORE_SUBJECT, "%s: put aside as %s, and begun anew: members' offers come back from the broker",
              why, aside);
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
    // What was asked and stays open would keep the log from ever beginning anew.
    sqlite3_reset(s->st[GET_FIGURE]);
    sqlite3_reset(s->st[DUE_ALERT]);
    if (s->open && !s->failed && !store_exec(s, "COMMIT"))
        store_note_failure(s);
    if (s->failed) {
        store_exec(s, "ROLLBACK");
        complain(&s->trouble, mono_now(), LOG_LEVEL_ERROR, STORE_SUBJECT,
                 "%s cannot be written: %s. The coordinator goes on in memory", s->path, s->error);
        s->behind = true;
        s->failed = s->open = false;
        return false;
    }
    s->commits += s->open;
    if (s->open && !s->behind) {
        complaint_over(&s->trouble, STORE_SUBJECT, "%s is written again", s->path);
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
// ---- Facts ----

int64_t store_number(struct store *s, const char *key, int64_t otherwise)
{
    return store_ask_number(store_ask(s, GET_FACT, "t", key), otherwise);
}

void store_keep(struct store *s, const char *key, int64_t value)
{
    store_change(s, PUT_FACT, "ti", key, value);
}

void store_tidy(struct store *s, struct utc now, struct utc told_before)
{
    store_change(s, TIDY_TOPICS, "i", now.ms);
    store_change(s, TIDY_PUBLISHED, "i", now.ms);
    store_change(s, TIDY_RELEASES, "i", now.ms - RELEASES_MS);
    store_change(s, TIDY_TOLD, "i", told_before.ms);
    store_change(s, TIDY_NOTES, "i", now.ms - YEAR_MS);
    store_change(s, TIDY_FIGURES, "i", now.ms - YEAR_MS);
}
