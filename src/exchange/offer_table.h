/* SPDX-License-Identifier: Apache-2.0 */
/* The table of an offer's body: keys, ranges, levels, bands. docs/exchange-protocol.md prints the same. */
#ifndef EXCHANGE_OFFER_TABLE_H
#define EXCHANGE_OFFER_TABLE_H

#include "exchange/codec.h"

extern const struct field offer_rows[];

#endif
