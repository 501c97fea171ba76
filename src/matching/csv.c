// SPDX-License-Identifier: Apache-2.0
// CSV as spreadsheets write it.
#include "matching/csv.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void csv_begin(struct csv *c, const char *text, size_t n)
{
    c->at = text;
    c->end = text + n;
    c->separator = '\0';
    c->line = 0;
    c->next_line = 1;
    c->n = 0;
    c->wrong = NULL;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) // the mark that some spreadsheets begin with
        c->at += 3;
}

void csv_end(struct csv *c)
{
    c->at = c->end;
    c->n = 0;
}

static bool refuse(struct csv *c, const char *why)
{
    c->wrong = why;
    return false;
}

static void find_separator(struct csv *c)
{
    for (const char *p = c->at; p < c->end && *p != '\n'; p++)
        if (*p == ',' || *p == ';' || *p == '\t') {
            c->separator = *p;
            return;
        }
    c->separator = ',';
}

static void skip_line(struct csv *c)
{
    while (c->at < c->end && *c->at != '\n')
        c->at++;
    if (c->at < c->end)
        c->at++;
    c->next_line++;
}

// Empty lines and comments.
static bool begin_row(struct csv *c)
{
    while (c->at < c->end) {
        const char *p = c->at;
        while (p < c->end && (*p == ' ' || *p == '\r'))
            p++;
        if (p < c->end && *p != '\n' && *p != '#')
            return true;
        skip_line(c);
    }
    return false;
}

static char *quoted(struct csv *c, char *out, const char *limit)
{
    c->at++;
    for (; c->at < c->end; c->at++) {
        if (*c->at == '"') {
            if (c->at + 1 < c->end && c->at[1] == '"')
                c->at++;
            else
                break;
        } else if (*c->at == '\n') {
            c->next_line++;
        }
        if (out == limit)
            return NULL;
        *out++ = *c->at;
    }
    if (c->at == c->end) {
        c->wrong = "a quote is not closed";
        return NULL;
    }
    c->at++;
    while (c->at < c->end && *c->at != c->separator && isspace((unsigned char)*c->at) && *c->at != '\n')
        c->at++;
    return out;
}

static char *plain(struct csv *c, char *out, const char *limit)
{
    char *begin = out;
    for (; c->at < c->end && *c->at != c->separator && *c->at != '\n'; c->at++) {
        if (out == limit)
            return NULL;
        *out++ = *c->at;
    }
    while (out > begin && isspace((unsigned char)out[-1]))
        out--;
    return out;
}

static bool cell(struct csv *c, char **out, const char *limit)
{
    if (c->n == CSV_CELLS)
        return refuse(c, "a row has at most 64 cells");
    while (c->at < c->end && *c->at == ' ')
        c->at++;
    c->cells[c->n] = *out;
    char *end = c->at < c->end && *c->at == '"' ? quoted(c, *out, limit) : plain(c, *out, limit);
    if (!end)
        return c->wrong ? false : refuse(c, "a row has at most 8,191 bytes");
    *end = '\0';
    if (strlen(*out) != (size_t)(end - *out))
        return refuse(c, "there is a byte 0 in a cell");
    *out = end + 1;
    c->n++;
    return true;
}

bool csv_next(struct csv *c)
{
    c->n = 0;
    if (c->wrong || !begin_row(c))
        return false;
    if (!c->separator)
        find_separator(c);
    c->line = c->next_line;
    char *out = c->row;
    const char *limit = c->row + CSV_ROW - CSV_CELLS - 1;
    for (;;) {
        if (!cell(c, &out, limit))
            return false;
        if (c->at == c->end)
            return true;
        if (*c->at == '\n') {
            c->at++;
            c->next_line++;
            return true;
        }
        if (*c->at != c->separator)
            return refuse(c, "something follows a closing quote");
        c->at++;
    }
}

int csv_column(const struct csv *c, const char *heading)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->cells[i], heading) == 0)
            return (int)i;
    return -1;
}

const char *csv_cell(const struct csv *c, int column)
{
    return column >= 0 && (size_t)column < c->n ? c->cells[column] : "";
}

bool csv_refuse_list(const struct csv *c, char *why, size_t why_size, const char *format, va_list args)
{
    int n = snprintf(why, why_size, "line %d: ", c->line);
    if (n >= 0 && (size_t)n < why_size)
        vsnprintf(why + n, why_size - (size_t)n, format, args);
    return false;
}

bool csv_refuse(const struct csv *c, char *why, size_t why_size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    csv_refuse_list(c, why, why_size, format, args);
    va_end(args);
    return false;
}
