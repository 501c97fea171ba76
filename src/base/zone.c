// SPDX-License-Identifier: Apache-2.0
// Time zones from the system's zone files (RFC 8536): transitions, then the rule of the footer.
#include "symbiont/zone.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/buf.h"
#include "symbiont/cursor.h"
#include "symbiont/files.h"

enum {
    MAX_FILE = 1 << 16, // the largest of tzdata has 4 kB
    MAX_TRANSITIONS = 2000,
    DAY = 86400,
};

struct transition {
    int64_t at; // UTC seconds
    int32_t offset;
};

// When, in a year, the offset changes: "M3.5.0/2", "J60", "59".
struct change {
    char kind; // 'M', 'J', or '0' for the day of the year that counts 29 February
    int month, week, day;
    int32_t time; // seconds after local midnight
};

struct zone {
    int32_t first; // before the first transition
    struct transition *transitions;
    size_t n;
    bool has_rule; // of the footer: in force after the last transition
    bool has_dst;
    int32_t standard, dst;
    struct change begin, end;
};

// ---- Dates ----

// Days from 1970-01-01; the year begins in March so that the leap day is its last.
int64_t civil_day_number(int year, int month, int day)
{
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static void date_of_day(int64_t days, struct civil *c)
{
    days += 719468;
    int64_t era = floor_div(days, 146097), of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), m = (5 * of_year + 2) / 153;
    c->day = (int)(of_year - (153 * m + 2) / 5 + 1);
    c->month = (int)(m < 10 ? m + 3 : m - 9);
    c->year = (int)(year + era * 400 + (c->month <= 2));
}

static int weekday_of(int64_t day_number)
{
    // 1970-01-01 was a Thursday, 4.
    return (int)((day_number + 3) - floor_div(day_number + 3, 7) * 7) + 1;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

// ---- The rule of the footer, POSIX TZ ----

static bool take_int(const char **p, int max, int *out)
{
    int n = 0, digits = 0;
    while (**p >= '0' && **p <= '9' && digits < 5) {
        n = n * 10 + (*(*p)++ - '0');
        digits++;
    }
    *out = n;
    return digits > 0 && n <= max;
}

// "-3", "02:30", "+1:00:00"
static bool take_time(const char **p, int32_t *out)
{
    int sign = 1, part[3] = {0, 0, 0};
    if (**p == '-' || **p == '+')
        sign = *(*p)++ == '-' ? -1 : 1;
    if (!take_int(p, 167, &part[0]))
        return false;
    for (int i = 1; i < 3 && **p == ':'; i++) {
        (*p)++;
        if (!take_int(p, 59, &part[i]))
            return false;
    }
    *out = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
    return true;
}

static bool take_name(const char **p)
{
    size_t n;
    if (**p == '<') {
        n = strcspn(*p, ">");
        if ((*p)[n] != '>')
            return false;
        *p += n + 1;
        return n > 1;
    }
    n = strcspn(*p, "0123456789+-,<");
    *p += n;
    return n >= 3;
}

static bool take_change(const char **p, struct change *c)
{
    if (*(*p)++ != ',')
        return false;
    c->kind = **p == 'M' || **p == 'J' ? *(*p)++ : '0';
    c->time = 2 * 3600;
    if (c->kind == 'M') {
        if (!take_int(p, 12, &c->month) || c->month < 1 || *(*p)++ != '.')
            return false;
        if (!take_int(p, 5, &c->week) || c->week < 1 || *(*p)++ != '.')
            return false;
        if (!take_int(p, 6, &c->day))
            return false;
    } else if (!take_int(p, 365, &c->day) || (c->kind == 'J' && c->day < 1)) {
        return false;
    }
    if (**p == '/') {
        (*p)++;
        return take_time(p, &c->time);
    }
    return true;
}

static bool parse_rule(const char *p, struct zone *z)
{
    // POSIX counts offsets west of Greenwich.
    int32_t west;
    if (!take_name(&p) || !take_time(&p, &west))
        return false;
    z->standard = -west;
    if (*p) {
        z->has_dst = true;
        z->dst = z->standard + 3600;
        if (!take_name(&p))
            return false;
        if (*p && *p != ',') {
            if (!take_time(&p, &west))
                return false;
            z->dst = -west;
        }
        if (!take_change(&p, &z->begin) || !take_change(&p, &z->end))
            return false;
    }
    z->has_rule = *p == '\0';
    return z->has_rule;
}

// UTC seconds of a change in `year`, the offset before it being `offset`.
static int64_t change_in_year(const struct change *c, int year, int32_t offset)
{
    int64_t day;
    if (c->kind == 'M') {
        int64_t first = civil_day_number(year, c->month, 1);
        int weekday = weekday_of(first) % 7; // Sunday is 0
        day = first + (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
        int64_t next =
            c->month == 12 ? civil_day_number(year + 1, 1, 1) : civil_day_number(year, c->month + 1, 1);
        if (day >= next)
            day -= 7; // week 5 is the last
    } else {
        day = civil_day_number(year, 1, 1) + c->day;
        if (c->kind == 'J')
            day -= is_leap(year) && c->day >= 60 ? 0 : 1;
    }
    return day * DAY + c->time - offset;
}

static int32_t rule_offset(const struct zone *z, int64_t seconds)
{
    if (!z->has_dst)
        return z->standard;
    struct civil c;
    date_of_day(floor_div(seconds + z->standard, DAY), &c);
    int64_t begin = change_in_year(&z->begin, c.year, z->standard);
    int64_t end = change_in_year(&z->end, c.year, z->dst);
    bool dst = begin <= end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
    return dst ? z->dst : z->standard;
}

// ---- The file ----

struct header {
    uint8_t version;
    size_t isut, isstd, leap, times, types, chars;
};

static bool take_header(struct cursor *c, struct header *h)
{
    const uint8_t *magic = cursor_take(c, 4);
    h->version = cursor_u8(c);
    cursor_take(c, 15);
    h->isut = cursor_u32(c);
    h->isstd = cursor_u32(c);
    h->leap = cursor_u32(c);
    h->times = cursor_u32(c);
    h->types = cursor_u32(c);
    h->chars = cursor_u32(c);
    return !c->failed && memcmp(magic, "TZif", 4) == 0 && h->times <= MAX_TRANSITIONS && h->types >= 1 &&
           h->types <= 256 && h->chars <= 4096 && h->leap <= 1000 && h->isut <= 256 && h->isstd <= 256;
}

static bool take_transitions(struct cursor *c, const struct header *h, struct zone *z)
{
    const uint8_t *at = cursor_take(c, h->times * 8);
    const uint8_t *type = cursor_take(c, h->times);
    const uint8_t *types = cursor_take(c, h->types * 6);
    cursor_take(c, h->chars + h->leap * 12 + h->isstd + h->isut);
    z->transitions = calloc(h->times + 1, sizeof *z->transitions);
    if (c->failed || !z->transitions)
        return false;
    struct cursor times = cursor_over(at, h->times * 8);
    for (size_t i = 0; i <= h->times; i++) {
        // Before the first transition type 0 is in force.
        size_t k = i == 0 ? 0 : type[i - 1];
        if (k >= h->types)
            return false;
        struct cursor entry = cursor_over(types + k * 6, 6);
        int32_t offset = (int32_t)cursor_u32(&entry);
        if (offset < -DAY * 2 || offset > DAY * 2)
            return false;
        if (i == 0) {
            z->first = offset;
            continue;
        }
        z->transitions[i - 1] = (struct transition){cursor_i64(&times), offset};
        if (i > 1 && z->transitions[i - 1].at <= z->transitions[i - 2].at)
            return false;
    }
    z->n = h->times;
    return true;
}

static bool take_footer(struct cursor *c, struct zone *z)
{
    size_t n = cursor_left(c);
    const uint8_t *p = cursor_take(c, n);
    char text[128];
    if (n < 2 || p[0] != '\n')
        return false;
    const uint8_t *end = memchr(p + 1, '\n', n - 1);
    if (!end || (size_t)(end - p - 1) >= sizeof text)
        return false;
    size_t length = (size_t)(end - p - 1);
    memcpy(text, p + 1, length);
    text[length] = '\0';
    return length == 0 || (strlen(text) == length && parse_rule(text, z));
}

struct zone *zone_parse(const void *data, size_t n)
{
    struct cursor c = cursor_over(data, n);
    struct header h;
    struct zone *z = calloc(1, sizeof *z);
    // The first block holds 32-bit times and is there for readers of the last century.
    if (!z || !take_header(&c, &h) || h.version < '2' ||
        !cursor_take(&c, h.times * 5 + h.types * 6 + h.chars + h.leap * 8 + h.isstd + h.isut) ||
        !take_header(&c, &h) || !take_transitions(&c, &h, z) || !take_footer(&c, z)) {
        zone_free(z);
        return NULL;
    }
    return z;
}

struct zone *zone_open(const char *name, char *why, size_t why_size)
{
    const char *directory = getenv("TZDIR");
    char path[512];
    struct buf file = {0};
    struct zone *z = NULL;
    // Names come from configuration; one that climbs out of the directory is a mistake all the same.
    if (name[0] == '\0' || name[0] == '/' || strstr(name, "..") || strlen(name) > 100) {
        snprintf(why, why_size, "\"%.100s\" is not the name of a time zone, such as \"Europe/Paris\"", name);
        return NULL;
    }
    snprintf(path, sizeof path, "%s/%s", directory && directory[0] ? directory : "/usr/share/zoneinfo", name);
    if (file_read(path, MAX_FILE, &file) != 0)
        snprintf(why, why_size, "the time zone \"%s\" is not known: %s: %s", name, path, strerror(errno));
    else if (!(z = zone_parse(file.data, file.len)))
        snprintf(why, why_size, "the time zone \"%s\" cannot be used: %s is not a zone file", name, path);
    buf_free(&file);
    return z;
}

void zone_free(struct zone *z)
{
    if (z)
        free(z->transitions);
    free(z);
}

// ---- Use ----

int32_t zone_offset(const struct zone *z, struct utc t)
{
    if (!z)
        return 0;
    int64_t seconds = floor_div(t.ms, 1000);
    if (z->n == 0 || seconds >= z->transitions[z->n - 1].at) {
        if (z->has_rule)
            return rule_offset(z, seconds);
        return z->n ? z->transitions[z->n - 1].offset : z->first;
    }
    if (seconds < z->transitions[0].at)
        return z->first;
    size_t low = 0, high = z->n - 1; // low's time is at or before t, high's after
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (z->transitions[middle].at <= seconds)
            low = middle;
        else
            high = middle;
    }
    return z->transitions[low].offset;
}

struct civil zone_civil(const struct zone *z, struct utc t)
{
    struct civil c;
    int64_t seconds = floor_div(t.ms, 1000) + zone_offset(z, t);
    c.day_number = floor_div(seconds, DAY);
    int of_day = (int)(seconds - c.day_number * DAY);
    date_of_day(c.day_number, &c);
    c.hour = of_day / 3600;
    c.minute = of_day / 60 % 60;
    c.second = of_day % 60;
    c.weekday = weekday_of(c.day_number);
    return c;
}
