/* SPDX-License-Identifier: Apache-2.0 */
/* Times as they stand in files. Private to this folder. */
#ifndef SYMBIONT_ENGINE_REPLAY_TIME_H
#define SYMBIONT_ENGINE_REPLAY_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/zone.h"

enum time_style { TIME_ISO, TIME_EPOCH, TIME_EPOCH_MS, TIME_PATTERN };

enum { TIME_PARTS_MAX = 24 };

/* A piece of a pattern: a number with its digits, or a character. */
struct time_part {
    char what;        /* 'y' 'm' 'd' 'H' 'M' 'S' 'f' 't', or 0: literal */
    char least, most; /* digits */
    char literal;
};

struct time_format {
    enum time_style style;
    size_t n;
    struct time_part parts[TIME_PARTS_MAX];
};

/* A date and time of day as written; minutes east of UTC when it says so. */
struct written_time {
    int64_t local_ms; /* as if it were UTC */
    bool has_offset;
    int32_t offset_s;
};

bool time_format_parse(struct time_format *f, const char *text, char *why, size_t why_size);
/* False: `text` is not written so. */
bool time_read(const struct time_format *f, const char *text, size_t n, struct written_time *out);

/* From local times in the order of a file to UTC. */
struct time_track {
    const struct zone *zone;      /* NULL: UTC */
    int64_t last;                 /* the UTC of the row before, INT64_MIN: none */
    int64_t plain_from, plain_to; /* local times that have `plain_offset` and nothing odd about them */
    int64_t plain_offset;
    uint64_t double_hours, lost_hours;
};

void time_track_begin(struct time_track *t, const struct zone *zone);
int64_t time_track_utc(struct time_track *t, const struct written_time *w);

#endif
