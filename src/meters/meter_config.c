// SPDX-License-Identifier: Apache-2.0
// The settings of a meter and of polling, as tables.
#include "symbiont/meter.h"

#define AT(field) offsetof(struct meter_config, field)

static const struct option meter_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true,
     .help = "The meter's name in topics, fields and expressions."},
    {"line", OPTION_NAME, AT(line), .required = true, .help = "The line it is wired to."},
    {"unit_id", OPTION_INT, AT(unit_id), .def = "1", .min = 0, .max = 255,
     .help = "Its Modbus unit id (slave address)."},
    {"profile", OPTION_ID, AT(profile),
     .help =
         "The device model: a file of the profile library, without .conf. `symbiont profiles` lists them."},
    {"every", OPTION_DURATION, AT(every_ns), .def = "10 s", .max = 86400,
     .help = "How often it is asked; \"0 s\": again as soon as it has answered. A point may have its own "
             "`every`."},
    {"align", OPTION_BOOL, AT(align), .def = "false",
     .help =
         "Ask on whole multiples of `every` of the wall clock (at :00, :15, ...) instead of spreading the "
         "meters over the period."},
    {"points", OPTION_GROUPS, AT(points), .section = &point_section,
     .help = "Points of its own. One with the name of a profile's point overrides only the settings given."},
    {"only", OPTION_TEXTS, AT(only), .help = "When given: only these points are read and published."},
    {"ct_ratio", OPTION_NUMBER, AT(ct_ratio), .def = "1", .min = 1e-6, .max = 1e6,
     .help = "Current transformer ratio, for meters that count the secondary side: 400/5 A is 80."},
    {"vt_ratio", OPTION_NUMBER, AT(vt_ratio), .def = "1", .min = 1e-6, .max = 1e6,
     .help = "Voltage transformer ratio, as ct_ratio."},
    {"unverified", OPTION_BOOL, AT(unverified), .def = "false",
     .help = "Allow a profile of low confidence: compare its numbers with the meter's display first."},
    {"order", OPTION_CHOICE, AT(order), .choices = order_choices,
     .help = "How the bytes of its values lie, for devices that can be set or whose profile does not know; "
             "default: the profile's. Points that say their own keep it."},
    {"maintenance", OPTION_BOOL, AT(maintenance), .def = "false",
     .help = "The meter is being worked on: its readings are published but marked, and rules and streams "
             "take them "
             "for unknown."},
    {"timeout", OPTION_DURATION, AT(timeout_ns), .min = 0.01, .max = 60,
     .help = "Response timeout; default: the profile's, else the line's."},
    {"pause", OPTION_DURATION, AT(pause_ns), .min = 0, .max = 10,
     .help = "Silence after each answer; default: the profile's, else the line's."},
    {"connect_pause", OPTION_DURATION, AT(connect_pause_ns), .min = 0, .max = 60,
     .help = "Silence between connecting and the first request; default: the profile's, else the line's."},
    {"in_flight", OPTION_INT, AT(in_flight), .min = 1, .max = 16,
     .help = "Requests this meter may have outstanding; default: the profile's, else 1."},
    {"merge", OPTION_BOOL, AT(merge), .def = "true",
     .help = "Join neighbouring points into one request; false: one request per point."},
    {"max_registers", OPTION_INT, AT(max_registers), .min = 1, .max = 125,
     .help = "Largest request in registers; default: the profile's, else 125."},
    {"max_gap", OPTION_INT, AT(max_gap), .min = 0, .max = 124,
     .help = "Registers nobody asked for that may be read to join two points; default: the profile's."},
    {0},
};

const struct section meter_section = {"meters", sizeof(struct meter_config), meter_options,
                                      "One group per meter: where it is and what it is."};

#undef AT
#define AT(field) offsetof(struct polling_config, field)

static const struct option polling_options[] = {
    {"down_failures", OPTION_INT, AT(down_failures), .def = "2", .min = 1, .max = 100,
     .help = "A unit is down after this many failed requests in a row..."},
    {"down_after", OPTION_DURATION, AT(down_after_ns), .def = "500 ms", .min = 0, .max = 3600,
     .help = "...that span at least this time."},
    {"probe_first", OPTION_DURATION, AT(probe_first_ns), .def = "2 s", .min = 0.1, .max = 3600,
     .help =
         "A unit that is down is asked one thing after this time, then at doubling, jittered intervals..."},
    {"probe_cap", OPTION_DURATION, AT(probe_cap_ns), .def = "60 s", .min = 1, .max = 86400,
     .help = "...of at most this length."},
    {"absent_retry", OPTION_DURATION, AT(absent_retry_ns), .def = "10 min", .min = 1, .max = 86400,
     .help = "A register that the device says it does not have is asked again this often."},
    {"align", OPTION_BOOL, AT(align), .def = "false", .help = "As the meters' `align`, for all meters."},
    {"connects", OPTION_INT, AT(connects), .def = "64", .min = 1, .max = 10000,
     .help = "TCP connections that may be under way at once."},
    {0},
};

const struct section polling_section = {"polling", sizeof(struct polling_config), polling_options,
                                        "When units count as down and how they are asked again."};
