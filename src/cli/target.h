/* SPDX-License-Identifier: Apache-2.0 */
/* The device a verb is to read: a meter of a configuration, a profile, or registers named on the command
 * line. Private to the command-line tool. */
#ifndef SYMBIONT_CLI_TARGET_H
#define SYMBIONT_CLI_TARGET_H

#include "cli/session.h"
#include "symbiont/site.h"

#define TARGET_OPTIONS                                                                                       \
    {"unit", 'u', "N", "the Modbus unit id (default 1)", false, NULL},                                       \
        {"profile", 'p', "NAME", "the device model; `symbiont profiles` lists them", false, NULL},           \
        {"unverified", 0, NULL, "allow a profile of low confidence", false, NULL},                           \
        {"holding", 0, "ADDRESS[:COUNT]", "holding registers, 0-based", true, NULL},                         \
        {"input", 0, "ADDRESS[:COUNT]", "input registers", true, NULL},                                      \
        {"coil", 0, "ADDRESS[:COUNT]", "coils", true, NULL},                                                 \
        {"discrete", 0, "ADDRESS[:COUNT]", "discrete inputs", true, NULL},                                   \
        {"type", 0, "TYPE", "of named registers: uint16 (default), int32, float32, ...", false, NULL},       \
        {"order", 0,   "ORDER", "of registers, and of a profile: abcd (default), cdab, badc, dcba",          \
         false,   NULL},                                                                                     \
    {                                                                                                        \
        "scale", 0, "NUMBER", "of named registers", false, NULL                                              \
    }

struct target {
    struct config *memory; /* what devices from the command line are compiled into */
    struct site *site;     /* when they come from a configuration */
};

/* Compiles what --profile or the register options name. NULL and *status set after a message. */
const struct device *target_device(struct target *t, const struct command *c, int *status);
void target_close(struct target *t);

#endif
