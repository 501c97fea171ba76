/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port or connection beneath a serial line, kept open: opened by name, watched, closed when it
 * breaks, opened again with back-off. All for the line's own thread, except what is marked. Private to the
 * lines.
 */
#ifndef SYMBIONT_SERIAL_BUS_H
#define SYMBIONT_SERIAL_BUS_H

#include <pthread.h>
#include <stdatomic.h>
#include "meters/rtu_link.h"
#include "meters/serial_port.h"
#include "meters/tcp_connect.h"
#include "symbiont/backoff.h"
#include "symbiont/line.h"

enum serial_state { SERIAL_CLOSED, SERIAL_OPENING, SERIAL_OPEN, SERIAL_FAILING };

/* What the thread tells and the loop shows; under its lock. */
struct serial_report {
    pthread_mutex_t lock;
    enum serial_state state;
    char trouble[256]; /* "" when there is none */
    uint64_t connects, connect_failures, drops, strays, noisy;
};

struct serial_bus {
    /* Copies: a reload that changes nothing for this line frees the configuration it was opened with. */
    char *name, *address; /* the address is a port or "host:port" */
    int64_t timeout_ns, pause_ns, connect_pause_ns;
    bool rs485, echo_set, close_after_cycle;
    bool is_tcp;
    struct serial_mode mode;

    struct serial_report report;
    _Atomic int64_t beat_ns; /* any thread: when progress was made or, ahead of a long wait, will be */
    atomic_bool stopping;    /* set by the loop's thread, then stop_fd made readable */
    int stop_fd;

    struct loop *loop; /* to make connections on */
    struct tcp_connect connect;
    struct watch stop_watch;
    bool connected;
    char connect_why[160];

    int fd; /* -1: not open */
    struct rtu_link link;
    enum rtu_echo echo; /* as far as it is known */
    struct mono opened;
    bool first_request; /* none was made yet since it was opened */
    bool proven;        /* an answer came since it was opened */
    bool asleep;        /* closed in peace: opened again when there is something to ask */
    unsigned silent;    /* requests without an answer in a row */
    struct backoff retry;
    struct mono retry_at;
    struct complaint trouble, late;
};

/* On the loop's thread, before and after the bus's own runs. False with a sentence in `why`; serial_bus_free
 * is due in any case. */
bool serial_bus_init(struct serial_bus *b, const struct line_config *c, char *why, size_t why_size);
void serial_bus_free(struct serial_bus *b);
/* On the loop's thread: waits of the bus's thread end. */
void serial_bus_stop(struct serial_bus *b);

/* Opens what is due to be opened. */
void serial_bus_tend(struct serial_bus *b);
/* Nothing was asked for a while: is the port still there? */
void serial_bus_look_after(struct serial_bus *b);
/* Asks, and fills answer, asked and answered in. False: the request did not leave, or got no verdict. */
bool serial_bus_run(struct serial_bus *b, struct transaction *t);
/* Closes the connection until the next request. */
void serial_bus_sleep(struct serial_bus *b);
void serial_bus_close(struct serial_bus *b);

#endif
