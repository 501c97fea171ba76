/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane: the messages of one publisher in order, part on disk, part in memory, and how far they are handed
 * out and acknowledged. No disk here: the writer fetches what is to be written (lane_collect) and
 * brings what was read (lane_loaded). Every function takes the lane's lock for a short time.
 *
 *     ids:   ... acked ]( on disk only ........ disk_only ]( in memory: fresh blocks ......... next_id
 *                        ( loaded ahead for reading )       ( written already: "always" )
 *
 * Everything on disk only is older than everything in memory, so reading runs from one into the other.
 */
#ifndef SYMBIONT_OUTBOX_LANE_H
#define SYMBIONT_OUTBOX_LANE_H

#include <pthread.h>
#include <stdatomic.h>
#include "store/outbox_block.h"
#include "store/outbox_spans.h"

#define LANE_NAME_MAX 64
/* Read ahead, per lane. */
#define LANE_AHEAD_MAX (512u << 10)
#define LANE_GAPS_MAX  64 /* a 65th is merged into the last */

struct lane_gaps {
    struct outbox_gap at[LANE_GAPS_MAX];
    size_t n;
    bool handed;      /* at[0] is with the publisher: it no longer grows */
    uint64_t version; /* counts changes */
    uint64_t saved;   /* the version in the file */
};

struct lane {
    pthread_mutex_t lock;
    pthread_cond_t loaded_more;
    char name[LANE_NAME_MAX];
    uint8_t number;
    int event_fd;
    bool signalled; /* event_fd is readable */
    bool waiting;   /* lane_next has said "none" and nothing was signalled since */

    uint64_t run_first_id, next_id, handed, acked;
    uint64_t visible; /* "always": ids up to here are synced */
    struct spans spans;

    struct block *head, *tail, *cursor; /* fresh */
    struct block *spare;                /* a few blocks for reuse */
    size_t spares;
    struct block *held;
    size_t block_cap;
    atomic_size_t *memory; /* bytes of fresh blocks, all lanes */
    size_t fresh_bytes;

    struct block *loaded, *loaded_tail;
    size_t loaded_bytes;
    bool want_load;

    uint64_t disk_last, disk_only; /* last id in the file; last id that is only there */
    int64_t disk_bytes;
    struct utc disk_from, disk_to; /* labels of the oldest and newest message there */
    uint64_t acked_saved;          /* as in the file */
    uint64_t acks_unsaved;
    struct mono ack_due; /* when acknowledgements of messages on disk should be committed; 0: none */

    struct lane_gaps gaps;
    struct mono opened;
    uint64_t put, acked_n, dropped, rejected;
};

struct lane *lane_new(const char *name, uint8_t number, atomic_size_t *memory, struct mono now);
void lane_free(struct lane *l);

/* Before any other thread: what the file holds of an earlier run. */
void lane_restore(struct lane *l, struct spans *waiting, uint64_t acked, int64_t disk_bytes, struct utc from,
                  struct utc to, uint64_t next_id);

enum lane_put {
    LANE_PUT,        /* *id is set */
    LANE_PUT_FIRST,  /* and it is the first unwritten one: the writer may need to know */
    LANE_PUT_BOUND,  /* a new block would pass memory_max: make room and try again */
    LANE_PUT_FAILED, /* no memory */
};
enum lane_put lane_put(struct lane *l, struct mono now, size_t memory_max, bool gated, const char *topic,
                       size_t topic_len, const void *payload, size_t n, struct utc time, uint64_t *id);
/* Counts a message that could not be kept, and notes the gap. */
void lane_put_lost(struct lane *l, struct utc time);

enum lane_next { LANE_NONE, LANE_ITEM, LANE_LOADING };
/* `gated`: only what is synced. `ask` is set when the writer should load more. */
enum lane_next lane_next(struct lane *l, struct mono now, int64_t spill_after_ns, bool gated,
                         struct outbox_item *item, bool *ask);
/* Waits until something was loaded, or `until`. */
void lane_wait_loaded(struct lane *l, struct mono until);
void lane_rewind(struct lane *l, uint64_t id);
/* True: the writer should look (ack_due has been set). */
bool lane_ack(struct lane *l, uint64_t id, struct mono now);
void lane_count_reject(struct lane *l);
/* Makes the event descriptor readable if the publisher waits. */
void lane_signal(struct lane *l);

bool lane_gap(struct lane *l, struct outbox_gap *gap);
bool lane_gap_done(struct lane *l, const struct outbox_gap *gap);
void lane_stats(struct lane *l, struct mono now, struct utc wall, struct outbox_stats *out);

/* --- for the writer --- */

struct piece {
    struct block *block;
    uint32_t from, to;
};

size_t lane_fresh_bytes(struct lane *l);
bool lane_wants_load(struct lane *l);
/* When the writer has to look at this lane again, on its own account; INT64_MAX: not before it is told. */
struct mono lane_due(struct lane *l, int64_t spill_after_ns, bool always);
/*
 * Takes the unwritten, unacknowledged messages, oldest first, at most `max` pieces and about `max_bytes`;
 * nothing when the oldest is younger than min_age_ns. In "spill" the blocks are sealed so that they can be
 * freed when written. Followed by lane_written or lane_uncollect.
 */
size_t lane_collect(struct lane *l, struct mono now, int64_t min_age_ns, bool seal, struct piece *pieces,
                    size_t max, size_t max_bytes);
void lane_uncollect(struct lane *l, struct piece *pieces, size_t n);
/* They are in the file, synced. `bytes`: what they take there. Without `keep` their memory is freed. */
void lane_written(struct lane *l, struct piece *pieces, size_t n, int64_t bytes, bool keep);
/* Frees written blocks put before `before`. */
void lane_trim(struct lane *l, struct mono before);
/* Drops the oldest fresh block that nobody is writing, counted. Returns the bytes freed, 0: there is none. */
size_t lane_drop_block(struct lane *l);
/* These ids are gone, for example from the file (last UINT64_MAX: all that are only there). Returns how many
 * of them waited. */
uint64_t lane_drop(struct lane *l, uint64_t first, uint64_t last, struct utc from, struct utc to);
/* The id the next load should begin with; 0: nothing to load. */
uint64_t lane_load_want(struct lane *l);
/* Gives the block to the lane (or frees it, when a rewind has made it useless). */
void lane_loaded(struct lane *l, struct block *b);
void lane_load_failed(struct lane *l);
/*
 * A new file, or the old one reopened, holds only `there` of what it should: the rest is counted as
 * dropped, and what is still in memory counts as unwritten again.
 */
uint64_t lane_reconcile(struct lane *l, const struct spans *there, int64_t disk_bytes);

/* Acknowledgements to save: true when the file holds messages at or below *acked. */
bool lane_ack_unsaved(struct lane *l, uint64_t *acked);
bool lane_acks_due(struct lane *l, struct mono now);
void lane_ack_saved(struct lane *l, uint64_t acked, int64_t freed, bool any_left, struct utc oldest);
/* True: gaps differ from the file; copies them. */
bool lane_gaps_unsaved(struct lane *l, struct lane_gaps *copy);
void lane_gaps_saved(struct lane *l, uint64_t version);
void lane_gaps_restore(struct lane *l, const struct lane_gaps *gaps);
void lane_gaps_changed(struct lane *l); /* the file is a new one */
/* Messages that are in memory only. */
uint64_t lane_unwritten(struct lane *l);
uint64_t lane_next_id(struct lane *l);

/* --- between the outbox_lane*.c: the lock is held --- */

void lane_signal_locked(struct lane *l);
void lane_let_go(struct lane *l, struct block *b);
/* `before` is the block before it, NULL for the head. */
void lane_fresh_remove(struct lane *l, struct block *before, struct block *b);
void lane_loaded_pop(struct lane *l);
void lane_loaded_clear(struct lane *l);
uint64_t lane_drop_locked(struct lane *l, uint64_t first, uint64_t last, struct utc from, struct utc to);

#endif
