// SPDX-License-Identifier: Apache-2.0
// Bringing what the file holds back into the lanes, at the start and when the file is opened again.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/outbox_inside.h"

struct lane *outbox_know_lane(struct outbox *o, const char *name, uint8_t number)
{
    uint8_t highest = 0;
    for (size_t i = 0; i < o->n_known; i++) {
        if (strcmp(o->known[i]->name, name) == 0)
            return o->known[i];
        if (o->known[i]->number > highest)
            highest = o->known[i]->number;
    }
    if (o->n_known == LANES_KNOWN_MAX || highest == 127 || strlen(name) >= LANE_NAME_MAX)
        return NULL;
    struct lane *l = lane_new(name, number ? number : (uint8_t)(highest + 1), &o->memory, mono_now());
    if (l)
        o->known[o->n_known++] = l;
    return l;
}

void outbox_set_aside(struct outbox *o)
{
    char name[4096], error[160];
    snprintf(error, sizeof error, "%s", outbox_file_error(o->file));
    outbox_file_close(o->file, false);
    const char *path = outbox_file_path(o->file);
    if (disk_set_aside(path, utc_now(), name, sizeof name) == 0)
        log_error(SUBJECT, "%s is damaged (%s): set aside as %s, a new one is begun", path, error, name);
    else
        log_error(SUBJECT, "%s is damaged (%s) and cannot be renamed: %m", path, error);
}

// --- start ----------------------------------------------------------------------------------------------

struct scan {
    struct spans spans;
    uint64_t acked;
    int64_t bytes;
    struct utc from, to;
    bool any, no_memory;
};

static int scan_row(const struct file_row *r, void *arg)
{
    struct scan *s = arg;
    s->bytes += row_bytes(r->n);
    if (!s->any)
        s->from = r->first;
    s->any = true;
    s->to = r->last;
    uint64_t first = r->first_id > s->acked ? r->first_id : s->acked + 1;
    if (first <= row_last_id(r) && spans_add(&s->spans, first, row_last_id(r)) < 0)
        s->no_memory = true;
    return s->no_memory;
}

struct naming {
    struct outbox *o;
    bool no_memory;
};

static int restore_lane_name(uint8_t number, const char *name, uint64_t acked, void *arg)
{
    struct naming *n = arg;
    if (n->o->n_known == LANES_KNOWN_MAX || strlen(name) >= LANE_NAME_MAX)
        return 0; // not written by us
    struct lane *l = outbox_know_lane(n->o, name, number);
    // Without it its messages would be another lane's: the number would be given again.
    n->no_memory = !l;
    if (l)
        l->acked = acked;
    return n->no_memory;
}

static enum file_result restore_lane(struct outbox *o, struct lane *l, uint64_t next_id)
{
    struct scan s = {.acked = l->acked};
    struct lane_gaps gaps;
    enum file_result result = outbox_file_scan(o->file, l->number, scan_row, &s);
    if (result == FILE_OK && s.no_memory)
        result = outbox_file_no_memory(o->file);
    if (result == FILE_OK)
        result = outbox_file_gaps(o->file, l->number, &gaps);
    if (result == FILE_OK) {
        lane_restore(l, &s.spans, l->acked, s.bytes, s.from, s.to, next_id);
        lane_gaps_restore(l, &gaps);
    }
    spans_free(&s.spans);
    return result;
}

// A file that is new although earlier ones existed (set aside, deleted, the device replaced) must not give an
// epoch again: receivers would take its messages for repeats. Seconds since 2024 grow faster than starts can.
#define EPOCH_BASE_MS 1704067200000LL

static int64_t first_epoch(struct utc earlier)
{
    struct utc now = utc_now();
    if (earlier.ms > now.ms)
        now = earlier;
    return utc_plausible(now) ? (now.ms - EPOCH_BASE_MS) / 1000 + 1 : 1;
}

static enum file_result count_start(struct outbox *o, int64_t next_id)
{
    enum file_result result = outbox_file_begin(o->file);
    if (result == FILE_OK)
        result = outbox_file_set(o->file, "epoch", (int64_t)o->epoch);
    if (result == FILE_OK)
        result = outbox_file_set(o->file, "next_id", next_id + (int64_t)IDS_RESERVED);
    if (result == FILE_OK)
        result = outbox_file_set(o->file, "clean", 0);
    for (size_t i = 0; result == FILE_OK && i < o->n_known; i++)
        result = outbox_file_lane(o->file, o->known[i]->number, o->known[i]->name, o->known[i]->acked_saved);
    if (result == FILE_OK)
        return outbox_file_commit(o->file);
    outbox_file_rollback(o->file);
    return result;
}

static enum file_result restore_all(struct outbox *o, struct utc earlier)
{
    int64_t epoch = 0, next_id = 0;
    enum file_result result = outbox_file_get(o->file, "epoch", &epoch);
    if (result == FILE_OK)
        result = outbox_file_get(o->file, "next_id", &next_id);
    if (epoch < 0 || next_id < 0 || next_id > (int64_t)1 << 55)
        return FILE_CORRUPT;
    // By the clock also where there is a file: it may be an old copy of it, out of a backup or a snapshot.
    int64_t by_clock = first_epoch(earlier);
    o->epoch = (uint64_t)(epoch + 1 > by_clock ? epoch + 1 : by_clock);
    // A new file after an earlier one: ids, too, go on above any that can have been given.
    if (next_id == 0)
        next_id = earlier.ms ? (int64_t)o->epoch << 20 : 1;
    for (size_t i = 0; result == FILE_OK && i < o->n_known; i++)
        result = restore_lane(o, o->known[i], (uint64_t)next_id);
    if (result == FILE_OK)
        result = outbox_file_facts(o->file, o->facts);
    if (result == FILE_OK)
        result = outbox_file_rejects(o->file, o->rejects);
    if (result == FILE_OK)
        result = count_start(o, next_id);
    o->reserved = (uint64_t)next_id + IDS_RESERVED;
    return result;
}

static void forget_all(struct outbox *o)
{
    for (size_t i = 0; i < o->n_known; i++)
        lane_free(o->known[i]);
    o->n_known = 0;
    memset(o->lanes, 0, sizeof o->lanes);
}

// outbox_open names the lanes again after each attempt.
static enum file_result attempt(struct outbox *o, struct utc earlier,
                                const char *const names[OUTBOX_LANES_MAX])
{
    forget_all(o);
    enum file_result result = outbox_file_open(o->file, o->disk_max, CHECK_NS);
    if (result != FILE_OK)
        return result;
    // Lanes of the file come first: they keep their numbers.
    struct naming naming = {.o = o};
    result = outbox_file_lanes(o->file, restore_lane_name, &naming);
    if (result == FILE_OK && naming.no_memory)
        result = outbox_file_no_memory(o->file);
    for (size_t i = 0; result == FILE_OK && i < OUTBOX_LANES_MAX && names[i]; i++) {
        o->lanes[i] = outbox_know_lane(o, names[i], 0);
        if (!o->lanes[i])
            result = outbox_file_no_memory(o->file);
    }
    return result == FILE_OK ? restore_all(o, earlier) : result;
}

int outbox_restore(struct outbox *o, const char *const names[OUTBOX_LANES_MAX], char *why, size_t why_size)
{
    const char *path = outbox_file_path(o->file);
    struct utc earlier = {0};
    enum file_result result = FILE_BROKEN;
    for (int tries = 0; tries < 3; tries++) {
        result = attempt(o, earlier, names);
        if (result == FILE_CORRUPT) {
            earlier = disk_modified(path);
            outbox_set_aside(o);
        } else if (result != FILE_FULL || !disk_ballast_drop(path)) {
            break;
        }
    }
    if (result == FILE_OK && earlier.ms) {
        // What was read of the one before is kept, and is not in this one.
        facts_all_changed(o->facts);
        rejects_all_changed(o->rejects);
    }
    if (result == FILE_OK)
        return 0;
    if (result == FILE_BUSY)
        snprintf(why, why_size, "outbox %s is in use by another process", path);
    else
        snprintf(why, why_size, "cannot open outbox %s: %s", path, outbox_file_error(o->file));
    outbox_file_close(o->file, false);
    return -1;
}

// --- while running --------------------------------------------------------------------------------------

static enum file_result reconcile(struct outbox *o, struct lane *l, uint64_t *lost)
{
    // What a failed commit may have left beyond what we know of is written again.
    struct scan s = {0};
    enum file_result result = outbox_file_delete_from(o->file, l->number, l->disk_only + 1);
    if (result == FILE_OK)
        result = outbox_file_scan(o->file, l->number, scan_row, &s);
    if (result == FILE_OK && s.no_memory)
        result = outbox_file_no_memory(o->file);
    if (result == FILE_OK)
        *lost += lane_reconcile(l, &s.spans, s.bytes);
    spans_free(&s.spans);
    return result;
}

enum file_result outbox_reopen(struct outbox *o)
{
    enum file_result result = outbox_file_open(o->file, o->disk_max, CHECK_NS);
    if (result == FILE_CORRUPT) {
        outbox_set_aside(o);
        result = outbox_file_open(o->file, o->disk_max, CHECK_NS);
    }
    if (result != FILE_OK)
        return result;
    int64_t epoch = 0;
    uint64_t lost = 0;
    result = outbox_file_get(o->file, "epoch", &epoch);
    bool ours = epoch == (int64_t)o->epoch;
    pthread_mutex_lock(&o->lock);
    struct lane *known[LANES_KNOWN_MAX];
    size_t n = o->n_known;
    memcpy(known, o->known, sizeof known);
    int64_t reserved = (int64_t)o->reserved;
    pthread_mutex_unlock(&o->lock);

    if (result == FILE_OK)
        result = outbox_file_begin(o->file);
    if (result == FILE_OK)
        result = outbox_file_set(o->file, "epoch", (int64_t)o->epoch);
    if (result == FILE_OK)
        result = outbox_file_set(o->file, "next_id", reserved);
    if (result == FILE_OK)
        result = outbox_file_set(o->file, "clean", 0);
    for (size_t i = 0; result == FILE_OK && i < n; i++)
        result = outbox_file_lane(o->file, known[i]->number, known[i]->name, known[i]->acked_saved);
    for (size_t i = 0; result == FILE_OK && i < n; i++)
        result = reconcile(o, known[i], &lost);
    if (result == FILE_OK)
        result = outbox_file_commit(o->file);
    if (result != FILE_OK) {
        outbox_file_rollback(o->file);
        return result;
    }
    if (lost)
        log_error(SUBJECT, "%llu messages that were only in %s are lost", (unsigned long long)lost,
                  outbox_file_path(o->file));
    if (!ours) {
        facts_all_changed(o->facts);
        rejects_all_changed(o->rejects);
        for (size_t i = 0; i < n; i++)
            lane_gaps_changed(known[i]);
    }
    return FILE_OK;
}
