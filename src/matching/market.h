/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The best allocation of what is offered to what is needed: a transportation problem whose optimum is kept
 * while offers, needs and pairs come, change and go. Quantities and benefits are whole numbers, so the
 * optimum is exact.
 *
 *     maximise  sum(benefit * flow)   with   0 <= flow <= bound of each pair,
 *     sum of an offer's flows <= its capacity, sum of a need's flows <= its capacity
 *
 * Written as a circulation through a hub (hub -> offer -> need -> hub), with a price (potential) at every
 * node so that no residual arc has a negative reduced cost. A change breaks that for a few arcs only: these
 * are filled or emptied at once, and what is then too much or too little at a node is carried to the hub
 * along shortest paths, which touch the neighbourhood only (successive shortest paths: Ahuja, Magnanti,
 * Orlin, "Network Flows", 9.7).
 */
#ifndef SYMBIONT_MATCHING_MARKET_H
#define SYMBIONT_MATCHING_MARKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct market_arc {
    uint32_t offer, need;            /* nodes */
    int64_t bound, flow, kept;       /* kept: that much of the flow has a bonus on its benefit */
    int64_t benefit;                 /* per unit, > 0 */
    uint32_t next_offer, last_offer; /* other arcs of the offer, of the need; MARKET_NONE */
    uint32_t next_need, last_need;
    int64_t seen; /* flow when last asked, for whoever reports changes */
    uint32_t tag;
    bool noted, used;
};
#define MARKET_NONE UINT32_MAX

struct market {
    struct market_node *nodes;
    size_t node_count, node_cap;
    struct market_arc *arcs;
    size_t arc_count, arc_cap;
    uint32_t free_arc;
    double bonus;      /* share of the benefit that a kept flow has more */
    uint32_t *changed; /* arcs whose flow changed, each once */
    size_t changed_count, changed_cap;
    uint32_t *unbalanced;
    size_t unbalanced_count, unbalanced_cap;
    struct market_search *search;
    uint64_t steps; /* nodes that searches settled, for measurements */
};

/* False: memory is out. */
bool market_open(struct market *m, double bonus);
void market_close(struct market *m);

/* A node of that number, without capacity and arcs; it may be there. */
bool market_node(struct market *m, uint32_t node, bool is_need);
bool market_capacity(struct market *m, uint32_t node, int64_t capacity);
/* A node that has no pairs yet is about to get one: its price is set so that the pair fits without being
 * filled at once. Without it all is right too, only slower. */
void market_expect(struct market *m, uint32_t node, uint32_t other, int64_t benefit);
int64_t market_used(const struct market *m, uint32_t node);
/* The pair, made when it is not there; MARKET_NONE: memory is out. A benefit or bound of 0 takes it out of
 * the allocation. Call market_balance afterwards. */
uint32_t market_pair(struct market *m, uint32_t offer, uint32_t need, int64_t benefit, int64_t bound,
                     int64_t kept);
uint32_t market_find(const struct market *m, uint32_t offer, uint32_t need);
void market_unpair(struct market *m, uint32_t arc);
/* Restores the optimum. False: memory is out; call again. */
bool market_balance(struct market *m);
/* Bonus for what flows now. */
void market_keep(struct market *m, uint32_t arc);

/* First and next arc of a node. */
uint32_t market_first(const struct market *m, uint32_t node);
uint32_t market_next(const struct market *m, uint32_t node, uint32_t arc);
size_t market_degree(const struct market *m, uint32_t node);
/* The next arc whose flow changed since it was last taken from here; MARKET_NONE. */
uint32_t market_changed(struct market *m);
/* sum(benefit * flow), and what no allocation whatever can exceed (the prices as a solution of the dual
 * problem). */
double market_total(const struct market *m);
double market_ceiling(const struct market *m);
size_t market_memory(const struct market *m);

#endif
