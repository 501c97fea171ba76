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

int64_t file_pages(struct outbox_file *f)
{
    sqlite3_stmt *st = f->st[S_PAGE_COUNT];
    int64_t n = st && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return n;
}

// --- closing, and what is known of it ----------------------------------------------------------------

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
    snprintf(f->error, sizeof f->error, "no memory or no descriptor left");
    return FILE_BROKEN;
}

enum file_result outbox_file_shrink(struct outbox_file *f, bool empty)
{
    bool above = file_pages(f) > f->max_pages; // the bound was lowered
    if (!empty && !above)
        return FILE_OK;
    int64_t unused = 0;
    enum file_result result = file_integer(f, f->st[S_FREE_COUNT], &unused);
    // Under 1 MiB the next outage takes the pages again: moving them would be wear for nothing.
    return result == FILE_OK && (above || unused > 256) ? file_exec(f, "PRAGMA incremental_vacuum") : result;
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
