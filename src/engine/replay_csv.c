// SPDX-License-Identifier: Apache-2.0
// Lines of a CSV file to rows of values with their times. Pure: a line in, a row out; only the set of lines
// that were there before grows, up to a bound.
#include "engine/replay_csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/pack.h"
#include "symbiont/text.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))

// 8 million lines are 128 MB of hashes; after them none is recognised as a duplicate any more.
#define SEEN_MAX (INT64_C(1) << 23)

// ---- Making ----

struct recording *recording_new(const struct recording_config *c, const struct site *site,
                                struct diagnostics *d)
{
    struct recording *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->config = c;
    r->site = site;
    r->previous = INT64_MIN;
    if (recording_compile(r, d))
        return r;
    recording_free(r);
    return NULL;
}

void recording_free(struct recording *r)
{
    if (!r)
        return;
    zone_free(r->zone);
    free(r->seen.slots);
    free(r);
}

const struct recording_counts *recording_counts(const struct recording *r)
{
    return &r->counts;
}

bool recording_sorts(const struct recording *r)
{
    return r->config->sort;
}

size_t recording_columns(const struct recording *r)
{
    return r->n;
}

struct recording_target recording_target(const struct recording *r, size_t column)
{
    return r->columns[column].target;
}

// ---- Cells ----

static struct cell strip(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r'))
        to--;
    return (struct cell){from, (size_t)(to - from)};
}

// A quoted cell may hold the separator; a doubled quote in it stays doubled.
static const char *end_of_quoted(const char *s, const char *end)
{
    for (s++; s < end; s++)
        if (*s == '"' && (s + 1 == end || s[1] != '"'))
            return s;
        else if (*s == '"')
            s++;
    return end;
}

// At most `most` cells of a line; returns how many there are.
static size_t split(const char *line, size_t n, char separator, struct cell *cells, size_t most)
{
    const char *s = line, *end = line + n;
    size_t count = 0;
    while (count < most) {
        const char *begin = s;
        while (begin < end && *begin == ' ')
            begin++;
        if (begin < end && *begin == '"') {
            const char *quote = end_of_quoted(begin, end), *next = quote < end ? quote : begin;
            next = memchr(next, separator, (size_t)(end - next));
            cells[count++] = strip(begin + 1, quote);
            if (!next)
                break;
            s = next + 1;
            continue;
        }
        const char *next = s < end ? memchr(s, separator, (size_t)(end - s)) : NULL;
        cells[count++] = strip(s, next ? next : end);
        if (!next)
            break;
        s = next + 1;
    }
    return count;
}

static bool cell_is(struct cell c, const char *text)
{
    return strlen(text) == c.n && memcmp(c.text, text, c.n) == 0;
}

// ---- Headings ----

static char guess_separator(const char *line, size_t n)
{
    static const char candidates[] = ";\t,";
    for (const char *c = candidates; *c; c++)
        if (memchr(line, *c, n))
            return *c;
    return ',';
}

static bool find_cell(const struct recording *r, const struct cell *cells, size_t n, const char *column,
                      size_t *at, char *why, size_t why_size)
{
    int64_t number;
    for (size_t i = 0; r->config->headings && i < n; i++)
        if (cell_is(cells[i], column)) {
            *at = i;
            return true;
        }
    if (text_integer(column, 1, CELLS_MAX, &number) && (size_t)number <= n) {
        *at = (size_t)number - 1;
        return true;
    }
    char names[CELLS_MAX][64];
    const char *list[CELLS_MAX];
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "%.*s", cells[i].n < 60 ? (int)cells[i].n : 60, cells[i].text);
        list[i] = names[i];
    }
    const char *near = r->config->headings ? text_nearest(column, list, n, sizeof *list) : NULL;
    snprintf(why, why_size, "there is no column \"%.60s\" among the %zu%s%s%s", column, n,
             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return false;
}

static bool place_columns(struct recording *r, const struct cell *cells, size_t n, char *why, size_t why_size)
{
    for (size_t i = 0; i < r->n; i++) {
        struct recording_column *col = &r->columns[i];
        if (!find_cell(r, cells, n, col->config->column, &col->cell, why, why_size) ||
            (col->filtered && !find_cell(r, cells, n, col->filter_name, &col->filter_cell, why, why_size)))
            return false;
    }
    return true;
}

// Without a description: whatever is headed by a point.
static bool take_headings(struct recording *r, const struct cell *cells, size_t n, char *why, size_t why_size)
{
    char name[EXPRESSION_MAX_NAME];
    for (size_t i = 0; i < n && r->n < RECORDING_COLUMNS_MAX; i++) {
        if (i == r->time_cell || cells[i].n >= sizeof name || !memchr(cells[i].text, '.', cells[i].n))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)cells[i].n, cells[i].text);
        if (!recording_add(r, name, i, why, why_size))
            return false;
    }
    if (r->n)
        return true;
    snprintf(why, why_size,
             "no column is headed by a point (meter.point), and no description says which is which");
    return false;
}

bool recording_heading(struct recording *r, const char *line, size_t n, char *why, size_t why_size)
{
    struct cell cells[CELLS_MAX];
    if (n >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0) {
        line += 3;
        n -= 3;
    }
    if (!r->separator)
        r->separator = guess_separator(line, n);
    size_t count = split(line, n, r->separator, cells, CELLS_MAX);
    if (!find_cell(r, cells, count, r->config->time.column, &r->time_cell, why, why_size))
        return false;
    bool described = r->config->columns.n > 0;
    if (!(described ? place_columns(r, cells, count, why, why_size)
                    : take_headings(r, cells, count, why, why_size)))
        return false;
    r->cells = r->time_cell + 1;
    for (size_t i = 0; i < r->n; i++) {
        const struct recording_column *col = &r->columns[i];
        size_t last = col->filtered && col->filter_cell > col->cell ? col->filter_cell : col->cell;
        if (last >= r->cells)
            r->cells = last + 1;
    }
    return true;
}

// ---- Numbers ----

static bool slow_number(const char *text, size_t n, char decimal, double *out)
{
    char copy[64];
    if (n == 0 || n >= sizeof copy)
        return false;
    for (size_t i = 0; i < n; i++)
        copy[i] = text[i] == decimal ? '.' : text[i];
    copy[n] = '\0';
    return text_number(copy, out);
}

// Up to 15 digits and a power of ten up to 22 are exact, and so is one multiplication or division of them.
bool recording_number(const char *text, size_t n, char decimal, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *s = text, *end = text + n;
    bool negative = s < end && *s == '-';
    if (s < end && (*s == '-' || *s == '+'))
        s++;
    uint64_t digits = 0;
    int count = 0, after = 0;
    bool point = false;
    for (; s < end; s++) {
        if (*s >= '0' && *s <= '9') {
            digits = 10 * digits + (uint64_t)(*s - '0');
            after += point;
            if (++count > 15)
                return slow_number(text, n, decimal, out);
        } else if (*s == decimal && !point) {
            point = true;
        } else {
            return slow_number(text, n, decimal, out);
        }
    }
    if (count == 0)
        return false;
    double v = (double)digits / tens[after];
    *out = negative ? -v : v;
    return true;
}

// ---- Lines that were there before ----

static uint64_t hash_line(const char *line, size_t n)
{
    uint64_t hash = fnv1a(FNV_BASIS, line, n); // a bit mixed after
    hash ^= hash >> 32;
    hash *= UINT64_C(0x9E3779B97F4A7C15);
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

static bool insert(struct line_set *s, uint64_t hash)
{
    size_t i = hash & (s->room - 1);
    for (; s->slots[i]; i = (i + 1) & (s->room - 1))
        if (s->slots[i] == hash)
            return false;
    s->slots[i] = hash;
    s->n++;
    return true;
}

static bool grow(struct line_set *s)
{
    struct line_set larger = {.room = s->room ? 2 * s->room : 4096};
    larger.slots = calloc(larger.room, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < s->room; i++)
        if (s->slots[i])
            insert(&larger, s->slots[i]);
    free(s->slots);
    *s = larger;
    return true;
}

// 1: it was there; 0: it is new; -1: memory.
static int was_there(struct line_set *s, const char *line, size_t n)
{
    if (2 * s->n >= s->room) {
        if (s->n >= SEEN_MAX)
            return 0;
        if (!grow(s))
            return -1;
    }
    return insert(s, hash_line(line, n)) ? 0 : 1;
}

// ---- Rows ----

static bool take_time(struct recording *r, struct cell c, int64_t *out)
{
    struct written_time w;
    if (c.n == 0 || !time_read(&r->format, c.text, c.n, &w))
        return false;
    if (r->config->time.midnight == MIDNIGHT_ENDS && !w.has_offset && w.local_ms % DAY_MS == 0)
        w.local_ms += DAY_MS;
    *out = time_track_utc(&r->track, &w);
    r->counts.double_hours = r->track.double_hours;
    r->counts.lost_hours = r->track.lost_hours;
    if (r->config->time.stamp == STAMP_BEGIN)
        *out += r->config->step_ns / NS_PER_MS;
    return true;
}

static bool is_marker(const struct recording *r, struct cell c)
{
    for (size_t i = 0; i < r->marker_count; i++)
        if (cell_is(c, r->markers[i]))
            return true;
    return false;
}

// False: the cell says nothing.
static bool take_value(struct recording *r, const struct recording_column *col, struct cell c, double *out)
{
    double v;
    if (c.n == 0 && !r->empty_is_missing)
        return false;
    *out = NAN;
    if (c.n == 0 || is_marker(r, c))
        r->counts.missing++;
    else if (recording_number(c.text, c.n, r->config->decimal_comma ? ',' : '.', &v))
        *out = v * col->factor + col->offset;
    else
        r->counts.bad_numbers++;
    return true;
}

void recording_order(struct recording *r, struct recording_row *row)
{
    struct recording_counts *n = &r->counts;
    int64_t t = row->time.ms, step = r->config->step_ns / NS_PER_MS;
    bool first = r->previous == INT64_MIN, same = !first && t == r->previous;
    if (same)
        n->same_time++;
    else if (!first && t < r->previous)
        n->backwards++;
    else if (!first && step && t - r->previous > step + step / 2)
        n->gaps++;
    r->repeats = same ? r->repeats + 1 : 0;
    r->previous = t;
    if (first || t < n->first.ms)
        n->first = row->time;
    if (first || t > n->last.ms)
        n->last = row->time;
    if (r->config->same_time == SAME_TIME_SPREAD)
        row->time.ms += r->repeats;
}

enum recording_verdict recording_line(struct recording *r, const char *line, size_t n,
                                      struct recording_row *out)
{
    struct cell cells[CELLS_MAX];
    int64_t t;
    out->n = 0;
    r->counts.lines++;
    if (r->config->duplicates == DUPLICATES_DROP && n) {
        int there = was_there(&r->seen, line, n);
        if (there < 0)
            return RECORDING_MEMORY;
        if (there) {
            r->counts.duplicates++;
            return RECORDING_DUPLICATE;
        }
    }
    size_t count = split(line, n, r->separator, cells, r->cells);
    if (count <= r->time_cell || (count == 1 && cells[0].n == 0)) {
        r->counts.empty++;
        return RECORDING_EMPTY;
    }
    if (!take_time(r, cells[r->time_cell], &t)) {
        r->counts.bad_times++;
        return RECORDING_BAD_TIME;
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct recording_column *col = &r->columns[i];
        if (col->cell >= count || (col->filtered && (col->filter_cell >= count ||
                                                     !cell_is(cells[col->filter_cell], col->filter_value))))
            continue;
        out->column[out->n] = (uint16_t)i;
        if (take_value(r, col, cells[col->cell], &out->value[out->n]))
            out->n++;
    }
    if (out->n == 0) {
        r->counts.empty++;
        return RECORDING_EMPTY;
    }
    r->counts.rows++;
    out->time = (struct utc){t};
    return RECORDING_ROW;
}
