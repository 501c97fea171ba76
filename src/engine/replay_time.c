// SPDX-License-Identifier: Apache-2.0
// Times as they stand in files: patterns, zones, the hour that comes twice and the one that does not come.
#include "engine/replay_time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "symbiont/text.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))

// ---- Patterns ----

static const struct {
    const char *word;
    struct time_part part;
} words[] = {
    {"yyyy", {'y', 4, 4, 0}}, {"mm", {'m', 1, 2, 0}}, {"dd", {'d', 1, 2, 0}},  {"HH", {'H', 1, 2, 0}},
    {"MM", {'M', 1, 2, 0}},   {"SS", {'S', 1, 2, 0}}, {"fff", {'f', 1, 9, 0}}, {"tt", {'t', 0, 0, 0}},
};

static bool take_word(const char **text, struct time_part *out)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i].word);
        if (strncmp(*text, words[i].word, n) != 0)
            continue;
        *out = words[i].part;
        *text += n;
        return true;
    }
    return false;
}

static bool parse_pattern(struct time_format *f, const char *text)
{
    unsigned seen = 0;
    f->style = TIME_PATTERN;
    while (*text) {
        if (f->n == TIME_PARTS_MAX)
            return false;
        struct time_part *p = &f->parts[f->n++];
        if (!take_word(&text, p)) {
            if (isalpha((unsigned char)*text) && *text != 'T')
                return false;
            *p = (struct time_part){.literal = *text++};
        }
        for (int bit = 0; bit < 3; bit++)
            if (p->what == "ymd"[bit])
                seen |= 1u << bit;
    }
    return seen == 7;
}

bool time_format_parse(struct time_format *f, const char *text, char *why, size_t why_size)
{
    static const struct {
        const char *word;
        enum time_style style;
    } styles[] = {{"iso", TIME_ISO}, {"epoch", TIME_EPOCH}, {"epoch ms", TIME_EPOCH_MS}};
    *f = (struct time_format){.n = 0};
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
        if (strcmp(text, styles[i].word) == 0) {
            f->style = styles[i].style;
            return true;
        }
    if (parse_pattern(f, text))
        return true;
    snprintf(why, why_size,
             "\"%.60s\" is no format of times; wanted iso, epoch, epoch ms, or a pattern with yyyy, mm and "
             "dd, and HH, MM, "
             "SS, fff, tt: \"dd/mm/yyyy HH:MM\"",
             text);
    return false;
}

// ---- Reading ----

struct digits {
    const char *at, *end;
};

static bool take_number(struct digits *d, int least, int most, int64_t *out, int *length)
{
    int n = 0;
    *out = 0;
    for (; n < most && d->at < d->end && *d->at >= '0' && *d->at <= '9'; n++)
        *out = 10 * *out + (*d->at++ - '0');
    if (length)
        *length = n;
    return n >= least;
}

static bool take_char(struct digits *d, char c)
{
    if (d->at >= d->end || *d->at != c)
        return false;
    d->at++;
    return true;
}

struct fields {
    int64_t year, month, day, hour, minute, second, ms;
    bool twelve, afternoon;
};

// Milliseconds out of as many digits of a second as there are.
static int64_t thousandths(int64_t digits, int n)
{
    for (; n < 3; n++)
        digits *= 10;
    for (; n > 3; n--)
        digits /= 10;
    return digits;
}

static bool build(struct fields *f, struct written_time *out)
{
    static const int64_t longest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (f->twelve) {
        if (f->hour < 1 || f->hour > 12)
            return false;
        f->hour = f->hour % 12 + (f->afternoon ? 12 : 0);
    }
    bool end_of_day = f->hour == 24 && f->minute == 0 && f->second == 0;
    if (f->year < 1900 || f->year > 9999 || f->month < 1 || f->month > 12 || f->day < 1 ||
        f->day > longest[f->month - 1] || (f->hour > 23 && !end_of_day) || f->minute > 59 || f->second > 60)
        return false;
    bool leap = (f->year % 4 == 0 && f->year % 100 != 0) || f->year % 400 == 0;
    if (f->month == 2 && f->day == 29 && !leap)
        return false;
    int64_t day = civil_day_number((int)f->year, (int)f->month, (int)f->day);
    out->local_ms = day * DAY_MS + ((f->hour * 60 + f->minute) * 60 + f->second) * 1000 + f->ms;
    return true;
}

static bool take_half_of_day(struct digits *d, struct fields *f)
{
    if (d->end - d->at < 2 || (d->at[1] != 'M' && d->at[1] != 'm'))
        return false;
    char half = (char)toupper((unsigned char)d->at[0]);
    f->twelve = true;
    f->afternoon = half == 'P';
    d->at += 2;
    return half == 'A' || half == 'P';
}

static bool read_pattern(const struct time_format *format, struct digits d, struct written_time *out)
{
    struct fields f = {0};
    int64_t *const targets[] = {&f.year, &f.month, &f.day, &f.hour, &f.minute, &f.second, &f.ms};
    for (size_t i = 0; i < format->n; i++) {
        const struct time_part *p = &format->parts[i];
        int length;
        if (!p->what) {
            if (!take_char(&d, p->literal))
                return false;
        } else if (p->what == 't') {
            if (!take_half_of_day(&d, &f))
                return false;
        } else {
            int64_t *target = targets[strchr("ymdHMSf", p->what) - "ymdHMSf"];
            if (!take_number(&d, p->least, p->most, target, &length))
                return false;
            if (p->what == 'f')
                f.ms = thousandths(f.ms, length);
        }
    }
    return d.at == d.end && build(&f, out);
}

// "Z", "+01:00", "-0530", "+01" or nothing.
static bool read_offset(struct digits *d, struct written_time *out)
{
    int64_t hours, minutes = 0;
    if (d->at < d->end && *d->at == ' ')
        d->at++;
    if (d->end - d->at == 3 && memcmp(d->at, "UTC", 3) == 0)
        d->at += 2;
    else if (!(d->at < d->end))
        return true;
    out->has_offset = true;
    if (take_char(d, 'Z') || take_char(d, 'C'))
        return d->at == d->end;
    int sign = take_char(d, '+') ? 1 : take_char(d, '-') ? -1 : 0;
    if (!sign || !take_number(d, 2, 2, &hours, NULL))
        return false;
    take_char(d, ':');
    if (d->at < d->end && !take_number(d, 2, 2, &minutes, NULL))
        return false;
    out->offset_s = (int32_t)(sign * (hours * 3600 + minutes * 60));
    return d->at == d->end && hours <= 15 && minutes < 60;
}

static bool read_iso(struct digits d, struct written_time *out)
{
    struct fields f = {0};
    int length;
    if (!take_number(&d, 4, 4, &f.year, NULL) || !take_char(&d, '-') ||
        !take_number(&d, 2, 2, &f.month, NULL) || !take_char(&d, '-') || !take_number(&d, 2, 2, &f.day, NULL))
        return false;
    if (take_char(&d, 'T') || take_char(&d, ' ')) {
        if (!take_number(&d, 2, 2, &f.hour, NULL) || !take_char(&d, ':') ||
            !take_number(&d, 2, 2, &f.minute, NULL))
            return false;
        if (take_char(&d, ':') && !take_number(&d, 2, 2, &f.second, NULL))
            return false;
        if (take_char(&d, '.')) {
            if (!take_number(&d, 1, 9, &f.ms, &length))
                return false;
            f.ms = thousandths(f.ms, length);
        }
    }
    return read_offset(&d, out) && build(&f, out);
}

static bool read_epoch(const char *text, size_t n, double scale, struct written_time *out)
{
    char copy[32];
    double v;
    if (n >= sizeof copy)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (!text_number(copy, &v) || v * scale < -1e15 || v * scale > 1e15)
        return false;
    double ms = v * scale;
    out->local_ms = (int64_t)(ms < 0 ? ms - 0.5 : ms + 0.5);
    out->has_offset = true;
    return true;
}

bool time_read(const struct time_format *f, const char *text, size_t n, struct written_time *out)
{
    *out = (struct written_time){.local_ms = 0};
    struct digits d = {text, text + n};
    switch (f->style) {
    case TIME_ISO:
        return read_iso(d, out);
    case TIME_EPOCH:
        return read_epoch(text, n, 1000, out);
    case TIME_EPOCH_MS:
        return read_epoch(text, n, 1, out);
    default:
        return read_pattern(f, d, out);
    }
}

// ---- Zones ----

void time_track_begin(struct time_track *t, const struct zone *zone)
{
    *t = (struct time_track){.zone = zone, .last = INT64_MIN, .plain_from = 0, .plain_to = 0};
}

static int64_t offset_at(const struct time_track *t, int64_t utc_ms)
{
    return (int64_t)zone_offset(t->zone, (struct utc){utc_ms}) * 1000;
}

// What this local time can be in UTC: never, once or twice.
static int64_t resolve(struct time_track *t, int64_t local)
{
    int64_t before = offset_at(t, local - DAY_MS), after = offset_at(t, local + DAY_MS);
    int64_t first = local - before, second = local - after;
    if (before == after) {
        t->plain_from = local - DAY_MS / 2;
        t->plain_to = local + DAY_MS / 2;
        t->plain_offset = before;
        return first;
    }
    bool is_first = offset_at(t, first) == before, is_second = offset_at(t, second) == after;
    if (is_first && is_second) {
        // The clock was put back: the first row of that time is the earlier one.
        if (t->last != INT64_MIN && first <= t->last) {
            t->double_hours++;
            return second;
        }
        return first;
    }
    if (!is_first && !is_second)
        t->lost_hours++; // put forward: it cannot be; taken for what the clock would have shown
    return is_second ? second : first;
}

int64_t time_track_utc(struct time_track *t, const struct written_time *w)
{
    int64_t local = w->local_ms;
    if (w->has_offset)
        return t->last = local - (int64_t)w->offset_s * 1000;
    if (!t->zone)
        return t->last = local;
    if (local >= t->plain_from && local < t->plain_to)
        return t->last = local - t->plain_offset;
    return t->last = resolve(t, local);
}
