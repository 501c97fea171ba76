// SPDX-License-Identifier: Apache-2.0
// Who could serve an entry: a search around it, a quick look, a price; the best go into the market.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "matching/matcher_inside.h"

struct candidate {
    uint32_t other;
    double rank, quantity, taken;
};

struct search {
    struct matcher *m;
    uint32_t entry;
    bool is_need;
    struct utc now;
    double reach;
    struct candidate *found; // a heap, the worst on top
    size_t count, most;
    uint32_t tag; // its own
    double latitude, longitude, cosine, metres;
    double warmest; // of the other side's order: beyond it nothing fits
};

// The worst on top, so that it can be replaced.
static void sift(struct candidate *c, size_t n, size_t i)
{
    for (size_t k; (k = 2 * i + 1) < n; i = k) {
        if (k + 1 < n && c[k + 1].rank < c[k].rank)
            k++;
        if (c[i].rank <= c[k].rank)
            return;
        struct candidate t = c[i];
        c[i] = c[k];
        c[k] = t;
    }
}

static void keep(struct search *s, struct candidate c)
{
    if (s->count < s->most) {
        size_t i = s->count++;
        for (s->found[i] = c; i && s->found[(i - 1) / 2].rank > s->found[i].rank; i = (i - 1) / 2) {
            struct candidate t = s->found[i];
            s->found[i] = s->found[(i - 1) / 2];
            s->found[(i - 1) / 2] = t;
        }
    } else if (c.rank > s->found[0].rank) {
        s->found[0] = c;
        sift(s->found, s->count, 0);
    }
}

// What costs nothing to see.
static bool fits_at_a_glance(const struct search *s, const struct entry *a, const struct entry *b)
{
    const struct party *offer = &a->store.party, *need = &b->store.party;
    if ((offer->synergy == SYNERGY_SHARE) != (need->synergy == SYNERGY_SHARE) ||
        offer->synergy == SYNERGY_POOL || need->synergy == SYNERGY_POOL)
        return false;
    if (offer->resource == RESOURCE_WASTE && offer->waste && need->waste && offer->waste->code_count &&
        need->waste->code_count) {
        bool analysis;
        double best = 0;
        for (uint8_t i = 0; i < need->waste->code_count && best < 1; i++)
            best = fmax(best, waste_affinity(s->m->settings, offer->waste->codes[0], need->waste->codes[i],
                                             &analysis));
        return best > 0;
    }
    return true;
}

static bool near_enough(const struct search *s, const struct entry *a, const struct entry *b)
{
    const struct party *p = &a->store.party, *q = &b->store.party;
    // Rough and cheap first: on this scale the earth is flat.
    double dy = (p->latitude - q->latitude) * 111195,
           dx = (p->longitude - q->longitude) * 111195 *
                cos((p->latitude + q->latitude) * (3.14159265358979 / 360));
    double straight = sqrt(dx * dx + dy * dy);
    if (isnan(straight))
        return true;
    double open = p->radius_m + q->radius_m;
    double reach = resource_is_goods(p->resource) ? a->reach : fmin(a->reach, b->reach);
    return (straight - (isnan(open) ? 0 : open)) * s->m->settings->route_factor <= reach * 1.01;
}

// Without touching the other entry, which is far away in memory.
static bool passes(const struct search *s, const struct grid_item *item)
{
    double dy = ((double)item->latitude - s->latitude) * 111195;
    double dx = ((double)item->longitude - s->longitude) * 111195 * s->cosine;
    if (dx * dx + dy * dy > s->metres * s->metres) // false where a place is not known
        return false;
    uint32_t a = s->tag, b = item->tag, both = a ^ b;
    if (!a || !b || !both || (a & TAG_CODE) / 100 == (b & TAG_CODE) / 100)
        return true;
    return a >> TAG_FAMILY && a >> TAG_FAMILY == b >> TAG_FAMILY && !(a & TAG_HAZARDOUS);
}

static bool look(void *arg, const struct grid_item *item)
{
    struct search *s = arg;
    struct matcher *m = s->m;
    if ((double)item->order > s->warmest)
        return false;
    if (!passes(s, item))
        return true;
    uint32_t offer = s->is_need ? item->entry : s->entry, need = s->is_need ? s->entry : item->entry;
    const struct entry *a = &m->entries[offer], *b = &m->entries[need];
    if (!near_enough(s, a, b) || !fits_at_a_glance(s, a, b))
        return true;
    struct pairing p;
    struct outcome o = {.gates = NULL};
    matcher_pairing(m, offer, need, s->now, &p);
    pairing_outcome(&p, CORNER_MIDDLE, &o);
    if (o.refused || !(o.rank > 0) || !(o.quantity > 0))
        return true;
    if (m->declined_count || m->hold_count) {
        char id[MATCH_ID + 1];
        match_id((const char *const[]){a->store.party.id, b->store.party.id}, 2, id);
        if (matcher_is_declined(m, id) || matcher_held(m, id))
            return true;
    }
    // Only of the same material: as likely as that.
    keep(s, (struct candidate){item->entry, o.rank * o.gain, o.quantity, o.taken});
    return true;
}

// In the order of the other side's cells: past this one no heat flows, even lifted.
static double order_limit(const struct matcher *m, const struct party *p)
{
    const struct match_heat_config *h = &m->settings->heat;
    if (p->resource != RESOURCE_HEAT || p->synergy == SYNERGY_SHARE)
        return INFINITY;
    const struct span *t = p->role == ROLE_OFFER ? &p->heat.supply : &p->heat.back;
    if (!span_said(*t))
        return INFINITY;
    // Needs lie coldest first: those that take in at more than source plus lift are out; offers the other way
    // round.
    return p->role == ROLE_OFFER ? span_middle(*t) + h->lift_most_k + 20
                                 : -(span_middle(*t) - h->lift_most_k - 20);
}

static int64_t whole(double v)
{
    return v > 0 ? v < 9e15 ? llround(v) : (int64_t)9e15 : 0;
}

static int64_t benefit_of(const struct candidate *c)
{
    return whole(c->rank / c->quantity * MARKET_BENEFIT);
}

static int by_other(const void *a, const void *b)
{
    uint32_t x = ((const struct candidate *)a)->other, y = ((const struct candidate *)b)->other;
    return (x > y) - (x < y);
}

// The deal that a pair carries is looked at later.
static void drop(struct matcher *m, uint32_t arc)
{
    uint32_t deal = m->market.arcs[arc].tag;
    if (deal)
        deal_drop(m, deal - 1);
    market_unpair(&m->market, arc);
}

// Pairs that were and are no more.
static void forget_others(struct matcher *m, uint32_t e, const struct candidate *found, size_t n)
{
    for (uint32_t arc = market_first(&m->market, e), next; arc != MARKET_NONE; arc = next) {
        next = market_next(&m->market, e, arc);
        const struct market_arc *a = &m->market.arcs[arc];
        struct candidate key = {.other = a->offer == e ? a->need : a->offer};
        if (!n || !bsearch(&key, found, n, sizeof *found, by_other))
            drop(m, arc);
    }
}

// What agreements have taken already.
static double held_of(const struct matcher *m, uint32_t e, struct utc now)
{
    double sum = 0;
    for (size_t i = 0; i < m->hold_count; i++) {
        if (m->holds[i].count || pool_find(m, m->holds[i].id) != NO_ENTRY)
            continue; // a round promises nothing to anybody
        uint32_t offer = matcher_entry(m, m->holds[i].offer), need = matcher_entry(m, m->holds[i].need);
        if (need == e)
            sum += m->holds[i].quantity;
        if (offer != e)
            continue;
        struct outcome o = {.gates = NULL};
        if (need != NO_ENTRY) {
            struct pairing p;
            matcher_pairing(m, offer, need, now, &p);
            p.most = m->holds[i].quantity;
            pairing_outcome(&p, CORNER_MIDDLE, &o);
        }
        // Of the offer more goes than arrives; a heat pump takes less.
        sum += o.quantity > 0 ? m->holds[i].quantity * o.taken / o.quantity : m->holds[i].quantity;
    }
    return sum;
}

static double usual(const struct entry *at)
{
    return at->rate > 0                                                        ? at->rate
           : at->store.party.resource == RESOURCE_EQUIPMENT && isnan(at->rate) ? 1
                                                                               : 0;
}

static bool fill_market(struct matcher *m, uint32_t e, struct candidate *found, size_t n, struct utc now)
{
    struct entry *at = &m->entries[e];
    bool is_need = at->store.party.role == ROLE_NEED;
    double gain = 1;
    qsort(found, n, sizeof *found, by_other);
    forget_others(m, e, found, n);
    if (!market_used(&m->market, e))
        market_capacity(&m->market, e, 0); // nothing is to flow before all pairs are there
    for (size_t i = 0; i < n; i++)
        market_expect(&m->market, e, found[i].other, benefit_of(&found[i]));
    for (size_t i = 0; i < n; i++) {
        uint32_t offer = is_need ? found[i].other : e, need = is_need ? e : found[i].other;
        if (market_pair(&m->market, offer, need, benefit_of(&found[i]),
                        whole(found[i].quantity * MARKET_UNIT), 0) == MARKET_NONE)
            return false;
        gain = fmax(gain, found[i].quantity / fmax(found[i].taken, 1e-9));
    }
    at->held = m->hold_count ? held_of(m, e, now) : 0;
    double left = fmax(0, usual(at) - at->held);
    if (isnan(at->rate) && is_need && resource_is_goods(at->store.party.resource))
        left = 1e9; // takes whatever comes
    // An offer counts as what arrives of it: what heat pumps add is allowed for here, and checked when it is
    // promised.
    return market_capacity(&m->market, e, whole(left * (is_need ? 1 : gain) * MARKET_UNIT));
}

bool candidates_update(struct matcher *m, uint32_t e, struct utc now)
{
    struct entry *at = &m->entries[e];
    const struct party *p = &at->store.party;
    if (!at->active) {
        forget_others(m, e, NULL, 0);
        return market_capacity(&m->market, e, 0);
    }
    struct search s = {.m = m,
                       .entry = e,
                       .is_need = p->role == ROLE_NEED,
                       .now = now,
                       .most = (size_t)m->settings->candidates_most,
                       .warmest = order_limit(m, p)};
    s.found = malloc(s.most * sizeof *s.found);
    if (!s.found)
        return false;
    s.reach = at->reach;
    if (resource_is_goods(p->resource) && s.is_need)
        s.reach = p->resource == RESOURCE_CO2 ? m->settings->gas.co2_reach_m : m->goods_reach;
    // Zones are known to a few km only.
    double around =
        s.reach / m->settings->route_factor + 2 * (isnan(p->radius_m) ? 0 : fmax(p->radius_m, 2000)) + 2000;
    s.metres = around * 1.02 + 500;
    s.latitude = p->latitude;
    s.longitude = p->longitude;
    s.cosine = cos(p->latitude * (3.14159265358979 / 180));
    s.tag = entry_item(m, e).tag;
    grid_each(&m->grid, grid_kind(p->resource, s.is_need ? ROLE_OFFER : ROLE_NEED), p->latitude, p->longitude,
              around, look, &s);
    bool good = fill_market(m, e, s.found, s.count, now);
    free(s.found);
    return good;
}
