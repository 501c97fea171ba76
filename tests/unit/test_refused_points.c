// SPDX-License-Identifier: Apache-2.0
// A meter's points compiled without memory: no meter, and it is said; never a meter with fewer points.
#include "profile_kit.h"
#include "refuse.h"
#include "symbiont/units.h"

static const char own[] = "points = ( { name = \"status\"; table = \"holding\"; address = 1; type = "
                          "\"bits16\"; order = \"ab\"; bits = ( { bit = 3; name = "
                          "\"alarm\"; } ); }, { name = \"active_power\"; table = \"holding\"; address = 2; "
                          "type = \"uint16\"; unit = \"W\"; } );";

static bool compile_it(void *arg)
{
    const struct texts *only = arg;
    unsigned what = refusal.what;
    refusal.what = 0; // reading the configuration is another matter
    struct meter m = {.diag = diagnostics_new()};
    m.config = config_read_text(own, "meter.conf", &root_section, m.diag);
    assert_non_null(m.config);
    struct root *root = config_root(m.config);
    struct device_request request = {
        .own_points = &root->points, .place = {"meter.conf", 1}, .subject = "meter \"m\"", .only = *only};
    refusal.what = what;
    m.device = device_compile(m.config, &(struct profile_path){{SHIPPED}}, &request, m.diag);
    refusal.what = 0;
    if (m.device) {
        assert_true(has_point(&m, "alarm"));
        assert_true(has_point(&m, "status"));
        assert_int_equal(has_point(&m, "active_power"), only->n == 0);
    }
    bool good = m.device != NULL;
    meter_free(&m);
    refusal.what = what;
    return good;
}

static void all_points_or_no_meter(void **state)
{
    (void)state;
    char *names[] = {"alarm", "status"};
    struct texts all = {0}, two = {names, 2};
    assert_true(refuse_each(REFUSE_MEMORY, ENOMEM, true, compile_it, &all) >= 3);
    assert_true(refuse_each(REFUSE_MEMORY, ENOMEM, true, compile_it, &two) >= 5);
}

// Want of memory in the search for the nearest name costs the hint, not the sentence.
static void a_mistake_is_named_without_memory(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 12; n++) {
        char *names[] = {"statsu"};
        struct meter m = {.diag = diagnostics_new()};
        m.config = config_read_text(own, "meter.conf", &root_section, m.diag);
        struct root *root = config_root(m.config);
        struct device_request request = {.own_points = &root->points,
                                         .place = {"meter.conf", 1},
                                         .subject = "meter \"m\"",
                                         .only = {names, 1}};
        refuse(REFUSE_MEMORY, ENOMEM, n, 1);
        m.device = device_compile(m.config, &(struct profile_path){{SHIPPED}}, &request, m.diag);
        bool met = refuse_nothing() > 0;
        assert_null(m.device);
        if (!met)
            assert_int_equal(diag_errors(m.diag), 1);
        meter_free(&m);
    }
}

static int open_units(void **state)
{
    char why[128];
    (void)state;
    return units_open(why, sizeof why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_points_or_no_meter),
        cmocka_unit_test(a_mistake_is_named_without_memory),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
