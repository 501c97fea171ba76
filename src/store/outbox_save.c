// SPDX-License-Identifier: Apache-2.0
// One transaction: collect from memory under short locks, compress and write without any, tell memory.
#include "store/outbox_save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// So much of one lane (before compression) goes into one transaction: a memory bound, and a bound on its
// time.
#define TRANSACTION_MAX (4u << 20)
// Memory for compressed rows that is kept from one transaction to the next: an outage at some thousand
// readings a second.
#define PACK_KEPT (1u << 20)
// A log shorter than this (in frames of a page) is not worth moving when the file has become empty.
#define LOG_WORTH_MOVING 64

// --- collecting -----------------------------------------------------------------------------------------

static size_t collect_bytes(const struct outbox *o)
{
    size_t most = (size_t)(o->disk_max / 8);
    return most < TRANSACTION_MAX ? most : TRANSACTION_MAX;
}

static void collect(struct outbox *o, struct lane_work *k, struct mono now, int64_t min_age_ns)
{
    k->n = lane_collect(k->lane, now, min_age_ns, !o->always, k->pieces, PIECES_MAX, collect_bytes(o));
}

// True when there is something that must be saved now.
static bool gather(struct outbox *o, struct mono now, enum save_what what)
{
    struct writer *w = &o->w;
    bool due = (w->probe && what != SAVE_ACKS) || what == SAVE_FINAL;
    int64_t age = what == SAVE_FINAL ? INT64_MIN : o->always ? 0 : o->spill_after_ns;
    for (size_t i = 0; i < w->n; i++) {
        struct lane_work *k = &w->work[i];
        *k = (struct lane_work){.lane = k->lane};
        if (what != SAVE_ACKS)
            collect(o, k, now, age);
        k->acks = lane_ack_unsaved(k->lane, &k->acked);
        k->gaps_changed = what != SAVE_ACKS && lane_gaps_unsaved(k->lane, &k->gaps);
        due =
            due || k->n || k->gaps_changed || (k->acks && (what == SAVE_ACKS || lane_acks_due(k->lane, now)));
    }
    if (what == SAVE_ACKS)
        return due;
    w->n_facts = facts_changes(o->facts, &w->facts);
    pthread_mutex_lock(&o->lock);
    w->save_lanes = o->lanes_changed;
    o->lanes_changed = o->n_known > w->n; // a reload since note_lanes: those are for the next save
    due = due || w->save_lanes;
    bool events = o->event_due.ns && (what == SAVE_FINAL || !mono_before(now, o->event_due));
    if (events) {
        o->event_due = (struct mono){0};
        o->event_last = now;
    }
    pthread_mutex_unlock(&o->lock);
    due = due || (events && (w->n_facts || rejects_changed(o->rejects)));
    // A lane that lags will be written within the second anyway: one commit for all of them.
    for (size_t i = 0; due && what == SAVE_ALL && !o->always && i < w->n; i++)
        if (w->work[i].n == 0 && w->work[i].lane->disk_bytes > 0)
            collect(o, &w->work[i], now, age / 2);
    return due;
}

static int pack(struct outbox *o)
{
    struct writer *w = &o->w;
    file_pack_reset(&w->pack);
    for (size_t i = 0; i < w->n; i++)
        if (w->work[i].n &&
            outbox_file_pack(o->file, &w->pack, w->work[i].lane->number, w->work[i].pieces, w->work[i].n) < 0)
            return -1;
    return 0;
}

static struct lane_work *work_of(struct writer *w, uint8_t lane)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->work[i].lane->number == lane)
            return &w->work[i];
    return NULL;
}

// --- within the bound -----------------------------------------------------------------------------------

// The lane that takes most of the file gives: the one that is behind does not push out the others.
static struct lane_work *fattest(struct writer *w)
{
    struct lane_work *most = NULL;
    int64_t most_bytes = 0;
    for (size_t i = 0; i < w->n; i++) {
        struct lane_work *k = &w->work[i];
        int64_t bytes = k->lane->disk_bytes - k->freed;
        if (bytes > most_bytes) {
            most = k;
            most_bytes = bytes;
        }
    }
    return most;
}

// False in *found: the file holds no row that could go.
static enum file_result drop_oldest(struct outbox *o, bool *found)
{
    struct file_row r;
    *found = false;
    for (struct lane_work *k; (k = fattest(&o->w)) != NULL;) {
        enum file_result result = outbox_file_oldest(o->file, k->lane->number, &r);
        if (result != FILE_OK)
            return result;
        if (r.count == 0) {
            k->freed = k->lane->disk_bytes; // reckoned wrong: nothing there
            continue;
        }
        result = outbox_file_delete_row(o->file, k->lane->number, r.first_id);
        if (result != FILE_OK)
            return result;
        // Before the commit, so that the gap record is in the same transaction as the loss.
        uint64_t gone = lane_drop(k->lane, r.first_id, row_last_id(&r), r.first, r.last);
        k->freed += row_bytes(r.n);
        k->acks = true; // their bytes are counted off with those of acknowledged rows
        if (gone)
            complain(&o->w.lost, mono_now(), LOG_LEVEL_ERROR, SUBJECT,
                     "%s has reached its bound of %lld MiB: the oldest %llu messages of lane %s are dropped",
                     outbox_file_path(o->file), (long long)(o->disk_max >> 20), (unsigned long long)gone,
                     k->lane->name);
        *found = true;
        return FILE_OK;
    }
    return FILE_OK;
}

static enum file_result insert(struct outbox *o, const struct file_row *r)
{
    int64_t room = 0, need = row_bytes(r->n) + o->w.margin;
    enum file_result result = outbox_file_room(o->file, &room);
    for (bool found = true; result == FILE_OK && room < need && found;) {
        result = drop_oldest(o, &found);
        if (result == FILE_OK)
            result = outbox_file_room(o->file, &room);
    }
    if (result != FILE_OK)
        return result;
    struct lane_work *k = work_of(&o->w, r->lane);
    if (room < need) {
        uint64_t gone = lane_drop(k->lane, r->first_id, row_last_id(r), r->first, r->last);
        complain(&o->w.lost, mono_now(), LOG_LEVEL_ERROR, SUBJECT,
                 "%s: %llu messages of lane %s do not fit under its bound of %lld MiB: dropped",
                 outbox_file_path(o->file), (unsigned long long)gone, k->lane->name,
                 (long long)(o->disk_max >> 20));
        return FILE_OK;
    }
    k->bytes += row_bytes(r->n);
    return outbox_file_insert(o->file, &o->w.pack, r);
}

// --- the transaction ------------------------------------------------------------------------------------

static int save_reject(uint64_t number, const struct outbox_rejected *what, void *arg)
{
    return outbox_file_save_reject(((struct outbox *)arg)->file, number, what) != FILE_OK;
}

static enum file_result apply_acks(struct outbox *o)
{
    enum file_result result = FILE_OK;
    for (size_t i = 0; result == FILE_OK && i < o->w.n; i++) {
        struct lane_work *k = &o->w.work[i];
        if (!k->acks)
            continue;
        result = outbox_file_delete_acked(o->file, k->lane->number, k->acked, &k->freed);
        if (result == FILE_OK)
            result = outbox_file_lane(o->file, k->lane->number, k->lane->name, k->acked);
    }
    return result;
}

static enum file_result apply_small(struct outbox *o)
{
    struct writer *w = &o->w;
    enum file_result result = FILE_OK;
    for (size_t i = 0; result == FILE_OK && i < w->n; i++) {
        struct lane_work *k = &w->work[i];
        // Drops of this transaction have changed them since.
        k->gaps_changed = lane_gaps_unsaved(k->lane, &k->gaps);
        if (k->gaps_changed)
            result = outbox_file_save_gaps(o->file, k->lane->number, &k->gaps);
    }
    for (size_t i = 0; result == FILE_OK && i < w->n_facts; i++)
        result = outbox_file_save_fact(o->file, &w->facts[i]);
    if (result == FILE_OK && rejects_changed(o->rejects)) {
        uint64_t lowest = rejects_unsaved(o->rejects, save_reject, o, &w->rejects_upto);
        result = lowest ? outbox_file_trim_rejects(o->file, lowest) : FILE_BROKEN;
    }
    return result;
}

static enum file_result apply_lanes(struct outbox *o)
{
    enum file_result result = FILE_OK;
    for (size_t i = 0; o->w.save_lanes && result == FILE_OK && i < o->w.n; i++) {
        struct lane *l = o->w.work[i].lane;
        result = outbox_file_lane(o->file, l->number, l->name, l->acked_saved);
    }
    return result;
}

// Ids given so far come within a quarter of what is reserved: reserve more along with what is written anyway.
static enum file_result apply_reserve(struct outbox *o)
{
    uint64_t highest = 0;
    for (size_t i = 0; i < o->w.n; i++) {
        uint64_t id = lane_next_id(o->w.work[i].lane);
        highest = id > highest ? id : highest;
    }
    pthread_mutex_lock(&o->lock);
    bool low = highest + IDS_RESERVED / 4 > o->reserved;
    pthread_mutex_unlock(&o->lock);
    if (!low && !o->w.probe)
        return FILE_OK;
    enum file_result result = outbox_file_set(o->file, "next_id", (int64_t)(highest + IDS_RESERVED));
    if (result == FILE_OK) {
        pthread_mutex_lock(&o->lock);
        o->reserved = highest + IDS_RESERVED;
        pthread_mutex_unlock(&o->lock);
    }
    return result;
}

static enum file_result apply(struct outbox *o, enum save_what what)
{
    struct writer *w = &o->w;
    enum file_result result = apply_lanes(o);
    if (result == FILE_OK)
        result = apply_acks(o);
    for (size_t i = 0; result == FILE_OK && i < w->pack.n; i++)
        result = insert(o, &w->pack.rows[i]);
    if (result == FILE_OK && what != SAVE_ACKS)
        result = apply_small(o);
    if (result == FILE_OK && what != SAVE_ACKS)
        result = apply_reserve(o);
    for (size_t i = 0; result == FILE_OK && i < w->n; i++) {
        struct lane_work *k = &w->work[i];
        struct file_row oldest = {0};
        if (!k->acks)
            continue;
        result = outbox_file_oldest(o->file, k->lane->number, &oldest);
        k->any_left = oldest.count > 0;
        k->oldest = oldest.first;
    }
    return result;
}

// Whether the file holds no messages once this transaction is done.
static bool becomes_empty(struct outbox *o)
{
    bool freed = false;
    for (size_t i = 0; i < o->w.n; i++) {
        struct lane_work *k = &o->w.work[i];
        if (k->bytes || k->any_left || (!k->acks && k->lane->disk_bytes > 0))
            return false;
        freed = freed || k->freed > 0;
    }
    return freed;
}

static void tell_memory(struct outbox *o, enum save_what what)
{
    struct writer *w = &o->w;
    for (size_t i = 0; i < w->n; i++) {
        struct lane_work *k = &w->work[i];
        if (k->acks)
            lane_ack_saved(k->lane, k->acked, k->freed, k->any_left, k->oldest);
        lane_written(k->lane, k->pieces, k->n, k->bytes, o->always);
        if (k->gaps_changed)
            lane_gaps_saved(k->lane, k->gaps.version);
    }
    if (what == SAVE_ACKS)
        return;
    facts_saved(o->facts, w->facts, w->n_facts);
    if (w->rejects_upto)
        rejects_saved(o->rejects, w->rejects_upto);
    w->margin = 0;
}

static void take_back(struct outbox *o)
{
    for (size_t i = 0; i < o->w.n; i++)
        lane_uncollect(o->w.work[i].lane, o->w.work[i].pieces, o->w.work[i].n);
    // Events are tried again with the next save.
    bool events = facts_changed(o->facts) || rejects_changed(o->rejects);
    pthread_mutex_lock(&o->lock);
    if (events && o->event_due.ns == 0)
        o->event_due = mono_add(mono_now(), NS_PER_S);
    o->lanes_changed = o->lanes_changed || o->w.save_lanes;
    pthread_mutex_unlock(&o->lock);
}

static enum file_result transact(struct outbox *o, enum save_what what)
{
    enum file_result result = outbox_file_begin(o->file);
    if (result == FILE_OK)
        result = apply(o, what);
    bool empty = result == FILE_OK && becomes_empty(o);
    if (result == FILE_OK)
        result = outbox_file_shrink(o->file, empty || what == SAVE_ACKS);
    if (result != FILE_OK) {
        outbox_file_rollback(o->file);
        return result;
    }
    result = outbox_file_commit(o->file);
    if (result != FILE_OK)
        return result;
    atomic_fetch_add(&o->commits, 1);
    tell_memory(o, what);
    // The commit stands whatever becomes of this.
    return outbox_file_checkpoint(o->file, (empty && outbox_file_log_frames(o->file) > LOG_WORTH_MOVING) ||
                                               what == SAVE_ACKS);
}

static enum file_result check_free_space(struct outbox *o)
{
    const char *path = outbox_file_path(o->file);
    int64_t keep = disk_ballast_size(o->disk_max), left = disk_free(path);
    return left < keep ? outbox_file_no_room(o->file, left, keep) : FILE_OK;
}

static bool adds(const struct outbox *o)
{
    for (size_t i = 0; i < o->w.n; i++)
        if (o->w.work[i].n)
            return true;
    return o->w.n_facts > 0;
}

enum file_result outbox_save(struct outbox *o, struct mono now, enum save_what what)
{
    struct writer *w = &o->w;
    w->facts = NULL;
    w->n_facts = 0;
    w->rejects_upto = 0;
    w->save_lanes = false;
    enum file_result result = FILE_OK;
    if (o->always)
        for (size_t i = 0; i < w->n; i++)
            lane_trim(w->work[i].lane, mono_add(now, -o->spill_after_ns));
    bool due = gather(o, now, what);
    bool written = false;
    if (due && what != SAVE_ACKS && (w->probe || adds(o)))
        result = check_free_space(o);
    if (due && result == FILE_OK) {
        if (pack(o) == 0) {
            uint64_t commits = atomic_load(&o->commits);
            result = transact(o, what);
            written = atomic_load(&o->commits) != commits;
        } else {
            result = outbox_file_no_memory(o->file);
        }
    }
    if (!written)
        take_back(o);
    facts_changes_free(w->facts, w->n_facts);
    w->facts = NULL;
    if (w->pack.data.cap > PACK_KEPT)
        file_pack_free(&w->pack);
    return result;
}

enum file_result outbox_save_clean(struct outbox *o)
{
    uint64_t next = 1;
    for (size_t i = 0; i < o->w.n; i++) {
        uint64_t id = lane_next_id(o->w.work[i].lane);
        next = id > next ? id : next;
    }
    enum file_result result = outbox_file_begin(o->file);
    if (result == FILE_OK)
        result = outbox_file_set(o->file, "next_id", (int64_t)next);
    if (result == FILE_OK)
        result = outbox_file_set(o->file, "clean", 1);
    if (result == FILE_OK)
        result = outbox_file_commit(o->file);
    else
        outbox_file_rollback(o->file);
    return result == FILE_OK ? outbox_file_checkpoint(o->file, true) : result;
}
