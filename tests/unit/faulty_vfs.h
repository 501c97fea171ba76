/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's file layer with faults on order, made the default one, so that whatever opens a database
 * afterwards goes through it: the n-th operation fails, once or from then on. And the same for SQLite's own
 * memory.
 */
#ifndef TESTS_UNIT_FAULTY_VFS_H
#define TESTS_UNIT_FAULTY_VFS_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "symbiont/log.h"

enum fault_kind { FAULT_IO, FAULT_FULL, FAULT_EIO_READ, FAULT_KINDS };

static struct {
    sqlite3_vfs vfs, *real;
    sqlite3_mem_methods memory;
    _Atomic int64_t seen, first, many; // operations, and which of them fail
    _Atomic int64_t mem_seen, mem_first;
    _Atomic int kind;
    _Atomic int64_t failed;
} faulty = {.first = INT64_MAX, .mem_first = INT64_MAX};

struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static inline bool fault_now(void)
{
    int64_t n = atomic_fetch_add(&faulty.seen, 1), first = atomic_load(&faulty.first);
    bool yes = n >= first && n - first < atomic_load(&faulty.many);
    if (yes)
        atomic_fetch_add(&faulty.failed, 1);
    return yes;
}

static inline sqlite3_file *real_file(sqlite3_file *f)
{
    return ((struct faulty_file *)(void *)f)->real;
}

static inline int fault_close(sqlite3_file *f)
{
    return real_file(f)->pMethods ? real_file(f)->pMethods->xClose(real_file(f)) : SQLITE_OK;
}

static inline int fault_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    if (!fault_now())
        return real_file(f)->pMethods->xRead(real_file(f), to, n, at);
    // What SQLite makes of EIO since 3.33.
    return faulty.kind == FAULT_EIO_READ ? SQLITE_IOERR_CORRUPTFS : SQLITE_IOERR_READ;
}

static inline int fault_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    if (!fault_now())
        return real_file(f)->pMethods->xWrite(real_file(f), from, n, at);
    if (n > 8) // torn
        real_file(f)->pMethods->xWrite(real_file(f), from, n / 2, at);
    return faulty.kind == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static inline int fault_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return fault_now() ? SQLITE_IOERR_TRUNCATE : real_file(f)->pMethods->xTruncate(real_file(f), size);
}

static inline int fault_sync(sqlite3_file *f, int flags)
{
    return fault_now() ? SQLITE_IOERR_FSYNC : real_file(f)->pMethods->xSync(real_file(f), flags);
}

static inline int fault_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return fault_now() ? SQLITE_IOERR_FSTAT : real_file(f)->pMethods->xFileSize(real_file(f), size);
}

static inline int fault_lock(sqlite3_file *f, int level)
{
    return fault_now() ? SQLITE_IOERR_LOCK : real_file(f)->pMethods->xLock(real_file(f), level);
}

static inline int fault_unlock(sqlite3_file *f, int level)
{
    return real_file(f)->pMethods->xUnlock(real_file(f), level);
}

static inline int fault_reserved(sqlite3_file *f, int *out)
{
    return real_file(f)->pMethods->xCheckReservedLock(real_file(f), out);
}

static inline int fault_control(sqlite3_file *f, int op, void *arg)
{
    return real_file(f)->pMethods->xFileControl(real_file(f), op, arg);
}

static inline int fault_sector(sqlite3_file *f)
{
    return real_file(f)->pMethods->xSectorSize(real_file(f));
}

static inline int fault_traits(sqlite3_file *f)
{
    return real_file(f)->pMethods->xDeviceCharacteristics(real_file(f));
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 1,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_reserved,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_traits,
};

static inline int fault_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
    (void)v;
    struct faulty_file *file = (struct faulty_file *)(void *)f;
    file->base.pMethods = NULL;
    file->real = (sqlite3_file *)(void *)(file + 1);
    if (fault_now())
        return SQLITE_CANTOPEN;
    int rc = faulty.real->xOpen(faulty.real, name, file->real, flags, out);
    file->base.pMethods = rc == SQLITE_OK ? &fault_methods : NULL;
    return rc;
}

static inline int fault_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    return fault_now() ? SQLITE_IOERR_DELETE : faulty.real->xDelete(faulty.real, name, sync);
}

static inline int fault_access(sqlite3_vfs *v, const char *name, int flags, int *out)
{
    (void)v;
    return fault_now() ? SQLITE_IOERR_ACCESS : faulty.real->xAccess(faulty.real, name, flags, out);
}

static inline void *fault_malloc(int n)
{
    if (atomic_fetch_add(&faulty.mem_seen, 1) == atomic_load(&faulty.mem_first)) {
        atomic_fetch_add(&faulty.failed, 1);
        return NULL;
    }
    return faulty.memory.xMalloc(n);
}

static inline void *fault_realloc(void *p, int n)
{
    if (atomic_fetch_add(&faulty.mem_seen, 1) == atomic_load(&faulty.mem_first)) {
        atomic_fetch_add(&faulty.failed, 1);
        return NULL;
    }
    return faulty.memory.xRealloc(p, n);
}

/* Before anything of SQLite was used. */
static inline int faulty_begin(void)
{
    sqlite3_mem_methods own;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &faulty.memory) != SQLITE_OK)
        return -1;
    own = faulty.memory;
    own.xMalloc = fault_malloc;
    own.xRealloc = fault_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &own) != SQLITE_OK || sqlite3_initialize() != SQLITE_OK)
        return -1;
    faulty.real = sqlite3_vfs_find(NULL);
    faulty.vfs = *faulty.real;
    faulty.vfs.zName = "faulty";
    faulty.vfs.pNext = NULL;
    faulty.vfs.szOsFile = (int)sizeof(struct faulty_file) + faulty.real->szOsFile;
    faulty.vfs.xOpen = fault_open;
    faulty.vfs.xDelete = fault_delete;
    faulty.vfs.xAccess = fault_access;
    return sqlite3_vfs_register(&faulty.vfs, 1) == SQLITE_OK ? 0 : -1;
}

/* The set-up of a group of tests: only what is lost is logged. */
static inline int faulty_group(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    return faulty_begin();
}

static inline void faulty_order(enum fault_kind kind, int64_t first, int64_t many)
{
    faulty.kind = (int)kind;
    faulty.many = many;
    faulty.seen = faulty.failed = 0;
    faulty.first = first;
}

static inline void faulty_memory(int64_t first)
{
    faulty.mem_seen = faulty.failed = 0;
    faulty.mem_first = first;
}

static inline void faulty_none(void)
{
    faulty.first = faulty.mem_first = INT64_MAX;
}

#endif
