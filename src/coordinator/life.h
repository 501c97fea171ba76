/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a match: who said what, what follows for all, and what each side may see of it. Pure.
 *
 *     open --all interested--> disclosed --all agreed--> agreed --first hour metered--> running
 *       |                         |                        |                               |
 *       +--declined, gone---------+--declined, gone--------+--ended by a side, gone--------+--> ended
 *
 * What a side sees depends on its own answers and on what all have reached together, never on the other's
 * answer alone.
 */
#ifndef COORDINATOR_LIFE_H
#define COORDINATOR_LIFE_H

#include "symbiont/messages.h"

#define LIFE_PARTIES 32

enum life_phase { LIFE_OPEN, LIFE_DISCLOSED, LIFE_AGREED, LIFE_RUNNING, LIFE_ENDED };

enum life_end {
    LIFE_NOT_ENDED,
    LIFE_DECLINED, /* a side said no before there was a contract */
    LIFE_GONE,     /* offer or need were withdrawn, expired, changed or are better used elsewhere */
    LIFE_FINISHED, /* ended by a side after it was agreed */
};
const char *life_end_word(enum life_end e); /* "", "declined", "gone", "finished" */

struct life {
    uint8_t parties;
    uint8_t phase;  /* enum life_phase */
    uint8_t end;    /* enum life_end */
    uint32_t yes;   /* bit i: party i is interested */
    uint32_t agree; /* bit i: party i says that there is a contract */
};

enum life_effect {
    LIFE_NOTHING, /* nothing changed */
    LIFE_OWN,     /* only what this party sees may have changed */
    LIFE_ALL,     /* what everybody sees */
};

void life_begin(struct life *l, unsigned parties);
enum life_effect life_answer(struct life *l, unsigned party, enum reply_answer answer);
/* The match is no longer to be had. */
enum life_effect life_gone(struct life *l);
/* What is proposed changed by more than a band: who said yes to something else is asked again. */
void life_changed(struct life *l);
enum life_effect life_metered(struct life *l);

/* What a party is shown, and what the coordinator knows. */
enum match_status life_seen(const struct life *l, unsigned party);
enum match_status life_status(const struct life *l);
/* Are names and contacts released? Once they were, they are known. */
static inline bool life_released(const struct life *l)
{
    return l->phase == LIFE_DISCLOSED || l->phase == LIFE_AGREED || l->phase == LIFE_RUNNING;
}
/* Is the quantity bound? */
static inline bool life_bound(const struct life *l)
{
    return l->phase == LIFE_AGREED || l->phase == LIFE_RUNNING;
}

#endif
