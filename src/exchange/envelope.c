// SPDX-License-Identifier: Apache-2.0
// Signed messages: sealed and opened.
#include "symbiont/envelope.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "exchange/codec.h"
#include "exchange/envelope_inside.h"

#define BASE64        sodium_base64_VARIANT_ORIGINAL
#define VERSION       1
#define SIGNATURE     crypto_sign_BYTES
#define PAYLOAD_DEPTH (CODEC_DEPTH + 1)

// Its NUL is signed too: no longer context begins like it.
static const char context_prefix[] = "symbiont-exchange-v1";

static const struct choice kinds[] = {{"card", MESSAGE_CARD},
                                      {"offer", MESSAGE_OFFER},
                                      {"need", MESSAGE_NEED},
                                      {"withdrawal", MESSAGE_WITHDRAWAL},
                                      {"reply", MESSAGE_REPLY},
                                      {"match", MESSAGE_MATCH},
                                      {"receipt", MESSAGE_RECEIPT},
                                      {"meter", MESSAGE_METER},
                                      {0}};

static const char *const verdicts[ENVELOPE_VERDICTS] = {
    [ENVELOPE_OK] = "accepted",
    [ENVELOPE_REFRESH] = "known already",
    [ENVELOPE_TOO_LONG] = "too long",
    [ENVELOPE_MALFORMED] = "malformed",
    [ENVELOPE_VERSION] = "of another version",
    [ENVELOPE_UNKNOWN_KEY] = "of an unknown key",
    [ENVELOPE_BAD_SIGNATURE] = "with a bad signature",
    [ENVELOPE_WRONG_SITE] = "of another site than its place says",
    [ENVELOPE_REPLAYED] = "replayed",
    [ENVELOPE_CONFLICT] = "in conflict: one number, two messages",
    [ENVELOPE_WITHDRAWN] = "of what was withdrawn",
    [ENVELOPE_EXPIRED] = "expired",
    [ENVELOPE_FUTURE] = "from the future",
    [ENVELOPE_OLD] = "too old",
};

const char *message_kind_word(enum message_kind k)
{
    return codec_choice_word(kinds, (int)k);
}

const char *envelope_verdict_word(enum envelope_verdict v)
{
    return (unsigned)v < ENVELOPE_VERDICTS ? verdicts[v] : "";
}

// The payload but its body.
struct header {
    uint64_t version;
    int kind;
    char territory[64], from[33], to[33];
    uint64_t epoch, seq;
    struct utc issued, expires;
};

#define CHARS_ID "abcdefghijklmnopqrstuvwxyz0123456789-"

// clang-format off
static const struct field header_rows[] = {
    FIELD(UINT,   "v",         struct header, version,   .required = true, .min = 1),
    FIELD(CHOICE, "kind",      struct header, kind,      .required = true, .choices = kinds),
    FIELD(WORD,   "territory", struct header, territory, .required = true, .chars = CHARS_ID),
    FIELD(WORD,   "from",      struct header, from,      .required = true, .chars = CHARS_PSEUDONYM),
    FIELD(WORD,   "to",        struct header, to,        .chars = CHARS_PSEUDONYM),
    FIELD(UINT,   "epoch",     struct header, epoch,     .required = true, .min = 1),
    FIELD(UINT,   "seq",       struct header, seq,       .required = true, .min = 1),
    FIELD(UTC,    "issued",    struct header, issued,    .required = true),
    FIELD(UTC,    "expires",   struct header, expires,   .required = true),
    {0}};
// clang-format on

// ---- Sealing ----

static void write_payload(const struct message *m, struct buf *out)
{
    struct header h = {.version = VERSION,
                       .kind = (int)m->kind,
                       .epoch = m->epoch,
                       .seq = m->seq,
                       .issued = m->issued,
                       .expires = m->expires};
    snprintf(h.territory, sizeof h.territory, "%s", m->territory);
    snprintf(h.from, sizeof h.from, "%s", m->from);
    snprintf(h.to, sizeof h.to, "%s", m->to);
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    codec_write_members(header_rows, &h, &j);
    json_raw(&j, "body", m->body, m->body_size);
    json_close(&j, '}');
}

static void put_base64(struct json *j, const char *key, const void *data, size_t n)
{
    struct buf text = {0};
    size_t size = sodium_base64_ENCODED_LEN(n, BASE64);
    char *room = buf_room(&text, size);
    if (room) {
        sodium_bin2base64(room, size, data, n, BASE64);
        json_text_n(j, key, room, size - 1);
    } else {
        j->out->failed = true;
    }
    buf_free(&text);
}

// Ed25519 wants one stretch of memory: context and payload together.
static bool with_context(const void *payload, size_t n, struct buf *out)
{
    buf_put(out, context_prefix, sizeof context_prefix);
    buf_put(out, payload, n);
    return !out->failed;
}

bool envelope_write(const struct message *m, const struct site_key *key, struct buf *out)
{
    unsigned char signature[SIGNATURE];
    struct buf payload = {0}, signed_bytes = {0};
    write_payload(m, &payload);
    bool ok = !payload.failed && with_context(payload.data, payload.len, &signed_bytes);
    if (ok) {
        crypto_sign_detached(signature, NULL, (const unsigned char *)signed_bytes.data, signed_bytes.len,
                             key->secret_key);
        struct json j = json_begin(out);
        json_open(&j, NULL, '{');
        put_base64(&j, "p", payload.data, payload.len);
        put_base64(&j, "s", signature, sizeof signature);
        json_text(&j, "k", key->id);
        json_close(&j, '}');
    }
    buf_free(&payload);
    buf_free(&signed_bytes);
    return ok && !out->failed;
}

// ---- Opening ----

// `v` is a string. False also when it is more than `most` bytes.
static bool from_base64(const json_t *v, struct buf *out, size_t most)
{
    const char *text = json_string_value(v);
    size_t n = 0, length = json_string_length(v);
    unsigned char *room = (unsigned char *)buf_room(out, length + 1);
    if (!room || sodium_base642bin(room, length + 1, text, length, NULL, &n, NULL, BASE64) != 0 || n > most)
        return false;
    out->len += n;
    return true;
}

// The bytes of the object `body` in a payload that jansson has found to be good JSON. NULL: its key is
// written with escapes, which nobody does in good faith.
static const char *find_body(const char *s, size_t n, size_t *size)
{
    static const char key[] = "\"body\"";
    unsigned depth = 0;
    const char *begin = NULL;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"') {
            size_t from = i;
            for (i++; s[i] != '"'; i++)
                i += s[i] == '\\';
            size_t after = i + 1 + strspn(s + i + 1, " \t\r\n");
            if (depth == 1 && i + 1 - from == sizeof key - 1 && memcmp(s + from, key, sizeof key - 1) == 0 &&
                s[after] == ':')
                begin = s + after + 1 + strspn(s + after + 1, " \t\r\n");
        } else if (s[i] == '{' || s[i] == '[') {
            depth++;
        } else if (s[i] == '}' || s[i] == ']') {
            depth--;
            if (begin && depth == 1) {
                *size = (size_t)(s + i + 1 - begin);
                return begin;
            }
        }
    }
    return NULL;
}

static enum envelope_verdict open_signature(struct opening *o, const json_t *envelope)
{
    const char *id = json_string_value(json_object_get(envelope, "k"));
    struct buf signature = {0}, signed_bytes = {0};
    enum envelope_verdict v = ENVELOPE_OK;
    const json_t *p = json_object_get(envelope, "p"), *s = json_object_get(envelope, "s");
    if (json_object_size(envelope) != 3 || !id || !json_is_string(p) || !json_is_string(s))
        return envelope_say(o, ENVELOPE_MALFORMED, "an envelope has the strings \"p\", \"s\" and \"k\"");
    if (strlen(id) != KEY_ID - 1)
        return envelope_say(o, ENVELOPE_MALFORMED, "\"k\" must be 16 hex digits");
    o->key = envelope_key_of(o->c->peer, id);
    if (o->key < 0)
        return envelope_say(o, ENVELOPE_UNKNOWN_KEY, "\"k\" is no key that is pinned for this member");
    strcpy(o->m->key_id, id);
    if (!from_base64(s, &signature, SIGNATURE) || signature.len != SIGNATURE)
        v = envelope_say(o, ENVELOPE_MALFORMED, "\"s\" must be base64 of 64 bytes");
    else if (!from_base64(p, o->scratch, o->c->limit ? o->c->limit : ENVELOPE_BYTES))
        v = envelope_say(o, ENVELOPE_MALFORMED, "\"p\" must be base64");
    else if (!with_context(o->scratch->data, o->scratch->len, &signed_bytes))
        v = envelope_say(o, ENVELOPE_MALFORMED, "no memory");
    else if (crypto_sign_verify_detached((const unsigned char *)signature.data,
                                         (const unsigned char *)signed_bytes.data, signed_bytes.len,
                                         o->c->peer->keys[o->key]) != 0)
        v = envelope_say(o, ENVELOPE_BAD_SIGNATURE, "the signature does not fit");
    else
        crypto_hash_sha256(o->hash, (const unsigned char *)o->scratch->data, o->scratch->len);
    buf_free(&signature);
    buf_free(&signed_bytes);
    return v;
}

static enum envelope_verdict take_header(struct opening *o, json_t *payload)
{
    struct header h = {0};
    json_t *body = json_object_get(payload, "body");
    const json_t *version = json_object_get(payload, "v");
    if (json_is_integer(version) && json_integer_value(version) > VERSION)
        return envelope_say(o, ENVELOPE_VERSION, "it is of a newer version");
    if (!json_is_object(body))
        return envelope_say(o, ENVELOPE_MALFORMED, "\"body\" must be an object");
    json_object_del(payload, "body");
    if (!codec_take(header_rows, payload, &h, o->why, o->why_size))
        return ENVELOPE_MALFORMED;
    struct message *m = o->m;
    m->kind = (enum message_kind)h.kind;
    strcpy(m->territory, h.territory);
    strcpy(m->from, h.from);
    strcpy(m->to, h.to);
    m->epoch = h.epoch;
    m->seq = h.seq;
    m->issued = h.issued;
    m->expires = h.expires;
    if (h.expires.ms <= h.issued.ms || h.expires.ms - h.issued.ms > ENVELOPE_LIFE_MS)
        return envelope_say(o, ENVELOPE_MALFORMED,
                            "\"expires\" must be after \"issued\", by 100 days at most");
    m->body = find_body(o->scratch->data, o->scratch->len, &m->body_size);
    return m->body ? ENVELOPE_OK : envelope_say(o, ENVELOPE_MALFORMED, "\"body\" cannot be found");
}

static enum envelope_verdict open_payload(struct opening *o)
{
    char why[160];
    json_t *payload =
        codec_parse(o->scratch->data, o->scratch->len, ENVELOPE_BYTES, PAYLOAD_DEPTH, why, sizeof why);
    if (!payload) {
        snprintf(o->why, o->why_size, "the payload: %s", why);
        return ENVELOPE_MALFORMED;
    }
    // find_body looks one byte ahead at most
    buf_putc(o->scratch, '\0');
    o->scratch->len--;
    enum envelope_verdict v =
        o->scratch->failed ? envelope_say(o, ENVELOPE_MALFORMED, "no memory") : take_header(o, payload);
    json_decref(payload);
    return v;
}

enum envelope_verdict envelope_read(const void *data, size_t n, const struct envelope_context *c,
                                    struct message *out, unsigned char hash[static 32], struct buf *scratch,
                                    char *why, size_t why_size)
{
    struct opening o = {c, out, hash, scratch, why, why_size, -1};
    size_t limit = c->limit ? c->limit : ENVELOPE_BYTES;
    *out = (struct message){0};
    memset(hash, 0, 32);
    buf_reset(scratch);
    if (why_size)
        *why = '\0';
    if (n > limit) {
        snprintf(why, why_size, "it has %zu bytes, at most %zu are taken", n, limit);
        return ENVELOPE_TOO_LONG;
    }
    json_t *envelope = codec_parse(data, n, limit, 1, why, why_size);
    if (!envelope)
        return ENVELOPE_MALFORMED;
    enum envelope_verdict v = open_signature(&o, envelope);
    json_decref(envelope);
    if (v == ENVELOPE_OK)
        v = open_payload(&o);
    return v == ENVELOPE_OK ? envelope_judge(&o) : v;
}
