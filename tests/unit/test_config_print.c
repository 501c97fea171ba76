// SPDX-License-Identifier: Apache-2.0
// What is printed reads back to the same; what is described is scdoc.
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>
#include "config/sections.h"
#include "symbiont/backoff.h"
#include "symbiont/buf.h"
#include "symbiont/units.h"

// ---- Deep comparison by the tables ----

static const void *member(const struct option *o, const void *settings)
{
    return (const char *)settings + o->offset;
}

static bool same_settings(const struct section *s, const void *a, const void *b);

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_value(const struct option *o, const void *a, const void *b)
{
    const struct texts *ta = a, *tb = b;
    const struct numbers *na = a, *nb = b;
    const struct groups *ga = a, *gb = b;
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_NAME:
    case OPTION_ID:
        return same_text(*(char *const *)a, *(char *const *)b);
    case OPTION_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case OPTION_CHOICE:
        return *(const int *)a == *(const int *)b;
    case OPTION_TEXTS:
        for (size_t i = 0; ta->n == tb->n && i < ta->n; i++)
            if (!same_text(ta->items[i], tb->items[i]))
                return false;
        return ta->n == tb->n;
    case OPTION_NUMBERS:
        return na->n == nb->n && (na->n == 0 || memcmp(na->items, nb->items, na->n * sizeof(double)) == 0);
    case OPTION_GROUP:
        return same_settings(o->section, a, b);
    case OPTION_GROUPS:
        for (size_t i = 0; ga->n == gb->n && i < ga->n; i++)
            if (!same_settings(o->section, (const char *)ga->items + i * o->section->size,
                               (const char *)gb->items + i * o->section->size))
                return false;
        return ga->n == gb->n;
    default: // 64 bits, exactly
        return memcmp(a, b, 8) == 0;
    }
}

static bool same_settings(const struct section *s, const void *a, const void *b)
{
    const struct settings *ca = a, *cb = b;
    if (ca->given != cb->given || !ca->place.file != !cb->place.file)
        return false;
    for (const struct option *o = s->options; o->name; o++) {
        if (!same_value(o, member(o, a), member(o, b))) {
            print_error("%s of %s differs\n", o->name, s->name);
            return false;
        }
    }
    return true;
}

// ---- Random configurations ----

static uint64_t bits(uint64_t *seed) // splitmix64, Steele et al. 2014
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double between(uint64_t *seed, double min, double max)
{
    double x = min + (max - min) * (double)(bits(seed) >> 11) * 0x1p-53;
    return bits(seed) % 2 ? x : (double)(int64_t)x;
}

static void put_text(uint64_t *seed, struct buf *out)
{
    static const char *const pieces[] = {"a",  "\\\"",  "\\\\", "\\n", "\\x01", "\u00e9", "# no comment",
                                         "/*", "\\x7F", "\\t",  " "};
    buf_putc(out, '"');
    for (uint64_t n = bits(seed) % 6; n; n--)
        buf_puts(out, pieces[bits(seed) % (sizeof pieces / sizeof *pieces)]);
    buf_putc(out, '"');
}

static void put_settings(uint64_t *seed, const struct section *s, int number, struct buf *out);

static void put_number(const struct option *o, uint64_t *seed, struct buf *out)
{
    bool limited = o->min != 0 || o->max != 0;
    double x = limited && isfinite(o->max) ? between(seed, o->min, o->max) : between(seed, -1e3, 1e9);
    buf_printf(out, "%.17g", x);
    if (!strpbrk(buf_text(out) + out->len - 8, ".e") && (x > INT32_MAX || x < INT32_MIN))
        buf_putc(out, 'L');
}

static void put_value(const struct option *o, uint64_t *seed, int number, struct buf *out)
{
    static const char *const durations[] = {"15 ms", "1.5 s", "7 min", "2 h", "0.1234567 s", "1 d"};
    static const char *const sizes[] = {"4097 B", "64 MiB", "500 kB", "1.5 GiB", "123456789 B", "1 TB"};
    switch (o->type) {
    case OPTION_NAME:
    case OPTION_ID:
        buf_printf(out, "\"n%d\"", number);
        break;
    case OPTION_TEXT:
        put_text(seed, out);
        break;
    case OPTION_INT:
        if (o->max > 0)
            buf_printf(out, "%" PRIu64, bits(seed) % (uint64_t)o->max);
        else
            buf_printf(out, "%" PRId64 "L", (int64_t)bits(seed));
        break;
    case OPTION_NUMBER:
        put_number(o, seed, out);
        break;
    case OPTION_BOOL:
        buf_puts(out, bits(seed) % 2 ? "true" : "false");
        break;
    case OPTION_AMOUNT:
        buf_printf(out, "\"%.17g %s\"",
                   isfinite(o->max) ? between(seed, o->min, o->max) : between(seed, -200, 2000), o->unit);
        break;
    case OPTION_DURATION:
        buf_printf(out, "\"%s\"", durations[bits(seed) % 6]);
        break;
    case OPTION_SIZE:
        buf_printf(out, "\"%s\"", sizes[bits(seed) % 6]);
        break;
    case OPTION_CHOICE:
        buf_printf(out, "\"%s\"", o->choices[bits(seed) % 3].word);
        break;
    case OPTION_TEXTS:
    case OPTION_NUMBERS:
    case OPTION_GROUPS:
        buf_putc(out, '(');
        for (int i = 0, n = (int)(bits(seed) % 4); i < n; i++) {
            buf_puts(out, i ? ", " : "");
            if (o->type == OPTION_TEXTS)
                put_text(seed, out);
            else if (o->type == OPTION_NUMBERS)
                put_number(o, seed, out);
            else
                put_settings(seed, o->section, i, out);
        }
        buf_putc(out, ')');
        break;
    case OPTION_GROUP:
        put_settings(seed, o->section, number, out);
        break;
    }
}

static void put_options(uint64_t *seed, const struct section *s, int number, struct buf *out)
{
    for (const struct option *o = s->options; o->name; o++) {
        if (!o->required && bits(seed) % 3 == 0)
            continue;
        buf_printf(out, "%s = ", o->name);
        put_value(o, seed, number, out);
        buf_puts(out, ";\n");
    }
}

static void put_settings(uint64_t *seed, const struct section *s, int number, struct buf *out)
{
    buf_putc(out, '{');
    put_options(seed, s, number, out);
    buf_putc(out, '}');
}

static struct config *read_or_show(const char *text)
{
    struct diagnostics *d = diagnostics_new();
    struct config *c = config_read_text(text, "t", &test_root_section, d);
    if (diag_errors(d)) {
        diag_print(d, stderr);
        fprintf(stderr, "%s", text);
    }
    assert_int_equal(diag_errors(d), 0);
    diagnostics_free(d);
    return c;
}

static char *printed(const struct config *c)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    config_print(&test_root_section, config_root(c), out);
    fclose(out);
    return text;
}

static void test_reads_back(void **state)
{
    (void)state;
    uint64_t first = random_bits();
    for (uint64_t i = 0; i < 500; i++) {
        uint64_t seed = first + i;
        struct buf text = {0};
        put_options(&seed, &test_root_section, 0, &text);
        struct config *a = read_or_show(buf_text(&text));
        char *once = printed(a);
        struct config *b = read_or_show(once);
        char *twice = printed(b);
        if (!same_settings(&test_root_section, config_root(a), config_root(b)))
            fail_msg("seed %" PRIu64 ":\n%s\n----\n%s", first + i, buf_text(&text), once);
        assert_string_equal(once, twice);
        free(once);
        free(twice);
        config_free(a);
        config_free(b);
        buf_free(&text);
    }
}

static void test_print(void **state)
{
    (void)state;
    struct config *c =
        read_or_show("site: { id = \"mill\"; power = \"1.5 MW\"; };\n"
                     "meters = ( { name = \"a\"; every = \"0.5 s\"; }, { name = \"b\"; points = (); } );\n"
                     "big = 0x100000000L; steps = [ 1 ];");
    char *text = printed(c);
    assert_string_equal(text, "site: {\n"
                              "    id = \"mill\";\n"
                              "    power = \"1500 kW\";\n"
                              "};\n"
                              "meters = (\n"
                              "    {\n"
                              "        name = \"a\";\n"
                              "#         unit_id = 1;\n"
                              "        every = \"500 ms\";\n"
                              "#         table = \"holding\";\n"
                              "    },\n"
                              "    {\n"
                              "        name = \"b\";\n"
                              "#         unit_id = 1;\n"
                              "#         every = \"10 s\";\n"
                              "#         table = \"holding\";\n"
                              "        points = ();\n"
                              "    }\n"
                              ");\n"
                              "# mqtt: {\n"
                              "#     keepalive = \"1 min\";\n"
                              "#     clean = true;\n"
                              "#     spool = \"64 MiB\";\n"
                              "# };\n"
                              "steps = ( 1.0 );\n"
                              "# tags = ( \"one\", \"two\" );\n"
                              "big = 4294967296L;\n");
    free(text);
    config_free(c);
}

static void test_describe(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    config_describe(&test_root_section, out);
    fclose(out);
    assert_non_null(
        strstr(text, "*unit\\_id* = _whole number_\n\tModbus address. Allowed: 0 to 247. Default: 1.\n"));
    assert_non_null(strstr(text, "*name* = _name_ (required)\n\tUnique in the site.\n"));
    assert_non_null(strstr(text, "## meters.points\n\nOne number of a meter.\n"));
    assert_non_null(strstr(text, "*server* = _text_ (required)\n\tA \\*URL\\*, mqtt\\[s\\]://host.\n"));
    assert_non_null(strstr(text, "Allowed: \"input\", \"holding\" or \"coil\". Default: holding."));
    assert_non_null(strstr(text, "*temperature* = _amount_ in degC\n\tAllowed: at least \\-273.15 degC."));
    FILE *scdoc = popen("command -v scdoc >/dev/null || exit 99; scdoc >/dev/null 2>&1", "w");
    assert_non_null(scdoc);
    fprintf(scdoc, "symbiont.conf(5)\n\n# OPTIONS\n\n%s", text);
    int status = pclose(scdoc);
    free(text);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 99)
        skip(); // no scdoc here
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    char why[200];
    if (units_open(why, sizeof why) < 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_back),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests_name("config_print", tests, NULL, NULL);
}
