// SPDX-License-Identifier: Apache-2.0
// symbiont report over a ledger whose sums are known: text, CSV, JSON, the page.
#include "streams_kit.h"

#include <jansson.h>
#include "cli/verb.h"
#include "symbiont/ledger.h"

static char directory[64], path[96];

// A week of 168 hours, and what each hour holds.
static const struct plant_row {
    struct ledger_stream what;
    struct stream_hour hour;
    int every; // hours between rows
} plant[] = {
    {{0, "grid", "Grid electricity", "electricity", "in", "measured", "kW", "kWh", NULL},
     {0, 400, 0, 0, 0, 380, 430, 3600, 0},
     1},
    {{0, "gas", "Natural gas", "fuel", "in", "measured", "kW", "kWh", NULL},
     {0, 1600, 0, 0, 0, 1500, 1700, 3600, 0},
     1},
    {{0, "furnace_heat", "Furnace cooling", "heat", "out", "measured", "kW", "kWh", NULL},
     {0, 550, 120, 550, 0, 400, 610, 3600, 3600},
     1},
    {{0, "flue", "Flue gas", "heat", "loss", "calculated", "kW", "kWh", NULL},
     {0, 150, 0, 0, 0, 140, 160, 3600, 0},
     1},
    {{0, "steel", "Heat in the <hot> steel", "heat", "product", "declared", "kW", "kWh", NULL},
     {0, 900, 0, 0, 0, 900, 900, 3600, 0},
     1},
    {{0, "cardboard", NULL, "waste", "out", "measured", "kg", "kg", "15 01 01"},
     {0, 5, 0, 0, 0, 400, 1000, 3600, 0},
     2},
};

static int setup(void **state)
{
    (void)state;
    char why[300];
    strcpy(directory, "/tmp/report-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/ledger.db", directory);
    struct ledger *l = ledger_open(path, false, why, sizeof why);
    assert_non_null(l);
    for (size_t i = 0; i < TEST_COUNT(plant); i++) {
        int number = ledger_stream(l, &plant[i].what);
        for (int64_t h = 0; h < 30 * 24; h += plant[i].every) {
            struct stream_hour hour = plant[i].hour;
            hour.hour = MONDAY / HOUR + h;
            ledger_add(l, number, &hour);
        }
    }
    return ledger_close(l) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[120];
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

// The week from Monday 2026-01-05 in UTC: there is no configuration.
static int report(const char *from, const char *to, const char *form, char **text)
{
    char *argv[12] = {(char[]){"symbiont"}, (char[]){"report"},     (char[]){"--ledger"}, path,
                      (char[]){"-c"},       (char[]){"/none.conf"}, (char[]){"--from"},   (char[40]){0},
                      (char[]){"--to"},     (char[40]){0}};
    char form_copy[16];
    int argc = 10;
    snprintf(argv[7], 40, "%s", from);
    snprintf(argv[9], 40, "%s", to);
    if (form) {
        snprintf(form_copy, sizeof form_copy, "%s", form);
        argv[argc++] = form_copy;
    }
    size_t size;
    FILE *out = open_memstream(text, &size);
    int status = cli_main(argc, argv, out, out);
    fclose(out);
    return status;
}

static const json_t *row_of(const json_t *rows, const char *key, const char *name)
{
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(rows, i), key)), name) == 0)
            return json_array_get(rows, i);
    fail_msg("no %s", name);
    return NULL;
}

static double number(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

static void sums(void **state)
{
    (void)state;
    char *text;
    assert_int_equal(report("2026-01-05", "2026-01-11", "--json", &text), EX_OK);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    kit_near(number(root, "hours"), 168, 0);
    const json_t *heat = row_of(json_object_get(root, "streams"), "stream", "furnace_heat");
    kit_near(number(heat, "amount"), 168 * 550, 1e-6);
    kit_near(number(heat, "internal"), 168 * 120, 1e-6);
    kit_near(number(heat, "surplus_h"), 168, 1e-9);
    kit_near(number(heat, "coverage_%"), 100, 1e-9);
    const json_t *waste = row_of(json_object_get(root, "streams"), "stream", "cardboard");
    kit_near(number(waste, "coverage_%"), 50, 1e-9);
    const json_t *energy = row_of(json_object_get(root, "balances"), "balance", "energy");
    kit_near(number(energy, "in"), 168 * 2000, 1e-6);
    kit_near(number(energy, "out"), 168 * 550, 1e-6);
    kit_near(number(energy, "own_use"), 168 * 120, 1e-6);
    kit_near(number(energy, "product"), 168 * 900, 1e-6);
    kit_near(number(energy, "loss"), 168 * 150, 1e-6);
    kit_near(number(energy, "unexplained"), 168 * 280, 1e-6);
    kit_near(number(energy, "unexplained_%"), 14, 1e-9);
    json_decref(root);
    free(text);
    // A part of a day, over the seam of two questions (800 hours is more than the ledger has).
    assert_int_equal(report("2025-12-01", "2026-01-05T06", "--json", &text), EX_OK);
    root = json_loads(text, 0, NULL);
    kit_near(number(row_of(json_object_get(root, "streams"), "stream", "grid"), "amount"), 6 * 400, 1e-9);
    json_decref(root);
    free(text);
}

static void forms(void **state)
{
    (void)state;
    static const struct {
        const char *form, *words[6];
    } rows[] = {
        {NULL, {"furnace_heat", "67200", "47040", "15 01 01", "unexplained"}},
        {"--csv",
         {"from,to,stream,title", "furnace_heat,Furnace cooling,heat,out,,92400,kWh,20160,92400,168",
          "cardboard,,waste,out,15 01 01,420,kg"}},
        {"--html",
         {"<svg", "Heat in the &lt;hot&gt; steel", "unexplained rest", "67.2 MWh", "15 01 01", "</html>"}},
    };
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        char *text;
        assert_int_equal(report("2026-01-05", "2026-01-11", rows[i].form, &text), EX_OK);
        for (int w = 0; w < 6 && rows[i].words[w]; w++)
            if (!strstr(text, rows[i].words[w]))
                fail_msg("no \"%s\" in\n%s", rows[i].words[w], text);
        assert_true(!strstr(text, " nan") && !strstr(text, ",nan") && !strstr(text, ">nan"));
        if (rows[i].form && strcmp(rows[i].form, "--html") == 0) {
            assert_null(strstr(text, "<script"));
            assert_null(strstr(text, "http"));
            assert_null(strstr(text, "<hot>"));
            const char *keep = getenv("KEEP_REPORT");
            FILE *f = keep ? fopen(keep, "w") : NULL;
            if (f) {
                fputs(text, f);
                fclose(f);
            }
        }
        free(text);
    }
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *words;
        int status;
    } rows[] = {
        {"2026-01-05", "2026-01-04", "ends before it begins", EX_USAGE},
        {"monday", "2026-01-04", "--from \"monday\": wanted a day", EX_USAGE},
        {"2026-01-05", "2026-02-30", "--to \"2026-02-30\"", EX_USAGE},
        {"2020-01-05", "2020-01-06", "has nothing from 2020-01-05 00:00 to 2020-01-07 00:00 (UTC)", EX_WRONG},
    };
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        char *text;
        int status = report(rows[i].from, rows[i].to, NULL, &text);
        if (status != rows[i].status || !strstr(text, rows[i].words))
            fail_msg("%d: %s", status, text);
        free(text);
    }
}

static void answers(void **state)
{
    (void)state;
    static const struct {
        const char *request, *words;
    } rows[] = {{"ledger", "\"name\":\"grid\""},          {"ledger grid 490898 490900", "{\"hours\":["},
                {"ledger nothing 1 2", "no such stream"}, {"ledger grid 0 801", "too many hours"},
                {"ledger grid 2 1", "too many hours"},    {"ledger grid 1", "wanted: ledger"},
                {"ledger grid 1 2 3", "wanted: ledger"}};
    char why[300];
    struct ledger *l = ledger_open(path, true, why, sizeof why);
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        struct buf out = {0};
        ledger_answer(l, rows[i].request, &out);
        json_t *root = json_loads(buf_text(&out), 0, NULL);
        if (!root || !strstr(buf_text(&out), rows[i].words))
            fail_msg("%s: %s", rows[i].request, buf_text(&out));
        json_decref(root);
        buf_free(&out);
    }
    ledger_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums), cmocka_unit_test(forms),
                                       cmocka_unit_test(refusals), cmocka_unit_test(answers)};
    char why[200];
    if (units_open(why, sizeof why) < 0)
        return 1;
    return cmocka_run_group_tests(tests, setup, teardown);
}
