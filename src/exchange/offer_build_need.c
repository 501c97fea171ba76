// SPDX-License-Identifier: Apache-2.0
// A declared need, as a need with exact numbers.
#include <stdio.h>
#include <string.h>
#include "exchange/offer_build_inside.h"
#include "symbiont/units.h"
#include "symbiont/waste.h"

#define WEEKS_A_YEAR (365.25 / 7)

static void take_codes(const struct need_config *c, const struct offer_terms *terms, struct offer_waste *out)
{
    char why[300];
    for (size_t i = 0; i < c->codes.n && out->code_count < OFFER_CODES; i++) {
        const struct waste_code *w = waste_parse(c->codes.items[i], why, sizeof why);
        if (!w)
            continue;
        out->codes[out->code_count++] = w->code;
        out->hazardous |= waste_hazardous(w);
    }
    out->legal = (uint8_t)terms->legal;
    out->operations = terms->operations;
}

static double limit_in(const char *text, const struct unit *unit, double missing)
{
    const struct unit *given;
    double value, factor, offset;
    char why[200];
    if (!text || !amount_parse(text, &value, &given, why, sizeof why) ||
        !unit_conversion(given, unit, &factor, &offset))
        return missing;
    return value * factor + offset;
}

static void take_limits(const struct need_config *c, struct offer *out)
{
    const struct limit_config *l = c->limits.items;
    bool equipment = c->resource == RESOURCE_EQUIPMENT;
    for (size_t i = 0; i < c->limits.n && i < (equipment ? 8u : OFFER_LIMITS); i++) {
        struct offer_parameter *p = equipment ? &out->equipment.capability[i] : &out->parameters[i];
        const struct unit *unit;
        double value;
        char why[200];
        if (!amount_parse(l[i].high ? l[i].high : l[i].low, &value, &unit, why, sizeof why))
            continue;
        snprintf(p->name, sizeof p->name, "%s", l[i].name);
        snprintf(p->unit, sizeof p->unit, "%s", strcmp(unit_text(unit), "pH") == 0 ? "" : unit_text(unit));
        p->value = (struct span){limit_in(l[i].low, unit, -INFINITY), limit_in(l[i].high, unit, INFINITY)};
        if (equipment)
            out->equipment.capability_count = (uint8_t)(i + 1);
        else
            out->parameter_count = (uint8_t)(i + 1);
    }
}

static void take_amount(const struct need *n, struct offer *out)
{
    enum resource r = out->resource;
    double factor = 1, offset = 0, hours[168];
    bool weekly = strcmp(offer_unit(r), "t/wk") == 0;
    if (n->unit && !unit_conversion(n->unit, offer_unit_of(r), &factor, &offset))
        return;
    double amount = n->amount * factor;
    for (unsigned h = 0; h < 168; h++)
        hours[h] = schedule_has(n->hours, h) ? amount : 0;
    out->typical = out->firm = out->peak = offer_exactly(amount);
    if (!weekly && n->wanted_hours < 168)
        offer_blocks(hours, amount, out);
    double week = weekly ? amount : amount * n->wanted_hours;
    if (strcmp(offer_annual_unit(r), "MWh") == 0)
        week /= 1000;
    out->annual = offer_exactly(week * WEEKS_A_YEAR * offer_season_share(out));
}

void offer_of_need(const struct need *n, const struct offer_terms *terms, const struct offer_place *place,
                   struct offer *out)
{
    const struct need_config *c = n->config;
    offer_common(terms, place, out);
    out->role = ROLE_NEED;
    out->resource = (enum resource)c->resource;
    out->provenance = PROVENANCE_DECLARED;
    out->confidence = provenance_weight(PROVENANCE_DECLARED);
    out->has_months = terms->has_months;
    memcpy(out->months, terms->months, sizeof out->months);
    take_amount(n, out);
    if (c->resource == RESOURCE_HEAT || c->resource == RESOURCE_COLD || c->resource == RESOURCE_STEAM) {
        out->heat.medium = c->resource == RESOURCE_STEAM ? MEDIUM_STEAM : c->medium;
        out->heat.approach_k = terms->approach_k;
        if (option_given(&needs_section, c, offsetof(struct need_config, out)))
            out->heat.supply = span_of(c->out);
        if (option_given(&needs_section, c, offsetof(struct need_config, in)))
            out->heat.back = span_of(c->in);
    }
    if (c->codes.n || c->resource == RESOURCE_WASTE || c->resource == RESOURCE_BY_PRODUCT)
        take_codes(c, terms, &out->waste);
    take_limits(c, out);
}
