// SPDX-License-Identifier: Apache-2.0
// What is signed and still not believed: a view that is not about what we told, amounts and money that cannot
// be.
#include "exchange_kit.h"

static struct match_view a_view(void)
{
    struct match_view m;
    match_view_clear(&m);
    m.status = MATCH_PROPOSED;
    m.synergy = SYNERGY_EXCHANGE;
    m.resource = RESOURCE_HEAT;
    m.role = ROLE_OFFER;
    m.parties = 1;
    m.quantity = (struct span){200, 500};
    m.annual = (struct span){2000, 5000};
    m.eur_yr = span_of(31000);
    m.payback_y = (struct span){2, INFINITY};
    m.capex_eur = span_of(400000);
    m.tco2e_yr = (struct span){-5, 700};
    m.distance_m = span_of(0); // next door is no lie
    return m;
}

static struct offer ours(void)
{
    struct offer o;
    offer_clear(&o);
    o.resource = RESOURCE_HEAT;
    o.role = ROLE_OFFER;
    o.firm = (struct span){200, 500};
    o.typical = (struct span){200, 500};
    return o;
}

static void refused(const struct match_view *m, const char *word)
{
    struct offer own = ours();
    char why[200] = "";
    if (match_view_check(m, &own, why, sizeof why))
        fail_msg("taken: %s", word);
    if (!strstr(why, word))
        fail_msg("\"%s\" does not name %s", why, word);
}

static void test_what_can_be_is_taken(void **state)
{
    (void)state;
    char why[200] = "";
    struct match_view m = a_view(), bare;
    struct offer own = ours(), silent;
    assert_true(match_view_check(&m, &own, why, sizeof why));
    assert_true(match_view_check(&m, NULL, why, sizeof why)); // not told any more
    match_view_clear(&bare);
    assert_true(match_view_check(&bare, NULL, why, sizeof why));
    // A heat pump and a wide band: more than we told, not ten times.
    m.quantity = span_of(4000);
    assert_true(match_view_check(&m, &own, why, sizeof why));
    // Who told no amount cannot compare; a pool's amount is that of all.
    m.quantity = span_of(9000);
    offer_clear(&silent);
    silent.resource = RESOURCE_HEAT;
    silent.role = ROLE_OFFER;
    assert_true(match_view_check(&m, &silent, why, sizeof why));
    m.synergy = SYNERGY_POOL;
    m.parties = 12;
    assert_true(match_view_check(&m, &own, why, sizeof why));
    // Open ends are judged by the end that is known.
    m.annual = (struct span){1000, INFINITY};
    m.eur_yr = (struct span){-INFINITY, 5};
    assert_true(match_view_check(&m, &own, why, sizeof why));
}

static void test_what_is_not_ours_is_refused(void **state)
{
    (void)state;
    struct match_view m = a_view();
    m.resource = RESOURCE_WATER;
    refused(&m, "it is about our offer of water, which is our offer of heat");
    m = a_view();
    m.role = ROLE_NEED;
    refused(&m, "it is about our need of heat, which is our offer of heat");
    m = a_view();
    m.quantity = span_of(1e6);
    refused(&m, "of which we told 500");
    // Of an offer that it holds no more the coordinator may not know which side it was: an end is an end.
    char why[200] = "";
    struct offer own = ours();
    m = a_view();
    m.role = ROLE_NEED;
    m.status = MATCH_ENDED;
    assert_true(match_view_check(&m, &own, why, sizeof why));
}

static void test_what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct match_view right = a_view();
    const struct {
        const char *word;
        size_t at;
        struct span value;
    } rows[] = {
        {"quantity is not in order", offsetof(struct match_view, quantity), {500, 200}},
        {"quantity", offsetof(struct match_view, quantity), {-9, -5}},
        {"annual", offsetof(struct match_view, annual), {1e12, 1e12}},
        {"counterpart.amount", offsetof(struct match_view, counterpart.amount), {6e6, 7e6}},
        {"capex_eur", offsetof(struct match_view, capex_eur), {-2, -1}},
        {"capex_eur", offsetof(struct match_view, capex_eur), {2e10, INFINITY}},
        {"eur_yr", offsetof(struct match_view, eur_yr), {2e9, 2e9}},
        {"eur_yr", offsetof(struct match_view, eur_yr), {-INFINITY, -2e9}},
        {"payback_y", offsetof(struct match_view, payback_y), {-3, -1}},
        {"tco2e_yr", offsetof(struct match_view, tco2e_yr), {2e7, 3e7}},
    };
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        struct match_view m = right;
        memcpy((char *)&m + rows[i].at, &rows[i].value, sizeof rows[i].value);
        refused(&m, rows[i].word);
    }
}

static void test_limits_by_resource(void **state)
{
    (void)state;
    for (unsigned r = 0; r < RESOURCES; r++) {
        assert_true(offer_amount_most((enum resource)r) > 0);
        assert_true(offer_price_most((enum resource)r) > 0);
    }
    assert_true(offer_price_most((enum resource)RESOURCES) == 0);
}

static void test_money_that_nobody_means(void **state)
{
    (void)state;
    char why[200] = "";
    struct offer o = ours();
    snprintf(o.id, sizeof o.id, KIT_ID);
    snprintf(o.pseudonym, sizeof o.pseudonym, "f-7q2");
    o.level = DISCLOSE_EXACT;
    o.price = 60;
    o.avoided = -20;
    assert_true(offer_check(&o, why, sizeof why));
    o.price = 1e6;
    assert_false(offer_check(&o, why, sizeof why));
    assert_non_null(strstr(why, "price: 1e+06 EUR/MWh is beyond 5000"));
    o.price = NAN;
    o.avoided = -1e6;
    assert_false(offer_check(&o, why, sizeof why));
    assert_non_null(strstr(why, "avoided"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_can_be_is_taken),      cmocka_unit_test(test_what_is_not_ours_is_refused),
        cmocka_unit_test(test_what_cannot_be_is_refused), cmocka_unit_test(test_limits_by_resource),
        cmocka_unit_test(test_money_that_nobody_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
