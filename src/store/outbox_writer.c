// SPDX-License-Identifier: Apache-2.0
// The outbox's thread: waits until something is old enough, and does all that touches the disk.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/outbox_save.h"
#include "symbiont/wait.h"

// A look at the path now and then finds a file that somebody deleted while nothing needed it. No write.
#define LOOK_NS (10 * NS_PER_S)
// A commit that takes longer is worth a line: on sound flash it takes milliseconds.
#define SLOW_NS (2 * NS_PER_S)
// A full file system may have room again any moment, and trying costs little; a broken disk is tried less and
// less.
#define FULL_RETRY_NS (2 * NS_PER_S)
// So long live messages wait, in order, behind those on a disk that cannot be read; then those count as lost.
#define UNREADABLE_NS (60 * NS_PER_S)

void outbox_look(struct outbox *o, struct mono due)
{
    if (due.ns >= atomic_load(&o->wakes_at))
        return;
    pthread_mutex_lock(&o->lock);
    pthread_cond_signal(&o->look);
    pthread_mutex_unlock(&o->lock);
}

static void show_progress(struct outbox *o)
{
    atomic_store_explicit(&o->progress, mono_now().ns, memory_order_relaxed);
}

// --- trouble --------------------------------------------------------------------------------------------

static void wake_lanes(struct outbox *o)
{
    for (size_t i = 0; i < o->w.n; i++)
        lane_signal(o->w.work[i].lane);
}

static void begin_failing(struct outbox *o, const char *words, int64_t retry_ns)
{
    struct writer *w = &o->w;
    struct mono now = mono_now();
    pthread_mutex_lock(&o->lock);
    snprintf(o->error, sizeof o->error, "%s", words);
    pthread_mutex_unlock(&o->lock);
    w->retry_at = mono_add(now, retry_ns);
    w->probe = true;
    complain(&w->disk_trouble, now, LOG_LEVEL_ERROR, SUBJECT,
             "%s: %s; messages stay in memory, at most %zu MiB, until the disk takes them",
             outbox_file_path(o->file), words, atomic_load(&o->memory_max) >> 20);
    if (!atomic_exchange(&o->failing, true))
        wake_lanes(o); // "always" no longer holds messages back
}

static void end_failing(struct outbox *o)
{
    struct writer *w = &o->w;
    if (!atomic_load(&o->failing))
        return;
    atomic_store(&o->failing, false);
    pthread_mutex_lock(&o->lock);
    o->error[0] = '\0';
    pthread_mutex_unlock(&o->lock);
    backoff_reset(&w->backoff);
    w->full = w->probe = false;
    disk_ballast_make(outbox_file_path(o->file), disk_ballast_size(o->disk_max));
    wake_lanes(o); // publishers that asked for messages on disk
    complaint_over(&w->disk_trouble, SUBJECT, "%s: the disk takes messages again", outbox_file_path(o->file));
}

static void set_aside(struct outbox *o)
{
    outbox_set_aside(o);
    enum file_result result = outbox_reopen(o);
    if (result == FILE_OK) {
        o->w.probe = true;
        return;
    }
    outbox_file_close(o->file, false);
    begin_failing(o, outbox_file_error(o->file), backoff_next(&o->w.backoff, random_bits()));
}

static void handle(struct outbox *o, enum file_result result)
{
    struct writer *w = &o->w;
    switch (result) {
    case FILE_OK:
        break;
    case FILE_QUOTA:
        // Our reckoning of free pages was too hopeful: more of the oldest go.
        w->margin = w->margin ? 2 * w->margin : 64 << 10;
        break;
    case FILE_FULL:
        w->full = true;
        disk_ballast_drop(outbox_file_path(o->file));
        begin_failing(o, outbox_file_error(o->file), FULL_RETRY_NS);
        break;
    case FILE_CORRUPT:
        set_aside(o);
        break;
    case FILE_BROKEN:
    case FILE_BUSY:
    case FILE_NEWER:
        // After a failed sync the kernel may have dropped what it could not write: only a fresh look at the
        // file tells.
        outbox_file_close(o->file, false);
        w->full = false;
        begin_failing(o, outbox_file_error(o->file), backoff_next(&w->backoff, random_bits()));
        break;
    }
}

static void give_up_unreadable(struct outbox *o, struct mono now)
{
    struct writer *w = &o->w;
    if (w->unreadable_since.ns == 0)
        w->unreadable_since = now;
    if (mono_since(now, w->unreadable_since) < UNREADABLE_NS)
        return;
    struct spans none = {0};
    uint64_t lost = 0;
    for (size_t i = 0; i < w->n; i++)
        lost += lane_reconcile(w->work[i].lane, &none, 0);
    if (lost)
        log_error(SUBJECT, "%s cannot be read for %lld s: %llu messages on it count as lost",
                  outbox_file_path(o->file), (long long)(UNREADABLE_NS / NS_PER_S), (unsigned long long)lost);
}

static void try_open(struct outbox *o, struct mono now)
{
    enum file_result result = outbox_reopen(o);
    if (result == FILE_FULL && disk_ballast_drop(outbox_file_path(o->file)))
        result = outbox_reopen(o);
    if (result == FILE_OK) {
        o->w.probe = true;
        o->w.unreadable_since = (struct mono){0};
        return;
    }
    outbox_file_close(o->file, false);
    begin_failing(o, outbox_file_error(o->file), backoff_next(&o->w.backoff, random_bits()));
    give_up_unreadable(o, now);
}

static void alive(void *arg)
{
    show_progress(arg);
}

// Somebody deleted or replaced the file: what is committed to it now would be gone with us.
static void check_place(struct outbox *o, struct mono now)
{
    const char *path = outbox_file_path(o->file);
    enum file_place place = outbox_file_place(o->file);
    o->w.look_at = mono_add(now, LOOK_NS);
    if (place == PLACE_KEPT)
        return;
    bool rescued = place == PLACE_GONE && outbox_file_rescue(o->file, alive, o) == FILE_OK;
    log_error(SUBJECT, "%s%s was %s while in use%s", path, place == PLACE_LOG_GONE ? "-wal" : "",
              place == PLACE_TAKEN ? "replaced" : "deleted",
              rescued || place == PLACE_LOG_GONE ? ": it is made anew, with all that was in it"
                                                 : ": it is made anew");
    outbox_file_close(o->file, place != PLACE_LOG_GONE);
    if (place != PLACE_LOG_GONE && !rescued)
        outbox_file_drop_log(o->file);
    try_open(o, now);
}

// --- reading --------------------------------------------------------------------------------------------

// False: nothing more for this lane now.
static bool load_one(struct outbox *o, struct lane *l, uint64_t id)
{
    struct file_row r;
    struct block *block;
    bool no_memory;
    enum file_result result = outbox_file_read(o->file, l->number, id, &r, &block, &no_memory);
    if (result != FILE_OK || no_memory) {
        lane_load_failed(l);
        handle(o, result);
        return false;
    }
    uint64_t gone = 0;
    if (r.count == 0)
        gone = lane_drop(l, id, UINT64_MAX, l->disk_from, l->disk_to);
    else if (r.first_id > id)
        gone = lane_drop(l, id, r.first_id - 1, l->disk_from, r.first);
    if (r.count && !block)
        gone += lane_drop(l, r.first_id, row_last_id(&r), r.first, r.last);
    if (gone)
        complain(&o->w.lost, mono_now(), LOG_LEVEL_ERROR, SUBJECT,
                 "%s: %llu messages of lane %s are damaged or missing: lost", outbox_file_path(o->file),
                 (unsigned long long)gone, l->name);
    if (block)
        lane_loaded(l, block);
    return true;
}

static void load(struct outbox *o)
{
    for (size_t i = 0; i < o->w.n; i++) {
        struct lane *l = o->w.work[i].lane;
        uint64_t id;
        while (outbox_file_is_open(o->file) && (id = lane_load_want(l)) != 0) {
            show_progress(o);
            if (!load_one(o, l, id))
                break;
        }
        if (!outbox_file_is_open(o->file))
            lane_load_failed(l);
    }
}

// --- the thread -----------------------------------------------------------------------------------------

static void note_lanes(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    o->w.n = o->n_known;
    for (size_t i = 0; i < o->n_known; i++)
        o->w.work[i].lane = o->known[i];
    bool bounds = o->bounds_changed;
    o->bounds_changed = false;
    pthread_mutex_unlock(&o->lock);
    if (bounds)
        outbox_file_set_max(o->file, o->disk_max);
}

static void save(struct outbox *o, enum save_what what)
{
    struct mono begun = mono_now();
    enum file_result result = outbox_save(o, begun, what);
    int64_t took = mono_since(mono_now(), begun);
    if (took > SLOW_NS)
        complain(&o->w.slow, mono_now(), LOG_LEVEL_WARNING, SUBJECT, "%s: the disk took %.1f s for a commit",
                 outbox_file_path(o->file), (double)took / NS_PER_S);
    else if (took < SLOW_NS / 8 && o->w.slow.count)
        complaint_over(&o->w.slow, SUBJECT, "%s: commits are fast again", outbox_file_path(o->file));
    if (result != FILE_OK)
        handle(o, result);
    else if (what != SAVE_ACKS)
        end_failing(o);
}

static void turn(struct outbox *o)
{
    struct writer *w = &o->w;
    struct mono now = mono_now();
    note_lanes(o);
    bool retry = !atomic_load(&o->failing) || !mono_before(now, w->retry_at);
    if (outbox_file_is_open(o->file))
        check_place(o, now);
    else if (retry)
        try_open(o, now);
    if (outbox_file_is_open(o->file) && retry) {
        if (w->full)
            save(o, SAVE_ACKS); // deleting may be possible where adding is not
        if (outbox_file_is_open(o->file))
            save(o, SAVE_ALL);
    }
    load(o);
    if (outbox_file_is_open(o->file))
        atomic_store_explicit(&o->file_bytes, outbox_file_size(o->file), memory_order_relaxed);
}

static struct mono earlier(struct mono a, struct mono b)
{
    return mono_before(a, b) ? a : b;
}

// Under the outbox's lock.
static struct mono next_due(struct outbox *o)
{
    bool failing = atomic_load(&o->failing), open = outbox_file_is_open(o->file);
    struct mono due = failing ? o->w.retry_at : o->w.look_at;
    for (size_t i = 0; i < o->n_known; i++) {
        struct lane *l = o->known[i];
        if (!failing)
            due = earlier(due, lane_due(l, o->spill_after_ns, o->always));
        else if (open && lane_wants_load(l))
            due = (struct mono){0};
    }
    if (!failing && o->event_due.ns)
        due = earlier(due, o->event_due);
    if (!failing && o->lanes_changed)
        due = (struct mono){0};
    return due;
}

static bool wait_for_work(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    atomic_store_explicit(&o->progress, 0, memory_order_relaxed);
    for (;;) {
        // First "look again for anything", so that what is put during the search is not slept over.
        atomic_store(&o->wakes_at, INT64_MAX);
        struct mono due = next_due(o);
        if (o->stop || !mono_before(mono_now(), due))
            break;
        atomic_store(&o->wakes_at, due.ns);
        wait_until(&o->look, &o->lock, due);
    }
    atomic_store(&o->wakes_at, 0);
    show_progress(o);
    bool stop = o->stop;
    pthread_mutex_unlock(&o->lock);
    return !stop;
}

void *outbox_writer(void *outbox)
{
    struct outbox *o = outbox;
    pthread_setname_np(pthread_self(), "outbox");
    while (wait_for_work(o))
        turn(o);
    return NULL;
}

uint64_t outbox_final_save(struct outbox *o)
{
    note_lanes(o);
    if (outbox_file_is_open(o->file))
        check_place(o, mono_now());
    else
        try_open(o, mono_now());
    uint64_t left = 0, before;
    do {
        before = left;
        enum file_result result =
            outbox_file_is_open(o->file) ? outbox_save(o, mono_now(), SAVE_FINAL) : FILE_BROKEN;
        if (result == FILE_QUOTA || result == FILE_CORRUPT)
            handle(o, result);
        left = 0;
        for (size_t i = 0; i < o->w.n; i++)
            left += lane_unwritten(o->w.work[i].lane);
        if (result != FILE_OK && result != FILE_QUOTA && result != FILE_CORRUPT)
            break;
    } while (left && left != before);
    if (outbox_file_is_open(o->file) && outbox_save_clean(o) != FILE_OK)
        log_warning(SUBJECT, "%s: not closed cleanly: %s", outbox_file_path(o->file),
                    outbox_file_error(o->file));
    return left;
}
