// SPDX-License-Identifier: Apache-2.0
// Groups in a territory: who could be collected or buy together, kept near where something changed only.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "matching/matcher_inside.h"

// ---- Buckets ----

static bool key_of(const struct party *p, char out[static 48])
{
    const struct offer_waste *w = p->waste;
    if (p->role == ROLE_OFFER && p->resource == RESOURCE_WASTE && w && w->code_count &&
        span_said(w->capacity_t) && p->synergy != SYNERGY_SHARE)
        snprintf(out, 48, "waste %06u", (unsigned)w->codes[0]);
    else if (p->role == ROLE_NEED && p->synergy == SYNERGY_POOL)
        snprintf(out, 48, "%u %s", p->resource, p->equipment ? p->equipment->type : "");
    else
        return false;
    return true;
}

static bool is_waste(const struct bucket *b)
{
    return strncmp(b->key, "waste ", 6) == 0;
}

static const char *bucket_key(const void *arg, uint32_t b)
{
    return ((const struct matcher *)arg)->buckets[b].key;
}

static void note_spot(struct bucket *b, const struct party *p)
{
    b->dirty = true;
    if (isnan(p->latitude) || b->spot_count == sizeof b->spots / sizeof *b->spots)
        b->everywhere = true;
    else
        b->spots[b->spot_count++] = (struct spot){p->latitude, p->longitude};
}

static uint32_t new_bucket(struct matcher *m, const char key[static 48])
{
    uint32_t at = m->free_bucket != NO_ENTRY ? m->free_bucket : (uint32_t)m->bucket_count;
    if (!array_grow((void **)&m->buckets, &m->bucket_cap, at + 1u, sizeof *m->buckets) ||
        !ids_put(&m->by_bucket, key, at))
        return NO_ENTRY;
    if (at == m->bucket_count)
        m->bucket_count++;
    else
        m->free_bucket = m->buckets[at].next_free;
    m->buckets[at] = (struct bucket){0};
    memcpy(m->buckets[at].key, key, sizeof m->buckets[at].key);
    return at;
}

// Strangers choose the keys: one that nobody uses any more must not stay.
static void free_bucket(struct matcher *m, uint32_t at)
{
    struct bucket *b = &m->buckets[at];
    ids_remove(&m->by_bucket, b->key, bucket_key, m);
    free(b->entries);
    free(b->pools.items);
    *b = (struct bucket){.next_free = m->free_bucket};
    m->free_bucket = at;
}

bool bucket_enter(struct matcher *m, uint32_t e)
{
    char key[48];
    if (!key_of(&m->entries[e].store.party, key))
        return true;
    uint32_t at = ids_find(&m->by_bucket, key, bucket_key, m);
    if (at == IDS_NONE && (at = new_bucket(m, key)) == NO_ENTRY)
        return false;
    struct bucket *b = &m->buckets[at];
    if (!array_grow((void **)&b->entries, &b->cap, b->count + 1, sizeof *b->entries))
        return false;
    b->entries[b->count++] = e;
    m->entries[e].bucket = at;
    note_spot(b, &m->entries[e].store.party);
    return true;
}

void bucket_leave(struct matcher *m, uint32_t e)
{
    uint32_t at = m->entries[e].bucket;
    if (at == NO_ENTRY)
        return;
    struct bucket *b = &m->buckets[at];
    m->entries[e].bucket = NO_ENTRY;
    note_spot(b, &m->entries[e].store.party);
    for (size_t i = 0; i < b->count; i++)
        if (b->entries[i] == e) {
            b->entries[i] = b->entries[--b->count];
            return;
        }
}

// ---- Pools ----

static const char *match_text_of(const void *arg, uint32_t v)
{
    const struct matcher *m = arg;
    return v & POOL_BIT ? m->pools[v & ~POOL_BIT].id : m->deals[v].id;
}

struct grouping {
    struct matcher *m;
    struct bucket *bucket;
    uint32_t bucket_number;
    struct utc now;
    changed_fn *changed;
    void *arg;
    uint32_t *free; // entries to be grouped
    size_t free_count;
};

static double apart(const struct matcher *m, uint32_t a, uint32_t b)
{
    const struct party *p = &m->entries[a].store.party, *q = &m->entries[b].store.party;
    double d = place_distance(p->latitude, p->longitude, q->latitude, q->longitude);
    return isnan(d) ? m->settings->assumed_m : d * m->settings->route_factor;
}

static bool near_a_change(const struct grouping *g, uint32_t e)
{
    const struct party *p = &g->m->entries[e].store.party;
    if (g->bucket->everywhere || isnan(p->latitude) || !is_waste(g->bucket))
        return true;
    for (int i = 0; i < g->bucket->spot_count; i++)
        if (place_distance(p->latitude, p->longitude, g->bucket->spots[i].latitude,
                           g->bucket->spots[i].longitude) <= 2 * g->m->settings->pool.reach_m)
            return true;
    return false;
}

static bool group_of(const struct grouping *g, const uint32_t *entries, size_t n, struct match *out)
{
    const struct party *members[MATCH_MEMBERS];
    for (size_t i = 0; i < n; i++)
        members[i] = &g->m->entries[entries[i]].store.party;
    return group_match(g->m->settings, &(struct group_asked){members, n, NULL, g->now}, out);
}

static void end_pool(struct grouping *g, uint32_t p)
{
    struct matcher *m = g->m;
    char id[MATCH_ID + 1];
    bool told = m->pools[p].told;
    memcpy(id, m->pools[p].id, sizeof id);
    ids_remove(&m->by_match, id, match_text_of, m);
    m->pools[p].used = false;
    m->pools[p].next_free = m->free_pool;
    m->free_pool = p;
    if (told && g->changed)
        g->changed(g->arg, MATCH_GONE, id);
}

static uint32_t new_pool(struct grouping *g)
{
    struct matcher *m = g->m;
    uint32_t p = m->free_pool;
    if (!list_add(&g->bucket->pools, 0))
        return NO_ENTRY;
    g->bucket->pools.count--;
    if (p != NO_ENTRY) {
        m->free_pool = m->pools[p].next_free;
        return p;
    }
    if (!array_grow((void **)&m->pools, &m->pool_cap, m->pool_count + 1, sizeof *m->pools))
        return NO_ENTRY;
    return (uint32_t)m->pool_count++;
}

// The members as the match names them, out of those that were asked.
static uint8_t members_of(const struct grouping *g, const struct match *x, uint32_t out[static MATCH_MEMBERS])
{
    uint8_t n = 0;
    for (int i = 0; i < x->member_count; i++) {
        uint32_t e = matcher_entry(g->m, x->members[i]);
        if (e != NO_ENTRY)
            out[n++] = e;
    }
    return n;
}

static bool add_pool(struct grouping *g, const struct match *x)
{
    struct matcher *m = g->m;
    uint32_t p = pool_find(m, x->id);
    bool fresh = p == NO_ENTRY;
    if (fresh && (p = new_pool(g)) == NO_ENTRY)
        return false;
    struct pool *pool = &m->pools[p];
    bool other = !fresh && (fabs(pool->rank - x->rank) > 1e-6 * fabs(x->rank) ||
                            pool->quantity != x->expected_quantity);
    if (fresh) {
        *pool = (struct pool){.used = true, .next_free = NO_ENTRY};
        memcpy(pool->id, x->id, sizeof pool->id);
        if (!ids_put(&m->by_match, x->id, p | POOL_BIT)) {
            pool->used = false;
            return false;
        }
        list_add(&g->bucket->pools, p); // the room is there
    }
    pool->count = members_of(g, x, pool->members);
    pool->rank = x->rank;
    pool->quantity = x->expected_quantity;
    pool->found = pool->told = true;
    if (g->changed && (fresh || other))
        g->changed(g->arg, fresh ? MATCH_NEW : MATCH_CHANGED, x->id);
    return true;
}

bool pool_stand(struct matcher *m, const struct hold *h, struct utc now)
{
    uint32_t members[MATCH_MEMBERS], at = NO_ENTRY;
    for (size_t i = 0; i < h->count; i++) {
        uint32_t e = members[i] = matcher_entry(m, h->members[i]);
        uint32_t bucket = e == NO_ENTRY || m->entries[e].gone ? NO_ENTRY : m->entries[e].bucket;
        if (bucket == NO_ENTRY || (i && bucket != at))
            return true; // it is no longer to be had
        at = bucket;
    }
    struct grouping g = {.m = m, .bucket = &m->buckets[at], .bucket_number = at, .now = now};
    uint32_t p = new_pool(&g);
    if (p == NO_ENTRY)
        return false;
    struct pool *pool = &m->pools[p];
    *pool = (struct pool){.used = true, .told = true, .next_free = NO_ENTRY, .quantity = h->quantity};
    memcpy(pool->id, h->id, sizeof pool->id);
    memcpy(pool->members, members, h->count * sizeof *members);
    pool->count = (uint8_t)h->count;
    if (!ids_put(&m->by_match, h->id, p | POOL_BIT)) {
        pool->used = false;
        return false;
    }
    m->buckets[at].dirty = m->buckets[at].everywhere = true;
    return list_add(&m->buckets[at].pools, p); // the room is there
}

static bool was_taken(const uint32_t *list, size_t n, uint32_t e)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == e)
            return true;
    return false;
}

static void take_from_free(struct grouping *g, const struct match *x)
{
    uint32_t members[MATCH_MEMBERS];
    uint8_t n = members_of(g, x, members);
    size_t left = 0;
    for (size_t i = 0; i < g->free_count; i++)
        if (!was_taken(members, n, g->free[i]))
            g->free[left++] = g->free[i];
    g->free_count = left;
}

// Around the first of the free ones: the size of the round that is worth most.
static bool best_round(struct grouping *g, struct match *best)
{
    struct {
        double metres;
        uint32_t entry;
    } near[MATCH_MEMBERS - 1];
    uint32_t asked[MATCH_MEMBERS] = {g->free[0]};
    size_t n = 0;
    bool found = false;
    for (size_t i = 1; i < g->free_count; i++) { // the nearest, in order
        double d = apart(g->m, g->free[0], g->free[i]);
        if (d > g->m->settings->pool.reach_m)
            continue;
        size_t k = n < MATCH_MEMBERS - 1 ? n++ : n - 1;
        if (k == MATCH_MEMBERS - 2 && n == MATCH_MEMBERS - 1 && near[k].metres < d && i >= MATCH_MEMBERS)
            continue;
        for (; k && near[k - 1].metres > d; k--)
            near[k] = near[k - 1];
        near[k].metres = d;
        near[k].entry = g->free[i];
    }
    for (size_t i = 0; i < n; i++) {
        struct match x;
        asked[i + 1] = near[i].entry;
        if (group_of(g, asked, i + 2, &x) && x.rank > 0 && !matcher_is_declined(g->m, x.id) &&
            (!found || x.rank > best->rank)) {
            *best = x;
            found = true;
        }
    }
    return found;
}

static bool rounds(struct grouping *g)
{
    while (g->free_count > 1) {
        struct match best;
        if (best_round(g, &best)) {
            if (!add_pool(g, &best))
                return false;
            take_from_free(g, &best);
            // Who began it may have been left out.
        } else {
            memmove(g->free, g->free + 1, --g->free_count * sizeof *g->free);
        }
    }
    return true;
}

static bool purchases(struct grouping *g)
{
    size_t from = 0;
    while (g->free_count - from > 1) {
        struct match x;
        size_t n = g->free_count - from < MATCH_MEMBERS ? g->free_count - from : MATCH_MEMBERS;
        size_t before = g->free_count;
        if (group_of(g, g->free + from, n, &x) && !matcher_is_declined(g->m, x.id)) {
            if (!add_pool(g, &x))
                return false;
            take_from_free(g, &x);
        }
        if (g->free_count == before)
            from++;
    }
    return true;
}

static double order_of(const struct matcher *m, uint32_t e)
{
    const struct party *p = &m->entries[e].store.party;
    const struct offer_parameter *end = party_parameter(p, "contract_end");
    return p->role == ROLE_NEED ? end ? span_middle(end->value) : INFINITY : -m->entries[e].rate;
}

static int in_order(const void *a, const void *b, void *arg)
{
    const struct matcher *m = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    double p = order_of(m, x), q = order_of(m, y);
    return p != q ? (p > q) - (p < q) : strcmp(m->entries[x].store.party.id, m->entries[y].store.party.id);
}

// Pools that stand: held, or far from any change. The members of the others are free.
static void part(struct grouping *g)
{
    struct matcher *m = g->m;
    struct bucket *b = g->bucket;
    for (size_t i = 0; i < b->pools.count; i++) {
        struct pool *pool = &m->pools[b->pools.items[i]];
        bool whole = true, touched = false;
        for (int k = 0; k < pool->count; k++) {
            const struct entry *e = &m->entries[pool->members[k]];
            whole = whole && e->used && e->active && e->bucket == g->bucket_number;
            touched = touched || near_a_change(g, pool->members[k]);
        }
        pool->found = whole && (!touched || matcher_held(m, pool->id)) && !matcher_is_declined(m, pool->id);
    }
}

static bool in_standing_pool(const struct grouping *g, uint32_t e)
{
    for (size_t i = 0; i < g->bucket->pools.count; i++) {
        const struct pool *pool = &g->m->pools[g->bucket->pools.items[i]];
        if (pool->found && was_taken(pool->members, pool->count, e))
            return true;
    }
    return false;
}

static bool regroup(struct grouping *g)
{
    struct matcher *m = g->m;
    struct bucket *b = g->bucket;
    part(g);
    g->free = malloc((b->count + 1) * sizeof *g->free);
    if (!g->free)
        return false;
    for (size_t i = 0; i < b->count; i++)
        if (near_a_change(g, b->entries[i]) && !in_standing_pool(g, b->entries[i]))
            g->free[g->free_count++] = b->entries[i];
    qsort_r(g->free, g->free_count, sizeof *g->free, in_order, m);
    bool good = is_waste(b) ? rounds(g) : purchases(g);
    free(g->free);
    if (!good)
        return false;
    size_t left = 0;
    for (size_t i = 0; i < b->pools.count; i++)
        if (m->pools[b->pools.items[i]].found)
            b->pools.items[left++] = b->pools.items[i];
        else
            end_pool(g, b->pools.items[i]);
    b->pools.count = left;
    b->dirty = b->everywhere = false;
    b->spot_count = 0;
    return true;
}

bool pools_settle(struct matcher *m, struct utc now, changed_fn *changed, void *arg)
{
    for (size_t i = 0; i < m->dirty.count; i++) { // declined and held ones, too
        const struct entry *e = &m->entries[m->dirty.items[i]];
        if (e->bucket != NO_ENTRY && !m->buckets[e->bucket].dirty)
            note_spot(&m->buckets[e->bucket], &e->store.party);
    }
    for (uint32_t i = 0; i < m->bucket_count; i++) {
        struct grouping g = {
            .m = m, .bucket = &m->buckets[i], .bucket_number = i, .now = now, .changed = changed, .arg = arg};
        if (!m->buckets[i].dirty)
            continue;
        if (!regroup(&g))
            return false;
        if (!m->buckets[i].count && !m->buckets[i].pools.count)
            free_bucket(m, i);
    }
    return true;
}

bool pool_get(const struct matcher *m, const struct pool *p, struct utc now, struct match *out)
{
    const struct party *members[MATCH_MEMBERS];
    for (int i = 0; i < p->count; i++)
        members[i] = &m->entries[p->members[i]].store.party;
    group_match(m->settings, &(struct group_asked){members, p->count, NULL, now}, out);
    return true;
}
