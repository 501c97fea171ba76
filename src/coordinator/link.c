// SPDX-License-Identifier: Apache-2.0
// The thread that holds the connection to the territory's broker.
#include "coordinator/link.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/log.h"
#include "symbiont/messages.h"

#define SUBJECT      "broker"
#define INBOX_BYTES  (64u << 20) // waiting for the loop: a large territory's retained set fits
#define OUTBOX_BYTES (64u << 20)
// A message without any answer for so long: a callback was lost, a new connection finds out.
#define SILENT_NS  (60 * NS_PER_S)
#define GOODBYE_NS (1500 * NS_PER_MS)
#define FLYING_MAX 64

struct parcel {
    struct parcel *next;
    size_t bytes, n;
    bool retained;
    uint32_t expiry_s;
    char *topic;
    char *payload;
};

struct queue {
    struct parcel *first, **end;
    size_t count, bytes;
};

struct link {
    struct link_settings settings;
    struct wakeup to_loop, to_thread; // of the daemon's loop, of the thread's
    struct loop *loop;                // the thread's
    struct mqtt_client *client;
    pthread_t thread;
    atomic_bool stopping, again;
    atomic_llong stop_by, heartbeat;
    // the thread's
    struct flight {
        struct mqtt_message message;
        struct parcel *parcel;
        struct mono since;
    } flights[FLYING_MAX]; // in the order they left: [0, flying)
    unsigned flying;
    struct queue leaving;
    // both threads'
    pthread_mutex_t lock;
    struct link_letter *in_first, **in_end;
    size_t in_bytes;
    struct queue out;
    bool came_up, ask_again;
    struct link_status status;
};

static void queue_init(struct queue *q)
{
    *q = (struct queue){.end = &q->first};
}

static void queue_put(struct queue *q, struct parcel *p)
{
    p->next = NULL;
    *q->end = p;
    q->end = &p->next;
    q->count++;
    q->bytes += p->bytes;
}

static void queue_back(struct queue *q, struct parcel *p)
{
    p->next = q->first;
    if (!q->first)
        q->end = &p->next;
    q->first = p;
    q->count++;
    q->bytes += p->bytes;
}

static struct parcel *queue_take(struct queue *q)
{
    struct parcel *p = q->first;
    if (!p)
        return NULL;
    q->first = p->next;
    if (!q->first)
        q->end = &q->first;
    q->count--;
    q->bytes -= p->bytes;
    return p;
}

// ---- The thread ----

static void take_leaving(struct link *l)
{
    struct parcel *p;
    pthread_mutex_lock(&l->lock);
    while ((p = queue_take(&l->out)))
        queue_put(&l->leaving, p);
    pthread_mutex_unlock(&l->lock);
}

static void count(struct link *l, uint64_t *what)
{
    pthread_mutex_lock(&l->lock);
    ++*what;
    pthread_mutex_unlock(&l->lock);
}

static void send_some(struct link *l)
{
    struct parcel *p;
    take_leaving(l);
    while (mqtt_client_is_up(l->client) && l->flying < mqtt_client_window(l->client) &&
           l->flying < FLYING_MAX && (p = queue_take(&l->leaving))) {
        if (p->n + strlen(p->topic) + 64 > mqtt_client_maximum_packet(l->client)) {
            log_error(SUBJECT, "%s: %zu bytes are more than the broker takes", p->topic, p->n);
            count(l, &l->status.refused);
            free(p);
            continue;
        }
        struct flight *f = &l->flights[l->flying];
        *f = (struct flight){.parcel = p, .since = loop_now(l->loop)};
        if (mqtt_client_send(l->client, &f->message, p->topic, p->payload, p->n, p->retained, p->expiry_s) <
            0) {
            queue_back(&l->leaving, p);
            return;
        }
        l->flying++;
    }
}

// Paho holds the address of a message until its outcome is there: flights stay where they are, and only a
// prefix that has landed is given free.
static void collect(struct link *l)
{
    unsigned left = 0;
    for (unsigned i = l->flying; i-- > 0;) { // backwards: what was lost goes back in its order
        struct flight *f = &l->flights[i];
        unsigned outcome = f->parcel ? atomic_load(&f->message.outcome) : MQTT_ACCEPTED;
        if (outcome == MQTT_UNDER_WAY) {
            left++;
            continue;
        }
        if (!f->parcel)
            continue;
        if (outcome == MQTT_ACCEPTED) {
            count(l, &l->status.delivered);
        } else if (outcome == MQTT_LOST) {
            queue_back(&l->leaving, f->parcel);
            f->parcel = NULL;
            continue;
        } else {
            log_error(SUBJECT, "%s was refused by the broker (reason 0x%02x%s%s): check its access rules",
                      f->parcel->topic, outcome & 0xff, *f->message.words ? ", " : "", f->message.words);
            count(l, &l->status.refused);
        }
        free(f->parcel);
        f->parcel = NULL;
    }
    if (left == 0)
        l->flying = 0;
}

static void went_up(void *arg)
{
    struct link *l = arg;
    pthread_mutex_lock(&l->lock);
    l->came_up = l->status.info.up = true;
    l->status.ups++;
    l->status.up_at = mono_now();
    pthread_mutex_unlock(&l->lock);
    wakeup_send(&l->to_loop);
    send_some(l);
}

// No message has an outcome any more: all go again, in their order.
static void went_down(void *arg, const struct mqtt_loss *loss)
{
    struct link *l = arg;
    (void)loss;
    for (unsigned i = l->flying; i-- > 0;)
        if (l->flights[i].parcel)
            queue_back(&l->leaving, l->flights[i].parcel);
    l->flying = 0;
}

static void progressed(void *arg)
{
    struct link *l = arg;
    collect(l);
    send_some(l);
}

static bool under_way(void *arg)
{
    return ((struct link *)arg)->flying > 0;
}

static void message_came(void *arg, const struct mqtt_incoming *m)
{
    struct link *l = arg;
    size_t topic_n = strlen(m->topic) + 1, bytes = sizeof(struct link_letter) + topic_n + m->n + 1;
    pthread_mutex_lock(&l->lock);
    bool room = l->in_bytes + bytes <= INBOX_BYTES;
    struct link_letter *letter = room ? malloc(bytes) : NULL;
    l->status.received++;
    if (letter) {
        char *topic = (char *)(letter + 1), *payload = topic + topic_n;
        memcpy(topic, m->topic, topic_n);
        if (m->n)
            memcpy(payload, m->payload, m->n);
        payload[m->n] = '\0';
        *letter = (struct link_letter){
            .bytes = bytes, .retained = m->retained, .topic = topic, .payload = payload, .n = m->n};
        *l->in_end = letter;
        l->in_end = &letter->next;
        l->in_bytes += bytes;
    } else {
        l->status.dropped++;
        l->ask_again = true; // what is retained comes once more when there is room
    }
    pthread_mutex_unlock(&l->lock);
    wakeup_send(&l->to_loop);
}

static void granted(void *arg, const char *filter, unsigned code, const char *words)
{
    (void)arg;
    if (code)
        log_error(SUBJECT, "the broker does not let us read %s (reason 0x%02x%s%s): check its access rules",
                  filter, code, words && *words ? ", " : "", words ? words : "");
}

static const enum exchange_branch branches[] = {BRANCH_CARD, BRANCH_OFFERS, BRANCH_NEEDS, BRANCH_REPLIES,
                                                BRANCH_METERS};

static void subscribe(struct link *l)
{
    for (size_t i = 0; i < sizeof branches / sizeof branches[0]; i++) {
        struct exchange_topic t = {.pseudonym = "+", .branch = branches[i], .id = "+"};
        char text[EXCHANGE_TOPIC];
        snprintf(t.territory, sizeof t.territory, "%s", l->settings.territory);
        mqtt_client_subscribe(l->client, exchange_topic_text(&t, text));
    }
}

static void poked(struct wakeup *w)
{
    struct link *l = (struct link *)(void *)((char *)w - offsetof(struct link, to_thread));
    if (atomic_exchange(&l->again, false))
        subscribe(l);
    send_some(l);
}

static void housekeeping(struct link *l)
{
    bool again = false;
    atomic_store(&l->heartbeat, mono_now().ns);
    pthread_mutex_lock(&l->lock);
    l->status.info = *mqtt_client_info(l->client);
    l->status.waiting = l->out.count + l->leaving.count + l->flying;
    l->status.waiting_bytes = l->out.bytes + l->leaving.bytes;
    if (l->ask_again && l->in_bytes < INBOX_BYTES / 4) {
        l->ask_again = false;
        again = true;
    }
    pthread_mutex_unlock(&l->lock);
    if (again && mqtt_client_is_up(l->client))
        subscribe(l);
    for (unsigned i = 0; i < l->flying; i++)
        if (l->flights[i].parcel && mono_since(loop_now(l->loop), l->flights[i].since) > SILENT_NS) {
            mqtt_client_rebuild(l->client, "a message has had no answer for 60 s");
            break;
        }
    send_some(l);
}

static void *run(void *arg)
{
    struct link *l = arg;
    if (mqtt_client_start(l->client, l->loop) < 0)
        log_error(SUBJECT, "cannot start the connection: %s", strerror(errno));
    while (!atomic_load(&l->stopping)) {
        loop_turn(l->loop, NS_PER_S);
        housekeeping(l);
    }
    struct mono end = {atomic_load(&l->stop_by)};
    while (mqtt_client_is_up(l->client) && (l->flying || l->leaving.count) && mono_before(mono_now(), end)) {
        loop_turn(l->loop, 50 * NS_PER_MS);
        housekeeping(l);
    }
    mqtt_client_free(l->client);
    return NULL;
}

// ---- The daemon's side ----

static void woken(struct wakeup *w)
{
    struct link *l = (struct link *)(void *)((char *)w - offsetof(struct link, to_loop));
    l->settings.woken(l->settings.arg);
}

static void free_queue(struct queue *q)
{
    struct parcel *p;
    while ((p = queue_take(q)))
        free(p);
}

static void destroy(struct link *l)
{
    struct link_letter *letter;
    while ((letter = link_take(l)))
        free(letter);
    free_queue(&l->out);
    free_queue(&l->leaving);
    for (unsigned i = 0; i < l->flying; i++)
        free(l->flights[i].parcel);
    wakeup_close(&l->to_loop);
    wakeup_close(&l->to_thread);
    loop_free(l->loop);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

struct link *link_open(const struct link_settings *s, char *why, size_t why_size)
{
    struct link *l = calloc(1, sizeof *l);
    snprintf(why, why_size, "out of memory");
    if (!l)
        return NULL;
    l->settings = *s;
    l->in_end = &l->in_first;
    queue_init(&l->out);
    queue_init(&l->leaving);
    pthread_mutex_init(&l->lock, NULL);
    l->to_loop.watch.fd = l->to_thread.watch.fd = -1;
    l->loop = loop_new();
    struct mqtt_client_settings settings = {.config = s->broker,
                                            .subject = SUBJECT,
                                            .client_id = s->client_id,
                                            .inbox_bytes = 4u << 20,
                                            .incoming_max = s->message_bytes + 512,
                                            .receive_maximum = 32};
    struct mqtt_client_events events = {.up = went_up,
                                        .down = went_down,
                                        .progress = progressed,
                                        .under_way = under_way,
                                        .arg = l,
                                        .message = message_came,
                                        .suback = granted};
    if (l->loop && wakeup_open(&l->to_loop, s->loop, woken) == 0 &&
        wakeup_open(&l->to_thread, l->loop, poked) == 0)
        l->client = mqtt_client_new(&settings, &events, why, why_size);
    if (l->client) {
        subscribe(l);
        atomic_store(&l->heartbeat, mono_now().ns);
        if (pthread_create(&l->thread, NULL, run, l) == 0)
            return l;
        snprintf(why, why_size, "cannot start a thread");
        mqtt_client_free(l->client);
    }
    destroy(l);
    return NULL;
}

void link_close(struct link *l, struct mono deadline)
{
    if (!l)
        return;
    atomic_store(&l->stop_by, deadline.ns);
    atomic_store(&l->stopping, true);
    wakeup_send(&l->to_thread);
    pthread_join(l->thread, NULL);
    destroy(l);
}

struct link_letter *link_take(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    struct link_letter *letter = l->in_first;
    if (letter) {
        l->in_first = letter->next;
        if (!l->in_first)
            l->in_end = &l->in_first;
        l->in_bytes -= letter->bytes;
    }
    pthread_mutex_unlock(&l->lock);
    return letter;
}

void link_more(struct link *l)
{
    wakeup_send(&l->to_loop);
}

bool link_put(struct link *l, const char *topic, const void *payload, size_t n, bool retained,
              uint32_t expiry_s)
{
    size_t topic_n = strlen(topic) + 1, bytes = sizeof(struct parcel) + topic_n + n + 1;
    struct parcel *p = malloc(bytes);
    if (!p)
        return false;
    *p = (struct parcel){
        .bytes = bytes, .n = n, .retained = retained, .expiry_s = expiry_s, .topic = (char *)(p + 1)};
    p->payload = p->topic + topic_n;
    memcpy(p->topic, topic, topic_n);
    if (n)
        memcpy(p->payload, payload, n);
    p->payload[n] = '\0';
    pthread_mutex_lock(&l->lock);
    bool room = l->status.waiting_bytes + l->out.bytes + bytes <= OUTBOX_BYTES;
    if (room) {
        queue_put(&l->out, p);
        l->status.put++;
    } else {
        l->status.refused++;
    }
    pthread_mutex_unlock(&l->lock);
    if (!room)
        free(p);
    else
        wakeup_send(&l->to_thread);
    return room;
}

bool link_came_up(struct link *l)
{
    pthread_mutex_lock(&l->lock);
    bool up = l->came_up;
    l->came_up = false;
    pthread_mutex_unlock(&l->lock);
    return up;
}

void link_again(struct link *l)
{
    atomic_store(&l->again, true);
    wakeup_send(&l->to_thread);
}

void link_status(struct link *l, struct link_status *out)
{
    pthread_mutex_lock(&l->lock);
    *out = l->status;
    pthread_mutex_unlock(&l->lock);
    out->heartbeat = (struct mono){atomic_load(&l->heartbeat)};
}
