// SPDX-License-Identifier: Apache-2.0
// The factors at their defaults. conf/factors.csv is the same table for people; a test holds them together.
#include "symbiont/factors.h"

#include <string.h>

const struct factor_row factor_rows[] = {
    [FACTOR_GAS_PRICE] = {"gas_price",
                          {50, 35, 92},
                          "EUR/MWh",
                          2025,
                          "medium industry, lower heating value, assumption between PEG wholesale 33-41 "
                          "(mid-2025) and the T2 reference price 91.7 (July 2025)"},
    [FACTOR_ELECTRICITY_PRICE] =
        {"electricity_price",
         {172, 87, 245},
         "EUR/MWh",
         2024,
         "SDES, firms, first half 2024, excluding VAT: mean, above 150 GWh, 0.02-0.5 GWh"},
    [FACTOR_SHARED_PRICE] =
        {"shared_price",
         {60, 30, 100},
         "EUR/MWh",
         2025,
         "saved by electricity shared between neighbours over feeding it in: general knowledge"},
    [FACTOR_WATER_PRICE] = {"water_price",
                            {1.5, 0.3, 3},
                            "EUR/m3",
                            2025,
                            "industrial fresh water between raw and drinking water: general knowledge"},
    [FACTOR_SEWAGE_PRICE] =
        {"sewage_price", {1, 0, 2}, "EUR/m3", 2025, "discharge to the sewer: general knowledge"},
    [FACTOR_TREATMENT_PRICE] = {"treatment_price",
                                {0.8, 0.2, 2},
                                "EUR/m3",
                                2025,
                                "filtration, softening or neutralisation for reuse: general knowledge"},
    [FACTOR_DISPOSAL_PRICE] = {"disposal_price",
                               {150, 120, 180},
                               "EUR/t",
                               2025,
                               "mixed non-hazardous industrial waste, all in, of it 65 landfill tax (TGAP "
                               "2025): general knowledge"},
    [FACTOR_HAZARDOUS_PRICE] =
        {"hazardous_price", {400, 200, 1000}, "EUR/t", 2025, "hazardous waste treatment: general knowledge"},
    [FACTOR_TRANSPORT_PRICE] =
        {"transport_price", {0.12, 0.1, 0.15}, "EUR/t/km", 2025, "articulated lorry: general knowledge"},
    [FACTOR_TRIP_PRICE] = {"trip_price",
                           {150, 90, 250},
                           "EUR",
                           2025,
                           "collection of one skip, there and back: general knowledge"},
    [FACTOR_STOP_PRICE] =
        {"stop_price", {25, 10, 50}, "EUR", 2025, "each further stop of a round: general knowledge"},
    [FACTOR_CO2_PRICE] =
        {"co2_price", {120, 80, 250}, "EUR/t", 2025, "liquid CO2 delivered: general knowledge"},
    [FACTOR_CARBON_PRICE] = {"carbon_price",
                             {80, 60, 250},
                             "EUR/t",
                             2025,
                             "weight of a tonne of CO2e in the rank; EU allowances 60-80, French shadow "
                             "price 250 in 2030: general knowledge"},
    [FACTOR_PRODUCT_VALUE] = {"product_value",
                              {0, 0, 0},
                              "EUR/t",
                              2025,
                              "raw material replaced where nobody says its value: none is counted"},
    [FACTOR_EQUIPMENT_VALUE] = {"equipment_value",
                                {20, 5, 100},
                                "EUR/h",
                                2025,
                                "hire saved per hour where nobody says it: general knowledge"},
    [FACTOR_GAS_CO2] =
        {"gas_co2",
         {0.227, 0.2099, 0.227},
         "kg/kWh",
         2018,
         "CGDD/ADEME, combustion and upstream, lower heating value; low: combustion only (EMB3Rs)"},
    [FACTOR_ELECTRICITY_CO2] =
        {"electricity_co2",
         {0.052, 0.048, 0.056},
         "kg/kWh",
         2023,
         "France, average mix: Base Empreinte; low: transport decree 2017; high: EMB3Rs"},
    [FACTOR_TRANSPORT_CO2] = {"transport_co2",
                              {0.079, 0.079, 0.105},
                              "kg/t/km",
                              2022,
                              "articulated lorry above 25 t; high: rigid 26-32 t (ADEME)"},
    [FACTOR_TRIP_CO2] = {"trip_co2",
                         {1.0, 0.8, 1.2},
                         "kg/km",
                         2022,
                         "collection lorry, about 32 l of diesel per 100 km at 3.1 kg/l (ADEME B7)"},
    [FACTOR_TRIP_KM] =
        {"trip_km", {40, 20, 80}, "km", 2025, "length of a collection round trip: general knowledge"},
    [FACTOR_WATER_CO2] = {"water_co2",
                          {0.132, 0.132, 0.92},
                          "kg/m3",
                          2023,
                          "drinking water, Base Carbone; high: Reims, complete"},
    [FACTOR_SEWAGE_CO2] =
        {"sewage_co2", {0.262, 0.262, 1.05}, "kg/m3", 2023, "sewage, Base Carbone; high: Reims, complete"},
    [FACTOR_CO2_CO2] = {"co2_co2",
                        {1, 0.5, 1},
                        "t/t",
                        2025,
                        "fossil CO2 that is not made for the purpose: general knowledge"},
    [FACTOR_RECYCLE_FERROUS] =
        {"recycle_ferrous", {1.5, 1.2, 1.8}, "t/t", 2008, "BIO Intelligence Service: avoided by recycling"},
    [FACTOR_RECYCLE_NON_FERROUS] =
        {"recycle_non_ferrous", {8.8, 4, 10}, "t/t", 2008, "BIO Intelligence Service: avoided by recycling"},
    [FACTOR_RECYCLE_PLASTIC] =
        {"recycle_plastic", {1.1, 0.8, 2}, "t/t", 2008, "BIO Intelligence Service: avoided by recycling"},
    [FACTOR_RECYCLE_PAPER] =
        {"recycle_paper", {0.4, 0.1, 0.6}, "t/t", 2008, "BIO Intelligence Service: avoided by recycling"},
    [FACTOR_RECYCLE_GLASS] =
        {"recycle_glass", {0.287, 0.2, 0.5}, "t/t", 2008, "BIO Intelligence Service: avoided by recycling"},
    [FACTOR_RECYCLE_OTHER] = {"recycle_other", {0, 0, 0.1}, "t/t", 2025, "no figure: none is counted"},
    [FACTOR_BOILER_EFFICIENCY] =
        {"boiler_efficiency", {0.9, 0.85, 0.95}, "", 2018, "gas boiler, lower heating value (CGDD)"},
    [FACTOR_CHILLER_COP] = {"chiller_cop", {4, 3, 5.5}, "", 2025, "compression chiller: general knowledge"},
    [FACTOR_PIPE_PRICE] = {"pipe_price",
                           {1000, 900, 1100},
                           "EUR/m",
                           2023,
                           "district heat all in, France: Grande-Synthe 942 (14.6 MEUR, 15.5 km), Fensch "
                           "1,100 (110 MEUR, 100 km); 0: by diameter from the table of Hotmaps"},
    [FACTOR_EXCHANGER_SMALL_PRICE] =
        {"exchanger_small_price", {265, 200, 330}, "EUR/kW", 2019, "Hotmaps: liquid-liquid below 1 MW"},
    [FACTOR_EXCHANGER_LARGE_PRICE] =
        {"exchanger_large_price", {100, 75, 125}, "EUR/kW", 2019, "Hotmaps: liquid-liquid from 1 MW"},
    [FACTOR_EXCHANGER_GAS_PRICE] =
        {"exchanger_gas_price", {15, 15, 60}, "EUR/kW", 2019, "Hotmaps: gas-liquid"},
    [FACTOR_PUMP_SMALL_PRICE] =
        {"pump_small_price", {240, 180, 300}, "EUR/kW", 2019, "Hotmaps: pumping per kW of heat below 1 MW"},
    [FACTOR_PUMP_LARGE_PRICE] =
        {"pump_large_price", {90, 70, 120}, "EUR/kW", 2019, "Hotmaps: pumping per kW of heat from 1 MW"},
    [FACTOR_HEAT_PUMP_PRICE] = {"heat_pump_price",
                                {1163.3, 900, 1500},
                                "EUR",
                                2021,
                                "EMB3Rs, turnkey: this times kW of heat to the power 0.7055"},
    [FACTOR_WATER_PIPE_PRICE] = {"water_pipe_price",
                                 {150, 80, 300},
                                 "EUR/m",
                                 2025,
                                 "buried water pipe, industrial area: general knowledge"},
    [FACTOR_GAS_PIPE_PRICE] = {"gas_pipe_price",
                               {300, 150, 600},
                               "EUR/m",
                               2025,
                               "steam, compressed air or CO2 line between neighbours: general knowledge"},
    [FACTOR_AIR_ENERGY] = {"air_energy",
                           {0.11, 0.1, 0.12},
                           "kWh/m3",
                           2025,
                           "compressed air at 7 bar, per Nm3: general knowledge"},
};
_Static_assert(sizeof factor_rows / sizeof *factor_rows == FACTORS, "one row per factor");

int factor_find(const char *name)
{
    for (int i = 0; i < FACTORS; i++)
        if (strcmp(factor_rows[i].name, name) == 0)
            return i;
    return -1;
}

void factors_default(struct factor out[static FACTORS])
{
    for (int i = 0; i < FACTORS; i++)
        out[i] = factor_rows[i].factor;
}
