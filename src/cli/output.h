/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over what a verb has to say; people get tables and lines, programs get JSON (--json).
 *
 *     static const struct column columns[] = {{"meter", NULL}, {"every_s", "every"}, {0}};
 *     struct output o = output_begin(json);
 *     output_table(&o, NULL, columns);               // with a key inside an object
 *     for (...) {
 *         output_row(&o);
 *         output_text(&o, "meter", m->name);
 *         output_number(&o, "every_s", m->every);
 *         output_row_end(&o);
 *     }
 *     output_table_end(&o);
 *     return output_end(&o, c->out) ? EX_OK : ...;   // false: memory was out
 *
 * In JSON a table is an array of objects with every field given, in a text only the fields that are
 * columns appear, and a column that is empty in all rows is left out. Objects are lines "key  value".
 */
#ifndef SYMBIONT_CLI_OUTPUT_H
#define SYMBIONT_CLI_OUTPUT_H

#include <stdio.h>
#include "symbiont/buf.h"
#include "symbiont/clock.h"
#include "symbiont/json.h"

struct column {
    const char *key;     /* NULL ends */
    const char *heading; /* NULL: the key with spaces for underscores */
};

#define OUTPUT_COLUMNS 24 /* at most, in one table */

struct cell {
    char *text;
    bool number; /* stands to the right */
};

struct output {
    bool json;
    struct buf text;
    struct json writer;
    int depth;
    const struct column *columns; /* of the open table */
    size_t column_count;
    struct cell *cells; /* row by row */
    size_t cell_count, cell_cap;
};

struct output output_begin(bool json);
/* Writes everything and frees. False when memory was out: nothing was written. */
bool output_end(struct output *o, FILE *out);
/* In its place, when nothing is to be printed. */
void output_drop(struct output *o);

/* `key` NULL: the whole output is this object, or this table. */
void output_object(struct output *o, const char *key);
void output_object_end(struct output *o);
void output_table(struct output *o, const char *key, const struct column *columns);
void output_row(struct output *o);
void output_row_end(struct output *o);
void output_table_end(struct output *o);

/* A field of the open object or row. NULL texts and numbers that are not finite are empty, null in JSON. */
void output_text(struct output *o, const char *key, const char *value);
void output_int(struct output *o, const char *key, int64_t value);
void output_number(struct output *o, const char *key, double value);
void output_single(struct output *o, const char *key, double value); /* precision of a float32 */
void output_bool(struct output *o, const char *key, bool value);     /* yes, no */
void output_time(struct output *o, const char *key, struct utc value);

/* A line for people only. */
void output_note(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
