/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outbox keeps every message until its publisher has acknowledged it. While publishers keep
 * up, messages live and die in memory and nothing is written. A message that is unacknowledged
 * after `spill_after_ns` is written to disk, synced, by the outbox's own thread; putting never waits.
 *
 * Each publisher has a lane. Within a lane messages keep their order. Delivery is at least once.
 *
 * When the disk bound is reached, or the disk fails and the memory bound is reached, the oldest
 * messages of the lane go, counted, and a gap record (from, to, how many) is kept until fetched.
 *
 * outbox_put may be called from one thread (the loop); each lane's next, rewind, ack and reject from
 * one thread (the publisher's).
 */
#ifndef SYMBIONT_OUTBOX_H
#define SYMBIONT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/clock.h"

struct outbox;

#define OUTBOX_LANES_MAX      8
#define OUTBOX_SPILL_AFTER_NS NS_PER_S /* default of spill_after_ns */

struct outbox_settings {
    const char *path;         /* the SQLite file; its directory exists; NULL: memory only (tests, tools) */
    bool always;              /* durability "always": a message is synced before it can be sent */
    int64_t spill_after_ns;   /* 1 s */
    int64_t disk_max_bytes;   /* bound of the file */
    int64_t memory_max_bytes; /* bound of unwritten messages, all lanes */
    const char *lanes[OUTBOX_LANES_MAX]; /* names that outlive restarts; NULL ends */
};

/*
 * Opens, or creates; a corrupt file is renamed to <path>.corrupt-<time> (the last two kept) and a
 * new one begun. Counts the epoch up and commits it. What an earlier run left is offered first.
 * NULL with a sentence in `why` when not even a new file can be made.
 */
struct outbox *outbox_open(const struct outbox_settings *s, char *why, size_t why_size);

/* Writes what is unacknowledged to disk and closes. Publishers have stopped before. Returns 0, or -1
 * when something could not be written (logged with the number of messages). */
int outbox_close(struct outbox *o);

uint64_t outbox_epoch(const struct outbox *o);

/* Changes bounds and lanes at reload: lanes present before keep their messages; a lane that is gone keeps
 * its messages on disk for when it comes back. Every lane is rewound. Publishers are stopped while this runs;
 * the path cannot change. Returns 0, or -1 with a sentence in `why` and nothing changed. */
int outbox_configure(struct outbox *o, const struct outbox_settings *s, char *why, size_t why_size);

/* Copies the message in. `topic` may be "" for publishers that need none. Returns its id (> 0,
 * growing within the lane), or 0 when it could not be kept (memory; counted as lost). */
uint64_t outbox_put(struct outbox *o, size_t lane, const char *topic, const void *payload, size_t n,
                    struct utc time);

struct outbox_item {
    uint64_t id;
    struct utc time;
    const char *topic; /* NUL-terminated */
    const char *payload;
    size_t n;
    bool backlog; /* it was older than spill_after when handed out: sent late */
};

/* The oldest message of the lane not handed out since it was last rewound. False: none now. The
 * pointers are valid until the lane's next call of outbox_next. What is on disk is read ahead by the outbox's
 * thread; when that is not ready this waits for it, at most 100 ms, and then says false. */
bool outbox_next(struct outbox *o, size_t lane, struct outbox_item *item);
/* Hand out again from `id` on (the connection was lost); 0: from the oldest unacknowledged. A sender that
 * starts begins with 0: what an earlier one took and never acknowledged would else pass for delivered with
 * its first ack. */
void outbox_rewind(struct outbox *o, size_t lane, uint64_t id);
/* Everything up to and including `id` is delivered (or set aside by outbox_reject). */
void outbox_ack(struct outbox *o, size_t lane, uint64_t id);
/* Sets one message aside, with the server's words, in a bounded ring on disk (the last 1,000); the caller
 * acks it afterwards in order. */
void outbox_reject(struct outbox *o, size_t lane, const struct outbox_item *item, const char *why);
/* Is this very message in that ring? After a restart it is offered again when one before it was not yet
 * acknowledged; the server need not refuse it a second time. */
bool outbox_was_rejected(struct outbox *o, size_t lane, const struct outbox_item *item);

/* One message of that ring. */
struct outbox_rejected {
    const char *lane, *topic, *why; /* NUL-terminated */
    const char *payload;            /* its first 16 KiB at most; also NUL-terminated */
    size_t n;
    uint64_t id;
    struct utc time; /* of the message */
    struct utc at;   /* when it was rejected */
};
/* Calls `each` for every one, the oldest first, and returns how many. From memory, any thread; `each` must
 * not call the outbox. */
size_t outbox_rejected_each(struct outbox *o, void (*each)(const struct outbox_rejected *what, void *arg),
                            void *arg);

/*
 * A descriptor that becomes readable (eventfd) when the lane may have something new; for poll(). It is
 * written only when outbox_next had said "none", and outbox_next resets it when it says so again: do not read
 * it, and do not poll it while there is a reason not to take more (a full window).
 */
int outbox_event_fd(struct outbox *o, size_t lane);

/* Messages that had to go. */
struct outbox_gap {
    struct utc from, to;
    uint64_t first_id, last_id, count;
};
/* The oldest gap record not yet fetched for the lane; it is removed once acked by outbox_gap_done. */
bool outbox_gap(struct outbox *o, size_t lane, struct outbox_gap *gap);
void outbox_gap_done(struct outbox *o, size_t lane, const struct outbox_gap *gap);

struct outbox_stats {
    uint64_t put, acked, dropped, rejected; /* messages, since start */
    uint64_t waiting;                       /* unacknowledged, memory and disk */
    uint64_t on_disk;
    int64_t oldest_age_ms; /* 0 when none waits */
};
void outbox_lane_stats(struct outbox *o, size_t lane, struct outbox_stats *out);

struct outbox_disk {
    bool failing;           /* memory mode: the disk refuses */
    char error[160];        /* the last words of the disk */
    uint64_t bytes_written; /* by this process to the file and its log */
    uint64_t commits;
    int64_t file_bytes;
};
void outbox_disk_stats(struct outbox *o, struct outbox_disk *out);

/* When the writer thread last showed that it makes progress (idle counts), for the watchdog. A disk that
 * hangs counts as progress for five minutes: outbox_disk says that it fails, and a restart would not help. */
struct mono outbox_heartbeat(struct outbox *o);

/* Small facts that must survive a restart (counter states, rule states, retained topics to clear): a
 * key-value table in the same file. Values are bytes; NULL forgets the key. `outbox_keep` queues a commit and
 * returns at once (a value that is there already is not written again); outbox_kept reads from memory. Keys
 * have 1 to 255 bytes, values at most 1 MiB, all together 16 MiB: what does not fit is refused with a line in
 * the log. Any thread. */
void outbox_keep(struct outbox *o, const char *key, const void *value, size_t n);
/* Copies at most `size` bytes into value; returns the value's length, or -1 when there is none. */
long outbox_kept(struct outbox *o, const char *key, void *value, size_t size);

#endif
