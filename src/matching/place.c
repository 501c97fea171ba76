// SPDX-License-Identifier: Apache-2.0
// How far it is from one site to another, and how far each resource is worth carrying.
#include <math.h>
#include <string.h>
#include "matching/inside.h"

#define EARTH_M 6371008.8
#define RADIANS (3.14159265358979323846 / 180)

double place_distance(double lat_a, double lon_a, double lat_b, double lon_b)
{
    double dy = sin((lat_b - lat_a) * RADIANS / 2), dx = sin((lon_b - lon_a) * RADIANS / 2);
    double h = dy * dy + cos(lat_a * RADIANS) * cos(lat_b * RADIANS) * dx * dx;
    return isnan(h) ? NAN : 2 * EARTH_M * asin(fmin(1, sqrt(h))); // fmin(1, NaN) is 1
}

bool party_distance(const struct match_settings *s, const struct party *a, const struct party *b,
                    struct span *out)
{
    double straight = place_distance(a->latitude, a->longitude, b->latitude, b->longitude);
    double open = (isnan(a->radius_m) ? 0 : a->radius_m) + (isnan(b->radius_m) ? 0 : b->radius_m);
    if (isnan(straight)) {
        *out = SPAN_UNSAID;
        return false;
    }
    *out = (struct span){fmax(0, straight - open) * s->route_factor, (straight + open) * s->route_factor};
    if (open > 0 && straight < open)
        out->low = 0;
    return true;
}

double resource_reach(const struct match_settings *s, const struct party *p)
{
    if (p->synergy == SYNERGY_SHARE)
        return s->share.travel_most_min / 60 * s->share.speed_km_h * 1000;
    switch (p->resource) {
    case RESOURCE_HEAT: {
        // No farther than its own yearly heat could pay for the trench.
        double most = party_rate(p, CORNER_BEST) * party_share(p, CORNER_BEST) * HOURS_YEAR / 1000;
        double worth =
            s->heat.density_least > 0 ? most * 2 / s->heat.density_least : INFINITY; // a heat pump adds to it
        return fmin(s->heat.reach_m, worth);
    }
    case RESOURCE_COLD:
        return fmin(s->heat.reach_m, 5000);
    case RESOURCE_STEAM:
        return s->heat.steam_reach_m;
    case RESOURCE_WATER:
        return s->water.reach_m;
    case RESOURCE_ELECTRICITY:
        // The rule is about the straight line, the way is counted elsewhere.
        return s->electricity.reach_m * s->route_factor;
    case RESOURCE_COMPRESSED_AIR:
        return s->gas.air_reach_m;
    case RESOURCE_CO2:
        return s->gas.co2_reach_m;
    case RESOURCE_EQUIPMENT:
        return s->share.travel_most_min / 60 * s->share.speed_km_h * 1000;
    default: {
        double worth = fmax(isnan(p->price) ? 0 : p->price, isnan(p->avoided) ? 0 : p->avoided);
        return worth >= s->waste.valuable_eur_t ? s->waste.reach_valuable_m : s->waste.reach_m;
    }
    }
}
