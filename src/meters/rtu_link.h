/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One master's half of a Modbus RTU bus on an open descriptor: a serial port, or a socket to a
 * transparent serial server. Blocking, for a thread of its own. It never takes the answer to one
 * question for the answer to another. Private to the lines.
 */
#ifndef SYMBIONT_RTU_LINK_H
#define SYMBIONT_RTU_LINK_H

#include <modbus/modbus.h>
#include "symbiont/clock.h"
#include "symbiont/modbus.h"

/* Does the adapter return what we send? */
enum rtu_echo { RTU_ECHO_UNKNOWN, RTU_ECHO_NONE, RTU_ECHO_PRESENT };

enum rtu_outcome {
    RTU_OK,      /* there is a verdict */
    RTU_STOPPED, /* the stop descriptor became readable */
    RTU_BROKEN,  /* port or connection is gone; errno says how */
};

struct rtu_exchange {
    struct modbus_ask ask;
    int64_t timeout_ns; /* from the request's last character to the answer's first */
    int64_t pause_ns;   /* silence the device needs after its answer */
    int64_t drain_ns;   /* see struct transaction */
    uint8_t *data;      /* room for the answer's data: 2 * MODBUS_REGISTERS_MAX */

    struct modbus_answer answer; /* its data points to the above */
    struct mono asked, answered; /* asked.ns 0: the request did not leave */
};

struct rtu_link {
    int fd, stop_fd;
    bool is_tty;
    modbus_t *modbus;
    int64_t char_ns, gap_ns;
    enum rtu_echo echo;
    struct mono free_at; /* no request before this */

    /* After a question that was not answered: what may still come. */
    struct {
        bool due;
        struct modbus_ask ask;
        struct mono asked, quiet_since;
        int64_t silence_ns; /* how long it must be quiet before the next question */
    } drain;
    /* For the owner to look at and reset. */
    uint64_t strays; /* answers and bytes that came when nothing was asked */
    uint64_t noisy;  /* right answers with noise in front */
    struct {
        uint8_t unit; /* 0: none; else it answered, but too late */
        int64_t took_ns;
    } late;

    bool echo_due; /* the request just sent may still come back */
    uint8_t request[RTU_REQUEST];
    size_t got;
    uint8_t in[3 * RTU_FRAME_MAX];

    /* Units that never answered their last question. Outlives a reopening: a serial server may hand a late
     * answer to the next connection. */
    bool owed[256];
};

/* `l` is zero the first time. `fd` is non-blocking, below FD_SETSIZE, and stays the caller's. Returns -1 with
 * errno. */
int rtu_link_open(struct rtu_link *l, int fd, bool is_tty, int stop_fd, int64_t char_ns, int64_t gap_ns,
                  enum rtu_echo echo);
void rtu_link_close(struct rtu_link *l);

/* Asks when the bus is free, and waits for the verdict: at most one timeout and the wire time, plus
 * what an unanswered question before it leaves to drain. */
enum rtu_outcome rtu_ask(struct rtu_link *l, struct rtu_exchange *x);

#endif
