// SPDX-License-Identifier: Apache-2.0
// A recording: one column of a CSV file as a series.
#include "sim_rule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "symbiont/text.h"

struct table {
    char separator;
    size_t value_at, time_at; /* columns, from 0 */
    bool timed;
};

// Takes the next field off *rest, without blanks and quotes around it; NULL past the last.
static char *next_field(char **rest, char separator)
{
    char *field = *rest;
    if (!field)
        return NULL;
    char *end = strchr(field, separator);
    *rest = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    field += strspn(field, " \t\"");
    size_t n = strlen(field);
    while (n && strchr(" \t\"\r\n", field[n - 1]))
        field[--n] = '\0';
    return field;
}

static bool find_column(char *heading, char separator, const char *wanted, size_t *at)
{
    int64_t number;
    if (text_integer(wanted, 1, 1000, &number)) {
        *at = (size_t)number - 1;
        return true;
    }
    char *copy = strdup(heading), *rest = copy;
    bool found = false;
    *at = 0;
    for (char *field; copy && !found && (field = next_field(&rest, separator)); *at += !found)
        found = strcmp(field, wanted) == 0;
    free(copy);
    return found;
}

static bool seconds_of(const char *text, double *out)
{
    struct tm tm = {0};
    static const char *const formats[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
                                          "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M",    "%Y-%m-%d"};
    if (text_number(text, out) || sim_time_of_day(text, out))
        return true;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        tm = (struct tm){.tm_mday = 1};
        const char *end = strptime(text, formats[i], &tm);
        if (end && (*end == '\0' || *end == 'Z' || *end == '+' || *end == '.')) {
            *out = (double)timegm(&tm);
            return true;
        }
    }
    return false;
}

static bool add(struct sim_series *s, size_t *cap, double t, double v)
{
    if (s->n == *cap) {
        size_t more = *cap ? 2 * *cap : 1024;
        double *ts = realloc(s->t, more * sizeof *ts), *vs = NULL;
        if (ts) {
            s->t = ts;
            vs = realloc(s->v, more * sizeof *vs);
        }
        if (!vs)
            return false;
        s->v = vs;
        *cap = more;
    }
    s->t[s->n] = t;
    s->v[s->n++] = v;
    return true;
}

// One row: 1 taken, 0 left out (no number there), -1 memory.
static int take_row(struct sim_series *s, size_t *cap, const struct table *f, char *line, double untimed)
{
    char *rest = line, *field;
    double t = untimed, v = 0;
    bool have_value = false, have_time = !f->timed;
    for (size_t i = 0; (field = next_field(&rest, f->separator)); i++) {
        if (i == f->value_at)
            have_value = text_number(field, &v);
        if (f->timed && i == f->time_at)
            have_time = seconds_of(field, &t);
    }
    // A row that does not go forward in time (a clock put back) is left out like one without a number.
    if (!have_value || !have_time || (s->n && t <= s->t[s->n - 1]))
        return 0;
    return add(s, cap, t, v) ? 1 : -1;
}

static bool read_rows(FILE *in, struct sim_series *s, const struct sim_csv *c, char *why, size_t why_size)
{
    char *line = NULL;
    size_t size = 0, cap = 0, row = 0;
    struct table f = {.separator = ',', .timed = c->time_column != NULL};
    bool good = getline(&line, &size, in) > 0;
    if (good && strchr(line, ';'))
        f.separator = ';';
    else if (good && !strchr(line, ',') && strchr(line, '\t'))
        f.separator = '\t';
    if (!good) {
        snprintf(why, why_size, "%s is empty", c->file);
    } else if (!find_column(line, f.separator, c->column, &f.value_at)) {
        snprintf(why, why_size, "%s has no column \"%s\"", c->file, c->column);
        good = false;
    } else if (f.timed && !find_column(line, f.separator, c->time_column, &f.time_at)) {
        snprintf(why, why_size, "%s has no column \"%s\"", c->file, c->time_column);
        good = false;
    }
    while (good && getline(&line, &size, in) > 0) {
        if (take_row(s, &cap, &f, line, (double)row++ * c->interval_s) < 0) {
            snprintf(why, why_size, "out of memory");
            good = false;
        }
    }
    free(line);
    return good;
}

bool sim_series_of_csv(struct sim_series *out, const struct sim_csv *c, char *why, size_t why_size)
{
    *out = (struct sim_series){.hold = c->hold};
    FILE *in = fopen(c->file, "re");
    if (!in) {
        snprintf(why, why_size, "cannot read %s: %s", c->file, strerror(errno));
        return false;
    }
    bool good = read_rows(in, out, c, why, why_size);
    fclose(in);
    if (good && out->n < 2) {
        snprintf(why, why_size, "%s has fewer than two rows with a number in column \"%s\"%s", c->file,
                 c->column, c->time_column ? " and a time that goes forward" : "");
        good = false;
    }
    if (!good) {
        sim_series_free(out);
        return false;
    }
    double begin = out->t[0];
    for (size_t i = 0; i < out->n; i++)
        out->t[i] -= begin;
    if (c->loop)
        out->length = 2 * out->t[out->n - 1] - out->t[out->n - 2];
    return true;
}
