// SPDX-License-Identifier: Apache-2.0
// From a stream to an offer, and an offer's life: begins, changes, is refreshed, ends, is withdrawn.
#include "streams_kit.h"

#include "exchange/offer_build.h"
#include "exchange/offer_life.h"

#define SOON ((struct utc){MONDAY})

static const struct offer_place place = {.pseudonym = "f-7q2",
                                         .zone = "c:49.325:6.125",
                                         .nace = "24.10",
                                         .latitude = 49.3237,
                                         .longitude = 6.1183};

static struct offer_terms terms_of(struct kit *k)
{
    struct offer_terms t;
    const struct stream_config *c = stream_config(k->s);
    struct diagnostics *d = diagnostics_new();
    bool good = offer_terms_read(&c->offer, (enum resource)c->resource, false, NULL, "s", &t, d);
    diag_each(d, kit_collect, k);
    diagnostics_free(d);
    if (!good)
        fail_msg("%s", k->said);
    return t;
}

// An hour of quarter-hourly samples of 24 m3/h between `hot` and `cold`.
static void warm(struct kit *k, int64_t from, int64_t to, double flow)
{
    for (int64_t t = from; t <= to; t += 15 * MINUTE) {
        kit_feed(k, "m.flow", t, flow);
        kit_feed(k, "m.hot", t, 65);
        kit_feed(k, "m.cold", t, 45);
        stream_settle(k->s, (struct utc){t});
    }
}

#define HEAT                                                                                                 \
    "resource = \"heat\"; flow = \"m.flow\"; supply = \"m.hot\"; return = \"m.cold\"; "                      \
    "surplus: { above = \"250 kW\"; below = \"200 kW\"; }; offer: { disclosure = %d; return_min = \"40 "     \
    "degC\"; }; "

static struct kit *heat(int level)
{
    char text[500];
    snprintf(text, sizeof text, HEAT, level);
    return kit_new(text, 15 * MINUTE);
}

// ---- Building ----

static void heat_offer_of_a_new_surplus(void **state)
{
    (void)state;
    struct kit *k = heat(3);
    struct offer_terms t = terms_of(k);
    struct offer_smooth smooth;
    struct offer o;
    char why[200];
    offer_smooth_reset(&smooth);
    assert_false(offer_present(k->s, &t, SOON));
    warm(k, MONDAY, MONDAY + 2 * HOUR, 24);
    struct utc now = {MONDAY + 2 * HOUR};
    assert_int_equal(stream_state(k->s), STREAM_SURPLUS);
    assert_true(offer_present(k->s, &t, now));
    for (int i = 0; i < 3; i++)
        offer_smooth_step(&smooth, k->s, now);
    assert_true(offer_of_stream(k->s, &t, &place, &smooth, now, &o));
    kit_near(o.typical.low, 552, 0.5); // three digits of 551.9
    kit_near(o.firm.low, 250, 0.1);    // the threshold it was held to
    assert_true(span_exact(o.typical));
    kit_near(o.heat.supply.low, 65, 0.01);
    kit_near(o.heat.back.low, 40, 0.01); // the owner's, not the metered return
    assert_false(o.has_blocks);          // two hours are no pattern
    assert_string_equal(o.pseudonym, "f-7q2");
    o.revision = 1;
    snprintf(o.id, sizeof o.id, "0123456789abcdef0123456789abcdef");
    o.valid_until = o.created = o.valid_from = now;
    o.valid_until.ms += DAY;
    if (!offer_check(&o, why, sizeof why))
        fail_msg("%s", why);
    kit_free(k);
}

// 8 weeks of surplus from 6 to 14 on weekdays: firm, typical, blocks, annual.
static void heat_offer_of_a_recurring_surplus(void **state)
{
    (void)state;
    struct kit *k = heat(2);
    struct offer_terms t = terms_of(k);
    struct offer o;
    for (int64_t h = 0; h < 8 * 168; h++) {
        int64_t hour = MONDAY / HOUR + h;
        unsigned of_week = (unsigned)(h % 168), of_day = of_week % 24;
        bool on = of_week < 120 && of_day >= 8 && of_day < 16;
        double kw = on ? 400 + 10.0 * (double)(h / 168) : 0;
        stream_recall(k->s, &(struct stream_hour){.hour = hour,
                                                  .amount = kw,
                                                  .surplus = kw,
                                                  .low = kw,
                                                  .high = kw,
                                                  .known_s = 3600,
                                                  .surplus_s = on ? 3600 : 0});
    }
    struct utc now = {MONDAY + 8 * 168 * HOUR};
    assert_true(offer_present(k->s, &t, now));
    assert_true(offer_of_stream(k->s, &t, &place, NULL, now, &o));
    kit_near(o.typical.low, 435, 1);                          // median of 400..470
    kit_near(o.firm.low, 414, 1);                             // P20
    kit_near(o.peak.low, 456, 1);                             // P80
    kit_near(o.annual.low, 435 * 40 * 365.25 / 7 / 1000, 10); // 908 MWh
    assert_true(o.has_blocks);
    kit_near((double)o.blocks[2], 1, 0.01); // Monday 8 to 12
    kit_near((double)o.blocks[3], 1, 0.01);
    kit_near((double)o.blocks[1], 0, 0.01);
    kit_near((double)o.blocks[5 * 6 + 2], 0, 0.01); // Saturday
    struct offer told;
    assert_true(offer_disclose(&o, &told));
    kit_near(told.typical.low, 200, 0.001);
    kit_near(told.typical.high, 500, 0.001);
    assert_string_equal(told.nace, "24");
    kit_free(k);
}

static void waste_is_offered_always(void **state)
{
    (void)state;
    struct kit *k = kit_new("resource = \"waste\"; low = \"15 01 01\"; weight = \"m.mass\"; "
                            "container: { capacity = \"2 t\"; }; offer: { disclosure = 3; };",
                            10 * MINUTE);
    struct offer_terms t = terms_of(k);
    struct offer o;
    // 400 kg and 120 kg a day more, as in the weighing scenario.
    for (int64_t at = 0; at <= 5 * DAY; at += 10 * MINUTE)
        kit_sample(k, "m.mass", MONDAY + at, 400 + 120.0 * (double)at / (double)DAY);
    struct utc now = {MONDAY + 5 * DAY};
    assert_true(offer_present(k->s, &t, now));
    assert_true(offer_of_stream(k->s, &t, &place, NULL, now, &o));
    assert_int_equal(o.waste.codes[0], 150101);
    assert_false(o.waste.hazardous);
    kit_near(o.typical.low, 0.84, 0.01);
    kit_near(o.waste.stock_t.low, 1.0, 0.01);
    kit_near(o.waste.capacity_t.low, 2, 0.001);
    kit_near(o.waste.days_to_full.low, 8.3, 0.1);
    kit_near(o.waste.fill.low, 0.5, 0.01);
    kit_near(o.annual.low, 43.8, 0.6);
    kit_free(k);
}

static void water_shows_its_quality(void **state)
{
    (void)state;
    struct kit *k =
        kit_new("resource = \"water\"; flow = \"m.flow\"; surplus: { above = \"2 m3/h\"; }; "
                "quality: ( { name = \"conductivity\"; value = \"m.conductivity\"; }, { name = \"cod\"; "
                "value = \"280 mg/L\"; }, "
                "{ name = \"ph\"; value = \"m.ph\"; } ); offer: { disclosure = 3; price = 0.4; };",
                15 * MINUTE);
    struct offer_terms t = terms_of(k);
    struct offer o;
    for (int64_t at = MONDAY; at <= MONDAY + 2 * HOUR; at += 15 * MINUTE) {
        kit_feed(k, "m.conductivity", at, 1500);
        kit_feed(k, "m.ph", at, 7.4);
        kit_sample(k, "m.flow", at, 20);
    }
    struct utc now = {MONDAY + 2 * HOUR};
    assert_true(offer_of_stream(k->s, &t, &place, NULL, now, &o));
    kit_near(o.typical.low, 20, 0.01);
    assert_int_equal(o.parameter_count, 3);
    assert_string_equal(o.parameters[0].name, "conductivity");
    assert_string_equal(o.parameters[0].unit, "uS/cm");
    kit_near(o.parameters[0].value.low, 1500, 0.1);
    kit_near(o.parameters[1].value.low, 280, 0.1);
    assert_string_equal(o.parameters[2].unit, "");
    kit_near(o.price, 0.4, 1e-9);
    kit_free(k);
}

static void a_need_says_what_is_declared(void **state)
{
    (void)state;
    struct diagnostics *d = diagnostics_new();
    struct config *config = config_read_text("needs: ( { name = \"n\"; resource = \"heat\"; power = \"400 "
                                             "kW\"; in = \"30 degC\"; out = \"50 degC\"; "
                                             "profile = \"weekdays 8-16\"; ask: { disclosure = 2; season = "
                                             "\"oct-apr\"; audience = ( \"a-1\" ); }; } );",
                                             "t.conf", &streams_root_section, d);
    const struct streams_root *root = config_root(config);
    const struct need_config *c = root->needs.items;
    struct need n;
    struct offer_terms t;
    struct offer o;
    diag_print(d, stderr);
    assert_int_equal(diag_errors(d), 0);
    assert_true(need_compile(c, &n, d));
    assert_true(offer_terms_read(&c->ask, RESOURCE_HEAT, true, NULL, "n", &t, d));
    offer_of_need(&n, &t, &place, &o);
    assert_int_equal(o.role, ROLE_NEED);
    kit_near(o.typical.low, 400, 1e-9);
    kit_near(o.heat.supply.low, 50, 1e-9);
    kit_near(o.heat.back.low, 30, 1e-9);
    kit_near((double)o.blocks[2], 1, 1e-6);
    kit_near((double)o.blocks[0], 0, 1e-6);
    kit_near((double)o.months[9], 1, 1e-6);
    kit_near((double)o.months[4], 0, 1e-6);
    kit_near(o.annual.low, 400 * 40 * 365.25 / 7 / 1000 * 7 / 12, 3);
    assert_string_equal(o.audience[0], "a-1");
    diagnostics_free(d);
    config_free(config);
}

static void smoothing_follows_slowly_and_starts_at_once(void **state)
{
    (void)state;
    struct kit *k = heat(3);
    struct offer_smooth smooth;
    offer_smooth_reset(&smooth);
    warm(k, MONDAY, MONDAY + 2 * HOUR, 24);
    struct utc t = {MONDAY + 2 * HOUR};
    offer_smooth_step(&smooth, k->s, t);
    t.ms += 1000;
    offer_smooth_step(&smooth, k->s, t);
    kit_near(smooth.value, 551.9, 2);
    warm(k, MONDAY + 2 * HOUR + 15 * MINUTE, MONDAY + 2 * HOUR + 15 * MINUTE, 48);
    t.ms = MONDAY + 2 * HOUR + 15 * MINUTE;
    offer_smooth_step(&smooth, k->s, t);
    kit_near(smooth.value, 551.9 * (1 + 0.632), 10);
    kit_free(k);
}

// ---- Consent ----

static void wrong_consent(const char *offer, const char *complaint)
{
    struct kit k;
    char text[600];
    snprintf(text, sizeof text, "resource = \"heat\"; declared = \"100 kW\"; offer: { %s };", offer);
    struct stream *s = kit_try(&k, text, 0, NULL);
    struct offer_terms t;
    if (s &&
        offer_terms_read(&stream_config(s)->offer, RESOURCE_HEAT, false, NULL, "stream s: offer", &t, k.d))
        fail_msg("%s is taken", offer);
    k.said[0] = '\0';
    diag_each(k.d, kit_collect, &k);
    if (!strstr(k.said, complaint))
        fail_msg("\"%s\" is not said of %s, but: %s", complaint, offer, k.said);
    kit_close(&k);
}

static void contradictions_are_named(void **state)
{
    (void)state;
    wrong_consent("disclosure = 6;", "0 to 5");
    wrong_consent("disclosure = 2; audience = ( \"A b\" );", "no pseudonym");
    wrong_consent("disclosure = 2; audience = ( \"a\", \"b\" ); blocked = ( \"b\" );",
                  "both in audience and blocked");
    wrong_consent("disclosure = 2; until = \"2027-02-30\";", "no day");
    wrong_consent("disclosure = 2; return_min = \"40 kW\";", "temperature");
    wrong_consent("disclosure = 2; supply = \"40 degC\"; return_min = \"60 degC\";", "warmer than supply");
    wrong_consent("disclosure = 2; lot_min = \"50 kW\"; lot_max = \"20 kW\";", "lot_min is more");
    wrong_consent("disclosure = 2; season = \"winter\";", "wanted months");
    wrong_consent("disclosure = 2; type = \"forklift\";", "type is of equipment");
    wrong_consent("disclosure = 2; legal = \"waste\";", "are of waste");
    wrong_consent("disclosure = 2; until = \"2026-12-01\"; embargo_until = \"2027-01-01\";",
                  "ends before its embargo");
    wrong_consent("disclosure = 2; expiry = \"120 days\";", "expiry");
}

static void default_is_silence(void **state)
{
    (void)state;
    struct kit *k = kit_new("resource = \"heat\"; declared = \"100 kW\";", 0);
    struct offer_terms t = terms_of(k);
    assert_int_equal(t.level, DISCLOSE_NOTHING);
    struct offer_wish w = {.present = true, .said = true, .expiry_ms = DAY};
    struct offer_life l = {0};
    struct offer_step step;
    offer_life_step(&l, &w, SOON, &step);
    assert_int_equal(step.act, OFFER_STAY);
    kit_free(k);
}

// ---- Life ----

static struct offer_wish wish(double kw)
{
    struct offer_wish w = {
        .present = true, .said = true, .expiry_ms = 90 * DAY, .keep_ms = DAY, .pause_ms = 15 * MINUTE};
    snprintf(w.name, sizeof w.name, "furnace");
    offer_clear(&w.full);
    w.full.level = DISCLOSE_BANDS;
    w.full.typical = w.full.firm = span_of(kw);
    w.full.confidence = 0.8;
    snprintf(w.full.pseudonym, sizeof w.full.pseudonym, "f-7q2");
    return w;
}

static struct offer_step go(struct offer_life *l, const struct offer_wish *w, int64_t ms)
{
    struct offer_step step;
    offer_life_step(l, w, (struct utc){ms}, &step);
    offer_life_done(l, &step, (struct utc){ms});
    return step;
}

static void an_offer_begins_changes_and_ends(void **state)
{
    (void)state;
    struct offer_life l = {0};
    struct offer_wish w = wish(415);
    struct offer_step s = go(&l, &w, MONDAY);
    assert_int_equal(s.act, OFFER_TELL);
    assert_int_equal(s.message.revision, 1);
    kit_near(s.message.typical.low, 200, 1e-9);
    kit_near(s.message.typical.high, 500, 1e-9);
    assert_int_equal(strlen(s.message.id), OFFER_ID);
    assert_int_equal(s.expires.ms, MONDAY + 90 * DAY);
    char id[OFFER_ID + 1];
    snprintf(id, sizeof id, "%s", s.message.id);
    // Within the band nothing is told; beyond it once the pause is over.
    w = wish(440);
    assert_int_equal(go(&l, &w, MONDAY + HOUR).act, OFFER_STAY);
    w = wish(900);
    assert_int_equal(go(&l, &w, MONDAY + 14 * MINUTE).act, OFFER_STAY);
    s = go(&l, &w, MONDAY + 16 * MINUTE);
    assert_int_equal(s.act, OFFER_TELL);
    assert_int_equal(s.message.revision, 2);
    assert_string_equal(s.message.id, id);
    // Away for less than `keep`, then back: nothing happened.
    w.present = false;
    assert_int_equal(go(&l, &w, MONDAY + 2 * HOUR).act, OFFER_STAY);
    w.present = true;
    assert_int_equal(go(&l, &w, MONDAY + 20 * HOUR).act, OFFER_STAY);
    w.present = false;
    assert_int_equal(go(&l, &w, MONDAY + 21 * HOUR).act, OFFER_STAY);
    assert_int_equal(go(&l, &w, MONDAY + 21 * HOUR + DAY - 1).act, OFFER_STAY);
    s = go(&l, &w, MONDAY + 21 * HOUR + DAY);
    assert_int_equal(s.act, OFFER_WITHDRAW);
    assert_string_equal(s.why, "the surplus has ended for good");
    assert_true(offer_life_over(&l));
    // What comes back is another offer.
    w.present = true;
    s = go(&l, &w, MONDAY + 3 * DAY);
    assert_int_equal(s.act, OFFER_TELL);
    assert_string_not_equal(s.message.id, id);
}

static void half_of_the_expiry_refreshes(void **state)
{
    (void)state;
    struct offer_life l = {0};
    struct offer_wish w = wish(415);
    go(&l, &w, MONDAY);
    for (int day = 1; day < 45; day++) // a time that only goes on is no change, at no level
        assert_int_equal(go(&l, &w, MONDAY + day * DAY).act, OFFER_STAY);
    struct offer_step s = go(&l, &w, MONDAY + 45 * DAY);
    assert_int_equal(s.act, OFFER_REFRESH);
    assert_int_equal(s.message.revision, 1);
    assert_int_equal(s.expires.ms, MONDAY + 135 * DAY);
    struct offer_life exact = {0};
    w.full.level = DISCLOSE_EXACT;
    go(&exact, &w, MONDAY);
    for (int day = 1; day < 45; day++)
        assert_int_equal(go(&exact, &w, MONDAY + day * DAY).act, OFFER_STAY);
    assert_int_equal(go(&exact, &w, MONDAY + 45 * DAY).act, OFFER_REFRESH);
    // Nobody refreshed it (the machine was off): it has ended by itself, and begins anew.
    assert_int_equal(go(&l, &w, MONDAY + 200 * DAY).act, OFFER_TELL);
}

static void consent_withdrawn_ends_at_once(void **state)
{
    (void)state;
    struct offer_life l = {0};
    struct offer_wish w = wish(415);
    go(&l, &w, MONDAY);
    w.full.level = DISCLOSE_NOTHING;
    assert_int_equal(go(&l, &w, MONDAY + 1).act, OFFER_WITHDRAW);
    w = wish(415);
    go(&l, &w, MONDAY + 2);
    struct offer_step s = go(&l, NULL, MONDAY + 3);
    assert_int_equal(s.act, OFFER_WITHDRAW);
    assert_string_equal(s.why, "it is gone from the configuration");
    w.agreed_until.ms = MONDAY + HOUR;
    s = go(&l, &w, MONDAY + 4);
    assert_int_equal(s.expires.ms, MONDAY + HOUR);               // never longer than the consent
    assert_int_equal(go(&l, &w, MONDAY + HOUR).act, OFFER_STAY); // it expired itself
    assert_false(l.told);
    assert_int_equal(go(&l, &w, MONDAY + HOUR + 1).act, OFFER_STAY);
}

static void a_changed_consent_is_told_at_once(void **state)
{
    (void)state;
    struct offer_life l = {0};
    struct offer_wish w = wish(415);
    go(&l, &w, MONDAY);
    w.full.level = DISCLOSE_EXACT;
    struct offer_step s = go(&l, &w, MONDAY + 1);
    assert_int_equal(s.act, OFFER_TELL);
    kit_near(s.message.typical.low, 415, 1e-9);
    w.full.blocked_count = 1;
    snprintf(w.full.blocked[0], OFFER_WORD, "rival");
    assert_int_equal(go(&l, &w, MONDAY + 2).act, OFFER_TELL);
    assert_int_equal(go(&l, &w, MONDAY + 3).act, OFFER_STAY);
    w.full.level = DISCLOSE_BANDS;
    s = go(&l, &w, MONDAY + 4);
    assert_int_equal(s.act, OFFER_TELL);
    kit_near(s.message.typical.low, 200, 1e-9);
}

static void embargo_holds_everything_back(void **state)
{
    (void)state;
    struct offer_life l = {0};
    struct offer_wish w = wish(415);
    w.embargo_ms = 72 * HOUR;
    assert_int_equal(go(&l, &w, MONDAY).act, OFFER_STAY);
    assert_int_equal(go(&l, &w, MONDAY + 72 * HOUR - 1).act, OFFER_STAY);
    struct offer_step s = go(&l, &w, MONDAY + 72 * HOUR);
    assert_int_equal(s.act, OFFER_TELL);
    kit_near((double)l.first.ms, (double)(MONDAY + 72 * HOUR), 1);
    // It ended meanwhile: the embargo begins anew with the next.
    struct offer_life other = {0};
    go(&other, &w, MONDAY);
    w.present = false;
    go(&other, &w, MONDAY + HOUR);
    w.present = true;
    assert_int_equal(go(&other, &w, MONDAY + 2 * HOUR).act, OFFER_STAY);
    assert_int_equal(go(&other, &w, MONDAY + 73 * HOUR).act, OFFER_STAY);
    assert_int_equal(go(&other, &w, MONDAY + 74 * HOUR).act, OFFER_TELL);
    // A day set later withdraws what was told.
    w.embargo_until.ms = MONDAY + 300 * HOUR;
    assert_int_equal(go(&other, &w, MONDAY + 75 * HOUR).act, OFFER_WITHDRAW);
}

static void what_is_not_known_for_a_moment_is_no_news(void **state)
{
    (void)state;
    struct offer_life l = {0};
    struct offer_wish w = wish(415);
    w.full.heat.supply = span_of(65);
    go(&l, &w, MONDAY);
    w.full.heat.supply = w.full.typical = SPAN_UNSAID;
    w.said = false;
    assert_int_equal(go(&l, &w, MONDAY + HOUR).act, OFFER_STAY);
    struct offer_life fresh = {0};
    assert_int_equal(go(&fresh, &w, MONDAY + HOUR).act, OFFER_STAY); // nothing can be said yet
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heat_offer_of_a_new_surplus),
        cmocka_unit_test(heat_offer_of_a_recurring_surplus),
        cmocka_unit_test(waste_is_offered_always),
        cmocka_unit_test(water_shows_its_quality),
        cmocka_unit_test(a_need_says_what_is_declared),
        cmocka_unit_test(smoothing_follows_slowly_and_starts_at_once),
        cmocka_unit_test(contradictions_are_named),
        cmocka_unit_test(default_is_silence),
        cmocka_unit_test(an_offer_begins_changes_and_ends),
        cmocka_unit_test(half_of_the_expiry_refreshes),
        cmocka_unit_test(consent_withdrawn_ends_at_once),
        cmocka_unit_test(a_changed_consent_is_told_at_once),
        cmocka_unit_test(embargo_holds_everything_back),
        cmocka_unit_test(what_is_not_known_for_a_moment_is_no_news),
    };
    return cmocka_run_group_tests(tests, kit_open, NULL);
}
