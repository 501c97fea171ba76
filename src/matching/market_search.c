// SPDX-License-Identifier: Apache-2.0
// Shortest paths from a node that has too much to the hub, or from the hub to one that lacks something; or
// from the one to the other.
#include <stdlib.h>
#include <string.h>
#include "matching/market_inside.h"

#define HUB MARKET_NONE

// A path ends at the hub by the arc of its last node; before that it follows pairs.
struct step {
    int64_t distance;
    uint32_t by;    // arc by which it was reached; MARKET_NONE: the search began here
    uint32_t round; // of the search that the rest belongs to
    bool done;
};

struct waiting {
    int64_t distance;
    uint32_t node, from; // of the hub: the node before it
};

struct market_search {
    struct step *steps;
    size_t cap;
    struct waiting *heap;
    size_t heap_count, heap_cap;
    uint32_t *reached;
    size_t reached_count;
    uint32_t round;
    bool forward;
    bool at_hub; // where the last path ends: at the hub, or at a node that lacks (has) what is too much (too
                 // little)
};

bool search_open(struct market *m)
{
    m->search = calloc(1, sizeof *m->search);
    return m->search != NULL;
}

void search_close(struct market *m)
{
    if (!m->search)
        return;
    free(m->search->steps);
    free(m->search->heap);
    free(m->search->reached);
    free(m->search);
    m->search = NULL;
}

bool search_grow(struct market *m)
{
    struct market_search *s = m->search;
    if (m->node_count <= s->cap)
        return true;
    size_t cap = m->node_cap;
    struct step *steps = reallocarray(s->steps, cap, sizeof *steps);
    if (steps)
        s->steps = steps;
    uint32_t *reached = reallocarray(s->reached, cap, sizeof *reached);
    if (reached)
        s->reached = reached;
    if (!steps || !reached)
        return false;
    memset(s->steps + s->cap, 0, (cap - s->cap) * sizeof *steps);
    s->cap = cap;
    return true;
}

// Of two equally near the hub comes first: the search ends sooner.
static bool nearer(const struct waiting *a, const struct waiting *b)
{
    return a->distance != b->distance ? a->distance < b->distance : a->node > b->node;
}

static bool heap_put(struct market_search *s, struct waiting w)
{
    if (s->heap_count == s->heap_cap) {
        size_t cap = s->heap_cap ? s->heap_cap * 2 : 256;
        struct waiting *heap = reallocarray(s->heap, cap, sizeof *heap);
        if (!heap)
            return false;
        s->heap = heap;
        s->heap_cap = cap;
    }
    size_t i = s->heap_count++;
    for (; i && nearer(&w, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = w;
    return true;
}

static struct waiting heap_take(struct market_search *s)
{
    struct waiting top = s->heap[0], last = s->heap[--s->heap_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->heap_count)
            break;
        if (child + 1 < s->heap_count && nearer(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!nearer(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

// How much can still go between a node and the hub in the direction of the search.
static int64_t hub_room(const struct market_search *s, const struct market_node *n)
{
    return n->is_need == s->forward ? n->capacity - n->flow : n->flow;
}

// Reduced cost of that arc, for either direction.
static int64_t hub_cost(const struct market_search *s, const struct market_node *n)
{
    return s->forward ? n->price : -n->price;
}

// An arc seen from `node`: does the search follow it with more flow or with less?
static bool is_more(const struct market_search *s, const struct market_node *n)
{
    return n->is_need != s->forward;
}

static bool reach(struct market_search *s, uint32_t node, int64_t distance, uint32_t by)
{
    struct step *to = &s->steps[node];
    if (to->round == s->round && (to->done || to->distance <= distance))
        return true;
    if (to->round != s->round)
        s->reached[s->reached_count++] = node;
    *to = (struct step){distance, by, s->round, false};
    return heap_put(s, (struct waiting){distance, node, HUB});
}

static bool look_around(struct market *m, uint32_t node, int64_t distance)
{
    struct market_search *s = m->search;
    const struct market_node *n = &m->nodes[node];
    if (hub_room(s, n) > 0 && !heap_put(s, (struct waiting){distance + hub_cost(s, n), HUB, node}))
        return false;
    bool more = is_more(s, n);
    for (uint32_t arc = n->first; arc != MARKET_NONE; arc = market_next(m, node, arc)) {
        const struct market_arc *a = &m->arcs[arc];
        if (more ? a->flow >= a->bound : a->flow <= 0)
            continue;
        uint32_t other = n->is_need ? a->offer : a->need;
        int64_t tilt = m->nodes[a->offer].price - m->nodes[a->need].price;
        int64_t cost = more ? arc_cost_more(m, a) + tilt : arc_cost_less(m, a) - tilt;
        if (!reach(s, other, distance + cost, arc))
            return false;
    }
    return true;
}

// The last node of the shortest path; HUB when there is no path. False: memory is out.
static bool find(struct market *m, uint32_t from, uint32_t *last, int64_t *distance)
{
    struct market_search *s = m->search;
    s->round++;
    s->heap_count = s->reached_count = 0;
    if (!reach(s, from, 0, MARKET_NONE))
        return false;
    while (s->heap_count) {
        struct waiting w = heap_take(s);
        s->at_hub = w.node == HUB;
        *last = s->at_hub ? w.from : w.node;
        *distance = w.distance;
        if (s->at_hub)
            return true;
        struct step *at = &s->steps[w.node];
        if (at->done || at->distance != w.distance)
            continue;
        int64_t excess = m->nodes[w.node].excess;
        if (s->forward ? excess < 0 : excess > 0)
            return true;
        at->done = true;
        m->steps++;
        if (!look_around(m, w.node, w.distance))
            return false;
    }
    *last = HUB;
    return true;
}

// Prices of the nodes that were settled before the hub, so that the path costs nothing any more.
static void reprice(struct market *m, int64_t distance)
{
    struct market_search *s = m->search;
    for (size_t i = 0; i < s->reached_count; i++) {
        const struct step *at = &s->steps[s->reached[i]];
        if (at->done && at->distance < distance)
            m->nodes[s->reached[i]].price += s->forward ? at->distance - distance : distance - at->distance;
    }
}

static uint32_t before(const struct market *m, uint32_t node, uint32_t arc)
{
    return m->arcs[arc].offer == node ? m->arcs[arc].need : m->arcs[arc].offer;
}

static int64_t narrowest(const struct market *m, uint32_t last, int64_t amount)
{
    const struct market_search *s = m->search;
    int64_t excess = m->nodes[last].excess;
    int64_t room = s->at_hub ? hub_room(s, &m->nodes[last]) : excess < 0 ? -excess : excess;
    amount = room < amount ? room : amount;
    for (uint32_t node = last, arc; (arc = s->steps[node].by) != MARKET_NONE; node = before(m, node, arc)) {
        const struct market_arc *a = &m->arcs[arc];
        bool more = is_more(s, &m->nodes[before(m, node, arc)]);
        room = more ? arc_room_more(a) : arc_room_less(a);
        amount = room < amount ? room : amount;
    }
    return amount;
}

static void carry(struct market *m, uint32_t last, int64_t amount)
{
    const struct market_search *s = m->search;
    struct market_node *n = &m->nodes[last];
    if (s->at_hub)
        n->flow += n->is_need == s->forward ? amount : -amount;
    else
        n->excess += s->forward ? amount : -amount;
    for (uint32_t node = last, arc; (arc = s->steps[node].by) != MARKET_NONE; node = before(m, node, arc))
        arc_shift(m, arc, is_more(s, &m->nodes[before(m, node, arc)]) ? amount : -amount);
}

bool search_settle(struct market *m, uint32_t node)
{
    struct market_search *s = m->search;
    while (m->nodes[node].excess) {
        uint32_t last;
        int64_t distance = 0, excess = m->nodes[node].excess;
        s->forward = excess > 0;
        if (!find(m, node, &last, &distance))
            return false;
        if (last == HUB) // cannot be: what is too much came from the hub
            abort();
        reprice(m, distance);
        int64_t amount = narrowest(m, last, excess > 0 ? excess : -excess);
        carry(m, last, amount);
        m->nodes[node].excess += s->forward ? -amount : amount;
    }
    return true;
}

size_t market_memory(const struct market *m)
{
    return m->node_cap * sizeof *m->nodes + m->arc_cap * sizeof *m->arcs +
           m->changed_cap * sizeof *m->changed + m->unbalanced_cap * sizeof *m->unbalanced +
           m->search->cap * (sizeof *m->search->steps + sizeof *m->search->reached) +
           m->search->heap_cap * sizeof *m->search->heap;
}
