// SPDX-License-Identifier: Apache-2.0
// Signed envelopes: every verdict, the rules of numbers, tombstones, two keys.
#include <stdlib.h>
#include "exchange_kit.h"

#define NOW    1764000000000LL
#define MINUTE 60000LL
#define DAY    86400000LL

// A receiver of one member's messages.
struct room {
    struct site_key key, next_key;
    struct envelope_peer peer;
    struct envelope_topic topic;
    struct envelope_context c;
    struct message m; // of the last one read
    unsigned char hash[32];
    struct buf scratch, bytes;
    char why[200];
};

static int set_up(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    r->key = kit_key(1);
    r->next_key = kit_key(2);
    strcpy(r->peer.pseudonym, "f-1");
    envelope_peer_pin(&r->peer, 0, r->key.public_key);
    r->c = (struct envelope_context){.territory = "valley",
                                     .pseudonym = "f-1",
                                     .now = {NOW},
                                     .clock_set = true,
                                     .peer = &r->peer,
                                     .topic = &r->topic};
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;
    buf_free(&r->scratch);
    buf_free(&r->bytes);
    free(r);
    return 0;
}

static struct message message(uint64_t seq)
{
    struct message m = {.kind = MESSAGE_OFFER, .territory = "valley", .from = "f-1", .epoch = 1, .seq = seq};
    m.issued.ms = NOW - MINUTE;
    m.expires.ms = NOW + 30 * DAY;
    m.body = "{\"x\":[1,{\"}\":\"]\\\"\"}]}";
    m.body_size = strlen(m.body);
    return m;
}

static enum envelope_verdict read_bytes(struct room *r, const void *data, size_t n)
{
    return envelope_read(data, n, &r->c, &r->m, r->hash, &r->scratch, r->why, sizeof r->why);
}

static enum envelope_verdict read_message(struct room *r, const struct message *m, const struct site_key *key)
{
    buf_reset(&r->bytes);
    assert_true(envelope_write(m, key, &r->bytes));
    return read_bytes(r, r->bytes.data, r->bytes.len);
}

// And takes it when it is good.
static enum envelope_verdict take(struct room *r, const struct message *m)
{
    enum envelope_verdict v = read_message(r, m, &r->key);
    if (v == ENVELOPE_OK)
        envelope_accept(&r->peer, &r->topic, &r->m, r->hash);
    return v;
}

static void is(struct room *r, enum envelope_verdict got, enum envelope_verdict wanted)
{
    if (got != wanted)
        fail_msg("%s (%s), wanted %s", envelope_verdict_word(got), r->why, envelope_verdict_word(wanted));
}

static void test_sealed_and_opened(void **state)
{
    struct room *r = *state;
    struct message m = message(17);
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    assert_int_equal(r->m.kind, MESSAGE_OFFER);
    assert_string_equal(r->m.territory, "valley");
    assert_string_equal(r->m.from, "f-1");
    assert_string_equal(r->m.key_id, r->key.id);
    assert_true(r->m.epoch == 1 && r->m.seq == 17 && r->m.issued.ms == m.issued.ms &&
                r->m.expires.ms == m.expires.ms);
    assert_int_equal(r->m.body_size, m.body_size);
    assert_memory_equal(r->m.body, m.body, m.body_size);
}

// Signs any payload.
static void seal(struct room *r, const char *payload)
{
    unsigned char signature[64], bytes[4096];
    char p[6000], s[100];
    size_t n = strlen(payload);
    memcpy(bytes, "symbiont-exchange-v1", 21);
    memcpy(bytes + 21, payload, n);
    crypto_sign_detached(signature, NULL, bytes, 21 + n, r->key.secret_key);
    sodium_bin2base64(p, sizeof p, (const unsigned char *)payload, n, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(s, sizeof s, signature, sizeof signature, sodium_base64_VARIANT_ORIGINAL);
    buf_reset(&r->bytes);
    buf_printf(&r->bytes, "{\"p\":\"%s\",\"s\":\"%s\",\"k\":\"%s\"}", p, s, r->key.id);
}

#define HEAD                                                                                                 \
    "\"v\":1,\"kind\":\"offer\",\"territory\":\"valley\",\"from\":\"f-1\",\"epoch\":1,\"seq\":1,"            \
    "\"issued\":1764000000000,\"expires\":1764086400000"

static void test_payloads(void **state)
{
    struct room *r = *state;
    static const struct {
        const char *payload;
        enum envelope_verdict verdict;
    } cases[] = {
        {"{" HEAD ",\"body\":{}}", ENVELOPE_OK},
        {"{ \"body\" : {\"body\":{\"body\":1}} , " HEAD " }", ENVELOPE_OK},
        {"{" HEAD ",\"body\":{\"a\":\"\\\\\"}}", ENVELOPE_OK},
        {"{" HEAD ",\"b\\u006fdy\":{}}", ENVELOPE_MALFORMED},
        {"{" HEAD ",\"body\":[]}", ENVELOPE_MALFORMED},
        {"{" HEAD "}", ENVELOPE_MALFORMED},
        {"{" HEAD ",\"body\":{},\"more\":1}", ENVELOPE_MALFORMED},
        {"{" HEAD ",\"seq\":2,\"body\":{}}", ENVELOPE_MALFORMED},
        {"{" HEAD ",\"body\":{\"a\":[[[[1]]]]}}", ENVELOPE_MALFORMED},
        {"{" HEAD ",\"body\":{\"a\":[[[1]]]}}", ENVELOPE_OK},
        {"{" HEAD ",\"body\":{}} ", ENVELOPE_OK},
        {"{" HEAD ",\"body\":{}}x", ENVELOPE_MALFORMED},
        {"{\"v\":2,\"anything\":[]}", ENVELOPE_VERSION},
        {"{\"v\":0," HEAD "}", ENVELOPE_MALFORMED},
        {"{\"v\":\"1\",\"body\":{}}", ENVELOPE_MALFORMED},
        {"{\"v\":2.5,\"body\":{}}", ENVELOPE_MALFORMED},
        {"{\"v\":1,\"kind\":\"gift\",\"body\":{}}", ENVELOPE_MALFORMED},
        {"{\"v\":1,\"kind\":\"offer\",\"territory\":\"Valley\",\"body\":{}}", ENVELOPE_MALFORMED},
        {"{\"v\":1,\"kind\":\"offer\",\"territory\":\"valley\",\"from\":\"f-1\",\"epoch\":0,\"seq\":1,"
         "\"issued\":1764000000000,\"expires\":1764086400000,\"body\":{}}",
         ENVELOPE_MALFORMED},
        {"{\"v\":1,\"kind\":\"offer\",\"territory\":\"valley\",\"from\":\"f-1\",\"epoch\":1,\"seq\":1,"
         "\"issued\":1764000000000,\"expires\":1764000000000,\"body\":{}}",
         ENVELOPE_MALFORMED},
        {"{\"v\":1,\"kind\":\"offer\",\"territory\":\"valley\",\"from\":\"f-1\",\"epoch\":1,\"seq\":1,"
         "\"issued\":1764000000000,\"expires\":1774000000000,\"body\":{}}",
         ENVELOPE_MALFORMED},
        {"not json", ENVELOPE_MALFORMED},
        {"", ENVELOPE_MALFORMED},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        seal(r, cases[i].payload);
        enum envelope_verdict v = read_bytes(r, r->bytes.data, r->bytes.len);
        if (v != cases[i].verdict)
            fail_msg("%s: %s (%s)", cases[i].payload, envelope_verdict_word(v), r->why);
    }
    seal(r, "{ \"body\" : {\"body\":{\"body\":1}} , " HEAD " }");
    is(r, read_bytes(r, r->bytes.data, r->bytes.len), ENVELOPE_OK);
    assert_int_equal(r->m.body_size, strlen("{\"body\":{\"body\":1}}"));
    assert_memory_equal(r->m.body, "{\"body\":{\"body\":1}}", r->m.body_size);
}

static void test_envelopes_that_are_none(void **state)
{
    struct room *r = *state;
    static const char *const bad[] = {"",
                                      "{}",
                                      "[]",
                                      "{\"p\":1,\"s\":2,\"k\":3}",
                                      "{\"p\":\"\",\"s\":\"\",\"k\":\"\"}",
                                      "{\"p\":{\"a\":1},\"s\":\"\",\"k\":\"0123456789abcdef\"}",
                                      "\"p\"",
                                      "{\"p\":\"\",\"s\":\"\"}"};
    for (size_t i = 0; i < TEST_COUNT(bad); i++)
        is(r, read_bytes(r, bad[i], strlen(bad[i])), ENVELOPE_MALFORMED);
    struct message m = message(1);
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    r->c.limit = r->bytes.len;
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    r->c.limit--;
    is(r, read_message(r, &m, &r->key), ENVELOPE_TOO_LONG);
    r->c.limit = 0;
    is(r, read_message(r, &m, &r->next_key), ENVELOPE_UNKNOWN_KEY);
    r->c.peer = NULL;
    is(r, read_message(r, &m, &r->key), ENVELOPE_UNKNOWN_KEY);
}

// "body" may be a word elsewhere: only the key counts.
static void test_a_site_that_is_called_body(void **state)
{
    struct room *r = *state;
    r->c.pseudonym = "body";
    seal(r, "{\"to\":\"body\" ," HEAD ",\"body\":{\"body\":\"body\"}}");
    is(r, read_bytes(r, r->bytes.data, r->bytes.len), ENVELOPE_OK);
    assert_string_equal(r->m.to, "body");
    assert_int_equal(r->m.body_size, strlen("{\"body\":\"body\"}"));
    assert_memory_equal(r->m.body, "{\"body\":\"body\"}", r->m.body_size);
}

static void test_parts_of_another_kind_or_length(void **state)
{
    struct room *r = *state;
    static const struct {
        const char *p, *s, *k; // as JSON; NULL: the right one
        const char *why;
    } cases[] = {
        {NULL, "\"!\"", NULL, "64 bytes"},
        {NULL, "\"\"", NULL, "64 bytes"},
        // 63 and 65 bytes
        {NULL, "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
         NULL, "64 bytes"},
        {NULL, "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"",
         NULL, "64 bytes"},
        {"\"====\"", NULL, NULL, "\"p\" must be base64"},
        {"\"e30\"", NULL, NULL, "\"p\" must be base64"}, // without its padding
        {"1", NULL, NULL, "strings"},
        {NULL, "{}", NULL, "nested"},
        {NULL, "null", NULL, "strings"},
        {NULL, NULL, "7", "strings"},
        {NULL, NULL, "\"0123456789abcde\"", "16 hex digits"},
    };
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        char key[32];
        struct buf b = {0};
        struct message m = message(1);
        is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
        const char *good = buf_text(&r->bytes), *p = strstr(good, "\"p\":") + 4,
                   *s = strstr(good, "\"s\":") + 4;
        snprintf(key, sizeof key, "\"%s\"", r->key.id);
        buf_printf(&b, "{\"p\":%.*s,\"s\":%.*s,\"k\":%s}",
                   cases[i].p ? (int)strlen(cases[i].p) : (int)strcspn(p, ","), cases[i].p ? cases[i].p : p,
                   cases[i].s ? (int)strlen(cases[i].s) : (int)strcspn(s, ","), cases[i].s ? cases[i].s : s,
                   cases[i].k ? cases[i].k : key);
        is(r, read_bytes(r, b.data, b.len), ENVELOPE_MALFORMED);
        if (!strstr(r->why, cases[i].why))
            fail_msg("%s: %s", b.data, r->why);
        // And for one who wants no words.
        assert_int_equal(envelope_read(b.data, b.len, &r->c, &r->m, r->hash, &r->scratch, NULL, 0),
                         ENVELOPE_MALFORMED);
        buf_free(&b);
    }
    assert_string_equal(envelope_verdict_word((enum envelope_verdict)ENVELOPE_VERDICTS), "");
}

// Each byte of an envelope changed: never accepted (the key id then is unknown, the base64 bad, or the
// signature).
static void test_tampered(void **state)
{
    struct room *r = *state;
    struct message m = message(1);
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    char *copy = malloc(r->bytes.len);
    unsigned bad_signatures = 0;
    for (size_t i = 0; i < r->bytes.len; i++) {
        memcpy(copy, r->bytes.data, r->bytes.len);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        enum envelope_verdict v = read_bytes(r, copy, r->bytes.len);
        if (v == ENVELOPE_OK)
            fail_msg("byte %zu was changed, and it is accepted", i);
        bad_signatures += v == ENVELOPE_BAD_SIGNATURE;
    }
    assert_true(bad_signatures > 250);
    free(copy);
    // A signature for another purpose is worth nothing: the same bytes without the context.
    struct site_key key = r->key;
    unsigned char signature[64];
    char p[1000], s[100];
    const char *payload = "{" HEAD ",\"body\":{}}";
    crypto_sign_detached(signature, NULL, (const unsigned char *)payload, strlen(payload), key.secret_key);
    sodium_bin2base64(p, sizeof p, (const unsigned char *)payload, strlen(payload),
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(s, sizeof s, signature, 64, sodium_base64_VARIANT_ORIGINAL);
    buf_reset(&r->bytes);
    buf_printf(&r->bytes, "{\"p\":\"%s\",\"s\":\"%s\",\"k\":\"%s\"}", p, s, key.id);
    is(r, read_bytes(r, r->bytes.data, r->bytes.len), ENVELOPE_BAD_SIGNATURE);
}

static void test_wrong_place(void **state)
{
    struct room *r = *state;
    struct message m = message(1);
    strcpy(m.territory, "other");
    is(r, read_message(r, &m, &r->key), ENVELOPE_WRONG_SITE);
    m = message(1);
    strcpy(m.from, "f-2"); // in another's name, with one's own key
    is(r, read_message(r, &m, &r->key), ENVELOPE_WRONG_SITE);
    m = message(1);
    r->c.pseudonym = "f-2"; // on another's topic
    is(r, read_message(r, &m, &r->key), ENVELOPE_WRONG_SITE);
    // The coordinator's: for the site whose topic it stands on.
    strcpy(r->peer.pseudonym, EXCHANGE_COORDINATOR);
    strcpy(m.from, EXCHANGE_COORDINATOR);
    is(r, read_message(r, &m, &r->key), ENVELOPE_WRONG_SITE);
    strcpy(m.to, "f-2");
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    r->c.pseudonym = "f-1";
    is(r, read_message(r, &m, &r->key), ENVELOPE_WRONG_SITE);
}

static void test_times(void **state)
{
    struct room *r = *state;
    struct message m = message(1);
    m.issued.ms = NOW + 5 * MINUTE;
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    m.issued.ms++;
    is(r, read_message(r, &m, &r->key), ENVELOPE_FUTURE);
    m.issued.ms = NOW - 5 * MINUTE;
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    m.issued.ms--;
    is(r, read_message(r, &m, &r->key), ENVELOPE_OLD);
    r->c.retained = true; // may be as old as its expiry allows
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    m.issued.ms = NOW - 20 * DAY;
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    m.expires.ms = NOW;
    is(r, read_message(r, &m, &r->key), ENVELOPE_EXPIRED);
    r->c.clock_set = false; // then nobody can say
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
}

static void test_live_numbers(void **state)
{
    struct room *r = *state;
    struct message m = message(5), older = message(4), other = message(5);
    is(r, take(r, &m), ENVELOPE_OK);
    is(r, take(r, &m), ENVELOPE_REFRESH); // delivered twice: QoS 1
    is(r, take(r, &older), ENVELOPE_REPLAYED);
    other.body = "{}";
    other.body_size = 2;
    is(r, take(r, &other), ENVELOPE_CONFLICT);
    // On another topic the same key's numbers go on.
    struct envelope_topic second = {0};
    r->c.topic = &second;
    is(r, read_message(r, &older, &r->key), ENVELOPE_REPLAYED);
    is(r, read_message(r, &m, &r->key), ENVELOPE_REPLAYED);
    m.seq = 6;
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    m.seq = 1;
    m.epoch = 2; // lost its state, began anew
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    r->c.topic = NULL;
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    envelope_accept(&r->peer, NULL, &r->m,
                    r->hash); // the numbers go on where nothing is remembered of a topic
    is(r, read_message(r, &m, &r->key), ENVELOPE_REPLAYED);
    m.seq = 99;
    m.epoch = 1; // the state from before the loss
    is(r, read_message(r, &m, &r->key), ENVELOPE_REPLAYED);
}

// A retained message of an old number does not open the way for replays; one of a key that is no longer
// pinned counts for its topic only.
static void test_accepting_never_goes_back(void **state)
{
    struct room *r = *state;
    struct message newer = message(9), older = message(4);
    is(r, take(r, &newer), ENVELOPE_OK);
    struct envelope_topic other = {0};
    r->c.topic = &other;
    r->c.retained = true;
    is(r, read_message(r, &older, &r->key), ENVELOPE_OK);
    envelope_accept(&r->peer, &other, &r->m, r->hash);
    assert_true(r->peer.seen[0].seq == 9 && other.seq == 4);
    strcpy(r->m.key_id, r->next_key.id);
    r->m.seq = 77;
    envelope_accept(&r->peer, &other, &r->m, r->hash);
    assert_true(r->peer.seen[0].seq == 9 && other.seq == 77);
}

// At a connect the retained ones come in any order, and each counts against its own topic.
static void test_retained_in_any_order(void **state)
{
    struct room *r = *state;
    struct envelope_topic topics[3] = {0};
    static const uint64_t order[] = {9, 2, 5};
    r->c.retained = true;
    for (int i = 0; i < 3; i++) {
        struct message m = message(order[i]);
        r->c.topic = &topics[i];
        is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
        envelope_accept(&r->peer, &topics[i], &r->m, r->hash);
    }
    assert_true(r->peer.seen[0].seq == 9);
    for (int i = 0; i < 3; i++) { // the next connect
        struct message m = message(order[i]);
        r->c.topic = &topics[i];
        is(r, read_message(r, &m, &r->key), ENVELOPE_REFRESH);
        m.seq--;
        is(r, read_message(r, &m, &r->key), ENVELOPE_REPLAYED);
        m.seq++;
        m.body = "{}";
        m.body_size = 2;
        is(r, read_message(r, &m, &r->key), ENVELOPE_CONFLICT);
    }
    r->c.retained = false; // but live only what is newer than all of them
    struct message m = message(8);
    is(r, read_message(r, &m, &r->key), ENVELOPE_REPLAYED);
    m.seq = 10;
    is(r, read_message(r, &m, &r->key), ENVELOPE_OK);
    // One that is refreshed beyond its expiry is gone all the same.
    m = message(2);
    r->c.topic = &topics[1];
    r->c.retained = true;
    r->c.now.ms = m.expires.ms;
    is(r, read_message(r, &m, &r->key), ENVELOPE_EXPIRED);
}

static void test_withdrawn_stays_withdrawn(void **state)
{
    struct room *r = *state;
    struct message offer = message(1), withdrawal = message(2), again = message(3);
    withdrawal.kind = MESSAGE_WITHDRAWAL;
    withdrawal.expires.ms =
        NOW + 10 * DAY; // the tombstone stands until what was withdrawn would have expired
    is(r, take(r, &offer), ENVELOPE_OK);
    is(r, take(r, &withdrawal), ENVELOPE_OK);
    assert_true(r->topic.withdrawn && r->topic.until.ms == NOW + 30 * DAY);
    is(r, take(r, &withdrawal), ENVELOPE_REFRESH);
    r->c.retained = true;
    is(r, take(r, &offer), ENVELOPE_REPLAYED);
    is(r, take(r, &again), ENVELOPE_WITHDRAWN);
    again.kind = MESSAGE_WITHDRAWAL; // sent again, because its receipt was lost
    is(r, take(r, &again), ENVELOPE_OK);
    // Without a clock nobody knows that the tombstone may go.
    again = message(9);
    again.expires.ms = NOW + 90 * DAY;
    r->c.now.ms = NOW + 31 * DAY;
    r->c.clock_set = false;
    is(r, read_message(r, &again, &r->key), ENVELOPE_WITHDRAWN);
    r->c.clock_set = true;
    is(r, take(r, &offer), ENVELOPE_REPLAYED);
    is(r, read_message(r, &again, &r->key), ENVELOPE_OK);
}

static void test_two_keys_while_rotating(void **state)
{
    struct room *r = *state;
    struct message m = message(50), by_next = message(1);
    is(r, take(r, &m), ENVELOPE_OK);
    is(r, read_message(r, &by_next, &r->next_key), ENVELOPE_UNKNOWN_KEY);
    envelope_peer_pin(&r->peer, 1, r->next_key.public_key);
    // Its own numbers; between the keys the time of issue decides.
    is(r, read_message(r, &by_next, &r->next_key), ENVELOPE_REPLAYED);
    by_next.issued.ms++;
    is(r, read_message(r, &by_next, &r->next_key), ENVELOPE_OK);
    envelope_accept(&r->peer, &r->topic, &r->m, r->hash);
    assert_true(r->peer.seen[0].seq == 50 && r->peer.seen[1].seq == 1);
    r->c.retained = true; // what the old key signed before does not come back
    is(r, read_message(r, &m, &r->key), ENVELOPE_REPLAYED);
    r->peer.key_count = 1; // the old key in place 0 still; the next one revoked
    is(r, read_message(r, &by_next, &r->next_key), ENVELOPE_UNKNOWN_KEY);
}

static void test_two_keys_and_no_third(void **state)
{
    struct room *r = *state;
    struct site_key third = kit_key(3);
    envelope_peer_pin(&r->peer, 1, r->next_key.public_key);
    envelope_peer_pin(&r->peer, 2, third.public_key);
    assert_int_equal(r->peer.key_count, 2);
    struct message m = message(5);
    is(r, read_message(r, &m, &third), ENVELOPE_UNKNOWN_KEY);
    is(r, take(r, &m), ENVELOPE_OK);
    // Another key in its place: the numbers begin anew, the one beside it stays.
    envelope_peer_pin(&r->peer, 0, third.public_key);
    assert_int_equal(r->peer.key_count, 2);
    assert_int_equal(r->peer.seen[0].seq, 0);
    is(r, read_message(r, &m, &r->key), ENVELOPE_UNKNOWN_KEY);
    r->c.topic = NULL;
    is(r, read_message(r, &m, &third), ENVELOPE_OK);
    is(r, read_message(r, &m, &r->next_key), ENVELOPE_OK);
}

int main(void)
{
#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_sealed_and_opened),
        IN_ROOM(test_payloads),
        IN_ROOM(test_envelopes_that_are_none),
        IN_ROOM(test_a_site_that_is_called_body),
        IN_ROOM(test_parts_of_another_kind_or_length),
        IN_ROOM(test_tampered),
        IN_ROOM(test_wrong_place),
        IN_ROOM(test_times),
        IN_ROOM(test_live_numbers),
        IN_ROOM(test_retained_in_any_order),
        IN_ROOM(test_withdrawn_stays_withdrawn),
        IN_ROOM(test_accepting_never_goes_back),
        IN_ROOM(test_two_keys_while_rotating),
        IN_ROOM(test_two_keys_and_no_third),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
