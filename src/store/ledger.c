// SPDX-License-Identifier: Apache-2.0
// The ledger's file and the thread that writes it.
//
// Format 1 (PRAGMA user_version; application_id "SYML")
//   stream    number, name, title, resource, direction, provenance, unit, amount_unit, code
//   hour      stream, hour (since 1970 UTC) -> amount, internal, surplus, taken, low, high, known_s,
//   surplus_s state     stream -> bytes of stream_save as of the last commit
//
// Whole numbers take a byte or three in SQLite's records and zero takes none: an idle stream costs a third of
// a busy one.
#include "symbiont/ledger.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "store/outbox_vfs.h"
#include "symbiont/clock.h"
#include "symbiont/log.h"
#include "symbiont/text.h"

#define APPLICATION_ID 0x53594d4c
#define FORMAT         1
#define STREAMS_MAX    4096
#define WAITING_MAX    50000 // hours that wait for a disk: two weeks of 150 streams, 4 MB
#define RETRY_NS       (60 * NS_PER_S)
#define SUBJECT        "ledger"

static const char schema[] =
    "CREATE TABLE stream(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT, resource TEXT, "
    "direction TEXT,"
    "  provenance TEXT, unit TEXT, amount_unit TEXT, code TEXT);"
    "CREATE TABLE hour(stream INTEGER, hour INTEGER, amount REAL, internal REAL, surplus REAL, taken REAL, "
    "low REAL,"
    "  high REAL, known_s INTEGER, surplus_s INTEGER, PRIMARY KEY(stream, hour)) WITHOUT ROWID;"
    "CREATE TABLE state(stream INTEGER PRIMARY KEY, data BLOB NOT NULL);";

enum { S_STREAM, S_HOUR, S_STATE, S_READ, S_STATEMENTS };
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

struct entry {                 // of a stream
    struct ledger_stream what; // strings are our own
    bool changed;
    void *state;
    size_t state_n;
    bool state_changed;
};

struct row {
    int stream;
    struct stream_hour hour;
};

struct batch {
    struct row *rows;
    size_t n, cap;
};

struct ledger {
    char *path;
    bool read_only;
    struct outbox_vfs vfs;
    sqlite3 *db; // under `disk`
    sqlite3_stmt *st[S_STATEMENTS];
    pthread_mutex_t disk; // held while SQLite works
    pthread_mutex_t lock; // held for moments: what follows
    pthread_cond_t look;
    pthread_t thread;
    bool running, stop, wanted;
    struct entry *entries; // number - 1
    size_t n_entries;
    struct batch gathered, leaving;
    struct ledger_stats stats;
    struct complaint trouble;
};

// ---- The file ----

static void close_file(struct ledger *l)
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

enum opened { OPENED, DAMAGED, REFUSED };

static enum opened say(struct ledger *l, enum opened result, const char *words, char *why, size_t size)
{
    snprintf(why, size, "%s: %s", l->path, words ? words : l->db ? sqlite3_errmsg(l->db) : "out of memory");
    close_file(l);
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

static bool run(struct ledger *l, const char *text)
{
    return sqlite3_exec(l->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static bool make_tables(struct ledger *l)
{
    char text[100];
    snprintf(text, sizeof text, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION_ID,
             FORMAT);
    return run(l, "BEGIN IMMEDIATE") && run(l, schema) && run(l, text);
}

// A rollback journal: one commit an hour gains nothing from a log, and a ledger that is closed is one file.
static enum opened open_file(struct ledger *l, char *why, size_t size)
{
    int flags = l->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(l->path, &l->db, flags | SQLITE_OPEN_NOMUTEX, l->vfs.name) != SQLITE_OK)
        return blame(l, why, size);
    if (!run(l, "PRAGMA secure_delete=OFF; PRAGMA cache_size=-512") ||
        (!l->read_only &&
         !run(l, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL")))
        return blame(l, why, size);
    int64_t tables = pragma(l->db, "SELECT count(*) FROM sqlite_schema");
    if (tables < 0)
        return blame(l, why, size);
    if (tables > 0 && pragma(l->db, "PRAGMA application_id") != APPLICATION_ID)
        return say(l, l->read_only ? REFUSED : DAMAGED, "it is not a ledger", why, size);
    if (tables > 0 && pragma(l->db, "PRAGMA user_version") > FORMAT)
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

// ---- Streams ----

static void free_what(struct ledger_stream *w)
{
    const char **all[] = {&w->name,       &w->title, &w->resource,    &w->direction,
                          &w->provenance, &w->unit,  &w->amount_unit, &w->code};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        union {
            const char *read;
            char *own;
        } text = {.read = *all[i]};
        free(text.own);
        *all[i] = NULL;
    }
}

static bool copy_what(struct ledger_stream *to, const struct ledger_stream *from)
{
    *to = (struct ledger_stream){.number = from->number,
                                 .name = text_dup(from->name),
                                 .title = text_dup(from->title),
                                 .resource = text_dup(from->resource ? from->resource : ""),
                                 .direction = text_dup(from->direction ? from->direction : ""),
                                 .provenance = text_dup(from->provenance ? from->provenance : ""),
                                 .unit = text_dup(from->unit ? from->unit : ""),
                                 .amount_unit = text_dup(from->amount_unit ? from->amount_unit : ""),
                                 .code = text_dup(from->code)};
    return to->name && to->resource && to->direction && to->provenance && to->unit && to->amount_unit;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_what(const struct ledger_stream *a, const struct ledger_stream *b)
{
    return same_text(a->title, b->title) && same_text(a->resource, b->resource) &&
           same_text(a->direction, b->direction) && same_text(a->provenance, b->provenance) &&
           same_text(a->unit, b->unit) && same_text(a->amount_unit, b->amount_unit) &&
           same_text(a->code, b->code);
}

static bool more_entries(struct ledger *l, size_t n)
{
    if (n > STREAMS_MAX)
        return false;
    if (n <= l->n_entries)
        return true;
    struct entry *more = realloc(l->entries, n * sizeof *more);
    if (!more)
        return false;
    memset(more + l->n_entries, 0, (n - l->n_entries) * sizeof *more);
    l->entries = more;
    l->n_entries = n;
    return true;
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
        ok = number > 0 && number <= STREAMS_MAX && text[0] && more_entries(l, (size_t)number) &&
             copy_what(&l->entries[number - 1].what,
                       &(struct ledger_stream){(int)number, text[0], text[1], text[2], text[3], text[4],
                                               text[5], text[6], text[7]});
    }
    sqlite3_finalize(st);
    return ok;
}

int ledger_stream(struct ledger *l, const struct ledger_stream *what)
{
    int number = -1;
    pthread_mutex_lock(&l->lock);
    size_t i = 0;
    while (i < l->n_entries && !(l->entries[i].what.name && strcmp(l->entries[i].what.name, what->name) == 0))
        i++;
    struct ledger_stream copy;
    if (i < l->n_entries && same_what(&l->entries[i].what, what)) {
        number = (int)i + 1;
    } else if (more_entries(l, i + 1) && copy_what(&copy, what)) {
        free_what(&l->entries[i].what);
        l->entries[i].what = copy;
        l->entries[i].what.number = number = (int)i + 1;
        l->entries[i].changed = true;
    }
    pthread_mutex_unlock(&l->lock);
    return number;
}

void ledger_describe(const struct stream *s, struct ledger_stream *out, char code[static 12])
{
    const struct stream_config *c = stream_config(s);
    snprintf(code, 12, "%s", c->waste_code ? c->waste_code : "");
    *out = (struct ledger_stream){.name = c->name,
                                  .title = c->title,
                                  .resource = resource_word((enum resource)c->resource),
                                  .direction = direction_word((enum direction)c->direction),
                                  .provenance = provenance_word(stream_provenance(s)),
                                  .unit = unit_text(stream_unit(s)),
                                  .amount_unit = unit_text(stream_amount_unit(s)),
                                  .code = c->waste_code ? code : NULL};
}

void ledger_streams(struct ledger *l, void (*each)(void *arg, const struct ledger_stream *s), void *arg)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->n_entries; i++)
        if (l->entries[i].what.name)
            each(arg, &l->entries[i].what);
    pthread_mutex_unlock(&l->lock);
}

// ---- Gathering ----

static bool push(struct batch *b, const struct row *r)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 64;
        struct row *more = realloc(b->rows, cap * sizeof *more);
        if (!more)
            return false;
        b->rows = more;
        b->cap = cap;
    }
    b->rows[b->n++] = *r;
    return true;
}

void ledger_add(struct ledger *l, int number, const struct stream_hour *h)
{
    pthread_mutex_lock(&l->lock);
    if (l->gathered.n >= WAITING_MAX) {
        memmove(l->gathered.rows, l->gathered.rows + 1, (l->gathered.n - 1) * sizeof *l->gathered.rows);
        l->gathered.n--;
        l->stats.lost++;
    }
    if (!push(&l->gathered, &(struct row){number, *h}))
        l->stats.lost++;
    pthread_mutex_unlock(&l->lock);
}

void ledger_keep(struct ledger *l, int number, const void *state, size_t n)
{
    pthread_mutex_lock(&l->lock);
    if (number > 0 && (size_t)number <= l->n_entries) {
        struct entry *e = &l->entries[number - 1];
        void *copy = malloc(n ? n : 1);
        if (copy) {
            memcpy(copy, state, n);
            free(e->state);
            e->state = copy;
            e->state_n = n;
            e->state_changed = true;
        }
    }
    pthread_mutex_unlock(&l->lock);
}

void ledger_commit(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    l->wanted = true;
    pthread_cond_signal(&l->look);
    pthread_mutex_unlock(&l->lock);
}

// ---- Writing ----

static void bind_text(sqlite3_stmt *st, int at, const char *text)
{
    if (text)
        sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(st, at);
}

static void bind_number(sqlite3_stmt *st, int at, double v)
{
    if (isnan(v))
        sqlite3_bind_null(st, at);
    else
        sqlite3_bind_double(st, at, v);
}

static bool step(struct ledger *l, int s)
{
    int rc = sqlite3_step(l->st[s]);
    sqlite3_reset(l->st[s]);
    sqlite3_clear_bindings(l->st[s]);
    return rc == SQLITE_DONE;
}

static bool write_row(struct ledger *l, const struct row *r)
{
    sqlite3_stmt *st = l->st[S_HOUR];
    const struct stream_hour *h = &r->hour;
    sqlite3_bind_int(st, 1, r->stream);
    sqlite3_bind_int64(st, 2, h->hour);
    const double numbers[] = {h->amount, h->internal, h->surplus, h->taken, h->low, h->high};
    for (int i = 0; i < 6; i++)
        bind_number(st, 3 + i, numbers[i]);
    sqlite3_bind_int(st, 9, h->known_s);
    sqlite3_bind_int(st, 10, h->surplus_s);
    return step(l, S_HOUR);
}

// Under `lock`: few and small.
static bool write_entries(struct ledger *l)
{
    bool ok = true;
    for (size_t i = 0; ok && i < l->n_entries; i++) {
        struct entry *e = &l->entries[i];
        const struct ledger_stream *w = &e->what;
        if (e->changed) {
            const char *texts[] = {w->name,       w->title, w->resource,    w->direction,
                                   w->provenance, w->unit,  w->amount_unit, w->code};
            sqlite3_bind_int(l->st[S_STREAM], 1, (int)i + 1);
            for (int k = 0; k < 8; k++)
                bind_text(l->st[S_STREAM], 2 + k, texts[k]);
            ok = step(l, S_STREAM);
        }
        if (ok && e->state_changed) {
            sqlite3_bind_int(l->st[S_STATE], 1, (int)i + 1);
            sqlite3_bind_blob64(l->st[S_STATE], 2, e->state, e->state_n, SQLITE_TRANSIENT);
            ok = step(l, S_STATE);
        }
        if (ok)
            e->changed = e->state_changed = false;
    }
    return ok;
}

// After a transaction that failed everything of the streams is written again.
static void mark_all(struct ledger *l)
{
    for (size_t i = 0; i < l->n_entries; i++) {
        l->entries[i].changed = l->entries[i].what.name != NULL;
        l->entries[i].state_changed = l->entries[i].state != NULL;
    }
}

static bool write_all(struct ledger *l)
{
    if (!run(l, "BEGIN IMMEDIATE"))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < l->leaving.n; i++)
        ok = write_row(l, &l->leaving.rows[i]);
    pthread_mutex_lock(&l->lock);
    ok = ok && write_entries(l);
    pthread_mutex_unlock(&l->lock);
    return ok && run(l, "COMMIT");
}

// What could not be written goes back to the front.
static void take_back(struct ledger *l)
{
    for (size_t i = 0; i < l->gathered.n; i++)
        if (!push(&l->leaving, &l->gathered.rows[i]))
            l->stats.lost++;
    struct batch old = l->gathered;
    l->gathered = l->leaving;
    l->leaving = old;
    l->leaving.n = 0;
    mark_all(l);
}

static bool save(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    struct batch old = l->leaving;
    l->leaving = l->gathered;
    l->gathered = old;
    l->gathered.n = 0;
    l->wanted = false;
    pthread_mutex_unlock(&l->lock);

    char why[300];
    pthread_mutex_lock(&l->disk);
    bool ok = (l->db || open_file(l, why, sizeof why) == OPENED) && write_all(l);
    if (!ok) {
        snprintf(why, sizeof why, "%s", l->db ? sqlite3_errmsg(l->db) : "cannot be opened");
        if (l->db && !sqlite3_get_autocommit(l->db))
            run(l, "ROLLBACK");
    }
    pthread_mutex_unlock(&l->disk);

    pthread_mutex_lock(&l->lock);
    l->stats.failing = !ok;
    if (ok) {
        l->stats.commits++;
        l->stats.hours += l->leaving.n;
        l->leaving.n = 0;
        l->stats.error[0] = '\0';
    } else {
        snprintf(l->stats.error, sizeof l->stats.error, "%.150s", why);
        take_back(l);
    }
    pthread_mutex_unlock(&l->lock);
    if (ok)
        complaint_over(&l->trouble, SUBJECT, "%s: the disk takes it again", l->path);
    else
        complain(&l->trouble, mono_now(), LOG_LEVEL_ERROR, SUBJECT, "%s: %s; hours stay in memory", l->path,
                 why);
    return ok;
}

static void *writer(void *arg)
{
    struct ledger *l = arg;
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        if (l->wanted || l->stats.failing) {
            bool retry = !l->wanted;
            if (retry) {
                struct timespec until;
                clock_gettime(CLOCK_MONOTONIC, &until);
                until.tv_sec += RETRY_NS / NS_PER_S;
                pthread_cond_timedwait(&l->look, &l->lock, &until);
                if (l->stop)
                    break;
            }
            pthread_mutex_unlock(&l->lock);
            save(l);
            pthread_mutex_lock(&l->lock);
        } else {
            pthread_cond_wait(&l->look, &l->lock);
        }
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

// ---- Opening and closing ----

static void set_aside(struct ledger *l, const char *why)
{
    char aside[4200], journal[4200];
    snprintf(aside, sizeof aside, "%s.corrupt-%lld", l->path, (long long)(utc_now().ms / 1000));
    log_error(SUBJECT, "%s; set aside as %s", why, aside);
    if (rename(l->path, aside) < 0)
        log_error(SUBJECT, "%s: cannot be set aside: %s", l->path, strerror(errno));
    snprintf(journal, sizeof journal, "%s-journal", l->path);
    unlink(journal);
}

static bool begin_thread(struct ledger *l)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->look, &attr);
    pthread_condattr_destroy(&attr);
    l->running = l->read_only || pthread_create(&l->thread, NULL, writer, l) == 0;
    return l->running;
}

static void release(struct ledger *l)
{
    close_file(l);
    for (size_t i = 0; i < l->n_entries; i++) {
        free_what(&l->entries[i].what);
        free(l->entries[i].state);
    }
    free(l->entries);
    free(l->gathered.rows);
    free(l->leaving.rows);
    if (l->vfs.real)
        outbox_vfs_unregister(&l->vfs);
    pthread_mutex_destroy(&l->disk);
    pthread_mutex_destroy(&l->lock);
    free(l->path);
    free(l);
}

struct ledger *ledger_open(const char *path, bool read_only, char *why, size_t why_size)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (!l || !(l->path = text_dup(path))) {
        snprintf(why, why_size, "%s: out of memory", path);
        free(l);
        return NULL;
    }
    l->read_only = read_only;
    pthread_mutex_init(&l->disk, NULL);
    pthread_mutex_init(&l->lock, NULL);
    enum opened opened = REFUSED;
    if (outbox_vfs_register(&l->vfs) < 0)
        snprintf(why, why_size, "%s: out of memory", path);
    else
        opened = open_file(l, why, why_size);
    if (opened == OPENED && !load_streams(l))
        opened = say(l, DAMAGED, "its streams cannot be read", why, why_size);
    if (opened == DAMAGED && !read_only) {
        set_aside(l, why);
        for (size_t i = 0; i < l->n_entries; i++)
            free_what(&l->entries[i].what);
        l->n_entries = 0;
        opened = open_file(l, why, why_size);
    }
    if (opened == OPENED && begin_thread(l))
        return l;
    if (opened == OPENED)
        snprintf(why, why_size, "%s: no thread could be started", path);
    release(l);
    return NULL;
}

bool ledger_close(struct ledger *l)
{
    if (!l)
        return true;
    bool ok = true;
    if (!l->read_only) {
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        pthread_cond_signal(&l->look);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
        ok = save(l);
    }
    pthread_cond_destroy(&l->look);
    release(l);
    return ok;
}

// ---- Reading ----

bool ledger_state(struct ledger *l, int number, struct buf *out)
{
    sqlite3_stmt *st = NULL;
    bool found = false;
    pthread_mutex_lock(&l->disk);
    if (l->db &&
        sqlite3_prepare_v2(l->db, "SELECT data FROM state WHERE stream = ?1", -1, &st, NULL) == SQLITE_OK) {
        sqlite3_bind_int(st, 1, number);
        found = sqlite3_step(st) == SQLITE_ROW;
        if (found)
            buf_put(out, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
        sqlite3_finalize(st);
    }
    pthread_mutex_unlock(&l->disk);
    return found;
}

static double column(sqlite3_stmt *st, int i)
{
    return sqlite3_column_type(st, i) == SQLITE_NULL ? NAN : sqlite3_column_double(st, i);
}

enum ledger_answer ledger_read(struct ledger *l, int number, int64_t from, int64_t to,
                               void (*each)(void *arg, const struct stream_hour *h), void *arg)
{
    if (pthread_mutex_trylock(&l->disk) != 0)
        return LEDGER_BUSY;
    sqlite3_stmt *st = l->st[S_READ];
    int rc = SQLITE_DONE;
    if (st) {
        sqlite3_bind_int(st, 1, number);
        sqlite3_bind_int64(st, 2, from);
        sqlite3_bind_int64(st, 3, to);
        while ((rc = sqlite3_step(st)) == SQLITE_ROW)
            each(arg, &(struct stream_hour){.hour = sqlite3_column_int64(st, 0),
                                            .amount = column(st, 1),
                                            .internal = column(st, 2),
                                            .surplus = column(st, 3),
                                            .taken = column(st, 4),
                                            .low = column(st, 5),
                                            .high = column(st, 6),
                                            .known_s = sqlite3_column_int(st, 7),
                                            .surplus_s = sqlite3_column_int(st, 8)});
        sqlite3_reset(st);
    }
    pthread_mutex_unlock(&l->disk);
    return st && rc == SQLITE_DONE ? LEDGER_OK : LEDGER_FAILED;
}

void ledger_stats(struct ledger *l, struct ledger_stats *out)
{
    pthread_mutex_lock(&l->lock);
    *out = l->stats;
    out->waiting = l->gathered.n + l->leaving.n;
    pthread_mutex_unlock(&l->lock);
    out->bytes_written = atomic_load(&l->vfs.written);
}
