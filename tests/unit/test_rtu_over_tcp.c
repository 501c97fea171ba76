// SPDX-License-Identifier: Apache-2.0
// RTU frames through a transparent serial server: a scripted server that closes, stalls and cuts frames in
// pieces.
#include "serial_bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>

struct server {
    struct bench bench; // its slave serves one connection after the other
    int listener;
    pthread_t thread;
    atomic_int connections;
    char address[32];
    char name[32];
};

static int listen_on_loopback(uint16_t *port, int backlog)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void *server_main(void *arg)
{
    struct server *s = arg;
    for (;;) {
        struct pollfd p[2] = {{.fd = s->listener, .events = POLLIN},
                              {.fd = s->bench.slave.stop_fd, .events = POLLIN}};
        if ((poll(p, 2, -1) < 0 && errno != EINTR) || p[1].revents)
            return NULL;
        int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        atomic_fetch_add(&s->connections, 1);
        s->bench.slave.fd = fd;
        slave_main(&s->bench.slave);
        if (s->bench.slave.fd >= 0)
            close(s->bench.slave.fd);
        s->bench.slave.fd = -1;
    }
}

static void server_prepare(struct server *s, void (*answer)(struct slave *s, const uint8_t *request))
{
    uint16_t port;
    *s = (struct server){.listener = -1};
    bench_init(&s->bench);
    s->listener = listen_on_loopback(&port, 8);
    snprintf(s->address, sizeof s->address, "127.0.0.1:%u", port);
    snprintf(s->name, sizeof s->name, "localhost:%u", port);
    s->bench.config.rtu_over_tcp = s->address;
    s->bench.slave = (struct slave){.fd = -1, .stop_fd = eventfd(0, 0), .answer = answer};
    assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
}

static void server_start(struct server *s, void (*answer)(struct slave *s, const uint8_t *request))
{
    server_prepare(s, answer);
    bench_open_line(&s->bench);
}

static void server_end(struct server *s)
{
    uint64_t one = 1;
    if (s->bench.line)
        s->bench.line->ops->close(s->bench.line);
    assert_int_equal(write(s->bench.slave.stop_fd, &one, sizeof one), sizeof one);
    pthread_join(s->thread, NULL);
    close(s->bench.slave.stop_fd);
    close(s->listener);
    loop_free(s->bench.loop);
    assert_int_equal(s->bench.slave.forbidden, 0);
}

static void hang_up(struct slave *s)
{
    shutdown(s->fd, SHUT_RDWR); // slave_main sees the end and the server closes
}

// ---- Right answers ----

static void right_answers(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, send_right);
    ask_right(&s.bench, 1, 3, 0, 125);
    ask_right(&s.bench, 2, 4, 100, 1);
    ask_right(&s.bench, 3, 1, 7, 2000);
    ask_right(&s.bench, 4, 2, 7, 9);
    assert_int_equal(s.connections, 1);
    assert_non_null(strstr(status_of(&s.bench), "\"kind\":\"rtu_over_tcp\""));
    server_end(&s);
}

static void a_name_is_looked_up(void **state)
{
    (void)state;
    struct server s;
    server_prepare(&s, send_right);
    s.bench.config.rtu_over_tcp = s.name;
    bench_open_line(&s.bench);
    ask_right(&s.bench, 1, 3, 0, 4);
    server_end(&s);
}

static void in_pieces(struct slave *s, const uint8_t *request)
{
    uint8_t frame[RTU_FRAME_MAX];
    size_t n = right_frame(frame, request), cut = (size_t)s->step % n;
    slave_send(s, frame, cut);
    slave_wait(s, 5 * NS_PER_MS);
    slave_send(s, frame + cut, n - cut);
}

static void frames_cut_in_pieces(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, in_pieces);
    for (uint16_t a = 0; a < 15; a++)
        ask_right(&s.bench, 1, 3, a, 4);
    server_end(&s);
}

// ---- Late, foreign and noisy ----

static void first_is_late(struct slave *s, const uint8_t *request)
{
    if (s->step == 1)
        slave_wait(s, 300 * NS_PER_MS);
    send_right(s, request);
}

// modbus_flush does nothing on a socket of an RTU context: the drain reads until it is quiet.
static void a_late_answer_is_drained_from_a_socket(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, first_is_late);
    struct question q = question(1, 3, 100, 4);
    ask(&s.bench, &q);
    assert_int_equal(q.answer.verdict, VERDICT_TIMEOUT);
    for (uint16_t a = 200; a <= 500; a = (uint16_t)(a + 100))
        ask_right(&s.bench, 1, 3, a, 4);
    assert_int_equal(s.connections, 1);
    server_end(&s);
}

static void noisy(struct slave *s, const uint8_t *request)
{
    uint8_t frame[RTU_FRAME_MAX + 1] = {0x00};
    slave_send(s, frame, 1 + right_frame(frame + 1, request));
}

static void noise_before_frames(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, noisy);
    for (uint16_t a = 0; a < 5; a++)
        ask_right(&s.bench, 1, 3, a, 4);
    server_end(&s);
}

// ---- Losing the connection ----

static void closes_after_each_answer(struct slave *s, const uint8_t *request)
{
    send_right(s, request);
    hang_up(s);
}

static void a_server_that_closes_after_each_answer(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, closes_after_each_answer);
    for (uint16_t a = 0; a < 5; a++)
        ask_right(&s.bench, 1, 3, a, 4);
    assert_true(s.connections >= 5);
    server_end(&s);
}

static void closes_without_answer(struct slave *s, const uint8_t *request)
{
    (void)request;
    hang_up(s);
}

static void a_server_that_closes_without_an_answer_is_not_hammered(void **state)
{
    (void)state;
    struct server s;
    server_start(&s, closes_without_answer);
    struct question q = question(1, 3, 0, 2);
    ask(&s.bench, &q);
    assert_int_equal(q.answer.verdict, VERDICT_NO_CONNECTION);
    turn_until_status(&s.bench, "the serial server closed the connection");
    for (int i = 0; i < 10; i++) {
        q = question(1, 3, 0, 2);
        ask(&s.bench, &q);
        assert_int_equal(q.answer.verdict, VERDICT_NO_CONNECTION);
    }
    assert_true(s.connections <= 3);
    server_end(&s);
}

static void nobody_listens_and_then_somebody_does(void **state)
{
    (void)state;
    struct server s;
    server_prepare(&s, send_right);
    uint16_t port;
    int fd = listen_on_loopback(&port, 1); // a port nobody listens on once it is closed
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    close(fd);
    s.bench.config.rtu_over_tcp = address;
    bench_open_line(&s.bench);
    turn_until_status(&s.bench, "cannot connect");
    struct question q = question(1, 3, 0, 2);
    ask(&s.bench, &q);
    assert_int_equal(q.answer.verdict, VERDICT_NO_CONNECTION);

    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1), 0);
    turn_until_status(&s.bench, "\"state\":\"connected\"");
    assert_true(s.bench.line->counters.connect_failures >= 1);
    close(fd);
    server_end(&s);
}

static void silent(struct slave *s, const uint8_t *request)
{
    (void)s;
    (void)request;
}

static void a_connection_that_stays_silent_is_made_anew(void **state)
{
    (void)state;
    struct server s;
    server_prepare(&s, silent);
    s.bench.config.timeout_ns = 20 * NS_PER_MS;
    bench_open_line(&s.bench);
    for (int i = 0; i < 4; i++) {
        struct question q = question(1, 3, 0, 2);
        ask(&s.bench, &q);
        assert_int_equal(q.answer.verdict, VERDICT_TIMEOUT);
    }
    assert_int_equal(s.connections, 2);
    server_end(&s);
}

static void closed_after_the_cycle(void **state)
{
    (void)state;
    struct server s;
    server_prepare(&s, send_right);
    s.bench.config.close_after_cycle = true;
    bench_open_line(&s.bench);
    for (uint16_t cycle = 0; cycle < 3; cycle++) {
        struct question first = question(1, 3, cycle, 2), last = question(1, 3, cycle, 4);
        last.t.last_of_cycle = true;
        ask(&s.bench, &first);
        assert_right(&first);
        ask(&s.bench, &last);
        assert_right(&last);
        turn_until_status(&s.bench, "\"state\":\"closed\"");
    }
    assert_int_equal(s.connections, 3);
    server_end(&s);
}

static void the_device_gets_its_pause_after_connecting(void **state)
{
    (void)state;
    struct server s;
    server_prepare(&s, send_right);
    s.bench.config.connect_pause_ns = 80 * NS_PER_MS;
    int64_t begin = mono_now().ns;
    bench_open_line(&s.bench);
    ask_right(&s.bench, 1, 3, 0, 2);
    server_end(&s);
    assert_true(s.bench.slave.asked_ns[0] - begin >= 80 * NS_PER_MS);
}

// ---- Descriptors and ending ----

static void libmodbus_gets_a_low_descriptor_or_none(void **state)
{
    (void)state;
    struct server s;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 1200)
        skip();
    struct rlimit raised = {1200, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &raised), 0);
    server_prepare(&s, send_right);
    int filler[1024], n = 0, fd;
    while ((fd = fcntl(s.listener, F_DUPFD_CLOEXEC, 0)) >= 0 && fd < 1023)
        filler[n++] = fd;
    filler[n++] = fd;
    bench_open_line(&s.bench);
    turn_until_status(&s.bench, "no descriptor below 1024");
    while (n > 0)
        close(filler[--n]);
    turn_until_status(&s.bench, "\"state\":\"connected\"");
    ask_right(&s.bench, 1, 3, 0, 2);
    server_end(&s);
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void closing_does_not_wait_for_a_connection(void **state)
{
    (void)state;
    struct bench b;
    uint16_t port;
    bench_init(&b);
    // A listener whose queue is full does not answer any more.
    int listener = listen_on_loopback(&port, 0), fill[4];
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    for (int i = 0; i < 4; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int rc = connect(fill[i], (struct sockaddr *)&a, sizeof a);
        assert_true(rc == 0 || errno == EINPROGRESS);
    }
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    b.config.rtu_over_tcp = address;
    bench_open_line(&b);
    struct question q = question(1, 3, 0, 2);
    line_submit(b.line, &q.t);
    turn_until_status(&b, "\"state\":\"connecting\"");
    int64_t begin = mono_now().ns;
    b.line->ops->close(b.line);
    assert_true(mono_now().ns - begin < 500 * NS_PER_MS);
    assert_int_equal(q.times_done, 1);
    assert_int_equal(q.answer.verdict, VERDICT_CANCELLED);
    for (int i = 0; i < 4; i++)
        close(fill[i]);
    close(listener);
    loop_free(b.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_answers),
        cmocka_unit_test(a_name_is_looked_up),
        cmocka_unit_test(frames_cut_in_pieces),
        cmocka_unit_test(a_late_answer_is_drained_from_a_socket),
        cmocka_unit_test(noise_before_frames),
        cmocka_unit_test(a_server_that_closes_after_each_answer),
        cmocka_unit_test(a_server_that_closes_without_an_answer_is_not_hammered),
        cmocka_unit_test(nobody_listens_and_then_somebody_does),
        cmocka_unit_test(a_connection_that_stays_silent_is_made_anew),
        cmocka_unit_test(closed_after_the_cycle),
        cmocka_unit_test(the_device_gets_its_pause_after_connecting),
        cmocka_unit_test(libmodbus_gets_a_low_descriptor_or_none),
        cmocka_unit_test(closing_does_not_wait_for_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
