// SPDX-License-Identifier: Apache-2.0
// The owner's consent as numbers: what is read, and what is said of each mistake in it.
#include <stdio.h>
#include <stdlib.h>
#include "exchange/offer_terms.h"
#include "exchange_kit.h"
#include "symbiont/stream.h"
#include "symbiont/units.h"

struct read {
    struct config *config;
    struct diagnostics *diag;
    struct offer_terms terms;
    bool good;
    char *said;
};

static struct read read_terms(enum resource resource, bool need, const char *text)
{
    struct read r = {.diag = diagnostics_new()};
    struct zone *zone = zone_open("UTC", (char[200]){0}, 200);
    size_t n;
    assert_non_null(zone);
    r.config = config_read_text(text, "site.conf", need ? &ask_section : &offer_section, r.diag);
    r.good = offer_terms_read(config_root(r.config), resource, need, zone, "stream s", &r.terms, r.diag);
    FILE *out = open_memstream(&r.said, &n);
    diag_print(r.diag, out);
    fclose(out);
    zone_free(zone);
    return r;
}

static void done(struct read *r)
{
    config_free(r->config);
    diagnostics_free(r->diag);
    free(r->said);
}

static void says(enum resource resource, bool need, const char *text, const char *words)
{
    struct read r = read_terms(resource, need, text);
    if (r.good || !strstr(r.said, words))
        fail_msg("%s: \"%s\", wanted \"%s\"", text, r.said, words);
    done(&r);
}

static void takes(enum resource resource, bool need, const char *text)
{
    struct read r = read_terms(resource, need, text);
    if (!r.good)
        fail_msg("%s: %s", text, r.said);
    done(&r);
}

#define CONSENT "disclosure = 3; agreed_by = \"works council\"; "

static void what_is_read(void **state)
{
    (void)state;
    struct read r = read_terms(
        RESOURCE_HEAT, false,
        CONSENT
        "supply = \"65 degC\"; return_min = \"40 degC\"; approach = \"5 K\"; lot_min = \"50 kW\"; lot_max "
        "= \"1 MW\"; notice = \"36 h\"; price = 12.5; avoided_cost = 3.5; season = \"oct-apr\"; "
        "title = \"Cooling water\"; audience = ( \"f-1\", \"f-2\" );");
    if (!r.good)
        fail_msg("%s", r.said);
    const struct offer_terms *t = &r.terms;
    assert_true(t->supply == 65 && t->back == 40 && t->approach_k == 5 && t->lot_min == 50 &&
                t->lot_max == 1000);
    assert_true(t->notice_h == 36 && t->price == 12.5 && t->avoided == 3.5 && t->audience_count == 2);
    assert_true(t->has_months && t->months[9] == 1 && t->months[3] == 1 && t->months[4] == 0 &&
                t->months[8] == 0);
    assert_int_equal(t->when, OFFER_WHEN_SURPLUS);
    assert_int_equal(t->synergy, SYNERGY_EXCHANGE);
    assert_int_equal(t->legal, LEGAL_PRODUCT);
    done(&r);
    r = read_terms(RESOURCE_WASTE, true,
                   CONSENT "operations = ( \"R1\", \"R13\", \"D1\", \"D15\" ); season = \"jan, jun-aug\";");
    assert_true(r.good);
    assert_int_equal(r.terms.operations, 1u << 1 | 1u << 13 | 1u << 17 | 1u << 31);
    assert_true(r.terms.months[0] == 1 && r.terms.months[1] == 0 && r.terms.months[5] == 1 &&
                r.terms.months[7] == 1);
    assert_int_equal(r.terms.legal, LEGAL_WASTE);
    assert_true(isnan(r.terms.notice_h) && isnan(r.terms.price) && isnan(r.terms.avoided));
    done(&r);
    r = read_terms(RESOURCE_EQUIPMENT, false,
                   CONSENT "type = \"forklift\"; when = \"always\"; synergy = \"pool\";");
    assert_true(r.good && r.terms.synergy == SYNERGY_POOL && r.terms.when == OFFER_WHEN_ALWAYS);
    done(&r);
    r = read_terms(RESOURCE_EQUIPMENT, false, CONSENT);
    assert_true(r.good && r.terms.synergy == SYNERGY_SHARE);
    done(&r);
    static const struct {
        enum resource resource;
        enum legal_status legal;
        enum offer_when when;
    } rows[] = {{RESOURCE_WASTE, LEGAL_WASTE, OFFER_WHEN_ALWAYS},
                {RESOURCE_BY_PRODUCT, LEGAL_BY_PRODUCT, OFFER_WHEN_ALWAYS},
                {RESOURCE_MATERIAL, LEGAL_PRODUCT, OFFER_WHEN_ALWAYS},
                {RESOURCE_COLD, LEGAL_PRODUCT, OFFER_WHEN_SURPLUS}};
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        r = read_terms(rows[i].resource, false, CONSENT);
        assert_true(r.good && r.terms.legal == rows[i].legal && r.terms.when == rows[i].when);
        done(&r);
    }
    r = read_terms(RESOURCE_BY_PRODUCT, false, CONSENT "legal = \"end_of_waste\";");
    assert_true(r.good && r.terms.legal == LEGAL_END_OF_WASTE);
    done(&r);
    takes(RESOURCE_STEAM, false, CONSENT "supply = \"180 degC\";");
}

static void each_mistake_is_named(void **state)
{
    (void)state;
    says(RESOURCE_HEAT, false, CONSENT "supply = \"warm\";", "supply");
    says(RESOURCE_HEAT, false, CONSENT "supply = \"65 kW\";", "wanted is a");
    says(RESOURCE_HEAT, false, CONSENT "lot_min = \"5 t/week\";", "as \"5 kW\"");
    says(RESOURCE_HEAT, false, CONSENT "until = \"soon\";", "\"soon\" is no day");
    says(RESOURCE_HEAT, false, CONSENT "audience = ( \"F 1\" );", "no pseudonym");
    says(RESOURCE_HEAT, false,
         CONSENT "audience = ( \"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\" );",
         "9 sites, at most 8");
    says(RESOURCE_HEAT, false, CONSENT "audience = ( \"a\", \"b\" ); blocked = ( \"c\", \"b\" );",
         "\"b\" is both in audience and blocked");
    takes(RESOURCE_HEAT, false, CONSENT "audience = ( \"a\", \"b\" ); blocked = ( \"c\" );");
    static const char *const operations[] = {"R14", "R0", "D16", "X1", "R", "", "D"};
    for (size_t i = 0; i < TEST_COUNT(operations); i++) {
        char text[120];
        snprintf(text, sizeof text, CONSENT "operations = ( \"%s\" );", operations[i]);
        says(RESOURCE_WASTE, true, text, "is not one of R1 to R13, D1 to D15");
    }
    static const char *const seasons[] = {"oct",      "winter",  "oct-",    "oct-apx",     "oct.apr",
                                          "oct-apr,", "xyz-apr", "oct apr", "oct-apr jan", ""};
    for (size_t i = 1; i < TEST_COUNT(seasons); i++) {
        char text[120];
        snprintf(text, sizeof text, CONSENT "season = \"%s\";", seasons[i]);
        says(RESOURCE_HEAT, false, text, "wanted months");
    }
    takes(RESOURCE_HEAT, false, CONSENT "season = \"oct\";");
    char title[200];
    snprintf(title, sizeof title, CONSENT "title = \"%090d\";", 1);
    says(RESOURCE_HEAT, false, title, "title has 90 bytes, at most 80");
    says(RESOURCE_EQUIPMENT, false, CONSENT "type = \"Fork Lift\";", "type \"Fork Lift\"");
    says(RESOURCE_WATER, false, CONSENT "supply = \"65 degC\";", "of heat, not of water");
    says(RESOURCE_WATER, false, CONSENT "return_min = \"65 degC\";", "of heat, not of water");
    says(RESOURCE_WATER, true, CONSENT "approach = \"5 K\";", "of heat, not of water");
    says(RESOURCE_WATER, false, CONSENT "legal = \"waste\";", "of waste and by-products, not of water");
    takes(RESOURCE_WATER, false, CONSENT "legal = \"automatic\";");
    says(RESOURCE_WATER, true, CONSENT "operations = ( \"R3\" );", "of waste and by-products, not of water");
    says(RESOURCE_HEAT, false, CONSENT "type = \"forklift\";", "type is of equipment, not of heat");
    says(RESOURCE_HEAT, false, CONSENT "lot_min = \"5 MW\"; lot_max = \"5 kW\";",
         "lot_min is more than lot_max");
    says(RESOURCE_HEAT, false, CONSENT "supply = \"40 degC\"; return_min = \"65 degC\";",
         "return_min is warmer than supply");
    takes(RESOURCE_COLD, false, CONSENT "supply = \"6 degC\"; return_min = \"12 degC\";");
    says(RESOURCE_HEAT, false, CONSENT "until = \"2026-01-01\"; embargo_until = \"2026-02-01\";",
         "the consent ends before its embargo does");
    takes(RESOURCE_HEAT, false, CONSENT "until = \"2026-03-01\"; embargo_until = \"2026-02-01\";");
}

// At level 2 neither title nor price leaves: said once, and no mistake.
static void what_a_level_keeps_back_is_said(void **state)
{
    (void)state;
    static const char *const kept[] = {"title = \"t\";", "price = 5.0;", "avoided_cost = 5.0;"};
    for (size_t i = 0; i < TEST_COUNT(kept); i++)
        for (int level = 0; level <= 3; level++) {
            char text[200];
            snprintf(text, sizeof text, "disclosure = %d; agreed_by = \"works council\"; %s", level, kept[i]);
            struct read r = read_terms(RESOURCE_HEAT, false, text);
            assert_true(r.good);
            assert_int_equal(strstr(r.said, "leave the site at level 3") != NULL, level == 1 || level == 2);
            done(&r);
        }
}

static int open_units(void **state)
{
    char why[128];
    (void)state;
    return units_open(why, sizeof why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(each_mistake_is_named),
        cmocka_unit_test(what_a_level_keeps_back_is_said),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
