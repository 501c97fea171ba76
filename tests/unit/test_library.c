// SPDX-License-Identifier: Apache-2.0
// Every shipped profile: compiles without a word of complaint, names its points by what they are, and can be
// read within the limits it states.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "symbiont/expression.h"
#include "symbiont/plan.h"
#include "symbiont/profile.h"

#define MEDIA_MAX 16

static const struct option no_options[] = {{0}};
static const struct section no_section = {"test", sizeof(struct settings), no_options, ""};
static const struct profile_path shipped = {{"conf/profiles", NULL}};

struct count {
    const char *medium;
    unsigned of[3]; /* by enum confidence */
};

struct library {
    struct count media[MEDIA_MAX];
    unsigned profiles, points, asking, wrong;
};

#define COMPLAIN(lib, ...)                                                                                   \
    do {                                                                                                     \
        print_error(__VA_ARGS__);                                                                            \
        (lib)->wrong++;                                                                                      \
    } while (0)

// A point's name is its quantity, then where: voltage_l1. Codes, numbers and states that have no better
// quantity, and texts, are named for what they say.
static void check_name(struct library *lib, const char *profile, const struct point *p)
{
    const char *q = p->quantity->name;
    size_t n = strlen(q);
    if (strcmp(q, "number") == 0 || strcmp(q, "code") == 0 || p->quantity->kind == QUANTITY_TEXT)
        return;
    if (strcmp(q, "status") == 0 && p->type == POINT_BOOL)
        return;
    if (strncmp(p->name, q, n) != 0 || (p->name[n] != '\0' && p->name[n] != '_'))
        COMPLAIN(lib, "%s: point %s has the quantity %s\n", profile, p->name, q);
}

static bool resolve(void *arg, const char *name, struct expression_source *out, char *why, size_t why_size)
{
    const struct device *d = *(const struct device **)arg;
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->points[i].name, name) == 0) {
            *out = (struct expression_source){.index = (uint32_t)i, .unit = d->points[i].unit};
            return true;
        }
    snprintf(why, why_size, "no point %s", name);
    return false;
}

static void check_expression(struct library *lib, const struct device *d, const struct point *p)
{
    const struct expression_names names = {resolve, &d};
    const struct expression_wanted wanted = {p->unit};
    struct expression_error error;
    struct expression *e = expression_compile(p->expression, &names, NULL, &wanted, &error);
    if (!e)
        COMPLAIN(lib, "%s: point %s: %s\n", d->profile, p->name, error.text);
    expression_free(e);
}

static void check_point(struct library *lib, const struct device *d, size_t i)
{
    const struct point *p = &d->points[i];
    check_name(lib, d->profile, p);
    const struct unit *normal = unit_find(p->quantity->unit);
    if (p->quantity->kind != QUANTITY_TEXT && !unit_compatible(p->unit, normal))
        COMPLAIN(lib, "%s: point %s is published in %s\n", d->profile, p->name, unit_text(p->unit));
    if (p->type == POINT_DERIVED)
        check_expression(lib, d, p);
    if (p->min > p->max || (p->factor == 0 && p->type < POINT_STRING))
        COMPLAIN(lib, "%s: point %s can have no value\n", d->profile, p->name);
    for (size_t j = 0; j < i; j++)
        if (strcmp(d->points[j].name, p->name) == 0)
            COMPLAIN(lib, "%s: point %s stands twice\n", d->profile, p->name);
}

static void check_plan(struct library *lib, const struct device *d)
{
    struct plan plan;
    assert_int_equal(plan_make(d, 10 * 1000000000LL, &plan), 0);
    for (size_t i = 0; i < plan.n; i++) {
        const struct request *r = &plan.requests[i];
        unsigned limit = r->function <= TABLE_DISCRETE ? d->limits.max_bits : d->limits.max_registers;
        if (r->count > limit)
            COMPLAIN(lib, "%s: reads %u at %u, limit %u\n", d->profile, r->count, r->address, limit);
        if (r->address + r->count > 65536)
            COMPLAIN(lib, "%s: reads beyond the last register\n", d->profile);
    }
    plan_free(&plan);
}

static void count(struct library *lib, const struct device *d)
{
    size_t i = 0;
    while (lib->media[i].medium && strcmp(lib->media[i].medium, d->medium) != 0)
        i++;
    assert_true(i < MEDIA_MAX);
    lib->media[i].medium = d->medium;
    lib->media[i].of[d->confidence]++;
    lib->profiles++;
    for (size_t k = 0; k < d->n; k++)
        lib->points += !d->points[k].hidden;
}

static const char *medium_word(const char *word)
{
    static const char *const words[] = {"electricity",    "heat",        "water",         "gas",
                                        "compressed_air", "steam",       "weighing",      "pulse",
                                        "analog",         "temperature", "water_quality", "flow"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], word) == 0)
            return words[i];
    return NULL;
}

static void is_about_order(void *arg, bool is_error, struct place at, const char *text)
{
    (void)at;
    *(bool *)arg = is_error && strstr(text, "the word order of ");
}

static void check_profile(void *arg, const char *name, const char *file, bool unverified)
{
    struct library *lib = arg;
    struct diagnostics *diags = diagnostics_new();
    struct config *owner = config_read_text("", "library", &no_section, diags);
    struct device_request request = {.profile = name, .unverified = true, .subject = name};
    const struct device *d = device_compile(owner, &shipped, &request, diags);
    if (!d && diag_errors(diags) == 1) {
        bool asks = false;
        diag_each(diags, is_about_order, &asks);
        if (asks) { // the sources do not say: it wants to be told, and then is as good as any
            diagnostics_free(diags);
            diags = diagnostics_new();
            request.order = order_choices[0].value;
            d = device_compile(owner, &shipped, &request, diags);
            lib->asking++;
        }
    }
    if (!d || diag_errors(diags) || diag_warnings(diags)) {
        diag_print(diags, stderr);
        COMPLAIN(lib, "%s does not compile cleanly\n", file);
    }
    if (d) {
        assert_string_equal(d->profile, name);
        if (unverified != (d->confidence == CONFIDENCE_LOW))
            COMPLAIN(lib, "%s: low confidence and unverified/ go together\n", file);
        if (!medium_word(d->medium))
            COMPLAIN(lib, "%s: medium %s\n", file, d->medium);
        for (size_t i = 0; i < d->n; i++)
            check_point(lib, d, i);
        check_plan(lib, d);
        struct device copy = *d;
        copy.medium = medium_word(d->medium);
        count(lib, &copy);
    }
    config_free(owner);
    diagnostics_free(diags);
}

static void test_library(void **state)
{
    (void)state;
    char why[256];
    assert_int_equal(units_open(why, sizeof why), 0);
    struct library lib = {0};
    profile_each(&shipped, check_profile, &lib);
    printf("# %-15s high medium low\n", "medium");
    for (size_t i = 0; lib.media[i].medium; i++)
        printf("# %-15s %4u %6u %3u\n", lib.media[i].medium, lib.media[i].of[CONFIDENCE_HIGH],
               lib.media[i].of[CONFIDENCE_MEDIUM], lib.media[i].of[CONFIDENCE_LOW]);
    printf("# %u profiles, %u points, %u ask for the word order\n", lib.profiles, lib.points, lib.asking);
    assert_true(lib.profiles > 80);
    assert_int_equal(lib.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_library)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
