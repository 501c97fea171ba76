/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up configuration with an option of every type, for the unit tests and the fuzzer. */
#ifndef TESTS_CONFIG_SECTIONS_H
#define TESTS_CONFIG_SECTIONS_H

#include <math.h>
#include "symbiont/config.h"

struct test_point {
    struct settings common;
    char *name;
    int64_t address;
    double scale;
};

struct test_meter {
    struct settings common;
    char *name;
    int64_t unit_id;
    int64_t every_ns;
    int table;
    struct texts only;
    struct groups points;
};

struct test_mqtt {
    struct settings common;
    char *server;
    int64_t keepalive_ns;
    bool clean;
    int64_t spool;
};

struct test_site {
    struct settings common;
    char *id;
    char *title;
    double latitude;
    double power;
    double temperature;
};

struct test_root {
    struct settings common;
    struct test_site site;
    struct groups meters;
    struct test_mqtt mqtt;
    struct numbers steps;
    struct texts tags;
    int64_t big;
    bool verbose;
};

static const struct option test_point_options[] = {
    {"name", OPTION_NAME, offsetof(struct test_point, name), .required = true,
     .help = "Unique in the meter."},
    {"address", OPTION_INT, offsetof(struct test_point, address), .required = true, .max = 65535},
    {"scale", OPTION_NUMBER, offsetof(struct test_point, scale), .def = "1"},
    {0},
};
static const struct section test_point_section = {"point", sizeof(struct test_point), test_point_options,
                                                  "One number of a meter."};

static const struct choice test_tables[] = {{"input", 4}, {"holding", 3}, {"coil", 1}, {0}};

static const struct option test_meter_options[] = {
    {"name", OPTION_NAME, offsetof(struct test_meter, name), .required = true, .help = "Unique in the site."},
    {"unit_id", OPTION_INT, offsetof(struct test_meter, unit_id), .def = "1", .max = 247,
     .help = "Modbus address."},
    {"every", OPTION_DURATION, offsetof(struct test_meter, every_ns), .def = "10 s", .min = 0.01,
     .max = 86400, .help = "How often it is read."},
    {"table", OPTION_CHOICE, offsetof(struct test_meter, table), .def = "holding", .choices = test_tables},
    {"only", OPTION_TEXTS, offsetof(struct test_meter, only), .help = "Points."},
    {"points", OPTION_GROUPS, offsetof(struct test_meter, points), .section = &test_point_section},
    {0},
};
static const struct section test_meter_section = {"meter", sizeof(struct test_meter), test_meter_options,
                                                  "A device."};

static const struct option test_mqtt_options[] = {
    {"server", OPTION_TEXT, offsetof(struct test_mqtt, server), .required = true,
     .help = "A *URL*, mqtt[s]://host."},
    {"keepalive", OPTION_DURATION, offsetof(struct test_mqtt, keepalive_ns), .def = "1 min"},
    {"clean", OPTION_BOOL, offsetof(struct test_mqtt, clean), .def = "true"},
    {"spool", OPTION_SIZE, offsetof(struct test_mqtt, spool), .def = "64 MiB", .min = 4096, .max = 1e12},
    {0},
};
static const struct section test_mqtt_section = {"mqtt", sizeof(struct test_mqtt), test_mqtt_options,
                                                 "Where readings go."};

static const struct option test_site_options[] = {
    {"id", OPTION_ID, offsetof(struct test_site, id), .required = true},
    {"title", OPTION_TEXT, offsetof(struct test_site, title), .help = "For people."},
    {"latitude", OPTION_NUMBER, offsetof(struct test_site, latitude), .min = -90, .max = 90},
    {"power", OPTION_AMOUNT, offsetof(struct test_site, power), .unit = "kW", .def = "250 kW", .max = 5000},
    {"temperature", OPTION_AMOUNT, offsetof(struct test_site, temperature), .unit = "degC", .min = -273.15,
     .max = INFINITY},
    {0},
};
static const struct section test_site_section = {"site", sizeof(struct test_site), test_site_options,
                                                 "The place."};

static const struct option test_root_options[] = {
    {"site", OPTION_GROUP, offsetof(struct test_root, site), .required = true, .section = &test_site_section},
    {"meters", OPTION_GROUPS, offsetof(struct test_root, meters), .section = &test_meter_section},
    {"mqtt", OPTION_GROUP, offsetof(struct test_root, mqtt), .section = &test_mqtt_section},
    {"steps", OPTION_NUMBERS, offsetof(struct test_root, steps), .def = "1, 2.5", .min = -1e6, .max = 1e6},
    {"tags", OPTION_TEXTS, offsetof(struct test_root, tags), .def = "one, two"},
    {"big", OPTION_INT, offsetof(struct test_root, big), .help = "Any."},
    {"verbose", OPTION_BOOL, offsetof(struct test_root, verbose), .help = "Tell more."},
    {0},
};
static const struct section test_root_section = {"configuration", sizeof(struct test_root), test_root_options,
                                                 "A test."};

#endif
