// SPDX-License-Identifier: Apache-2.0
// Virtual meters: from the settings of a stream to the one expression that gives its value. The formulas are
// the rows of a table; $name stands for a setting, in parentheses. docs/streams.md names the source of each.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "streams/stream_inside.h"
#include "symbiont/fluids.h"
#include "symbiont/text.h"

#define AT(field) offsetof(struct stream_config, field)
#define R(name)   (1u << RESOURCE_##name)

// The settings that hold expressions, by the name they have in the file.
static const struct {
    const char *name;
    size_t offset;
} settings[] = {
    {"flow", AT(flow)},         {"supply", AT(supply)},
    {"return", AT(back)},       {"electric", AT(electric)},
    {"cooling", AT(cooling)},   {"makeup", AT(makeup)},
    {"blowdown", AT(blowdown)}, {"fuel", AT(fuel)},
    {"flue", AT(flue)},         {"oxygen", AT(oxygen)},
    {"steam", AT(steam)},       {"pressure", AT(pressure)},
    {"feed", AT(feed)},         {"production", AT(production)},
    {"load", AT(load)},         {"export", AT(feed_in)},
    {"weight", AT(weight)},     {"level", AT(level)},
    {"running", AT(running)},   {"available", AT(available)},
    {"nominal", AT(nominal)},   {"cop", AT(cop)},
    {"value", AT(value)},       {"feed_solids", AT(feed_solids)},
};

#define NAMES 5

struct method {
    unsigned resources;
    const char *needs[NAMES]; /* settings that must be given; the first row with all of them is taken */
    const char *formula;
    uint8_t provenance;
};

#define MATTER  (R(WATER) | R(WASTE) | R(COMPRESSED_AIR) | R(BY_PRODUCT) | R(CO2) | R(MATERIAL))
#define CARRIED (R(HEAT) | R(COLD))

static const struct method methods[] = {
    {~0u, {"value"}, "$value", PROVENANCE_MEASURED},
    // Heat meters: EN 1434-1 annex A.
    {CARRIED,
     {"flow", "supply", "return"},
     "heat_power($flow, $supply, $return, $sensor, $medium)",
     PROVENANCE_MEASURED},
    // Chillers give off what they cool and what they are driven with.
    {R(HEAT), {"cooling", "electric"}, "$cooling + $electric", PROVENANCE_MEASURED},
    {R(HEAT), {"cooling"}, "$cooling * (1 + 1 / $cop)", PROVENANCE_CALCULATED},
    {R(HEAT), {"electric", "cop"}, "$electric * ($cop + 1)", PROVENANCE_CALCULATED},
    {R(COLD), {"cooling"}, "$cooling", PROVENANCE_MEASURED},
    {R(COLD), {"electric"}, "$electric * $cop", PROVENANCE_CALCULATED},
    // Compressors.
    {R(HEAT), {"electric"}, "$electric * $recovery", PROVENANCE_CALCULATED},
    // Cooling towers: what evaporates took 2,430 kJ/kg with it.
    {R(HEAT),
     {"makeup", "blowdown"},
     "max(0 kW, ($makeup - $blowdown)$water * 2430 kJ/kg)",
     PROVENANCE_CALCULATED},
    // Siegert: loss of fuel power in percent = (flue - air) * (A2 / (21 - O2) + B); the difference of two
    // such losses.
    {R(HEAT),
     {"fuel", "flue", "oxygen"},
     "$fuel * number(max(0 K, $flue - $coldest), K) * ($a2 / (21 - number($oxygen, %)) + $b) / 100",
     PROVENANCE_CALCULATED},
    {R(HEAT),
     {"steam", "pressure", "feed_solids"},
     "$steam * $blown * max(0 kJ/kg, water_enthalpy(saturation_temperature($pressure)) - "
     "water_enthalpy($cooled)) * $recovery",
     PROVENANCE_CALCULATED},
    {R(STEAM) | R(HEAT),
     {"steam", "pressure", "feed"},
     "steam_power($steam, $pressure, $feed)",
     PROVENANCE_MEASURED},
    {R(WATER), {"steam", "feed_solids"}, "$steam * $blown / 1000 kg/m3", PROVENANCE_CALCULATED},
    {R(ELECTRICITY), {"export"}, "max(0 kW, $export)", PROVENANCE_MEASURED},
    {R(ELECTRICITY), {"production", "load"}, "max(0 kW, $production - $load)", PROVENANCE_MEASURED},
    {R(ELECTRICITY), {"electric"}, "$electric", PROVENANCE_MEASURED},
    {R(COMPRESSED_AIR), {"available", "flow"}, "max(0 m3/h, $available - $flow)", PROVENANCE_CALCULATED},
    {R(EQUIPMENT),
     {"running", "available", "nominal"},
     "clamp(avg($available, 1 h) - avg($running > 15 % * $nominal, 1 h), 0, 1)",
     PROVENANCE_MEASURED},
    {R(EQUIPMENT),
     {"running", "available"},
     "clamp(avg($available, 1 h) - avg($running, 1 h), 0, 1)",
     PROVENANCE_MEASURED},
    {R(EQUIPMENT), {"running", "nominal"}, "1 - avg($running > 15 % * $nominal, 1 h)", PROVENANCE_MEASURED},
    {R(EQUIPMENT), {"running"}, "1 - avg($running, 1 h)", PROVENANCE_MEASURED},
    {R(WASTE) | R(BY_PRODUCT), {"weight"}, "$weight", PROVENANCE_MEASURED},
    {R(WASTE) | R(BY_PRODUCT), {"level"}, "$level * $capacity", PROVENANCE_CALCULATED},
    {R(FUEL), {"fuel"}, "$fuel", PROVENANCE_MEASURED},
    {MATTER, {"flow"}, "$flow", PROVENANCE_MEASURED},
};
#define METHODS (sizeof methods / sizeof methods[0])

static const char *setting(const struct stream_config *c, const char *name)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (strcmp(settings[i].name, name) != 0)
            continue;
        if (settings[i].offset == AT(cop) || settings[i].offset == AT(feed_solids))
            return option_given(&stream_section, c, settings[i].offset) ? name : NULL;
        char *const *at = (char *const *)(const void *)((const char *)c + settings[i].offset);
        return *at;
    }
    return NULL;
}

static bool complete(const struct method *m, const struct stream_config *c)
{
    for (int i = 0; i < NAMES && m->needs[i]; i++)
        if (!setting(c, m->needs[i]))
            return false;
    return true;
}

// Water by volume needs its density to become a mass; a mass flow does not.
static bool by_volume(const char *text, const struct expression_names *names)
{
    struct expression_error error;
    struct expression *e = expression_compile(text, names, NULL, NULL, &error);
    bool volume = e && expression_unit(e) && unit_compatible(expression_unit(e), unit_find("m3/h"));
    expression_free(e);
    return volume;
}

static void put_medium(struct buf *out, const struct stream_config *c)
{
    if (c->medium == FLUID_ETHYLENE_GLYCOL || c->medium == FLUID_PROPYLENE_GLYCOL)
        buf_printf(out, "%s_glycol %g %%", c->medium == FLUID_ETHYLENE_GLYCOL ? "ethylene" : "propylene",
                   c->glycol);
    else
        buf_puts(out, "water");
}

static void put_name(struct buf *out, const char *name, const struct stream_config *c,
                     const struct expression_names *names)
{
    bool blowdown = c->feed_solids > 0;
    if (strcmp(name, "sensor") == 0)
        buf_puts(out, c->flow_sensor ? "at_supply" : "at_return");
    else if (strcmp(name, "medium") == 0)
        put_medium(out, c);
    else if (strcmp(name, "cop") == 0)
        buf_number(out, c->cop, false);
    else if (strcmp(name, "recovery") == 0)
        buf_number(out, blowdown && !option_given(&stream_section, c, AT(recovery)) ? 0.9 : c->recovery,
                   false);
    else if (strcmp(name, "water") == 0)
        buf_puts(out, by_volume(c->makeup, names) ? " * 998 kg/m3" : "");
    else if (strcmp(name, "coldest") == 0)
        buf_puts(out, c->return_min ? c->return_min : "120 degC");
    else if (strcmp(name, "cooled") == 0)
        buf_puts(out, c->return_min ? c->return_min : "40 degC");
    else if (strcmp(name, "a2") == 0)
        buf_puts(out, c->fuel_kind == FUEL_OIL ? "0.68" : "0.66");
    else if (strcmp(name, "b") == 0)
        buf_puts(out, c->fuel_kind == FUEL_OIL ? "0.007" : "0.009");
    else if (strcmp(name, "blown") == 0)
        buf_number(out, c->feed_solids / (c->drum_solids - c->feed_solids), false);
    else if (strcmp(name, "capacity") == 0)
        buf_puts(out, c->container.capacity ? c->container.capacity : "0 kg");
    else
        buf_printf(out, strcmp(name, "value") == 0 ? "%s" : "(%s)", setting(c, name));
}

static char *expand(const char *formula, const struct stream_config *c, const struct expression_names *names)
{
    struct buf out = {0};
    for (const char *s = formula; *s;) {
        if (*s != '$') {
            buf_putc(&out, *s++);
            continue;
        }
        char name[24];
        size_t n = strspn(++s, "abcdefghijklmnopqrstuvwxyz_0123456789");
        snprintf(name, sizeof name, "%.*s", (int)n, s);
        put_name(&out, name, c, names);
        s += n;
    }
    char *text = out.failed ? NULL : text_dup(buf_text(&out));
    buf_free(&out);
    return text;
}

static void say_what_fits(const struct stream_config *c, struct diagnostics *d)
{
    struct buf list = {0};
    for (size_t i = 0; i < METHODS; i++) {
        if (!(methods[i].resources & 1u << c->resource))
            continue;
        for (int k = 0; k < NAMES && methods[i].needs[k]; k++)
            buf_printf(&list, "%s%s", k ? " + " : list.len ? "; " : "", methods[i].needs[k]);
    }
    diag_error(d, c->common.place,
               "stream %s: it does not say how %s is worked out; give one of: %s; or declared", c->name,
               resource_word((enum resource)c->resource), buf_text(&list));
    buf_free(&list);
}

static bool fits(const struct method *m, const struct stream_config *c, struct diagnostics *d)
{
    bool solids = strstr(m->formula, "$blown") != NULL, hydronic = strstr(m->formula, "$medium") != NULL;
    size_t before = diag_errors(d);
    if (solids && !(c->drum_solids > c->feed_solids))
        diag_error(d, c->common.place, "stream %s: drum_solids must be more than feed_solids", c->name);
    if (strstr(m->formula, "$capacity") && !c->container.capacity)
        diag_error(d, c->common.place, "stream %s: level needs container.capacity", c->name);
    if (hydronic && c->medium >= MEDIUM_STEAM)
        diag_error(
            d, c->common.place,
            "stream %s: the heat of this medium cannot be worked out from flow and temperatures; water, "
            "ethylene_glycol and propylene_glycol can",
            c->name);
    return diag_errors(d) == before;
}

char *virtual_meter(const struct stream_config *c, const struct expression_names *names,
                    enum provenance *provenance, struct diagnostics *d)
{
    for (size_t i = 0; i < METHODS; i++) {
        const struct method *m = &methods[i];
        if (!(m->resources & 1u << c->resource) || !complete(m, c))
            continue;
        if (!fits(m, c, d))
            return NULL;
        *provenance = (enum provenance)m->provenance;
        char *text = expand(m->formula, c, names);
        if (!text)
            diag_error(d, c->common.place, "stream %s: out of memory", c->name);
        return text;
    }
    say_what_fits(c, d);
    return NULL;
}
