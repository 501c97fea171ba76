// SPDX-License-Identifier: Apache-2.0
// The settings of a plant file.
#include "sim_options.h"

#include "sim_fault.h"

// clang-format off
#define AT(member) offsetof(struct sim_value_options, member)
static const struct option value_options[] = {
    {"point", OPTION_NAME, AT(point), .required = true, .help = "The point it is the value of. Numbers are in the unit the point is published in."},
    {"constant", OPTION_NUMBER, AT(constant), .help = "Always this."},
    {"curve", OPTION_TEXTS, AT(curve),
     .help = "A day: \"HH:MM value\" each, from early to late, with straight lines between them and from the last to the first."},
    {"counter_of", OPTION_NAME, AT(counter_of),
     .help = "A total: `start` plus what flowed of this point since the start, active_power in kW making kWh, volume_flow in m3/h making m3."},
    {"start", OPTION_NUMBER, AT(start), .def = "0", .help = "Where a total begins."},
    {"of", OPTION_NAME, AT(of), .help = "factor * (of - minus) * times + add, of other points of the meter. `minus` and `times` may be left out."},
    {"minus", OPTION_NAME, AT(minus), .help = "See `of`."},
    {"times", OPTION_NAME, AT(times), .help = "See `of`."},
    {"factor", OPTION_NUMBER, AT(factor), .def = "1", .help = "Multiplies a curve, a recording, a formula, and what a total counts."},
    {"add", OPTION_NUMBER, AT(add), .def = "0", .help = "Added to a curve, a recording, a formula."},
    {"csv", OPTION_TEXT, AT(csv),
     .help = "A recording: a file with headings in its first line and comma, semicolon or tab between columns. Rows without a number are left out."},
    {"column", OPTION_TEXT, AT(column), .help = "Heading, or number from 1, of the recording's values."},
    {"time_column", OPTION_TEXT, AT(time_column),
     .help = "Heading or number of the recording's times: seconds, \"2018-01-31 12:15\", \"31/01/2018 12:15\" or \"12:15\". The first row is the start."},
    {"interval", OPTION_DURATION, AT(interval_ns), .def = "15 min", .min = 0.001, .max = 366 * 86400.0, .help = "Between two rows of a recording without times."},
    {"loop", OPTION_BOOL, AT(loop), .def = "true", .help = "A recording begins again at its end."},
    {"hold", OPTION_BOOL, AT(hold), .def = "false", .help = "Steps instead of straight lines between the rows of a recording."},
    {"noise", OPTION_NUMBER, AT(noise), .def = "0", .min = 0, .max = 1e12, .help = "Up to so much more or less, evenly; the same for the same seed."},
    {"weekend", OPTION_NUMBER, AT(weekend), .def = "1", .help = "Times this on Saturday and Sunday."},
    {"min", OPTION_NUMBER, AT(min), .help = "Never less."},
    {"max", OPTION_NUMBER, AT(max), .help = "Never more."},
    {"text", OPTION_TEXT, AT(text), .help = "Of a point of type string."},
    {0},
};
#undef AT
const struct section sim_value_section = {"values", sizeof(struct sim_value_options), value_options,
    "How the value of a point moves. Points without one have a plausible steady value: 230 V, 50 Hz."};

#define AT(member) offsetof(struct sim_fault_options, member)
static const struct option fault_options[] = {
    {"kind", OPTION_CHOICE, AT(kind), .required = true, .choices = sim_fault_choices,
     .help = "What is wrong with the answer: there is none (silence), it is an exception, comes late, has a field that is wrong (wrong_transaction, "
             "wrong_protocol, wrong_length, wrong_unit, wrong_function, wrong_count, bad_exception, crc), breaks off and the connection closes (torn), is garbage, has a byte of "
             "noise before it, is a closed connection (close), comes a byte at a time (drip), has one before it that nobody asked for (stray), or comes twice (duplicate)."},
    {"every", OPTION_INT, AT(every), .def = "0", .min = 0, .max = 1e9, .help = "Every n-th request; 0 and no probability: every one."},
    {"probability", OPTION_NUMBER, AT(probability), .def = "0", .min = 0, .max = 1, .help = "By chance, from the seed."},
    {"from", OPTION_DURATION, AT(from_ns), .def = "0 s", .min = 0, .max = 1e8, .help = "Begins so long after the start (not scaled)."},
    {"until", OPTION_DURATION, AT(until_ns), .def = "0 s", .min = 0, .max = 1e8, .help = "Ends so long after the start; 0: never."},
    {"times", OPTION_INT, AT(times), .def = "0", .min = 0, .max = 1e9, .help = "Ends after it has struck so often; 0: never."},
    {"code", OPTION_INT, AT(code), .def = "0", .min = 0, .max = 255, .help = "Of an exception; 0: 4, device failure."},
    {"delay", OPTION_DURATION, AT(delay_ns), .def = "0 s", .min = 0, .max = 3600, .help = "How late (late; 0: 2 s), or between two bytes (drip; 0: 400 ms)."},
    {0},
};
#undef AT
static const struct section fault_section = {"faults", sizeof(struct sim_fault_options), fault_options,
    "What goes wrong with a meter's answers. The first that strikes a request counts."};

static const struct choice tables[] = {
    {"coil", TABLE_COIL}, {"discrete", TABLE_DISCRETE}, {"holding", TABLE_HOLDING}, {"input", TABLE_INPUT}, {0},
};

#define AT(member) offsetof(struct sim_register_options, member)
static const struct option register_options[] = {
    {"table", OPTION_CHOICE, AT(table), .def = "holding", .choices = tables, .help = "coil, discrete, holding or input."},
    {"address", OPTION_INT, AT(address), .required = true, .min = 0, .max = 65535, .help = "Of the first, from 0."},
    {"words", OPTION_NUMBERS, AT(words), .required = true, .help = "Register contents, such as [0x4366, 0x3334]; of bits 0 or 1."},
    {0},
};
#undef AT
static const struct section register_section = {"registers", sizeof(struct sim_register_options), register_options,
    "Registers as they are, besides those of the points, or instead."};

#define AT(member) offsetof(struct sim_meter_options, member)
static const struct option meter_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "What control commands and reports call it."},
    {"line", OPTION_NAME, AT(line), .required = true, .help = "The line it is on."},
    {"unit_id", OPTION_INT, AT(unit_id), .def = "1", .min = 0, .max = 255, .help = "Its address on the line."},
    {"any_unit", OPTION_BOOL, AT(any_unit), .def = "false", .help = "Answers to every unit id, as many meters with Ethernet do."},
    {"profile", OPTION_ID, AT(profile), .help = "The device it is: its points become registers."},
    {"unverified", OPTION_BOOL, AT(unverified), .def = "false", .help = "Profiles of low confidence may be used."},
    {"order", OPTION_CHOICE, AT(order), .choices = order_choices, .help = "How the bytes of its values lie, where the profile does not know or is wrong."},
    {"ct_ratio", OPTION_NUMBER, AT(ct_ratio), .def = "1", .min = 1e-6, .max = 1e6, .help = "As set in the gateway's configuration: values are after it, registers before."},
    {"vt_ratio", OPTION_NUMBER, AT(vt_ratio), .def = "1", .min = 1e-6, .max = 1e6, .help = "The same for voltage transformers."},
    {"points", OPTION_GROUPS, AT(points), .section = &point_section, .help = "Points as in symbiont.conf: instead of a profile, or on top of it."},
    {"values", OPTION_GROUPS, AT(values), .section = &sim_value_section, .help = "How values move."},
    {"registers", OPTION_GROUPS, AT(registers), .section = &register_section, .help = "Registers as they are."},
    {"faults", OPTION_GROUPS, AT(faults), .section = &fault_section, .help = "What goes wrong."},
    {"delay", OPTION_DURATION, AT(delay_ns), .def = "0 s", .min = 0, .max = 3600, .help = "Between a request and its answer; on TCP rounded up to a millisecond."},
    {"jitter", OPTION_DURATION, AT(jitter_ns), .def = "0 s", .min = 0, .max = 3600, .help = "Up to so much more delay by chance: answers may then overtake one another."},
    {"refresh", OPTION_DURATION, AT(refresh_ns), .def = "100 ms", .min = 0.000001, .max = 3600, .help = "Values are computed at most so often."},
    {"copies", OPTION_INT, AT(copies), .def = "1", .min = 1, .max = 256, .help = "So many meters with unit ids from unit_id on, named name_0, name_1, ..."},
    {"max_registers", OPTION_INT, AT(max_registers), .def = "0", .min = 0, .max = 125, .help = "A larger request is exception 3; 0: as the profile says."},
    {"max_bits", OPTION_INT, AT(max_bits), .def = "0", .min = 0, .max = 2000, .help = "The same for coils and discrete inputs."},
    {"sunspec_model", OPTION_INT, AT(sunspec_model), .def = "0", .min = 0, .max = 65534, .help = "Model id a SunSpec device serves; 0: 213 for float points, else 203."},
    {"encode", OPTION_BOOL, AT(encode), .def = "false",
     .help = "Every read of a point returns digits that say which meter, which register and which read it is, for checking that nothing is lost or mixed up."},
    {"number", OPTION_INT, AT(number), .def = "0", .min = 0, .max = 1e9, .help = "With `encode`: the number of the first; copies count on from it, port by port."},
    {0},
};
#undef AT
static const struct section meter_section = {"meters", sizeof(struct sim_meter_options), meter_options,
    "The simulated devices."};

#define AT(member) offsetof(struct sim_line_options, member)
static const struct option line_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "What meters call it."},
    {"listen", OPTION_TEXT, AT(listen), .help = "Modbus TCP: numeric address and port, \"127.0.0.1:20000\"; port 0: a free one, printed and written to `ports_file`."},
    {"pty", OPTION_TEXT, AT(pty), .help = "Modbus RTU: the path of a symbolic link to be made to a pseudo terminal."},
    {"rtu_over_tcp", OPTION_BOOL, AT(rtu_over_tcp), .def = "false", .help = "RTU frames at `listen`, as behind a serial server."},
    {"mode", OPTION_TEXT, AT(mode), .def = "9600 8N1", .help = "Speed and format, for timing only."},
    {"wire_speed", OPTION_BOOL, AT(wire_speed), .def = "false", .help = "Bytes take the time they would take at `mode`, one request after the other; with `listen`: a gateway to a serial line."},
    {"ports", OPTION_INT, AT(ports), .def = "1", .min = 1, .max = 20000, .help = "Listen at so many consecutive ports (or free ones), each with a set of the line's meters of its own."},
    {"max_clients", OPTION_INT, AT(max_clients), .def = "0", .min = 0, .max = 100000, .help = "Connections to a port at once; 0: no limit."},
    {"kick", OPTION_BOOL, AT(kick), .def = "false", .help = "A client too many ends the oldest connection instead of its own."},
    {"silent_gateway", OPTION_BOOL, AT(silent_gateway), .def = "false", .help = "With `listen`: no answer for units that are not there, instead of exception 11."},
    {"closing_gateway", OPTION_BOOL, AT(closing_gateway), .def = "false", .help = "With `listen`: the connection is closed on who asks for a unit that is not there."},
    {"gateway_delay", OPTION_DURATION, AT(gateway_delay_ns), .def = "0 s", .min = 0, .max = 60,
     .help = "With `listen`: how long it listens for a unit that is not there before it says so; with `wire_speed` other requests wait meanwhile."},
    {0},
};
#undef AT
static const struct section line_options_section = {"lines", sizeof(struct sim_line_options), line_options,
    "Where meters are reached."};

#define AT(member) offsetof(struct plant_config, member)
static const struct option plant_options[] = {
    {"lines", OPTION_GROUPS, AT(lines), .section = &line_options_section, .help = "Where meters are reached."},
    {"meters", OPTION_GROUPS, AT(meters), .section = &meter_section, .help = "The simulated devices."},
    {"time_scale", OPTION_NUMBER, AT(time_scale), .def = "1", .min = 1e-6, .max = 1e6, .help = "Simulated seconds per second, for curves, recordings and totals; not for delays and faults."},
    {"start", OPTION_TEXT, AT(start), .help = "Simulated time at the start: \"06:00\" or \"mon 06:00\"; left out: the local time."},
    {"tick", OPTION_DURATION, AT(tick_ns), .def = "0 s", .min = 0, .max = 1,
     .help = "Serves at most once per tick whatever has come by then: saves most of the CPU of a thousand meters polled one by one, and answers come up to a tick later."},
    {"seed", OPTION_INT, AT(seed), .def = "1", .min = 0, .max = 9e15, .help = "Of noise and chance: the same seed, the same run."},
    {"strict", OPTION_BOOL, AT(strict), .def = "false", .help = "End with status 1 when a client sent anything but function codes 1 to 4."},
    {"control", OPTION_TEXT, AT(control), .help = "Path of a Unix socket for commands; `help` lists them."},
    {"ports_file", OPTION_TEXT, AT(ports_file), .help = "Written once all lines are open: a JSON object of lines with their ports and terminals."},
    {0},
};
const struct section plant_section = {"plant", sizeof(struct plant_config), plant_options,
    "A simulated plant, for `symbiont simulate`."};
