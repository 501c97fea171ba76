// SPDX-License-Identifier: Apache-2.0
// From a heat meter to "there is some to spare": thresholds, times, gaps, clock steps, restarts.
#include "streams_kit.h"

#define HEAT                                                                                                 \
    "resource = \"heat\"; value = \"m.power\"; surplus: { above = \"250 kW\"; for = \"60 min\"; below = "    \
    "\"200 kW\"; release = \"30 min\"; };"

static const double series[] = {0,   0,   180, 260, 280, 300, 290, 240, 210, 205, 190,
                                205, 260, 300, 310, 320, 120, 110, 90,  80,  300, 0};

// Means of the quarter of an hour that ends at their stamp.
static void one_surplus(void **state)
{
    (void)state;
    struct kit *k = kit_new(HEAT, 15 * MINUTE);
    for (size_t i = 0; i < TEST_COUNT(series); i++) {
        int64_t at = MONDAY + (int64_t)i * 15 * MINUTE;
        kit_sample(k, "m.power", at, series[i]);
        assert_int_equal(k->events_n, i < 6 ? 0 : i < 17 ? 1 : 2);
        bool on = stream_state(k->s) == STREAM_SURPLUS || stream_state(k->s) == STREAM_RELEASING;
        assert_int_equal(on, i >= 6 && i < 17);
    }
    assert_int_equal(k->events[0].kind, STREAM_SURPLUS_BEGINS);
    assert_int_equal(k->events[0].time.ms, MONDAY + 6 * 15 * MINUTE);
    assert_false(k->events[0].recurring);
    assert_int_equal(k->events[1].kind, STREAM_SURPLUS_ENDS);
    assert_int_equal(k->events[1].time.ms, MONDAY + 17 * 15 * MINUTE);
    assert_int_equal(k->events[1].lasted_ms, 11 * 15 * MINUTE);
    double sum = 0;
    for (int i = 7; i <= 17; i++)
        sum += series[i] / 4;
    kit_near(k->events[1].amount, sum, 1e-9);
    kit_free(k);
}

// The same through every possible restart, ticks between samples, and a sample that comes twice: the same two
// events.
static void restart_anywhere(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < TEST_COUNT(series); cut++) {
        struct kit *k = kit_new(HEAT, 15 * MINUTE), *next = NULL;
        size_t events = 0, hours = 0;
        double amount = 0;
        for (size_t i = 0; i < TEST_COUNT(series); i++) {
            int64_t at = MONDAY + (int64_t)i * 15 * MINUTE;
            kit_sample(k, "m.power", at, series[i]);
            kit_sample(k, "m.power", at, series[i]);
            for (int m = 1; m < 15; m++)
                stream_tick(k->s, (struct utc){at + m * MINUTE});
            if (i == cut) {
                struct buf bytes = {0};
                stream_save(k->s, &bytes);
                next = kit_new(HEAT, 15 * MINUTE);
                assert_true(stream_restore(next->s, bytes.data, bytes.len));
                buf_free(&bytes);
                events = k->events_n;
                hours = k->hours_n;
                for (size_t h = 0; h < hours; h++)
                    amount += k->hours[h].amount;
                kit_free(k);
                k = next;
            }
        }
        assert_int_equal(events + k->events_n, 2);
        assert_int_equal(hours + k->hours_n, 5);
        double expected = 0;
        for (int i = 1; i <= 20; i++)
            expected += series[i] / 4;
        for (size_t h = 0; h < k->hours_n; h++)
            amount += k->hours[h].amount;
        kit_near(amount, expected, 1e-9);
        kit_free(k);
    }
}

// 24 m3/h between 65 and 45 degC.
static void heat_meter(void **state)
{
    (void)state;
    static const struct {
        const char *extra;
        double kw;
    } rows[] = {{"", 551.9}, {"flow_sensor = \"supply\";", 546.8}};
    for (size_t i = 0; i < 2; i++) {
        char text[300];
        snprintf(text, sizeof text,
                 "resource = \"heat\"; flow = \"m.flow\"; supply = \"m.hot\"; return = \"m.cold\"; %s",
                 rows[i].extra);
        struct kit *k = kit_new(text, MINUTE);
        kit_feed(k, "m.flow", MONDAY, 24);
        kit_feed(k, "m.hot", MONDAY, 65);
        kit_sample(k, "m.cold", MONDAY, 45);
        kit_near(stream_value(k->s, (struct utc){MONDAY}), rows[i].kw, 0.5);
        assert_int_equal(stream_provenance(k->s), PROVENANCE_MEASURED);
        kit_near(kit_field(k, "temperature_difference", MONDAY), 20, 1e-9);
        kit_near(kit_field(k, "sensors_swapped", MONDAY), 0, 0);
        kit_feed(k, "m.hot", MONDAY + MINUTE, 40);
        kit_sample(k, "m.cold", MONDAY + MINUTE, 45);
        kit_near(kit_field(k, "sensors_swapped", MONDAY + MINUTE), 1, 0);
        kit_near(kit_field(k, "value", MONDAY + MINUTE), 0, 0);
        kit_free(k);
    }
}

// A gap neither begins nor ends a surplus, until it is too long: then it ends at the moment that was due,
// whoever looks when.
static void gaps(void **state)
{
    (void)state;
    for (int ticks = 0; ticks < 3; ticks++) {
        struct kit *k = kit_new(HEAT, MINUTE);
        int64_t t = MONDAY;
        for (int i = 0; i < 40; i++, t += MINUTE)
            kit_sample(k, "m.power", t, 300);
        t += 30 * MINUTE; // longer than three periods
        for (int i = 0; i < 22; i++, t += MINUTE)
            kit_sample(k, "m.power", t, 300);
        assert_int_equal(k->events_n, 1); // 39 minutes before, 21 after the gap
        assert_int_equal(k->events[0].time.ms, t - MINUTE);
        int64_t last = t - MINUTE;
        for (int i = 1; i < 200; i++)
            if (ticks == 2 || (ticks == 1 && i == 190))
                stream_tick(k->s, (struct utc){last + i * MINUTE});
        kit_sample(k, "m.power", last + 200 * MINUTE, 300);
        assert_int_equal(k->events_n, 2);
        assert_int_equal(k->events[1].time.ms, last + 120 * MINUTE);
        assert_true(isnan(k->events[1].value));
        kit_free(k);
    }
}

// A clock that is set back by two hours, and one that was a month ahead: no second counts twice.
static void clock_steps(void **state)
{
    (void)state;
    struct kit *k = kit_new("resource = \"heat\"; value = \"m.power\";", MINUTE);
    int64_t t = MONDAY;
    for (int i = 0; i <= 240; i++)
        kit_sample(k, "m.power", t + i * MINUTE, 60);
    for (int i = 120; i <= 480; i++)
        kit_sample(k, "m.power", t + i * MINUTE, 60);
    assert_int_equal(k->hours_n, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(k->hours[i].hour, MONDAY / HOUR + (int64_t)i);
        kit_near(k->hours[i].amount, 60, 1e-9);
        assert_int_equal(k->hours[i].known_s, 3600);
    }
    kit_free(k);
    k = kit_new("resource = \"heat\"; value = \"m.power\";", MINUTE);
    for (int i = 0; i <= 90; i++)
        kit_sample(k, "m.power", MONDAY + 30 * DAY + i * MINUTE, 60);
    for (int i = 0; i <= 120; i++)
        kit_sample(k, "m.power", MONDAY + i * MINUTE, 60);
    assert_int_equal(k->hours_n, 3);
    assert_int_equal(k->hours[1].hour, MONDAY / HOUR);
    kit_near(k->hours[1].amount, 60, 1e-9);
    kit_near(k->hours[2].amount, 60, 1e-9);
    kit_free(k);
}

static void refused_bytes(void **state)
{
    (void)state;
    struct kit *k = kit_new(HEAT, 15 * MINUTE);
    for (size_t i = 0; i < 8; i++)
        kit_sample(k, "m.power", MONDAY + (int64_t)i * 15 * MINUTE, series[i]);
    struct buf bytes = {0}, same = {0};
    stream_save(k->s, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] ^= 0x10;
        assert_false(stream_restore(k->s, bytes.data, bytes.len));
        bytes.data[i] ^= 0x10;
        assert_false(stream_restore(k->s, bytes.data, i));
    }
    stream_save(k->s, &same);
    assert_int_equal(same.len, bytes.len);
    assert_memory_equal(same.data, bytes.data, bytes.len);
    buf_free(&same);
    // Other thresholds: the hour goes on, the surplus begins anew.
    struct kit *other = kit_new("resource = \"heat\"; value = \"m.power\";", 15 * MINUTE);
    assert_true(stream_restore(other->s, bytes.data, bytes.len));
    assert_int_equal(stream_state(other->s), STREAM_IDLE);
    struct kit *water = kit_new("resource = \"water\"; flow = \"m.flow\";", 15 * MINUTE);
    assert_false(stream_restore(water->s, bytes.data, bytes.len));
    buf_free(&bytes);
    kit_free(k);
    kit_free(other);
    kit_free(water);
}

static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *words;
    } rows[] = {
        {"resource = \"heat\";",
         "it does not say how heat is worked out; give one of: value; flow + supply + return"},
        {"resource = \"heat\"; value = \"m.flow\";", "m3/h"},
        {"resource = \"heat\"; value = \"m.powr\";", "did you mean \"m.power\"?"},
        {"resource = \"heat\"; value = \"m.power\"; surplus: { above = \"2 m3/h\"; };", "surplus.above"},
        {"resource = \"heat\"; value = \"m.power\"; surplus: { above = \"100 kW\"; below = \"200 kW\"; };",
         "more than surplus.above"},
        {"resource = \"heat\"; value = \"m.power\"; direction = \"in\"; surplus: { above = \"100 kW\"; };",
         "only what goes out"},
        {"resource = \"heat\"; value = \"m.power\"; shutdown = (\"august\");", "wanted a day"},
        {"resource = \"waste\"; weight = \"m.mass\"; low = \"15 01 08\"; container: { capacity = \"2 t\"; };",
         "did you mean \"15 01 0"},
        {"resource = \"waste\"; weight = \"m.mass\"; low = \"15 01 01\";", "weight needs container.capacity"},
        {"resource = \"heat\"; declared = \"400 kg\";", "declared"},
        {"resource = \"heat\"; declared = \"400 kW\"; profile = \"mornings\";", "is no time of the week"},
        {"resource = \"heat\"; medium = \"thermal_oil\"; flow = \"m.flow\"; supply = \"m.hot\"; return = "
         "\"m.cold\";",
         "this medium"},
        {"resource = \"water\"; flow = \"m.flow\"; unit = \"m3/hh\";", "the unit \"m3/hh\" is not known"},
    };
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        struct kit *k = malloc(sizeof *k);
        assert_null(kit_try(k, rows[i].settings, MINUTE, NULL));
        if (!strstr(k->said, rows[i].words))
            fail_msg("%s\n%s", rows[i].settings, k->said);
        kit_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_surplus), cmocka_unit_test(restart_anywhere), cmocka_unit_test(heat_meter),
        cmocka_unit_test(gaps),        cmocka_unit_test(clock_steps),      cmocka_unit_test(refused_bytes),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, kit_open, NULL);
}
