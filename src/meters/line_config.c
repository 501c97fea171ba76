// SPDX-License-Identifier: Apache-2.0
// The settings of a line, and what a table of options cannot say about them.
#include "symbiont/line.h"

#define AT(member) offsetof(struct line_config, member)

static const struct option line_options[] = {
    {"name", OPTION_NAME, AT(name), .required = true, .help = "What meters call the line by."},
    {"tcp", OPTION_TEXT, AT(tcp),
     .help =
         "Modbus TCP: \"host:port\" of a device or of a gateway to a serial line; port 502 when left out."},
    {"serial", OPTION_TEXT, AT(serial),
     .help = "Modbus RTU: the serial port. A name below /dev/serial/by-id/ survives unplugging and "
             "restarts; /dev/ttyUSB0 may be another adapter next time."},
    {"rtu_over_tcp", OPTION_TEXT, AT(rtu_over_tcp),
     .help = "Modbus RTU frames through a transparent serial server: \"host:port\"."},
    {"mode", OPTION_TEXT, AT(mode),
     .help =
         "Speed and format of the serial line, such as \"9600 8N1\": 1200, 2400, 4800, 9600, 19200, 38400, "
         "57600 or 115200 baud; 8N1, 8E1, 8O1 or 8N2. Required with `serial`. With `rtu_over_tcp` it is "
         "what the serial server is set to, 9600 8N1 when left out, and only used for timing."},
    {"timeout", OPTION_DURATION, AT(timeout_ns), .def = "1 s", .min = 0.01, .max = 60,
     .help = "How long a device may take to begin its answer. Profiles and meters may set their own."},
    {"pause", OPTION_DURATION, AT(pause_ns), .def = "0 s", .min = 0, .max = 60,
     .help = "Silence between an answer and the next request, where it must be longer than Modbus asks for."},
    {"connect_pause", OPTION_DURATION, AT(connect_pause_ns), .def = "0 s", .min = 0, .max = 60,
     .help = "Wait between connecting (or opening the port) and the first request."},
    {"in_flight", OPTION_INT, AT(in_flight), .def = "1", .min = 1, .max = 16,
     .help = "Requests outstanding at once on a `tcp` line. Many devices can do only one."},
    {"close_after_cycle", OPTION_BOOL, AT(close_after_cycle), .def = "false",
     .help = "Close the connection after each cycle, for devices that serve one client at a time."},
    {"rs485", OPTION_BOOL, AT(rs485), .def = "false",
     .help = "Switch the port's RS-485 mode on in the kernel driver. Not needed for adapters that turn "
             "the line around by themselves."},
    {"echo", OPTION_BOOL, AT(echo), .def = "false",
     .help = "The adapter returns every byte that is sent (two-wire adapters that do not mute their "
             "receiver). Found out by itself at the price of a warning."},
    {0},
};

const struct section line_section = {
    "lines",
    sizeof(struct line_config),
    line_options,
    "The wires: each line is one address or one serial port, with one or many units behind it. "
    "Exactly one of `tcp`, `serial` and `rtu_over_tcp` says what it is.",
};

static void check_address(const struct line_config *c, struct diagnostics *d, const char *option,
                          const char *address, uint16_t default_port)
{
    char host[256], why[400];
    uint16_t port;
    if (!address_parse(address, default_port, host, sizeof host, &port, why, sizeof why))
        diag_error(d, c->common.place, "line \"%s\": %s: %s", c->name, option, why);
}

static void check_mode(const struct line_config *c, struct diagnostics *d)
{
    int baud, stop_bits;
    char parity;
    if (c->serial && !c->mode)
        diag_error(d, c->common.place, "line \"%s\": `serial` needs `mode`, such as mode = \"9600 8N1\"",
                   c->name);
    else if (c->mode && !serial_mode_parse(c->mode, &baud, &parity, &stop_bits))
        diag_error(
            d, c->common.place,
            "line \"%s\": mode \"%s\" is not known; allowed are 1200, 2400, 4800, 9600, 19200, 38400, 57600 "
            "or 115200, a space, and 8N1, 8E1, 8O1 or 8N2",
            c->name, c->mode);
}

static void check_fits(const struct line_config *c, struct diagnostics *d, bool given, bool fits,
                       const char *option, const char *reason)
{
    if (given && !fits)
        diag_error(d, c->common.place, "line \"%s\": `%s` %s", c->name, option, reason);
}

void line_config_check(const struct line_config *c, struct diagnostics *d)
{
    int kinds = !!c->tcp + !!c->serial + !!c->rtu_over_tcp;
    if (kinds != 1) {
        diag_error(d, c->common.place,
                   "line \"%s\" needs exactly one of `tcp`, `serial` and `rtu_over_tcp`%s", c->name,
                   kinds > 1 ? ", not several" : "");
        return;
    }
    if (c->tcp)
        check_address(c, d, "tcp", c->tcp, 502);
    if (c->rtu_over_tcp)
        check_address(c, d, "rtu_over_tcp", c->rtu_over_tcp, 0);
    if (c->serial && c->serial[0] != '/')
        diag_error(d, c->common.place,
                   "line \"%s\": serial: \"%s\" is not a path; write it from the root, such as "
                   "\"/dev/ttyUSB0\"",
                   c->name, c->serial);
    check_mode(c, d);
    check_fits(c, d, c->mode, !c->tcp, "mode", "is for serial lines; a `tcp` line has none");
    check_fits(c, d, c->rs485, c->serial, "rs485", "is for `serial` lines");
    check_fits(c, d, c->echo, !c->tcp, "echo", "is for serial lines");
    check_fits(c, d, c->in_flight > 1, c->tcp, "in_flight",
               "above 1 is for `tcp` lines; a serial line carries one "
               "request at a time");
    check_fits(c, d, c->close_after_cycle, !c->serial, "close_after_cycle", "is for lines with a connection");
}
