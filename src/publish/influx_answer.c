// SPDX-License-Identifier: Apache-2.0
// The decision table for statuses and error bodies.
#include "influx_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/json_parse.h"

#define RETRY_AFTER_MAX_S 600

static const struct rule {
    long from, to; // status codes
    enum influx_action action;
    const char *words; // when the body has none
} rules[] = {
    {200, 299, INFLUX_STORED, "stored"},
    {300, 399, INFLUX_FAULT, "the server sends us elsewhere"},
    {400, 400, INFLUX_BAD_LINES, "bad request"},
    {401, 401, INFLUX_FAULT, "not authorized: user, password or token is not accepted"},
    {403, 403, INFLUX_FAULT, "forbidden: this user or token may not write there"},
    {404, 404, INFLUX_FAULT, "not found: database, bucket, organisation or the path of the url"},
    {408, 408, INFLUX_BUSY, "the server waited too long for us"},
    {413, 413, INFLUX_TOO_LARGE, "request too large"},
    {422, 422, INFLUX_SET_ASIDE, "unprocessable: some values do not fit what is stored"},
    {425, 425, INFLUX_BUSY, "too early"},
    {429, 429, INFLUX_BUSY, "too many requests"},
    {400, 499, INFLUX_FAULT, "the server does not take such requests"},
    {500, 500, INFLUX_BROKEN, "internal error of the server"},
    {502, 504, INFLUX_BUSY, "the server is overloaded or starting"},
    {500, 599, INFLUX_BROKEN, "error of the server"},
};

static const struct rule *rule_for(long status)
{
    static const struct rule nonsense = {0, 0, INFLUX_FAULT, "this is no answer of an InfluxDB"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (status >= rules[i].from && status <= rules[i].to)
            return &rules[i];
    return &nonsense;
}

const char *influx_action_word(enum influx_action a)
{
    static const char *const words[] = {
        [INFLUX_STORED] = "stored",        [INFLUX_BAD_LINES] = "bad lines",
        [INFLUX_ALL_BAD] = "all bad",      [INFLUX_SET_ASIDE] = "set aside",
        [INFLUX_TOO_LARGE] = "too large",  [INFLUX_FAULT] = "configuration fault",
        [INFLUX_BUSY] = "busy, try later", [INFLUX_BROKEN] = "server error",
    };
    return words[a];
}

static json_t *parse(const char *body, size_t n)
{
    json_error_t error;
    json_t *root = n <= INFLUX_BODY_MAX ? json_parse(body, n, JSON_REJECT_DUPLICATES, &error) : NULL;
    if (json_is_object(root))
        return root;
    json_decref(root);
    return NULL;
}

// Foreign text for our log and status page: no control characters.
static void put_clean(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        buf_putc(out, (char)(c == '\n' || (c >= ' ' && c != 0x7f) ? c : ' '));
    }
}

void influx_message(const char *body, size_t n, struct buf *out)
{
    static const char *const keys[] = {"error", "message"}; // 1.x and 3.x, 2.x
    buf_reset(out);
    if (n > INFLUX_BODY_MAX)
        n = INFLUX_BODY_MAX;
    json_t *root = parse(body, n);
    const char *text = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !text; i++)
        text = json_string_value(json_object_get(root, keys[i]));
    put_clean(out, text ? text : body, text ? strlen(text) : n);
    json_decref(root);
}

size_t influx_listed_lines(const char *body, size_t n, size_t *out, size_t max)
{
    json_t *root = parse(body, n), *data = json_object_get(root, "data");
    size_t found = 0;
    for (size_t i = 0; i < json_array_size(data) && found < max; i++) {
        json_int_t line = json_integer_value(json_object_get(json_array_get(data, i), "line_number"));
        if (line > 0)
            out[found++] = (size_t)line;
    }
    json_decref(root);
    return found;
}

bool influx_quotes_line(const char *message, const char *line, size_t n)
{
    static const char before[] = "unable to parse '";
    size_t lead = sizeof before - 1;
    for (const char *at = message; (at = strstr(at, before)); at += lead) {
        const char *quoted = at + lead;
        // Compared up to the closing quote, so that a line is not found as the beginning of a longer one.
        if (strncmp(quoted, line, n) == 0 && quoted[n] == '\'')
            return true;
    }
    return false;
}

bool influx_names_field(const char *message, char *out, size_t size)
{
    static const char before[] = "input field \"";
    const char *at = strstr(message, before), *end = at ? strchr(at + sizeof before - 1, '"') : NULL;
    if (!end || end == at + sizeof before - 1 || (size_t)(end - at) - (sizeof before - 1) >= size)
        return false;
    at += sizeof before - 1;
    memcpy(out, at, (size_t)(end - at));
    out[end - at] = '\0';
    return true;
}

bool influx_line_has_field(const char *line, size_t n, const char *field)
{
    size_t length = strlen(field);
    const char *end = line + n;
    for (const char *at = line; (at = memchr(at, '=', (size_t)(end - at))); at++)
        if ((size_t)(at - line) > length && memcmp(at - length, field, length) == 0 &&
            (at[-(ptrdiff_t)length - 1] == ',' || at[-(ptrdiff_t)length - 1] == ' '))
            return true;
    return false;
}

// "... dropped=12" at the end of a 1.x or 2.x message; -1 when it does not say.
static long dropped(const char *message)
{
    const char *at = NULL, *next = message;
    while ((next = strstr(next, "dropped=")))
        at = next++;
    if (!at || at[8] < '0' || at[8] > '9')
        return -1;
    return strtol(at + 8, NULL, 10);
}

static void one_line(const char *message, const char *fallback, char *out, size_t size)
{
    size_t n = strcspn(message, "\n");
    snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), message);
    if (!*out)
        snprintf(out, size, "%s", fallback);
}

void influx_answer(long status, const char *body, size_t n, size_t posted, int64_t retry_after_s,
                   const char *redirect, struct influx_answer *out)
{
    const struct rule *rule = rule_for(status);
    struct buf message = {0};
    *out = (struct influx_answer){.action = rule->action};
    influx_message(body, n, &message);
    const char *text = buf_text(&message);
    one_line(rule->action == INFLUX_STORED ? "" : text, rule->words, out->words, sizeof out->words);
    if (rule->action == INFLUX_FAULT && redirect && *redirect)
        snprintf(out->words, sizeof out->words, "the server sends us to %.180s: set url to where it is",
                 redirect);
    // Every line dropped: nothing to look for. (0 is what 1.x says of lines it could not parse.)
    if (rule->action == INFLUX_BAD_LINES && dropped(text) > 0 && dropped(text) >= (long)posted)
        out->action = INFLUX_ALL_BAD;
    // 1.x: "database not found" comes as 404, but some proxies and versions say 400.
    if (rule->action == INFLUX_BAD_LINES &&
        (strstr(text, "database not found") || strstr(text, "database is required")))
        out->action = INFLUX_FAULT;
    if (retry_after_s > 0)
        out->wait_ns = (retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S) * 1000000000LL;
    buf_free(&message);
}
