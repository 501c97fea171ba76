/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of units: what a unit is, the table of words, and what units made of others need of it. */
#ifndef SYMBIONT_UNITS_UNIT_H
#define SYMBIONT_UNITS_UNIT_H

#include <stdint.h>
#include <string.h>
#include "symbiont/units.h"
#include "words.h"

enum { MAX_BASES = 32, MAX_TEXT = 64 };

struct unit {
    char text[MAX_TEXT];
    /* SI value = value * up / down + offset. Two factors, because 1/3600 has no exact double and
     * L/min to m3/h shall be 0.06, not 0.060000000000000005. */
    long double up, down;
    double offset;
    bool absolute;
    int8_t exponent[MAX_BASES];
    const char *dimension; /* a name, or text of base units; never NULL once interned */
    const struct unit *difference;
    struct unit *next; /* of the derived ones */
};

static inline bool unit_same_dimension(const struct unit *a, const struct unit *b)
{
    return a->absolute == b->absolute && memcmp(a->exponent, b->exponent, sizeof a->exponent) == 0;
}

/* database.c: UDUNITS-2, which is asked while the table is filled and never after. */

struct unit_database;
struct unit_database *unit_database_open(char *why, size_t why_size);
/* Fills factor, offset and exponents. */
bool unit_database_resolve(struct unit_database *d, const char *definition, struct unit *u);
void unit_database_close(struct unit_database *d);
size_t unit_base_count(void);
const char *unit_base(size_t i); /* as printed: "kg" */

/* units.c */

/* A word of the table or an alias; NULL when unknown. */
const struct unit *unit_word(const char *text);
/* The name of a dimension, or its base units in new memory; NULL when that is out. */
const char *unit_name_dimension(const struct unit *u);
/* "kg*m2/s3" */
void unit_base_text(const struct unit *u, char *out, size_t size);
/* Appends within `size`; returns the new length. */
size_t unit_put(char *out, size_t size, size_t at, const char *text);

#endif
