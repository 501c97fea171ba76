/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a recording. Private to this folder. */
#ifndef SYMBIONT_ENGINE_REPLAY_CSV_H
#define SYMBIONT_ENGINE_REPLAY_CSV_H

#include "engine/replay_time.h"
#include "symbiont/replay.h"

enum { CELLS_MAX = 512, MARKERS_MAX = 16, MARKER_BYTES = 16 };

/* A piece of a line. */
struct cell {
    const char *text;
    size_t n;
};

struct recording_column {
    const struct recording_column_config *config; /* NULL: found by its heading */
    struct recording_target target;
    double factor, offset; /* of the number, to the point's unit */
    size_t cell;           /* where in the line */
    bool filtered;
    size_t filter_cell;
    char filter_name[64], filter_value[64];
};

/* Hashes of the lines that were there, by open addressing. */
struct line_set {
    uint64_t *slots;
    size_t room, n;
};

struct recording {
    const struct recording_config *config;
    const struct site *site;
    struct zone *zone; /* own one, or NULL */
    struct time_format format;
    struct time_track track;
    char separator; /* 0: not known yet */
    char markers[MARKERS_MAX][MARKER_BYTES];
    size_t marker_count;
    bool empty_is_missing;
    size_t time_cell, cells; /* cells that are looked at */
    size_t n;
    struct recording_column columns[RECORDING_COLUMNS_MAX];
    struct line_set seen;
    int64_t previous; /* time of the row before, INT64_MIN: none */
    int64_t repeats;  /* rows of that time before */
    struct recording_counts counts;
};

/* replay_describe.c */
bool recording_compile(struct recording *r, struct diagnostics *d);
/* A column whose heading names a point. */
bool recording_add(struct recording *r, const char *point, size_t cell, char *why, size_t why_size);

/* A number as people write it, the fast way. False: it is none. */
bool recording_number(const char *text, size_t n, char decimal, double *out);

#endif
