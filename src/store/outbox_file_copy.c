// SPDX-License-Identifier: Apache-2.0
// Saving a file that somebody deleted while it is open: as long as we hold it, it can be read.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/outbox_file_inside.h"
#include "symbiont/files.h"

// Pages copied between two signs of life: 4 MiB.
#define COPY_STEP 1024

enum file_place outbox_file_place(struct outbox_file *f)
{
    struct stat st;
    char log[PATH_MAX];
    // Never open it to look: closing any descriptor of a file drops this process's locks on it (fcntl(2)).
    if (stat(f->path, &st) < 0)
        return errno == ENOENT ? PLACE_GONE : PLACE_KEPT;
    if (st.st_dev != f->device || st.st_ino != f->inode)
        return PLACE_TAKEN;
    snprintf(log, sizeof log, "%s-wal", f->path);
    bool there = stat(log, &st) == 0;
    if (there && f->log_inode == 0)
        f->log_inode = st.st_ino;
    return f->log_inode && (!there || st.st_ino != f->log_inode) ? PLACE_LOG_GONE : PLACE_KEPT;
}

void outbox_file_drop_log(struct outbox_file *f)
{
    struct stat st;
    char log[PATH_MAX];
    if (snprintf(log, sizeof log, "%s-wal", f->path) < (int)sizeof log && stat(log, &st) == 0 &&
        st.st_ino == f->log_inode)
        unlink(log);
}

static int copy_pages(sqlite3 *to, sqlite3 *from, void (*alive)(void *arg), void *arg)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b)
        return sqlite3_errcode(to);
    int rc;
    do {
        alive(arg);
        rc = sqlite3_backup_step(b, COPY_STEP);
    } while (rc == SQLITE_OK);
    int end = sqlite3_backup_finish(b);
    return rc == SQLITE_DONE ? end : rc;
}

enum file_result outbox_file_rescue(struct outbox_file *f, void (*alive)(void *arg), void *arg)
{
    char fresh[PATH_MAX], log[PATH_MAX];
    if (snprintf(fresh, sizeof fresh, "%s.new", f->path) >= (int)sizeof fresh ||
        snprintf(log, sizeof log, "%s-wal", f->path) >= (int)sizeof log)
        return FILE_BROKEN;
    unlink(fresh); // left over from a power cut
    sqlite3 *to = NULL;
    int rc = sqlite3_open_v2(fresh, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, f->vfs.name);
    if (rc == SQLITE_OK)
        rc = copy_pages(to, f->db, alive, arg);
    sqlite3_close(to);
    // A log left behind belongs to the deleted file, and the copy holds what was in it.
    if (rc == SQLITE_OK && ((unlink(log) < 0 && errno != ENOENT) || rename(fresh, f->path) < 0 ||
                            directory_sync_of(f->path) < 0))
        rc = SQLITE_IOERR;
    if (rc == SQLITE_OK)
        return FILE_OK;
    unlink(fresh);
    snprintf(f->error, sizeof f->error, "it cannot be copied back: %s", sqlite3_errstr(rc));
    return FILE_BROKEN;
}
