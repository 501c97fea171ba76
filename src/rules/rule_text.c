// SPDX-License-Identifier: Apache-2.0
// An alert's text: words with values between them, "{avg(boiler.pressure, 5 min): bar .1}".
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rules/rule_inside.h"
#include "symbiont/text.h"

// ---- Compiling ----

static char *trimmed(const char *from, const char *to)
{
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    return strndup(from, (size_t)(to - from));
}

// " kW .1", "kW", ".2", "" after the colon.
static bool parse_format(char *format, struct rule_part *part, bool *has_unit, char *why, size_t why_size)
{
    char *dot = strrchr(format, '.');
    *has_unit = false;
    if (dot && isdigit((unsigned char)dot[1]) && !dot[2]) {
        part->decimals = dot[1] - '0';
        while (dot > format && isspace((unsigned char)dot[-1]))
            dot--;
        *dot = '\0';
    }
    if (!*format)
        return true;
    *has_unit = true;
    part->unit = unit_find(format);
    if (part->unit)
        return true;
    const char *near = unit_nearest(format);
    snprintf(why, why_size, "the unit \"%s\" is not known%s%s%s", format, near ? "; did you mean \"" : "",
             near ? near : "", near ? "\"?" : "");
    return false;
}

static bool compile_value(struct rule_part *part, const char *text, const struct expression_names *names,
                          const struct expression_calendar *calendar, bool has_unit, char *why,
                          size_t why_size)
{
    struct expression_error error;
    const struct expression_wanted wanted = {.unit = part->unit};
    part->value = expression_compile(text, names, calendar, has_unit ? &wanted : NULL, &error);
    if (!part->value) {
        snprintf(why, why_size, "in \"{%.60s}\", column %d: %s", text, error.column, error.text);
        return false;
    }
    part->unit = expression_unit(part->value);
    part->state = expression_state_new(part->value);
    return part->state != NULL;
}

static bool compile_part(struct rule_part *part, const char *from, const char *to,
                         const struct expression_names *names, const struct expression_calendar *calendar,
                         char *why, size_t why_size)
{
    const char *colon = memchr(from, ':', (size_t)(to - from));
    char *text = trimmed(from, colon ? colon : to), *format = trimmed(colon ? colon + 1 : to, to);
    bool has_unit, good = text && format && parse_format(format, part, &has_unit, why, why_size) &&
                          compile_value(part, text, names, calendar, has_unit, why, why_size);
    free(text);
    free(format);
    return good;
}

// Copies words up to a brace that is not doubled; returns where it stopped.
static const char *take_words(const char *s, struct buf *words)
{
    for (; *s; s++) {
        if ((*s == '{' || *s == '}') && s[1] == *s)
            s++;
        else if (*s == '{' || *s == '}')
            break;
        buf_putc(words, *s);
    }
    return s;
}

bool rule_text_compile(struct rule_text *out, const char *text, const struct expression_names *names,
                       const struct expression_calendar *calendar, char *why, size_t why_size)
{
    struct buf words = {0};
    bool good = true;
    snprintf(why, why_size, "out of memory");
    for (const char *s = text; good;) {
        struct rule_part *part = &out->parts[out->n];
        *part = (struct rule_part){.decimals = -1};
        buf_reset(&words);
        s = take_words(s, &words);
        part->words = strdup(buf_text(&words));
        good = part->words != NULL;
        out->n++;
        if (!good || !*s)
            break;
        const char *end = *s == '{' ? strchr(s, '}') : NULL;
        if (!end) {
            snprintf(why, why_size, "a \"%c\" without its \"%c\"; write \"%c%c\" for the character itself",
                     *s, *s == '{' ? '}' : '{', *s, *s);
            good = false;
        } else if (out->n > RULE_VALUES_MAX) {
            snprintf(why, why_size, "more than %d values in one text", RULE_VALUES_MAX);
            good = false;
        } else {
            good = compile_part(part, s + 1, end, names, calendar, why, why_size);
            s = end + 1;
        }
    }
    buf_free(&words);
    return good;
}

void rule_text_free(struct rule_text *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->parts[i].words);
        expression_state_free(t->parts[i].state);
        expression_free(t->parts[i].value);
    }
}

// ---- Writing ----

// Three digits are what a person reads; a plain number that is whole counts something.
static int decimals_for(double v, const struct unit *unit)
{
    double size = fabs(v);
    if (size >= 99.95 || size == 0 || (!*unit_text(unit) && v == round(v)))
        return 0;
    if (size >= 9.995)
        return 1;
    if (size >= 0.9995)
        return 2;
    return size >= 0.09995 ? 3 : size >= 0.009995 ? 4 : 6;
}

static void write_value(struct rule_part *p, struct utc now, char *out, size_t size)
{
    double v = expression_value(p->state, now);
    if (isnan(v))
        snprintf(out, size, "unknown");
    else if (!p->unit)
        snprintf(out, size, "%s", v != 0 ? "true" : "false");
    else
        snprintf(out, size, "%.*f%s%s", p->decimals >= 0 ? p->decimals : decimals_for(v, p->unit), v,
                 *unit_text(p->unit) ? " " : "", unit_text(p->unit));
}

void rule_text_write(struct rule_text *t, struct utc now, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < t->n && at < size; i++) {
        at += (size_t)snprintf(out + at, size - at, "%s", t->parts[i].words);
        if (!t->parts[i].value || at >= size)
            continue;
        write_value(&t->parts[i], now, out + at, size - at);
        at += strlen(out + at);
    }
}

void rule_text_duration(int64_t ms, char *out, size_t size)
{
    long long s = (ms + 500) / 1000;
    if (s < 60)
        snprintf(out, size, "%lld s", s);
    else if (s < 3600)
        snprintf(out, size, "%lld min", (s + 30) / 60);
    else if (s < 2 * 86400)
        snprintf(out, size, "%lld h %lld min", s / 3600, s % 3600 / 60);
    else
        snprintf(out, size, "%lld d %lld h", s / 86400, s % 86400 / 3600);
}
