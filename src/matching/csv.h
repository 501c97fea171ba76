/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a CSV text: commas or semicolons (whichever the first row has), quotes, # comments, line numbers.
 */
#ifndef SYMBIONT_MATCHING_CSV_H
#define SYMBIONT_MATCHING_CSV_H

#include <stdbool.h>
#include <stddef.h>

#define CSV_CELLS 64
#define CSV_ROW   8192

struct csv {
    const char *at, *end;
    char separator; /* 0: not known yet */
    int line, next_line;
    char row[CSV_ROW];
    const char *cells[CSV_CELLS];
    size_t n;
    const char *wrong; /* why csv_next ended early, a sentence */
};

void csv_begin(struct csv *c, const char *text, size_t n);
/* The next row that is neither empty nor a comment; false at the end and when something is wrong. */
bool csv_next(struct csv *c);
void csv_end(struct csv *c);
/* Where `heading` stands in the row that was read; -1. */
int csv_column(const struct csv *c, const char *heading);

#endif
