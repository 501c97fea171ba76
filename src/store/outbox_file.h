/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite file of the outbox: opening, its tables, one transaction at a time. One thread uses it; no
 * clock. */
#ifndef SYMBIONT_OUTBOX_FILE_H
#define SYMBIONT_OUTBOX_FILE_H

#include "store/outbox_facts.h"
#include "store/outbox_lane.h"
#include "store/outbox_rejects.h"
#include "symbiont/buf.h"

enum file_result {
    FILE_OK,
    FILE_QUOTA,   /* the bound of the file is reached */
    FILE_FULL,    /* the file system is full */
    FILE_BROKEN,  /* reading, writing or syncing failed: close, open again later */
    FILE_CORRUPT, /* what is there is not a sound outbox: set aside */
    FILE_BUSY,    /* another process has it */
    FILE_NEWER,   /* written by a newer version */
};

struct outbox_file;

#define OUTBOX_DISK_MIN (1 << 20) /* a smaller bound is taken as this */

/* No I/O yet. NULL: no memory. */
struct outbox_file *outbox_file_new(const char *path);
void outbox_file_free(struct outbox_file *f);

/* Opens or creates. `check_ns`: for how long to look for damage when the last run did not end cleanly. On
 * failure the file is closed and outbox_file_error says why. */
enum file_result outbox_file_open(struct outbox_file *f, int64_t disk_max, int64_t check_ns);
/* `keep_log`: the path is no longer ours, touch nothing beside it. */
void outbox_file_close(struct outbox_file *f, bool keep_log);
bool outbox_file_is_open(const struct outbox_file *f);
const char *outbox_file_path(const struct outbox_file *f);
const char *outbox_file_error(const struct outbox_file *f);
void outbox_file_set_max(struct outbox_file *f, int64_t disk_max);

uint64_t outbox_file_written(struct outbox_file *f);
int64_t outbox_file_size(struct outbox_file *f); /* with its log; from SQLite, no system call */
enum file_place {
    PLACE_KEPT,
    PLACE_LOG_GONE, /* its log was deleted: closing moves what was in it into the file */
    PLACE_GONE,     /* the file was deleted */
    PLACE_TAKEN,    /* another file is at the path */
};
/* Whether the files at the path are still those that are open. */
enum file_place outbox_file_place(struct outbox_file *f);
/* Removes the log if it is still that of the file that was open: SQLite would take it for the log of whatever
 * file is at the path now. After closing. */
void outbox_file_drop_log(struct outbox_file *f);
/* Copies the deleted, still open file back to its path, synced. `alive` is called now and then. Close
 * (keeping the log) and open afterwards. */
enum file_result outbox_file_rescue(struct outbox_file *f, void (*alive)(void *arg), void *arg);

enum file_result outbox_file_begin(struct outbox_file *f);
enum file_result outbox_file_commit(struct outbox_file *f);
void outbox_file_rollback(struct outbox_file *f);
/* Moves the log into the file when it has grown enough, or `all` of it. */
enum file_result outbox_file_checkpoint(struct outbox_file *f, bool all);
int outbox_file_log_frames(const struct outbox_file *f);
/* Results with words of their own. */
enum file_result outbox_file_no_room(struct outbox_file *f, int64_t left, int64_t keep);
enum file_result outbox_file_no_memory(struct outbox_file *f);
/* Gives free pages back to the file system: when the file is `empty` and they are many, or when it is above
 * its bound. Inside a transaction. */
enum file_result outbox_file_shrink(struct outbox_file *f, bool empty);

enum file_result outbox_file_get(struct outbox_file *f, const char *name, int64_t *value); /* 0 when absent */
enum file_result outbox_file_set(struct outbox_file *f, const char *name, int64_t value);

enum file_result outbox_file_lanes(struct outbox_file *f,
                                   int (*each)(uint8_t number, const char *name, uint64_t acked, void *arg),
                                   void *arg);
enum file_result outbox_file_lane(struct outbox_file *f, uint8_t number, const char *name, uint64_t acked);

/* --- rows of messages --- */

struct file_row {
    uint8_t lane;
    uint64_t first_id;
    uint32_t count, raw;
    struct utc first, last; /* labels of its first and last message */
    size_t offset, n;       /* of the compressed bytes, when packed */
};

struct file_pack {
    struct file_row *rows;
    size_t n, cap;
    struct buf data;
};

static inline uint64_t row_last_id(const struct file_row *r)
{
    return r->first_id + r->count - 1;
}

/* Bytes a row is counted with: its data, its head, its share of the tree. */
static inline int64_t row_bytes(size_t n)
{
    return (int64_t)n + 64;
}

/* Compresses pieces of one lane into rows. -1: no memory. Needs no open file. */
int outbox_file_pack(struct outbox_file *f, struct file_pack *p, uint8_t lane, const struct piece *pieces,
                     size_t n);
void file_pack_reset(struct file_pack *p);
void file_pack_free(struct file_pack *p);

enum file_result outbox_file_insert(struct outbox_file *f, const struct file_pack *p,
                                    const struct file_row *r);
/* How many bytes of rows can be inserted now without passing the bound. */
enum file_result outbox_file_room(struct outbox_file *f, int64_t *bytes);
/* Rows whose last message is at or below `acked`. *freed: their bytes. */
enum file_result outbox_file_delete_acked(struct outbox_file *f, uint8_t lane, uint64_t acked,
                                          int64_t *freed);
enum file_result outbox_file_delete_row(struct outbox_file *f, uint8_t lane, uint64_t first_id);
/* Rows that begin at or above `id`. */
enum file_result outbox_file_delete_from(struct outbox_file *f, uint8_t lane, uint64_t id);
/* The lane's oldest row; r->count 0: none. */
enum file_result outbox_file_oldest(struct outbox_file *f, uint8_t lane, struct file_row *r);
/* All rows of a lane in order, without their data. */
enum file_result outbox_file_scan(struct outbox_file *f, uint8_t lane,
                                  int (*each)(const struct file_row *r, void *arg), void *arg);
/*
 * The row with the message `id`, or the next one after it. r->count 0: there is none. *block: its messages,
 * or NULL when the row is damaged (r tells which) or there is no memory (*no_memory).
 */
enum file_result outbox_file_read(struct outbox_file *f, uint8_t lane, uint64_t id, struct file_row *r,
                                  struct block **block, bool *no_memory);

/* --- the small tables --- */

enum file_result outbox_file_gaps(struct outbox_file *f, uint8_t lane, struct lane_gaps *gaps);
enum file_result outbox_file_save_gaps(struct outbox_file *f, uint8_t lane, const struct lane_gaps *gaps);
enum file_result outbox_file_facts(struct outbox_file *f, struct facts *facts);
enum file_result outbox_file_save_fact(struct outbox_file *f, const struct fact_change *c);
enum file_result outbox_file_rejects(struct outbox_file *f, struct rejects *rejects);
enum file_result outbox_file_save_reject(struct outbox_file *f, uint64_t number,
                                         const struct outbox_rejected *what);
enum file_result outbox_file_trim_rejects(struct outbox_file *f, uint64_t lowest);

#endif
