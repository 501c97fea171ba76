// SPDX-License-Identifier: Apache-2.0
// The vocabulary: one row for every quantity a point can have, and the document made from the rows.
//
// Limits are what no instrument of the kind exceeds in any plant: they catch a wrong word order or a
// garbled register, not a faulty process. Device classes are Home Assistant's, only where the
// unit is one that Home Assistant accepts for the class.
#include "symbiont/units.h"

#include <string.h>
#include "symbiont/text.h"

#define GAUGE   QUANTITY_GAUGE
#define COUNTER QUANTITY_COUNTER
#define STATE   QUANTITY_STATE
#define TEXT    QUANTITY_TEXT

// clang-format off
static const struct quantity vocabulary[] = {
    // Voltage and current.
    {"voltage",                          "V",     GAUGE,   "voltage",           -1000, 500000, "Voltage, of a phase against neutral or of a direct current"},
    {"voltage_ll",                       "V",     GAUGE,   "voltage",           0, 1000000, "Voltage between two phases"},
    {"voltage_thd",                      "%",     GAUGE,   NULL,                0, 400, "Total harmonic distortion of a voltage"},
    {"voltage_ll_thd",                   "%",     GAUGE,   NULL,                0, 400, "Total harmonic distortion of a voltage between two phases"},
    {"voltage_unbalance",                "%",     GAUGE,   NULL,                0, 100, "Unbalance of the phase voltages"},
    {"current",                          "A",     GAUGE,   "current",           -100000, 100000, "Current; negative where the meter signs it by the direction of power"},
    {"current_sum",                      "A",     GAUGE,   "current",           -300000, 300000, "Sum of the phase currents"},
    {"current_demand",                   "A",     GAUGE,   "current",           0, 100000, "Current, mean over the demand interval of the meter"},
    {"current_demand_max",               "A",     GAUGE,   "current",           0, 100000, "Highest demand current since the last reset"},
    {"current_thd",                      "%",     GAUGE,   NULL,                0, 1000, "Total harmonic distortion of a current"},
    {"current_unbalance",                "%",     GAUGE,   NULL,                0, 100, "Unbalance of the phase currents"},
    {"frequency",                        "Hz",    GAUGE,   "frequency",         0, 1000, "Mains frequency"},
    {"phase_angle",                      "deg",   GAUGE,   NULL,                -360, 360, "Angle between voltage and current"},
    {"phase_angle_voltage",              "deg",   GAUGE,   NULL,                -360, 360, "Angle of a voltage to the voltage of the first phase"},
    {"phase_angle_current",              "deg",   GAUGE,   NULL,                -360, 360, "Angle of a current to the voltage of the first phase"},
    {"phase_angle_power",                "deg",   GAUGE,   NULL,                -360, 360, "Angle between active and apparent power"},
    {"phase_sequence",                   "",      STATE,   NULL,                0, 65535, "Order of the phases, a code of the meter"},
    {"charge",                           "Ah",    COUNTER, NULL,                0, 1e11, "Electric charge"},
    // Electric power.
    {"active_power",                     "kW",    GAUGE,   "power",             -2e6, 2e6, "Active power; positive is import, consumption"},
    {"active_power_import",              "kW",    GAUGE,   "power",             0, 2e6, "Active power drawn, never negative"},
    {"active_power_export",              "kW",    GAUGE,   "power",             0, 2e6, "Active power fed in, never negative"},
    {"active_power_abs",                 "kW",    GAUGE,   "power",             0, 2e6, "Magnitude of the active power"},
    {"active_power_demand",              "kW",    GAUGE,   "power",             -2e6, 2e6, "Active power, mean over the demand interval of the meter"},
    {"active_power_demand_max",          "kW",    GAUGE,   "power",             -2e6, 2e6, "Highest demand of active power since the last reset"},
    {"active_power_import_demand",       "kW",    GAUGE,   "power",             0, 2e6, "Active power drawn, mean over the demand interval"},
    {"active_power_import_demand_max",   "kW",    GAUGE,   "power",             0, 2e6, "Highest demand of active power drawn since the last reset"},
    {"active_power_export_demand",       "kW",    GAUGE,   "power",             0, 2e6, "Active power fed in, mean over the demand interval"},
    {"active_power_export_demand_max",   "kW",    GAUGE,   "power",             0, 2e6, "Highest demand of active power fed in since the last reset"},
    {"reactive_power",                   "kvar",  GAUGE,   "reactive_power",    -2e6, 2e6, "Reactive power; positive is inductive"},
    {"reactive_power_inductive",         "kvar",  GAUGE,   "reactive_power",    0, 2e6, "Inductive reactive power"},
    {"reactive_power_capacitive",        "kvar",  GAUGE,   "reactive_power",    -2e6, 2e6, "Capacitive reactive power"},
    {"reactive_power_demand",            "kvar",  GAUGE,   "reactive_power",    -2e6, 2e6, "Reactive power, mean over the demand interval of the meter"},
    {"apparent_power",                   "kVA",   GAUGE,   "apparent_power",    -2e6, 2e6, "Apparent power"},
    {"apparent_power_demand",            "kVA",   GAUGE,   "apparent_power",    -2e6, 2e6, "Apparent power, mean over the demand interval of the meter"},
    {"apparent_power_demand_max",        "kVA",   GAUGE,   "apparent_power",    -2e6, 2e6, "Highest demand of apparent power since the last reset"},
    {"power_factor",                     "",      GAUGE,   "power_factor",      -1.01, 1.01, "Active by apparent power; the sign is the meter's"},
    {"cos_phi",                          "",      GAUGE,   "power_factor",      -1.01, 1.01, "Cosine of the angle between voltage and current at the mains frequency"},
    // Electric energy.
    {"active_energy_import",             "kWh",   COUNTER, "energy",            0, 1e11, "Active energy drawn"},
    {"active_energy_export",             "kWh",   COUNTER, "energy",            0, 1e11, "Active energy fed in"},
    {"active_energy_total",              "kWh",   COUNTER, "energy",            0, 1e11, "Active energy drawn and fed in, or whichever the meter has"},
    {"active_energy_net",                "kWh",   GAUGE,   NULL,                -1e11, 1e11, "Active energy drawn less fed in: may fall"},
    {"active_energy_import_partial",     "kWh",   COUNTER, "energy",            0, 1e11, "Active energy drawn, partial counter"},
    {"active_energy_export_partial",     "kWh",   COUNTER, "energy",            0, 1e11, "Active energy fed in, partial counter"},
    {"active_energy_import_resettable",  "kWh",   COUNTER, "energy",            0, 1e11, "Active energy drawn, resettable counter"},
    {"active_energy_export_resettable",  "kWh",   COUNTER, "energy",            0, 1e11, "Active energy fed in, resettable counter"},
    {"active_energy_total_resettable",   "kWh",   COUNTER, "energy",            0, 1e11, "Active energy resettable counter"},
    {"reactive_energy_import",           "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy drawn"},
    {"reactive_energy_export",           "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy fed in"},
    {"reactive_energy_total",            "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy total"},
    {"reactive_energy_inductive",        "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy inductive"},
    {"reactive_energy_capacitive",       "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy capacitive"},
    {"reactive_energy_import_partial",   "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy drawn, partial counter"},
    {"reactive_energy_export_partial",   "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy fed in, partial counter"},
    {"reactive_energy_import_resettable", "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy drawn, resettable counter"},
    {"reactive_energy_export_resettable", "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy fed in, resettable counter"},
    {"reactive_energy_total_resettable", "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy resettable counter"},
    {"reactive_energy_inductive_resettable", "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy inductive, resettable counter"},
    {"reactive_energy_capacitive_resettable", "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy capacitive, resettable counter"},
    {"reactive_energy_import_q1",        "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy drawn in quadrant 1"},
    {"reactive_energy_import_q2",        "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy drawn in quadrant 2"},
    {"reactive_energy_export_q3",        "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy fed in in quadrant 3"},
    {"reactive_energy_export_q4",        "kvarh", COUNTER, "reactive_energy",   0, 1e11, "Reactive energy fed in in quadrant 4"},
    {"reactive_energy_net",              "kvarh", GAUGE,   NULL,                -1e11, 1e11, "Reactive energy drawn less fed in: may fall"},
    {"apparent_energy",                  "kVAh",  COUNTER, NULL,                0, 1e11, "Apparent energy"},
    {"apparent_energy_import",           "kVAh",  COUNTER, NULL,                0, 1e11, "Apparent energy drawn"},
    {"apparent_energy_export",           "kVAh",  COUNTER, NULL,                0, 1e11, "Apparent energy fed in"},
    {"apparent_energy_total",            "kVAh",  COUNTER, NULL,                0, 1e11, "Apparent energy total"},
    {"apparent_energy_partial",          "kVAh",  COUNTER, NULL,                0, 1e11, "Apparent energy partial counter"},
    {"apparent_energy_total_resettable", "kVAh",  COUNTER, NULL,                0, 1e11, "Apparent energy resettable counter"},
    {"apparent_energy_net",              "kVAh",  GAUGE,   NULL,                -1e11, 1e11, "Apparent energy drawn less fed in: may fall"},
    // Heat and temperature.
    {"thermal_power",                    "kW",    GAUGE,   "power",             -2e6, 2e6, "Heat power; negative is cooling"},
    {"thermal_energy",                   "kWh",   COUNTER, "energy",            0, 1e11, "Heat, total"},
    {"thermal_energy_cooling",           "kWh",   COUNTER, "energy",            0, 1e11, "Cold, total"},
    {"thermal_energy_tariff",            "kWh",   COUNTER, "energy",            0, 1e11, "Heat counted in a tariff register"},
    {"thermal_energy_net",               "kWh",   GAUGE,   NULL,                -1e11, 1e11, "Heat delivered less taken back: may fall"},
    {"flow_temperature",                 "degC",  GAUGE,   "temperature",       -100, 500, "Temperature of the supply side of a circuit"},
    {"return_temperature",               "degC",  GAUGE,   "temperature",       -100, 500, "Temperature of the return side of a circuit"},
    {"temperature",                      "degC",  GAUGE,   "temperature",       -200, 2500, "Temperature"},
    {"temperature_internal",             "degC",  GAUGE,   "temperature",       -60, 150, "Temperature inside the instrument"},
    {"temperature_outdoor",              "degC",  GAUGE,   "temperature",       -60, 60, "Outdoor air temperature"},
    {"temperature_difference",           "K",     GAUGE,   NULL,                -500, 500, "Supply less return temperature"},
    {"dew_point",                        "degC",  GAUGE,   "temperature",       -100, 100, "Pressure dew point"},
    {"humidity",                         "%",     GAUGE,   "humidity",          0, 105, "Relative humidity"},
    {"irradiance",                       "W/m2",  GAUGE,   "irradiance",        -50, 2000, "Irradiance of the sun"},
    // Flow and volume.
    {"volume_flow",                      "m3/h",  GAUGE,   "volume_flow_rate",  -1000000, 1000000, "Volume flow"},
    {"volume",                           "m3",    COUNTER, NULL,                0, 1e11, "Volume, total"},
    {"volume_water",                     "m3",    COUNTER, "water",             0, 1e11, "Volume of water, total"},
    {"volume_gas",                       "m3",    COUNTER, "gas",               0, 1e11, "Volume of gas at the conditions of the meter, total"},
    {"volume_net",                       "m3",    GAUGE,   NULL,                -1e11, 1e11, "Volume forward less backward: may fall"},
    {"volume_cooling",                   "m3",    COUNTER, NULL,                0, 1e11, "Volume counted while cooling"},
    {"volume_batch",                     "m3",    GAUGE,   NULL,                0, 1e9, "Volume of the running or last batch"},
    {"volume_today",                     "m3",    GAUGE,   NULL,                -1e9, 1e9, "Volume since midnight"},
    {"volume_month",                     "m3",    GAUGE,   NULL,                -1e9, 1e9, "Volume since the first of the month"},
    {"volume_pulse_input",               "m3",    COUNTER, NULL,                0, 1e11, "Volume counted by a pulse input"},
    {"volume_norm",                      "Nm3",   COUNTER, NULL,                0, 1e11, "Volume at 0 degC and 1013.25 mbar, total"},
    {"volume_flow_norm",                 "Nm3/h", GAUGE,   NULL,                -1000000, 10000000, "Volume flow at 0 degC and 1013.25 mbar"},
    {"volume_flow_base",                 "m3/h",  GAUGE,   NULL,                0, 10000000, "Volume flow at the base conditions set in the meter"},
    {"volume_flow_relative",             "%",     GAUGE,   NULL,                -200, 200, "Volume flow as a share of full scale"},
    {"flow_velocity",                    "m/s",   GAUGE,   "speed",             -200, 200, "Velocity of the medium"},
    {"flow_velocity_norm",               "m/s",   GAUGE,   "speed",             -400, 400, "Velocity at 0 degC and 1013.25 mbar"},
    {"flow_velocity_norm_min",           "m/s",   GAUGE,   "speed",             -400, 400, "Lowest velocity since the last reset, at 0 degC and 1013.25 mbar"},
    {"flow_velocity_norm_max",           "m/s",   GAUGE,   "speed",             -400, 400, "Highest velocity since the last reset, at 0 degC and 1013.25 mbar"},
    {"mass_flow",                        "kg/h",  GAUGE,   NULL,                -1e8, 1e8, "Mass flow; steam"},
    {"density",                          "kg/m3", GAUGE,   NULL,                0, 25000, "Density of the medium"},
    {"pressure",                         "bar",   GAUGE,   "pressure",          -1.05, 4000, "Pressure above the atmosphere"},
    {"pressure_absolute",                "bar",   GAUGE,   "pressure",          0, 4000, "Absolute pressure"},
    {"pressure_difference",              "bar",   GAUGE,   "pressure",          -1000, 1000, "Pressure difference"},
    {"compressibility",                  "",      GAUGE,   NULL,                0, 5, "Compressibility of a gas"},
    {"conversion_factor",                "",      GAUGE,   NULL,                0, 10000, "Conversion factor of a gas volume corrector"},
    {"sound_speed",                      "m/s",   GAUGE,   "speed",             0, 10000, "Speed of sound in the medium"},
    {"signal_quality",                   "%",     GAUGE,   NULL,                0, 100, "Signal quality of an ultrasonic meter"},
    {"signal_strength",                  "",      GAUGE,   NULL,                0, 65535, "Signal strength, in the meter's own scale"},
    {"signal_strength_up",               "",      GAUGE,   NULL,                0, 65535, "Signal strength upstream, in the meter's own scale"},
    {"signal_strength_down",             "",      GAUGE,   NULL,                0, 65535, "Signal strength downstream, in the meter's own scale"},
    {"transit_time",                     "us",    GAUGE,   NULL,                0, 1000000, "Transit time of the ultrasonic signal"},
    {"transit_time_delta",               "ns",    GAUGE,   NULL,                -1e9, 1e9, "Difference of the transit times"},
    {"transit_time_ratio",               "%",     GAUGE,   NULL,                0, 1000, "Measured by calculated transit time"},
    {"reynolds_number",                  "",      GAUGE,   NULL,                0, 1e9, "Reynolds number"},
    // Weight.
    {"mass",                             "kg",    GAUGE,   "weight",            -1e7, 1e7, "Weight shown"},
    {"mass_gross",                       "kg",    GAUGE,   "weight",            -1e7, 1e7, "Gross weight"},
    {"mass_net",                         "kg",    GAUGE,   "weight",            -1e7, 1e7, "Net weight"},
    {"mass_tare",                        "kg",    GAUGE,   "weight",            -1e7, 1e7, "Tare"},
    {"mass_peak",                        "kg",    GAUGE,   "weight",            -1e7, 1e7, "Highest weight since the last reset"},
    {"mass_last_print",                  "kg",    GAUGE,   "weight",            -1e7, 1e7, "Weight last recorded or printed"},
    {"mass_used",                        "kg",    GAUGE,   "weight",            -1e7, 1e7, "Weight drawn from stock"},
    {"mass_total",                       "kg",    COUNTER, "weight",            0, 1e12, "Total weight of all weighings"},
    {"accumulation_count",               "",      COUNTER, NULL,                0, 4294967295, "Number of weighings"},
    {"signal",                           "mV",    GAUGE,   "voltage",           -1000, 1000, "Signal of a load cell"},
    // Water quality.
    {"ph",                               "pH",    GAUGE,   "ph",                -2, 16, "pH"},
    {"conductivity",                     "uS/cm", GAUGE,   "conductivity",      0, 2e6, "Electric conductivity"},
    {"turbidity",                        "NTU",   GAUGE,   NULL,                0, 20000, "Turbidity"},
    {"redox",                            "mV",    GAUGE,   "voltage",           -2000, 2000, "Redox potential"},
    {"dissolved_oxygen",                 "mg/L",  GAUGE,   NULL,                0, 60, "Dissolved oxygen"},
    {"suspended_solids",                 "mg/L",  GAUGE,   NULL,                0, 200000, "Total suspended solids"},
    {"cod",                              "mg/L",  GAUGE,   NULL,                0, 500000, "Chemical oxygen demand"},
    {"bod",                              "mg/L",  GAUGE,   NULL,                0, 500000, "Biochemical oxygen demand over five days"},
    {"toc",                              "mg/L",  GAUGE,   NULL,                0, 500000, "Total organic carbon"},
    {"chloride",                         "mg/L",  GAUGE,   NULL,                0, 300000, "Chloride"},
    {"nitrate",                          "mg/L",  GAUGE,   NULL,                0, 100000, "Nitrate"},
    {"ammonium",                         "mg/L",  GAUGE,   NULL,                0, 100000, "Ammonium"},
    {"hardness",                         "mg/L",  GAUGE,   NULL,                0, 20000, "Hardness as calcium carbonate"},
    // Gas and air quality.
    {"concentration",                    "%",     GAUGE,   NULL,                -5, 105, "Share of a component"},
    {"co2_concentration",                "ppm",   GAUGE,   "carbon_dioxide",    0, 1000000, "Carbon dioxide"},
    {"oxygen_concentration",             "%",     GAUGE,   NULL,                -1, 105, "Oxygen"},
    // Level, speed, counting, signals.
    {"level",                            "m",     GAUGE,   "distance",          -1000, 1000, "Level in a tank or container"},
    {"fill_level",                       "%",     GAUGE,   NULL,                -10, 200, "Level as a share of full"},
    {"rotational_speed",                 "rpm",   GAUGE,   NULL,                -1000000, 1000000, "Rotational speed"},
    {"operating_time",                   "h",     COUNTER, "duration",          0, 1e7, "Time in operation"},
    {"operating_time_partial",           "h",     COUNTER, "duration",          0, 1e7, "Time in operation since the last reset"},
    {"failure_time",                     "h",     COUNTER, "duration",          0, 1e7, "Time in failure"},
    {"pulse_count",                      "pulses", COUNTER, NULL,                0, 1.8446744073709552e19, "Pulses of an input"},
    {"pulse_count_off",                  "pulses", COUNTER, NULL,                0, 1.8446744073709552e19, "Pulses of an input, counted at their end"},
    {"pulse_frequency",                  "Hz",    GAUGE,   "frequency",         0, 1e7, "Frequency of the pulses of an input"},
    {"piece_count",                      "pieces", COUNTER, NULL,                0, 1.8446744073709552e19, "Pieces made"},
    {"output_current",                   "mA",    GAUGE,   "current",           -1, 30, "Current of an analog output"},
    {"output_frequency",                 "Hz",    GAUGE,   "frequency",         0, 1e7, "Frequency of a pulse output"},
    {"input_current",                    "mA",    GAUGE,   "current",           -50, 50, "Current of an analog input"},
    {"input_voltage",                    "V",     GAUGE,   "voltage",           -1000, 1000, "Voltage of an analog input"},
    {"value",                            "",      GAUGE,   NULL,                -1e300, 1e300, "A number whose meaning is not known yet"},
    {"analog_input",                     "",      GAUGE,   NULL,                -1e12, 1e12, "Analog input in a scale of its own"},
    {"analog_output",                    "%",     GAUGE,   NULL,                -200, 200, "Analog output as a share of full scale"},
    {"resistance",                       "ohm",   GAUGE,   NULL,                0, 1e9, "Resistance"},
    {"setpoint",                         "",      GAUGE,   NULL,                -1e12, 1e12, "Set point in the unit of the device"},
    {"number",                           "",      GAUGE,   NULL,                -1.8446744073709552e19, 1.8446744073709552e19, "A number without a unit: factors, multipliers, exponents"},
    // States.
    {"status",                           "",      STATE,   NULL,                0, 1.8446744073709552e19, "Status of the meter, its own code or bits"},
    {"error_code",                       "",      STATE,   NULL,                0, 1.8446744073709552e19, "Error, a code of the meter"},
    {"error_bits",                       "",      STATE,   NULL,                0, 1.8446744073709552e19, "Errors, a bit each"},
    {"event_bits",                       "",      STATE,   NULL,                0, 1.8446744073709552e19, "Events, a bit each"},
    {"limit_status",                     "",      STATE,   NULL,                0, 1.8446744073709552e19, "Limits exceeded, a bit each"},
    {"direction_status",                 "",      STATE,   NULL,                0, 1.8446744073709552e19, "Direction of power or flow, a code of the meter"},
    {"digital_input",                    "",      STATE,   NULL,                0, 1.8446744073709552e19, "State of one input"},
    {"digital_inputs",                   "",      STATE,   NULL,                0, 1.8446744073709552e19, "States of the inputs, a bit each"},
    {"digital_outputs",                  "",      STATE,   NULL,                0, 1.8446744073709552e19, "States of the outputs, a bit each"},
    {"tariff",                           "",      STATE,   NULL,                0, 1.8446744073709552e19, "Tariff in force"},
    {"heartbeat",                        "",      STATE,   NULL,                0, 1.8446744073709552e19, "A number that changes while the device is alive"},
    {"running",                          "",      STATE,   NULL,                0, 1.8446744073709552e19, "1 while a machine runs"},
    {"code",                             "",      STATE,   NULL,                0, 1.8446744073709552e19, "A code of the meter that others need: units, decimals, word order"},
    // Texts.
    {"serial_number",                    "",      TEXT,    NULL,                0, 0, "Serial number"},
    {"firmware_version",                 "",      TEXT,    NULL,                0, 0, "Firmware version"},
    {"manufacturer",                     "",      TEXT,    NULL,                0, 0, "Manufacturer"},
    {"model",                            "",      TEXT,    NULL,                0, 0, "Model"},
    {"device_name",                      "",      TEXT,    NULL,                0, 0, "Name set in the device"},
};
// clang-format on

enum { ROWS = sizeof vocabulary / sizeof *vocabulary };

const struct quantity *quantity_find(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(vocabulary[i].name, name) == 0)
            return &vocabulary[i];
    return NULL;
}

const char *quantity_nearest(const char *name)
{
    return text_nearest(name, vocabulary, ROWS, sizeof *vocabulary);
}

const struct quantity *quantity_row(size_t i)
{
    return i < ROWS ? &vocabulary[i] : NULL;
}

static const char *kind_text(enum quantity_kind kind)
{
    static const char *const texts[] = {
        [QUANTITY_GAUGE] = "gauge",
        [QUANTITY_COUNTER] = "counter",
        [QUANTITY_STATE] = "state",
        [QUANTITY_TEXT] = "text",
    };
    return texts[kind];
}

static void print_quantities(FILE *out)
{
    fputs("| quantity | unit | kind | Home Assistant class | plausible | meaning |\n"
          "|---|---|---|---|---|---|\n",
          out);
    for (size_t i = 0; i < ROWS; i++) {
        const struct quantity *q = &vocabulary[i];
        fprintf(out, "| `%s` | %s | %s | %s | ", q->name, q->unit, kind_text(q->kind),
                q->device_class ? q->device_class : "");
        if (q->kind != QUANTITY_TEXT)
            fprintf(out, "%g to %g", q->min, q->max);
        fprintf(out, " | %s |\n", q->text);
    }
}

static void print_units(FILE *out)
{
    fputs("| dimension | units |\n|---|---|\n", out);
    const struct unit *first;
    for (size_t i = 0; (first = unit_row(i)); i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = unit_compatible(unit_row(j), first);
        if (seen)
            continue;
        fprintf(out, "| %s |", unit_dimension(first));
        const struct unit *u;
        for (size_t j = i; (u = unit_row(j)); j++)
            if (unit_compatible(u, first) && unit_text(u)[0])
                fprintf(out, " `%s`", unit_text(u));
        fputs(" |\n", out);
    }
}

void vocabulary_print(FILE *out)
{
    fputs("# Names: quantities and units\n\n"
          "Made from the tables in `src/units/` by `build/release/tests/unit/test_vocabulary print > "
          "docs/names.md`;\n"
          "a test compares the two.\n\n"
          "## Quantities\n\n"
          "Every point has a quantity. Its values are published in the unit given here, whatever unit the "
          "meter uses,\n"
          "unless the point sets `publish_unit`. A *gauge* may rise and fall; a *counter* only grows, until "
          "it wraps or is\n"
          "reset; a *state* is a code or a set of bits. A value outside the plausible range is not "
          "published: the point is\n"
          "`out of range`. A point can set narrower limits with `min` and `max`.\n\n",
          out);
    print_quantities(out);
    fputs("\n## Units\n\n"
          "These words may be written where a unit is asked for, and be joined: `kWh/t`, `EUR/h`, `kJ/kg/K`. "
          "Upper and lower\n"
          "case differ. Units of one row convert into each other; units of different rows never do. In "
          "particular:\n\n"
          "- `degC` and `degF` are temperatures, `K` and `degR` are temperature differences. `45 degC - 40 "
          "degC` is `5 K`.\n"
          "- `kW`, `kvar` and `kVA` are different dimensions, and so are their energies.\n"
          "- `Nm3` (0 degC, 1013.25 mbar) is an amount of gas, not a volume; `Sm3` is the same amount at 15 "
          "degC (ISO 13443).\n"
          "- `kcal` is the international table calorie, 4.1868 kJ. A `year` has 365 days.\n"
          "- There is no exchange rate: a currency converts only into itself.\n\n",
          out);
    print_units(out);
}
