/* SPDX-License-Identifier: Apache-2.0 */
/* One value of an option: from text to memory, within its range, and back to text. */
#ifndef SYMBIONT_CONFIG_VALUE_H
#define SYMBIONT_CONFIG_VALUE_H

#include "symbiont/buf.h"
#include "config/owner.h"

/* Why a value will not do, without its subject: `wants a power such as "200 kW", found "10 min"`,
 * or `: a whole sentence`. */
struct why {
    char text[400];
};

/*
 * A value given as text: a string of the file (texts, names, choices, amounts, durations, sizes), or any
 * default of a table. Writes to `at`, which points at the option's member. False with `why`, or with
 * why->text empty when memory is out.
 */
bool value_from_text(struct config *owner, const struct option *o, const char *text, void *at,
                     struct why *why);
bool value_from_int(const struct option *o, int64_t value, void *at, struct why *why);
bool value_from_number(const struct option *o, double value, void *at, struct why *why);

/* The value as it is written in a file, with its quotes. */
void value_print(const struct option *o, const void *at, struct buf *out);
/* A text with quotes and escapes. */
void value_quote(const char *text, struct buf *out);
/* "10 ms to 1 min", "at least 0"; nothing when there is no limit. */
void value_range(const struct option *o, struct buf *out);
/* How an option's value looks, for people: "a duration such as \"10 s\"". */
void value_wanted(const struct option *o, struct buf *out);
/* "tcp, rtu or rtu_over_tcp" */
void value_choices(const struct option *o, struct buf *out);

/* A text of a file for a message: at most 60 bytes, no control characters. */
const char *value_shown(const char *text, char out[static 64]);

#endif
