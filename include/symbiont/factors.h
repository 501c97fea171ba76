/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prices, emission factors and costs that a match is priced with: each with its range, unit, year and source.
 * The defaults are compiled in and shipped as conf/factors.csv (name,value,low,high,unit,year,source); a
 * territory puts its own beside them, as a file or one by one in the configuration. Pure.
 */
#ifndef SYMBIONT_FACTORS_H
#define SYMBIONT_FACTORS_H

#include <stdbool.h>
#include <stddef.h>

enum factor_id {
    /* Prices, EUR */
    FACTOR_GAS_PRICE,         /* EUR/MWh of fuel, lower heating value */
    FACTOR_ELECTRICITY_PRICE, /* EUR/MWh */
    FACTOR_SHARED_PRICE,      /* EUR/MWh saved by electricity that a neighbour uses instead of the grid */
    FACTOR_WATER_PRICE,       /* EUR/m3: fresh industrial water that is not bought */
    FACTOR_SEWAGE_PRICE,      /* EUR/m3: discharge that is not paid */
    FACTOR_TREATMENT_PRICE,   /* EUR/m3: making water fit for a use */
    FACTOR_DISPOSAL_PRICE,    /* EUR/t, non-hazardous waste, tax included */
    FACTOR_HAZARDOUS_PRICE,   /* EUR/t, hazardous waste */
    FACTOR_TRANSPORT_PRICE,   /* EUR/t.km */
    FACTOR_TRIP_PRICE,        /* EUR: one collection round trip of a lorry */
    FACTOR_STOP_PRICE,        /* EUR: each further stop in a round */
    FACTOR_CO2_PRICE,         /* EUR/t: liquid CO2 as merchandise */
    FACTOR_CARBON_PRICE,      /* EUR/tCO2e: what a tonne avoided counts in the rank */
    FACTOR_PRODUCT_VALUE,     /* EUR/t: raw material that a by-product replaces, where nobody says more */
    FACTOR_EQUIPMENT_VALUE,   /* EUR/h of hire that sharing saves */
    /* Emissions */
    FACTOR_GAS_CO2,         /* kg/kWh, lower heating value, combustion and upstream */
    FACTOR_ELECTRICITY_CO2, /* kg/kWh */
    FACTOR_TRANSPORT_CO2,   /* kg/t.km */
    FACTOR_TRIP_CO2,        /* kg/km of a collection lorry */
    FACTOR_TRIP_KM,
    FACTOR_WATER_CO2,       /* kg/m3 */
    FACTOR_SEWAGE_CO2,      /* kg/m3 */
    FACTOR_CO2_CO2,         /* t per t of fossil CO2 replaced */
    FACTOR_RECYCLE_FERROUS, /* t avoided per t recycled */
    FACTOR_RECYCLE_NON_FERROUS,
    FACTOR_RECYCLE_PLASTIC,
    FACTOR_RECYCLE_PAPER,
    FACTOR_RECYCLE_GLASS,
    FACTOR_RECYCLE_OTHER,
    /* Plant */
    FACTOR_BOILER_EFFICIENCY, /* "" */
    FACTOR_CHILLER_COP,
    FACTOR_PIPE_PRICE,            /* EUR/m of trench, all in; 0: by diameter, from the pipe table */
    FACTOR_EXCHANGER_SMALL_PRICE, /* EUR/kW below 1 MW, liquid-liquid */
    FACTOR_EXCHANGER_LARGE_PRICE, /* EUR/kW from 1 MW */
    FACTOR_EXCHANGER_GAS_PRICE,   /* EUR/kW, gas-liquid */
    FACTOR_PUMP_SMALL_PRICE,      /* EUR/kW of heat carried, below 1 MW */
    FACTOR_PUMP_LARGE_PRICE,
    FACTOR_HEAT_PUMP_PRICE, /* EUR: this times kW^0.7055 */
    FACTOR_WATER_PIPE_PRICE,
    FACTOR_GAS_PIPE_PRICE, /* EUR/m: compressed air, CO2, steam without return */
    FACTOR_AIR_ENERGY,     /* kWh/Nm3 of compressed air at 7 bar */
    FACTORS,
};

struct factor {
    double value, low, high;
};

struct factor_row {
    const char *name; /* "gas_price" */
    struct factor factor;
    const char *unit;
    int year;
    const char *source;
};

/* The compiled-in table, FACTORS rows. */
extern const struct factor_row factor_rows[];
/* -1: there is none. */
int factor_find(const char *name);

/* Every factor at its default. */
void factors_default(struct factor out[static FACTORS]);
/*
 * The rows of a CSV replace what is in `out`; names that are not in it stay. False with "line 7: ..." in
 * `why`. `low` and `high` may be empty: the value.
 */
bool factors_read(const char *text, size_t n, struct factor out[static FACTORS], char *why, size_t why_size);

#endif
