// SPDX-License-Identifier: Apache-2.0
// Nodes and pairs of the market, and what a change of one of them puts out of balance.
#include "matching/market.h"

#include <stdlib.h>
#include <string.h>
#include "matching/market_inside.h"

static bool grow(void **items, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 64;
    while (more < need)
        more *= 2;
    void *bigger = reallocarray(*items, more, size);
    if (!bigger)
        return false;
    *items = bigger;
    *cap = more;
    return true;
}

bool market_open(struct market *m, double bonus)
{
    *m = (struct market){.bonus = bonus, .free_arc = MARKET_NONE};
    return search_open(m);
}

void market_close(struct market *m)
{
    search_close(m);
    free(m->nodes);
    free(m->arcs);
    free(m->changed);
    free(m->unbalanced);
    *m = (struct market){.free_arc = MARKET_NONE};
}

bool market_node(struct market *m, uint32_t node, bool is_need)
{
    if (!grow((void **)&m->nodes, &m->node_cap, (size_t)node + 1, sizeof *m->nodes))
        return false;
    while (m->node_count <= node)
        m->nodes[m->node_count++] = (struct market_node){.first = MARKET_NONE};
    if (m->nodes[node].first == MARKET_NONE && !m->nodes[node].flow) {
        m->nodes[node].is_need = is_need;
        m->nodes[node].price = 0;
    }
    // Every node can be out of balance, and every arc changed, without asking for memory then.
    return grow((void **)&m->unbalanced, &m->unbalanced_cap, m->node_count, sizeof *m->unbalanced) &&
           search_grow(m);
}

static void unbalance(struct market *m, uint32_t node, int64_t by)
{
    struct market_node *n = &m->nodes[node];
    n->excess += by;
    if (n->excess && !n->queued) {
        n->queued = true;
        m->unbalanced[m->unbalanced_count++] = node;
    }
}

int64_t arc_cost_more(const struct market *m, const struct market_arc *a)
{
    return -(a->flow < a->kept ? a->benefit + (int64_t)((double)a->benefit * m->bonus) : a->benefit);
}

int64_t arc_cost_less(const struct market *m, const struct market_arc *a)
{
    return a->flow <= a->kept ? a->benefit + (int64_t)((double)a->benefit * m->bonus) : a->benefit;
}

int64_t arc_room_more(const struct market_arc *a)
{
    int64_t end = a->flow < a->kept && a->kept < a->bound ? a->kept : a->bound;
    return end - a->flow;
}

int64_t arc_room_less(const struct market_arc *a)
{
    return a->flow > a->kept ? a->flow - a->kept : a->flow;
}

void arc_shift(struct market *m, uint32_t arc, int64_t by)
{
    struct market_arc *a = &m->arcs[arc];
    a->flow += by;
    if (!a->noted) {
        a->noted = true;
        m->changed[m->changed_count++] = arc;
    }
}

static void push(struct market *m, uint32_t arc, int64_t by)
{
    struct market_arc *a = &m->arcs[arc];
    arc_shift(m, arc, by);
    unbalance(m, a->offer, -by);
    unbalance(m, a->need, by);
}

// Fills or empties an arc until no residual part of it has a negative reduced cost.
static void straighten(struct market *m, uint32_t arc)
{
    struct market_arc *a = &m->arcs[arc];
    int64_t tilt = m->nodes[a->offer].price - m->nodes[a->need].price;
    if (a->flow > a->bound)
        push(m, arc, a->bound - a->flow);
    while (a->flow < a->bound && arc_cost_more(m, a) + tilt < 0)
        push(m, arc, arc_room_more(a));
    while (a->flow > 0 && arc_cost_less(m, a) - tilt < 0)
        push(m, arc, -arc_room_less(a));
}

// The same for the arc between a node and the hub.
static void straighten_hub(struct market *m, uint32_t node)
{
    struct market_node *n = &m->nodes[node];
    int64_t sign = n->is_need ? -1 : 1; // flow comes from the hub, or goes there
    int64_t before = n->flow;
    if (n->flow > n->capacity)
        n->flow = n->capacity;
    int64_t worth = n->price * sign; // of one more unit through the node
    if (worth > 0)
        n->flow = n->capacity;
    else if (worth < 0)
        n->flow = 0;
    unbalance(m, node, sign * (n->flow - before));
}

bool market_capacity(struct market *m, uint32_t node, int64_t capacity)
{
    m->nodes[node].capacity = capacity;
    straighten_hub(m, node);
    return true;
}

void market_expect(struct market *m, uint32_t node, uint32_t other, int64_t benefit)
{
    struct market_node *n = &m->nodes[node];
    int64_t p = m->nodes[other].price;
    if (n->first != MARKET_NONE || n->flow || n->excess)
        return;
    // No reduced cost of the pair, price of offer less benefit less price of need, may be negative.
    if (!n->is_need && p + benefit > n->price)
        n->price = p + benefit;
    else if (n->is_need && p - benefit < n->price)
        n->price = p - benefit;
}

int64_t market_used(const struct market *m, uint32_t node)
{
    return node < m->node_count ? m->nodes[node].flow : 0;
}

uint32_t market_first(const struct market *m, uint32_t node)
{
    return node < m->node_count ? m->nodes[node].first : MARKET_NONE;
}

uint32_t market_next(const struct market *m, uint32_t node, uint32_t arc)
{
    const struct market_arc *a = &m->arcs[arc];
    return a->offer == node ? a->next_offer : a->next_need;
}

size_t market_degree(const struct market *m, uint32_t node)
{
    return node < m->node_count ? m->nodes[node].degree : 0;
}

uint32_t market_find(const struct market *m, uint32_t offer, uint32_t need)
{
    // Through the node with fewer arcs.
    uint32_t by = market_degree(m, offer) < market_degree(m, need) ? offer : need;
    for (uint32_t a = market_first(m, by); a != MARKET_NONE; a = market_next(m, by, a))
        if (m->arcs[a].offer == offer && m->arcs[a].need == need)
            return a;
    return MARKET_NONE;
}

static uint32_t new_arc(struct market *m)
{
    uint32_t arc = m->free_arc;
    if (arc != MARKET_NONE) {
        m->free_arc = m->arcs[arc].next_offer;
        return arc;
    }
    if (!grow((void **)&m->arcs, &m->arc_cap, m->arc_count + 1, sizeof *m->arcs) ||
        !grow((void **)&m->changed, &m->changed_cap, m->arc_count + 1, sizeof *m->changed))
        return MARKET_NONE;
    m->arcs[m->arc_count] = (struct market_arc){0};
    return (uint32_t)m->arc_count++;
}

static void link_arc(struct market *m, uint32_t arc)
{
    struct market_arc *a = &m->arcs[arc];
    struct market_node *o = &m->nodes[a->offer], *n = &m->nodes[a->need];
    a->last_offer = a->last_need = MARKET_NONE;
    a->next_offer = o->first;
    a->next_need = n->first;
    if (o->first != MARKET_NONE)
        m->arcs[o->first].last_offer = arc;
    if (n->first != MARKET_NONE)
        m->arcs[n->first].last_need = arc;
    o->first = n->first = arc;
    o->degree++;
    n->degree++;
}

uint32_t market_pair(struct market *m, uint32_t offer, uint32_t need, int64_t benefit, int64_t bound,
                     int64_t kept)
{
    uint32_t arc = market_find(m, offer, need);
    if (arc == MARKET_NONE) {
        arc = new_arc(m);
        if (arc == MARKET_NONE)
            return arc;
        struct market_arc *a = &m->arcs[arc];
        bool noted = a->noted; // still listed from an earlier life
        *a = (struct market_arc){.offer = offer, .need = need, .noted = noted, .used = true};
        link_arc(m, arc);
    }
    struct market_arc *a = &m->arcs[arc];
    a->benefit = benefit > 0 ? benefit : 0;
    a->bound = benefit > 0 ? bound : 0;
    if (kept > a->kept)
        a->kept = kept;
    straighten(m, arc);
    return arc;
}

void market_unpair(struct market *m, uint32_t arc)
{
    struct market_arc *a = &m->arcs[arc];
    if (a->flow)
        push(m, arc, -a->flow);
    struct market_node *o = &m->nodes[a->offer], *n = &m->nodes[a->need];
    if (a->last_offer != MARKET_NONE)
        m->arcs[a->last_offer].next_offer = a->next_offer;
    else
        o->first = a->next_offer;
    if (a->next_offer != MARKET_NONE)
        m->arcs[a->next_offer].last_offer = a->last_offer;
    if (a->last_need != MARKET_NONE)
        m->arcs[a->last_need].next_need = a->next_need;
    else
        n->first = a->next_need;
    if (a->next_need != MARKET_NONE)
        m->arcs[a->next_need].last_need = a->last_need;
    o->degree--;
    n->degree--;
    a->used = false;
    a->next_offer = m->free_arc;
    m->free_arc = arc;
}

bool market_balance(struct market *m)
{
    while (m->unbalanced_count) {
        uint32_t node = m->unbalanced[m->unbalanced_count - 1];
        if (m->nodes[node].excess && !search_settle(m, node))
            return false;
        m->nodes[node].queued = false;
        m->unbalanced_count--;
    }
    return true;
}

void market_keep(struct market *m, uint32_t arc)
{
    m->arcs[arc].kept = m->arcs[arc].flow;
}

uint32_t market_changed(struct market *m)
{
    while (m->changed_count) {
        uint32_t arc = m->changed[--m->changed_count];
        m->arcs[arc].noted = false;
        if (m->arcs[arc].used)
            return arc;
    }
    return MARKET_NONE;
}

double market_total(const struct market *m)
{
    double sum = 0;
    for (size_t i = 0; i < m->arc_count; i++)
        if (m->arcs[i].used)
            sum += (double)m->arcs[i].benefit * (double)m->arcs[i].flow;
    return sum;
}

double market_ceiling(const struct market *m)
{
    double sum = 0;
    for (size_t i = 0; i < m->node_count; i++) {
        int64_t worth = m->nodes[i].is_need ? -m->nodes[i].price : m->nodes[i].price;
        if (worth > 0)
            sum += (double)worth * (double)m->nodes[i].capacity;
    }
    for (size_t i = 0; i < m->arc_count; i++) {
        const struct market_arc *a = &m->arcs[i];
        int64_t left = a->benefit - m->nodes[a->offer].price + m->nodes[a->need].price;
        if (a->used && left > 0)
            sum += (double)left * (double)a->bound;
    }
    return sum;
}
