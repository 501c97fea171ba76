// SPDX-License-Identifier: Apache-2.0
// A publisher's own rate: intervals, aggregates, deadbands, silence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>
#include "publish/thin.h"

static struct point points[4];
static struct meter_info meter = {.name = "m", .points = points, .n = 4, .every_ns = NS_PER_S};
enum { POWER, ENERGY, STATE, TEXT };

static int open_units(void **unused)
{
    (void)unused;
    char why[200];
    points[POWER] = (struct point){.name = "active_power", .quantity = quantity_find("active_power")};
    points[ENERGY] = (struct point){.name = "energy", .quantity = quantity_find("active_energy_import")};
    points[STATE] = (struct point){.name = "phase_sequence", .quantity = quantity_find("phase_sequence")};
    points[TEXT] = (struct point){.name = "serial", .type = POINT_STRING};
    return units_open(why, sizeof why);
}

static uint64_t seq;

static struct value value_of(double x)
{
    return isnan(x) ? (struct value){.reason = REASON_NOT_DUE} : (struct value){.number = x};
}

// A reading of which NAN means "not due".
static bool put_with_text(struct thin *t, int64_t ms, double power, double energy, double state,
                          const char *text, struct thin_out *out)
{
    struct value values[4] = {value_of(power), value_of(energy), value_of(state), value_of(text ? 0 : NAN)};
    const char *texts[4] = {[TEXT] = text};
    struct reading r = {
        .meter = &meter, .time = {ms}, .epoch = 1, .seq = ++seq, .values = values, .texts = texts};
    return thin_put(t, &r, out);
}

static bool put(struct thin *t, int64_t ms, double power, double energy, double state, struct thin_out *out)
{
    return put_with_text(t, ms, power, energy, state, NULL, out);
}

static double number(const struct thin_out *o, int i)
{
    assert_int_equal(o->reading.values[i].reason, REASON_GOOD);
    return o->reading.values[i].number;
}

static void nothing_set_does_nothing(void **unused)
{
    (void)unused;
    assert_false(thin_active(&(struct thin_config){.aggregate = THIN_LAST, .max_silence_ns = NS_PER_S}));
    assert_true(thin_active(&(struct thin_config){.interval_ns = 1}));
}

static void last_gives_the_first_of_each_interval(void **unused)
{
    (void)unused;
    struct thin_config c = {.interval_ns = 10 * NS_PER_S};
    struct thin *t = thin_new(&c, &meter);
    struct thin_out o;
    int64_t begin = 1764000000000;
    assert_true(put(t, begin + 3000, 1, 100, 1, &o)); // at once after the start
    assert_false(o.windowed);
    int published = 0;
    // Polls jitter around the second: still one message for each ten.
    for (int i = 4; i < 64; i++)
        published += put(t, begin + i * 1000 + (i % 3 - 1) * 40, i, 100, 1, &o);
    assert_int_equal(published, 6);
    assert_int_equal(o.reading.time.ms, begin + 61000);
    thin_free(t);
}

static void last_brings_slow_points_along(void **unused)
{
    (void)unused;
    struct thin_config c = {.interval_ns = 10 * NS_PER_S};
    struct thin *t = thin_new(&c, &meter);
    struct thin_out o;
    assert_true(put(t, 100000, 1, 5, 1, &o));
    assert_false(put_with_text(t, 104000, 2, 6, NAN, "abc", &o)); // the slow ones are read here
    assert_false(put(t, 105000, 3, NAN, NAN, &o));
    assert_true(put(t, 110000, 4, NAN, NAN, &o));
    assert_true(number(&o, POWER) == 4);
    assert_true(number(&o, ENERGY) == 6);
    assert_int_equal(o.reading.values[STATE].reason, REASON_NOT_DUE);
    assert_string_equal(o.reading.texts[TEXT], "abc");
    assert_int_equal(o.reading.seq, seq);
    thin_free(t);
}

static void check_aggregate(int aggregate, double power)
{
    struct thin_config c = {.interval_ns = 60 * NS_PER_S, .aggregate = aggregate};
    struct thin *t = thin_new(&c, &meter);
    struct thin_out o;
    assert_false(put(t, 1764000001000, 10, 100, 1, &o));
    assert_false(put(t, 1764000020000, 40, 101, 2, &o));
    assert_false(put(t, 1764000059999, 16, 102, 3, &o));
    assert_true(put(t, 1764000060000, 1000, 103, 4, &o));
    assert_true(number(&o, POWER) == power);
    assert_true(number(&o, ENERGY) == 102); // totals and states: the last
    assert_true(number(&o, STATE) == 3);
    assert_int_equal(o.reading.values[TEXT].reason, REASON_NOT_DUE);
    assert_true(o.windowed);
    assert_int_equal(o.window.from.ms, 1764000000000);
    assert_int_equal(o.reading.time.ms, 1764000060000);
    assert_int_equal(o.window.readings, 3);
    assert_int_equal(o.reading.seq, seq - 1); // of the last reading in it
    thin_free(t);
}

static void aggregates(void **unused)
{
    (void)unused;
    check_aggregate(THIN_MEAN, 22);
    check_aggregate(THIN_MIN, 10);
    check_aggregate(THIN_MAX, 40);
}

static void bad_readings_do_not_spoil_a_mean(void **unused)
{
    (void)unused;
    struct thin_config c = {.interval_ns = 60 * NS_PER_S, .aggregate = THIN_MEAN};
    struct thin *t = thin_new(&c, &meter);
    struct thin_out o;
    struct value bad[4] = {{.reason = REASON_TIMEOUT},
                           {.reason = REASON_TIMEOUT},
                           {.reason = REASON_NOT_DUE},
                           {.reason = REASON_NOT_DUE}};
    struct reading r = {.meter = &meter, .time = {30000}, .values = bad, .maintenance = true};
    assert_false(put(t, 10000, 10, NAN, NAN, &o));
    assert_false(thin_put(t, &r, &o));
    assert_true(put(t, 61000, 99, NAN, NAN, &o));
    assert_true(number(&o, POWER) == 10);
    assert_int_equal(o.reading.values[ENERGY].reason, REASON_TIMEOUT); // never good in it
    assert_true(o.reading.maintenance);                                // one marked reading marks it
    // Without any good one the reason stands.
    r.time.ms = 130000;
    assert_true(thin_put(t, &r, &o)); // gives the interval of 61 s
    assert_true(put(t, 190000, 1, 1, 1, &o));
    assert_int_equal(o.reading.values[POWER].reason, REASON_TIMEOUT);
    thin_free(t);
}

static void a_silent_meter_s_interval_ends_too(void **unused)
{
    (void)unused;
    struct thin_config c = {.interval_ns = 60 * NS_PER_S, .aggregate = THIN_MEAN};
    struct thin *t = thin_new(&c, &meter);
    struct thin_out o;
    assert_false(thin_expire(t, (struct utc){1}, &o));
    assert_false(put(t, 10000, 10, 1, 1, &o));
    assert_false(thin_expire(t, (struct utc){60500}, &o)); // its next reading may be on the way
    assert_true(thin_expire(t, (struct utc){63000}, &o));
    assert_int_equal(o.reading.time.ms, 60000);
    assert_false(thin_expire(t, (struct utc){640000}, &o)); // only once
    assert_false(put(t, 70000, 20, 1, 1, &o));
    assert_true(thin_finish(t, &o)); // at the end of the program: what there is
    assert_int_equal(o.reading.time.ms, 70000);
    assert_false(thin_finish(t, &o));
    thin_free(t);
}

static void a_clock_set_back_begins_anew(void **unused)
{
    (void)unused;
    struct thin_config c = {.interval_ns = 60 * NS_PER_S, .aggregate = THIN_MEAN};
    struct thin *t = thin_new(&c, &meter);
    struct thin_out o;
    assert_false(put(t, 1000000, 10, 1, 1, &o));
    assert_true(put(t, -61000, 20, 1, 1, &o));
    assert_true(put(t, 1, 30, 1, 1, &o));
    assert_int_equal(o.window.from.ms, -120000);
    assert_int_equal(o.reading.time.ms, -60000);
    thin_free(t);
}

static void deadband_keeps_back_what_says_nothing_new(void **unused)
{
    (void)unused;
    char band[] = "2 %";
    struct thin_config c = {.deadband = band, .max_silence_ns = 60 * NS_PER_S};
    struct thin *t = thin_new(&c, &meter);
    struct thin_out o;
    assert_true(put(t, 1000, 100, 5000, 1, &o));
    assert_false(put(t, 2000, 102, 5001, 1, &o));  // 2 % exactly
    assert_false(put(t, 3000, 98, 9999, 1, &o));   // totals follow, they do not lead
    assert_true(put(t, 4000, 102.1, 5002, 1, &o)); // more than 2 % of 100
    assert_false(put(t, 5000, 101, 5003, 1, &o));  // compared with what was published
    assert_true(put(t, 6000, 102, 5004, 2, &o));   // a state changed
    assert_false(put(t, 65999, 102, 5005, 2, &o));
    assert_true(put(t, 66000, 102, 5006, 2, &o)); // max_silence
    assert_true(put(t, 10, 102, 5006, 2, &o));    // the clock was set back
    assert_true(put_with_text(t, 1000, 102, 5006, 2, "a", &o));
    assert_false(put_with_text(t, 2000, 102, 5006, 2, "a", &o));
    assert_true(put_with_text(t, 3000, 102, 5006, 2, "b", &o)); // a text changed
    thin_free(t);
}

static void deadband_sees_bad_and_good_again(void **unused)
{
    (void)unused;
    char band[] = "10";
    struct thin_config c = {.deadband = band, .max_silence_ns = 3600 * NS_PER_S};
    struct thin *t = thin_new(&c, &meter);
    struct thin_out o;
    struct value v[4] = {{.number = 1}, {.number = 1}, {.number = 1}, {.reason = REASON_NOT_DUE}};
    struct reading r = {.meter = &meter, .time = {1000}, .values = v};
    assert_true(thin_put(t, &r, &o));
    assert_false(thin_put(t, &r, &o));
    v[0].reason = REASON_TIMEOUT;
    assert_true(thin_put(t, &r, &o));
    assert_false(thin_put(t, &r, &o));
    v[0].reason = REASON_DOWN;
    assert_true(thin_put(t, &r, &o)); // another reason
    v[0].reason = REASON_GOOD;
    assert_true(thin_put(t, &r, &o));
    assert_false(thin_put(t, &r, &o));
    r.maintenance = true;
    assert_true(thin_put(t, &r, &o));
    v[1].number = 12; // an amount in its own unit holds for totals as well
    assert_true(thin_put(t, &r, &o));
    thin_free(t);
}

static void deadbands_of_single_quantities(void **unused)
{
    (void)unused;
    char quantity[] = "active_power", change[] = "500 W", band[] = "1000000";
    struct thin_deadband_config rows[] = {{.quantity = quantity, .change = change}};
    struct thin_config c = {.deadband = band, .deadbands = {rows, 1}, .max_silence_ns = 3600 * NS_PER_S};
    struct thin *t = thin_new(&c, &meter);
    struct thin_out o;
    assert_true(put(t, 1000, 10, 1, 1, &o));
    assert_false(put(t, 2000, 10.4, 200, 9, &o));
    assert_true(put(t, 3000, 10.6, 200, 9, &o));
    thin_free(t);
}

static void limits_are_parsed(void **unused)
{
    (void)unused;
    struct thin_limit l;
    char why[200];
    assert_true(thin_limit_parse("2 %", NULL, &l, why, sizeof why));
    assert_true(l.percent == 2 && l.absolute == 0);
    assert_true(thin_limit_parse("2.5%", NULL, &l, why, sizeof why));
    assert_true(thin_limit_parse("0.5", NULL, &l, why, sizeof why));
    assert_true(l.percent == 0 && l.absolute == 0.5);
    assert_true(thin_limit_parse("500 W", quantity_find("active_power"), &l, why, sizeof why));
    assert_true(fabs(l.absolute - 0.5) < 1e-12);
    assert_true(thin_limit_parse("0.5 K", quantity_find("flow_temperature"), &l, why, sizeof why));
    assert_true(fabs(l.absolute - 0.5) < 1e-12);
    assert_false(thin_limit_parse("0.5 kW", NULL, &l, why, sizeof why));
    assert_non_null(strstr(why, "deadbands"));
    assert_false(thin_limit_parse("3 m3", quantity_find("active_power"), &l, why, sizeof why));
    assert_non_null(strstr(why, "power"));
    assert_false(thin_limit_parse("-1", NULL, &l, why, sizeof why));
    assert_false(thin_limit_parse("120 %", NULL, &l, why, sizeof why));
    assert_false(thin_limit_parse("%", NULL, &l, why, sizeof why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_set_does_nothing),
        cmocka_unit_test(last_gives_the_first_of_each_interval),
        cmocka_unit_test(last_brings_slow_points_along),
        cmocka_unit_test(aggregates),
        cmocka_unit_test(bad_readings_do_not_spoil_a_mean),
        cmocka_unit_test(a_silent_meter_s_interval_ends_too),
        cmocka_unit_test(a_clock_set_back_begins_anew),
        cmocka_unit_test(deadband_keeps_back_what_says_nothing_new),
        cmocka_unit_test(deadband_sees_bad_and_good_again),
        cmocka_unit_test(deadbands_of_single_quantities),
        cmocka_unit_test(limits_are_parsed),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
