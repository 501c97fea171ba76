/* SPDX-License-Identifier: Apache-2.0 */
/* Offers and needs for the tests of the matching. */
#ifndef SYMBIONT_TESTS_MATCH_HELP_H
#define SYMBIONT_TESTS_MATCH_HELP_H

#include <stdio.h>
#include <string.h>
#include "symbiont/match.h"
#include "symbiont/units.h"

/* Within a share of what is wanted. */
#define NEAR(value, wanted, share)                                                                           \
    do {                                                                                                     \
        double near_v = (value), near_w = (wanted);                                                          \
        if (!(fabs(near_v - near_w) <= fabs(near_w) * (share)))                                              \
            fail_msg("%s is %g, not %g", #value, near_v, near_w);                                            \
    } while (0)

#define NOW ((struct utc){1795000000000})

static inline int make_settings(void **state)
{
    char why[200];
    if (units_open(why, sizeof why) < 0)
        return -1;
    *state = match_settings_new();
    return *state ? 0 : -1;
}

static inline int drop_settings(void **state)
{
    match_settings_free(*state);
    return 0;
}

static inline struct offer plain_offer(enum offer_role role, enum resource r, const char *id,
                                       const char *site, double typical)
{
    struct offer o;
    offer_clear(&o);
    o.role = role;
    o.resource = r;
    o.level = DISCLOSE_EXACT;
    o.provenance = PROVENANCE_MEASURED;
    o.typical = span_of(typical);
    snprintf(o.id, sizeof o.id, "%s", id);
    snprintf(o.pseudonym, sizeof o.pseudonym, "%s", site);
    o.valid_until.ms = NOW.ms + 90LL * 86400000;
    return o;
}

static inline struct offer heat_offer(const char *id, const char *site, double supply, double back, double kw)
{
    struct offer o = plain_offer(ROLE_OFFER, RESOURCE_HEAT, id, site, kw);
    o.heat.supply = span_of(supply);
    o.heat.back = span_of(back);
    return o;
}

static inline struct offer heat_need(const char *id, const char *site, double in, double out, double kw)
{
    struct offer o = plain_offer(ROLE_NEED, RESOURCE_HEAT, id, site, kw);
    o.heat.supply = span_of(out);
    o.heat.back = span_of(in);
    return o;
}

static inline struct offer waste_offer(const char *id, const char *site, uint32_t code, double t_wk)
{
    struct offer o = plain_offer(ROLE_OFFER, RESOURCE_WASTE, id, site, t_wk);
    o.waste.codes[0] = code;
    o.waste.code_count = 1;
    return o;
}

static inline struct offer waste_need(const char *id, const char *site, uint32_t code, double t_wk)
{
    struct offer o = plain_offer(ROLE_NEED, RESOURCE_WASTE, id, site, t_wk);
    o.waste.codes[0] = code;
    o.waste.code_count = 1;
    o.waste.operations = 1u << 3;
    return o;
}

static inline void put_parameter(struct offer *o, const char *name, const char *unit, double low, double high)
{
    struct offer_parameter *p = &o->parameters[o->parameter_count++];
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(p->unit, sizeof p->unit, "%s", unit);
    p->value = (struct span){low, high};
}

#endif
