/* SPDX-License-Identifier: Apache-2.0 */
/* How long requests take on the wire, and whether a line's cycle fits its period. Pure. */
#ifndef SYMBIONT_WIRE_TIME_H
#define SYMBIONT_WIRE_TIME_H

#include "symbiont/site.h"

struct wire_load {
    size_t meters;
    double requests_per_s, registers_per_s;
    double share;        /* of the line's time; above 1 the cycle cannot fit */
    double cycle_ns;     /* every request of every meter once */
    double dead_unit_ns; /* one probe of a unit that does not answer: timeout and drain */
};

/*
 * Time of one transaction: on a serial line the characters of request and answer (11 bits each with
 * parity, 10 without; "Modbus over Serial Line V1.02" 2.5.1: silences of 3.5 characters, 1.75 ms above
 * 19200 baud); on TCP an assumed round trip. Pauses the device asks for are added.
 */
double wire_time_ns(const struct line_config *line, const struct device_timing *timing,
                    const struct request *r);

/* Sums over the meters of line `i`. Meters without a device (errors in the file) are left out. Returns 0, or
 * -1 with errno ENOMEM. */
int wire_load_of_line(const struct site *s, size_t i, struct wire_load *out);

#endif
