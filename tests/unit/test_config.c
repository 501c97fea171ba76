// SPDX-License-Identifier: Apache-2.0
// Reading, checking, merging and printing configurations.
//
// tests/unit/config/*.conf are files with mistakes; each stands beside what must be said about it (.err).
// SYMBIONT_GOLDEN=write writes the .err files anew: read the difference before it is committed.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "config/sections.h"
#include "config/tree.h"
#include "symbiont/buf.h"
#include "symbiont/files.h"
#include "symbiont/units.h"

#define GOLDEN_DIRECTORY "tests/unit/config"

static char *printed(struct diagnostics *d)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    diag_print(d, out);
    fclose(out);
    return text;
}

static struct config *must_read(const char *text)
{
    struct diagnostics *d = diagnostics_new();
    struct config *c = config_read_text(text, "test.conf", &test_root_section, d);
    if (diag_errors(d))
        diag_print(d, stderr);
    assert_int_equal(diag_errors(d), 0);
    diagnostics_free(d);
    assert_non_null(c);
    return c;
}

// What is said about `text`.
static void expect_said(const char *text, const char *expected)
{
    struct diagnostics *d = diagnostics_new();
    config_free(config_read_text(text, "t", &test_root_section, d));
    char *said = printed(d);
    assert_string_equal(said, expected);
    free(said);
    diagnostics_free(d);
}

#define SITE "site: { id = \"mill\"; };\n"

static void test_defaults(void **state)
{
    (void)state;
    struct config *c = must_read(SITE "meters = ( { name = \"a\"; } );");
    struct test_root *r = config_root(c);
    const struct test_meter *m = r->meters.items;
    assert_string_equal(r->site.id, "mill");
    assert_null(r->site.title);
    assert_float_equal(r->site.power, 250, 0);
    assert_int_equal(r->meters.n, 1);
    assert_int_equal(m->unit_id, 1);
    assert_int_equal(m->every_ns, 10000000000);
    assert_int_equal(m->table, 3);
    assert_int_equal(m->points.n, 0);
    assert_int_equal(m->common.place.line, 2);
    assert_null(r->mqtt.common.place.file); // absent
    assert_int_equal(r->mqtt.keepalive_ns, 60000000000);
    assert_true(r->mqtt.clean);
    assert_int_equal(r->mqtt.spool, 64 << 20);
    assert_int_equal(r->steps.n, 2);
    assert_float_equal(r->steps.items[1], 2.5, 0);
    assert_string_equal(r->tags.items[1], "two");
    assert_true(option_given(&test_meter_section, m, offsetof(struct test_meter, name)));
    assert_false(option_given(&test_meter_section, m, offsetof(struct test_meter, every_ns)));
    config_free(c);
}

static void test_every_type(void **state)
{
    (void)state;
    struct config *c = must_read(
        "site: { id = \"m-1\"; title = \"Laminoir \\\"n\\xc2\\xb0 1\\\"\" \", Florange\";\n"
        "latitude = 49; power = \"1.5 MW\"; temperature = \"-5 degC\"; };\n"
        "meters = ( { name = \"a\"; unit_id = 0x1F; every = \"1 min\"; table = \"coil\";\n"
        "  only = [ \"x\", \"y\" ]; points = ( { name = \"p\"; address = 7; scale = -0.1; } ); } )\n"
        "mqtt: { server = \"mqtt://x\"; keepalive = \"500 ms\"; clean = FALSE; spool = \"500 kB\"; }\n"
        "steps = ( 1, 2.5, -3L ); tags = (); big = -3000000000L; verbose = true;");
    struct test_root *r = config_root(c);
    const struct test_meter *m = r->meters.items;
    const struct test_point *p = m->points.items;
    assert_string_equal(r->site.title, "Laminoir \"n\u00b0 1\", Florange");
    assert_float_equal(r->site.latitude, 49, 0);
    assert_float_equal(r->site.power, 1500, 1e-9);
    assert_float_equal(r->site.temperature, -5, 1e-9);
    assert_int_equal(m->unit_id, 31);
    assert_int_equal(m->every_ns, 60000000000);
    assert_int_equal(m->table, 1);
    assert_int_equal(m->only.n, 2);
    assert_string_equal(m->only.items[1], "y");
    assert_int_equal(p->address, 7);
    assert_float_equal(p->scale, -0.1, 0);
    assert_int_equal(r->mqtt.keepalive_ns, 500000000);
    assert_false(r->mqtt.clean);
    assert_int_equal(r->mqtt.spool, 500000);
    assert_int_equal(r->steps.n, 3);
    assert_float_equal(r->steps.items[2], -3, 0);
    assert_int_equal(r->tags.n, 0);
    assert_true(r->big == -3000000000);
    assert_true(r->verbose);
    config_free(c);
}

// ---- Diagnostics ----

static void test_diagnostics_are_sorted(void **state)
{
    (void)state;
    struct diagnostics *d = diagnostics_new();
    char name[] = "b.conf";
    diag_error(d, (struct place){name, 12}, "third");
    diag_warning(d, (struct place){name, 2}, "second");
    memcpy(name, "a.conf", sizeof name); // the caller's name may go before the diagnostics are shown
    diag_error(d, (struct place){name, 99}, "first");
    diag_error(d, (struct place){name, 99}, "first");
    diag_error(d, (struct place){name, 0}, "as a whole\x1b[2J");
    diag_error(d, (struct place){0}, "from nowhere");
    char *said = printed(d);
    assert_string_equal(said, "error: from nowhere\n"
                              "a.conf: error: as a whole?[2J\n"
                              "a.conf:99: error: first\n"
                              "b.conf:2: warning: second\n"
                              "b.conf:12: error: third\n");
    assert_int_equal(diag_errors(d), 4);
    assert_int_equal(diag_warnings(d), 1);
    free(said);
    diagnostics_free(d);
}

static void test_diagnostics_are_bounded(void **state)
{
    (void)state;
    struct diagnostics *d = diagnostics_new();
    for (int i = 0; i < 3000; i++)
        diag_error(d, (struct place){"a", 3000 - i}, "wrong");
    char *said = printed(d);
    assert_int_equal(diag_errors(d), 3000);
    assert_non_null(strstr(said, "2000 more that are not shown"));
    free(said);
    diagnostics_free(d);
}

// ---- Bounds ----

// A text of `n` times `unit` between two others.
static char *repeated(const char *before, const char *unit, size_t n, const char *after)
{
    struct buf b = {0};
    buf_puts(&b, before);
    for (size_t i = 0; i < n; i++)
        buf_puts(&b, unit);
    buf_puts(&b, after);
    buf_putc(&b, '\0');
    return b.data;
}

static void test_deep_and_wide(void **state)
{
    (void)state;
    char *deep = repeated("a = ", "(", 100000, "");
    expect_said(deep, "t:1: error: nested deeper than 32 levels\n");
    free(deep);
    char *wide = repeated("", "a = 1 ", 1001, "");
    expect_said(wide, "t:1: error: more than 1000 settings in one group\n");
    free(wide);
    char *large = repeated("# ", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 32769, "");
    expect_said(large, "t: error: it is larger than 1 MiB\n");
    free(large);
    char *words = repeated("a = 1", ";", 1000000, "");
    expect_said(words, "t:1: error: more than 1000000 words in a file and what it includes\n");
    free(words);
    char *number = repeated("big = ", "1", 500, ";");
    expect_said(number, "t:1: error: a number has no 500 digits\n");
    free(number);
}

static void test_long_list(void **state)
{
    (void)state;
    char *text = repeated(SITE "steps = ( 0", ",\n1.5", 10000, ");");
    struct config *c = must_read(text);
    struct test_root *r = config_root(c);
    assert_int_equal(r->steps.n, 10001);
    assert_float_equal(r->steps.items[10000], 1.5, 0);
    config_free(c);
    free(text);
}

static void test_include_from_memory(void **state)
{
    (void)state;
    expect_said("\n@include \"/etc/passwd\"", "t:2: error: @include is possible only in a file\n");
}

// Every request for memory of ours refused in turn: an error, never a crash or a half result.
static void test_no_memory(void **state)
{
    (void)state;
    static const char text[] = SITE "meters = ( { name = \"a\"; only = ( \"x\" ); points = ( { name = \"p\"; "
                                    "address = 1; } ); } ); mqtt: { server = \"s\"; };";
    size_t refused = 0, limit = 0;
    for (bool good = false; !good; limit += 16) {
        struct diagnostics *d = diagnostics_new();
        struct config *c = config_read_limited(text, "t", &test_root_section, d, limit);
        good = c && diag_errors(d) == 0;
        if (!good) {
            char *said = printed(d);
            assert_non_null(strstr(said, "out of memory"));
            free(said);
            refused++;
        }
        config_free(c);
        diagnostics_free(d);
        assert_true(limit < 100000);
    }
    assert_true(refused > 20);
}

static void test_hash(void **state)
{
    (void)state;
    struct diagnostics *d = diagnostics_new();
    struct config *c = config_read_text("abc", "t", &test_root_section, d);
    // FIPS 180-2, B.1
    assert_string_equal(config_hash(c), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    config_free(c);
    diagnostics_free(d);
}

static void test_alloc(void **state)
{
    (void)state;
    struct config *c = must_read(SITE);
    char *a = config_alloc(c, 100000), *b = config_alloc(c, 1);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(((uintptr_t)a | (uintptr_t)b) % 16, 0);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(a[i], 0);
    assert_null(config_alloc(c, SIZE_MAX));
    assert_null(config_alloc(c, SIZE_MAX - 40));
    config_free(c);
}

// A table whose default does not suit its own type is found the first time it is used.
static void test_wrong_default(void **state)
{
    (void)state;
    struct bad {
        struct settings common;
        int64_t a, b;
    };
    static const struct option options[] = {
        {"a", OPTION_INT, offsetof(struct bad, a), .def = "5", .min = 6, .max = 9},
        {"b", OPTION_DURATION, offsetof(struct bad, b), .def = "5 kW"},
        {0},
    };
    static const struct section section = {"bad", sizeof(struct bad), options, NULL};
    struct diagnostics *d = diagnostics_new();
    config_free(config_read_text("", "t", &section, d));
    char *said = printed(d);
    assert_string_equal(
        said,
        "error: \"a\" is 5; allowed is 6 to 9\n"
        "error: \"b\" wants a duration such as \"5 kW\" (in ms, s, min, h or d); \"5 kW\" is a power\n");
    free(said);
    diagnostics_free(d);
}

// ---- Golden files ----

static int is_conf(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

static int compare_golden(const char *name)
{
    char path[300], golden[300];
    snprintf(path, sizeof path, GOLDEN_DIRECTORY "/%s", name);
    snprintf(golden, sizeof golden, "%.*s.err", (int)strlen(path) - 5, path);
    struct diagnostics *d = diagnostics_new();
    config_free(config_read_path(path, false, &test_root_section, d));
    char *said = printed(d);
    diagnostics_free(d);
    struct buf expected = {0};
    const char *mode = getenv("SYMBIONT_GOLDEN");
    if (mode && strcmp(mode, "write") == 0)
        file_replace(golden, said, strlen(said), 0644);
    file_read(golden, 1 << 20, &expected);
    int wrong = strcmp(said, buf_text(&expected)) != 0;
    if (wrong)
        print_error("%s: expected\n%s---- but was said\n%s----\n", path, buf_text(&expected), said);
    buf_free(&expected);
    free(said);
    return wrong;
}

static void test_golden(void **state)
{
    (void)state;
    struct dirent **entries;
    int n = scandir(GOLDEN_DIRECTORY, &entries, is_conf, alphasort), wrong = 0;
    assert_true(n > 10);
    for (int i = 0; i < n; i++) {
        wrong += compare_golden(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    char why[200];
    if (units_open(why, sizeof why) < 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_diagnostics_are_sorted),
        cmocka_unit_test(test_diagnostics_are_bounded),
        cmocka_unit_test(test_deep_and_wide),
        cmocka_unit_test(test_long_list),
        cmocka_unit_test(test_include_from_memory),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_wrong_default),
        cmocka_unit_test(test_golden),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
