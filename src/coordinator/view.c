// SPDX-License-Identifier: Apache-2.0
// What one side of a match is shown. It is worked out from what this side may know and from nothing else: its
// own numbers, and the others' as they would look at level 2, whatever their level and whoever said yes. So
// no exact number of another can slip through a sentence, a distance or a price, and another's answer cannot
// either. Names come with everybody's yes; numbers the two tell each other.
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "coordinator/coordinator.h"
#include "symbiont/waste.h"

#define DAY_MS       86400000LL
#define VIEW_LIFE_MS (30 * DAY_MS)

const char *say_in(enum match_language l, const char *en, const char *fr)
{
    return l == LANGUAGE_FR ? fr : en;
}

// ---- What this side may know ----

// As the owner would have sent it at level 2.
static bool coarse(const struct offer *o, struct offer *out)
{
    struct offer copy = *o;
    if (copy.level > DISCLOSE_BANDS)
        copy.level = DISCLOSE_BANDS;
    return offer_disclose(&copy, out);
}

static bool is_own(const struct coordinator *c, const struct party *p, const char *id)
{
    const struct entry *e = entry_of(c, id);
    return e && strcmp(e->member->pseudonym, p->pseudonym) == 0;
}

struct known {
    struct offer offers[MATCH_MEMBERS];
    unsigned n;
};

static bool gather(const struct coordinator *c, const struct party *p, const struct match *m, struct known *k)
{
    struct offer full;
    k->n = 0;
    for (unsigned i = 0; i < m->member_count; i++) {
        struct offer *to = &k->offers[k->n++];
        if (!matcher_offer(c->matcher, m->members[i], &full))
            return false;
        if (is_own(c, p, m->members[i]))
            *to = full;
        else if (!coarse(&full, to))
            return false;
    }
    return true;
}

// The match as this side could have worked it out itself.
static void seen_match(const struct coordinator *c, const struct match *m, const struct known *k,
                       struct utc now, struct match *out)
{
    const struct match_settings *s = &c->territory->root->matching;
    if (k->n == 2 && m->kind != SYNERGY_POOL) {
        double most = span_band(span_of(m->expected_quantity)).high;
        match_pair(s, &k->offers[0], &k->offers[1], NAN, isfinite(most) && most > 0 ? most : INFINITY, now,
                   out);
    } else {
        const struct offer *members[MATCH_MEMBERS];
        for (unsigned i = 0; i < k->n; i++)
            members[i] = &k->offers[i];
        match_group(s, members, k->n, NULL, now, out);
    }
}

// ---- Filling it in ----

// Cut at a whole character.
static void copy_text(char *to, size_t size, const char *text)
{
    size_t n = strlen(text);
    if (n >= size) {
        n = size - 1;
        while (n && ((unsigned char)text[n] & 0xC0) == 0x80)
            n--;
    }
    memcpy(to, text, n);
    to[n] = '\0';
}

static void fill_gates(struct match_view *v, const struct match *m, enum match_language l)
{
    struct buf text = {0};
    for (unsigned i = 0; i < m->gate_count && v->gate_count < VIEW_GATES; i++) {
        const struct match_gate *g = &m->gates[i];
        struct view_gate *to = &v->gates[v->gate_count++];
        *to = (struct view_gate){.pass = g->result != GATE_FAIL, .value = NAN, .limit = NAN};
        snprintf(to->name, sizeof to->name, "%s", *g->parameter ? g->parameter : g->name);
        snprintf(to->unit, sizeof to->unit, "%s", g->unit ? g->unit : "");
        if (span_said(g->value) && isfinite(span_middle(g->value)))
            to->value = span_middle(g->value);
        if (span_said(g->limit) && isfinite(span_middle(g->limit)))
            to->limit = span_middle(g->limit);
    }
    for (unsigned i = 0; i < m->strongest_count && v->limit_count < VIEW_LIMITS; i++) {
        buf_reset(&text);
        gate_text(&m->gates[m->strongest[i]], l, &text);
        copy_text(v->limits[v->limit_count++], sizeof v->limits[0], buf_text(&text));
    }
    buf_free(&text);
}

static void join(char *to, size_t size, const char *what)
{
    char all[512];
    if (!*what)
        return;
    snprintf(all, sizeof all, "%s%s%s", to, *to ? "; " : "", what);
    copy_text(to, size, all);
}

// Everybody's yes releases the name of those alone who let their entry tell it. For a declared firm the level
// stands in its file: it gave its consent to the coordinator's person.
bool party_tells_identity(const struct coordinator *c, const struct party *p)
{
    const struct entry *e = entry_of(c, p->entry);
    return e && e->level >= DISCLOSE_IDENTITY;
}

const char *party_called(const struct coordinator *c, const struct deal *d, unsigned party)
{
    const struct party *p = &d->parties[party];
    if (!life_released(&d->life) || !party_tells_identity(c, p))
        return p->pseudonym;
    const struct member *m = member_of(c, p->pseudonym);
    return *p->name ? p->name : m ? member_name(m) : p->pseudonym;
}

const char *party_contact(const struct coordinator *c, const struct deal *d, unsigned party)
{
    const struct party *p = &d->parties[party];
    if (!life_released(&d->life) || !party_tells_identity(c, p))
        return "";
    const struct member *m = member_of(c, p->pseudonym);
    return *p->contact ? p->contact : m ? member_contact(m) : "";
}

static void fill_counterpart(const struct coordinator *c, const struct deal *d, unsigned party,
                             const struct match *m, const struct known *k, struct match_view *v)
{
    struct match_counterpart *to = &v->counterpart;
    for (unsigned i = 0; i < k->n; i++) {
        const struct offer *o = &k->offers[i];
        if (is_own(c, &d->parties[party], m->members[i]))
            continue;
        snprintf(to->zone, sizeof to->zone, "%s", o->zone);
        snprintf(to->nace, sizeof to->nace, "%.2s", o->nace);
        to->amount = span_band(o->typical);
        to->supply = span_band_celsius(o->heat.supply);
        to->back = span_band_celsius(o->heat.back);
        if (o->waste.code_count)
            snprintf(to->code, sizeof to->code, "%06u", o->waste.codes[0]);
        if (k->n > 2) { // of many there is no one zone, nor one amount
            to->amount = to->supply = to->back = SPAN_UNSAID;
            to->zone[0] = to->nace[0] = '\0';
        }
    }
    for (unsigned i = 0; i < d->n && life_released(&d->life); i++)
        if (i != party) {
            join(to->name, sizeof to->name, party_called(c, d, i));
            join(to->contact, sizeof to->contact, party_contact(c, d, i));
        }
}

static void fill_text(const struct coordinator *c, const struct deal *d, unsigned party,
                      const struct match *m, enum match_language l, struct match_view *v)
{
    const char *names[MATCH_MEMBERS];
    struct buf text = {0};
    for (unsigned i = 0; i < m->member_count; i++) {
        const struct entry *e = entry_of(c, m->members[i]);
        int who = e ? deal_party(d, e->member->pseudonym) : -1;
        names[i] = who < 0                  ? "?"
                   : (unsigned)who == party ? d->parties[who].pseudonym
                                            : party_called(c, d, (unsigned)who);
    }
    match_text(m, names, l, &text);
    copy_text(v->text, sizeof v->text, buf_text(&text));
    buf_free(&text);
}

static struct span said(struct span s)
{
    return span_said(s) && (isfinite(s.low) || isfinite(s.high)) ? s : SPAN_UNSAID;
}

static void fill_figures(const struct match *m, struct match_view *v)
{
    v->quantity = said(m->quantity);
    v->annual = said(m->annual);
    v->coverage = span_said(m->coverage) ? fmin(1, fmax(0, span_middle(m->coverage))) : NAN;
    v->use = span_said(m->use) ? fmin(1, fmax(0, span_middle(m->use))) : NAN;
    v->distance_m = said(span_band(m->distance_m));
    v->capex_eur = said(m->capex);
    v->eur_yr = said(m->eur_yr);
    v->payback_y = said(m->payback_y);
    v->tco2e_yr = said(m->tco2e);
    v->confidence = isfinite(m->confidence) ? fmin(1, fmax(0, m->confidence)) : NAN;
}

static void fill_ended(const struct deal *d, enum match_language l, struct match_view *v)
{
    // Nobody is told who said no: the words are the same for a no, a withdrawal and a better use elsewhere.
    copy_text(v->reason, sizeof v->reason,
              d->life.end == LIFE_FINISHED
                  ? say_in(l, "The exchange was ended by one side.", "L'échange a été arrêté par une partie.")
                  : say_in(l, "This match is no longer to be had.", "Cette piste n'est plus d'actualité."));
}

static void fill_realised(const struct deal *d, struct match_view *v)
{
    if (d->running.ms == 0)
        return;
    v->realised = d->realised;
    v->realised_eur = d->realised_eur;
    v->realised_tco2e = d->realised_tco2e;
}

static bool fill(const struct coordinator *c, const struct deal *d, unsigned party, const struct match *m,
                 struct match_view *v)
{
    const struct party *p = &d->parties[party];
    const struct member *member = member_of(c, p->pseudonym);
    const struct entry *own = entry_of(c, p->entry);
    enum match_language l = member ? member_language(member) : LANGUAGE_EN;
    struct known known;
    struct match seen;
    match_view_clear(v);
    memcpy(v->id, d->id, sizeof v->id);
    memcpy(v->own, p->entry, sizeof v->own);
    v->status = life_seen(&d->life, party);
    v->synergy = (enum synergy)d->kind;
    v->resource = (enum resource)d->resource;
    v->role = own ? (enum offer_role)own->role : party == 0 ? ROLE_OFFER : ROLE_NEED;
    v->parties = d->n - 1;
    fill_realised(d, v);
    if (v->status == MATCH_ENDED)
        fill_ended(d, l, v);
    if (v->status == MATCH_ENDED || !m)
        return true;
    if (!gather(c, p, m, &known))
        return false;
    seen_match(c, m, &known, utc_now(), &seen);
    fill_counterpart(c, d, party, m, &known, v);
    fill_figures(&seen, v);
    fill_gates(v, &seen, l);
    fill_text(c, d, party, &seen, l, v);
    return true;
}

// ---- Publishing it ----

static void topic_of(const struct coordinator *c, const struct deal *d, unsigned party,
                     struct exchange_topic *t)
{
    *t = (struct exchange_topic){.branch = BRANCH_MATCHES};
    snprintf(t->territory, sizeof t->territory, "%s", c->territory->root->territory);
    snprintf(t->pseudonym, sizeof t->pseudonym, "%s", d->parties[party].pseudonym);
    snprintf(t->id, sizeof t->id, "%s", d->id);
}

static void hash_of(struct buf *b, unsigned char out[static 16])
{
    crypto_generichash(out, 16, (const unsigned char *)buf_text(b), b->len, NULL, 0);
}

void deal_show(struct coordinator *c, struct deal *d, unsigned party, const struct match *m, bool anew)
{
    struct party *p = &d->parties[party];
    const struct member *member = member_of(c, p->pseudonym);
    struct match_view v;
    unsigned char hash[16];
    struct utc now = utc_now();
    if (!member || !member->config || !fill(c, d, party, m, &v))
        return; // a declared firm reads no topics; its people see `symbiont matches --coordinator`
    enum match_status status = v.status;
    v.status = MATCH_PROPOSED; // what it says besides the owner's own answer
    buf_reset(&c->body);
    match_view_write(&v, &c->body);
    hash_of(&c->body, hash);
    bool matter = memcmp(hash, p->shown, sizeof hash) != 0;
    bool answered = status != p->status;
    bool old = now.ms - p->issued.ms > VIEW_LIFE_MS / 2;
    if (!matter && !answered && !(anew && old))
        return;
    if (matter || answered)
        p->revision++;
    if (matter) {
        p->material = p->revision;
        memcpy(p->shown, hash, sizeof hash);
    }
    p->status = (uint8_t)status;
    p->issued = now;
    v.status = status;
    v.revision = p->revision;
    buf_reset(&c->body);
    match_view_write(&v, &c->body);
    struct exchange_topic t;
    topic_of(c, d, party, &t);
    say(c, &t, MESSAGE_MATCH, VIEW_LIFE_MS);
}

void deal_show_all(struct coordinator *c, struct deal *d, bool anew)
{
    struct match m;
    bool known = d->life.phase != LIFE_ENDED && matcher_get(c->matcher, d->id, utc_now(), &m);
    if (!known && d->life.phase != LIFE_ENDED)
        return;
    deal_release_names(c, d);
    for (unsigned i = 0; i < d->n; i++)
        deal_show(c, d, i, known ? &m : NULL, anew);
}

void deal_clear_views(struct coordinator *c, struct deal *d)
{
    for (unsigned i = 0; i < d->n; i++) {
        const struct member *member = member_of(c, d->parties[i].pseudonym);
        if (!d->parties[i].revision || d->parties[i].issued.ms == 0)
            continue;
        d->parties[i].issued.ms = 0;
        struct exchange_topic t;
        topic_of(c, d, i, &t);
        if (member && member->config)
            say_clear(c, &t);
    }
}
