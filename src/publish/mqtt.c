// SPDX-License-Identifier: Apache-2.0
// The MQTT publisher: readings in on the loop's thread, a thread of its own that sends.
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "mqtt_delivery.h"
#include "symbiont/encode.h"
#include "symbiont/publisher.h"
#include "thin_set.h"

#define SUBJECT "mqtt"
// Bugs are known that lose a callback: a message without any answer for this long means a new connection.
#define SILENT_NS (60 * NS_PER_S)
// Documents of an earlier run that this one has not given by then belong to something that is gone.
#define OLD_TOPICS_NS (60 * NS_PER_S)
// For `offline` and the end of the connection, out of the time that close() is given.
#define GOODBYE_NS     (1500 * NS_PER_MS)
#define OLD_TOPICS_KEY "mqtt/retained"
#define OLD_TOPICS_MAX (1 << 20)

struct publisher {
    const struct mqtt_config *config;
    struct publisher_site site;
    char *prefix, *client_id, *will_topic;

    // The loop's thread.
    struct thin_set thin;
    struct buf scratch;

    // The sending thread.
    pthread_t thread;
    sem_t ended;
    bool started;
    struct loop *loop;
    struct watch outbox_watch;
    struct wakeup poke; // from the loop's thread: a document, or stop
    struct timer flush_timer;
    struct mqtt_client *client;
    struct mqtt_delivery delivery;
    struct timer retry_timer; // of refused messages
    struct mono begun, looked_at_topics;
    char *old_topics; // until they have been dealt with

    // Both.
    struct mqtt_documents *documents;
    atomic_bool stopping, connected;
    atomic_llong stop_by, heartbeat; // ns, monotonic

    pthread_mutex_t lock; // the copies that status() shows
    struct mqtt_client_info info;
    struct mqtt_delivery_counters counters;
    unsigned flying, held;
};

static struct publisher *owner_of(void *member, size_t offset)
{
    return (struct publisher *)(void *)((char *)member - offset);
}

// ---- The loop's thread ----

static void put_reading(void *arg, const struct reading *r, const struct encode_window *window)
{
    struct publisher *p = arg;
    char topic[96];
    snprintf(topic, sizeof topic, "meters/%s/state", r->meter->name);
    buf_reset(&p->scratch);
    if (encode_json_state(&p->scratch, r, window) == 0 || p->scratch.failed)
        return;
    outbox_put(p->site.outbox, p->site.lane, topic, p->scratch.data, p->scratch.len, r->time);
}

static void reading(struct publisher *p, const struct reading *r)
{
    thin_set_reading(&p->thin, r);
}

static void forget(struct publisher *p, const struct meter_info *m)
{
    thin_set_forget(&p->thin, m);
}

static void document(struct publisher *p, const char *topic, const char *payload, size_t n)
{
    char full[256];
    if (snprintf(full, sizeof full, "%s%s", p->prefix, topic) >= (int)sizeof full)
        return; // names have at most 63 characters
    if (mqtt_documents_set(p->documents, full, payload, n) < 0)
        log_error(SUBJECT, "no memory to keep the document %s", topic);
    else if (p->started)
        wakeup_send(&p->poke);
}

static void event(struct publisher *p, const char *topic, const char *json, size_t n, const char *line,
                  struct utc time)
{
    (void)line;
    outbox_put(p->site.outbox, p->site.lane, topic, json, n, time);
}

// ---- Retained topics of an earlier run ----

static void load_old_topics(struct publisher *p)
{
    long n = outbox_kept(p->site.outbox, OLD_TOPICS_KEY, NULL, 0);
    if (n <= 0 || n > OLD_TOPICS_MAX)
        return;
    p->old_topics = calloc(1, (size_t)n + 1);
    if (p->old_topics)
        outbox_kept(p->site.outbox, OLD_TOPICS_KEY, p->old_topics, (size_t)n);
}

static void keep_topics(struct publisher *p)
{
    struct buf topics = {0};
    mqtt_documents_topics(p->documents, &topics);
    if (p->old_topics) // ended before they were cleared: the next run will
        buf_puts(&topics, p->old_topics);
    if (!topics.failed && topics.len < OLD_TOPICS_MAX)
        outbox_keep(p->site.outbox, OLD_TOPICS_KEY, topics.data ? topics.data : "", topics.len);
    buf_free(&topics);
}

static void clear_old_topics(struct publisher *p)
{
    char *rest = p->old_topics, *topic;
    while (rest && (topic = strsep(&rest, "\n")))
        if (*topic && !mqtt_documents_has(p->documents, topic))
            mqtt_documents_set(p->documents, topic, NULL, 0);
    free(p->old_topics);
    p->old_topics = NULL;
}

// A meter that was taken out of the configuration while the daemon was down must not stay on the broker for
// ever.
static void look_at_topics(struct publisher *p, struct mono now)
{
    if (mono_since(now, p->begun) < OLD_TOPICS_NS || mono_since(now, p->looked_at_topics) < 60 * NS_PER_S)
        return;
    p->looked_at_topics = now;
    clear_old_topics(p);
    keep_topics(p);
}

// ---- The sending thread ----

static void set_flush(struct publisher *p, int64_t in_ns)
{
    if (!timer_is_set(&p->flush_timer))
        loop_timer(p->loop, &p->flush_timer, mono_add(loop_now(p->loop), in_ns));
}

// The outbox's descriptor is readable until the outbox was emptied: it is watched only while it is empty.
static void pump(struct publisher *p)
{
    struct mono now = loop_now(p->loop), due;
    mqtt_delivery_collect(&p->delivery, now);
    bool emptied = mqtt_delivery_pump(&p->delivery, now);
    if (emptied)
        loop_watch(p->loop, &p->outbox_watch, EPOLLIN);
    else
        loop_unwatch(p->loop, &p->outbox_watch);
    if (mqtt_delivery_due(&p->delivery, &due))
        loop_timer(p->loop, &p->retry_timer, due);
}

static void outbox_ready(struct watch *w, uint32_t events)
{
    struct publisher *p = owner_of(w, offsetof(struct publisher, outbox_watch));
    (void)events;
    loop_unwatch(p->loop, w);
    if (p->config->flush_ns == 0 || p->stopping)
        pump(p);
    else
        set_flush(p, p->config->flush_ns);
}

static void flush_fired(struct timer *t, struct mono now)
{
    (void)now;
    pump(owner_of(t, offsetof(struct publisher, flush_timer)));
}

static void retry_fired(struct timer *t, struct mono now)
{
    (void)now;
    pump(owner_of(t, offsetof(struct publisher, retry_timer)));
}

static void poked(struct wakeup *w)
{
    struct publisher *p = owner_of(w, offsetof(struct publisher, poke));
    // Documents come in bursts (a reload): a short wait puts them together.
    if (!p->stopping && mqtt_client_is_up(p->client))
        set_flush(p, p->config->flush_ns < 20 * NS_PER_MS ? p->config->flush_ns : 20 * NS_PER_MS);
}

static void went_up(void *arg)
{
    struct publisher *p = arg;
    p->connected = true;
    mqtt_delivery_up(&p->delivery);
    pump(p);
}

static void went_down(void *arg, const struct mqtt_loss *loss)
{
    struct publisher *p = arg;
    p->connected = false;
    loop_unwatch(p->loop, &p->outbox_watch);
    mqtt_delivery_down(&p->delivery, loss, loop_now(p->loop));
}

static void progressed(void *arg)
{
    struct publisher *p = arg;
    mqtt_delivery_collect(&p->delivery, loop_now(p->loop));
    // While the outbox is empty the next messages wait for the flush; otherwise the window is filled up at
    // once.
    if (!p->outbox_watch.active && !timer_is_set(&p->flush_timer))
        pump(p);
    else if (mqtt_documents_waiting(p->documents))
        pump(p);
}

static bool any_under_way(void *arg)
{
    const struct publisher *p = arg;
    return p->delivery.flying > 0;
}

static void copy_for_status(struct publisher *p)
{
    pthread_mutex_lock(&p->lock);
    p->info = *mqtt_client_info(p->client);
    p->counters = p->delivery.counters;
    p->flying = p->delivery.flying;
    p->held = p->delivery.held;
    pthread_mutex_unlock(&p->lock);
}

// Between turns: at least once a second.
static void housekeeping(struct publisher *p)
{
    struct mono now = loop_now(p->loop);
    atomic_store(&p->heartbeat, mono_now().ns);
    copy_for_status(p);
    look_at_topics(p, now);
    if (!mqtt_client_is_up(p->client))
        return;
    if (mqtt_delivery_silence_ns(&p->delivery, now) > SILENT_NS)
        mqtt_client_rebuild(p->client, "a message has had no answer for 60 s");
    else if (p->outbox_watch.active)
        pump(p); // gap records, documents
}

static bool all_sent(struct publisher *p)
{
    return p->outbox_watch.active && p->delivery.flying == 0 && p->delivery.held == 0;
}

static struct mono stop_by(struct publisher *p)
{
    return (struct mono){atomic_load(&p->stop_by)};
}

static void turn_until(struct publisher *p, struct mono until)
{
    int64_t left = mono_since(until, mono_now());
    loop_turn(p->loop, left < 0 ? 0 : left < 100 * NS_PER_MS ? left : 100 * NS_PER_MS);
}

// What is waiting goes out as far as there is time; then `offline`, which the broker would else not say: the
// will is not sent when a client says goodbye.
static void say_goodbye(struct publisher *p)
{
    struct mono until = mono_add(stop_by(p), -GOODBYE_NS);
    loop_timer_stop(p->loop, &p->flush_timer);
    if (mqtt_client_is_up(p->client))
        pump(p);
    while (mqtt_client_is_up(p->client) && !all_sent(p) && mono_before(mono_now(), until)) {
        turn_until(p, until);
        if (mqtt_client_is_up(p->client))
            pump(p);
    }
    if (!mqtt_client_is_up(p->client))
        return;
    loop_unwatch(p->loop, &p->outbox_watch);
    mqtt_delivery_goodbye(&p->delivery, loop_now(p->loop));
    until = mono_add(mono_now(), GOODBYE_NS / 3);
    while (mqtt_client_is_up(p->client) && p->delivery.flying && mono_before(mono_now(), until)) {
        turn_until(p, until);
        mqtt_delivery_collect(&p->delivery, loop_now(p->loop));
    }
}

static void *run(void *arg)
{
    struct publisher *p = arg;
    // Paho's two threads inherit this: a woken one then waits for the end of our burst of messages, in place
    // of fighting over Paho's lock for each of them. A quarter of the CPU time; where it is not allowed, no
    // harm.
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    pthread_setname_np(pthread_self(), "mqtt");
    if (mqtt_client_start(p->client, p->loop) < 0)
        log_error(SUBJECT, "cannot start: %m");
    while (!atomic_load(&p->stopping)) {
        if (loop_turn(p->loop, NS_PER_S) < 0)
            poll(NULL, 0, 100); // whatever is wrong with epoll, it must not spin
        housekeeping(p);
    }
    say_goodbye(p);
    keep_topics(p);
    mqtt_client_free(p->client);
    mqtt_delivery_hand_back(&p->delivery);
    p->client = NULL;
    p->connected = false;
    sem_post(&p->ended);
    return NULL;
}

// ---- Life ----

static void free_all(struct publisher *p)
{
    mqtt_client_free(p->client);
    mqtt_delivery_free(&p->delivery);
    mqtt_documents_free(p->documents);
    thin_set_free(&p->thin);
    if (p->poke.loop)
        wakeup_close(&p->poke);
    loop_free(p->loop);
    buf_free(&p->scratch);
    pthread_mutex_destroy(&p->lock);
    sem_destroy(&p->ended);
    free(p->old_topics);
    free(p->prefix);
    free(p->client_id);
    free(p->will_topic);
    free(p);
}

static bool make_names(struct publisher *p)
{
    const struct mqtt_config *c = p->config;
    if (asprintf(&p->prefix, "%s/%s/", c->root, p->site.site) < 0)
        p->prefix = NULL;
    if (asprintf(&p->will_topic, "%s/%s/status", c->root, p->site.site) < 0)
        p->will_topic = NULL;
    if (asprintf(&p->client_id, "%s%s", c->client_id ? c->client_id : "symbiont-",
                 c->client_id ? "" : p->site.site) < 0)
        p->client_id = NULL;
    return p->prefix && p->will_topic && p->client_id;
}

static bool make_parts(struct publisher *p)
{
    p->documents = mqtt_documents_new();
    p->loop = loop_new();
    if (!make_names(p) || !p->documents || !p->loop || wakeup_open(&p->poke, p->loop, poked) < 0 ||
        mqtt_delivery_init(&p->delivery, (size_t)p->config->window) < 0)
        return false;
    p->outbox_watch =
        (struct watch){.fd = outbox_event_fd(p->site.outbox, p->site.lane), .ready = outbox_ready};
    p->flush_timer.fire = flush_fired;
    p->retry_timer.fire = retry_fired;
    p->thin = (struct thin_set){.config = &p->config->thin, .publish = put_reading, .arg = p};
    load_old_topics(p);
    return true;
}

static struct publisher *open_mqtt(const void *settings, const struct publisher_site *site, char *why,
                                   size_t why_size)
{
    struct publisher *p = calloc(1, sizeof *p);
    if (!p) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    p->config = settings;
    p->site = *site;
    pthread_mutex_init(&p->lock, NULL);
    sem_init(&p->ended, 0, 0);
    if (!make_parts(p)) {
        snprintf(why, why_size, "cannot prepare the publisher: %m");
        free_all(p);
        return NULL;
    }
    const struct mqtt_client_events events = {went_up, went_down, progressed, any_under_way, p};
    const struct mqtt_client_settings s = {p->config, SUBJECT, p->client_id, p->will_topic, "offline"};
    p->client = mqtt_client_new(&s, &events, why, why_size);
    if (!p->client) {
        free_all(p);
        return NULL;
    }
    p->delivery.client = p->client;
    p->delivery.outbox = site->outbox;
    p->delivery.lane = site->lane;
    p->delivery.lane_name = p->delivery.subject = SUBJECT;
    p->delivery.prefix = p->prefix;
    p->delivery.documents = p->documents;
    p->info = *mqtt_client_info(p->client);
    atomic_store(&p->heartbeat, mono_now().ns);
    return p;
}

static int start(struct publisher *p)
{
    p->begun = mono_now();
    int rc = pthread_create(&p->thread, NULL, run, p);
    p->started = rc == 0;
    errno = rc;
    return rc ? -1 : 0;
}

static void close_mqtt(struct publisher *p, struct mono deadline)
{
    thin_set_finish(&p->thin);
    if (p->started) {
        atomic_store(&p->stop_by, deadline.ns);
        atomic_store(&p->stopping, true);
        wakeup_send(&p->poke);
        // A second more: Paho's threads end within that.
        struct mono end = mono_add(deadline, NS_PER_S);
        struct timespec until = {end.ns / NS_PER_S, end.ns % NS_PER_S};
        int rc;
        while ((rc = sem_clockwait(&p->ended, CLOCK_MONOTONIC, &until)) < 0 && errno == EINTR)
            ;
        if (rc < 0) {
            log_error(SUBJECT, "its thread does not end (name look-up?): left behind");
            pthread_detach(p->thread);
            return;
        }
        pthread_join(p->thread, NULL);
    }
    free_all(p);
}

// ---- Questions of other threads ----

static void error_members(struct json *j, const struct mqtt_client_info *info)
{
    char text[UTC_TEXT];
    if (info->last_error[0]) {
        json_text(j, "last_error", info->last_error);
        json_text(j, "last_error_at", utc_text(info->last_error_at, text));
    }
    if (info->conflict)
        json_bool(j, "client_id_conflict", true);
    if (info->certificate_expires.ms)
        json_text(j, "certificate_expires", utc_text(info->certificate_expires, text));
}

static void status(struct publisher *p, struct json *j)
{
    char text[UTC_TEXT];
    pthread_mutex_lock(&p->lock);
    struct mqtt_client_info info = p->info;
    struct mqtt_delivery_counters counters = p->counters;
    unsigned flying = p->flying, held = p->held;
    pthread_mutex_unlock(&p->lock);
    json_bool(j, "connected", info.up);
    json_text(j, "server", info.server);
    json_text(j, "since", utc_text(info.since, text));
    json_text(j, "mqtt_version", info.version == 5 ? "5" : info.version == 4 ? "3.1.1" : NULL);
    json_int(j, "window", info.window);
    json_int(j, "under_way", flying);
    json_int(j, "held", held);
    json_int(j, "sent", (int64_t)counters.sent);
    json_int(j, "accepted", (int64_t)counters.accepted);
    json_int(j, "refused", (int64_t)counters.refused);
    json_int(j, "set_aside", (int64_t)counters.set_aside);
    json_int(j, "sent_again", (int64_t)counters.resent);
    json_int(j, "gaps", (int64_t)counters.gaps);
    json_int(j, "documents", (int64_t)mqtt_documents_count(p->documents));
    json_int(j, "documents_waiting", (int64_t)mqtt_documents_waiting(p->documents));
    json_int(j, "attempts", (int64_t)info.attempts);
    json_int(j, "connects", (int64_t)info.connects);
    json_int(j, "losses", (int64_t)info.losses);
    error_members(j, &info);
}

static bool connected(struct publisher *p)
{
    return atomic_load(&p->connected);
}

static struct mono heartbeat(struct publisher *p)
{
    return (struct mono){atomic_load(&p->heartbeat)};
}

const struct publisher_kind publisher_mqtt = {
    .name = "mqtt",
    .section = &mqtt_section,
    .configured = mqtt_configured,
    .check = mqtt_check,
    .open = open_mqtt,
    .start = start,
    .reading = reading,
    .forget = forget,
    .document = document,
    .event = event,
    .status = status,
    .connected = connected,
    .heartbeat = heartbeat,
    .close = close_mqtt,
};
