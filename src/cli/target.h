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
        {"type",                                                                                             \
         0,                                                                                                  \
         "TYPE",                                                                                             \
         "of named registers (default uint16)",                                                              \
         false,                                                                                              \
         "uint16 int16 uint32 int32 float32 uint64 int64 float64 bits16 bits32 low_byte high_byte bcd16 "    \
         "bcd32 bcd64 t5 t6"},                                                                               \
        {"order", 0,                                                                                         \
         "ORDER", "of bytes: of named registers (default abcd), or of a profile that leaves it open",        \
         false,   "abcd cdab badc dcba ab ba abcdefgh ghefcdab badcfehg hgfedcba"},                          \
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
