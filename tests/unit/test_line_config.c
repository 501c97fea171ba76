// SPDX-License-Identifier: Apache-2.0
// The settings of a line: defaults, and every mistake with the sentence it earns.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "symbiont/line.h"
#include "symbiont/units.h"

struct root {
    struct settings common;
    struct groups lines;
};

static const struct option root_options[] = {
    {"lines", OPTION_GROUPS, offsetof(struct root, lines), .section = &line_section, .help = "The wires."},
    {0},
};
static const struct section root_section = {"root", sizeof(struct root), root_options, "A test."};

static struct config *read_lines(const char *text, struct diagnostics *d)
{
    struct config *c = config_read_text(text, "test.conf", &root_section, d);
    assert_non_null(c);
    struct root *r = config_root(c);
    for (size_t i = 0; i < r->lines.n; i++)
        line_config_check((struct line_config *)r->lines.items + i, d);
    return c;
}

static char *said(struct diagnostics *d)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    diag_print(d, out);
    fclose(out);
    return text;
}

static void defaults_of_a_line(void **state)
{
    (void)state;
    struct diagnostics *d = diagnostics_new();
    struct config *c = read_lines("lines = ( { name = \"utilities\"; tcp = \"192.168.10.20\"; } );", d);
    assert_int_equal(diag_errors(d), 0);
    const struct line_config *l = ((struct root *)config_root(c))->lines.items;
    assert_string_equal(l->name, "utilities");
    assert_string_equal(l->tcp, "192.168.10.20");
    assert_null(l->serial);
    assert_null(l->rtu_over_tcp);
    assert_null(l->mode);
    assert_int_equal(l->timeout_ns, NS_PER_S);
    assert_int_equal(l->pause_ns, 0);
    assert_int_equal(l->connect_pause_ns, 0);
    assert_int_equal(l->in_flight, 1);
    assert_false(l->close_after_cycle || l->rs485 || l->echo);
    assert_false(option_given(&line_section, l, offsetof(struct line_config, in_flight)));
    config_free(c);
    diagnostics_free(d);
}

static void lines_that_are_right(void **state)
{
    (void)state;
    static const char *const right[] = {
        "{ name = \"a\"; tcp = \"plc.example:1502\"; in_flight = 4; close_after_cycle = true; }",
        "{ name = \"a\"; tcp = \"[fe80::1%eth0]:502\"; timeout = \"300 ms\"; connect_pause = \"2 s\"; }",
        "{ name = \"a\"; serial = \"/dev/ttyUSB0\"; mode = \"9600 8N1\"; }",
        "{ name = \"a\"; serial = \"/dev/ttyS1\"; mode = \"115200 8E1\"; rs485 = true; echo = true; pause = "
        "\"5 ms\"; }",
        "{ name = \"a\"; rtu_over_tcp = \"192.168.10.30:4001\"; }",
        "{ name = \"a\"; rtu_over_tcp = \"moxa:4001\"; mode = \"19200 8O1\"; echo = true; close_after_cycle "
        "= true; }",
    };
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        char text[512];
        struct diagnostics *d = diagnostics_new();
        snprintf(text, sizeof text, "lines = ( %s );", right[i]);
        struct config *c = read_lines(text, d);
        char *words = said(d);
        assert_string_equal(words, "");
        free(words);
        config_free(c);
        diagnostics_free(d);
    }
}

// What follows `{ name = "a";` on line 2, and what must be said about it.
static void lines_that_are_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *expected;
    } rows[] = {
        {"", "needs exactly one of `tcp`, `serial` and `rtu_over_tcp`"},
        {"tcp = \"a\"; serial = \"/dev/ttyS0\"; mode = \"9600 8N1\";", "not several"},
        {"tcp = \"a\"; rtu_over_tcp = \"b:1\";", "not several"},
        {"tcp = \"10.0.0.1:99999\";", "the port \"99999\" is not a number from 1 to 65535"},
        {"tcp = \"fe80::1\";", "an IPv6 address stands in brackets"},
        {"rtu_over_tcp = \"10.0.0.1\";", "lacks the port, as in \"10.0.0.1:4001\""},
        {"serial = \"/dev/ttyS0\";", "`serial` needs `mode`, such as mode = \"9600 8N1\""},
        {"serial = \"ttyS0\"; mode = \"9600 8N1\";", "\"ttyS0\" is not a path"},
        {"serial = \"/dev/ttyS0\"; mode = \"31250 8N1\";",
         "mode \"31250 8N1\" is not known; allowed are 1200"},
        {"serial = \"/dev/ttyS0\"; mode = \"9600 7E1\";", "8N1, 8E1, 8O1 or 8N2"},
        {"tcp = \"a\"; mode = \"9600 8N1\";", "`mode` is for serial lines"},
        {"tcp = \"a\"; rs485 = true;", "`rs485` is for `serial` lines"},
        {"rtu_over_tcp = \"a:1\"; rs485 = true;", "`rs485` is for `serial` lines"},
        {"tcp = \"a\"; echo = true;", "`echo` is for serial lines"},
        {"rtu_over_tcp = \"a:1\"; in_flight = 2;", "a serial line carries one request at a time"},
        {"serial = \"/dev/ttyS0\"; mode = \"9600 8N1\"; close_after_cycle = true;",
         "for lines with a connection"},
        {"tcp = \"a\"; timeout = \"0 s\";", "timeout"},
        {"tcp = \"a\"; timeout = \"2 min\";", "timeout"},
        {"tcp = \"a\"; timeout = 1;", "timeout"},
        {"tcp = \"a\"; in_flight = 17;", "in_flight"},
        {"tpc = \"a\"; tcp = \"a\";", "tcp"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        struct diagnostics *d = diagnostics_new();
        snprintf(text, sizeof text, "lines = (\n{ name = \"a\"; %s } );", rows[i].settings);
        struct config *c = read_lines(text, d);
        char *words = said(d);
        if (diag_errors(d) != 1 || !strstr(words, rows[i].expected) ||
            strncmp(words, "test.conf:2: error: ", 20) != 0)
            fail_msg("%s\nsaid: %swanted: %s", rows[i].settings, words, rows[i].expected);
        free(words);
        config_free(c);
        diagnostics_free(d);
    }
}

static void every_mistake_is_said_at_once(void **state)
{
    (void)state;
    struct diagnostics *d = diagnostics_new();
    struct config *c = read_lines(
        "lines = ( { name = \"a\"; serial = \"x\"; in_flight = 3; close_after_cycle = true; } );", d);
    assert_int_equal(diag_errors(d), 4); // path, mode, in_flight, close_after_cycle
    config_free(c);
    diagnostics_free(d);
}

static void each_option_has_its_help(void **state)
{
    (void)state;
    for (const struct option *o = line_section.options; o->name; o++)
        assert_true(o->help && strlen(o->help) > 20);
}

static int open_units(void **state)
{
    (void)state;
    char why[256];
    return units_open(why, sizeof why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_of_a_line),       cmocka_unit_test(lines_that_are_right),
        cmocka_unit_test(lines_that_are_wrong),     cmocka_unit_test(every_mistake_is_said_at_once),
        cmocka_unit_test(each_option_has_its_help),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
