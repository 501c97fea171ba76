/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there a unit at this id? One register is asked for. What an absent unit looks like is the line's to say:
 * silence, a gateway's exception (at once, or after it has waited for its serial side), or a closed
 * connection. How long to wait is learned from the first of them. Private to the command-line tool.
 */
#ifndef SYMBIONT_CLI_PROBE_H
#define SYMBIONT_CLI_PROBE_H

#include "cli/session.h"

enum presence {
    UNIT_UNASKED,
    UNIT_SILENT,  /* no answer in time */
    UNIT_ABSENT,  /* a gateway said so, or the connection was closed */
    UNIT_PRESENT, /* answers, be it with an exception of its own */
    UNIT_LOST,    /* the line itself is not there, or no longer: see `trouble` */
    UNIT_INTERRUPTED,
};

struct probe {
    struct session *session;
    bool tcp;
    int64_t least_ns, limit_ns; /* what is waited for an answer: at least; now */
    bool learned;               /* from an absent unit */
    size_t asked, damaged, closed;
    int64_t slowest_absent_ns; /* of a gateway's exceptions */
    uint64_t strays;           /* answers that came after their time */
    bool ever_connected;
    char trouble[128]; /* UNIT_LOST: why */
};

/* `tcp`: Modbus TCP, where answers cannot be mixed up and gateways speak for absent units. */
void probe_begin(struct probe *p, struct session *s, bool tcp, int64_t least_ns);
enum presence probe_unit(struct probe *p, uint8_t unit);
/* Answers came after their time: the limit is raised, and it is worth asking the silent ones again. False
 * when there were none, or the limit is as high as it gets. */
bool probe_patience(struct probe *p);

#endif
