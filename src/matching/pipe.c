// SPDX-License-Identifier: Apache-2.0
// Pre-insulated pairs of pipes: what they carry, lose and cost.
//
// Diameters, insulation and prices: Hotmaps, excess heat module. Speed of the water: THERMOS,
// v = 4.7617 d^0.3701 - 0.4834 m/s (both give 1.60 m/s at 107 mm).
#include <math.h>
#include "matching/inside.h"

#define PI    3.14159265358979323846
#define CP_KJ 4.18

const struct pipe pipes[] = {{37.2, 60, 195, 0.00100533},
                             {43.1, 60, 206, 0.00146457},
                             {54.5, 60, 220, 0.00265661},
                             {70.3, 80, 240, 0.00504232},
                             {82.5, 80, 261, 0.00752566},
                             {107.1, 100, 288, 0.0144104},
                             {132.5, 125, 323, 0.0244099},
                             {160.3, 165, 357, 0.0390492},
                             {210.1, 175, 426, 0.0759099},
                             {312.7, 200, 564, 0.2007},
                             {0, 0, 0, 0}};

// Of water between 0 and 200 degC, within 0.2 % (EMB3Rs): exact enough for a pipe, and much faster than the
// steam tables.
static double density(double t)
{
    return 1000.7 - 0.076324 * t - 0.0038245 * t * t + 3.9696e-6 * t * t * t;
}

double pipe_capacity(const struct pipe *p, double hot_c, double cold_c)
{
    double middle = fmin(fmax((hot_c + cold_c) / 2, 1), 199);
    return density(middle) * p->flow_m3_s * CP_KJ * (hot_c - cold_c);
}

double pipe_loss(const struct pipe *p, const struct match_heat_config *h, double hot_c, double cold_c,
                 double *supply_w)
{
    double per_k = 2 * PI * h->conductivity / log(1 + 2 * p->insulation_mm / p->diameter_mm);
    *supply_w = per_k * (hot_c - h->ground_c);
    return per_k * ((hot_c - h->ground_c) + (cold_c - h->ground_c));
}
