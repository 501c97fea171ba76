/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers and needs out of the text of a file: bodies of messages (a JSON object, several of them, a list), or
 * a CSV whose columns docs/matching.md describes. Pure.
 */
#ifndef SYMBIONT_MATCHING_OFFERS_FILE_H
#define SYMBIONT_MATCHING_OFFERS_FILE_H

#include "symbiont/offer.h"

/* `each` gets every entry; false ends the reading without a complaint. False: "line 7: ..." in `why`. `stem`
 * begins the ids of entries that have none. */
bool offers_read(const char *text, size_t n, const char *stem,
                 bool (*each)(void *arg, const struct offer *o, int line), void *arg, char *why,
                 size_t why_size);
/* A CSV of site_a,site_b,distance_m. */
bool distances_read(const char *text, size_t n,
                    bool (*each)(void *arg, const char *a, const char *b, double metres), void *arg,
                    char *why, size_t why_size);

#endif
