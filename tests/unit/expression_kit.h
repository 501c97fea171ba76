/* SPDX-License-Identifier: Apache-2.0 */
/* A plant's names for the tests of expressions. */
#ifndef EXPRESSION_KIT_H
#define EXPRESSION_KIT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "symbiont/expression.h"
#include "symbiont/text.h"

struct kit_name {
    const char *name, *unit; /* unit NULL: true or false */
    int64_t hold_ms, every_ms;
    bool counter;
    double modulus;
};

static const struct kit_name kit_names[] = {
    {"p", "kW", 0, 0, false, 0},
    {"p2", "W", 0, 0, false, 0},
    {"q", "kvar", 0, 0, false, 0},
    {"s", "kVA", 0, 0, false, 0},
    {"n", "", 0, 0, false, 0},
    {"t", "degC", 0, 0, false, 0},
    {"t2", "degC", 0, 0, false, 0},
    {"tf", "degF", 0, 0, false, 0},
    {"dt", "K", 0, 0, false, 0},
    {"flow", "m3/h", 0, 0, false, 0},
    {"litres", "L/min", 0, 0, false, 0},
    {"mass_flow", "t/h", 0, 0, false, 0},
    {"mass", "kg", 0, 0, false, 0},
    {"bars", "bar", 0, 0, false, 0},
    {"energy", "kWh", 0, 0, true, 0},
    {"wrapping", "kWh", 0, 0, true, 10000000},
    {"pulses", "pulses", 0, 0, true, 0},
    {"on", NULL, 0, 0, false, 0},
    {"quick.p", "kW", 3000, 1000, false, 0},
    {"slow.p", "kW", 3 * 900000, 900000, false, 0},
    {"slow.energy", "kWh", 3 * 900000, 900000, true, 0},
    {"scale.mass_net", "kg", 3 * 86400000, 86400000, false, 0},
    {"compressor.active_power", "kW", 3000, 1000, false, 0},
};

static bool kit_resolve(void *arg, const char *name, struct expression_source *out, char *why,
                        size_t why_size)
{
    (void)arg;
    for (size_t i = 0; i < sizeof kit_names / sizeof *kit_names; i++)
        if (strcmp(kit_names[i].name, name) == 0) {
            *out = (struct expression_source){
                .index = (uint32_t)i,
                .unit = kit_names[i].unit ? unit_find(kit_names[i].unit) : NULL,
                .hold_ms = kit_names[i].hold_ms,
                .every_ms = kit_names[i].every_ms,
                .counter = kit_names[i].counter,
                .modulus = kit_names[i].modulus,
            };
            return true;
        }
    const char *near = text_nearest(name, kit_names, sizeof kit_names / sizeof *kit_names, sizeof *kit_names);
    snprintf(why, why_size, "there is no \"%s\"%s%s%s", name, near ? "; did you mean \"" : "",
             near ? near : "", near ? "\"?" : "");
    return false;
}

static const struct expression_names kit = {.resolve = kit_resolve};

/* `unit` NULL: anything; "bool": true or false. */
static inline struct expression *kit_compile(const char *text, const char *unit)
{
    struct expression_error error;
    struct expression_wanted wanted = {.unit = unit && strcmp(unit, "bool") != 0 ? unit_find(unit) : NULL};
    struct expression *e = expression_compile(text, &kit, NULL, unit ? &wanted : NULL, &error);
    if (!e)
        fail_msg("%s: column %d: %s", text, error.column, error.text);
    return e;
}

static inline size_t kit_slot(const struct expression *e, const char *name)
{
    for (size_t i = 0; i < expression_slots(e); i++)
        if (strcmp(expression_name(e, i), name) == 0)
            return i;
    fail_msg("%s is not used", name);
    return 0;
}

static inline void kit_feed(const struct expression *e, struct expression_state *s, const char *name,
                            int64_t ms, double v)
{
    expression_feed(s, kit_slot(e, name), (struct utc){ms}, v);
}

static inline void kit_near(double value, double expected, double tolerance)
{
    if (isnan(value) != isnan(expected) || fabs(value - expected) > tolerance)
        fail_msg("%.15g is not within %g of %.15g", value, tolerance, expected);
}

static inline int kit_open(void **state)
{
    (void)state;
    char why[200];
    return units_open(why, sizeof why);
}

#endif
