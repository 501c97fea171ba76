/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which profile of the library a unit is likely to be: by its fingerprint, by a SunSpec marker, else by how
 * much its registers, read as that profile, look like a meter's (evidence.h). Private to the command-line
 * tool.
 */
#ifndef SYMBIONT_CLI_IDENTIFY_H
#define SYMBIONT_CLI_IDENTIFY_H

#include "cli/portrait.h"
#include "cli/session.h"

/* The library, compiled once for a whole scan. Low-confidence profiles are left out: they are never proposed.
 * A profile that leaves the word order to the meter is there once for each order. */
struct library;
struct library *library_open(const struct command *c, int *status);
void library_close(struct library *l);

enum candidate_by { BY_VALUES, BY_FINGERPRINT, BY_SUNSPEC };

struct candidate {
    const struct device *device;
    const char *order; /* the word order that has to be said for it, or NULL */
    enum candidate_by by;
    size_t good, asked; /* points that are as they usually are, of those that say something */
    double evidence;    /* nats for it, see evidence.h */
    double found;       /* of these, for registers that few other models have */
    double score;       /* 0..1: how likely it is this one, of all that were tried and none of them */
};

#define CANDIDATES_MAX 3

struct identity {
    struct candidate candidates[CANDIDATES_MAX]; /* best first */
    size_t n;
    char maker[72]; /* what a SunSpec device says of itself; "" else */
    size_t requests;
    bool no_memory; /* not every model could be tried */
};

/*
 * Tries every profile on a unit that answers, with as few requests as tell them apart; an answer is
 * remembered and serves all profiles that want the same registers. Ends early when the session is
 * interrupted. `portrait` (or NULL): gets what the unit said.
 */
void identify(struct library *l, struct session *s, uint8_t unit, struct identity *out,
              struct portrait *portrait);

#endif
