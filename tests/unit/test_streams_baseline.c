// SPDX-License-Identifier: Apache-2.0
// The regression of a stream's baseline: it finds what a plant was made of, knows how good it is, steps back
// when it is not, and survives restarts.
#include "streams/model.h"
#include "streams_kit.h"

#define HEAT    "resource = \"heat\"; value = \"m.power\"; "
#define DRIVERS "baseline: { outdoor = \"m.hot\"; production = \"m.conductivity\"; };"
#define WEEK    (168 * HOUR)
#define MANY    (20 * 168)

struct dice {
    uint64_t state;
};

static double throw(struct dice * d)
{
    d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(d->state >> 11) / 9007199254740992.0 - 0.5;
}

static double outdoor_at(int64_t hour, struct dice *d)
{
    double season = 9 - 9 * cos(2 * M_PI * (double)hour / 8760),
           day = 4 * sin(2 * M_PI * (double)(hour % 24 - 9) / 24);
    return season + day + 6 * throw(d);
}

static double production_at(int64_t hour, struct dice *d)
{
    int64_t of_week = hour % 168;
    return of_week < 120 && of_week % 24 >= 6 && of_week % 24 < 22 ? 80 + 40 * throw(d) : 0;
}

// Heating below 10 degC and half as much between 10 and 20, a base by the hour of the day, 2 kW per piece.
static double plant(int64_t hour, double outdoor, double production)
{
    double base = 60 + 20 * (double)(hour % 24 >= 6);
    double heating = outdoor < 10 ? 10 * (10 - outdoor) + 50 : outdoor < 20 ? 5 * (20 - outdoor) : 0;
    return base + heating + 2 * production;
}

// ---- The model alone ----

static void run_model(struct model *m, int64_t from, int64_t to, double noise, struct dice *d)
{
    for (int64_t h = from; h < to; h++) {
        double drivers[] = {outdoor_at(h, d), production_at(h, d)};
        model_learn(m, (unsigned)(h % 168), plant(h, drivers[0], drivers[1]) + noise * throw(d), drivers);
    }
}

static void finds_what_the_plant_is_made_of(void **state)
{
    (void)state;
    struct model m;
    struct dice d = {1};
    model_reset(&m, true, true);
    run_model(&m, 0, 26 * 168, 0, &d);
    kit_near(m.slope[0], -10, 0.01);             // below 10 degC
    kit_near(m.slope[0] + m.slope[1], -5, 0.01); // up to 20
    kit_near(m.slope[3], 2, 0.001);
    struct model_quality q = model_judge(&m);
    assert_true(q.accepted && q.cv < 0.01 && fabs(q.bias) < 0.01);
    const double cold[] = {-3, 95};
    kit_near(model_expect(&m, 34, cold), plant(34, -3, 95), 1);
}

static void knows_when_it_is_not_good_enough(void **state)
{
    (void)state;
    struct model m;
    struct dice d = {2};
    model_reset(&m, true, true);
    run_model(&m, 0, 5 * 168, 0, &d);
    assert_true(model_judge(&m).cv < 0.3);
    model_reset(&m, true, true);
    run_model(&m, 0, 3 * 168, 0, &d);
    assert_false(model_judge(&m).accepted); // too few weeks
    model_reset(&m, true, true);
    run_model(&m, 0, 26 * 168, 900, &d);
    struct model_quality q = model_judge(&m);
    assert_true(q.cv > 0.3 && !q.accepted);
}

static void foretells_nothing_it_cannot_know(void **state)
{
    (void)state;
    struct model m;
    struct dice d = {3};
    const double missing[] = {NAN, 50}, hot[] = {60, 80}, warm[] = {45, 80};
    model_reset(&m, true, true);
    assert_true(isnan(model_expect(&m, 0, hot)));
    assert_true(isnan(model_judge(&m).cv));
    run_model(&m, 0, 20 * 168, 0, &d);
    assert_true(isnan(model_expect(&m, 34, missing)));
    // Beyond what was seen it stays at the edge.
    kit_near(model_expect(&m, 34, hot), model_expect(&m, 34, warm), 0);
    double learnt = m.learnt;
    model_learn(&m, 0, 100, missing);
    model_learn(&m, 0, NAN, hot);
    kit_near(m.learnt, learnt, 0);
}

static void a_driver_that_never_varies_does_no_harm(void **state)
{
    (void)state;
    struct model m;
    struct dice d = {4};
    model_reset(&m, true, true);
    for (int64_t h = 0; h < 12 * 168; h++) {
        double t = -5 + 10 * throw(&d);
        const double drivers[] = {t, 7};
        model_learn(&m, (unsigned)(h % 168), 100 - 3 * t, drivers);
    }
    kit_near(m.slope[0], -3, 1e-6);
    kit_near(m.slope[1], 0, 0);
    kit_near(m.slope[3], 0, 0);
}

static void bytes_bring_it_back(void **state)
{
    (void)state;
    static struct model m, back, other;
    struct dice d = {5};
    struct buf b = {0};
    model_reset(&m, true, true);
    run_model(&m, 0, 15 * 168, 20, &d);
    model_save(&m, &b);
    model_reset(&back, true, true);
    struct cursor c = cursor_over(b.data, b.len);
    assert_true(model_restore(&back, &c));
    assert_int_equal(cursor_left(&c), 0);
    assert_memory_equal(&m, &back, sizeof m);
    model_reset(&other, true, false);
    c = cursor_over(b.data, b.len);
    assert_false(model_restore(&other, &c)); // of other drivers
    for (size_t cut = 0; cut < b.len; cut += 97) {
        c = cursor_over(b.data, cut);
        assert_false(model_restore(&back, &c));
        assert_true(back.learnt == 0);
    }
    buf_free(&b);
}

// ---- In a stream ----

static void run_stream(struct kit *k, int64_t from, int64_t to, struct dice *d)
{
    if (from == 0) {
        kit_feed(k, "m.hot", MONDAY, 0);
        kit_feed(k, "m.conductivity", MONDAY, 0);
        kit_sample(k, "m.power", MONDAY, 0);
    }
    for (int64_t h = from; h < to; h++) {
        double outdoor = outdoor_at(h, d), production = production_at(h, d);
        kit_feed(k, "m.hot", MONDAY + (h + 1) * HOUR, outdoor);
        kit_feed(k, "m.conductivity", MONDAY + (h + 1) * HOUR, production);
        kit_sample(k, "m.power", MONDAY + (h + 1) * HOUR, plant(h, outdoor, production));
    }
}

// 20 weeks from Monday in winter on; then a hot day.
static void says_what_is_usual_today(void **state)
{
    (void)state;
    struct kit *k = kit_new(HEAT DRIVERS, HOUR);
    struct dice d = {6};
    run_stream(k, 0, MANY + 12, &d);
    struct stream_fit fit = stream_fit(k->s);
    assert_true(fit.accepted && fit.cv < 0.02);
    int64_t now = MONDAY + MANY * HOUR + 12 * HOUR + HOUR / 2; // Monday, 12:30
    kit_feed(k, "m.hot", now, 4);
    kit_feed(k, "m.conductivity", now, 20);
    kit_sample(k, "m.power", now, 100);
    kit_near(stream_baseline(k->s, (struct utc){now}), plant(12, 4, 20), 3);
    kit_near(kit_field(k, "baseline", now), plant(12, 4, 20), 3);
    kit_near(kit_field(k, "baseline_cv", now), 100 * fit.cv, 0.5);
    // Without a thermometer it is what the weeks before say.
    kit_feed(k, "m.hot", now + 1000, NAN);
    kit_sample(k, "m.power", now + 1000, 100);
    assert_true(fabs(stream_baseline(k->s, (struct utc){now + 1000}) - plant(12, 4, 20)) > 40);
    kit_free(k);
}

static void survives_a_restart_and_a_reload(void **state)
{
    (void)state;
    struct kit *k = kit_new(HEAT DRIVERS, HOUR), *same = kit_new(HEAT DRIVERS, HOUR),
               *limits = kit_new(HEAT DRIVERS "surplus: { above = \"300 kW\"; };", HOUR),
               *drivers = kit_new(HEAT "baseline: { outdoor = \"m.hot\"; };", HOUR);
    struct dice d = {7};
    struct buf b = {0};
    run_stream(k, 0, MANY, &d);
    stream_save(k->s, &b);
    assert_true(stream_restore(same->s, b.data, b.len));
    assert_true(stream_fit(same->s).accepted);
    kit_near(stream_fit(same->s).cv, stream_fit(k->s).cv, 0);
    // Another threshold does not make another plant, another driver does.
    assert_true(stream_restore(limits->s, b.data, b.len));
    assert_true(stream_fit(limits->s).accepted);
    assert_true(stream_restore(drivers->s, b.data, b.len));
    assert_true(isnan(stream_fit(drivers->s).cv));
    struct kit *fresh = kit_new(HEAT DRIVERS, HOUR);
    assert_true(stream_inherit(fresh->s, k->s));
    assert_true(stream_fit(fresh->s).accepted);
    assert_true(stream_inherit(drivers->s, k->s));
    assert_false(stream_fit(drivers->s).accepted);
    buf_free(&b);
    kit_free(k);
    kit_free(same);
    kit_free(limits);
    kit_free(drivers);
    kit_free(fresh);
}

// A thermometer in between neither moves the stream nor makes it slower.
static void drivers_move_nothing(void **state)
{
    (void)state;
    struct kit *with = kit_new(HEAT DRIVERS, MINUTE), *without = kit_new(HEAT, MINUTE);
    for (int i = 0; i < 200; i++) {
        kit_sample(with, "m.power", MONDAY + i * MINUTE, i % 7);
        kit_sample(without, "m.power", MONDAY + i * MINUTE, i % 7);
        kit_sample(with, "m.hot", MONDAY + i * MINUTE + 20000, 5);
        kit_sample(with, "m.conductivity", MONDAY + i * MINUTE + 40000, 5);
    }
    assert_int_equal(with->hours_n, 3);
    assert_int_equal(without->hours_n, 3);
    for (size_t i = 0; i < 3; i++)
        kit_near(with->hours[i].amount, without->hours[i].amount, 0);
    assert_int_equal(stream_every_ms(with->s), stream_every_ms(without->s));
    kit_free(with);
    kit_free(without);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *said;
    } cases[] = {
        {HEAT "baseline: { };", "stream s: baseline needs outdoor or production"},
        {HEAT "baseline: { outdoor = \"m.power\"; };", "baseline.outdoor: "},
        {HEAT "baseline: { outdoor = \"m.hott\"; };", "did you mean \"m.hot\"?"},
    };
    static struct kit k;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(kit_try(&k, cases[i].settings, HOUR, NULL));
        if (!strstr(k.said, cases[i].said))
            fail_msg("%s", k.said);
        kit_close(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_the_plant_is_made_of),
        cmocka_unit_test(knows_when_it_is_not_good_enough),
        cmocka_unit_test(foretells_nothing_it_cannot_know),
        cmocka_unit_test(a_driver_that_never_varies_does_no_harm),
        cmocka_unit_test(bytes_bring_it_back),
        cmocka_unit_test(says_what_is_usual_today),
        cmocka_unit_test(survives_a_restart_and_a_reload),
        cmocka_unit_test(drivers_move_nothing),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, kit_open, NULL);
}
