// SPDX-License-Identifier: Apache-2.0
// Files of recorded data: found with their descriptions, unpacked, cut into lines, sorted when they have to
// be.
#include "cli/replay_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 256 * 1024, LINE_MAX_BYTES = 64 * 1024 };

// Sorting needs all rows at once: some 400 MB of them.
#define SORTED_ROWS_MAX 10000000u

/* A row put by to be sorted. */
struct stored {
    int64_t time;
    uint32_t at; /* in the order of the file, and of `cells` */
    uint32_t first, n;
};

struct stored_cell {
    double value;
    uint16_t column;
};

struct replay_source {
    char *path;
    struct config *description;
    struct recording *recording;
    gzFile file;
    char *buffer; /* CHUNK + LINE_MAX_BYTES */
    size_t begin, end;
    bool at_end;
    struct recording_row row;

    struct stored *rows;
    struct stored_cell *cells;
    size_t row_count, row_room, cell_count, cell_room, next;
};

// ---- Descriptions ----

static char *described_by_name(const char *path)
{
    static const char *const ends[] = {".csv.gz", ".csv", ".txt.gz", ".txt", ".gz"};
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t length = strlen(ends[i]);
        char *name;
        if (n <= length || strcmp(path + n - length, ends[i]) != 0)
            continue;
        if (asprintf(&name, "%.*s.replay", (int)(n - length), path) < 0)
            return NULL;
        if (access(name, R_OK) == 0)
            return name;
        free(name);
        return NULL;
    }
    return NULL;
}

struct replay_source *replay_source_new(const char *path, const char *described, struct diagnostics *d)
{
    struct replay_source *s = calloc(1, sizeof *s);
    if (!s || !(s->path = strdup(path)) || !(s->buffer = malloc(CHUNK + LINE_MAX_BYTES))) {
        replay_source_free(s);
        return NULL;
    }
    char *found = described ? strdup(described) : described_by_name(path);
    s->description = found ? config_read_path(found, false, &recording_section, d)
                           : config_read_text("", "(no description)", &recording_section, d);
    free(found);
    return s;
}

void replay_source_free(struct replay_source *s)
{
    if (!s)
        return;
    if (s->file)
        gzclose(s->file);
    recording_free(s->recording);
    config_free(s->description);
    free(s->rows);
    free(s->cells);
    free(s->buffer);
    free(s->path);
    free(s);
}

const char *replay_source_path(const struct replay_source *s)
{
    return s->path;
}

const struct recording_config *replay_source_config(const struct replay_source *s)
{
    return s->description ? config_root(s->description) : NULL;
}

const struct recording *replay_source_recording(const struct replay_source *s)
{
    return s->recording;
}

// ---- Lines ----

// 1: more is there; 0: the end; -1: trouble.
static int fill(struct replay_source *s, char *why, size_t why_size)
{
    memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
    s->end -= s->begin;
    s->begin = 0;
    if (s->end > LINE_MAX_BYTES) {
        snprintf(why, why_size, "%s: a line of more than %d bytes", s->path, LINE_MAX_BYTES);
        return -1;
    }
    int n = gzread(s->file, s->buffer + s->end, CHUNK);
    if (n < 0) {
        int code;
        const char *text = gzerror(s->file, &code);
        snprintf(why, why_size, "%s: %s", s->path, code == Z_ERRNO ? strerror(errno) : text);
        return -1;
    }
    s->at_end = n == 0;
    s->end += (size_t)n;
    return n > 0;
}

// A line without its break, valid until the next call; NULL at the end or in trouble (why is then not "").
static const char *next_line(struct replay_source *s, size_t *n, char *why, size_t why_size)
{
    for (;;) {
        char *line = s->buffer + s->begin, *stop = memchr(line, '\n', s->end - s->begin);
        if (stop || (s->at_end && s->end > s->begin)) {
            *n = stop ? (size_t)(stop - line) : s->end - s->begin;
            s->begin += *n + (stop != NULL);
            if (*n && line[*n - 1] == '\r')
                --*n;
            return line;
        }
        if (s->at_end || fill(s, why, why_size) < 0)
            return NULL;
    }
}

// ---- Sorting ----

static bool room_for(void **items, size_t *room, size_t n, size_t more, size_t size)
{
    if (n + more <= *room)
        return true;
    size_t wanted = *room ? 2 * *room : 4096;
    void *larger = reallocarray(*items, wanted + more, size);
    if (!larger)
        return false;
    *items = larger;
    *room = wanted + more;
    return true;
}

static bool store(struct replay_source *s)
{
    const struct recording_row *row = &s->row;
    if (s->row_count == SORTED_ROWS_MAX ||
        !room_for((void **)&s->rows, &s->row_room, s->row_count, 1, sizeof *s->rows) ||
        !room_for((void **)&s->cells, &s->cell_room, s->cell_count, row->n, sizeof *s->cells))
        return false;
    s->rows[s->row_count] =
        (struct stored){row->time.ms, (uint32_t)s->row_count, (uint32_t)s->cell_count, (uint32_t)row->n};
    s->row_count++;
    for (size_t i = 0; i < row->n; i++)
        s->cells[s->cell_count++] = (struct stored_cell){row->value[i], row->column[i]};
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct stored *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

static bool parse_row(struct replay_source *s, char *why, size_t why_size);

static bool read_all(struct replay_source *s, char *why, size_t why_size)
{
    while (parse_row(s, why, why_size))
        if (!store(s)) {
            snprintf(why, why_size, "%s: too large to be sorted in memory", s->path);
            return false;
        }
    if (*why)
        return false;
    qsort(s->rows, s->row_count, sizeof *s->rows, by_time);
    return true;
}

static bool take_stored(struct replay_source *s)
{
    if (s->next == s->row_count)
        return false;
    const struct stored *at = &s->rows[s->next++];
    s->row.time = (struct utc){at->time};
    s->row.n = at->n;
    for (size_t i = 0; i < at->n; i++) {
        s->row.column[i] = s->cells[at->first + i].column;
        s->row.value[i] = s->cells[at->first + i].value;
    }
    return true;
}

// ---- Rows ----

static bool parse_row(struct replay_source *s, char *why, size_t why_size)
{
    const char *line;
    size_t n;
    while ((line = next_line(s, &n, why, why_size))) {
        enum recording_verdict v = recording_line(s->recording, line, n, &s->row);
        if (v == RECORDING_ROW)
            return true;
        if (v == RECORDING_MEMORY) {
            snprintf(why, why_size, "out of memory");
            return false;
        }
    }
    return false;
}

bool replay_source_open(struct replay_source *s, const struct site *site, struct diagnostics *d, char *why,
                        size_t why_size)
{
    size_t n;
    *why = '\0';
    size_t before = diag_errors(d);
    s->recording = recording_new(replay_source_config(s), site, d);
    if (!s->recording) {
        if (diag_errors(d) == before)
            snprintf(why, why_size, "out of memory");
        return false;
    }
    s->file = gzopen(s->path, "rb"); // takes plain files as they are
    if (!s->file) {
        snprintf(why, why_size, "cannot read %s: %s", s->path, strerror(errno));
        return false;
    }
    gzbuffer(s->file, CHUNK);
    const char *line = next_line(s, &n, why, why_size);
    char what[300];
    if (!line || !recording_heading(s->recording, line, n, what, sizeof what)) {
        if (!*why)
            snprintf(why, why_size, "%s: %s", s->path, line ? what : "is empty");
        return false;
    }
    // A first line that is data is read again.
    if (!replay_source_config(s)->headings)
        s->begin = (size_t)(line - s->buffer) + (n >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
    return !recording_sorts(s->recording) || read_all(s, why, why_size);
}

const struct recording_row *replay_source_row(struct replay_source *s, char *why, size_t why_size)
{
    *why = '\0';
    bool more = recording_sorts(s->recording) ? take_stored(s) : parse_row(s, why, why_size);
    if (!more)
        return NULL;
    recording_order(s->recording, &s->row);
    return &s->row;
}
