// SPDX-License-Identifier: Apache-2.0
// A round of readings as lines that fit a terminal, or as JSON.
#include "cli/watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "symbiont/json.h"
#include "symbiont/point.h"

#define CELL_MIN 39 // columns of a point: two fit beside each other in 80
#define NAME_MAX 24 // of a meter; longer ones push the rest of their line to the right
#define UNIT_MAX 8
#define FRAME    2 // title and footer

static const char bold[] = "\033[1m", red[] = "\033[31m", yellow[] = "\033[33m", plain[] = "\033[0m";

// A line under construction: columns are counted in characters, styles take none.
struct pen {
    struct buf *out;
    size_t column, width;
    bool styled;
};

static void style(struct pen *p, const char *code)
{
    if (p->styled)
        buf_puts(p->out, code);
}

// Writes at most `room` columns of text; what would move the cursor or change the terminal becomes '?'.
static void put(struct pen *p, const char *text, size_t room)
{
    if (room > p->width - p->column)
        room = p->width - p->column;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        bool begins = (byte & 0xC0) != 0x80;
        if (begins && room == 0)
            return;
        buf_putc(p->out, byte < 0x20 || byte == 0x7F ? '?' : *text);
        room -= begins;
        p->column += begins;
    }
}

static size_t columns_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void advance(struct pen *p, size_t to)
{
    while (p->column < to && p->column < p->width) {
        buf_putc(p->out, ' ');
        p->column++;
    }
}

static void end_line(struct pen *p)
{
    // Trailing spaces are of no use to anyone who pipes this into a file.
    while (!p->styled && p->out->len && p->out->data[p->out->len - 1] == ' ')
        p->out->len--;
    buf_putc(p->out, '\n');
    p->column = 0;
}

// ---- Numbers and times ----

// Seven digits are more than any meter's accuracy; the whole part of a total is never cut.
static void number_text(double v, char *out, size_t size)
{
    double magnitude = fabs(v);
    if (magnitude != 0 && (magnitude >= 1e15 || magnitude < 1e-5)) {
        snprintf(out, size, "%.6g", v);
        return;
    }
    int whole = magnitude < 1 ? 1 : (int)floor(log10(magnitude)) + 1;
    int decimals = whole >= 7 ? (whole <= 9 ? 9 - whole : 0) : 7 - whole;
    size_t n = (size_t)snprintf(out, size, "%.*f", decimals, v);
    if (n < size && strchr(out, '.')) {
        while (out[n - 1] == '0')
            out[--n] = '\0';
        if (out[n - 1] == '.')
            out[--n] = '\0';
    }
}

static void age_text(double s, char *out, size_t size)
{
    if (isnan(s))
        snprintf(out, size, "never");
    else if (s < 10)
        snprintf(out, size, "%.1f s ago", s < 0 ? 0 : s);
    else if (s < 120)
        snprintf(out, size, "%.0f s ago", s);
    else if (s < 7200)
        snprintf(out, size, "%.0f min ago", s / 60);
    else
        snprintf(out, size, "%.0f h ago", s / 3600);
}

// ---- Points ----

static void point_cell(struct pen *p, const struct watch_point *point, size_t cell, size_t unit_width)
{
    char value[64];
    const char *unit = point->unit ? point->unit : "";
    size_t start = p->column;
    if (point->bad[0]) {
        // "exception 2 (illegal data address)": the heading has no room for the words, nor has a cell.
        snprintf(value, sizeof value, "%.*s", (int)strcspn(point->bad, "("), point->bad);
        for (size_t n = strlen(value); n > 0 && value[n - 1] == ' ';)
            value[--n] = '\0';
        unit = "";
    } else if (point->text) {
        snprintf(value, sizeof value, "%s", point->text);
        unit = "";
    } else {
        number_text(point->value, value, sizeof value);
    }
    size_t number_end = cell - (*unit || !point->bad[0] ? unit_width + (unit_width > 0) : 0);
    size_t length = columns_of(value), name_room = number_end > length + 1 ? number_end - length - 1 : 1;
    bool cut = columns_of(point->name) > name_room;
    put(p, point->name, cut ? name_room - 1 : name_room);
    put(p, cut ? "~" : "", 1);
    if (length < number_end)
        advance(p, start + number_end - length);
    style(p, point->bad[0] ? yellow : "");
    put(p, value, cell);
    style(p, point->bad[0] ? plain : "");
    if (*unit) {
        advance(p, start + number_end + 1);
        put(p, unit, unit_width);
    }
    advance(p, start + cell);
}

struct grid {
    size_t across, cell, unit_width, rows;
};

// Not asked lately, and so neither here nor there.
static bool is_unasked(const struct watch_point *p)
{
    return strcmp(p->bad, reason_text((struct value){.reason = REASON_NOT_DUE})) == 0 ||
           strcmp(p->bad, reason_text((struct value){.reason = REASON_NOT_YET})) == 0;
}

// The reason, when every point is bad for the same one: said once, it needs no rows.
static const char *common_reason(const struct watch_meter *m)
{
    const char *reason = NULL;
    for (size_t i = 0; i < m->n; i++) {
        const struct watch_point *p = &m->points[i];
        if (!p->bad[0])
            return NULL;
        if (reason && !is_unasked(p) && strcmp(p->bad, reason) != 0)
            return NULL;
        if (!reason && !is_unasked(p))
            reason = p->bad;
    }
    return m->n > 1 ? reason ? reason : m->points[0].bad : NULL;
}

static struct grid grid_of(const struct watch_meter *m, size_t width)
{
    struct grid g = {.across = width / CELL_MIN};
    if (g.across == 0)
        g.across = 1;
    // Indented by two columns, and two between cells.
    g.cell = width > 2 * g.across ? (width - 2 * g.across) / g.across : 1;
    g.rows = common_reason(m) ? 0 : (m->n + g.across - 1) / g.across;
    for (size_t i = 0; i < m->n; i++) {
        size_t w = m->points[i].unit ? columns_of(m->points[i].unit) : 0;
        if (w > g.unit_width)
            g.unit_width = w < UNIT_MAX ? w : UNIT_MAX;
    }
    return g;
}

static void heading(struct pen *p, const struct watch_meter *m, size_t name_width, size_t left_out)
{
    char text[48];
    size_t bad = 0;
    for (size_t i = 0; i < m->n; i++)
        bad += m->points[i].bad[0] != '\0';
    style(p, bold);
    put(p, m->name, p->width);
    style(p, plain);
    advance(p, name_width + 2);
    bool down = m->state && strcmp(m->state, "up") != 0;
    style(p, down ? red : "");
    put(p, m->state ? m->state : "", p->width);
    style(p, down ? plain : "");
    age_text(m->age_s, text, sizeof text);
    advance(p, name_width + 2 + 24 - columns_of(text));
    put(p, text, p->width);
    if (!isnan(m->round_trip_ms)) {
        snprintf(text, sizeof text, m->round_trip_ms < 10 ? "%.1f ms" : "%.0f ms", m->round_trip_ms);
        advance(p, name_width + 2 + 34 - columns_of(text));
        put(p, text, p->width);
    }
    const char *all = common_reason(m);
    if (bad && !all)
        snprintf(text, sizeof text, "  %zu bad", bad);
    style(p, yellow);
    put(p, bad ? all ? "  " : text : "", p->width);
    put(p, all ? all : "", p->width);
    style(p, plain);
    if (left_out) {
        snprintf(text, sizeof text, "  and %zu points more", left_out);
        put(p, text, p->width);
    }
    end_line(p);
}

static void meter_lines(struct pen *p, const struct watch_meter *m, size_t name_width, size_t rows)
{
    struct grid g = grid_of(m, p->width);
    if (rows > g.rows)
        rows = g.rows;
    size_t shown = rows * g.across < m->n ? rows * g.across : m->n;
    heading(p, m, name_width, common_reason(m) ? 0 : m->n - shown);
    for (size_t i = 0; i < shown; i += g.across) {
        for (size_t k = i; k < i + g.across && k < m->n; k++) {
            advance(p, 2 + (k - i) * (g.cell + 2));
            point_cell(p, &m->points[k], g.cell, g.unit_width);
        }
        end_line(p);
    }
}

// ---- Who gets how many rows ----

// Each meter gets its heading; what is left goes round, a row at a time, to those that still want one.
static void share_rows(const struct watch_round *r, size_t width, size_t room, size_t *rows)
{
    size_t left = room > r->n ? room - r->n : 0;
    memset(rows, 0, r->n * sizeof *rows);
    for (bool given = true; given && left > 0;) {
        given = false;
        for (size_t i = 0; i < r->n && left > 0; i++) {
            if (rows[i] >= grid_of(&r->meters[i], width).rows)
                continue;
            rows[i]++;
            left--;
            given = true;
        }
    }
}

static size_t all_lines(const struct watch_round *r, size_t width)
{
    size_t n = r->n;
    for (size_t i = 0; i < r->n; i++)
        n += grid_of(&r->meters[i], width).rows;
    return n;
}

// The meters' lines from `skip` on, at most `room` of them; rows NULL: everything.
static void body(const struct watch_round *r, struct pen *p, const size_t *rows, size_t skip, size_t room)
{
    struct buf all = {0};
    struct pen inner = {.out = &all, .width = p->width, .styled = p->styled};
    size_t name_width = 5;
    for (size_t i = 0; i < r->n; i++) {
        size_t w = columns_of(r->meters[i].name);
        if (w > name_width && w <= NAME_MAX)
            name_width = w;
    }
    for (size_t i = 0; i < r->n; i++)
        meter_lines(&inner, &r->meters[i], name_width, rows ? rows[i] : SIZE_MAX);
    const char *at = buf_text(&all);
    for (; skip > 0 && (at = strchr(at, '\n')); skip--)
        at++;
    for (; at && *at && room > 0; room--) {
        const char *end = strchr(at, '\n');
        buf_put(p->out, at, (size_t)(end - at) + 1);
        at = end + 1;
    }
    p->out->failed |= all.failed;
    buf_free(&all);
}

// ---- The whole ----

static void title(const struct watch_round *r, struct pen *p)
{
    char text[64];
    struct tm tm;
    time_t seconds = (time_t)(r->time.ms / 1000);
    size_t up = 0;
    for (size_t i = 0; i < r->n; i++)
        up += r->meters[i].state && strcmp(r->meters[i].state, "up") == 0;
    if (localtime_r(&seconds, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S  ", &tm))
        put(p, text, p->width);
    put(p, r->title ? r->title : "", p->width);
    snprintf(text, sizeof text, "  %zu of %zu meters up", up, r->n);
    put(p, text, p->width);
    end_line(p);
}

static void footer(const struct watch_round *r, struct pen *p, const char *position)
{
    char text[80];
    size_t width = p->width, reserved = columns_of(position);
    p->width = width > reserved + 2 && reserved ? width - reserved - 2 : width;
    if (r->trouble[0]) {
        style(p, red);
        put(p, r->trouble, p->width);
        style(p, plain);
        put(p, r->publisher_count ? " | " : "", p->width);
    }
    for (size_t i = 0; i < r->publisher_count; i++) {
        const struct watch_publisher *w = &r->publishers[i];
        put(p, i ? " | " : "", p->width);
        put(p, w->name, p->width);
        style(p, w->connected ? "" : red);
        put(p, w->connected ? " connected" : " NOT connected", p->width);
        style(p, w->connected ? "" : plain);
        snprintf(text, sizeof text, ", %lld waiting", (long long)w->waiting);
        put(p, text, p->width);
        if (w->waiting > 0 && w->oldest_s >= 1) {
            snprintf(text, sizeof text, " for %.0f s", w->oldest_s);
            put(p, text, p->width);
        }
        if (w->error && *w->error && !w->connected) {
            put(p, ": ", p->width);
            put(p, w->error, p->width);
        }
    }
    p->width = width;
    if (reserved) {
        advance(p, width > reserved ? width - reserved : 0);
        put(p, position, reserved);
    }
    end_line(p);
}

size_t watch_render(const struct watch_round *r, const struct watch_view *v, struct buf *out)
{
    struct pen p = {.out = out, .width = v->width ? v->width : 80, .styled = v->styled};
    char position[64] = "";
    size_t all = all_lines(r, p.width), room = v->height > FRAME ? v->height - FRAME : 1;
    size_t *rows = NULL, skip = 0;
    if (v->height && v->height < FRAME + 1) {
        title(r, &p);
        out->len--; // the only line there is room for
        buf_putc(out, '\n');
        return all;
    }
    if (v->height && all > room && v->scroll < 0) {
        rows = calloc(r->n ? r->n : 1, sizeof *rows);
        if (rows)
            share_rows(r, p.width, room, rows);
        snprintf(position, sizeof position, "space: all of it");
    } else if (v->height && all > room) {
        skip = (size_t)v->scroll < all - room ? (size_t)v->scroll : all - room;
        snprintf(position, sizeof position, "%zu-%zu of %zu", skip + 1, skip + room, all);
    }
    title(r, &p);
    body(r, &p, rows, skip, v->height ? room : SIZE_MAX);
    if (r->publisher_count || r->trouble[0] || position[0])
        footer(r, &p, position);
    free(rows);
    return all;
}

static void meter_json(struct json *j, const struct watch_meter *m)
{
    json_open(j, NULL, '{');
    json_text(j, "meter", m->name);
    json_text(j, "state", m->state);
    json_number(j, "age_s", m->age_s);
    json_number(j, "round_trip_ms", m->round_trip_ms);
    json_open(j, "points", '[');
    for (size_t i = 0; i < m->n; i++) {
        const struct watch_point *p = &m->points[i];
        json_open(j, NULL, '{');
        json_text(j, "point", p->name);
        if (p->bad[0])
            json_text(j, "bad", p->bad);
        else if (p->text)
            json_text(j, "value", p->text);
        else if (p->single)
            json_single(j, "value", p->value);
        else
            json_number(j, "value", p->value);
        json_text(j, "unit", p->unit);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

void watch_json(const struct watch_round *r, struct buf *out)
{
    char time[UTC_TEXT];
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_text(&j, "time", utc_text(r->time, time));
    json_text(&j, "title", r->title);
    json_text(&j, "trouble", r->trouble[0] ? r->trouble : NULL);
    json_open(&j, "meters", '[');
    for (size_t i = 0; i < r->n; i++)
        meter_json(&j, &r->meters[i]);
    json_close(&j, ']');
    json_open(&j, "publishers", '[');
    for (size_t i = 0; i < r->publisher_count; i++) {
        const struct watch_publisher *p = &r->publishers[i];
        json_open(&j, NULL, '{');
        json_text(&j, "publisher", p->name);
        json_bool(&j, "connected", p->connected);
        json_int(&j, "waiting", p->waiting);
        json_number(&j, "oldest_s", p->oldest_s);
        json_text(&j, "error", p->error);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    buf_putc(out, '\n');
}

// ---- Memory ----

bool watch_meter_size(struct watch_meter *m, size_t points)
{
    free(m->points);
    m->n = 0;
    m->points = calloc(points ? points : 1, sizeof *m->points);
    if (m->points)
        m->n = points;
    return m->points != NULL;
}

void watch_round_free(struct watch_round *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->meters[i].points);
    free(r->meters);
    free(r->publishers);
    r->meters = NULL;
    r->publishers = NULL;
    r->n = r->publisher_count = 0;
}

bool watch_round_size(struct watch_round *r, size_t meters, size_t publishers)
{
    watch_round_free(r);
    r->meters = calloc(meters ? meters : 1, sizeof *r->meters);
    r->publishers = calloc(publishers ? publishers : 1, sizeof *r->publishers);
    if (!r->meters || !r->publishers) {
        watch_round_free(r);
        return false;
    }
    r->n = meters;
    r->publisher_count = publishers;
    return true;
}
