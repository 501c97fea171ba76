// SPDX-License-Identifier: Apache-2.0
// Matches as the coordinator keeps them: what the matcher found, who said what to it, what was metered since.
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/coordinator.h"
#include "symbiont/text.h"

#define HOUR_MS 3600000LL
#define DAY_MS  86400000LL
// What is over stays to be read for so long; what nobody had said a word to, until both sides can have read
// it. A decline is remembered longer, so that it stays one, while both offer and need are there.
#define OVER_MS       (7 * DAY_MS)
#define UNANSWERED_MS HOUR_MS
#define DECLINED_MS   (366 * DAY_MS)
// Older hours are not booked any more.
#define METER_BACK_H (60 * 24)
// An hour cannot hold more than this many times what was promised for it at most.
#define METER_TIMES 20
// In a group nobody checks: no hour of a member holds more than so many rounds of all of them.
#define METER_ROUNDS 4
#define WEEK_H       168

// ---- One deal ----

int deal_party(const struct deal *d, const char *pseudonym)
{
    for (unsigned i = 0; i < d->n; i++)
        if (strcmp(d->parties[i].pseudonym, pseudonym) == 0)
            return (int)i;
    return -1;
}

void deal_keep(struct coordinator *c, struct deal *d)
{
    buf_reset(&c->plain);
    deal_write(d, &c->plain);
    if (!c->plain.failed)
        store_put_deal(c->store, d->id, c->plain.data, c->plain.len);
}

static void deal_free(struct deal *d)
{
    free(d->declined);
    free(d->members);
    free(d->parties);
    free(d);
}

static bool decline(struct coordinator *c, const struct deal *d, bool declined)
{
    const char *entries[LIFE_PARTIES];
    for (unsigned i = 0; i < d->n; i++)
        entries[i] = d->parties[i].entry;
    return matcher_decline(c->matcher, d->id, entries, d->n, declined);
}

static bool is_pair(const struct deal *d)
{
    return d->n == 2 && d->kind != SYNERGY_POOL;
}

// What was agreed stands, whatever else is found; 0: it is given free again.
static bool hold(struct coordinator *c, const struct deal *d, double quantity)
{
    const char *ids[MATCH_MEMBERS];
    unsigned n = 0;
    if (is_pair(d))
        return matcher_hold(c->matcher, d->id, d->parties[0].entry, d->parties[1].entry, quantity);
    for (; n < d->member_count && n < MATCH_MEMBERS; n++)
        ids[n] = d->members[n];
    for (unsigned i = 0; !d->member_count && i < d->n; i++)
        ids[n++] = d->parties[i].entry;
    return matcher_hold_group(c->matcher, d->id, ids, n, quantity);
}

static void drop(struct coordinator *c, struct deal *d)
{
    deal_clear_views(c, d);
    if (d->declined)
        decline(c, d, false);
    store_drop_deal(c->store, d->id);
    table_remove(&c->deals, d->id);
    deal_free(d);
}

static bool add_party(struct coordinator *c, struct deal *d, const char *entry_id)
{
    const struct entry *e = entry_of(c, entry_id);
    if (!e)
        return false;
    if (deal_party(d, e->member->pseudonym) >= 0)
        return true; // two containers of one site in a round
    struct party *p = &d->parties[d->n++];
    *p = (struct party){0};
    snprintf(p->pseudonym, sizeof p->pseudonym, "%s", e->member->pseudonym);
    snprintf(p->entry, sizeof p->entry, "%s", e->id);
    return true;
}

static struct deal *new_deal(struct coordinator *c, const struct match *m)
{
    struct deal *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    snprintf(d->id, sizeof d->id, "%s", m->id);
    d->parties = calloc(m->member_count + 1u, sizeof *d->parties);
    bool ok = d->parties && m->member_count <= LIFE_PARTIES;
    for (unsigned i = 0; i < m->member_count && ok; i++)
        ok = add_party(c, d, m->members[i]);
    if (!ok || d->n < 2 || !table_put(&c->deals, d->id, d)) {
        deal_free(d);
        return NULL;
    }
    d->kind = (uint8_t)m->kind;
    d->resource = (uint8_t)m->resource;
    d->told_annual = NAN;
    return d;
}

static void begin(struct deal *d)
{
    life_begin(&d->life, d->n);
    d->since = utc_now();
    d->disclosed = d->agreed = d->running = d->ended = (struct utc){0};
    d->agreed_annual = NAN;
    free(d->declined);
    d->declined = NULL;
    for (unsigned i = 0; i < d->n; i++)
        d->parties[i].name[0] = d->parties[i].contact[0] = '\0';
}

// Whether two spans differ in the bands that people are told.
static bool band_moved(struct span a, struct span b)
{
    struct span x = span_band(a), y = span_band(b);
    if (span_said(x) != span_said(y))
        return true;
    return span_said(x) && (x.low != y.low || x.high != y.high);
}

static bool take_figures(struct deal *d, const struct match *m)
{
    bool moved = band_moved(d->annual, m->annual) || band_moved(d->quantity, m->quantity);
    d->quantity = m->quantity;
    d->annual = m->annual;
    d->eur_yr = m->eur_yr;
    d->tco2e = m->tco2e;
    d->payback_y = m->payback_y;
    d->expected_quantity = m->expected_quantity;
    d->expected_annual = m->expected_annual;
    if (!life_bound(&d->life))
        d->round_h = m->way == WAY_ROUND && m->details.interval_days > 0
                         ? (int64_t)lround(24 * fmin(m->details.interval_days, 1000))
                         : 0;
    d->rank = m->rank;
    d->confidence = m->confidence;
    return moved;
}

// ---- Releases: who was let see what ----

static void release(struct coordinator *c, struct deal *d, uint8_t level)
{
    for (unsigned i = 0; i < d->n; i++) {
        bool news = false;
        if (level >= DISCLOSE_IDENTITY && !party_tells_identity(c, &d->parties[i]))
            continue;
        for (unsigned k = 0; k < d->n; k++) {
            if (k == i)
                continue;
            struct release r = {.level = level, .time = utc_now()};
            memcpy(r.match, d->id, sizeof r.match);
            memcpy(r.to, d->parties[k].pseudonym, sizeof r.to);
            news |= store_add_release(c->store, d->parties[i].pseudonym, d->parties[i].entry, &r);
        }
        struct entry *e = news ? entry_of(c, d->parties[i].entry) : NULL;
        if (e)
            entry_receipt(c, e);
    }
}

// Not only when all said yes: an owner may raise the level of an entry later.
void deal_release_names(struct coordinator *c, struct deal *d)
{
    if (life_released(&d->life))
        release(c, d, DISCLOSE_IDENTITY);
}

// ---- What the matcher says ----

struct settled {
    struct change {
        char id[MATCH_ID + 1];
        uint8_t what;
    } * changes;
    size_t n, cap;
    bool failed;
};

static void note_change(void *arg, enum match_change what, const char *id)
{
    struct settled *s = arg;
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 256;
        struct change *more = realloc(s->changes, cap * sizeof *more);
        if (!more) {
            s->failed = true;
            return;
        }
        s->changes = more;
        s->cap = cap;
    }
    struct change *x = &s->changes[s->n++];
    snprintf(x->id, sizeof x->id, "%s", id);
    x->what = (uint8_t)what;
}

static void found(struct coordinator *c, const char *id, struct utc now)
{
    struct match m;
    if (!matcher_get(c->matcher, id, now, &m))
        return;
    struct deal *d = deal_of(c, id);
    bool anew = !d || d->life.phase == LIFE_ENDED;
    if (!d)
        d = new_deal(c, &m);
    if (!d)
        return;
    if (anew)
        begin(d);
    d->present = true;
    bool moved = take_figures(d, &m);
    if (moved && !anew)
        life_changed(&d->life);
    if (anew) {
        log_info("matches", "%s: proposed between %u firms", d->id, d->n);
        release(c, d, DISCLOSE_BANDS);
    }
    deal_release_names(c, d);
    for (unsigned i = 0; i < d->n; i++)
        deal_show(c, d, i, &m, false);
    alert_match(c, anew ? ALERT_MATCH : ALERT_CHANGE, d, &m);
    deal_keep(c, d);
}

static void gone(struct coordinator *c, struct deal *d)
{
    d->present = false;
    if (life_gone(&d->life) == LIFE_NOTHING)
        return;
    d->ended = utc_now();
    log_info("matches", "%s: no longer to be had", d->id);
    hold(c, d, 0);
    deal_show_all(c, d, false);
    alert_match(c, ALERT_END, d, NULL);
    deal_keep(c, d);
}

// A matcher that is made anew (a restart, a reload) does not know what there was before.
static void sweep(struct coordinator *c, struct utc now)
{
    struct deal *d;
    struct match m;
    c->anew = false;
    for (size_t at = 0; (d = table_next(&c->deals, &at));)
        if (d->life.phase != LIFE_ENDED && !matcher_get(c->matcher, d->id, now, &m))
            gone(c, d);
}

void deals_settle(struct coordinator *c, struct utc now)
{
    struct settled s = {0};
    struct mono begun = mono_now();
    if (!matcher_settle(c->matcher, now, note_change, &s) || s.failed)
        log_error("matches", "out of memory: matches may be missing until it is there again");
    for (size_t i = 0; i < s.n; i++) {
        struct deal *d = s.changes[i].what == MATCH_GONE ? deal_of(c, s.changes[i].id) : NULL;
        if (s.changes[i].what != MATCH_GONE)
            found(c, s.changes[i].id, now);
        else if (d && d->life.phase != LIFE_ENDED)
            gone(c, d);
    }
    free(s.changes);
    if (c->anew)
        sweep(c, now);
    c->settles++;
    c->settle_ms = (double)mono_since(mono_now(), begun) / NS_PER_MS;
    if (c->settle_ms > c->settle_most_ms)
        c->settle_most_ms = c->settle_ms;
}

// ---- What people say ----

static void snapshot(struct coordinator *c, struct deal *d)
{
    struct buf out = {0};
    struct offer o;
    buf_putc(&out, '[');
    for (unsigned i = 0; i < d->n; i++)
        if (matcher_offer(c->matcher, d->parties[i].entry, &o)) {
            if (out.len > 1)
                buf_putc(&out, ',');
            offer_write(&o, &out);
        }
    buf_putc(&out, ']');
    free(d->declined);
    d->declined = out.failed ? NULL : text_dup(buf_text(&out));
    buf_free(&out);
}

static void became_disclosed(struct coordinator *c, struct deal *d)
{
    d->disclosed = utc_now();
    log_info("matches", "%s: all said yes, names and contacts of those who tell them are released", d->id);
    deal_release_names(c, d);
}

// A site may have more than one container in a round, and is one party.
static bool keep_members(struct coordinator *c, struct deal *d)
{
    struct match m;
    free(d->members);
    d->members = NULL;
    d->member_count = 0;
    if (is_pair(d) || !matcher_get(c->matcher, d->id, utc_now(), &m))
        return true;
    d->members = calloc(m.member_count, sizeof *d->members);
    if (!d->members)
        return false;
    d->member_count = m.member_count;
    memcpy(d->members, m.members, m.member_count * sizeof *d->members);
    return true;
}

static void became_agreed(struct coordinator *c, struct deal *d)
{
    d->agreed = utc_now();
    d->agreed_annual = d->expected_annual;
    log_info("matches", "%s: agreed", d->id);
    if (!keep_members(c, d) || !hold(c, d, d->expected_quantity))
        log_error("matches", "%s: out of memory, its quantity is not held", d->id);
}

static void became_ended(struct coordinator *c, struct deal *d, const char *by)
{
    d->ended = utc_now();
    log_info("matches", "%s: %s by %s", d->id, life_end_word((enum life_end)d->life.end), by);
    snapshot(c, d);
    hold(c, d, 0);
    if (!decline(c, d, true))
        log_error("matches", "%s: out of memory, it may be proposed again", d->id);
    alert_match(c, ALERT_END, d, NULL);
}

static void take_identity(struct party *p, const struct reply *r)
{
    if (r->answer != REPLY_INTERESTED)
        return;
    snprintf(p->name, sizeof p->name, "%s", r->name);
    snprintf(p->contact, sizeof p->contact, "%s", r->contact);
}

bool deal_answer(struct coordinator *c, const struct member *m, const struct reply *r, bool checked,
                 char *why, size_t size)
{
    struct deal *d = deal_of(c, r->match);
    int party = d ? deal_party(d, m->pseudonym) : -1;
    if (party < 0) { // the same words whether it is another's or nobody's
        snprintf(why, size, "there is no such match");
        return false;
    }
    struct party *p = &d->parties[party];
    bool binds = r->answer == REPLY_INTERESTED || r->answer == REPLY_AGREED;
    if (checked && (r->revision > p->revision || (binds && r->revision < p->material))) {
        snprintf(why, size, "it answers revision %llu, which %s", (unsigned long long)r->revision,
                 r->revision > p->revision ? "was never shown"
                                           : "said something else than what is shown now");
        return false;
    }
    enum life_phase before = (enum life_phase)d->life.phase;
    enum life_effect effect = life_answer(&d->life, (unsigned)party, r->answer);
    // The last yes says what is released: one without a name takes an earlier name back.
    if (before == LIFE_OPEN)
        take_identity(p, r);
    if (effect == LIFE_NOTHING) {
        deal_keep(c, d);
        coordinator_stir(c);
        return true;
    }
    if (d->life.phase == LIFE_DISCLOSED && before == LIFE_OPEN)
        became_disclosed(c, d);
    else if (d->life.phase == LIFE_AGREED && before == LIFE_DISCLOSED)
        became_agreed(c, d);
    else if (d->life.phase == LIFE_ENDED)
        became_ended(c, d, m->pseudonym);
    struct match match;
    bool known = matcher_get(c->matcher, d->id, utc_now(), &match);
    if (effect == LIFE_OWN)
        deal_show(c, d, (unsigned)party, known ? &match : NULL, false);
    else
        deal_show_all(c, d, false);
    deal_keep(c, d);
    coordinator_stir(c);
    if (d->life.phase == LIFE_ENDED)
        c->dirty = true;
    return true;
}

// ---- What was metered ----

// kWh and MWh, kg and t, m3 and m3, h and h.
static double per_annual_unit(enum resource r)
{
    const char *unit = metered_unit(r);
    return strcmp(unit, "kWh") == 0 || strcmp(unit, "kg") == 0 ? 1000 : 1;
}

// What a group agreed to is an amount by the round, not by the hour: a container leaves whole, once in it.
// An offer that grows afterwards moves no bound: it is its owner's word alone.
static struct store_round round_of(const struct deal *d)
{
    struct store_round r = {.begin = d->agreed.ms / HOUR_MS, .hours = d->round_h > 0 ? d->round_h : WEEK_H};
    double annual = (isfinite(d->agreed_annual) ? d->agreed_annual : d->expected_annual) *
                    per_annual_unit((enum resource)d->resource);
    r.agreed = annual > 0 ? annual * (double)r.hours / 8760 : 0;
    return r;
}

static void book(struct coordinator *c, struct deal *d)
{
    struct store_round round = round_of(d);
    store_sum_hours(c->store, d->id, is_pair(d) ? NULL : &round, &d->sums);
    d->realised = d->sums.least / per_annual_unit((enum resource)d->resource);
    double share = d->expected_annual > 0 ? d->realised / d->expected_annual : 0;
    d->realised_eur = span_said(d->eur_yr) ? share * span_middle(d->eur_yr) : NAN;
    d->realised_tco2e = span_said(d->tco2e) ? share * span_middle(d->tco2e) : NAN;
}

static double most_an_hour(const struct deal *d)
{
    if (!is_pair(d))
        return METER_ROUNDS * round_of(d).agreed + 1;
    double unit = per_annual_unit((enum resource)d->resource);
    double mean = d->expected_annual * unit / 8760, peak = d->expected_quantity;
    if (d->resource == RESOURCE_WASTE || d->resource == RESOURCE_BY_PRODUCT ||
        d->resource == RESOURCE_MATERIAL || d->resource == RESOURCE_FUEL || d->resource == RESOURCE_CO2)
        peak = d->expected_quantity * 1000 * 9; // t/wk: two months may leave in one lorry train
    return METER_TIMES * (mean > peak ? mean : peak) + 1;
}

// What was metered before both had agreed is no exchange, and hours long past are not booked any more.
static int64_t first_hour_booked(const struct deal *d, int64_t now)
{
    int64_t agreed = d->agreed.ms / HOUR_MS;
    return agreed > now - METER_BACK_H ? agreed : now - METER_BACK_H;
}

bool deal_meter(struct coordinator *c, const struct member *m, const struct metered *meter, char *why,
                size_t size)
{
    struct deal *d = deal_of(c, meter->match);
    int party = d ? deal_party(d, m->pseudonym) : -1;
    int64_t now = utc_now().ms / HOUR_MS;
    if (party < 0 || !life_bound(&d->life)) {
        if (party >= 0 && d->life.phase == LIFE_ENDED)
            return true; // what was on its way when it ended
        snprintf(why, size, "there is no agreed match of that id");
        return false;
    }
    double most = most_an_hour(d);
    int64_t least = first_hour_booked(d, now);
    bool any = false;
    for (unsigned i = 0; i < meter->count; i++) {
        int64_t hour = meter->first + i;
        double amount = meter->amounts[i];
        if (isnan(amount) || hour < least)
            continue;
        if (hour > now || amount < 0 || !(amount <= most)) { // a limit that is no number lets nothing pass
            snprintf(why, size,
                     hour > now ? "an hour that has not been yet" : "%g %s in an hour are not believed",
                     amount, metered_unit((enum resource)d->resource));
            return false;
        }
    }
    for (unsigned i = 0; i < meter->count; i++)
        if (!isnan(meter->amounts[i]) && meter->first + i >= least) {
            store_put_hour(c->store, d->id, (unsigned)party, meter->first + i, meter->amounts[i]);
            any = true;
        }
    if (!any)
        return true;
    if (life_metered(&d->life) == LIFE_ALL) {
        d->running = utc_now();
        log_info("matches", "%s: runs, the first hours are metered", d->id);
    }
    book(c, d);
    deal_show_all(c, d, false);
    deal_keep(c, d);
    coordinator_stir(c);
    return true;
}

// ---- Changes from outside ----

void deals_without(struct coordinator *c, const char *pseudonym)
{
    struct deal *d;
    for (size_t at = 0; (d = table_next(&c->deals, &at));)
        if (deal_party(d, pseudonym) >= 0 && d->life.phase != LIFE_ENDED)
            gone(c, d);
}

static bool differs_from_declined(const struct deal *d, const struct offer *now)
{
    json_t *list = json_loads(d->declined, JSON_REJECT_DUPLICATES, NULL);
    bool differs = false;
    for (size_t i = 0; i < json_array_size(list) && !differs; i++) {
        struct offer then;
        char why[100];
        if (offer_take(json_array_get(list, i), &then, why, sizeof why) && strcmp(then.id, now->id) == 0)
            differs = offer_differs(&then, now);
    }
    json_decref(list);
    return differs;
}

void deals_reconsider(struct coordinator *c, const struct offer *now)
{
    struct deal *d;
    for (size_t at = 0; (d = table_next(&c->deals, &at));) {
        if (d->life.phase != LIFE_ENDED || !d->declined)
            continue;
        bool has = false;
        for (unsigned i = 0; i < d->n; i++)
            has |= strcmp(d->parties[i].entry, now->id) == 0;
        if (!has || !differs_from_declined(d, now))
            continue;
        log_info("matches", "%s: may be proposed again, %s has changed", d->id, now->id);
        free(d->declined);
        d->declined = NULL;
        decline(c, d, false);
        deal_keep(c, d);
        c->dirty = true;
    }
}

static int64_t remembered_ms(const struct coordinator *c, const struct deal *d)
{
    bool stand = true;
    for (unsigned i = 0; i < d->n; i++)
        stand &= entry_of(c, d->parties[i].entry) != NULL;
    if (d->declined)
        return stand ? DECLINED_MS : OVER_MS;
    return d->life.end == LIFE_GONE && !d->life.yes && !d->disclosed.ms ? UNANSWERED_MS : OVER_MS;
}

// Views that would expire are said anew; what has been over for long is cleared away.
void deals_refresh(struct coordinator *c, struct utc now)
{
    struct deal *d;
    for (size_t at = 0; (d = table_next(&c->deals, &at));) {
        if (d->life.phase == LIFE_ENDED && d->ended.ms + remembered_ms(c, d) < now.ms) {
            drop(c, d);
            continue;
        }
        if (d->life.phase == LIFE_ENDED && d->ended.ms + OVER_MS < now.ms) {
            deal_clear_views(c, d);
            continue;
        }
        deal_show_all(c, d, true);
    }
}

// ---- Over a restart ----

static void restore(void *arg, const char *id, const void *json, size_t n)
{
    struct coordinator *c = arg;
    struct deal *d = calloc(1, sizeof *d);
    if (!d || !deal_read(json, n, d) || strcmp(d->id, id) != 0 || !table_put(&c->deals, d->id, d)) {
        log_error("matches", "%s: what was kept of it cannot be read, it begins anew", id);
        if (d)
            deal_free(d);
    }
}

void deals_restore(struct coordinator *c)
{
    store_each_deal(c->store, restore, c);
    deals_bind(c);
}

void deals_bind(struct coordinator *c)
{
    struct deal *d;
    for (size_t at = 0; (d = table_next(&c->deals, &at));) {
        if (life_bound(&d->life))
            hold(c, d, d->expected_quantity);
        else if (d->declined)
            decline(c, d, true);
    }
}

void deals_free(struct coordinator *c)
{
    struct deal *d;
    for (size_t at = 0; (d = table_next(&c->deals, &at));)
        deal_free(d);
    table_free(&c->deals);
}
