// SPDX-License-Identifier: Apache-2.0
// A stream's making: everything compiled and checked, every mistake named at its place.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "streams/stream_inside.h"
#include "symbiont/text.h"

// The unit of the value, and that of its integral over time.
static const struct {
    const char *unit, *amount;
} units[RESOURCES] = {
    [RESOURCE_HEAT] = {"kW", "kWh"},
    [RESOURCE_COLD] = {"kW", "kWh"},
    [RESOURCE_STEAM] = {"kW", "kWh"},
    [RESOURCE_WATER] = {"m3/h", "m3"},
    [RESOURCE_WASTE] = {"kg/h", "kg"},
    [RESOURCE_ELECTRICITY] = {"kW", "kWh"},
    [RESOURCE_COMPRESSED_AIR] = {"m3/h", "m3"},
    [RESOURCE_BY_PRODUCT] = {"kg/h", "kg"},
    [RESOURCE_CO2] = {"kg/h", "kg"},
    [RESOURCE_EQUIPMENT] = {"", "h"},
    [RESOURCE_FUEL] = {"kW", "kWh"},
    [RESOURCE_MATERIAL] = {"kg/h", "kg"},
};

static bool is_container(const struct stream_config *c)
{
    return c->weight || c->level;
}

const struct unit *stream_config_unit(const struct stream_config *c)
{
    return unit_find(c->unit ? c->unit : is_container(c) ? "kg" : units[c->resource].unit);
}

// ---- Inputs ----

struct resolving {
    struct stream *s;
    const struct expression_names *names;
    bool full;
};

static bool resolve(void *arg, const char *name, struct expression_source *out, char *why, size_t why_size)
{
    struct resolving *r = arg;
    struct stream *s = r->s;
    for (size_t i = 0; i < s->input_count; i++)
        if (strcmp(s->inputs[i], name) == 0) {
            *out = s->sources[i];
            return true;
        }
    if (!r->names->resolve(r->names->arg, name, out, why, why_size))
        return false;
    if (s->input_count == STREAM_INPUTS_MAX || !(s->inputs[s->input_count] = text_dup(name))) {
        snprintf(why, why_size, "a stream cannot name more than %d points", STREAM_INPUTS_MAX);
        return false;
    }
    s->sources[s->input_count++] = *out;
    return true;
}

static size_t input_index(const struct stream *s, const char *name)
{
    size_t i = 0;
    while (i + 1 < s->input_count && strcmp(s->inputs[i], name) != 0)
        i++;
    return i;
}

static bool compile_part(struct stream *s, size_t at, const char *what, const char *text,
                         const struct unit *unit, const struct expression_names *names, struct place place,
                         struct diagnostics *d)
{
    struct resolving resolving = {s, names, false};
    const struct expression_names own = {resolve, &resolving};
    const struct expression_wanted wanted = {unit};
    struct expression_error error;
    struct part *p = &s->parts[at];
    p->program = expression_compile(text, &own, &s->calendar, unit ? &wanted : NULL, &error);
    if (!p->program) {
        diag_error(d, place, "stream %s: %s: %s (in %.300s)", s->config->name, what, error.text, text);
        return false;
    }
    if (!expression_unit(p->program)) {
        diag_error(d, place, "stream %s: %s must be a number, not true or false", s->config->name, what);
        return false;
    }
    p->state = expression_state_new(p->program);
    for (size_t i = 0; i < expression_slots(p->program); i++)
        p->input_of[i] = (uint8_t)input_index(s, expression_name(p->program, i));
    if (at >= s->part_count)
        s->part_count = at + 1;
    if (!p->state)
        diag_error(d, place, "stream %s: out of memory", s->config->name);
    return p->state != NULL;
}

// ---- Amounts in settings ----

static bool amount_in(struct stream *s, const char *what, const char *text, const struct unit *unit,
                      double *out, struct place place, struct diagnostics *d)
{
    char why[200];
    const struct unit *given;
    double value, factor, offset;
    if (!text)
        return true;
    if (!amount_parse(text, &value, &given, why, sizeof why))
        diag_error(d, place, "stream %s: %s: %s", s->config->name, what, why);
    else if (!unit_conversion(given, unit, &factor, &offset))
        diag_error(d, place, "stream %s: %s: \"%s\" is a %s, wanted is a %s as \"%s\"", s->config->name, what,
                   text, unit_dimension(given), unit_dimension(unit),
                   *unit_text(unit) ? unit_text(unit) : "50 %");
    else
        return *out = value * factor + offset, true;
    return false;
}

static void take_surplus(struct stream *s, struct diagnostics *d)
{
    const struct surplus_config *c = &s->config->surplus;
    struct place at = c->common.place.file ? c->common.place : s->config->common.place;
    double nominal = 0;
    if (s->config->resource != RESOURCE_EQUIPMENT)
        amount_in(s, "nominal", s->config->nominal, s->unit, &nominal, s->config->common.place, d);
    s->rule = surplus_default((enum resource)s->config->resource, nominal);
    if (s->has_container) {
        s->rule.above = 0.8 * s->container_rule.capacity; // full enough for a lorry
        s->rule.below = 0.5 * s->container_rule.capacity;
        s->rule.hold_ms = s->rule.release_ms = 10 * 60000;
    }
    if (amount_in(s, "surplus.above", c->above, s->unit, &s->rule.above, at, d) && c->above)
        s->rule.below = 0.8 * s->rule.above;
    amount_in(s, "surplus.below", c->below, s->unit, &s->rule.below, at, d);
    if (s->rule.below > s->rule.above)
        diag_error(d, at, "stream %s: surplus.below is more than surplus.above", s->config->name);
    const struct section *section = NULL;
    for (const struct option *o = stream_section.options; o->name; o++)
        if (strcmp(o->name, "surplus") == 0)
            section = o->section;
    if (option_given(section, c, offsetof(struct surplus_config, hold_ns)))
        s->rule.hold_ms = c->hold_ns / NS_PER_MS;
    if (option_given(section, c, offsetof(struct surplus_config, release_ns)))
        s->rule.release_ms = c->release_ns / NS_PER_MS;
    if (c->unknown_ns)
        s->rule.unknown_ms = c->unknown_ns / NS_PER_MS;
    s->can_surplus = s->config->direction == DIRECTION_OUT;
    if (!s->can_surplus && c->common.place.file)
        diag_error(d, at, "stream %s: only what goes out can be surplus, its direction is %s",
                   s->config->name, direction_word((enum direction)s->config->direction));
}

static void take_container(struct stream *s, struct diagnostics *d)
{
    const struct container_config *c = &s->config->container;
    struct place at = c->common.place.file ? c->common.place : s->config->common.place;
    struct container_rule *r = &s->container_rule;
    double volume = 0, density = 0;
    if (!is_container(s->config)) {
        if (c->common.place.file)
            diag_error(d, at, "stream %s: a container needs weight or level", s->config->name);
        return;
    }
    s->has_container = true;
    if (!c->capacity)
        diag_error(d, at, "stream %s: weight needs container.capacity", s->config->name);
    amount_in(s, "container.capacity", c->capacity, unit_find("kg"), &r->capacity, at, d);
    amount_in(s, "container.tare", c->tare, unit_find("kg"), &r->tare, at, d);
    amount_in(s, "container.volume", c->volume, unit_find("m3"), &volume, at, d);
    amount_in(s, "container.density", c->density, unit_find("kg/m3"), &density, at, d);
    if (c->capacity && !(r->capacity > 0))
        diag_error(d, at, "stream %s: container.capacity must be more than 0", s->config->name);
    if ((volume > 0) != (density > 0))
        diag_error(d, at, "stream %s: container.volume and container.density belong together",
                   s->config->name);
    if (unit_find("kg") != s->unit)
        diag_error(d, s->config->common.place, "stream %s: the content of a container is counted in kg",
                   s->config->name);
    r->volume_limit = volume * density;
    r->stable = c->stable > 0 ? c->stable : 0.002;
    r->within_ms = c->within_ns ? c->within_ns / NS_PER_MS : 30 * 60000;
    container_reset(&s->container, r);
}

static void take_shutdown(struct stream *s, struct diagnostics *d)
{
    const struct texts *t = &s->config->shutdown;
    s->shutdown = calloc(t->n + 1, sizeof *s->shutdown);
    for (size_t i = 0; s->shutdown && i < t->n; i++) {
        struct days days;
        char first[11], rest[16];
        int n = sscanf(t->items[i], "%10[0-9-]..%15s", first, rest);
        if (n < 1 || !date_parse(first, &days.first) || (n == 2 && !date_parse(rest, &days.last)) ||
            (n == 1 && strlen(t->items[i]) != 10) || (n == 2 && days.last < days.first))
            diag_error(d, s->config->common.place,
                       "stream %s: shutdown \"%s\": wanted a day, \"2026-12-24\", or days, "
                       "\"2026-08-01..2026-08-23\"",
                       s->config->name, t->items[i]);
        else
            s->shutdown[s->shutdown_count++] = (struct days){days.first, n == 1 ? days.first : days.last};
    }
}

static void take_waste(struct stream *s, struct diagnostics *d)
{
    const struct stream_config *c = s->config;
    char why[300];
    if (!c->waste_code) {
        if (c->resource == RESOURCE_WASTE)
            diag_warning(d, c->common.place, "stream %s: a waste without its code (low) cannot be offered",
                         c->name);
        return;
    }
    s->waste = waste_parse(c->waste_code, why, sizeof why);
    if (!s->waste)
        diag_error(d, c->common.place, "stream %s: low: %s", c->name, why);
}

// ---- Parts ----

static void take_value(struct stream *s, const struct expression_names *names, struct diagnostics *d)
{
    const struct stream_config *c = s->config;
    char why[300];
    s->declared = NAN;
    if (c->declared) {
        s->provenance = PROVENANCE_DECLARED;
        amount_in(s, "declared", c->declared, s->unit, &s->declared, c->common.place, d);
        if (!schedule_parse(c->profile, s->hours, why, sizeof why))
            diag_error(d, c->common.place, "stream %s: profile: %s", c->name, why);
        s->formula = text_dup("");
        s->every_ms = 0;
    } else {
        s->formula = virtual_meter(c, names, &s->provenance, d);
        if (s->formula)
            compile_part(s, PART_VALUE, "value", s->formula, s->unit, names, c->common.place, d);
    }
    if (c->provenance >= 0)
        s->provenance = (enum provenance)c->provenance;
    if (c->internal)
        compile_part(s, PART_INTERNAL, "internal", c->internal, s->unit, names, c->common.place, d);
    if (s->formula && c->supply && c->back) {
        char text[2 * EXPRESSION_MAX_TEXT + 16];
        snprintf(text, sizeof text, "(%s) - (%s)", c->supply, c->back);
        compile_part(s, PART_DIFFERENCE, "supply - return", text, unit_find("K"), names, c->common.place, d);
    }
}

// For whoever is to take it. Mistakes in these texts were named with the value.
static void take_conditions(struct stream *s, const struct expression_names *names, struct diagnostics *d)
{
    const struct stream_config *c = s->config;
    const char *supply = c->supply ? c->supply : c->flue;
    bool thermal =
        c->resource == RESOURCE_HEAT || c->resource == RESOURCE_COLD || c->resource == RESOURCE_STEAM;
    if (!thermal || !s->parts[PART_VALUE].program ||
        (c->supply && c->back && !s->parts[PART_DIFFERENCE].program))
        return;
    if (supply)
        compile_part(s, PART_SUPPLY, "supply", supply, unit_find("degC"), names, c->common.place, d);
    if (c->back)
        compile_part(s, PART_BACK, "return", c->back, unit_find("degC"), names, c->common.place, d);
    if (c->pressure)
        compile_part(s, PART_PRESSURE, "pressure", c->pressure, unit_find("bar"), names, c->common.place, d);
}

static void take_quality(struct stream *s, const struct expression_names *names, struct diagnostics *d)
{
    const struct quality_config *q = s->config->quality.items;
    size_t n = s->config->quality.n;
    if (n > STREAM_QUALITY_MAX) {
        diag_error(d, q[STREAM_QUALITY_MAX].common.place, "stream %s: more than %d parameters of quality",
                   s->config->name, STREAM_QUALITY_MAX);
        n = STREAM_QUALITY_MAX;
    }
    for (size_t i = 0; i < n; i++) {
        const struct unit *unit = q[i].unit ? unit_find(q[i].unit) : NULL;
        if (q[i].unit && !unit) {
            diag_error(d, q[i].common.place, "stream %s: quality %s: the unit \"%s\" is not known",
                       s->config->name, q[i].name, q[i].unit);
        } else if (compile_part(s, PART_QUALITY + i, q[i].name, q[i].value, unit, names, q[i].common.place,
                                d)) {
            s->parts[PART_QUALITY + i].name = q[i].name;
            s->parts[PART_QUALITY + i].unit = unit_text(expression_unit(s->parts[PART_QUALITY + i].program));
        }
    }
}

// After all others: how slowly a driver comes does not slow down the stream.
static void take_baseline(struct stream *s, const struct expression_names *names, struct diagnostics *d)
{
    const struct baseline_config *c = &s->config->baseline;
    struct place at = c->common.place.file ? c->common.place : s->config->common.place;
    s->own_inputs = s->input_count;
    if (c->outdoor)
        compile_part(s, PART_DRIVER + MODEL_OUTDOOR, "baseline.outdoor", c->outdoor, unit_find("degC"), names,
                     at, d);
    if (c->production)
        compile_part(s, PART_DRIVER + MODEL_PRODUCTION, "baseline.production", c->production, NULL, names, at,
                     d);
    if (c->outdoor || c->production) {
        s->model = malloc(sizeof *s->model);
        if (s->model)
            model_reset(s->model, c->outdoor, c->production);
        else
            diag_error(d, at, "stream %s: out of memory", s->config->name);
    } else if (c->common.place.file) {
        diag_error(d, at, "stream %s: baseline needs outdoor or production", s->config->name);
    }
}

static void derive_times(struct stream *s)
{
    for (size_t i = 0; i < s->input_count; i++) {
        const struct expression_source *in = &s->sources[i];
        int64_t hold = in->hold_ms ? in->hold_ms : 3 * in->every_ms;
        s->every_ms = in->every_ms > s->every_ms ? in->every_ms : s->every_ms;
        s->hold_ms = hold > s->hold_ms ? hold : s->hold_ms;
    }
    if (s->hold_ms == 0)
        s->hold_ms = 3600000; // no period is known: an hour, the ledger's grain
}

static const struct unit *integral_of(const struct stream *s)
{
    if (s->has_container)
        return unit_find("kg");
    if (!s->config->unit)
        return unit_find(units[s->config->resource].amount);
    const struct unit *u = unit_multiply(s->unit, unit_find("h"));
    return u ? u : s->unit;
}

struct stream *stream_new(const struct stream_config *c, const struct expression_names *names,
                          const struct expression_calendar *calendar, const struct stream_hooks *hooks,
                          struct diagnostics *d)
{
    size_t before = diag_errors(d);
    struct stream *s = calloc(1, sizeof *s);
    if (s)
        s->history = malloc(sizeof *s->history);
    if (!s || !s->history) {
        diag_error(d, c->common.place, "stream %s: out of memory", c->name);
        free(s);
        return NULL;
    }
    s->config = c;
    s->calendar = calendar ? *calendar : (struct expression_calendar){0};
    s->hooks = hooks ? *hooks : (struct stream_hooks){0};
    s->unit = stream_config_unit(c);
    s->value = s->internal = s->difference = s->coverage = s->firmness = NAN;
    s->driver[MODEL_OUTDOOR] = s->driver[MODEL_PRODUCTION] = NAN;
    week_reset(s->history);
    if (!s->unit) {
        const char *near = unit_nearest(c->unit);
        diag_error(d, c->common.place, "stream %s: the unit \"%s\" is not known%s%s%s", c->name, c->unit,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    } else {
        take_container(s, d);
        s->amount_unit = integral_of(s);
        take_surplus(s, d);
        take_shutdown(s, d);
        take_waste(s, d);
        take_value(s, names, d);
        take_quality(s, names, d);
        take_conditions(s, names, d);
        derive_times(s);
        take_baseline(s, names, d);
    }
    if (diag_errors(d) == before)
        return s;
    stream_free(s);
    return NULL;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < STREAM_PARTS; i++) {
        expression_state_free(s->parts[i].state);
        expression_free(s->parts[i].program);
    }
    for (size_t i = 0; i < s->input_count; i++) {
        union {
            const char *read;
            char *own;
        } name = {.read = s->inputs[i]};
        free(name.own);
    }
    free(s->formula);
    free(s->shutdown);
    free(s->history);
    free(s->model);
    free(s);
}

size_t stream_memory(const struct stream *s)
{
    size_t n = sizeof *s + sizeof *s->history + (s->model ? sizeof *s->model : 0) +
               s->shutdown_count * sizeof *s->shutdown + strlen(s->formula) + 1;
    for (size_t i = 0; i < s->input_count; i++)
        n += strlen(s->inputs[i]) + 1;
    return n;
}

// ---- Simple questions ----

const struct stream_config *stream_config(const struct stream *s)
{
    return s->config;
}

const char *stream_name(const struct stream *s)
{
    return s->config->name;
}

const struct unit *stream_unit(const struct stream *s)
{
    return s->unit;
}

const struct unit *stream_amount_unit(const struct stream *s)
{
    return s->amount_unit;
}

enum provenance stream_provenance(const struct stream *s)
{
    return s->provenance;
}

const char *stream_formula(const struct stream *s)
{
    return s->formula;
}

size_t stream_inputs(const struct stream *s)
{
    return s->input_count;
}

const char *stream_input(const struct stream *s, size_t input)
{
    return s->inputs[input];
}

const struct expression_source *stream_input_source(const struct stream *s, size_t input)
{
    return &s->sources[input];
}

double stream_threshold(const struct stream *s)
{
    return s->can_surplus ? s->rule.above : NAN;
}

static double part_at(const struct stream *s, int part, struct utc t)
{
    const struct part *p = &s->parts[part];
    return p->program ? expression_value(p->state, t) : NAN;
}

void stream_conditions(const struct stream *s, struct utc t, struct stream_conditions *out)
{
    *out = (struct stream_conditions){part_at(s, PART_SUPPLY, t), part_at(s, PART_BACK, t),
                                      part_at(s, PART_PRESSURE, t)};
}

int64_t stream_every_ms(const struct stream *s)
{
    return s->every_ms;
}

void stream_feed(struct stream *s, size_t input, struct utc t, double value)
{
    s->fed |= input < s->own_inputs;
    for (size_t i = 0; i < s->part_count; i++) {
        struct part *p = &s->parts[i];
        for (size_t k = 0, n = p->program ? expression_slots(p->program) : 0; k < n; k++)
            if (p->input_of[k] == input)
                expression_feed(p->state, k, t, value);
    }
}
