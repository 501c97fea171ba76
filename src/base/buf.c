// SPDX-License-Identifier: Apache-2.0
// A growing byte buffer, and numbers in their shortest form.
#include "symbiont/buf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

char *buf_room(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (!b->data || n > b->cap - b->len) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap - b->len < n) {
            if (cap > SIZE_MAX / 2) {
                b->failed = true;
                return NULL;
            }
            cap *= 2;
        }
        char *data = realloc(b->data, cap);
        if (!data) {
            b->failed = true;
            return NULL;
        }
        b->data = data;
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_put(struct buf *b, const void *data, size_t n)
{
    char *to = buf_room(b, n);
    if (to && n) {
        memcpy(to, data, n);
        b->len += n;
    }
}

void buf_puts(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
    buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *to = n < 0 ? NULL : buf_room(b, (size_t)n + 1);
    if (to) {
        vsnprintf(to, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

const char *buf_text(struct buf *b)
{
    char *end = buf_room(b, 1);
    if (!end)
        return "";
    *end = '\0';
    return b->data;
}

static char *digits_backwards(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return end;
}

void buf_int(struct buf *b, int64_t value)
{
    char text[24], *end = text + sizeof text;
    char *at = digits_backwards(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (value < 0)
        *--at = '-';
    buf_put(b, at, (size_t)(end - at));
}

static const double power_of_ten[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

// Meters send numbers with few decimals. For d = 0, 1, ... the candidate is m / 10^d with m whole and
// below 2^53: both exact, so the division is the correctly rounded reading of the decimal text, which is
// what strtod would give. The first candidate equal to the value is its shortest text. printf takes
// about ten times as long and cannot find the shortest by itself.
void buf_number(struct buf *b, double value, bool single)
{
    double magnitude = fabs(value);
    for (int d = 0; d <= 9; d++) {
        double scaled = nearbyint(magnitude * power_of_ten[d]);
        if (scaled >= 9007199254740992.0)
            break;
        double back = scaled / power_of_ten[d];
        if (single ? (float)back != (float)magnitude : back != magnitude)
            continue;
        char text[32], *end = text + sizeof text;
        char *at = digits_backwards(end, (uint64_t)scaled);
        if (d > 0) {
            while (end - at <= d)
                *--at = '0';
            size_t whole = (size_t)(end - at) - (size_t)d;
            memmove(at - 1, at, whole);
            at--;
            at[whole] = '.';
        }
        if (value < 0 && scaled > 0)
            *--at = '-';
        buf_put(b, at, (size_t)(end - at));
        return;
    }
    char text[40];
    for (int precision = single ? 6 : 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, value);
        double back = strtod(text, NULL);
        if (single ? (float)back == (float)value : back == value)
            break;
    }
    // "1e+20": JSON and line protocol take the plus in an exponent.
    buf_puts(b, text);
}
