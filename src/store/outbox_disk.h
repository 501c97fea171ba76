/* SPDX-License-Identifier: Apache-2.0 */
/* What surrounds the outbox file in its directory: ballast, free space, files set aside. */
#ifndef SYMBIONT_OUTBOX_DISK_H
#define SYMBIONT_OUTBOX_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/clock.h"

/*
 * On a full file system SQLite cannot even delete: its log needs room. The ballast <path>.ballast is given up
 * then, so that acknowledged messages can go. A 32nd of the bound, 256 KiB to 4 MiB.
 */
int64_t disk_ballast_size(int64_t disk_max);
/* Makes it if there is room for it and as much again. True: it is there. */
bool disk_ballast_make(const char *path, int64_t size);
/* True: there was one, and its room is free now. */
bool disk_ballast_drop(const char *path);

/* Bytes a normal user can still write in the directory of `path`; INT64_MAX when unknown. */
int64_t disk_free(const char *path);

/*
 * Renames the file and its log to <path>.corrupt-<time>[-wal] and removes all but the last two such. The new
 * name into `name`. Returns 0, or -1 with errno.
 */
int disk_set_aside(const char *path, struct utc now, char *name, size_t size);

/* Modification time of the file; {0} when there is none. */
struct utc disk_modified(const char *path);

#endif
