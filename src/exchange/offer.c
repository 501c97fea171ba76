// SPDX-License-Identifier: Apache-2.0
// Offers and needs: words, units, what leaves at a level, what counts as a change, the body.
#include "symbiont/offer.h"

#include <stdio.h>
#include <string.h>
#include "exchange/offer_table.h"
#include "exchange/span.h"

const char *synergy_word(enum synergy s)
{
    return codec_choice_word(synergy_choices, (int)s);
}

static const struct {
    const char *unit, *annual, *metered;
} units[RESOURCES] = {
    [RESOURCE_HEAT] = {"kW", "MWh", NULL},     [RESOURCE_COLD] = {"kW", "MWh", NULL},
    [RESOURCE_STEAM] = {"kW", "MWh", NULL},    [RESOURCE_ELECTRICITY] = {"kW", "MWh", NULL},
    [RESOURCE_WATER] = {"m3/h", "m3", NULL},   [RESOURCE_COMPRESSED_AIR] = {"m3/h", "m3", NULL},
    [RESOURCE_WASTE] = {"t/wk", "t", NULL},    [RESOURCE_BY_PRODUCT] = {"t/wk", "t", NULL},
    [RESOURCE_CO2] = {"t/wk", "t", NULL},      [RESOURCE_FUEL] = {"t/wk", "t", NULL},
    [RESOURCE_MATERIAL] = {"t/wk", "t", NULL}, [RESOURCE_EQUIPMENT] = {"", "h", NULL},
};

// A unit of a nuclear power station gives off 3 GW of heat in 50 m3/s of cooling water; the largest
// steelworks make 100,000 t a week.
double offer_amount_most(enum resource r)
{
    const char *unit = offer_unit(r);
    return strcmp(unit, "kW") == 0     ? 5e6
           : strcmp(unit, "m3/h") == 0 ? 5e5
           : strcmp(unit, "t/wk") == 0 ? 5e5
                                       : INFINITY;
}

// Ten times and more of what is dear: heat out of electricity, electricity at the exchange's cap, ultrapure
// water, the disposal of dangerous waste, precious scrap.
double offer_price_most(enum resource r)
{
    static const double most[RESOURCES] = {
        [RESOURCE_HEAT] = 5000,  [RESOURCE_COLD] = 5000,       [RESOURCE_STEAM] = 5000,
        [RESOURCE_WATER] = 1000, [RESOURCE_ELECTRICITY] = 1e5, [RESOURCE_COMPRESSED_AIR] = 100,
        [RESOURCE_WASTE] = 1e6,  [RESOURCE_BY_PRODUCT] = 1e6,  [RESOURCE_CO2] = 1e4,
        [RESOURCE_FUEL] = 1e5,   [RESOURCE_MATERIAL] = 1e6,    [RESOURCE_EQUIPMENT] = 1e5,
    };
    return (unsigned)r < RESOURCES ? most[r] : 0;
}

const char *offer_unit(enum resource r)
{
    return (unsigned)r < RESOURCES ? units[r].unit : "";
}

const char *offer_annual_unit(enum resource r)
{
    return (unsigned)r < RESOURCES ? units[r].annual : "";
}

static void clear_parameters(struct offer_parameter *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i].value = SPAN_UNSAID;
}

void offer_clear(struct offer *o)
{
    // The gaps between members too: what is compared or hashed as bytes is then the same.
    memset(o, 0, sizeof *o);
    o->latitude = o->longitude = o->confidence = o->notice_h = o->price = o->avoided = NAN;
    o->firm = o->typical = o->peak = o->annual = o->lot = SPAN_UNSAID;
    o->heat.supply = o->heat.back = o->heat.pressure = SPAN_UNSAID;
    o->heat.approach_k = NAN;
    o->waste.density = o->waste.stock_t = o->waste.lot_t = SPAN_UNSAID;
    o->waste.capacity_t = o->waste.fill = o->waste.days_to_full = SPAN_UNSAID;
    clear_parameters(o->equipment.capability,
                     sizeof o->equipment.capability / sizeof(struct offer_parameter));
    clear_parameters(o->parameters, OFFER_LIMITS);
}

// ---- Where ----

#define CELL_DEG     0.025
#define M_PER_DEGREE 111320.0
#define RADIANS(deg) ((deg)*0.017453292519943295)

void offer_cell(double *latitude, double *longitude, double *radius_m)
{
    // Quotients are the nearest to the decimal, products are not; no -0.
    *latitude = nearbyint(*latitude / CELL_DEG) / 40 + 0.0;
    *longitude = nearbyint(*longitude / CELL_DEG) / 40 + 0.0;
    double half = CELL_DEG / 2 * M_PER_DEGREE;
    // From its centre to a corner, to the next 100 m.
    *radius_m = ceil(hypot(half, half * cos(RADIANS(*latitude))) / 100) * 100;
}

char *offer_cell_zone(double latitude, double longitude, char out[static OFFER_WORD])
{
    double radius_m;
    offer_cell(&latitude, &longitude, &radius_m);
    snprintf(out, OFFER_WORD, "c:%.3f:%.3f", latitude, longitude);
    return out;
}

// ---- What leaves ----

bool offer_disclose(const struct offer *full, struct offer *out)
{
    offer_clear(out);
    if (full->level < DISCLOSE_AGGREGATE || full->level > DISCLOSE_DETAIL)
        return false;
    codec_disclose(offer_rows, full->level, full, out);
    if (full->level < DISCLOSE_EXACT && !isnan(out->latitude) && !isnan(out->longitude)) {
        double radius_m;
        offer_cell(&out->latitude, &out->longitude, &radius_m);
        // A radius that its owner gave says how coarse his place is already.
        out->radius_m = full->radius_m > radius_m ? ceil(full->radius_m / 1000) * 1000 : radius_m;
    }
    return true;
}

bool offer_differs(const struct offer *told, const struct offer *now)
{
    struct offer seen;
    return !offer_disclose(now, &seen) || codec_differs(offer_rows, told, &seen, now);
}

// ---- The body ----

void offer_write(const struct offer *o, struct buf *out)
{
    codec_write(offer_rows, o, out);
}

bool offer_take(const void *object, struct offer *out, char *why, size_t why_size)
{
    offer_clear(out);
    return codec_take(offer_rows, object, out, why, why_size);
}

bool offer_read(const char *json, size_t n, struct offer *out, char *why, size_t why_size)
{
    offer_clear(out);
    return codec_read(offer_rows, json, n, OFFER_BYTES, out, why, why_size);
}
