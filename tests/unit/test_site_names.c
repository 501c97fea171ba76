// SPDX-License-Identifier: Apache-2.0
// A point may not have the name of a word that messages use themselves.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "symbiont/site.h"

static void collect(void *arg, bool is_error, struct place at, const char *text)
{
    char *out = arg;
    if (is_error)
        snprintf(out + strlen(out), 900 - strlen(out), "%d: %s\n", at.line, text);
}

static void errors_of(const char *point, char *errors)
{
    char path[] = "/tmp/symbiont-site-XXXXXX", why[200];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd,
            "site: { id = \"mill\"; };\nlines: ( { name = \"hall\"; tcp = \"127.0.0.1\"; } );\n"
            "meters: ( { name = \"m\"; line = \"hall\"; unit_id = 1; every = \"1 s\";\n"
            "  points: ( { name = \"%s\"; quantity = \"active_power\"; table = \"input\"; address = 0; type "
            "= \"uint16\"; "
            "unit = \"kW\"; } ); } );\n",
            point);
    close(fd);
    assert_int_equal(units_open(why, sizeof why), 0);
    struct diagnostics *d = diagnostics_new();
    struct profile_path profiles = profile_path_default();
    struct site *s = site_load(path, &profiles, d);
    *errors = '\0';
    diag_each(d, collect, errors);
    if (s)
        site_free(s);
    diagnostics_free(d);
    unlink(path);
}

static void words_of_the_message_are_refused(void **unused)
{
    char errors[900];
    (void)unused;
    errors_of("active_power", errors);
    assert_string_equal(errors, "");
    errors_of("time", errors);
    assert_non_null(strstr(errors, "4: meter \"m\": a point may not be called \"time\""));
    errors_of("seq", errors);
    assert_non_null(strstr(errors, "\"seq\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_of_the_message_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
