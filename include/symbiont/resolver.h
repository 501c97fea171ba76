/* SPDX-License-Identifier: Apache-2.0 */
/* Looking a host name up without making the loop wait: getaddrinfo in a short-lived thread. */
#ifndef SYMBIONT_RESOLVER_H
#define SYMBIONT_RESOLVER_H

#include <stdint.h>
#include <sys/socket.h>
#include "symbiont/loop.h"

struct lookup;

struct lookup_result {
    struct sockaddr_storage address; /* the first of the name's addresses */
    socklen_t size;
    struct sockaddr_storage other; /* the first of the other family (IPv4, IPv6): "localhost" is both */
    socklen_t other_size;          /* 0: there is none */
    const char *error;             /* NULL when found; else a sentence's tail: "no such host" */
};

/* An address in digits is answered at once; returns true and fills `out`. */
bool lookup_literal(const char *host, uint16_t port, struct lookup_result *out);

/* Starts a look-up; `done` is called once on the loop's thread, unless lookup_abandon came first.
 * NULL with errno when no thread is to be had. */
struct lookup *lookup_start(struct loop *loop, const char *host, uint16_t port,
                            void (*done)(void *arg, const struct lookup_result *result), void *arg);

/* The answer is no longer wanted; the thread frees what it holds when the resolver lets go of it. */
void lookup_abandon(struct lookup *l);

#endif
