// SPDX-License-Identifier: Apache-2.0
// Totals: wraps, glitches, resets, gaps, and what must never be counted.
#include "symbiont/counter.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define MINUTE 60000

// A counter fed at a fixed period.
struct feed {
    struct counter counter;
    struct counter_rule rule;
    int64_t now_ms, period_ms;
};

static struct feed feed_of(double modulus, double max_rate, int64_t period_ms)
{
    return (struct feed){.rule = {.modulus = modulus,
                                  .max_rate = max_rate,
                                  .step = 1,
                                  .gap_ms = 3 * period_ms,
                                  .confirm = 3,
                                  .confirm_ms = MINUTE},
                         .now_ms = 1764000000000,
                         .period_ms = period_ms};
}

static struct counter_event give(struct feed *f, double reading)
{
    f->now_ms += f->period_ms;
    return counter_step(&f->counter, &f->rule, reading, (struct utc){f->now_ms});
}

static void expect(struct feed *f, double reading, enum counter_kind kind, double delta)
{
    double before = f->counter.total;
    struct counter_event e = give(f, reading);
    if (e.kind != kind || e.delta != delta)
        fail_msg("%.10g: %s, %+.10g; expected %s, %+.10g", reading, counter_kind_text(e.kind), e.delta,
                 counter_kind_text(kind), delta);
    assert_true(e.after == reading);
    assert_true(f->counter.total == before + delta);
}

static void wrap_at_a_declared_modulus(void **state)
{
    (void)state;
    struct feed f = feed_of(1e7, 10, MINUTE);
    expect(&f, 9999870, COUNTER_FIRST, 0);
    f.now_ms -= f.period_ms; // for the numbers of the event
    f.period_ms = 2 * MINUTE;
    struct counter_event e = give(&f, 45);
    assert_int_equal(e.kind, COUNTER_WRAP);
    assert_true(e.before == 9999870 && e.after == 45 && e.delta == 175);
    assert_int_equal(e.elapsed_ms, MINUTE);
    expect(&f, 50, COUNTER_NORMAL, 5);
    assert_true(f.counter.total == 180);
}

static void wrap_at_the_width_of_the_register(void **state)
{
    (void)state;
    struct point p = {.type = POINT_UINT32, .factor = 1, .divisor = 1};
    struct feed f = feed_of(0, 0, MINUTE);
    f.rule = counter_rule_for(&p, 0, NULL, 60 * NS_PER_S);
    assert_true(f.rule.modulus == 0x1p32 && f.rule.step == 1);
    assert_int_equal(f.rule.gap_ms, 3 * MINUTE);
    expect(&f, 4294967000.0, COUNTER_FIRST, 0);
    expect(&f, 1500, COUNTER_WRAP, 1796);
    // In 0.01 kWh.
    point_scale(&p, 0.01, 0);
    f = feed_of(0, 0, MINUTE);
    f.rule = counter_rule_for(&p, 0, NULL, 60 * NS_PER_S);
    expect(&f, 42949672.9, COUNTER_FIRST, 0);
    struct counter_event e = give(&f, 0.04);
    assert_int_equal(e.kind, COUNTER_WRAP);
    assert_true(fabs(e.delta - 0.1) < 1e-7);
}

static void rules_of_types(void **state)
{
    (void)state;
    static const struct {
        enum point_type type;
        double modulus;
    } rows[] = {{POINT_UINT16, 65536}, {POINT_BCD16, 1e4}, {POINT_BCD32, 1e8}, {POINT_INT32, 0},
                {POINT_FLOAT32, 0},    {POINT_UINT64, 0},  {POINT_DERIVED, 0}, {POINT_LOW_BYTE, 256}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct point p = {.type = (uint8_t)rows[i].type, .factor = 10};
        assert_true(counter_rule_for(&p, 0, NULL, NS_PER_S).modulus == 10 * rows[i].modulus);
        p.modulus = 5000;
        p.max_rate = 3;
        assert_true(counter_rule_for(&p, 0, NULL, NS_PER_S).modulus == 5000);
        assert_true(counter_rule_for(&p, 0, NULL, NS_PER_S).max_rate == 3);
    }
    // A scale factor register (SunSpec) scales the modulus: 10^1.
    struct point p[2] = {{.type = POINT_UINT32, .factor = 1, .divisor = 1000, .rank = 1},
                         {.type = POINT_INT16, .factor = 1}};
    p[0].exponent_point = 1;
    p[0].factor_point = POINT_NONE;
    struct value out[2] = {{.number = 0}, {.number = 1}};
    assert_true(fabs(counter_rule_for(p, 0, out, NS_PER_S).modulus - 42949672.96) < 1e-6);
}

static void an_unexplained_fall_is_not_a_number(void **state)
{
    (void)state;
    struct feed f = feed_of(0, 0, MINUTE);
    expect(&f, 5000, COUNTER_FIRST, 0);
    expect(&f, 4990, COUNTER_LOW, 0);
    assert_true(counter_refused(COUNTER_LOW) && counter_refused(COUNTER_FAST));
    assert_false(counter_refused(COUNTER_RESET) || counter_refused(COUNTER_UNKNOWN));
}

static void a_glitch_is_refused_and_bridged(void **state)
{
    (void)state;
    for (int with_rate = 0; with_rate < 2; with_rate++) {
        struct feed f = feed_of(0x1p32, with_rate ? 1 : 0, MINUTE);
        expect(&f, 5000, COUNTER_FIRST, 0);
        expect(&f, 5010, COUNTER_NORMAL, 10);
        expect(&f, 0, COUNTER_LOW, 0);
        struct counter_event e = give(&f, 5030);
        assert_int_equal(e.kind, COUNTER_BRIDGED);
        assert_true(e.delta == 20 && e.before == 5010);
        assert_int_equal(e.elapsed_ms, 2 * MINUTE);
        expect(&f, 5030, COUNTER_NORMAL, 0);
        assert_true(f.counter.total == 30);
    }
}

static void zeros_of_a_meter_that_starts_are_no_reset(void **state)
{
    (void)state;
    struct feed f = feed_of(0, 0, 1000);
    expect(&f, 80000, COUNTER_FIRST, 0);
    for (int i = 0; i < 50; i++) // 50 s: three readings agree, but not for a minute
        expect(&f, 0, COUNTER_LOW, 0);
    expect(&f, 80003, COUNTER_BRIDGED, 3);
    assert_true(f.counter.total == 3);
}

static void a_reset_needs_several_readings_that_agree(void **state)
{
    (void)state;
    struct feed f = feed_of(0, 1, MINUTE);
    expect(&f, 5000, COUNTER_FIRST, 0);
    expect(&f, 3, COUNTER_LOW, 0);
    expect(&f, 7, COUNTER_LOW, 0);
    struct counter_event e = give(&f, 12);
    assert_int_equal(e.kind, COUNTER_RESET);
    assert_true(e.before == 5000 && e.after == 12 && e.delta == 9);
    expect(&f, 20, COUNTER_NORMAL, 8);
    assert_true(f.counter.total == 17);
    // Readings that fall, or leap, do not agree.
    f = feed_of(0, 1, MINUTE);
    give(&f, 5000);
    const double wild[] = {90, 80, 70, 2000, 60, 50, 40};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++)
        expect(&f, wild[i], COUNTER_LOW, 0);
}

static void a_fault_taken_for_a_reset_does_not_count_the_meter_again(void **state)
{
    (void)state;
    for (int with_rate = 0; with_rate < 2; with_rate++) {
        struct feed f = feed_of(0, with_rate ? 1 : 0, MINUTE);
        expect(&f, 80000, COUNTER_FIRST, 0);
        expect(&f, 0, COUNTER_LOW, 0);
        expect(&f, 0, COUNTER_LOW, 0);
        expect(&f, 0, COUNTER_RESET, 0);
        expect(&f, 0, COUNTER_NORMAL, 0);
        expect(&f, 80010, COUNTER_FAST, 0);
        expect(&f, 80011, COUNTER_FAST, 0);
        expect(&f, 80013, COUNTER_RESET, 3);
        expect(&f, 80014, COUNTER_NORMAL, 1);
        assert_true(f.counter.total == 4);
    }
}

static void nothing_beyond_the_largest_rate_is_counted(void **state)
{
    (void)state;
    struct feed f = feed_of(0, 2, MINUTE); // 120 a minute
    expect(&f, 1000, COUNTER_FIRST, 0);
    expect(&f, 1100, COUNTER_NORMAL, 100);
    expect(&f, 1400, COUNTER_FAST, 0);
    expect(&f, 1240, COUNTER_BRIDGED, 140);
    // The smallest step of the register may come at any time: 1 kWh at 1 s is no 3,600 kW.
    f = feed_of(0, 0.001, 1000);
    expect(&f, 7, COUNTER_FIRST, 0);
    expect(&f, 8, COUNTER_NORMAL, 1);
    expect(&f, 10, COUNTER_FAST, 0);
}

static void a_meter_that_writes_in_bursts_is_believed(void **state)
{
    (void)state;
    // 2 a second, but the register changes every 15 minutes.
    struct feed f = feed_of(0, 2, 10000);
    give(&f, 0);
    for (int quarter = 1; quarter <= 4; quarter++) {
        for (int i = 1; i < 90; i++)
            expect(&f, 1700 * (quarter - 1), COUNTER_NORMAL, 0);
        expect(&f, 1700 * quarter, COUNTER_NORMAL, 1700);
    }
    // A quiet weekend does not make a wild reading believed.
    for (int i = 0; i < 6 * 60 * 48; i++)
        give(&f, 6800);
    expect(&f, 6800 + 2 * 3600 * 40, COUNTER_FAST, 0);
    expect(&f, 6801, COUNTER_BRIDGED, 1);
}

static void a_gap_is_bridged_by_the_total(void **state)
{
    (void)state;
    struct feed f = feed_of(1e6, 1, MINUTE);
    give(&f, 100);
    f.now_ms += 600 * (int64_t)MINUTE;
    struct counter_event e = give(&f, 20100);
    assert_int_equal(e.kind, COUNTER_BRIDGED);
    assert_true(e.delta == 20000);
    assert_int_equal(e.elapsed_ms, 601 * (int64_t)MINUTE);
    // Saved, restored on the next start, and a wrap in between.
    struct counter saved = f.counter;
    memset(&f.counter, 0xFF, sizeof f.counter);
    f.counter = saved;
    assert_true(counter_valid(&f.counter));
    f.counter.last = 999990;
    f.now_ms += 10 * (int64_t)MINUTE;
    e = give(&f, 400);
    assert_int_equal(e.kind, COUNTER_WRAP);
    assert_true(e.delta == 410);
    // 12 days at 1 a second: it may have gone round.
    f.now_ms += 12LL * 24 * 60 * MINUTE;
    expect(&f, 500, COUNTER_UNKNOWN, 0);
    expect(&f, 510, COUNTER_NORMAL, 10);
}

static void a_clock_set_back_does_not_stop_the_counting(void **state)
{
    (void)state;
    struct feed f = feed_of(0, 1, MINUTE);
    give(&f, 100);
    expect(&f, 150, COUNTER_NORMAL, 50);
    f.now_ms -= 3600 * 1000;
    struct counter_event e = give(&f, 200);
    assert_int_equal(e.kind, COUNTER_NORMAL);
    assert_true(e.delta == 50 && e.elapsed_ms < 0);
    f.now_ms -= 3600 * 1000;
    expect(&f, 500, COUNTER_FAST, 0); // more than its usual minute explains
    expect(&f, 250, COUNTER_BRIDGED, 50);
}

static void float_totals_move_in_their_own_steps(void **state)
{
    (void)state;
    struct point p = {.type = POINT_FLOAT32, .factor = 1, .max_rate = 1e-6};
    struct feed f = feed_of(0, 0, 1000);
    f.rule = counter_rule_for(&p, 0, NULL, NS_PER_S);
    give(&f, 1e6f);
    expect(&f, (double)nextafterf(1e6f, 2e6f), COUNTER_NORMAL, 0.0625);
    expect(&f, 1000001, COUNTER_FAST, 0);
}

static void without_a_rate_more_than_half_way_round_is_a_fall(void **state)
{
    (void)state;
    struct feed f = feed_of(65536, 0, MINUTE);
    give(&f, 10);
    expect(&f, 65530, COUNTER_FAST, 0);
    expect(&f, 30000, COUNTER_BRIDGED, 29990);
    expect(&f, 100, COUNTER_LOW, 0);
}

static void what_cannot_be_a_wrap_is_a_fall(void **state)
{
    (void)state;
    struct feed f = feed_of(1000, 0, MINUTE);
    expect(&f, 1500, COUNTER_FIRST, 0); // the modulus in the profile is wrong
    expect(&f, 2, COUNTER_LOW, 0);
    f = feed_of(1000, 0, MINUTE);
    expect(&f, 999, COUNTER_FIRST, 0);
    expect(&f, -1, COUNTER_LOW, 0);
    // Without a period there is no gap to speak of.
    f = feed_of(0, 0, MINUTE);
    f.rule.gap_ms = 0;
    expect(&f, 10, COUNTER_FIRST, 0);
    f.now_ms += 100 * MINUTE;
    expect(&f, 11, COUNTER_NORMAL, 1);
}

// After a fault that was taken for a reset, and a slow rise over the old level: nothing is taken back.
static void a_level_that_is_passed_step_by_step_counts(void **state)
{
    (void)state;
    struct feed f = feed_of(0, 0, MINUTE);
    expect(&f, 100, COUNTER_FIRST, 0);
    expect(&f, 90, COUNTER_LOW, 0);
    expect(&f, 90, COUNTER_LOW, 0);
    expect(&f, 90, COUNTER_RESET, 0);
    expect(&f, 99, COUNTER_NORMAL, 9);
    expect(&f, 99.4, COUNTER_NORMAL, 99.4 - 99);
    expect(&f, 101, COUNTER_FAST, 0); // more than half the way back to it in one leap
    f.counter.refused = 0;
    expect(&f, 99.9, COUNTER_NORMAL, 99.9 - 99.4);
    f.counter.last = 100; // at it: it is behind
    expect(&f, 150, COUNTER_NORMAL, 50);
}

static void refused_readings_that_come_faster_than_usual(void **state)
{
    (void)state;
    struct feed f = feed_of(0, 0.01, MINUTE); // 0.6 a minute
    expect(&f, 100, COUNTER_FIRST, 0);
    expect(&f, 100.5, COUNTER_NORMAL, 0.5);
    expect(&f, 50, COUNTER_LOW, 0);
    f.period_ms = 1000; // within a second the rise of a usual period is believed
    expect(&f, 50.5, COUNTER_LOW, 0);
    f.period_ms = MINUTE;
    expect(&f, 51, COUNTER_RESET, 1);
}

static void damaged_states_are_noticed(void **state)
{
    (void)state;
    struct counter c = {0};
    assert_true(counter_valid(&c));
    c.last = NAN;
    assert_false(counter_valid(&c));
    c = (struct counter){.total = -1};
    assert_false(counter_valid(&c));
    c = (struct counter){.last_ms = INT64_MIN};
    assert_false(counter_valid(&c));
    c = (struct counter){.still_ms = INT64_MAX};
    assert_false(counter_valid(&c));
    c = (struct counter){.known = 77};
    assert_false(counter_valid(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrap_at_a_declared_modulus),
        cmocka_unit_test(wrap_at_the_width_of_the_register),
        cmocka_unit_test(rules_of_types),
        cmocka_unit_test(an_unexplained_fall_is_not_a_number),
        cmocka_unit_test(a_glitch_is_refused_and_bridged),
        cmocka_unit_test(zeros_of_a_meter_that_starts_are_no_reset),
        cmocka_unit_test(a_reset_needs_several_readings_that_agree),
        cmocka_unit_test(a_fault_taken_for_a_reset_does_not_count_the_meter_again),
        cmocka_unit_test(nothing_beyond_the_largest_rate_is_counted),
        cmocka_unit_test(a_meter_that_writes_in_bursts_is_believed),
        cmocka_unit_test(a_gap_is_bridged_by_the_total),
        cmocka_unit_test(a_clock_set_back_does_not_stop_the_counting),
        cmocka_unit_test(float_totals_move_in_their_own_steps),
        cmocka_unit_test(without_a_rate_more_than_half_way_round_is_a_fall),
        cmocka_unit_test(what_cannot_be_a_wrap_is_a_fall),
        cmocka_unit_test(a_level_that_is_passed_step_by_step_counts),
        cmocka_unit_test(refused_readings_that_come_faster_than_usual),
        cmocka_unit_test(damaged_states_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
