/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For fuzzers of what a gateway has to do with its territory: a site with a need that it tells and a surplus
 * that it does not, whose exchange is opened on a state file of the fuzzer's, without a thread and without a
 * broker.
 */
#ifndef TESTS_FUZZ_GATEWAY_ROOM_H
#define TESTS_FUZZ_GATEWAY_ROOM_H

#include <jansson.h>
#include <sodium.h>
#include "gateway/exchange.h"
#include "scratch.h"
#include "symbiont/units.h"

#define ROOM_OWN "0123456789abcdef0123456789abcde2" /* the id of what is told */

static struct site_key room_coordinator;

/* The need as it was told at `now`, as the state file says it. */
static inline size_t room_state(char *out, size_t size, struct utc now)
{
    long long ms = (long long)now.ms;
    int n = snprintf(
        out, size,
        "{\"v\":1,\"epoch\":5,\"territory\":\"t\",\"pseudonym\":\"a\",\"lives\":[{\"name\":\"hot_water\","
        "\"role\":1,"
        "\"since\":%lld,\"first\":%lld,\"told_at\":%lld,\"expires\":%lld,\"last\":{\"id\":\"" ROOM_OWN
        "\",\"revision\":3,\"role\":\"need\",\"synergy\":\"exchange\",\"resource\":\"heat\",\"provenance\":"
        "\"declared\",\"level\":2,\"site\":{\"pseudonym\":\"a\"},\"typical\":\"200-500\",\"heat\":{"
        "\"supply\":"
        "\"50-60\",\"back\":\"30-40\"}}}]}",
        ms, ms, ms, ms + 86400000);
    return (size_t)n;
}

static inline void room_first(struct gateway *g)
{
    static const struct profile_path none = {{NULL}};
    char why[300], text[2000], key[KEY_TEXT], seed[45];
    unsigned char bytes[32] = {3};
    struct diagnostics *d = diagnostics_new();
    if (units_open(why, sizeof why) < 0 || sodium_init() < 0)
        abort();
    log_set_level(LOG_LEVEL_ERROR);
    crypto_sign_seed_keypair(room_coordinator.public_key, room_coordinator.secret_key, bytes);
    public_key_id(room_coordinator.public_key, room_coordinator.id);
    sodium_bin2base64(seed, sizeof seed, bytes, sizeof bytes, sodium_base64_VARIANT_ORIGINAL);
    scratch_write("site.key", seed, strlen(seed));
    int n = snprintf(
        text, sizeof text,
        "site: { id = \"mill\"; name = \"Mill\"; territory = \"t\"; timezone = \"UTC\"; latitude = 49.3; "
        "longitude = 6.1; };\n"
        "lines: ( { name = \"w\"; tcp = \"127.0.0.1\"; } );\n"
        "meters: ( { name = \"m\"; line = \"w\"; points: ( { name = \"power\"; quantity = \"active_power\";"
        " table = \"holding\"; address = 0; type = \"float32\"; unit = \"kW\"; } ); } );\n"
        "streams: ( { name = \"air\"; resource = \"heat\"; electric = \"m.power\"; } );\n"
        "needs: ( { name = \"hot_water\"; resource = \"heat\"; power = \"400 kW\"; in = \"30 degC\";"
        " out = \"55 degC\"; ask: { disclosure = 4; agreed_by = \"me\"; }; } );\n"
        "exchange: { server = \"mqtt://127.0.0.1:1\"; pseudonym = \"a\"; key_file = \"%s\";"
        " coordinator_key = \"%s\"; contact = \"me\"; directory = \"%s\"; };\n",
        scratch_path("site.key"), public_key_text(room_coordinator.public_key, key),
        (scratch_path(""), scratch_directory));
    scratch_write("symbiont.conf", text, (size_t)n);
    g->site = site_load(scratch_path("symbiont.conf"), &none, d);
    if (!g->site || diag_errors(d)) {
        diag_print(d, stderr);
        abort();
    }
    diagnostics_free(d);
    g->engine = engine_new(g->site, NULL);
    if (!g->engine)
        abort();
}

/* False: the state file is refused, `why` says it. */
static inline bool room_open(struct gateway *g, const void *state, size_t n, char *why, size_t why_size)
{
    if (!g->site)
        room_first(g);
    scratch_write("state.json", state, n);
    unlink(scratch_path("disclosures.log"));
    *why = '\0';
    if (exchange_open(g, why, why_size) < 0)
        return false;
    struct territory *t = g->exchange->territory;
    size_t count = consents_count(g->exchange->consents);
    t->wishes = calloc(1, sizeof *t->wishes + count * sizeof t->wishes->items[0]);
    for (size_t i = 0; t->wishes && i < count; i++)
        consents_wish(g->exchange->consents, g->engine, i, utc_now(), &t->wishes->items[t->wishes->n++]);
    return true;
}

static inline void room_close(struct gateway *g)
{
    exchange_close(g, mono_now());
}

/* One JSON document, or it is none of the exchange's requests; what was ordered is done. */
static inline void room_ask(struct gateway *g, const char *request)
{
    struct buf out = {0};
    struct order o;
    json_error_t error;
    if (exchange_answer(g, request, &out)) {
        json_t *root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &error);
        if (!root && !out.failed) {
            fprintf(stderr, "%s\n%.*s\n", error.text, (int)out.len, out.data);
            abort();
        }
        json_decref(root);
    }
    while (mailbox_take(&g->exchange->territory->orders, &o))
        territory_obey(g->exchange->territory, &o, utc_now());
    buf_free(&out);
}

#endif
