// SPDX-License-Identifier: Apache-2.0
// The site's time zone and holidays, as expressions and schedules want them.
#include <stdio.h>
#include <stdlib.h>
#include "site/site_options.h"
#include "symbiont/config.h"

static bool parse_day(const char *text, int64_t *day)
{
    int year, month, date, used = 0;
    static const int longest[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &date, &used) != 3 || text[used] || year < 1970 ||
        month < 1 || month > 12)
        return false;
    bool leap = month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);
    if (date < 1 || date > longest[month - 1] + leap)
        return false;
    *day = civil_day_number(year, month, date);
    return true;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void read_holidays(struct site *s, struct diagnostics *d)
{
    const struct texts *t = &s->root->site.holidays;
    int64_t *days = config_alloc(s->config, (t->n ? t->n : 1) * sizeof *days);
    size_t n = 0;
    for (size_t i = 0; days && i < t->n; i++) {
        if (parse_day(t->items[i], &days[n]))
            n++;
        else
            diag_error(d, s->root->site.common.place,
                       "holidays: \"%s\" is not a day; write it as \"2026-12-25\"", t->items[i]);
    }
    if (!days)
        return;
    qsort(days, n, sizeof *days, ascending);
    s->calendar.holidays = days;
    s->calendar.holiday_count = n;
}

// A system without zone files knows none: only a zone that was asked for is worth an error.
static void read_zone(struct site *s, struct diagnostics *d)
{
    const struct site_group *g = &s->root->site;
    char why[300];
    if (!g->timezone)
        return;
    s->calendar.zone = s->zone = zone_open(g->timezone, why, sizeof why);
    if (s->zone)
        return;
    if (option_given(&site_group_section, g, offsetof(struct site_group, timezone)))
        diag_error(d, g->common.place, "timezone: %s", why);
    else
        diag_warning(d, g->common.place, "timezone: %s; hours are counted in UTC", why);
}

void site_calendar_read(struct site *s, struct diagnostics *d)
{
    read_zone(s, d);
    read_holidays(s, d);
}

void site_calendar_free(struct site *s)
{
    zone_free(s->zone);
    s->zone = NULL;
}
