// SPDX-License-Identifier: Apache-2.0
// Totals of a territory: three sites at least, none above 85 %, and nothing to be had by subtracting.
#include "coordinator/secrecy.h"
#include <stdint.h>
#include <stdlib.h>
#include "test.h"

static const struct secrecy_rule insee = {3, 0.85, 0};

static void the_rule(void **state)
{
    (void)state;
    assert_int_equal(secrecy_total(&insee, (double[]){500, 300, 200}, 3), SECRECY_SHOWN);
    assert_int_equal(secrecy_total(&insee, (double[]){900, 60, 40}, 3), SECRECY_DOMINATED);
    assert_int_equal(secrecy_total(&insee, (double[]){500, 300}, 2), SECRECY_FEW);
    assert_int_equal(secrecy_total(&insee, (double[]){500, 0, 300}, 3), SECRECY_FEW); // nothing is no site
    assert_int_equal(secrecy_total(&insee, (double[]){0, 0, 0}, 3), SECRECY_EMPTY);
    assert_int_equal(secrecy_total(&insee, (double[]){85, 10, 5}, 3), SECRECY_SHOWN); // not above
    assert_int_equal(secrecy_total(&insee, (double[]){86, 9, 5}, 3), SECRECY_DOMINATED);
}

static void the_second_cannot_work_out_the_first(void **state)
{
    (void)state;
    const struct secrecy_rule rule = {3, 0.85, 0.1};
    assert_int_equal(secrecy_total(&rule, (double[]){500, 300, 200}, 3), SECRECY_SHOWN);
    assert_int_equal(secrecy_total(&rule, (double[]){500, 400, 49, 0}, 4), SECRECY_DOMINATED);
    assert_int_equal(secrecy_total(&rule, (double[]){400, 500, 20, 30}, 4), SECRECY_SHOWN);
}

static void a_total_moves_with_three_sites_or_none(void **state)
{
    (void)state;
    assert_true(secrecy_may_move(&insee, "a\nb\nc\n", "a\nb\nc\n"));
    assert_false(secrecy_may_move(&insee, "a\nb\nc\n", "a\nb\nc\nd\n")); // one came
    assert_false(secrecy_may_move(&insee, "a\nb\nc\nd\n", "b\nc\nd\n")); // one went
    assert_false(secrecy_may_move(&insee, "a\nb\nc\n", "b\nc\nd\n"));    // one for another
    assert_false(secrecy_may_move(&insee, "a\nab\nb\n", "a\nabc\nb\n"));
    assert_true(secrecy_may_move(&insee, "a\nb\nc\n", "a\nb\nc\nd\ne\nf\n"));
    assert_true(secrecy_may_move(&insee, "a\nb\nc\nd\n", "a\ne\nf\n"));
    assert_true(secrecy_may_move(&insee, "", "a\nb\nc\n"));
    assert_true(secrecy_may_move(&insee, "", ""));
}

// Two communes of one territory: one may be shown, the other has two sites only. Total and the first would
// give the second away.
static void what_subtracting_would_give(void **state)
{
    (void)state;
    enum secrecy_verdict v[4];
    const double two[2][6] = {{500, 300, 200, 0, 0, 0}, {0, 0, 0, 400, 300, 0}};
    assert_true(secrecy_row(&insee, two[0], 2, 6, v));
    assert_int_equal(v[1], SECRECY_FEW);
    assert_int_equal(v[0], SECRECY_SECONDARY); // 5 sites are hidden together: their sum may be had
    assert_int_equal(v[2], SECRECY_SHOWN);
    // Three communes: the smallest of those that may be shown goes with the hidden one.
    const double three[3][9] = {
        {500, 300, 200, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 400, 300, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 50, 40, 30}};
    assert_true(secrecy_row(&insee, three[0], 3, 9, v));
    assert_int_equal(v[0], SECRECY_SHOWN);
    assert_int_equal(v[1], SECRECY_FEW);
    assert_int_equal(v[2], SECRECY_SECONDARY);
    assert_int_equal(v[3], SECRECY_SHOWN);
}

static void when_nothing_helps_the_total_goes(void **state)
{
    (void)state;
    enum secrecy_verdict v[3];
    // One giant: whatever is hidden with him, he is most of it.
    const double cells[2][4] = {{100, 80, 60, 0}, {0, 0, 0, 9000}};
    assert_true(secrecy_row(&insee, cells[0], 2, 4, v));
    assert_int_equal(v[2], SECRECY_DOMINATED);
    assert_int_equal(v[0], SECRECY_SHOWN); // no total to subtract it from
    assert_int_equal(v[1], SECRECY_FEW);
}

// Whatever the numbers: nothing that is shown, and nothing that follows by subtracting, breaks the rule.
static void at_random(void **state)
{
    (void)state;
    unsigned seed = 20260118;
    for (int round = 0; round < 3000; round++) {
        size_t cells = 1 + (size_t)rand_r(&seed) % 6, sites = 1 + (size_t)rand_r(&seed) % 9;
        double amounts[6 * 9], hidden[9] = {0}, all[9] = {0};
        enum secrecy_verdict v[7];
        for (size_t i = 0; i < cells * sites; i++)
            amounts[i] = rand_r(&seed) % 3 ? 0 : 1 + rand_r(&seed) % 1000;
        assert_true(secrecy_row(&insee, amounts, cells, sites, v));
        bool any = false;
        for (size_t c = 0; c < cells; c++)
            for (size_t s = 0; s < sites; s++) {
                bool gone = v[c] != SECRECY_SHOWN && v[c] != SECRECY_EMPTY;
                any |= gone;
                hidden[s] += gone ? amounts[c * sites + s] : 0;
                all[s] += amounts[c * sites + s];
            }
        for (size_t c = 0; c < cells; c++)
            if (v[c] == SECRECY_SHOWN)
                assert_int_equal(secrecy_total(&insee, amounts + c * sites, sites), SECRECY_SHOWN);
        if (v[cells] != SECRECY_SHOWN)
            continue;
        assert_int_equal(secrecy_total(&insee, all, sites), SECRECY_SHOWN);
        if (any)
            assert_int_equal(secrecy_total(&insee, hidden, sites), SECRECY_SHOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule),
        cmocka_unit_test(the_second_cannot_work_out_the_first),
        cmocka_unit_test(a_total_moves_with_three_sites_or_none),
        cmocka_unit_test(what_subtracting_would_give),
        cmocka_unit_test(when_nothing_helps_the_total_goes),
        cmocka_unit_test(at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
