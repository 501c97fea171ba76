/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the market share: its nodes, and the search of shortest paths to the hub. */
#ifndef SYMBIONT_MATCHING_MARKET_INSIDE_H
#define SYMBIONT_MATCHING_MARKET_INSIDE_H

#include "matching/market.h"

struct market_node {
    int64_t capacity, flow; /* flow: from or to the hub */
    int64_t price;          /* potential; the hub's is 0 */
    int64_t excess;         /* what came in and has not gone out; 0 when balanced */
    uint32_t first, degree;
    bool is_need, queued;
};

struct market_search;

bool search_open(struct market *m);
void search_close(struct market *m);
bool search_grow(struct market *m);
/* Carries all of a node's excess (or its lack) to (from) the hub. False: memory is out. */
bool search_settle(struct market *m, uint32_t node);

/* Cost of one more unit, and of one less, on an arc. */
int64_t arc_cost_more(const struct market *m, const struct market_arc *a);
int64_t arc_cost_less(const struct market *m, const struct market_arc *a);
/* How much at that cost. */
int64_t arc_room_more(const struct market_arc *a);
int64_t arc_room_less(const struct market_arc *a);
void arc_shift(struct market *m, uint32_t arc, int64_t by); /* flow += by, noted as changed */

#endif
