// SPDX-License-Identifier: Apache-2.0
// What a stream's own past says: profile, baseline, forecast, how far it can be relied on.
#include <math.h>
#include <string.h>
#include "streams/stream_inside.h"

#define HOUR_MS        3600000LL
#define FORECAST_LOW   0.5
#define FORECAST_HIGH  1.5
#define RECUR_SHARE    0.5 // of the hour in surplus, to count as an hour with surplus
#define RECUR_WEEKS    3   // of the last WEEK_RECENT
#define FIRM_SHARE     0.5 // of the typical amount
#define GOOD_COVERAGE  0.9
#define ERROR_HALVES_H (4 * WEEK_HOURS) // the forecast's error forgets by half in four weeks

// ---- Days that do not count ----

bool stream_day_shut(const struct stream *s, int64_t day)
{
    for (size_t i = 0; i < s->shutdown_count; i++)
        if (day >= s->shutdown[i].first && day <= s->shutdown[i].last)
            return true;
    return false;
}

static bool holiday(const struct stream *s, int64_t day)
{
    for (size_t i = 0; i < s->calendar.holiday_count; i++)
        if (s->calendar.holidays[i] == day)
            return true;
    return false;
}

bool stream_day_excluded(const struct stream *s, int64_t day)
{
    return stream_day_shut(s, day) || holiday(s, day);
}

// ---- Quantiles of an hour of the week ----

static unsigned values_of(const struct stream *s, struct week_place now, unsigned hour, unsigned weeks,
                          bool season, double out[static WEEK_KEPT])
{
    const struct week_entry *entries[WEEK_KEPT];
    unsigned n = week_values(s->history, now, hour, weeks, season, entries), kept = 0;
    for (unsigned i = 0; i < n; i++)
        if (!isnan(entries[i]->mean))
            out[kept++] = (double)entries[i]->mean;
    return kept;
}

static double quantile_of(const struct stream *s, struct week_place now, unsigned hour, unsigned weeks,
                          bool season, double q)
{
    double values[WEEK_KEPT];
    return week_quantile(values, values_of(s, now, hour, weeks, season, values), q);
}

bool stream_recurs(const struct stream *s, struct week_place now, unsigned hour)
{
    const struct week_entry *entries[WEEK_KEPT];
    unsigned n = week_values(s->history, now, hour, WEEK_RECENT + 1, false, entries), with = 0;
    for (unsigned i = 0; i < n; i++)
        if (entries[i]->week < now.week && entries[i]->week + WEEK_RECENT >= now.week)
            with += entries[i]->surplus >= 250 * RECUR_SHARE;
    return with >= RECUR_WEEKS;
}

// Known time over the time of the last four weeks that counts, from the first hour there is.
static double coverage_of(const struct stream *s, struct week_place now)
{
    double known = 0, hours = 0;
    uint16_t first = UINT16_MAX;
    for (unsigned h = 0; h < WEEK_HOURS; h++) {
        const struct week_entry *entries[WEEK_KEPT];
        unsigned n = week_values(s->history, now, h, WEEK_RECENT + 1, false, entries);
        for (unsigned i = 0; i < n; i++) {
            int age = (now.week - entries[i]->week) * WEEK_HOURS + (int)now.hour - (int)h;
            if (entries[i]->week == now.week && h > now.hour)
                continue;
            if (age >= 0 && age < WEEK_RECENT * WEEK_HOURS)
                known += entries[i]->known / 250.0;
            first = entries[i]->week < first ? entries[i]->week : first;
        }
    }
    int64_t monday = now.day - now.hour / 24;
    for (unsigned back = 0; back < WEEK_RECENT * WEEK_HOURS; back++) {
        int64_t at = (int64_t)now.hour - back;
        int64_t week_back = at < 0 ? (-at + WEEK_HOURS - 1) / WEEK_HOURS : 0;
        int64_t hour = at + week_back * WEEK_HOURS, day = monday - 7 * week_back + hour / 24;
        hours += !stream_day_excluded(s, day);
    }
    if (first == UINT16_MAX || hours <= 0)
        return NAN;
    return fmin(1, known / hours);
}

void stream_profile(const struct stream *s, struct utc t, struct stream_profile *out)
{
    struct week_place now = week_place(s->calendar.zone, t);
    memset(out, 0, sizeof *out);
    out->seasonal = week_seasonal(s->history);
    double firm = 0, typical = 0, firm_recurring = 0, typical_recurring = 0;
    unsigned n_all = 0, n_recurring = 0;
    for (unsigned h = 0; h < WEEK_HOURS; h++) {
        double values[WEEK_KEPT];
        unsigned n = values_of(s, now, h, WEEK_KEPT, out->seasonal, values);
        out->weeks = n > out->weeks ? n : out->weeks;
        out->firm[h] = (float)week_quantile(values, n, 0.2);
        out->typical[h] = (float)week_quantile(values, n, 0.5);
        out->peak[h] = (float)week_quantile(values, n, 0.8);
        out->recurring[h] = stream_recurs(s, now, h);
        if (!n)
            continue;
        firm += (double)out->firm[h];
        typical += (double)out->typical[h];
        n_all++;
        if (out->recurring[h]) {
            firm_recurring += (double)out->firm[h];
            typical_recurring += (double)out->typical[h];
            n_recurring++;
        }
    }
    out->mean_firm = n_recurring ? firm_recurring / n_recurring : n_all ? firm / n_all : NAN;
    out->mean_typical = n_recurring ? typical_recurring / n_recurring : n_all ? typical / n_all : NAN;
    out->coverage = coverage_of(s, now);
    out->offerable =
        n_recurring > 0 && out->mean_firm >= FIRM_SHARE * out->mean_typical && out->coverage >= GOOD_COVERAGE;
}

double stream_baseline(const struct stream *s, struct utc t)
{
    struct week_place now = week_place(s->calendar.zone, t);
    if (s->model && t.ms / HOUR_MS == s->last_ms / HOUR_MS && model_judge(s->model).accepted) {
        double y = model_expect(s->model, now.hour, s->driver);
        if (!isnan(y))
            return y;
    }
    return quantile_of(s, now, now.hour, WEEK_BASELINE, false, 0.5);
}

bool stream_months(const struct stream *s, float share[static 12])
{
    const float *months = s->history->months;
    float most = 0;
    for (int m = 0; m < 12; m++) {
        if (isnan(months[m]))
            return false;
        most = months[m] > most ? months[m] : most;
    }
    for (int m = 0; m < 12; m++)
        share[m] = most > 0 && months[m] > 0 ? months[m] / most : 0;
    return most > 0;
}

// Both cost a walk through the history: once per hour is enough.
static void renew_trust(struct stream *s, struct utc t)
{
    if (s->coverage_hour == t.ms / HOUR_MS + 1)
        return;
    s->coverage_hour = t.ms / HOUR_MS + 1;
    struct stream_profile p;
    stream_profile(s, t, &p);
    s->coverage = p.coverage;
    s->firmness = p.mean_typical > 0 ? fmin(1, fmax(0, p.mean_firm / p.mean_typical)) : NAN;
}

double stream_coverage(struct stream *s, struct utc t)
{
    renew_trust(s, t);
    return s->coverage;
}

double stream_confidence(struct stream *s, struct utc t)
{
    if (s->provenance == PROVENANCE_DECLARED && !s->parts[PART_VALUE].program)
        return provenance_weight(s->provenance); // nothing is measured that could be incomplete
    renew_trust(s, t);
    double firm = isnan(s->firmness) ? 1 : s->firmness, coverage = isnan(s->coverage) ? 0 : s->coverage;
    return provenance_weight(s->provenance) * coverage * firm;
}

struct stream_fit stream_fit(const struct stream *s)
{
    if (!s->model)
        return (struct stream_fit){NAN, NAN, false};
    struct model_quality q = model_judge(s->model);
    return (struct stream_fit){q.cv, q.bias, q.accepted};
}

// ---- Forecast ----

// How the last seven days compare with the same hours of the weeks before.
static double recent_ratio(const struct stream *s, struct week_place now)
{
    double recent = 0, usual = 0;
    for (unsigned h = 0; h < WEEK_HOURS; h++) {
        double values[WEEK_KEPT];
        unsigned n = values_of(s, now, h, WEEK_KEPT, false, values);
        if (n < 2)
            continue;
        recent += values[0];
        usual += week_quantile(values, n, 0.5);
    }
    if (!(fabs(usual) > 0))
        return 1;
    return fmin(fmax(recent / usual, FORECAST_LOW), FORECAST_HIGH);
}

static double forecast_at(const struct stream *s, struct week_place now, struct utc at, double ratio,
                          bool season)
{
    struct week_place p = week_place(s->calendar.zone, at);
    if (stream_day_shut(s, p.day))
        return 0;
    unsigned hour = holiday(s, p.day) ? 6 * 24 + p.hour % 24 : p.hour; // as on a Sunday
    return quantile_of(s, now, hour, WEEK_KEPT, season, 0.5) * ratio;
}

bool stream_forecast(const struct stream *s, struct utc t, double out[static 168], double *error)
{
    struct week_place now = week_place(s->calendar.zone, t);
    double ratio = recent_ratio(s, now);
    bool season = week_seasonal(s->history), any = false;
    int64_t first = (t.ms / HOUR_MS + 1) * HOUR_MS;
    for (int i = 0; i < WEEK_HOURS; i++) {
        struct utc at = {first + i * HOUR_MS};
        out[i] = forecast_at(s, now, at, ratio, season);
        if (s->provenance == PROVENANCE_DECLARED && !isnan(s->declared)) {
            struct week_place p = week_place(s->calendar.zone, at);
            out[i] = stream_day_shut(s, p.day) || !schedule_has(s->hours, p.hour) ? 0 : s->declared;
        }
        any |= !isnan(out[i]);
    }
    *error = s->history->actual > 0 ? s->history->error / s->history->actual : NAN;
    return any;
}

// ---- An hour more ----

// Once a day is enough, and makes recalling a year cheap.
static void renew_ratio(struct stream *s, struct week_place p)
{
    if (s->ratio_day == p.day && s->ratio > 0)
        return;
    s->ratio_day = p.day;
    s->ratio = recent_ratio(s, p);
    s->season = week_seasonal(s->history);
}

static void judge_forecast(struct stream *s, struct week_place p, double mean)
{
    struct week_history *w = s->history;
    double keep = exp2(-1.0 / ERROR_HALVES_H), promised = (double)w->promised[p.hour];
    if (!isnan(promised) && !isnan(mean)) {
        w->error = w->error * keep + fabs(promised - mean);
        w->actual = w->actual * keep + fabs(mean);
    }
}

static void tell_change(struct stream *s, struct week_place p, int64_t hour)
{
    double before, after;
    int change = week_change(s->history, p, &before, &after);
    if (change)
        stream_say(s, STREAM_CHANGED, (hour + 1) * HOUR_MS, after, NAN, 0,
                   "%s: for two weeks it gives %.4g, before it was %.4g (%+.0f %%)", stream_name(s), after,
                   before, 100 * (after - before) / fabs(before));
}

void stream_history_add(struct stream *s, const struct stream_hour *h, bool live)
{
    struct utc begins = {h->hour * HOUR_MS};
    struct week_place p = week_place(s->calendar.zone, begins);
    double mean = h->known_s > 0 ? h->amount * 3600 / h->known_s : NAN;
    if (stream_day_excluded(s, p.day))
        return;
    judge_forecast(s, p, mean);
    week_add(s->history, p, mean, h->known_s / 3600.0, h->surplus_s / 3600.0);
    renew_ratio(s, p);
    struct utc next = {begins.ms + WEEK_HOURS * HOUR_MS};
    s->history->promised[p.hour] = (float)forecast_at(s, p, next, s->ratio, s->season);
    if (!live) {
        double before, after;
        week_change(s->history, p, &before, &after); // told when it was so
        return;
    }
    tell_change(s, p, h->hour);
}

// An hour of which less than half is known says nothing.
void stream_learn(struct stream *s, const struct stream_hour *h, const struct open_hour *o)
{
    struct week_place p = week_place(s->calendar.zone, (struct utc){h->hour * HOUR_MS});
    double drivers[MODEL_DRIVERS];
    if (!s->model || 2 * h->known_s < 3600 || stream_day_excluded(s, p.day))
        return;
    for (int d = 0; d < MODEL_DRIVERS; d++)
        drivers[d] = 2 * o->driver_ms[d] >= HOUR_MS ? o->driver[d] / (double)o->driver_ms[d] : NAN;
    model_learn(s->model, p.hour, h->amount * 3600 / h->known_s, drivers);
}

void stream_recall(struct stream *s, const struct stream_hour *h)
{
    stream_history_add(s, h, false);
    s->coverage_hour = 0;
}

bool stream_inherit(struct stream *s, const struct stream *from)
{
    if (stream_identity(s) != stream_identity(from))
        return false;
    *s->history = *from->history;
    if (s->model && from->model && stream_model_identity(s) == stream_model_identity(from))
        *s->model = *from->model;
    s->coverage_hour = s->ratio_day = 0;
    return true;
}
