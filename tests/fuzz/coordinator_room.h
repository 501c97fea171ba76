/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For fuzzers of the coordinator: one without a socket and without people, whose broker never answers.
 * Members a and b have a gateway each, d has none; each input begins with nothing held.
 */
#ifndef TESTS_FUZZ_COORDINATOR_ROOM_H
#define TESTS_FUZZ_COORDINATOR_ROOM_H

#include <jansson.h>
#include <sodium.h>
#include "coordinator/coordinator.h"
#include "scratch.h"
#include "symbiont/units.h"

static struct site_key room_keys[2];

static inline void room_settings(struct coordinator *c)
{
    char text[2000], key[2][KEY_TEXT];
    struct diagnostics *d = diagnostics_new();
    for (unsigned i = 0; i < 2; i++) {
        unsigned char seed[32] = {(unsigned char)(i + 1)};
        crypto_sign_seed_keypair(room_keys[i].public_key, room_keys[i].secret_key, seed);
        public_key_id(room_keys[i].public_key, room_keys[i].id);
        public_key_text(room_keys[i].public_key, key[i]);
    }
    int n = snprintf(text, sizeof text,
                     "territory = \"t\"; timezone = \"UTC\"; key_file = \"/none\"; log = \"error\";\n"
                     "broker: { server = \"mqtt://127.0.0.1:1\"; };\n"
                     "members: ( { pseudonym = \"a\"; keys = [ \"%s\" ]; zone = \"49.33,6.12\"; },\n"
                     "           { pseudonym = \"b\"; keys = [ \"%s\" ]; language = \"en\"; } );\n"
                     "declared: ( { pseudonym = \"d\"; files = ( ); } );\n"
                     "alerts: { eur_least = 0.0; payback_most = 50.0; };\n",
                     key[0], key[1]);
    scratch_write("coordinator.conf", text, (size_t)n);
    c->territory = coordinator_settings_load(scratch_path("coordinator.conf"), d);
    if (!c->territory || diag_errors(d)) {
        diag_print(d, stderr);
        abort();
    }
    diagnostics_free(d);
}

static inline void room_first(struct coordinator *c)
{
    char why[300];
    unsigned char seed[32] = {9};
    if (units_open(why, sizeof why) < 0 || sodium_init() < 0)
        abort();
    log_set_level(LOG_LEVEL_ERROR);
    c->path = "coordinator.conf";
    room_settings(c);
    crypto_sign_seed_keypair(c->key.public_key, c->key.secret_key, seed);
    public_key_id(c->key.public_key, c->key.id);
    c->loop = loop_new();
    c->epoch = 1;
    c->seq_reserved = 1 << 30;
    if (!c->loop || !coordinator_link(c, why, sizeof why))
        abort();
}

/* A fresh one. The store is begun anew now and then: what it has of earlier inputs is of no consequence. */
static inline struct coordinator *room_open(void)
{
    static struct coordinator c;
    static unsigned inputs;
    char why[300];
    if (!c.loop)
        room_first(&c);
    if (inputs++ % 500 == 0) {
        store_close(c.store);
        unlink(scratch_path("territory.db"));
        scratch_path("");
        c.store = store_open(scratch_directory, why, sizeof why);
    }
    c.end_out = &c.first_out;
    c.matcher = matcher_new(&c.territory->root->matching);
    if (!c.store || !c.matcher || !members_take(&c, c.territory) ||
        !alerts_open(&c, c.territory, why, sizeof why))
        abort();
    struct member *m;
    for (size_t at = 0; (m = table_next(&c.members, &at));)
        memset(m->peer.seen, 0, sizeof m->peer.seen);
    c.dirty = c.anew = true;
    c.clock_was_set = true;
    return &c;
}

/* What the control socket would answer must be one JSON document. */
static inline void room_ask(struct coordinator *c, const char *request)
{
    struct buf out = {0};
    json_error_t error;
    coordinator_answer(c, request, &out);
    json_t *root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &error);
    if (!root && !out.failed) {
        fprintf(stderr, "%s\n%.*s\n", error.text, (int)out.len, out.data);
        abort();
    }
    json_decref(root);
    buf_free(&out);
}

static inline void room_close(struct coordinator *c)
{
    struct entry *e;
    struct topic *t;
    struct deal *d;
    for (size_t at = 0; (e = table_next(&c->entries, &at));)
        store_drop_entry(c->store, e->id);
    for (size_t at = 0; (t = table_next(&c->topics, &at));)
        store_drop_topic(c->store, t->text);
    for (size_t at = 0; (d = table_next(&c->deals, &at));)
        store_drop_deal(c->store, d->id);
    alerts_close(c);
    matcher_free(c->matcher);
    deals_free(c);
    entries_free(c);
    topics_free(c);
    members_free(c);
    outgoing_free(c);
    c->receipts = NULL;
    loop_timer_stop(c->loop, &c->soon);
}

#endif
