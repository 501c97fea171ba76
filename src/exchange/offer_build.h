/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the site knows to an offer with exact numbers: a stream's profile, state and container, or a
 * declared need. What of it may leave is offer_disclose's business, when it leaves offer_life's. Pure.
 */
#ifndef EXCHANGE_OFFER_BUILD_H
#define EXCHANGE_OFFER_BUILD_H

#include "exchange/offer_terms.h"

/* The site as far as offers show it. */
struct offer_place {
    char pseudonym[OFFER_WORD], zone[OFFER_WORD], nace[9];
    double latitude, longitude; /* NaN: not known */
    bool named;                 /* the zone is a commune, not the cell of these coordinates */
    double radius_m;            /* of a named zone */
};

/* A stream's own numbers go up and down with each sample; what is offered follows their mean over a quarter
 * of an hour while there is surplus. The owner calls this about once a second. */
#define OFFER_SMOOTH_MS 900000
struct offer_smooth {
    struct utc last; /* ms 0: nothing yet */
    double value, supply, back, pressure;
};
void offer_smooth_reset(struct offer_smooth *s);
void offer_smooth_step(struct offer_smooth *s, const struct stream *stream, struct utc t);

/* Is there something to offer at `t`? By `terms->when`. */
bool offer_present(struct stream *s, const struct offer_terms *terms, struct utc t);

/*
 * The whole offer: amounts in offer_unit, blocks, months, annual, temperatures, quality, container, money,
 * consent. Left to offer_life: id, revision, created, valid_from and valid_until. `smooth` may be NULL.
 * False when how much cannot be said at all yet.
 */
bool offer_of_stream(struct stream *s, const struct offer_terms *terms, const struct offer_place *place,
                     const struct offer_smooth *smooth, struct utc t, struct offer *out);
void offer_of_need(const struct need *n, const struct offer_terms *terms, const struct offer_place *place,
                   struct offer *out);

#endif
