// SPDX-License-Identifier: Apache-2.0
// The functions of the language: one table, and how the arguments of each kind are read.
#include <stdio.h>
#include <string.h>
#include "compiler.h"
#include "symbiont/fluids.h"
#include "symbiont/text.h"

struct function {
    const char *name; // first: text_nearest steps over them
    const char *signature, *text;
    bool (*parse)(struct compiler *c, const struct function *f, struct node *out);
    uint8_t op, n; // instruction, or enum window_function, or enum calendar_field
};

// ---- Arguments ----

static bool parse_comma(struct compiler *c, const struct function *f)
{
    if (c->token.kind == TOKEN_COMMA)
        return advance_token(c);
    return fail_at(c, c->token.start, "%s needs more: %s", f->name, f->signature);
}

static bool parse_end(struct compiler *c, const struct function *f)
{
    if (c->token.kind == TOKEN_COMMA)
        return fail_at(c, c->token.start, "%s takes no more than %s", f->name, f->signature);
    return expect(c, TOKEN_CLOSE, "\")\"");
}

static bool parse_number_argument(struct compiler *c, const struct function *f, struct node *out)
{
    return parse_expression(c, out) && need_number(c, out, f->name);
}

static bool argument_in(struct compiler *c, const struct function *f, const char *unit, struct node *out)
{
    return parse_expression(c, out) && need_unit(c, out, unit_find(unit), f->name);
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
    return argument_in(c, f, "", out) && parse_end(c, f) &&
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

// ---- Windows ----

static bool is_duration(const struct compiler *c)
{
    return c->token.kind == TOKEN_NUMBER && unit_compatible(c->token.unit, unit_find("s"));
}

static bool parse_duration(struct compiler *c, const struct function *f, int64_t *ms)
{
    if (!is_duration(c))
        return fail_at(c, c->token.start, "%s needs the length of a window, such as 15 min: %s", f->name,
                       f->signature);
    double factor, offset;
    unit_conversion(c->token.unit, unit_find("ms"), &factor, &offset);
    double v = c->token.number * factor;
    if (!(v >= 1000 && v <= 400.0 * 86400000))
        return fail_at(c, c->token.start, "the length of a window is from 1 s to 400 d");
    *ms = (int64_t)(v + 0.5);
    return advance_token(c);
}

// A share as a constant: "90 %".
static bool parse_share(struct compiler *c, const char *what, double *out)
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

// How long a value of the part is known, and how often one is expected.
static void timing_of(const struct compiler *c, const struct node *x, struct window_spec *spec,
                      int64_t *every)
{
    *every = 0;
    bool endless = false;
    for (size_t i = 0; i < c->slots; i++) {
        if (!(x->inputs >> i & 1))
            continue;
        const struct expression_source *s = &c->sources[i];
        endless |= s->hold_ms == 0;
        if (s->hold_ms > spec->hold_ms)
            spec->hold_ms = s->hold_ms;
        if (s->every_ms > 0 && (*every == 0 || s->every_ms < *every))
            *every = s->every_ms;
    }
    if (endless)
        spec->hold_ms = 0;
    // Counters are recognised where they stand alone; of a formula nobody knows what may fall.
    const struct instruction *last = &c->code[c->code_count - 1];
    if (c->code_count == x->start + 1 && last->op == OP_INPUT) {
        spec->counter = c->sources[last->arg].counter;
        spec->modulus = c->sources[last->arg].modulus;
    }
}

// What a window function makes of the unit of its part.
static bool window_unit(struct compiler *c, const struct function *f, struct node *x)
{
    const struct unit *hour = unit_find("h"), *unit = x->unit;
    bool of_boolean =
        f->n == WINDOW_AVG || f->n == WINDOW_INTEGRAL || f->n == WINDOW_COUNT || f->n == WINDOW_AGE;
    if (!unit && !of_boolean)
        return need_number(c, x, f->name);
    if (unit && unit_is_absolute(unit) && (f->n == WINDOW_SUM || f->n == WINDOW_INTEGRAL))
        return fail_at(c, x->at,
                       "a temperature in %s cannot be added up; subtract another temperature first, which "
                       "gives %s",
                       unit_text(unit), unit_text(unit_difference(unit)));
    switch ((enum window_function)f->n) {
    case WINDOW_INTEGRAL:
        unit = unit ? unit_multiply(unit, hour) : hour;
        break;
    case WINDOW_AVG:
        unit = unit ? unit : unit_find("");
        break;
    case WINDOW_COUNT:
        unit = unit_find("");
        break;
    case WINDOW_AGE:
        unit = unit_find("s");
        break;
    case WINDOW_STDDEV:
    case WINDOW_DELTA:
        unit = unit_difference(unit);
        break;
    case WINDOW_SLOPE:
    case WINDOW_RATE:
        unit = unit_divide(unit_difference(unit), hour);
        break;
    default:
        break;
    }
    x->unit = unit;
    return unit ? true : fail_at(c, x->at, "the unit of this %s is too large to keep", f->name);
}

static bool emit_window(struct compiler *c, const struct function *f, struct window_spec *spec,
                        struct node *x)
{
    int64_t every;
    if (x->inputs == 0)
        return fail_at(c, x->at, "%s needs something that is measured, not a constant", f->name);
    if (c->windows == EXPRESSION_MAX_WINDOWS)
        return fail_at(c, x->at, "the expression has too many windows: more than %d", EXPRESSION_MAX_WINDOWS);
    spec->function = f->n;
    spec->boolean = x->unit == NULL;
    spec->inputs = x->inputs;
    timing_of(c, x, spec, &every);
    if (!window_unit(c, f, x))
        return false;
    window_size(spec, every);
    c->specs[c->windows] = *spec;
    struct instruction i = {.op = OP_WINDOW, .arg = (uint16_t)c->windows++};
    // integral and rate of a part in another unit than the one multiplied with hours: a plain result, m3/h*h.
    return emit(c, x->start, i, 1) && (x->unit ? make_plain(c, x) : true);
}

// What follows the first argument of a window: its length, for a percentile which, and the coverage.
static bool parse_window_rest(struct compiler *c, const struct function *f, struct node *x)
{
    struct window_spec spec = {.fraction = 0.5, .coverage = 0.8};
    bool is_percentile = strcmp(f->name, "percentile") == 0;
    if (!parse_duration(c, f, &spec.length_ms) ||
        (is_percentile && (!parse_comma(c, f) || !parse_share(c, "which percentile", &spec.fraction))))
        return false;
    if (c->token.kind == TOKEN_COMMA && f->n != WINDOW_AGE &&
        (!advance_token(c) || !parse_share(c, "how much must be known", &spec.coverage)))
        return false;
    return parse_end(c, f) && emit_window(c, f, &spec, x);
}

static bool parse_window(struct compiler *c, const struct function *f, struct node *out)
{
    return parse_expression(c, out) && parse_comma(c, f) && parse_window_rest(c, f, out);
}

static bool parse_age(struct compiler *c, const struct function *f, struct node *out)
{
    if (!parse_expression(c, out))
        return false;
    if (c->token.kind == TOKEN_COMMA)
        return advance_token(c) && parse_window_rest(c, f, out);
    struct window_spec spec = {0};
    return parse_end(c, f) && emit_window(c, f, &spec, out);
}

// min(a, b) of numbers, or min(x, 15 min) over time. Where x is itself a time, the numbers are meant.
static bool parse_extreme(struct compiler *c, const struct function *f, struct node *out)
{
    uint8_t n = 1;
    if (!parse_number_argument(c, f, out) || !parse_comma(c, f))
        return false;
    if (is_duration(c) && !unit_compatible(out->unit, unit_find("s")))
        return parse_window_rest(c, f, out);
    for (;;) {
        struct node next;
        if (!parse_expression(c, &next) || !unify(c, out, &next, next.at, "compare"))
            return false;
        out->inputs |= next.inputs;
        n++;
        if (c->token.kind != TOKEN_COMMA)
            break;
        if (!advance_token(c))
            return false;
    }
    return parse_end(c, f) && emit(c, out->start, (struct instruction){.op = f->op, .n = n}, n);
}

// ---- Heat ----

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

static bool parse_power(struct compiler *c, const struct function *f, struct node *out)
{
    struct node hot, cold;
    bool by_mass;
    if (!parse_flow(c, f, out, &by_mass) || !parse_comma(c, f) || !argument_in(c, f, "degC", &hot) ||
        !parse_comma(c, f) || !argument_in(c, f, "degC", &cold))
        return false;
    struct instruction i = {.op = by_mass ? OP_MASS_POWER : OP_VOLUME_POWER, .n = f->n};
    out->inputs |= hot.inputs | cold.inputs;
    out->unit = unit_find("kW");
    return parse_power_options(c, f, &i) && emit(c, out->start, i, 3);
}

static bool parse_steam_power(struct compiler *c, const struct function *f, struct node *out)
{
    struct node pressure, feed;
    if (!argument_in(c, f, "kg/h", out) || !parse_comma(c, f) || !argument_in(c, f, "bar", &pressure) ||
        !parse_comma(c, f) || !argument_in(c, f, "degC", &feed) || !parse_end(c, f))
        return false;
    out->inputs |= pressure.inputs | feed.inputs;
    out->unit = unit_find("kW");
    return emit(c, out->start, (struct instruction){.op = OP_STEAM_POWER}, 3);
}

static bool parse_property(struct compiler *c, const struct function *f, struct node *out)
{
    bool of_pressure = f->op == OP_STEAM_ENTHALPY || f->op == OP_SATURATION_TEMPERATURE;
    if (!argument_in(c, f, of_pressure ? "bar" : "degC", out) || !parse_end(c, f))
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
