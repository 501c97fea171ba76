// SPDX-License-Identifier: Apache-2.0
// What is told again: each kind of value of an offer, by how much it must have moved.
#include "exchange_kit.h"

static void differs(const struct offer *full, const struct offer *now, bool wanted, const char *what)
{
    struct offer told;
    assert_true(offer_disclose(full, &told));
    if (offer_differs(&told, now) != wanted)
        fail_msg("%s: %s", what, wanted ? "is no change" : "is a change");
}

#define DIFFERS(base, change, wanted)                                                                        \
    do {                                                                                                     \
        struct offer now = base;                                                                             \
        change;                                                                                              \
        differs(&base, &now, wanted, #change);                                                               \
    } while (0)

#define DAY 86400000LL

static void times_and_numbers(void **state)
{
    (void)state;
    const struct offer heat = kit_heat(DISCLOSE_EXACT), waste = kit_waste();
    DIFFERS(heat, now.valid_until.ms += DAY / 2, false);
    DIFFERS(heat, now.valid_until.ms += 2 * DAY, true);
    DIFFERS(heat, now.valid_until.ms -= DAY / 2, false);
    DIFFERS(heat, now.valid_until.ms -= 2 * DAY, true);
    DIFFERS(heat, now.valid_until.ms = 0, true);
    DIFFERS(heat, now.valid_from.ms = 5 * DAY, true);
    DIFFERS(heat, now.created.ms += 90 * DAY, false); // of no account
    DIFFERS(heat, now.confidence = NAN, true);
    DIFFERS(heat, now.confidence -= 0.15, false);
    DIFFERS(heat, now.confidence -= 0.25, true);
    DIFFERS(heat, now.price *= 1.05, false);
    DIFFERS(heat, now.price *= 1.2, true);
    DIFFERS(heat, now.has_blocks = false, true);
    DIFFERS(heat, now.blocks[5] += 0.1f, false);
    DIFFERS(heat, now.blocks[5] += 0.3f, true);
    DIFFERS(waste, (now.parameters[1].value.low = 10, now.parameters[1].value.high = 12), true);
    DIFFERS(waste, now.parameters[1].value.high += 0.01, false);
    DIFFERS(waste, strcpy(now.parameters[1].name, "cod"), true);
    DIFFERS(waste, now.parameter_count = 1, true);
    DIFFERS(waste, now.waste.codes[1] = 150102, true);
    DIFFERS(waste, strcpy(now.audience[0], "f-8"), true);
    DIFFERS(waste, now.waste.operations ^= 2, true);
    DIFFERS(waste, now.interruptible = true, true);
}

// A place is made coarse only where all of it is said.
static void half_a_place(void **state)
{
    (void)state;
    struct offer full = kit_heat(DISCLOSE_BANDS), out;
    full.longitude = NAN;
    assert_true(offer_disclose(&full, &out));
    assert_true(isnan(out.longitude) && out.radius_m == 0);
    full.latitude = NAN;
    assert_true(offer_disclose(&full, &out));
    assert_true(isnan(out.latitude) && out.radius_m == 0);
    full.created.ms = 0;
    full.valid_until.ms = 1775001600000; // a quarter's end is its own
    assert_true(offer_disclose(&full, &out));
    assert_true(out.created.ms == 0 && out.valid_until.ms == 1775001600000);
    assert_string_equal(offer_unit((enum resource)RESOURCES), "");
    assert_string_equal(offer_annual_unit((enum resource) - 1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_and_numbers),
        cmocka_unit_test(half_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
