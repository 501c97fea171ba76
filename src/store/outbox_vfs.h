/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's own file layer with a counter of the bytes written, so that "writes nothing" can be shown. */
#ifndef SYMBIONT_OUTBOX_VFS_H
#define SYMBIONT_OUTBOX_VFS_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdint.h>

struct outbox_vfs {
    sqlite3_vfs base;
    sqlite3_vfs *real;
    char name[32];
    _Atomic uint64_t written; /* to the file, its log, anything else */
};

/* Registers under a name of its own; `v` stays where it is until unregistered. Returns 0 or -1. */
int outbox_vfs_register(struct outbox_vfs *v);
void outbox_vfs_unregister(struct outbox_vfs *v);

#endif
