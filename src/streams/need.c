// SPDX-License-Identifier: Apache-2.0
// Needs: what a neighbour's surplus could cover, as declared.
#include "streams/stream_inside.h"

#define AT(field) offsetof(struct need_config, field)

static void take_amount(const struct need_config *c, const char *what, const char *text, const char *unit,
                        struct need *out, struct diagnostics *d)
{
    char why[200];
    const struct unit *given;
    double value, factor, offset;
    out->unit = unit_find(unit);
    if (!amount_parse(text, &value, &given, why, sizeof why))
        diag_error(d, c->common.place, "need %s: %s: %s", c->name, what, why);
    else if (!unit_conversion(given, out->unit, &factor, &offset))
        diag_error(d, c->common.place, "need %s: %s: \"%s\" is a %s, wanted is a %s as \"5 %s\"", c->name,
                   what, text, unit_dimension(given), unit_dimension(out->unit), unit);
    else if (!(value > 0))
        diag_error(d, c->common.place, "need %s: %s must be more than 0", c->name, what);
    else
        out->amount = value * factor + offset;
}

static void check_heat(const struct need_config *c, struct diagnostics *d)
{
    bool in = option_given(&needs_section, c, AT(in)), leaves = option_given(&needs_section, c, AT(out));
    if (c->resource != RESOURCE_HEAT && c->resource != RESOURCE_COLD)
        return;
    if (!in || !leaves)
        diag_error(d, c->common.place, "need %s: %s needs both temperatures, in and out", c->name,
                   resource_word((enum resource)c->resource));
    else if ((c->resource == RESOURCE_HEAT) != (c->out > c->in))
        diag_error(d, c->common.place, "need %s: %s must leave %s than it came", c->name,
                   resource_word((enum resource)c->resource),
                   c->resource == RESOURCE_HEAT ? "warmer" : "colder");
}

static void check_codes(const struct need_config *c, struct diagnostics *d)
{
    char why[300];
    for (size_t i = 0; i < c->codes.n; i++)
        if (!waste_parse(c->codes.items[i], why, sizeof why))
            diag_error(d, c->common.place, "need %s: low: %s", c->name, why);
    if (c->resource == RESOURCE_WASTE && c->codes.n == 0)
        diag_error(d, c->common.place, "need %s: a waste that is taken needs its codes, low = (\"15 01 01\")",
                   c->name);
}

static bool limit_amount(const struct need_config *c, const struct limit_config *l, const char *text,
                         const struct unit **unit, double *value, struct diagnostics *d)
{
    char why[200];
    if (amount_parse(text, value, unit, why, sizeof why))
        return true;
    diag_error(d, l->common.place, "need %s: limit of %s: %s", c->name, l->name, why);
    return false;
}

static void check_limits(const struct need_config *c, struct diagnostics *d)
{
    const struct limit_config *l = c->limits.items;
    for (size_t i = 0; i < c->limits.n; i++) {
        const struct unit *low_unit, *high_unit;
        double low, high, factor, offset;
        if (!l[i].low && !l[i].high)
            diag_error(d, l[i].common.place, "need %s: the limit of %s needs min, max or both", c->name,
                       l[i].name);
        bool has_low = l[i].low && limit_amount(c, &l[i], l[i].low, &low_unit, &low, d);
        bool has_high = l[i].high && limit_amount(c, &l[i], l[i].high, &high_unit, &high, d);
        if (!has_low || !has_high)
            continue;
        if (!unit_conversion(low_unit, high_unit, &factor, &offset))
            diag_error(d, l[i].common.place, "need %s: limit of %s: min is a %s, max a %s", c->name,
                       l[i].name, unit_dimension(low_unit), unit_dimension(high_unit));
        else if (low * factor + offset > high)
            diag_error(d, l[i].common.place, "need %s: limit of %s: min is more than max", c->name,
                       l[i].name);
    }
}

bool need_compile(const struct need_config *c, struct need *out, struct diagnostics *d)
{
    size_t before = diag_errors(d);
    char why[200];
    *out = (struct need){.config = c};
    int given = (c->power != NULL) + (c->flow != NULL) + (c->mass != NULL);
    if (c->resource == RESOURCE_EQUIPMENT && given == 0) {
        out->amount = 1; // all of it, in the hours of the profile
        out->unit = unit_find("");
    } else if (given != 1)
        diag_error(d, c->common.place, "need %s: one of power, flow and mass says how much is wanted",
                   c->name);
    else if (c->power)
        take_amount(c, "power", c->power, "kW", out, d);
    else if (c->flow)
        take_amount(c, "flow", c->flow, "m3/h", out, d);
    else
        take_amount(c, "mass", c->mass, "kg/h", out, d);
    if (!schedule_parse(c->profile, out->hours, why, sizeof why))
        diag_error(d, c->common.place, "need %s: profile: %s", c->name, why);
    for (unsigned h = 0; h < 168; h++)
        out->wanted_hours += schedule_has(out->hours, h);
    check_heat(c, d);
    check_codes(c, d);
    check_limits(c, d);
    return diag_errors(d) == before;
}
