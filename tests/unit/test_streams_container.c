// SPDX-License-Identifier: Apache-2.0
// Weighing: how fast a container fills, when it was emptied, and what is none of both.
#include "streams_kit.h"

#define SKIP                                                                                                 \
    "resource = \"waste\"; low = \"15 01 01\"; weight = \"m.mass\"; container: { capacity = \"2 t\"; %s };"

static struct kit *skip_new(const char *container, int64_t every_ms)
{
    char text[300];
    snprintf(text, sizeof text, SKIP, container);
    return kit_new(text, every_ms);
}

// A weight that stands for some minutes, with the scale's noise.
static int64_t stands(struct kit *k, int64_t t, double kg, int minutes)
{
    static const double noise[] = {0, 0.4, -0.3, 0.2, -0.5, 0.1};
    for (int i = 0; i < minutes; i++, t += MINUTE)
        kit_sample(k, "m.mass", t, kg + noise[i % 6] * (minutes > 1));
    return t;
}

static size_t count(const struct kit *k, enum stream_event_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < k->events_n; i++)
        n += k->events[i].kind == kind;
    return n;
}

static const double week[] = {400, 520, 645, 760, 885, 1000};

static void fill(struct kit *k, double tare, int minutes)
{
    for (int day = 0; day < 6; day++)
        stands(k, MONDAY + day * DAY, tare + week[day], minutes);
}

// 400 to 1,000 kg in five days, of 2,000: by the scale each minute, and by one weighing a day.
static void days_to_full(void **state)
{
    (void)state;
    static const struct {
        const char *container;
        double tare;
        int minutes;
    } rows[] = {{"", 0, 12}, {"", 0, 1}, {"tare = \"300 kg\";", 300, 12}};
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        struct kit *k = skip_new(rows[i].container, rows[i].minutes == 1 ? DAY : MINUTE);
        fill(k, rows[i].tare, rows[i].minutes);
        int64_t now = MONDAY + 5 * DAY;
        kit_near(kit_field(k, "container_net", now), 1000, 1);
        kit_near(kit_field(k, "fill_rate", now), 120, 1);
        kit_near(kit_field(k, "days_to_full", now), 8.333, 0.07);
        kit_near(kit_field(k, "container_fill", now), 50, 0.1);
        assert_int_equal(k->events_n, 0);
        kit_free(k);
    }
}

// Light waste is full by volume first: 30 m3 of 50 kg/m3 are 1,500 kg.
static void full_by_volume(void **state)
{
    (void)state;
    struct kit *k = skip_new("volume = \"30 m3\"; density = \"50 kg/m3\";", MINUTE);
    fill(k, 0, 12);
    kit_near(kit_field(k, "days_to_full", MONDAY + 5 * DAY), 500 / 120.0, 0.05);
    kit_free(k);
}

static void emptied(void **state)
{
    (void)state;
    struct kit *k = skip_new("tare = \"300 kg\";", MINUTE);
    fill(k, 300, 12);
    int64_t t = stands(k, MONDAY + 6 * DAY, 300 + 1950, 8);
    assert_int_equal(count(k, STREAM_CONTAINER_FULL), 1); // beyond 80 %
    t = stands(k, t, 300 + 900, 1);                       // on its way down
    t = stands(k, t, 20, 2);                              // lifted off
    t = stands(k, t, 300 + 40, 7);
    assert_int_equal(count(k, STREAM_CONTAINER_EMPTIED), 1);
    const struct stream_event *e = &k->events[k->events_n - 1];
    assert_int_equal(e->kind, STREAM_CONTAINER_EMPTIED);
    kit_near(e->value, 1910, 1);
    stands(k, t, 300 + 40, 90);
    assert_int_equal(count(k, STREAM_CONTAINER_EMPTIED), 1);
    assert_int_equal(count(k, STREAM_CONTAINER_PARTIAL) + count(k, STREAM_CONTAINER_SWAPPED), 0);
    // What came in and what went, in the hours.
    double in = 0, taken = 0;
    for (size_t i = 0; i < k->hours_n; i++) {
        in += k->hours[i].amount;
        taken += k->hours[i].taken;
    }
    kit_near(in, 1550, 2);
    kit_near(taken, 1910, 1);
    assert_true(isnan(kit_field(k, "days_to_full", t)));
    kit_free(k);
}

// Without a tare the weight just falls.
static void emptied_net(void **state)
{
    (void)state;
    struct kit *k = skip_new("", MINUTE);
    int64_t t = stands(k, MONDAY, 1000, 10);
    t = stands(k, t, 1950, 10);
    t = stands(k, t, 40, 10);
    assert_int_equal(count(k, STREAM_CONTAINER_EMPTIED), 1);
    kit_near(k->events[k->events_n - 1].value, 1910, 1);
    kit_free(k);
}

static void spike(void **state)
{
    (void)state;
    for (int slow = 0; slow < 2; slow++) {
        struct kit *k = skip_new("", slow ? DAY : MINUTE);
        int64_t t = stands(k, MONDAY, 1000, slow ? 1 : 10);
        if (slow)
            t = MONDAY + DAY;
        t = stands(k, t, 2600, 1);
        kit_near(kit_field(k, "container_net", t), 1000, 1);
        if (slow)
            t = MONDAY + 2 * DAY;
        t = stands(k, t, 1001, slow ? 1 : 60);
        assert_int_equal(k->events_n, 0);
        kit_near(kit_field(k, "container_net", t), 1001, 1);
        kit_free(k);
    }
}

// 1,000 to 700 kg: somebody took something. It is asked, once; the filling goes on as it was.
static void partial(void **state)
{
    (void)state;
    struct kit *k = skip_new("", MINUTE);
    fill(k, 0, 12);
    int64_t t = stands(k, MONDAY + 5 * DAY + HOUR, 700, 20);
    assert_int_equal(k->events_n, 0); // it may still become an emptying
    stands(k, t, 700, 40);
    assert_int_equal(k->events_n, 1);
    assert_int_equal(k->events[0].kind, STREAM_CONTAINER_PARTIAL);
    kit_near(k->events[0].value, 300, 1);
    kit_near(kit_field(k, "fill_rate", MONDAY + 6 * DAY), 120, 4);
    kit_free(k);
}

static void swapped(void **state)
{
    (void)state;
    struct kit *k = skip_new("tare = \"300 kg\";", MINUTE);
    int64_t t = stands(k, MONDAY, 300 + 1500, 10);
    t = stands(k, t, 5, 120);
    t = stands(k, t, 420, 10); // another one, heavier
    assert_int_equal(k->events[k->events_n - 1].kind, STREAM_CONTAINER_SWAPPED);
    kit_near(k->events[k->events_n - 1].value, 1500, 1);
    stands(k, t, 520, 10);
    kit_near(kit_field(k, "container_net", t), 100, 2);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_to_full), cmocka_unit_test(full_by_volume), cmocka_unit_test(emptied),
        cmocka_unit_test(emptied_net),  cmocka_unit_test(spike),          cmocka_unit_test(partial),
        cmocka_unit_test(swapped),
    };
    return cmocka_run_group_tests(tests, kit_open, NULL);
}
