// SPDX-License-Identifier: Apache-2.0
// Opening the file of the outbox: whose it is, its format, its settings, whether it is sound.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
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

static enum file_result pragma_integer(struct outbox_file *f, const char *text, int64_t *out)
{
    sqlite3_stmt *st = NULL;
    enum file_result result = file_say(f, sqlite3_prepare_v2(f->db, text, -1, &st, NULL));
    if (result == FILE_OK)
        result = file_integer(f, st, out);
    sqlite3_finalize(st);
    return result;
}

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

// SQLite would make it readable by all; its log gets the permissions of the file.
static void make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

static enum file_result open_all(struct outbox_file *f, int64_t check_ns)
{
    make_private(f->path);
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
    outbox_file_close(f, false); // an attempt that failed half-way: its lock would be in the way of this one
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
