// SPDX-License-Identifier: Apache-2.0
// Water, waste, electricity, shared equipment and rounds: worked examples with their figures; the words for
// people.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "matching/inside.h"
#include "matching/waste_families.h"
#include "symbiont/files.h"
#include "symbiont/waste.h"
#include "symbiont/water.h"
#include "unit/match_help.h"

static struct match run(const struct match_settings *s, const struct offer *a, const struct offer *b,
                        double m)
{
    struct match out;
    match_pair(s, a, b, m, INFINITY, NOW, &out);
    return out;
}

static const struct match_gate *gate(const struct match *m, const char *name, const char *parameter)
{
    for (int i = 0; i < m->gate_count; i++)
        if (strcmp(m->gates[i].name, name) == 0 &&
            (!parameter || strcmp(m->gates[i].parameter, parameter) == 0))
            return &m->gates[i];
    fail_msg("no gate %s %s", name, parameter ? parameter : "");
    return NULL;
}

// ---- Water ----

static struct offer effluent(double flow, double conductivity)
{
    struct offer o = plain_offer(ROLE_OFFER, RESOURCE_WATER, "w1", "F-1", flow);
    put_parameter(&o, "conductivity", "uS/cm", conductivity, conductivity);
    return o;
}

static void blended(void **state)
{
    struct offer a = effluent(20, 1500), b = plain_offer(ROLE_NEED, RESOURCE_WATER, "n1", "G-1", 40);
    put_parameter(&b, "conductivity", "uS/cm", -INFINITY, 1000);
    struct match m = run(*state, &a, &b, 500);
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    assert_int_equal(m.way, WAY_BLEND);
    NEAR(m.details.fresh_flow, 16.67, 0.001);
    NEAR(m.details.mixed_flow, 36.67, 0.001);
    NEAR(m.expected_quantity, 20, 1e-9);
    b.typical = span_of(11); // only so much of it fits into a smaller need
    m = run(*state, &a, &b, 500);
    NEAR(m.expected_quantity, 6, 1e-6);
}

static void tower(void **state)
{
    struct offer a = effluent(20, 1500), b = plain_offer(ROLE_NEED, RESOURCE_WATER, "n1", "G-1", 40);
    put_parameter(&b, "cycles", "", 4, 4);
    put_parameter(&b, "basin_conductivity", "uS/cm", -INFINITY, 2400);
    struct match m = run(*state, &a, &b, 500);
    assert_int_equal(m.verdict, MATCH_REFUSED);
    NEAR(gate(&m, "quality", "conductivity")->limit.high, 600, 1e-9);
    assert_int_equal(gate(&m, "quality", "conductivity")->result, GATE_FAIL);
    a = effluent(20, 580);
    m = run(*state, &a, &b, 500);
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    assert_int_equal(m.way, WAY_DIRECT);
}

static void to_the_river(void **state)
{
    struct offer a = effluent(500.0 / 24, 500), b = plain_offer(ROLE_NEED, RESOURCE_WATER, "n1", "G-1", 40);
    put_parameter(&a, "cod", "mg/L", 280, 280);
    struct match m = run(*state, &a, &b, 500);
    NEAR(gate(&m, "discharge", "cod")->limit.high, 125, 1e-9); // 140 kg/d
    assert_int_equal(gate(&m, "discharge", "cod")->result, GATE_WARN);
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    a.typical = span_of(300.0 / 24);
    m = run(*state, &a, &b, 500);
    NEAR(gate(&m, "discharge", "cod")->limit.high, 300, 1e-9); // 84 kg/d
    assert_int_equal(gate(&m, "discharge", "cod")->result, GATE_PASS);
    struct discharge_verdict v = discharge_check(DISCHARGE_SEWER, DISCHARGE_COD, 280, NAN, 500);
    assert_true(v.allowed);
    a.typical = span_of(1000.0 / 24); // limit 125 by its load; one value of the day was 260
    a.parameters[1].value = span_of(110);
    put_parameter(&a, "cod_max", "mg/L", 260, 260);
    m = run(*state, &a, &b, 500);
    assert_int_equal(gate(&m, "discharge", "cod")->result, GATE_WARN);
    NEAR(gate(&m, "discharge", "cod")->value.low, 260, 1e-9);
}

static void treated_or_impossible(void **state)
{
    struct offer a = effluent(20, 500), b = plain_offer(ROLE_NEED, RESOURCE_WATER, "n1", "G-1", 40);
    put_parameter(&a, "tss", "mg/L", 40, 40);
    put_parameter(&a, "ph", "", 9, 9);
    put_parameter(&b, "tss", "mg/L", -INFINITY, 10);
    put_parameter(&b, "ph", "", 6.5, 8.5);
    struct match m = run(*state, &a, &b, 500);
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    assert_int_equal(m.way, WAY_TREAT);
    assert_int_equal(gate(&m, "quality", "tss")->result, GATE_FAIL);
    assert_int_equal(gate(&m, "quality", "ph")->result, GATE_FAIL);
    a.parameters[1].value = span_of(4000);
    m = run(*state, &a, &b, 500);
    assert_int_equal(m.verdict, MATCH_REFUSED);
    put_parameter(&b, "oil", "mg/L", -INFINITY, 5); // nobody has measured it
    a.parameters[1].value = span_of(40);
    m = run(*state, &a, &b, 500);
    assert_int_equal(m.verdict, MATCH_POSSIBLE);
    assert_int_equal(gate(&m, "quality", "oil")->result, GATE_UNKNOWN);
}

// ---- Waste ----

static void slag_far_away(void **state)
{
    struct offer a = waste_offer("w1", "F-1", 100202, 100), b = waste_need("n1", "G-1", 100202, 200);
    a.price = 5;
    struct match m = run(*state, &a, &b, 200000);
    assert_int_equal(m.verdict, MATCH_REFUSED);
    assert_true(m.net_eur_yr.high < 0);
    assert_int_equal(gate(&m, "transport", NULL)->result, GATE_FAIL);
    assert_string_equal(m.gates[m.strongest[0]].name, "transport");
    m = run(*state, &a, &b, 10000); // next door it is worth it
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    NEAR(m.expected_annual, 5200, 1e-9);
}

static void codes(void **state)
{
    bool analysis;
    assert_float_equal(waste_affinity(*state, 150101, 150101, &analysis), 1, 1e-9);
    assert_float_equal(waste_affinity(*state, 150101, 191201, &analysis), 0.7, 1e-9); // both are cardboard
    assert_float_equal(waste_affinity(*state, 150101, 150102, &analysis), 0.4, 1e-9);
    assert_float_equal(waste_affinity(*state, 150101, 170405, &analysis), 0, 1e-9);
    waste_affinity(*state, 150102, 150110, &analysis);
    assert_true(analysis);
    struct offer a = waste_offer("w1", "F-1", 150101, 2), b = waste_need("n1", "G-1", 200101, 5);
    struct match m = run(*state, &a, &b, 5000);
    assert_int_equal(m.verdict, MATCH_POSSIBLE); // the permit names another code
    assert_int_equal(gate(&m, "code", "15 01 01")->result, GATE_UNKNOWN);
    b = waste_need("n1", "G-1", 170405, 5);
    m = run(*state, &a, &b, 5000);
    assert_int_equal(m.verdict, MATCH_REFUSED);
    b = waste_need("n1", "G-1", 150101, 5);
    put_parameter(&a, "contamination", "%", 8, 8);
    put_parameter(&b, "contamination", "%", -INFINITY, 5);
    m = run(*state, &a, &b, 5000);
    assert_int_equal(m.verdict, MATCH_REFUSED);
    assert_int_equal(gate(&m, "quality", "contamination")->result, GATE_FAIL);
}

static void families_are_of_the_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < waste_family_count; i++) {
        assert_non_null(waste_find(waste_family_rows[i].code));
        assert_string_not_equal(waste_family_text(waste_family_rows[i].family, 0),
                                waste_family_rows[i].family);
        assert_true(!i || waste_family_rows[i].code > waste_family_rows[i - 1].code);
    }
    assert_string_equal(waste_family(150101), "W072");
    assert_null(waste_family(100202));
}

// ---- Electricity ----

static void sunshine(void **state)
{
    static const double pv[] = {0, 50, 120, 200, 180, 90, 20, 0}, own[] = {60, 60, 70, 80, 80, 70, 60, 60},
                        other[] = {40, 40, 60, 60, 150, 60, 40, 40};
    // Hours of eight blocks of a day that has no other: the profile carries them.
    assert_float_equal(electricity_surplus(pv, own, 8), 290, 1e-9);
    assert_float_equal(electricity_matched(pv, own, other, 8), 230, 1e-9);
    struct offer a = plain_offer(ROLE_OFFER, RESOURCE_ELECTRICITY, "e1", "F-1", 120);
    struct offer b = plain_offer(ROLE_NEED, RESOURCE_ELECTRICITY, "n1", "G-1", 150);
    a.has_blocks = b.has_blocks = true;
    for (int i = 0; i < 8; i++) {
        a.blocks[i] = (float)(fmax(0, pv[i] - own[i]) / 120);
        b.blocks[i] = (float)(other[i] / 150);
    }
    struct match m = run(*state, &a, &b, 500);
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    NEAR(m.use.low, 230.0 / 290, 1e-4);
    NEAR(m.expected_annual, 230.0 / 42 * 8.76, 1e-4);
    struct match_settings *s = *state;
    s->route_factor = 1;
    m = run(*state, &a, &b, 2100);
    assert_int_equal(gate(&m, "distance", NULL)->result, GATE_FAIL);
    assert_int_equal(m.verdict, MATCH_REFUSED);
    a.peak = span_of(5001);
    m = run(*state, &a, &b, 500);
    assert_int_equal(gate(&m, "power_limit", NULL)->result, GATE_FAIL);
    assert_int_equal(m.verdict, MATCH_REFUSED);
}

static void air_and_steam(void **state)
{
    struct offer a = plain_offer(ROLE_OFFER, RESOURCE_COMPRESSED_AIR, "e1", "F-1", 300);
    struct offer b = plain_offer(ROLE_NEED, RESOURCE_COMPRESSED_AIR, "n1", "G-1", 200);
    put_parameter(&a, "pressure", "bar", 7.2, 7.2);
    put_parameter(&b, "pressure", "bar", 7, 7);
    struct match m = run(*state, &a, &b, 300);
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    m = run(*state, &a, &b, 450); // 0.225 bar are lost
    assert_int_equal(gate(&m, "pressure", NULL)->result, GATE_FAIL);
    m = run(*state, &a, &b, 600);
    assert_int_equal(gate(&m, "distance", NULL)->result, GATE_FAIL);
    a = plain_offer(ROLE_OFFER, RESOURCE_STEAM, "s1", "F-1", 2000);
    b = plain_offer(ROLE_NEED, RESOURCE_STEAM, "t1", "G-1", 1500);
    a.heat.pressure = span_of(10);
    b.heat.pressure = span_of(6);
    m = run(*state, &a, &b, 2000);
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    NEAR(m.expected_quantity, 1500, 1e-9);
    m = run(*state, &a, &b, 4500);
    assert_int_equal(gate(&m, "pressure", NULL)->result, GATE_FAIL);
}

static void shared(void **state)
{
    struct offer a = plain_offer(ROLE_OFFER, RESOURCE_EQUIPMENT, "q1", "F-1", 1);
    struct offer b = plain_offer(ROLE_NEED, RESOURCE_EQUIPMENT, "n1", "G-1", 1);
    a.synergy = b.synergy = SYNERGY_SHARE;
    strcpy(a.equipment.type, "forklift");
    strcpy(b.equipment.type, "forklift");
    a.equipment.capability_count = b.equipment.capability_count = 1;
    a.equipment.capability[0] = (struct offer_parameter){"lift", "t", span_of(3)};
    b.equipment.capability[0] = (struct offer_parameter){"lift", "t", {2, INFINITY}};
    a.has_blocks = b.has_blocks = true;
    a.blocks[8] = a.blocks[9] = 1;
    b.blocks[9] = b.blocks[10] = 1;
    struct match m = run(*state, &a, &b, 10000); // 15 min
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    NEAR(m.coverage.low, 0.5, 1e-6);
    NEAR(m.details.travel_min, 15, 1e-9);
    m = run(*state, &a, &b, 21000);
    assert_int_equal(gate(&m, "travel", NULL)->result, GATE_FAIL);
    b.equipment.capability[0].value.low = 5;
    m = run(*state, &a, &b, 10000);
    assert_int_equal(gate(&m, "capability", NULL)->result, GATE_FAIL);
    b.blocks[9] = 0;
    b.equipment.capability[0].value.low = 2;
    m = run(*state, &a, &b, 10000);
    assert_int_equal(gate(&m, "slots", NULL)->result, GATE_FAIL);
}

// ---- Together ----

static struct offer bin(const char *site, uint32_t code, double t_wk, double capacity)
{
    struct offer o = waste_offer(site, site, code, t_wk);
    o.waste.capacity_t = span_of(capacity);
    return o;
}

static void one_round(void **state)
{
    struct offer a = bin("A", 150101, 1.2, 2.4), b = bin("B", 150101, 0.8, 2.4),
                 c = bin("C", 150101, 2.0, 2.4), d = bin("D", 150110, 0.3, 2.4),
                 e = bin("E", 150102, 1.0, 2.4);
    const struct offer *all[] = {&a, &b, &c, &d, &e};
    double way[25];
    for (int i = 0; i < 25; i++)
        way[i] = i % 6 ? 8000 : 0;
    struct match m;
    assert_true(match_group(*state, all, 5, way, NOW, &m));
    assert_int_equal(m.member_count, 3);
    NEAR(m.details.trips_alone, 86.7, 0.001);
    NEAR(m.details.interval_days, 7, 1e-9);
    NEAR(m.details.load_t, 4.0, 1e-9);
    NEAR(m.details.fill, 0.33, 0.02);
    NEAR(m.details.trips_pooled, 52, 1e-9);
    NEAR(1 - m.details.trips_pooled / m.details.trips_alone, 0.40, 0.001);
    // With a larger container at C.
    NEAR(m.details.larger_interval_days, 14, 1e-9);
    NEAR(m.details.larger_load_t, 8.0, 1e-9);
    NEAR(m.details.larger_fill, 0.67, 0.01);
    NEAR(m.details.larger_trips, 26, 1e-9);
    NEAR(1 - m.details.larger_trips / m.details.trips_alone, 0.70, 0.001);
    assert_true(m.details.larger_t <= 6);
    assert_int_equal(gate(&m, "hazard", "D")->result, GATE_FAIL);
    assert_int_equal(gate(&m, "code", "E")->result, GATE_FAIL);
    c.waste.capacity_t = span_of(6);
    assert_true(match_group(*state, all, 5, way, NOW, &m));
    NEAR(m.details.interval_days, 14, 1e-9);
    NEAR(m.details.load_t, 8.0, 1e-9);
    NEAR(m.details.trips_pooled, 26, 1e-9);
    for (int i = 0; i < 25; i++)
        way[i] = i % 6 ? 16000 : 0;
    assert_false(match_group(*state, all, 5, way, NOW, &m));
}

static void bought_together(void **state)
{
    struct offer o[4];
    const struct offer *all[4];
    static const double ends[] = {2027.0, 2027.25, 2027.5, 2028.5};
    for (int i = 0; i < 4; i++) {
        char site[4] = {(char)('A' + i), 0};
        o[i] = plain_offer(ROLE_NEED, RESOURCE_MATERIAL, site, site, 10);
        o[i].synergy = SYNERGY_POOL;
        strcpy(o[i].equipment.type, "gas_bottles");
        o[i].price = 100;
        put_parameter(&o[i], "contract_end", "a", ends[i], ends[i]);
        all[i] = &o[i];
    }
    struct match m;
    assert_true(match_group(*state, all, 4, NULL, NOW, &m));
    assert_int_equal(m.member_count, 3); // the fourth contract ends another year
    assert_int_equal(gate(&m, "contract", "D")->result, GATE_FAIL);
    NEAR(m.eur_yr.low, 3 * 52000 * (1 - pow(0.95, log2(3))), 1e-6);
    assert_false(match_group(*state, all, 2, NULL, NOW, &m));
}

// ---- Words ----

static void says(const struct match *m, enum match_language l, const char *what)
{
    static const char *const names[] = {"Laminoir", "Serres"};
    struct buf b = {0};
    match_text(m, names, l, &b);
    if (!strstr(buf_text(&b), what))
        fail_msg("\"%s\" is not in: %s", what, buf_text(&b));
    assert_null(strchr(buf_text(&b), '{'));
    buf_free(&b);
}

static void in_words(void **state)
{
    struct offer a = heat_offer("a1", "F-1", 65, 45, 550), b = heat_need("b1", "G-1", 30, 50, 400);
    b.annual = span_of(2400);
    struct match m = run(*state, &a, &b, 800);
    says(&m, LANGUAGE_EN, "Laminoir could give Serres 400 kW of heat, 2,400 MWh a year");
    says(&m, LANGUAGE_EN, "paid back in 10 years");
    says(&m, LANGUAGE_FR, "Laminoir pourrait fournir à Serres 400 kW (chaleur)");
    says(&m, LANGUAGE_EN, "560 to 610 tCO2e");
    m = run(*state, &a, &b, 8000);
    says(&m, LANGUAGE_EN, "Delivered at 53.5 degC behind the pipe, 55 degC needed: 1.53 K short.");
    says(&m, LANGUAGE_FR, "Livrée à 53,5 degC");
    struct buf json = {0};
    match_write(&m, NULL, true, LANGUAGE_EN, &json);
    assert_non_null(strstr(buf_text(&json), "\"verdict\":\"refused\""));
    buf_free(&json);
}

// Every sentence can be said, in both languages, whatever is known.
static void every_sentence(void **state)
{
    (void)state;
    for (uint16_t r = 0; r < REASONS; r++)
        for (int result = GATE_PASS; result <= GATE_FAIL; result++)
            for (int l = LANGUAGE_EN; l <= LANGUAGE_FR; l++) {
                struct match_gate g = {.name = "x",
                                       .parameter = "ph",
                                       .result = (enum gate_result)result,
                                       .unit = "m",
                                       .value = {1, 2},
                                       .limit = {-INFINITY, 3},
                                       .reason = r};
                struct buf b = {0};
                gate_text(&g, (enum match_language)l, &b);
                assert_true(b.len > 10);
                assert_null(strchr(buf_text(&b), '{'));
                buf_free(&b);
            }
}

// ---- Factors ----

static void factors_of_the_file(void **state)
{
    struct buf csv = {0};
    char why[200] = "";
    struct factor f[FACTORS];
    (void)state;
    assert_int_equal(file_read("conf/factors.csv", 1 << 20, &csv), 0);
    memset(f, 0, sizeof f);
    if (!factors_read(csv.data, csv.len, f, why, sizeof why))
        fail_msg("%s", why);
    for (int i = 0; i < FACTORS; i++) {
        assert_float_equal(f[i].value, factor_rows[i].factor.value, 1e-12);
        assert_float_equal(f[i].low, factor_rows[i].factor.low, 1e-12);
        assert_float_equal(f[i].high, factor_rows[i].factor.high, 1e-12);
        assert_true(factor_rows[i].source[0] && factor_rows[i].year >= 2000);
    }
    buf_free(&csv);
}

static void factors_refused(void **state)
{
    static const struct {
        const char *csv, *why;
    } rows[] = {
        {"name,value\ngas_prise,5\n",
         "line 2: there is no factor \"gas_prise\"; did you mean \"gas_price\"?"},
        {"name\ngas_price\n", "line 1: there is no column \"value\""},
        {"name,value\ngas_price,five\n", "line 2: \"five\" is not a number"},
        {"name,value,low,high\ngas_price,5,6,7\n",
         "line 2: low <= value <= high does not hold for gas_price"},
        {"name,value,unit\ngas_price,5,EUR/kWh\n", "line 2: gas_price is in \"EUR/MWh\", not in \"EUR/kWh\""},
        {"name,value\n\"gas_price,5\n", "line 2: a quote is not closed"}};
    struct factor f[FACTORS], before[FACTORS];
    char why[200];
    (void)state;
    factors_default(f);
    memcpy(before, f, sizeof f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(factors_read(rows[i].csv, strlen(rows[i].csv), f, why, sizeof why));
        assert_string_equal(why, rows[i].why);
        assert_memory_equal(f, before, sizeof f);
    }
    const char *good = "# ours\nname;value;high\ngas_price;60;70\n";
    assert_true(factors_read(good, strlen(good), f, why, sizeof why));
    assert_float_equal(f[FACTOR_GAS_PRICE].value, 60, 1e-9);
    assert_float_equal(f[FACTOR_GAS_PRICE].low, 60, 1e-9);
    assert_float_equal(f[FACTOR_GAS_PRICE].high, 70, 1e-9);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, make_settings, drop_settings)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(blended),
        WITH(tower),
        WITH(to_the_river),
        WITH(treated_or_impossible),
        WITH(slag_far_away),
        WITH(codes),
        cmocka_unit_test(families_are_of_the_list),
        WITH(sunshine),
        WITH(air_and_steam),
        WITH(shared),
        WITH(one_round),
        WITH(bought_together),
        WITH(in_words),
        cmocka_unit_test(every_sentence),
        cmocka_unit_test(factors_of_the_file),
        cmocka_unit_test(factors_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
