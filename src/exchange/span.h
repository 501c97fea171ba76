/* SPDX-License-Identifier: Apache-2.0 */
/* Text of spans, read; the rest is in symbiont/offer.h. */
#ifndef EXCHANGE_SPAN_H
#define EXCHANGE_SPAN_H

#include "symbiont/offer.h"

/* "200-500", "-10-0", ">200", "<500", "any". A single number is not a band: it is written as a number. */
bool span_parse(const char *text, struct span *out);
/* Bands of one whole number: ph. */
struct span span_band_whole(struct span s);
/* The band of `told` with a tenth more at both ends. */
bool span_left(struct span told_band, struct span now);

#endif
