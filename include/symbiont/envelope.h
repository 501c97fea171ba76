/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed messages of the territory: Ed25519 (libsodium) over the exact bytes, with a context in front so that
 * a signature made for one purpose is worth nothing for another. docs/exchange-protocol.md is the manual.
 *
 *     {"p":"<base64 of the payload>","s":"<base64 of the signature>","k":"<key id>"}
 *     signature over "symbiont-exchange-v1\0" and the payload's bytes
 *     payload: {"v":1,"kind":"offer","territory":"val-de-fensch","from":"f-7q2","epoch":3,"seq":17,
 *               ["to":"f-7q2" when a coordinator signs,]
 * "issued":1764000000000,"expires":1764086400000,"body":{...}}
 *
 * A sender keeps `epoch` and `seq` over restarts; one that lost them begins a new epoch, larger than all
 * before: the seconds of its clock do.
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
    MESSAGE_REPLY,      /* the bodies from here on: symbiont/messages.h */
    MESSAGE_MATCH,      /* coordinator to one side: that side's own view */
    MESSAGE_RECEIPT,    /* coordinator to an owner: to whom an offer was released, and when */
    MESSAGE_METER,      /* a side of a running exchange: what was metered in an hour, as agreed */
};
#define MESSAGE_KINDS (MESSAGE_METER + 1)
const char *message_kind_word(enum message_kind k);

struct message {
    enum message_kind kind;
    char territory[64], from[33];
    char to[33]; /* the site a coordinator's message is for; "": a site's own, on its own topics */
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
    ENVELOPE_MALFORMED, /* not the JSON it must be, unknown keys, too deep, lives too long */
    ENVELOPE_VERSION,   /* of a newer version: ignored and counted */
    ENVELOPE_UNKNOWN_KEY,
    ENVELOPE_BAD_SIGNATURE,
    ENVELOPE_WRONG_SITE, /* the key is not of the site in the topic or in `from`, or another territory */
    ENVELOPE_REPLAYED,   /* not newer than what was seen */
    ENVELOPE_CONFLICT,   /* the same number, other bytes: somebody else has the key, or lost its state */
    ENVELOPE_WITHDRAWN,  /* what stands there was withdrawn, its id is not used again */
    ENVELOPE_EXPIRED,
    ENVELOPE_FUTURE, /* issued more than 5 min ahead of our clock */
    ENVELOPE_OLD,    /* not retained and issued more than 5 min ago */
};
#define ENVELOPE_VERDICTS (ENVELOPE_OLD + 1)
const char *envelope_verdict_word(enum envelope_verdict v);

#define ENVELOPE_BYTES    8192   /* what a receiver reads at most, by default; a gateway: 4096 + overhead */
#define ENVELOPE_CLOCK_MS 300000 /* +-5 min */
#define ENVELOPE_LIFE_MS  (100 * 86400000LL) /* from issued to expires at most */

/* A sender as the receiver knows it: pinned keys (two while they are being exchanged) and what was seen last.
 * The receiver keeps `seen` over restarts. */
struct envelope_peer {
    char pseudonym[33];
    unsigned char keys[2][KEY_PUBLIC];
    char key_ids[2][KEY_ID];
    unsigned key_count;
    struct envelope_seen {
        uint64_t epoch, seq;
    } seen[2]; /* per key */
};
/* Pins a key in place `i` (0 or 1); nothing was seen of it yet. */
void envelope_peer_pin(struct envelope_peer *p, unsigned i, const unsigned char key[static KEY_PUBLIC]);

/*
 * What was last accepted on a topic. The retained messages of a connect come in any order, so there a number
 * counts against its own topic only. A receiver keeps this over restarts, as long as `until`: afterwards
 * whatever was published there before has expired.
 */
struct envelope_topic {
    char key_id[KEY_ID]; /* "": nothing accepted yet */
    uint64_t epoch, seq;
    unsigned char hash[32];
    struct utc issued;
    bool withdrawn;   /* a tombstone */
    struct utc until; /* the latest `expires` of anything accepted here */
};

/*
 * Opens an envelope of a stranger. `pseudonym`: of the topic. Checks in the order of the verdicts, cheapest
 * first; the signature before anything inside is believed.
 *
 * A live message must be newer (epoch, then seq) than anything accepted from that key, a retained one newer
 * than what its topic had from that key. A number equal to the topic's is a refresh when the bytes are the
 * same, else a conflict: an alarm. The issue time of a retained message may lie back as far as its expiry
 * allows. Moves nothing: envelope_accept does. `scratch` gets the payload; `m->body` points into it.
 */
struct envelope_context {
    const char *territory, *pseudonym;
    struct utc now;
    bool clock_set; /* false: times are not judged, what is accepted is advisory */
    bool retained;
    size_t limit;                       /* bytes; 0: ENVELOPE_BYTES */
    const struct envelope_peer *peer;   /* NULL: no such member */
    const struct envelope_topic *topic; /* NULL: nothing is remembered */
};
enum envelope_verdict envelope_read(const void *data, size_t n, const struct envelope_context *c,
                                    struct message *out, unsigned char hash[static 32], struct buf *scratch,
                                    char *why, size_t why_size);
/*
 * After ENVELOPE_OK, once the body was understood: the peer's last number becomes this message's when it is
 * newer, the topic's (may be NULL) becomes this one, a withdrawal makes it a tombstone.
 */
void envelope_accept(struct envelope_peer *peer, struct envelope_topic *topic, const struct message *m,
                     const unsigned char hash[static 32]);

#endif
