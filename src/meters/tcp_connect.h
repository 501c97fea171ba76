/* SPDX-License-Identifier: Apache-2.0 */
/* Making one TCP connection from a loop: name, gate, socket, deadline. Private to the lines. */
#ifndef SYMBIONT_TCP_CONNECT_H
#define SYMBIONT_TCP_CONNECT_H

#include "symbiont/line.h"
#include "symbiont/resolver.h"

struct gate_waiter {
    struct gate_waiter *next;
    bool queued, holding;
    void (*admitted)(struct gate_waiter *w);
};

struct tcp_connect {
    struct gate_waiter waiter; /* first: the gate hands it back */
    struct loop *loop;
    struct connect_gate *gate; /* NULL: no limit */
    char host[256];
    uint16_t port;
    struct lookup *lookup;
    struct watch watch;
    struct timer deadline;
    bool under_way;
    /* Called once per tcp_connect_start: a connected non-blocking descriptor, or -1 and why. */
    void (*done)(struct tcp_connect *c, int fd, const char *why);
};

/* Sets host and port from "host:port"; false with a sentence in `why`. */
bool tcp_connect_init(struct tcp_connect *c, struct loop *loop, struct connect_gate *gate,
                      const char *address, char *why, size_t why_size);
void tcp_connect_start(struct tcp_connect *c);
/* Ends a start without calling done. */
void tcp_connect_cancel(struct tcp_connect *c);

#endif
