/* SPDX-License-Identifier: Apache-2.0 */
/* The matcher's memory: entries, where they lie, who could serve whom, what is promised. */
#ifndef SYMBIONT_MATCHING_MATCHER_INSIDE_H
#define SYMBIONT_MATCHING_MATCHER_INSIDE_H

#include "matching/grid.h"
#include "matching/group.h"
#include "matching/ids.h"
#include "matching/inside.h"
#include "matching/market.h"

#define NO_ENTRY UINT32_MAX

/* Quantities of the market: thousandths of the resource's unit. Benefits: 1e-6 EUR a year and thousandth. */
#define MARKET_UNIT    1000.0
#define MARKET_BENEFIT 1000.0

struct list { /* of numbers */
    uint32_t *items;
    size_t count, cap;
};

struct entry {
    struct party_store store;
    double rate;  /* in the middle of its band */
    double reach; /* m */
    double held;  /* of the rate, by agreements */
    uint32_t next_free, bucket;
    bool used, active, dirty, gone;
    bool fresh;    /* says something new */
    bool unlisted; /* its id belongs to another by now */
};

/* A pair that flows or is held, as it is told to others. */
struct deal {
    char id[MATCH_ID + 1];
    uint32_t offer, need; /* entries */
    double quantity, rank, held;
    uint32_t next_free;
    uint8_t way; /* enum match_way */
    bool used, told, dropped;
};

struct pool {
    char id[MATCH_ID + 1];
    uint32_t members[MATCH_MEMBERS];
    uint8_t count;
    double rank, quantity;
    uint32_t next_free;
    bool used, told, found;
};

/* Entries that could be in one group: of one waste code, or of one category of purchases. */
struct bucket {
    char key[48]; /* "": free */
    uint32_t *entries;
    size_t count, cap;
    struct list pools;
    struct spot {
        double latitude, longitude;
    } spots[8]; /* where something changed */
    uint8_t spot_count;
    bool dirty, everywhere;
    uint32_t next_free;
};

struct hold {
    char id[MATCH_ID + 1], offer[OFFER_ID + 1], need[OFFER_ID + 1];
    double quantity;
    char (*members)[OFFER_ID + 1]; /* of a group: all in it; NULL */
    size_t count;
};

struct way {
    char key[2 * OFFER_WORD + 2];
    double metres;
};

struct matcher {
    const struct match_settings *settings;
    struct entry *entries;
    size_t entry_count, entry_cap;
    uint32_t free_entry;
    size_t live;
    struct ids by_id;
    struct grid grid;
    struct market market;

    struct deal *deals;
    size_t deal_count, deal_cap;
    uint32_t free_deal;
    struct ids by_match;

    struct pool *pools;
    size_t pool_count, pool_cap;
    uint32_t free_pool;
    struct bucket *buckets;
    size_t bucket_count, bucket_cap;
    uint32_t free_bucket;
    struct ids by_bucket;

    struct hold *holds;
    size_t hold_count, hold_cap;
    char (*declined)[MATCH_ID + 1];
    size_t declined_count, declined_cap;
    struct ids by_declined;
    struct way *ways;
    size_t way_count, way_cap;
    struct ids by_way;

    struct list dirty;   /* entries */
    struct list touched; /* arcs whose flow is to be looked at */
    struct list dropped; /* deals that end */
    double goods_reach;  /* farthest that any offer of goods reaches */
    struct utc next;
    size_t blocks; /* bytes that entries own */
};

bool list_add(struct list *l, uint32_t item);
bool array_grow(void **items, size_t *cap, size_t need, size_t size);

/* matcher.c */
uint32_t matcher_entry(const struct matcher *m, const char *id);
bool entry_mark(struct matcher *m, uint32_t e);
unsigned grid_kind(unsigned resource, unsigned role);
#define TAG_FAMILY    18
#define TAG_HAZARDOUS 0x80000000u
#define TAG_CODE      0x3ffffu
struct grid_item entry_item(const struct matcher *m, uint32_t e);
/* The pairing of two entries, with the distance that is known best. */
void matcher_pairing(const struct matcher *m, uint32_t offer, uint32_t need, struct utc now,
                     struct pairing *out);
bool matcher_is_declined(const struct matcher *m, const char *match_id);
const struct hold *matcher_held(const struct matcher *m, const char *match_id);

/* matcher_candidates.c: the pairs of a dirty entry into the market. */
bool candidates_update(struct matcher *m, uint32_t e, struct utc now);

/* matcher_group.c */
bool bucket_enter(struct matcher *m, uint32_t e);
void bucket_leave(struct matcher *m, uint32_t e);
typedef void changed_fn(void *arg, enum match_change what, const char *match_id);
bool pools_settle(struct matcher *m, struct utc now, changed_fn *changed, void *arg);
/* A held group that is not there: as it was agreed, not as it would be found now. False: memory is out. */
bool pool_stand(struct matcher *m, const struct hold *h, struct utc now);
bool pool_get(const struct matcher *m, const struct pool *p, struct utc now, struct match *out);
/* As deals are found by their id; NO_ENTRY. */
uint32_t pool_find(const struct matcher *m, const char *id);
uint32_t deal_find(const struct matcher *m, const char *id);
/* Looked at when the market is settled: does it still flow? */
void deal_drop(struct matcher *m, uint32_t deal);
#define POOL_BIT 0x40000000u /* in by_match: a pool, not a deal */

#endif
