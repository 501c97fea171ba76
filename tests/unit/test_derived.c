// SPDX-License-Identifier: Apache-2.0
// Derived points: what a configuration may say, and what comes out of a cycle.
#include "symbiont/engine.h"
#include "unit/site_kit.h"

#define REGISTER(name, quantity, unit)                                                                       \
    "{ name = \"" name "\"; quantity = \"" quantity "\"; unit = \"" unit "\"; table = \"holding\"; "         \
    "address = 0; type = \"uint16\"; }"
#define DERIVED(name, quantity, expression)                                                                  \
    "{ name = \"" name "\"; quantity = \"" quantity "\"; expression = \"" expression "\"; }"
#define METER(name, more, points)                                                                            \
    "{ name = \"" name "\"; line = \"w\"; every = \"10 s\"; " more " points: (" points "); }"
#define HEAT                                                                                                 \
    REGISTER("volume_flow", "volume_flow", "m3/h")                                                           \
    "," REGISTER("flow_temperature", "flow_temperature", "degC") "," REGISTER("return_temperature",          \
                                                                              "return_temperature", "degC")

// One meter's cycle: values by name, the others are not due.
struct cycle {
    struct engine *engine;
    const struct site *site;
    size_t meter;
    struct value values[16];
};

static void cycle_begin(struct cycle *c, size_t meter)
{
    c->meter = meter;
    for (size_t i = 0; i < 16; i++)
        c->values[i] = (struct value){NAN, REASON_NOT_DUE, 0};
}

static void cycle_set(struct cycle *c, const char *name, double v, uint8_t reason)
{
    c->values[site_kit_point(c->site, c->meter, name)] = (struct value){v, reason, 0};
}

static struct value cycle_get(const struct cycle *c, const char *name)
{
    return c->values[site_kit_point(c->site, c->meter, name)];
}

static void heat_cycle(struct cycle *c, size_t meter, int64_t ms, double flow, double supply, double back)
{
    cycle_begin(c, meter);
    cycle_set(c, "volume_flow", flow, REASON_GOOD);
    cycle_set(c, "flow_temperature", supply, REASON_GOOD);
    cycle_set(c, "return_temperature", back, isnan(back) ? REASON_NOT_AVAILABLE : REASON_GOOD);
    engine_derive(c->engine, meter, (struct utc){ms}, c->values);
}

static void heat_follows_from_flow_and_two_temperatures(void **state)
{
    (void)state;
    struct site_kit k;
    site_kit_good(
        &k, "meters: ( " METER("furnace", "",
                               HEAT "," DERIVED("thermal_power", "thermal_power",
                                                "heat_power(volume_flow, flow_temperature, "
                                                "return_temperature)") "," DERIVED("thermal_power_supply",
                                                                                   "thermal_power",
                                                                                   "heat_power(volume_flow, "
                                                                                   "flow_temperature, "
                                                                                   "return_temperature, "
                                                                                   "at_supply)")) " );");
    struct cycle c = {.engine = engine_new(k.site, NULL), .site = k.site};
    assert_non_null(c.engine);
    heat_cycle(&c, 0, 1000, 24, 65, 45);
    assert_int_equal(cycle_get(&c, "thermal_power").reason, REASON_GOOD);
    assert_true(fabs(cycle_get(&c, "thermal_power").number - 551.9) < 0.5);
    assert_true(fabs(cycle_get(&c, "thermal_power_supply").number - 546.8) < 0.5);

    heat_cycle(&c, 0, 2000, 24, 65, NAN);
    assert_int_equal(cycle_get(&c, "thermal_power").reason, REASON_DEPENDENCY);

    // A cycle in which nothing of it is due tells nothing anew.
    cycle_begin(&c, 0);
    engine_derive(c.engine, 0, (struct utc){3000}, c.values);
    assert_int_equal(cycle_get(&c, "thermal_power").reason, REASON_NOT_DUE);
    engine_free(c.engine);
    site_kit_free(&k);
}

static void sums_over_meters_hold_each_value_for_three_periods(void **state)
{
    (void)state;
    struct site_kit k;
    site_kit_good(
        &k,
        "meters: ( " METER(
            "a", "",
            REGISTER("active_power", "active_power", "kW") "," DERIVED(
                "active_power_total", "active_power",
                "active_power + b.active_power") "," DERIVED("active_power_twice", "active_power",
                                                             "2 * active_power_total")) ", " METER("b", "",
                                                                                                   REGISTER(
                                                                                                       "activ"
                                                                                                       "e_"
                                                                                                       "powe"
                                                                                                       "r",
                                                                                                       "activ"
                                                                                                       "e_"
                                                                                                       "powe"
                                                                                                       "r",
                                                                                                       "kW")) " );");
    struct cycle c = {.engine = engine_new(k.site, NULL), .site = k.site};
    const int64_t at[] = {20000, 30000, 40000, 50000};
    cycle_begin(&c, 0);
    cycle_set(&c, "active_power", 5, REASON_GOOD);
    engine_derive(c.engine, 0, (struct utc){10000}, c.values);
    assert_int_equal(cycle_get(&c, "active_power_total").reason, REASON_DEPENDENCY); // b was not heard of yet

    cycle_begin(&c, 1);
    cycle_set(&c, "active_power", 7, REASON_GOOD);
    engine_derive(c.engine, 1, (struct utc){15000}, c.values);
    for (size_t i = 0; i < 4; i++) {
        cycle_begin(&c, 0);
        cycle_set(&c, "active_power", 5, REASON_GOOD);
        engine_derive(c.engine, 0, (struct utc){at[i]}, c.values);
        struct value total = cycle_get(&c, "active_power_total"), twice = cycle_get(&c, "active_power_twice");
        assert_int_equal(total.reason, at[i] <= 45000 ? REASON_GOOD : REASON_DEPENDENCY);
        assert_int_equal(twice.reason, total.reason);
        if (total.reason == REASON_GOOD) {
            assert_true(total.number == 12);
            assert_true(twice.number == 24);
        }
    }
    engine_free(c.engine);
    site_kit_free(&k);
}

static void a_meter_under_maintenance_is_unknown_to_others_only(void **state)
{
    (void)state;
    struct site_kit k;
    site_kit_good(
        &k,
        "meters: ( " METER(
            "a", "maintenance = true;",
            REGISTER("active_power", "active_power", "kW") "," DERIVED(
                "active_power_twice", "active_power",
                "2 * active_power")) ", " METER("b", "",
                                                REGISTER("active_power", "active_power", "kW") "," DERIVED(
                                                    "active_power_total", "active_power",
                                                    "active_power + a.active_power")) " );");
    struct cycle c = {.engine = engine_new(k.site, NULL), .site = k.site};
    cycle_begin(&c, 0);
    cycle_set(&c, "active_power", 5, REASON_GOOD);
    engine_derive(c.engine, 0, (struct utc){1000}, c.values);
    assert_true(cycle_get(&c, "active_power_twice").number == 10);
    cycle_begin(&c, 1);
    cycle_set(&c, "active_power", 1, REASON_GOOD);
    engine_derive(c.engine, 1, (struct utc){2000}, c.values);
    assert_int_equal(cycle_get(&c, "active_power_total").reason, REASON_DEPENDENCY);
    engine_free(c.engine);
    site_kit_free(&k);
}

static void a_derived_value_is_checked_and_a_silent_meter_says_nothing(void **state)
{
    (void)state;
    struct site_kit k;
    site_kit_good(
        &k,
        "meters: ( " METER(
            "a", "",
            REGISTER(
                "active_power", "active_power",
                "kW") ","
                      "{ name = \"share\"; quantity = \"power_factor\"; expression = \"active_power / 10 "
                      "kW\"; max = 0.9; }," DERIVED("status", "status", "active_power > 4 kW") "," DERIVED(
                          "active_power_other", "active_power",
                          "b.active_power")) ", " METER("b", "",
                                                        REGISTER("active_power", "active_power",
                                                                 "kW")) " );");
    struct cycle c = {.engine = engine_new(k.site, NULL), .site = k.site};
    cycle_begin(&c, 1);
    cycle_set(&c, "active_power", 3, REASON_GOOD);
    engine_derive(c.engine, 1, (struct utc){1000}, c.values);
    cycle_begin(&c, 0);
    cycle_set(&c, "active_power", 8, REASON_GOOD);
    engine_derive(c.engine, 0, (struct utc){2000}, c.values);
    assert_true(cycle_get(&c, "share").number == 0.8);
    assert_true(cycle_get(&c, "status").number == 1);
    assert_true(cycle_get(&c, "active_power_other").number == 3);
    cycle_begin(&c, 0);
    cycle_set(&c, "active_power", 9.5, REASON_GOOD);
    engine_derive(c.engine, 0, (struct utc){3000}, c.values);
    assert_int_equal(cycle_get(&c, "share").reason, REASON_OUT_OF_RANGE);
    cycle_begin(&c, 0);
    cycle_set(&c, "active_power", NAN, REASON_TIMEOUT);
    engine_derive(c.engine, 0, (struct utc){4000}, c.values);
    assert_int_equal(cycle_get(&c, "share").reason, REASON_DEPENDENCY);
    assert_int_equal(cycle_get(&c, "active_power_other").reason, REASON_DEPENDENCY);
    engine_free(c.engine);
    site_kit_free(&k);
}

// ---- Windows over a restart ----

struct shelf {
    char name[200];
    struct buf bytes;
};

static void put(void *arg, const char *name, const void *data, size_t n)
{
    struct shelf *s = arg;
    if (strncmp(name, "derived/", 8) != 0)
        return;
    snprintf(s->name, sizeof s->name, "%s", name);
    buf_reset(&s->bytes);
    buf_put(&s->bytes, data, n);
}

static bool get(void *arg, const char *name, struct buf *out)
{
    struct shelf *s = arg;
    if (strcmp(s->name, name) != 0)
        return false;
    buf_put(out, s->bytes.data, s->bytes.len);
    return true;
}

static double mean_after(struct engine *e, const struct site *s, int64_t from, int64_t to)
{
    struct cycle c = {.engine = e, .site = s};
    for (int64_t t = from; t <= to; t += 10000) {
        cycle_begin(&c, 0);
        cycle_set(&c, "active_power", (double)(t / 10000 % 7), REASON_GOOD);
        engine_derive(e, 0, (struct utc){t}, c.values);
    }
    return cycle_get(&c, "active_power_mean").number;
}

static void windows_go_on_after_a_restart(void **state)
{
    (void)state;
    struct site_kit k;
    struct shelf shelf = {0};
    site_kit_good(
        &k, "meters: ( " METER("a", "",
                               REGISTER("active_power", "active_power", "kW") "," DERIVED(
                                   "active_power_mean", "active_power", "avg(active_power, 5 min)")) " );");
    struct engine *whole = engine_new(k.site, NULL), *first = engine_new(k.site, NULL),
                  *second = engine_new(k.site, NULL);
    double expected = mean_after(whole, k.site, 0, 600000);
    mean_after(first, k.site, 0, 400000);
    engine_save(first, true, put, &shelf);
    assert_string_equal(shelf.name, "derived/a/active_power_mean");
    engine_load(second, get, &shelf);
    assert_true(mean_after(second, k.site, 410000, 600000) == expected);
    assert_true(expected > 0);
    shelf.bytes.data[20] ^= 1; // damaged: begins anew
    engine_load(second, get, &shelf);
    engine_free(whole);
    engine_free(first);
    engine_free(second);
    buf_free(&shelf.bytes);
    site_kit_free(&k);
}

static void mistakes_are_named_at_their_line(void **state)
{
    (void)state;
#define ONE(expression)                                                                                      \
    "meters: (\n" METER("furnace", "", HEAT ",\n" DERIVED("thermal_power", "thermal_power", expression)) " " \
                                                                                                         ")" \
                                                                                                         ";"
    site_kit_wrong(
        ONE("volume_flow + flow_temperature"),
        "3: error: point \"thermal_power\": expression, column 13: cannot add m3/h (volume flow) and degC");
    site_kit_wrong(ONE("volume_flow"), "the result is m3/h (volume flow), but kW (power) is wanted");
    site_kit_wrong(ONE("heat_power(volume_flw, flow_temperature, return_temperature)"),
                   "column 12: meter \"furnace\" has no point \"volume_flw\"; did you mean \"volume_flow\"?");
    site_kit_wrong(ONE("furnce.volume_flow * 1 kW"),
                   "there is no meter \"furnce\"; did you mean \"furnace\"?");
    site_kit_wrong(ONE("furnace.volume_flo * 1 kW"), "did you mean \"furnace.volume_flow\"?");
    site_kit_wrong("meters: (\n" METER("a", "",
                                       REGISTER("current", "current", "A") "," DERIVED(
                                           "active_power", "active_power", "active_power * 2")) ");",
                   "\"active_power\" is computed by this very expression");
    site_kit_wrong(
        "meters: (\n" METER("a", "",
                            REGISTER("current", "current", "A") "," DERIVED(
                                "active_power", "active_power", "later") "," DERIVED("later", "active_power",
                                                                                     "current * 1 V")) ");",
        "\"later\" is computed later; use only points that stand before this one");
    site_kit_wrong(
        "meters: (\n" METER(
            "a", "",
            REGISTER("current", "current", "A") "," DERIVED(
                "active_power", "active_power",
                "b.active_power")) ",\n" METER("b", "",
                                               REGISTER("current", "current", "A") "," DERIVED(
                                                   "active_power", "active_power", "a.active_power")) ");",
        "point \"active_power\" of meter \"a\" is computed from itself, by way of others");
    site_kit_wrong("meters: (\n" METER("a", "", REGISTER("current", "current", "A")) ",\n" METER(
                       "b", "", DERIVED("active_power", "active_power", "a.current * 1 V")) ");",
                   "3: error: meter \"b\" has only derived points");
    // A name of a meter that has errors of its own is not a second error.
    struct site_kit k;
    site_kit_load(
        &k, "meters: (\n" METER(
                "a", "",
                REGISTER("current", "current", "A") "," DERIVED(
                    "active_power", "active_power",
                    "b.active_power")) ",\n"
                                       "{ name = \"b\"; line = \"w\"; profile = \"no-such-profile\"; } );");
    assert_int_equal(k.errors, 1);
    site_kit_free(&k);
    site_kit_wrong("site: { id = \"mill\"; holidays = (\"2026-02-29\"); };\n"
                   "meters: ( " METER("a", "", REGISTER("current", "current", "A")) " );",
                   "holidays: \"2026-02-29\" is not a day");
    site_kit_wrong("site: { id = \"mill\"; timezone = \"Europe/Pari\"; };\n"
                   "meters: ( " METER("a", "", REGISTER("current", "current", "A")) " );",
                   "1: error: timezone: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heat_follows_from_flow_and_two_temperatures),
        cmocka_unit_test(sums_over_meters_hold_each_value_for_three_periods),
        cmocka_unit_test(a_meter_under_maintenance_is_unknown_to_others_only),
        cmocka_unit_test(a_derived_value_is_checked_and_a_silent_meter_says_nothing),
        cmocka_unit_test(windows_go_on_after_a_restart),
        cmocka_unit_test(mistakes_are_named_at_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
