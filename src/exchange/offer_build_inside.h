/* SPDX-License-Identifier: Apache-2.0 */
/* What offers of streams and needs have in common. Private to offer_build*.c. */
#ifndef EXCHANGE_OFFER_BUILD_INSIDE_H
#define EXCHANGE_OFFER_BUILD_INSIDE_H

#include "exchange/offer_build.h"

/* Everything that consent and site say; all else cleared. */
void offer_common(const struct offer_terms *terms, const struct offer_place *place, struct offer *out);
/* Three significant digits: no meter knows more, and an offer that trembles tells more than it should. */
double offer_round(double v);
struct span offer_exactly(double v); /* rounded; not finite: unsaid */
/* The hours of a week as shares of an amount in blocks of four hours. */
void offer_blocks(const double v[static 168], double of, struct offer *out);
/* Mean of `months`, 1 without them. */
double offer_season_share(const struct offer *o);

#endif
