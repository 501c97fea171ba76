// SPDX-License-Identifier: Apache-2.0
// Pre-insulated pairs of pipes: what they carry, lose and cost.
//
// Diameters, insulation and prices: Hotmaps, excess heat module. Speed of the water: THERMOS,
// v = 4.7617 d^0.3701 - 0.4834 m/s (both give 1.60 m/s at 107 mm).
#include <math.h>
#include "matching/inside.h"
#include "symbiont/fluids.h"

#define PI    3.14159265358979323846
#define CP_KJ 4.18

const struct pipe pipes[] = {{37.2, 60, 195},   {43.1, 60, 206},   {54.5, 60, 220},   {70.3, 80, 240},
                             {82.5, 80, 261},   {107.1, 100, 288}, {132.5, 125, 323}, {160.3, 165, 357},
                             {210.1, 175, 426}, {312.7, 200, 564}, {0, 0, 0}};

double pipe_capacity(const struct pipe *p, double hot_c, double cold_c)
{
    static const struct fluid water = {FLUID_WATER, 0};
    double d = p->diameter_mm / 1000, middle = fmin(fmax((hot_c + cold_c) / 2, 1), 199);
    double speed = 4.7617 * pow(d, 0.3701) - 0.4834;
    return fluid_density(&water, middle) * PI * d * d / 4 * speed * CP_KJ * (hot_c - cold_c);
}

double pipe_loss(const struct pipe *p, const struct match_heat_config *h, double hot_c, double cold_c,
                 double *supply_w)
{
    double per_k = 2 * PI * h->conductivity / log(1 + 2 * p->insulation_mm / p->diameter_mm);
    *supply_w = per_k * (hot_c - h->ground_c);
    return per_k * ((hot_c - h->ground_c) + (cold_c - h->ground_c));
}
