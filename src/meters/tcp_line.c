// SPDX-License-Identifier: Apache-2.0
// A Modbus TCP line on the loop: one connection for all units behind an address, a queue, a window of
// requests in flight, answers matched by transaction id.
//
// Why not libmodbus here: 3.1.6 sends transaction id 0 for raw requests, checks neither unit nor
// function of an answer, and aborts the process on a descriptor of 1024 or more.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "meters/tcp_connect.h"
#include "symbiont/backoff.h"

// "Modbus Messaging on TCP/IP" allows a server to accept 1 to 16 transactions at once.
#define WINDOW_MAX 16

// Silent requests in a row, with nothing heard in between, after which the peer is taken for gone
// (half-open connection) and the connection made anew.
#define SILENT_MAX 3

#define RETRY_FIRST_NS (1 * NS_PER_S)
#define RETRY_CAP_NS   (60 * NS_PER_S)

enum state {
    CLOSED, // no connection; the next request makes one, not before retry_at
    CONNECTING,
    SETTLING, // connected; the device wants a pause before the first request
    READY,
};

struct tcp_line {
    struct line line; // first: the interface hands it back
    struct tcp_connect connect;
    struct watch watch;
    struct timer timer;
    enum state state;
    struct mono free_at;  // SETTLING, READY: no request before this (pauses the device needs)
    struct mono retry_at; // CLOSED: no connection before this
    struct backoff retry;
    struct transaction *queue, **queue_end;
    struct transaction *out[WINDOW_MAX];
    int outstanding;
    struct mono busy_since;
    uint16_t next_id;
    unsigned silent;       // requests without an answer in a row
    uint64_t answers_here; // on this connection
    bool closing;
    char why[128]; // what is wrong with the connection; "" when nothing
    size_t got;
    uint8_t in[2 * MBAP_FRAME_MAX]; // whole frames leave at once, so one always fits
};

static void pump(struct tcp_line *t);

// ---- The queue and the window ----

static void enqueue(struct tcp_line *t, struct transaction *x)
{
    x->next = NULL;
    *t->queue_end = x;
    t->queue_end = &x->next;
}

static void enqueue_first(struct tcp_line *t, struct transaction *x)
{
    x->next = t->queue;
    if (!t->queue)
        t->queue_end = &x->next;
    t->queue = x;
}

static struct transaction *dequeue(struct tcp_line *t)
{
    struct transaction *x = t->queue;
    t->queue = x->next;
    if (!t->queue)
        t->queue_end = &t->queue;
    return x;
}

static struct transaction *take_out(struct tcp_line *t, int slot)
{
    struct transaction *x = t->out[slot];
    t->out[slot] = NULL;
    if (--t->outstanding == 0)
        t->line.counters.busy_ns += mono_since(loop_now(t->line.loop), t->busy_since);
    return x;
}

static int slot_of(const struct tcp_line *t, uint16_t id)
{
    for (int i = 0; i < WINDOW_MAX; i++)
        if (t->out[i] && t->out[i]->id == id)
            return i;
    return -1;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int window(const struct tcp_line *t, const struct transaction *x)
{
    const struct line_config *c = t->line.config;
    int64_t n = c->in_flight;
    if (x->in_flight > n && !option_given(&line_section, c, offsetof(struct line_config, in_flight)))
        n = x->in_flight;
    return n > WINDOW_MAX ? WINDOW_MAX : (int)n;
}

static void finish(struct tcp_line *t, struct transaction *x, const struct modbus_answer *answer)
{
    x->answered = loop_now(t->line.loop);
    x->retried = false;
    x->done(x, answer);
}

// ---- Losing the connection ----

static void close_connection(struct tcp_line *t)
{
    loop_unwatch(t->line.loop, &t->watch);
    if (t->watch.fd >= 0)
        close(t->watch.fd);
    t->watch.fd = -1;
    t->got = 0;
    t->state = CLOSED;
}

static void fail_queue(struct tcp_line *t, enum verdict verdict)
{
    struct modbus_answer answer = {.verdict = verdict};
    struct transaction *x = t->queue;
    t->queue = NULL;
    t->queue_end = &t->queue;
    while (x) {
        struct transaction *next = x->next; // done may submit it again
        finish(t, x, &answer);
        x = next;
    }
}

static void back_off(struct tcp_line *t)
{
    t->retry_at = mono_add(loop_now(t->line.loop), backoff_next(&t->retry, random_bits()));
}

// Many devices close a connection that was idle, or after each answer: what was asked into the closing
// connection is asked once more on a fresh one. Reads may be repeated; a second loss is a failure.
static void drop(struct tcp_line *t, enum verdict verdict, enum check check, const char *why)
{
    bool fresh_try = verdict == VERDICT_NO_CONNECTION && t->answers_here > 0;
    struct modbus_answer answer = {.verdict = verdict, .check = check};
    struct transaction *lost[WINDOW_MAX];
    int n = 0;
    for (int i = WINDOW_MAX - 1; i >= 0; i--) {
        if (!t->out[i])
            continue;
        struct transaction *x = take_out(t, i);
        if (fresh_try && !x->retried) {
            x->retried = true;
            enqueue_first(t, x);
        } else {
            lost[n++] = x;
        }
    }
    t->line.counters.drops++;
    close_connection(t);
    if (!fresh_try) {
        snprintf(t->why, sizeof t->why, "%s", why);
        complain(&t->line.trouble, loop_now(t->line.loop), LOG_LEVEL_WARNING, t->line.config->name,
                 "connection to %s closed: %s", t->line.config->tcp, why);
        back_off(t);
    }
    for (int i = 0; i < n; i++)
        finish(t, lost[i], &answer);
    if (!fresh_try)
        fail_queue(t, VERDICT_NO_CONNECTION);
    pump(t);
}

// ---- Answers ----

static void note_answer(struct tcp_line *t, const struct transaction *x)
{
    struct line *l = &t->line;
    int64_t took = mono_since(loop_now(l->loop), x->asked);
    l->slowest_answer_ns = larger(took, l->slowest_answer_ns - l->slowest_answer_ns / 64);
    t->silent = 0;
    t->free_at = mono_add(loop_now(l->loop), larger(x->pause_ns, l->config->pause_ns));
}

static void note_good(struct tcp_line *t)
{
    struct line *l = &t->line;
    l->counters.answered++;
    if (t->answers_here++ == 0) {
        backoff_reset(&t->retry);
        t->why[0] = '\0';
        complaint_over(&l->trouble, l->config->name, "connected to %s again", l->config->tcp);
    }
}

// Returns false when the connection is no longer there.
static bool take_frame(struct tcp_line *t, const uint8_t *frame, size_t n)
{
    struct line *l = &t->line;
    int slot = slot_of(t, mbap_transaction(frame));
    if (slot < 0) {
        l->counters.checks[CHECK_STRAY]++;
        t->silent = 0;
        return true;
    }
    struct transaction *x = t->out[slot];
    struct modbus_answer answer = mbap_answer(frame, n, &x->ask);
    note_answer(t, x);
    if (answer.verdict == VERDICT_BAD_ANSWER) {
        l->counters.checks[answer.check]++;
        if (answer.check == CHECK_LENGTH || answer.check == CHECK_PROTOCOL) {
            drop(t, VERDICT_BAD_ANSWER, answer.check, check_text(answer.check));
            return false;
        }
    } else {
        l->counters.exceptions += answer.verdict == VERDICT_EXCEPTION;
        note_good(t);
    }
    take_out(t, slot);
    bool last = x->close_after_cycle && x->last_of_cycle;
    finish(t, x, &answer);
    if (last && t->outstanding == 0 && !t->queue && t->state == READY)
        close_connection(t);
    return t->state == READY;
}

static void take_frames(struct tcp_line *t)
{
    size_t at = 0;
    while (t->got > at) {
        int n = mbap_frame(t->in + at, t->got - at);
        if (n < 0) {
            t->line.counters.checks[-n]++;
            drop(t, VERDICT_BAD_ANSWER, (enum check)(-n), check_text((enum check)(-n)));
            return;
        }
        if (n == 0)
            break;
        if (!take_frame(t, t->in + at, (size_t)n))
            return;
        at += (size_t)n;
    }
    if (at > 0) {
        t->got -= at;
        memmove(t->in, t->in + at, t->got);
    }
}

static void ready(struct watch *w, uint32_t events)
{
    (void)events;
    struct tcp_line *t = (struct tcp_line *)((char *)w - offsetof(struct tcp_line, watch));
    ssize_t n = recv(w->fd, t->in + t->got, sizeof t->in - t->got, 0);
    if (n > 0) {
        t->got += (size_t)n;
        take_frames(t);
        pump(t);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        const char *why = n == 0 ? "the device closed it" : strerror(errno);
        if (t->outstanding == 0 && t->answers_here > 0) {
            close_connection(t); // idle: nothing is lost, the next request connects again
            t->line.counters.drops++;
        } else {
            drop(t, VERDICT_NO_CONNECTION, CHECK_OK, why);
        }
    }
}

// ---- Asking ----

static bool send_request(struct tcp_line *t, struct transaction *x)
{
    struct mono now = loop_now(t->line.loop);
    uint8_t frame[MBAP_REQUEST];
    x->id = t->next_id++;
    x->asked = now;
    x->deadline = mono_add(now, x->timeout_ns ? x->timeout_ns : t->line.config->timeout_ns);
    mbap_request(frame, x->id, &x->ask);
    int slot = 0;
    while (t->out[slot])
        slot++;
    t->out[slot] = x;
    if (t->outstanding++ == 0)
        t->busy_since = now;
    t->line.counters.asked++;
    // Twelve bytes into an empty socket buffer go whole or not at all.
    if (send(t->watch.fd, frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof frame)
        return true;
    drop(t, VERDICT_NO_CONNECTION, CHECK_OK, strerror(errno));
    return false;
}

static void connect_failed(struct tcp_line *t, const char *why)
{
    struct line *l = &t->line;
    l->counters.connect_failures++;
    t->state = CLOSED;
    snprintf(t->why, sizeof t->why, "%s", why);
    complain(&l->trouble, loop_now(l->loop), LOG_LEVEL_WARNING, l->config->name, "cannot connect to %s: %s",
             l->config->tcp, why);
    back_off(t);
    fail_queue(t, VERDICT_NO_CONNECTION);
    pump(t);
}

static void connect_done(struct tcp_connect *c, int fd, const char *why)
{
    struct tcp_line *t = (struct tcp_line *)((char *)c - offsetof(struct tcp_line, connect));
    struct line *l = &t->line;
    if (fd < 0) {
        connect_failed(t, why);
        return;
    }
    l->counters.connects++;
    t->watch.fd = fd;
    t->answers_here = 0;
    t->silent = 0;
    t->got = 0;
    if (loop_watch(l->loop, &t->watch, EPOLLIN) < 0) {
        drop(t, VERDICT_NO_CONNECTION, CHECK_OK, strerror(errno));
        return;
    }
    int64_t pause = larger(l->config->connect_pause_ns, t->queue ? t->queue->connect_pause_ns : 0);
    t->free_at = mono_add(loop_now(l->loop), pause);
    t->state = pause > 0 ? SETTLING : READY;
    pump(t);
}

// The one timer serves whatever is due first.
static void arm(struct tcp_line *t)
{
    struct loop *loop = t->line.loop;
    struct mono now = loop_now(loop), first = {INT64_MAX};
    if (t->state == CLOSED && t->queue)
        first = now; // in back-off: they fail, but not inside submit
    if ((t->state == SETTLING || t->state == READY) && t->queue && mono_before(now, t->free_at))
        first = t->free_at;
    if (t->outstanding)
        for (int i = 0; i < WINDOW_MAX; i++)
            if (t->out[i] && mono_before(t->out[i]->deadline, first))
                first = t->out[i]->deadline;
    if (first.ns == INT64_MAX)
        loop_timer_stop(loop, &t->timer);
    else if (!timer_is_set(&t->timer) || t->timer.due.ns != first.ns)
        loop_timer(loop, &t->timer, first);
}

static void skip_withdrawn(struct tcp_line *t)
{
    struct modbus_answer cancelled = {.verdict = VERDICT_CANCELLED};
    while (t->queue && atomic_load(&t->queue->withdrawn))
        finish(t, dequeue(t), &cancelled);
}

static void pump(struct tcp_line *t)
{
    struct mono now = loop_now(t->line.loop);
    if (t->closing)
        return;
    skip_withdrawn(t);
    if (t->state == CLOSED && t->queue && !mono_before(now, t->retry_at)) {
        t->state = CONNECTING;
        tcp_connect_start(&t->connect);
    }
    if (t->state == SETTLING && !mono_before(now, t->free_at))
        t->state = READY;
    while (t->state == READY && t->queue && t->outstanding < window(t, t->queue) &&
           !mono_before(now, t->free_at)) {
        if (!send_request(t, dequeue(t)))
            return;
        skip_withdrawn(t);
    }
    arm(t);
}

static void expire(struct tcp_line *t, struct mono now)
{
    struct modbus_answer answer = {.verdict = VERDICT_TIMEOUT};
    struct transaction *late[WINDOW_MAX];
    int n = 0;
    for (int i = 0; i < WINDOW_MAX; i++)
        if (t->out[i] && !mono_before(now, t->out[i]->deadline))
            late[n++] = take_out(t, i);
    t->line.counters.timeouts += (uint64_t)n;
    t->silent += (unsigned)n;
    for (int i = 0; i < n; i++)
        finish(t, late[i], &answer);
    if (t->silent >= SILENT_MAX && t->outstanding == 0 && t->state == READY) {
        t->silent = 0;
        t->line.counters.drops++;
        close_connection(t);
    }
}

static void due(struct timer *timer, struct mono now)
{
    struct tcp_line *t = (struct tcp_line *)((char *)timer - offsetof(struct tcp_line, timer));
    if (t->outstanding)
        expire(t, now);
    if (t->state == CLOSED && t->queue && mono_before(now, t->retry_at))
        fail_queue(t, VERDICT_NO_CONNECTION);
    pump(t);
}

// ---- The line's interface ----

static void tcp_submit(struct line *l, struct transaction *x)
{
    struct tcp_line *t = (struct tcp_line *)l;
    enqueue(t, x);
    pump(t);
}

static void tcp_close(struct line *l)
{
    struct tcp_line *t = (struct tcp_line *)l;
    t->closing = true;
    tcp_connect_cancel(&t->connect);
    loop_timer_stop(l->loop, &t->timer);
    close_connection(t);
    struct modbus_answer answer = {.verdict = VERDICT_CANCELLED};
    for (int i = 0; i < WINDOW_MAX; i++)
        if (t->out[i])
            finish(t, take_out(t, i), &answer);
    fail_queue(t, VERDICT_CANCELLED);
    free(t);
}

static void tcp_status(const struct line *l, struct json *j)
{
    static const char *const words[] = {
        [CLOSED] = "closed", [CONNECTING] = "connecting", [SETTLING] = "connected", [READY] = "connected"};
    const struct tcp_line *t = (const struct tcp_line *)l;
    json_text(j, "kind", "tcp");
    json_text(j, "address", l->config->tcp);
    json_text(j, "state", t->state == CLOSED && t->why[0] ? "failing" : words[t->state]);
    if (t->why[0])
        json_text(j, "trouble", t->why);
}

static const struct line_ops tcp_ops = {.submit = tcp_submit, .close = tcp_close, .status = tcp_status};

struct line *tcp_line_open(const struct line_config *c, struct loop *loop, struct connect_gate *gate,
                           char *why, size_t why_size)
{
    struct tcp_line *t = calloc(1, sizeof *t);
    if (!t) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    t->line = (struct line){.ops = &tcp_ops, .config = c, .loop = loop, .counters.since = loop_now(loop)};
    t->watch = (struct watch){.fd = -1, .ready = ready};
    t->timer.fire = due;
    t->queue_end = &t->queue;
    t->retry = (struct backoff){RETRY_FIRST_NS, RETRY_CAP_NS, 0};
    t->connect.done = connect_done;
    // Ids start anywhere: an answer to a request of our last run must not match.
    t->next_id = (uint16_t)random_bits();
    if (!tcp_connect_init(&t->connect, loop, gate, c->tcp, why, why_size)) {
        free(t);
        return NULL;
    }
    return &t->line;
}
