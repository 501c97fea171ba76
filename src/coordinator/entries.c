// SPDX-License-Identifier: Apache-2.0
// Offers and needs that are held: checked for sense, kept on disk, given to the matcher, receipted to their
// owners.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/coordinator.h"

#define DAY_MS          86400000LL
#define RECEIPT_LIFE_MS (30 * DAY_MS)
#define EXPIRED_LIFE_MS DAY_MS // says no more than the owner's own clock
// So long all have to be heard after a connection, members that connect anew as well.
#define HEARD_NS    (300 * NS_PER_S)
#define DECLARED_MS (3650 * DAY_MS) // as long as the file says so

// ---- What can be true ----

static double most_of(const struct limits_config *l, enum resource r)
{
    const char *unit = offer_unit(r);
    if (strcmp(unit, "kW") == 0)
        return l->power_most_kw;
    if (strcmp(unit, "m3/h") == 0)
        return l->flow_most_m3_h;
    return strcmp(unit, "t/wk") == 0 ? l->mass_most_t_wk : INFINITY;
}

static bool amount_fits(const char *what, struct span s, double most, const char *unit, char *why,
                        size_t size)
{
    if (!span_said(s) || (s.low <= most && (s.high <= most || isinf(s.high))))
        return true;
    snprintf(why, size, "%s: %g %s is more than %g, which is not believed", what, s.high, unit, most);
    return false;
}

static bool place_fits(const struct coordinator *c, const struct member *m, const struct offer *o, char *why,
                       size_t size)
{
    struct point_on_earth home, said;
    const char *zone = m->config ? m->config->zone : NULL;
    double most = c->territory->root->limits.distance_most_km;
    if (!zone || !*zone)
        return true;
    if (!place_parse(zone, &home)) { // a commune's number: only the same word can be compared
        bool commune = *o->zone && !place_parse(o->zone, &said) && strcmp(zone, o->zone) != 0;
        if (commune)
            snprintf(why, size, "zone: it is in %s, not in %s", zone, o->zone);
        return !commune;
    }
    bool known = isfinite(o->latitude) && isfinite(o->longitude);
    if (known)
        said = (struct point_on_earth){o->latitude, o->longitude};
    if (!known && !place_parse(o->zone, &said))
        return true;
    double km = place_distance_km(home, said);
    if (km <= most)
        return true;
    snprintf(why, size, "zone: %.0f km from where the member is", km);
    return false;
}

bool entry_plausible(const struct coordinator *c, const struct member *m, const struct offer *o, char *why,
                     size_t size)
{
    const char *unit = offer_unit(o->resource);
    double most = most_of(&c->territory->root->limits, o->resource);
    double hours = strcmp(unit, "t/wk") == 0 ? 53 : strcmp(unit, "kW") == 0 ? 8.784 : 8784;
    return offer_check(o, why, size) && amount_fits("firm", o->firm, most, unit, why, size) &&
           amount_fits("typical", o->typical, most, unit, why, size) &&
           amount_fits("peak", o->peak, most, unit, why, size) &&
           // Bands widen upwards by at most 2.5 times.
           amount_fits("annual", o->annual, 2.5 * most * hours, offer_annual_unit(o->resource), why, size) &&
           place_fits(c, m, o, why, size);
}

// ---- Taking in, giving up ----

static struct entry *new_entry(struct coordinator *c, struct member *m, const struct offer *o, char *why,
                               size_t size)
{
    const struct limits_config *l = &c->territory->root->limits;
    size_t most = member_entries_most(c, m);
    if (!m->declared && m->entries >= most) {
        snprintf(why, size, "more than %zu offers and needs at once", most);
        return NULL;
    }
    if (c->entries.count >= (size_t)l->entries_all) {
        c->overfull++;
        complain(&c->full, loop_now(c->loop), LOG_LEVEL_ERROR, "entries",
                 "the territory holds %lld offers and needs already (limits.entries_all)",
                 (long long)l->entries_all);
        snprintf(why, size, "the territory is full");
        return NULL;
    }
    struct entry *e = calloc(1, sizeof *e);
    if (e) {
        snprintf(e->id, sizeof e->id, "%s", o->id);
        e->member = m;
    }
    if (!e || !table_put(&c->entries, e->id, e)) {
        free(e);
        snprintf(why, size, "out of memory");
        return NULL;
    }
    m->entries++;
    return e;
}

static void keep(struct coordinator *c, const struct entry *e, const struct offer *o)
{
    if (e->declared)
        return; // its file has it
    buf_reset(&c->plain);
    offer_write(o, &c->plain);
    if (!c->plain.failed)
        store_put_entry(c->store, &(struct store_entry){.id = e->id,
                                                        .pseudonym = e->member->pseudonym,
                                                        .json = c->plain.data,
                                                        .n = c->plain.len,
                                                        .expires = e->expires});
}

static uint64_t connections(const struct coordinator *c)
{
    struct link_status s = {.ups = 0};
    if (c->link)
        link_status(c->link, &s);
    return s.ups;
}

static bool hold(struct coordinator *c, struct member *m, const struct offer *o, struct utc expires,
                 bool declared, bool on_disk, char *why, size_t size)
{
    struct entry *e = entry_of(c, o->id);
    bool fresh = !e;
    if (!e && !(e = new_entry(c, m, o, why, size)))
        return false;
    struct offer copy = *o;
    snprintf(copy.pseudonym, sizeof copy.pseudonym, "%s", m->pseudonym);
    if (!matcher_put(c->matcher, &copy)) {
        if (fresh)
            entry_remove(c, e);
        snprintf(why, size, "out of memory");
        return false;
    }
    e->revision = o->revision;
    e->role = (uint8_t)o->role;
    e->resource = (uint8_t)o->resource;
    e->level = o->level;
    e->declared = declared;
    e->expires = expires;
    e->heard = on_disk ? 0 : connections(c);
    c->dirty = true;
    if (!on_disk)
        keep(c, e, &copy);
    return true;
}

bool entry_put(struct coordinator *c, struct member *m, const struct offer *o, struct utc expires,
               bool declared, char *why, size_t size)
{
    if (!entry_plausible(c, m, o, why, size))
        return false;
    deals_reconsider(c, o);
    if (!hold(c, m, o, expires, declared, false, why, size))
        return false;
    if (!declared)
        entry_receipt(c, entry_of(c, o->id));
    return true;
}

void entry_remove(struct coordinator *c, struct entry *e)
{
    for (struct entry **p = &c->receipts; *p; p = &(*p)->next_due)
        if (*p == e) {
            *p = e->next_due;
            break;
        }
    matcher_remove(c->matcher, e->id);
    store_drop_entry(c->store, e->id);
    e->member->entries--;
    table_remove(&c->entries, e->id);
    free(e);
    c->dirty = true;
    coordinator_stir(c);
}

// ---- Receipts ----

void entry_receipt(struct coordinator *c, struct entry *e)
{
    if (e->receipt_due || e->declared)
        return;
    e->receipt_due = true;
    e->next_due = c->receipts;
    c->receipts = e;
    coordinator_stir(c);
}

static void say_receipt(struct coordinator *c, const char *pseudonym, const struct receipt *r,
                        int64_t life_ms)
{
    struct exchange_topic t = {.branch = BRANCH_RECEIPTS};
    snprintf(t.territory, sizeof t.territory, "%s", c->territory->root->territory);
    snprintf(t.pseudonym, sizeof t.pseudonym, "%s", pseudonym);
    snprintf(t.id, sizeof t.id, "%s", r->id);
    buf_reset(&c->body);
    receipt_write(r, &c->body);
    say(c, &t, MESSAGE_RECEIPT, life_ms);
}

static void refuse_for(struct coordinator *c, const char *pseudonym, const char *id, uint64_t revision,
                       enum receipt_status status, const char *reason, int64_t life_ms)
{
    struct receipt r = {.revision = revision, .status = status};
    snprintf(r.id, sizeof r.id, "%s", id);
    snprintf(r.reason, sizeof r.reason, "%s", reason);
    r.total = store_releases(c->store, pseudonym, id, r.releases, RECEIPT_RELEASES);
    r.count = (uint8_t)(r.total < RECEIPT_RELEASES ? r.total : RECEIPT_RELEASES);
    say_receipt(c, pseudonym, &r, life_ms);
    coordinator_stir(c);
}

void receipt_refuse(struct coordinator *c, const char *pseudonym, const char *id, uint64_t revision,
                    enum receipt_status status, const char *reason)
{
    refuse_for(c, pseudonym, id, revision, status, reason, RECEIPT_LIFE_MS);
}

// Ids that never were cost a member nothing: what is said of them lives no longer than what it answers.
void receipt_nothing_held(struct coordinator *c, const char *pseudonym, const char *id, struct utc until)
{
    int64_t left = until.ms - utc_now().ms;
    if (left > 0)
        refuse_for(c, pseudonym, id, 0, RECEIPT_WITHDRAWN, "",
                   left < RECEIPT_LIFE_MS ? left : RECEIPT_LIFE_MS);
}

void entries_say_receipts(struct coordinator *c)
{
    while (c->receipts) {
        struct entry *e = c->receipts;
        c->receipts = e->next_due;
        e->receipt_due = false;
        e->next_due = NULL;
        struct receipt r = {.revision = e->revision, .status = RECEIPT_HELD};
        snprintf(r.id, sizeof r.id, "%s", e->id);
        r.total = store_releases(c->store, e->member->pseudonym, e->id, r.releases, RECEIPT_RELEASES);
        r.count = (uint8_t)(r.total < RECEIPT_RELEASES ? r.total : RECEIPT_RELEASES);
        say_receipt(c, e->member->pseudonym, &r, RECEIPT_LIFE_MS);
    }
}

// What its owner may have renewed while we, or the broker, were away: an agreement must not end by that.
static bool is_unheard(const struct entry *e, const struct link_status *s)
{
    return !e->declared &&
           (!s->info.up || (e->heard != s->ups && mono_since(mono_now(), s->up_at) < HEARD_NS));
}

void entries_expire(struct coordinator *c, struct utc now)
{
    struct entry *e;
    struct link_status s;
    link_status(c->link, &s);
    for (size_t at = 0; (e = table_next(&c->entries, &at));) {
        if (e->expires.ms > now.ms || is_unheard(e, &s))
            continue;
        char id[OFFER_ID + 1];
        memcpy(id, e->id, sizeof id);
        refuse_for(c, e->member->pseudonym, id, e->revision, RECEIPT_EXPIRED, "", EXPIRED_LIFE_MS);
        entry_remove(c, e);
    }
}

// ---- Over a restart, and from files ----

struct restoring {
    struct coordinator *c;
    size_t lost;
};

static void restore(void *arg, const struct store_entry *s)
{
    struct restoring *r = arg;
    struct offer o;
    char why[200];
    struct member *m = member_of(r->c, s->pseudonym);
    bool ok = m && m->config && offer_read(s->json, s->n, &o, why, sizeof why) &&
              hold(r->c, m, &o, s->expires, false, true, why, sizeof why);
    r->lost += !ok;
}

bool entries_restore(struct coordinator *c, char *why, size_t size)
{
    struct restoring r = {.c = c};
    store_each_entry(c->store, restore, &r);
    if (r.lost)
        log_warning("entries", "%zu offers and needs of earlier are of nobody who is a member, and forgotten",
                    r.lost);
    snprintf(why, size, "%s", "");
    return true;
}

struct declaring {
    struct coordinator *c;
    const struct declared_config *firm;
    const char *path;
};

static void declare(void *arg, struct offer *o)
{
    struct declaring *d = arg;
    char why[300];
    struct member *m = member_of(d->c, d->firm->pseudonym);
    const struct entry *e = entry_of(d->c, o->id);
    struct utc until = {utc_now().ms + DECLARED_MS};
    snprintf(o->pseudonym, sizeof o->pseudonym, "%s", d->firm->pseudonym);
    if (o->provenance < PROVENANCE_DECLARED)
        o->provenance = PROVENANCE_DECLARED;
    if (o->valid_until.ms && o->valid_until.ms < until.ms)
        until = o->valid_until;
    if (!m || (e && e->member != m))
        log_error("declared", "%s: id %s is another's", d->path, o->id);
    else if (!entry_put(d->c, m, o, until, true, why, sizeof why))
        log_error("declared", "%s: %s: %s", d->path, o->id, why);
}

// What a file no longer holds goes: everything declared is marked, read, and the rest swept.
void entries_declare(struct coordinator *c)
{
    struct entry *e;
    for (size_t at = 0; (e = table_next(&c->entries, &at));)
        if (e->declared)
            e->expires.ms = 0;
    for (size_t i = 0; i < c->territory->root->declared.n; i++) {
        const struct declared_config *d = territory_declared(c->territory, i);
        for (size_t k = 0; k < d->files.n; k++) {
            struct declaring declaring = {c, d, d->files.items[k]};
            char why[400];
            if (!declared_read(d->files.items[k], declare, &declaring, why, sizeof why))
                log_error("declared", "%s", why);
        }
    }
    for (size_t at = 0; (e = table_next(&c->entries, &at));)
        if (e->declared && e->expires.ms == 0)
            entry_remove(c, e);
}

void entries_save(struct coordinator *c)
{
    struct entry *e;
    struct offer o;
    for (size_t at = 0; (e = table_next(&c->entries, &at));)
        if (matcher_offer(c->matcher, e->id, &o))
            keep(c, e, &o);
}

void entries_free(struct coordinator *c)
{
    struct entry *e;
    for (size_t at = 0; (e = table_next(&c->entries, &at));)
        free(e);
    table_free(&c->entries);
}
