// SPDX-License-Identifier: Apache-2.0
// What InfluxDB's answers mean, with the bodies that real servers send; and taking a batch apart.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "publish/influx_answer.h"
#include "publish/influx_batch.h"

#define NS 1000000000LL

static struct influx_answer answer_of(long status, const char *body, size_t posted)
{
    struct influx_answer a;
    influx_answer(status, body, strlen(body), posted, 0, NULL, &a);
    return a;
}

static void every_status_has_its_action(void **unused)
{
    static const struct {
        long status;
        enum influx_action action;
    } table[] = {
        {200, INFLUX_STORED}, {204, INFLUX_STORED},    {208, INFLUX_STORED}, {301, INFLUX_FAULT},
        {307, INFLUX_FAULT},  {400, INFLUX_BAD_LINES}, {401, INFLUX_FAULT},  {403, INFLUX_FAULT},
        {404, INFLUX_FAULT},  {405, INFLUX_FAULT},     {408, INFLUX_BUSY},   {413, INFLUX_TOO_LARGE},
        {415, INFLUX_FAULT},  {422, INFLUX_SET_ASIDE}, {425, INFLUX_BUSY},   {429, INFLUX_BUSY},
        {499, INFLUX_FAULT},  {500, INFLUX_BROKEN},    {501, INFLUX_BROKEN}, {502, INFLUX_BUSY},
        {503, INFLUX_BUSY},   {504, INFLUX_BUSY},      {507, INFLUX_BROKEN}, {599, INFLUX_BROKEN},
        {0, INFLUX_FAULT},    {100, INFLUX_FAULT},     {600, INFLUX_FAULT},  {-1, INFLUX_FAULT},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct influx_answer a = answer_of(table[i].status, "", 10);
        assert_int_equal(a.action, table[i].action);
        assert_true(a.words[0] != '\0');
        assert_true(a.wait_ns == 0);
    }
}

static void bodies_at_their_limits(void **unused)
{
    (void)unused;
    struct buf message = {0};
    size_t lines[4];
    // Longer than is read of it: its begin, as it is.
    char *huge = malloc(INFLUX_BODY_MAX + 2);
    memset(huge, ' ', INFLUX_BODY_MAX + 1);
    memcpy(huge, "{\"error\":\"no\"", 13);
    huge[INFLUX_BODY_MAX] = '}';
    influx_message(huge, INFLUX_BODY_MAX + 1, &message);
    assert_int_equal(message.len, INFLUX_BODY_MAX);
    assert_int_equal(influx_listed_lines(huge, INFLUX_BODY_MAX + 1, lines, 4), 0);
    huge[INFLUX_BODY_MAX - 1] = '}';
    influx_message(huge, INFLUX_BODY_MAX, &message);
    assert_string_equal(buf_text(&message), "no");
    free(huge);
    influx_message("[1]", 3, &message); // JSON, but no object
    assert_string_equal(buf_text(&message), "[1]");
    influx_message("a\x7f\nb", 4, &message);
    assert_string_equal(buf_text(&message), "a \nb");
    buf_free(&message);
    // A number of dropped lines that is none.
    assert_int_equal(answer_of(400, "partial write: dropped=", 1).action, INFLUX_BAD_LINES);
    assert_int_equal(answer_of(400, "partial write: dropped=x", 1).action, INFLUX_BAD_LINES);
    assert_int_equal(answer_of(400, "partial write: dropped=/", 1).action, INFLUX_BAD_LINES);
    assert_int_equal(answer_of(400, "partial write: dropped=9 dropped=1", 1).action,
                     INFLUX_ALL_BAD); // the last one counts
    assert_int_equal(answer_of(400, "database is required", 1).action, INFLUX_FAULT);
    struct influx_answer a;
    influx_answer(404, "", 0, 1, 0, "", &a); // sent nowhere
    assert_null(strstr(a.words, "sends us"));
}

static void words_are_the_server_s(void **unused)
{
    (void)unused;
    struct influx_answer a = answer_of(401, "{\"error\":\"authorization failed\"}\n", 1);
    assert_string_equal(a.words, "authorization failed");
    a = answer_of(401, "{\"code\":\"unauthorized\",\"message\":\"unauthorized access\"}", 1);
    assert_string_equal(a.words, "unauthorized access");
    a = answer_of(502, "<html>\x01 Bad Gateway</html>\nmore", 1);
    assert_string_equal(a.words, "<html>  Bad Gateway</html>");
    a = answer_of(503, "", 1);
    assert_string_equal(a.words, "the server is overloaded or starting");
    char huge[4000];
    memset(huge, 'x', sizeof huge);
    influx_answer(400, huge, sizeof huge, 1, 0, NULL, &a);
    assert_int_equal(strlen(a.words), sizeof a.words - 1);
}

static void database_not_found_is_for_the_operator(void **unused)
{
    (void)unused;
    assert_int_equal(answer_of(404, "{\"error\":\"database not found: \\\"plant\\\"\"}", 5).action,
                     INFLUX_FAULT);
    assert_int_equal(answer_of(400, "{\"error\":\"database is required\"}", 5).action, INFLUX_FAULT);
}

static void partial_write_of_all_is_all_bad(void **unused)
{
    (void)unused;
    static const char conflict[] =
        "{\"error\":\"partial write: field type conflict: input field \\\"x\\\" on measurement "
        "\\\"m\\\" is type float, already exists as type integer dropped=3\"}";
    assert_int_equal(answer_of(400, conflict, 3).action, INFLUX_ALL_BAD);
    assert_int_equal(answer_of(400, conflict, 4).action, INFLUX_BAD_LINES);
    // 1.6 says dropped=0 of lines it cannot parse.
    assert_int_equal(
        answer_of(400, "{\"error\":\"partial write: unable to parse 'x': missing fields dropped=0\"}", 1)
            .action,
        INFLUX_BAD_LINES);
}

static void retry_after_is_capped(void **unused)
{
    (void)unused;
    struct influx_answer a;
    influx_answer(503, "", 0, 1, 7, NULL, &a);
    assert_true(a.wait_ns == 7 * NS);
    influx_answer(429, "", 0, 1, 86400, NULL, &a);
    assert_true(a.wait_ns == 600 * NS);
    influx_answer(429, "", 0, 1, INT64_MAX, NULL, &a);
    assert_true(a.wait_ns == 600 * NS);
    influx_answer(429, "", 0, 1, -5, NULL, &a);
    assert_true(a.wait_ns == 0);
}

static void redirect_is_told(void **unused)
{
    (void)unused;
    struct influx_answer a;
    influx_answer(307, "moved", 5, 1, 0, "https://other.example/write", &a);
    assert_int_equal(a.action, INFLUX_FAULT);
    assert_non_null(strstr(a.words, "https://other.example/write"));
}

static void quoted_lines(void **unused)
{
    (void)unused;
    static const char message[] =
        "partial write: unable to parse 'a b=1 100': x\nunable to parse 'c,t=it's d=\"q' 1': y";
    assert_true(influx_quotes_line(message, "a b=1 100", 9));
    assert_false(influx_quotes_line(message, "a b=1 10", 8)); // the beginning of a longer one is another line
    assert_false(influx_quotes_line(message, "b=1 100", 7));
    assert_true(influx_quotes_line(message, "c,t=it's d=\"q' 1", 16));
    assert_false(influx_quotes_line("", "a", 1));
    assert_false(influx_quotes_line("unable to parse '", "a", 1));
}

static void listed_lines(void **unused)
{
    (void)unused;
    static const char body[] =
        "{\"error\":\"partial write of line protocol occurred\",\"data\":[{\"line_number\":2},"
        "{\"line_number\":-1},{\"line_number\":\"3\"},{\"line_number\":9},7]}";
    size_t lines[4];
    assert_int_equal(influx_listed_lines(body, strlen(body), lines, 4), 2);
    assert_int_equal(lines[0], 2);
    assert_int_equal(lines[1], 9);
    assert_int_equal(influx_listed_lines(body, strlen(body), lines, 1), 1);
    assert_int_equal(influx_listed_lines("{\"data\":3}", 10, lines, 4), 0);
    assert_int_equal(influx_listed_lines("nonsense", 8, lines, 4), 0);
}

static void named_fields(void **unused)
{
    (void)unused;
    char field[16];
    assert_true(influx_names_field("x: input field \"odd\" on measurement", field, sizeof field));
    assert_string_equal(field, "odd");
    assert_false(influx_names_field("input field \"far_too_long_for_here\"", field, sizeof field));
    assert_false(influx_names_field("input field \"\"", field, sizeof field));
    assert_false(influx_names_field("input field \"open", field, sizeof field));
    static const char line[] = "m,site=a odd=1.5,b=2 1";
    assert_true(influx_line_has_field(line, strlen(line), "odd"));
    assert_true(influx_line_has_field(line, strlen(line), "b"));
    assert_false(influx_line_has_field(line, strlen(line), "dd"));
    assert_false(influx_line_has_field(line, strlen(line), "c"));
    assert_false(influx_line_has_field("=", 1, "a"));
}

// ---- The stack of ranges ----

static void fill(struct influx_batch *b, size_t n)
{
    char line[32];
    influx_batch_reset(b);
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(line, sizeof line, "line %zu%s", i, i % 2 ? "\n" : "");
        assert_true(influx_batch_add(b, line, (size_t)len, i + 1, (struct utc){(int64_t)i}));
    }
    influx_batch_begin(b);
}

struct search {
    const bool *poison;
    size_t found, posts;
};

static bool take(void *arg, const struct influx_entry *e, const char *line, size_t index)
{
    struct search *s = arg;
    (void)line, (void)index;
    assert_true(s->poison[e->id - 1]); // a good line is never given up
    s->found++;
    return true;
}

// A server that refuses every request with a poison line in it, and the halving that finds them.
static void search(struct influx_batch *b, struct search *s)
{
    const char *data;
    size_t bytes, count;
    while (influx_batch_next(b, &data, &bytes, &count) == 1) {
        size_t bad = 0, lines = 0;
        s->posts++;
        for (const char *at = data; at < data + bytes; at = strchr(at, '\n') + 1, lines++)
            bad += s->poison[atoi(at + 5)];
        assert_int_equal(lines, count);
        if (!bad) {
            influx_batch_pop(b);
        } else if (count == 1) {
            influx_batch_sift(b, take, s);
            influx_batch_pop(b);
        } else {
            influx_batch_split(b);
        }
    }
}

static void halving_finds_every_bad_line(void **unused)
{
    (void)unused;
    struct influx_batch b = {0};
    unsigned seed = 7;
    for (size_t round = 0; round < 200; round++) {
        bool poison[100] = {false};
        size_t n = 1 + (size_t)rand_r(&seed) % 100, planted = 0;
        for (size_t i = 0; i < n; i++) {
            poison[i] = rand_r(&seed) % 100 < (int)round / 2;
            planted += poison[i];
        }
        struct search s = {.poison = poison};
        fill(&b, n);
        search(&b, &s);
        assert_int_equal(s.found, planted);
        assert_int_equal(b.range_count, 0);
    }
    influx_batch_free(&b);
}

static void one_in_many_costs_few_requests(void **unused)
{
    (void)unused;
    struct influx_batch b = {0};
    static bool poison[5000];
    poison[3210] = true;
    struct search s = {.poison = poison};
    fill(&b, 5000);
    search(&b, &s);
    assert_int_equal(s.found, 1);
    assert_true(s.posts <= 2 * 13 + 1);
    influx_batch_free(&b);
}

static bool even(void *arg, const struct influx_entry *e, const char *line, size_t index)
{
    size_t *calls = arg;
    (void)line;
    assert_int_equal(index, (*calls)++);
    return e->id % 2 == 0;
}

static void what_is_gone_is_not_sent_again(void **unused)
{
    (void)unused;
    struct influx_batch b = {0};
    const char *data;
    size_t bytes, count, calls = 0;
    fill(&b, 6);
    assert_int_equal(influx_batch_sift(&b, even, &calls), 3);
    assert_int_equal(influx_batch_next(&b, &data, &bytes, &count), 1);
    assert_int_equal(count, 3);
    assert_memory_equal(data, "line 0\nline 2\nline 4\n", bytes);
    calls = 0;
    assert_int_equal(influx_batch_sift(&b, even, &calls), 0);
    assert_int_equal(calls, 3);
    influx_batch_free(&b);
}

static void rotating_puts_the_range_last(void **unused)
{
    (void)unused;
    struct influx_batch b = {0};
    const char *data;
    size_t bytes, count;
    fill(&b, 4);
    influx_batch_split(&b);
    assert_int_equal(influx_batch_next(&b, &data, &bytes, &count), 1);
    assert_memory_equal(data, "line 0\n", 7);
    influx_batch_rotate(&b);
    assert_int_equal(influx_batch_next(&b, &data, &bytes, &count), 1);
    assert_memory_equal(data, "line 2\n", 7);
    influx_batch_pop(&b);
    assert_int_equal(influx_batch_next(&b, &data, &bytes, &count), 1);
    assert_memory_equal(data, "line 0\n", 7);
    influx_batch_pop(&b);
    assert_int_equal(influx_batch_next(&b, &data, &bytes, &count), 0);
    influx_batch_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_action),
        cmocka_unit_test(bodies_at_their_limits),
        cmocka_unit_test(words_are_the_server_s),
        cmocka_unit_test(database_not_found_is_for_the_operator),
        cmocka_unit_test(partial_write_of_all_is_all_bad),
        cmocka_unit_test(retry_after_is_capped),
        cmocka_unit_test(redirect_is_told),
        cmocka_unit_test(quoted_lines),
        cmocka_unit_test(listed_lines),
        cmocka_unit_test(named_fields),
        cmocka_unit_test(halving_finds_every_bad_line),
        cmocka_unit_test(one_in_many_costs_few_requests),
        cmocka_unit_test(what_is_gone_is_not_sent_again),
        cmocka_unit_test(rotating_puts_the_range_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
