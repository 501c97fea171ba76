/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer of InfluxDB (1.x, 2.x, 3.x; VictoriaMetrics) means for the lines that were posted. Pure: the
 * body is a stranger's bytes.
 *
 * Sources: InfluxData's write API documentation for the three generations, and what 1.6.7 was seen to answer:
 * it stores the good lines of a request and answers 400 "partial write: ... dropped=N" for the others, with
 * N = 0 when they could not even be parsed.
 */
#ifndef PUBLISH_INFLUX_ANSWER_H
#define PUBLISH_INFLUX_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"

enum influx_action {
    INFLUX_STORED,    /* all of them */
    INFLUX_BAD_LINES, /* some or all can never be stored: find them */
    INFLUX_ALL_BAD,   /* all of them can never be stored */
    INFLUX_SET_ASIDE, /* some were stored, some never will; sending them again helps nobody */
    INFLUX_TOO_LARGE, /* fewer at once */
    INFLUX_FAULT,     /* the settings do not fit the server: an operator can mend it */
    INFLUX_BUSY,      /* later */
    INFLUX_BROKEN,    /* an error of the server, or of these lines: later, and when it repeats, find them */
};

#define INFLUX_BODY_MAX (16 * 1024) /* of an answer; the rest is not looked at */

struct influx_answer {
    enum influx_action action;
    int64_t wait_ns; /* what the server asked for (Retry-After), at most 10 min; 0: nothing */
    char words[256]; /* the server's, on one line, or ours */
};

/* `posted` lines were posted. `retry_after_s` 0: not given. `redirect`: where a 3xx points to, or NULL. */
void influx_answer(long status, const char *body, size_t n, size_t posted, int64_t retry_after_s,
                   const char *redirect, struct influx_answer *out);

/* The message in an error body: its JSON's words, else the body itself, in `out` (reset), bounded. */
void influx_message(const char *body, size_t n, struct buf *out);

/* Does the message (influx_message) quote exactly this line (without its line end) as one it could not parse?
 */
bool influx_quotes_line(const char *message, const char *line, size_t n);

/* The field that a message about conflicting types names ("input field \"x\" on measurement ..."); false:
 * none. */
bool influx_names_field(const char *message, char *out, size_t size);
/* Has this line a field of that name? */
bool influx_line_has_field(const char *line, size_t n, const char *field);

/* Line numbers, from 1, that a 3.x body lists as bad; at most `max`, returns how many. */
size_t influx_listed_lines(const char *body, size_t n, size_t *out, size_t max);

/* Its word for the status page and tests. */
const char *influx_action_word(enum influx_action a);

#endif
