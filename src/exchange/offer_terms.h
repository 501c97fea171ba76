/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owner's consent to an offer or a need as numbers: what the groups `offer` of a stream and `ask` of a
 * need say, checked and read. Pure.
 */
#ifndef EXCHANGE_OFFER_TERMS_H
#define EXCHANGE_OFFER_TERMS_H

#include "symbiont/offer.h"
#include "symbiont/zone.h"

#define OFFER_SITES 8 /* audience, blocked */

struct offer_terms {
    uint8_t level; /* enum disclosure; 0: nothing leaves */
    enum offer_when when;
    enum synergy synergy;
    const char *title; /* or NULL */
    int64_t embargo_ms, expiry_ms, keep_ms, pause_ms;
    struct utc embargo_until, agreed_until; /* ms 0: none; agreed_until: the first moment after it */
    char audience[OFFER_SITES][OFFER_WORD], blocked[OFFER_SITES][OFFER_WORD];
    uint8_t audience_count, blocked_count;
    double supply, back, approach_k; /* degC, degC, K; NaN: not said */
    double lot_min, lot_max;         /* in offer_unit; NaN */
    double notice_h, price, avoided; /* NaN */
    enum legal_status legal;
    uint32_t operations; /* as in struct offer_waste */
    const char *type;    /* or NULL */
    bool interruptible, has_months;
    float months[12]; /* 0 or 1 */
};

/* `need` false: it is an offer's. `subject`: "stream furnace_heat". What is wrong goes to `d` and makes it
 * false. The texts of `out` are `c`'s. */
bool offer_terms_read(const struct offer_config *c, enum resource r, bool need, const struct zone *zone,
                      const char *subject, struct offer_terms *out, struct diagnostics *d);

/* offer_unit as a unit to compute with: "t/week". */
const struct unit *offer_unit_of(enum resource r);

#endif
