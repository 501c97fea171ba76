/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A serial line under test: a pseudo terminal (or a socket), a slave whose answers a test scripts, and a line
 * on a loop. Register a holds the number a, so an answer that belongs to another question is seen.
 */
#ifndef SERIAL_BENCH_H
#define SERIAL_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "symbiont/buf.h"
#include "symbiont/line.h"

#define SLAVE_TIMES 64

struct slave {
    int fd, stop_fd;
    pthread_t thread;
    void (*answer)(struct slave *s, const uint8_t *request);
    int step; /* counts requests, for scripts */
    atomic_int requests, forbidden;
    int64_t asked_ns[SLAVE_TIMES],
        sent_ns[SLAVE_TIMES];          /* by request: when it came, when its answer was out */
    _Atomic int64_t char_ns, delay_ns; /* for slaves that keep to the wire's speed */
};

struct bench {
    struct loop *loop;
    struct line_config config;
    struct line *line;
    struct slave slave;
    int tty; /* our own hold on the port's end: without it the slave sees a hang-up */
    char port[64], directory[64], link[96];
};

struct question {
    struct transaction t;
    unsigned times_done;
    struct modbus_answer answer;
};

/* ---- The slave ---- */

/* False: the test wants to end. */
static bool slave_wait(struct slave *s, int64_t ns)
{
    struct pollfd p = {.fd = s->stop_fd, .events = POLLIN};
    struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};
    return ppoll(&p, 1, &t, NULL) == 0;
}

static void slave_send(struct slave *s, const uint8_t *data, size_t n)
{
    if (n > 0 && write(s->fd, data, n) != (ssize_t)n)
        atomic_fetch_add(&s->forbidden, 1000);
    s->sent_ns[(s->step - 1) % SLAVE_TIMES] = mono_now().ns;
}

static size_t with_crc(uint8_t *frame, size_t n)
{
    uint16_t crc = modbus_crc(frame, n);
    frame[n] = (uint8_t)crc;
    frame[n + 1] = (uint8_t)(crc >> 8);
    return n + 2;
}

static uint16_t request_word(const uint8_t *request, size_t at)
{
    return (uint16_t)(request[at] << 8 | request[at + 1]);
}

static size_t right_frame(uint8_t *out, const uint8_t *request)
{
    struct modbus_ask ask = {request[0], request[1], request_word(request, 2), request_word(request, 4)};
    size_t n = modbus_data_bytes(&ask);
    out[0] = request[0];
    out[1] = request[1];
    out[2] = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        uint16_t reg = (uint16_t)(ask.address + i / 2);
        out[3 + i] = ask.function <= 2 ? (uint8_t)(ask.address + i) : (uint8_t)(i % 2 ? reg : reg >> 8);
    }
    return with_crc(out, 3 + n);
}

static void send_right(struct slave *s, const uint8_t *request)
{
    uint8_t frame[RTU_FRAME_MAX];
    slave_send(s, frame, right_frame(frame, request));
}

static void *slave_main(void *arg)
{
    struct slave *s = arg;
    uint8_t in[4096];
    size_t got = 0;
    prctl(PR_SET_TIMERSLACK, 1000UL);
    for (;;) {
        struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->stop_fd, .events = POLLIN}};
        if ((poll(p, 2, -1) < 0 && errno != EINTR) || p[1].revents)
            return NULL;
        ssize_t n = read(s->fd, in + got, sizeof in - got);
        if (n <= 0 && errno != EAGAIN)
            return NULL;
        got += n > 0 ? (size_t)n : 0;
        while (got >= RTU_REQUEST) {
            uint8_t request[RTU_REQUEST];
            memcpy(request, in, sizeof request);
            got -= sizeof request;
            memmove(in, in + sizeof request, got);
            // The slave that fails the run when it sees anything but a whole read request.
            uint16_t crc = modbus_crc(request, 6);
            if (request[1] < 1 || request[1] > 4 || request[6] != (crc & 0xFF) || request[7] != crc >> 8)
                atomic_fetch_add(&s->forbidden, 1);
            s->asked_ns[s->step % SLAVE_TIMES] = mono_now().ns;
            s->step++;
            atomic_fetch_add(&s->requests, 1);
            s->answer(s, request);
        }
    }
}

static inline void slave_start(struct slave *s, int fd,
                               void (*answer)(struct slave *s, const uint8_t *request))
{
    *s = (struct slave){.fd = fd, .answer = answer, .stop_fd = eventfd(0, 0)};
    assert_int_equal(pthread_create(&s->thread, NULL, slave_main, s), 0);
}

static inline void slave_stop(struct slave *s)
{
    uint64_t one = 1;
    assert_int_equal(write(s->stop_fd, &one, sizeof one), sizeof one);
    pthread_join(s->thread, NULL);
    close(s->stop_fd);
    if (s->fd >= 0)
        close(s->fd);
    assert_int_equal(s->forbidden, 0);
}

/* ---- The line ---- */

static inline void pty_open(int *master, int *tty, char *name)
{
    struct termios raw = {.c_cflag = CS8 | CREAD};
    cfsetspeed(&raw, B9600);
    assert_int_equal(openpty(master, tty, name, &raw, NULL), 0);
}

static void bench_init(struct bench *b)
{
    *b = (struct bench){.loop = loop_new(), .tty = -1};
    assert_non_null(b->loop);
    static char name[] = "hall_3", mode[] = "115200 8N1";
    b->config =
        (struct line_config){.name = name, .mode = mode, .timeout_ns = 200 * NS_PER_MS, .in_flight = 1};
}

static void bench_open_line(struct bench *b)
{
    char why[256];
    b->line = serial_line_open(&b->config, b->loop, why, sizeof why);
    if (!b->line)
        fail_msg("serial_line_open: %s", why);
}

/* A line on a pseudo terminal whose slave answers with `answer`. Settings are changed before bench_open_line.
 */
static inline void bench_prepare(struct bench *b, void (*answer)(struct slave *s, const uint8_t *request))
{
    int master;
    bench_init(b);
    pty_open(&master, &b->tty, b->port);
    b->config.serial = b->port;
    slave_start(&b->slave, master, answer);
}

static inline void bench_start(struct bench *b, void (*answer)(struct slave *s, const uint8_t *request))
{
    bench_prepare(b, answer);
    bench_open_line(b);
}

static inline void bench_end(struct bench *b)
{
    if (b->line)
        b->line->ops->close(b->line);
    slave_stop(&b->slave);
    if (b->tty >= 0)
        close(b->tty);
    loop_free(b->loop);
}

/* ---- Questions ---- */

static void question_done(struct transaction *t, const struct modbus_answer *answer)
{
    struct question *q = (struct question *)t;
    q->times_done++;
    q->answer = *answer;
}

static struct question question(uint8_t unit, uint8_t function, uint16_t address, uint16_t count)
{
    return (struct question){.t = {.ask = {unit, function, address, count}, .done = question_done}};
}

static void turn_until_done(struct bench *b, const struct question *q)
{
    int64_t end = mono_now().ns + 30 * NS_PER_S;
    while (q->times_done == 0) {
        assert_true(mono_now().ns < end);
        assert_int_equal(loop_turn(b->loop, 100 * NS_PER_MS), 0);
    }
    assert_int_equal(q->times_done, 1);
}

static void ask(struct bench *b, struct question *q)
{
    line_submit(b->line, &q->t);
    turn_until_done(b, q);
}

/* Is the answer there, and the answer to this very question? */
static void assert_right(const struct question *q)
{
    if (q->answer.verdict != VERDICT_ANSWER)
        fail_msg("verdict %d, check %d (%s), exception %d", (int)q->answer.verdict, (int)q->answer.check,
                 check_text(q->answer.check), q->answer.exception);
    uint8_t request[RTU_REQUEST], frame[RTU_FRAME_MAX];
    rtu_request(request, &q->t.ask);
    size_t n = right_frame(frame, request);
    assert_int_equal(q->answer.n, n - 5);
    assert_memory_equal(q->answer.data, frame + 3, n - 5);
    assert_true(mono_before(q->t.asked, q->t.answered));
}

static inline void ask_right(struct bench *b, uint8_t unit, uint8_t function, uint16_t address,
                             uint16_t count)
{
    struct question q = question(unit, function, address, count);
    ask(b, &q);
    assert_right(&q);
}

/* The line's status as text; the caller owns nothing, the text lives until the next call. */
static const char *status_of(const struct bench *b)
{
    static char text[1024];
    struct buf out = {0};
    struct json j = json_begin(&out);
    json_open(&j, NULL, '{');
    b->line->ops->status(b->line, &j);
    json_close(&j, '}');
    snprintf(text, sizeof text, "%s", buf_text(&out));
    buf_free(&out);
    return text;
}

static void turn_until_status(struct bench *b, const char *part)
{
    int64_t end = mono_now().ns + 30 * NS_PER_S;
    while (!strstr(status_of(b), part)) {
        if (mono_now().ns > end)
            fail_msg("no \"%s\" in %s", part, status_of(b));
        assert_int_equal(loop_turn(b->loop, 10 * NS_PER_MS), 0);
    }
}

#endif
