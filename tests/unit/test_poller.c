// SPDX-License-Identifier: Apache-2.0
// Health of units, and the poller over a line that the test plays itself.
#include "poller_rig.h"

static const struct health_settings settings = {2, 500 * NS_PER_MS, 2 * NS_PER_S, 60 * NS_PER_S};

static void a_unit_goes_down_and_is_probed_ever_more_rarely(void **state)
{
    (void)state;
    struct health h = health_begin(&settings);
    struct mono t = {NS_PER_S};
    assert_int_equal(health_report(&h, &settings, t, true, 0), HEALTH_CAME_UP);
    assert_int_equal(health_report(&h, &settings, t, false, 0), HEALTH_SAME);
    assert_int_equal(h.state, HEALTH_SUSPECT);
    assert_int_equal(health_advise(&h, t), HEALTH_POLL);
    // Two failures within less than down_after are not enough: a burst of requests into one short break.
    t = mono_add(t, 100 * NS_PER_MS);
    assert_int_equal(health_report(&h, &settings, t, false, 0), HEALTH_SAME);
    t = mono_add(t, 900 * NS_PER_MS);
    assert_int_equal(health_report(&h, &settings, t, false, 0), HEALTH_WENT_DOWN);
    int64_t last = 0;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(health_advise(&h, t), HEALTH_SKIP);
        int64_t wait = mono_since(h.next_probe, t);
        assert_true(wait <= 60 * NS_PER_S * 5 / 4);
        assert_true(wait > last || wait >= 60 * NS_PER_S * 3 / 4);
        last = wait;
        t = h.next_probe;
        assert_int_equal(health_advise(&h, t), HEALTH_PROBE);
        assert_int_equal(health_report(&h, &settings, t, false, 0), HEALTH_SAME);
    }
    assert_int_equal(health_report(&h, &settings, t, true, 0), HEALTH_CAME_UP);
    assert_int_equal(health_advise(&h, t), HEALTH_POLL);
}

static void a_unit_that_fails_first_is_still_told_to_be_up(void **state)
{
    (void)state;
    struct health h = health_begin(&settings);
    struct mono t = {NS_PER_S};
    assert_int_equal(health_report(&h, &settings, t, false, 0), HEALTH_SAME);
    assert_int_equal(health_report(&h, &settings, t, true, 0), HEALTH_CAME_UP);
    assert_int_equal(health_report(&h, &settings, t, false, 0), HEALTH_SAME);
    assert_int_equal(health_report(&h, &settings, t, true, 0), HEALTH_SAME);
}

static void good_cycle_gives_one_reading(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 4, 2, 8);
    rig_start(&r);
    wait_asked(&r, 1);
    assert_int_equal(r.fake.asked[0]->ask.unit, 7);
    assert_int_equal(r.fake.asked[0]->ask.count, 7);
    answer(&r, VERDICT_ANSWER, 0, 1000);
    assert_int_equal(r.readings, 1);
    assert_int_equal(r.came_up, 1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(r.last[i].reason, REASON_GOOD);
        assert_true(r.last[i].number == 1000 + 2 * i);
    }
    rig_close(&r);
}

static void partly_failed_cycle_names_the_bad_and_keeps_the_good(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 2, 100, 0); // two requests
    rig_start(&r);
    wait_asked(&r, 1);
    answer(&r, VERDICT_ANSWER, 0, 0);
    wait_asked(&r, 1);
    answer(&r, VERDICT_EXCEPTION, 4, 0);
    assert_int_equal(r.readings, 1);
    assert_int_equal(r.last[0].reason, REASON_GOOD);
    assert_int_equal(r.last[1].reason, REASON_EXCEPTION);
    assert_int_equal(r.last[1].exception, 4);
    rig_close(&r);
}

static void a_silent_unit_costs_one_timeout_a_cycle_then_one_probe_per_interval(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 4, 100, 0); // four requests a cycle
    rig_start(&r);
    wait_asked(&r, 1);
    answer(&r, VERDICT_ANSWER, 0, 0);
    for (int i = 0; i < 3; i++) {
        wait_asked(&r, 1);
        answer(&r, VERDICT_ANSWER, 0, 0);
    }
    assert_int_equal(r.readings, 1);
    wait_asked(&r, 1);
    answer(&r, VERDICT_TIMEOUT, 0, 0);
    assert_int_equal(r.fake.n, 0); // the other three were not asked
    assert_int_equal(r.readings, 2);
    for (int i = 0; i < 4; i++)
        assert_int_equal(r.last[i].reason, REASON_TIMEOUT);
    wait_asked(&r, 1);
    answer(&r, VERDICT_TIMEOUT, 0, 0);
    assert_int_equal(r.went_down, 1);
    assert_int_equal(r.readings, 2); // its status has said it
    struct meter_stats s;
    turn_for(&r, 15 * NS_PER_MS); // within the first probe interval nothing is asked
    assert_int_equal(r.fake.n, 0);
    wait_asked(&r, 1);
    turn_for(&r, 50 * NS_PER_MS); // one probe, however long it takes
    assert_int_equal(r.fake.n, 1);
    answer(&r, VERDICT_TIMEOUT, 0, 0);
    meter_stats(r.meter, &s);
    assert_true(s.skipped + s.missed > 0);
    wait_asked(&r, 1);
    answer(&r, VERDICT_ANSWER, 0, 0); // it is back: the rest of the cycle follows at once
    assert_int_equal(r.came_up, 2);
    assert_int_equal(r.fake.n, 1);
    for (int i = 0; i < 3; i++)
        answer(&r, VERDICT_ANSWER, 0, 0);
    assert_int_equal(r.readings, 3);
    rig_close(&r);
}

static void probes_wait_no_longer_than_the_lines_slow_answers(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 1, 1, 0);
    rig_start(&r);
    r.fake.line.slowest_answer_ns = 20 * NS_PER_MS;
    for (int i = 0; i < 2; i++) {
        wait_asked(&r, 1);
        assert_int_equal(r.fake.asked[0]->timeout_ns, 0); // the line's own
        answer(&r, VERDICT_TIMEOUT, 0, 0);
    }
    for (int i = 0; i < 4; i++) {
        wait_asked(&r, 1);
        assert_int_equal(r.fake.asked[0]->timeout_ns, i == 3 ? NS_PER_S : 80 * NS_PER_MS);
        answer(&r, VERDICT_TIMEOUT, 0, 0);
    }
    rig_close(&r);
}

static void a_refused_block_is_split_and_remembered(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 3, 2, 8); // registers 0, 2, 4 in one request with gaps
    rig_start(&r);
    wait_asked(&r, 1);
    assert_int_equal(r.fake.asked[0]->ask.count, 5);
    answer(&r, VERDICT_EXCEPTION, 2, 0);
    assert_int_equal(r.last[0].reason, REASON_EXCEPTION);
    for (int cycle = 0; cycle < 3; cycle++) {
        for (int i = 0; i < 3; i++) {
            wait_asked(&r, 1);
            assert_int_equal(r.fake.asked[0]->ask.address, 2 * i);
            assert_int_equal(r.fake.asked[0]->ask.count, 1);
            answer(&r, VERDICT_ANSWER, 0, 0);
        }
        assert_int_equal(r.last[2].reason, REASON_GOOD);
    }
    assert_int_equal(r.came_up, 1);
    assert_int_equal(r.went_down, 0); // an exception is an answer
    rig_close(&r);
}

static void a_register_the_device_lacks_is_left_alone(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 2, 100, 0);
    rig_start(&r);
    wait_asked(&r, 1);
    answer(&r, VERDICT_ANSWER, 0, 0);
    wait_asked(&r, 1);
    answer(&r, VERDICT_EXCEPTION, 2, 0);
    for (int i = 0; i < 3; i++) {
        wait_asked(&r, 1);
        assert_int_equal(r.fake.asked[0]->ask.address, 0);
        answer(&r, VERDICT_ANSWER, 0, 0);
        assert_int_equal(r.fake.n, 0);
    }
    rig_close(&r);
}

static void slots_that_pass_are_counted_not_made_up_for(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 1, 1, 0);
    rig_start(&r);
    wait_asked(&r, 1);
    turn_for(&r, 110 * NS_PER_MS); // five slots pass while the device thinks
    assert_int_equal(r.fake.n, 1);
    answer(&r, VERDICT_ANSWER, 0, 0);
    struct meter_stats s;
    meter_stats(r.meter, &s);
    assert_in_range(s.missed, 3, 7);
    turn_for(&r, 10 * NS_PER_MS);
    assert_true(r.fake.n <= 1); // no burst
    rig_close(&r);
}

static void points_of_their_own_period_are_asked_in_their_own_slots(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 2, 1, 8);
    r.points[1].every_ns = 100 * NS_PER_MS;
    rig_start(&r);
    int slow = 0, fast = 0, not_due = 0;
    struct mono end = mono_add(mono_now(), 400 * NS_PER_MS);
    while (mono_before(mono_now(), end)) {
        loop_turn(r.loop, 5 * NS_PER_MS);
        while (r.fake.n) {
            *(r.fake.asked[0]->ask.address == 1 ? &slow : &fast) += 1;
            answer(&r, VERDICT_ANSWER, 0, 0);
        }
        not_due += r.last[1].reason == REASON_NOT_DUE;
    }
    assert_in_range(fast, 12, 21);
    assert_in_range(slow, 3, 5);
    assert_true(not_due > 0);
    rig_close(&r);
}

static void a_meter_removed_while_asking_goes_when_the_answer_comes(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 1, 1, 0);
    rig_start(&r);
    wait_asked(&r, 1);
    poller_remove(r.meter);
    answer(&r, VERDICT_ANSWER, 0, 0); // frees it; the sanitizer would tell
    assert_int_equal(r.readings, 0);
    poller_free(r.poller);
    loop_free(r.loop);
}

static void a_reading_without_a_connection_has_the_time_it_was_tried(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 1, 1, 0);
    r.polling.down_failures = 100;
    rig_start(&r);
    r.fake.disconnected = true;
    for (int connected = 0; connected < 3; connected++) {
        // Never connected; connected once, and since then an earlier cycle's time stands in the transaction.
        r.fake.disconnected = connected != 1;
        turn_for(&r, 300 * NS_PER_MS);
        while (r.fake.n)
            answer(&r, VERDICT_NO_CONNECTION, 0, 0);
        wait_asked(&r, 1);
        struct utc before = utc_now();
        answer(&r, r.fake.disconnected ? VERDICT_NO_CONNECTION : VERDICT_ANSWER, 0, 0);
        assert_true(r.time.ms >= before.ms - 100);
    }
    rig_close(&r);
}

// A receiver drops what has a number that it has seen.
static void numbering_goes_on_when_a_reload_makes_a_meter_anew(void **state)
{
    (void)state;
    struct rig r;
    char why[128];
    rig_open(&r, 1, 1, 0);
    rig_start(&r);
    for (int i = 0; i < 3; i++) {
        wait_asked(&r, 1);
        answer(&r, VERDICT_ANSWER, 0, 0);
    }
    for (int reload = 0; reload < 2; reload++) {
        struct meter_parts parts = {&r.config, &r.device, &r.fake.line, 0, 0};
        poller_remove(r.meter);
        while (r.fake.n)
            answer(&r, VERDICT_CANCELLED, 0, 0);
        r.meter = poller_add(r.poller, &parts, why, sizeof why);
        assert_non_null(r.meter);
        wait_asked(&r, 1);
        answer(&r, VERDICT_ANSWER, 0, 0); // on_reading looks at the number
    }
    assert_int_equal(r.seq, 5);
    rig_close(&r);
}

static void a_total_that_falls_is_refused_and_told_once(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 1, 1, 0);
    r.points[0].quantity = &r.total;
    r.points[0].unit = unit_find("kWh");
    r.points[0].type = POINT_INT16;
    rig_start(&r);
    wait_asked(&r, 1);
    answer(&r, VERDICT_ANSWER, 0, 5000);
    assert_int_equal(r.last[0].reason, REASON_GOOD);
    for (int i = 0; i < 3; i++) {
        wait_asked(&r, 1);
        answer(&r, VERDICT_ANSWER, 0, 4990);
        assert_int_equal(r.last[0].reason, REASON_COUNTER);
    }
    assert_int_equal(r.counter_events, 1);
    wait_asked(&r, 1);
    answer(&r, VERDICT_ANSWER, 0, 5001);
    assert_int_equal(r.last[0].reason, REASON_GOOD);
    rig_close(&r);
}

static void meters_are_spread_over_the_period(void **state)
{
    (void)state;
    for (size_t lines = 1; lines < 40; lines++) {
        int tenth[10] = {0};
        for (size_t i = 0; i < lines; i++)
            tenth[(int)(10 * poller_phase(i, 0, 1))]++;
        for (int k = 0; k < 10; k++)
            assert_in_range(tenth[k], lines / 10 > 0 ? lines / 10 - 1 : 0, lines / 10 + 2);
    }
}

static void poll_once(struct rig *r, uint16_t base)
{
    wait_asked(r, 1);
    answer(r, VERDICT_ANSWER, 0, base);
}

static void readings_wait_for_the_clock_and_keep_their_times(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 1, 2, 8);
    r.clock_not_set = true;
    rig_start(&r);
    for (uint16_t i = 0; i < 5; i++)
        poll_once(&r, (uint16_t)(100 + i));
    struct utc ended = utc_now();
    turn_for(&r, 300 * NS_PER_MS); // longer than it takes to look at the clock
    assert_int_equal(r.readings, 0);
    assert_int_equal(poller_held(r.poller).waiting, 5);
    assert_true(meter_values(r.meter)[0].number == 104); // who looks sees it all the same
    assert_int_equal(meter_time(r.meter).ms, 0);

    r.clock_not_set = false;
    while (r.fake.n)
        answer(&r, VERDICT_ANSWER, 0, 200); // comes while the others still wait
    assert_int_equal(r.readings, 0);
    for (int i = 0; i < 500 && r.readings < 6; i++)
        turn_for(&r, NS_PER_MS);
    assert_int_equal(r.readings, 6);
    assert_true(r.last[0].number == 200);
    assert_true(r.time.ms > ended.ms && r.time.ms <= utc_now().ms);
    assert_int_equal(poller_held(r.poller).waiting, 0);
    assert_int_equal(poller_held(r.poller).lost, 0);
    rig_close(&r);
}

static void what_there_is_no_room_for_is_counted_and_leaves_a_hole(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, 1, 2, 8);
    r.clock_not_set = true;
    rig_start(&r);
    poll_once(&r, 1);
    r.poller->held.limit = 3 * r.poller->held.bytes;
    for (uint16_t i = 2; i <= 7; i++)
        poll_once(&r, i);
    assert_int_equal(poller_held(r.poller).waiting, 3);
    assert_int_equal(poller_held(r.poller).lost, 4);
    r.clock_not_set = false;
    r.seq = 4; // the first that comes is the fifth
    poller_settle(r.poller);
    assert_int_equal(r.readings, 3);
    assert_int_equal(r.seq, 7);
    rig_close(&r);
}

static void readings_of_a_removed_meter_do_not_come_later(void **state)
{
    (void)state;
    struct rig r;
    char why[128];
    rig_open(&r, 1, 2, 8);
    r.clock_not_set = true;
    rig_start(&r);
    poll_once(&r, 1);
    poll_once(&r, 2);
    struct meter_parts parts = {&r.config, &r.device, &r.fake.line, 0, 0};
    struct meter *other = poller_add(r.poller, &parts, why, sizeof why);
    assert_non_null(other);
    wait_asked(&r, 1);
    while (poller_held(r.poller).waiting < 4)
        poll_once(&r, 3);
    poller_remove(r.meter);
    r.meter = other;
    assert_in_range(poller_held(r.poller).waiting, 1, 3);
    uint64_t left = poller_held(r.poller).waiting;
    poll_once(&r, 4);
    r.clock_not_set = false;
    poller_settle(r.poller);
    assert_true((uint64_t)r.readings >= left);
    assert_int_equal(poller_held(r.poller).waiting, 0);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unit_goes_down_and_is_probed_ever_more_rarely),
        cmocka_unit_test(a_unit_that_fails_first_is_still_told_to_be_up),
        cmocka_unit_test(good_cycle_gives_one_reading),
        cmocka_unit_test(partly_failed_cycle_names_the_bad_and_keeps_the_good),
        cmocka_unit_test(a_silent_unit_costs_one_timeout_a_cycle_then_one_probe_per_interval),
        cmocka_unit_test(probes_wait_no_longer_than_the_lines_slow_answers),
        cmocka_unit_test(a_refused_block_is_split_and_remembered),
        cmocka_unit_test(a_register_the_device_lacks_is_left_alone),
        cmocka_unit_test(slots_that_pass_are_counted_not_made_up_for),
        cmocka_unit_test(points_of_their_own_period_are_asked_in_their_own_slots),
        cmocka_unit_test(a_meter_removed_while_asking_goes_when_the_answer_comes),
        cmocka_unit_test(a_reading_without_a_connection_has_the_time_it_was_tried),
        cmocka_unit_test(numbering_goes_on_when_a_reload_makes_a_meter_anew),
        cmocka_unit_test(a_total_that_falls_is_refused_and_told_once),
        cmocka_unit_test(meters_are_spread_over_the_period),
        cmocka_unit_test(readings_wait_for_the_clock_and_keep_their_times),
        cmocka_unit_test(what_there_is_no_room_for_is_counted_and_leaves_a_hole),
        cmocka_unit_test(readings_of_a_removed_meter_do_not_come_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
