/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical units. UDUNITS-2 does the arithmetic; only words of our own table are ever looked up in
 * it, because it reads "pH" as picohenry and "40 degC" as 40 kelvin. Added to it: Wh, var, VA
 * (dimensions of their own), currencies, tCO2e, pH, counts. A temperature and a temperature
 * difference are different things: "degC" is absolute, "K" is a difference or an absolute kelvin,
 * and a difference of two "degC" is "K".
 *
 * Units are interned and live for ever: compare them by pointer when "the same word" is meant.
 * Everything here may be called from any thread once units_open has returned.
 */
#ifndef SYMBIONT_UNITS_H
#define SYMBIONT_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct unit;

/* Loads the tables; called once, first thing, by every program. Returns 0, or -1 with a sentence in
 * `why`. A second call does nothing. */
int units_open(char *why, size_t why_size);

/*
 * "kW", "m3/h", "degC", "kWh", "%", "" (a pure number) -> unit; NULL when the word is not known. Words
 * may be joined, read from left to right: "kWh/t", "kJ/kg/K". Spellings such as "m³" and "°C" are
 * the words "m3" and "degC". For texts from files of our own: new joinings are kept for ever.
 */
const struct unit *unit_find(const char *text);

/* The i-th word of the table, NULL past the end. */
const struct unit *unit_row(size_t i);

/* The known word nearest to `text`, for error messages; NULL when none is near. */
const char *unit_nearest(const char *text);

/* As written in files and messages: "kW". Derived units (unit_multiply, ...) get a text too. */
const char *unit_text(const struct unit *u);

/* The dimension as people name it: "power", "volume flow", "temperature", or the base units when it
 * has no name. For error messages. */
const char *unit_dimension(const struct unit *u);

/* Can a value in `from` be given in `to`? degC and K can not (see unit_difference). */
bool unit_compatible(const struct unit *from, const struct unit *to);

/* value_in_to = value_in_from * *factor + *offset. False, and nothing set, when incompatible. */
bool unit_conversion(const struct unit *from, const struct unit *to, double *factor, double *offset);

/* "degC" and the like: zero is not "nothing". */
bool unit_is_absolute(const struct unit *u);
/* degC -> K, every other unit -> itself: the unit of a difference of two values. */
const struct unit *unit_difference(const struct unit *u);

/* For expressions. NULL when memory is out or an absolute temperature is an operand. */
const struct unit *unit_multiply(const struct unit *a, const struct unit *b);
const struct unit *unit_divide(const struct unit *a, const struct unit *b);
const struct unit *unit_power(const struct unit *a, int exponent);

/*
 * "200 kW", "-5 degC", "0.25", "15 min": number, optional space, unit word. Returns false with a
 * sentence in `why` that quotes the offender and names the nearest unit.
 */
bool amount_parse(const char *text, double *value, const struct unit **unit, char *why, size_t why_size);

/* ---- The vocabulary: every quantity a point can have, one row each ---- */

enum quantity_kind {
    QUANTITY_GAUGE,   /* may go up and down */
    QUANTITY_COUNTER, /* a total that only grows, until it wraps or is reset */
    QUANTITY_STATE,   /* a code or bit field */
    QUANTITY_TEXT,
};

struct quantity {
    const char *name; /* "active_power" */
    const char *unit; /* the unit it is published in: "kW" */
    enum quantity_kind kind;
    const char *device_class; /* Home Assistant's word, or NULL */
    double min, max;          /* physically plausible for any industrial meter, in `unit` */
    const char *text;         /* one line in English */
};

const struct quantity *quantity_find(const char *name);
const char *quantity_nearest(const char *name);
/* The i-th row of the table, NULL past the end. */
const struct quantity *quantity_row(size_t i);

/* docs/names.md: both tables as Markdown. */
void vocabulary_print(FILE *out);

#endif
