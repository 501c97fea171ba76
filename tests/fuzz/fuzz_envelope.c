// SPDX-License-Identifier: Apache-2.0
// Envelopes of strangers, and what a member whose key is known may put into one: judged without harm, and
// each body that is taken is written and read again the same. First byte: 0 to 3 an envelope as it is, else a
// payload that is signed here, so that the fuzzer gets behind the signature; its other bits are the
// receiver's circumstances.
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "one_text.h"
#include "symbiont/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define AGAIN(kind)                                                                                          \
    static void again_##kind(const char *body, size_t n)                                                     \
    {                                                                                                        \
        static struct buf first, second;                                                                     \
        char why[200];                                                                                       \
        struct kind a, b;                                                                                    \
        if (!kind##_read(body, n, &a, why, sizeof why))                                                      \
            return;                                                                                          \
        buf_reset(&first);                                                                                   \
        buf_reset(&second);                                                                                  \
        kind##_write(&a, &first);                                                                            \
        if (first.len > MESSAGE_BODY_BYTES)                                                                  \
            return;                                                                                          \
        if (!kind##_read(first.data, first.len, &b, why, sizeof why))                                        \
            abort();                                                                                         \
        kind##_write(&b, &second);                                                                           \
        if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)                      \
            abort();                                                                                         \
    }
AGAIN(card)
AGAIN(offer)
AGAIN(withdrawal)
AGAIN(reply)
AGAIN(match_view)
AGAIN(receipt)
AGAIN(metered)

static void (*const again[MESSAGE_KINDS])(const char *, size_t) = {
    [MESSAGE_CARD] = again_card,       [MESSAGE_OFFER] = again_offer,
    [MESSAGE_NEED] = again_offer,      [MESSAGE_WITHDRAWAL] = again_withdrawal,
    [MESSAGE_REPLY] = again_reply,     [MESSAGE_MATCH] = again_match_view,
    [MESSAGE_RECEIPT] = again_receipt, [MESSAGE_METER] = again_metered,
};

static void put_base64(struct buf *b, const void *data, size_t n)
{
    size_t size = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
    char *room = buf_room(b, size);
    sodium_bin2base64(room, size, data, n, sodium_base64_VARIANT_ORIGINAL);
    b->len += size - 1;
}

static void seal(const struct site_key *key, const uint8_t *payload, size_t n, struct buf *out)
{
    static struct buf bytes;
    unsigned char signature[64];
    buf_reset(&bytes);
    buf_put(&bytes, "symbiont-exchange-v1", 21);
    buf_put(&bytes, payload, n);
    crypto_sign_detached(signature, NULL, (const unsigned char *)bytes.data, bytes.len, key->secret_key);
    buf_puts(out, "{\"p\":\"");
    put_base64(out, payload, n);
    buf_puts(out, "\",\"s\":\"");
    put_base64(out, signature, sizeof signature);
    buf_printf(out, "\",\"k\":\"%s\"}", key->id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct site_key key;
    static struct buf envelope, scratch;
    unsigned char seed[32] = {1}, hash[32];
    struct envelope_peer peer = {.pseudonym = "f-1"};
    struct envelope_topic topic = {0};
    struct message m;
    char why[200] = "";
    if (n < 1 || n > 9000)
        return 0;
    if (!key.id[0]) {
        crypto_sign_seed_keypair(key.public_key, key.secret_key, seed);
        public_key_id(key.public_key, key.id);
    }
    envelope_peer_pin(&peer, 0, key.public_key);
    struct envelope_context c = {.territory = "t",
                                 .pseudonym = "f-1",
                                 .now = {1764000000000},
                                 .clock_set = data[0] & 4,
                                 .retained = data[0] & 8,
                                 .peer = &peer,
                                 .topic = &topic};
    buf_reset(&envelope);
    if (data[0] < 4)
        buf_put(&envelope, data + 1, n - 1);
    else
        seal(&key, data + 1, n - 1, &envelope);
    enum envelope_verdict v =
        envelope_read(envelope.data, envelope.len, &c, &m, hash, &scratch, why, sizeof why);
    if (v != ENVELOPE_OK) {
        if (!*why || v == ENVELOPE_REFRESH)
            abort();
        return 0;
    }
    if (m.body < scratch.data || m.body + m.body_size > scratch.data + scratch.len || m.body[0] != '{' ||
        m.body[m.body_size - 1] != '}')
        abort();
    again[m.kind](m.body, m.body_size);
    envelope_accept(&peer, &topic, &m, hash);
    if (envelope_read(envelope.data, envelope.len, &c, &m, hash, &scratch, why, sizeof why) !=
        ENVELOPE_REFRESH)
        abort();
    return 0;
}
