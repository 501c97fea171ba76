/* SPDX-License-Identifier: Apache-2.0 */
/* The plant file as structs; the tables that read them are in sim_options.c. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include "symbiont/simulator.h"

struct sim_line_options {
    struct settings common;
    char *name, *listen, *pty, *mode;
    bool rtu_over_tcp, wire_speed, kick, silent_gateway, closing_gateway;
    int64_t ports, max_clients, gateway_delay_ns;
};

struct sim_value_options {
    struct settings common;
    char *point;
    double constant, noise, weekend, min, max;
    struct texts curve;
    char *counter_of, *of, *minus, *times;
    double start, factor, add;
    char *csv, *column, *time_column;
    int64_t interval_ns;
    bool loop, hold;
    char *text;
};

struct sim_fault_options {
    struct settings common;
    int kind;
    int64_t every, code, times;
    double probability;
    int64_t from_ns, until_ns, delay_ns;
};

struct sim_register_options {
    struct settings common;
    int table;
    int64_t address;
    struct numbers words;
};

struct sim_meter_options {
    struct settings common;
    char *name, *line, *profile;
    int64_t unit_id, copies, number, max_registers, max_bits, sunspec_model;
    bool any_unit, unverified, encode;
    int order;
    double ct_ratio, vt_ratio;
    int64_t delay_ns, jitter_ns, refresh_ns;
    struct groups points, values, faults, registers;
};

extern const struct section sim_value_section;

#endif
