// SPDX-License-Identifier: Apache-2.0
// The base library: numbers as text, JSON, names, timers, hand-over between threads, files.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "symbiont/loop.h"
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "symbiont/backoff.h"
#include "symbiont/files.h"
#include "symbiont/json.h"
#include "symbiont/loop.h"
#include "symbiont/mailbox.h"
#include "symbiont/resolver.h"
#include "symbiont/text.h"
#include "unit/test.h"

static void expect_number(double value, bool single, const char *text)
{
    struct buf b = {0};
    buf_number(&b, value, single);
    assert_string_equal(buf_text(&b), text);
    buf_free(&b);
}

static void numbers_in_their_shortest_form(void **state)
{
    (void)state;
    expect_number(0, false, "0");
    expect_number(-0.0, false, "0");
    expect_number(12.5, false, "12.5");
    expect_number(-0.5, false, "-0.5");
    expect_number(0.001, false, "0.001");
    expect_number(100, false, "100");
    expect_number((double)230.2f, true, "230.2");
    expect_number((double)230.2f, false, "230.1999969482422");
    expect_number(1e20, false, "1e+20");
    expect_number(1.5e-12, false, "1.5e-12");
    expect_number(9007199254740993.0, false, "9007199254740992");
    expect_number(4294967295.0, false, "4294967295");
    expect_number(551.9, false, "551.9");
}

// Every text must read back to the number it came from; the seed is printed when one does not.
static void numbers_read_back(void **state)
{
    (void)state;
    uint64_t seed = random_bits(), x = seed | 1;
    struct buf b = {0};
    for (int i = 0; i < 200000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        double d;
        float f;
        uint32_t low = (uint32_t)x;
        memcpy(&d, &x, sizeof d);
        memcpy(&f, &low, sizeof f);
        if (i % 3 == 0)
            d = (double)(int64_t)(x % 100000000) / 1000.0;
        if (isfinite(d)) {
            buf_reset(&b);
            buf_number(&b, d, false);
            if (strtod(buf_text(&b), NULL) != d)
                fail_msg("seed %llu: %.17g became %s", (unsigned long long)seed, d, buf_text(&b));
        }
        if (isfinite(f)) {
            buf_reset(&b);
            buf_number(&b, (double)f, true);
            if (strtof(buf_text(&b), NULL) != f)
                fail_msg("seed %llu: %.9g became %s", (unsigned long long)seed, (double)f, buf_text(&b));
        }
    }
    buf_free(&b);
}

static void json_is_json(void **state)
{
    (void)state;
    struct buf b = {0};
    struct json j = json_begin(&b);
    json_open(&j, NULL, '{');
    json_int(&j, "ts", 1764000000000);
    json_number(&j, "nan", NAN);
    json_text(&j, "quote", "a\"b\\c\n\x01");
    json_open(&j, "list", '[');
    json_bool(&j, NULL, true);
    json_none(&j, NULL);
    json_close(&j, ']');
    json_open(&j, "empty", '{');
    json_close(&j, '}');
    json_single(&j, "v", (double)0.1f);
    json_close(&j, '}');
    assert_string_equal(buf_text(&b),
                        "{\"ts\":1764000000000,\"nan\":null,\"quote\":\"a\\\"b\\\\c\\u000a\\u0001\","
                        "\"list\":[true,null],\"empty\":{},\"v\":0.1}");
    buf_free(&b);
}

static void names_and_nearest_words(void **state)
{
    (void)state;
    static const char *const words[] = {"address", "type", "order", "unit_id"};
    assert_true(text_is_name("boiler_2"));
    assert_false(text_is_name("2boiler"));
    assert_false(text_is_name("Boiler"));
    assert_false(text_is_name("a.b"));
    assert_false(text_is_name(""));
    assert_true(text_is_id("val-de-fensch"));
    assert_false(text_is_id("val_de_fensch"));
    assert_string_equal(text_nearest("adress", words, 4, sizeof words[0]), "address");
    assert_string_equal(text_nearest("unitid", words, 4, sizeof words[0]), "unit_id");
    assert_string_equal(text_nearest("oredr", words, 4, sizeof words[0]), "order");
    assert_null(text_nearest("frequency", words, 4, sizeof words[0]));
}

static void strict_numbers(void **state)
{
    (void)state;
    double d;
    int64_t n;
    assert_true(text_number("-1.5e3", &d) && d == -1500);
    assert_false(text_number("nan", &d));
    assert_false(text_number("1e999", &d));
    assert_false(text_number("12 ", &d));
    assert_false(text_number("0x10", &d));
    assert_true(text_integer("0x4366", 0, 65535, &n) && n == 0x4366);
    assert_false(text_integer("65536", 0, 65535, &n));
    assert_false(text_integer("99999999999999999999", 0, INT64_MAX, &n));
    assert_false(text_integer("1.0", 0, 10, &n));
}

static void intervals_grow_to_their_cap(void **state)
{
    (void)state;
    struct backoff b = {NS_PER_S, 60 * NS_PER_S, 0};
    int64_t nominal = NS_PER_S;
    for (int i = 0; i < 12; i++) {
        int64_t wait = backoff_next(&b, random_bits());
        assert_in_range(wait, nominal * 3 / 4, nominal * 5 / 4);
        nominal = nominal * 2 > 60 * NS_PER_S ? 60 * NS_PER_S : nominal * 2;
    }
    backoff_reset(&b);
    assert_in_range(backoff_next(&b, 0), NS_PER_S * 3 / 4, NS_PER_S * 5 / 4);
}

struct ticking {
    struct timer timer;
    struct loop *loop;
    int *order, *count, id;
};

static void note_tick(struct timer *t, struct mono now)
{
    (void)now;
    struct ticking *x = (struct ticking *)t;
    x->order[(*x->count)++] = x->id;
}

static void timers_fire_in_order_and_can_be_stopped(void **state)
{
    (void)state;
    enum { N = 200 };
    struct loop *l = loop_new();
    struct ticking t[N];
    int order[N], count = 0;
    struct mono start = mono_now();
    for (int i = 0; i < N; i++) {
        t[i] = (struct ticking){.timer.fire = note_tick, .loop = l, .order = order, .count = &count, .id = i};
        assert_int_equal(loop_timer(l, &t[i].timer, mono_add(start, ((i * 37) % N) * 10000)), 0);
    }
    for (int i = 0; i < N; i += 3)
        loop_timer_stop(l, &t[i].timer);
    loop_timer(l, &t[1].timer, mono_add(start, 1)); // moved to the front
    while (mono_since(mono_now(), start) < 2 * N * 10000 || count < N - (N + 2) / 3)
        loop_turn(l, NS_PER_MS);
    assert_int_equal(count, N - (N + 2) / 3);
    assert_int_equal(order[0], 1);
    for (int i = 2; i < count; i++)
        assert_true((order[i - 1] * 37) % N < (order[i] * 37) % N);
    loop_free(l);
}

struct handover {
    struct wakeup wakeup;
    struct mailbox box;
    struct loop *loop;
    uint64_t sum;
    int seen;
};

enum { HANDED = 10000 };

static void take_all(struct wakeup *w)
{
    struct handover *h = (struct handover *)w;
    int item;
    while (mailbox_take(&h->box, &item)) {
        h->sum += (uint64_t)item;
        if (++h->seen == HANDED)
            loop_stop(h->loop);
    }
}

static void *hand_over(void *arg)
{
    struct handover *h = arg;
    for (int i = 1; i <= HANDED; i++)
        while (!mailbox_put(&h->box, &i))
            sched_yield();
    return NULL;
}

static void mailbox_carries_everything_across_threads(void **state)
{
    (void)state;
    struct handover h = {.loop = loop_new()};
    pthread_t thread;
    assert_int_equal(wakeup_open(&h.wakeup, h.loop, take_all), 0);
    assert_int_equal(mailbox_open(&h.box, sizeof(int), 16, &h.wakeup), 0);
    pthread_create(&thread, NULL, hand_over, &h);
    assert_int_equal(loop_run(h.loop), 0);
    pthread_join(thread, NULL);
    assert_int_equal(h.seen, HANDED);
    assert_int_equal(h.sum, (uint64_t)HANDED * (HANDED + 1) / 2);
    int item = 0;
    assert_int_equal(mailbox_wait(&h.box, &item, mono_now()), 0);
    mailbox_close(&h.box);
    assert_int_equal(mailbox_wait(&h.box, &item, mono_add(mono_now(), NS_PER_S)), -1);
    assert_false(mailbox_put(&h.box, &item));
    mailbox_free(&h.box);
    wakeup_close(&h.wakeup);
    loop_free(h.loop);
}

static void files_are_replaced_and_secrets_guarded(void **state)
{
    (void)state;
    char directory[] = "/tmp/symbiont-test-XXXXXX", path[128], why[512], secret[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/secret", directory);
    assert_int_equal(file_replace(path, "hunter2\n", 8, 0600), 0);
    assert_int_equal(secret_read(path, secret, sizeof secret, why, sizeof why), 0);
    assert_string_equal(secret, "hunter2");
    chmod(path, 0644);
    assert_int_equal(secret_read(path, secret, sizeof secret, why, sizeof why), -1);
    assert_non_null(strstr(why, "chmod 0600"));
    struct buf b = {0};
    assert_int_equal(file_read(path, 4, &b), -1);
    assert_int_equal(errno, EFBIG);
    assert_int_equal(file_read(directory, 100, &b), -1);
    assert_int_equal(errno, EINVAL);
    buf_free(&b);
    assert_int_equal(file_replace("/nonexistent/x", "x", 1, 0600), -1);
    unlink(path);
    rmdir(directory);
}

struct looked {
    struct loop *loop;
    struct lookup_result result;
};

static void found(void *arg, const struct lookup_result *result)
{
    struct looked *l = arg;
    l->result = *result;
    loop_stop(l->loop);
}

static void names_are_looked_up_off_the_loop(void **state)
{
    (void)state;
    struct looked l = {.loop = loop_new()};
    struct lookup_result literal;
    assert_true(lookup_literal("127.0.0.1", 502, &literal));
    assert_true(lookup_literal("::1", 502, &literal));
    assert_false(lookup_literal("localhost", 502, &literal));
    assert_non_null(lookup_start(l.loop, "localhost", 502, found, &l));
    loop_run(l.loop);
    assert_null(l.result.error);
    assert_true(l.result.size > 0);
    struct lookup *abandoned = lookup_start(l.loop, "localhost", 1, found, &l);
    lookup_abandon(abandoned);
    assert_int_equal(loop_turn(l.loop, 20 * NS_PER_MS), 0);
    loop_free(l.loop);
}

static void utc_as_people_read_it(void **state)
{
    (void)state;
    char text[UTC_TEXT];
    assert_string_equal(utc_text((struct utc){1764000000123}, text), "2025-11-24T16:00:00.123Z");
    assert_string_equal(utc_text((struct utc){-1}, text), "1969-12-31T23:59:59.999Z");
    assert_false(utc_plausible((struct utc){0}));
    assert_true(utc_plausible(utc_now()));
}

// A text that is no UTF-8 must not spoil the document: each byte of it becomes U+FFFD.
static void test_json_of_bytes_that_are_no_text(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {{"caf\xC3\xA9", "caf\xC3\xA9"},
                {"\xE2\x82\xAC \xF0\x9F\x94\xA5", "\xE2\x82\xAC \xF0\x9F\x94\xA5"},
                {"\xFF\xFE\"", "\xEF\xBF\xBD\xEF\xBF\xBD\\\""},
                {"cut \xE2\x82", "cut \xEF\xBF\xBD\xEF\xBF\xBD"},
                {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},                 // overlong
                {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, // half of a surrogate pair
                {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
                {"\xC3(", "\xEF\xBF\xBD("}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out = {0}, wanted = {0};
        struct json j = json_begin(&out);
        json_text(&j, NULL, rows[i].in);
        buf_printf(&wanted, "\"%s\"", rows[i].out);
        assert_string_equal(buf_text(&out), buf_text(&wanted));
        buf_free(&out);
        buf_free(&wanted);
    }
}

static void end_loop(struct timer *t, struct mono now)
{
    struct ending {
        struct timer timer;
        struct loop *loop;
        bool fired;
    } *e = (struct ending *)(void *)t;
    (void)now;
    e->fired = true;
    loop_stop(e->loop);
}

// Kernels before 5.11 do not have epoll_pwait2; a filter makes this one say so.
static void test_loop_without_epoll_pwait2(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sock_filter filter[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_epoll_pwait2, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {.len = 4, .filter = filter};
        struct {
            struct timer timer;
            struct loop *loop;
            bool fired;
        } e = {.timer.fire = end_loop, .loop = loop_new()};
        if (!e.loop || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, 2, &program) < 0)
            _exit(77); // no filters here
        if (epoll_pwait2(-1, NULL, 0, NULL, NULL) != -1 || errno != ENOSYS)
            _exit(1);
        struct mono due = mono_add(loop_now(e.loop), 7 * NS_PER_MS); // the loop's now is of its last turn
        loop_timer(e.loop, &e.timer, due);
        bool good = loop_run(e.loop) == 0 && e.fired && !mono_before(mono_now(), due);
        _exit(good ? 0 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_their_shortest_form),
        cmocka_unit_test(test_json_of_bytes_that_are_no_text),
        cmocka_unit_test(test_loop_without_epoll_pwait2),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(json_is_json),
        cmocka_unit_test(names_and_nearest_words),
        cmocka_unit_test(strict_numbers),
        cmocka_unit_test(intervals_grow_to_their_cap),
        cmocka_unit_test(timers_fire_in_order_and_can_be_stopped),
        cmocka_unit_test(mailbox_carries_everything_across_threads),
        cmocka_unit_test(files_are_replaced_and_secrets_guarded),
        cmocka_unit_test(names_are_looked_up_off_the_loop),
        cmocka_unit_test(utc_as_people_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
