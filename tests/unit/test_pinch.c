// SPDX-License-Identifier: Apache-2.0
// Textbook problems with known answers, and what must hold for any list of streams.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "symbiont/backoff.h"
#include "symbiont/pinch.h"
#include "unit/test.h"

#define HALF -1 // dt_contribution: half of dt_min

static void expect(double got, double want)
{
    if (fabs(got - want) > 0.01)
        fail_msg("got %.4f, expected %.4f", got, want);
}

static void solve(const struct pinch_stream *s, size_t n, double dt, double hot, double cold)
{
    struct pinch_result r;
    assert_int_equal(pinch_solve(s, n, dt, &r), 0);
    expect(r.hot_utility_kw, hot);
    expect(r.cold_utility_kw, cold);
    pinch_free(&r);
}

// Beyond a few hundred streams the sums run another way: the same answer, a hundred times over.
static void many_streams(void **state)
{
    static const struct pinch_stream few[] = {{240, 50, 3800, HALF},
                                              {-20, 150, 1530, HALF},
                                              {90, 210, 2400, HALF},
                                              {130, 130, 500, HALF},
                                              {100, 100, -500, HALF}};
    enum { FEW = sizeof few / sizeof *few, COPIES = 100 };
    static struct pinch_stream many[FEW * COPIES];
    struct pinch_result r;
    (void)state;
    for (size_t i = 0; i < FEW * COPIES; i++) {
        many[i] = few[i % FEW];
        many[i].kw /= COPIES;
    }
    assert_int_equal(pinch_solve(many, FEW * COPIES, 20, &r), 0);
    expect(r.hot_utility_kw, 340);
    expect(r.cold_utility_kw, 210);
    assert_true(r.has_pinch);
    expect(r.pinch_shifted_c, 100);
    pinch_free(&r);
}

// Kemp's four streams.
static void four_streams(void **state)
{
    (void)state;
    static const struct pinch_stream s[] = {
        {20, 135, 230, HALF}, {170, 60, 330, HALF}, {80, 140, 240, HALF}, {150, 30, 180, HALF}};
    static const double shifted[] = {165, 145, 140, 85, 55, 25}, cp[] = {3, 0.5, -1.5, 2.5, -0.5},
                        heat[] = {60, 2.5, -82.5, 75, -15}, cascade[] = {20, 80, 82.5, 0, 75, 60};
    struct pinch_result r;
    assert_int_equal(pinch_solve(s, 4, 10, &r), 0);
    expect(r.hot_utility_kw, 20);
    expect(r.cold_utility_kw, 60);
    expect(r.recovered_kw, 450);
    assert_int_equal(r.has_pinch, 1);
    expect(r.pinch_hot_c, 90);
    expect(r.pinch_cold_c, 80);
    assert_int_equal(r.n, 6);
    for (size_t i = 0; i < 6; i++) {
        expect(r.rows[i].shifted_c, shifted[i]);
        expect(r.rows[i].cascade_kw, cascade[i]);
        if (i < 5) {
            expect(r.rows[i].net_cp, cp[i]);
            expect(r.rows[i].interval_kw, heat[i]);
        }
    }
    pinch_free(&r);
}

static void latent_heats(void **state)
{
    (void)state;
    static const struct pinch_stream s[] = {{240, 50, 20 * 190, HALF},
                                            {-20, 150, 9 * 170, HALF},
                                            {90, 210, 20 * 120, HALF},
                                            {130, 130, 500, HALF},
                                            {100, 100, -500, HALF}};
    static const double cascade[] = {340, 540, 540, 180, 680, 590, 90, 0, 660, 210};
    struct pinch_result r;
    assert_int_equal(pinch_solve(s, 5, 20, &r), 0);
    expect(r.hot_utility_kw, 340);
    expect(r.cold_utility_kw, 210);
    expect(r.pinch_shifted_c, 100);
    expect(r.pinch_hot_c, 110);
    assert_int_equal(r.n, 10);
    for (size_t i = 0; i < 10; i++)
        assert_true(fabs(r.rows[i].cascade_kw - cascade[i]) < 0.05); // a hair's width of the latent streams
    pinch_free(&r);
}

// Wang and others, three sites: refinery, rubber, tank field.
static const struct pinch_stream sites[] = {
    {162.5, 95, 9000, HALF}, {135, 75, 6000, HALF},  {115, 65, 8000, HALF}, // refinery 0..2
    {85, 100, 2000, HALF},   {115, 135, 6000, HALF}, {100, 120, 2500, HALF},
    {95, 105, 1500, HALF}, // rubber 3..6
    {55, 70, 1500, HALF},    {65, 80, 1000, HALF},   {65, 90, 2000, HALF},
    {85, 105, 2000, HALF}, // tanks 7..10
};

static void three_sites(void **state)
{
    (void)state;
    solve(&sites[0], 3, 14.7, 0, 23000);
    solve(&sites[3], 4, 14.7, 12000, 0);
    solve(&sites[7], 4, 14.7, 6500, 0);
    solve(&sites[0], 7, 14.7, 1721.67, 12721.67);
    solve(&sites[3], 8, 14.7, 18500, 0);
    struct pinch_result r;
    assert_int_equal(pinch_solve(sites, 11, 14.7, &r), 0);
    expect(r.hot_utility_kw, 1721.67);
    expect(r.cold_utility_kw, 6221.67);
    expect(r.recovered_kw, 16778.33);
    expect(r.pinch_shifted_c, 122.35);
    pinch_free(&r);
    solve(sites, 11, 5, 0, 4500);
    solve(sites, 11, 10, 625, 5125);
    solve(sites, 11, 20, 3333.33, 7833.33);
    struct pinch_stream pair[7];
    for (size_t i = 0; i < 7; i++)
        pair[i] = sites[i < 3 ? i : i + 4];
    solve(pair, 7, 14.7, 0, 16500);
}

static void threshold_problems(void **state)
{
    (void)state;
    static const struct pinch_stream hot[] = {{150, 50, 2400, HALF}}, cold[] = {{50, 150, 2400, HALF}};
    solve(hot, 1, 10, 0, 2400);
    solve(cold, 1, 10, 2400, 0);
    struct pinch_result r;
    assert_int_equal(pinch_solve(hot, 1, 10, &r), 0);
    assert_int_equal(r.has_pinch, 0);
    pinch_free(&r);
    solve(NULL, 0, 10, 0, 0);
}

static void own_share_of_the_approach(void **state)
{
    (void)state;
    // 10 K apart, shares of 5 K each: all of it passes; shares of 6 K: nothing does.
    struct pinch_stream s[] = {{60, 60, 100, 5}, {50, 50, -100, 5}};
    solve(s, 2, 0, 0, 0);
    s[0].dt_contribution_k = s[1].dt_contribution_k = 6;
    solve(s, 2, 0, 100, 100);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct pinch_result r;
    struct pinch_stream s[] = {{NAN, 50, 100, HALF}};
    assert_int_equal(pinch_solve(s, 1, 10, &r), -1);
    assert_int_equal(errno, EINVAL);
    s[0].supply_c = 80;
    assert_int_equal(pinch_solve(s, 1, -1, &r), -1);
}

static double draw(double low, double high)
{
    return low + (high - low) * (double)(random_bits() >> 11) / 9007199254740992.0;
}

// The balance closes, the cascade never runs dry, a larger approach never helps.
static void what_holds_for_any_streams(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct pinch_stream s[12];
        size_t n = 1 + random_bits() % 12;
        for (size_t i = 0; i < n; i++)
            s[i] = (struct pinch_stream){draw(0, 300), draw(0, 300), draw(1, 5000), HALF};
        double before = -1;
        for (double dt = 0; dt <= 30; dt += 10) {
            struct pinch_result r;
            assert_int_equal(pinch_solve(s, n, dt, &r), 0);
            assert_true(fabs(r.hot_total_kw + r.hot_utility_kw - r.cold_total_kw - r.cold_utility_kw) <
                        1e-6 * 60000);
            for (size_t i = 0; i < r.n; i++)
                assert_true(r.rows[i].cascade_kw >= 0);
            assert_true(r.hot_utility_kw >= before - 1e-6);
            before = r.hot_utility_kw;
            pinch_free(&r);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_streams),        cmocka_unit_test(latent_heats),
        cmocka_unit_test(many_streams),        cmocka_unit_test(three_sites),
        cmocka_unit_test(threshold_problems),  cmocka_unit_test(own_share_of_the_approach),
        cmocka_unit_test(nonsense_is_refused), cmocka_unit_test(what_holds_for_any_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
