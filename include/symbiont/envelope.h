/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed messages of the territory: Ed25519 (libsodium) over the exact bytes, with a context in front so that
 * a signature made for one purpose is worth nothing for another. docs/exchange-protocol.md is the manual.
 *
 *     {"p":"<base64 of the payload>","s":"<base64 of the signature>","k":"<key id>"}
 *     signature over "symbiont-exchange-v1\0" and the payload's bytes
 *     payload: {"v":1,"kind":"offer","territory":"val-de-fensch","from":"f-7q2","epoch":3,"seq":17,
 *               "issued":1764000000000,"expires":1764086400000,"body":{...}}
 */
#ifndef SYMBIONT_ENVELOPE_H
#define SYMBIONT_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/clock.h"

#define KEY_PUBLIC 32
#define KEY_SECRET 64
#define KEY_ID     17 /* 16 hex digits: the first 8 bytes of the public key's SHA-256 */
#define KEY_TEXT   45 /* base64 of a public key */

struct site_key {
    unsigned char public_key[KEY_PUBLIC];
    unsigned char secret_key[KEY_SECRET]; /* wiped by site_key_wipe */
    char id[KEY_ID];
};

/* A new pair into a file (mode 0400, not replaced when it exists): one line of base64 of the 32-byte seed.
 * 0, or -1 with a sentence. */
int site_key_create(const char *path, struct site_key *out, char *why, size_t why_size);
/* Reads it with the care of secret_read. */
int site_key_load(const char *path, struct site_key *out, char *why, size_t why_size);
void site_key_wipe(struct site_key *k);
bool public_key_parse(const char *base64, unsigned char out[static KEY_PUBLIC]);
char *public_key_text(const unsigned char key[static KEY_PUBLIC], char out[static KEY_TEXT]);
void public_key_id(const unsigned char key[static KEY_PUBLIC], char out[static KEY_ID]);

enum message_kind {
    MESSAGE_CARD,  /* who a site is, as far as it discloses */
    MESSAGE_OFFER, /* body: offer_write */
    MESSAGE_NEED,
    MESSAGE_WITHDRAWAL, /* body {"id":"..."}: followed by an empty retained message, which alone means nothing
                         */
    MESSAGE_REPLY,      /* body {"match":"...","answer":"interested"|"declined"|"withdrawn","revision":n} */
    MESSAGE_MATCH,      /* coordinator to one side: that side's own view */
    MESSAGE_RECEIPT,    /* coordinator to an owner: to whom an offer was released, and when */
    MESSAGE_METER,      /* a side of a running exchange: what was metered in an hour, as agreed */
};
const char *message_kind_word(enum message_kind k);

struct message {
    enum message_kind kind;
    char territory[64], from[33];
    char key_id[KEY_ID];
    uint64_t epoch, seq; /* strictly growing per key: the sender keeps them over restarts */
    struct utc issued, expires;
    const char *body; /* the bytes of the JSON object; within the memory given to envelope_read */
    size_t body_size;
};

/* Appends the envelope. `m->key_id` is ignored, the key's is used. False: out of memory. */
bool envelope_write(const struct message *m, const struct site_key *key, struct buf *out);

enum envelope_verdict {
    ENVELOPE_OK,
    ENVELOPE_REFRESH, /* the same sequence number and the same bytes as before: a retained message again */
    ENVELOPE_TOO_LONG,
    ENVELOPE_MALFORMED, /* not the JSON it must be, unknown keys, too deep */
    ENVELOPE_VERSION,   /* of a newer version: ignored and counted */
    ENVELOPE_UNKNOWN_KEY,
    ENVELOPE_BAD_SIGNATURE,
    ENVELOPE_WRONG_SITE, /* the key is not of the site in the topic or in `from`, or another territory */
    ENVELOPE_REPLAYED,   /* not newer than what was seen */
    ENVELOPE_CONFLICT,   /* the same number, other bytes: somebody else has the key, or lost its state */
    ENVELOPE_EXPIRED,
    ENVELOPE_FUTURE, /* issued more than 5 min ahead of our clock */
    ENVELOPE_OLD,    /* not retained and issued more than 5 min ago */
};
#define ENVELOPE_VERDICTS (ENVELOPE_OLD + 1)
const char *envelope_verdict_word(enum envelope_verdict v);

#define ENVELOPE_BYTES    8192   /* what a receiver reads at most, by default; a gateway: 4096 + overhead */
#define ENVELOPE_CLOCK_MS 300000 /* +-5 min */

/* A sender as the receiver knows it: pinned keys (two while they are being exchanged) and what was seen last.
 * The receiver keeps `epoch`, `seq`, `hash` over restarts. */
struct envelope_peer {
    char pseudonym[33];
    unsigned char keys[2][KEY_PUBLIC];
    char key_ids[2][KEY_ID];
    unsigned key_count;
    struct envelope_seen {
        uint64_t epoch, seq;
    } seen[2]; /* per key */
};

/*
 * Opens an envelope of a stranger. `pseudonym`: of the topic. `find`: the peer of a pseudonym, or NULL.
 * Checks in the order of the verdicts, cheapest first; the signature before anything inside is believed. Does
 * not move `seen`: the receiver does when it has accepted (envelope_accept). Retained messages are legal: for
 * them a number equal to the one remembered for that topic (`topic_seq`, `topic_hash`; 0: none) is a refresh,
 * and the issue time may lie back as far as the expiry allows. `scratch` gets the payload.
 */
struct envelope_context {
    const char *territory, *pseudonym;
    struct utc now;
    bool clock_set; /* false: times are not judged, the result is advisory */
    bool retained;
    size_t limit; /* bytes; 0: ENVELOPE_BYTES */
    const struct envelope_peer *peer;
    uint64_t topic_epoch, topic_seq;
    unsigned char topic_hash[32];
};
enum envelope_verdict envelope_read(const void *data, size_t n, const struct envelope_context *c,
                                    struct message *out, unsigned char hash[static 32], struct buf *scratch,
                                    char *why, size_t why_size);
/* The peer's last number becomes this message's, when it is newer. */
void envelope_accept(struct envelope_peer *peer, const struct message *m);

#endif
