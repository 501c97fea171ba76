// SPDX-License-Identifier: Apache-2.0
// Messages of a lane that have to go: counted, and noted in gap records until somebody has fetched them.
#include <string.h>
#include "store/outbox_lane.h"

static void gap_note(struct lane *l, const struct outbox_gap *g)
{
    struct lane_gaps *gaps = &l->gaps;
    gaps->version++;
    struct outbox_gap *last = gaps->n > (gaps->handed ? 1u : 0u) ? &gaps->at[gaps->n - 1] : NULL;
    // One outage makes one record: extend it unless a message in between was or will be delivered.
    uint64_t next = last ? spans_next(&l->spans, last->last_id + 1) : 0;
    bool joins = last && (g->first_id == 0 || last->first_id == 0 ||
                          (l->acked <= last->last_id && (next == 0 || next > g->last_id)));
    if (!last || (!joins && gaps->n < LANE_GAPS_MAX)) {
        gaps->at[gaps->n++] = *g;
        return;
    }
    if (g->from.ms < last->from.ms)
        last->from = g->from;
    if (g->to.ms > last->to.ms)
        last->to = g->to;
    if (g->last_id > last->last_id)
        last->last_id = g->last_id;
    if (last->first_id == 0 || (g->first_id && g->first_id < last->first_id))
        last->first_id = g->first_id;
    last->count += g->count;
}

void lane_put_lost(struct lane *l, struct utc time)
{
    pthread_mutex_lock(&l->lock);
    l->dropped++;
    gap_note(l, &(struct outbox_gap){.from = time, .to = time, .count = 1});
    pthread_mutex_unlock(&l->lock);
}

uint64_t lane_drop_locked(struct lane *l, uint64_t first, uint64_t last, struct utc from, struct utc to)
{
    uint64_t gone = spans_remove(&l->spans, first, last);
    if (gone == 0)
        return 0;
    l->dropped += gone;
    gap_note(l,
             &(struct outbox_gap){.from = from, .to = to, .first_id = first, .last_id = last, .count = gone});
    return gone;
}

static void drop_unlisted(struct lane *l, uint64_t first, uint64_t last)
{
    // Loaded blocks that lie wholly in what is gone.
    while (l->loaded && l->loaded->first_id >= first && block_last_id(l->loaded) <= last)
        lane_loaded_pop(l);
    struct block *before = NULL;
    for (struct block *b = l->head, *next; b; b = next) {
        next = b->next;
        if (b->first_id >= first && block_last_id(b) <= last && !b->writing)
            lane_fresh_remove(l, before, b);
        else
            before = b;
    }
}

uint64_t lane_drop(struct lane *l, uint64_t first, uint64_t last, struct utc from, struct utc to)
{
    pthread_mutex_lock(&l->lock);
    if (first <= l->acked)
        first = l->acked + 1;
    if (last == UINT64_MAX)
        last = l->disk_only;
    uint64_t gone = first <= last ? lane_drop_locked(l, first, last, from, to) : 0;
    if (gone)
        drop_unlisted(l, first, last);
    pthread_mutex_unlock(&l->lock);
    return gone;
}

size_t lane_drop_block(struct lane *l)
{
    size_t freed = 0;
    pthread_mutex_lock(&l->lock);
    struct block *before = NULL, *b = l->head;
    while (b && b->writing) {
        before = b;
        b = b->next;
    }
    if (b) {
        freed = block_memory(b);
        uint64_t first = b->first_id > l->acked ? b->first_id : l->acked + 1, last = block_last_id(b);
        if (b->written == b->count) {
            // Nothing is lost: it is in the file, and so is all before it.
            if (last > l->disk_only)
                l->disk_only = last;
        } else if (first <= last) {
            lane_drop_locked(l, first, last, block_time(b, (uint32_t)(first - b->first_id)),
                             block_time(b, b->count - 1));
        }
        lane_fresh_remove(l, before, b);
    }
    pthread_mutex_unlock(&l->lock);
    return freed;
}

bool lane_gap(struct lane *l, struct outbox_gap *gap)
{
    pthread_mutex_lock(&l->lock);
    bool any = l->gaps.n > 0;
    if (any) {
        *gap = l->gaps.at[0];
        l->gaps.handed = true;
    }
    pthread_mutex_unlock(&l->lock);
    return any;
}

bool lane_gap_done(struct lane *l, const struct outbox_gap *gap)
{
    pthread_mutex_lock(&l->lock);
    struct lane_gaps *g = &l->gaps;
    bool same = g->n && g->handed && g->at[0].first_id == gap->first_id && g->at[0].last_id == gap->last_id &&
                g->at[0].count == gap->count;
    if (same) {
        memmove(g->at, g->at + 1, (g->n - 1) * sizeof g->at[0]);
        g->n--;
        g->handed = false;
        g->version++;
    }
    pthread_mutex_unlock(&l->lock);
    return same;
}
