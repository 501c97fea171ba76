// SPDX-License-Identifier: Apache-2.0
// conf/symbiont.conf keeps its word: it is right as it is shipped, its examples (#>) are right, and each
// setting that is commented out (#) is the default.
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "symbiont/site.h"

#define SAMPLE "conf/symbiont.conf"
#define LINES  400

struct sample {
    char text[65536];
    char *lines[LINES];
    size_t n;
};

static void load(struct sample *s)
{
    FILE *f = fopen(SAMPLE, "r");
    assert_non_null(f);
    size_t n = fread(s->text, 1, sizeof s->text - 1, f);
    fclose(f);
    s->text[n] = '\0';
    for (char *line = strtok(s->text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(s->n < LINES);
        s->lines[s->n++] = line;
    }
}

// "#  key = ..." but not "# a sentence".
static bool is_commented_setting(const char *line)
{
    if (line[0] != '#' || line[1] == '>')
        return false;
    line += 1 + strspn(line + 1, " ");
    size_t n = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && line[n + strspn(line + n, " ")] == '=' && strchr(line, ';') != NULL;
}

// The sample with its examples, and with the settings of `uncommented` (LINES: none).
static char *with(const struct sample *s, size_t uncommented, bool examples)
{
    char *text = calloc(1, sizeof s->text + LINES);
    for (size_t i = 0; i < s->n; i++) {
        const char *line = s->lines[i];
        if ((examples && strncmp(line, "#>", 2) == 0) || i == uncommented)
            line += line[1] == '>' ? 2 : 1;
        strcat(text, line);
        strcat(text, "\n");
    }
    return text;
}

// The settings in force, whether given or default: what is a default is printed as a comment.
static char *settings(const char *text, size_t *errors, size_t *warnings, char *said, size_t said_size)
{
    char path[] = "/tmp/symbiont-sample-XXXXXX", *out = NULL;
    size_t size;
    const struct profile_path profiles = {.directories = {"conf/profiles"}};
    struct diagnostics *d = diagnostics_new();
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
    struct site *site = site_load(path, &profiles, d);
    remove(path);
    FILE *messages = fmemopen(said, said_size, "w");
    diag_print(d, messages);
    fclose(messages);
    *errors = diag_errors(d);
    *warnings = diag_warnings(d);
    if (site) {
        FILE *print = open_memstream(&out, &size);
        config_print(site_section(), site->root, print);
        fclose(print);
    }
    for (char *c = out; c && *c; c++)
        if (*c == '#' && (c == out || c[-1] == '\n'))
            memmove(c, c + 2, strlen(c + 2) + 1);
    site_free(site);
    diagnostics_free(d);
    return out;
}

static void test_as_shipped(void **state)
{
    const struct sample *s = *state;
    char said[4000] = "", *text = with(s, LINES, false);
    size_t errors, warnings;
    char *printed = settings(text, &errors, &warnings, said, sizeof said);
    if (errors || warnings != 1)
        print_error("%s", said);
    assert_int_equal(errors, 0);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(said, "neither mqtt nor influxdb is configured"));
    free(printed);
    free(text);
}

static void test_examples(void **state)
{
    const struct sample *s = *state;
    char said[4000] = "", *text = with(s, LINES, true);
    size_t errors, warnings;
    char *printed = settings(text, &errors, &warnings, said, sizeof said);
    // The site's key is not there before somebody makes it.
    if (errors || warnings != 1)
        print_error("%s", said);
    assert_int_equal(errors, 0);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(said, "symbiont keygen"));
    assert_non_null(strstr(printed, "furnace_cooling"));
    free(printed);
    free(text);
}

static void test_commented_settings_are_defaults(void **state)
{
    const struct sample *s = *state;
    char said[4000] = "", *text = with(s, LINES, true);
    size_t errors, warnings, seen = 0, wrong = 0;
    char *base = settings(text, &errors, &warnings, said, sizeof said);
    free(text);
    for (size_t i = 0; i < s->n; i++) {
        if (!is_commented_setting(s->lines[i]))
            continue;
        seen++;
        text = with(s, i, true);
        char *printed = settings(text, &errors, &warnings, said, sizeof said);
        if (errors || !printed || strcmp(printed, base) != 0) {
            wrong++;
            print_error("not the default: %s\n%s", s->lines[i], said);
        }
        free(printed);
        free(text);
    }
    free(base);
    assert_true(seen > 30); // they were found at all
    assert_int_equal(wrong, 0);
}

// Would the comparison see a value that is not the default?
static void test_a_difference_is_seen(void **state)
{
    const struct sample *s = *state;
    char said[4000] = "", *text = with(s, LINES, true), *at = strstr(text, "# durability = \"spill\"");
    size_t errors, warnings;
    char *base = settings(text, &errors, &warnings, said, sizeof said);
    assert_non_null(at);
    memcpy(at, "  durability= \"always\";", strlen("# durability = \"spill\";"));
    char *printed = settings(text, &errors, &warnings, said, sizeof said);
    assert_int_equal(errors, 0);
    assert_string_not_equal(printed, base);
    free(base);
    free(printed);
    free(text);
}

int main(void)
{
    static struct sample sample;
    char why[200];
    if (units_open(why, sizeof why) < 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    load(&sample);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_as_shipped, &sample),
        cmocka_unit_test_prestate(test_examples, &sample),
        cmocka_unit_test_prestate(test_commented_settings_are_defaults, &sample),
        cmocka_unit_test_prestate(test_a_difference_is_seen, &sample),
    };
    return cmocka_run_group_tests_name("sample_config", tests, NULL, NULL);
}
