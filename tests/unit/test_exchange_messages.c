// SPDX-License-Identifier: Apache-2.0
// Topics and the bodies besides offers: written, read again, refused when they are wrong.
#include "exchange/span.h"
#include "exchange_kit.h"

static void test_topics(void **state)
{
    (void)state;
    static const struct {
        const char *topic;
        enum exchange_branch branch;
        enum message_kind takes, refuses;
    } good[] = {
        {"symbiosis/v1/val-de-fensch/f-7q2/card", BRANCH_CARD, MESSAGE_CARD, MESSAGE_OFFER},
        {"symbiosis/v1/val-de-fensch/f-7q2/offers/" KIT_ID, BRANCH_OFFERS, MESSAGE_WITHDRAWAL, MESSAGE_NEED},
        {"symbiosis/v1/val-de-fensch/f-7q2/needs/" KIT_ID, BRANCH_NEEDS, MESSAGE_NEED, MESSAGE_OFFER},
        {"symbiosis/v1/val-de-fensch/f-7q2/replies/" KIT_ID, BRANCH_REPLIES, MESSAGE_REPLY, MESSAGE_METER},
        {"symbiosis/v1/val-de-fensch/f-7q2/meters/" KIT_ID, BRANCH_METERS, MESSAGE_METER, MESSAGE_REPLY},
        {"symbiosis/v1/val-de-fensch/f-7q2/matches/" KIT_ID, BRANCH_MATCHES, MESSAGE_MATCH, MESSAGE_RECEIPT},
        {"symbiosis/v1/val-de-fensch/f-7q2/receipts/" KIT_ID, BRANCH_RECEIPTS, MESSAGE_RECEIPT, MESSAGE_CARD},
    };
    struct exchange_topic t;
    char text[EXCHANGE_TOPIC];
    for (size_t i = 0; i < TEST_COUNT(good); i++) {
        assert_true(exchange_topic_parse(good[i].topic, &t));
        assert_int_equal(t.branch, good[i].branch);
        assert_string_equal(t.pseudonym, "f-7q2");
        assert_string_equal(exchange_topic_text(&t, text), good[i].topic);
        assert_true(exchange_topic_takes(&t, good[i].takes));
        assert_false(exchange_topic_takes(&t, good[i].refuses));
    }
    static const char *const bad[] = {
        "",
        "symbiosis/v1/",
        "symbiosis/v1/t/f/",
        "symbiosis/v2/t/f/card",
        "symbiosis/v1/t/f/card/",
        "symbiosis/v1/t/f/card/" KIT_ID,
        "symbiosis/v1/t/f/offers",
        "symbiosis/v1/t/f/offers/",
        "symbiosis/v1/t/f/offers/abc",
        "symbiosis/v1/t/f/offers/" KIT_ID "/",
        "symbiosis/v1/t/f/offers/" KIT_ID "0",
        "symbiosis/v1/t/f/offers/0123456789ABCDEF0123456789abcdef",
        "symbiosis/v1/t/f/gifts/" KIT_ID,
        "symbiosis/v1/T/f/card",
        "symbiosis/v1/t//card",
        "symbiosis/v1/t/-f/card",
        "symbiosis/v1//f/card",
        "symbiosis/v1/t/0123456789012345678901234567890123/card",
        "/symbiosis/v1/t/f/card",
        "symbiosis/v1/t-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789/f/card",
        "symbiosis/v1/t/f/offers/" KIT_ID KIT_ID,
        "symbiosis/v1/t/f/a-branch-that-is-very-long/" KIT_ID};
    for (size_t i = 0; i < TEST_COUNT(bad); i++)
        if (exchange_topic_parse(bad[i], &t))
            fail_msg("taken: %s", bad[i]);
}

static void test_random_names(void **state)
{
    (void)state;
    char a[OFFER_ID + 1], b[OFFER_ID + 1], p[OFFER_WORD], q[OFFER_WORD];
    assert_true(exchange_is_id(exchange_id(a)) && exchange_is_id(exchange_id(b)));
    assert_string_not_equal(a, b);
    assert_true(exchange_is_pseudonym(exchange_pseudonym(p)) && exchange_is_pseudonym(exchange_pseudonym(q)));
    assert_string_not_equal(p, q);
    assert_false(exchange_is_pseudonym("") || exchange_is_pseudonym("A") || exchange_is_pseudonym(".a") ||
                 exchange_is_pseudonym("a/b") || exchange_is_pseudonym("012345678901234567890123456789012"));
}

#define SAME(kind, value, text)                                                                              \
    do {                                                                                                     \
        struct buf b_ = {0};                                                                                 \
        char why_[200] = "";                                                                                 \
        struct kind back_;                                                                                   \
        kind##_write(&(value), &b_);                                                                         \
        assert_string_equal(buf_text(&b_), text);                                                            \
        if (!kind##_read(b_.data, b_.len, &back_, why_, sizeof why_))                                        \
            fail_msg("%s", why_);                                                                            \
        assert_memory_equal(&back_, &(value), sizeof back_);                                                 \
        buf_free(&b_);                                                                                       \
    } while (0)

#define REFUSED(kind, text, words)                                                                           \
    do {                                                                                                     \
        char why_[200] = "";                                                                                 \
        struct kind back_;                                                                                   \
        if (kind##_read(text, strlen(text), &back_, why_, sizeof why_))                                      \
            fail_msg("taken: %s", text);                                                                     \
        if (!strstr(why_, words))                                                                            \
            fail_msg("%s: \"%s\", wanted \"%s\"", text, why_, words);                                        \
    } while (0)

static void test_of_a_site(void **state)
{
    (void)state;
    struct site_key key = kit_key(1), next = kit_key(2);
    struct card card;
    memset(&card, 0, sizeof card);
    strcpy(card.pseudonym, "f-7q2");
    card.epoch = 3;
    memcpy(card.key, key.public_key, KEY_PUBLIC);
    SAME(card, card,
         "{\"pseudonym\":\"f-7q2\",\"key\":\"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=\",\"epoch\":3}");
    strcpy(card.zone, "57221");
    strcpy(card.nace, "24");
    card.has_next_key = true;
    memcpy(card.next_key, next.public_key, KEY_PUBLIC);
    SAME(card, card,
         "{\"pseudonym\":\"f-7q2\",\"zone\":\"57221\",\"nace\":\"24\","
         "\"key\":\"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=\","
         "\"next_key\":\"gTl3Dqh9F19Wo1Rmw0x+zMuNipG07jeiXfYPW4/Js5Q=\",\"epoch\":3}");
    REFUSED(card, "{\"pseudonym\":\"f\",\"key\":\"AAAA\",\"epoch\":3}", "base64 of 32 bytes");
    REFUSED(card, "{\"pseudonym\":\"f\",\"epoch\":3}", "\"key\" is missing");
    REFUSED(card, "{\"pseudonym\":\"f\",\"key\":7,\"epoch\":3}", "base64 of 32 bytes");

    struct withdrawal w = {KIT_ID};
    SAME(withdrawal, w, "{\"id\":\"" KIT_ID "\"}");
    REFUSED(withdrawal, "{}", "\"id\" is missing");

    struct reply r;
    memset(&r, 0, sizeof r);
    strcpy(r.match, KIT_ID);
    r.revision = 2;
    SAME(reply, r, "{\"match\":\"" KIT_ID "\",\"revision\":2,\"answer\":\"interested\"}");
    strcpy(r.name, "Laminoir de Florange \xc3\xa9");
    strcpy(r.contact, "energie@laminoir.example");
    SAME(reply, r,
         "{\"match\":\"" KIT_ID "\",\"revision\":2,\"answer\":\"interested\",\"name\":\"Laminoir de Florange "
         "\xc3\xa9\",\"contact\":\"energie@laminoir.example\"}");
    REFUSED(reply, "{\"match\":\"" KIT_ID "\",\"revision\":2,\"answer\":\"declined\",\"name\":\"us\"}",
            "go with \"interested\" only");
    REFUSED(reply, "{\"match\":\"" KIT_ID "\",\"revision\":2,\"answer\":\"agreed\",\"contact\":\"us\"}",
            "go with \"interested\" only");
    memset(&r, 0, sizeof r);
    strcpy(r.match, KIT_ID);
    r.revision = 2;
    r.answer = REPLY_ENDED;
    SAME(reply, r, "{\"match\":\"" KIT_ID "\",\"revision\":2,\"answer\":\"ended\"}");
    REFUSED(reply, "{\"match\":\"abc\",\"revision\":2,\"answer\":\"declined\"}", "32 hex digits");
    REFUSED(reply, "{\"match\":\"" KIT_ID "\",\"revision\":2,\"answer\":\"maybe\"}", "not known");

    struct metered m;
    memset(&m, 0, sizeof m);
    strcpy(m.match, KIT_ID);
    m.first = 490000;
    m.amounts[0] = 398.5;
    m.amounts[1] = -0.5;
    m.count = 2;
    SAME(metered, m, "{\"match\":\"" KIT_ID "\",\"first\":490000,\"amounts\":[398.5,-0.5]}");
    struct metered back;
    char why[200];
    const char *gap = "{\"match\":\"" KIT_ID "\",\"first\":1,\"amounts\":[null,1]}";
    assert_true(metered_read(gap, strlen(gap), &back, why, sizeof why));
    assert_true(isnan(back.amounts[0]) && back.amounts[1] == 1 && back.count == 2);
    REFUSED(metered, "{\"match\":\"" KIT_ID "\",\"first\":1,\"amounts\":[]}", "1 to 48");
    REFUSED(metered, "{\"match\":\"" KIT_ID "\",\"first\":1,\"amounts\":[\"1\"]}", "must be a number");
}

static void full_view(struct match_view *v)
{
    match_view_clear(v);
    strcpy(v->id, KIT_ID);
    v->revision = 12;
    v->status = MATCH_RUNNING;
    v->synergy = SYNERGY_EXCHANGE;
    v->resource = RESOURCE_HEAT;
    strcpy(v->own, KIT_ID);
    v->role = ROLE_OFFER;
    v->parties = 1;
    strcpy(v->counterpart.zone, "57306");
    strcpy(v->counterpart.nace, "96");
    v->counterpart.amount = (struct span){200, 500};
    v->counterpart.supply = (struct span){50, 60};
    v->counterpart.back = (struct span){30, 40};
    strcpy(v->counterpart.name, "Blanchisserie");
    strcpy(v->counterpart.contact, "+33 3 00 00 00 00");
    v->quantity = span_of(400);
    v->annual = span_of(2400);
    v->coverage = 1;
    v->use = 0.73;
    v->distance_m = (struct span){500, 1000};
    v->capex_eur = span_of(500000);
    v->eur_yr = (struct span){100000, 123333};
    v->payback_y = span_of(4.05);
    v->tco2e_yr = (struct span){480, 605};
    v->confidence = 0.7;
    for (unsigned i = 0; i < VIEW_GATES; i++) {
        strcpy(v->gates[i].name, "temperature");
        v->gates[i].pass = i % 2;
        v->gates[i].value = 53.5;
        v->gates[i].limit = 55;
        strcpy(v->gates[i].unit, "degC");
    }
    v->gate_count = VIEW_GATES;
    for (unsigned i = 0; i < VIEW_LIMITS; i++)
        memset(v->limits[i], 'l', VIEW_LIMIT - 1);
    v->limit_count = VIEW_LIMITS;
    memset(v->text, 't', VIEW_TEXT - 1);
    strcpy(v->reason, "the furnace is gone");
    v->realised = 812.25;
    v->realised_eur = 30000;
    v->realised_tco2e = 204.7;
}

static void test_of_the_coordinator(void **state)
{
    (void)state;
    struct match_view v, back;
    struct buf first = {0}, second = {0};
    char why[200] = "";
    full_view(&v);
    match_view_write(&v, &first);
    assert_true(first.len <= MESSAGE_BODY_BYTES);
    if (!match_view_read(first.data, first.len, &back, why, sizeof why))
        fail_msg("%s", why);
    match_view_write(&back, &second);
    assert_string_equal(buf_text(&first), buf_text(&second));
    assert_true(back.gates[1].pass && back.gates[11].limit == 55 && back.realised == 812.25);
    // The largest one still fits into an envelope.
    struct site_key key = kit_key(1);
    struct buf envelope = {0};
    struct message m = {.kind = MESSAGE_MATCH, .territory = "t", .epoch = 1, .seq = 1, .body = first.data};
    m.body_size = first.len;
    assert_true(envelope_write(&m, &key, &envelope));
    assert_true(envelope.len <= ENVELOPE_BYTES);
    buf_free(&envelope);
    buf_free(&first);
    buf_free(&second);
    REFUSED(match_view, "{\"id\":\"" KIT_ID "\",\"coverage\":1.2}", "from 0 to 1");

    struct receipt r;
    memset(&r, 0, sizeof r);
    strcpy(r.id, KIT_ID);
    r.revision = 4;
    SAME(receipt, r, "{\"id\":\"" KIT_ID "\",\"revision\":4,\"status\":\"held\"}");
    strcpy(r.releases[0].match, KIT_ID);
    strcpy(r.releases[0].to, "f-9");
    r.releases[0].level = DISCLOSE_BANDS;
    r.releases[0].time.ms = 1764000000000;
    r.count = 1;
    r.total = 1;
    SAME(receipt, r,
         "{\"id\":\"" KIT_ID "\",\"revision\":4,\"status\":\"held\",\"releases\":[{\"match\":\"" KIT_ID
         "\",\"to\":\"f-9\",\"level\":2,\"time\":1764000000000}],\"total\":1}");
    REFUSED(receipt, "{\"id\":\"a\",\"revision\":4,\"status\":\"held\",\"releases\":[{}]}", "is missing");
    REFUSED(receipt, "{\"id\":\"a\",\"revision\":4,\"status\":\"held\",\"releases\":[1]}", "list of objects");
}

// What a counterpart may say of itself at the ends of the ranges, in bands.
static void test_bands_at_the_ends_are_shown(void **state)
{
    (void)state;
    struct match_view v, back;
    struct buf body = {0};
    char why[200] = "";
    full_view(&v);
    v.counterpart.amount = v.quantity = v.annual = span_band(span_of(1e12));
    v.counterpart.supply = span_band_celsius(span_of(3000));
    v.counterpart.back = span_band_celsius(span_of(-270));
    match_view_write(&v, &body);
    if (!match_view_read(body.data, body.len, &back, why, sizeof why))
        fail_msg("%s", why);
    assert_true(back.counterpart.supply.high == 3010 && back.annual.high == 2e12);
    buf_reset(&body);
    v.counterpart.supply = (struct span){3010, 3020};
    match_view_write(&v, &body);
    assert_false(match_view_read(body.data, body.len, &back, why, sizeof why));
    assert_non_null(strstr(why, "counterpart.supply"));
    buf_free(&body);
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(reply_word(REPLY_ENDED), "ended");
    assert_string_equal(match_status_word(MATCH_DISCLOSED), "disclosed");
    assert_string_equal(receipt_word(RECEIPT_WITHDRAWN), "withdrawn");
    for (int k = 0; k < MESSAGE_KINDS; k++)
        assert_true(*message_kind_word((enum message_kind)k));
    for (int v = 0; v < ENVELOPE_VERDICTS; v++)
        assert_true(*envelope_verdict_word((enum envelope_verdict)v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics),
        cmocka_unit_test(test_random_names),
        cmocka_unit_test(test_of_a_site),
        cmocka_unit_test(test_of_the_coordinator),
        cmocka_unit_test(test_bands_at_the_ends_are_shown),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
