// SPDX-License-Identifier: Apache-2.0
// symbiont profiles: the list and its filters, one model, recordings, and what it says when something is
// wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "cli/verb.h"

struct ran {
    int status;
    char *out, *err;
};

static struct ran ran(const char *const *arguments)
{
    char *argv[16] = {(char *)(uintptr_t) "symbiont", (char *)(uintptr_t) "profiles"};
    int argc = 2;
    while (arguments[argc - 2]) {
        argv[argc] = (char *)(uintptr_t)arguments[argc - 2];
        argc++;
    }
    struct ran r;
    size_t n;
    FILE *out = open_memstream(&r.out, &n), *err = open_memstream(&r.err, &n);
    r.status = cli_main(argc, argv, out, err);
    fclose(out);
    fclose(err);
    return r;
}

#define RUN(...) ran((const char *const[]){__VA_ARGS__, NULL})

static void done(struct ran r)
{
    free(r.out);
    free(r.err);
}

static void assert_holds(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static json_t *json_of(struct ran r)
{
    json_t *j = json_loads(r.out, 0, NULL);
    assert_int_equal(r.status, 0);
    assert_non_null(j);
    done(r);
    return j;
}

static void test_list(void **state)
{
    (void)state;
    json_t *all = json_of(RUN("--json"));
    size_t i;
    json_t *row;
    assert_true(json_array_size(all) > 80);
    json_array_foreach(all, i, row)
        assert_int_equal(strcmp(json_string_value(json_object_get(row, "confidence")), "low") == 0,
                         json_is_true(json_object_get(row, "unverified")));
    json_decref(all);

    json_t *few = json_of(RUN("--json", "--medium", "weighing", "--vendor", "flin", "--confidence", "high"));
    assert_int_equal(json_array_size(few), 2);
    json_array_foreach(few, i, row)
        assert_string_equal(json_string_value(json_object_get(row, "vendor")), "Flintec");
    json_decref(few);

    struct ran r = RUN("--medium", "steam");
    assert_int_equal(r.status, 1);
    assert_string_equal(r.err, "symbiont profiles: no profile is like that\n");
    done(r);
    r = RUN("--medium", "gold");
    assert_int_equal(r.status, 64);
    assert_holds(r.err, "--medium is \"gold\"; allowed are: electricity heat water");
    done(r);
}

static void test_one(void **state)
{
    (void)state;
    struct ran r = RUN("eastron-sdm120");
    assert_int_equal(r.status, 0);
    assert_string_equal(r.err, "");
    assert_holds(r.out, "vendor              Eastron\n");
    assert_holds(r.out, "serial              2400 8N1\n");
    assert_holds(r.out, "  voltage                         input        0  float32  abcd       1  V\n");
    assert_holds(r.out, "  active_power                    input       12  float32  abcd   0.001  kW\n");
    assert_holds(r.out, "\nsources\n  - nmakel/sdm_modbus:");
    done(r);

    json_t *j = json_of(RUN("hamilton-arc-ph", "--json"));
    assert_string_equal(json_string_value(json_object_get(j, "order")), "unknown");
    json_t *ph = json_array_get(json_object_get(j, "points"), 1);
    assert_string_equal(json_string_value(json_object_get(ph, "name")), "ph");
    assert_string_equal(json_string_value(json_object_get(ph, "order")), "?");
    assert_string_equal(json_string_value(json_object_get(ph, "remarks")), "unit by unit_code");
    assert_true(json_array_size(json_object_get(j, "notes")) > 3);
    json_decref(j);

    r = RUN("eastron-smd120");
    assert_int_equal(r.status, 1);
    assert_holds(r.err, "there is no profile \"eastron-smd120\"; did you mean \"eastron-sdm120\"?");
    assert_string_equal(r.out, "");
    done(r);
}

static void test_recordings(void **state)
{
    (void)state;
    struct ran r = RUN("--test", "tests/replay/abb-b23.test", "-t", "tests/replay/eastron-sdm120.test");
    assert_string_equal(r.err, "");
    assert_string_equal(r.out, "tests/replay/abb-b23.test: 10 of 10 readings right, in 2 recordings\n"
                               "tests/replay/eastron-sdm120.test: 6 of 6 readings right, in 2 recordings\n");
    assert_int_equal(r.status, 0);
    done(r);

    char file[] = "/tmp/symbiont_recording_XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    static const char wrong[] = "profile eastron-sdm120\nread input 0 4366 3334\nexpect voltage 231 V\n";
    assert_int_equal(write(fd, wrong, sizeof wrong - 1), sizeof wrong - 1);
    close(fd);
    char said[200];
    snprintf(said, sizeof said, "%s:3: error: voltage: expected 231 V, reads 230.2\n", file);
    r = RUN("--test", file);
    unlink(file);
    assert_int_equal(r.status, 1);
    assert_string_equal(r.err, said);
    assert_holds(r.out, "0 of 1 readings right");
    done(r);

    r = RUN("--test", "/nonexistent.test");
    assert_int_equal(r.status, EX_NOINPUT);
    assert_string_equal(r.err, "symbiont profiles: cannot read /nonexistent.test\n");
    done(r);
    r = RUN("--test", "a.test", "eastron-sdm120");
    assert_int_equal(r.status, 64);
    done(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_recordings),
    };
    setenv("SYMBIONT_PROFILES", "conf/profiles", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
