// SPDX-License-Identifier: Apache-2.0
// History by hour of the week.
#include "streams/week.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEASONAL_SHARE 0.25
#define CHANGED_SHARE  0.25
#define MONTH_LEAST_H  100 // hours of a month before it says something

struct week_place week_place(const struct zone *z, struct utc t)
{
    struct civil c = zone_civil(z, t);
    int64_t monday =
        c.day_number - (c.weekday - 1) + 3; // 1970-01-01 was a Thursday: weeks of 7 from 1969-12-29
    int64_t week = monday / 7 + 1;
    return (struct week_place){.hour = (unsigned)((c.weekday - 1) * 24 + c.hour),
                               .week = week > 0 && week < UINT16_MAX ? (uint16_t)week : 1,
                               .month = (unsigned)c.month - 1,
                               .year = (uint16_t)c.year,
                               .day = c.day_number};
}

static bool summer(unsigned month)
{
    return month >= 3 && month <= 8;
}

void week_reset(struct week_history *w)
{
    memset(w, 0, sizeof *w);
    for (int i = 0; i < 12; i++)
        w->months[i] = NAN;
    for (int i = 0; i < WEEK_HOURS; i++)
        w->promised[i] = NAN;
}

static void add_month(struct week_history *w, struct week_place p, double mean)
{
    if (w->month_year[p.month] != p.year) {
        w->month_year[p.month] = p.year;
        w->months[p.month] = 0;
        w->month_hours[p.month] = 0;
    }
    double n = (double)w->month_hours[p.month] + 1;
    double old = isnan(w->months[p.month]) ? 0 : (double)w->months[p.month];
    w->months[p.month] = (float)(old + (mean - old) / n);
    w->month_hours[p.month] = (float)n;
}

static uint8_t share(double x)
{
    return (uint8_t)lround(250 * fmin(fmax(x, 0), 1));
}

void week_add(struct week_history *w, struct week_place p, double mean, double known, double surplus)
{
    struct week_entry *bin = w->entries[summer(p.month)][p.hour];
    struct week_entry e = {(float)mean, p.week, share(known), share(surplus)};
    if (bin[0].week == p.week) {
        // The hour that clocks repeat in autumn is one hour of the week.
        if (!isnan(bin[0].mean) && !isnan(e.mean))
            e.mean = (bin[0].mean + e.mean) / 2;
        else if (isnan(e.mean))
            e.mean = bin[0].mean;
        e.known = e.known > bin[0].known ? e.known : bin[0].known;
        e.surplus = e.surplus > bin[0].surplus ? e.surplus : bin[0].surplus;
    } else {
        memmove(bin + 1, bin, (WEEK_KEPT - 1) * sizeof *bin);
    }
    bin[0] = e;
    if (!isnan(mean))
        add_month(w, p, mean);
}

unsigned week_values(const struct week_history *w, struct week_place now, unsigned hour, unsigned weeks,
                     bool season_only, const struct week_entry *out[static WEEK_KEPT])
{
    unsigned n = 0, at[2] = {0, 0};
    while (n < WEEK_KEPT) {
        const struct week_entry *best = NULL;
        unsigned from = 0;
        for (unsigned s = 0; s < 2; s++) {
            if (season_only && s != (unsigned)summer(now.month))
                continue;
            const struct week_entry *e = at[s] < WEEK_KEPT ? &w->entries[s][hour][at[s]] : NULL;
            if (e && e->week && (!best || e->week > best->week)) {
                best = e;
                from = s;
            }
        }
        if (!best)
            break;
        at[from]++;
        // Of the season alone they may be older: last year's, until there are enough.
        if (best->week <= now.week && (season_only || best->week + weeks >= now.week))
            out[n++] = best;
    }
    return n < weeks ? n : weeks;
}

bool week_seasonal(const struct week_history *w)
{
    double sum[2] = {0, 0}, n[2] = {0, 0};
    for (unsigned i = 0; i < 12; i++)
        if (w->month_hours[i] >= MONTH_LEAST_H) {
            sum[summer(i)] += (double)w->months[i];
            n[summer(i)]++;
        }
    if (n[0] < 2 || n[1] < 2)
        return false;
    double winter_mean = sum[0] / n[0], summer_mean = sum[1] / n[1];
    return fabs(winter_mean - summer_mean) > SEASONAL_SHARE * (fabs(winter_mean) + fabs(summer_mean)) / 2;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double week_quantile(double *values, unsigned n, double q)
{
    if (!n)
        return NAN;
    qsort(values, n, sizeof *values, ascending);
    double rank = q * (n - 1);
    unsigned low = (unsigned)rank;
    double rest = rank - low;
    return low + 1 < n ? values[low] + rest * (values[low + 1] - values[low]) : values[low];
}

static double mean_of_week(const struct week_history *w, uint16_t week, unsigned *hours)
{
    double sum = 0;
    *hours = 0;
    for (unsigned s = 0; s < 2; s++)
        for (unsigned h = 0; h < WEEK_HOURS; h++)
            for (unsigned i = 0; i < WEEK_KEPT; i++) {
                const struct week_entry *e = &w->entries[s][h][i];
                if (e->week == week && !isnan(e->mean)) {
                    sum += (double)e->mean;
                    ++*hours;
                }
            }
    return *hours ? sum / *hours : NAN;
}

int week_change(struct week_history *w, struct week_place now, double *before, double *after)
{
    if (w->changed_week == now.week)
        return 0;
    w->changed_week = now.week;
    double last[2], usual = 0;
    unsigned hours, weeks = 0;
    for (unsigned i = 0; i < 2; i++) {
        last[i] = mean_of_week(w, (uint16_t)(now.week - 1 - i), &hours);
        if (hours < WEEK_HOURS / 2)
            return 0;
    }
    for (unsigned i = 3; i <= 2 + WEEK_BASELINE && i < now.week; i++) {
        double m = mean_of_week(w, (uint16_t)(now.week - i), &hours);
        if (hours >= WEEK_HOURS / 2) {
            usual += m;
            weeks++;
        }
    }
    if (weeks < 2)
        return 0;
    *before = usual / weeks;
    *after = (last[0] + last[1]) / 2;
    double step = CHANGED_SHARE * fabs(*before);
    return last[0] > *before + step && last[1] > *before + step   ? 1
           : last[0] < *before - step && last[1] < *before - step ? -1
                                                                  : 0;
}
