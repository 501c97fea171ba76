/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: hourly totals of every stream, kept for years in one SQLite file. Hours are hours of UTC, so
 * neither daylight saving nor a time zone that was changed moves them; an hour that comes twice stays as the
 * one of which more is known.
 *
 * Adding only copies into memory. ledger_commit hands what has gathered to the ledger's own thread, which
 * writes it in one synced transaction: hours and the streams' states together, so that a restart neither
 * loses nor repeats what lies between. The daemon commits once an hour and when it stops.
 */
#ifndef SYMBIONT_LEDGER_H
#define SYMBIONT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/stream.h"

struct ledger;

/* What a report must know of a stream, kept with its hours: the stream may be gone from the configuration. */
struct ledger_stream {
    int number;               /* given by the ledger */
    const char *name, *title; /* title may be NULL */
    const char *resource, *direction, *provenance;
    const char *unit, *amount_unit;
    const char *code; /* of a waste, "15 01 01"; or NULL */
};

/*
 * Opens, or creates. A file that is damaged or foreign is renamed to <path>.corrupt-<time> and a new one
 * begun; one of a newer format is refused. NULL with a sentence in `why`. `read_only`: for reports on a
 * ledger no daemon has open; nothing is created, no thread runs.
 */
struct ledger *ledger_open(const char *path, bool read_only, char *why, size_t why_size);
/* Writes what has gathered and closes. False: something could not be written (logged). */
bool ledger_close(struct ledger *l);

/* Makes the stream known (by name) or updates what is said of it; returns its number, or -1: out of memory.
 * At start and reload. */
int ledger_stream(struct ledger *l, const struct ledger_stream *what);
/* Fills `out` from a stream's settings. */
void ledger_describe(const struct stream *s, struct ledger_stream *out, char code[static 12]);

/* An hour that is over; never waits. */
void ledger_add(struct ledger *l, int number, const struct stream_hour *h);
/* The stream's state as of this commit (stream_save). */
void ledger_keep(struct ledger *l, int number, const void *state, size_t n);
/* All that was added and kept since goes to disk as one. Returns at once. */
void ledger_commit(struct ledger *l);

/* Appends the state last committed; false: there is none. At start. */
bool ledger_state(struct ledger *l, int number, struct buf *out);

/*
 * Calls `each` for the hours from <= hour < to that are committed, in order. LEDGER_BUSY while a commit is
 * under way (nothing was called: ask again); never waits for the disk's sync. A month of one stream takes
 * about a millisecond.
 */
enum ledger_answer { LEDGER_OK, LEDGER_BUSY, LEDGER_FAILED };
enum ledger_answer ledger_read(struct ledger *l, int number, int64_t from, int64_t to,
                               void (*each)(void *arg, const struct stream_hour *h), void *arg);
/* Every stream the ledger knows; from memory. */
void ledger_streams(struct ledger *l, void (*each)(void *arg, const struct ledger_stream *s), void *arg);

/*
 * The control socket's requests for reports, answered as JSON: "ledger" -> {"streams":[{name, resource,
 * ...}]}; "ledger NAME FROM TO" (hours since 1970, to excluded, at most LEDGER_ANSWER_HOURS of them) ->
 * {"hours":[[hour, amount, internal, surplus, taken, low, high, known_s, surplus_s], ...]}, or {"busy":true}:
 * ask again, or {"error":"..."}.
 */
#define LEDGER_ANSWER_HOURS 800
void ledger_answer(struct ledger *l, const char *request, struct buf *out);

struct ledger_stats {
    uint64_t commits, hours, lost; /* hours that had to go because the disk refused too long */
    uint64_t bytes_written;        /* to the file and its journal */
    size_t waiting;                /* hours in memory */
    bool failing;
    char error[160];
};
void ledger_stats(struct ledger *l, struct ledger_stats *out);

#endif
