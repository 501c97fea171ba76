// SPDX-License-Identifier: Apache-2.0
// Heat between two sites: the worked example with its pipe, the closed form against the problem table, bands.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "matching/inside.h"
#include "symbiont/pinch.h"
#include "unit/match_help.h"

static int make(void **state)
{
    return make_settings(state);
}

static struct match run(const struct match_settings *s, const struct offer *a, const struct offer *b,
                        double m)
{
    struct match out;
    match_pair(s, a, b, m, INFINITY, NOW, &out);
    return out;
}

// 65 -> 45 degC, 550 kW; 30 -> 50 degC, 400 kW, 6,000 h a year.
static void the_pair(struct offer *a, struct offer *b)
{
    *a = heat_offer("a1", "F-1", 65, 45, 550);
    *b = heat_need("b1", "G-1", 30, 50, 400);
    b->annual = span_of(2400);
}

static const struct match_gate *gate(const struct match *m, const char *name)
{
    for (int i = 0; i < m->gate_count; i++)
        if (strcmp(m->gates[i].name, name) == 0)
            return &m->gates[i];
    fail_msg("no gate %s", name);
    return NULL;
}

static void pair_of_800_m(void **state)
{
    struct match_settings *s = *state;
    struct offer a, b;
    the_pair(&a, &b);
    s->factor[FACTOR_PIPE_PRICE].value = 0; // by diameter
    struct match m = run(s, &a, &b, 800);
    assert_int_equal(m.verdict, MATCH_CERTAIN);
    assert_int_equal(m.way, WAY_DIRECT);
    NEAR(m.expected_quantity, 400, 1e-9);
    NEAR(m.details.pipe_mm, 70.3, 1e-9);
    NEAR(pipe_capacity(&pipes[2], 60, 35), 275, 0.01);
    NEAR(m.details.loss_kw, 15.6, 0.01);
    NEAR(m.details.drawn_kw, 415.6, 0.01);
    NEAR(m.details.drop_k, 0.65, 0.01);
    NEAR(m.capex.low, 500000, 0.01);
    NEAR(m.expected_annual, 2400, 1e-6);
    NEAR(m.details.density, 3.0, 0.01);
    NEAR(m.details.lcot, 14.8, 0.01);
    NEAR(m.tco2e.high, 605, 0.01);
    NEAR(m.payback_y.low, 4.05, 0.01);
    NEAR(m.coverage.low, 1, 1e-6);
    assert_true(m.tco2e.low < m.tco2e.high);
}

static void farther(void **state)
{
    struct match_settings *s = *state;
    struct offer a, b;
    the_pair(&a, &b);
    s->factor[FACTOR_PIPE_PRICE].value = 0;
    struct match m = run(s, &a, &b, 2000);
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    NEAR(m.payback_y.low, 6.7, 0.01);
    NEAR(m.details.density, 1.2, 0.01);
    assert_int_equal(gate(&m, "density")->result, GATE_WARN);
    m = run(s, &a, &b, 4000);
    NEAR(m.payback_y.low, 11.7, 0.01);
    NEAR(m.details.density, 0.6, 0.01);
    assert_int_equal(m.verdict, MATCH_REFUSED); // too little heat per metre
    m = run(s, &a, &b, 8000);
    assert_int_equal(m.verdict, MATCH_REFUSED);
    NEAR(m.details.density, 0.3, 0.03);
    NEAR(m.details.drop_k, 6.5, 0.01);
    assert_int_equal(gate(&m, "delivered")->result, GATE_FAIL);
    NEAR(gate(&m, "delivered")->value.low, 53.5, 0.01);
    NEAR(gate(&m, "delivered")->limit.low, 55, 1e-9);
    assert_int_equal(gate(&m, "source_power")->result, GATE_FAIL);
    NEAR(gate(&m, "source_power")->value.low, 555.9, 0.01);
    NEAR(gate(&m, "source_power")->limit.high, 550, 1e-9);
    assert_int_equal(gate(&m, "density")->result, GATE_FAIL);
    // The three that are shown are these.
    const char *shown[] = {"density", "delivered", "source_power"};
    assert_int_equal(m.strongest_count, 3);
    for (int i = 0; i < 3; i++) {
        bool found = false;
        for (int k = 0; k < 3; k++)
            found |= strcmp(m.gates[m.strongest[k]].name, shown[i]) == 0;
        assert_true(found);
    }
}

static void the_pipe_price_decides(void **state)
{
    struct match_settings *s = *state;
    struct offer a, b;
    the_pair(&a, &b);
    struct match m = run(s, &a, &b, 800); // 1,000 EUR/m is the default
    NEAR(m.capex.low, 1108000, 0.01);
    NEAR(m.payback_y.low, 10.0, 0.01);
}

static double drand(double low, double high)
{
    return low + (high - low) * ((double)rand() / RAND_MAX);
}

static void closed_form_is_the_problem_table(void **state)
{
    (void)state;
    srand(4711);
    for (int i = 0; i < 20000; i++) {
        double ts = drand(20, 200), tso = ts - drand(1, 100), tki = drand(5, 180), tko = tki + drand(1, 80);
        double ps = drand(10, 2000), pk = drand(10, 2000), dt = drand(0, 30);
        struct pinch_stream streams[] = {{ts, tso, ps, -1}, {tki, tko, pk, -1}};
        struct pinch_result r;
        assert_int_equal(pinch_solve(streams, 2, dt, &r), 0);
        double q = heat_exchange(ps, ts, tso, pk, tki, tko, dt);
        if (fabs(r.recovered_kw - q) > 0.005)
            fail_msg("seed 4711, pair %d: table %f, closed form %f", i, r.recovered_kw, q);
        pinch_free(&r);
    }
}

static struct span around(double v, double width)
{
    double below = drand(0, width);
    return (struct span){v - below, v - below + width};
}

// What is worked out of bands holds whatever the numbers inside them are.
static void bands_hold_the_truth(void **state)
{
    struct match_settings *s = *state;
    srand(815);
    s->heat.lift_most_k = 0; // one way only: which is the better may differ from end to end
    for (int i = 0; i < 3000; i++) {
        double ts = drand(40, 120), tso = ts - drand(12, 40), tki = drand(5, 80), tko = tki + drand(12, 40);
        struct offer a = heat_offer("a1", "F-1", ts, tso, drand(100, 900));
        struct offer b = heat_need("b1", "G-1", tki, tko, drand(100, 900));
        struct match exact = run(s, &a, &b, 0);
        a.heat.supply = around(ts, 10);
        a.heat.back = around(tso, 10);
        b.heat.supply = around(tko, 10);
        b.heat.back = around(tki, 10);
        a.typical = around(a.typical.low, 90);
        b.typical = around(b.typical.low, 90);
        struct match banded = run(s, &a, &b, 0);
        if (exact.verdict != MATCH_REFUSED && exact.way == WAY_DIRECT && banded.way == WAY_DIRECT) {
            assert_int_not_equal(banded.verdict, MATCH_REFUSED);
            if (banded.quantity.low > exact.expected_quantity + 1e-6 ||
                banded.quantity.high < exact.expected_quantity - 1e-6)
                fail_msg("seed 815, pair %d: %f is not in %f..%f", i, exact.expected_quantity,
                         banded.quantity.low, banded.quantity.high);
        }
        if (banded.verdict == MATCH_CERTAIN)
            assert_int_not_equal(exact.verdict, MATCH_REFUSED);
        if (banded.verdict == MATCH_REFUSED)
            assert_int_equal(exact.verdict, MATCH_REFUSED);
    }
}

static void lifted_by_a_heat_pump(void **state)
{
    struct match_settings *s = *state;
    struct offer a = heat_offer("a1", "F-1", 38, 30, 500), b = heat_need("b1", "G-1", 40, 60, 300);
    struct match m = run(s, &a, &b, 300);
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    assert_int_equal(m.way, WAY_HEAT_PUMP);
    NEAR(m.details.cop, 0.55 * 333.15 / 35, 0.001); // from 30 - 5 to 60
    NEAR(m.expected_quantity, 300, 1e-9);
    NEAR(m.details.electric_mwh, m.expected_annual / m.details.cop, 1e-9);
    assert_true(m.tco2e.low > 0); // any COP above 1 saves carbon with this electricity
    // Too high a lift.
    b = heat_need("b1", "G-1", 90, 110, 300);
    m = run(s, &a, &b, 300);
    assert_int_equal(m.verdict, MATCH_REFUSED);
    assert_int_equal(gate(&m, "lift")->result, GATE_FAIL);
}

static void night_and_day(void **state)
{
    struct match_settings *s = *state;
    struct offer a = heat_offer("a1", "F-1", 80, 50, 500), b = heat_need("b1", "G-1", 30, 60, 500);
    a.has_blocks = b.has_blocks = true;
    for (int i = 0; i < OFFER_BLOCKS; i++) {
        a.blocks[i] = i % 6 < 3 ? 1 : 0;
        b.blocks[i] = i % 6 < 3 ? 0 : 1;
    }
    struct match m = run(s, &a, &b, 100);
    assert_int_equal(m.verdict, MATCH_REFUSED);
    assert_int_equal(gate(&m, "time")->result, GATE_FAIL);
    b.blocks[0] = b.blocks[1] = 1; // two of its 23 blocks are in time
    m = run(s, &a, &b, 100);
    NEAR(m.coverage.high, 2.0 / 23, 0.02);
}

static void cold_goes_the_other_way(void **state)
{
    struct match_settings *s = *state;
    struct offer a = heat_offer("a1", "F-1", 4, 12, 200), b = heat_need("b1", "G-1", 16, 10, 100);
    a.resource = b.resource = RESOURCE_COLD;
    struct match m = run(s, &a, &b, 100);
    assert_int_not_equal(m.verdict, MATCH_REFUSED);
    NEAR(m.expected_quantity, 100, 1e-6);
    b = heat_need("b1", "G-1", 6, 3, 100);
    b.resource = RESOURCE_COLD;
    m = run(s, &a, &b, 100);
    assert_int_equal(m.verdict, MATCH_REFUSED);
}

static void who_may_not(void **state)
{
    struct match_settings *s = *state;
    struct offer a, b;
    the_pair(&a, &b);
    strcpy(b.pseudonym, "F-1");
    struct match m = run(s, &a, &b, 800);
    assert_int_equal(gate(&m, "site")->result, GATE_FAIL);
    the_pair(&a, &b);
    strcpy(a.blocked[0], "G-1");
    a.blocked_count = 1;
    m = run(s, &a, &b, 800);
    assert_int_equal(gate(&m, "blocked")->result, GATE_FAIL);
    the_pair(&a, &b);
    strcpy(b.audience[0], "X-9");
    b.audience_count = 1;
    m = run(s, &a, &b, 800);
    assert_int_equal(gate(&m, "audience")->result, GATE_FAIL);
    the_pair(&a, &b);
    a.level = DISCLOSE_AGGREGATE;
    m = run(s, &a, &b, 800);
    assert_int_equal(gate(&m, "level")->result, GATE_FAIL);
    the_pair(&a, &b);
    a.embargo_until.ms = NOW.ms + 1;
    m = run(s, &a, &b, 800);
    assert_int_equal(gate(&m, "embargo")->result, GATE_FAIL);
    the_pair(&a, &b);
    a.valid_until = NOW;
    m = run(s, &a, &b, 800);
    assert_int_equal(gate(&m, "validity")->result, GATE_FAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pair_of_800_m, make, drop_settings),
        cmocka_unit_test_setup_teardown(farther, make, drop_settings),
        cmocka_unit_test_setup_teardown(the_pipe_price_decides, make, drop_settings),
        cmocka_unit_test(closed_form_is_the_problem_table),
        cmocka_unit_test_setup_teardown(bands_hold_the_truth, make, drop_settings),
        cmocka_unit_test_setup_teardown(lifted_by_a_heat_pump, make, drop_settings),
        cmocka_unit_test_setup_teardown(night_and_day, make, drop_settings),
        cmocka_unit_test_setup_teardown(cold_goes_the_other_way, make, drop_settings),
        cmocka_unit_test_setup_teardown(who_may_not, make, drop_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
