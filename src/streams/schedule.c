// SPDX-License-Identifier: Apache-2.0
// Times of the week and days of the year as people write them.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "streams/stream_inside.h"

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

// "mon", "mon-fri", "weekdays", "weekends", "daily" -> first and last day, 0 Monday.
static bool parse_days(const char *text, size_t n, unsigned *first, unsigned *last)
{
    static const struct {
        const char *word;
        unsigned first, last;
    } words[] = {{"weekdays", 0, 4}, {"weekends", 5, 6}, {"daily", 0, 6}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].word) == n && strncmp(words[i].word, text, n) == 0) {
            *first = words[i].first;
            *last = words[i].last;
            return true;
        }
    if (n != 3 && !(n == 7 && text[3] == '-'))
        return false;
    *first = *last = 7;
    for (unsigned i = 0; i < 7; i++) {
        if (strncmp(text, days[i], 3) == 0)
            *first = i;
        if (strncmp(text + n - 3, days[i], 3) == 0)
            *last = i;
    }
    return *first < 7 && *last < 7;
}

// "6-22": from 6 to 22 o'clock; "22-6" goes over midnight, its end on the day after.
static bool parse_hours(const char *text, size_t n, unsigned *from, unsigned *to)
{
    char copy[8], *end;
    if (n == 0 || n >= sizeof copy)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (!isdigit((unsigned char)copy[0]))
        return false;
    *from = (unsigned)strtoul(copy, &end, 10);
    if (*end != '-' || !isdigit((unsigned char)end[1]))
        return false;
    *to = (unsigned)strtoul(end + 1, &end, 10);
    return *end == '\0' && *from <= 23 && *to <= 24 && *from != *to;
}

static bool parse_item(const char *text, size_t n, uint8_t out[static 21])
{
    if (n == 6 && strncmp(text, "always", 6) == 0) {
        memset(out, 0xff, 21);
        return true;
    }
    size_t word = 0;
    while (word < n && !isspace((unsigned char)text[word]))
        word++;
    size_t rest = word;
    while (rest < n && isspace((unsigned char)text[rest]))
        rest++;
    unsigned first, last, from = 0, to = 24;
    if (!parse_days(text, word, &first, &last) ||
        (rest < n && !parse_hours(text + rest, n - rest, &from, &to)))
        return false;
    for (unsigned day = first;; day = (day + 1) % 7) {
        for (unsigned h = from, left = to > from ? to - from : to + 24 - from; left > 0; h++, left--) {
            unsigned at = (day * 24 + h) % 168;
            out[at / 8] |= (uint8_t)(1u << (at % 8));
        }
        if (day == last)
            return true;
    }
}

bool schedule_parse(const char *text, uint8_t out[static 21], char *why, size_t why_size)
{
    memset(out, 0, 21);
    for (const char *s = text;;) {
        while (isspace((unsigned char)*s))
            s++;
        size_t n = strcspn(s, ","), full = n;
        while (n && isspace((unsigned char)s[n - 1]))
            n--;
        if (!parse_item(s, n, out)) {
            snprintf(why, why_size,
                     "\"%.60s\" is no time of the week: wanted \"always\", \"weekdays 6-22\" or \"mon-fri "
                     "6-22, sat 8-12\"",
                     text);
            return false;
        }
        if (s[full] == '\0')
            return true;
        s += full + 1;
    }
}

bool date_parse(const char *text, int64_t *day)
{
    static const int length[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d, n = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &y, &m, &d, &n) != 3 || n != 10 || text[n] || m < 1 || m > 12 ||
        d < 1 || d > length[m - 1] || y < 1970)
        return false;
    *day = civil_day_number(y, m, d);
    return true;
}
