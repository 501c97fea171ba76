/* SPDX-License-Identifier: Apache-2.0 */
/* What envelope.c (sealing, opening) and envelope_judge.c (whether it may count) share. */
#ifndef EXCHANGE_ENVELOPE_INSIDE_H
#define EXCHANGE_ENVELOPE_INSIDE_H

#include "symbiont/envelope.h"

struct opening {
    const struct envelope_context *c;
    struct message *m;
    unsigned char *hash;
    struct buf *scratch;
    char *why;
    size_t why_size;
    int key; // of the peer
};

/* Puts the words into `why`, returns the verdict. */
enum envelope_verdict envelope_say(struct opening *o, enum envelope_verdict v, const char *words);
/* The place of the key among those pinned for the peer (may be NULL), or -1. */
int envelope_key_of(const struct envelope_peer *p, const char *id);
/* Of a message that is signed by `key` and well made: place, number, time. */
enum envelope_verdict envelope_judge(struct opening *o);

#endif
