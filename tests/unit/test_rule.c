// SPDX-License-Identifier: Apache-2.0
// Rules: when an alert begins and ends, what the unknown, schedules, limits and restarts do to it, and its
// words.
#include "symbiont/rule.h"
#include "unit/expression_kit.h"

#define MINUTE 60000LL
#define HOUR   (60 * MINUTE)
// A Monday, 00:00 UTC.
#define MONDAY (1764547200000LL)

struct told {
    enum alert_kind kind;
    enum alert_cause cause;
    int64_t time, began, since, lasted;
    uint64_t suppressed;
    char text[500];
};

struct bench {
    struct rule_config config;
    struct rule *rule;
    struct told told[64];
    int n;
};

static void listen(void *arg, const struct alert *a)
{
    struct bench *b = arg;
    assert_true(b->n < 64);
    struct told *t = &b->told[b->n++];
    *t = (struct told){a->kind,     a->cause,     a->time.ms,    a->began.ms,
                       a->since.ms, a->lasted_ms, a->suppressed, ""};
    snprintf(t->text, sizeof t->text, "%s", a->text);
}

static struct rule *make(struct bench *b)
{
    const struct rule_hooks hooks = {b, listen};
    struct diagnostics *d = diagnostics_new();
    struct rule *r = rule_new(&b->config, &kit, NULL, &hooks, d);
    if (!r)
        diag_print(d, stderr);
    diagnostics_free(d);
    assert_non_null(r);
    return r;
}

static char a_name[] = "watch";

static void open_bench(struct bench *b, const char *when, const char *release, int64_t for_ms,
                       int64_t release_ms)
{
    *b = (struct bench){.config = {.name = a_name,
                                   .when = (char *)(uintptr_t)when,
                                   .release = (char *)(uintptr_t)release,
                                   .for_ns = for_ms * NS_PER_MS,
                                   .release_for_ns = release_ms * NS_PER_MS,
                                   .severity = SEVERITY_WARNING}};
    b->rule = make(b);
}

static void feed(struct bench *b, int64_t t, const char *name, double v)
{
    for (size_t i = 0; i < rule_inputs(b->rule); i++)
        if (strcmp(rule_input(b->rule, i), name) == 0) {
            rule_feed(b->rule, i, (struct utc){t}, v);
            rule_settle(b->rule, (struct utc){t});
            return;
        }
    fail_msg("%s is not an input", name);
}

static enum rule_state state_of(const struct bench *b)
{
    struct rule_health h;
    rule_health(b->rule, &h);
    return h.state;
}

static void assert_told(const struct bench *b, int i, enum alert_kind kind, int64_t time)
{
    assert_true(i < b->n);
    assert_int_equal(b->told[i].kind, kind);
    assert_int_equal(b->told[i].time - MONDAY, time - MONDAY);
}

// ---- Means of a quarter of an hour ----

static const double quarters[] = {0,   180, 260, 280, 300, 290, 240, 210, 205, 190, 205,
                                  260, 300, 310, 320, 120, 110, 90,  80,  300, 0};

static void four_quarters_above_a_limit_are_an_hour(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "slow.p >= 250 kW", "slow.p < 200 kW", 60 * MINUTE, 30 * MINUTE);
    for (int i = 0; i < 21; i++)
        feed(&b, MONDAY + (i + 1) * 15 * MINUTE, "slow.p", quarters[i]);
    assert_int_equal(b.n, 2);
    assert_told(&b, 0, ALERT_BEGAN, MONDAY + 6 * 15 * MINUTE);
    assert_int_equal(b.told[0].since, MONDAY + 2 * 15 * MINUTE);
    assert_told(&b, 1, ALERT_ENDED, MONDAY + 17 * 15 * MINUTE);
    assert_int_equal(b.told[1].began, b.told[0].time);
    assert_int_equal(b.told[1].lasted, 11 * 15 * MINUTE);
    rule_free(b.rule);
}

static void told_of_the_time_more_often_it_says_the_same(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "slow.p >= 250 kW", "slow.p < 200 kW", 60 * MINUTE, 30 * MINUTE);
    for (int i = 0; i < 21; i++) {
        feed(&b, MONDAY + (i + 1) * 15 * MINUTE, "slow.p", quarters[i]);
        for (int k = 1; k < 30; k++)
            rule_tick(b.rule, (struct utc){MONDAY + (i + 1) * 15 * MINUTE + k * MINUTE / 2});
    }
    assert_int_equal(b.n, 2);
    assert_told(&b, 0, ALERT_BEGAN, MONDAY + 6 * 15 * MINUTE);
    assert_told(&b, 1, ALERT_ENDED, MONDAY + 17 * 15 * MINUTE);
    rule_free(b.rule);
}

// One sample of a quarter of an hour, held while nothing more comes, is not an hour.
static void a_held_value_proves_nothing(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "slow.p >= 250 kW", NULL, 30 * MINUTE, 0);
    feed(&b, MONDAY, "slow.p", 0);
    feed(&b, MONDAY + 15 * MINUTE, "slow.p", 300);
    rule_tick(b.rule, (struct utc){MONDAY + 12 * HOUR});
    assert_int_equal(b.n, 0);
    // After a gap the run goes on, without the gap.
    feed(&b, MONDAY + 13 * HOUR, "slow.p", 300);
    assert_int_equal(b.n, 0);
    feed(&b, MONDAY + 13 * HOUR + 15 * MINUTE, "slow.p", 300);
    assert_int_equal(b.n, 1);
    rule_free(b.rule);
}

// Polled a few milliseconds early or late, as clocks have it.
static void jitter_costs_no_sample(void **state)
{
    (void)state;
    static const int jitter[] = {0, -12, 9, -3, 14, -14, 2, 0, -8, 5};
    struct bench b;
    open_bench(&b, "quick.p > 5 kW", NULL, 5000, 2000);
    for (int i = 0; i < 30; i++)
        feed(&b, MONDAY + 1000 * i + jitter[i % 10], "quick.p", i >= 10 && i < 20 ? 9 : 1);
    assert_int_equal(b.n, 2);
    assert_int_equal((b.told[0].time - MONDAY + 500) / 1000, 14);
    assert_int_equal((b.told[1].time - MONDAY + 500) / 1000, 21);
    rule_free(b.rule);
}

static void without_for_it_begins_and_ends_at_once(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "quick.p > 5 kW", NULL, 0, 0);
    const double v[] = {1, 6, 7, 5, 8};
    for (int i = 0; i < 5; i++)
        feed(&b, MONDAY + 1000 * i, "quick.p", v[i]);
    assert_int_equal(b.n, 3);
    assert_told(&b, 0, ALERT_BEGAN, MONDAY + 1000);
    assert_told(&b, 1, ALERT_ENDED, MONDAY + 3000);
    assert_told(&b, 2, ALERT_BEGAN, MONDAY + 4000);
    rule_free(b.rule);
}

// ---- The unknown ----

static void feed_seconds(struct bench *b, int64_t from, int n, double v)
{
    for (int i = 0; i < n; i++)
        feed(b, from + 1000 * i, "quick.p", v);
}

static void unknown_holds_releases_or_alerts(void **state)
{
    (void)state;
    static const int policies[] = {UNKNOWN_HOLD, UNKNOWN_RELEASE, UNKNOWN_ALERT};
    for (int i = 0; i < 3; i++) {
        for (int high = 0; high < 2; high++) {
            struct bench b;
            open_bench(&b, "quick.p > 5 kW", NULL, 10000, 5000);
            b.config.unknown = policies[i];
            rule_free(b.rule);
            b.rule = make(&b);
            feed_seconds(&b, MONDAY, 20, high ? 9 : 1);
            int before = b.n;
            assert_int_equal(before, high);
            // The last value is of second 19; it is known for three seconds.
            rule_tick(b.rule, (struct utc){MONDAY + HOUR});
            if (policies[i] == UNKNOWN_HOLD || (policies[i] == UNKNOWN_ALERT) == (high == 1)) {
                assert_int_equal(b.n, before);
            } else if (policies[i] == UNKNOWN_RELEASE) {
                assert_told(&b, before, ALERT_ENDED, MONDAY + 22001 + 5000);
                assert_int_equal(b.told[before].cause, CAUSE_UNKNOWN);
            } else {
                assert_told(&b, before, ALERT_BEGAN, MONDAY + 22001 + 3000 + 10000);
                assert_int_equal(b.told[before].cause, CAUSE_UNKNOWN);
            }
            struct rule_health h;
            rule_health(b.rule, &h);
            assert_int_equal(h.unknown_since.ms, MONDAY + 22001);
            rule_free(b.rule);
        }
    }
}

static void a_condition_that_becomes_true_by_silence_runs_alone(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "or_else(quick.p, 0 kW) < 5 kW", NULL, 60000, 0);
    feed_seconds(&b, MONDAY, 10, 9);
    rule_tick(b.rule, (struct utc){MONDAY + HOUR});
    assert_int_equal(b.n, 1);
    assert_told(&b, 0, ALERT_BEGAN, MONDAY + 12001 + 60000);
    assert_int_equal(b.told[0].since, MONDAY + 12001);
    rule_free(b.rule);
}

static void age_counts_by_the_minute(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "age(slow.p) > 20 min", NULL, 0, 0);
    feed(&b, MONDAY + 10000, "slow.p", 1);
    rule_tick(b.rule, (struct utc){MONDAY + 2 * HOUR});
    assert_told(&b, 0, ALERT_BEGAN, MONDAY + 21 * MINUTE);
    feed(&b, MONDAY + 2 * HOUR, "slow.p", 1);
    assert_told(&b, 1, ALERT_ENDED, MONDAY + 2 * HOUR);
    assert_int_equal(b.n, 2);
    rule_free(b.rule);
}

// ---- Schedules ----

static char schedule_text[64];
static char *schedule_items[1] = {schedule_text};

static void a_schedule_ends_what_stands(void **state)
{
    (void)state;
    struct bench b;
    snprintf(schedule_text, sizeof schedule_text, "mon-fri 06:00-22:00");
    *(&b) = (struct bench){.config = {.name = a_name,
                                      .when = (char *)(uintptr_t) "slow.p > 5 kW",
                                      .for_ns = 30 * MINUTE * NS_PER_MS,
                                      .schedule = {schedule_items, 1}}};
    b.rule = make(&b);
    for (int64_t t = MONDAY; t <= MONDAY + 31 * HOUR; t += 15 * MINUTE)
        feed(&b, t, "slow.p", 9);
    assert_int_equal(b.n, 3);
    assert_told(&b, 0, ALERT_BEGAN, MONDAY + 6 * HOUR + 30 * MINUTE); // counted from six o'clock
    assert_told(&b, 1, ALERT_ENDED, MONDAY + 22 * HOUR);
    assert_int_equal(b.told[1].cause, CAUSE_SCHEDULE);
    assert_int_equal(state_of(&b), RULE_ACTIVE);
    assert_told(&b, 2, ALERT_BEGAN, MONDAY + 30 * HOUR + 30 * MINUTE);
    rule_free(b.rule);
}

#include "rules/rule_inside.h"

static void schedules_say_when(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int day, hour, minute; // 0 Monday
        bool on;
    } cases[] = {
        {"mon-fri 06:00-22:00", 0, 5, 59, false},
        {"mon-fri 06:00-22:00", 0, 6, 0, true},
        {"mon-fri 06:00-22:00", 4, 21, 59, true},
        {"mon-fri 06:00-22:00", 4, 22, 0, false},
        {"mon-fri 06:00-22:00", 5, 12, 0, false},
        {"sat 8-12", 5, 8, 0, true},
        {"sat 8-12", 5, 12, 0, false},
        {"22:00-06:00", 2, 23, 0, true},
        {"22:00-06:00", 2, 5, 59, true},
        {"22:00-06:00", 2, 6, 0, false},
        {"fri 22-6", 5, 3, 0, true},
        {"fri 22-6", 4, 3, 0, false},
        {"fri-mon", 5, 1, 0, true},
        {"fri-mon", 2, 1, 0, false},
        {"weekends", 6, 1, 0, true},
        {"workdays", 1, 1, 0, false}, // Tuesday is a holiday
        {"workdays", 2, 1, 0, true},
        {"holidays 8-10", 1, 9, 0, true},
        {"holidays", 2, 9, 0, false},
        {"mon 6-7, tue 8:30-9", 1, 8, 30, true},
        {"always", 3, 3, 3, true},
        {"daily 0-24", 3, 23, 59, true},
    };
    int64_t holiday = civil_day_number(2025, 12, 2);
    const struct expression_calendar calendar = {NULL, &holiday, 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_schedule s = {0};
        char why[200];
        if (!rule_schedule_parse(&s, cases[i].text, why, sizeof why))
            fail_msg("%s: %s", cases[i].text, why);
        int64_t t = MONDAY + cases[i].day * 24 * HOUR + cases[i].hour * HOUR + cases[i].minute * MINUTE;
        if (rule_schedule_has(&s, &calendar, (struct utc){t}) != cases[i].on)
            fail_msg("%s on day %d at %d:%02d", cases[i].text, cases[i].day, cases[i].hour, cases[i].minute);
    }
    static const char *const wrong[] = {"",           "mon-",    "monday", "6",       "6-25",
                                        "mon 6:60-7", "mon 6-6", "24-25",  "mon;tue", "6-7,"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rule_schedule s = {0};
        char why[200];
        if (rule_schedule_parse(&s, wrong[i], why, sizeof why))
            fail_msg("\"%s\" is accepted", wrong[i]);
    }
}

// ---- Limits ----

static void alerts_that_come_too_often_are_kept_back_and_counted(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "quick.p > 5 kW", NULL, 0, 0);
    b.config.at_most_every_ns = 60 * NS_PER_S;
    for (int i = 0; i <= 130; i++)
        feed(&b, MONDAY + 1000 * i, "quick.p", i % 2 ? 9 : 1);
    // 1 s: told; until 61 s: kept back; the one of 61 s is told, and so on.
    int begun = 0;
    for (int i = 0; i < b.n; i++)
        if (b.told[i].kind == ALERT_BEGAN) {
            assert_int_equal(b.told[i].time, MONDAY + 1000 + 60000 * begun);
            assert_int_equal(b.told[i].suppressed, begun ? 29 : 0);
            begun++;
        }
    assert_int_equal(begun, 3);
    struct rule_health h;
    rule_health(b.rule, &h);
    assert_int_equal(h.alerts, 65);
    assert_int_equal(h.suppressed, 62);
    // One that was kept back and still stands is told when the time is over.
    b.n = 0;
    for (int i = 131; i <= 200; i++)
        feed(&b, MONDAY + 1000 * i, "quick.p", 9);
    assert_int_equal(b.n, 1);
    assert_told(&b, 0, ALERT_BEGAN, MONDAY + 181000);
    assert_int_equal(b.told[0].began, MONDAY + 131000);
    rule_free(b.rule);
}

static void a_standing_alert_is_repeated(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "quick.p > 5 kW", NULL, 0, 0);
    b.config.repeat_ns = 30 * NS_PER_S;
    feed_seconds(&b, MONDAY, 100, 9);
    assert_int_equal(b.n, 4);
    for (int i = 1; i < 4; i++) {
        assert_told(&b, i, ALERT_STANDS, MONDAY + 30000 * i);
        assert_int_equal(b.told[i].began, MONDAY);
    }
    rule_free(b.rule);
}

// ---- Restarts ----

static void restart(struct bench *b, bool clean)
{
    struct buf saved = {0};
    rule_save(b->rule, clean, &saved);
    struct rule *fresh = make(b);
    assert_true(rule_restore(fresh, saved.data, saved.len));
    rule_free(b->rule);
    b->rule = fresh;
    buf_free(&saved);
}

static void no_alert_is_told_twice_and_none_is_lost(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "slow.p >= 250 kW", "slow.p < 200 kW", 60 * MINUTE, 30 * MINUTE);
    for (int i = 0; i < 21; i++) {
        feed(&b, MONDAY + (i + 1) * 15 * MINUTE, "slow.p", quarters[i]);
        restart(&b, true);
        rule_tick(b.rule, (struct utc){MONDAY + (i + 1) * 15 * MINUTE + 10000});
    }
    assert_int_equal(b.n, 2);
    assert_int_equal(b.told[0].kind, ALERT_BEGAN);
    assert_int_equal(b.told[1].kind, ALERT_ENDED);
    rule_free(b.rule);
}

static void after_a_power_cut_what_stands_is_told_again_as_standing(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "quick.p > 5 kW", NULL, 0, 0);
    feed_seconds(&b, MONDAY, 3, 9);
    restart(&b, false);
    rule_tick(b.rule, (struct utc){MONDAY + HOUR});
    assert_int_equal(b.n, 2);
    assert_told(&b, 1, ALERT_STANDS, MONDAY + HOUR);
    assert_int_equal(b.told[1].began, MONDAY);
    feed(&b, MONDAY + HOUR + 5000, "quick.p", 1);
    assert_told(&b, 2, ALERT_ENDED, MONDAY + HOUR + 5000);
    restart(&b, false); // its end may have been lost too
    rule_tick(b.rule, (struct utc){MONDAY + HOUR + 20000});
    assert_told(&b, 3, ALERT_ENDED, MONDAY + HOUR + 5000);
    restart(&b, false);
    rule_tick(b.rule, (struct utc){MONDAY + 5 * HOUR}); // long ago
    assert_int_equal(b.n, 4);
    rule_free(b.rule);
}

static void a_changed_rule_ends_its_alert(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "quick.p > 5 kW", NULL, 0, 0);
    feed_seconds(&b, MONDAY, 3, 9);
    b.config.when = (char *)(uintptr_t) "quick.p > 6 kW";
    restart(&b, true);
    rule_tick(b.rule, (struct utc){MONDAY + 4000});
    assert_int_equal(b.n, 2);
    assert_told(&b, 1, ALERT_ENDED, MONDAY + 4000);
    assert_int_equal(b.told[1].cause, CAUSE_CHANGED);
    feed(&b, MONDAY + 5000, "quick.p", 9);
    assert_int_equal(b.n, 3);
    rule_free(b.rule);
}

static void damaged_states_are_refused(void **state)
{
    (void)state;
    struct bench b;
    struct buf saved = {0};
    open_bench(&b, "quick.p > 5 kW", NULL, 0, 0);
    feed_seconds(&b, MONDAY, 3, 9);
    rule_save(b.rule, true, &saved);
    for (size_t i = 0; i < saved.len; i++) {
        saved.data[i] ^= 0x10;
        assert_false(rule_restore(b.rule, saved.data, saved.len));
        saved.data[i] ^= 0x10;
        assert_false(rule_restore(b.rule, saved.data, i));
    }
    struct utc began, last;
    enum severity severity;
    assert_true(rule_saved_alert(saved.data, saved.len, &began, &last, &severity));
    assert_int_equal(began.ms, MONDAY);
    assert_int_equal(last.ms, MONDAY + 2000);
    buf_free(&saved);
    rule_free(b.rule);
}

static void a_clock_that_is_put_back_begins_no_alert(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "quick.p > 5 kW", NULL, 10000, 0);
    feed_seconds(&b, MONDAY, 8, 9);
    feed_seconds(&b, MONDAY - HOUR, 8, 9);
    assert_int_equal(b.n, 0);
    feed_seconds(&b, MONDAY - HOUR + 8000, 3, 9);
    assert_int_equal(b.n, 1);
    // And far forward: no more work than a bound.
    rule_tick(b.rule, (struct utc){MONDAY + INT64_C(20000) * 24 * HOUR});
    rule_free(b.rule);
}

// ---- Words ----

static void texts_carry_values(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "quick.p > 5 kW", NULL, 0, 0);
    b.config.alert = (char *)(uintptr_t) "{{now}} {quick.p}, {quick.p: W}, {quick.p:MW.4}, {quick.p > 1 kW}, "
                                         "{t}, {2 * n:.1}";
    rule_free(b.rule);
    b.rule = make(&b);
    feed(&b, MONDAY, "n", 3.14159);
    feed(&b, MONDAY, "quick.p", 17.234);
    assert_int_equal(b.n, 1);
    assert_string_equal(b.told[0].text, "{now} 17.2 kW, 17234 W, 0.0172 MW, true, unknown, 6.3");
    feed(&b, MONDAY + 7810000, "quick.p", 1);
    assert_string_equal(b.told[1].text,
                        "over after 2 h 10 min: {now} 1.00 kW, 1000 W, 0.0010 MW, false, unknown, 6.3");
    rule_free(b.rule);
}

static void mistakes_are_said(void **state)
{
    (void)state;
    static const struct {
        const char *when, *release, *alert, *schedule, *said;
    } cases[] = {
        {"quick.p", NULL, NULL, NULL, "rule \"watch\": when, column 1: the result"},
        {"quick.p > 5 degC", NULL, NULL, NULL, "cannot compare kW (power) and degC"},
        {"quick.p > 5 kW", "quik.p < 4 kW", NULL, NULL,
         "release, column 1: there is no \"quik.p\"; did you mean \"quick.p\"?"},
        {"quick.p > 5 kW", NULL, "at {quick.p", NULL, "alert: a \"{\" without its \"}\""},
        {"quick.p > 5 kW", NULL, "at quick.p}", NULL, "alert: a \"}\" without its \"{\""},
        {"quick.p > 5 kW", NULL, "{quick.p:kWW}", NULL, "alert: the unit \"kWW\" is not known; did you mean"},
        {"quick.p > 5 kW", NULL, "{quick.p:bar}", NULL,
         "alert: in \"{quick.p}\", column 1: the result is kW (power), but bar"},
        {"quick.p > 5 kW", NULL, "{}", NULL, "alert: in \"{}\", column 1"},
        {"quick.p > 5 kW", NULL, NULL, "mo-fr", "schedule: \"mo-fr\" is no time of the week"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char said[2000] = "";
        snprintf(schedule_text, sizeof schedule_text, "%s", cases[i].schedule ? cases[i].schedule : "");
        struct rule_config c = {.name = a_name,
                                .when = (char *)(uintptr_t)cases[i].when,
                                .release = (char *)(uintptr_t)cases[i].release,
                                .alert = (char *)(uintptr_t)cases[i].alert,
                                .schedule = {schedule_items, cases[i].schedule != NULL}};
        struct diagnostics *d = diagnostics_new();
        assert_null(rule_new(&c, &kit, NULL, NULL, d));
        FILE *out = fmemopen(said, sizeof said, "w");
        diag_print(d, out);
        fclose(out);
        if (!strstr(said, cases[i].said))
            fail_msg("\"%s\" is not in: %s", cases[i].said, said);
        diagnostics_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_quarters_above_a_limit_are_an_hour),
        cmocka_unit_test(told_of_the_time_more_often_it_says_the_same),
        cmocka_unit_test(a_held_value_proves_nothing),
        cmocka_unit_test(jitter_costs_no_sample),
        cmocka_unit_test(without_for_it_begins_and_ends_at_once),
        cmocka_unit_test(unknown_holds_releases_or_alerts),
        cmocka_unit_test(a_condition_that_becomes_true_by_silence_runs_alone),
        cmocka_unit_test(age_counts_by_the_minute),
        cmocka_unit_test(a_schedule_ends_what_stands),
        cmocka_unit_test(schedules_say_when),
        cmocka_unit_test(alerts_that_come_too_often_are_kept_back_and_counted),
        cmocka_unit_test(a_standing_alert_is_repeated),
        cmocka_unit_test(no_alert_is_told_twice_and_none_is_lost),
        cmocka_unit_test(after_a_power_cut_what_stands_is_told_again_as_standing),
        cmocka_unit_test(a_changed_rule_ends_its_alert),
        cmocka_unit_test(damaged_states_are_refused),
        cmocka_unit_test(a_clock_that_is_put_back_begins_no_alert),
        cmocka_unit_test(texts_carry_values),
        cmocka_unit_test(mistakes_are_said),
    };
    return cmocka_run_group_tests(tests, kit_open, NULL);
}
