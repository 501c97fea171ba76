/* SPDX-License-Identifier: Apache-2.0 */
/* Which profile of the library a unit is likely to be: by its fingerprint, else by how plausible its numbers
 * are when read as that profile. Private to the command-line tool. */
#ifndef SYMBIONT_CLI_IDENTIFY_H
#define SYMBIONT_CLI_IDENTIFY_H

#include "cli/session.h"

/* The library, compiled once for a whole scan. Low-confidence profiles are left out: they are never proposed.
 */
struct library;
struct library *library_open(const struct command *c, int *status);
void library_close(struct library *l);

struct candidate {
    const struct device *device;
    bool fingerprint;   /* its own mark was found */
    size_t good, asked; /* points that were plausible, of those looked at */
    double score;       /* 0..1 */
};

#define CANDIDATES_MAX 3

/*
 * Tries every profile on a unit that answers, with as few requests as tell them apart; an answer is
 * remembered and serves all profiles that want the same registers. Fills the best candidates, best first;
 * returns how many. `stop` is looked at between requests.
 */
size_t identify(struct library *l, struct session *s, uint8_t unit, int64_t timeout_ns,
                const volatile int *stop, struct candidate out[static CANDIDATES_MAX]);

#endif
