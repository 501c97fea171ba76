// SPDX-License-Identifier: Apache-2.0
// The functions of the language: one table, and how the arguments of each kind are read.
#include <stdio.h>
#include <string.h>
#include "calls.h"
#include "symbiont/text.h"

// ---- Arguments ----

bool parse_comma(struct compiler *c, const struct function *f)
{
    if (c->token.kind == TOKEN_COMMA)
        return advance_token(c);
    return fail_at(c, c->token.start, "%s needs more: %s", f->name, f->signature);
}

bool parse_end(struct compiler *c, const struct function *f)
{
    if (c->token.kind == TOKEN_COMMA)
        return fail_at(c, c->token.start, "%s takes no more than %s", f->name, f->signature);
    return expect(c, TOKEN_CLOSE, "\")\"");
}

bool parse_number_argument(struct compiler *c, const struct function *f, struct node *out)
{
    return parse_expression(c, out) && need_number(c, out, f->name);
}

bool parse_argument_in(struct compiler *c, const struct function *f, const char *unit, struct node *out)
{
    return parse_expression(c, out) && need_unit(c, out, unit_find(unit), f->name);
}

// A share as a constant: "90 %".
bool parse_share(struct compiler *c, const char *what, double *out)
{
    double factor, offset;
    size_t at = c->token.start;
    if (c->token.kind != TOKEN_NUMBER || !unit_conversion(c->token.unit, unit_find(""), &factor, &offset))
        return fail_at(c, at, "%s is a share such as 90 %%", what);
    *out = c->token.number * factor;
    if (!(*out >= 0 && *out <= 1))
        return fail_at(c, at, "%s is from 0 %% to 100 %%", what);
    return advance_token(c);
}

// ---- Plain functions ----

static bool parse_abs(struct compiler *c, const struct function *f, struct node *out)
{
    if (!parse_number_argument(c, f, out) || !parse_end(c, f))
        return false;
    if (unit_is_absolute(out->unit))
        return fail_at(c, out->at, "abs makes no sense of a temperature in %s, whose zero means nothing",
                       unit_text(out->unit));
    return emit(c, out->start, (struct instruction){.op = OP_ABS}, 1);
}

static bool parse_sqrt(struct compiler *c, const struct function *f, struct node *out)
{
    return parse_argument_in(c, f, "", out) && parse_end(c, f) &&
           emit(c, out->start, (struct instruction){.op = OP_SQRT}, 1);
}

static bool parse_clamp(struct compiler *c, const struct function *f, struct node *out)
{
    struct node low, high;
    if (!parse_number_argument(c, f, out) || !parse_comma(c, f) || !parse_expression(c, &low) ||
        !unify(c, out, &low, low.at, "clamp between") || !parse_comma(c, f) || !parse_expression(c, &high) ||
        !unify(c, out, &high, high.at, "clamp between"))
        return false;
    out->inputs |= low.inputs | high.inputs;
    return parse_end(c, f) && emit(c, out->start, (struct instruction){.op = OP_CLAMP}, 3);
}

static bool parse_or_else(struct compiler *c, const struct function *f, struct node *out)
{
    struct node other;
    if (!parse_expression(c, out) || !parse_comma(c, f) || !parse_expression(c, &other) ||
        !unify(c, out, &other, other.at, "choose between"))
        return false;
    out->inputs |= other.inputs;
    return parse_end(c, f) && emit(c, out->start, (struct instruction){.op = OP_OR_ELSE}, 2);
}

static bool parse_known(struct compiler *c, const struct function *f, struct node *out)
{
    if (!parse_expression(c, out) || !parse_end(c, f))
        return false;
    out->unit = NULL;
    return emit(c, out->start, (struct instruction){.op = OP_KNOWN}, 1);
}

static bool parse_number_in(struct compiler *c, const struct function *f, struct node *out)
{
    const struct unit *unit;
    if (!parse_number_argument(c, f, out))
        return false;
    // The comma is the current word; the lexer stands behind it.
    if (c->token.kind != TOKEN_COMMA)
        return fail_at(c, c->token.start, "%s needs more: %s", f->name, f->signature);
    if (!lex_unit(&c->lexer, &unit) || !advance_token(c) || !need_unit(c, out, unit, f->name))
        return false;
    out->unit = unit_find("");
    return parse_end(c, f);
}

static bool parse_calendar(struct compiler *c, const struct function *f, struct node *out)
{
    out->unit = f->n <= CALENDAR_MONTH ? unit_find("") : NULL;
    return parse_end(c, f) && emit(c, out->start, (struct instruction){.op = OP_CALENDAR, .n = f->n}, 0);
}

// ---- The table ----

// clang-format off
static const struct function functions[] = {
    // Over time. Each takes a last argument more: how much of the window must be known, 80 % when left out.
    {"avg", "avg(x, 15 min)", "mean over time; of true or false: the share of the time that it was true",
     parse_window, OP_WINDOW, WINDOW_AVG},
    {"min", "min(x, 15 min) or min(a, b, ...)", "lowest sample in the window; or the lowest of several values",
     parse_extreme, OP_MIN, WINDOW_MIN},
    {"max", "max(x, 15 min) or max(a, b, ...)", "highest sample in the window; or the highest of several values",
     parse_extreme, OP_MAX, WINDOW_MAX},
    {"sum", "sum(x, 24 h)", "sum of the samples", parse_window, OP_WINDOW, WINDOW_SUM},
    {"delta", "delta(x, 1 h)", "what x has changed by over the window", parse_window, OP_WINDOW, WINDOW_DELTA},
    {"rate", "rate(x, 15 min)", "change per time, from the two ends of the window: of a counter in kWh, its power in kW",
     parse_window, OP_WINDOW, WINDOW_RATE},
    {"integral", "integral(x, 1 h)", "x times time: of kW, the energy in kWh; of true or false: the time that it was true",
     parse_window, OP_WINDOW, WINDOW_INTEGRAL},
    {"median", "median(x, 1 h)", "middle of the samples", parse_window, OP_WINDOW, WINDOW_PERCENTILE},
    {"percentile", "percentile(x, 7 d, 20 %)", "the value that this share of the samples does not exceed",
     parse_window, OP_WINDOW, WINDOW_PERCENTILE},
    {"stddev", "stddev(x, 5 min)", "standard deviation over time", parse_window, OP_WINDOW, WINDOW_STDDEV},
    {"slope", "slope(x, 6 h)", "trend per time that single outliers do not move: median of the slopes of all pairs of samples (Theil-Sen)",
     parse_window, OP_WINDOW, WINDOW_SLOPE},
    {"count", "count(x, 1 h)", "number of known samples; of true or false: how often it became true",
     parse_window, OP_WINDOW, WINDOW_COUNT},
    {"age", "age(x) or age(x, 1 h)", "time since x was last known; with a limit the result is never more, and always known",
     parse_age, OP_WINDOW, WINDOW_AGE},
    // Of the moment.
    {"abs", "abs(x)", "magnitude", parse_abs, OP_ABS, 0},
    {"sqrt", "sqrt(x)", "square root of a plain number", parse_sqrt, OP_SQRT, 0},
    {"clamp", "clamp(x, low, high)", "x, but not below low and not above high", parse_clamp, OP_CLAMP, 0},
    {"or_else", "or_else(x, y)", "x, or y while x is unknown", parse_or_else, OP_OR_ELSE, 0},
    {"known", "known(x)", "true when x is known", parse_known, OP_KNOWN, 0},
    {"number", "number(x, kW)", "x in that unit, as a plain number", parse_number_in, OP_LINEAR, 0},
    // Heat.
    {"heat_power", "heat_power(flow, hot, cold, at_cold, water)",
     "heat given by a flow between two temperatures, never negative; the flow is measured at_cold unless at_hot is written; "
     "the fluid is water unless ethylene_glycol 30 % or propylene_glycol 30 % is written",
     parse_power, OP_VOLUME_POWER, POWER_NEVER_NEGATIVE},
    {"thermal_power", "thermal_power(flow, supply, return, at_return, water)",
     "the same with its sign: negative when the return is warmer", parse_power, OP_VOLUME_POWER, 0},
    {"steam_power", "steam_power(flow, pressure, feed)",
     "heat in saturated steam made from feed water; absolute pressure", parse_steam_power, OP_STEAM_POWER, 0},
    {"steam_enthalpy", "steam_enthalpy(pressure)", "of saturated steam, kJ/kg; absolute pressure up to 165 bar",
     parse_property, OP_STEAM_ENTHALPY, 0},
    {"water_enthalpy", "water_enthalpy(temperature)", "of boiling water, kJ/kg; feed water, condensate",
     parse_property, OP_WATER_ENTHALPY, 0},
    {"water_density", "water_density(temperature)", "of water, kg/m3", parse_property, OP_WATER_DENSITY, 0},
    {"saturation_temperature", "saturation_temperature(pressure)", "at which water boils; absolute pressure",
     parse_property, OP_SATURATION_TEMPERATURE, 0},
    {"saturation_pressure", "saturation_pressure(temperature)", "under which water boils, absolute",
     parse_property, OP_SATURATION_PRESSURE, 0},
    // The site's clock and calendar.
    {"hour", "hour()", "of the day, 0 to 23, in the site's time zone", parse_calendar, OP_CALENDAR, CALENDAR_HOUR},
    {"weekday", "weekday()", "1 Monday to 7 Sunday, in the site's time zone", parse_calendar, OP_CALENDAR, CALENDAR_WEEKDAY},
    {"month", "month()", "1 January to 12 December, in the site's time zone", parse_calendar, OP_CALENDAR, CALENDAR_MONTH},
    {"holiday", "holiday()", "true on the site's holidays", parse_calendar, OP_CALENDAR, CALENDAR_HOLIDAY},
    {"workday", "workday()", "true from Monday to Friday but for holidays", parse_calendar, OP_CALENDAR, CALENDAR_WORKDAY},
};
// clang-format on

enum { FUNCTIONS = sizeof functions / sizeof *functions };

static const struct function *find(const char *name)
{
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}

bool is_function(const char *name)
{
    return find(name) != NULL;
}

bool parse_call(struct compiler *c, struct node *out)
{
    char name[EXPRESSION_MAX_NAME];
    struct node call = *out;
    snprintf(name, sizeof name, "%.*s", (int)c->token.length, c->lexer.text + c->token.start);
    const struct function *f = find(name);
    if (!f) {
        const char *near = text_nearest(name, functions, FUNCTIONS, sizeof *functions);
        return fail_at(c, call.at, "there is no function \"%s\"%s%s%s", name, near ? "; did you mean \"" : "",
                       near ? near : "", near ? "\"?" : "");
    }
    if (!advance_token(c) || !advance_token(c) || !f->parse(c, f, out))
        return false;
    out->start = call.start;
    out->at = call.at;
    return true;
}

bool expression_function(size_t i, const char **name, const char **signature, const char **text)
{
    if (i >= FUNCTIONS)
        return false;
    *name = functions[i].name;
    *signature = functions[i].signature;
    *text = functions[i].text;
    return true;
}
