// SPDX-License-Identifier: Apache-2.0
// What is on offer and wanted in a territory: put, changed, taken away, held, declined.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "matching/matcher_inside.h"
#include "matching/waste_families.h"
#include "symbiont/waste.h"

bool array_grow(void **items, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return true;
    size_t more = *cap ? *cap + *cap / 2 + 1 : 16;
    void *bigger = reallocarray(*items, more < need ? need : more, size);
    if (!bigger)
        return false;
    *items = bigger;
    *cap = more < need ? need : more;
    return true;
}

bool list_add(struct list *l, uint32_t item)
{
    if (!array_grow((void **)&l->items, &l->cap, l->count + 1, sizeof *l->items))
        return false;
    l->items[l->count++] = item;
    return true;
}

struct matcher *matcher_new(const struct match_settings *s)
{
    struct matcher *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->settings = s;
    m->free_entry = m->free_deal = m->free_pool = m->free_bucket = NO_ENTRY;
    m->next.ms = INT64_MAX;
    m->goods_reach = s->waste.reach_m;
    ids_begin(&m->by_id);
    ids_begin(&m->by_match);
    ids_begin(&m->by_bucket);
    ids_begin(&m->by_way);
    ids_begin(&m->by_declined);
    grid_begin(&m->grid);
    if (market_open(&m->market, s->hysteresis))
        return m;
    matcher_free(m);
    return NULL;
}

void matcher_free(struct matcher *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->entry_count; i++)
        if (m->entries[i].used)
            party_drop(&m->entries[i].store);
    for (size_t i = 0; i < m->bucket_count; i++) {
        free(m->buckets[i].entries);
        free(m->buckets[i].pools.items);
    }
    free(m->entries);
    free(m->deals);
    free(m->pools);
    free(m->buckets);
    for (size_t i = 0; i < m->hold_count; i++)
        free(m->holds[i].members);
    free(m->holds);
    free(m->declined);
    free(m->ways);
    free(m->dirty.items);
    free(m->touched.items);
    free(m->dropped.items);
    ids_end(&m->by_id);
    ids_end(&m->by_match);
    ids_end(&m->by_bucket);
    ids_end(&m->by_way);
    ids_end(&m->by_declined);
    grid_end(&m->grid);
    market_close(&m->market);
    free(m);
}

// ---- Entries ----

static const char *entry_id(const void *arg, uint32_t e)
{
    return ((const struct matcher *)arg)->entries[e].store.party.id;
}

uint32_t matcher_entry(const struct matcher *m, const char *id)
{
    uint32_t e = ids_find(&m->by_id, id, entry_id, m);
    return e == IDS_NONE ? NO_ENTRY : e;
}

bool entry_mark(struct matcher *m, uint32_t e)
{
    if (m->entries[e].dirty)
        return true;
    if (!list_add(&m->dirty, e))
        return false;
    return m->entries[e].dirty = true;
}

unsigned grid_kind(unsigned resource, unsigned role)
{
    return resource * 2 + role;
}

// Waste: code, family and hazard in one number; 0: several codes, or none.
static uint32_t tag_of(const struct party *p)
{
    if (p->resource != RESOURCE_WASTE || !p->waste || p->waste->code_count != 1)
        return 0;
    uint32_t code = p->waste->codes[0], family = 0;
    const struct waste_code *w = waste_find(code);
    const char *name = waste_family(code);
    if (name) // "W072"
        family = (uint32_t)((name[1] - '0') * 100 + (name[2] - '0') * 10 + (name[3] - '0'));
    return code | family << TAG_FAMILY | (w && waste_hazardous(w) ? TAG_HAZARDOUS : 0);
}

// Hottest offers first, coldest needs first; of cold the other way round.
struct grid_item entry_item(const struct matcher *m, uint32_t e)
{
    const struct party *p = &m->entries[e].store.party;
    const struct span *t = p->role == ROLE_OFFER ? &p->heat.supply : &p->heat.back;
    double order = span_said(*t) ? span_middle(*t) : 0;
    bool reversed = (p->role == ROLE_OFFER) != (p->resource == RESOURCE_COLD);
    return (struct grid_item){e, (float)p->latitude, (float)p->longitude, (float)(reversed ? -order : order),
                              tag_of(p)};
}

static uint32_t new_entry(struct matcher *m)
{
    uint32_t e = m->free_entry;
    if (e != NO_ENTRY) {
        m->free_entry = m->entries[e].next_free;
    } else {
        if (!array_grow((void **)&m->entries, &m->entry_cap, m->entry_count + 1, sizeof *m->entries))
            return NO_ENTRY;
        e = (uint32_t)m->entry_count++;
    }
    m->entries[e] = (struct entry){.bucket = NO_ENTRY, .next_free = NO_ENTRY};
    return e;
}

static void free_entry(struct matcher *m, uint32_t e)
{
    m->entries[e].used = false;
    m->entries[e].next_free = m->free_entry;
    m->free_entry = e;
}

static void take_in(struct matcher *m, uint32_t e, const struct party_store *store)
{
    struct entry *at = &m->entries[e];
    at->store = *store;
    at->used = true;
    at->gone = false;
    at->fresh = true;
    at->rate = party_rate(&store->party, CORNER_MIDDLE);
    at->reach = resource_reach(m->settings, &store->party);
    m->blocks += store->block_size;
    if (resource_is_goods(store->party.resource) && store->party.role == ROLE_OFFER)
        m->goods_reach = fmax(m->goods_reach, at->reach);
}

static void take_out(struct matcher *m, uint32_t e)
{
    struct entry *at = &m->entries[e];
    if (at->active)
        grid_remove(&m->grid, grid_kind(at->store.party.resource, at->store.party.role), entry_item(m, e));
    at->active = false;
    bucket_leave(m, e);
    m->blocks -= at->store.block_size;
    party_drop(&at->store);
}

// An id that comes back as something else is another entry: the old one ends with the next settling.
static bool part_with(struct matcher *m, uint32_t e)
{
    if (!entry_mark(m, e))
        return false;
    ids_remove(&m->by_id, m->entries[e].store.party.id, entry_id, m);
    m->live -= !m->entries[e].gone;
    m->entries[e].gone = m->entries[e].unlisted = true;
    return true;
}

bool matcher_put(struct matcher *m, const struct offer *o)
{
    struct party_store store;
    uint32_t e = matcher_entry(m, o->id);
    if (!party_keep(o, &store))
        return false;
    if (e != NO_ENTRY && m->entries[e].store.party.role != store.party.role) {
        if (!part_with(m, e))
            goto failed;
        e = NO_ENTRY;
    }
    bool fresh = e == NO_ENTRY;
    if (fresh && (e = new_entry(m)) == NO_ENTRY)
        goto failed;
    if (!market_node(&m->market, e, o->role == ROLE_NEED) || !entry_mark(m, e) ||
        (fresh && !ids_put(&m->by_id, o->id, e)))
        goto unused;
    m->live += fresh || m->entries[e].gone;
    if (!fresh)
        take_out(m, e);
    take_in(m, e, &store);
    return true;

unused:
    if (fresh) { // a mark on it, if there is one, means nothing
        m->entries[e].gone = m->entries[e].unlisted = true;
        if (!m->entries[e].dirty)
            free_entry(m, e);
    }
failed:
    party_drop(&store);
    return false;
}

void matcher_remove(struct matcher *m, const char *id)
{
    uint32_t e = matcher_entry(m, id);
    if (e == NO_ENTRY || m->entries[e].gone)
        return;
    // Marked for the next settling; when even that is not possible, every settling looks for such.
    m->entries[e].gone = true;
    entry_mark(m, e);
    m->live--;
}

bool matcher_offer(const struct matcher *m, const char *id, struct offer *out)
{
    uint32_t e = matcher_entry(m, id);
    if (e == NO_ENTRY || m->entries[e].gone)
        return false;
    party_offer(&m->entries[e].store.party, out);
    return true;
}

size_t matcher_count(const struct matcher *m)
{
    return m->live;
}

// ---- Distances that somebody knows ----

static void way_key(const char *a, const char *b, char out[static 2 * OFFER_WORD + 2])
{
    bool swap = strcmp(a, b) > 0;
    snprintf(out, 2 * OFFER_WORD + 2, "%s %s", swap ? b : a, swap ? a : b);
}

static const char *way_text(const void *arg, uint32_t w)
{
    return ((const struct matcher *)arg)->ways[w].key;
}

bool matcher_distance(struct matcher *m, const char *a, const char *b, double metres)
{
    char key[2 * OFFER_WORD + 2];
    way_key(a, b, key);
    uint32_t at = ids_find(&m->by_way, key, way_text, m);
    if (at == IDS_NONE) {
        if (!array_grow((void **)&m->ways, &m->way_cap, m->way_count + 1, sizeof *m->ways) ||
            !ids_put(&m->by_way, key, (uint32_t)m->way_count))
            return false;
        at = (uint32_t)m->way_count++;
        memcpy(m->ways[at].key, key, sizeof key);
    }
    m->ways[at].metres = metres;
    for (uint32_t e = 0; e < m->entry_count; e++) {
        const struct entry *entry = &m->entries[e];
        if (entry->used &&
            (strcmp(entry->store.party.pseudonym, a) == 0 || strcmp(entry->store.party.pseudonym, b) == 0) &&
            !entry_mark(m, e))
            return false;
    }
    return true;
}

void matcher_pairing(const struct matcher *m, uint32_t offer, uint32_t need, struct utc now,
                     struct pairing *out)
{
    const struct party *a = &m->entries[offer].store.party, *b = &m->entries[need].store.party;
    double metres = NAN;
    *out = (struct pairing){.settings = m->settings, .offer = a, .need = b, .most = INFINITY, .now = now};
    if (m->way_count) {
        char key[2 * OFFER_WORD + 2];
        way_key(a->pseudonym, b->pseudonym, key);
        uint32_t at = ids_find(&m->by_way, key, way_text, m);
        metres = at == IDS_NONE ? NAN : m->ways[at].metres;
    }
    pairing_place(out, metres);
}

// ---- Held and declined ----

const struct hold *matcher_held(const struct matcher *m, const char *match_id)
{
    for (size_t i = 0; i < m->hold_count; i++)
        if (strcmp(m->holds[i].id, match_id) == 0)
            return &m->holds[i];
    return NULL;
}

static bool mark_both(struct matcher *m, const char *offer_id, const char *need_id)
{
    uint32_t a = matcher_entry(m, offer_id), b = matcher_entry(m, need_id);
    return (a == NO_ENTRY || entry_mark(m, a)) && (b == NO_ENTRY || entry_mark(m, b));
}

bool matcher_hold(struct matcher *m, const char *match_id, const char *offer_id, const char *need_id,
                  double quantity)
{
    size_t i = 0;
    while (i < m->hold_count && strcmp(m->holds[i].id, match_id) != 0)
        i++;
    if (!mark_both(m, offer_id, need_id))
        return false;
    if (!(quantity > 0)) {
        uint32_t deal = deal_find(m, match_id);
        if (deal != NO_ENTRY)
            deal_drop(m, deal);
        if (i < m->hold_count) {
            free(m->holds[i].members);
            m->holds[i] = m->holds[--m->hold_count];
        }
        return true;
    }
    if (i == m->hold_count) {
        if (!array_grow((void **)&m->holds, &m->hold_cap, m->hold_count + 1, sizeof *m->holds))
            return false;
        m->holds[m->hold_count++] = (struct hold){0};
    }
    struct hold *h = &m->holds[i];
    free(h->members);
    *h = (struct hold){.quantity = quantity};
    snprintf(h->id, sizeof h->id, "%s", match_id);
    snprintf(h->offer, sizeof h->offer, "%s", offer_id);
    snprintf(h->need, sizeof h->need, "%s", need_id);
    return true;
}

bool matcher_hold_group(struct matcher *m, const char *match_id, const char *const *members, size_t n,
                        double quantity)
{
    if (n < 2 || n > MATCH_MEMBERS || !matcher_hold(m, match_id, members[0], members[1], quantity))
        return false;
    if (!(quantity > 0))
        return true;
    struct hold *h = &m->holds[0];
    while (strcmp(h->id, match_id) != 0)
        h++;
    h->members = calloc(n, sizeof *h->members);
    for (; h->members && h->count < n; h->count++)
        snprintf(h->members[h->count], sizeof h->members[0], "%s", members[h->count]);
    return h->members != NULL;
}

static const char *declined_id(const void *arg, uint32_t at)
{
    return ((const struct matcher *)arg)->declined[at];
}

bool matcher_is_declined(const struct matcher *m, const char *match_id)
{
    return ids_find(&m->by_declined, match_id, declined_id, m) != IDS_NONE;
}

static bool decline(struct matcher *m, const char *match_id)
{
    uint32_t at = (uint32_t)m->declined_count;
    if (!array_grow((void **)&m->declined, &m->declined_cap, at + 1u, sizeof *m->declined))
        return false;
    snprintf(m->declined[at], sizeof m->declined[at], "%s", match_id);
    if (!ids_put(&m->by_declined, match_id, at))
        return false;
    m->declined_count++;
    return true;
}

static void undecline(struct matcher *m, uint32_t at)
{
    uint32_t last = (uint32_t)m->declined_count - 1;
    ids_remove(&m->by_declined, m->declined[at], declined_id, m);
    if (at != last) {
        ids_change(&m->by_declined, m->declined[last], at, declined_id, m);
        memcpy(m->declined[at], m->declined[last], sizeof m->declined[at]);
    }
    m->declined_count--;
}

bool matcher_decline(struct matcher *m, const char *match_id, const char *const *members, size_t n,
                     bool declined)
{
    uint32_t at = ids_find(&m->by_declined, match_id, declined_id, m);
    if (declined == (at != IDS_NONE))
        return true;
    if (!declined)
        undecline(m, at);
    else if (!decline(m, match_id))
        return false;
    for (size_t i = 0; i < n; i++) { // these look around anew
        uint32_t e = matcher_entry(m, members[i]);
        if (e != NO_ENTRY && !entry_mark(m, e))
            return false;
    }
    return true;
}

struct utc matcher_next(const struct matcher *m)
{
    return m->next;
}

size_t matcher_memory(const struct matcher *m)
{
    return sizeof *m + m->entry_cap * sizeof *m->entries + m->blocks + m->deal_cap * sizeof *m->deals +
           m->pool_cap * sizeof *m->pools + m->bucket_cap * sizeof *m->buckets +
           m->hold_cap * sizeof *m->holds + m->declined_cap * sizeof *m->declined +
           m->way_cap * sizeof *m->ways +
           (m->dirty.cap + m->touched.cap + m->dropped.cap) * sizeof(uint32_t) +
           (m->by_id.cap + m->by_match.cap + m->by_bucket.cap + m->by_way.cap + m->by_declined.cap) *
               sizeof(struct ids_slot) +
           grid_memory(&m->grid) + market_memory(&m->market);
}
