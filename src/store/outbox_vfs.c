// SPDX-License-Identifier: Apache-2.0
// Hands every file operation of SQLite on to the system's layer and counts the bytes written.
#include "store/outbox_vfs.h"

#include <stdio.h>
#include <string.h>

struct counted_file {
    sqlite3_file base;
    struct outbox_vfs *vfs;
    sqlite3_file *real; // in the memory that follows
};

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct counted_file *)f)->real;
}

static int file_close(sqlite3_file *f)
{
    return real_of(f)->pMethods ? real_of(f)->pMethods->xClose(real_of(f)) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    // SQLite calls a read that fails with EIO a damaged file. It may be a loose plug: the file is not to be
    // set aside for it.
    int rc = real_of(f)->pMethods->xRead(real_of(f), to, n, at);
    return rc == SQLITE_IOERR_CORRUPTFS ? SQLITE_IOERR_READ : rc;
}

static int file_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    atomic_fetch_add_explicit(&((struct counted_file *)f)->vfs->written, (uint64_t)n, memory_order_relaxed);
    return real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int file_sync(sqlite3_file *f, int flags)
{
    return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int file_check_reserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int file_sector_size(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int file_characteristics(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

// Version 1, without shared memory: the one connection keeps the log's index in its own memory (locking_mode
// EXCLUSIVE).
static const sqlite3_io_methods counted_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *out_flags)
{
    struct counted_file *c = (struct counted_file *)f;
    c->vfs = (struct outbox_vfs *)vfs;
    c->real = (sqlite3_file *)(void *)(c + 1);
    int rc = c->vfs->real->xOpen(c->vfs->real, name, c->real, flags, out_flags);
    c->base.pMethods = rc == SQLITE_OK ? &counted_methods : NULL;
    return rc;
}

static sqlite3_vfs *below(sqlite3_vfs *vfs)
{
    return ((struct outbox_vfs *)vfs)->real;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    return below(vfs)->xDelete(below(vfs), name, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    return below(vfs)->xAccess(below(vfs), name, flags, out);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
    return below(vfs)->xFullPathname(below(vfs), name, n, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int n, char *out)
{
    return below(vfs)->xRandomness(below(vfs), n, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    return below(vfs)->xSleep(below(vfs), us);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *out)
{
    return below(vfs)->xCurrentTime(below(vfs), out);
}

static int vfs_last_error(sqlite3_vfs *vfs, int n, char *out)
{
    return below(vfs)->xGetLastError(below(vfs), n, out);
}

int outbox_vfs_register(struct outbox_vfs *v)
{
    memset(v, 0, sizeof *v);
    v->real = sqlite3_vfs_find(NULL);
    if (!v->real)
        return -1;
    snprintf(v->name, sizeof v->name, "outbox-%p", (void *)v);
    v->base = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(struct counted_file) + v->real->szOsFile,
        .mxPathname = v->real->mxPathname,
        .zName = v->name,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_pathname,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_current_time,
        .xGetLastError = vfs_last_error,
    };
    return sqlite3_vfs_register(&v->base, 0) == SQLITE_OK ? 0 : -1;
}

void outbox_vfs_unregister(struct outbox_vfs *v)
{
    sqlite3_vfs_unregister(&v->base);
}
