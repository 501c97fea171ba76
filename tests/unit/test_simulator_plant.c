// SPDX-License-Identifier: Apache-2.0
// Plants out of files: every mistake named at its line, and every shipped profile simulated so that the
// daemon's plan and decoder read plausible values.
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/sim.h"
#include "symbiont/plan.h"
#include "symbiont/simulator.h"

#define PROFILES "conf/profiles"

struct plant {
    struct loop *loop;
    struct config *config;
    struct diagnostics *diag;
    struct simulator *sim;
};

static const struct profile_path shipped = {.directories = {PROFILES}};

static void open_plant(struct plant *p, const char *text)
{
    *p = (struct plant){.loop = loop_new(), .diag = diagnostics_new()};
    p->config = config_read_text(text, "plant.conf", &plant_section, p->diag);
    assert_non_null(p->config);
    if (diag_errors(p->diag) == 0)
        p->sim = simulator_of_plant(p->config, &shipped, p->loop, p->diag);
}

static void close_plant(struct plant *p)
{
    simulator_free(p->sim);
    config_free(p->config);
    diagnostics_free(p->diag);
    loop_free(p->loop);
}

static void first_message(void *arg, bool is_error, struct place at, const char *text)
{
    char *out = arg;
    (void)is_error;
    if (!*out)
        snprintf(out, 400, "%s:%d: %s", at.file, at.line, text);
}

#define LINE  "lines: ({ name = \"hall\"; listen = \"127.0.0.1:0\"; });\n"
#define METER "meters: ({ name = \"boiler\"; line = \"hall\"; "

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"lines: ({ name = \"hall\"; });\n" METER "registers: ({ address = 0; words = [1]; }); });",
         "plant.conf:1: line \"hall\" needs either `listen` or `pty`"},
        {"lines: ({ name = \"hall\"; pty = \"\"; mode = \"9601 8N1\"; });\n" METER
         "profile = \"eastron-sdm630\"; });",
         "plant.conf:1: line \"hall\": mode \"9601 8N1\" is not like \"9600 8N1\""},
        {LINE METER "});",
         "plant.conf:2: meter \"boiler\" has no registers: it needs profile, points or registers"},
        {LINE "meters: ({ name = \"boiler\"; line = \"hal\"; registers: ({ address = 0; words = [1]; }); });",
         "plant.conf:2: meter \"boiler\": there is no line \"hal\""},
        {LINE METER "registers: ({ address = 0; words = [1, 65536]; }); });",
         "plant.conf:2: words are whole numbers from 0 to 65535"},
        {LINE METER "registers: ({ address = 65535; words = [1, 2]; }); });",
         "plant.conf:2: 2 words at address 65535 do not fit: addresses end at 65535"},
        {LINE METER "profile = \"eastron-sdm630\";\n values: ({ point = \"volage_l1\"; constant = 1; }); });",
         "plant.conf:3: the meter has no point \"volage_l1\"; did you mean \"voltage_l1\"?"},
        {LINE METER "profile = \"eastron-sdm630\";\n values: ({ point = \"voltage_l1\"; }); });",
         "plant.conf:3: the value of \"voltage_l1\" needs one of constant, curve, counter_of, of, csv and "
         "text"},
        {LINE METER "profile = \"eastron-sdm630\";\n values: ({ point = \"frequency\"; counter_of = "
                    "\"voltage_l1\"; }); });",
         "plant.conf:3: point \"frequency\" (Hz) cannot be a total of \"voltage_l1\" (V)"},
        {LINE METER
         "profile = \"eastron-sdm630\"; values: (\n{ point = \"voltage_l1\"; curve = (\"6 Uhr 12\"); }); });",
         "plant.conf:3: \"6 Uhr 12\" is not like \"06:00 10.5\": a time of day and a number"},
        {LINE METER "profile = \"eastron-sdm630\"; faults: (\n{ kind = \"silense\"; }); });",
         "plant.conf:3: \"kind\" of faults is \"silense\"; did you mean \"silence\"?"},
        {"start = \"noon\";\n" LINE METER "profile = \"eastron-sdm630\"; });",
         "plant.conf:0: start = \"noon\" is not like \"06:00\" or \"mon 06:00\""},
        {LINE "meters: ();", "plant.conf:0: a plant needs `lines` and `meters`"},
    };
    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        struct plant p;
        char message[400] = "";
        open_plant(&p, rows[i].text);
        assert_null(p.sim);
        diag_each(p.diag, first_message, message);
        message[strlen(rows[i].message)] = '\0'; // what is allowed, in full, is the reader's to say
        assert_string_equal(message, rows[i].message);
        close_plant(&p);
    }
}

static void two_meters_at_one_unit_are_refused(void **state)
{
    (void)state;
    struct plant p;
    char why[200];
    open_plant(
        &p, LINE
        "meters: ({ name = \"one\"; line = \"hall\"; unit_id = 3; copies = 2; registers: ({ address = 0; "
        "words = [1]; }); },\n"
        "{ name = \"two\"; line = \"hall\"; unit_id = 4; registers: ({ address = 0; words = [1]; }); });");
    assert_non_null(p.sim);
    assert_int_equal(simulator_start(p.sim, why, sizeof why), -1);
    assert_string_equal(why, "meter \"two\": unit 4 of line \"hall\" is meter \"one_1\" already");
    close_plant(&p);
}

// ---- Every profile, simulated ----

// Asks the unit for everything a daemon would ask; false with a message when it refuses or a value is bad.
static size_t read_all(struct sim_meter *m, const struct device *d, struct value *out)
{
    struct plan plan;
    struct value *raw = calloc(d->n, sizeof *raw);
    uint8_t pdu[SIM_PDU_MAX];
    size_t wrong = 0;
    assert_int_equal(plan_make(d, NS_PER_S, &plan), 0);
    for (size_t i = 0; i < d->n; i++)
        raw[i].reason = REASON_NOT_DUE;
    // Twice: the first pass tells the orders that devices report themselves.
    for (size_t k = 0; k < 2 * plan.n; k++) {
        const struct request *r = &plan.requests[k % plan.n];
        struct sim_request q = {.function = r->function,
                                .address = (uint16_t)(r->address + (d->sunspec ? 40070 : 0)),
                                .count = r->count,
                                .read = true};
        sim_meter_read(m, &q, mono_now(), pdu);
        if (pdu[0] & 0x80) {
            print_error("%s: %u registers at %u of table %u: exception %u\n", d->profile, r->count,
                        r->address, r->function, pdu[1]);
            wrong++;
            continue;
        }
        for (size_t i = 0; i < r->n; i++) {
            size_t at = plan.order[r->first + i];
            uint8_t order = d->points[at].order;
            point_order(d->points, at, raw, NULL, &order);
            raw[at] = d->points[at].type == POINT_STRING
                          ? (struct value){0}
                          : point_from_answer(&d->points[at], order, pdu + 2, r->address);
        }
    }
    points_finish(d->points, d->n, raw, NULL, out);
    plan_free(&plan);
    free(raw);
    return wrong;
}

static size_t check_values(const struct device *d, const struct value *values)
{
    size_t wrong = 0;
    for (size_t i = 0; i < d->n; i++) {
        const struct point *p = &d->points[i];
        if (p->type == POINT_DERIVED || values[i].reason == REASON_GOOD)
            continue;
        print_error("%s: point %s: %s\n", d->profile, p->name, reason_text(values[i]));
        wrong++;
    }
    return wrong;
}

static size_t check_fingerprints(const struct device *d, struct sim_meter *m)
{
    size_t wrong = 0;
    uint8_t pdu[SIM_PDU_MAX];
    for (size_t i = 0; i < d->fingerprint_count; i++) {
        const struct point *p = &d->fingerprints[i].point;
        struct sim_request q = {.function = p->table,
                                .address = (uint16_t)(p->address + (d->sunspec ? 40070 : 0)),
                                .count = p->words,
                                .read = true};
        sim_meter_read(m, &q, mono_now(), pdu);
        if (!(pdu[0] & 0x80) && fingerprint_matches(&d->fingerprints[i], pdu + 2))
            continue;
        print_error("%s: fingerprint %zu does not match\n", d->profile, i);
        wrong++;
    }
    return wrong;
}

struct tally {
    size_t profiles, wrong;
};

static void open_profile(struct plant *p, const char *name, bool unverified)
{
    char text[500], message[400] = "";
    for (int with_order = 0; with_order < 2; with_order++) {
        snprintf(text, sizeof text, LINE METER "profile = \"%s\"; unverified = %s; %s });", name,
                 unverified ? "true" : "false", with_order ? "order = \"cdab\";" : "");
        open_plant(p, text);
        diag_each(p->diag, first_message, message);
        // A meter has to say it where the profile does not know.
        if (p->sim || with_order || !strstr(message, "word order"))
            return;
        close_plant(p);
    }
}

static void simulate_profile(void *arg, const char *name, const char *file, bool unverified)
{
    struct tally *t = arg;
    struct plant p;
    char why[200];
    (void)file;
    open_profile(&p, name, unverified);
    if (!p.sim) {
        diag_print(p.diag, stderr);
        t->wrong++;
    } else if (simulator_start(p.sim, why, sizeof why) < 0) {
        print_error("%s: %s\n", name, why);
        t->wrong++;
    } else {
        struct sim_meter *m = p.sim->meters;
        const struct device *d = m->layout->device;
        struct value *values = calloc(d->n, sizeof *values);
        t->wrong += read_all(m, d, values);
        t->wrong += check_values(d, values);
        t->wrong += check_fingerprints(d, m);
        free(values);
    }
    t->profiles++;
    close_plant(&p);
}

static void every_profile_reads_as_plausible_values(void **state)
{
    struct tally t = {0};
    (void)state;
    profile_each(&shipped, simulate_profile, &t);
    assert_true(t.profiles >= 80);
    assert_int_equal(t.wrong, 0);
}

static void values_move_as_the_plant_says(void **state)
{
    (void)state;
    struct plant p;
    char why[200];
    open_plant(&p, "time_scale = 3600; start = \"mon 08:00\";\n" LINE METER
                   "profile = \"eastron-sdm630\"; refresh = \"1 us\"; values: (\n"
                   "{ point = \"active_power\"; curve = (\"00:00 0\", \"12:00 120\"); },\n"
                   "{ point = \"active_energy_import\"; counter_of = \"active_power\"; start = 1000; },\n"
                   "{ point = \"current_l1\"; of = \"active_power\"; factor = 1.5; add = 2; }); });");
    if (!p.sim)
        diag_print(p.diag, stderr);
    assert_non_null(p.sim);
    if (simulator_start(p.sim, why, sizeof why) < 0)
        fail_msg("%s", why);
    struct sim_meter *m = p.sim->meters;
    const struct device *d = m->layout->device;
    struct value *values = calloc(d->n, sizeof *values);
    struct sim_request q = {.function = TABLE_INPUT, .address = 0, .count = 2, .read = true};
    uint8_t pdu[SIM_PDU_MAX];
    // Two seconds later it is 10:00, and 80 to 100 kW made 180 kWh.
    struct mono later = mono_add(p.sim->started, 2 * NS_PER_S);
    sim_meter_read(m, &q, later, pdu);
    read_all(m, d, values); // in the past of that: nothing moves
    size_t seen = 0;
    for (size_t i = 0; i < d->n; i++) {
        static const struct {
            const char *name;
            double value, most;
        } expected[] = {
            {"active_power", 100, 1e-4}, {"active_energy_import", 1180, 1e-3}, {"current_l1", 152, 1e-4}};
        for (size_t k = 0; k < TEST_COUNT(expected); k++) {
            if (strcmp(d->points[i].name, expected[k].name) != 0)
                continue;
            seen++;
            if (fabs(values[i].number - expected[k].value) > expected[k].most)
                fail_msg("%s is %g, not %g", expected[k].name, values[i].number, expected[k].value);
        }
    }
    assert_int_equal(seen, 3);
    free(values);
    close_plant(&p);
}

static void the_demonstration_plant_is_whole(void **state)
{
    (void)state;
    struct plant p = {.loop = loop_new(), .diag = diagnostics_new()};
    p.config = config_read_path("conf/demo/plant.conf", false, &plant_section, p.diag);
    assert_non_null(p.config);
    if (diag_errors(p.diag) == 0)
        p.sim = simulator_of_plant(p.config, &shipped, p.loop, p.diag);
    diag_print(p.diag, stderr);
    assert_non_null(p.sim);
    assert_true(p.sim->template_count >= 12);
    close_plant(&p);
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
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(two_meters_at_one_unit_are_refused),
        cmocka_unit_test(every_profile_reads_as_plausible_values),
        cmocka_unit_test(values_move_as_the_plant_says),
        cmocka_unit_test(the_demonstration_plant_is_whole),
    };
    return cmocka_run_group_tests(tests, open_units, NULL);
}
