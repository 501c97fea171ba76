/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Water that somebody could use: mixing it down to a limit, feeding a cooling tower with it, and whether it
 * may still be discharged. And electricity shared between neighbours. Pure arithmetic; NaN where there is no
 * answer. The legal limits are those of the French decree of 2 February 1998 (articles 31 to 34), to be
 * verified for a plant's own permit.
 */
#ifndef SYMBIONT_WATER_H
#define SYMBIONT_WATER_H

#include <stdbool.h>
#include <stddef.h>

/* Concentration (or conductivity) of a mixture: sum(Q C) / sum(Q). */
double water_blend(const double *flows, const double *values, size_t n);
/* Fresh water, in the unit of `flow`, that brings `flow` of `value` down to `limit`: Q (C - limit) / (limit -
 * fresh). 0 when it is within already; NaN when the fresh water is no better than the limit. */
double water_dilution(double flow, double value, double limit, double fresh);

/* Of a cooling tower: what its make-up may hold when the basin bears `basin_limit` at so many cycles of
 * concentration. */
double tower_makeup_limit(double basin_limit, double cycles);
/* m3/h: blowdown = evaporation / (cycles - 1). */
double tower_blowdown(double evaporation, double cycles);

enum discharge_target { DISCHARGE_RIVER, DISCHARGE_SEWER };
enum discharge_parameter { DISCHARGE_SOLIDS, DISCHARGE_COD, DISCHARGE_BOD5 };

/* mg/L that a daily mean may have, from the load: kg/d = mg/L * m3/d / 1000. */
double discharge_limit(enum discharge_target to, enum discharge_parameter what, double mg_l, double m3_day);

struct discharge_verdict {
    bool allowed;
    double limit; /* mg/L of the daily mean */
    double load_kg_day;
    bool mean_exceeds, instant_exceeds; /* no single value above twice the limit */
};
/* `worst`: the highest single value of the day; NAN: not known. */
struct discharge_verdict discharge_check(enum discharge_target to, enum discharge_parameter what,
                                         double mean_mg_l, double worst_mg_l, double m3_day);

/* kWh of interval energies: what is produced beyond the own use, and what of it a neighbour uses in the same
 * interval. */
double electricity_surplus(const double *production, const double *own, size_t n);
double electricity_matched(const double *production, const double *own, const double *neighbour, size_t n);
/* Extended collective self-consumption in France (order of 21 November 2019 as amended on 21 February 2025):
 * farthest points at most 2 km apart, together less than 5 MW. NULL, or why not. */
const char *electricity_sharing_refused(double farthest_km, double total_mw);

#endif
