// SPDX-License-Identifier: Apache-2.0
// The TCP line against a scripted device on the same loop: every way an answer can be wrong, late, or
// missing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "symbiont/line.h"
#include "unit/test.h"

// ---- A scripted device ----

struct device_sim;
typedef void script(struct device_sim *d, int n, const uint8_t request[12]);

struct device_sim {
    struct watch listener, client;
    struct timer later;
    struct loop *loop;
    script *act;
    int requests, accepted;
    uint16_t port;
    uint8_t in[512], out[1024];
    size_t got, queued, drip_at;
    int64_t delay_ns, drip_ns;
    uint8_t kept[12];
};

static void device_close(struct device_sim *d)
{
    if (d->client.fd >= 0) {
        loop_unwatch(d->loop, &d->client);
        close(d->client.fd);
    }
    d->client.fd = -1;
}

static void device_send(struct device_sim *d, const uint8_t *data, size_t n)
{
    assert_int_equal(send(d->client.fd, data, n, MSG_NOSIGNAL), n);
}

// The right answer to a request for registers: each register holds its own address.
static size_t right_answer(const uint8_t request[12], uint8_t *out)
{
    unsigned address = (unsigned)(request[8] << 8 | request[9]),
             count = (unsigned)(request[10] << 8 | request[11]);
    memcpy(out, request, 8);
    out[4] = (uint8_t)((3 + 2 * count) >> 8);
    out[5] = (uint8_t)(3 + 2 * count);
    out[8] = (uint8_t)(2 * count);
    for (unsigned i = 0; i < count; i++) {
        out[9 + 2 * i] = (uint8_t)((address + i) >> 8);
        out[10 + 2 * i] = (uint8_t)(address + i);
    }
    return 9 + 2 * count;
}

static void answer_right(struct device_sim *d, int n, const uint8_t request[12])
{
    (void)n;
    uint8_t out[300];
    device_send(d, out, right_answer(request, out));
}

static void device_ready(struct watch *w, uint32_t events)
{
    (void)events;
    struct device_sim *d = (struct device_sim *)((char *)w - offsetof(struct device_sim, client));
    ssize_t n = recv(w->fd, d->in + d->got, sizeof d->in - d->got, MSG_DONTWAIT);
    if (n <= 0) {
        device_close(d);
        return;
    }
    d->got += (size_t)n;
    while (d->got >= 12 && d->client.fd >= 0) {
        uint8_t request[12];
        memcpy(request, d->in, 12);
        d->got -= 12;
        memmove(d->in, d->in + 12, d->got);
        assert_in_range(request[7], 1, 4); // read only, always
        d->act(d, d->requests++, request);
    }
}

static void device_accept(struct watch *w, uint32_t events)
{
    (void)events;
    struct device_sim *d = (struct device_sim *)w;
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int on = 1; // else a second answer waits for the delayed acknowledgement of the first
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    device_close(d);
    d->accepted++;
    d->got = 0;
    d->client = (struct watch){.fd = fd, .ready = device_ready};
    loop_watch(d->loop, &d->client, EPOLLIN);
}

static void device_open(struct device_sim *d, struct loop *loop, script *act)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    *d = (struct device_sim){.loop = loop, .act = act, .client.fd = -1};
    d->listener = (struct watch){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                                 .ready = device_accept};
    assert_int_equal(bind(d->listener.fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(d->listener.fd, 8), 0);
    getsockname(d->listener.fd, (struct sockaddr *)&a, &size);
    d->port = ntohs(a.sin_port);
    loop_watch(loop, &d->listener, EPOLLIN);
}

// ---- The line and what it answers ----

struct result {
    struct transaction t; // first
    int calls;
    enum verdict verdict;
    enum check check;
    uint8_t exception;
    uint16_t first;
    size_t n;
};

static void note(struct transaction *t, const struct modbus_answer *a)
{
    struct result *r = (struct result *)t;
    r->calls++;
    r->verdict = a->verdict;
    r->check = a->check;
    r->exception = a->exception;
    r->n = a->n;
    if (a->verdict == VERDICT_ANSWER)
        r->first = (uint16_t)(a->data[0] << 8 | a->data[1]);
}

struct bench {
    struct loop *loop;
    struct device_sim device;
    struct line_config config;
    struct line *line;
    char address[32], name[8];
};

static void bench_open(struct bench *b, script *act)
{
    char why[128];
    b->loop = loop_new();
    device_open(&b->device, b->loop, act);
    snprintf(b->address, sizeof b->address, "127.0.0.1:%u", b->device.port);
    snprintf(b->name, sizeof b->name, "line");
    b->config = (struct line_config){
        .name = b->name, .tcp = b->address, .timeout_ns = 60 * NS_PER_MS, .in_flight = 1, .common.given = 0};
    b->line = tcp_line_open(&b->config, b->loop, NULL, why, sizeof why);
    assert_non_null(b->line);
}

static void bench_close(struct bench *b)
{
    if (b->line)
        b->line->ops->close(b->line);
    device_close(&b->device);
    loop_timer_stop(b->loop, &b->device.later);
    loop_unwatch(b->loop, &b->device.listener);
    close(b->device.listener.fd);
    loop_free(b->loop);
}

static void ask(struct bench *b, struct result *r, uint16_t address, uint16_t count)
{
    *r = (struct result){.t = {.ask = {1, 3, address, count}, .done = note}};
    line_submit(b->line, &r->t);
}

// Turns the loop until all of n results have come, at most two seconds.
static void wait_for(struct bench *b, struct result *r, int n)
{
    struct mono end = mono_add(mono_now(), 2 * NS_PER_S);
    for (;;) {
        int done = 0;
        for (int i = 0; i < n; i++)
            done += r[i].calls > 0;
        if (done == n)
            return;
        assert_true(mono_before(mono_now(), end));
        loop_turn(b->loop, 10 * NS_PER_MS);
    }
}

static void turn_for(struct bench *b, int64_t ns)
{
    struct mono end = mono_add(mono_now(), ns);
    while (mono_before(mono_now(), end))
        loop_turn(b->loop, NS_PER_MS);
}

// ---- Tests ----

static void answers_reach_their_askers(void **state)
{
    (void)state;
    struct bench b;
    struct result r[20];
    bench_open(&b, answer_right);
    for (int i = 0; i < 20; i++)
        ask(&b, &r[i], (uint16_t)(100 * i), 2);
    wait_for(&b, r, 20);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(r[i].verdict, VERDICT_ANSWER);
        assert_int_equal(r[i].first, 100 * i);
        assert_int_equal(r[i].calls, 1);
    }
    assert_int_equal(b.device.accepted, 1);
    bench_close(&b);
}

static void hold_and_swap(struct device_sim *d, int n, const uint8_t request[12])
{
    uint8_t out[300];
    if (n % 2 == 0) {
        memcpy(d->kept, request, 12);
        return;
    }
    device_send(d, out, right_answer(request, out));
    device_send(d, out, right_answer(d->kept, out));
}

static void answers_out_of_order_are_matched_by_id(void **state)
{
    (void)state;
    struct bench b;
    struct result r[10];
    bench_open(&b, hold_and_swap);
    b.config.in_flight = 4;
    for (int i = 0; i < 10; i++)
        ask(&b, &r[i], (uint16_t)(10 * i), 1);
    wait_for(&b, r, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(r[i].first, 10 * i);
    bench_close(&b);
}

static void late_fire(struct timer *t, struct mono now)
{
    (void)now;
    struct device_sim *d = (struct device_sim *)((char *)t - offsetof(struct device_sim, later));
    uint8_t out[300];
    device_send(d, out, right_answer(d->kept, out));
}

static void first_is_late(struct device_sim *d, int n, const uint8_t request[12])
{
    if (n > 0) {
        answer_right(d, n, request);
        return;
    }
    memcpy(d->kept, request, 12);
    d->later.fire = late_fire;
    loop_timer(d->loop, &d->later, mono_add(loop_now(d->loop), 80 * NS_PER_MS));
}

// A late answer is never taken for the next one's: same unit, same function, same count.
static void late_answer_is_stray(void **state)
{
    (void)state;
    struct bench b;
    struct result r[3];
    bench_open(&b, first_is_late);
    ask(&b, &r[0], 100, 2);
    wait_for(&b, r, 1);
    assert_int_equal(r[0].verdict, VERDICT_TIMEOUT);
    turn_for(&b, 15 * NS_PER_MS);
    ask(&b, &r[1], 200, 2);
    ask(&b, &r[2], 300, 2);
    wait_for(&b, r, 3);
    turn_for(&b, 30 * NS_PER_MS);
    assert_int_equal(r[1].first, 200);
    assert_int_equal(r[2].first, 300);
    assert_int_equal(r[0].calls, 1);
    assert_int_equal(b.line->counters.checks[CHECK_STRAY], 1);
    bench_close(&b);
}

static void twice(struct device_sim *d, int n, const uint8_t request[12])
{
    answer_right(d, n, request);
    answer_right(d, n, request);
}

static void duplicate_is_stray(void **state)
{
    (void)state;
    struct bench b;
    struct result r[5];
    bench_open(&b, twice);
    for (int i = 0; i < 5; i++)
        ask(&b, &r[i], (uint16_t)(7 * i), 1);
    wait_for(&b, r, 5);
    turn_for(&b, 20 * NS_PER_MS);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(r[i].calls, 1);
        assert_int_equal(r[i].first, 7 * i);
    }
    assert_int_equal(b.line->counters.checks[CHECK_STRAY], 5);
    bench_close(&b);
}

// The rule of a right answer that the first answer breaks.
static enum check broken;

static void break_one_rule(struct device_sim *d, int n, const uint8_t request[12])
{
    uint8_t out[300];
    size_t size = right_answer(request, out);
    if (n == 0) {
        switch (broken) {
        case CHECK_PROTOCOL:
            out[2] = 1;
            break;
        case CHECK_LENGTH:
            out[5] = 1;
            break;
        case CHECK_UNIT:
            out[6]++;
            break;
        case CHECK_FUNCTION:
            out[7] = 4;
            break;
        case CHECK_EXCEPTION:
            out[7] |= 0x80;
            out[8] = 99;
            out[5] = 3;
            size = 9;
            break;
        case CHECK_BYTE_COUNT:
            out[8] = 2;
            out[5] = 5;
            size = 11;
            break;
        case CHECK_STRAY:
            out[0] ^= 0x55;
            break;
        default:
            fail();
        }
    }
    device_send(d, out, size);
}

static void each_broken_rule_is_refused_and_counted(void **state)
{
    (void)state;
    static const enum check rules[] = {CHECK_PROTOCOL,  CHECK_LENGTH,     CHECK_UNIT, CHECK_FUNCTION,
                                       CHECK_EXCEPTION, CHECK_BYTE_COUNT, CHECK_STRAY};
    for (size_t i = 0; i < TEST_COUNT(rules); i++) {
        struct bench b;
        struct result r[2];
        broken = rules[i];
        bench_open(&b, break_one_rule);
        ask(&b, &r[0], 10, 3);
        wait_for(&b, r, 1);
        assert_int_equal(r[0].verdict, rules[i] == CHECK_STRAY ? VERDICT_TIMEOUT : VERDICT_BAD_ANSWER);
        assert_int_equal(b.line->counters.checks[rules[i]], 1);
        bench_close(&b);
    }
}

static void close_on_first(struct device_sim *d, int n, const uint8_t request[12])
{
    if (n == 1 || n == 3) // a device that closes idle connections just as we ask
        device_close(d);
    else
        answer_right(d, n, request);
}

static void request_into_a_closing_connection_is_asked_again(void **state)
{
    (void)state;
    struct bench b;
    struct result r[3];
    bench_open(&b, close_on_first);
    for (int i = 0; i < 3; i++) {
        ask(&b, &r[i], (uint16_t)i, 1);
        wait_for(&b, &r[i], 1);
        assert_int_equal(r[i].verdict, VERDICT_ANSWER);
        assert_int_equal(r[i].first, i);
    }
    assert_int_equal(b.device.accepted, 3);
    bench_close(&b);
}

static void always_close(struct device_sim *d, int n, const uint8_t request[12])
{
    (void)n;
    (void)request;
    device_close(d);
}

static void a_device_that_hangs_up_is_left_alone_for_a_while(void **state)
{
    (void)state;
    struct bench b;
    struct result r[3];
    bench_open(&b, always_close);
    for (int i = 0; i < 3; i++) {
        ask(&b, &r[i], 0, 1);
        wait_for(&b, &r[i], 1);
        assert_int_equal(r[i].verdict, VERDICT_NO_CONNECTION);
    }
    assert_int_equal(b.device.accepted, 1); // the others failed at once, in back-off
    bench_close(&b);
}

static void refused_port_fails_at_once(void **state)
{
    (void)state;
    struct bench b;
    struct result r[2];
    bench_open(&b, answer_right);
    loop_unwatch(b.loop, &b.device.listener);
    close(b.device.listener.fd);
    b.device.listener.fd = -1;
    ask(&b, &r[0], 0, 1);
    ask(&b, &r[1], 0, 1);
    wait_for(&b, r, 2);
    assert_int_equal(r[0].verdict, VERDICT_NO_CONNECTION);
    assert_int_equal(r[1].verdict, VERDICT_NO_CONNECTION);
    assert_int_equal(b.line->counters.connect_failures, 1);
    bench_close(&b);
}

static void drip_on(struct timer *t, struct mono now)
{
    struct device_sim *d = (struct device_sim *)((char *)t - offsetof(struct device_sim, later));
    if (d->client.fd < 0 || d->drip_at == d->queued)
        return;
    device_send(d, d->out + d->drip_at++, 1);
    loop_timer(d->loop, t, mono_add(now, d->drip_ns));
}

static void drip(struct device_sim *d, int n, const uint8_t request[12])
{
    (void)n;
    d->queued = right_answer(request, d->out);
    d->drip_at = 0;
    d->later.fire = drip_on;
    loop_timer(d->loop, &d->later, loop_now(d->loop));
}

static void slow_drip_meets_the_deadline(void **state)
{
    (void)state;
    struct bench b;
    struct result r;
    bench_open(&b, drip);
    b.device.drip_ns = 20 * NS_PER_MS; // 13 bytes would take 260 ms
    struct mono begun = mono_now();
    ask(&b, &r, 0, 2);
    wait_for(&b, &r, 1);
    assert_int_equal(r.verdict, VERDICT_TIMEOUT);
    assert_in_range(mono_since(mono_now(), begun), 59 * NS_PER_MS, 1500 * NS_PER_MS);
    b.device.drip_ns = NS_PER_MS; // in time, byte by byte
    turn_for(&b, 300 * NS_PER_MS);
    ask(&b, &r, 5, 2);
    wait_for(&b, &r, 1);
    assert_int_equal(r.verdict, VERDICT_ANSWER);
    assert_int_equal(r.first, 5);
    bench_close(&b);
}

static void never_answer(struct device_sim *d, int n, const uint8_t request[12])
{
    (void)d;
    (void)n;
    (void)request;
}

static void half_open_connection_is_made_anew(void **state)
{
    (void)state;
    struct bench b;
    struct result r[4];
    bench_open(&b, never_answer);
    for (int i = 0; i < 4; i++) {
        ask(&b, &r[i], 0, 1);
        wait_for(&b, &r[i], 1);
        assert_int_equal(r[i].verdict, VERDICT_TIMEOUT);
    }
    assert_int_equal(b.device.accepted, 2); // three silent requests, then a new connection
    assert_int_equal(b.line->counters.timeouts, 4);
    bench_close(&b);
}

static void window_is_kept(void **state)
{
    (void)state;
    struct bench b;
    struct result r[6];
    bench_open(&b, never_answer);
    b.config.in_flight = 3;
    for (int i = 0; i < 6; i++)
        ask(&b, &r[i], 0, 1);
    turn_for(&b, 30 * NS_PER_MS);
    assert_int_equal(b.device.requests, 3);
    bench_close(&b);
    b.line = NULL;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(r[i].calls, 1);
        assert_int_equal(r[i].verdict, VERDICT_CANCELLED);
    }
}

static void pauses_are_kept(void **state)
{
    (void)state;
    struct bench b;
    struct result r[3];
    bench_open(&b, answer_right);
    b.config.pause_ns = 20 * NS_PER_MS;
    b.config.connect_pause_ns = 30 * NS_PER_MS;
    struct mono begun = mono_now();
    for (int i = 0; i < 3; i++)
        ask(&b, &r[i], 0, 1);
    wait_for(&b, r, 3);
    assert_true(mono_since(mono_now(), begun) >= 70 * NS_PER_MS);
    bench_close(&b);
}

static void one_client_devices_are_let_go_after_each_cycle(void **state)
{
    (void)state;
    struct bench b;
    struct result r[4];
    bench_open(&b, answer_right);
    for (int i = 0; i < 2; i++) {
        ask(&b, &r[2 * i], 0, 1);
        r[2 * i + 1] = (struct result){
            .t = {.ask = {1, 3, 9, 1}, .done = note, .close_after_cycle = true, .last_of_cycle = true}};
        line_submit(b.line, &r[2 * i + 1].t);
        wait_for(&b, &r[2 * i], 2);
        turn_for(&b, 10 * NS_PER_MS);
        assert_int_equal(b.device.client.fd, -1);
    }
    assert_int_equal(b.device.accepted, 2);
    bench_close(&b);
}

static void sockets_leave_the_low_numbers_free(void **state)
{
    (void)state;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < 2048)
        skip();
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct bench b;
    struct result r;
    bench_open(&b, answer_right);
    ask(&b, &r, 0, 1);
    wait_for(&b, &r, 1);
    int probe = dup(0);
    assert_true(probe < 64); // the line's own socket did not take one of these
    close(probe);
    bench_close(&b);
}

static void connects_pass_the_gate_a_few_at_a_time(void **state)
{
    (void)state;
    enum { LINES = 12 };
    struct connect_gate gate;
    struct bench b;
    struct line *lines[LINES];
    struct result r[LINES];
    char why[128];
    bench_open(&b, answer_right);
    connect_gate_init(&gate, 2);
    for (int i = 0; i < LINES; i++) {
        lines[i] = tcp_line_open(&b.config, b.loop, &gate, why, sizeof why);
        r[i] = (struct result){.t = {.ask = {1, 3, 0, 1}, .done = note}};
        line_submit(lines[i], &r[i].t);
        assert_true(gate.busy <= 2);
    }
    // The scripted device serves one client at a time: the earlier ones end with a lost connection. What
    // counts here is that every line got through the gate.
    wait_for(&b, r, LINES);
    assert_int_equal(gate.busy, 0);
    assert_null(gate.first);
    for (int i = 0; i < LINES; i++)
        lines[i]->ops->close(lines[i]);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_reach_their_askers),
        cmocka_unit_test(answers_out_of_order_are_matched_by_id),
        cmocka_unit_test(late_answer_is_stray),
        cmocka_unit_test(duplicate_is_stray),
        cmocka_unit_test(each_broken_rule_is_refused_and_counted),
        cmocka_unit_test(request_into_a_closing_connection_is_asked_again),
        cmocka_unit_test(a_device_that_hangs_up_is_left_alone_for_a_while),
        cmocka_unit_test(refused_port_fails_at_once),
        cmocka_unit_test(slow_drip_meets_the_deadline),
        cmocka_unit_test(half_open_connection_is_made_anew),
        cmocka_unit_test(window_is_kept),
        cmocka_unit_test(pauses_are_kept),
        cmocka_unit_test(one_client_devices_are_let_go_after_each_cycle),
        cmocka_unit_test(sockets_leave_the_low_numbers_free),
        cmocka_unit_test(connects_pass_the_gate_a_few_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
