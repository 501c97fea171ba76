/* SPDX-License-Identifier: Apache-2.0 */
/* A scan under way and what it has found: verb_scan.c asks, scan_show.c prints. Private to the command-line
 * tool. */
#ifndef SYMBIONT_CLI_SCAN_H
#define SYMBIONT_CLI_SCAN_H

#include "cli/identify.h"
#include "cli/portrait.h"
#include "cli/probe.h"

struct found {
    uint8_t unit;
    const char *mode; /* NULL: TCP */
    double answer_ms;
    bool alike; /* says the same as the portrait's unit; not identified */
    struct identity identity;
};

struct scan {
    struct command *c;
    struct library *library; /* NULL: not asked to identify */
    uint8_t first, last;
    int64_t timeout_ns;
    struct probe probe;
    enum presence presence[256]; /* of each unit id */
    size_t units_asked;
    struct found found[256];
    size_t n;
    struct portrait portrait; /* of a TCP device that may be answering to every unit id */
    size_t alike;
    bool everywhere; /* it does: the others are not in `found` */
    bool lost;       /* the line went away before the end */
    size_t probes, damaged, closed;
    struct mono begun;
    struct interrupt interrupt;
    bool progress; /* stderr is a terminal */
};

/* Returns the exit status. */
int scan_show(const struct scan *s);

#endif
