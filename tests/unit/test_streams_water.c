// SPDX-License-Identifier: Apache-2.0
// Water that is mixed, fed to a tower, or discharged; electricity beyond the own use; needs that are
// declared.
#include "streams_kit.h"

#include "symbiont/water.h"

static void mixing(void **state)
{
    (void)state;
    double fresh = water_dilution(20, 1500, 1000, 400);
    kit_near(fresh, 16.6667, 1e-3);
    kit_near(20 + fresh, 36.6667, 1e-3);
    kit_near(water_blend((double[]){20, fresh}, (double[]){1500, 400}, 2), 1000, 1e-9);
    kit_near(water_dilution(20, 900, 1000, 400), 0, 0);
    assert_true(isnan(water_dilution(20, 1500, 1000, 1000)));
    assert_true(isnan(water_blend(NULL, NULL, 0)));
}

static void tower(void **state)
{
    (void)state;
    double limit = tower_makeup_limit(2400, 4);
    kit_near(limit, 600, 1e-9);
    assert_true(1500 > limit);
    kit_near(tower_blowdown(3, 4), 1, 1e-9);
    assert_true(isnan(tower_blowdown(3, 1)));
}

static void discharge(void **state)
{
    (void)state;
    struct discharge_verdict v = discharge_check(DISCHARGE_RIVER, DISCHARGE_COD, 280, NAN, 500);
    kit_near(v.load_kg_day, 140, 1e-9);
    kit_near(v.limit, 125, 0);
    assert_true(!v.allowed && v.mean_exceeds && !v.instant_exceeds);
    v = discharge_check(DISCHARGE_RIVER, DISCHARGE_COD, 280, NAN, 300);
    kit_near(v.load_kg_day, 84, 1e-9);
    kit_near(v.limit, 300, 0);
    assert_true(v.allowed);
    v = discharge_check(DISCHARGE_SEWER, DISCHARGE_COD, 280, NAN, 500);
    kit_near(v.limit, 2000, 0);
    assert_true(v.allowed);
    v = discharge_check(DISCHARGE_RIVER, DISCHARGE_COD, 110, 260, 1000);
    kit_near(v.limit, 125, 0);
    assert_true(!v.allowed && !v.mean_exceeds && v.instant_exceeds);
    assert_false(discharge_check(DISCHARGE_RIVER, DISCHARGE_COD, NAN, NAN, 1000).allowed);
}

static const double pv[] = {0, 50, 120, 200, 180, 90, 20, 0}, own[] = {60, 60, 70, 80, 80, 70, 60, 60},
                    neighbour[] = {40, 40, 60, 60, 150, 60, 40, 40};

// Hourly energies, as a stream of production and load sees them.
static void electricity(void **state)
{
    (void)state;
    kit_near(electricity_surplus(pv, own, 8), 290, 1e-9);
    double matched = electricity_matched(pv, own, neighbour, 8);
    kit_near(matched, 230, 1e-9);
    kit_near(matched / 290, 0.793, 1e-3);
    assert_null(electricity_sharing_refused(2.0, 4.9));
    assert_non_null(electricity_sharing_refused(2.1, 1));
    assert_non_null(electricity_sharing_refused(1, 5.1));
    assert_non_null(electricity_sharing_refused(NAN, 1));
    struct kit *k = kit_new("resource = \"electricity\"; production = \"m.power\"; load = \"m.load\";", HOUR);
    kit_feed(k, "m.power", MONDAY, 0);
    kit_sample(k, "m.load", MONDAY, 0);
    for (int i = 0; i < 8; i++) {
        kit_feed(k, "m.power", MONDAY + (i + 1) * HOUR, pv[i]);
        kit_sample(k, "m.load", MONDAY + (i + 1) * HOUR, own[i]);
    }
    double sum = 0;
    for (size_t i = 0; i < k->hours_n; i++)
        sum += k->hours[i].amount;
    assert_int_equal(k->hours_n, 8);
    kit_near(sum, 290, 1e-9);
    assert_int_equal(k->events_n, 2); // 50 kW from the third hour on, 20 in the sixth, nothing in the seventh
    kit_free(k);
}

// Formulas of the other virtual meters, each with a number worked out by hand.
static void virtual_meters(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        struct {
            const char *name;
            double value;
        } fed[4];
        double value, tolerance;
        enum provenance provenance;
    } rows[] = {
        {"resource = \"heat\"; electric = \"m.power\";", {{"m.power", 75}}, 60, 1e-9, PROVENANCE_CALCULATED},
        {"resource = \"heat\"; electric = \"m.power\"; cop = 4;",
         {{"m.power", 50}},
         250,
         1e-9,
         PROVENANCE_CALCULATED},
        {"resource = \"heat\"; cooling = \"m.power\"; cop = 4;",
         {{"m.power", 200}},
         250,
         1e-9,
         PROVENANCE_CALCULATED},
        {"resource = \"heat\"; cooling = \"m.power\"; electric = \"m.load\";",
         {{"m.power", 200}, {"m.load", 50}},
         250,
         1e-9,
         PROVENANCE_MEASURED},
        {"resource = \"cold\"; electric = \"m.power\";", {{"m.power", 50}}, 200, 1e-9, PROVENANCE_CALCULATED},
        {"resource = \"heat\"; makeup = \"m.makeup_mass\"; blowdown = \"m.blowdown_mass\";",
         {{"m.makeup_mass", 2000}, {"m.blowdown_mass", 500}},
         1012.5,
         1e-6,
         PROVENANCE_CALCULATED},
        {"resource = \"heat\"; makeup = \"m.makeup\"; blowdown = \"m.blowdown\";",
         {{"m.makeup", 2}, {"m.blowdown", 0.5}},
         1.5 * 998 * 2430 / 3600,
         1e-6,
         PROVENANCE_CALCULATED},
        // 220 degC, 3.5 % oxygen: loss 9.34 %, at 120 degC 4.67 %: 4.67 % of 10 MW.
        {"resource = \"heat\"; fuel = \"m.power\"; flue = \"m.flue\"; oxygen = \"m.oxygen\";",
         {{"m.power", 10000}, {"m.flue", 220}, {"m.oxygen", 3.5}},
         467.1,
         0.1,
         PROVENANCE_CALCULATED},
        // 10 t/h, 300 and 3,000 ppm: 1,111 kg/h.
        {"resource = \"water\"; steam = \"m.steam\"; feed_solids = 300; drum_solids = 3000;",
         {{"m.steam", 10}},
         1.111,
         1e-3,
         PROVENANCE_CALCULATED},
        // ...of 10 bar (762.7 kJ/kg), cooled to 40 degC (167.5): 183.7 kW, 90 % of it.
        {"resource = \"heat\"; steam = \"m.steam\"; pressure = \"m.bar\"; feed_solids = 300; drum_solids = "
         "3000;",
         {{"m.steam", 10}, {"m.bar", 10}},
         165.3,
         0.5,
         PROVENANCE_CALCULATED},
        // 1 t/h of 10 bar from 100 degC: 2,358 kJ/kg.
        {"resource = \"steam\"; steam = \"m.steam\"; pressure = \"m.bar\"; feed = \"m.hot\";",
         {{"m.steam", 1}, {"m.bar", 10}, {"m.hot", 100}},
         655.0,
         0.7,
         PROVENANCE_MEASURED},
        {"resource = \"water\"; flow = \"m.flow\";", {{"m.flow", 20}}, 20, 0, PROVENANCE_MEASURED},
        {"resource = \"compressed_air\"; available = \"600 m3/h\"; flow = \"m.flow\";",
         {{"m.flow", 450}},
         150,
         1e-9,
         PROVENANCE_CALCULATED},
        {"resource = \"heat\"; value = \"m.power\"; internal = \"own\";",
         {{"m.power", 300}, {"own", 120}},
         180,
         1e-9,
         PROVENANCE_MEASURED},
        {"resource = \"heat\"; value = \"m.power\"; internal = \"own\"; provenance = \"typical\";",
         {{"m.power", 100}, {"own", 120}},
         0,
         0,
         PROVENANCE_TYPICAL},
        {"resource = \"by_product\"; flow = \"m.makeup_mass\";",
         {{"m.makeup_mass", 70}},
         70,
         0,
         PROVENANCE_MEASURED},
    };
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        struct kit *k = kit_new(rows[i].settings, MINUTE);
        for (int f = 0; f < 4 && rows[i].fed[f].name; f++)
            kit_feed(k, rows[i].fed[f].name, MONDAY, rows[i].fed[f].value);
        stream_settle(k->s, (struct utc){MONDAY});
        kit_near(stream_value(k->s, (struct utc){MONDAY}), rows[i].value, rows[i].tolerance);
        assert_int_equal(stream_provenance(k->s), rows[i].provenance);
        kit_free(k);
    }
}

// A press of 40 kW runs a quarter of the hour: three quarters of it are free.
static void equipment(void **state)
{
    (void)state;
    struct kit *k = kit_new("resource = \"equipment\"; running = \"m.power\"; nominal = \"40 kW\";", MINUTE);
    for (int i = 0; i <= 120; i++)
        kit_sample(k, "m.power", MONDAY + i * MINUTE, i % 60 > 0 && i % 60 <= 15 ? 30 : 2);
    kit_near(stream_value(k->s, (struct utc){MONDAY + 120 * MINUTE}), 0.75, 1e-9);
    kit_near(kit_field(k, "utilisation", MONDAY + 120 * MINUTE), 25, 1e-9);
    kit_free(k);
}

static void quality(void **state)
{
    (void)state;
    struct kit *k =
        kit_new("resource = \"water\"; flow = \"m.flow\"; quality: ( { name = \"conductivity\"; value = "
                "\"m.conductivity\"; }, { name = \"cod\"; value = \"280 mg/L\"; } );",
                MINUTE);
    kit_feed(k, "m.flow", MONDAY, 20);
    kit_feed(k, "m.conductivity", MONDAY, 1500);
    stream_settle(k->s, (struct utc){MONDAY});
    kit_near(kit_field(k, "conductivity", MONDAY), 1500, 0);
    kit_near(kit_field(k, "cod", MONDAY), 280, 1e-9);
    assert_true(isnan(kit_field(k, "conductivity", MONDAY + 5 * MINUTE)));
    kit_free(k);
}

// A firm without meters: 400 kW on weekdays from 6 to 22.
static void declared(void **state)
{
    (void)state;
    struct kit *k = kit_new("resource = \"heat\"; declared = \"0.4 MW\"; profile = \"weekdays 6-22\"; "
                            "shutdown = (\"2026-01-06\");",
                            0);
    assert_int_equal(stream_provenance(k->s), PROVENANCE_DECLARED);
    for (int64_t m = 0; m <= 7 * 24 * 60; m += 7)
        stream_tick(k->s, (struct utc){MONDAY + m * MINUTE});
    stream_tick(k->s, (struct utc){MONDAY + 7 * DAY});
    double sum = 0;
    for (size_t i = 0; i < k->hours_n; i++)
        sum += k->hours[i].amount;
    kit_near(sum, 4 * 16 * 400, 1e-6);
    kit_near(stream_confidence(k->s, (struct utc){MONDAY + 7 * DAY}), 0.6, 1e-9);
    double forecast[168], error;
    assert_true(stream_forecast(k->s, (struct utc){MONDAY - 1}, forecast, &error));
    kit_near(forecast[5], 0, 0);
    kit_near(forecast[6], 400, 1e-9);
    kit_near(forecast[24 + 12], 0, 0); // the day of the shutdown
    kit_free(k);
}

static void schedules(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int hours; /* -1: refused */
    } rows[] = {{"always", 168},    {"weekdays 6-22", 80}, {"mon-fri 6-22, sat 8-12", 84},
                {"daily", 168},     {"sun", 24},           {"fri-mon 0-24", 96},
                {"daily 22-6", 56}, {"weekdays 6", -1},    {"monday", -1},
                {"mon 6-25", -1},   {"mon 6-6", -1},       {"", -1},
                {"mon,", -1},       {"mon 6-22x", -1}};
    char why[300];
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        uint8_t hours[21];
        bool ok = schedule_parse(rows[i].text, hours, why, sizeof why);
        int n = 0;
        for (unsigned h = 0; ok && h < 168; h++)
            n += schedule_has(hours, h);
        if ((ok ? n : -1) != rows[i].hours)
            fail_msg("\"%s\": %d", rows[i].text, ok ? n : -1);
    }
}

static void needs(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *words; /* NULL: fine */
    } rows[] = {
        {"resource = \"heat\"; power = \"400 kW\"; in = \"30 degC\"; out = \"50 degC\"; profile = \"weekdays "
         "6-22\";",
         NULL},
        {"resource = \"water\"; flow = \"480 m3/d\"; limits: ( { name = \"ph\"; min = \"6.5 pH\"; max = "
         "\"8.5 pH\"; } );",
         NULL},
        {"resource = \"waste\"; mass = \"2 t/week\"; low = (\"150101\");", NULL},
        {"resource = \"heat\"; power = \"400 kW\";", "needs both temperatures"},
        {"resource = \"heat\"; power = \"400 kW\"; in = \"50 degC\"; out = \"30 degC\";",
         "must leave warmer"},
        {"resource = \"heat\"; in = \"30 degC\"; out = \"50 degC\";", "one of power, flow and mass"},
        {"resource = \"waste\"; mass = \"2 t/week\";", "needs its codes"},
        {"resource = \"waste\"; mass = \"2 t/week\"; low = (\"15 01 08\");", "did you mean"},
        {"resource = \"water\"; flow = \"20 kW\";", "flow"},
        {"resource = \"water\"; flow = \"20 m3/h\"; limits: ( { name = \"ph\"; min = \"9 pH\"; max = \"8 "
         "pH\"; } );",
         "min is more than max"},
    };
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        struct kit k = {.d = diagnostics_new()};
        char text[500];
        snprintf(text, sizeof text, "needs: ( { name = \"n\"; %s } );", rows[i].settings);
        k.config = config_read_text(text, "t.conf", &streams_root_section, k.d);
        const struct streams_root *root = config_root(k.config);
        struct need n;
        bool ok = diag_errors(k.d) == 0 && need_compile(root->needs.items, &n, k.d);
        diag_each(k.d, kit_collect, &k);
        if (ok != !rows[i].words || (rows[i].words && !strstr(k.said, rows[i].words)))
            fail_msg("%s\n%s", text, k.said);
        if (i == 0) {
            kit_near(n.amount, 400, 1e-9);
            assert_int_equal(n.wanted_hours, 80);
        } else if (i == 1) {
            kit_near(n.amount, 20, 1e-9);
        } else if (i == 2) {
            kit_near(n.amount, 2000 / 168.0, 1e-9);
        }
        config_free(k.config);
        diagnostics_free(k.d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixing),      cmocka_unit_test(tower),          cmocka_unit_test(discharge),
        cmocka_unit_test(electricity), cmocka_unit_test(virtual_meters), cmocka_unit_test(equipment),
        cmocka_unit_test(quality),     cmocka_unit_test(declared),       cmocka_unit_test(schedules),
        cmocka_unit_test(needs),
    };
    return cmocka_run_group_tests(tests, kit_open, NULL);
}
