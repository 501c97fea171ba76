// SPDX-License-Identifier: Apache-2.0
// Profiles and points: what compiles to what, and what is said about mistakes.
//
// tests/unit/profile/*.conf are profiles with mistakes; each stands beside what must be said about it (.err).
// SYMBIONT_GOLDEN=write writes the .err files anew: read the difference before it is committed.
#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>
#include "profile_kit.h"
#include "symbiont/files.h"
#include "symbiont/plan.h"
#include "symbiont/units.h"

#define GOLDEN_DIRECTORY "tests/unit/profile"

// What is said when this does not compile.
static void refused(const char *profile, const char *own, const char *expected)
{
    struct meter m = compile(profile, own);
    char *text = said(m.diag);
    assert_null(m.device);
    assert_string_equal(text, expected);
    free(text);
    meter_free(&m);
}

// ---- What compiles to what ----

static void points_of_a_meter_without_a_profile(void **state)
{
    (void)state;
    struct meter m = compile(
        NULL,
        "points = (\n"
        "{ name = \"mass_net\"; table = \"holding\"; address = 9; type = \"uint32\";\n"
        "  order = \"cdab\"; unit = \"kg\"; scale = 0.1; every = \"5 s\"; },\n"
        "{ name = \"voltage_l12\"; quantity = \"voltage_ll\"; table = \"input\"; address = 4;\n"
        "  type = \"uint16\"; unit = \"V\"; scale = 0.1; not_available = [ \"0xFFFF\" ];\n"
        "  min = 300; max = 500; ratio = \"vt\"; },\n"
        "{ name = \"running\"; table = \"coil\"; address = 3; },\n"
        "{ name = \"serial_number\"; table = \"holding\"; address = 100; type = \"string\"; words = 6; },\n"
        "{ name = \"power_factor\"; expression = \"active_power / apparent_power\"; } );");
    must_compile(&m);
    const struct point *p = point_of(&m, "mass_net");
    assert_int_equal(p->table, TABLE_HOLDING);
    assert_int_equal(p->address, 9);
    assert_int_equal(p->order, ORDER_WORD_SWAP);
    assert_int_equal(p->words, 2);
    assert_true(p->factor == 1 && p->divisor == 10 && p->every_ns == 5 * NS_PER_S);
    assert_string_equal(unit_text(p->unit), "kg");
    assert_true(p->min == quantity_find("mass_net")->min && p->max == quantity_find("mass_net")->max);
    assert_int_equal(p->place.line, 2);
    assert_string_equal(p->place.file, "meter.conf");
    p = point_of(&m, "voltage_l12");
    assert_string_equal(p->phase, "l12");
    assert_true(p->min == 300 && p->max == 500);
    assert_true(p->marker_count == 1 && p->markers[0] == 0xFFFF);
    p = point_of(&m, "running");
    assert_true(p->type == POINT_BOOL && p->words == 1 && p->integer);
    p = point_of(&m, "serial_number");
    assert_true(p->type == POINT_STRING && p->words == 6);
    p = point_of(&m, "power_factor");
    assert_true(p->type == POINT_DERIVED);
    assert_string_equal(p->expression, "active_power / apparent_power");
    assert_int_equal(m.device->limits.max_registers, 125);
    assert_null(m.device->profile);
    meter_free(&m);
}

static void ratios_and_units_become_one_factor(void **state)
{
    (void)state;
    const char *own = "points = (\n"
                      "{ name = \"current_l1\"; table = \"input\"; address = 0; type = \"float32\"; unit = "
                      "\"A\"; ratio = \"ct\"; },\n"
                      "{ name = \"active_power\"; table = \"input\"; address = 2; type = \"int32\"; unit = "
                      "\"W\"; scale = 0.1;\n"
                      "  ratio = \"power\"; min = -1000; max = 1000; },\n"
                      "{ name = \"active_energy_import\"; table = \"input\"; address = 4; type = \"uint32\"; "
                      "unit = \"Wh\";\n"
                      "  ratio = \"power\"; modulus = 1000000000; max_rate = 7200; },\n"
                      "{ name = \"flow_temperature\"; table = \"input\"; address = 6; type = \"int16\"; unit "
                      "= \"degF\"; scale = 0.1;\n"
                      "  max = 212; publish_unit = \"degC\"; } );";
    struct meter m = compile_in((struct profile_path){{SHIPPED}}, NULL, own,
                                (struct device_request){.ct_ratio = 80, .vt_ratio = 100});
    must_compile(&m);
    assert_true(point_of(&m, "current_l1")->factor == 80);
    assert_true(point_of(&m, "current_l1")->single);
    const struct point *p = point_of(&m, "active_power");
    assert_true(p->factor / p->divisor == 0.8);
    assert_true(p->min == -8000 && p->max == 8000);
    p = point_of(&m, "active_energy_import");
    assert_true(p->factor / p->divisor == 8);
    assert_true(p->modulus == 8e9);
    assert_true(fabs(p->max_rate - 16) < 1e-9); // 7200 Wh an hour, times 8000, in kWh a second
    p = point_of(&m, "flow_temperature");
    assert_true(fabs(2120 * p->factor / p->divisor + p->offset - 100) < 1e-9);
    assert_true(fabs(p->max - 100) < 1e-9);
    meter_free(&m);
}

static void bits_become_points(void **state)
{
    (void)state;
    struct meter m = compile(
        NULL,
        "points = (\n"
        "{ name = \"status\"; table = \"holding\"; address = 10; type = \"bits32\"; order = \"cdab\";\n"
        "  bits = ( { bit = 0; name = \"running\"; }, { bit = 17; name = \"fault\"; } ); },\n"
        "{ name = \"error_bits\"; table = \"holding\"; address = 20; type = \"bits16\"; order = \"ba\";\n"
        "  bits = ( { bit = 3; name = \"empty_pipe\"; } ); } );");
    must_compile(&m);
    const struct point *p = point_of(&m, "running");
    assert_true(p->type == POINT_BOOL && p->address == 10 && p->bit == 0);
    assert_string_equal(p->quantity->name, "running");
    p = point_of(&m, "fault");
    assert_true(p->address == 11 && p->bit == 1);
    assert_string_equal(p->quantity->name, "status");
    // The register 0x0008 with its bytes swapped: bit 3.
    p = point_of(&m, "empty_pipe");
    assert_true(point_raw(p, p->order, (const uint8_t[]){0x08, 0x00}).number == 1);
    assert_true(point_raw(p, p->order, (const uint8_t[]){0x00, 0x08}).number == 0);
    assert_true(p->integer);
    meter_free(&m);
}

static void own_points_override_single_settings(void **state)
{
    (void)state;
    struct meter m = compile("dini-argeo-dgt",
                             "points = ( { name = \"mass_net\"; scale = 0.1; },\n"
                             "{ name = \"mass_tare\"; address = 50; type = \"uint32\"; unit = \"g\"; } );");
    must_compile(&m);
    const struct point *p = point_of(&m, "mass_net");
    assert_true(p->factor == 1 && p->divisor == 10 && p->address == 2 && p->table == TABLE_INPUT);
    assert_int_equal(p->sign_point, index_of(m.device, "status"));
    assert_true(point_of(&m, "mass_gross")->divisor == 1);
    // A new point takes the profile's table and order.
    p = point_of(&m, "mass_tare");
    assert_true(p->table == TABLE_INPUT && p->divisor == 1000);
    assert_string_equal(m.device->vendor, "Dini Argeo");
    assert_string_equal(m.device->medium, "weighing");
    assert_int_equal(m.device->unit_id, 1);
    assert_int_equal(m.device->timing.close_after_cycle, -1);
    meter_free(&m);
}

static void only_keeps_what_is_wanted_and_what_that_needs(void **state)
{
    (void)state;
    char *wanted[] = {"mass_net", "stable", "ratio"};
    struct meter m =
        compile_in((struct profile_path){{SHIPPED}}, "dini-argeo-dgt",
                   "points = ( { name = \"ratio\"; quantity = \"number\"; expression = \"mass_net / "
                   "mass_gross\"; } );",
                   (struct device_request){.only = {wanted, 3}});
    must_compile(&m);
    assert_int_equal(m.device->n, 5);
    assert_false(point_of(&m, "mass_net")->hidden || point_of(&m, "stable")->hidden);
    assert_true(point_of(&m, "status")->hidden && point_of(&m, "mass_gross")->hidden);
    assert_false(has_point(&m, "digital_outputs"));
    meter_free(&m);
}

// Registers of a TUF-2000M, github.com/gambit-labs/challenge, README.md.
static void a_captured_heat_meter_reads_as_published(void **state)
{
    (void)state;
    static const struct {
        uint16_t address;
        uint8_t data[4];
    } captured[] = {
        {0, {0x1D, 0x9B, 0xBF, 0x5C}},
        {8, {0x00, 0x90, 0x00, 0x00}},
        {10, {0x5E, 0xA0, 0x3E, 0x5D}},
        {91, {0x03, 0x26}},
        {32, {0x80, 0x6B, 0x42, 0x12}},
        {78, {0xAC, 0x0A, 0x42, 0xCB}},
        {1437, {0, 0}},
        {1438, {0, 4}},
        {71, {0x00, 0x08}},
    };
    struct meter m = compile("tuf2000m-ultrasonic", NULL);
    must_compile(&m);
    struct value raw[128], out[128];
    assert_true(m.device->n <= 128);
    for (size_t i = 0; i < m.device->n; i++) {
        const struct point *p = &m.device->points[i];
        raw[i] = (struct value){.reason = REASON_NOT_YET};
        for (size_t k = 0; k < sizeof captured / sizeof captured[0]; k++)
            if (captured[k].address == p->address)
                raw[i] = point_raw(p, p->order, captured[k].data);
    }
    points_finish(m.device->points, m.device->n, raw, NULL, out);
    static const struct {
        const char *name;
        double value;
    } expected[] = {
        {"volume_flow", -0.8598267436},
        {"signal_quality", 38},
        {"flow_temperature", 36.6254082},
        {"resistance_outlet", 101.83601},
        {"empty_pipe", 1},
        {"no_signal", 0},
        // (144 + 0.2161812782) * 10^(4 - 3) m3
        {"volume_forward_exact", 1442.161812782},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct value v = out[index_of(m.device, expected[i].name)];
        if (v.reason != REASON_GOOD || fabs(v.number - expected[i].value) > 1e-6 * fabs(expected[i].value))
            fail_msg("%s: %.12g, reason %u", expected[i].name, v.number, v.reason);
    }
    assert_int_equal(point_of(&m, "volume_forward_exact")->rank, 2);
    assert_false(point_of(&m, "volume_forward_exact")->single);
    meter_free(&m);
}

static void fingerprints_match_what_they_say(void **state)
{
    (void)state;
    struct meter m = compile("sunspec-meter-int", NULL);
    must_compile(&m);
    assert_true(m.device->sunspec);
    assert_int_equal(m.device->sunspec_model_count, 4);
    assert_int_equal(m.device->sunspec_models[2], 203);
    assert_int_equal(m.device->fingerprint_count, 1);
    const struct fingerprint *f = &m.device->fingerprints[0];
    assert_true(fingerprint_matches(f, (const uint8_t[]){0, 203}));
    assert_false(fingerprint_matches(f, (const uint8_t[]){0, 213}));
    meter_free(&m);
}

static void max_in_one_request(const struct device *d, const char *name)
{
    struct plan plan;
    if (plan_make(d, NS_PER_S, &plan) < 0)
        fail_msg("%s cannot be planned", name);
    plan_free(&plan);
}

static void compile_shipped(void *arg, const char *name, const char *file, bool unverified)
{
    (void)file;
    struct meter m =
        compile_in((struct profile_path){{SHIPPED}}, name, NULL,
                   (struct device_request){.unverified = unverified, .order = order_choices[0].value});
    must_compile(&m);
    max_in_one_request(m.device, name);
    (*(size_t *)arg)++;
    meter_free(&m);
}

static void every_shipped_profile_compiles(void **state)
{
    (void)state;
    size_t n = 0;
    profile_each(&(struct profile_path){{SHIPPED}}, compile_shipped, &n);
    assert_true(n >= 7);
}

// ---- Where profiles are found ----

static void put(const char *directory, const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0644), 0);
}

#define PROFILE(model, confidence)                                                                           \
    "vendor = \"v\"; model = \"" model "\"; medium = \"water\"; confidence = \"" confidence                  \
    "\"; table = \"input\";"                                                                                 \
    "points = ( { name = \"volume\"; address = 0; type = \"uint32\"; unit = \"m3\"; } );"

struct names {
    char text[200];
};

static void add_name(void *arg, const char *name, const char *file, bool unverified)
{
    struct names *n = arg;
    size_t at = strlen(n->text);
    (void)file;
    snprintf(n->text + at, sizeof n->text - at, "%s%s ", name, unverified ? "?" : "");
}

static void model_is(struct profile_path path, const char *profile, bool unverified, const char *model)
{
    struct meter m =
        compile_in(path, profile, NULL,
                   (struct device_request){.unverified = unverified, .order = order_choices[0].value});
    must_compile(&m);
    assert_string_equal(m.device->model, model);
    meter_free(&m);
}

static void said_of(struct profile_path path, const char *profile, bool unverified, const char *expected)
{
    struct meter m =
        compile_in(path, profile, NULL,
                   (struct device_request){.unverified = unverified, .order = order_choices[0].value});
    char *text = said(m.diag);
    assert_null(m.device);
    assert_non_null(strstr(text, expected));
    free(text);
    meter_free(&m);
}

static void the_search_path(void **state)
{
    (void)state;
    char base[] = "/tmp/symbiont-profile-XXXXXX", user[64], packaged[64], sub[80], both[160];
    assert_non_null(mkdtemp(base));
    snprintf(user, sizeof user, "%s/user", base);
    snprintf(packaged, sizeof packaged, "%s/packaged", base);
    snprintf(sub, sizeof sub, "%s/unverified", packaged);
    snprintf(both, sizeof both, "%s:%s", user, packaged);
    mkdir(user, 0755);
    mkdir(packaged, 0755);
    mkdir(sub, 0755);
    put(user, "both.conf", PROFILE("the user's", "high"));
    put(packaged, "both.conf", PROFILE("the packaged", "high"));
    put(packaged, "water-1.conf", PROFILE("water", "medium"));
    put(packaged, "doubtful.conf", PROFILE("doubtful", "low"));
    put(packaged, "Not A Name.conf", "");
    put(packaged, "readme.txt", "");
    put(sub, "guess.conf", PROFILE("a guess", "medium"));
    put(sub, "both.conf", PROFILE("hidden", "low"));

    struct profile_path path = {{both}};
    model_is(path, "both", false, "the user's");
    model_is((struct profile_path){{packaged, user}}, "both", true, "the packaged");
    model_is(path, "water-1", false, "water");
    model_is(path, "guess", true, "a guess");
    model_is(path, "doubtful", true, "doubtful");
    said_of(path, "guess", false,
            "meter.conf:1: error: meter \"m\": the profile \"guess\" is unverified, its facts are not "
            "proven: compare "
            "what it reads with the meter's display, then say unverified = true for this meter");
    said_of(path, "doubtful", false, "\"doubtful\" is unverified");
    said_of(path, "water-2", false, "there is no profile \"water-2\"; did you mean \"water-1\"? (looked in ");
    said_of(path, "../user/both", false, "there is no profile");
    said_of(path, "xyzzy", false, "there is no profile \"xyzzy\" in ");

    // One meter may use it; that does not let the next one.
    struct profile_cache *cache = profile_cache_new();
    struct meter one =
        compile_in(path, "guess", NULL, (struct device_request){.unverified = true, .cache = cache});
    struct meter two = compile_in(path, "guess", NULL, (struct device_request){.cache = cache});
    assert_true(one.device && !two.device);
    meter_free(&one);
    meter_free(&two);
    profile_cache_free(cache);

    struct names names = {""};
    profile_each(&path, add_name, &names);
    assert_string_equal(names.text, "both doubtful guess? water-1 ");
    assert_int_equal(setenv("SYMBIONT_PROFILES", both, 1), 0);
    assert_string_equal(profile_path_default().directories[0], both);
    unsetenv("SYMBIONT_PROFILES");
    assert_non_null(profile_path_default().directories[1]);
    char command[100];
    snprintf(command, sizeof command, "rm -r '%s'", base);
    assert_int_equal(system(command), 0);
}

static void meters_of_one_model_share(void **state)
{
    (void)state;
    struct profile_cache *cache = profile_cache_new();
    struct diagnostics *d = diagnostics_new();
    struct config *owner = config_read_text("", "x", &root_section, d);
    struct profile_path path = {{SHIPPED}};
    struct device_request r = {.profile = "eastron-sdm630", .subject = "meter", .cache = cache};
    const struct device *a = device_compile(owner, &path, &r, d), *b = device_compile(owner, &path, &r, d);
    r.ct_ratio = 5;
    const struct device *c = device_compile(owner, &path, &r, d);
    assert_non_null(a);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    profile_cache_free(cache);
    assert_string_equal(a->points[0].name, "voltage_l1"); // stays with the owner
    assert_non_null(strstr(a->points[0].place.file, "eastron-sdm630.conf"));
    assert_int_equal(device_widest(a)->words, 2);
    config_free(owner);
    diagnostics_free(d);
}

// ---- Mistakes ----

static void mistakes_in_a_meters_own_points(void **state)
{
    (void)state;
    refused(NULL,
            "points = ( { name = \"flow\"; table = \"input\"; address = 0; type = \"float32\"; unit = "
            "\"m3/h\"; } );",
            "meter.conf:1: error: point \"flow\" of meter \"m\": its name is not a quantity: say what it "
            "measures with "
            "\"quantity\"; docs/names.md lists the words\n");
    refused(NULL,
            "points = ( { name = \"volume_flow\"; address = 0; type = \"float32\"; unit = \"m3/h\"; } );",
            "meter.conf:1: error: point \"volume_flow\" of meter \"m\": \"table\" is missing: input, "
            "holding, coil or "
            "discrete\n");
    refused(NULL, NULL, "meter.conf:1: error: meter \"m\" has no points: nothing to read\n");
    refused("eastron-sdm63", NULL,
            "meter.conf:1: error: meter \"m\": there is no profile \"eastron-sdm63\"; did you mean "
            "\"eastron-sdm630\"? "
            "(looked in conf/profiles)\n");
    refused("dini-argeo-dgt", "points = ( { name = \"mass_net\"; sign_from = \"statue\"; } );",
            "meter.conf:1: error: point \"mass_net\" of meter \"m\": sign_from names \"statue\", and there "
            "is no such "
            "point; did you mean \"status\"?\n");
}

static void only_names_that_exist(void **state)
{
    (void)state;
    char *wanted[] = {"mass_nett"};
    struct meter m = compile_in((struct profile_path){{SHIPPED}}, "dini-argeo-dgt", NULL,
                                (struct device_request){.only = {wanted, 1}});
    char *text = said(m.diag);
    assert_null(m.device);
    assert_non_null(
        strstr(text, "meter \"m\": \"only\" names \"mass_nett\", which is not one of its points; did you "
                     "mean \"mass_net\"?"));
    free(text);
    meter_free(&m);
}

static void a_broken_profile_is_reported_once_for_all_its_meters(void **state)
{
    (void)state;
    struct profile_cache *cache = profile_cache_new();
    struct diagnostics *d = diagnostics_new();
    struct config *owner = config_read_text("", "x", &root_section, d);
    struct profile_path path = {{GOLDEN_DIRECTORY}};
    struct device_request r = {.profile = "units", .subject = "meter \"a\"", .cache = cache};
    assert_null(device_compile(owner, &path, &r, d));
    size_t errors = diag_errors(d);
    assert_true(errors > 0);
    r.subject = "meter \"b\"";
    assert_null(device_compile(owner, &path, &r, d));
    assert_int_equal(diag_errors(d), errors);
    profile_cache_free(cache);
    config_free(owner);
    diagnostics_free(d);
}

static int is_conf(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

static int compare_golden(const char *file)
{
    char name[100], golden[300];
    snprintf(name, sizeof name, "%.*s", (int)strlen(file) - 5, file);
    snprintf(golden, sizeof golden, GOLDEN_DIRECTORY "/%s.err", name);
    struct meter m =
        compile_in((struct profile_path){{GOLDEN_DIRECTORY}}, name, NULL, (struct device_request){0});
    char *text = said(m.diag);
    const char *mode = getenv("SYMBIONT_GOLDEN");
    if (mode && strcmp(mode, "write") == 0)
        file_replace(golden, text, strlen(text), 0644);
    struct buf expected = {0};
    file_read(golden, 1 << 20, &expected);
    int wrong = m.device != NULL || strcmp(text, buf_text(&expected)) != 0;
    if (wrong)
        print_error("%s: expected\n%s---- but was said\n%s----\n", file, buf_text(&expected), text);
    buf_free(&expected);
    free(text);
    meter_free(&m);
    return wrong;
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    struct dirent **files;
    int n = scandir(GOLDEN_DIRECTORY, &files, is_conf, alphasort), wrong = 0;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        wrong += compare_golden(files[i]->d_name);
        free(files[i]);
    }
    free(files);
    assert_int_equal(wrong, 0);
}

static int open_units(void **state)
{
    char why[200];
    (void)state;
    return units_open(why, sizeof why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_of_a_meter_without_a_profile),
        cmocka_unit_test(ratios_and_units_become_one_factor),
        cmocka_unit_test(bits_become_points),
        cmocka_unit_test(own_points_override_single_settings),
        cmocka_unit_test(only_keeps_what_is_wanted_and_what_that_needs),
        cmocka_unit_test(a_captured_heat_meter_reads_as_published),
        cmocka_unit_test(fingerprints_match_what_they_say),
        cmocka_unit_test(every_shipped_profile_compiles),
        cmocka_unit_test(the_search_path),
        cmocka_unit_test(meters_of_one_model_share),
        cmocka_unit_test(mistakes_in_a_meters_own_points),
        cmocka_unit_test(only_names_that_exist),
        cmocka_unit_test(a_broken_profile_is_reported_once_for_all_its_meters),
        cmocka_unit_test(mistakes_are_explained),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
