// SPDX-License-Identifier: Apache-2.0
// What the daemon says of its exchange on the control socket, and the orders it takes there:
//
//     offers                 what is told, at which level, who has seen it
//     offers dry             what would be told now: the very bytes
//     matches                the coordinator's views, and what was answered
//     accept ID [STREAM]     yes; STREAM meters the exchange once it runs
//     decline ID [REASON]    no, or no longer; the reason stays in the disclosure log
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/exchange.h"

static void time_member(struct json *j, const char *key, struct utc t)
{
    char text[UTC_TEXT];
    if (t.ms)
        json_text(j, key, utc_text(t, text));
    else
        json_none(j, key);
}

// ---- status ----

static void refusals(struct json *j, const struct territory_counters *c)
{
    json_open(j, "refused", '{');
    for (unsigned i = 0; i < REFUSALS; i++)
        if (c->refused[i])
            json_int(j, refusal_word(i), (int64_t)c->refused[i]);
    json_close(j, '}');
}

static void link_members(struct json *j, const struct territory *t)
{
    char text[UTC_TEXT];
    json_bool(j, "connected", t->info.up);
    json_text(j, "server", t->info.server);
    json_text(j, "since", utc_text(t->info.since, text));
    json_text(j, "mqtt_version", t->info.version == 5 ? "5" : t->info.version == 4 ? "3.1.1" : NULL);
    json_int(j, "connects", (int64_t)t->info.connects);
    json_int(j, "losses", (int64_t)t->info.losses);
    if (t->info.last_error[0]) {
        json_text(j, "last_error", t->info.last_error);
        json_text(j, "last_error_at", utc_text(t->info.last_error_at, text));
    }
    if (t->info.conflict)
        json_bool(j, "client_id_conflict", true);
    if (t->info.certificate_expires.ms)
        json_text(j, "certificate_expires", utc_text(t->info.certificate_expires, text));
}

static void who_members(struct json *j, const struct territory *t)
{
    char key[KEY_TEXT];
    json_text(j, "territory", t->who.territory);
    json_text(j, "pseudonym", t->who.pseudonym);
    json_text(j, "key", public_key_text(t->key.public_key, key));
    json_bool(j, "coordinator", t->who.coordinator.key_count > 0);
    json_text(j, "log", t->log_path);
}

void exchange_status(const struct gateway *g, struct json *j)
{
    struct territory *t = g->exchange ? g->exchange->territory : NULL;
    if (!t)
        return;
    size_t told = 0, waiting = 0;
    json_open(j, "exchange", '{');
    pthread_mutex_lock(&t->lock);
    const struct territory_counters *c = &t->counters;
    who_members(j, t);
    link_members(j, t);
    for (size_t i = 0; i < t->life_count; i++)
        told += t->lives[i].told;
    for (size_t i = 0; i < STANDINGS_MAX; i++)
        waiting += t->standings[i].topic[0] && t->standings[i].state != STANDING_STANDS;
    json_bool(j, "storage_failing", t->storage_failing);
    json_int(j, "told", (int64_t)told);
    json_int(j, "matches", (int64_t)t->match_count);
    json_int(j, "waiting", (int64_t)waiting);
    json_int(j, "epoch", (int64_t)t->epoch);
    json_int(j, "sent", (int64_t)c->sent);
    json_int(j, "accepted", (int64_t)c->accepted);
    json_int(j, "refused_by_broker", (int64_t)c->refused_by_broker);
    json_int(j, "received", (int64_t)(c->received));
    json_int(j, "taken", (int64_t)c->taken);
    json_int(j, "repeats", (int64_t)c->repeats);
    json_int(j, "dropped", (int64_t)(t->info.dropped + t->info.too_long));
    refusals(j, c);
    pthread_mutex_unlock(&t->lock);
    json_close(j, '}');
}

// ---- offers ----

static const struct offer_life *life_of(const struct territory *t, const struct offer_wish *w)
{
    for (size_t i = 0; t && i < t->life_count; i++)
        if (t->lives[i].role == w->role && strcmp(t->lives[i].name, w->name) == 0)
            return &t->lives[i];
    return NULL;
}

static const char *role_word(enum offer_role r)
{
    return r == ROLE_OFFER ? "offer" : "need";
}

static const char *sent_word(const struct territory *t, const char *id)
{
    static const char *const words[] = {[STANDING_WAITS] = "waits for the broker",
                                        [STANDING_FLIES] = "is being sent",
                                        [STANDING_STANDS] = "stands there",
                                        [STANDING_REFUSED] = "refused by the broker"};
    for (size_t i = 0; i < STANDINGS_MAX; i++)
        if (t->standings[i].topic[0] && strcmp(t->standings[i].id, id) == 0 &&
            (t->standings[i].kind == MESSAGE_OFFER || t->standings[i].kind == MESSAGE_NEED))
            return words[t->standings[i].state];
    return NULL;
}

static void receipt_members(struct json *j, const struct territory *t, const char *id)
{
    for (size_t i = 0; i < t->receipt_count; i++) {
        const struct receipt *r = &t->receipts[i].receipt;
        if (strcmp(r->id, id) != 0)
            continue;
        json_text(j, "receipt", receipt_word(r->status));
        json_int(j, "receipt_revision", (int64_t)r->revision);
        if (r->reason[0])
            json_text(j, "refused_because", r->reason);
        time_member(j, "receipt_at", t->receipts[i].received);
        json_int(j, "seen_total", r->total);
        json_open(j, "seen_by", '[');
        for (size_t k = 0; k < r->count; k++) {
            json_open(j, NULL, '{');
            json_text(j, "to", r->releases[k].to[0] ? r->releases[k].to : NULL);
            json_text(j, "match", r->releases[k].match);
            json_int(j, "level", r->releases[k].level);
            time_member(j, "time", r->releases[k].time);
            json_close(j, '}');
        }
        json_close(j, ']');
        return;
    }
    json_none(j, "receipt");
}

static void told_members(struct json *j, const struct territory *t, const struct offer_life *l)
{
    struct buf body = {0};
    json_text(j, "id", l->last.id);
    json_int(j, "revision", (int64_t)l->last.revision);
    json_int(j, "told_level", l->last.level);
    time_member(j, "since", l->first);
    time_member(j, "told_at", l->told_at);
    time_member(j, "expires", l->expires);
    json_text(j, "broker", sent_word(t, l->last.id));
    receipt_members(j, t, l->last.id);
    offer_write(&l->last, &body);
    if (!body.failed)
        json_raw(j, "message", body.data, body.len);
    buf_free(&body);
}

static void offer_member(struct json *j, struct territory *t, struct consents *c, size_t i,
                         const struct offer_wish *w, struct utc now)
{
    const struct offer_life *known = life_of(t, w);
    struct offer_life l = known ? *known : (struct offer_life){.role = w->role};
    struct offer_step step;
    offer_life_step(&l, w, now, &step);
    json_open(j, NULL, '{');
    json_text(j, "name", w->name);
    json_text(j, "title", consents_title(c, i));
    json_text(j, "role", role_word(w->role));
    json_text(j, "resource", resource_word(w->full.resource));
    json_int(j, "level", w->full.level);
    json_bool(j, "present", w->present);
    json_bool(j, "told", known && known->told);
    json_text(j, "why", known && known->told && step.act == OFFER_STAY && w->present ? "told" : step.why);
    json_text(j, "agreed_by", w->agreed_by[0] ? w->agreed_by : NULL);
    time_member(j, "agreed_until", w->agreed_until);
    if (known && known->told)
        told_members(j, t, known);
    json_close(j, '}');
}

// Withdrawn, and not yet cleared.
static void withdrawals(struct json *j, const struct territory *t)
{
    json_open(j, "withdrawals", '[');
    for (size_t i = 0; i < STANDINGS_MAX; i++) {
        const struct standing *s = &t->standings[i];
        if (!s->topic[0] || s->topic[0] == '/' || s->kind != MESSAGE_WITHDRAWAL || !s->data)
            continue;
        json_open(j, NULL, '{');
        json_text(j, "id", s->id);
        json_text(j, "topic", s->topic);
        json_bool(j, "on_broker", s->state == STANDING_STANDS);
        time_member(j, "expires", s->expires);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void answer_offers(struct exchange *x, struct json *j)
{
    struct territory *t = x->territory;
    struct offer_wish *w = malloc(sizeof *w);
    pthread_mutex_lock(&t->lock);
    who_members(j, t);
    json_bool(j, "connected", t->info.up);
    json_text(j, "server", t->info.server);
    json_open(j, "offers", '[');
    for (size_t i = 0; w && i < consents_count(x->consents); i++) {
        consents_wish(x->consents, x->gateway->engine, i, exchange_now(x->gateway), w);
        offer_member(j, t, x->consents, i, w, utc_now());
    }
    json_close(j, ']');
    withdrawals(j, t);
    pthread_mutex_unlock(&t->lock);
    free(w);
}

static void answer_dry(struct exchange *x, struct json *j)
{
    struct territory *t = x->territory;
    struct offer_wish *w = malloc(sizeof *w);
    pthread_mutex_lock(&t->lock);
    who_members(j, t);
    json_open(j, "offers", '[');
    for (size_t i = 0; w && i < consents_count(x->consents); i++) {
        consents_wish(x->consents, x->gateway->engine, i, exchange_now(x->gateway), w);
        consents_dry(j, w, life_of(t, w), t->who.territory, t->who.pseudonym, utc_now());
    }
    json_close(j, ']');
    pthread_mutex_unlock(&t->lock);
    free(w);
}

// ---- matches ----

static void match_member(struct json *j, const struct held_match *m)
{
    struct buf view = {0};
    json_open(j, NULL, '{');
    json_text(j, "name", m->name);
    json_int(j, "level", m->level);
    time_member(j, "received", m->received);
    time_member(j, "expires", m->expires);
    json_bool(j, "advisory", m->advisory);
    json_text(j, "answer", m->answered ? reply_word(m->answer) : NULL);
    if (m->answered)
        time_member(j, "answered_at", m->answered_at);
    if (territory_is_unasked(m))
        json_bool(j, "unasked", true);
    json_text(j, "meter", m->meter[0] ? m->meter : NULL);
    match_view_write(&m->view, &view);
    if (!view.failed)
        json_raw(j, "view", view.data, view.len);
    json_close(j, '}');
    buf_free(&view);
}

static void answer_matches(struct exchange *x, struct json *j)
{
    struct territory *t = x->territory;
    pthread_mutex_lock(&t->lock);
    who_members(j, t);
    json_open(j, "matches", '[');
    for (size_t i = 0; i < t->match_count; i++)
        match_member(j, &t->matches[i]);
    json_close(j, ']');
    refusals(j, &t->counters);
    pthread_mutex_unlock(&t->lock);
}

// ---- accept, decline ----

// What a yes or a no means depends on how far the match is.
static const struct answer {
    bool yes, no;
    enum reply_answer accept, decline;
    const char *cannot; /* accept */
} answers[] = {
    [MATCH_PROPOSED] = {true, true, REPLY_INTERESTED, REPLY_DECLINED, NULL},
    [MATCH_INTERESTED] = {false, true, 0, REPLY_WITHDRAWN,
                          "you said yes already; the other side has not answered"},
    [MATCH_DISCLOSED] = {true, true, REPLY_AGREED, REPLY_WITHDRAWN, NULL},
    [MATCH_AGREED] = {false, true, 0, REPLY_ENDED, "it is agreed already"},
    [MATCH_RUNNING] = {false, true, 0, REPLY_ENDED, "it is running already"},
    [MATCH_ENDED] = {false, false, 0, 0, "it has ended"},
};

static bool has_stream(const struct gateway *g, const char *name)
{
    struct stream *s;
    for (size_t i = 0; (s = engine_stream(g->engine, i)); i++)
        if (strcmp(stream_name(s), name) == 0)
            return true;
    return false;
}

// By the beginning of its id, when only one begins so.
static struct held_match *find_match(struct territory *t, const char *id, const char **why)
{
    struct held_match *found = NULL;
    size_t n = strlen(id);
    *why = "there is no such match";
    for (size_t i = 0; n >= 4 && i < t->match_count; i++) {
        if (strncmp(t->matches[i].view.id, id, n) != 0)
            continue;
        if (found)
            *why = "more than one match begins so";
        found = found ? NULL : &t->matches[i];
        if (!found)
            break;
    }
    return found;
}

static uint8_t wished_level(struct exchange *x, const struct offer_life *l)
{
    uint8_t level = DISCLOSE_NOTHING;
    struct offer_wish *w = malloc(sizeof *w);
    for (size_t i = 0; w && i < consents_count(x->consents); i++) {
        consents_wish(x->consents, x->gateway->engine, i, exchange_now(x->gateway), w);
        if (w->role == l->role && strcmp(w->name, l->name) == 0)
            level = w->full.level;
    }
    free(w);
    return level;
}

// As the territory's thread will decide it, so that the answer says what happens: what was told last, and no
// more than what would be told now.
static uint8_t consent_now(struct exchange *x, const struct held_match *m)
{
    const struct offer_life *l = territory_told(x->territory, m->view.own);
    uint8_t level = l ? wished_level(x, l) : DISCLOSE_NOTHING;
    return l && l->last.level < level ? l->last.level : level;
}

static void say_identity(const struct territory *t, const struct held_match *m, uint8_t level,
                         struct buf *note)
{
    if (level < DISCLOSE_IDENTITY)
        buf_printf(
            note,
            "name and contact do not leave: disclosure of %s is %d; at level 4 the other side gets them "
            "once it says yes too",
            m->name, level);
    else
        buf_printf(
            note,
            "name and contact (\"%s\", \"%s\") go to the coordinator, who releases them once the other side "
            "says yes too",
            t->who.name, t->who.contact);
}

static const char *make_order(struct exchange *x, bool accept, const char *id, const char *rest,
                              struct order *o, struct buf *note)
{
    const char *why;
    const struct held_match *m = find_match(x->territory, id, &why);
    if (!m)
        return why;
    const struct answer *a = &answers[m->view.status];
    if (accept ? !a->yes : !a->no)
        return a->cannot;
    *o = (struct order){.kind = ORDER_REPLY, .answer = accept ? a->accept : a->decline};
    snprintf(o->match, sizeof o->match, "%s", m->view.id);
    if (!accept) {
        snprintf(o->note, sizeof o->note, "%s", rest);
        return NULL;
    }
    uint8_t level = consent_now(x, m);
    if (level == DISCLOSE_NOTHING)
        return "nothing of its offer or need is told any more: there is no consent to say yes to";
    if (*rest && !has_stream(x->gateway, rest))
        return "there is no such stream to meter it";
    snprintf(o->meter, sizeof o->meter, "%s",
             *rest                        ? rest
             : m->meter[0]                ? m->meter
             : m->view.role == ROLE_OFFER ? m->name
                                          : "");
    if (o->answer == REPLY_INTERESTED)
        say_identity(x->territory, m, level, note);
    return NULL;
}

static void answer_order(struct exchange *x, bool accept, const char *rest, struct json *j)
{
    char id[OFFER_ID + 1] = "";
    struct order o;
    struct buf note = {0};
    size_t n = strcspn(rest, " ");
    snprintf(id, sizeof id, "%.*s", (int)(n < OFFER_ID ? n : OFFER_ID), rest);
    rest += n + strspn(rest + n, " ");
    pthread_mutex_lock(&x->territory->lock);
    const char *why = make_order(x, accept, id, rest, &o, &note);
    pthread_mutex_unlock(&x->territory->lock);
    if (!why && !territory_order(x->territory, &o))
        why = "too much is going on: try again";
    if (why) {
        json_text(j, "error", why);
    } else {
        json_text(j, "match", o.match);
        json_text(j, "answer", reply_word(o.answer));
        json_text(j, "meter", o.meter[0] ? o.meter : NULL);
        json_text(j, "note", note.len ? buf_text(&note) : NULL);
    }
    buf_free(&note);
}

// ---- The door ----

static const char *after(const char *request, const char *word)
{
    size_t n = strlen(word);
    return strncmp(request, word, n) == 0 && (request[n] == ' ' || !request[n])
               ? request + n + strspn(request + n, " ")
               : NULL;
}

bool exchange_answer(struct gateway *g, const char *request, struct buf *out)
{
    static const char *const words[] = {"offers", "matches", "accept", "decline"};
    const char *rest = NULL;
    size_t i = 0;
    while (i < 4 && !(rest = after(request, words[i])))
        i++;
    if (i == 4)
        return false;
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    if (!g->exchange || !g->exchange->territory)
        json_text(&j, "error", "the configuration has no group `exchange`: nothing leaves the site");
    else if (i == 0 && strcmp(rest, "dry") == 0)
        answer_dry(g->exchange, &j);
    else if (i == 0)
        answer_offers(g->exchange, &j);
    else if (i == 1)
        answer_matches(g->exchange, &j);
    else
        answer_order(g->exchange, i == 2, rest, &j);
    json_close(&j, '}');
    return true;
}
