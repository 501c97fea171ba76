// SPDX-License-Identifier: Apache-2.0
// Configurations made of several files: @include within bounds, conf.d/ merged.
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "config/sections.h"
#include "config/source.h"
#include "symbiont/files.h"
#include "symbiont/units.h"

#define SITE "site: { id = \"mill\"; };\n"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

// Each test in an empty directory that is the current one: the names in messages are short.
static int enter(void **state)
{
    static char path[] = "/tmp/symbiont-config-XXXXXX";
    strcpy(path + sizeof path - 7, "XXXXXX");
    if (!mkdtemp(path) || chdir(path) < 0)
        return -1;
    *state = path;
    return mkdir("conf.d", 0755);
}

static int leave(void **state)
{
    return chdir("/") < 0 ? -1 : nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *path, const char *text)
{
    assert_int_equal(file_replace(path, text, strlen(text), 0644), 0);
}

// What is said about main.conf and its conf.d; the configuration when `out` is not NULL.
static void expect_said(const char *expected, struct config **out)
{
    struct diagnostics *d = diagnostics_new();
    struct config *c = config_read_path("main.conf", true, &test_root_section, d);
    char *said = NULL;
    size_t n;
    FILE *memory = open_memstream(&said, &n);
    diag_print(d, memory);
    fclose(memory);
    assert_string_equal(said, expected);
    free(said);
    diagnostics_free(d);
    if (out)
        *out = c;
    else
        config_free(c);
}

static void test_no_file(void **state)
{
    (void)state;
    struct config *c;
    put("conf.d/a.conf", "verbose = 1;");
    expect_said("conf.d/a.conf:1: error: \"verbose\" wants true or false, found the number 1\n"
                "main.conf: error: cannot read \"main.conf\": No such file or directory\n",
                &c);
    assert_null(c);
}

static void test_include_fifo(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    put("main.conf", SITE "@include \"pipe\"\n");
    expect_said("main.conf:2: error: cannot read \"pipe\": it is not a regular file\n", NULL);
    unlink("main.conf");
    assert_int_equal(rename("pipe", "main.conf"), 0);
    expect_said("main.conf: error: cannot read \"main.conf\": it is not a regular file\n", NULL);
}

static void test_include_is_beside_its_file(void **state)
{
    (void)state;
    assert_int_equal(mkdir("lines", 0755), 0);
    put("main.conf", SITE "meters = (\n@include \"lines/all.inc\"\n);");
    put("lines/all.inc", "  @include \"one.inc\" // and\n, @include \"two.inc\"\n");
    put("lines/one.inc", "{ name = \"one\"; }");
    put("lines/two.inc", "{ name = \"two\"; }");
    expect_said("lines/all.inc:2: error: \"@\" can only begin a line of the form @include \"file.conf\" (the "
                "files of "
                "conf.d/ are read without being named)\n",
                NULL);
    put("lines/all.inc",
        "  @include \"one.inc\" // and\n,\n @include \t\"two.inc\" , { name = \"one\"; x = 1; }\n");
    expect_said(
        "lines/all.inc:3: error: unknown setting \"x\" of meter \"one\"; known are name, unit_id, every, "
        "table, only, points\n"
        "lines/all.inc:3: error: there is already a meter \"one\", at lines/one.inc:1\n",
        NULL);
}

static void test_include_absolute_and_quoted(void **state)
{
    char text[300];
    put("a\"b\\c.inc", "verbose = true;");
    snprintf(text, sizeof text, SITE "@include \"%s/a\\\"b\\\\c.inc\"", (const char *)*state);
    put("main.conf", text);
    struct config *c;
    expect_said("", &c);
    assert_true(((struct test_root *)config_root(c))->verbose);
    config_free(c);
}

static void test_include_loops(void **state)
{
    (void)state;
    put("main.conf", SITE "@include \"a.inc\"\n");
    put("a.inc", "\n@include \"b.inc\"\n");
    put("b.inc", "@include \"./a.inc\"\n");
    expect_said("b.inc:1: error: \"./a.inc\" includes itself\n", NULL);
    // Twice is no loop.
    put("main.conf", SITE "meters = (\n@include \"a.inc\"\n,\n@include \"a.inc\"\n);");
    put("a.inc", "{ name = \"a\"; }\n");
    expect_said("a.inc:1: error: there is already a meter \"a\", at a.inc:1\n", NULL);
}

static void test_include_too_deep(void **state)
{
    (void)state;
    put("main.conf", "@include \"1.inc\"\n");
    for (int i = 1; i < 14; i++) {
        char name[32], text[64];
        snprintf(name, sizeof name, "%d.inc", i);
        snprintf(text, sizeof text, "@include \"%d.inc\"\n", i + 1);
        put(name, text);
    }
    expect_said("10.inc:1: error: @include is nested deeper than 10 files\n", NULL);
    put("10.inc", SITE);
    expect_said("", NULL);
}

static void put_blanks(const char *path, size_t n)
{
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, ' ', n);
    assert_int_equal(file_replace(path, text, n, 0644), 0);
    free(text);
}

static void test_too_large(void **state)
{
    (void)state;
    put("main.conf", SITE "@include \"large.inc\"\n");
    put_blanks("large.inc", CONFIG_FILE_MAX);
    expect_said("", NULL);
    put_blanks("large.inc", CONFIG_FILE_MAX + 1);
    expect_said("main.conf:2: error: cannot read \"large.inc\": it is larger than 1 MiB\n", NULL);
}

static void test_all_too_large(void **state)
{
    (void)state;
    char text[1000] = SITE;
    for (int i = 0; i < 17; i++)
        strcat(text, "@include \"large.inc\"\n");
    put("main.conf", text);
    put_blanks("large.inc", CONFIG_FILE_MAX);
    expect_said("main.conf:17: error: cannot read \"large.inc\": all files together are larger than 16 MiB\n",
                NULL);
}

// ---- conf.d ----

static void test_merge(void **state)
{
    (void)state;
    put("main.conf", "site: { id = \"mill\"; };\nmeters = ( { name = \"a\"; } );\ntags = [ \"x\" ];");
    put("conf.d/20-b.conf", "meters = ( { name = \"c\"; } );\nsite: { latitude = 49; };");
    put("conf.d/10-a.conf",
        "meters = ( { name = \"b\"; } );\ntags = ( \"y\", \"z\" ); mqtt: { server = \"s\"; };");
    put("conf.d/.hidden.conf", "rubbish");
    put("conf.d/30.conf~", "rubbish");
    put("conf.d/README", "rubbish");
    struct config *c;
    expect_said("", &c);
    struct test_root *r = config_root(c);
    const struct test_meter *m = r->meters.items;
    assert_int_equal(r->meters.n, 3);
    assert_string_equal(m[0].name, "a");
    assert_string_equal(m[1].name, "b");
    assert_string_equal(m[2].name, "c");
    assert_string_equal(m[2].common.place.file, "conf.d/20-b.conf");
    assert_int_equal(r->tags.n, 3);
    assert_string_equal(r->tags.items[2], "z");
    assert_string_equal(r->site.id, "mill");
    assert_float_equal(r->site.latitude, 49, 0);
    assert_string_equal(r->mqtt.server, "s");
    config_free(c);
}

static void test_merge_refused(void **state)
{
    (void)state;
    put("main.conf",
        "site: { id = \"mill\";\n power = \"1 kW\"; };\nverbose = true;\nmeters = ( { name = \"a\"; } );");
    put("conf.d/a.conf",
        "verbose = true;\nmeters = ( { name = \"a\"; } );\nsite: {\n power = \"2 kW\"; };\ntags = ();");
    put("conf.d/b.conf", "meters: { name = \"a\"; };\n\nsite = 5; tags = 3;");
    expect_said("conf.d/a.conf:1: error: \"verbose\" is given twice, first at main.conf:3; only lists and "
                "groups are joined\n"
                "conf.d/a.conf:2: error: there is already a meter \"a\", at main.conf:4\n"
                "conf.d/a.conf:4: error: \"power\" is given twice, first at main.conf:2; only lists and "
                "groups are joined\n"
                "conf.d/b.conf:1: error: \"meters\" is given twice, first at main.conf:4; only lists and "
                "groups are joined\n"
                "conf.d/b.conf:3: error: \"site\" is given twice, first at main.conf:1; only lists and "
                "groups are joined\n"
                "conf.d/b.conf:3: error: \"tags\" is given twice, first at conf.d/a.conf:5; only lists and "
                "groups are joined\n",
                NULL);
}

// One syntax error per file, then what else is wrong; what a broken file may hold is not missing.
static void test_every_file_is_read(void **state)
{
    (void)state;
    put("main.conf", "site: { title = \"t\"; };\nmeters = ( { evry = 1; } );");
    put("conf.d/a.conf", "a = ;\nb = ;\n");
    put("conf.d/b.conf", "verbose = true; verbose = true; x = 1;");
    put("conf.d/c.conf", "verbose = 3;");
    expect_said("conf.d/a.conf:1: error: the value of \"a\" is missing\n"
                "conf.d/b.conf:1: error: \"verbose\" is given twice in one group, first at conf.d/b.conf:1\n"
                "conf.d/c.conf:1: error: \"verbose\" wants true or false, found the number 3\n"
                "main.conf:2: error: unknown setting \"evry\" of meter; did you mean \"every\"?\n"
                "main.conf:2: error: \"name\" of meter is missing\n",
                NULL);
}

static void test_conf_d_is_odd(void **state)
{
    (void)state;
    put("main.conf", SITE);
    assert_int_equal(mkdir("conf.d/dir.conf", 0755), 0);
    expect_said("conf.d/dir.conf: error: cannot read \"conf.d/dir.conf\": it is not a regular file\n", NULL);
    rmdir("conf.d/dir.conf");
    rmdir("conf.d");
    expect_said("", NULL);
    put("conf.d", "a file");
    expect_said("conf.d: error: cannot read this directory: Not a directory\n", NULL);
}

static void test_hash_of_all(void **state)
{
    (void)state;
    char hash[2][65];
    for (int i = 0; i < 2; i++) {
        // The same bytes, once in three files.
        put("main.conf", i ? SITE "verbose = true;" : SITE);
        put("conf.d/a.conf", i ? "" : "verbose");
        put("conf.d/b.conf", i ? "" : " = true;");
        struct diagnostics *d = diagnostics_new();
        struct config *c = config_read_path("main.conf", true, &test_root_section, d);
        strcpy(hash[i], config_hash(c));
        config_free(c);
        diagnostics_free(d);
    }
    assert_string_equal(hash[0], hash[1]);
}

int main(void)
{
    char why[200];
    if (units_open(why, sizeof why) < 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_file, enter, leave),
        cmocka_unit_test_setup_teardown(test_include_fifo, enter, leave),
        cmocka_unit_test_setup_teardown(test_include_is_beside_its_file, enter, leave),
        cmocka_unit_test_setup_teardown(test_include_absolute_and_quoted, enter, leave),
        cmocka_unit_test_setup_teardown(test_include_loops, enter, leave),
        cmocka_unit_test_setup_teardown(test_include_too_deep, enter, leave),
        cmocka_unit_test_setup_teardown(test_too_large, enter, leave),
        cmocka_unit_test_setup_teardown(test_all_too_large, enter, leave),
        cmocka_unit_test_setup_teardown(test_merge, enter, leave),
        cmocka_unit_test_setup_teardown(test_merge_refused, enter, leave),
        cmocka_unit_test_setup_teardown(test_every_file_is_read, enter, leave),
        cmocka_unit_test_setup_teardown(test_conf_d_is_odd, enter, leave),
        cmocka_unit_test_setup_teardown(test_hash_of_all, enter, leave),
    };
    return cmocka_run_group_tests_name("config_files", tests, NULL, NULL);
}
