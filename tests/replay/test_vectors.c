// SPDX-License-Identifier: Apache-2.0
// Replays registers with a known reading through the shipped profiles, and through the decoder alone
// where they belong to no point.
//
// vectors.csv: profile,point,function,address,registers,given,expected,unit,kind,source
//   point      a point of the profile, or ":type:order" for the decoder alone
//   address    on the wire; an offset into the model for SunSpec
//   given      raw numbers of points it depends on: "decimals=2 status=0"
//   expected   a reading in `unit`, right to the digits written, or "not_available"
//   kind       documented: the source states the reading; computed: registers from the source, reading ours
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "symbiont/files.h"
#include "symbiont/profile.h"
#include "symbiont/text.h"

#define FIELDS     10
#define POINTS_MAX 256
#define BYTES_MAX  32

enum field { PROFILE, POINT, FUNCTION, ADDRESS, REGISTERS, GIVEN, EXPECTED, UNIT, KIND, SOURCE };

struct row {
    char *field[FIELDS];
    int line;
    uint8_t data[BYTES_MAX];
    size_t n;
};

static const struct option no_options[] = {{0}};
static const struct section no_section = {"test", sizeof(struct settings), no_options, ""};
static const struct profile_path shipped = {{"conf/profiles", NULL}};

static bool parse_row(char *line, int number, struct row *r)
{
    *r = (struct row){.line = number};
    size_t n = 0;
    for (char *at = line; at; n++) {
        if (n == FIELDS)
            return false;
        r->field[n] = strsep(&at, ",");
    }
    if (n != FIELDS)
        return false;
    for (const char *at = r->field[REGISTERS]; *at;) {
        unsigned word;
        int used;
        if (sscanf(at, "%4x%n", &word, &used) != 1 || used != 4 || r->n + 2 > BYTES_MAX)
            return false;
        r->data[r->n++] = (uint8_t)(word >> 8);
        r->data[r->n++] = (uint8_t)word;
        at += used;
        at += strspn(at, " ");
    }
    return r->n > 0;
}

// The reading, rounded to the digits written, is the one written; of a float32 nothing finer can be asked.
static bool agrees(const char *written, double reading)
{
    double stated;
    if (!text_number(written, &stated))
        return false;
    const char *point = strchr(written, '.');
    double half = point ? 0.5 * pow(10, -(double)strlen(point + 1)) : 1e-9 * fabs(stated);
    return fabs(reading - stated) <= half * (1 + 1e-6) || (float)reading == (float)stated;
}

static bool as_expected(const struct row *r, struct value v, double reading)
{
    if (strcmp(r->field[EXPECTED], "not_available") == 0)
        return v.reason == REASON_NOT_AVAILABLE;
    return v.reason == REASON_GOOD && agrees(r->field[EXPECTED], reading);
}

static bool report(const struct row *r, bool right, struct value v, double reading)
{
    if (!right)
        print_error("vectors.csv:%d: %s %s: expected %s %s, got %.10g (%s)\n", r->line, r->field[PROFILE],
                    r->field[POINT], r->field[EXPECTED], r->field[UNIT], reading, reason_text(v));
    return right;
}

// ---- Through a profile ----

static size_t point_index(const struct device *d, const char *name, size_t n)
{
    for (size_t i = 0; i < d->n; i++)
        if (strlen(d->points[i].name) == n && strncmp(d->points[i].name, name, n) == 0)
            return i;
    fail_msg("profile %s has no point %.*s", d->profile, (int)n, name);
    return 0;
}

static void give(const struct device *d, const char *given, struct value *raw)
{
    while (*given) {
        size_t name = strcspn(given, "=");
        char *end;
        raw[point_index(d, given, name)] = (struct value){.number = strtod(given + name + 1, &end)};
        given = end + strspn(end, " ");
    }
}

static bool replay_point(const struct device *d, const struct row *r)
{
    static struct value raw[POINTS_MAX], out[POINTS_MAX];
    assert_in_range(d->n, 1, POINTS_MAX);
    size_t i = point_index(d, r->field[POINT], strlen(r->field[POINT]));
    const struct point *p = &d->points[i];
    if (atoi(r->field[FUNCTION]) != p->table || atoi(r->field[ADDRESS]) != p->address ||
        r->n != 2u * p->words) {
        print_error("vectors.csv:%d: %s is function %d address %d, %d registers\n", r->line, p->name,
                    p->table, p->address, p->words);
        return false;
    }
    for (size_t j = 0; j < d->n; j++)
        raw[j] = (struct value){.reason = REASON_NOT_DUE};
    give(d, r->field[GIVEN], raw);
    uint8_t order;
    assert_true(point_order(d->points, i, raw, NULL, &order));
    raw[i] = point_raw(p, order, r->data);
    points_finish(d->points, d->n, raw, NULL, out);
    const struct unit *stated = unit_find(r->field[UNIT]);
    double factor = 1, offset = 0;
    assert_non_null(stated);
    if (out[i].reason == REASON_GOOD && !unit_conversion(p->unit, stated, &factor, &offset)) {
        print_error("vectors.csv:%d: %s is in %s\n", r->line, p->name, unit_text(p->unit));
        return false;
    }
    double reading = out[i].number * factor + offset;
    return report(r, as_expected(r, out[i], reading), out[i], reading);
}

static bool replay_profile_row(const struct row *r)
{
    char why[256];
    assert_int_equal(units_open(why, sizeof why), 0);
    struct diagnostics *diags = diagnostics_new();
    struct config *owner = config_read_text("", "vectors", &no_section, diags);
    struct device_request request = {
        .profile = r->field[PROFILE], .unverified = true, .subject = "vectors.csv"};
    const struct device *d = device_compile(owner, &shipped, &request, diags);
    if (!d)
        diag_print(diags, stderr);
    bool right = d && replay_point(d, r);
    config_free(owner);
    diagnostics_free(diags);
    return right;
}

// ---- The decoder alone ----

struct word_value {
    const char *word;
    uint8_t value;
};

static uint8_t look_up(const struct word_value *table, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].word, word) == 0)
            return table[i].value;
    fail_msg("unknown word \"%s\"", word);
    return 0;
}

static bool replay_decoder_row(const struct row *r)
{
    static const struct word_value types[] = {
        {"int16", POINT_INT16},       {"uint16", POINT_UINT16}, {"int32", POINT_INT32},
        {"uint32", POINT_UINT32},     {"int64", POINT_INT64},   {"float32", POINT_FLOAT32},
        {"low_byte", POINT_LOW_BYTE}, {"t5", POINT_T5},
    };
    static const struct word_value orders[] = {
        {"ab", ORDER_ABCD},
        {"abcd", ORDER_ABCD},
        {"cdab", ORDER_WORD_SWAP},
    };
    char spec[32], *at = spec + 1;
    snprintf(spec, sizeof spec, "%s", r->field[POINT]);
    const char *type = strsep(&at, ":");
    struct point p = {
        .name = "raw",
        .type = look_up(types, sizeof types / sizeof *types, type),
        .order = look_up(orders, sizeof orders / sizeof *orders, at ? at : ""),
        .words = (uint8_t)(r->n / 2),
        .bit = -1,
        .factor = 1,
        .min = -INFINITY,
        .max = INFINITY,
    };
    assert_int_equal(point_type_words(p.type), p.words);
    struct value v = point_raw(&p, p.order, r->data);
    return report(r, as_expected(r, v, v.number), v, v.number);
}

static void test_vectors(void **state)
{
    (void)state;
    struct buf file = {0};
    assert_int_equal(file_read("tests/replay/vectors.csv", 1 << 20, &file), 0);
    char *at = (char *)(uintptr_t)buf_text(&file), *line;
    unsigned through_profiles = 0, decoder = 0, wrong = 0;
    for (int number = 1; (line = strsep(&at, "\n")); number++) {
        struct row r;
        if (number == 1 || !*line || *line == '#')
            continue;
        if (!parse_row(line, number, &r))
            fail_msg("vectors.csv:%d: not %d fields with registers in hexadecimal", number, FIELDS);
        bool raw = r.field[POINT][0] == ':';
        wrong += !(raw ? replay_decoder_row(&r) : replay_profile_row(&r));
        decoder += raw;
        through_profiles += !raw;
    }
    buf_free(&file);
    printf("# %u vectors through profiles, %u through the decoder alone\n", through_profiles, decoder);
    assert_int_equal(wrong, 0);
    assert_true(through_profiles >= 73 && decoder >= 6); // none was lost
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
