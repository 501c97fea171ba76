// SPDX-License-Identifier: Apache-2.0
// The writer's side of a lane: what is to be written, what was read, what is no longer there.
#include "store/outbox_lane.h"

#include <stdlib.h>

// The first record of `b` that is neither written nor acknowledged; b->count when there is none.
static uint32_t first_unwritten(const struct lane *l, const struct block *b)
{
    uint64_t acked = l->acked < b->first_id ? 0 : l->acked - b->first_id + 1;
    uint64_t first = acked > b->written ? acked : b->written;
    return first < b->count ? (uint32_t)first : b->count;
}

static struct mono earlier(struct mono a, struct mono b)
{
    return mono_before(a, b) ? a : b;
}

size_t lane_fresh_bytes(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    size_t n = l->fresh_bytes;
    pthread_mutex_unlock(&l->lock);
    return n;
}

bool lane_wants_load(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    bool wants = l->want_load;
    pthread_mutex_unlock(&l->lock);
    return wants;
}

struct mono lane_due(struct lane *l, int64_t spill_after_ns, bool always)
{
    struct mono due = {INT64_MAX};
    pthread_mutex_lock(&l->lock);
    for (const struct block *b = l->head; b; b = b->next) {
        uint32_t i = first_unwritten(l, b);
        if (i < b->count) {
            due = mono_add(block_put_at(b, i), always ? 0 : spill_after_ns);
            break;
        }
    }
    // Written and kept in memory ("always"): freed at the age at which "spill" frees them.
    if (l->head && l->head->written == l->head->count)
        due = earlier(due, mono_add(block_put_at(l->head, l->head->count - 1), spill_after_ns));
    if (l->ack_due.ns)
        due = earlier(due, l->ack_due);
    if (l->want_load || l->gaps.version != l->gaps.saved)
        due = (struct mono){0};
    pthread_mutex_unlock(&l->lock);
    return due;
}

size_t lane_collect(struct lane *l, struct mono now, int64_t min_age_ns, bool seal, struct piece *pieces,
                    size_t max, size_t max_bytes)
{
    size_t n = 0, bytes = 0;
    pthread_mutex_lock(&l->lock);
    for (struct block *b = l->head; b && n < max && bytes < max_bytes; b = b->next) {
        uint32_t from = first_unwritten(l, b);
        if (from == b->count)
            continue;
        if (n == 0 && mono_since(now, block_put_at(b, from)) < min_age_ns)
            break;
        pieces[n++] = (struct piece){b, from, b->count};
        bytes += b->used;
        b->pins++;
        b->writing = true;
        b->sealed = b->sealed || seal;
    }
    pthread_mutex_unlock(&l->lock);
    return n;
}

static void give_back(struct lane *l, struct block *b)
{
    b->writing = false;
    if (--b->pins == 0 && !b->listed)
        lane_let_go(l, b);
}

// Takes out what is acknowledged or, when written, was put before `before`; stops at the first block that
// stays.
static void trim(struct lane *l, struct mono before)
{
    while (l->head && !l->head->writing) {
        struct block *b = l->head;
        bool acked = block_last_id(b) <= l->acked;
        bool old = b->written == b->count && mono_before(block_put_at(b, b->count - 1), before);
        if (!acked && !old)
            break;
        if (b->written == b->count && block_last_id(b) > l->disk_only)
            l->disk_only = block_last_id(b);
        lane_fresh_remove(l, NULL, b);
    }
}

void lane_uncollect(struct lane *l, struct piece *pieces, size_t n)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < n; i++) {
        struct block *b = pieces[i].block;
        // Still the last one: it may take more, else each failed try would leave a part-empty block.
        if (b == l->tail)
            b->sealed = false;
        give_back(l, b);
    }
    trim(l, (struct mono){INT64_MIN});
    pthread_mutex_unlock(&l->lock);
}

void lane_written(struct lane *l, struct piece *pieces, size_t n, int64_t bytes, bool keep)
{
    if (n == 0)
        return;
    pthread_mutex_lock(&l->lock);
    uint64_t first_id = pieces[0].block->first_id + pieces[0].from;
    if (l->disk_bytes == 0)
        l->disk_from = block_time(pieces[0].block, pieces[0].from);
    l->disk_to = block_time(pieces[n - 1].block, pieces[n - 1].to - 1);
    l->disk_bytes += bytes;
    for (size_t i = 0; i < n; i++) {
        struct block *b = pieces[i].block;
        b->written = pieces[i].to;
        l->disk_last = b->first_id + pieces[i].to - 1;
        give_back(l, b);
    }
    l->visible = l->disk_last;
    // Acknowledged while it was being written: the row is of no use any more.
    if (l->acked >= first_id && l->ack_due.ns == 0)
        l->ack_due = mono_add(mono_now(), NS_PER_S);
    trim(l, (struct mono){keep ? INT64_MIN : INT64_MAX});
    if (spans_next(&l->spans, l->handed + 1))
        lane_signal_locked(l);
    pthread_mutex_unlock(&l->lock);
}

void lane_trim(struct lane *l, struct mono before)
{
    pthread_mutex_lock(&l->lock);
    trim(l, before);
    pthread_mutex_unlock(&l->lock);
}

// --- reading --------------------------------------------------------------------------------------------

static uint64_t load_want(const struct lane *l)
{
    uint64_t done = l->handed > l->acked ? l->handed : l->acked;
    size_t ahead = 0;
    for (const struct block *b = l->loaded; b; b = b->next)
        if (b->first_id > done)
            ahead += block_memory(b);
    if (ahead >= LANE_AHEAD_MAX)
        return 0;
    if (l->loaded_tail && block_last_id(l->loaded_tail) > done)
        done = block_last_id(l->loaded_tail);
    uint64_t id = spans_next(&l->spans, done + 1);
    return id && id <= l->disk_only ? id : 0;
}

uint64_t lane_load_want(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t id = l->want_load ? load_want(l) : 0;
    if (id == 0 && l->want_load) {
        l->want_load = false;
        pthread_cond_broadcast(&l->loaded_more);
        if (spans_next(&l->spans, l->handed + 1))
            lane_signal_locked(l);
    }
    pthread_mutex_unlock(&l->lock);
    return id;
}

void lane_loaded(struct lane *l, struct block *b)
{
    pthread_mutex_lock(&l->lock);
    uint64_t want = load_want(l);
    if (want < b->first_id || want > block_last_id(b)) {
        free(b);
    } else {
        b->listed = true;
        b->next = NULL;
        if (l->loaded_tail)
            l->loaded_tail->next = b;
        else
            l->loaded = b;
        l->loaded_tail = b;
        l->loaded_bytes += block_memory(b);
        lane_signal_locked(l);
    }
    // The first block is enough for a waiting publisher; the rest of the read-ahead follows.
    pthread_cond_broadcast(&l->loaded_more);
    pthread_mutex_unlock(&l->lock);
}

void lane_load_failed(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    l->want_load = false;
    pthread_cond_broadcast(&l->loaded_more);
    pthread_mutex_unlock(&l->lock);
}

uint64_t lane_reconcile(struct lane *l, const struct spans *there, int64_t disk_bytes)
{
    uint64_t lost = 0;
    pthread_mutex_lock(&l->lock);
    for (uint64_t id = spans_next(&l->spans, l->acked + 1); id && id <= l->disk_only;) {
        uint64_t next = spans_next(there, id);
        if (next == id) {
            // Skip the run that is there.
            size_t i = 0;
            while (there->at[i].last < id)
                i++;
            id = spans_next(&l->spans, there->at[i].last + 1);
            continue;
        }
        uint64_t last = next && next <= l->disk_only ? next - 1 : l->disk_only;
        lost += lane_drop_locked(l, id, last, l->disk_from, l->disk_to);
        id = spans_next(&l->spans, last + 1);
    }
    if (lost)
        lane_loaded_clear(l);
    for (struct block *b = l->head; b; b = b->next)
        b->written = 0;
    l->disk_last = l->disk_only;
    l->disk_bytes = disk_bytes;
    if (spans_next(&l->spans, l->handed + 1))
        lane_signal_locked(l);
    pthread_mutex_unlock(&l->lock);
    return lost;
}

// --- what else the file should know -----------------------------------------------------------------------

bool lane_ack_unsaved(struct lane *l, uint64_t *acked)
{
    pthread_mutex_lock(&l->lock);
    *acked = l->acked;
    bool any = l->acked > l->acked_saved && l->acked_saved < l->disk_last && l->disk_bytes > 0;
    if (!any)
        l->ack_due = (struct mono){0};
    pthread_mutex_unlock(&l->lock);
    return any;
}

bool lane_acks_due(struct lane *l, struct mono now)
{
    pthread_mutex_lock(&l->lock);
    bool due = l->ack_due.ns && !mono_before(now, l->ack_due);
    pthread_mutex_unlock(&l->lock);
    return due;
}

void lane_ack_saved(struct lane *l, uint64_t acked, int64_t freed, bool any_left, struct utc oldest)
{
    pthread_mutex_lock(&l->lock);
    l->acked_saved = acked;
    l->acks_unsaved = 0;
    l->ack_due = (struct mono){0};
    l->disk_bytes -= freed;
    if (any_left)
        l->disk_from = oldest;
    else
        l->disk_bytes = 0;
    pthread_mutex_unlock(&l->lock);
}

bool lane_gaps_unsaved(struct lane *l, struct lane_gaps *copy)
{
    pthread_mutex_lock(&l->lock);
    bool any = l->gaps.version != l->gaps.saved;
    if (any)
        *copy = l->gaps;
    pthread_mutex_unlock(&l->lock);
    return any;
}

void lane_gaps_saved(struct lane *l, uint64_t version)
{
    pthread_mutex_lock(&l->lock);
    l->gaps.saved = version;
    pthread_mutex_unlock(&l->lock);
}

void lane_gaps_restore(struct lane *l, const struct lane_gaps *gaps)
{
    pthread_mutex_lock(&l->lock);
    l->gaps = *gaps;
    pthread_mutex_unlock(&l->lock);
}

void lane_gaps_changed(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->gaps.n)
        l->gaps.version++;
    pthread_mutex_unlock(&l->lock);
}

uint64_t lane_unwritten(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t n = spans_count(&l->spans, l->disk_last + 1, UINT64_MAX - 1);
    pthread_mutex_unlock(&l->lock);
    return n;
}

uint64_t lane_next_id(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t id = l->next_id;
    pthread_mutex_unlock(&l->lock);
    return id;
}
