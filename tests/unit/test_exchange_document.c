// SPDX-License-Identifier: Apache-2.0
// docs/exchange-protocol.md: its signed examples are good, and its tables name every key with its level.
#include <ctype.h>
#include <stdlib.h>
#include "exchange/offer_table.h"
#include "exchange_kit.h"
#include "symbiont/files.h"

#define PAGE "docs/exchange-protocol.md"

static int set_up(void **state)
{
    struct buf *page = calloc(1, sizeof *page);
    if (sodium_init() < 0 || file_read(PAGE, 1 << 20, page) < 0)
        return -1;
    buf_text(page);
    *state = page;
    return 0;
}

static int tear_down(void **state)
{
    buf_free(*state);
    free(*state);
    return 0;
}

// The seed of the row "| `name` | `seed in hex` | ...", as a key; the row's other cells must be of that key.
static struct site_key key_of(const char *page, const char *name)
{
    struct site_key k;
    char begin[64], seed[crypto_sign_SEEDBYTES * 2 + 1], rest[300], public_key[KEY_TEXT];
    unsigned char bytes[crypto_sign_SEEDBYTES];
    snprintf(begin, sizeof begin, "\n| `%s` | `", name);
    const char *row = strstr(page, begin);
    assert_non_null(row);
    snprintf(seed, sizeof seed, "%s", row + strlen(begin));
    assert_int_equal(sodium_hex2bin(bytes, sizeof bytes, seed, strlen(seed), NULL, NULL, NULL), 0);
    crypto_sign_seed_keypair(k.public_key, k.secret_key, bytes);
    public_key_id(k.public_key, k.id);
    snprintf(rest, sizeof rest, "` | `%s` | `%s` |\n", public_key_text(k.public_key, public_key), k.id);
    assert_true(strstr(row, rest) && strstr(row, rest) < strchr(row + 1, '\n'));
    return k;
}

// The line behind "```json <what> <kind>".
static bool example(const char *page, const char *what, const char *kind, struct buf *out)
{
    char fence[64];
    snprintf(fence, sizeof fence, "\n```json %s %s\n", what, kind);
    const char *at = strstr(page, fence);
    if (!at)
        return false;
    at += strlen(fence);
    buf_reset(out);
    buf_put(out, at, strcspn(at, "\n"));
    return true;
}

#define BODY(kind)                                                                                           \
    static bool body_##kind(const char *body, size_t n, struct buf *again, char *why, size_t size)           \
    {                                                                                                        \
        struct kind read;                                                                                    \
        bool ok = kind##_read(body, n, &read, why, size);                                                    \
        if (ok)                                                                                              \
            kind##_write(&read, again);                                                                      \
        return ok;                                                                                           \
    }
BODY(card)
BODY(offer)
BODY(withdrawal)
BODY(reply)
BODY(match_view)
BODY(receipt)
BODY(metered)

static bool (*const bodies[MESSAGE_KINDS])(const char *, size_t, struct buf *, char *, size_t) = {
    [MESSAGE_CARD] = body_card,
    [MESSAGE_OFFER] = body_offer,
    [MESSAGE_NEED] = body_offer,
    [MESSAGE_REPLY] = body_reply,
    [MESSAGE_WITHDRAWAL] = body_withdrawal,
    [MESSAGE_MATCH] = body_match_view,
    [MESSAGE_RECEIPT] = body_receipt,
    [MESSAGE_METER] = body_metered,
};

static void test_signed_examples(void **state)
{
    const char *page = buf_text(*state);
    struct site_key site = key_of(page, "site"), coordinator = key_of(page, "coordinator");
    for (int k = 0; k < MESSAGE_KINDS; k++) {
        const char *kind = message_kind_word((enum message_kind)k);
        bool of_coordinator = k == MESSAGE_MATCH || k == MESSAGE_RECEIPT;
        const struct site_key *key = of_coordinator ? &coordinator : &site;
        struct buf payload = {0}, envelope = {0}, scratch = {0}, again = {0};
        struct envelope_peer peer = {0};
        struct message m;
        unsigned char hash[32];
        char why[300] = "";
        if (!example(page, "payload", kind, &payload) || !example(page, "envelope", kind, &envelope))
            fail_msg("there is no example of a %s", kind);
        strcpy(peer.pseudonym, of_coordinator ? EXCHANGE_COORDINATOR : "f-7q2k9mxw");
        envelope_peer_pin(&peer, 0, key->public_key);
        const struct envelope_context c = {.territory = "val-de-fensch",
                                           .pseudonym = "f-7q2k9mxw",
                                           .now = {1795000060000},
                                           .clock_set = true,
                                           .peer = &peer};
        enum envelope_verdict v =
            envelope_read(envelope.data, envelope.len, &c, &m, hash, &scratch, why, sizeof why);
        if (v != ENVELOPE_OK)
            fail_msg("%s: %s: %s", kind, envelope_verdict_word(v), why);
        assert_int_equal(m.kind, k);
        assert_int_equal(scratch.len, payload.len);
        assert_memory_equal(scratch.data, payload.data, payload.len);
        if (!bodies[k](m.body, m.body_size, &again, why, sizeof why))
            fail_msg("%s: %s", kind, why);
        assert_int_equal(again.len, m.body_size); // as we would write it
        assert_memory_equal(again.data, m.body, again.len);
        buf_reset(&payload);
        assert_true(envelope_write(&m, key, &payload));
        assert_string_equal(buf_text(&payload), buf_text(&envelope));
        buf_free(&payload);
        buf_free(&envelope);
        buf_free(&scratch);
        buf_free(&again);
    }
}

static void test_examples_of_offers_are_good(void **state)
{
    const char *page = buf_text(*state);
    static const char *const kinds[] = {"offer", "need"};
    for (size_t i = 0; i < TEST_COUNT(kinds); i++) {
        struct buf payload = {0};
        struct offer o;
        char why[300];
        assert_true(example(page, "payload", kinds[i], &payload));
        const char *body = strstr(buf_text(&payload), "\"body\":") + 7;
        assert_true(offer_read(body, strlen(body) - 1, &o, why, sizeof why));
        if (!offer_check(&o, why, sizeof why))
            fail_msg("%s", why);
        buf_free(&payload);
    }
}

// Every key of the table stands in the page; those of the body itself with the level that the program uses.
static void test_every_key_is_told(void **state)
{
    const char *page = buf_text(*state);
    char text[64];
    const struct field *todo[16] = {offer_rows};
    size_t n = 1;
    for (size_t i = 0; i < n; i++)
        for (const struct field *f = todo[i]; f->key; f++) {
            snprintf(text, sizeof text, "`%s`", f->key);
            if (!strstr(page, text))
                fail_msg("the page does not tell of %s", text);
            if (f->rows && n < TEST_COUNT(todo))
                todo[n++] = f->rows;
        }
    const char *table = strstr(page, "### offer and need");
    assert_non_null(table);
    for (const struct field *f = offer_rows; f->key; f++) {
        snprintf(text, sizeof text, "`%s`", f->key);
        const char *row = table, *cell, *end;
        do { // the row whose first cell names it
            row = strstr(row + 1, "\n| ");
            assert_non_null(row);
            end = strstr(row + 3, " |");
            cell = strstr(row, text);
        } while (!cell || cell > end);
        const char *level = strstr(end + 2, "| ");
        level = level ? strstr(end + 3, " | ") + 3 : NULL;
        if (!level || !isdigit((unsigned char)*level) || *level - '0' != f->level)
            fail_msg("the page gives %s another level than %u: %.60s", f->key, f->level, row + 1);
    }
}

static void test_words_are_told(void **state)
{
    const char *page = buf_text(*state);
    const struct choice *const lists[] = {synergy_choices, legal_choices,        resource_choices,
                                          medium_choices,  match_status_choices, reply_choices,
                                          receipt_choices, provenance_choices};
    char text[64];
    for (size_t i = 0; i < TEST_COUNT(lists); i++)
        for (const struct choice *c = lists[i]; c->word; c++) {
            snprintf(text, sizeof text, "`%s`", c->word);
            if (c->value >= 0 && !strstr(page, text))
                fail_msg("the page does not tell of %s", text);
        }
    for (int k = 0; k < MESSAGE_KINDS; k++) {
        snprintf(text, sizeof text, "`%s`", message_kind_word((enum message_kind)k));
        assert_non_null(strstr(page, text));
    }
    assert_non_null(strstr(page, "envelope | 8192 bytes; a body 4096"));
    assert_int_equal(ENVELOPE_BYTES, 8192);
    assert_int_equal(MESSAGE_BODY_BYTES, 4096);
    assert_int_equal(OFFER_BYTES, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_examples),
        cmocka_unit_test(test_examples_of_offers_are_good),
        cmocka_unit_test(test_every_key_is_told),
        cmocka_unit_test(test_words_are_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
