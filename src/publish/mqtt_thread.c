// SPDX-License-Identifier: Apache-2.0
// The sending thread of the MQTT publisher: its loop, when it sends, how it ends.
#include "mqtt_thread.h"

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define SUBJECT "mqtt"
// Bugs are known that lose a callback: a message without any answer for this long means a new connection.
#define SILENT_NS (60 * NS_PER_S)
// Documents of an earlier run that this one has not given by then belong to something that is gone.
#define OLD_TOPICS_NS (60 * NS_PER_S)
// For `offline` and the end of the connection, out of the time that close() is given.
#define GOODBYE_NS     (1500 * NS_PER_MS)
#define OLD_TOPICS_KEY "mqtt/retained"
#define OLD_TOPICS_MAX (1 << 20)

static struct mqtt_thread *owner_of(void *member, size_t offset)
{
    return (struct mqtt_thread *)(void *)((char *)member - offset);
}

// ---- Retained topics of an earlier run ----

static void load_old_topics(struct mqtt_thread *t)
{
    long n = outbox_kept(t->site->outbox, OLD_TOPICS_KEY, NULL, 0);
    if (n <= 0 || n > OLD_TOPICS_MAX)
        return;
    t->old_topics = calloc(1, (size_t)n + 1);
    if (t->old_topics)
        outbox_kept(t->site->outbox, OLD_TOPICS_KEY, t->old_topics, (size_t)n);
}

static void keep_topics(struct mqtt_thread *t)
{
    struct buf topics = {0};
    mqtt_documents_topics(t->documents, &topics);
    if (t->old_topics) // ended before they were cleared: the next run will
        buf_puts(&topics, t->old_topics);
    if (!topics.failed && topics.len < OLD_TOPICS_MAX)
        outbox_keep(t->site->outbox, OLD_TOPICS_KEY, topics.data ? topics.data : "", topics.len);
    buf_free(&topics);
}

static void clear_old_topics(struct mqtt_thread *t)
{
    char *rest = t->old_topics, *topic;
    while (rest && (topic = strsep(&rest, "\n")))
        if (*topic && !mqtt_documents_has(t->documents, topic))
            mqtt_documents_set(t->documents, topic, NULL, 0);
    free(t->old_topics);
    t->old_topics = NULL;
}

// A meter that was taken out of the configuration while the daemon was down must not stay on the broker for
// ever.
static void look_at_topics(struct mqtt_thread *t, struct mono now)
{
    if (mono_since(now, t->begun) < OLD_TOPICS_NS || mono_since(now, t->looked_at_topics) < 60 * NS_PER_S)
        return;
    t->looked_at_topics = now;
    clear_old_topics(t);
    keep_topics(t);
}

// ---- The sending thread ----

static void set_flush(struct mqtt_thread *t, int64_t in_ns)
{
    if (!timer_is_set(&t->flush_timer))
        loop_timer(t->loop, &t->flush_timer, mono_add(loop_now(t->loop), in_ns));
}

// The outbox's descriptor is readable until the outbox was emptied: it is watched only while it is empty.
static void pump(struct mqtt_thread *t)
{
    struct mono now = loop_now(t->loop), due;
    mqtt_delivery_collect(&t->delivery, now);
    bool emptied = mqtt_delivery_pump(&t->delivery, now);
    if (emptied)
        loop_watch(t->loop, &t->outbox_watch, EPOLLIN);
    else
        loop_unwatch(t->loop, &t->outbox_watch);
    if (mqtt_delivery_due(&t->delivery, &due))
        loop_timer(t->loop, &t->retry_timer, due);
}

static void outbox_ready(struct watch *w, uint32_t events)
{
    struct mqtt_thread *t = owner_of(w, offsetof(struct mqtt_thread, outbox_watch));
    (void)events;
    loop_unwatch(t->loop, w);
    if (t->config->flush_ns == 0 || t->stopping)
        pump(t);
    else
        set_flush(t, t->config->flush_ns);
}

static void flush_fired(struct timer *timer, struct mono now)
{
    (void)now;
    pump(owner_of(timer, offsetof(struct mqtt_thread, flush_timer)));
}

static void retry_fired(struct timer *timer, struct mono now)
{
    (void)now;
    pump(owner_of(timer, offsetof(struct mqtt_thread, retry_timer)));
}

static void poked(struct wakeup *w)
{
    struct mqtt_thread *t = owner_of(w, offsetof(struct mqtt_thread, poke));
    // Documents come in bursts (a reload): a short wait puts them together.
    if (!t->stopping && mqtt_client_is_up(t->client))
        set_flush(t, t->config->flush_ns < 20 * NS_PER_MS ? t->config->flush_ns : 20 * NS_PER_MS);
}

static void went_up(void *arg)
{
    struct mqtt_thread *t = arg;
    t->connected = true;
    mqtt_delivery_up(&t->delivery);
    pump(t);
}

static void went_down(void *arg, const struct mqtt_loss *loss)
{
    struct mqtt_thread *t = arg;
    t->connected = false;
    loop_unwatch(t->loop, &t->outbox_watch);
    mqtt_delivery_down(&t->delivery, loss, loop_now(t->loop));
}

static void progressed(void *arg)
{
    struct mqtt_thread *t = arg;
    mqtt_delivery_collect(&t->delivery, loop_now(t->loop));
    // While the outbox is empty the next messages wait for the flush; otherwise the window is filled up at
    // once.
    if (!t->outbox_watch.active && !timer_is_set(&t->flush_timer))
        pump(t);
    else if (mqtt_documents_waiting(t->documents))
        pump(t);
}

static bool any_under_way(void *arg)
{
    const struct mqtt_thread *t = arg;
    return t->delivery.flying > 0;
}

static void copy_for_status(struct mqtt_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->info = *mqtt_client_info(t->client);
    t->counters = t->delivery.counters;
    t->flying = t->delivery.flying;
    t->held = t->delivery.held;
    pthread_mutex_unlock(&t->lock);
}

// Between turns: at least once a second.
static void housekeeping(struct mqtt_thread *t)
{
    struct mono now = loop_now(t->loop);
    atomic_store(&t->heartbeat, mono_now().ns);
    copy_for_status(t);
    look_at_topics(t, now);
    if (!mqtt_client_is_up(t->client))
        return;
    if (mqtt_delivery_silence_ns(&t->delivery, now) > SILENT_NS)
        mqtt_client_rebuild(t->client, "a message has had no answer for 60 s");
    else if (t->outbox_watch.active)
        pump(t); // gap records, documents
}

static bool all_sent(struct mqtt_thread *t)
{
    return t->outbox_watch.active && t->delivery.flying == 0 && t->delivery.held == 0;
}

static struct mono stop_by(struct mqtt_thread *t)
{
    return (struct mono){atomic_load(&t->stop_by)};
}

static void turn_until(struct mqtt_thread *t, struct mono until)
{
    int64_t left = mono_since(until, mono_now());
    loop_turn(t->loop, left < 0 ? 0 : left < 100 * NS_PER_MS ? left : 100 * NS_PER_MS);
}

// What is waiting goes out as far as there is time; then `offline`, which the broker would else not say: the
// will is not sent when a client says goodbye.
static void say_goodbye(struct mqtt_thread *t)
{
    struct mono until = mono_add(stop_by(t), -GOODBYE_NS);
    loop_timer_stop(t->loop, &t->flush_timer);
    if (mqtt_client_is_up(t->client))
        pump(t);
    while (mqtt_client_is_up(t->client) && !all_sent(t) && mono_before(mono_now(), until)) {
        turn_until(t, until);
        if (mqtt_client_is_up(t->client))
            pump(t);
    }
    if (!mqtt_client_is_up(t->client))
        return;
    loop_unwatch(t->loop, &t->outbox_watch);
    mqtt_delivery_goodbye(&t->delivery, loop_now(t->loop));
    until = mono_add(mono_now(), GOODBYE_NS / 3);
    while (mqtt_client_is_up(t->client) && t->delivery.flying && mono_before(mono_now(), until)) {
        turn_until(t, until);
        mqtt_delivery_collect(&t->delivery, loop_now(t->loop));
    }
}

void *mqtt_thread_run(void *arg)
{
    struct mqtt_thread *t = arg;
    // Paho's two threads inherit this: a woken one then waits for the end of our burst of messages, in place
    // of fighting over Paho's lock for each of them. A quarter of the CPU time; where it is not allowed, no
    // harm.
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    pthread_setname_np(pthread_self(), "mqtt");
    if (mqtt_client_start(t->client, t->loop) < 0)
        log_error(SUBJECT, "cannot start: %m");
    while (!atomic_load(&t->stopping)) {
        if (loop_turn(t->loop, NS_PER_S) < 0)
            poll(NULL, 0, 100); // whatever is wrong with epoll, it must not spin
        housekeeping(t);
    }
    say_goodbye(t);
    keep_topics(t);
    mqtt_client_free(t->client);
    mqtt_delivery_hand_back(&t->delivery);
    t->client = NULL;
    t->connected = false;
    sem_post(&t->ended);
    return NULL;
}

// ---- Life ----

struct mqtt_client_events mqtt_thread_events(struct mqtt_thread *t)
{
    return (struct mqtt_client_events){
        .up = went_up, .down = went_down, .progress = progressed, .under_way = any_under_way, .arg = t};
}

int mqtt_thread_open(struct mqtt_thread *t)
{
    pthread_mutex_init(&t->lock, NULL);
    sem_init(&t->ended, 0, 0);
    t->documents = mqtt_documents_new();
    t->loop = loop_new();
    if (!t->documents || !t->loop || wakeup_open(&t->poke, t->loop, poked) < 0 ||
        mqtt_delivery_init(&t->delivery, (size_t)t->config->window) < 0)
        return -1;
    t->outbox_watch =
        (struct watch){.fd = outbox_event_fd(t->site->outbox, t->site->lane), .ready = outbox_ready};
    t->flush_timer.fire = flush_fired;
    t->retry_timer.fire = retry_fired;
    load_old_topics(t);
    atomic_store(&t->heartbeat, mono_now().ns);
    return 0;
}

void mqtt_thread_close(struct mqtt_thread *t)
{
    mqtt_client_free(t->client);
    mqtt_delivery_free(&t->delivery);
    mqtt_documents_free(t->documents);
    if (t->poke.loop)
        wakeup_close(&t->poke);
    loop_free(t->loop);
    pthread_mutex_destroy(&t->lock);
    sem_destroy(&t->ended);
    free(t->old_topics);
}
