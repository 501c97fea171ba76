// SPDX-License-Identifier: Apache-2.0
// Taking in what changed: pairs of the entries, the allocation, what is promised checked at its real size,
// and what became of the matches.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "matching/matcher_inside.h"

// A promise that turns out not to be worth it at its size is taken back, and the rest allocated anew, until
// all stand. Each round has about four fifths of the one before to look at (45 rounds for 20,000 offers at
// once); the limit is there for what nobody has thought of. With twelve, whoever changed something next paid
// for the rest.
#define ROUNDS 500

struct settling {
    struct matcher *m;
    struct utc now;
    changed_fn *changed;
    void *arg;
};

// ---- What begins and ends by time ----

static bool is_active(const struct entry *e, struct utc now)
{
    const struct party *p = &e->store.party;
    return e->used && !e->gone && p->level >= DISCLOSE_BANDS && p->embargo_until.ms <= now.ms &&
           p->valid_from.ms <= now.ms && (!p->valid_until.ms || now.ms < p->valid_until.ms);
}

static void note_time(struct matcher *m, int64_t at, struct utc now)
{
    if (at > now.ms && at < m->next.ms)
        m->next.ms = at;
}

static void note_times(struct matcher *m, const struct entry *e, struct utc now)
{
    note_time(m, e->store.party.embargo_until.ms, now);
    note_time(m, e->store.party.valid_from.ms, now);
    note_time(m, e->store.party.valid_until.ms, now);
}

static bool look_at_time(struct matcher *m, struct utc now)
{
    if (now.ms < m->next.ms)
        return true;
    m->next.ms = INT64_MAX;
    for (uint32_t e = 0; e < m->entry_count; e++) {
        const struct entry *at = &m->entries[e];
        if (!at->used)
            continue;
        note_times(m, at, now);
        if (is_active(at, now) != at->active && !entry_mark(m, e)) {
            m->next.ms = now.ms; // again, next time
            return false;
        }
    }
    return true;
}

static bool place(struct matcher *m, uint32_t e, struct utc now)
{
    struct entry *at = &m->entries[e];
    unsigned kind = grid_kind(at->store.party.resource, at->store.party.role);
    bool active = is_active(at, now);
    note_times(m, at, now);
    if (active == at->active)
        return true;
    if (active && (!grid_put(&m->grid, kind, entry_item(m, e)) || !bucket_enter(m, e)))
        return false;
    if (!active) {
        grid_remove(&m->grid, kind, entry_item(m, e));
        bucket_leave(m, e);
    }
    at->active = active;
    return true;
}

// ---- Deals ----

static const char *match_text_of(const void *arg, uint32_t v)
{
    const struct matcher *m = arg;
    return v & POOL_BIT ? m->pools[v & ~POOL_BIT].id : m->deals[v].id;
}

uint32_t deal_find(const struct matcher *m, const char *id)
{
    uint32_t v = ids_find(&m->by_match, id, match_text_of, m);
    return v == IDS_NONE || v & POOL_BIT ? NO_ENTRY : v;
}

uint32_t pool_find(const struct matcher *m, const char *id)
{
    uint32_t v = ids_find(&m->by_match, id, match_text_of, m);
    return v == IDS_NONE || !(v & POOL_BIT) ? NO_ENTRY : v & ~POOL_BIT;
}

static uint32_t new_deal(struct matcher *m, uint32_t offer, uint32_t need)
{
    uint32_t d = m->free_deal;
    if (d != NO_ENTRY) {
        m->free_deal = m->deals[d].next_free;
    } else {
        if (!array_grow((void **)&m->deals, &m->deal_cap, m->deal_count + 1, sizeof *m->deals))
            return NO_ENTRY;
        d = (uint32_t)m->deal_count++;
    }
    if (!array_grow((void **)&m->dropped.items, &m->dropped.cap, m->deal_count, sizeof *m->dropped.items)) {
        m->deals[d].used = false;
        m->deals[d].next_free = m->free_deal;
        m->free_deal = d;
        return NO_ENTRY;
    }
    struct deal *deal = &m->deals[d];
    *deal = (struct deal){.offer = offer, .need = need, .used = true, .next_free = NO_ENTRY};
    match_id((const char *const[]){m->entries[offer].store.party.id, m->entries[need].store.party.id}, 2,
             deal->id);
    if (ids_put(&m->by_match, deal->id, d))
        return d;
    deal->used = false;
    deal->next_free = m->free_deal;
    m->free_deal = d;
    return NO_ENTRY;
}

void deal_drop(struct matcher *m, uint32_t deal)
{
    if (!m->deals[deal].dropped) // each once: there is room for all
        m->dropped.items[m->dropped.count++] = deal;
    m->deals[deal].dropped = true;
}

static void end_deal(struct settling *s, uint32_t d)
{
    struct matcher *m = s->m;
    struct deal *deal = &m->deals[d];
    char id[MATCH_ID + 1];
    bool told = deal->told;
    memcpy(id, deal->id, sizeof id);
    ids_remove(&m->by_match, id, match_text_of, m);
    deal->used = false;
    deal->next_free = m->free_deal;
    m->free_deal = d;
    if (told && s->changed)
        s->changed(s->arg, MATCH_GONE, id);
}

// The deal of two entries is what they are: new, of another size, or over. `always`: something else of it
// changed.
static bool settle_deal(struct settling *s, uint32_t offer, uint32_t need, double quantity, double held,
                        bool always, uint32_t *tag)
{
    struct matcher *m = s->m;
    char id[MATCH_ID + 1];
    match_id((const char *const[]){m->entries[offer].store.party.id, m->entries[need].store.party.id}, 2, id);
    uint32_t d = deal_find(m, id);
    if (!(quantity > 0)) {
        if (d != NO_ENTRY)
            end_deal(s, d);
        *tag = 0;
        return true;
    }
    if (d == NO_ENTRY && (d = new_deal(m, offer, need)) == NO_ENTRY)
        return false;
    *tag = d + 1;
    struct deal *deal = &m->deals[d];
    bool other = fabs(deal->quantity - quantity) > 1e-3 * quantity || deal->held != held || always;
    struct pairing p;
    struct outcome o = {.gates = NULL};
    matcher_pairing(m, offer, need, s->now, &p);
    p.most = quantity;
    pairing_outcome(&p, CORNER_MIDDLE, &o);
    bool fresh = !deal->told;
    deal->quantity = quantity;
    deal->held = held;
    deal->rank = o.rank;
    deal->way = (uint8_t)o.way;
    deal->told = true;
    if (s->changed && (fresh || other))
        s->changed(s->arg, fresh ? MATCH_NEW : MATCH_CHANGED, id);
    return true;
}

// ---- The allocation, and the promises at their real size ----

static double flow_of(const struct market_arc *a)
{
    return (double)a->flow / MARKET_UNIT;
}

// What a promise takes of both sides. False: it is not worth it at this size.
static bool stands(struct settling *s, const struct market_arc *a, double *taken, double *filled)
{
    struct pairing p;
    struct outcome o = {.gates = NULL};
    matcher_pairing(s->m, a->offer, a->need, s->now, &p);
    p.most = flow_of(a);
    pairing_outcome(&p, CORNER_MIDDLE, &o);
    double share = o.quantity > 0 ? p.most / o.quantity : 0;
    *taken = o.taken * share;
    *filled = o.filled * share;
    return !o.refused && o.rank > 0;
}

// More than a side has would be taken of it, when losses and the usable part are counted: less is promised.
static bool trim(struct settling *s, uint32_t node)
{
    struct matcher *m = s->m;
    const struct entry *at = &m->entries[node];
    bool is_need = at->store.party.role == ROLE_NEED;
    double flow = 0, used = 0, left = fmax(0, at->rate - at->held);
    for (uint32_t arc = market_first(&m->market, node); arc != MARKET_NONE;
         arc = market_next(&m->market, node, arc)) {
        const struct market_arc *a = &m->market.arcs[arc];
        double taken, filled;
        if (a->flow <= 0)
            continue;
        stands(s, a, &taken, &filled);
        flow += flow_of(a);
        used += is_need ? filled : taken;
    }
    if (isnan(at->rate) || !(used > left * (1 + 1e-9) + 2 / MARKET_UNIT))
        return false;
    // Losses stay the same while less flows; what else is taken falls with it.
    double fits = fmin(flow - (used - left), flow * left / used);
    return market_capacity(&m->market, node, fits > 0 ? (int64_t)(fits * MARKET_UNIT) : 0);
}

static bool check(struct settling *s, uint32_t arc)
{
    struct matcher *m = s->m;
    const struct market_arc *a = &m->market.arcs[arc];
    double taken, filled;
    if (!a->used || a->flow <= 0)
        return false;
    if (stands(s, a, &taken, &filled)) {
        bool offer = taken != flow_of(a) && trim(s, a->offer);
        return (filled != flow_of(a) && trim(s, a->need)) || offer;
    }
    market_pair(&m->market, a->offer, a->need, 0, 0, 0);
    return true;
}

static bool allocate(struct matcher *m)
{
    if (!market_balance(&m->market))
        return false;
    for (uint32_t arc; (arc = market_changed(&m->market)) != MARKET_NONE;)
        if (!list_add(&m->touched, arc))
            return false;
    return true;
}

static bool balance(struct settling *s)
{
    struct matcher *m = s->m;
    size_t looked = m->touched.count;
    for (int round = 0; round < ROUNDS; round++) {
        if (!allocate(m))
            return false;
        bool again = false;
        for (; looked < m->touched.count; looked++)
            again = check(s, m->touched.items[looked]) || again;
        if (!again)
            return true;
    }
    return allocate(m);
}

// ---- Telling ----

static bool tell(struct settling *s, uint32_t arc, bool always)
{
    struct market_arc *a = &s->m->market.arcs[arc];
    if (!settle_deal(s, a->offer, a->need, flow_of(a), 0, always, &a->tag))
        return false;
    a->seen = a->flow;
    market_keep(&s->m->market, arc);
    return true;
}

// Deals of entries that say something new, though as much flows as before.
static bool review(struct settling *s, uint32_t e)
{
    struct matcher *m = s->m;
    for (uint32_t arc = market_first(&m->market, e); arc != MARKET_NONE;
         arc = market_next(&m->market, e, arc)) {
        const struct market_arc *a = &m->market.arcs[arc];
        if (a->flow > 0 && a->flow == a->seen && !tell(s, arc, true))
            return false;
    }
    return true;
}

static bool in_order(struct settling *s)
{
    struct matcher *m = s->m;
    for (size_t i = 0; i < m->dirty.count; i++)
        if (m->entries[m->dirty.items[i]].fresh && !review(s, m->dirty.items[i]))
            return false;
    for (size_t i = 0; i < m->touched.count; i++) {
        uint32_t arc = m->touched.items[i];
        const struct market_arc *a = &m->market.arcs[arc];
        if (a->used && a->flow != a->seen && !tell(s, arc, false))
            return false;
    }
    m->touched.count = 0;
    return true;
}

static bool settle_holds(struct settling *s)
{
    struct matcher *m = s->m;
    for (size_t i = 0; i < m->hold_count; i++) {
        uint32_t a = matcher_entry(m, m->holds[i].offer), b = matcher_entry(m, m->holds[i].need), tag;
        if (pool_find(m, m->holds[i].id) != NO_ENTRY)
            continue;
        if (m->holds[i].count) {
            if (!pool_stand(m, &m->holds[i], s->now))
                return false;
            continue;
        }
        if (a == NO_ENTRY || b == NO_ENTRY || m->entries[a].gone || m->entries[b].gone)
            continue;
        uint32_t d = deal_find(m, m->holds[i].id);
        if ((d == NO_ENTRY || m->deals[d].quantity != m->holds[i].quantity || m->entries[a].dirty ||
             m->entries[b].dirty) &&
            !settle_deal(s, a, b, m->holds[i].quantity, m->holds[i].quantity, true, &tag))
            return false;
    }
    return true;
}

static bool still_flows(const struct matcher *m, const struct deal *d)
{
    uint32_t arc = market_find(&m->market, d->offer, d->need);
    return arc != MARKET_NONE && m->market.arcs[arc].flow > 0;
}

// Deals whose pair was taken out of the market, unless it came back or is held.
static void end_deals(struct settling *s)
{
    struct matcher *m = s->m;
    for (size_t i = 0; i < m->dropped.count; i++) {
        struct deal *deal = &m->deals[m->dropped.items[i]];
        deal->dropped = false;
        if (!deal->used)
            continue;
        bool gone = m->entries[deal->offer].gone || m->entries[deal->need].gone;
        if (!still_flows(m, deal) && (gone || !matcher_held(m, deal->id)))
            end_deal(s, m->dropped.items[i]);
    }
    m->dropped.count = 0;
    for (size_t i = 0; i < m->hold_count; i++) { // held deals have no pair in the market
        uint32_t d = deal_find(m, m->holds[i].id);
        if (d != NO_ENTRY && (m->entries[m->deals[d].offer].gone || m->entries[m->deals[d].need].gone))
            end_deal(s, d);
    }
}

static const char *entry_id(const void *arg, uint32_t e)
{
    return ((const struct matcher *)arg)->entries[e].store.party.id;
}

static void bury(struct matcher *m, uint32_t e)
{
    struct entry *at = &m->entries[e];
    if (!at->unlisted)
        ids_remove(&m->by_id, at->store.party.id, entry_id, m);
    m->blocks -= at->store.block_size;
    party_drop(&at->store);
    at->used = at->dirty = false;
    at->next_free = m->free_entry;
    m->free_entry = e;
}

static bool take_in(struct settling *s)
{
    struct matcher *m = s->m;
    for (size_t i = 0; i < m->dirty.count; i++)
        if (!place(m, m->dirty.items[i], s->now))
            return false;
    for (size_t i = 0; i < m->dirty.count; i++)
        // One after the other: what is out of balance then is near by.
        if (!candidates_update(m, m->dirty.items[i], s->now) || !market_balance(&m->market))
            return false;
    return true;
}

bool matcher_settle(struct matcher *m, struct utc now, changed_fn *changed, void *arg)
{
    struct settling s = {m, now, changed, arg};
    if (!look_at_time(m, now) || !take_in(&s) || !balance(&s))
        return false;
    end_deals(&s);
    if (!in_order(&s) || !settle_holds(&s) || !pools_settle(m, now, changed, arg))
        return false;
    for (size_t i = 0; i < m->dirty.count; i++) {
        uint32_t e = m->dirty.items[i];
        m->entries[e].dirty = m->entries[e].fresh = false;
        if (m->entries[e].gone)
            bury(m, e);
    }
    m->dirty.count = 0;
    return true;
}

// ---- Asking ----

bool matcher_get(const struct matcher *m, const char *match_id, struct utc now, struct match *out)
{
    uint32_t d = deal_find(m, match_id), pool = pool_find(m, match_id);
    if (pool != NO_ENTRY)
        return pool_get(m, &m->pools[pool], now, out);
    if (d == NO_ENTRY)
        return false;
    struct pairing p;
    matcher_pairing(m, m->deals[d].offer, m->deals[d].need, now, &p);
    p.most = m->deals[d].quantity;
    parties_match(&p, out);
    return true;
}

bool matcher_pair(const struct matcher *m, const char *offer_id, const char *need_id, struct utc now,
                  struct match *out)
{
    uint32_t a = matcher_entry(m, offer_id), b = matcher_entry(m, need_id);
    struct pairing p;
    *out = (struct match){.verdict = MATCH_REFUSED};
    if (a == NO_ENTRY || b == NO_ENTRY)
        return false;
    matcher_pairing(m, a, b, now, &p);
    return parties_match(&p, out);
}

static int best_first(const void *a, const void *b)
{
    const struct match_rank *x = a, *y = b;
    return x->rank != y->rank ? x->rank < y->rank ? 1 : -1 : strcmp(x->id, y->id);
}

static bool in_pool(const struct pool *p, uint32_t member)
{
    for (int i = 0; i < p->count; i++)
        if (p->members[i] == member)
            return true;
    return false;
}

struct match_rank *matcher_list(const struct matcher *m, const char *member, size_t *n)
{
    uint32_t only = member ? matcher_entry(m, member) : NO_ENTRY;
    struct match_rank *list = calloc(m->deal_count + m->pool_count + 1, sizeof *list);
    *n = 0;
    if (!list || (member && only == NO_ENTRY)) {
        free(list);
        return NULL;
    }
    for (size_t d = 0; d < m->deal_count; d++) {
        const struct deal *deal = &m->deals[d];
        if (!deal->used || (member && deal->offer != only && deal->need != only))
            continue;
        const struct party *p = &m->entries[deal->offer].store.party;
        struct match_rank *r = &list[(*n)++];
        *r = (struct match_rank){.kind = (enum synergy)p->synergy,
                                 .resource = (enum resource)p->resource,
                                 .rank = deal->rank,
                                 .quantity = deal->quantity};
        memcpy(r->id, deal->id, sizeof r->id);
    }
    for (size_t i = 0; i < m->pool_count; i++) {
        const struct pool *pool = &m->pools[i];
        if (!pool->used || (member && !in_pool(pool, only)))
            continue;
        struct match_rank *r = &list[(*n)++];
        *r = (struct match_rank){.kind = SYNERGY_POOL,
                                 .resource = (enum resource)m->entries[pool->members[0]].store.party.resource,
                                 .rank = pool->rank,
                                 .quantity = pool->quantity};
        memcpy(r->id, pool->id, sizeof r->id);
    }
    if (!*n) {
        free(list);
        return NULL;
    }
    qsort(list, *n, sizeof *list, best_first);
    return list;
}
