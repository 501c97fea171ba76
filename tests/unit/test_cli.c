// SPDX-License-Identifier: Apache-2.0
// The command line: options by their tables, help and completion, output for people and programs.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>
#include <jansson.h>
#include "cli/output.h"
#include "cli/verb.h"
#include "symbiont/units.h"

// ---- Running the program ----

struct ran {
    int status;
    char *out, *err;
};

static struct ran ran(const char *const *arguments)
{
    char *argv[32] = {(char *)(uintptr_t) "symbiont"};
    int argc = 1;
    while (arguments[argc - 1]) {
        argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
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

static void expect(struct ran r, int status, const char *out, const char *err)
{
    assert_string_equal(r.err, err);
    assert_string_equal(r.out, out);
    assert_int_equal(r.status, status);
    done(r);
}

static void test_usage(void **state)
{
    (void)state;
    expect(RUN("--version"), 0, "symbiont " SYMBIONT_VERSION "\n", "");
    expect(RUN("dekode"), 64, "", "symbiont: there is no \"dekode\"; did you mean \"decode\"?\n");
    expect(RUN("frobnicate"), 64, "",
           "symbiont: there is no \"frobnicate\"; `symbiont help` lists what there is\n");
    expect(RUN("decode"), 64, "",
           "symbiont decode: too few arguments, wanted: REGISTER...\n`symbiont help decode` tells more.\n");
    expect(RUN("help", "a", "b"), 64, "",
           "symbiont help: too many arguments, wanted: [VERB]\n`symbiont help help` tells more.\n");
    expect(RUN("decode", "1", "--jsno"), 64, "",
           "symbiont decode: there is no option --jsno; did you mean --json?\n`symbiont help decode` tells "
           "more.\n");
    expect(RUN("decode", "1", "-z"), 64, "",
           "symbiont decode: there is no option -z\n`symbiont help decode` tells more.\n");
    expect(RUN("decode", "70000"), 64, "",
           "symbiont decode: \"70000\" is not a register; allowed are 0 to 65535 or 0x0 to 0xFFFF\n"
           "`symbiont help decode` tells more.\n");
    char *nothing[] = {(char *)(uintptr_t) "symbiont", NULL};
    char *said;
    size_t n;
    FILE *err = open_memstream(&said, &n);
    assert_int_equal(cli_main(1, nothing, stdout, err), 64);
    fclose(err);
    assert_non_null(strstr(said, "usage: symbiont VERB"));
    free(said);
}

// Every verb has a line in the overview and a page of its own, by either way of asking.
static void test_help(void **state)
{
    (void)state;
    struct ran all = RUN("help");
    assert_int_equal(all.status, 0);
    for (size_t i = 0; verbs[i]; i++) {
        char line[200];
        snprintf(line, sizeof line, "\n  %-12s %s\n", verbs[i]->name, verbs[i]->help);
        assert_non_null(strstr(all.out, line));
        struct ran one = RUN("help", verbs[i]->name), same = RUN(verbs[i]->name, "--help");
        assert_int_equal(one.status, 0);
        assert_int_equal(same.status, 0);
        assert_string_equal(one.out, same.out);
        snprintf(line, sizeof line, "usage: symbiont %s", verbs[i]->name);
        assert_int_equal(strncmp(one.out, line, strlen(line)), 0);
        for (const struct verb_option *o = verbs[i]->options; o && o->name; o++) {
            snprintf(line, sizeof line, "--%s", o->name);
            assert_non_null(strstr(one.out, line));
        }
        done(one);
        done(same);
    }
    expect(RUN("help", "xyzzy"), 64, "",
           "symbiont help: there is no \"xyzzy\"; `symbiont help` lists what there is\n");
    done(all);
}

static void test_full_disk(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    char *argv[] = {(char *)(uintptr_t) "symbiont", (char *)(uintptr_t) "help", NULL};
    char *said;
    size_t n;
    FILE *err = open_memstream(&said, &n);
    assert_int_equal(cli_main(2, argv, full, err), 69);
    fclose(err);
    fclose(full);
    assert_string_equal(said, "symbiont: cannot write the output: No space left on device\n");
    free(said);
}

// ---- Options ----

static const struct verb_option test_options[] = {
    VERB_CONFIG,
    {"count", 'n', "N", "how many", false, NULL},
    {"set", 's', "X", "several", true, NULL},
    {"mode", 'm', "MODE", "how", false, "tcp rtu"},
    {"wait", 'w', "TIME", "how long", false, NULL},
    {"quiet", 'q', NULL, "say less", false, NULL},
    VERB_JSON,
    {0},
};
static const struct verb test_verb = {.name = "test", .help = "", .most = SIZE_MAX, .options = test_options};

struct parsed {
    struct command c;
    struct given given[16];
    const char *words[16];
    char *said;
    size_t said_bytes;
    int status;
    bool help;
};

static struct parsed *parse(const char *const *arguments)
{
    struct parsed *p = calloc(1, sizeof *p);
    char *argv[16];
    int argc = 0;
    for (; arguments[argc]; argc++)
        argv[argc] = (char *)(uintptr_t)arguments[argc];
    p->c = (struct command){.verb = &test_verb, .given = p->given, .words = p->words};
    p->c.err = open_memstream(&p->said, &p->said_bytes);
    p->status = cli_parse(&p->c, argc, argv, &p->help);
    return p;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void parsed_free(struct parsed *p)
{
    fclose(p->c.err);
    free(p->said);
    free(p);
}

static void refused(struct parsed *p, const char *said)
{
    char line[300];
    snprintf(line, sizeof line, "symbiont test: %s\n`symbiont help test` tells more.\n", said);
    fflush(p->c.err);
    assert_string_equal(p->said, line);
    assert_int_equal(p->status, EX_USAGE);
    parsed_free(p);
}

static void test_options_are_parsed(void **state)
{
    (void)state;
    struct parsed *p = PARSE("a", "--config", "x", "b", "-n5", "--mode=rtu", "-qw", "5 min", "-s", "1",
                             "--set=", "--", "--json", "-");
    assert_int_equal(p->status, EX_OK);
    assert_int_equal(p->c.n, 4);
    assert_string_equal(p->c.words[0], "a");
    assert_string_equal(p->c.words[1], "b");
    assert_string_equal(p->c.words[2], "--json");
    assert_string_equal(p->c.words[3], "-");
    assert_string_equal(command_config(&p->c), "x");
    assert_string_equal(command_value(&p->c, "mode"), "rtu");
    assert_string_equal(command_value_at(&p->c, "set", 0), "1");
    assert_string_equal(command_value_at(&p->c, "set", 1), "");
    assert_null(command_value_at(&p->c, "set", 2));
    assert_true(command_flag(&p->c, "quiet"));
    assert_false(command_flag(&p->c, "json"));
    int64_t count = 1, wait = 2;
    assert_true(command_integer(&p->c, "count", 1, 5, &count));
    assert_int_equal(count, 5);
    assert_true(command_duration(&p->c, "wait", 0, 3600, &wait));
    assert_int_equal(wait, 300000000000);
    parsed_free(p);

    p = PARSE("-h");
    assert_true(p->help);
    assert_string_equal(command_config(&p->c), VERB_CONFIG_DEFAULT);
    assert_true(command_integer(&p->c, "count", 1, 5, &count)); // not given: left alone
    assert_int_equal(count, 5);
    parsed_free(p);
}

static void test_options_are_refused(void **state)
{
    (void)state;
    refused(PARSE("--config"), "--config wants its FILE");
    refused(PARSE("-c"), "--config wants its FILE");
    refused(PARSE("--json=yes"), "--json takes no value");
    refused(PARSE("--json", "--json"), "--json is given twice");
    refused(PARSE("-n", "1", "--count=2"), "--count is given twice");
    refused(PARSE("--mode", "udp"), "--mode is \"udp\"; allowed are: tcp rtu");
    refused(PARSE("--mode", "tc"), "--mode is \"tc\"; allowed are: tcp rtu");
    refused(PARSE("--mode", ""), "--mode is \"\"; allowed are: tcp rtu");
    refused(PARSE("--conf", "x"), "there is no option --conf; did you mean --config?");
    refused(PARSE("-q5"), "there is no option -5");
}

static void test_values_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *argument, *said;
    } cases[] = {
        {"--count=6", "--count is \"6\"; allowed is a whole number from 1 to 5"},
        {"--count=1.0", "--count is \"1.0\"; allowed is a whole number from 1 to 5"},
        {"--wait=5", "--wait is \"5\"; allowed is a duration such as \"10 s\" or \"5 min\""},
        {"--wait=5 kW", "--wait is \"5 kW\"; allowed is a duration such as \"10 s\" or \"5 min\""},
        {"--wait=2 h", "--wait is \"2 h\"; allowed is 0 s to 3600 s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed *p = PARSE(cases[i].argument);
        int64_t value = -1;
        assert_int_equal(p->status, EX_OK);
        if (cases[i].argument[2] == 'c')
            assert_false(command_integer(&p->c, "count", 1, 5, &value));
        else
            assert_false(command_duration(&p->c, "wait", 0, 3600, &value));
        assert_int_equal(value, -1);
        p->status = EX_USAGE;
        refused(p, cases[i].said);
    }
}

// ---- Completion ----

// What bash proposes for the words of a command line, the last one being completed.
static char *completed(const char *script, const char *words)
{
    char command[600], *answer = calloc(1, 4096);
    FILE *file = fopen(script, "w");
    completion_bash(file);
    fclose(file);
    snprintf(command, sizeof command,
             "bash -c 'set -u; . %s; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _symbiont; "
             "echo \"${COMPREPLY[@]}\"' 2>&1",
             script, words);
    FILE *bash = popen(command, "r");
    size_t n = fread(answer, 1, 4095, bash);
    answer[n] = '\0';
    assert_int_equal(pclose(bash), 0);
    return answer;
}

static void test_completion(void **state)
{
    (void)state;
    char script[] = "/tmp/symbiont-completion-XXXXXX";
    int fd = mkstemp(script);
    assert_true(fd >= 0);
    static const struct {
        const char *words, *answer;
    } cases[] = {
        {"symbiont deco", "decode\n"},        {"symbiont --v", "--version\n"},
        {"symbiont decode --js", "--json\n"}, {"symbiont decode --order cd", "cdab\n"},
        {"symbiont decode -o cd", "cdab\n"},  {"symbiont help comp", "completion\n"},
        {"symbiont completion b", "bash\n"},  {"symbiont unknown x", "\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *answer = completed(script, cases[i].words);
        assert_string_equal(answer, cases[i].answer);
        free(answer);
    }
    fclose(fdopen(fd, "w"));
    remove(script);
    struct ran r = RUN("completion", "fish");
    assert_int_equal(r.status, 64);
    done(r);
}

// ---- Output ----

static void walk(struct output *o)
{
    static const struct column columns[] = {{"meter", NULL}, {"value", NULL},   {"unit", NULL},
                                            {"empty", NULL}, {"every_s", NULL}, {0}};
    output_object(o, NULL);
    output_text(o, "site", "mill");
    output_bool(o, "in_order", true);
    output_number(o, "nothing", NAN);
    output_object(o, "line");
    output_int(o, "port", 502);
    output_time(o, "since", (struct utc){1764000000123});
    output_object_end(o);
    output_table(o, "meters", columns);
    for (int i = 0; i < 3; i++) {
        output_row(o);
        output_text(o, "meter", i == 1 ? "furnace_\u00e9" : "a");
        if (i == 2)
            output_text(o, "value", NULL);
        else
            output_number(o, "value", i ? 1234.5 : -0.5);
        output_text(o, "unit", "kW");
        output_int(o, "every_s", i);
        output_int(o, "hidden", 7);
        output_row_end(o);
    }
    output_table_end(o);
    output_note(o, "%d meters", 3);
    output_object_end(o);
}

static char *walked(bool json)
{
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    struct output o = output_begin(json);
    walk(&o);
    assert_true(output_end(&o, out));
    fclose(out);
    return text;
}

static void test_output_for_people(void **state)
{
    (void)state;
    char *text = walked(false);
    assert_string_equal(text, "site                mill\n"
                              "in order            yes\n"
                              "nothing\n"
                              "line\n"
                              "  port                502\n"
                              "  since               2025-11-24T16:00:00.123Z\n"
                              "meters\n"
                              "  meter       value  unit  every s\n"
                              "  a            -0.5  kW          0\n"
                              "  furnace_\u00e9  1234.5  kW          1\n"
                              "  a                  kW          2\n"
                              "3 meters\n");
    free(text);
}

static void test_output_for_programs(void **state)
{
    (void)state;
    char *text = walked(true);
    assert_string_equal(
        text, "{\"site\":\"mill\",\"in_order\":true,\"nothing\":null,"
              "\"line\":{\"port\":502,\"since\":\"2025-11-24T16:00:00.123Z\"},"
              "\"meters\":[{\"meter\":\"a\",\"value\":-0.5,\"unit\":\"kW\",\"every_s\":0,\"hidden\":7},"
              "{\"meter\":\"furnace_\u00e9\",\"value\":1234.5,\"unit\":\"kW\",\"every_s\":1,\"hidden\":7},"
              "{\"meter\":\"a\",\"value\":null,\"unit\":\"kW\",\"every_s\":2,\"hidden\":7}]}\n");
    free(text);
}

static void test_output_of_many_rows(void **state)
{
    (void)state;
    static const struct column columns[] = {{"a", NULL}, {"b", "wide heading"}, {"c", NULL}, {0}};
    char *text;
    size_t n, lines = 0;
    FILE *out = open_memstream(&text, &n);
    struct output o = output_begin(false);
    output_table(&o, NULL, columns);
    for (int i = 0; i < 1000; i++) {
        output_row(&o);
        output_int(&o, "a", i);
        output_text(&o, "b", "x");
        output_row_end(&o);
    }
    output_table_end(&o);
    assert_true(output_end(&o, out));
    fclose(out);
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 1001);
    assert_int_equal(strncmp(text, "  a  wide heading\n  0  x\n", 24), 0);
    free(text);
}

// ---- decode ----

// The value that `decode --json` gives for a type and order at a register; -1e300 when it has none.
static double decoded(json_t *rows, int at, const char *type, const char *order)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (json_integer_value(json_object_get(row, "register")) == at &&
            strcmp(json_string_value(json_object_get(row, "type")), type) == 0 &&
            strcmp(json_string_value(json_object_get(row, "order")), order) == 0)
            return json_is_number(json_object_get(row, "value"))
                       ? json_number_value(json_object_get(row, "value"))
                       : -1e300;
    }
    fail_msg("no %s %s at %d", type, order, at);
    return 0;
}

static json_t *rows_of(struct ran r)
{
    assert_int_equal(r.status, 0);
    json_error_t e;
    json_t *rows = json_loads(r.out, 0, &e);
    assert_non_null(rows);
    done(r);
    return rows;
}

static void test_decode(void **state)
{
    (void)state;
    json_t *rows = rows_of(RUN("decode", "0x4366", "0x3334", "--json"));
    assert_float_equal(decoded(rows, 0, "float32", "abcd"), 230.2, 1e-4);
    assert_true(decoded(rows, 0, "uint32", "cdab") == 0x33344366);
    assert_true(decoded(rows, 0, "uint16", "ab") == 0x4366);
    assert_true(decoded(rows, 1, "uint16", "ba") == 0x3433);
    assert_true(decoded(rows, 0, "bcd32", "abcd") == 43663334);
    assert_true(decoded(rows, 1, "low_byte", "ab") == 0x34);
    json_decref(rows);

    rows = rows_of(RUN("decode", "--json", "65535", "FFC0h", "0x0000", "0"));
    assert_true(decoded(rows, 0, "int16", "ab") == -1);
    assert_true(decoded(rows, 1, "int16", "ab") == -64);
    assert_true(decoded(rows, 0, "bcd16", "ab") == -1e300);         // no decimal digits
    assert_true(decoded(rows, 0, "float64", "abcdefgh") == -1e300); // NaN
    assert_true(decoded(rows, 0, "uint64", "hgfedcba") == 0xC0FFFFFF);
    assert_true(decoded(rows, 2, "uint32", "abcd") == 0);
    json_decref(rows);
}

static void test_decode_selected(void **state)
{
    (void)state;
    expect(RUN("decode", "-t", "int16", "--order=ab", "1", "2"), 0,
           "register  type   order  value\n"
           "       0  int16  ab         1\n"
           "       1  int16  ab         2\n",
           "");
    expect(RUN("decode", "-t", "string", "0x4142", "0x4300"), 0,
           "register  type    order  value\n"
           "       0  string  ab     ABC\n"
           "       0  string  ba     BA?C\n",
           "");
    expect(RUN("decode", "--expect", "-230.2", "7", "0xF702", "0xFFFF", "0"), 0,
           "register  type   order   value  scale\n"
           "       1  int16  ab      -2302    0.1\n"
           "       1  int32  cdab    -2302    0.1\n"
           "       1  t6     cdab   -230.2      1\n",
           "");
    expect(RUN("decode", "--expect", "17", "1", "2"), 1, "",
           "symbiont decode: no way of reading gives that value\n");
    expect(RUN("decode", "--type", "uint64", "1", "2"), 1, "",
           "symbiont decode: so many registers cannot be read like that\n");
}

int main(void)
{
    char why[200];
    if (units_open(why, sizeof why) < 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_options_are_parsed),
        cmocka_unit_test(test_options_are_refused),
        cmocka_unit_test(test_values_are_refused),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_output_for_people),
        cmocka_unit_test(test_output_for_programs),
        cmocka_unit_test(test_output_of_many_rows),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_decode_selected),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
