// SPDX-License-Identifier: Apache-2.0
// Writing JSON: keys, commas and escapes.
#include "symbiont/json.h"

#include <math.h>
#include <string.h>

struct json json_begin(struct buf *out)
{
    return (struct json){out, false};
}

// Bytes of the UTF-8 character that begins here (RFC 3629, table of section 4), 0 when there is none.
static size_t character(const unsigned char *s, size_t n)
{
    static const struct {
        unsigned char first, last, low, high; // of the first byte, and of the second
        size_t n;
    } forms[] = {{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
                 {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
                 {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (s[0] < forms[i].first || s[0] > forms[i].last)
            continue;
        if (n < forms[i].n || s[1] < forms[i].low || s[1] > forms[i].high)
            return 0;
        for (size_t k = 2; k < forms[i].n; k++)
            if ((s[k] & 0xC0) != 0x80)
                return 0;
        return forms[i].n;
    }
    return 0;
}

// Bytes that are no UTF-8 (a device's text, somebody's request, a text cut within a character) would spoil
// the whole document: each becomes U+FFFD.
static void quoted(struct buf *out, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    buf_putc(out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        size_t length = c < 0x80 ? 1 : character((const unsigned char *)s + i, n - i);
        if (c >= ' ' && c != '"' && c != '\\' && length) {
            i += length - 1;
            continue;
        }
        buf_put(out, s + plain, i - plain);
        plain = i + 1;
        if (!length)
            buf_puts(out, "\xEF\xBF\xBD");
        else if (c == '"' || c == '\\')
            buf_put(out, (char[]){'\\', (char)c}, 2);
        else
            buf_put(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
    buf_put(out, s + plain, n - plain);
    buf_putc(out, '"');
}

static void before_value(struct json *j, const char *key)
{
    if (j->comma)
        buf_putc(j->out, ',');
    j->comma = true;
    if (key) {
        quoted(j->out, key, strlen(key));
        buf_putc(j->out, ':');
    }
}

void json_open(struct json *j, const char *key, char bracket)
{
    before_value(j, key);
    buf_putc(j->out, bracket);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    buf_putc(j->out, bracket);
    j->comma = true;
}

void json_text_n(struct json *j, const char *key, const char *value, size_t n)
{
    before_value(j, key);
    quoted(j->out, value, n);
}

void json_text(struct json *j, const char *key, const char *value)
{
    if (value)
        json_text_n(j, key, value, strlen(value));
    else
        json_none(j, key);
}

void json_int(struct json *j, const char *key, int64_t value)
{
    before_value(j, key);
    buf_int(j->out, value);
}

static void number(struct json *j, const char *key, double value, bool single)
{
    before_value(j, key);
    if (isfinite(value))
        buf_number(j->out, value, single);
    else
        buf_puts(j->out, "null");
}

void json_number(struct json *j, const char *key, double value)
{
    number(j, key, value, false);
}

void json_single(struct json *j, const char *key, double value)
{
    number(j, key, value, true);
}

void json_bool(struct json *j, const char *key, bool value)
{
    before_value(j, key);
    buf_puts(j->out, value ? "true" : "false");
}

void json_none(struct json *j, const char *key)
{
    before_value(j, key);
    buf_puts(j->out, "null");
}

void json_raw(struct json *j, const char *key, const char *value, size_t n)
{
    before_value(j, key);
    buf_put(j->out, value, n);
}
