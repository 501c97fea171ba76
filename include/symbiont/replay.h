/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded data as readings: a description says which column of a CSV file is which point and what is odd
 * about the file; a pure parser makes rows of its lines, and rows become readings for the engine.
 * docs/rules.md is the manual of the description.
 *
 *     struct recording *r = recording_new(config, site, diagnostics);
 *     struct replay *p = replay_new(engine, site);
 *     recording_heading(r, line, n, why, sizeof why);
 *     while (...)
 *         if (recording_line(r, line, n, &row) == RECORDING_ROW) {
 *             recording_order(r, &row);
 *             replay_row(p, r, &row);
 *         }
 */
#ifndef SYMBIONT_REPLAY_H
#define SYMBIONT_REPLAY_H

#include "symbiont/engine.h"

/* ---- The description of a file: DATA.replay beside DATA.csv ---- */

enum { MIDNIGHT_BEGINS, MIDNIGHT_ENDS };
enum { STAMP_END, STAMP_BEGIN };
enum { DUPLICATES_KEEP, DUPLICATES_DROP };
enum { SAME_TIME_KEEP, SAME_TIME_SPREAD };
enum { KIND_VALUE, KIND_AMOUNT };

struct recording_time_config {
    struct settings common;
    char *column; /* heading, or number from 1 */
    char *format; /* "iso", "epoch", "epoch ms" or a pattern such as "dd/mm/yyyy HH:MM" */
    char *zone;   /* NULL: the site's */
    int midnight, stamp;
};

struct recording_column_config {
    struct settings common;
    char *column; /* heading, or number from 1 */
    char *point;  /* meter.point */
    char *unit;   /* NULL: the point's */
    double scale, offset;
    int kind;
    char *where; /* "COLUMN=VALUE": only rows in which it is so; NULL: all */
};

struct recording_config {
    struct settings common;
    struct recording_time_config time;
    int64_t step_ns; /* between two rows; 0: not said */
    char *separator; /* NULL: found out from the headings */
    bool decimal_comma, headings, sort;
    int duplicates, same_time;
    struct texts missing;
    struct groups columns; /* struct recording_column_config */
};
/* The root of the file. */
extern const struct section recording_section;

/* ---- Rows ---- */

enum { RECORDING_COLUMNS_MAX = 256 };

struct recording_row {
    struct utc time;
    size_t n;                               /* cells */
    uint16_t column[RECORDING_COLUMNS_MAX]; /* which of the recording's columns */
    double value[RECORDING_COLUMNS_MAX];    /* in the point's unit; NaN: missing */
};

enum recording_verdict {
    RECORDING_ROW,
    RECORDING_EMPTY,     /* a line without any cell that is wanted */
    RECORDING_DUPLICATE, /* dropped */
    RECORDING_BAD_TIME,
    RECORDING_MEMORY,
};

struct recording_counts {
    uint64_t lines, rows, empty, duplicates, bad_times, bad_numbers, missing;
    uint64_t gaps;                     /* steps of more than one and a half `step` */
    uint64_t backwards;                /* rows earlier than the one before */
    uint64_t same_time;                /* rows of the same time as the one before */
    uint64_t double_hours, lost_hours; /* local times that were there twice, or never */
    struct utc first, last;
};

struct recording;

/*
 * Compiles against a site; what is wrong goes to `d`, then NULL. `c` lives as long as the recording. Without
 * any columns described, each column whose heading is "meter.point" is that point in its own unit.
 */
struct recording *recording_new(const struct recording_config *c, const struct site *site,
                                struct diagnostics *d);
void recording_free(struct recording *r);

/* The first line (also of a file without headings). False with a sentence in `why` when a column is not
 * there. */
bool recording_heading(struct recording *r, const char *line, size_t n, char *why, size_t why_size);
/* Any other line, without its line break. `line` need not end in a NUL. */
enum recording_verdict recording_line(struct recording *r, const char *line, size_t n,
                                      struct recording_row *out);

/* Each row in the order in which it is used, after any sorting: counts gaps and steps back, spreads rows of
 * one time. */
void recording_order(struct recording *r, struct recording_row *row);

const struct recording_counts *recording_counts(const struct recording *r);
bool recording_sorts(const struct recording *r);
/* The columns found, and their points. */
size_t recording_columns(const struct recording *r);
struct recording_target {
    size_t meter, point;
};
struct recording_target recording_target(const struct recording *r, size_t column);

/* How often its meters have values, for site_load_paced: at most `max` of them. 0 without a `step`. */
size_t recording_paces(const struct recording_config *c, struct site_pace *out, size_t max);

/* ---- Readings ---- */

struct replay;

struct replay *replay_new(struct engine *e, struct site *s);
void replay_free(struct replay *p);
/* One reading per meter that has a cell in the row. */
void replay_row(struct replay *p, const struct recording *r, const struct recording_row *row);
/* The end of the data: time goes on as far as the last row. */
void replay_end(struct replay *p);

/* What came in of a point. */
struct replay_total {
    bool any;
    uint64_t values, bad;
    double low, high;
    double mean;   /* over the time for which it was known */
    double amount; /* integral over hours, or what a counter counted; NaN: makes no sense */
    const struct unit *amount_unit;
    int64_t known_ms;
    uint64_t counter_events;
};
struct replay_total replay_total(const struct replay *p, size_t meter, size_t point);
uint64_t replay_readings(const struct replay *p);
uint64_t replay_values(const struct replay *p);

#endif
