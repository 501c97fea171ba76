// SPDX-License-Identifier: Apache-2.0
// Reading, checking, merging and printing configurations.
//
// tests/unit/config/*.conf are files with mistakes; each stands beside what must be said about it (.err).
// SYMBIONT_GOLDEN=write writes the .err files anew: read the difference before it is committed.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
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
__attribute__((unused)) static void expect_said(const char *text, const char *expected)
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
        cmocka_unit_test(test_golden),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
