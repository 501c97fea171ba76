// SPDX-License-Identifier: Apache-2.0
// The outbox as others see it: lanes by number, settings, start and end.
#include "symbiont/outbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/outbox_inside.h"

// Events that come together (a batch of counter states) make one commit, and a stream of them one a second.
#define EVENT_DELAY_NS (10 * NS_PER_MS)
#define EVENT_EVERY_NS NS_PER_S
// A publisher whose next messages are on disk waits for them so long; reading a row takes a millisecond.
#define LOAD_WAIT_NS (100 * NS_PER_MS)
// Below this nothing works: a block per lane and a message of some size.
#define MEMORY_MIN ((size_t)256 << 10)

static void apply_settings(struct outbox *o, const struct outbox_settings *s)
{
    o->always = s->always;
    o->spill_after_ns = s->spill_after_ns > 0 ? s->spill_after_ns : NS_PER_S;
    o->disk_max = s->disk_max_bytes > OUTBOX_DISK_MIN ? s->disk_max_bytes : OUTBOX_DISK_MIN;
    o->memory_max = s->memory_max_bytes > (int64_t)MEMORY_MIN ? (size_t)s->memory_max_bytes : MEMORY_MIN;
}

static struct outbox *make(const struct outbox_settings *s)
{
    struct outbox *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    apply_settings(o, s);
    o->wakes_at = INT64_MAX;
    o->w.backoff = (struct backoff){.first_ns = NS_PER_S, .cap_ns = 60 * NS_PER_S};
    pthread_cond_init(&o->look, NULL);
    pthread_mutex_init(&o->lock, NULL);
    o->facts = facts_new();
    o->rejects = rejects_new();
    if (s->path)
        o->file = outbox_file_new(s->path);
    return o;
}

static void destroy(struct outbox *o)
{
    outbox_file_free(o->file);
    for (size_t i = 0; i < o->n_known; i++)
        lane_free(o->known[i]);
    file_pack_free(&o->w.pack);
    facts_free(o->facts);
    rejects_free(o->rejects);
    pthread_cond_destroy(&o->look);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

static int start(struct outbox *o, const struct outbox_settings *s, char *why, size_t why_size)
{
    if (!o->file) {
        o->epoch = 1;
        for (size_t i = 0; i < OUTBOX_LANES_MAX && s->lanes[i]; i++)
            if (!(o->lanes[i] = outbox_know_lane(o, s->lanes[i], 0))) {
                snprintf(why, why_size, "outbox: no memory or descriptors for lane %s", s->lanes[i]);
                return -1;
            }
        return 0;
    }
    if (outbox_restore(o, s->lanes, why, why_size) < 0)
        return -1;
    disk_ballast_make(s->path, disk_ballast_size(o->disk_max));
    o->file_bytes = outbox_file_size(o->file);
    // Signals are for the program's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&o->thread, NULL, outbox_writer, o);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        snprintf(why, why_size, "outbox: cannot start its thread: %s", strerror(error));
        return -1;
    }
    o->started = true;
    return 0;
}

struct outbox *outbox_open(const struct outbox_settings *s, char *why, size_t why_size)
{
    struct outbox *o = make(s);
    if (!o || !o->facts || !o->rejects || (s->path && !o->file)) {
        snprintf(why, why_size, "outbox: no memory");
        if (o)
            destroy(o);
        return NULL;
    }
    if (start(o, s, why, why_size) < 0) {
        destroy(o);
        return NULL;
    }
    return o;
}

int outbox_close(struct outbox *o)
{
    uint64_t left = 0;
    if (o->started) {
        pthread_mutex_lock(&o->lock);
        o->stop = true;
        pthread_cond_signal(&o->look);
        pthread_mutex_unlock(&o->lock);
        pthread_join(o->thread, NULL);
        left = outbox_final_save(o);
    }
    if (left)
        log_error(SUBJECT, "%s: %llu messages could not be written and are lost: %s",
                  outbox_file_path(o->file), (unsigned long long)left, outbox_file_error(o->file));
    destroy(o);
    return left ? -1 : 0;
}

uint64_t outbox_epoch(const struct outbox *o)
{
    return o->epoch;
}

int outbox_configure(struct outbox *o, const struct outbox_settings *s, char *why, size_t why_size)
{
    if ((s->path == NULL) != (o->file == NULL) ||
        (s->path && strcmp(s->path, outbox_file_path(o->file)) != 0)) {
        snprintf(why, why_size, "the outbox cannot change its file while running (from %s to %s): restart",
                 o->file ? outbox_file_path(o->file) : "memory", s->path ? s->path : "memory");
        return -1;
    }
    struct lane *lanes[OUTBOX_LANES_MAX] = {0};
    pthread_mutex_lock(&o->lock);
    size_t before = o->n_known;
    uint64_t next_id = o->reserved;
    for (size_t i = 0; i < OUTBOX_LANES_MAX && s->lanes[i]; i++) {
        lanes[i] = outbox_know_lane(o, s->lanes[i], 0);
        if (!lanes[i]) {
            while (o->n_known > before)
                lane_free(o->known[--o->n_known]);
            pthread_mutex_unlock(&o->lock);
            snprintf(why, why_size, "outbox: no room for lane %s (at most %d names in a file's life)",
                     s->lanes[i], LANES_KNOWN_MAX);
            return -1;
        }
    }
    // Ids of a lane that is new now: above any a lane of that name can have had.
    for (size_t i = before; i < o->n_known; i++)
        o->known[i]->next_id = o->known[i]->run_first_id =
            next_id > IDS_RESERVED ? next_id - IDS_RESERVED : 1;
    o->lanes_changed = o->lanes_changed || o->n_known != before; // two reloads before one save
    memcpy(o->lanes, lanes, sizeof lanes);
    apply_settings(o, s);
    o->bounds_changed = true;
    pthread_cond_signal(&o->look);
    pthread_mutex_unlock(&o->lock);
    for (size_t i = 0; i < OUTBOX_LANES_MAX && lanes[i]; i++)
        lane_rewind(lanes[i], 0);
    return 0;
}

// --- the loop's side ------------------------------------------------------------------------------------

static bool gated(struct outbox *o)
{
    return o->file && atomic_load_explicit(&o->always, memory_order_relaxed) &&
           !atomic_load_explicit(&o->failing, memory_order_relaxed);
}

// Drops the oldest block of the lane that holds most. False: nobody has one to give.
static bool make_room(struct outbox *o)
{
    struct lane *most = NULL;
    size_t most_bytes = 0;
    for (size_t i = 0; i < o->n_known; i++) {
        size_t bytes = lane_fresh_bytes(o->known[i]);
        if (bytes > most_bytes) {
            most = o->known[i];
            most_bytes = bytes;
        }
    }
    return most && lane_drop_block(most) > 0;
}

uint64_t outbox_put(struct outbox *o, size_t lane, const char *topic, const void *payload, size_t n,
                    struct utc time)
{
    struct lane *l = o->lanes[lane];
    struct mono now = mono_now();
    size_t topic_len = strlen(topic), memory_max = atomic_load_explicit(&o->memory_max, memory_order_relaxed);
    uint64_t id = 0;
    if (topic_len > TOPIC_MAX || n > MESSAGE_MAX || RECORD_SIZE(topic_len, n) > memory_max / 2) {
        complain(&o->refused, now, LOG_LEVEL_ERROR, SUBJECT,
                 "a message of %zu bytes for lane %s is larger than it can keep", n, l->name);
        lane_put_lost(l, time);
        return 0;
    }
    enum lane_put result;
    while ((result = lane_put(l, now, memory_max, gated(o), topic, topic_len, payload, n, time, &id)) ==
           LANE_PUT_BOUND) {
        complain(&o->bound, now, LOG_LEVEL_ERROR, SUBJECT,
                 "%zu MiB of messages wait in memory, as many as may: the oldest are dropped",
                 memory_max >> 20);
        if (!make_room(o))
            break;
    }
    if (result == LANE_PUT_BOUND || result == LANE_PUT_FAILED) {
        lane_put_lost(l, time);
        return 0;
    }
    if (o->bound.count && atomic_load_explicit(&o->memory, memory_order_relaxed) < memory_max / 2)
        complaint_over(&o->bound, SUBJECT, "messages in memory are below half of their bound again");
    if (result == LANE_PUT_FIRST && o->file)
        outbox_look(o, mono_add(now, o->always ? 0 : o->spill_after_ns));
    return id;
}

// --- the publishers' side -------------------------------------------------------------------------------

bool outbox_next(struct outbox *o, size_t lane, struct outbox_item *item)
{
    struct lane *l = o->lanes[lane];
    struct mono now = mono_now(), until = mono_add(now, LOAD_WAIT_NS);
    enum lane_next result = LANE_NONE;
    for (int tries = 0; tries < 2; tries++) {
        bool ask = false;
        result = lane_next(l, now, o->spill_after_ns, gated(o), item, &ask);
        if (ask)
            outbox_look(o, (struct mono){0});
        if (result != LANE_LOADING)
            break;
        if (tries == 0)
            lane_wait_loaded(l, until);
    }
    return result == LANE_ITEM;
}

void outbox_rewind(struct outbox *o, size_t lane, uint64_t id)
{
    lane_rewind(o->lanes[lane], id);
}

void outbox_ack(struct outbox *o, size_t lane, uint64_t id)
{
    if (lane_ack(o->lanes[lane], id, mono_now()))
        outbox_look(o, mono_add(mono_now(), 0));
}

static void look_at_events(struct outbox *o)
{
    if (!o->file)
        return;
    pthread_mutex_lock(&o->lock);
    struct mono due = mono_add(mono_now(), EVENT_DELAY_NS);
    if (mono_before(due, mono_add(o->event_last, EVENT_EVERY_NS)))
        due = mono_add(o->event_last, EVENT_EVERY_NS);
    if (o->event_due.ns == 0)
        o->event_due = due;
    pthread_mutex_unlock(&o->lock);
    outbox_look(o, due);
}

void outbox_reject(struct outbox *o, size_t lane, const struct outbox_item *item, const char *why)
{
    struct lane *l = o->lanes[lane];
    rejects_add(o->rejects, &(struct outbox_rejected){
                                .lane = l->name,
                                .topic = item->topic,
                                .why = why,
                                .payload = item->payload,
                                .n = item->n,
                                .id = item->id,
                                .time = item->time,
                                .at = utc_now(),
                            });
    lane_count_reject(l);
    look_at_events(o);
}

bool outbox_was_rejected(struct outbox *o, size_t lane, const struct outbox_item *item)
{
    return rejects_have(o->rejects, o->lanes[lane]->name, item);
}

size_t outbox_rejected_each(struct outbox *o, void (*each)(const struct outbox_rejected *what, void *arg),
                            void *arg)
{
    return rejects_each(o->rejects, each, arg);
}

int outbox_event_fd(struct outbox *o, size_t lane)
{
    return o->lanes[lane]->event_fd;
}

bool outbox_gap(struct outbox *o, size_t lane, struct outbox_gap *gap)
{
    return lane_gap(o->lanes[lane], gap);
}

void outbox_gap_done(struct outbox *o, size_t lane, const struct outbox_gap *gap)
{
    if (lane_gap_done(o->lanes[lane], gap) && o->file)
        outbox_look(o, (struct mono){0});
}

// --- facts and figures ----------------------------------------------------------------------------------

void outbox_lane_stats(struct outbox *o, size_t lane, struct outbox_stats *out)
{
    lane_stats(o->lanes[lane], mono_now(), utc_now(), out);
}

// Longer than this in one step: the disk hangs, whatever it will say.
#define HANGS_NS (10 * NS_PER_S)

void outbox_disk_stats(struct outbox *o, struct outbox_disk *out)
{
    *out = (struct outbox_disk){0};
    if (!o->file)
        return;
    out->failing = atomic_load(&o->failing);
    out->bytes_written = outbox_file_written(o->file);
    out->commits = atomic_load(&o->commits);
    out->file_bytes = atomic_load(&o->file_bytes);
    pthread_mutex_lock(&o->lock);
    memcpy(out->error, o->error, sizeof out->error);
    pthread_mutex_unlock(&o->lock);
    int64_t at_work = atomic_load(&o->progress), now = mono_now().ns;
    if (at_work && now - at_work > HANGS_NS) {
        out->failing = true;
        snprintf(out->error, sizeof out->error, "the disk does not answer for %lld s",
                 (long long)((now - at_work) / NS_PER_S));
    }
}

// A disk that hangs is no reason to restart: metering and live publishing go on from memory, and the next
// start would hang in the same place. Only after this long is a fault of our own the likelier cause.
#define PATIENCE_NS (300 * NS_PER_S)

struct mono outbox_heartbeat(struct outbox *o)
{
    int64_t at_work = atomic_load(&o->progress);
    struct mono now = mono_now();
    if (at_work && now.ns - at_work > PATIENCE_NS)
        now.ns = at_work;
    return now;
}

void outbox_keep(struct outbox *o, const char *key, const void *value, size_t n)
{
    switch (facts_put(o->facts, key, value, n)) {
    case FACTS_SAME:
        break;
    case FACTS_CHANGED:
        look_at_events(o);
        break;
    case FACTS_REFUSED:
        log_error(SUBJECT, "cannot keep %zu bytes under \"%.64s\": too long, or too much altogether", n, key);
        break;
    }
}

long outbox_kept(struct outbox *o, const char *key, void *value, size_t size)
{
    return facts_get(o->facts, key, value, size);
}
