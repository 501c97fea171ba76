// SPDX-License-Identifier: Apache-2.0
// The messages of one publisher in order: putting, handing out, acknowledging, dropping.
#include "store/outbox_lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "symbiont/wait.h"

// 64 KiB hold a hundred readings: one allocation per hundred puts, little waste while only a few wait.
#define BLOCK_CAP 65536u
// Blocks kept for reuse, 1 MiB: touching fresh memory costs more than all the rest of a put.
#define SPARES_MAX 16u
// Read ahead and kept behind for a rewind, per lane. A row inflates to 256 KiB at most, save single large
// messages.
#define LOADED_MAX (1u << 20)
#define AHEAD_MAX  LANE_AHEAD_MAX
// Acknowledged messages are taken off the disk a second later, or sooner when this many gather: it
// bounds what is sent twice after a crash.
#define ACK_DELAY_NS     NS_PER_S
#define ACKS_UNSAVED_MAX 10000u

struct lane *lane_new(const char *name, uint8_t number, atomic_size_t *memory, struct mono now)
{
    struct lane *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->event_fd < 0) {
        free(l);
        return NULL;
    }
    pthread_cond_init(&l->loaded_more, NULL);
    pthread_mutex_init(&l->lock, NULL);
    snprintf(l->name, sizeof l->name, "%s", name);
    l->number = number;
    l->memory = memory;
    l->opened = now;
    l->waiting = true;
    l->block_cap = BLOCK_CAP;
    l->next_id = l->run_first_id = 1;
    return l;
}

static void free_list(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

void lane_free(struct lane *l)
{
    if (!l)
        return;
    if (l->held && !l->held->listed)
        free(l->held);
    free_list(l->head);
    free_list(l->loaded);
    free_list(l->spare);
    spans_free(&l->spans);
    close(l->event_fd);
    pthread_cond_destroy(&l->loaded_more);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void lane_restore(struct lane *l, struct spans *waiting, uint64_t acked, int64_t disk_bytes, struct utc from,
                  struct utc to, uint64_t next_id)
{
    spans_free(&l->spans);
    l->spans = *waiting;
    *waiting = (struct spans){0};
    l->acked = l->handed = l->acked_saved = acked;
    l->next_id = l->run_first_id = next_id;
    l->disk_last = l->disk_only = l->spans.n ? l->spans.at[l->spans.n - 1].last : 0;
    l->visible = l->disk_last;
    l->disk_bytes = disk_bytes;
    l->disk_from = from;
    l->disk_to = to;
    if (l->spans.n)
        lane_signal(l);
}

// --- signalling -----------------------------------------------------------------------------------------

// Under the lock, so that the flag and the descriptor never disagree; it happens once per drained lane, not
// per put.
void lane_signal_locked(struct lane *l)
{
    if (!l->waiting || l->signalled)
        return;
    l->waiting = false;
    l->signalled = true;
    eventfd_write(l->event_fd, 1);
}

void lane_signal(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    lane_signal_locked(l);
    pthread_mutex_unlock(&l->lock);
}

static void drained_locked(struct lane *l)
{
    l->waiting = true;
    if (l->signalled) {
        eventfd_t ignored;
        eventfd_read(l->event_fd, &ignored);
        l->signalled = false;
    }
}

// --- blocks ---------------------------------------------------------------------------------------------

void lane_let_go(struct lane *l, struct block *b)
{
    b->listed = false;
    if (b->pins)
        return; // the last one to unpin frees it
    if (l->spares < SPARES_MAX && b->cap == l->block_cap) {
        b->next = l->spare;
        l->spare = b;
        l->spares++;
    } else {
        free(b);
    }
}

static void unpin(struct lane *l, struct block *b)
{
    if (--b->pins == 0 && !b->listed)
        lane_let_go(l, b);
}

// Takes `b`, which follows `before` (NULL: it is the head), out of the fresh blocks.
void lane_fresh_remove(struct lane *l, struct block *before, struct block *b)
{
    if (before)
        before->next = b->next;
    else
        l->head = b->next;
    if (l->tail == b)
        l->tail = before;
    if (l->cursor == b)
        l->cursor = NULL;
    l->fresh_bytes -= block_memory(b);
    atomic_fetch_sub_explicit(l->memory, block_memory(b), memory_order_relaxed);
    lane_let_go(l, b);
}

void lane_loaded_pop(struct lane *l)
{
    struct block *b = l->loaded;
    l->loaded = b->next;
    if (!l->loaded)
        l->loaded_tail = NULL;
    l->loaded_bytes -= block_memory(b);
    lane_let_go(l, b);
}

void lane_loaded_clear(struct lane *l)
{
    while (l->loaded)
        lane_loaded_pop(l);
}

// --- putting --------------------------------------------------------------------------------------------

static enum lane_put add_block(struct lane *l, struct mono now, size_t memory_max, size_t record)
{
    size_t cap = record + SLOT_SIZE > l->block_cap ? block_cap_for(record, 1) : l->block_cap;
    size_t used = atomic_load_explicit(l->memory, memory_order_relaxed);
    if (used + cap + sizeof(struct block) > memory_max)
        return LANE_PUT_BOUND;
    struct block *b;
    if (l->spare && cap == l->block_cap) {
        b = l->spare;
        l->spare = b->next;
        l->spares--;
    } else {
        b = block_new(cap);
        if (!b)
            return LANE_PUT_FAILED;
    }
    block_start(b, l->next_id, now);
    b->listed = true;
    if (l->tail)
        l->tail->next = b;
    else
        l->head = b;
    l->tail = b;
    l->fresh_bytes += block_memory(b);
    atomic_fetch_add_explicit(l->memory, block_memory(b), memory_order_relaxed);
    return LANE_PUT;
}

enum lane_put lane_put(struct lane *l, struct mono now, size_t memory_max, bool gated, const char *topic,
                       size_t topic_len, const void *payload, size_t n, struct utc time, uint64_t *id)
{
    size_t record = RECORD_SIZE(topic_len, n);
    pthread_mutex_lock(&l->lock);
    struct block *b = l->tail;
    bool fresh = !b || b->sealed || !block_fits(b, record);
    bool first = fresh || l->next_id - 1 <= (l->acked > l->disk_last ? l->acked : l->disk_last);
    enum lane_put result = LANE_PUT;
    if (fresh)
        result = add_block(l, now, memory_max, record);
    if (result == LANE_PUT && spans_add(&l->spans, l->next_id, l->next_id) < 0)
        result = LANE_PUT_FAILED;
    if (result == LANE_PUT) {
        block_add(l->tail, now, topic, topic_len, payload, n, time);
        *id = l->next_id++;
        l->put++;
        if (!gated)
            lane_signal_locked(l);
        if (first)
            result = LANE_PUT_FIRST;
    } else if (l->tail && l->tail->count == 0) {
        // spans_add failed after a block was begun: an empty block must not stay listed.
        struct block *before = l->head == l->tail ? NULL : l->head;
        while (before && before->next != l->tail)
            before = before->next;
        lane_fresh_remove(l, before, l->tail);
    }
    pthread_mutex_unlock(&l->lock);
    return result;
}

// --- handing out ----------------------------------------------------------------------------------------

static void hold(struct lane *l, struct block *b)
{
    if (l->held == b)
        return;
    if (l->held)
        unpin(l, l->held);
    l->held = b;
    if (b)
        b->pins++;
}

static struct block *fresh_block(struct lane *l, uint64_t id)
{
    struct block *b = l->cursor && l->cursor->first_id <= id ? l->cursor : l->head;
    while (b && block_last_id(b) < id)
        b = b->next;
    return l->cursor = b;
}

// Whether less than AHEAD_MAX lies ready behind `b`.
static bool little_ahead(const struct block *b)
{
    size_t ahead = 0;
    for (b = b ? b->next : NULL; b && ahead < AHEAD_MAX; b = b->next)
        ahead += block_memory(b);
    return ahead < AHEAD_MAX;
}

static struct block *loaded_block(struct lane *l, uint64_t id)
{
    while (l->loaded && block_last_id(l->loaded) < id &&
           (block_last_id(l->loaded) <= l->acked || l->loaded_bytes > LOADED_MAX))
        lane_loaded_pop(l);
    struct block *b = l->loaded;
    while (b && block_last_id(b) < id)
        b = b->next;
    return b && b->first_id <= id ? b : NULL;
}

enum lane_next lane_next(struct lane *l, struct mono now, int64_t spill_after_ns, bool gated,
                         struct outbox_item *item, bool *ask)
{
    enum lane_next result = LANE_NONE;
    pthread_mutex_lock(&l->lock);
    *ask = false;
    uint64_t id = spans_next(&l->spans, (l->handed > l->acked ? l->handed : l->acked) + 1);
    struct block *b = NULL;
    if (id && id <= l->disk_only) {
        b = loaded_block(l, id);
        // Read ahead beyond `id` and yet without it: only after a loss. Begin again.
        if (!b && l->loaded_tail && block_last_id(l->loaded_tail) >= id)
            lane_loaded_clear(l);
        bool entered = b && id == b->first_id;
        if (!b || (entered && little_ahead(b) && block_last_id(b) < l->disk_only)) {
            *ask = !l->want_load;
            l->want_load = true;
        }
        if (!b)
            result = LANE_LOADING;
    } else if (id && (!gated || id <= l->visible)) {
        b = fresh_block(l, id);
    }
    hold(l, b);
    if (b) {
        uint32_t i = (uint32_t)(id - b->first_id);
        block_item(b, i, item);
        item->backlog = id <= l->disk_only || mono_since(now, block_put_at(b, i)) > spill_after_ns;
        l->handed = id;
        result = LANE_ITEM;
    } else {
        drained_locked(l);
    }
    pthread_mutex_unlock(&l->lock);
    return result;
}

void lane_wait_loaded(struct lane *l, struct mono until)
{
    int rc = 0;
    pthread_mutex_lock(&l->lock);
    while (l->want_load && rc == 0) {
        uint64_t id = spans_next(&l->spans, (l->handed > l->acked ? l->handed : l->acked) + 1);
        if (id == 0 || id > l->disk_only || loaded_block(l, id))
            break;
        rc = wait_until(&l->loaded_more, &l->lock, until);
    }
    pthread_mutex_unlock(&l->lock);
}

void lane_rewind(struct lane *l, uint64_t id)
{
    pthread_mutex_lock(&l->lock);
    l->handed = id && id - 1 > l->acked ? id - 1 : l->acked;
    l->cursor = NULL;
    uint64_t next = spans_next(&l->spans, l->handed + 1);
    if (l->loaded && next && next < l->loaded->first_id)
        lane_loaded_clear(l);
    if (next)
        lane_signal_locked(l);
    pthread_mutex_unlock(&l->lock);
}

bool lane_ack(struct lane *l, uint64_t id, struct mono now)
{
    bool look = false;
    pthread_mutex_lock(&l->lock);
    if (id >= l->next_id)
        id = l->next_id - 1;
    if (id > l->acked) {
        uint64_t n = spans_remove(&l->spans, 1, id);
        bool touches_disk = l->acked < l->disk_last;
        l->acked_n += n;
        l->acked = id;
        if (l->handed < id)
            l->handed = id;
        while (l->head && block_last_id(l->head) <= id && !l->head->writing)
            lane_fresh_remove(l, NULL, l->head);
        while (l->loaded && block_last_id(l->loaded) <= id)
            lane_loaded_pop(l);
        if (touches_disk) {
            l->acks_unsaved += n;
            if (l->ack_due.ns == 0) {
                l->ack_due = mono_add(now, ACK_DELAY_NS);
                look = true;
            }
            if (l->acks_unsaved > ACKS_UNSAVED_MAX && mono_before(now, l->ack_due)) {
                l->ack_due = now;
                look = true;
            }
        }
    }
    pthread_mutex_unlock(&l->lock);
    return look;
}

void lane_count_reject(struct lane *l)
{
    pthread_mutex_lock(&l->lock);
    l->rejected++;
    pthread_mutex_unlock(&l->lock);
}

static int64_t oldest_age_ms(const struct lane *l, struct mono now, struct utc wall)
{
    uint64_t id = spans_next(&l->spans, l->acked + 1);
    if (id == 0)
        return 0;
    for (const struct block *b = l->head; b && id > l->disk_only; b = b->next)
        if (block_last_id(b) >= id)
            return mono_since(now, block_put_at(b, (uint32_t)(id - b->first_id))) / NS_PER_MS;
    // On disk only: from its label, as far as that can be true.
    int64_t open_ms = mono_since(now, l->opened) / NS_PER_MS;
    int64_t age = wall.ms - l->disk_from.ms;
    bool this_run = id >= l->run_first_id;
    if (age < 0 || !utc_plausible(l->disk_from) || (this_run && age > open_ms))
        age = open_ms;
    return age;
}

void lane_stats(struct lane *l, struct mono now, struct utc wall, struct outbox_stats *out)
{
    pthread_mutex_lock(&l->lock);
    *out = (struct outbox_stats){
        .put = l->put,
        .acked = l->acked_n,
        .dropped = l->dropped,
        .rejected = l->rejected,
        .waiting = spans_count(&l->spans, 1, UINT64_MAX - 1),
        .on_disk = spans_count(&l->spans, 1, l->disk_last),
        .oldest_age_ms = oldest_age_ms(l, now, wall),
    };
    pthread_mutex_unlock(&l->lock);
}
