/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of an offer or a need: when it is told, told again, refreshed, withdrawn. Pure: time is an
 * argument. The owner does what a step says and, once it is done, says so with offer_life_done.
 *
 *     told when it is there and its embargo is over; at once
 *     told again when it differs by more than a band, at most every `pause`; when the owner changed the
 *         consent, at once
 *     refreshed when half of its expiry is over
 *     withdrawn when the consent ends (level 0, its last day, gone from the configuration, a new embargo),
 *         at once; and when it has not been there for `keep`: the surplus has ended for good
 *
 * An offer that was withdrawn and comes back is another one, with an id of its own.
 */
#ifndef EXCHANGE_OFFER_LIFE_H
#define EXCHANGE_OFFER_LIFE_H

#include "exchange/offer_terms.h"

#define OFFER_NAME 64

/* What the site would have told now. */
struct offer_wish {
    char name[OFFER_NAME]; /* of the stream or the need */
    enum offer_role role;
    bool present;
    bool said; /* `full` says how much */
    struct offer full;
    struct utc embargo_until, agreed_until; /* ms 0: none */
    int64_t embargo_ms, expiry_ms, keep_ms, pause_ms;
    char agreed_by[OFFER_NAME];
};

struct offer_life {
    char name[OFFER_NAME];
    enum offer_role role;
    struct utc since;                   /* it has been there; ms 0: it is not */
    struct utc absent;                  /* it has not been there, while it is told; ms 0: it is */
    bool told;                          /* it stands on the broker, or is on its way there */
    struct utc first, told_at, expires; /* when it was told first and last, and until when that holds */
    struct offer last;                  /* as it was told: also its times are coarse there */
};

enum offer_act { OFFER_STAY, OFFER_TELL, OFFER_REFRESH, OFFER_WITHDRAW };

struct offer_step {
    enum offer_act act;
    const char *why;      /* for people and the log: "new", "changed", "the surplus has ended for good" */
    struct offer message; /* TELL, REFRESH: what leaves */
    struct utc expires;
};

/* `wish` NULL: it is gone from the configuration. Moves `since` and `absent`, and `told` when it has expired.
 */
void offer_life_step(struct offer_life *l, const struct offer_wish *wish, struct utc now,
                     struct offer_step *out);
/* The step was done: the message is on its way, the withdrawal too. */
void offer_life_done(struct offer_life *l, const struct offer_step *step, struct utc now);
/* Nothing is told and nothing is there: it need not be remembered. */
static inline bool offer_life_over(const struct offer_life *l)
{
    return !l->told && l->since.ms == 0;
}

/* What would leave if it were told now, whatever embargo and presence say; id and revision as they are, or
 * fresh. False: level 0, or nothing can be said yet. */
bool offer_life_message(const struct offer_life *l, const struct offer_wish *wish, struct utc now,
                        struct offer *out, struct utc *expires);

#endif
