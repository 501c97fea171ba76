// SPDX-License-Identifier: Apache-2.0
// Replays every recording beside this file, and shows that a recording can fail.
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "symbiont/buf.h"
#include "symbiont/files.h"
#include "symbiont/recording.h"

static const struct profile_path shipped = {{"conf/profiles", NULL}};

static void test_shipped_recordings(void **state)
{
    (void)state;
    glob_t files;
    struct recording_counts all = {0};
    assert_int_equal(glob("tests/replay/*.test", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct buf text = {0};
        struct recording_counts counts;
        struct diagnostics *d = diagnostics_new();
        assert_int_equal(file_read(files.gl_pathv[i], 1 << 20, &text), 0);
        if (!recording_replay(buf_text(&text), files.gl_pathv[i], &shipped, d, &counts)) {
            diag_print(d, stderr);
            fail_msg("%s", files.gl_pathv[i]);
        }
        all.recordings += counts.recordings;
        all.right += counts.right;
        diagnostics_free(d);
        buf_free(&text);
    }
    printf("# %zu files, %u recordings, %u readings\n", files.gl_pathc, all.recordings, all.right);
    globfree(&files);
}

static void collect(void *arg, bool is_error, struct place at, const char *text)
{
    assert_true(is_error);
    buf_printf(arg, "%d: %s\n", at.line, text);
}

static void assert_says(const char *recording, const char *expected)
{
    struct diagnostics *d = diagnostics_new();
    struct recording_counts counts;
    struct buf said = {0};
    assert_false(recording_replay(recording, "r", &shipped, d, &counts));
    diag_each(d, collect, &said);
    assert_string_equal(buf_text(&said), expected);
    buf_free(&said);
    diagnostics_free(d);
}

#define SDM "profile eastron-sdm120\nread input 0 4366 3334\n"

static void test_wrong_readings(void **state)
{
    (void)state;
    assert_says(SDM "expect voltage 230.3 V\n", "3: voltage: expected 230.3 V, reads 230.2\n");
    assert_says(SDM "expect voltage 230.2 A\n",
                "3: voltage: \"A\" is not a unit of it, which is read in V\n");
    assert_says(SDM "expect voltage x\n", "3: voltage: \"x\" is not a number\n");
    assert_says(SDM "unavailable voltage\n", "3: voltage: expected unavailable, reads 230.2 V\n");
    assert_says("profile eastron-sdm120\nread input 0 7FC0 0000\nexpect voltage 1 V\n",
                "3: voltage: expected 1 V, has no value: not available\n");
    assert_says(SDM "expect current 1 A\n", "3: current: no read holds input 6, 2 registers\n");
    assert_says(SDM "expect curent 1 A\n",
                "3: profile eastron-sdm120 has no point \"curent\", did you mean \"current\"?\n");
    // What an earlier recording read does not serve a later one.
    assert_says(SDM "recording two\nexpect voltage 230.2 V\n",
                "4: voltage: no read holds input 0, 2 registers\n");
}

static void test_malformed(void **state)
{
    (void)state;
    assert_says("", "0: nothing is expected: add \"expect POINT NUMBER UNIT\"\n");
    assert_says("expect voltage 1 V\n", "1: the file must begin with \"profile NAME\"\n");
    assert_says("profile a\nprofile b\n", "2: a second \"profile\": one file, one profile\n");
    assert_says("poll it\n",
                "1: \"poll\": a line begins with profile, order, recording, read, expect or unavailable\n");
    assert_says("read registers 0 1\n", "1: \"read\" needs a table: input, holding, coil or discrete\n");
    assert_says("read input 65536 0000\n", "1: \"read\" needs an address from 0 to 65535 after the table\n");
    assert_says("read input 65535 0000 0000\n", "1: the read goes beyond address 65535\n");
    assert_says("read input 0\n", "1: \"read\" needs what was read\n");
    assert_says("read input 0 17254\n",
                "1: \"17254\": registers are four hexadecimal digits, at most 125 of them\n");
    assert_says("read coil 0 2\n", "1: \"2\": bits are 0 or 1, at most 250 of them\n");
    assert_says("order backwards\n", "1: the order is \"backwards\"; allowed are abcd, cdab, badc, dcba\n");
}

static void test_order(void **state)
{
    (void)state;
    struct diagnostics *d = diagnostics_new();
    struct recording_counts counts;
    assert_true(recording_replay("profile trios-tph\norder cdab\nread holding 1002 0000 41C4\n"
                                 "expect temperature 24.5 degC # the display\n",
                                 "r", &shipped, d, &counts));
    assert_int_equal(counts.right, 1);
    assert_int_equal(counts.recordings, 1);
    diagnostics_free(d);
    assert_says("profile trios-tph\nread holding 1002 0000 41C4\nexpect temperature 24.5 degC\n",
                "3: the recording: the word order of trios-tph is not known: say order = \"abcd\" or "
                "\"cdab\" for this "
                "meter, whichever makes its readings right\n");
}

static int open_units(void **state)
{
    (void)state;
    char why[200];
    return units_open(why, sizeof why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_recordings),
        cmocka_unit_test(test_wrong_readings),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
