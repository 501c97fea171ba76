// SPDX-License-Identifier: Apache-2.0
// Calls about heat: the power of a flow, steam, properties of water.
#include <string.h>
#include "calls.h"
#include "symbiont/fluids.h"

static bool word_is(const struct compiler *c, const char *word)
{
    return c->token.kind == TOKEN_NAME && c->token.length == strlen(word) &&
           memcmp(c->lexer.text + c->token.start, word, c->token.length) == 0;
}

// "water", "ethylene_glycol 30 %": a name, then a share, without a comma between.
static bool parse_fluid(struct compiler *c, struct instruction *i)
{
    bool ethylene = word_is(c, "ethylene_glycol");
    if (!ethylene && !word_is(c, "propylene_glycol"))
        return fail_at(c, c->token.start,
                       "the fluid is water, ethylene_glycol 30 %% or propylene_glycol 30 %%");
    size_t at = c->token.start;
    i->arg = ethylene ? FLUID_ETHYLENE_GLYCOL : FLUID_PROPYLENE_GLYCOL;
    if (!advance_token(c) || !parse_share(c, "the share of glycol, by mass,", &i->k))
        return false;
    i->k *= 100;
    return i->k <= 60 ? true : fail_at(c, at, "the properties of glycol are known up to 60 %% by mass");
}

static bool parse_power_options(struct compiler *c, const struct function *f, struct instruction *i)
{
    while (c->token.kind == TOKEN_COMMA) {
        if (!advance_token(c))
            return false;
        bool hot = word_is(c, "at_supply") || word_is(c, "at_hot");
        if (hot || word_is(c, "at_return") || word_is(c, "at_cold")) {
            i->n = (uint8_t)(hot ? i->n | POWER_SENSOR_HOT : i->n & ~POWER_SENSOR_HOT);
            if (!advance_token(c))
                return false;
        } else if (word_is(c, "water")) {
            i->arg = FLUID_WATER;
            if (!advance_token(c))
                return false;
        } else if (c->token.kind != TOKEN_NAME) {
            return fail_at(c, c->token.start, "%s takes the place of the flow sensor and the fluid: %s",
                           f->name, f->signature);
        } else if (!parse_fluid(c, i)) {
            return false;
        }
    }
    return parse_end(c, f);
}

static bool parse_flow(struct compiler *c, const struct function *f, struct node *out, bool *by_mass)
{
    char text[160];
    if (!parse_number_argument(c, f, out))
        return false;
    *by_mass = unit_compatible(out->unit, unit_find("kg/h"));
    if (*by_mass)
        return convert(c, out, unit_find("kg/h"));
    if (unit_compatible(out->unit, unit_find("m3/h")))
        return convert(c, out, unit_find("m3/h"));
    return fail_at(c, out->at, "%s needs a volume flow in m3/h or a mass flow in kg/h, not %s", f->name,
                   describe(out, text, sizeof text));
}

bool parse_power(struct compiler *c, const struct function *f, struct node *out)
{
    struct node hot, cold;
    bool by_mass;
    if (!parse_flow(c, f, out, &by_mass) || !parse_comma(c, f) || !parse_argument_in(c, f, "degC", &hot) ||
        !parse_comma(c, f) || !parse_argument_in(c, f, "degC", &cold))
        return false;
    struct instruction i = {.op = by_mass ? OP_MASS_POWER : OP_VOLUME_POWER, .n = f->n};
    out->inputs |= hot.inputs | cold.inputs;
    out->unit = unit_find("kW");
    return parse_power_options(c, f, &i) && emit(c, out->start, i, 3);
}

bool parse_steam_power(struct compiler *c, const struct function *f, struct node *out)
{
    struct node pressure, feed;
    if (!parse_argument_in(c, f, "kg/h", out) || !parse_comma(c, f) ||
        !parse_argument_in(c, f, "bar", &pressure) || !parse_comma(c, f) ||
        !parse_argument_in(c, f, "degC", &feed) || !parse_end(c, f))
        return false;
    out->inputs |= pressure.inputs | feed.inputs;
    out->unit = unit_find("kW");
    return emit(c, out->start, (struct instruction){.op = OP_STEAM_POWER}, 3);
}

bool parse_property(struct compiler *c, const struct function *f, struct node *out)
{
    bool of_pressure = f->op == OP_STEAM_ENTHALPY || f->op == OP_SATURATION_TEMPERATURE;
    if (!parse_argument_in(c, f, of_pressure ? "bar" : "degC", out) || !parse_end(c, f))
        return false;
    switch (f->op) {
    case OP_SATURATION_TEMPERATURE:
        out->unit = unit_find("degC");
        break;
    case OP_SATURATION_PRESSURE:
        out->unit = unit_find("bar");
        break;
    case OP_WATER_DENSITY:
        out->unit = unit_find("kg/m3");
        break;
    default:
        out->unit = unit_find("kJ/kg");
    }
    return emit(c, out->start, (struct instruction){.op = f->op}, 1);
}
