// SPDX-License-Identifier: Apache-2.0
// A stream's past: hour-of-week profile, what recurs, baseline, forecast and its error, seasons, holidays,
// change.
#include "streams_kit.h"

#define HEAT "resource = \"heat\"; value = \"m.power\"; surplus: { above = \"250 kW\"; };"

// Weekdays 6 to 22: 300 kW, 20 kW more each further week of a cycle of three; else 40 kW.
static double plant(int64_t hour)
{
    int64_t week = hour / 168, of_week = hour % 168;
    bool works = of_week < 5 * 24 && of_week % 24 >= 6 && of_week % 24 < 22;
    return works ? 300 + 20 * (double)(week % 3) : 40;
}

static void run_hours(struct kit *k, int64_t from, int64_t to, double factor)
{
    if (from == 0)
        kit_sample(k, "m.power", MONDAY, 0);
    for (int64_t h = from; h < to; h++)
        kit_sample(k, "m.power", MONDAY + (h + 1) * HOUR, factor * plant(h));
}

static void profile(void **state)
{
    (void)state;
    struct kit *k = kit_new(HEAT, HOUR);
    run_hours(k, 0, 12 * 168, 1);
    struct utc now = {MONDAY + 12 * 7 * DAY};
    struct stream_profile p;
    stream_profile(k->s, now, &p);
    assert_int_equal(p.weeks, 12);
    assert_false(p.seasonal);
    // 4 weeks each of 300, 320, 340: ranks 0..11; P20 at 2.2, P80 at 8.8.
    kit_near((double)p.firm[12], 300, 1e-3);
    kit_near((double)p.typical[12], 320, 1e-3);
    kit_near((double)p.peak[12], 340, 1e-3);
    kit_near((double)p.typical[3], 40, 1e-3);
    assert_true(p.recurring[12] && p.recurring[21] && !p.recurring[3] && !p.recurring[5 * 24 + 12]);
    kit_near(p.coverage, 1, 0.01);
    assert_true(p.offerable);
    kit_near(stream_baseline(k->s, (struct utc){now.ms + 12 * HOUR}), 320, 10.1);
    kit_near(stream_confidence(k->s, now), 300 / 320.0, 0.02);
    // From the fourth week on a surplus is what comes in most weeks.
    size_t begins = 0, occasional = 0;
    for (size_t i = 0; i < k->events_n; i++)
        if (k->events[i].kind == STREAM_SURPLUS_BEGINS) {
            begins++;
            occasional += !k->events[i].recurring;
            assert_int_equal(k->events[i].recurring, k->events[i].time.ms >= MONDAY + 3 * 7 * DAY);
        }
    assert_int_equal(begins, 60);
    assert_int_equal(occasional, 15);
    kit_free(k);
}

// What is recalled out of the ledger makes the same history as having been there.
static void recalled(void **state)
{
    (void)state;
    struct kit *k = kit_new(HEAT, HOUR), *next = kit_new(HEAT, HOUR);
    run_hours(k, 0, 9 * 168 + 50, 1);
    for (size_t i = 0; i < k->hours_n; i++)
        stream_recall(next->s, &k->hours[i]);
    assert_int_equal(next->events_n, 0);
    struct utc now = {MONDAY + (9 * 168 + 50) * HOUR};
    struct stream_profile a, b;
    stream_profile(k->s, now, &a);
    stream_profile(next->s, now, &b);
    assert_memory_equal(&a, &b, sizeof a);
    double fa[168], fb[168], ea, eb;
    assert_true(stream_forecast(k->s, now, fa, &ea));
    assert_true(stream_forecast(next->s, now, fb, &eb));
    assert_memory_equal(fa, fb, sizeof fa);
    kit_near(ea, eb, 0);
    kit_free(k);
    kit_free(next);
}

static void forecast(void **state)
{
    (void)state;
    struct kit *k = kit_new(HEAT " shutdown = (\"2026-04-01..2026-04-02\");", HOUR);
    double out[168], error;
    assert_false(stream_forecast(k->s, (struct utc){MONDAY}, out, &error));
    run_hours(k, 0, 12 * 168, 1);
    struct utc now = {MONDAY + 12 * 7 * DAY - 1}; // Monday 2026-03-30 begins
    assert_true(stream_forecast(k->s, now, out, &error));
    kit_near(out[12], 320, 35);
    kit_near(out[3], 40, 5);
    kit_near(out[2 * 24 + 12], 0, 0); // Wednesday, shut
    kit_near(out[4 * 24 + 12], 320, 35);
    assert_true(error > 0 && error < 0.12); // of a plant that steps by 20 of 320 kW
    kit_free(k);
}

// New Year's Day and Easter Monday are no history; a forecast takes them for Sundays.
static void holidays(void **state)
{
    (void)state;
    const int64_t days[] = {civil_day_number(2026, 2, 3), civil_day_number(2026, 3, 31)};
    struct expression_calendar calendar = {.holidays = days, .holiday_count = 2};
    struct kit *k = malloc(sizeof *k);
    assert_non_null(kit_try(k, HEAT, HOUR, &calendar));
    for (int64_t h = 0; h < 12 * 168; h++)
        kit_sample(k, "m.power", MONDAY + (h + 1) * HOUR,
                   (MONDAY + h * HOUR) / DAY == days[0] ? 0 : plant(h));
    struct utc now = {MONDAY + 12 * 7 * DAY - 1};
    struct stream_profile p;
    stream_profile(k->s, now, &p);
    kit_near((double)p.firm[24 + 12], 300, 1e-3); // a zero would have drawn it down
    double out[168], error;
    stream_forecast(k->s, now, out, &error);
    kit_near(out[24 + 12], 40, 5);
    kit_near(out[12], 320, 35);
    kit_free(k);
}

static size_t changes(const struct kit *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->events_n; i++)
        n += k->events[i].kind == STREAM_CHANGED;
    return n;
}

static void change(void **state)
{
    (void)state;
    struct kit *k = kit_new(HEAT, HOUR);
    run_hours(k, 0, 8 * 168, 1);
    assert_int_equal(changes(k), 0);
    run_hours(k, 8 * 168, 9 * 168 + 24, 0.5);
    assert_int_equal(changes(k), 0); // one week may be anything
    run_hours(k, 9 * 168 + 24, 10 * 168 + 2, 0.5);
    assert_int_equal(changes(k), 1);
    assert_non_null(strstr(k->events[k->events_n - 1].text, "for two weeks"));
    kit_free(k);
}

// A year: 600 kW in winter, 200 in summer. The profile is that of the half year; its memory does not grow.
static void seasons(void **state)
{
    (void)state;
    struct kit *k = kit_new("resource = \"heat\"; value = \"m.power\";", HOUR);
    struct stream_hour h = {.low = NAN, .high = NAN, .known_s = 3600};
    for (h.hour = MONDAY / HOUR; h.hour < MONDAY / HOUR + 54 * 168; h.hour++) {
        int month = zone_civil(NULL, (struct utc){h.hour * HOUR}).month;
        h.amount = month >= 4 && month <= 9 ? 200 : 600;
        stream_recall(k->s, &h);
    }
    struct stream_profile p;
    stream_profile(k->s, (struct utc){h.hour * HOUR}, &p);
    assert_true(p.seasonal);
    kit_near((double)p.typical[12], 600, 1e-3);
    print_message("a stream takes %zu bytes\n", stream_memory(k->s));
    assert_true(stream_memory(k->s) < 64 << 10);
    kit_free(k);
}

// Every third day nothing is known: not good enough to promise anything.
static void coverage(void **state)
{
    (void)state;
    struct kit *k = kit_new(HEAT, HOUR);
    kit_sample(k, "m.power", MONDAY, 0);
    for (int64_t h = 0; h < 8 * 168; h++)
        kit_sample(k, "m.power", MONDAY + (h + 1) * HOUR, h / 24 % 3 == 0 ? NAN : plant(h));
    struct stream_profile p;
    stream_profile(k->s, (struct utc){MONDAY + 8 * 7 * DAY}, &p);
    kit_near(p.coverage, 2 / 3.0, 0.03);
    assert_false(p.offerable);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profile),  cmocka_unit_test(recalled), cmocka_unit_test(forecast),
        cmocka_unit_test(holidays), cmocka_unit_test(change),   cmocka_unit_test(seasons),
        cmocka_unit_test(coverage),
    };
    return cmocka_run_group_tests(tests, kit_open, NULL);
}
