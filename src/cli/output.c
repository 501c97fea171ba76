// SPDX-License-Identifier: Apache-2.0
// Tables for people, JSON for programs.
#include "cli/output.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define KEY_WIDTH 18 // of an object's keys

struct output output_begin(bool json)
{
    // The writer keeps a pointer to the buffer: it is set when the output is at its final place.
    return (struct output){.json = json};
}

static struct json *writer(struct output *o)
{
    o->writer.out = &o->text;
    return &o->writer;
}

bool output_end(struct output *o, FILE *out)
{
    if (o->json)
        buf_putc(&o->text, '\n');
    bool good = !o->text.failed;
    if (good && o->text.len)
        fwrite(o->text.data, 1, o->text.len, out);
    output_drop(o);
    return good;
}

void output_drop(struct output *o)
{
    for (size_t i = 0; i < o->cell_count; i++)
        free(o->cells[i].text);
    free(o->cells);
    buf_free(&o->text);
}

// Code points: close enough to columns for the words of a plant.
static size_t width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static void pad(struct output *o, size_t n)
{
    while (n-- > 0)
        buf_putc(&o->text, ' ');
}

static void put_key(struct output *o, const char *key)
{
    for (; *key; key++)
        buf_putc(&o->text, *key == '_' ? ' ' : *key);
}

static void indent(struct output *o)
{
    pad(o, o->depth > 1 ? (size_t)(o->depth - 1) * 2 : 0);
}

// ---- Objects ----

void output_object(struct output *o, const char *key)
{
    if (o->json) {
        json_open(writer(o), key, '{');
    } else if (key) {
        indent(o);
        put_key(o, key);
        buf_putc(&o->text, '\n');
    }
    o->depth++;
}

void output_object_end(struct output *o)
{
    o->depth--;
    if (o->json)
        json_close(writer(o), '}');
}

// ---- Tables ----

void output_table(struct output *o, const char *key, const struct column *columns)
{
    if (o->json) {
        json_open(writer(o), key, '[');
        return;
    }
    if (key) {
        indent(o);
        put_key(o, key);
        buf_putc(&o->text, '\n');
    }
    o->depth++;
    o->columns = columns;
    o->column_count = 0;
    while (columns[o->column_count].key && o->column_count < OUTPUT_COLUMNS)
        o->column_count++;
}

void output_row(struct output *o)
{
    if (o->json) {
        json_open(writer(o), NULL, '{');
        return;
    }
    if (o->cell_count + o->column_count > o->cell_cap) {
        size_t cap = o->cell_cap ? o->cell_cap * 2 : 256;
        struct cell *cells = reallocarray(o->cells, cap, sizeof *cells);
        if (!cells) {
            o->text.failed = true;
            return;
        }
        o->cells = cells;
        o->cell_cap = cap;
    }
    for (size_t i = 0; i < o->column_count; i++)
        o->cells[o->cell_count++] = (struct cell){0};
}

void output_row_end(struct output *o)
{
    if (o->json)
        json_close(writer(o), '}');
}

static const char *cell_text(const struct output *o, size_t row, size_t column)
{
    const char *text = o->cells[row * o->column_count + column].text;
    return text ? text : "";
}

static void measure(const struct output *o, size_t rows, size_t widths[OUTPUT_COLUMNS])
{
    for (size_t c = 0; c < o->column_count; c++) {
        const struct column *column = &o->columns[c];
        widths[c] = 0;
        for (size_t r = 0; r < rows; r++) {
            size_t w = width(cell_text(o, r, c));
            if (w > widths[c])
                widths[c] = w;
        }
        size_t heading = width(column->heading ? column->heading : column->key);
        if (widths[c] > 0 && heading > widths[c])
            widths[c] = heading;
    }
}

static void end_line(struct output *o)
{
    while (o->text.len && o->text.data[o->text.len - 1] == ' ')
        o->text.len--;
    buf_putc(&o->text, '\n');
}

static void put_headings(struct output *o, const size_t widths[OUTPUT_COLUMNS])
{
    indent(o);
    for (size_t c = 0; c < o->column_count; c++) {
        const struct column *column = &o->columns[c];
        if (widths[c] == 0)
            continue;
        const char *heading = column->heading ? column->heading : column->key;
        // Over numbers the heading stands to the right like them.
        size_t space = widths[c] - width(heading);
        bool right = o->cells[c].number;
        pad(o, right ? space : 0);
        put_key(o, heading);
        pad(o, (right ? 0 : space) + 2);
    }
    end_line(o);
}

void output_table_end(struct output *o)
{
    if (o->json) {
        json_close(writer(o), ']');
        return;
    }
    size_t widths[OUTPUT_COLUMNS] = {0}, rows = o->column_count ? o->cell_count / o->column_count : 0;
    if (rows > 0 && !o->text.failed) {
        measure(o, rows, widths);
        put_headings(o, widths);
    }
    for (size_t r = 0; r < rows && !o->text.failed; r++) {
        indent(o);
        for (size_t c = 0; c < o->column_count; c++) {
            const char *text = cell_text(o, r, c);
            size_t space = widths[c] - width(text);
            if (widths[c] == 0)
                continue;
            bool right = o->cells[r * o->column_count + c].number;
            pad(o, right ? space : 0);
            buf_puts(&o->text, text);
            pad(o, (right ? 0 : space) + 2);
        }
        end_line(o);
    }
    for (size_t i = 0; i < o->cell_count; i++)
        free(o->cells[i].text);
    o->cell_count = 0;
    o->column_count = 0;
    o->columns = NULL;
    o->depth--;
}

// ---- Fields ----

static void put_cell(struct output *o, const char *key, const char *value, bool number)
{
    struct cell *row = o->cells + (o->cell_count - o->column_count);
    for (size_t c = 0; c < o->column_count && o->cell_count; c++) {
        if (strcmp(o->columns[c].key, key) != 0)
            continue;
        free(row[c].text);
        row[c] = (struct cell){strdup(value), number};
        o->text.failed |= !row[c].text;
    }
}

// A field for people.
static void put_field(struct output *o, const char *key, const char *value, bool number)
{
    if (o->columns) {
        put_cell(o, key, value, number);
        return;
    }
    indent(o);
    put_key(o, key);
    size_t w = width(key);
    pad(o, w < KEY_WIDTH ? KEY_WIDTH - w + 2 : 2);
    buf_puts(&o->text, value);
    end_line(o);
}

void output_text(struct output *o, const char *key, const char *value)
{
    if (o->json)
        json_text(writer(o), key, value);
    else
        put_field(o, key, value ? value : "", false);
}

void output_int(struct output *o, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    if (o->json)
        json_int(writer(o), key, value);
    else
        put_field(o, key, text, true);
}

static void put_number(struct output *o, const char *key, double value, bool single)
{
    struct buf text = {0};
    if (isfinite(value))
        buf_number(&text, value, single);
    put_field(o, key, buf_text(&text), true);
    o->text.failed |= text.failed;
    buf_free(&text);
}

void output_number(struct output *o, const char *key, double value)
{
    if (o->json)
        json_number(writer(o), key, value);
    else
        put_number(o, key, value, false);
}

void output_single(struct output *o, const char *key, double value)
{
    if (o->json)
        json_single(writer(o), key, value);
    else
        put_number(o, key, value, true);
}

void output_bool(struct output *o, const char *key, bool value)
{
    if (o->json)
        json_bool(writer(o), key, value);
    else
        put_field(o, key, value ? "yes" : "no", false);
}

void output_time(struct output *o, const char *key, struct utc value)
{
    char text[UTC_TEXT];
    output_text(o, key, utc_text(value, text));
}

void output_note(struct output *o, const char *format, ...)
{
    if (o->json)
        return;
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0) {
        o->text.failed = true;
        return;
    }
    indent(o);
    buf_puts(&o->text, text);
    buf_putc(&o->text, '\n');
    free(text);
}
