// SPDX-License-Identifier: Apache-2.0
// The settings of the matching as tables, and the factors that they end in.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/match.h"
#include "symbiont/text.h"

#define AT(field) offsetof(struct match_heat_config, field)

static const struct option heat_options[] = {
    {"approach_liquid", OPTION_AMOUNT, AT(approach_liquid_k), .def = "5 K", .unit = "K", .min = 0.5,
     .max = 60,
     .help =
         "Least temperature difference in one exchanger between water, glycol or condensing steam and the "
         "water between the sites. There are two exchangers, so it counts twice."},
    {"approach_oil", OPTION_AMOUNT, AT(approach_oil_k), .def = "10 K", .unit = "K", .min = 0.5, .max = 60,
     .help = "The same for thermal oil."},
    {"approach_gas", OPTION_AMOUNT, AT(approach_gas_k), .def = "25 K", .unit = "K", .min = 0.5, .max = 100,
     .help = "The same for air and flue gas (usual: 20 to 30 K)."},
    {"approach_cold", OPTION_AMOUNT, AT(approach_cold_k), .def = "2 K", .unit = "K", .min = 0.5, .max = 20,
     .help = "The same where cold is exchanged."},
    {"loop_most", OPTION_AMOUNT, AT(loop_most_c), .def = "110 degC", .unit = "degC", .min = 20, .max = 400,
     .help = "Hottest water between the sites, unless who takes it needs it hotter."},
    {"density_least", OPTION_NUMBER, AT(density_least), .def = "1", .min = 0, .max = 100,
     .help = "Heat that a metre of trench must carry, MWh a year; less is refused."},
    {"density_good", OPTION_NUMBER, AT(density_good), .def = "1.5", .min = 0, .max = 100,
     .help = "Below this many MWh per metre and year there is a warning."},
    {"reach", OPTION_AMOUNT, AT(reach_m), .def = "20 km", .unit = "m", .min = 10, .max = 200000,
     .help = "Heat is not looked for beyond, whatever its amount."},
    {"ground", OPTION_AMOUNT, AT(ground_c), .def = "10.7 degC", .unit = "degC", .min = -30, .max = 40,
     .help = "Temperature of the soil around pipes (10.7: France, Hotmaps)."},
    {"conductivity", OPTION_NUMBER, AT(conductivity), .def = "0.05", .min = 0.005, .max = 1,
     .help = "Of the pipes' insulation, W/mK (0.05: Hotmaps, cautious; new polyurethane: 0.027)."},
    {"loss_most", OPTION_NUMBER, AT(loss_most), .def = "0.1", .min = 0, .max = 1,
     .help = "Share of the heat that pipes may lose before there is a warning."},
    {"lift_most", OPTION_AMOUNT, AT(lift_most_k), .def = "60 K", .unit = "K", .min = 1, .max = 150,
     .help = "Highest lift of a heat pump."},
    {"pump_most", OPTION_AMOUNT, AT(pump_most_c), .def = "120 degC", .unit = "degC", .min = 30, .max = 250,
     .help = "Hottest that a heat pump delivers."},
    {"pump_efficiency", OPTION_NUMBER, AT(pump_efficiency), .def = "0.55", .min = 0.1, .max = 0.9,
     .help = "COP of a heat pump as a share of Carnot's (0.55: EMB3Rs)."},
    {"flue_floor", OPTION_AMOUNT, AT(flue_floor_c), .def = "120 degC", .unit = "degC", .min = 20, .max = 400,
     .help = "Flue gas is not cooled below (it would condense)."},
    {"steam_reach", OPTION_AMOUNT, AT(steam_reach_m), .def = "5 km", .unit = "m", .min = 10, .max = 50000,
     .help = "Steam is not piped farther."},
    {"steam_drop", OPTION_NUMBER, AT(steam_drop_bar_km), .def = "1", .min = 0, .max = 20,
     .help = "Pressure that a steam pipe loses, bar per km."},
    {"steam_loss", OPTION_NUMBER, AT(steam_loss_km), .def = "0.05", .min = 0, .max = 1,
     .help = "Share of the heat that a steam pipe loses per km."},
    {"duty_industry", OPTION_AMOUNT, AT(duty_industry_kw), .def = "8 MW", .unit = "kW", .min = 0, .max = 1e9,
     .help = "From this power on a new or changed industrial plant owes a cost-benefit analysis of its waste "
             "heat (Code de l'énergie L233-5, to be verified)."},
    {"duty_data_centre", OPTION_AMOUNT, AT(duty_data_centre_kw), .def = "1 MW", .unit = "kW", .min = 0,
     .max = 1e9, .help = "The same for data centres (NACE 63)."},
    {0}};
static const struct section heat_section = {"heat", sizeof(struct match_heat_config), heat_options,
                                            "Heat, cold and steam."};

#undef AT
#define AT(field) offsetof(struct match_water_config, field)

static const struct option water_options[] = {
    {"reach", OPTION_AMOUNT, AT(reach_m), .def = "3 km", .unit = "m", .min = 10, .max = 100000,
     .help = "Water is not piped farther."},
    {"fresh_conductivity", OPTION_AMOUNT, AT(fresh_conductivity), .def = "400 uS/cm", .unit = "uS/cm",
     .min = 1, .max = 5000, .help = "Of the fresh water that is mixed in."},
    {"blending", OPTION_BOOL, AT(blending), .def = "true",
     .help = "May water be mixed with fresh water to keep a limit of conductivity, chloride or hardness?"},
    {"blend_least", OPTION_NUMBER, AT(blend_least), .def = "0.25", .min = 0, .max = 1,
     .help = "Share of the mixture below which blending is not worth its pipe."},
    {"treatable_times", OPTION_NUMBER, AT(treatable_times), .def = "20", .min = 1, .max = 10000,
     .help = "What exceeds its limit more often than this is not treatable at the usual price."},
    {0}};
static const struct section water_section = {"water", sizeof(struct match_water_config), water_options,
                                             "Water of one site used by another."};

#undef AT
#define AT(field) offsetof(struct match_waste_config, field)

static const struct option waste_options[] = {
    {"reach", OPTION_AMOUNT, AT(reach_m), .def = "50 km", .unit = "m", .min = 100, .max = 2000000,
     .help = "Waste and by-products are not looked for beyond."},
    {"reach_valuable", OPTION_AMOUNT, AT(reach_valuable_m), .def = "200 km", .unit = "m", .min = 100,
     .max = 2000000, .help = "The same for what is worth at least `valuable`."},
    {"valuable", OPTION_NUMBER, AT(valuable_eur_t), .def = "300", .min = 0, .max = 1e6, .help = "EUR/t."},
    {"road_load", OPTION_AMOUNT, AT(road_load_t), .def = "25 t", .unit = "t", .min = 1, .max = 40,
     .help = "What one lorry carries at most."},
    {"preparation", OPTION_NUMBER, AT(preparation_eur_t), .def = "0", .min = 0, .max = 1e5,
     .help = "Sorting, crushing, baling before it leaves, EUR/t."},
    {"family_affinity", OPTION_NUMBER, AT(family_affinity), .def = "0.7", .min = 0, .max = 1,
     .help = "What is left of the confidence when only the material family is the same."},
    {"chapter_affinity", OPTION_NUMBER, AT(chapter_affinity), .def = "0.4", .min = 0, .max = 1,
     .help = "What is left of it when only the sub-chapter of the List of Waste is the same."},
    {0}};
static const struct section waste_section = {"waste", sizeof(struct match_waste_config), waste_options,
                                             "Waste, by-products, materials and fuels."};

#undef AT
#define AT(field) offsetof(struct match_electricity_config, field)

static const struct option electricity_options[] = {
    {"reach", OPTION_AMOUNT, AT(reach_m), .def = "2 km", .unit = "m", .min = 10, .max = 100000,
     .help =
         "Between the farthest points of a shared self-consumption (France: 2 km; 20 km by derogation where "
         "few people live)."},
    {"limit", OPTION_AMOUNT, AT(limit_kw), .def = "5 MW", .unit = "kW", .min = 1, .max = 1e9,
     .help = "Power of all producers together stays below."},
    {0}};
static const struct section electricity_section = {"electricity", sizeof(struct match_electricity_config),
                                                   electricity_options, "Electricity between neighbours."};

#undef AT
#define AT(field) offsetof(struct match_gas_config, field)

static const struct option gas_options[] = {
    {"air_reach", OPTION_AMOUNT, AT(air_reach_m), .def = "500 m", .unit = "m", .min = 1, .max = 20000,
     .help = "Compressed air is not piped farther."},
    {"air_drop", OPTION_NUMBER, AT(air_drop_bar_km), .def = "0.5", .min = 0, .max = 20,
     .help = "Pressure that an air pipe loses, bar per km."},
    {"co2_reach", OPTION_AMOUNT, AT(co2_reach_m), .def = "150 km", .unit = "m", .min = 10, .max = 2000000,
     .help = "Liquid CO2 is not carried farther."},
    {0}};
static const struct section gas_section = {"gas", sizeof(struct match_gas_config), gas_options,
                                           "Compressed air and CO2."};

#undef AT
#define AT(field) offsetof(struct match_pool_config, field)

static const struct option pool_options[] = {
    {"reach", OPTION_AMOUNT, AT(reach_m), .def = "15 km", .unit = "m", .min = 10, .max = 500000,
     .help = "Farthest that two members of a collection round are apart."},
    {"payload", OPTION_AMOUNT, AT(payload_t), .def = "12 t", .unit = "t", .min = 0.5, .max = 40,
     .help = "What the collection lorry carries."},
    {"fill_least", OPTION_NUMBER, AT(fill_least), .def = "0.6", .min = 0, .max = 1,
     .help = "A round is proposed when the lorry is as full as this..."},
    {"saved_least", OPTION_NUMBER, AT(saved_least), .def = "0.3", .min = 0, .max = 1,
     .help = "...or when this share of the trips is saved."},
    {"interval_most", OPTION_NUMBER, AT(interval_most_days), .def = "364", .min = 1, .max = 1100,
     .help = "Days that waste waits at most (law: a year before disposal, three before recovery)."},
    {"sites_least", OPTION_INT, AT(sites_least), .def = "3", .min = 2, .max = 100,
     .help = "Grouped purchasing needs so many sites."},
    {"contract_months", OPTION_NUMBER, AT(contract_months), .def = "6", .min = 0, .max = 60,
     .help = "Contracts of a group end within so many months."},
    {"purchase_gain", OPTION_NUMBER, AT(purchase_gain), .def = "0.05", .min = 0, .max = 0.5,
     .help = "Share of the price that falls when the volume doubles."},
    {0}};
static const struct section pool_section = {"pool", sizeof(struct match_pool_config), pool_options,
                                            "Collected, bought or commissioned together."};

#undef AT
#define AT(field) offsetof(struct match_share_config, field)

static const struct option share_options[] = {
    {"travel_most", OPTION_AMOUNT, AT(travel_most_min), .def = "30 min", .unit = "min", .min = 1, .max = 600,
     .help = "Longest way to a shared machine or room."},
    {"speed", OPTION_NUMBER, AT(speed_km_h), .def = "40", .min = 1, .max = 130, .help = "On that way, km/h."},
    {0}};
static const struct section share_section = {"share", sizeof(struct match_share_config), share_options,
                                             "Equipment and spaces used together."};

#undef AT
#define AT(field) offsetof(struct match_factor_config, field)

static const struct option factor_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "As in factors.csv: \"gas_price\"."},
    {"value", OPTION_NUMBER, AT(value), .required = true, .min = -1e9, .max = 1e9,
     .help = "In its unit there."},
    {"low", OPTION_NUMBER, AT(low), .min = -1e9, .max = 1e9, .help = "Least it may be; default: the value."},
    {"high", OPTION_NUMBER, AT(high), .min = -1e9, .max = 1e9, .help = "Most it may be; default: the value."},
    {0}};
static const struct section factor_section = {"factors", sizeof(struct match_factor_config), factor_options,
                                              "One price or emission factor of the territory's own."};

#undef AT
#define AT(field) offsetof(struct match_settings, field)

static const struct option options[] = {
    {"heat", OPTION_GROUP, AT(heat), .section = &heat_section, .help = "Heat, cold and steam."},
    {"water", OPTION_GROUP, AT(water), .section = &water_section, .help = "Water."},
    {"waste", OPTION_GROUP, AT(waste), .section = &waste_section, .help = "Waste and by-products."},
    {"electricity", OPTION_GROUP, AT(electricity), .section = &electricity_section, .help = "Electricity."},
    {"gas", OPTION_GROUP, AT(gas), .section = &gas_section, .help = "Compressed air and CO2."},
    {"pool", OPTION_GROUP, AT(pool), .section = &pool_section,
     .help = "Collection rounds, grouped purchasing."},
    {"share", OPTION_GROUP, AT(share), .section = &share_section, .help = "Shared equipment."},
    {"assumed_distance", OPTION_AMOUNT, AT(assumed_m), .def = "1 km", .unit = "m", .min = 0, .max = 1e6,
     .help = "Counted with where no distance is known."},
    {"route_factor", OPTION_NUMBER, AT(route_factor), .def = "1.3", .min = 1, .max = 5,
     .help = "A pipe or a road is this much longer than the straight line. Distances that are given are not "
             "lengthened."},
    {"life", OPTION_NUMBER, AT(life_years), .def = "30", .min = 1, .max = 100,
     .help = "Years over which an investment is written off."},
    {"interest", OPTION_NUMBER, AT(interest), .def = "0.03", .min = 0, .max = 1,
     .help = "Of the capital, a year."},
    {"maintenance", OPTION_NUMBER, AT(maintenance), .def = "0.02", .min = 0, .max = 1,
     .help = "Operation and maintenance a year, as a share of the investment."},
    {"hysteresis", OPTION_NUMBER, AT(hysteresis), .def = "0.05", .min = 0, .max = 10,
     .help = "A match in being gives way only to what is better by this share."},
    {"candidates_most", OPTION_INT, AT(candidates_most), .def = "48", .min = 1, .max = 1000,
     .help = "Counterparts that are kept of each offer and need, the best of them."},
    {"factors_file", OPTION_TEXT, AT(factors_file),
     .help =
         "A CSV of prices and emission factors (name,value,low,high,unit,year,source), over the compiled-in "
         "ones."},
    {"factors", OPTION_GROUPS, AT(factors), .section = &factor_section,
     .help = "Single factors, over those of the file."},
    {0}};

const struct section matching_section = {"matching", sizeof(struct match_settings), options,
                                         "What matches are judged and priced with. docs/matching.md has the "
                                         "formulas."};

static bool own_factors(struct match_settings *s, char *why, size_t why_size)
{
    const struct match_factor_config *c = s->factors.items;
    for (size_t i = 0; i < s->factors.n; i++) {
        int id = factor_find(c[i].name);
        if (id < 0) {
            const char *near = text_nearest(c[i].name, factor_rows, FACTORS, sizeof *factor_rows);
            snprintf(why, why_size, "there is no factor \"%s\"%s%s%s", c[i].name,
                     near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
            return false;
        }
        struct factor f = {c[i].value, c[i].value, c[i].value};
        if (option_given(&factor_section, &c[i], offsetof(struct match_factor_config, low)))
            f.low = c[i].low;
        if (option_given(&factor_section, &c[i], offsetof(struct match_factor_config, high)))
            f.high = c[i].high;
        if (f.low > f.value || f.value > f.high) {
            snprintf(why, why_size, "factor \"%s\": low <= value <= high does not hold", c[i].name);
            return false;
        }
        s->factor[id] = f;
    }
    return true;
}

bool match_settings_ready(struct match_settings *s, const char *factors_csv, size_t n, char *why,
                          size_t why_size)
{
    factors_default(s->factor);
    return (!factors_csv || factors_read(factors_csv, n, s->factor, why, why_size)) &&
           own_factors(s, why, why_size);
}

// Settings of their own carry the configuration that their texts live in.
struct own_settings {
    struct match_settings settings;
    struct config *config;
};

struct root {
    struct settings common;
    struct match_settings matching;
};

static const struct option root_options[] = {
    {"matching", OPTION_GROUP, offsetof(struct root, matching), .section = &matching_section, .help = ""},
    {0}};
static const struct section root_section = {"defaults", sizeof(struct root), root_options, ""};

struct match_settings *match_settings_new(void)
{
    char why[200];
    struct own_settings *own = calloc(1, sizeof *own);
    struct diagnostics *d = diagnostics_new();
    own = own && d ? own : (free(own), NULL);
    if (own && (own->config = config_read_text("", "defaults", &root_section, d))) {
        own->settings = ((struct root *)config_root(own->config))->matching;
        if (diag_errors(d) == 0 && match_settings_ready(&own->settings, NULL, 0, why, sizeof why)) {
            diagnostics_free(d);
            return &own->settings;
        }
    }
    diagnostics_free(d);
    match_settings_free(own ? &own->settings : NULL);
    return NULL;
}

void match_settings_free(struct match_settings *s)
{
    if (!s)
        return;
    struct own_settings *own = (struct own_settings *)s;
    config_free(own->config);
    free(own);
}
