// SPDX-License-Identifier: Apache-2.0
// The settings of streams and needs, as tables.
#include <math.h>
#include "streams/stream_inside.h"
#include "symbiont/fluids.h"

const struct choice resource_choices[] = {{"heat", RESOURCE_HEAT},
                                          {"cold", RESOURCE_COLD},
                                          {"steam", RESOURCE_STEAM},
                                          {"water", RESOURCE_WATER},
                                          {"waste", RESOURCE_WASTE},
                                          {"electricity", RESOURCE_ELECTRICITY},
                                          {"compressed_air", RESOURCE_COMPRESSED_AIR},
                                          {"by_product", RESOURCE_BY_PRODUCT},
                                          {"co2", RESOURCE_CO2},
                                          {"equipment", RESOURCE_EQUIPMENT},
                                          {"fuel", RESOURCE_FUEL},
                                          {"material", RESOURCE_MATERIAL},
                                          {0}};

static const struct choice directions[] = {{"out", DIRECTION_OUT},           {"in", DIRECTION_IN},
                                           {"internal", DIRECTION_INTERNAL}, {"loss", DIRECTION_LOSS},
                                           {"product", DIRECTION_PRODUCT},   {0}};

const struct choice medium_choices[] = {{"water", FLUID_WATER},
                                        {"ethylene_glycol", FLUID_ETHYLENE_GLYCOL},
                                        {"propylene_glycol", FLUID_PROPYLENE_GLYCOL},
                                        {"steam", MEDIUM_STEAM},
                                        {"air", MEDIUM_AIR},
                                        {"flue_gas", MEDIUM_FLUE_GAS},
                                        {"thermal_oil", MEDIUM_THERMAL_OIL},
                                        {0}};

static const struct choice sensors[] = {{"return", 0}, {"supply", 1}, {0}};
static const struct choice fuels[] = {{"gas", FUEL_GAS}, {"oil", FUEL_OIL}, {0}};
const struct choice provenance_choices[] = {{"automatic", -1},
                                            {"measured", PROVENANCE_MEASURED},
                                            {"calculated", PROVENANCE_CALCULATED},
                                            {"declared", PROVENANCE_DECLARED},
                                            {"typical", PROVENANCE_TYPICAL},
                                            {0}};

static const char *word_of(const struct choice *c, int value)
{
    while (c->word && c->value != value)
        c++;
    return c->word ? c->word : "";
}

const char *resource_word(enum resource r)
{
    return word_of(resource_choices, (int)r);
}

const char *direction_word(enum direction d)
{
    return word_of(directions, (int)d);
}

const char *provenance_word(enum provenance p)
{
    return word_of(provenance_choices, (int)p);
}

double provenance_weight(enum provenance p)
{
    static const double weights[] = {
        [PROVENANCE_MEASURED] = 1.0,
        [PROVENANCE_CALCULATED] = 0.8,
        [PROVENANCE_DECLARED] = 0.6,
        [PROVENANCE_TYPICAL] = 0.3,
    };
    return weights[p];
}

#define AT(field) offsetof(struct surplus_config, field)

static const struct option surplus_options[] = {
    {"above", OPTION_TEXT, AT(above),
     .help = "There is some to spare from this amount on, \"250 kW\"; the default depends on the resource."},
    {"for", OPTION_DURATION, AT(hold_ns), .max = 30 * 86400,
     .help = "...when it lasts this long; default 60 min, of electricity 30 min."},
    {"below", OPTION_TEXT, AT(below), .help = "It ends below this amount; default: 80 % of above."},
    {"release", OPTION_DURATION, AT(release_ns), .max = 30 * 86400,
     .help = "...when it stays there this long; default 30 min."},
    {"unknown", OPTION_DURATION, AT(unknown_ns), .def = "2 h", .min = 60, .max = 30 * 86400,
     .help = "A surplus also ends when nothing is known of it for this long."},
    {0},
};

static const struct section surplus_section = {"surplus", sizeof(struct surplus_config), surplus_options,
                                               "When there is some to spare."};

#undef AT
#define AT(field) offsetof(struct container_config, field)

static const struct option container_options[] = {
    {"capacity", OPTION_TEXT, AT(capacity), .required = true, .help = "What it may hold, \"2.4 t\"."},
    {"tare", OPTION_TEXT, AT(tare),
     .help = "Mass of the empty container, when the scale shows it too; without it the weight is net."},
    {"volume", OPTION_TEXT, AT(volume),
     .help = "\"30 m3\": with density, it may be full by volume before it is full by weight."},
    {"density", OPTION_TEXT, AT(density), .help = "Bulk density of what is in it, \"60 kg/m3\"."},
    {"within", OPTION_DURATION, AT(within_ns), .def = "30 min", .min = 60, .max = 86400,
     .help = "An emptying takes no longer than this."},
    {"stable", OPTION_NUMBER, AT(stable), .def = "0.002", .min = 0.0001, .max = 0.2,
     .help = "A weight counts when five samples scatter by less than this share of the capacity."},
    {0},
};

static const struct section container_section = {"container", sizeof(struct container_config),
                                                 container_options, "The container on the scale."};

#undef AT
#define AT(field) offsetof(struct baseline_config, field)

static const struct option baseline_options[] = {
    {"outdoor", OPTION_TEXT, AT(outdoor), .help = "Outdoor temperature: a point or an expression."},
    {"production", OPTION_TEXT, AT(production),
     .help = "What is made per time: any point or expression that the stream goes with."},
    {0},
};

static const struct section baseline_section = {
    "baseline", sizeof(struct baseline_config), baseline_options,
    "What the usual amount depends on beside the hour of the week: then a regression says what is usual."};

#undef AT
#define AT(field) offsetof(struct quality_config, field)

static const struct option quality_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "\"conductivity\", \"ph\", \"cod\"."},
    {"value", OPTION_TEXT, AT(value), .required = true,
     .help = "A point, an expression, or an amount that is declared."},
    {"unit", OPTION_TEXT, AT(unit), .help = "The unit it is published in; default: that of the value."},
    {0},
};

static const struct section quality_section = {"quality", sizeof(struct quality_config), quality_options,
                                               "What a taker must know of its quality."};

#undef AT
#define AT(field) offsetof(struct stream_config, field)

static const struct option stream_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "Its name in topics, fields and expressions."},
    {"title", OPTION_TEXT, AT(title), .help = "Its name for people."},
    {"resource", OPTION_CHOICE, AT(resource), .required = true, .choices = resource_choices,
     .help = "What flows."},
    {"direction", OPTION_CHOICE, AT(direction), .def = "out", .choices = directions,
     .help = "out: leaves the site or could; in: comes in; internal: used inside; loss: cannot be used; "
             "product: leaves in the goods. Only out can be surplus."},
    {"medium", OPTION_CHOICE, AT(medium), .def = "water", .choices = medium_choices,
     .help = "What carries heat."},
    {"glycol", OPTION_NUMBER, AT(glycol), .def = "30", .min = 1, .max = 60,
     .help = "Percent by mass in a glycol medium."},
    {"low", OPTION_TEXT, AT(waste_code),
     .help = "Waste: its code in the European List of Waste, \"15 01 01\" or \"01 03 04*\"."},
    {"value", OPTION_TEXT, AT(value), .help = "An expression that gives it, in place of a virtual meter."},
    {"unit", OPTION_TEXT, AT(unit), .help = "The unit of value; default: the resource's."},
    {"internal", OPTION_TEXT, AT(internal),
     .help = "Expression: what the site uses of it itself. Subtracted first."},
    {"flow", OPTION_TEXT, AT(flow),
     .help = "Volume or mass flow: a point or an expression, as all that follow."},
    {"flow_sensor", OPTION_CHOICE, AT(flow_sensor), .def = "return", .choices = sensors,
     .help = "Where the flow is measured: warm water is lighter."},
    {"supply", OPTION_TEXT, AT(supply), .help = "Temperature of the warmer pipe."},
    {"return", OPTION_TEXT, AT(back), .help = "Temperature of the colder pipe."},
    {"return_min", OPTION_TEXT, AT(return_min),
     .help = "\"40 degC\": a taker may cool it to this. Flue gas: default 120 degC."},
    {"electric", OPTION_TEXT, AT(electric), .help = "Electric power of a compressor or chiller."},
    {"cooling", OPTION_TEXT, AT(cooling), .help = "Cooling power of a chiller."},
    {"cop", OPTION_NUMBER, AT(cop), .def = "4", .min = 1, .max = 15,
     .help = "Chiller: cooling over electric power."},
    {"recovery", OPTION_NUMBER, AT(recovery), .def = "0.8", .min = 0.05, .max = 1,
     .help = "Compressor: share of the electric power that can be taken as heat; blowdown: of its heat."},
    {"makeup", OPTION_TEXT, AT(makeup), .help = "Cooling tower: make-up water."},
    {"blowdown", OPTION_TEXT, AT(blowdown), .help = "Cooling tower: blowdown."},
    {"fuel", OPTION_TEXT, AT(fuel), .help = "Flue gas: power of the fuel burnt."},
    {"fuel_kind", OPTION_CHOICE, AT(fuel_kind), .def = "gas", .choices = fuels,
     .help = "For Siegert's formula."},
    {"flue", OPTION_TEXT, AT(flue), .help = "Flue gas: its temperature."},
    {"oxygen", OPTION_TEXT, AT(oxygen), .help = "Flue gas: oxygen in it, in %."},
    {"steam", OPTION_TEXT, AT(steam), .help = "Steam: mass flow."},
    {"pressure", OPTION_TEXT, AT(pressure), .help = "Steam: absolute pressure."},
    {"feed", OPTION_TEXT, AT(feed), .help = "Steam: temperature of the feed water or condensate."},
    {"feed_solids", OPTION_NUMBER, AT(feed_solids), .min = 0, .max = 100000,
     .help = "Boiler blowdown: dissolved solids of the feed water, ppm."},
    {"drum_solids", OPTION_NUMBER, AT(drum_solids), .min = 0, .max = 100000,
     .help = "Boiler blowdown: dissolved solids of the boiler water, ppm."},
    {"production", OPTION_TEXT, AT(production), .help = "Electricity: power produced."},
    {"load", OPTION_TEXT, AT(load), .help = "Electricity: power used on the site."},
    {"export", OPTION_TEXT, AT(feed_in), .help = "Electricity: power fed into the grid, by an export meter."},
    {"weight", OPTION_TEXT, AT(weight), .help = "Container: what the scale shows."},
    {"level", OPTION_TEXT, AT(level), .help = "Container: how full it is, in %, for what is light."},
    {"running", OPTION_TEXT, AT(running),
     .help = "Equipment: its electric power, with nominal; or an expression that is true while it runs."},
    {"available", OPTION_TEXT, AT(available),
     .help =
         "Equipment: expression that is true while it could run; default: always. Compressed air: what the "
         "compressors could give."},
    {"nominal", OPTION_TEXT, AT(nominal),
     .help = "Its nominal amount, for default thresholds and utilisation."},
    {"declared", OPTION_TEXT, AT(declared), .help = "An amount that is declared, not metered: \"400 kW\"."},
    {"profile", OPTION_TEXT, AT(profile), .def = "always",
     .help = "When the declared amount is there: \"weekdays 6-22\", \"mon-fri 6-22, sat 8-12\"."},
    {"provenance", OPTION_CHOICE, AT(provenance), .def = "automatic", .choices = provenance_choices,
     .help = "Where its numbers come from, when that is worse than it looks."},
    {"shutdown", OPTION_TEXTS, AT(shutdown),
     .help =
         "Days without it, \"2026-08-01..2026-08-23\": left out of its history, nothing in its forecast."},
    {"surplus", OPTION_GROUP, AT(surplus), .section = &surplus_section,
     .help = "When there is some to spare."},
    {"container", OPTION_GROUP, AT(container), .section = &container_section,
     .help = "The container on the scale."},
    {"baseline", OPTION_GROUP, AT(baseline), .section = &baseline_section,
     .help = "What the usual amount depends on."},
    {"quality", OPTION_GROUPS, AT(quality), .section = &quality_section,
     .help = "Parameters of its quality."},
    {"offer", OPTION_GROUP, AT(offer), .section = &offer_section,
     .help = "What of it other sites may learn. Without this group nothing of it leaves the site."},
    {0},
};

const struct section stream_section = {"streams", sizeof(struct stream_config), stream_options,
                                       "One group per flow of energy, water, matter or capacity."};

#undef AT
#define AT(field) offsetof(struct limit_config, field)

static const struct option limit_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "The parameter, as in a stream's quality."},
    {"min", OPTION_TEXT, AT(low), .help = "\"6.5 pH\"."},
    {"max", OPTION_TEXT, AT(high), .help = "\"1000 uS/cm\"."},
    {0},
};

static const struct section limit_section = {"limits", sizeof(struct limit_config), limit_options,
                                             "What is accepted."};

#undef AT
#define AT(field) offsetof(struct need_config, field)

static const struct option need_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "Its name."},
    {"title", OPTION_TEXT, AT(title), .help = "Its name for people."},
    {"resource", OPTION_CHOICE, AT(resource), .required = true, .choices = resource_choices,
     .help = "What is wanted."},
    {"medium", OPTION_CHOICE, AT(medium), .def = "water", .choices = medium_choices,
     .help = "What carries heat."},
    {"power", OPTION_TEXT, AT(power), .help = "\"400 kW\"."},
    {"flow", OPTION_TEXT, AT(flow), .help = "\"20 m3/h\"."},
    {"mass", OPTION_TEXT, AT(mass), .help = "\"2 t/week\"."},
    {"in", OPTION_AMOUNT, AT(in), .unit = "degC", .min = -100, .max = 1500,
     .help = "Heat: temperature that comes to the heater..."},
    {"out", OPTION_AMOUNT, AT(out), .unit = "degC", .min = -100, .max = 1500,
     .help = "...and that must leave it."},
    {"profile", OPTION_TEXT, AT(profile), .def = "always",
     .help = "When it is wanted: \"weekdays 6-22\", \"mon-fri 6-22, sat 8-12\"."},
    {"low", OPTION_TEXTS, AT(codes), .help = "Waste: the codes that are taken."},
    {"limits", OPTION_GROUPS, AT(limits), .section = &limit_section, .help = "Quality that is accepted."},
    {"ask", OPTION_GROUP, AT(ask), .section = &ask_section,
     .help = "What of it other sites may learn. Without this group nothing of it leaves the site."},
    {0},
};

const struct section needs_section = {"needs", sizeof(struct need_config), need_options,
                                      "One group per need that a neighbour's surplus could cover."};
