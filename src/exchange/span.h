/* SPDX-License-Identifier: Apache-2.0 */
/* Text of spans, read; the rest is in symbiont/offer.h. */
#ifndef EXCHANGE_SPAN_H
#define EXCHANGE_SPAN_H

#include "symbiont/offer.h"

/* Bands of one whole number: ph. */
struct span span_band_whole(struct span s);
/* The band of `told` with a tenth more at both ends. */
bool span_left(struct span told_band, struct span now);

#endif
