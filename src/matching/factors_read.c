// SPDX-License-Identifier: Apache-2.0
// Factors out of a CSV text: name,value,low,high,unit,year,source.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "matching/csv.h"
#include "symbiont/factors.h"
#include "symbiont/text.h"

enum { NAME, VALUE, LOW, HIGH, UNIT, COLUMNS };
static const char *const headings[COLUMNS] = {"name", "value", "low", "high", "unit"};

struct reading {
    struct csv csv;
    int column[COLUMNS];
    char *why;
    size_t why_size;
};

static bool refuse(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(struct reading *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    csv_refuse_list(&r->csv, r->why, r->why_size, format, args);
    va_end(args);
    return false;
}

static const char *cell(const struct reading *r, int column)
{
    return csv_cell(&r->csv, r->column[column]);
}

static bool number(struct reading *r, int column, double otherwise, double *out)
{
    const char *text = cell(r, column);
    *out = otherwise;
    return !*text || text_number(text, out) || refuse(r, "\"%.40s\" is not a number", text);
}

static bool row(struct reading *r, struct factor out[static FACTORS])
{
    const char *name = cell(r, NAME);
    int id = factor_find(name);
    if (id < 0) {
        const char *near = text_nearest(name, factor_rows, FACTORS, sizeof *factor_rows);
        return refuse(r, "there is no factor \"%.40s\"%s%s%s", name, near ? "; did you mean \"" : "",
                      near ? near : "", near ? "\"?" : "");
    }
    if (!*cell(r, VALUE))
        return refuse(r, "no value of %s", name);
    const char *unit = cell(r, UNIT);
    if (r->column[UNIT] >= 0 && strcmp(unit, factor_rows[id].unit) != 0)
        return refuse(r, "%s is in \"%s\", not in \"%.20s\"", name, factor_rows[id].unit, unit);
    struct factor f;
    if (!number(r, VALUE, 0, &f.value) || !number(r, LOW, f.value, &f.low) ||
        !number(r, HIGH, f.value, &f.high))
        return false;
    if (f.low > f.value || f.value > f.high)
        return refuse(r, "low <= value <= high does not hold for %s", name);
    out[id] = f;
    return true;
}

bool factors_read(const char *text, size_t n, struct factor out[static FACTORS], char *why, size_t why_size)
{
    struct reading r = {.why = why, .why_size = why_size};
    struct factor read[FACTORS];
    memcpy(read, out, sizeof read);
    csv_begin(&r.csv, text, n);
    bool good = csv_next(&r.csv) ||
                refuse(&r, "the first row names the columns: name,value,low,high,unit,year,source");
    for (int k = 0; good && k < COLUMNS; k++) {
        r.column[k] = csv_column(&r.csv, headings[k]);
        if (k <= VALUE && r.column[k] < 0)
            good = refuse(&r, "there is no column \"%s\"", headings[k]);
    }
    while (good && csv_next(&r.csv))
        good = row(&r, read);
    if (good && r.csv.wrong)
        good = refuse(&r, "%s", r.csv.wrong);
    csv_end(&r.csv);
    if (good)
        memcpy(out, read, sizeof read);
    return good;
}
