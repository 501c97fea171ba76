// SPDX-License-Identifier: Apache-2.0
// Whether water can be used elsewhere or discharged, and what electricity neighbours can share.
#include "symbiont/water.h"

#include <math.h>

double water_blend(const double *flows, const double *values, size_t n)
{
    double flow = 0, load = 0;
    for (size_t i = 0; i < n; i++) {
        flow += flows[i];
        load += flows[i] * values[i];
    }
    return flow > 0 ? load / flow : NAN;
}

double water_dilution(double flow, double value, double limit, double fresh)
{
    if (value <= limit)
        return 0;
    return fresh < limit ? flow * (value - limit) / (limit - fresh) : NAN;
}

double tower_makeup_limit(double basin_limit, double cycles)
{
    return cycles >= 1 ? basin_limit / cycles : NAN;
}

double tower_blowdown(double evaporation, double cycles)
{
    return cycles > 1 ? evaporation / (cycles - 1) : NAN;
}

// Up to `load` kg/d the milder limit, above it the stricter.
struct row {
    double load, up_to, above;
};

static const struct row limits[2][3] = {
    [DISCHARGE_RIVER] = {[DISCHARGE_SOLIDS] = {15, 100, 35},
                         [DISCHARGE_COD] = {100, 300, 125},
                         [DISCHARGE_BOD5] = {30, 100, 30}},
    // Sewers that end in a treatment plant.
    [DISCHARGE_SEWER] = {[DISCHARGE_SOLIDS] = {INFINITY, 600, 600},
                         [DISCHARGE_COD] = {INFINITY, 2000, 2000},
                         [DISCHARGE_BOD5] = {INFINITY, 800, 800}},
};

double discharge_limit(enum discharge_target to, enum discharge_parameter what, double mg_l, double m3_day)
{
    const struct row *r = &limits[to][what];
    double load = mg_l * m3_day / 1000;
    return isnan(load) ? NAN : load <= r->load ? r->up_to : r->above;
}

struct discharge_verdict discharge_check(enum discharge_target to, enum discharge_parameter what,
                                         double mean_mg_l, double worst_mg_l, double m3_day)
{
    struct discharge_verdict v = {.limit = discharge_limit(to, what, mean_mg_l, m3_day),
                                  .load_kg_day = mean_mg_l * m3_day / 1000};
    v.mean_exceeds = !(mean_mg_l <= v.limit);
    v.instant_exceeds = worst_mg_l > 2 * v.limit;
    v.allowed = !v.mean_exceeds && !v.instant_exceeds;
    return v;
}

double electricity_surplus(const double *production, const double *own, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fmax(0, production[i] - own[i]);
    return sum;
}

double electricity_matched(const double *production, const double *own, const double *neighbour, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fmin(fmax(0, production[i] - own[i]), neighbour[i]);
    return sum;
}

const char *electricity_sharing_refused(double farthest_km, double total_mw)
{
    if (!(farthest_km <= 2))
        return "the farthest points are more than 2 km apart";
    return total_mw < 5 ? NULL : "the producers together have 5 MW or more";
}
