// SPDX-License-Identifier: Apache-2.0
// The loop's side of the territory: what would be told now goes to the territory's thread, every half minute
// and whenever something happened to a stream. It never waits for that thread but at its end.
#include "gateway/exchange.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS  NS_PER_S
#define BUILD_NS (30 * NS_PER_S)
// A withdrawal before a change of the connection gets this long.
#define GOODBYE_NS (2 * NS_PER_S)

struct utc exchange_now(const struct gateway *g)
{
    struct utc t = engine_now(g->engine);
    return t.ms ? t : utc_now();
}

// ---- Wishes ----

static void give_wishes(struct exchange *x)
{
    size_t n = consents_count(x->consents);
    struct wishes *w = calloc(1, sizeof *w + n * sizeof w->items[0]);
    if (!w || !x->territory) {
        free(w);
        return; // the next time
    }
    w->n = n;
    for (size_t i = 0; i < n; i++)
        consents_wish(x->consents, x->gateway->engine, i, exchange_now(x->gateway), &w->items[i]);
    territory_wish(x->territory, w);
    x->look = false;
}

static void tick(struct timer *t, struct mono now)
{
    struct exchange *x = (struct exchange *)(void *)((char *)t - offsetof(struct exchange, timer));
    struct utc utc = exchange_now(x->gateway);
    if (utc_plausible(utc)) {
        consents_step(x->consents, x->gateway->engine, utc);
        if (x->look || x->built.ns == 0 || mono_since(now, x->built) >= BUILD_NS) {
            give_wishes(x);
            x->built = now;
        }
    }
    loop_timer(x->gateway->loop, t, mono_add(now, TICK_NS));
}

void exchange_look(struct gateway *g)
{
    if (g->exchange)
        g->exchange->look = true;
}

// ---- Metered hours ----

// Spares the thread orders that it would not obey; whether there still is a consent, it knows itself.
static bool is_metered(struct territory *t, const char *stream)
{
    bool found = false;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->match_count; i++)
        found |= territory_is_metered(&t->matches[i]) && strcmp(t->matches[i].meter, stream) == 0;
    pthread_mutex_unlock(&t->lock);
    return found;
}

void exchange_hour(struct gateway *g, const struct stream *s, const struct stream_hour *h)
{
    struct territory *t = g->exchange ? g->exchange->territory : NULL;
    const struct stream_config *c = stream_config(s);
    double factor, offset;
    if (!t || !is_metered(t, stream_name(s)))
        return;
    // Of a container it is what was taken away that the neighbour got.
    bool container = c->weight || c->level;
    if (!unit_conversion(stream_amount_unit(s), unit_find(metered_unit((enum resource)c->resource)), &factor,
                         &offset))
        return;
    struct order o = {.kind = ORDER_HOUR,
                      .hour = h->hour,
                      .amount =
                          h->known_s > 0 || container ? (container ? h->taken : h->amount) * factor : NAN};
    snprintf(o.stream, sizeof o.stream, "%s", stream_name(s));
    territory_order(t, &o);
}

// ---- Opening and closing ----

static void pin(struct envelope_peer *p, const char *base64)
{
    unsigned char key[KEY_PUBLIC];
    if (base64 && public_key_parse(base64, key))
        envelope_peer_pin(p, p->key_count, key);
}

static void identify(const struct site *s, struct territory_identity *who)
{
    const struct exchange_config *c = site_exchange(s);
    struct offer_place place;
    consents_place(s, &place);
    memset(who, 0, sizeof *who);
    snprintf(who->territory, sizeof who->territory, "%s", s->root->site.territory);
    snprintf(who->pseudonym, sizeof who->pseudonym, "%s", c->pseudonym);
    snprintf(who->zone, sizeof who->zone, "%s", place.zone);
    snprintf(who->nace, sizeof who->nace, "%s", place.nace);
    const char *name = c->name ? c->name : s->root->site.name ? s->root->site.name : "";
    snprintf(who->name, sizeof who->name, "%s", name);
    snprintf(who->contact, sizeof who->contact, "%s", c->contact ? c->contact : "");
    exchange_directory(c, s->root->storage.directory, who->directory, sizeof who->directory);
    snprintf(who->key_file, sizeof who->key_file, "%s", c->key_file);
    who->link = *exchange_link(c);
    who->link.window = 8;
    who->link.content_type = true;
    if (who->link.client_id)
        snprintf(who->client_id, sizeof who->client_id, "%s", who->link.client_id);
    else
        snprintf(who->client_id, sizeof who->client_id, "symbiont-%s", c->pseudonym);
    snprintf(who->coordinator.pseudonym, sizeof who->coordinator.pseudonym, "%s", EXCHANGE_COORDINATOR);
    pin(&who->coordinator, c->coordinator_key);
    pin(&who->coordinator, c->coordinator_next_key);
}

static bool open_territory(struct exchange *x, char *why, size_t why_size)
{
    struct territory_identity *who = malloc(sizeof *who);
    snprintf(why, why_size, "out of memory");
    if (who) {
        identify(x->gateway->site, who);
        x->territory = territory_open(who, why, why_size);
    }
    free(who);
    if (x->territory)
        x->link_settings = site_hold(x->gateway->site);
    return x->territory != NULL;
}

static void close_territory(struct exchange *x, bool withdraw, struct mono deadline)
{
    char unsent[200];
    territory_close(x->territory, withdraw, deadline, unsent, sizeof unsent);
    if (unsent[0])
        snprintf(x->gateway->reload_error, sizeof x->gateway->reload_error, "exchange: not withdrawn:%s",
                 unsent);
    x->territory = NULL;
    site_free(x->link_settings);
    x->link_settings = NULL;
}

static void free_exchange(struct gateway *g)
{
    if (g->loop)
        loop_timer_stop(g->loop, &g->exchange->timer);
    consents_free(g->exchange->consents);
    free(g->exchange);
    g->exchange = NULL;
}

// The group was taken out while the daemon did not run: nobody withdraws what was told.
static void complain_of_told(const struct site *s)
{
    char directory[4096];
    struct buf ids = {0};
    exchange_directory(site_exchange(s), s->root->storage.directory, directory, sizeof directory);
    territory_still_told(directory, &ids);
    if (ids.len)
        log_error(
            TERRITORY_SUBJECT,
            "there is no group `exchange`, but %s/state.json still holds as told:%s; nothing withdraws "
            "them: they stand until they expire, or put the group back, start, and remove it by a reload",
            directory, buf_text(&ids));
    buf_free(&ids);
}

int exchange_open(struct gateway *g, char *why, size_t why_size)
{
    char reason[300];
    if (!exchange_configured(site_exchange(g->site))) {
        complain_of_told(g->site);
        return 0;
    }
    struct exchange *x = g->exchange = calloc(1, sizeof *x);
    snprintf(why, why_size, "out of memory");
    if (!x)
        return -1;
    x->gateway = g;
    x->timer.fire = tick;
    x->consents = consents_new(g->site);
    if (x->consents && open_territory(x, reason, sizeof reason))
        return 0;
    if (x->consents)
        snprintf(why, why_size, "exchange: %s", reason);
    free_exchange(g);
    return -1;
}

int exchange_start(struct gateway *g)
{
    struct exchange *x = g->exchange;
    if (!x)
        return 0;
    if (territory_start(x->territory) < 0) {
        log_error(TERRITORY_SUBJECT, "cannot start its thread: %s", strerror(errno));
        return -1;
    }
    return loop_timer(g->loop, &x->timer, loop_now(g->loop));
}

void exchange_close(struct gateway *g, struct mono deadline)
{
    if (!g->exchange)
        return;
    close_territory(g->exchange, false, deadline);
    free_exchange(g);
}

// ---- Reload ----

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

// Under the new settings nobody could withdraw what was told under the old ones.
static bool must_withdraw(const struct site *old, const struct site *fresh)
{
    const struct exchange_config *a = site_exchange(old), *b = site_exchange(fresh);
    const char *one = NULL, *two = NULL;
    if (!exchange_configured(b) || !same_text(a->pseudonym, b->pseudonym) ||
        !same_text(old->root->site.territory, fresh->root->site.territory))
        return true;
    for (size_t i = 0; i == 0 || (one && two); i++) {
        one = mqtt_server_text(exchange_link(a), i);
        two = mqtt_server_text(exchange_link(b), i);
        if (!same_text(one, two))
            return true;
    }
    return false;
}

// Behind what the close said: what was not withdrawn must not be lost over it.
static void append_error(struct gateway *g, const char *why)
{
    size_t n = strlen(g->reload_error);
    snprintf(g->reload_error + n, sizeof g->reload_error - n, "%s%.200s", n ? "; " : "", why);
}

static void begin_anew(struct gateway *g)
{
    char why[400];
    if (exchange_open(g, why, sizeof why) < 0)
        append_error(g, why);
    else if (exchange_start(g) < 0)
        append_error(g, "exchange: cannot start its thread");
}

void exchange_reload(struct gateway *g, struct site *old)
{
    struct exchange *x = g->exchange;
    if (!x || !site_exchange_equal(old, g->site)) {
        if (x) {
            close_territory(x, must_withdraw(old, g->site), mono_add(mono_now(), GOODBYE_NS));
            free_exchange(g);
        }
        begin_anew(g);
        return;
    }
    struct consents *fresh = consents_new(g->site);
    if (!fresh) { // the old ones name streams that are no more
        snprintf(g->reload_error, sizeof g->reload_error, "out of memory: the exchange is closed");
        exchange_close(g, mono_add(mono_now(), GOODBYE_NS));
        return;
    }
    consents_inherit(fresh, x->consents);
    consents_free(x->consents);
    x->consents = fresh;
    give_wishes(x); // a withdrawn consent is not to wait
}

struct mono exchange_heartbeat(const struct gateway *g)
{
    if (!g->exchange || !g->exchange->territory)
        return (struct mono){0};
    return (struct mono){atomic_load(&g->exchange->territory->heartbeat)};
}
