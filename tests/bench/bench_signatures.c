// SPDX-License-Identifier: Apache-2.0
// Signed offers opened and checked in a second, on one core: the whole of what a coordinator does with a
// message before it matches, and the bare signature within it.
//
// usage: bench_signatures SECONDS -> one line of JSON
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "symbiont/envelope.h"
#include "symbiont/offer.h"

#define MESSAGES 256

struct work {
    struct site_key key;
    struct envelope_peer peer;
    struct envelope_topic topics[MESSAGES];
    struct buf envelopes[MESSAGES], scratch;
};

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_signatures: %s: %s\n", what, why);
    exit(1);
}

static void make_offer(struct offer *o, int i)
{
    offer_clear(o);
    snprintf(o->id, sizeof o->id, "%032x", (unsigned)i);
    strcpy(o->pseudonym, "f-1");
    strcpy(o->zone, "57221");
    o->revision = 1;
    o->resource = RESOURCE_HEAT;
    o->level = DISCLOSE_BANDS;
    o->latitude = 49.325;
    o->longitude = 6.125;
    o->firm = (struct span){200, 500};
    o->typical = o->peak = (struct span){500, 1000};
    o->heat.supply = (struct span){60, 70};
    o->heat.back = (struct span){40, 50};
    o->has_blocks = true;
    for (int b = 0; b < OFFER_BLOCKS; b++)
        o->blocks[b] = 0.7f;
}

static void prepare(struct work *w)
{
    struct buf body = {0};
    struct offer o;
    crypto_sign_keypair(w->key.public_key, w->key.secret_key);
    public_key_id(w->key.public_key, w->key.id);
    strcpy(w->peer.pseudonym, "f-1");
    envelope_peer_pin(&w->peer, 0, w->key.public_key);
    for (int i = 0; i < MESSAGES; i++) {
        make_offer(&o, i);
        buf_reset(&body);
        offer_write(&o, &body);
        struct message m = {.kind = MESSAGE_OFFER, .territory = "t", .from = "f-1", .epoch = 1};
        m.seq = (uint64_t)i + 1;
        m.issued = utc_now();
        m.expires.ms = m.issued.ms + 86400000;
        m.body = body.data;
        m.body_size = body.len;
        if (!envelope_write(&m, &w->key, &w->envelopes[i]))
            fail("envelope_write", "no memory");
    }
    buf_free(&body);
}

static void open_one(struct work *w, int i, struct utc now)
{
    struct message m;
    struct offer o;
    unsigned char hash[32];
    char why[200];
    struct envelope_context c = {.territory = "t",
                                 .pseudonym = "f-1",
                                 .now = now,
                                 .clock_set = true,
                                 .retained = true,
                                 .peer = &w->peer,
                                 .topic = &w->topics[i]};
    enum envelope_verdict v =
        envelope_read(w->envelopes[i].data, w->envelopes[i].len, &c, &m, hash, &w->scratch, why, sizeof why);
    if (v != ENVELOPE_OK)
        fail(envelope_verdict_word(v), why);
    if (!offer_read(m.body, m.body_size, &o, why, sizeof why) || !offer_check(&o, why, sizeof why))
        fail("offer", why);
}

int main(int argc, char **argv)
{
    static struct work w;
    double seconds = argc > 1 ? atof(argv[1]) : 5, took;
    long opened = 0, verified = 0;
    unsigned char signature[64], bytes[1200] = {0};
    if (sodium_init() < 0)
        return 1;
    prepare(&w);
    struct utc now = utc_now();
    double begin = cpu_s();
    do {
        for (int i = 0; i < MESSAGES; i++)
            open_one(&w, i, now);
        opened += MESSAGES;
    } while ((took = cpu_s() - begin) < seconds / 2);
    double opened_s = (double)opened / took;

    crypto_sign_detached(signature, NULL, bytes, sizeof bytes, w.key.secret_key);
    begin = cpu_s();
    do {
        for (int i = 0; i < MESSAGES; i++)
            if (crypto_sign_verify_detached(signature, bytes, sizeof bytes, w.key.public_key) != 0)
                fail("crypto_sign_verify_detached", "it does not fit");
        verified += MESSAGES;
    } while ((took = cpu_s() - begin) < seconds / 2);
    printf("{\"opened_per_s\":%.0f,\"verified_per_s\":%.0f,\"envelope_bytes\":%zu}\n", opened_s,
           (double)verified / took, w.envelopes[0].len);
    return 0;
}
