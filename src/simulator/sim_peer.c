// SPDX-License-Identifier: Apache-2.0
// A client's bytes: requests out of what is received, answers at their time into what is sent.
#include "sim.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// A client that lets so much of its answers lie is cut off, and counted.
#define OUT_MAX 65536
// RTU over TCP: how long a frame may pause between its segments.
#define TCP_SILENCE_NS (50 * NS_PER_MS)
#define TTY_SILENCE_NS (5 * NS_PER_MS)
// How soon it is seen that somebody has opened a pty. While nobody has, epoll would report a hang-up without
// end.
#define LISTEN_NS (20 * NS_PER_MS)

void sim_peer_free(struct sim_peer *p)
{
    buf_free(&p->out);
    free(p);
}

void sim_peer_close(struct sim_peer *p, bool reset)
{
    struct simulator *s = sim_of_peer(p);
    if (p->doomed)
        return;
    while (p->pending)
        sim_pending_release(p->pending);
    loop_timer_stop(s->loop, &p->silence);
    loop_timer_stop(s->loop, &p->listen);
    loop_unwatch(s->loop, &p->watch);
    if (reset)
        setsockopt(p->watch.fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(p->watch.fd);
    if (p->before)
        p->before->after = p->after;
    else
        p->port->peers = p->after;
    if (p->after)
        p->after->before = p->before;
    p->port->clients--;
    // Its own handler may be running: it frees it then.
    p->doomed = true;
    if (s->current != p)
        sim_peer_free(p);
}

// What the descriptor takes now; the rest is kept.
void sim_peer_send(struct sim_peer *p, const uint8_t *bytes, size_t n)
{
    struct simulator *s = sim_of_peer(p);
    if (p->out.len == 0) {
        ssize_t done =
            p->tty ? write(p->watch.fd, bytes, n) : send(p->watch.fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && errno != EAGAIN && errno != EINTR) {
            if (!p->tty)
                sim_peer_close(p, false);
            return;
        }
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        }
    }
    if (n == 0)
        return;
    if (p->out.len + n > OUT_MAX) {
        s->slow_clients++;
        if (!p->tty)
            sim_peer_close(p, true);
        return;
    }
    buf_put(&p->out, bytes, n);
    loop_watch(s->loop, &p->watch, EPOLLIN | EPOLLOUT);
}

static void flush_gathered(struct sim_peer *p)
{
    struct simulator *s = sim_of_peer(p);
    size_t n = s->out_len;
    s->out_len = 0;
    if (n && !p->doomed)
        sim_peer_send(p, s->out, n);
}

void sim_peer_answer(struct sim_peer *p, const uint8_t *bytes, size_t n)
{
    struct simulator *s = sim_of_peer(p);
    if (s->current != p) {
        sim_peer_send(p, bytes, n);
        return;
    }
    if (s->out_len + n > sizeof s->out)
        flush_gathered(p);
    memcpy(s->out + s->out_len, bytes, n);
    s->out_len += n;
}

// ---- Requests ----

static void unknown_unit(struct sim_peer *p, const struct sim_request *q, size_t request_bytes,
                         struct mono now)
{
    struct sim_line *l = p->port->line;
    l->unknown_units++;
    if (p->rtu || l->settings.silent_gateway)
        return;
    uint8_t frame[SIM_FRAME_MAX];
    struct sim_reply r = {.delay_ns = l->settings.gateway_delay_ns};
    size_t pdu = sim_exception_pdu(frame + SIM_HEAD, q->function, SIM_GATEWAY_TARGET);
    if (l->settings.closing_gateway)
        r.close = true;
    else
        sim_fault_frame(NULL, frame, pdu, q, false, 0, &r);
    sim_deliver(p, &r, request_bytes, now);
}

static struct sim_fault *strike(struct sim_meter *m, struct mono now)
{
    struct simulator *s = m->sim;
    for (size_t i = 0; i < m->fault_count; i++)
        if (sim_fault_strikes(&m->faults[i], mono_since(now, s->started), sim_random(s)))
            return &m->faults[i];
    return NULL;
}

static void serve(struct sim_peer *p, const struct sim_request *q, size_t request_bytes, struct mono now)
{
    struct simulator *s = sim_of_peer(p);
    struct sim_line *l = p->port->line;
    struct sim_meter *m = p->port->units[q->unit];
    bool known = q->function >= 1 && q->function <= 4;
    l->requests[q->function]++;
    if (!known)
        s->forbidden++;
    if (!m) {
        unknown_unit(p, q, request_bytes, now);
        return;
    }
    m->requests[known ? q->function : 0]++;
    uint8_t frame[SIM_FRAME_MAX];
    uint8_t *pdu = frame + SIM_HEAD;
    size_t n;
    if (!known)
        n = sim_exception_pdu(pdu, q->function, SIM_ILLEGAL_FUNCTION);
    else if (!q->read)
        n = sim_exception_pdu(pdu, q->function, SIM_ILLEGAL_VALUE);
    else
        n = sim_meter_read(m, q, now, pdu);

    struct sim_fault *f = m->fault_count ? strike(m, now) : NULL;
    if (m->reads && s->witness && !(pdu[0] & 0x80))
        sim_meter_witness(m, q, f ? f->kind : SIM_FAULT_NONE);
    struct sim_reply r;
    r.delay_ns = m->delay_ns;
    r.chunk = 0;
    r.step_ns = 0;
    r.close = r.overtakes = false;
    if (m->jitter_ns) {
        r.delay_ns += (int64_t)(sim_random(s) % (uint64_t)(m->jitter_ns + 1));
        r.overtakes = !l->settings.wire_speed;
    }
    sim_fault_frame(f, frame, n, q, p->rtu, f ? sim_random(s) : 0, &r);
    if (p->tty)
        r.close = false; // a serial line has no connection to lose: a torn answer just ends
    if (f)
        m->faulted++;
    if (pdu[0] & 0x80)
        m->exceptions++;
    if (r.n) {
        m->answers++;
        s->answers++;
    }
    sim_deliver(p, &r, request_bytes, now);
}

// Serves whole frames in data[0..n); returns how many bytes are left over, or -1: the stream is lost.
static ssize_t serve_frames(struct sim_peer *p, const uint8_t *data, size_t n, bool silent)
{
    struct mono now = loop_now(sim_of_peer(p)->loop);
    struct sim_request q;
    size_t at = 0;
    while (at < n && !p->closing && !p->doomed) {
        int used =
            p->rtu ? sim_rtu_request(data + at, n - at, silent, &q) : sim_mbap_request(data + at, n - at, &q);
        if (used == 0)
            break;
        if (used < 0) {
            if (!p->rtu)
                return -1;
            if (!silent)
                break; // perhaps a longer frame: the silence will tell
            p->port->line->noise++;
            return 0;
        }
        serve(p, &q, (size_t)used, now);
        at += (size_t)used;
    }
    return (ssize_t)(n - at);
}

static void finish_turn(struct sim_peer *p)
{
    struct simulator *s = sim_of_peer(p);
    flush_gathered(p);
    s->current = NULL;
    if (p->doomed)
        sim_peer_free(p);
    else if (p->closing && p->out.len == 0)
        sim_peer_close(p, false);
    else if (p->closing)
        loop_watch(s->loop, &p->watch, EPOLLOUT);
}

static void line_fell_silent(struct timer *t, struct mono now)
{
    struct sim_peer *p = (struct sim_peer *)(void *)((char *)t - offsetof(struct sim_peer, silence));
    (void)now;
    sim_of_peer(p)->current = p;
    size_t n = p->in_len;
    p->in_len = 0;
    serve_frames(p, p->in, n, true);
    finish_turn(p);
}

static void keep_rest(struct sim_peer *p, const uint8_t *rest, size_t n)
{
    struct simulator *s = sim_of_peer(p);
    if (n > sizeof p->in) { // more than any frame: noise
        p->port->line->noise++;
        n = 0;
    }
    if (n)
        memmove(p->in, rest, n);
    p->in_len = n;
    if (!p->rtu)
        return;
    if (n == 0) {
        loop_timer_stop(s->loop, &p->silence);
        return;
    }
    int64_t least = p->tty ? TTY_SILENCE_NS : TCP_SILENCE_NS, gap = p->port->line->gap_ns;
    loop_timer(s->loop, &p->silence, mono_add(loop_now(s->loop), gap > least ? gap : least));
}

static void listen_again(struct timer *t, struct mono now)
{
    struct sim_peer *p = (struct sim_peer *)(void *)((char *)t - offsetof(struct sim_peer, listen));
    struct simulator *s = sim_of_peer(p);
    struct pollfd look = {.fd = p->watch.fd, .events = POLLIN};
    if (poll(&look, 1, 0) >= 0 && look.revents & POLLHUP)
        loop_timer(s->loop, t, mono_add(now, LISTEN_NS));
    else
        loop_watch(s->loop, &p->watch, EPOLLIN);
}

// The other side of the pty is closed: what it has not taken is lost, as on a wire.
static void hung_up(struct sim_peer *p)
{
    struct simulator *s = sim_of_peer(p);
    buf_reset(&p->out);
    loop_unwatch(s->loop, &p->watch);
    loop_timer(s->loop, &p->listen, mono_add(loop_now(s->loop), LISTEN_NS));
}

static void read_requests(struct sim_peer *p)
{
    struct simulator *s = sim_of_peer(p);
    memcpy(s->in, p->in, p->in_len);
    size_t room = sizeof s->in - p->in_len;
    ssize_t got =
        p->tty ? read(p->watch.fd, s->in + p->in_len, room) : recv(p->watch.fd, s->in + p->in_len, room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        if (p->tty)
            hung_up(p);
        else
            sim_peer_close(p, false);
        return;
    }
    size_t n = p->in_len + (size_t)got;
    ssize_t left = serve_frames(p, s->in, n, false);
    if (p->doomed)
        return;
    if (left < 0) {
        p->port->line->lost_streams++;
        sim_peer_close(p, false);
        return;
    }
    keep_rest(p, s->in + n - (size_t)left, (size_t)left);
}

static void peer_ready(struct watch *w, uint32_t events)
{
    struct sim_peer *p = (struct sim_peer *)(void *)w;
    struct simulator *s = sim_of_peer(p);
    s->current = p;
    if (s->settings.tick_ns && !timer_is_set(&s->pause))
        loop_timer(s->loop, &s->pause, loop_now(s->loop));
    if (events & EPOLLOUT && p->out.len) {
        struct buf waiting = p->out;
        p->out = (struct buf){0};
        loop_watch(s->loop, &p->watch, EPOLLIN);
        sim_peer_send(p, (const uint8_t *)waiting.data, waiting.len);
        buf_free(&waiting);
    }
    if (!p->doomed && !p->closing && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_requests(p);
    finish_turn(p);
}

struct sim_peer *sim_peer_open(struct sim_port *port, int fd, bool rtu, bool tty)
{
    struct simulator *s = port->line->sim;
    struct sim_peer *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->watch = (struct watch){.fd = fd, .ready = peer_ready};
    p->silence.fire = line_fell_silent;
    p->listen.fire = listen_again;
    p->port = port;
    p->rtu = rtu;
    p->tty = tty;
    if (loop_watch(s->loop, &p->watch, EPOLLIN) < 0) {
        free(p);
        return NULL;
    }
    p->after = port->peers;
    if (p->after)
        p->after->before = p;
    port->peers = p;
    port->clients++;
    return p;
}
