// SPDX-License-Identifier: Apache-2.0
// Keeping a port or a connection to a serial server open, and saying once what is wrong with it.
#include "meters/serial_bus.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>
#include "symbiont/text.h"

// An unplugged adapter comes back within a second or two of being plugged in: look often.
#define RETRY_FIRST_NS (NS_PER_S / 2)
#define RETRY_CAP_NS   (10 * NS_PER_S)

// Silent requests in a row after which a connection is taken for half-open and made anew.
#define SILENT_MAX 3

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void beat(struct serial_bus *b, int64_t ahead_ns)
{
    b->beat_ns = mono_now().ns + ahead_ns;
}

static void enter(struct serial_bus *b, enum serial_state state, const char *trouble)
{
    pthread_mutex_lock(&b->report.lock);
    b->report.state = state;
    if (trouble)
        snprintf(b->report.trouble, sizeof b->report.trouble, "%s", trouble);
    pthread_mutex_unlock(&b->report.lock);
}

static void count(struct serial_bus *b, uint64_t *counter)
{
    pthread_mutex_lock(&b->report.lock);
    ++*counter;
    pthread_mutex_unlock(&b->report.lock);
}

// ---- Opening ----

static void stop_seen(struct watch *w, uint32_t events)
{
    (void)events; // that the loop turned is enough
    struct serial_bus *b = (struct serial_bus *)((char *)w - offsetof(struct serial_bus, stop_watch));
    loop_unwatch(b->loop, w);
}

static void connect_done(struct tcp_connect *c, int fd, const char *why)
{
    struct serial_bus *b = (struct serial_bus *)((char *)c - offsetof(struct serial_bus, connect));
    b->connected = true;
    b->fd = fd;
    if (fd < 0)
        snprintf(b->connect_why, sizeof b->connect_why, "cannot connect: %s", why);
}

// The connector hands out high descriptors; libmodbus waits with select() and aborts the process on them.
static void make_low(struct serial_bus *b)
{
    int low = fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
    close(b->fd);
    b->fd = low;
    if (low >= 0 && low < FD_SETSIZE)
        return;
    snprintf(b->connect_why, sizeof b->connect_why, "no descriptor below %d is free for it", FD_SETSIZE);
    if (low >= 0)
        close(low);
    b->fd = -1;
}

static void connect_server(struct serial_bus *b, char *why, size_t why_size)
{
    b->connected = false;
    loop_turn(b->loop, 0); // its clock stood still since the last time
    tcp_connect_start(&b->connect);
    while (!b->connected && !b->stopping) {
        beat(b, 0);
        if (loop_turn(b->loop, NS_PER_S) < 0)
            break;
    }
    tcp_connect_cancel(&b->connect);
    if (b->fd >= 0)
        make_low(b);
    if (b->fd < 0)
        snprintf(why, why_size, "%s", b->connect_why);
}

static void close_fd(struct serial_bus *b)
{
    rtu_link_close(&b->link);
    if (b->fd >= 0 && b->is_tcp)
        close(b->fd);
    else if (b->fd >= 0)
        serial_port_close(b->fd);
    b->fd = -1;
}

static void failed(struct serial_bus *b, uint64_t *counter, const char *why)
{
    struct mono now = mono_now();
    close_fd(b);
    b->asleep = false;
    b->retry_at = mono_add(now, backoff_next(&b->retry, random_bits()));
    count(b, counter);
    enter(b, SERIAL_FAILING, why);
    complain(&b->trouble, now, LOG_LEVEL_WARNING, b->name, "%s: %s", b->address, why);
}

static void works(struct serial_bus *b)
{
    b->proven = true;
    backoff_reset(&b->retry);
    enter(b, SERIAL_OPEN, "");
    complaint_over(&b->trouble, b->name, "%s works", b->address);
}

static void open_it(struct serial_bus *b)
{
    char why[256] = "", who[80];
    enter(b, SERIAL_OPENING, NULL);
    if (b->is_tcp) {
        connect_server(b, why, sizeof why);
    } else { // what comes back by this name may be another adapter
        b->echo = b->echo_set ? RTU_ECHO_PRESENT : RTU_ECHO_UNKNOWN;
        b->fd = serial_port_open(b->address, &b->mode, b->rs485, why, sizeof why);
    }
    if (b->stopping)
        return;
    if (b->fd >= 0 && rtu_link_open(&b->link, b->fd, !b->is_tcp, b->stop_fd, serial_char_ns(&b->mode),
                                    serial_gap_ns(&b->mode), b->echo) < 0) {
        snprintf(why, sizeof why, "%s", strerror(errno));
        close_fd(b);
    }
    if (b->fd < 0) {
        failed(b, &b->report.connect_failures, why);
        return;
    }
    b->opened = mono_now();
    b->first_request = true;
    b->proven = b->asleep = false;
    b->silent = 0;
    count(b, &b->report.connects);
    enter(b, SERIAL_OPEN, NULL);
    if (b->is_tcp)
        return; // a connection proves nothing yet: its other end may close it at once
    works(b);
    if (serial_port_shared(b->fd, who, sizeof who))
        log_warning(b->name, "%s is also open in %s: two masters garble each other's frames", b->address,
                    who);
}

void serial_bus_tend(struct serial_bus *b)
{
    beat(b, 0);
    if (b->fd < 0 && !b->asleep && !mono_before(mono_now(), b->retry_at))
        open_it(b);
}

void serial_bus_sleep(struct serial_bus *b)
{
    close_fd(b);
    b->asleep = true;
    enter(b, SERIAL_CLOSED, NULL);
}

void serial_bus_look_after(struct serial_bus *b)
{
    char byte;
    struct pollfd p = {.fd = b->fd, .events = b->is_tcp ? POLLIN : 0};
    if (b->fd < 0 || poll(&p, 1, 0) <= 0)
        return;
    if (!b->is_tcp)
        failed(b, &b->report.drops, "the port is gone (unplugged?)");
    else if (recv(b->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        serial_bus_sleep(b); // serial servers close idle connections
}

// ---- Asking ----

static void note_echo(struct serial_bus *b)
{
    enum rtu_echo now = b->link.echo;
    if (now == RTU_ECHO_PRESENT && b->echo == RTU_ECHO_UNKNOWN)
        log_warning(b->name,
                    "%s returns what is sent: set echo = true, or have the adapter mute its receiver",
                    b->address);
    if (now == RTU_ECHO_NONE && b->echo == RTU_ECHO_PRESENT)
        log_warning(b->name, "echo = true is set, but %s does not return what is sent", b->address);
    b->echo = now;
}

static void note_link(struct serial_bus *b, int64_t timeout_ns)
{
    struct rtu_link *l = &b->link;
    if (l->strays || l->noisy) {
        pthread_mutex_lock(&b->report.lock);
        b->report.strays += l->strays;
        b->report.noisy += l->noisy;
        pthread_mutex_unlock(&b->report.lock);
    }
    if (l->late.unit)
        complain(
            &b->late, mono_now(), LOG_LEVEL_WARNING, b->name,
            "unit %u answered after %lld ms, too late to be believed: it needs a longer timeout than %lld ms",
            l->late.unit, (long long)(l->late.took_ns / NS_PER_MS), (long long)(timeout_ns / NS_PER_MS));
    l->strays = l->noisy = 0;
    l->late.unit = 0;
}

// What may come before a verdict: the drain of the last question, the wait for this one, a second
// listening, and characters on the wire.
static int64_t longest_ns(const struct serial_bus *b, const struct rtu_exchange *x)
{
    const struct rtu_link *l = &b->link;
    int64_t drain = l->drain.due ? 2 * l->drain.silence_ns : 0;
    return drain + 2 * x->timeout_ns + x->pause_ns + 8 * RTU_FRAME_MAX * l->char_ns;
}

static enum rtu_outcome ask(struct serial_bus *b, struct transaction *t)
{
    struct rtu_exchange x = {.ask = t->ask,
                             .timeout_ns = t->timeout_ns ? t->timeout_ns : b->timeout_ns,
                             .pause_ns = larger(t->pause_ns, b->pause_ns),
                             .drain_ns = t->drain_ns,
                             .data = t->data};
    if (b->first_request)
        b->link.free_at = mono_add(b->opened, larger(t->connect_pause_ns, b->connect_pause_ns));
    b->first_request = false;
    beat(b, longest_ns(b, &x));
    int64_t drained = b->link.drain.due ? b->link.drain.silence_ns : x.timeout_ns;
    enum rtu_outcome o = rtu_ask(&b->link, &x);
    int saved = errno;
    t->answer = x.answer;
    t->asked = x.asked;
    t->answered = x.answered;
    note_echo(b);
    note_link(b, drained);
    errno = saved;
    return o;
}

static const char *broken_text(const struct serial_bus *b, int error)
{
    if (b->is_tcp)
        return error == ECONNRESET ? "the serial server closed the connection" : strerror(error);
    if (error == EIO || error == ENXIO || error == ENODEV || error == ECONNRESET)
        return "the port is gone (unplugged?)";
    return error == ENOBUFS ? "the port takes no more bytes" : strerror(error);
}

static bool no_verdict(struct transaction *t, enum verdict verdict)
{
    t->answer = (struct modbus_answer){.verdict = verdict};
    t->asked = t->answered = mono_now();
    return false;
}

static void heard(struct serial_bus *b, const struct transaction *t)
{
    if (t->answer.verdict != VERDICT_TIMEOUT)
        b->silent = 0;
    else if (++b->silent >= SILENT_MAX && b->is_tcp)
        serial_bus_sleep(b);
    if (!b->proven && (t->answer.verdict == VERDICT_ANSWER || t->answer.verdict == VERDICT_EXCEPTION))
        works(b);
}

bool serial_bus_run(struct serial_bus *b, struct transaction *t)
{
    if (b->fd < 0 && b->asleep)
        open_it(b);
    if (b->fd < 0)
        return no_verdict(t, b->stopping ? VERDICT_CANCELLED : VERDICT_NO_CONNECTION);
    enum rtu_outcome o = ask(b, t);
    if (o == RTU_BROKEN && b->is_tcp && b->proven) {
        // The server may have closed the idle connection just now: once more on a fresh one.
        close_fd(b);
        count(b, &b->report.drops);
        open_it(b);
        if (b->fd < 0)
            return no_verdict(t, b->stopping ? VERDICT_CANCELLED : VERDICT_NO_CONNECTION);
        o = ask(b, t);
    }
    if (o == RTU_STOPPED)
        return no_verdict(t, VERDICT_CANCELLED);
    if (o == RTU_BROKEN) {
        failed(b, &b->report.drops, broken_text(b, errno));
        return no_verdict(t, VERDICT_NO_CONNECTION);
    }
    heard(b, t);
    return true;
}

void serial_bus_close(struct serial_bus *b)
{
    close_fd(b);
    enter(b, SERIAL_CLOSED, NULL);
}

// ---- Setting up ----

bool serial_bus_init(struct serial_bus *b, const struct line_config *c, char *why, size_t why_size)
{
    const char *mode = c->mode ? c->mode : "9600 8N1"; // of a serial server, where only timing depends on it
    *b = (struct serial_bus){.is_tcp = c->rtu_over_tcp != NULL,
                             .timeout_ns = c->timeout_ns,
                             .pause_ns = c->pause_ns,
                             .connect_pause_ns = c->connect_pause_ns,
                             .rs485 = c->rs485,
                             .echo_set = c->echo,
                             .close_after_cycle = c->close_after_cycle,
                             .fd = -1};
    b->name = text_dup(c->name);
    b->address = text_dup(b->is_tcp ? c->rtu_over_tcp : c->serial);
    b->retry = (struct backoff){RETRY_FIRST_NS, RETRY_CAP_NS, 0};
    b->echo = c->echo ? RTU_ECHO_PRESENT : RTU_ECHO_UNKNOWN;
    b->connect.done = connect_done;
    pthread_mutex_init(&b->report.lock, NULL);
    beat(b, 0);
    b->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!b->name || !b->address) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    if (!serial_mode_parse(mode, &b->mode.baud, &b->mode.parity, &b->mode.stop_bits)) {
        snprintf(why, why_size, "mode \"%s\" is not known", mode);
        return false;
    }
    if (b->stop_fd >= 0 && !b->is_tcp)
        return true;
    b->loop = b->stop_fd >= 0 ? loop_new() : NULL;
    b->stop_watch = (struct watch){.fd = b->stop_fd, .ready = stop_seen};
    if (!b->loop || loop_watch(b->loop, &b->stop_watch, EPOLLIN) < 0) {
        snprintf(why, why_size, "%s", strerror(errno));
        return false;
    }
    return tcp_connect_init(&b->connect, b->loop, NULL, b->address, why, why_size);
}

void serial_bus_stop(struct serial_bus *b)
{
    uint64_t one = 1;
    b->stopping = true;
    ssize_t n = write(b->stop_fd, &one, sizeof one);
    (void)n; // a fresh eventfd takes it
}

void serial_bus_free(struct serial_bus *b)
{
    close_fd(b);
    if (b->loop) {
        loop_unwatch(b->loop, &b->stop_watch);
        loop_free(b->loop);
    }
    if (b->stop_fd >= 0)
        close(b->stop_fd);
    pthread_mutex_destroy(&b->report.lock);
    free(b->name);
    free(b->address);
}
