// SPDX-License-Identifier: Apache-2.0
// The disclosure log: chained, torn, forged, and on a disk that is full.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exchange_kit.h"
#include "symbiont/disclosure.h"
#include "symbiont/files.h"

struct room {
    char dir[64], path[96];
};

static int set_up(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    strcpy(r->dir, "/tmp/symbiont-log-XXXXXX");
    if (sodium_init() < 0 || !mkdtemp(r->dir))
        return -1;
    snprintf(r->path, sizeof r->path, "%s/log", r->dir);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;
    unlink(r->path);
    rmdir(r->dir);
    free(r);
    return 0;
}

static struct disclosure_log *opened(const struct room *r)
{
    char why[300] = "";
    struct disclosure_log *l = disclosure_open(r->path, why, sizeof why);
    if (!l)
        fail_msg("%s", why);
    return l;
}

static bool append(struct disclosure_log *l, const char *what, const void *message, size_t n)
{
    return disclosure_append(l, &(struct disclosure_entry){.time = {1764000000123},
                                                           .what = what,
                                                           .id = KIT_ID,
                                                           .stream = "furnace_heat",
                                                           .level = 2,
                                                           .topic = "symbiosis/v1/t/f-1/offers/" KIT_ID,
                                                           .message = message,
                                                           .message_size = n});
}

static void three_entries(const struct room *r)
{
    struct disclosure_log *l = opened(r);
    assert_true(append(l, "offer", "one", 3));
    assert_true(append(l, "offer", "two", 3));
    assert_true(append(l, "withdrawal", "three", 5));
    disclosure_close(l);
}

static void read_file(const struct room *r, struct buf *b)
{
    buf_reset(b);
    assert_int_equal(file_read(r->path, 1 << 20, b), 0);
}

static void write_file(const struct room *r, const char *data, size_t n)
{
    int fd = open(r->path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    close(fd);
}

static void count(void *arg, const char *line, size_t n)
{
    (void)line, (void)n;
    ++*(int *)arg;
}

static void test_chained_over_restarts(void **state)
{
    const struct room *r = *state;
    struct buf b = {0};
    struct stat st;
    int lines = 0;
    three_entries(r);
    struct disclosure_log *l = opened(r);
    assert_true(append(l, "offer", "four", 4));
    disclosure_close(l);
    assert_int_equal(disclosure_verify(r->path, count, &lines), 0);
    assert_int_equal(lines, 4);
    read_file(r, &b);
    assert_non_null(strstr(buf_text(&b),
                           "{\"n\":1,\"prev\":\"0000000000000000000000000000000000000000000000000000"
                           "000000000000\",\"time\":\"2025-11-24T16:00:00.123Z\",\"what\":\"offer\""));
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    buf_free(&b);
}

static void test_an_envelope_is_shown_in_clear(void **state)
{
    const struct room *r = *state;
    struct site_key key = kit_key(1);
    struct buf envelope = {0}, b = {0};
    struct message m = {.kind = MESSAGE_OFFER, .epoch = 1, .seq = 1, .issued = {1764000000000}};
    m.expires.ms = m.issued.ms + 1000;
    strcpy(m.territory, "t");
    strcpy(m.from, "f-1");
    m.body = "{\"firm\":\"200-500\"}";
    m.body_size = strlen(m.body);
    assert_true(envelope_write(&m, &key, &envelope));
    struct disclosure_log *l = opened(r);
    assert_true(append(l, "offer", envelope.data, envelope.len));
    assert_true(append(l, "strange", "\"a\nb\xff", 5)); // not JSON, not UTF-8: its hash only
    assert_true(append(l, "cleared", "", 0));
    disclosure_close(l);
    read_file(r, &b);
    assert_non_null(strstr(buf_text(&b), "\"payload\":{\"v\":1,\"kind\":\"offer\",\"territory\":\"t\""));
    assert_non_null(strstr(buf_text(&b), "\"body\":{\"firm\":\"200-500\"}}}\n"));
    assert_int_equal(disclosure_verify(r->path, NULL, NULL), 0);
    buf_free(&envelope);
    buf_free(&b);
}

// Whatever is changed, taken out, put in or exchanged shows at its line.
static void test_every_change_shows(void **state)
{
    const struct room *r = *state;
    struct buf b = {0};
    three_entries(r);
    read_file(r, &b);
    size_t first = (size_t)((const char *)memchr(b.data, '\n', b.len) - b.data) + 1;
    size_t second = (size_t)((const char *)memchr(b.data + first, '\n', b.len - first) - b.data) + 1;
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 1;
        write_file(r, b.data, b.len);
        long bad = disclosure_verify(r->path, NULL, NULL);
        // A change of the last line that leaves it good JSON with its `prev` cannot show in the chain.
        if (bad <= 0 && i < second)
            fail_msg("byte %zu was changed, and nothing shows", i);
        b.data[i] ^= 1;
    }
    write_file(r, b.data + first, b.len - first);
    assert_int_equal(disclosure_verify(r->path, NULL, NULL), 1);
    struct buf without = {0};
    buf_put(&without, b.data, first);
    buf_put(&without, b.data + second, b.len - second);
    write_file(r, without.data, without.len);
    assert_int_equal(disclosure_verify(r->path, NULL, NULL), 2);
    char why[300];
    assert_null(disclosure_open(r->path, why, sizeof why));
    assert_non_null(strstr(why, "was changed"));
    buf_free(&without);
    buf_free(&b);
    assert_int_equal(disclosure_verify("/nonexistent/log", NULL, NULL), -1);
}

static void test_torn_end_is_cut_and_noted(void **state)
{
    const struct room *r = *state;
    struct buf b = {0}, now = {0};
    three_entries(r);
    read_file(r, &b);
    size_t first = (size_t)((const char *)memchr(b.data, '\n', b.len) - b.data) + 1;
    for (size_t n = 1; n < b.len; n += 37) {
        write_file(r, b.data, n);
        struct disclosure_log *l = opened(r);
        assert_true(append(l, "offer", "after", 5));
        disclosure_close(l);
        assert_int_equal(disclosure_verify(r->path, NULL, NULL), 0);
        read_file(r, &now);
        bool torn = b.data[n - 1] != '\n';
        assert_int_equal(strstr(buf_text(&now), "\"what\":\"torn\"") != NULL, torn);
        if (n > first)
            assert_memory_equal(now.data, b.data, first);
    }
    buf_free(&b);
    buf_free(&now);
}

// What is at the end must be a line of a log, and the first of all lines says so.
static void test_what_is_no_log_is_not_continued(void **state)
{
    const struct room *r = *state;
#define NO_HASH "0000000000000000000000000000000000000000000000000000000000000000"
    static const char *const ends[] = {
        "nothing\n",
        "[]\n",
        "{}\n",
        "{\"n\":1}\n",
        "{\"n\":1,\"prev\":\"00\"}\n",
        "{\"n\":1,\"prev\":7}\n",
        "{\"prev\":\"" NO_HASH "\"}\n",
        "{\"n\":\"1\",\"prev\":\"" NO_HASH "\"}\n",
        "{\"n\":0,\"prev\":\"" NO_HASH "\"}\n",
        "{\"n\":-1,\"prev\":\"" NO_HASH "\"}\n",
        "{\"n\":2,\"prev\":\"" NO_HASH "\"}\n", // the first is number 1
        "{\"n\":1,\"prev\":\"1"
        "000000000000000000000000000000000000000000000000000000000000000\"}\n",
    };
    char why[300];
    disclosure_close(opened(r));
    for (size_t i = 0; i < TEST_COUNT(ends); i++) {
        write_file(r, ends[i], strlen(ends[i]));
        assert_null(disclosure_open(r->path, why, sizeof why));
        if (!strstr(why, "was changed"))
            fail_msg("%s: %s", ends[i], why);
        assert_int_equal(disclosure_verify(r->path, NULL, NULL), 1);
    }
    // More in one line than an entry can have: its begin is not even looked at.
    struct buf b = {0};
    buf_puts(&b, "{\"n\":1,\"prev\":\"" NO_HASH "\",\"what\":\"");
    for (int i = 0; i < 20000; i++)
        buf_puts(&b, "0123456789");
    buf_puts(&b, "\"}\n");
    write_file(r, b.data, b.len);
    assert_null(disclosure_open(r->path, why, sizeof why));
    write_file(r, b.data, b.len - 1); // and without its end
    assert_null(disclosure_open(r->path, why, sizeof why));
    buf_free(&b);
    // Nobody's file.
    assert_int_equal(disclosure_verify(r->dir, NULL, NULL), -1);
    assert_null(disclosure_open("/dev/null", why, sizeof why));
    assert_non_null(strstr(why, "not a regular file"));
    disclosure_close(NULL);
}

static void test_an_entry_has_a_bound(void **state)
{
    const struct room *r = *state;
    static char message[70000];
    memset(message, 'a', sizeof message);
    three_entries(r);
    struct disclosure_log *l = opened(r);
    assert_false(append(l, "offer", message, sizeof message));
    assert_true(append(l, "offer", message, 1000));
    // An envelope whose payload is no base64 is shown as it came.
    assert_true(append(l, "offer", "{\"p\":\"***\"}", 11));
    disclosure_close(l);
    struct buf b = {0};
    read_file(r, &b);
    assert_non_null(strstr(buf_text(&b), "\"payload\":{\"p\":\"***\"}"));
    buf_free(&b);
    int lines = 0;
    assert_int_equal(disclosure_verify(r->path, count, &lines), 0);
    assert_int_equal(lines, 5);
}

// A log larger than what is read of its end.
static void test_long_log(void **state)
{
    const struct room *r = *state;
    static char message[4000];
    memset(message, 'a', sizeof message);
    for (int round = 0; round < 3; round++) {
        struct disclosure_log *l = opened(r);
        for (int i = 0; i < 30; i++)
            assert_true(append(l, "offer", message, sizeof message));
        disclosure_close(l);
    }
    int lines = 0;
    assert_int_equal(disclosure_verify(r->path, count, &lines), 0);
    assert_int_equal(lines, 90);
}

// Nothing may leave when it cannot be written down; later it can again.
static void test_full_disk(void **state)
{
    const struct room *r = *state;
    struct rlimit old, small;
    struct stat before, after;
    three_entries(r);
    struct disclosure_log *l = opened(r);
    assert_int_equal(stat(r->path, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){(rlim_t)before.st_size + 100, old.rlim_max}; // room for a part of a line
    setrlimit(RLIMIT_FSIZE, &small);
    bool appended = append(l, "offer", "no room", 7);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(appended);
    assert_int_equal(stat(r->path, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_true(append(l, "offer", "room", 4));
    disclosure_close(l);
    assert_int_equal(disclosure_verify(r->path, NULL, NULL), 0);
}

static void test_one_program_at_a_time(void **state)
{
    const struct room *r = *state;
    char why[300];
    struct disclosure_log *l = opened(r);
    assert_null(disclosure_open(r->path, why, sizeof why));
    assert_non_null(strstr(why, "in use"));
    disclosure_close(l);
    disclosure_close(opened(r));
    assert_null(disclosure_open(r->dir, why, sizeof why));
}

int main(void)
{
#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_chained_over_restarts),
        IN_ROOM(test_an_envelope_is_shown_in_clear),
        IN_ROOM(test_every_change_shows),
        IN_ROOM(test_torn_end_is_cut_and_noted),
        IN_ROOM(test_what_is_no_log_is_not_continued),
        IN_ROOM(test_an_entry_has_a_bound),
        IN_ROOM(test_long_log),
        IN_ROOM(test_full_disk),
        IN_ROOM(test_one_program_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
