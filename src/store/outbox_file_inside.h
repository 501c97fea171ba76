/* SPDX-License-Identifier: Apache-2.0 */
/* What the outbox_file*.c share: the connection and its statements. */
#ifndef SYMBIONT_OUTBOX_FILE_INSIDE_H
#define SYMBIONT_OUTBOX_FILE_INSIDE_H

#include <sys/types.h>
#define ZLIB_CONST
#include <zlib.h>
#include "store/outbox_file.h"
#include "store/outbox_vfs.h"

#define FILE_PAGE      4096
#define APPLICATION_ID 0x53594d42 /* "SYMB" */

enum statement {
    S_BEGIN,
    S_COMMIT,
    S_ROLLBACK,
    S_PAGE_COUNT,
    S_FREE_COUNT,
    S_META_GET,
    S_META_SET,
    S_LANES,
    S_LANE_SET,
    S_INSERT,
    S_ACKED_SIZE,
    S_ACKED_DELETE,
    S_DELETE_RANGE,
    S_SCAN,
    S_READ_AT,
    S_READ_AFTER,
    S_GAPS,
    S_GAPS_CLEAR,
    S_GAP_ADD,
    S_FACTS,
    S_FACT_SET,
    S_FACT_FORGET,
    S_REJECTS,
    S_REJECT_ADD,
    S_REJECT_TRIM,
    STATEMENTS
};

struct outbox_file {
    char *path;
    struct outbox_vfs vfs;
    sqlite3 *db; /* NULL: closed */
    sqlite3_stmt *st[STATEMENTS];
    dev_t device;
    ino_t inode, log_inode; /* log_inode 0: not seen yet */
    int64_t max_pages, log_max;
    int log_frames;
    size_t inserting; /* bytes of the row being inserted */
    struct mono check_until;
    z_stream deflate;
    bool deflate_ready;
    char error[160];
};

/* What SQLite's code means for us; keeps its words in f->error when it is a failure. */
enum file_result file_say(struct outbox_file *f, int rc);
enum file_result file_run(struct outbox_file *f, enum statement s);
enum file_result file_exec(struct outbox_file *f, const char *text);
/* One integer of one row; 0 when there is no row. */
enum file_result file_integer(struct outbox_file *f, sqlite3_stmt *st, int64_t *out);
int64_t file_pages(struct outbox_file *f);

#endif
