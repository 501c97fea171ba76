// SPDX-License-Identifier: Apache-2.0
// Writing JSON: keys, commas and escapes.
#include "symbiont/json.h"

#include <math.h>
#include <string.h>

struct json json_begin(struct buf *out)
{
    return (struct json){out, false};
}

static void quoted(struct buf *out, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    buf_putc(out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        buf_put(out, s + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\')
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
