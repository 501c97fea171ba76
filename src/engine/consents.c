// SPDX-License-Identifier: Apache-2.0
// From settings and streams to wishes: what would be told now, of each consent.
#include "engine/consents.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/json.h"
#include "symbiont/messages.h"

struct consent {
    const struct offer_config *config;
    struct offer_terms terms;
    enum offer_role role;
    size_t index; /* of the stream or need */
    struct need need;
    struct offer_smooth smooth;
};

struct consents {
    struct site *site;
    struct offer_place place;
    size_t n;
    struct consent items[];
};

void consents_place(const struct site *s, struct offer_place *out)
{
    const struct exchange_config *c = site_exchange(s);
    const struct site_group *g = &s->root->site;
    *out = (struct offer_place){
        .latitude = NAN, .longitude = NAN, .named = c->zone != NULL, .radius_m = c->zone ? c->radius_m : 0};
    snprintf(out->pseudonym, sizeof out->pseudonym, "%s", c->pseudonym ? c->pseudonym : "");
    snprintf(out->nace, sizeof out->nace, "%s", g->nace ? g->nace : "");
    // The tables give 0 to what is not said; nobody makes anything in the Gulf of Guinea.
    if (fabs(g->latitude) > 0 || fabs(g->longitude) > 0) {
        out->latitude = g->latitude;
        out->longitude = g->longitude;
    }
    if (c->zone)
        snprintf(out->zone, sizeof out->zone, "%s", c->zone);
    else if (!isnan(out->latitude))
        offer_cell_zone(out->latitude, out->longitude, out->zone);
}

static void add(struct consents *c, const struct offer_config *o, enum offer_role role, size_t index,
                enum resource r, const char *name, struct diagnostics *d)
{
    struct consent *item = &c->items[c->n];
    if (!o->common.place.file)
        return;
    *item = (struct consent){.config = o, .role = role, .index = index};
    offer_smooth_reset(&item->smooth);
    // The site was checked, so this finds nothing wrong.
    if (!offer_terms_read(o, r, role == ROLE_NEED, c->site->zone, name, &item->terms, d))
        return;
    if (role == ROLE_NEED && !need_compile(site_need(c->site, index), &item->need, d))
        return;
    c->n++;
}

struct consents *consents_new(struct site *site)
{
    size_t streams = site->root->streams.n, needs = site->root->needs.n;
    struct consents *c = calloc(1, sizeof *c + (streams + needs) * sizeof c->items[0]);
    struct diagnostics *d = diagnostics_new();
    if (!c || !d) {
        free(c);
        diagnostics_free(d);
        return NULL;
    }
    c->site = site_hold(site);
    consents_place(site, &c->place);
    for (size_t i = 0; i < streams; i++)
        add(c, &site_stream(site, i)->offer, ROLE_OFFER, i, (enum resource)site_stream(site, i)->resource,
            site_stream(site, i)->name, d);
    for (size_t i = 0; i < needs; i++)
        add(c, &site_need(site, i)->ask, ROLE_NEED, i, (enum resource)site_need(site, i)->resource,
            site_need(site, i)->name, d);
    diagnostics_free(d);
    return c;
}

void consents_free(struct consents *c)
{
    if (!c)
        return;
    site_free(c->site);
    free(c);
}

static const char *name_of(const struct consents *c, const struct consent *item)
{
    return item->role == ROLE_NEED ? site_need(c->site, item->index)->name
                                   : site_stream(c->site, item->index)->name;
}

void consents_inherit(struct consents *c, const struct consents *from)
{
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < from->n; k++)
            if (c->items[i].role == from->items[k].role &&
                strcmp(name_of(c, &c->items[i]), name_of(from, &from->items[k])) == 0)
                c->items[i].smooth = from->items[k].smooth;
}

void consents_step(struct consents *c, const struct engine *e, struct utc t)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->items[i].role == ROLE_OFFER)
            offer_smooth_step(&c->items[i].smooth, engine_stream(e, c->items[i].index), t);
}

size_t consents_count(const struct consents *c)
{
    return c->n;
}

const char *consents_title(const struct consents *c, size_t i)
{
    const struct consent *item = &c->items[i];
    return item->role == ROLE_NEED ? site_need(c->site, item->index)->title
                                   : site_stream(c->site, item->index)->title;
}

void consents_wish(struct consents *c, struct engine *e, size_t i, struct utc t, struct offer_wish *out)
{
    const struct consent *item = &c->items[i];
    const struct offer_terms *terms = &item->terms;
    *out = (struct offer_wish){.role = item->role,
                               .embargo_until = terms->embargo_until,
                               .agreed_until = terms->agreed_until,
                               .embargo_ms = terms->embargo_ms,
                               .expiry_ms = terms->expiry_ms,
                               .keep_ms = terms->keep_ms,
                               .pause_ms = terms->pause_ms};
    snprintf(out->name, sizeof out->name, "%s", name_of(c, item));
    snprintf(out->agreed_by, sizeof out->agreed_by, "%s",
             item->config->agreed_by ? item->config->agreed_by : "");
    if (item->role == ROLE_NEED) {
        out->present = out->said = true;
        offer_of_need(&item->need, terms, &c->place, &out->full);
        return;
    }
    struct stream *s = engine_stream(e, item->index);
    out->present = offer_present(s, terms, t);
    out->said = offer_of_stream(s, terms, &c->place, &item->smooth, t, &out->full);
}

// ---- Shown before it is sent ----

static void dry_message(struct json *j, const struct offer *o, struct utc expires, const char *territory,
                        const char *pseudonym)
{
    struct exchange_topic topic = {.branch = o->role == ROLE_OFFER ? BRANCH_OFFERS : BRANCH_NEEDS};
    struct buf body = {0};
    char text[EXCHANGE_TOPIC], time[UTC_TEXT];
    snprintf(topic.territory, sizeof topic.territory, "%s", territory);
    snprintf(topic.pseudonym, sizeof topic.pseudonym, "%s", pseudonym);
    snprintf(topic.id, sizeof topic.id, "%s", o->id);
    json_text(j, "topic", exchange_topic_text(&topic, text));
    json_text(j, "expires", utc_text(expires, time));
    offer_write(o, &body);
    if (!body.failed)
        json_raw(j, "message", body.data, body.len);
    buf_free(&body);
}

void consents_dry(struct json *j, const struct offer_wish *w, const struct offer_life *life,
                  const char *territory, const char *pseudonym, struct utc now)
{
    struct offer_life l = life ? *life : (struct offer_life){.role = w->role};
    struct offer_step step;
    struct offer message;
    json_open(j, NULL, '{');
    json_text(j, "name", w->name);
    json_text(j, "role", w->role == ROLE_OFFER ? "offer" : "need");
    json_text(j, "resource", resource_word(w->full.resource));
    json_int(j, "level", w->full.level);
    bool told = l.told;
    offer_life_step(&l, w, now, &step);
    json_bool(j, "told", told);
    json_bool(j, "leaves",
              step.act == OFFER_TELL || step.act == OFFER_REFRESH || (told && step.act == OFFER_STAY));
    json_text(j, "why",
              told && step.act == OFFER_STAY && w->present ? "told already, nothing new" : step.why);
    struct utc expires;
    if (offer_life_message(&l, w, now, &message, &expires))
        dry_message(j, &message, expires, territory, pseudonym);
    json_close(j, '}');
}
