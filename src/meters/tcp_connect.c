// SPDX-License-Identifier: Apache-2.0
// One TCP connection, made without ever waiting: look the name up, pass the gate, connect, deadline.
#include "meters/tcp_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

// Linux sends the second SYN after 1 s: one lost SYN must not count as a dead host.
#define CONNECT_TIMEOUT_NS (3 * NS_PER_S)

// Libraries that use select() abort on descriptors from 1024 on; ours can do without the low ones.
#define LOW_DESCRIPTORS 1024

void connect_gate_init(struct connect_gate *g, int limit)
{
    *g = (struct connect_gate){.limit = limit};
    g->last = &g->first;
}

static void gate_enter(struct connect_gate *g, struct gate_waiter *w)
{
    if (!g || g->busy < g->limit) {
        w->holding = true;
        if (g)
            g->busy++;
        w->admitted(w);
        return;
    }
    w->queued = true;
    w->next = NULL;
    *g->last = w;
    g->last = &w->next;
}

static void gate_remove(struct connect_gate *g, struct gate_waiter *w)
{
    for (struct gate_waiter **at = &g->first; *at; at = &(*at)->next) {
        if (*at != w)
            continue;
        *at = w->next;
        if (g->last == &w->next)
            g->last = at;
        w->queued = false;
        return;
    }
}

static void gate_leave(struct connect_gate *g, struct gate_waiter *w)
{
    if (w->queued)
        gate_remove(g, w);
    if (!w->holding)
        return;
    w->holding = false;
    if (!g)
        return;
    g->busy--;
    struct gate_waiter *next = g->first;
    if (next) {
        gate_remove(g, next);
        gate_enter(g, next);
    }
}

static void close_socket(struct tcp_connect *c)
{
    loop_unwatch(c->loop, &c->watch);
    if (c->watch.fd >= 0)
        close(c->watch.fd);
    c->watch.fd = -1;
}

static void let_go(struct tcp_connect *c)
{
    c->under_way = false;
    loop_timer_stop(c->loop, &c->deadline);
    if (c->lookup)
        lookup_abandon(c->lookup);
    c->lookup = NULL;
    close_socket(c);
    gate_leave(c->gate, &c->waiter);
}

void tcp_connect_cancel(struct tcp_connect *c)
{
    if (c->under_way)
        let_go(c);
}

static void failed(struct tcp_connect *c, const char *why)
{
    let_go(c);
    c->done(c, -1, why);
}

static void late(struct timer *timer, struct mono now)
{
    (void)now;
    struct tcp_connect *c = (struct tcp_connect *)((char *)timer - offsetof(struct tcp_connect, deadline));
    failed(c, c->lookup ? "the name server does not answer" : "no answer to the connection request");
}

static void connected(struct tcp_connect *c)
{
    int fd = c->watch.fd;
    loop_unwatch(c->loop, &c->watch);
    c->watch.fd = -1;
    let_go(c);
    c->done(c, fd, NULL);
}

static void writable(struct watch *w, uint32_t events)
{
    (void)events;
    struct tcp_connect *c = (struct tcp_connect *)((char *)w - offsetof(struct tcp_connect, watch));
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    if (error)
        failed(c, strerror(error));
    else
        connected(c);
}

static int high_socket(int family)
{
    int low = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (low < 0)
        return -1;
    int high = fcntl(low, F_DUPFD_CLOEXEC, LOW_DESCRIPTORS);
    if (high < 0)
        return low; // the limit on descriptors is low: better a low one than none
    close(low);
    return high;
}

static void connect_to(struct tcp_connect *c, const struct lookup_result *to)
{
    int fd = high_socket(to->address.ss_family);
    if (fd < 0) {
        failed(c, strerror(errno));
        return;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    c->watch.fd = fd;
    if (connect(fd, (const struct sockaddr *)&to->address, to->size) == 0)
        connected(c);
    else if (errno != EINPROGRESS || loop_watch(c->loop, &c->watch, EPOLLOUT) < 0)
        failed(c, strerror(errno));
}

static void looked_up(void *arg, const struct lookup_result *result)
{
    struct tcp_connect *c = arg;
    c->lookup = NULL;
    if (result->error)
        failed(c, result->error);
    else
        connect_to(c, result);
}

static void admitted(struct gate_waiter *w)
{
    struct tcp_connect *c = (struct tcp_connect *)w;
    struct lookup_result literal;
    if (loop_timer(c->loop, &c->deadline, mono_add(loop_now(c->loop), CONNECT_TIMEOUT_NS)) < 0) {
        failed(c, "out of memory");
    } else if (lookup_literal(c->host, c->port, &literal)) {
        connect_to(c, &literal);
    } else {
        c->lookup = lookup_start(c->loop, c->host, c->port, looked_up, c);
        if (!c->lookup)
            failed(c, strerror(errno));
    }
}

bool tcp_connect_init(struct tcp_connect *c, struct loop *loop, struct connect_gate *gate,
                      const char *address, char *why, size_t why_size)
{
    c->loop = loop;
    c->gate = gate;
    c->waiter.admitted = admitted;
    c->watch = (struct watch){.fd = -1, .ready = writable};
    c->deadline.fire = late;
    return address_parse(address, 502, c->host, sizeof c->host, &c->port, why, why_size);
}

void tcp_connect_start(struct tcp_connect *c)
{
    c->under_way = true;
    gate_enter(c->gate, &c->waiter);
}
