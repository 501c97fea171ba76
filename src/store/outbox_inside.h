/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the outbox share. Locks are taken in this order: the outbox's, then one lane's. Nothing
 * holds either while SQLite or zlib works.
 */
#ifndef SYMBIONT_OUTBOX_INSIDE_H
#define SYMBIONT_OUTBOX_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include "store/outbox_disk.h"
#include "store/outbox_file.h"
#include "symbiont/backoff.h"
#include "symbiont/log.h"

#define SUBJECT "outbox"

/* Lanes of this and earlier configurations; those nobody names any more keep their messages on disk. */
#define LANES_KNOWN_MAX 32
#define PIECES_MAX      64
/* Ids reserved ahead in the file: at 100,000 messages a second half a day. */
#define IDS_RESERVED (1ull << 32)
/* How long an open may look for damage after an unclean stop. */
#define CHECK_NS (2 * NS_PER_S)

/* What one transaction does for one lane. */
struct lane_work {
    struct lane *lane;
    struct piece pieces[PIECES_MAX];
    size_t n;
    int64_t bytes; /* of its rows */
    bool acks, gaps_changed, any_left;
    uint64_t acked;
    int64_t freed;
    struct utc oldest;
    struct lane_gaps gaps;
};

/* Only the writer thread uses it. */
struct writer {
    struct lane_work work[LANES_KNOWN_MAX];
    size_t n;
    struct file_pack pack;
    struct fact_change *facts;
    size_t n_facts;
    uint64_t rejects_upto;
    int64_t margin; /* extra room asked for after the bound was hit by surprise */
    bool full;      /* failing because the file system is full: the file stays open */
    bool save_lanes;
    bool probe; /* commit something, to see whether the disk takes it again */
    struct mono retry_at, unreadable_since, look_at;
    struct backoff backoff;
    struct complaint disk_trouble, slow, lost;
};

struct outbox {
    _Atomic bool always, failing;
    _Atomic int64_t spill_after_ns, disk_max;
    atomic_size_t memory_max, memory; /* memory: bytes of all fresh blocks */

    struct lane *lanes[OUTBOX_LANES_MAX]; /* by index; loop and publisher threads */
    struct outbox_file *file;             /* NULL: memory only */
    struct facts *facts;
    struct rejects *rejects;
    uint64_t epoch;
    struct complaint refused, bound; /* outbox_put's thread */

    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t look;
    _Atomic int64_t wakes_at; /* when the writer looks again; 0: it is at work and will look afterwards */
    _Atomic int64_t progress; /* mono ns of the last step while at work; 0: idle */

    /* Under `lock`. */
    struct lane *known[LANES_KNOWN_MAX];
    size_t n_known;
    bool stop, lanes_changed, bounds_changed;
    struct mono event_due, event_last; /* facts or rejects to save (0: none), and when some were */
    uint64_t reserved;                 /* no id at or above it has been given */
    char error[160];

    atomic_uint_fast64_t commits;
    _Atomic int64_t file_bytes;

    struct writer w;
};

/* outbox_restore.c: from file to memory, with set-aside files. */
int outbox_restore(struct outbox *o, const char *const names[OUTBOX_LANES_MAX], char *why, size_t why_size);
/* Opens the file again while running, and tells the lanes what is no longer there. */
enum file_result outbox_reopen(struct outbox *o);
/* Renames a damaged file; logs. */
void outbox_set_aside(struct outbox *o);
struct lane *outbox_know_lane(struct outbox *o, const char *name, uint8_t number);

/* outbox_writer.c */
void *outbox_writer(void *outbox);
/* The last save, in the closing thread after the writer ended. Returns the number of messages not saved. */
uint64_t outbox_final_save(struct outbox *o);
/* Wakes the writer if it would look later than `due`. */
void outbox_look(struct outbox *o, struct mono due);

#endif
