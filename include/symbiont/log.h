/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging to stderr, one line an event, subject first: "meter boiler_2: answers again".
 * Under systemd each line carries its journal priority ("<4>"); on a terminal the level in words.
 * A line is written with one write(2), so threads do not mix lines. errno survives every call.
 */
#ifndef SYMBIONT_LOG_H
#define SYMBIONT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include "symbiont/clock.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above `level` are dropped. Default: info. Journal prefixes are used when stderr is the
 * journal (JOURNAL_STREAM names it). */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* "error", "warning", "info", "debug" -> level; false when the word is none of them. */
bool log_level_parse(const char *word, enum log_level *level);

void log_at(enum log_level level, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(subject, ...)   log_at(LOG_LEVEL_ERROR, subject, __VA_ARGS__)
#define log_warning(subject, ...) log_at(LOG_LEVEL_WARNING, subject, __VA_ARGS__)
#define log_info(subject, ...)    log_at(LOG_LEVEL_INFO, subject, __VA_ARGS__)
#define log_debug(subject, ...)                                                                              \
    do {                                                                                                     \
        if (log_enabled(LOG_LEVEL_DEBUG))                                                                    \
            log_at(LOG_LEVEL_DEBUG, subject, __VA_ARGS__);                                                   \
    } while (0)

/*
 * A complaint is one standing trouble that would repeat: logged when it begins, then at doubling
 * intervals (10 s to 1 h) while it lasts, and once when it is over, with how often it happened.
 * Zero-initialise. Not shared between threads.
 */
struct complaint {
    struct mono next;
    int64_t interval_ns;
    unsigned long count; /* since it began; 0: no trouble */
};

void complain(struct complaint *c, struct mono now, enum log_level level, const char *subject,
              const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The trouble is over: logs `format` at info when there was one, and resets. */
void complaint_over(struct complaint *c, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
