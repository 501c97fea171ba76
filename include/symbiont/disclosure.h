/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disclosure log: one line of JSON for everything that leaves the site for the territory, each with the
 * SHA-256 of the line before it, so that nothing can be taken out or changed unseen. Append-only, synced
 * before the message is sent.
 */
#ifndef SYMBIONT_DISCLOSURE_H
#define SYMBIONT_DISCLOSURE_H

#include <stdbool.h>
#include <stddef.h>
#include "symbiont/clock.h"

struct disclosure_log;

/* Opens or creates; verifies the chain's end (a torn last line is cut off and noted by an entry of its own).
 * NULL with a sentence. */
struct disclosure_log *disclosure_open(const char *path, char *why, size_t why_size);
void disclosure_close(struct disclosure_log *l);

struct disclosure_entry {
    struct utc time;
    const char *what;   /* "offer", "need", "withdrawal", "reply", "card", "receipt", "refused", "torn" */
    const char *id;     /* of the offer or match */
    const char *stream; /* the site's own name for it: stays in the log */
    int level;          /* < 0: it has none */
    const char *topic;
    const void
        *message; /* the exact bytes that leave, or NULL; their hash is kept, and the payload in clear */
    size_t message_size;
    const char *note; /* or NULL */
};
/* Written and synced. False: it could not be (then the message must not be sent). */
bool disclosure_append(struct disclosure_log *l, const struct disclosure_entry *e);

/* Walks the whole file. `each` gets the lines. Returns the number of the first line that does not fit the
 * chain, 0: all do, -1: cannot be read. */
long disclosure_verify(const char *path, void (*each)(void *arg, const char *line, size_t n), void *arg);

#endif
