// SPDX-License-Identifier: Apache-2.0
// The SQLite file of the outbox: its format, opening it, transactions.
//
// Format 1 (PRAGMA user_version; application_id "SYMB")
// ------------------------------------------------------
//   meta      name -> integer: epoch (starts counted), next_id (no id at or above it was ever given), clean
//   (1
//             while closed in order)
//   lane      number (1..127), name, acked (all ids up to it are delivered)
//   batch     one row: consecutive messages of one lane, about 1,000 or 256 KiB, compressed
//               id       lane number * 2^56 + id of the first message: a lane is a range of the one tree
//               count    messages: ids first .. first + count - 1
//               raw      bytes when inflated
//               first_ms, last_ms   labels (UTC) of the first and last message
//               data     zlib stream (RFC 1950) of `count` records, one after the other
//   gap       lane, n -> messages that had to go: first_id, last_id, count, from_ms, to_ms
//   fact      key -> value (outbox_keep)
//   rejected  number -> a message a server refused: lane, id, time_ms, at_ms, topic, why, payload
//
// A record, little-endian:
//
//    0  u32  n, bytes of the payload (at most 2^24)
//    4  u16  t, bytes of the topic
//    6  u16  0
//    8  i64  time, ms since 1970 UTC
//   16       topic, t bytes without a NUL, then one NUL
//   17 + t   payload, n bytes
//
// A row is valid when its stream inflates to exactly `raw` bytes with the right Adler-32 and these are
// exactly `count` such records. A row that is not is taken out, its messages counted as lost. When SQLite
// itself finds the file damaged the whole file is set aside.
//
// Ids: `next_id` in the file is 2^32 ahead of the ids given, so that no commit is needed to give one and none
// is given twice after a crash; a clean close puts it back to the next one.
#include "store/outbox_file.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "store/outbox_file_inside.h"

#define FORMAT 1

// Element i brings format i to i + 1.
static const char *const migrations[FORMAT] = {
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE lane(number INTEGER PRIMARY KEY, name TEXT NOT NULL, acked INTEGER NOT NULL);"
    "CREATE TABLE batch(id INTEGER PRIMARY KEY, count INTEGER NOT NULL, raw INTEGER NOT NULL,"
    "  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE gap(lane INTEGER, n INTEGER, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,"
    "  count INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, PRIMARY KEY(lane, n)) "
    "WITHOUT ROWID;"
    "CREATE TABLE fact(key TEXT PRIMARY KEY, value BLOB NOT NULL);"
    "CREATE TABLE rejected(number INTEGER PRIMARY KEY, lane TEXT NOT NULL, id INTEGER NOT NULL,"
    "  time_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL, topic TEXT NOT NULL, why TEXT NOT NULL,"
    "  payload BLOB NOT NULL);",
};

static const char *const sql[STATEMENTS] = {
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_ROLLBACK] = "ROLLBACK",
    [S_PAGE_COUNT] = "PRAGMA page_count",
    [S_FREE_COUNT] = "PRAGMA freelist_count",
    [S_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [S_META_SET] = "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2",
    [S_LANES] = "SELECT number, name, acked FROM lane ORDER BY number",
    [S_LANE_SET] =
        "INSERT INTO lane VALUES(?1, ?2, ?3) ON CONFLICT(number) DO UPDATE SET name = ?2, acked = ?3",
    [S_INSERT] = "INSERT OR REPLACE INTO batch VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [S_ACKED_SIZE] =
        "SELECT total(length(data) + 64) FROM batch WHERE id BETWEEN ?1 AND ?2 AND id + count <= ?2 + 1",
    [S_ACKED_DELETE] = "DELETE FROM batch WHERE id BETWEEN ?1 AND ?2 AND id + count <= ?2 + 1",
    [S_DELETE_RANGE] = "DELETE FROM batch WHERE id BETWEEN ?1 AND ?2",
    [S_SCAN] = "SELECT id, count, raw, first_ms, last_ms, length(data) FROM batch WHERE id BETWEEN ?1 AND ?2"
               " ORDER BY id",
    [S_READ_AT] =
        "SELECT id, count, raw, first_ms, last_ms, length(data), data FROM batch WHERE id BETWEEN ?1 AND ?2"
        " ORDER BY id DESC LIMIT 1",
    [S_READ_AFTER] = "SELECT id, count, raw, first_ms, last_ms, length(data), data FROM batch"
                     " WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1",
    [S_GAPS] = "SELECT first_id, last_id, count, from_ms, to_ms FROM gap WHERE lane = ?1 ORDER BY n",
    [S_GAPS_CLEAR] = "DELETE FROM gap WHERE lane = ?1",
    [S_GAP_ADD] = "INSERT INTO gap VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [S_FACTS] = "SELECT key, value FROM fact",
    [S_FACT_SET] = "INSERT INTO fact VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2",
    [S_FACT_FORGET] = "DELETE FROM fact WHERE key = ?1",
    [S_REJECTS] =
        "SELECT number, lane, id, time_ms, at_ms, topic, why, payload FROM rejected ORDER BY number",
    [S_REJECT_ADD] = "INSERT OR REPLACE INTO rejected VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [S_REJECT_TRIM] = "DELETE FROM rejected WHERE number < ?1",
};

struct outbox_file *outbox_file_new(const char *path)
{
    struct outbox_file *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->path = strdup(path);
    if (!f->path || outbox_vfs_register(&f->vfs) < 0) {
        free(f->path);
        free(f);
        return NULL;
    }
    return f;
}

void outbox_file_free(struct outbox_file *f)
{
    if (!f)
        return;
    outbox_file_close(f, false);
    outbox_vfs_unregister(&f->vfs);
    if (f->deflate_ready)
        deflateEnd(&f->deflate);
    free(f->path);
    free(f);
}

// --- results --------------------------------------------------------------------------------------------

static enum file_result result_of(int rc, int error)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return FILE_OK;
    case SQLITE_FULL:
        return FILE_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: // our own statements are right: a table or column is not as we made it
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
        return FILE_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return FILE_BUSY;
    case SQLITE_IOERR:
        return error == ENOSPC || error == EDQUOT ? FILE_FULL : FILE_BROKEN;
    default:
        return FILE_BROKEN;
    }
}

enum file_result file_say(struct outbox_file *f, int rc)
{
    int error = sqlite3_system_errno(f->db);
    enum file_result result = result_of(rc, error);
    if (result == FILE_OK)
        return FILE_OK;
    // The bound of the file and a full file system read the same, without errno: it is the bound when what
    // was being inserted does not fit under it.
    if ((rc & 0xff) == SQLITE_FULL && f->inserting &&
        file_pages(f) + (int64_t)(f->inserting / FILE_PAGE) + 16 >= f->max_pages)
        result = FILE_QUOTA;
    bool system = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_FULL;
    if (system && error)
        snprintf(f->error, sizeof f->error, "%s: %s", sqlite3_errstr(rc), strerror(error));
    else
        snprintf(f->error, sizeof f->error, "%s", f->db ? sqlite3_errmsg(f->db) : sqlite3_errstr(rc));
    return result;
}

// Runs a statement that gives no rows, or of which they do not matter.
enum file_result file_run(struct outbox_file *f, enum statement s)
{
    int rc = sqlite3_step(f->st[s]);
    enum file_result result = file_say(f, rc);
    sqlite3_reset(f->st[s]);
    return result;
}

enum file_result file_exec(struct outbox_file *f, const char *text)
{
    return file_say(f, sqlite3_exec(f->db, text, NULL, NULL, NULL));
}

enum file_result file_integer(struct outbox_file *f, sqlite3_stmt *st, int64_t *out)
{
    *out = 0;
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    enum file_result result = file_say(f, rc);
    sqlite3_reset(st);
    return result;
}

static enum file_result pragma_integer(struct outbox_file *f, const char *text, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    enum file_result result = file_say(f, sqlite3_prepare_v2(f->db, text, -1, &st, NULL));
    if (result == FILE_OK)
        result = file_integer(f, st, out);
    sqlite3_finalize(st);
    return result;
}

int64_t file_pages(struct outbox_file *f)
{
    sqlite3_stmt *st = f->st[S_PAGE_COUNT];
    int64_t n = st && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return n;
}

// --- opening --------------------------------------------------------------------------------------------

// The log is counted within the bound of the file: an eighth of it, 256 KiB to 4 MiB. Under 256 KiB each
// commit would end in a checkpoint; over 4 MiB nothing is gained. It can be longer by one transaction, which
// is no larger than that.
static void derive_bounds(struct outbox_file *f, int64_t disk_max)
{
    if (disk_max < OUTBOX_DISK_MIN)
        disk_max = OUTBOX_DISK_MIN;
    f->log_max = disk_max / 8 < 4 << 20 ? disk_max / 8 : 4 << 20;
    if (f->log_max < 256 << 10)
        f->log_max = 256 << 10;
    f->max_pages = (disk_max - 2 * f->log_max) / FILE_PAGE - 16;
}

static int note_log(void *arg, sqlite3 *db, const char *name, int frames)
{
    (void)db;
    (void)name;
    ((struct outbox_file *)arg)->log_frames = frames;
    return SQLITE_OK;
}

static enum file_result apply_bounds(struct outbox_file *f)
{
    char text[160];
    snprintf(text, sizeof text, "PRAGMA max_page_count=%lld; PRAGMA journal_size_limit=%lld",
             (long long)f->max_pages, (long long)f->log_max);
    return file_exec(f, text);
}

void outbox_file_set_max(struct outbox_file *f, int64_t disk_max)
{
    derive_bounds(f, disk_max);
    if (f->db)
        apply_bounds(f);
}

static enum file_result identify(struct outbox_file *f, int64_t *format)
{
    int64_t application = 0, tables = 0;
    enum file_result result = pragma_integer(f, "PRAGMA application_id", &application);
    if (result == FILE_OK)
        result = pragma_integer(f, "PRAGMA user_version", format);
    if (result == FILE_OK)
        result = pragma_integer(f, "SELECT count(*) FROM sqlite_schema", &tables);
    if (result != FILE_OK)
        return result;
    if (tables == 0)
        return *format = 0, FILE_OK;
    if (application != APPLICATION_ID) {
        snprintf(f->error, sizeof f->error, "it is a database of another program");
        return FILE_CORRUPT;
    }
    if (*format > FORMAT) {
        snprintf(f->error, sizeof f->error,
                 "it was written by a newer symbiont (format %lld, this one knows up to %d): install that "
                 "version again, or "
                 "move the file away",
                 (long long)*format, FORMAT);
        return FILE_NEWER;
    }
    if (*format < 1) {
        snprintf(f->error, sizeof f->error, "its format is %lld", (long long)*format);
        return FILE_CORRUPT;
    }
    return FILE_OK;
}

static enum file_result migrate(struct outbox_file *f, int64_t format)
{
    char stamp[96];
    snprintf(stamp, sizeof stamp, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION_ID,
             FORMAT);
    enum file_result result = file_exec(f, "BEGIN IMMEDIATE");
    for (int64_t i = format; result == FILE_OK && i < FORMAT; i++)
        result = file_exec(f, migrations[i]);
    return result == FILE_OK ? file_exec(f, stamp) : result;
}

static enum file_result prepare(struct outbox_file *f)
{
    for (int i = 0; i < STATEMENTS; i++) {
        int rc = sqlite3_prepare_v3(f->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &f->st[i], NULL);
        if (rc != SQLITE_OK)
            return file_say(f, rc);
    }
    return FILE_OK;
}

static int past_deadline(void *arg)
{
    return mono_now().ns > ((struct outbox_file *)arg)->check_until.ns;
}

// quick_check finds broken trees; the rows' own sums find the rest. Bounded: the start must not take minutes.
static enum file_result check(struct outbox_file *f, int64_t check_ns)
{
    int64_t clean = 0;
    enum file_result result = outbox_file_get(f, "clean", &clean);
    if (result != FILE_OK || clean || check_ns == 0)
        return result;
    f->check_until = mono_add(mono_now(), check_ns);
    sqlite3_progress_handler(f->db, 10000, past_deadline, f);
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(f->db, "PRAGMA quick_check(1)", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_INTERRUPT) {
        result = FILE_OK;
    } else if (rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0) {
        snprintf(f->error, sizeof f->error, "%s", (const char *)sqlite3_column_text(st, 0));
        result = FILE_CORRUPT;
    } else {
        result = file_say(f, rc);
    }
    sqlite3_finalize(st);
    sqlite3_progress_handler(f->db, 0, NULL, NULL);
    return result;
}

static enum file_result open_all(struct outbox_file *f, int64_t check_ns)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(f->path, &f->db, flags, f->vfs.name);
    if (rc != SQLITE_OK)
        return file_say(f, rc);
    // EXCLUSIVE before the first access: the lock also keeps other processes out, and the log's index in our
    // memory. auto_vacuum counts only before the first table. secure_delete is Debian's default and costs up
    // to 44 % more device bytes; whoever can read the disk can read the messages anyway.
    int64_t format = 0;
    enum file_result result = file_exec(f, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA secure_delete=OFF");
    if (result == FILE_OK)
        result = identify(f, &format);
    if (result == FILE_OK && format == 0)
        result = file_exec(f, "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL");
    if (result == FILE_OK)
        result = file_exec(f, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
                              "PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY");
    if (result == FILE_OK && format < FORMAT)
        result = migrate(f, format);
    if (result == FILE_OK)
        result = apply_bounds(f);
    if (result == FILE_OK)
        result = prepare(f);
    sqlite3_wal_hook(f->db, note_log, f);
    return result == FILE_OK ? check(f, check_ns) : result;
}

enum file_result outbox_file_open(struct outbox_file *f, int64_t disk_max, int64_t check_ns)
{
    derive_bounds(f, disk_max);
    f->error[0] = '\0';
    enum file_result result = open_all(f, check_ns);
    struct stat st;
    if (result == FILE_OK && stat(f->path, &st) == 0) {
        f->device = st.st_dev;
        f->inode = st.st_ino;
        f->log_inode = 0;
        outbox_file_place(f); // notes the log
        return FILE_OK;
    }
    if (result == FILE_OK) {
        snprintf(f->error, sizeof f->error, "it vanished: %s", strerror(errno));
        result = FILE_BROKEN;
    }
    outbox_file_close(f, false);
    return result;
}

void outbox_file_close(struct outbox_file *f, bool keep_log)
{
    if (!f->db)
        return;
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(f->st[i]);
        f->st[i] = NULL;
    }
    if (keep_log) {
        int on = 1;
        sqlite3_file_control(f->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
        sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    sqlite3_close(f->db);
    f->db = NULL;
    f->log_frames = 0;
}

bool outbox_file_is_open(const struct outbox_file *f)
{
    return f->db != NULL;
}

const char *outbox_file_path(const struct outbox_file *f)
{
    return f->path;
}

const char *outbox_file_error(const struct outbox_file *f)
{
    return f->error;
}

uint64_t outbox_file_written(struct outbox_file *f)
{
    return atomic_load_explicit(&f->vfs.written, memory_order_relaxed);
}

int64_t outbox_file_size(struct outbox_file *f)
{
    int64_t total = 0;
    int ops[] = {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER};
    for (size_t i = 0; f->db && i < 2; i++) {
        sqlite3_file *file = NULL;
        sqlite3_int64 size = 0;
        if (sqlite3_file_control(f->db, "main", ops[i], &file) == SQLITE_OK && file && file->pMethods &&
            file->pMethods->xFileSize(file, &size) == SQLITE_OK)
            total += size;
    }
    return total;
}

// --- transactions ---------------------------------------------------------------------------------------

enum file_result outbox_file_begin(struct outbox_file *f)
{
    outbox_file_rollback(f); // nothing, unless a rollback failed before
    return file_run(f, S_BEGIN);
}

enum file_result outbox_file_commit(struct outbox_file *f)
{
    enum file_result result = file_run(f, S_COMMIT);
    if (result != FILE_OK)
        outbox_file_rollback(f);
    return result;
}

void outbox_file_rollback(struct outbox_file *f)
{
    if (f->db && !sqlite3_get_autocommit(f->db))
        sqlite3_step(f->st[S_ROLLBACK]);
    sqlite3_reset(f->st[S_ROLLBACK]);
}

enum file_result outbox_file_checkpoint(struct outbox_file *f, bool all)
{
    if (f->log_frames == 0 || (!all && (int64_t)f->log_frames * (FILE_PAGE + 24) < f->log_max))
        return FILE_OK;
    int rc = sqlite3_wal_checkpoint_v2(
        f->db, "main", all ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    enum file_result result = file_say(f, rc);
    if (result == FILE_OK)
        f->log_frames = 0;
    return result;
}

int outbox_file_log_frames(const struct outbox_file *f)
{
    return f->log_frames;
}

enum file_result outbox_file_no_room(struct outbox_file *f, int64_t left, int64_t keep)
{
    snprintf(f->error, sizeof f->error,
             "%lld KiB are free on its file system, less than the %lld KiB kept free",
             (long long)(left >> 10), (long long)(keep >> 10));
    return FILE_FULL;
}

enum file_result outbox_file_no_memory(struct outbox_file *f)
{
    snprintf(f->error, sizeof f->error, "no memory to compress messages");
    return FILE_BROKEN;
}

enum file_result outbox_file_shrink(struct outbox_file *f)
{
    int64_t unused = 0;
    enum file_result result = file_integer(f, f->st[S_FREE_COUNT], &unused);
    // Under 1 MiB the next outage takes the pages again: moving them would be wear for nothing.
    return result == FILE_OK && unused > 256 ? file_exec(f, "PRAGMA incremental_vacuum") : result;
}

enum file_result outbox_file_get(struct outbox_file *f, const char *name, int64_t *value)
{
    sqlite3_bind_text(f->st[S_META_GET], 1, name, -1, SQLITE_STATIC);
    return file_integer(f, f->st[S_META_GET], value);
}

enum file_result outbox_file_set(struct outbox_file *f, const char *name, int64_t value)
{
    sqlite3_bind_text(f->st[S_META_SET], 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(f->st[S_META_SET], 2, value);
    return file_run(f, S_META_SET);
}
