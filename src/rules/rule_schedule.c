// SPDX-License-Identifier: Apache-2.0
// When a rule watches: times of the week in the site's time zone.
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "rules/rule_inside.h"

static const struct {
    const char *word;
    uint8_t days, holidays;
} day_words[] = {
    {"mon", 0x01, HOLIDAYS_TOO},      {"tue", 0x02, HOLIDAYS_TOO},         {"wed", 0x04, HOLIDAYS_TOO},
    {"thu", 0x08, HOLIDAYS_TOO},      {"fri", 0x10, HOLIDAYS_TOO},         {"sat", 0x20, HOLIDAYS_TOO},
    {"sun", 0x40, HOLIDAYS_TOO},      {"daily", 0x7F, HOLIDAYS_TOO},       {"weekdays", 0x1F, HOLIDAYS_TOO},
    {"weekends", 0x60, HOLIDAYS_TOO}, {"workdays", 0x1F, NOT_ON_HOLIDAYS}, {"holidays", 0x7F, ONLY_HOLIDAYS},
};
enum { SINGLE_DAYS = 7 };

static int find_day(const char *text, size_t n)
{
    for (size_t i = 0; i < sizeof day_words / sizeof *day_words; i++)
        if (strlen(day_words[i].word) == n && strncmp(day_words[i].word, text, n) == 0)
            return (int)i;
    return -1;
}

// "mon", "mon-fri", "fri-mon", "workdays"
static bool parse_days(const char *text, size_t n, struct rule_span *out)
{
    const char *dash = memchr(text, '-', n);
    if (!dash) {
        int day = find_day(text, n);
        if (day < 0)
            return false;
        out->days = day_words[day].days;
        out->holidays = day_words[day].holidays;
        return true;
    }
    int first = find_day(text, (size_t)(dash - text)),
        last = find_day(dash + 1, n - (size_t)(dash - text) - 1);
    if (first < 0 || last < 0 || first >= SINGLE_DAYS || last >= SINGLE_DAYS)
        return false;
    for (int day = first;; day = (day + 1) % SINGLE_DAYS) {
        out->days |= day_words[day].days;
        if (day == last)
            return true;
    }
}

// "6", "06:00", "24:00" -> minutes; NULL when it is none.
static const char *parse_clock(const char *s, uint16_t *minutes)
{
    unsigned hour = 0, minute = 0, digits = 0;
    for (; isdigit((unsigned char)*s) && digits < 2; s++, digits++)
        hour = 10 * hour + (unsigned)(*s - '0');
    if (digits == 0)
        return NULL;
    if (*s == ':') {
        if (!isdigit((unsigned char)s[1]) || !isdigit((unsigned char)s[2]))
            return NULL;
        minute = 10u * (unsigned)(s[1] - '0') + (unsigned)(s[2] - '0');
        s += 3;
    }
    if (minute > 59 || hour * 60 + minute > 24 * 60)
        return NULL;
    *minutes = (uint16_t)(hour * 60 + minute);
    return s;
}

static const char *skip(const char *s)
{
    return s + strspn(s, " \t");
}

// One span; the end of it, or NULL.
static const char *parse_span(const char *s, struct rule_span *out)
{
    *out = (struct rule_span){.to = 24 * 60};
    if (!isalnum((unsigned char)*s))
        return NULL;
    if (isalpha((unsigned char)*s)) {
        size_t n = strcspn(s, " \t,");
        if (n == 6 && strncmp(s, "always", 6) == 0)
            out->days = 0x7F;
        else if (!parse_days(s, n, out))
            return NULL;
        s = skip(s + n);
    } else {
        out->days = 0x7F;
    }
    if (!isdigit((unsigned char)*s))
        return s;
    s = parse_clock(s, &out->from);
    if (!s || *(s = skip(s)) != '-')
        return NULL;
    s = parse_clock(skip(s + 1), &out->to);
    return s && out->from != out->to && out->from < 24 * 60 ? skip(s) : NULL;
}

bool rule_schedule_parse(struct rule_schedule *s, const char *text, char *why, size_t why_size)
{
    for (const char *at = skip(text);; at = skip(at + 1)) {
        if (s->n == RULE_SPANS_MAX) {
            snprintf(why, why_size, "more than %d times of the week", RULE_SPANS_MAX);
            return false;
        }
        struct rule_span span;
        at = parse_span(at, &span);
        if (!at || (*at && *at != ',')) {
            snprintf(why, why_size,
                     "\"%.60s\" is no time of the week; write it as \"mon-fri 06:00-22:00\", \"sat 8-12\", "
                     "\"workdays\", "
                     "\"holidays\" or \"22:00-06:00\"",
                     text);
            return false;
        }
        s->spans[s->n++] = span;
        if (!*at)
            return true;
    }
}

static bool is_holiday(const struct expression_calendar *c, int64_t day)
{
    for (size_t i = 0; i < c->holiday_count; i++)
        if (c->holidays[i] == day)
            return true;
    return false;
}

static bool on_day(const struct rule_span *p, const struct expression_calendar *c, int64_t day)
{
    unsigned weekday = (unsigned)(((day + 3) % 7 + 7) % 7); // 1970-01-01 was a Thursday
    if (!(p->days >> weekday & 1))
        return false;
    return p->holidays == HOLIDAYS_TOO || is_holiday(c, day) == (p->holidays == ONLY_HOLIDAYS);
}

bool rule_schedule_has(const struct rule_schedule *s, const struct expression_calendar *c, struct utc t)
{
    if (s->n == 0)
        return true;
    struct civil local = zone_civil(c->zone, t);
    int minute = local.hour * 60 + local.minute;
    for (size_t i = 0; i < s->n; i++) {
        const struct rule_span *p = &s->spans[i];
        bool over_midnight = p->to <= p->from;
        if (minute >= p->from && (over_midnight || minute < p->to) && on_day(p, c, local.day_number))
            return true;
        if (over_midnight && minute < p->to && on_day(p, c, local.day_number - 1))
            return true;
    }
    return false;
}

// Time zones differ by quarters of an hour, and most spans begin with one.
struct utc rule_schedule_next(const struct rule_schedule *s, struct utc t)
{
    if (s->n == 0)
        return (struct utc){INT64_MAX};
    int64_t step = 15 * 60000;
    for (size_t i = 0; i < s->n; i++)
        if (s->spans[i].from % 15 || s->spans[i].to % 15)
            step = 60000;
    int64_t into = t.ms % step;
    return (struct utc){t.ms - (into < 0 ? into + step : into) + step};
}
