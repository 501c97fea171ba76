// SPDX-License-Identifier: Apache-2.0
// Recorded data: times in every form, what is odd about files, numbers, amounts, totals; rows as readings.
#include "engine/replay_csv.h"
#include "unit/site_kit.h"

#define POINT(name, quantity, unit, more)                                                                    \
    "{ name = \"" name "\"; quantity = \"" quantity "\"; unit = \"" unit "\"; table = \"holding\"; "         \
    "address = 0; type = \"float64\"; " more " }"
#define SITE                                                                                                 \
    "meters: ( { name = \"m\"; line = \"w\"; every = \"10 s\"; points: (" POINT(                             \
        "active_power", "active_power", "kW",                                                                \
        "max = 1000.0;") "," POINT("active_energy_import", "active_energy_import", "kWh",                    \
                                   "max_rate = 1000.0;") "," POINT("flow_temperature", "flow_temperature",   \
                                                                   "degC",                                   \
                                                                   "") ","                                   \
                                                                       "{ name = \"double\"; quantity = "    \
                                                                       "\"active_power\"; expression = \"2 " \
                                                                       "* active_power\"; } ); },"           \
                                                                       "{ name = \"n\"; line = \"w\"; "      \
                                                                       "points: (" POINT("active_power",     \
                                                                                         "active_power",     \
                                                                                         "kW", "") "); } );"

struct rig {
    struct site_kit kit;
    struct config *config;
    struct recording *recording;
};

static struct site_kit site; // read once: it does not change

static int open_site(void **state)
{
    (void)state;
    site_kit_good(&site, SITE);
    return 0;
}

static int close_site(void **state)
{
    (void)state;
    site_kit_free(&site);
    return 0;
}

static void describe(struct rig *r, const char *text, const char *heading)
{
    struct diagnostics *d = diagnostics_new();
    char why[300] = "";
    r->config = config_read_text(text, "test.replay", &recording_section, d);
    r->recording = diag_errors(d) ? NULL : recording_new(config_root(r->config), site.site, d);
    if (!r->recording)
        diag_print(d, stderr);
    diagnostics_free(d);
    assert_non_null(r->recording);
    if (!recording_heading(r->recording, heading, strlen(heading), why, sizeof why))
        fail_msg("%s", why);
}

static void undescribe(struct rig *r)
{
    recording_free(r->recording);
    config_free(r->config);
}

static enum recording_verdict line(struct rig *r, const char *text, struct recording_row *row)
{
    enum recording_verdict v = recording_line(r->recording, text, strlen(text), row);
    if (v == RECORDING_ROW)
        recording_order(r->recording, row);
    return v;
}

// ---- Times ----

static void times_are_read_as_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text, *utc; // NULL: refused
    } cases[] = {
        {"iso", "2018-01-31 12:15", "2018-01-31T12:15:00.000Z"},
        {"iso", "2018-01-31", "2018-01-31T00:00:00.000Z"},
        {"iso", "2018-01-31T12:15:30", "2018-01-31T12:15:30.000Z"},
        {"iso", "2018-01-31T12:15:30.25Z", "2018-01-31T12:15:30.250Z"},
        {"iso", "2018-01-31T12:15:30+01:00", "2018-01-31T11:15:30.000Z"},
        {"iso", "2018-01-31 12:15-0530", "2018-01-31T17:45:00.000Z"},
        {"iso", "2018-01-31 12:15:00.000000 UTC", "2018-01-31T12:15:00.000Z"},
        {"iso", "2018-01-31 24:00", "2018-02-01T00:00:00.000Z"},
        {"iso", "2016-02-29 00:00", "2016-02-29T00:00:00.000Z"},
        {"iso", "2018-02-29 00:00", NULL},
        {"iso", "2018-01-31 24:01", NULL},
        {"iso", "2018-13-01", NULL},
        {"iso", "2018-01-31x", NULL},
        {"iso", "2018-01-31 12:15+1", NULL},
        {"iso", "31/01/2018", NULL},
        {"iso", "", NULL},
        {"epoch", "1517400900", "2018-01-31T12:15:00.000Z"},
        {"epoch", "1517400900.5", "2018-01-31T12:15:00.500Z"},
        {"epoch", "1e300", NULL},
        {"epoch", "today", NULL},
        {"epoch ms", "1517400900123", "2018-01-31T12:15:00.123Z"},
        {"dd/mm/yyyy HH:MM", "31/01/2018 12:15", "2018-01-31T12:15:00.000Z"},
        {"dd/mm/yyyy HH:MM", "1/1/2018 2:05", "2018-01-01T02:05:00.000Z"},
        {"dd/mm/yyyy HH:MM", "31/01/2018 12:15:00", NULL},
        {"dd.mm.yyyy HH:MM:SS.fff", "31.01.2018 12:15:30.5", "2018-01-31T12:15:30.500Z"},
        {"mm/dd/yyyy HH:MM tt", "01/31/2018 12:15 AM", "2018-01-31T00:15:00.000Z"},
        {"mm/dd/yyyy HH:MM tt", "01/31/2018 12:15 pm", "2018-01-31T12:15:00.000Z"},
        {"mm/dd/yyyy HH:MM tt", "01/31/2018 13:15 PM", NULL},
        {"yyyymmddTHHMM", "20180131T1215", "2018-01-31T12:15:00.000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct time_format f;
        struct time_track track;
        struct written_time w;
        char why[300], text[UTC_TEXT];
        if (!time_format_parse(&f, cases[i].format, why, sizeof why))
            fail_msg("%s", why);
        time_track_begin(&track, NULL);
        bool good = time_read(&f, cases[i].text, strlen(cases[i].text), &w);
        if (good != (cases[i].utc != NULL))
            fail_msg("\"%s\" as %s", cases[i].text, cases[i].format);
        if (good)
            assert_string_equal(utc_text((struct utc){time_track_utc(&track, &w)}, text), cases[i].utc);
    }
    static const char *const wrong[] = {"", "dd/mm HH:MM", "day/month/year", "dd/mm/yy"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct time_format f;
        char why[300];
        assert_false(time_format_parse(&f, wrong[i], why, sizeof why));
    }
}

static void the_hours_of_the_clock_change_are_told_apart(void **state)
{
    (void)state;
    struct rig r;
    struct recording_row row;
    char text[UTC_TEXT];
    static const struct {
        const char *local, *utc;
    } cases[] = {
        {"2019-03-31 02:00,1", "2019-03-31T00:00:00.000Z"},
        {"2019-03-31 04:00,1", "2019-03-31T01:00:00.000Z"},
        {"2019-10-27 02:00,1", "2019-10-26T23:00:00.000Z"},
        {"2019-10-27 03:00,1", "2019-10-27T00:00:00.000Z"},
        {"2019-10-27 03:30,1", "2019-10-27T00:30:00.000Z"},
        {"2019-10-27 03:00,1", "2019-10-27T01:00:00.000Z"},
        {"2019-10-27 03:30,1", "2019-10-27T01:30:00.000Z"},
        {"2019-10-27 04:00,1", "2019-10-27T02:00:00.000Z"},
    };
    describe(&r, "time: { zone = \"Europe/Tallinn\"; };", "time,m.active_power");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(line(&r, cases[i].local, &row), RECORDING_ROW);
        assert_string_equal(utc_text(row.time, text), cases[i].utc);
    }
    assert_int_equal(recording_counts(r.recording)->double_hours, 2);
    assert_int_equal(recording_counts(r.recording)->lost_hours, 0);
    assert_int_equal(line(&r, "2020-03-29 03:30,1", &row), RECORDING_ROW); // never was
    assert_int_equal(recording_counts(r.recording)->lost_hours, 1);
    undescribe(&r);
}

static void midnight_may_carry_the_day_that_it_ends(void **state)
{
    (void)state;
    struct rig r;
    struct recording_row row;
    char text[UTC_TEXT];
    describe(&r,
             "time: { column = \"date\"; format = \"dd/mm/yyyy HH:MM\"; zone = \"Asia/Seoul\"; midnight = "
             "\"day_it_ends\"; }; step = \"15 min\";",
             "\xEF\xBB\xBF"
             "date,m.active_power");
    line(&r, "01/01/2018 23:45,1", &row);
    line(&r, "01/01/2018 00:00,1", &row);
    assert_string_equal(utc_text(row.time, text), "2018-01-01T15:00:00.000Z");
    line(&r, "02/01/2018 00:15,1", &row);
    assert_string_equal(utc_text(row.time, text), "2018-01-01T15:15:00.000Z");
    const struct recording_counts *n = recording_counts(r.recording);
    assert_int_equal(n->backwards + n->gaps + n->same_time, 0);
    assert_int_equal(n->rows, 3);
    undescribe(&r);
    describe(&r, "time: { zone = \"UTC\"; stamp = \"begin\"; }; step = \"15 min\";", "time;m.active_power");
    line(&r, "2018-01-01 00:00;1", &row);
    assert_string_equal(utc_text(row.time, text), "2018-01-01T00:15:00.000Z");
    undescribe(&r);
}

// ---- Cells ----

static void cells_say_a_number_nothing_or_that_it_is_missing(void **state)
{
    (void)state;
    struct rig r;
    struct recording_row row;
    describe(&r, "missing = [\"?\", \"n/a\"];", "time,m.active_power,n.active_power");
    assert_int_equal(line(&r, "2018-01-01 00:00,1.5,-2e3", &row), RECORDING_ROW);
    assert_int_equal(row.n, 2);
    assert_true(row.value[0] == 1.5 && row.value[1] == -2000);
    assert_int_equal(line(&r, "2018-01-01 00:01,,7", &row), RECORDING_ROW);
    assert_int_equal(row.n, 1);
    assert_int_equal(row.column[0], 1);
    assert_int_equal(line(&r, "2018-01-01 00:02, ? ,\"n/a\"", &row), RECORDING_ROW);
    assert_true(isnan(row.value[0]) && isnan(row.value[1]));
    assert_int_equal(line(&r, "2018-01-01 00:03,much", &row), RECORDING_ROW);
    assert_true(isnan(row.value[0]));
    assert_int_equal(line(&r, "2018-01-01 00:04,,", &row), RECORDING_EMPTY);
    assert_int_equal(line(&r, "", &row), RECORDING_EMPTY);
    assert_int_equal(line(&r, "yesterday,1,2", &row), RECORDING_BAD_TIME);
    const struct recording_counts *n = recording_counts(r.recording);
    assert_int_equal(n->missing, 2);
    assert_int_equal(n->bad_numbers, 1);
    assert_int_equal(n->empty, 2);
    assert_int_equal(n->bad_times, 1);
    undescribe(&r);
    describe(&r, "missing = [\"\"];", "time,m.active_power");
    assert_int_equal(line(&r, "2018-01-01 00:04,", &row), RECORDING_ROW);
    assert_true(isnan(row.value[0]));
    undescribe(&r);
}

static void decimal_commas_and_quotes(void **state)
{
    (void)state;
    struct rig r;
    struct recording_row row;
    describe(&r, "decimal_comma = true;",
             "\"time\";\"m.active_power\";\"remark; of the day\";\"n.active_power\"");
    assert_int_equal(line(&r, "\"2018-01-01 00:00\";1,25;\"said \"\"no; never\"\"\";\"-0,5\"", &row),
                     RECORDING_ROW);
    assert_int_equal(row.n, 2);
    assert_true(row.value[0] == 1.25 && row.value[1] == -0.5);
    undescribe(&r);
    describe(&r,
             "headings = false; separator = \"tab\"; time: { column = \"2\"; }; columns: ( { column = \"1\"; "
             "point = \"m.active_power\"; unit = \"W\"; scale = 2.0; offset = 100.0; } );",
             "1\t2018-01-01 00:00");
    assert_int_equal(line(&r, "450\t2018-01-01 00:00", &row), RECORDING_ROW);
    assert_true(row.value[0] == 1);
    undescribe(&r);
}

static void numbers_are_exact(void **state)
{
    (void)state;
    static const char *const texts[] = {"0",
                                        "-0.1",
                                        "3.17",
                                        "157.18",
                                        "+5",
                                        ".5",
                                        "5.",
                                        "123456789012345",
                                        "0.1234567890123456789",
                                        "1e-3",
                                        "12345678901234567890",
                                        "9007199254740993",
                                        "1.7976931348623157e308"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double v;
        assert_true(recording_number(texts[i], strlen(texts[i]), '.', &v));
        if (v != strtod(texts[i], NULL))
            fail_msg("%s is read as %.17g", texts[i], v);
    }
    static const char *const wrong[] = {"",    "-",   ".",     "1.2.3", "1,5", "0x10",
                                        "nan", "inf", "1e999", "12 kW", "--1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        double v;
        if (recording_number(wrong[i], strlen(wrong[i]), '.', &v))
            fail_msg("\"%s\" is read as %g", wrong[i], v);
    }
}

static void amounts_become_means_and_units_convert(void **state)
{
    (void)state;
    struct rig r;
    struct recording_row row;
    describe(&r,
             "step = \"15 min\"; columns: ( { column = \"kwh\"; point = \"m.active_power\"; unit = \"kWh\"; "
             "kind = \"amount\"; },"
             "{ column = \"f\"; point = \"m.flow_temperature\"; unit = \"degF\"; },"
             "{ column = \"kwh\"; point = \"n.active_power\"; unit = \"kWh\"; kind = \"amount\"; where = "
             "\"who=n\"; } );",
             "time,kwh,f,who");
    assert_int_equal(line(&r, "2018-01-01 00:15,3.17,212,n", &row), RECORDING_ROW);
    assert_int_equal(row.n, 3);
    assert_true(fabs(row.value[0] - 12.68) < 1e-12);
    assert_true(fabs(row.value[1] - 100) < 1e-9);
    assert_int_equal(line(&r, "2018-01-01 00:30,3.17,212,m", &row), RECORDING_ROW);
    assert_int_equal(row.n, 2);
    undescribe(&r);
}

static void duplicates_and_rows_of_one_time(void **state)
{
    (void)state;
    struct rig r;
    struct recording_row row;
    describe(&r, "duplicates = \"drop\"; same_time = \"spread\"; step = \"1 h\";", "time,m.active_power");
    assert_int_equal(line(&r, "2018-01-01 00:00,1", &row), RECORDING_ROW);
    assert_int_equal(line(&r, "2018-01-01 00:00,2", &row), RECORDING_ROW);
    assert_int_equal(row.time.ms % 1000, 1);
    assert_int_equal(line(&r, "2018-01-01 00:00,1", &row), RECORDING_DUPLICATE);
    assert_int_equal(line(&r, "2018-01-01 00:00,3", &row), RECORDING_ROW);
    assert_int_equal(row.time.ms % 1000, 2);
    assert_int_equal(line(&r, "2018-01-01 01:00,1", &row), RECORDING_ROW);
    assert_int_equal(row.time.ms % 1000, 0);
    line(&r, "2018-01-01 04:00,1", &row);
    line(&r, "2018-01-01 03:00,1", &row);
    const struct recording_counts *n = recording_counts(r.recording);
    assert_int_equal(n->duplicates, 1);
    assert_int_equal(n->same_time, 2);
    assert_int_equal(n->gaps, 1);
    assert_int_equal(n->backwards, 1);
    // Many lines: the set grows.
    char text[64];
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "2018-01-02 00:00,%d", i);
        assert_int_equal(line(&r, text, &row), RECORDING_ROW);
    }
    for (int i = 0; i < 20000; i += 777) {
        snprintf(text, sizeof text, "2018-01-02 00:00,%d", i);
        assert_int_equal(line(&r, text, &row), RECORDING_DUPLICATE);
    }
    undescribe(&r);
}

// ---- Mistakes ----

static void mistakes_are_said(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"columns: ( { column = \"a\"; point = \"m.active_powr\"; } );", "did you mean \"m.active_power\"?"},
        {"columns: ( { column = \"a\"; point = \"power\"; } );", "\"power\" is no point"},
        {"columns: ( { column = \"a\"; point = \"m.double\"; } );", "is computed from others"},
        {"columns: ( { column = \"a\"; point = \"m.active_power\"; unit = \"kWh\"; } );",
         "kWh (energy) cannot be given in kW (power)"},
        {"columns: ( { column = \"a\"; point = \"m.active_power\"; unit = \"kw\"; } );",
         "did you mean \"kW\"?"},
        {"columns: ( { column = \"a\"; point = \"m.active_power\"; unit = \"kWh\"; kind = \"amount\"; } );",
         "an amount needs the file's `step`"},
        {"columns: ( { column = \"a\"; point = \"m.active_power\"; where = \"b\"; } );",
         "is not of the form COLUMN=VALUE"},
        {"time: { format = \"DD.MM.YY\"; };", "is no format of times"},
        {"time: { zone = \"Europe/Pari\"; };", "time zone: "},
        {"time: { stamp = \"begin\"; };", "needs the file's `step`"},
        {"separator = \"ab\";", "separator: \"ab\" is not one character"},
        {"stp = \"1 h\";", "did you mean \"step\"?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char said[4000] = "";
        struct diagnostics *d = diagnostics_new();
        struct config *c = config_read_text(cases[i].text, "test.replay", &recording_section, d);
        assert_non_null(c);
        struct recording *r = recording_new(config_root(c), site.site, d);
        FILE *out = fmemopen(said, sizeof said, "w");
        diag_print(d, out);
        fclose(out);
        if (!strstr(said, cases[i].said))
            fail_msg("\"%s\" is not in: %s", cases[i].said, said);
        recording_free(r);
        diagnostics_free(d);
        config_free(c);
    }
    struct rig r;
    char why[300];
    describe(&r, "", "time,m.active_power");
    assert_false(recording_heading(r.recording, "tme,m.active_power", 18, why, sizeof why));
    assert_non_null(strstr(why, "there is no column \"time\" among the 2; did you mean \"tme\"?"));
    undescribe(&r);
}

// ---- Readings ----

static void rows_become_readings(void **state)
{
    (void)state;
    struct rig r;
    struct recording_row row;
    struct engine *e = engine_new(site.site, NULL);
    struct replay *p = replay_new(e, site.site);
    char text[80];
    describe(&r, "time: { zone = \"UTC\"; };", "time,m.active_power,m.active_energy_import,n.active_power");
    for (int i = 0; i <= 60; i++) { // 100 kW for ten minutes; the total jumps down once and comes back
        snprintf(text, sizeof text, "2018-01-01 00:%02d:%02d,%d,%.4f,%s", i / 6, i % 6 * 10,
                 i == 30 ? 5000 : 100, i == 20 ? 3.0 : 5000 + i * 100.0 / 360, i % 2 ? "" : "8");
        assert_int_equal(line(&r, text, &row), RECORDING_ROW);
        replay_row(p, r.recording, &row);
    }
    replay_end(p);
    struct replay_total power = replay_total(p, 0, 0), energy = replay_total(p, 0, 1),
                        twice = replay_total(p, 0, 3), other = replay_total(p, 1, 0);
    assert_int_equal(power.values, 61);
    assert_int_equal(power.bad, 1); // not plausible
    assert_true(fabs(power.amount - 100.0 / 6 + 100.0 / 360) < 1e-9);
    assert_string_equal(unit_text(power.amount_unit), "kWh");
    assert_true(fabs(energy.amount - 100.0 / 6) < 1e-4);
    assert_int_equal(energy.bad, 1);
    assert_true(twice.mean == 200);
    assert_int_equal(other.values, 31);
    assert_int_equal(other.known_ms, 600000);
    assert_int_equal(replay_readings(p), 61 + 31);
    assert_int_equal(replay_values(p), 2 * 61 + 31);
    replay_free(p);
    engine_free(e);
    undescribe(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_they_are_written),
        cmocka_unit_test(the_hours_of_the_clock_change_are_told_apart),
        cmocka_unit_test(midnight_may_carry_the_day_that_it_ends),
        cmocka_unit_test(cells_say_a_number_nothing_or_that_it_is_missing),
        cmocka_unit_test(decimal_commas_and_quotes),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(amounts_become_means_and_units_convert),
        cmocka_unit_test(duplicates_and_rows_of_one_time),
        cmocka_unit_test(mistakes_are_said),
        cmocka_unit_test(rows_become_readings),
    };
    return cmocka_run_group_tests(tests, open_site, close_site);
}
