// SPDX-License-Identifier: Apache-2.0
// When an answer leaves: at once, after the meter's delay, or at the speed of the wire.
#include "sim.h"

#include <stdlib.h>
#include <string.h>

// Delayed answers go out on a grid, so that a thousand meters with a delay share wake-ups.
#define GRID_NS NS_PER_MS
// At wire speed answers arrive in bunches, as out of a UART's FIFO.
#define FIFO_BYTES 8

void sim_pending_release(struct sim_pending *w)
{
    struct simulator *s = sim_of_peer(w->peer);
    loop_timer_stop(s->loop, &w->timer);
    if (w->before)
        w->before->after = w->after;
    else
        w->peer->pending = w->after;
    if (w->after)
        w->after->before = w->before;
    w->after = s->free_pending;
    s->free_pending = w;
}

static void pending_fire(struct timer *t, struct mono now)
{
    struct sim_pending *w = (struct sim_pending *)(void *)t;
    struct sim_peer *p = w->peer;
    struct simulator *s = sim_of_peer(p);
    struct sim_reply *r = &w->reply;
    size_t n = r->chunk && r->chunk < r->n - w->sent ? r->chunk : r->n - w->sent;
    const uint8_t *bytes = r->bytes + w->sent;
    w->sent += n;
    bool last = w->sent == r->n, close_it = r->close;
    int64_t step = r->step_ns;
    if (!last && r->n - w->sent < r->chunk)
        step = step / (int64_t)r->chunk * (int64_t)(r->n - w->sent); // a shorter bunch takes less time
    if (!last && loop_timer(s->loop, &w->timer, mono_add(t->due, step)) < 0)
        last = true;
    struct sim_peer *before = s->current;
    s->current = p; // keeps the peer in memory through a failing send
    if (n)
        sim_peer_send(p, bytes, n);
    s->current = before;
    if (p->doomed) {
        sim_peer_free(p);
        return;
    }
    if (last) {
        sim_pending_release(w);
        if (close_it)
            sim_peer_close(p, false);
    }
    (void)now;
}

static void wait_and_send(struct sim_peer *p, const struct sim_reply *r, struct mono due)
{
    struct simulator *s = sim_of_peer(p);
    struct sim_pending *w = s->free_pending;
    if (w)
        s->free_pending = w->after;
    else if (!(w = malloc(sizeof *w)))
        return; // the client sees a timeout
    w->timer = (struct timer){.fire = pending_fire};
    w->peer = p;
    w->sent = 0;
    memcpy(&w->reply, r, sizeof *r);
    w->before = NULL;
    w->after = p->pending;
    if (w->after)
        w->after->before = w;
    p->pending = w;
    if (loop_timer(s->loop, &w->timer, due) < 0)
        sim_pending_release(w);
}

// When the first byte of an answer may leave, on a line whose bytes take their time.
static struct mono wire_due(struct sim_line *l, struct mono now, size_t request_bytes, struct sim_reply *r)
{
    struct mono begin = now;
    if (mono_before(begin, l->busy_until)) {
        begin = l->busy_until;
        l->early++;
    }
    struct mono heard = mono_add(begin, (int64_t)request_bytes * l->char_ns + l->gap_ns);
    struct mono speaks = mono_add(heard, r->delay_ns);
    // While a unit is late the master has given up on it and the line is free for others.
    l->busy_until = heard;
    if (r->n == 0)
        return heard;
    if (!r->chunk) {
        r->chunk = FIFO_BYTES;
        r->step_ns = FIFO_BYTES * l->char_ns;
    }
    int64_t chars = (int64_t)r->n * l->char_ns;
    if (!r->overtakes)
        l->busy_until = mono_add(speaks, chars + l->gap_ns);
    size_t first = r->n < r->chunk ? r->n : r->chunk;
    return mono_add(speaks, (int64_t)first * l->char_ns);
}

void sim_deliver(struct sim_peer *p, struct sim_reply *r, size_t request_bytes, struct mono now)
{
    struct sim_line *l = p->port->line;
    if (l->settings.wire_speed) {
        struct mono due = wire_due(l, now, request_bytes, r);
        if (r->n || r->close)
            wait_and_send(p, r, due);
        return;
    }
    if (r->n == 0 && !r->close)
        return;
    if (r->delay_ns == 0 && !r->chunk) {
        if (r->n)
            sim_peer_answer(p, r->bytes, r->n);
        p->closing |= r->close;
        return;
    }
    struct mono due = mono_add(now, r->delay_ns);
    due.ns = (due.ns + GRID_NS - 1) / GRID_NS * GRID_NS;
    if (!r->overtakes) {
        if (!mono_before(p->last_due, due) && mono_since(p->last_due, due) < GRID_NS)
            due = mono_add(p->last_due, 1); // same wake-up, in the order asked
        p->last_due = due;
    }
    wait_and_send(p, r, due);
}
