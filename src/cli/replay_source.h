/* SPDX-License-Identifier: Apache-2.0 */
/* A file of recorded data, plain or gzip, row by row in the order of time. */
#ifndef SYMBIONT_CLI_REPLAY_SOURCE_H
#define SYMBIONT_CLI_REPLAY_SOURCE_H

#include "symbiont/replay.h"

struct replay_source;

/*
 * Finds the description of `path`: `described` when given, else DATA.replay beside DATA.csv or DATA.csv.gz,
 * else none. What is wrong with it goes to `d`. NULL when memory is out.
 */
struct replay_source *replay_source_new(const char *path, const char *described, struct diagnostics *d);
void replay_source_free(struct replay_source *s);

const char *replay_source_path(const struct replay_source *s);
const struct recording_config *replay_source_config(const struct replay_source *s);

/* Against the site: compiles, opens the file and reads its headings (and, when it is to be sorted, all of
 * it). False when something is wrong: with the description in `d`, with the file as a sentence in `why`. */
bool replay_source_open(struct replay_source *s, const struct site *site, struct diagnostics *d, char *why,
                        size_t why_size);
const struct recording *replay_source_recording(const struct replay_source *s);

/* The next row; NULL at the end, or with a sentence in `why` when the file cannot be read on. */
const struct recording_row *replay_source_row(struct replay_source *s, char *why, size_t why_size);

#endif
