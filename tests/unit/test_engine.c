// SPDX-License-Identifier: Apache-2.0
// The engine: readings of several meters reach rules and streams, time reaches them exactly, restarts and
// reloads carry them over.
#include "symbiont/engine.h"
#include "unit/site_kit.h"

#define REGISTER(name, quantity, unit)                                                                       \
    "{ name = \"" name "\"; quantity = \"" quantity "\"; unit = \"" unit "\"; table = \"holding\"; "         \
    "address = 0; type = \"uint16\"; }"
#define METER(name, more)                                                                                    \
    "{ name = \"" name "\"; line = \"w\"; every = \"10 s\"; " more                                           \
    " points: (" REGISTER("active_power", "active_power", "kW") "); }"
#define START INT64_C(1764547200000) // a Monday, 00:00 UTC

struct heard {
    char text[160];
};

struct rig {
    struct site_kit kit;
    struct engine *engine;
    struct heard heard[64];
    int n, hours, states;
    struct meter_info info[4];
};

static void hear(struct rig *r, const char *who, const char *what, int64_t time)
{
    assert_true(r->n < 64);
    snprintf(r->heard[r->n++].text, sizeof r->heard[0].text, "%lld %s %s", (long long)(time - START) / 1000,
             who, what);
}

static void on_alert(void *arg, const struct alert *a)
{
    hear(arg, a->name, alert_word(a->kind), a->time.ms);
}

static void on_stream_event(void *arg, const struct stream *s, const struct stream_event *e)
{
    hear(arg, stream_name(s), stream_event_word(e->kind), e->time.ms);
}

static void on_hour(void *arg, const struct stream *s, const struct stream_hour *h)
{
    (void)s, (void)h;
    ((struct rig *)arg)->hours++;
}

static void on_state(void *arg, struct stream *s, struct utc t)
{
    (void)s, (void)t;
    ((struct rig *)arg)->states++;
}

static struct engine *make(struct rig *r)
{
    const struct engine_hooks hooks = {.arg = r,
                                       .alert = on_alert,
                                       .stream_event = on_stream_event,
                                       .stream_hour = on_hour,
                                       .stream_state = on_state};
    struct engine *e = engine_new(r->kit.site, &hooks);
    assert_non_null(e);
    return e;
}

static void take_site(struct rig *r, const char *config)
{
    site_kit_good(&r->kit, config);
    for (size_t i = 0; i < r->kit.site->root->meters.n; i++)
        r->info[i] = (struct meter_info){.name = site_meter(r->kit.site, i)->name,
                                         .points = r->kit.site->devices[i]->points,
                                         .n = r->kit.site->devices[i]->n,
                                         .index = i,
                                         .every_ns = 10 * NS_PER_S};
}

static void open_rig(struct rig *r, const char *config)
{
    *r = (struct rig){.n = 0};
    take_site(r, config);
    r->engine = make(r);
}

static void close_rig(struct rig *r)
{
    engine_free(r->engine);
    site_kit_free(&r->kit);
}

static void read_meter(struct rig *r, size_t meter, int64_t seconds, double v)
{
    struct value values[4] = {{v, isnan(v) ? REASON_TIMEOUT : REASON_GOOD, 0}};
    const struct reading reading = {.meter = &r->info[meter],
                                    .time = {START + 1000 * seconds},
                                    .values = values,
                                    .maintenance = site_meter(r->kit.site, meter)->maintenance};
    engine_derive(r->engine, meter, reading.time, values);
    engine_reading(r->engine, &reading);
}

static void assert_heard(const struct rig *r, int i, const char *text)
{
    if (i >= r->n || strcmp(r->heard[i].text, text) != 0)
        fail_msg("event %d of %d is \"%s\", not \"%s\"", i, r->n, i < r->n ? r->heard[i].text : "", text);
}

static void readings_reach_rules_over_several_meters(void **state)
{
    (void)state;
    struct rig r;
    open_rig(&r, "meters: (" METER("a", "") "," METER(
                     "b", "") ");"
                              "rules: ( { name = \"both\"; when = \"a.active_power + b.active_power > 10 "
                              "kW\"; for = \"30 s\"; },"
                              "         { name = \"one\"; when = \"b.active_power > 5 kW\"; } );");
    for (int i = 0; i < 12; i++) {
        read_meter(&r, 0, 10 * i, i >= 3 ? 6 : 1);
        read_meter(&r, 1, 10 * i + 5, i >= 3 && i < 10 ? 6 : 1);
    }
    assert_heard(&r, 0, "35 one began");
    assert_heard(&r, 1, "60 both began"); // true from 30 (a's sample stands since then) or so
    assert_heard(&r, 2, "105 both ended");
    assert_heard(&r, 3, "105 one ended");
    assert_int_equal(r.n, 4);
    close_rig(&r);
}

static void maintenance_makes_a_rule_unknown(void **state)
{
    (void)state;
    struct rig r;
    open_rig(
        &r,
        "meters: (" METER(
            "a", "maintenance = true;") ");"
                                        "rules: ( { name = \"one\"; when = \"a.active_power > 5 kW\"; } );");
    read_meter(&r, 0, 0, 9);
    assert_int_equal(r.n, 0);
    struct rule_health h;
    rule_health(engine_rule(r.engine, 0), &h);
    assert_int_equal(h.condition, TRUTH_UNKNOWN);
    close_rig(&r);
}

// However often it is told of the time.
static void time_alone_does_the_same_at_any_pace(void **state)
{
    (void)state;
    static const int64_t paces[] = {1, 7, 60, 3600, 86400};
    for (size_t p = 0; p < 5; p++) {
        struct rig r;
        open_rig(&r, "meters: (" METER(
                         "a", "") ");"
                                  "rules: ( { name = \"quiet\"; when = \"age(a.active_power) > 5 min\"; "
                                  "repeat = \"1 h\"; },"
                                  "         { name = \"night\"; when = \"hour() >= 22 or hour() < 6\"; },"
                                  "         { name = \"silent\"; when = \"a.active_power > 5 kW\"; unknown = "
                                  "\"alert\"; for = \"2 min\"; } );");
        read_meter(&r, 0, 0, 1);
        for (int64_t s = paces[p]; s <= 86400; s += paces[p])
            engine_tick(r.engine, (struct utc){START + 1000 * s});
        int nights = 0, quiet = 0, silent = 0;
        for (int i = 0; i < r.n; i++) {
            nights += strstr(r.heard[i].text, "night") != NULL;
            quiet += strstr(r.heard[i].text, "quiet") != NULL;
            if (strcmp(r.heard[i].text, "180 silent began") ==
                0) // known for 30 s, then 30 s more, then 2 min
                silent++;
            if (strstr(r.heard[i].text, "18000 night ended")) // 06:00 in Paris is 05:00 UTC
                nights += 100;
        }
        assert_int_equal(nights, 103); // began at once, ended at 6, began at 22
        assert_int_equal(quiet, 24);
        assert_int_equal(silent, 1);
        close_rig(&r);
    }
}

#define WITH_STREAM                                                                                          \
    "meters: (" METER("a", "") ");"                                                                          \
                               "streams: ( { name = \"heat\"; resource = \"heat\"; direction = \"out\"; "    \
                               "value = \"a.active_power\"; "                                                \
                               "surplus: { above = \"100 kW\"; for = \"10 min\"; below = \"80 kW\"; "        \
                               "release = \"5 min\"; }; } );"

static void a_rule_may_watch_a_stream(void **state)
{
    (void)state;
    struct rig r;
    open_rig(&r, WITH_STREAM "rules: ( { name = \"hot\"; when = \"heat > 150 kW\"; for = \"1 min\"; } );");
    for (int i = 0; i <= 360; i++)
        read_meter(&r, 0, 10 * i, i >= 60 && i < 200 ? 200 : 20);
    assert_heard(&r, 0, "650 hot began");
    assert_heard(&r, 1, "1190 heat surplus");
    assert_heard(&r, 2, "2000 hot ended");
    assert_int_equal(r.n, 4);
    assert_true(strstr(r.heard[3].text, "heat surplus_ended") != NULL);
    assert_int_equal(r.hours, 1);
    assert_true(r.states >= 300 && r.states <= 365);
    close_rig(&r);
}

// ---- Over restarts and reloads ----

struct shelf {
    char names[32][64];
    struct buf bytes[32];
    size_t n;
};

static void put(void *arg, const char *name, const void *data, size_t n)
{
    struct shelf *s = arg;
    assert_true(s->n < 32);
    snprintf(s->names[s->n], sizeof s->names[0], "%s", name);
    buf_put(&s->bytes[s->n++], data, n);
}

static bool get(void *arg, const char *name, struct buf *out)
{
    struct shelf *s = arg;
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->names[i], name) == 0) {
            buf_put(out, s->bytes[i].data, s->bytes[i].len);
            return true;
        }
    return false;
}

static void carry_over(struct rig *r, bool reload)
{
    struct shelf shelf = {.n = 0};
    struct engine *old = r->engine;
    engine_save(old, true, put, &shelf);
    r->engine = make(r);
    engine_load(r->engine, get, &shelf);
    if (reload)
        engine_resume(r->engine, old);
    engine_free(old);
    for (size_t i = 0; i < shelf.n; i++)
        buf_free(&shelf.bytes[i]);
}

static void run_day(struct rig *r, bool restarts)
{
    for (int i = 0; i <= 1000; i++) {
        read_meter(r, 0, 10 * i, i % 200 < 120 ? 200 + i % 7 : 20);
        if (restarts && i % 13 == 0)
            carry_over(r, false);
    }
}

static void restarts_change_nothing(void **state)
{
    (void)state;
    static const char config[] = WITH_STREAM "rules: ( { name = \"mean\"; when = \"avg(a.active_power, 10 "
                                             "min) > 150 kW\"; for = \"3 min\"; release_for = \"2 min\"; },"
                                             "         { name = \"hot\"; when = \"heat > 150 kW\"; for = \"5 "
                                             "min\"; repeat = \"10 min\"; at_most_every = \"30 min\"; } );";
    struct rig whole, parts;
    open_rig(&whole, config);
    run_day(&whole, false);
    open_rig(&parts, config);
    run_day(&parts, true);
    assert_true(whole.n > 12);
    assert_int_equal(whole.n, parts.n);
    for (int i = 0; i < whole.n; i++)
        assert_string_equal(whole.heard[i].text, parts.heard[i].text);
    close_rig(&whole);
    close_rig(&parts);
}

// A reload between two readings moves nothing that time alone brings about.
static void a_reload_keeps_the_moments_of_what_is_due(void **state)
{
    (void)state;
    struct rig r;
    open_rig(&r, "meters: (" METER("a", "") "," METER(
                     "b", "") "); rules: ( "
                              "{ name = \"high\"; when = \"a.active_power > 5 kW\"; repeat = \"7 s\"; }, "
                              "{ name = \"gone\"; when = \"not known(a.active_power)\"; for = \"9 s\"; } );");
    read_meter(&r, 0, 10, 9);
    read_meter(&r, 1, 15, 1);
    carry_over(&r, true);
    assert_int_equal(engine_now(r.engine).ms, START + 15000);
    read_meter(&r, 1, 19, 1);
    read_meter(&r, 1, 51, 1);
    static const char *const wanted[] = {"10 high began",  "17 high stands", "24 high stands",
                                         "31 high stands", "38 high stands", "45 high stands",
                                         "49 gone began"};
    assert_int_equal(r.n, sizeof wanted / sizeof *wanted);
    for (int i = 0; i < r.n; i++)
        assert_heard(&r, i, wanted[i]); // the value is known for three periods, until 40
    close_rig(&r);
}

static void a_reload_keeps_what_streams_know_of_the_past(void **state)
{
    (void)state;
    struct rig r;
    open_rig(&r, WITH_STREAM);
    for (int i = 0; i <= 6 * 3600 / 10; i++)
        read_meter(&r, 0, 10 * i, 200);
    const struct utc now = engine_now(r.engine);
    assert_true(fabs(stream_baseline(engine_stream(r.engine, 0), (struct utc){now.ms - 3600000}) - 200) <
                1e-3);
    carry_over(&r, true);
    assert_true(fabs(stream_baseline(engine_stream(r.engine, 0), (struct utc){now.ms - 3600000}) - 200) <
                1e-3);
    assert_true(stream_coverage(engine_stream(r.engine, 0), now) > 0);
    close_rig(&r);
}

static void the_alert_of_a_rule_that_is_gone_ends(void **state)
{
    (void)state;
    struct rig r;
    struct shelf shelf = {.n = 0};
    open_rig(&r,
             "meters: (" METER("a", "") "); rules: ( { name = \"one\"; when = \"a.active_power > 5 kW\"; },"
                                        " { name = \"two\"; when = \"a.active_power > 4 kW\"; }, { name = "
                                        "\"three\"; when = \"a.active_power > 40 kW\"; } );");
    read_meter(&r, 0, 10, 9);
    assert_int_equal(r.n, 2);
    engine_save(r.engine, true, put, &shelf);
    engine_free(r.engine);
    site_kit_free(&r.kit);
    take_site(&r, "meters: (" METER(
                      "a", "") "); rules: ( { name = \"two\"; when = \"a.active_power > 4 kW\"; } );");
    r.engine = make(&r);
    engine_load(r.engine, get, &shelf);
    assert_int_equal(r.n, 3);
    assert_heard(&r, 2, "10 one ended");
    read_meter(&r, 0, 20, 1);
    assert_heard(&r, 3, "20 two ended");
    for (size_t i = 0; i < shelf.n; i++)
        buf_free(&shelf.bytes[i]);
    close_rig(&r);
}

static void mistakes_in_streams_and_rules_are_named(void **state)
{
    (void)state;
#define RULE(when) "meters: (" METER("a", "") ");\nrules: ( { name = \"r\"; when = \"" when "\"; } );"
    site_kit_wrong(RULE("a.active_powr > 5 kW"), "2: error: rule \"r\": when, column 1: meter \"a\" has no "
                                                 "point \"active_powr\"; did you mean \"a.active_power\"?");
    site_kit_wrong(RULE("heet > 5 kW"),
                   "\"heet\" is not known; a point is named meter.point, a stream by its name");
    site_kit_wrong(WITH_STREAM "\nrules: ( { name = \"r\"; when = \"heet > 5 kW\"; } );",
                   "did you mean \"heat\"?");
    site_kit_wrong(WITH_STREAM "\nrules: ( { name = \"r\"; when = \"heat > 5 m3/h\"; } );",
                   "cannot compare kW (power) and m3/h (volume flow)");
    site_kit_wrong(RULE("a.active_power > 5 kW") "\nrules: ( { name = \"r\"; when = \"true\"; } );", "");
    site_kit_wrong(
        "meters: (" METER(
            "a", "") ");\nrules: ( { name = \"r\"; when = \"true\"; }, { name = \"r\"; when = \"true\"; } );",
        "\"r\"");
    site_kit_wrong(
        "meters: (" METER("a", "") ");\nrules: ( { name = \"r\"; when = \"true\"; unknown = \"ignore\"; } );",
        "unknown");
    site_kit_wrong(
        "meters: (" METER(
            "a", "") ");\nstreams: ( { name = \"a\"; resource = \"heat\"; value = \"a.active_power\"; } );",
        "a meter has the same name");
    site_kit_wrong(
        "meters: (" METER("a", "") ");\nstreams: ( { name = \"x\"; resource = \"heat\"; value = \"y\"; }, { "
                                   "name = \"y\"; resource = \"heat\"; value = \"a.active_power\"; } );",
        "stream \"y\" stands later");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readings_reach_rules_over_several_meters),
        cmocka_unit_test(maintenance_makes_a_rule_unknown),
        cmocka_unit_test(time_alone_does_the_same_at_any_pace),
        cmocka_unit_test(a_rule_may_watch_a_stream),
        cmocka_unit_test(restarts_change_nothing),
        cmocka_unit_test(a_reload_keeps_the_moments_of_what_is_due),
        cmocka_unit_test(a_reload_keeps_what_streams_know_of_the_past),
        cmocka_unit_test(the_alert_of_a_rule_that_is_gone_ends),
        cmocka_unit_test(mistakes_in_streams_and_rules_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
