// SPDX-License-Identifier: Apache-2.0
// Who is told what, when, and how often: new matches over the thresholds, changes, ends, full containers that
// a round could empty, the weekly digest.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/coordinator.h"
#include "symbiont/backoff.h"

#define SUBJECT      "alerts"
#define DAY_MS       86400000LL
#define FIRST_TRY_MS 5000
#define LAST_TRY_MS  3600000
#define GIVE_UP_MS   (3 * DAY_MS)
#define QUEUE_MOST   10000 // of a channel; the oldest are tried first, more are not taken

// ---- Channels ----

bool alerts_open(struct coordinator *c, struct territory *t, char *why, size_t size)
{
    const struct alerts_config *a = &t->root->alerts;
    size_t n = a->webhooks.n + a->mails.n;
    c->channels = calloc(n + 1, sizeof(struct channel *));
    if (!c->channels) {
        snprintf(why, size, "out of memory");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct webhook_config *w =
            i < a->webhooks.n ? (const struct webhook_config *)a->webhooks.items + i : NULL;
        const struct mail_config *m =
            w ? NULL : (const struct mail_config *)a->mails.items + (i - a->webhooks.n);
        c->channels[i] = channel_open(w, m, &c->delivered, why, size);
        if (!c->channels[i])
            return false;
        c->channel_count++;
    }
    return true;
}

void alerts_close(struct coordinator *c)
{
    for (size_t i = 0; i < c->channel_count; i++)
        channel_close(c->channels[i]);
    free(c->channels);
    c->channels = NULL;
    c->channel_count = 0;
}

static void queue_name(const struct channel *ch, char out[static 96])
{
    snprintf(out, 96, "%s/%s", channel_kind(ch), channel_name(ch));
}

static void settle_result(struct coordinator *c, const struct channel *ch, const struct channel_result *r,
                          struct utc now)
{
    char queue[96];
    struct store_alert a = {.id = r->id};
    queue_name(ch, queue);
    bool found = store_find_alert(c->store, r->id, &a);
    if (r->delivered || !found) {
        log_info(SUBJECT, "%s: alert %lld delivered", queue, (long long)r->id);
        c->alerts_delivered++;
        store_drop_alert(c->store, r->id);
        return;
    }
    if (r->hopeless || now.ms - a.created.ms > GIVE_UP_MS) {
        log_error(SUBJECT, "%s: alert %lld is given up after %d attempts: %s", queue, (long long)r->id,
                  a.attempts + 1, r->words);
        c->alerts_lost++;
        store_drop_alert(c->store, r->id);
        return;
    }
    int64_t pause = FIRST_TRY_MS << (a.attempts < 12 ? a.attempts : 12);
    pause = pause > LAST_TRY_MS ? LAST_TRY_MS : pause;
    pause = pause * 3 / 4 + (int64_t)(random_bits() % (uint64_t)(pause / 2));
    if (pause < r->retry_after_s * 1000)
        pause = r->retry_after_s > 3600 ? 3600000 : r->retry_after_s * 1000;
    log_warning(SUBJECT, "%s: alert %lld was not taken: %s; again in %lld s", queue, (long long)r->id,
                r->words, (long long)(pause / 1000));
    a.attempts++;
    a.due.ms = now.ms + pause;
    store_put_alert(c->store, &a);
}

void alerts_push(struct coordinator *c, struct utc now)
{
    for (size_t i = 0; i < c->channel_count; i++) {
        struct channel *ch = c->channels[i];
        struct channel_result r;
        struct store_alert a;
        char queue[96];
        queue_name(ch, queue);
        while (channel_result(ch, &r))
            settle_result(c, ch, &r, now);
        if (!channel_busy(ch) && store_due_alert(c->store, queue, now, &a))
            channel_give(ch, a.id, a.subject, a.body);
    }
}

// ---- One alert to everybody who wants it ----

struct alert_text {
    struct buf title, body;
};

static void write_span(struct json *j, const char *key, struct span s)
{
    if (!span_said(s))
        return;
    json_open(j, key, '[');
    json_number(j, NULL, s.low);
    json_number(j, NULL, s.high);
    json_close(j, ']');
}

static void write_full(const struct coordinator *c, enum alert_kind kind, const struct deal *d,
                       const char *entry, const char *member, const struct alert_text *text, struct utc now,
                       struct buf *out)
{
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_int(&j, "ts", now.ms);
    json_text(&j, "territory", c->territory->root->territory);
    json_text(&j, "kind", alert_kind_word(kind));
    if (d) {
        json_text(&j, "match", d->id);
        json_text(&j, "synergy", synergy_word((enum synergy)d->kind));
        json_text(&j, "resource", resource_word((enum resource)d->resource));
        json_text(&j, "status", life_bound(&d->life) ? match_status_word(life_status(&d->life)) : NULL);
        json_open(&j, "parties", '[');
        for (unsigned i = 0; i < d->n; i++)
            json_text(&j, NULL, d->parties[i].pseudonym);
        json_close(&j, ']');
        write_span(&j, "annual", d->annual);
        json_text(&j, "annual_unit", offer_annual_unit((enum resource)d->resource));
        write_span(&j, "eur_yr", d->eur_yr);
        write_span(&j, "tco2e_yr", d->tco2e);
        write_span(&j, "payback_y", d->payback_y);
    }
    if (entry)
        json_text(&j, "entry", entry);
    if (member)
        json_text(&j, "member", member);
    json_text_n(&j, "title", text->title.data, text->title.len);
    json_text_n(&j, "text", text->body.data, text->body.len);
    json_close(&j, '}');
}

typedef void compose(struct coordinator *c, enum alert_kind kind, const struct deal *d, const struct match *m,
                     const void *more, enum match_language l, bool names, struct alert_text *out);

struct alert {
    enum alert_kind kind;
    const struct deal *deal;
    const struct match *match;
    const char *entry, *member;
    const void *more;
    compose *compose;
};

static void text_for(struct coordinator *c, const struct alert *a, enum match_language l, bool names,
                     struct utc now, struct alert_text *text, struct buf *full)
{
    buf_reset(&text->title);
    buf_reset(&text->body);
    buf_reset(full);
    a->compose(c, a->kind, a->deal, a->match, a->more, l, names, text);
    write_full(c, a->kind, a->deal, a->entry, a->member, text, now, full);
}

static void enqueue(struct coordinator *c, const struct channel *ch, struct alert_text *text,
                    const struct buf *full, struct utc now)
{
    char queue[96];
    struct buf body = {0};
    queue_name(ch, queue);
    if (store_alerts(c->store, queue) >= QUEUE_MOST) {
        c->alerts_lost++;
        log_error(SUBJECT, "%s: %d alerts wait already, this one is not taken", queue, QUEUE_MOST);
        return;
    }
    channel_compose(ch, buf_text(&text->title), buf_text(&text->body), full->data, full->len, &body);
    store_put_alert(c->store, &(struct store_alert){.channel = queue,
                                                    .subject = buf_text(&text->title),
                                                    .body = buf_text(&body),
                                                    .created = now,
                                                    .due = now});
    buf_free(&body);
}

static void raise_alert(struct coordinator *c, const struct alert *a, struct utc now)
{
    const struct coordinator_root *root = c->territory->root;
    struct alert_text text = {0};
    struct buf full = {0};
    char topic[EXCHANGE_TOPIC];
    text_for(c, a, (enum match_language)root->language, false, now, &text, &full);
    log_info(SUBJECT, "%s: %s", alert_kind_word(a->kind), buf_text(&text.title));
    if (root->alerts.mqtt && !full.failed) {
        snprintf(topic, sizeof topic, "symbiosis/v1/%s/alerts", root->territory);
        say_plain(c, topic, full.data, full.len);
    }
    for (size_t i = 0; i < c->channel_count; i++) {
        const struct channel *ch = c->channels[i];
        if (!alert_wanted(channel_kinds(ch), a->kind))
            continue;
        text_for(c, a, channel_language(ch), channel_names(ch), now, &text, &full);
        if (!full.failed)
            enqueue(c, ch, &text, &full, now);
    }
    c->alerts_raised++;
    buf_free(&text.title);
    buf_free(&text.body);
    buf_free(&full);
    coordinator_stir(c);
}

// About the same thing once in the interval.
static bool may_tell(struct coordinator *c, const char *key, struct utc now)
{
    struct utc last = store_last_told(c->store, key);
    if (last.ms && now.ms - last.ms < c->territory->root->alerts.interval_ns / NS_PER_MS)
        return false;
    store_told(c->store, key, now);
    return true;
}

// ---- Matches ----

static void compose_match(struct coordinator *c, enum alert_kind kind, const struct deal *d,
                          const struct match *m, const void *more, enum match_language l, bool names,
                          struct alert_text *out)
{
    (void)more;
    alert_title(c, kind, d, m, l, names, &out->title);
    alert_body(c, kind, d, m, l, names, &out->body);
}

static bool is_worth_telling(const struct alerts_config *a, const struct deal *d)
{
    bool eur = span_said(d->eur_yr) && d->eur_yr.high >= a->eur_least;
    bool carbon = span_said(d->tco2e) && d->tco2e.high >= a->tco2e_least;
    bool pays = !span_said(d->payback_y) || d->payback_y.low <= a->payback_most_y;
    return (eur || carbon) && pays;
}

// What stays the same when a round gets one member more: its kind, matter and first container.
static void synergy_key(const struct coordinator *c, const struct deal *d, char out[static 96])
{
    struct offer o;
    if (d->kind != SYNERGY_POOL || !matcher_offer(c->matcher, d->parties[0].entry, &o))
        snprintf(out, 96, "%s", d->id);
    else
        snprintf(out, 96, "%s/%s/%06u", synergy_word((enum synergy)d->kind),
                 resource_word((enum resource)d->resource), o.waste.code_count ? o.waste.codes[0] : 0);
}

static void note(struct coordinator *c, enum alert_kind kind, const struct deal *d, const struct match *m,
                 struct utc now)
{
    struct buf title = {0};
    alert_title(c, kind, d, m, (enum match_language)c->territory->root->language, false, &title);
    store_note(c->store, now, alert_kind_word(kind), d->id, buf_text(&title));
    buf_free(&title);
}

void alert_match(struct coordinator *c, enum alert_kind kind, struct deal *d, const struct match *m)
{
    const struct alerts_config *config = &c->territory->root->alerts;
    struct utc now = utc_now();
    char key[96];
    if (kind == ALERT_MATCH && !is_worth_telling(config, d))
        return;
    if (kind == ALERT_CHANGE) {
        bool was_told = isfinite(d->told_annual);
        if (!was_told && is_worth_telling(config, d))
            kind = ALERT_MATCH; // it has grown over the thresholds
        else if (!was_told ||
                 fabs(d->expected_annual - d->told_annual) <= config->change * fabs(d->told_annual))
            return;
    }
    if (kind == ALERT_END && !isfinite(d->told_annual))
        return;
    d->told_annual = kind == ALERT_END ? NAN : d->expected_annual;
    note(c, kind, d, m, now);
    synergy_key(c, d, key);
    if (!may_tell(c, key, now)) {
        c->alerts_held++; // the digest has it
        return;
    }
    raise_alert(c, &(struct alert){.kind = kind, .deal = d, .match = m, .compose = compose_match}, now);
}

// ---- Members ----

struct busy_member {
    const char *pseudonym;
    int64_t most;
};

static void compose_member(struct coordinator *c, enum alert_kind kind, const struct deal *d,
                           const struct match *m, const void *more, enum match_language l, bool names,
                           struct alert_text *out)
{
    const struct busy_member *b = more;
    (void)c, (void)kind, (void)d, (void)m, (void)names;
    buf_printf(&out->title,
               say_in(l, "Member %s signs more than %lld new offers and needs a day",
                      "Le membre %s signe plus de %lld nouvelles offres et besoins par jour"),
               b->pseudonym, (long long)b->most);
    buf_puts(
        &out->body,
        say_in(l,
               "The rest is not looked at until there is room again; what stood before stands. Something "
               "is wrong at that site, or somebody has its key: call it.\n",
               "Le reste attend qu'il y ait de nouveau de la place ; ce qui existait reste. Quelque chose "
               "ne va pas sur ce site, ou quelqu'un a sa clé : appelez-le.\n"));
}

void alert_member(struct coordinator *c, const struct member *m, int64_t most)
{
    struct utc now = utc_now();
    struct busy_member busy = {m->pseudonym, most};
    char key[96];
    snprintf(key, sizeof key, "member/%s", m->pseudonym);
    if (!may_tell(c, key, now))
        return;
    raise_alert(c,
                &(struct alert){
                    .kind = ALERT_MEMBER, .member = m->pseudonym, .more = &busy, .compose = compose_member},
                now);
}

// ---- Containers ----

struct full_container {
    const struct offer *offer;
    const struct deal *deal;
};

static void compose_full(struct coordinator *c, enum alert_kind kind, const struct deal *d,
                         const struct match *m, const void *more, enum match_language l, bool names,
                         struct alert_text *out)
{
    const struct full_container *f = more;
    const struct offer *o = f->offer;
    int party = names ? deal_party(d, o->pseudonym) : -1;
    const char *who = party < 0 ? o->pseudonym : party_called(c, d, (unsigned)party);
    char fill[SPAN_TEXT], days[SPAN_TEXT];
    span_text((struct span){o->waste.fill.low * 100, o->waste.fill.high * 100}, fill);
    span_text(o->waste.days_to_full, days);
    buf_printf(&out->title, say_in(l, "Container of %s: %s %% full", "Benne de %s : pleine à %s %%"), who,
               fill);
    if (span_said(o->waste.days_to_full))
        buf_printf(
            &out->body,
            say_in(l, "It will be full in about %s days. ", "Elle sera pleine dans %s jours environ. "),
            days);
    buf_puts(&out->body, say_in(l, "It could be emptied in a common round:\n",
                                "Une tournée commune pourrait la vider :\n"));
    alert_body(c, kind, d, m, l, names, &out->body);
}

void alerts_containers(struct coordinator *c, struct utc now)
{
    const struct alerts_config *config = &c->territory->root->alerts;
    struct deal *d;
    for (size_t at = 0; (d = table_next(&c->deals, &at));) {
        if (d->kind != SYNERGY_POOL || !d->present || d->life.phase == LIFE_ENDED)
            continue;
        for (unsigned i = 0; i < d->n; i++) {
            struct offer o;
            struct match m;
            char key[96];
            if (!matcher_offer(c->matcher, d->parties[i].entry, &o) || !span_said(o.waste.fill) ||
                o.waste.fill.high < config->full)
                continue;
            snprintf(key, sizeof key, "full/%s", o.id);
            if (!matcher_get(c->matcher, d->id, now, &m) || !may_tell(c, key, now))
                continue;
            struct full_container f = {&o, d};
            raise_alert(c,
                        &(struct alert){.kind = ALERT_FULL,
                                        .deal = d,
                                        .match = &m,
                                        .entry = o.id,
                                        .more = &f,
                                        .compose = compose_full},
                        now);
        }
    }
}

// ---- The digest ----

static void compose_digest(struct coordinator *c, enum alert_kind kind, const struct deal *d,
                           const struct match *m, const void *more, enum match_language l, bool names,
                           struct alert_text *out)
{
    const struct utc *since = more;
    (void)kind, (void)d, (void)m;
    digest_text(c, *since, l, names, &out->title, &out->body);
}

void alerts_digest(struct coordinator *c, struct utc now)
{
    const struct territory *t = c->territory;
    struct civil civil = zone_civil(t->zone, now);
    struct utc last = {store_number(c->store, "digest", 0)};
    if (!t->digest_weekday || civil.weekday != t->digest_weekday || civil.hour < t->digest_hour ||
        now.ms - last.ms < 6 * DAY_MS)
        return;
    struct utc since = {last.ms ? last.ms : now.ms - 7 * DAY_MS};
    store_keep(c->store, "digest", now.ms);
    raise_alert(c, &(struct alert){.kind = ALERT_DIGEST, .more = &since, .compose = compose_digest}, now);
}
