/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line carries requests to the units behind one address or one serial port, and their answers
 * back. All calls and all callbacks are on the loop's thread; a serial line does its waiting in a
 * thread of its own behind this interface.
 */
#ifndef SYMBIONT_LINE_H
#define SYMBIONT_LINE_H

#include <stdatomic.h>
#include "symbiont/config.h"
#include "symbiont/json.h"
#include "symbiont/log.h"
#include "symbiont/loop.h"
#include "symbiont/modbus.h"
#include "symbiont/profile.h"

struct line;

/* The settings of one line; the table is line_section. */
struct line_config {
    struct settings common;
    char *name;
    char *tcp;          /* "host:port", "[v6]:port"; port 502 when left out */
    char *serial;       /* "/dev/ttyUSB0" */
    char *rtu_over_tcp; /* "host:port" */
    char *mode;         /* "9600 8N1" */
    int64_t timeout_ns, pause_ns, connect_pause_ns;
    int64_t in_flight;
    bool close_after_cycle;
    bool rs485; /* switch the port's RS-485 mode on in the kernel */
    bool echo;  /* the adapter returns what we send */
};
extern const struct section line_section;
/* What the table cannot say: exactly one of tcp, serial, rtu_over_tcp; a mode we know; ... */
void line_config_check(const struct line_config *c, struct diagnostics *d);

/* "host:port" -> parts. False with a sentence in `why`. */
bool address_parse(const char *text, uint16_t default_port, char *host, size_t host_size, uint16_t *port,
                   char *why, size_t why_size);
/* "9600 8N1" -> parts. Baud 1200 to 115200, 8N1 8E1 8O1 8N2. */
bool serial_mode_parse(const char *text, int *baud, char *parity, int *stop_bits);

/*
 * One request under way. The owner provides the memory and must not touch it from line_submit until
 * `done` is called, which happens exactly once. `done` may submit it again.
 */
struct transaction {
    struct modbus_ask ask;
    int64_t timeout_ns; /* response timeout; 0: the line's */
    int64_t pause_ns;   /* silence the device needs after its answer; 0: the line's */
    int64_t drain_ns;   /* serial: how long the bus must be quiet, when there was no answer, before the next
                         * question;   0: as long as the timeout, so that a late answer is never taken for
                         * another's */
    int64_t connect_pause_ns;
    bool last_of_cycle; /* with close_after_cycle: the connection may be closed after it */
    bool close_after_cycle;
    uint8_t in_flight; /* how many the device allows at once; 0: the line's setting */
    void (*done)(struct transaction *t, const struct modbus_answer *answer);
    atomic_bool withdrawn; /* line_withdraw */

    struct mono asked, answered; /* when its request left and its answer (or verdict) came */

    /* The line's own. */
    struct transaction *next;
    uint8_t data[2 * MODBUS_REGISTERS_MAX + 6];
    struct modbus_answer answer;
    struct mono deadline;
    uint16_t id;
    bool retried; /* asked again on a fresh connection after the old one was closed under it */
};

struct line_counters {
    uint64_t asked, answered, exceptions, timeouts, connects, connect_failures, drops;
    uint64_t checks[CHECK_COUNT];
    int64_t busy_ns; /* time with a request outstanding, since open */
    struct mono since;
};

struct line_ops {
    void (*submit)(struct line *l, struct transaction *t);
    /* Ends everything: outstanding transactions get VERDICT_CANCELLED (during the call for those not
     * yet on the wire; a serial line's thread is joined, at most one response timeout). Frees l. */
    void (*close)(struct line *l);
    /* Members of a JSON object: state, address, peer trouble in words. */
    void (*status)(const struct line *l, struct json *j);
    /* When its thread last made progress; NULL for a line without a thread. */
    struct mono (*heartbeat)(const struct line *l);
};

/* The common head of every kind of line. */
struct line {
    const struct line_ops *ops;
    const struct line_config *config; /* outlives the line */
    struct loop *loop;
    struct line_counters counters;
    int64_t slowest_answer_ns; /* of the recent answers, decaying: what a probe may wait for */
    struct complaint trouble;
};

/*
 * How many TCP connects may be under way at once, shared by all lines of a loop: a thousand meters that
 * come back together are connected a few at a time. Lines that must wait stand in the queue.
 */
struct connect_gate {
    int limit, busy;
    struct gate_waiter *first, **last;
};
#define CONNECT_LIMIT_DEFAULT 64
void connect_gate_init(struct connect_gate *g, int limit);

/* Opens the kind the settings name. Connecting happens in the background and is retried for ever with
 * back-off. NULL with a sentence in `why` only for faults of our own (memory, threads). */
struct line *line_open(const struct line_config *c, struct loop *loop, struct connect_gate *gate, char *why,
                       size_t why_size);
struct line *tcp_line_open(const struct line_config *c, struct loop *loop, struct connect_gate *gate,
                           char *why, size_t why_size);
struct line *serial_line_open(const struct line_config *c, struct loop *loop, char *why, size_t why_size);

/* When its thread last made progress; 0 for a line without one. For the watchdog. */
struct mono line_heartbeat(const struct line *l);

static inline void line_submit(struct line *l, struct transaction *t)
{
    atomic_store(&t->withdrawn, false);
    l->ops->submit(l, t);
}

/* Nobody waits for it any more: when it has not left yet it never does, and comes back, in its turn, with
 * VERDICT_CANCELLED. Fine for one that is not under way. */
static inline void line_withdraw(struct transaction *t)
{
    atomic_store(&t->withdrawn, true);
}

#endif
