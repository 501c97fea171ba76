// SPDX-License-Identifier: Apache-2.0
// What a definition means to UDUNITS-2: a factor, an offset and exponents of base units.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <udunits2.h>
#include "unit.h"

enum { SI_BASES = 7 };

struct unit_database {
    ut_system *system;
    ut_error_message_handler before;
};

// Their names in UDUNITS-2's database, and as we print them.
static const struct unit_base si_bases[SI_BASES] = {
    {"meter", "m"},  {"kilogram", "kg"}, {"second", "s"},   {"kelvin", "K"},
    {"ampere", "A"}, {"mole", "mol"},    {"candela", "cd"},
};

const char *unit_base(size_t i)
{
    return i < SI_BASES ? si_bases[i].text : unit_bases[i - SI_BASES].text;
}

static const char *base_id(size_t i)
{
    return i < SI_BASES ? si_bases[i].id : unit_bases[i - SI_BASES].id;
}

size_t unit_base_count(void)
{
    size_t n = SI_BASES;
    while (n < MAX_BASES && unit_bases[n - SI_BASES].id)
        n++;
    return n;
}

static ut_status add_base(struct unit *u, const ut_unit *basic, int power)
{
    const char *name = ut_get_name(basic, UT_ASCII);
    for (size_t i = 0; name && i < unit_base_count(); i++)
        if (strcmp(name, base_id(i)) == 0) {
            u->exponent[i] = (int8_t)(u->exponent[i] + power);
            return UT_SUCCESS;
        }
    return UT_VISIT_ERROR;
}

static ut_status visit_basic(const ut_unit *unit, void *arg)
{
    return add_base(arg, unit, 1);
}

static ut_status visit_product(const ut_unit *unit, int count, const ut_unit *const *basics,
                               const int *powers, void *arg)
{
    (void)unit;
    for (int i = 0; i < count; i++)
        if (add_base(arg, basics[i], powers[i]) != UT_SUCCESS)
            return UT_VISIT_ERROR;
    return UT_SUCCESS;
}

static ut_status visit_timestamp(const ut_unit *unit, const ut_unit *time_unit, double origin, void *arg)
{
    (void)unit, (void)time_unit, (void)origin, (void)arg;
    return UT_VISIT_ERROR;
}

static ut_status visit_logarithmic(const ut_unit *unit, double base, const ut_unit *reference, void *arg)
{
    (void)unit, (void)base, (void)reference, (void)arg;
    return UT_VISIT_ERROR;
}

// Factors below one that are the inverse of a whole number become exactly that.
static void set_factor(struct unit *u, double scale)
{
    u->up = (long double)scale;
    u->down = 1;
    double inverse = 1 / scale, whole = nearbyint(inverse);
    if (scale < 1 && fabs(inverse - whole) <= 4e-15 * whole) {
        u->up = 1;
        u->down = (long double)whole;
    } else if (fabs(scale - nearbyint(scale)) <= 4e-15 * scale) {
        u->up = (long double)nearbyint(scale);
    }
}

static ut_status visit_galilean(const ut_unit *unit, double scale, const ut_unit *underlying, double offset,
                                void *arg);

static const ut_visitor visitor = {visit_basic, visit_product, visit_galilean, visit_timestamp,
                                   visit_logarithmic};

// The offset is in the unit itself: degF is 0.5556 K, 459.67 degF above nothing.
static ut_status visit_galilean(const ut_unit *unit, double scale, const ut_unit *underlying, double offset,
                                void *arg)
{
    (void)unit;
    struct unit *u = arg;
    if (ut_accept_visitor(underlying, &visitor, u) != UT_SUCCESS)
        return UT_VISIT_ERROR;
    set_factor(u, scale);
    u->offset = (double)(u->up / u->down * (long double)offset);
    return UT_SUCCESS;
}

bool unit_database_resolve(struct unit_database *d, const char *definition, struct unit *u)
{
    ut_unit *parsed = ut_parse(d->system, definition, UT_ASCII);
    if (!parsed)
        return false;
    u->up = u->down = 1;
    bool ok = ut_accept_visitor(parsed, &visitor, u) == UT_SUCCESS;
    ut_free(parsed);
    return ok;
}

static bool add_bases(ut_system *system)
{
    for (const struct unit_base *b = unit_bases; b->id; b++) {
        ut_unit *unit = ut_new_base_unit(system);
        bool ok = unit && ut_map_name_to_unit(b->id, UT_ASCII, unit) == UT_SUCCESS &&
                  ut_map_unit_to_name(unit, b->id, UT_ASCII) == UT_SUCCESS;
        ut_free(unit);
        if (!ok)
            return false;
    }
    return true;
}

struct unit_database *unit_database_open(char *why, size_t why_size)
{
    struct unit_database *d = calloc(1, sizeof *d);
    if (!d) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    // By default the library prints its complaints on stderr.
    d->before = ut_set_error_message_handler(ut_ignore);
    d->system = ut_read_xml(NULL);
    if (!d->system) {
        const char *path = getenv("UDUNITS2_XML_PATH");
        snprintf(why, why_size,
                 "the UDUNITS-2 unit database cannot be read (%s); install the package libudunits2-data",
                 path ? path : "udunits2.xml");
    } else if (!add_bases(d->system)) {
        snprintf(why, why_size, "the UDUNITS-2 database does not take our base units");
    } else {
        return d;
    }
    unit_database_close(d);
    return NULL;
}

void unit_database_close(struct unit_database *d)
{
    ut_free_system(d->system);
    ut_set_error_message_handler(d->before);
    free(d);
}
