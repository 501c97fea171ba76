// SPDX-License-Identifier: Apache-2.0
// A SunSpec meter on the poller: its model is looked for before the first cycle and after each time it was
// down, one request at a time; until it is found there are no values, and they say why.
#include "poller_rig.h"
#include "symbiont/log.h"

static const uint16_t models[] = {201};

static void sunspec_rig(struct rig *r)
{
    rig_open(r, 2, 2, 8);
    for (int i = 0; i < 2; i++)
        r->points[i].address = (uint16_t)(2 + i);
    r->device.sunspec = true;
    r->device.sunspec_models = models;
    r->device.sunspec_model_count = 1;
    rig_start(r);
}

// Answers the oldest request with these registers.
static void give(struct rig *r, const uint16_t *registers, size_t n)
{
    struct transaction *t = r->fake.asked[0];
    memmove(r->fake.asked, r->fake.asked + 1, (size_t)--r->fake.n * sizeof t);
    uint8_t data[250] = {0};
    for (size_t i = 0; i < n; i++) {
        data[2 * i] = (uint8_t)(registers[i] >> 8);
        data[2 * i + 1] = (uint8_t)registers[i];
    }
    t->answered = loop_now(r->loop);
    t->done(t, &(struct modbus_answer){.verdict = VERDICT_ANSWER, .data = data, .n = 2 * n});
}

static const uint16_t marker[] = {0x5375, 0x6e53}, model_201[] = {201, 105}, end[] = {0xFFFF, 0};

static void expect_ask(struct rig *r, uint16_t address, uint16_t count)
{
    wait_asked(r, 1);
    const struct modbus_ask *a = &r->fake.asked[0]->ask;
    if (a->address != address || a->count != count)
        fail_msg("asked for %u at %u, wanted %u at %u", a->count, a->address, count, address);
}

static void a_model_is_found_and_read_where_it_is(void **state)
{
    (void)state;
    struct rig r;
    sunspec_rig(&r);
    expect_ask(&r, 40000, 2);
    give(&r, (const uint16_t[]){0, 0}, 2);
    expect_ask(&r, 50000, 2);
    give(&r, marker, 2);
    expect_ask(&r, 50002, 2);
    give(&r, model_201, 2);
    expect_ask(&r, 50004, 2); // the points, from the model's begin
    answer(&r, VERDICT_ANSWER, 0, 0);
    assert_int_equal(r.readings, 1);
    assert_true(r.last[0].reason == REASON_GOOD && r.last[0].number == 50004);
    expect_ask(&r, 50004, 2); // the next cycle does not look again
    // Down and back: it may be another device by now.
    for (int i = 0; i < 2; i++) {
        wait_asked(&r, 1);
        answer(&r, VERDICT_TIMEOUT, 0, 0);
    }
    assert_int_equal(r.went_down, 1);
    expect_ask(&r, 40000, 2);
    rig_close(&r);
}

static void without_its_model_a_meter_says_so(void **state)
{
    (void)state;
    struct rig r;
    sunspec_rig(&r);
    for (int cycle = 1; cycle <= 2; cycle++) {
        expect_ask(&r, 40000, 2);
        give(&r, marker, 2);
        expect_ask(&r, 40002, 2);
        give(&r, end, 2);
        assert_int_equal(r.readings, cycle);
        for (int i = 0; i < 2; i++)
            assert_int_equal(r.last[i].reason, REASON_NOT_AVAILABLE);
    }
    rig_close(&r);
}

static void a_silent_unit_is_no_missing_model(void **state)
{
    (void)state;
    struct rig r;
    sunspec_rig(&r);
    for (uint32_t i = 0; i < 3; i++) {
        wait_asked(&r, 1);
        answer(&r, VERDICT_TIMEOUT, 0, 0);
    }
    turn_for(&r, 5 * NS_PER_MS);
    for (int i = 0; i < 2; i++)
        assert_true(r.readings == 0 || r.last[i].reason == REASON_TIMEOUT);
    rig_close(&r);
}

static void a_meter_that_is_taken_away_while_it_is_looked_for(void **state)
{
    (void)state;
    struct rig r;
    sunspec_rig(&r);
    expect_ask(&r, 40000, 2);
    rig_close(&r); // the answer, or its cancelling, comes afterwards
    assert_int_equal(r.readings, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_found_and_read_where_it_is),
        cmocka_unit_test(without_its_model_a_meter_says_so),
        cmocka_unit_test(a_silent_unit_is_no_missing_model),
        cmocka_unit_test(a_meter_that_is_taken_away_while_it_is_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
