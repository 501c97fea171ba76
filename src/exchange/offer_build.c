// SPDX-License-Identifier: Apache-2.0
// What a stream knows of itself, as an offer with exact numbers.
#include "exchange/offer_build.h"

#include <stdio.h>
#include <string.h>
#include "exchange/offer_build_inside.h"
#include "symbiont/fluids.h"
#include "symbiont/units.h"
#include "symbiont/waste.h"

#define WEEK_H          168
#define WEEKS_A_YEAR    (365.25 / 7)
#define FLUE_MIN_C      120.0   // not cooled further because of condensation
#define ATMOSPHERE_BAR  1.01325 // offers give gauge pressure
#define HISTORY_LEAST_H 84      // half a week of known hours, before a pattern is told

// ---- Smoothing ----

void offer_smooth_reset(struct offer_smooth *s)
{
    *s = (struct offer_smooth){.value = NAN, .supply = NAN, .back = NAN, .pressure = NAN};
}

static void approach(double *mean, double value, double share)
{
    if (isnan(value))
        return;
    *mean = isnan(*mean) ? value : *mean + (value - *mean) * share;
}

void offer_smooth_step(struct offer_smooth *s, const struct stream *stream, struct utc t)
{
    enum stream_state state = stream_state(stream);
    double share = -expm1(-(double)(t.ms - s->last.ms) / OFFER_SMOOTH_MS);
    struct stream_conditions c;
    bool first = s->last.ms == 0 || t.ms < s->last.ms;
    s->last = t;
    // A surplus that began shows what it is at once, not what was before.
    if (state == STREAM_IDLE || state == STREAM_PENDING)
        s->value = NAN;
    if (first || (state != STREAM_SURPLUS && state != STREAM_RELEASING))
        return;
    stream_conditions(stream, t, &c);
    approach(&s->value, stream_value(stream, t), share);
    approach(&s->supply, c.supply, share);
    approach(&s->back, c.back, share);
    approach(&s->pressure, c.pressure, share);
}

// ---- Presence ----

static bool in_surplus(const struct stream *s)
{
    return stream_state(s) == STREAM_SURPLUS || stream_state(s) == STREAM_RELEASING;
}

bool offer_present(struct stream *s, const struct offer_terms *terms, struct utc t)
{
    struct stream_profile p;
    if (terms->when == OFFER_WHEN_ALWAYS || stream_config(s)->declared)
        return true;
    if (terms->when == OFFER_WHEN_SURPLUS && in_surplus(s))
        return true;
    stream_profile(s, t, &p);
    return p.offerable;
}

// ---- Amounts ----

double offer_round(double v)
{
    if (!isfinite(v) || !(fabs(v) > 0))
        return v;
    double unit = pow(10, floor(log10(fabs(v))) - 2);
    return round(v / unit) * unit;
}

struct span offer_exactly(double v)
{
    return isfinite(v) ? span_of(offer_round(v)) : SPAN_UNSAID;
}

// The hours of the week that are offered, in offer_unit; NaN where nothing is known.
struct pattern {
    double firm[WEEK_H], typical[WEEK_H], peak[WEEK_H];
    unsigned known;
    bool recurring;
};

static bool takes_hour(const struct stream_profile *p, unsigned h, bool recurring)
{
    return !isnan(p->typical[h]) && (!recurring || p->recurring[h]);
}

static void read_pattern(struct stream *s, struct utc t, double factor, struct pattern *out)
{
    struct stream_profile p;
    stream_profile(s, t, &p);
    out->recurring = p.offerable;
    out->known = 0;
    for (unsigned h = 0; h < WEEK_H; h++) {
        bool there = takes_hour(&p, h, out->recurring);
        out->known += isnan(p.typical[h]) ? 0u : 1u;
        out->firm[h] = there ? fmax(0, (double)p.firm[h] * factor) : out->recurring ? 0 : NAN;
        out->typical[h] = there ? fmax(0, (double)p.typical[h] * factor) : out->recurring ? 0 : NAN;
        out->peak[h] = there ? fmax(0, (double)p.peak[h] * factor) : out->recurring ? 0 : NAN;
    }
}

static void declared_pattern(const struct stream_config *c, double amount, struct pattern *out)
{
    uint8_t hours[21];
    char why[200];
    bool always = !schedule_parse(c->profile, hours, why, sizeof why);
    out->recurring = true;
    out->known = WEEK_H;
    for (unsigned h = 0; h < WEEK_H; h++)
        out->firm[h] = out->typical[h] = out->peak[h] = always || schedule_has(hours, h) ? amount : 0;
}

// Mean of the hours in which there is some of it; what is there in the others is no use to a taker.
static double mean_there(const double v[static WEEK_H], const double typical[static WEEK_H])
{
    double sum = 0;
    unsigned n = 0;
    for (unsigned h = 0; h < WEEK_H; h++)
        if (!isnan(v[h]) && typical[h] > 0) {
            sum += v[h];
            n++;
        }
    return n ? sum / n : NAN;
}

// What a week gives; hours nobody knows yet count as the mean of those that are known.
static double week_sum(const struct pattern *p)
{
    double sum = 0;
    unsigned n = 0;
    for (unsigned h = 0; h < WEEK_H; h++)
        if (!isnan(p->typical[h])) {
            sum += p->typical[h];
            n++;
        }
    return n ? sum / n * WEEK_H : NAN;
}

void offer_blocks(const double v[static WEEK_H], double of, struct offer *out)
{
    for (unsigned b = 0; b < OFFER_BLOCKS; b++) {
        double sum = 0;
        unsigned n = 0;
        for (unsigned h = 4 * b; h < 4 * b + 4; h++)
            if (!isnan(v[h])) {
                sum += v[h];
                n++;
            }
        double share = n && of > 0 ? sum / n / of : 0;
        out->blocks[b] = (float)(round(fmin(1, fmax(0, share)) * 100) / 100);
    }
    out->has_blocks = true;
}

static void take_months(struct stream *s, const struct offer_terms *terms, struct offer *out)
{
    out->has_months = terms->has_months || stream_months(s, out->months);
    if (terms->has_months)
        memcpy(out->months, terms->months, sizeof out->months);
    for (int m = 0; out->has_months && m < 12; m++)
        out->months[m] = (float)(round((double)out->months[m] * 100) / 100);
}

// Of what a week gives at its best, the mean over the year.
double offer_season_share(const struct offer *o)
{
    double sum = 0;
    for (int m = 0; m < 12; m++)
        sum += o->has_months ? (double)o->months[m] : 1;
    return sum / 12;
}

static bool by_the_week(enum resource r)
{
    return strcmp(offer_unit(r), "t/wk") == 0;
}

// Matter is counted by the week. What comes into a container in an hour is nothing most of the time: there
// the slope of its weight says how much a week.
static bool weekly_amounts(const struct pattern *p, bool container, double now_a_week, struct offer *out)
{
    bool pattern = !container && p->known >= HISTORY_LEAST_H;
    double week = pattern ? week_sum(p) : now_a_week;
    out->typical = offer_exactly(week);
    if (pattern) {
        struct pattern firm = *p, peak = *p;
        memcpy(firm.typical, p->firm, sizeof firm.typical);
        memcpy(peak.typical, p->peak, sizeof peak.typical);
        out->firm = offer_exactly(fmin(week, week_sum(&firm)));
        out->peak = offer_exactly(fmax(week, week_sum(&peak)));
    }
    out->annual = offer_exactly(week * WEEKS_A_YEAR * offer_season_share(out));
    return span_said(out->typical);
}

// A surplus that was never seen before: what it gives now, and the threshold it was held to.
static void amounts_of_now(const struct stream *s, double now, double factor, struct offer *out)
{
    out->typical = out->peak = offer_exactly(now);
    out->firm = offer_exactly(fmin(now, stream_threshold(s) * factor));
}

static bool hourly_amounts(const struct stream *s, const struct pattern *p, double now, double factor,
                           double annual_factor, struct offer *out)
{
    bool pattern = p->known >= HISTORY_LEAST_H;
    double typical = mean_there(p->typical, p->typical);
    if (p->recurring || (isnan(now) && pattern)) {
        out->typical = offer_exactly(typical);
        out->firm = offer_exactly(fmin(typical, mean_there(p->firm, p->typical)));
        out->peak = offer_exactly(fmax(typical, mean_there(p->peak, p->typical)));
    } else {
        amounts_of_now(s, now, factor, out);
        typical = now;
    }
    if (pattern && typical > 0) {
        offer_blocks(p->typical, typical, out);
        out->annual = offer_exactly(week_sum(p) * WEEKS_A_YEAR * annual_factor * offer_season_share(out));
    }
    return span_said(out->typical);
}

// ---- Conditions ----

static void take_heat(const struct stream *s, const struct offer_terms *terms,
                      const struct offer_smooth *smooth, struct utc t, struct offer_heat *out)
{
    const struct stream_config *c = stream_config(s);
    struct stream_conditions now;
    stream_conditions(s, t, &now);
    double supply = smooth && !isnan(smooth->supply) ? smooth->supply : now.supply,
           back = smooth && !isnan(smooth->back) ? smooth->back : now.back,
           pressure = smooth && !isnan(smooth->pressure) ? smooth->pressure : now.pressure, least;
    if (c->resource == RESOURCE_COLD) { // it is the colder pipe that is offered
        double warmer = supply;
        supply = back;
        back = warmer;
    }
    const struct unit *unit;
    char why[200];
    if (c->return_min && amount_parse(c->return_min, &least, &unit, why, sizeof why))
        back = least;
    else if (c->flue)
        back = FLUE_MIN_C;
    if (c->resource == RESOURCE_STEAM && isnan(supply))
        supply = saturation_temperature(pressure);
    if (!isnan(terms->supply))
        supply = terms->supply;
    if (!isnan(terms->back))
        back = terms->back;
    if (c->resource != RESOURCE_COLD && back > supply)
        back = supply;
    out->medium = c->resource == RESOURCE_STEAM ? MEDIUM_STEAM : c->flue ? MEDIUM_FLUE_GAS : c->medium;
    out->supply = isfinite(supply) ? span_of(round(supply)) : SPAN_UNSAID;
    out->back = isfinite(back) ? span_of(round(back)) : SPAN_UNSAID;
    if (isfinite(pressure))
        out->pressure = offer_exactly(fmax(0, pressure - ATMOSPHERE_BAR));
    out->approach_k = terms->approach_k;
}

static double field(const struct stream_field *f, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(f[i].name, name) == 0)
            return f[i].value;
    return NAN;
}

static void take_quality(const struct stream_config *c, const struct stream_field *f, size_t n,
                         struct offer *out)
{
    const struct quality_config *q = c->quality.items;
    for (size_t i = 0; i < c->quality.n; i++)
        for (size_t k = 0; k < n; k++) {
            if (strcmp(f[k].name, q[i].name) != 0)
                continue;
            struct offer_parameter *p = c->resource == RESOURCE_EQUIPMENT
                                            ? &out->equipment.capability[out->equipment.capability_count]
                                            : &out->parameters[out->parameter_count];
            if (c->resource == RESOURCE_EQUIPMENT ? out->equipment.capability_count == 8
                                                  : out->parameter_count == OFFER_LIMITS)
                return;
            snprintf(p->name, sizeof p->name, "%s", q[i].name);
            snprintf(p->unit, sizeof p->unit, "%s", strcmp(f[k].unit, "pH") == 0 ? "" : f[k].unit);
            p->value = offer_exactly(f[k].value);
            if (c->resource == RESOURCE_EQUIPMENT)
                out->equipment.capability_count++;
            else
                out->parameter_count++;
            break;
        }
}

static double config_mass(const char *text, const char *unit)
{
    const struct unit *given;
    double value, factor, offset;
    char why[200];
    if (!text || !amount_parse(text, &value, &given, why, sizeof why) ||
        !unit_conversion(given, unit_find(unit), &factor, &offset))
        return NAN;
    return value * factor + offset;
}

static void take_waste(const struct stream_config *c, const struct offer_terms *terms,
                       const struct stream_field *f, size_t n, struct offer *out)
{
    char why[300];
    const struct waste_code *code = c->waste_code ? waste_parse(c->waste_code, why, sizeof why) : NULL;
    struct offer_waste *w = &out->waste;
    if (code) {
        w->codes[0] = code->code;
        w->code_count = 1;
        w->hazardous = waste_hazardous(code);
    }
    w->legal = (uint8_t)terms->legal;
    w->density = offer_exactly(config_mass(c->container.density, "kg/m3"));
    w->stock_t = offer_exactly(field(f, n, "container_net") / 1000);
    w->capacity_t = offer_exactly(config_mass(c->container.capacity, "t"));
    double fill = field(f, n, "container_fill") / 100;
    if (isfinite(fill))
        w->fill = span_of(round(fmin(1, fmax(0, fill)) * 100) / 100);
    w->days_to_full = offer_exactly(field(f, n, "days_to_full"));
    w->lot_t = SPAN_UNSAID;
}

// ---- The whole ----

void offer_common(const struct offer_terms *terms, const struct offer_place *place, struct offer *out)
{
    offer_clear(out);
    out->synergy = terms->synergy;
    out->level = terms->level;
    snprintf(out->title, sizeof out->title, "%s", terms->title ? terms->title : "");
    snprintf(out->pseudonym, sizeof out->pseudonym, "%s", place->pseudonym);
    snprintf(out->zone, sizeof out->zone, "%s", place->zone);
    snprintf(out->nace, sizeof out->nace, "%s", place->nace);
    // Whoever names his commune does not want his cell known before his exact place.
    bool hidden = place->named && terms->level < DISCLOSE_EXACT;
    out->latitude = hidden ? NAN : place->latitude;
    out->longitude = hidden ? NAN : place->longitude;
    out->radius_m = isnan(out->latitude) ? place->radius_m : 0;
    memcpy(out->audience, terms->audience, sizeof out->audience);
    out->audience_count = terms->audience_count;
    memcpy(out->blocked, terms->blocked, sizeof out->blocked);
    out->blocked_count = terms->blocked_count;
    if (!isnan(terms->lot_min) || !isnan(terms->lot_max))
        out->lot = (struct span){isnan(terms->lot_min) ? 0 : terms->lot_min,
                                 isnan(terms->lot_max) ? INFINITY : terms->lot_max};
    out->notice_h = terms->notice_h;
    out->interruptible = terms->interruptible;
    out->price = terms->price;
    out->avoided = terms->avoided;
    if (terms->type)
        snprintf(out->equipment.type, sizeof out->equipment.type, "%s", terms->type);
}

// From the stream's unit (kg of a container: kg/h, as its hours are) to offer_unit.
static bool factor_of(const struct stream *s, enum resource r, double *factor)
{
    double offset;
    const struct unit *unit = stream_unit(s);
    if (unit == unit_find("kg"))
        unit = unit_find("kg/h");
    return unit_conversion(unit, by_the_week(r) ? unit_find("t/h") : offer_unit_of(r), factor, &offset);
}

static double annual_factor(enum resource r)
{
    return strcmp(offer_annual_unit(r), "MWh") == 0 ? 0.001 : 1;
}

bool offer_of_stream(struct stream *s, const struct offer_terms *terms, const struct offer_place *place,
                     const struct offer_smooth *smooth, struct utc t, struct offer *out)
{
    const struct stream_config *c = stream_config(s);
    enum resource r = (enum resource)c->resource;
    struct stream_field fields[STREAM_FIELDS_MAX];
    size_t n = stream_fields(s, t, fields, STREAM_FIELDS_MAX);
    struct pattern pattern;
    double factor, confidence = stream_confidence(s, t);
    offer_common(terms, place, out);
    out->role = ROLE_OFFER;
    out->resource = r;
    out->provenance = stream_provenance(s);
    out->confidence = isnan(confidence) ? 0 : round(fmin(1, fmax(0, confidence)) * 100) / 100;
    if (!factor_of(s, r, &factor))
        return false;
    double now = smooth && !isnan(smooth->value) ? smooth->value : stream_value(s, t);
    double declared = c->declared ? config_mass(c->declared, unit_text(stream_unit(s))) : NAN;
    if (isnan(declared))
        read_pattern(s, t, factor, &pattern);
    else
        declared_pattern(c, declared * factor, &pattern);
    take_months(s, terms, out);
    take_quality(c, fields, n, out);
    if (r == RESOURCE_HEAT || r == RESOURCE_COLD || r == RESOURCE_STEAM)
        take_heat(s, terms, smooth, t, &out->heat);
    if (by_the_week(r)) {
        bool container = c->weight || c->level;
        double week = container ? field(fields, n, "fill_rate") * 7 / 1000 : now * factor * WEEK_H; // kg/d
        take_waste(c, terms, fields, n, out);
        bool said = weekly_amounts(&pattern, container, week, out);
        return said || span_said(out->waste.stock_t);
    }
    return hourly_amounts(s, &pattern, now * factor, factor, annual_factor(r), out);
}
