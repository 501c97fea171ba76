// SPDX-License-Identifier: Apache-2.0
// Our end of the exchange for a stranger's test: judges an envelope, or seals a body.
//
// usage: envelope_judge read PUBLIC_KEY TERRITORY PSEUDONYM NOW_MS RETAINED <envelope    one line of JSON
//        envelope_judge seal KEY_FILE TERRITORY PSEUDONYM KIND SEQ NOW_MS BODY           the envelope
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/json.h"
#include "symbiont/messages.h"

static bool body_good(const struct message *m, char *why, size_t size)
{
    union {
        struct offer offer;
        struct card card;
        struct withdrawal withdrawal;
        struct reply reply;
        struct metered metered;
        struct match_view match;
        struct receipt receipt;
    } u;
    switch (m->kind) {
    case MESSAGE_CARD:
        return card_read(m->body, m->body_size, &u.card, why, size);
    case MESSAGE_OFFER:
    case MESSAGE_NEED:
        return offer_read(m->body, m->body_size, &u.offer, why, size) && offer_check(&u.offer, why, size);
    case MESSAGE_WITHDRAWAL:
        return withdrawal_read(m->body, m->body_size, &u.withdrawal, why, size);
    case MESSAGE_REPLY:
        return reply_read(m->body, m->body_size, &u.reply, why, size);
    case MESSAGE_METER:
        return metered_read(m->body, m->body_size, &u.metered, why, size);
    case MESSAGE_MATCH:
        return match_view_read(m->body, m->body_size, &u.match, why, size);
    case MESSAGE_RECEIPT:
        return receipt_read(m->body, m->body_size, &u.receipt, why, size);
    }
    return false;
}

static int judge(char **argv)
{
    static char data[65536];
    struct envelope_peer peer = {0};
    unsigned char key[KEY_PUBLIC], hash[32];
    struct message m;
    struct buf scratch = {0}, out = {0};
    char why[300] = "";
    if (!public_key_parse(argv[0], key))
        return 64;
    envelope_peer_pin(&peer, 0, key);
    snprintf(peer.pseudonym, sizeof peer.pseudonym, "%s", argv[2]);
    const struct envelope_context c = {.territory = argv[1],
                                       .pseudonym = argv[2],
                                       .now = {atoll(argv[3])},
                                       .clock_set = true,
                                       .retained = atoi(argv[4]) != 0,
                                       .peer = &peer};
    size_t n = fread(data, 1, sizeof data, stdin);
    enum envelope_verdict v = envelope_read(data, n, &c, &m, hash, &scratch, why, sizeof why);
    struct json j = json_begin(&out);
    json_open(&j, NULL, '{');
    json_text(&j, "verdict", envelope_verdict_word(v));
    if (v == ENVELOPE_OK) {
        json_text(&j, "kind", message_kind_word(m.kind));
        json_int(&j, "seq", (int64_t)m.seq);
        json_bool(&j, "body_good", body_good(&m, why, sizeof why));
    }
    json_text(&j, "why", why);
    json_close(&j, '}');
    puts(buf_text(&out));
    buf_free(&out);
    buf_free(&scratch);
    return 0;
}

static int seal(char **argv)
{
    struct site_key key;
    struct buf out = {0};
    char why[300];
    struct message m = {.epoch = 1, .seq = (uint64_t)atoll(argv[4]), .issued = {atoll(argv[5])}};
    if (site_key_load(argv[0], &key, why, sizeof why) < 0) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    snprintf(m.territory, sizeof m.territory, "%s", argv[1]);
    snprintf(m.from, sizeof m.from, "%s", argv[2]);
    while (m.kind < MESSAGE_KINDS - 1 && strcmp(message_kind_word(m.kind), argv[3]) != 0)
        m.kind++;
    m.expires.ms = m.issued.ms + 86400000;
    m.body = argv[6];
    m.body_size = strlen(argv[6]);
    bool ok = envelope_write(&m, &key, &out);
    puts(buf_text(&out));
    buf_free(&out);
    site_key_wipe(&key);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "read") == 0)
        return judge(argv + 2);
    if (argc == 9 && strcmp(argv[1], "seal") == 0)
        return seal(argv + 2);
    return 64;
}
