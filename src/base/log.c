// SPDX-License-Identifier: Apache-2.0
// One event, one line, one write.
#include "symbiont/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static const struct {
    const char *word;
    int journal_priority; // syslog(3): 3 err, 4 warning, 6 info, 7 debug
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

static _Atomic int threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    threshold = (int)level;
}

bool log_enabled(enum log_level level)
{
    return (int)level <= threshold;
}

bool log_level_parse(const char *word, enum log_level *level)
{
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(word, levels[i].word) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

// JOURNAL_STREAM holds the device and inode of the journal's pipe (systemd.exec(5)).
static bool stderr_is_journal(void)
{
    static _Atomic int known = -1;
    if (known < 0) {
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long device = 0, inode = 0;
        struct stat st;
        known = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
                fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
    }
    return known;
}

static void write_line(enum log_level level, const char *subject, const char *text)
{
    char line[LINE_MAX_BYTES];
    int n = stderr_is_journal()          ? snprintf(line, sizeof line, "<%d>", levels[level].journal_priority)
            : level <= LOG_LEVEL_WARNING ? snprintf(line, sizeof line, "%s: ", levels[level].word)
                                         : 0;
    size_t at = n > 0 ? (size_t)n : 0;
    n = snprintf(line + at, sizeof line - at, "%s: %s\n", subject, text);
    size_t len = n > 0 ? at + (size_t)n : at;
    if (len >= sizeof line) {
        len = sizeof line;
        line[len - 1] = '\n';
    }
    // A text with line breaks would forge journal entries: keep it on one line.
    for (size_t i = 0; i + 1 < len; i++)
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
        ;
}

static void log_v(enum log_level level, const char *subject, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void log_v(enum log_level level, const char *subject, const char *format, va_list args)
{
    int saved = errno;
    char text[LINE_MAX_BYTES - 128];
    vsnprintf(text, sizeof text, format, args);
    write_line(level, subject, text);
    errno = saved;
}

void log_at(enum log_level level, const char *subject, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    va_list args;
    va_start(args, format);
    log_v(level, subject, format, args);
    va_end(args);
}

// 10 s shows an operator at the console that it still lasts; 1 h keeps a week's outage to 170 lines.
#define FIRST_INTERVAL_NS (10 * NS_PER_S)
#define LAST_INTERVAL_NS  (3600 * NS_PER_S)

void complain(struct complaint *c, struct mono now, enum log_level level, const char *subject,
              const char *format, ...)
{
    c->count++;
    if (c->count > 1 && mono_before(now, c->next))
        return;
    c->interval_ns = c->count == 1 ? FIRST_INTERVAL_NS : 2 * c->interval_ns;
    if (c->interval_ns > LAST_INTERVAL_NS)
        c->interval_ns = LAST_INTERVAL_NS;
    c->next = mono_add(now, c->interval_ns);
    if (!log_enabled(level))
        return;
    va_list args;
    va_start(args, format);
    if (c->count == 1) {
        log_v(level, subject, format, args);
    } else {
        char text[1024];
        vsnprintf(text, sizeof text, format, args);
        log_at(level, subject, "%s (%lu times since it began)", text, c->count);
    }
    va_end(args);
}

void complaint_over(struct complaint *c, const char *subject, const char *format, ...)
{
    if (c->count == 0)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (c->count == 1)
        log_info(subject, "%s", text);
    else
        log_info(subject, "%s (after %lu failures)", text, c->count);
    *c = (struct complaint){0};
}
