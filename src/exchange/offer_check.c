// SPDX-License-Identifier: Apache-2.0
// What no type can say of an offer: orders, signs, what belongs to which resource.
#include <stdio.h>
#include <string.h>
#include "exchange/checker.h"
#include "symbiont/offer.h"
#include "symbiont/waste.h"

// Each end is a number or the right infinity, in order, not below `least`.
static bool span_good(const struct checker *c, const char *name, struct span s, double least)
{
    if (isnan(s.low) != isnan(s.high))
        return checker_wrong(c, "%s has one end only", name);
    if (isnan(s.low))
        return true;
    if (s.low > s.high || s.low == INFINITY || s.high == -INFINITY)
        return checker_wrong(c, "%s is not in order", name);
    if (s.low < least)
        return checker_wrong(c, "%s is below %g", name, least);
    return true;
}

static bool finite_span(const struct checker *c, const char *name, struct span s)
{
    return !span_said(s) || (isfinite(s.low) && isfinite(s.high)) ||
           checker_wrong(c, "%s has an open end", name);
}

// a <= b as far as bands can tell.
static bool in_order(const struct checker *c, const char *names, struct span a, struct span b)
{
    return !span_said(a) || !span_said(b) || a.low <= b.high ||
           checker_wrong(c, "%s are not in order", names);
}

static bool amounts_good(const struct checker *c, const struct offer *o)
{
    const struct {
        const char *name;
        struct span value;
    } amounts[] = {{"firm", o->firm},
                   {"typical", o->typical},
                   {"peak", o->peak},
                   {"annual", o->annual},
                   {"lot", o->lot},
                   {"waste.density", o->waste.density},
                   {"waste.stock_t", o->waste.stock_t},
                   {"waste.lot_t", o->waste.lot_t},
                   {"waste.capacity_t", o->waste.capacity_t},
                   {"waste.fill", o->waste.fill},
                   {"waste.days_to_full", o->waste.days_to_full},
                   {"heat.pressure", o->heat.pressure}};
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++)
        if (!span_good(c, amounts[i].name, amounts[i].value, 0))
            return false;
    return finite_span(c, "firm", o->firm) && finite_span(c, "typical", o->typical) &&
           finite_span(c, "annual", o->annual) && in_order(c, "firm and typical", o->firm, o->typical) &&
           in_order(c, "typical and peak", o->typical, o->peak) &&
           in_order(c, "firm and peak", o->firm, o->peak);
}

static bool heat_good(const struct checker *c, const struct offer *o)
{
    const struct offer_heat *h = &o->heat;
    bool thermal =
        o->resource == RESOURCE_HEAT || o->resource == RESOURCE_COLD || o->resource == RESOURCE_STEAM;
    bool said = span_said(h->supply) || span_said(h->back) || span_said(h->pressure) || !isnan(h->approach_k);
    if (!thermal)
        return !said || checker_wrong(c, "heat does not belong to %s", resource_word(o->resource));
    if (!span_good(c, "heat.supply", h->supply, -270) || !span_good(c, "heat.back", h->back, -270) ||
        !finite_span(c, "heat.supply", h->supply) || !finite_span(c, "heat.back", h->back))
        return false;
    if (h->approach_k < 0)
        return checker_wrong(c, "heat.approach_k is below 0");
    // Heat comes hotter than it goes back, cold colder.
    return o->resource == RESOURCE_COLD ? in_order(c, "heat.supply and heat.back", h->supply, h->back)
                                        : in_order(c, "heat.back and heat.supply", h->back, h->supply);
}

static bool is_matter(enum resource r)
{
    return r == RESOURCE_WASTE || r == RESOURCE_BY_PRODUCT || r == RESOURCE_MATERIAL || r == RESOURCE_FUEL;
}

static bool waste_good(const struct checker *c, const struct offer *o)
{
    const struct offer_waste *w = &o->waste;
    if (w->code_count > OFFER_CODES)
        return checker_wrong(c, "too many waste codes");
    if (!is_matter(o->resource))
        return w->code_count == 0 ||
               checker_wrong(c, "waste codes do not belong to %s", resource_word(o->resource));
    if (o->role == ROLE_OFFER && w->code_count > 1)
        return checker_wrong(c, "an offer has one waste code");
    if (o->role == ROLE_OFFER && o->resource == RESOURCE_WASTE && o->level >= DISCLOSE_BANDS &&
        !w->code_count)
        return checker_wrong(c, "an offer of waste needs its code");
    bool hazardous = false;
    for (size_t i = 0; i < w->code_count; i++) {
        const struct waste_code *code = waste_find(w->codes[i]);
        if (!code)
            return checker_wrong(c, "waste code %06u is not in the List of Waste", w->codes[i]);
        hazardous |= waste_hazardous(code);
        for (size_t j = 0; j < i; j++)
            if (w->codes[j] == w->codes[i])
                return checker_wrong(c, "waste code %06u stands twice", w->codes[i]);
    }
    if (w->code_count && w->hazardous != hazardous)
        return checker_wrong(c, "hazardous is %s, the code says otherwise", w->hazardous ? "true" : "false");
    if (w->operations & (1u | 1u << 14 | 1u << 15 | 1u << 16))
        return checker_wrong(c, "there is no such operation");
    return true;
}

static bool parameters_good(const struct checker *c, const struct offer_parameter *p, size_t n, size_t most)
{
    if (n > most)
        return checker_wrong(c, "too many parameters");
    for (size_t i = 0; i < n; i++) {
        if (!p[i].name[0])
            return checker_wrong(c, "a parameter without a name");
        if (!span_said(p[i].value) || !span_good(c, p[i].name, p[i].value, -INFINITY))
            return checker_wrong(c, "parameter %s has no good value", p[i].name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(p[j].name, p[i].name) == 0)
                return checker_wrong(c, "parameter %s stands twice", p[i].name);
    }
    return true;
}

static bool shares_good(const struct checker *c, const float *shares, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!(shares[i] >= 0 && shares[i] <= 1))
            return checker_wrong(c, "%s must be shares from 0 to 1", name);
    return true;
}

static bool place_good(const struct checker *c, const struct offer *o)
{
    if (isnan(o->latitude) != isnan(o->longitude))
        return checker_wrong(c, "site.latitude and site.longitude belong together");
    if (o->latitude < -90 || o->latitude > 90 || o->longitude < -180 || o->longitude > 180)
        return checker_wrong(c, "site.latitude or site.longitude is not on the earth");
    return o->radius_m >= 0 || checker_wrong(c, "site.radius_m is below 0");
}

static bool times_good(const struct checker *c, const struct offer *o)
{
    if (o->valid_from.ms && o->valid_until.ms && o->valid_until.ms <= o->valid_from.ms)
        return checker_wrong(c, "valid_until is not after valid_from");
    return true;
}

// Who ranks first is decided by money: a neighbour who saves a fortune with each MWh would be given
// everything.
static bool money_good(const struct checker *c, const struct offer *o)
{
    const char *unit = offer_annual_unit(o->resource);
    const struct {
        const char *name;
        double value;
    } sums[] = {{"price", o->price}, {"avoided", o->avoided}};
    double most = offer_price_most(o->resource);
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        if (fabs(sums[i].value) > most)
            return checker_wrong(c, "%s: %g EUR/%s is beyond %g, which is not believed", sums[i].name,
                                 sums[i].value, unit, most);
    return true;
}

bool offer_check(const struct offer *o, char *why, size_t why_size)
{
    const struct checker c = {why, why_size};
    if (!o->id[0] || !o->pseudonym[0])
        return checker_wrong(&c, "%s is missing", o->id[0] ? "site.pseudonym" : "id");
    if ((unsigned)o->resource >= RESOURCES || (unsigned)o->provenance > PROVENANCE_TYPICAL ||
        (unsigned)o->role > ROLE_NEED || (unsigned)o->synergy > SYNERGY_OUTLET)
        return checker_wrong(&c, "a word out of its list");
    if (o->level < DISCLOSE_AGGREGATE || o->level > DISCLOSE_DETAIL)
        return checker_wrong(&c, "level must be 1 to 5");
    if (!isnan(o->confidence) && !(o->confidence >= 0 && o->confidence <= 1))
        return checker_wrong(&c, "confidence must be from 0 to 1");
    if (o->audience_count > 8 || o->blocked_count > 8)
        return checker_wrong(&c, "too many names in audience or blocked");
    if (isinf(o->price) || isinf(o->avoided) || o->notice_h < 0)
        return checker_wrong(&c, "price, avoided or notice_h is not a number that can be meant");
    return place_good(&c, o) && times_good(&c, o) && money_good(&c, o) && amounts_good(&c, o) &&
           heat_good(&c, o) && waste_good(&c, o) &&
           parameters_good(&c, o->parameters, o->parameter_count, OFFER_LIMITS) &&
           parameters_good(&c, o->equipment.capability, o->equipment.capability_count, 8) &&
           (!o->has_blocks || shares_good(&c, o->blocks, OFFER_BLOCKS, "blocks")) &&
           (!o->has_months || shares_good(&c, o->months, 12, "months"));
}
