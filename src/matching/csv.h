/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a CSV text: commas or semicolons (whichever the first row has), quotes, # comments, line numbers.
 */
#ifndef SYMBIONT_MATCHING_CSV_H
#define SYMBIONT_MATCHING_CSV_H

#include <stdarg.h>
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
/* The cell of a column (-1: there is none) in the row that was read; "" where it has none. */
const char *csv_cell(const struct csv *c, int column);
/* "line 7: ..." into `why`; always false. */
bool csv_refuse(const struct csv *c, char *why, size_t why_size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool csv_refuse_list(const struct csv *c, char *why, size_t why_size, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

#endif
