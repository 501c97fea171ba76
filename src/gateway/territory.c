// SPDX-License-Identifier: Apache-2.0
// The territory's thread: its loop, its connection, how it begins and ends.
#include "gateway/territory.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/files.h"

#define STEP_NS         NS_PER_S
#define ORDERS          256
#define RECEIVE_MAXIMUM 16
#define INBOX_BYTES     (256 * 1024)
#define INCOMING_MAX                                                                                         \
    8192 // bytes of a packet: more than ENVELOPE_LIMIT and a topic, so that too long is counted

// ---- The connection ----

static void subscribe(struct territory *t)
{
    const enum exchange_branch branches[] = {BRANCH_MATCHES, BRANCH_RECEIPTS};
    char filter[EXCHANGE_TOPIC];
    for (size_t i = 0; i < 2; i++) {
        struct exchange_topic topic = territory_topic(t, branches[i], "+");
        mqtt_client_subscribe(t->client, exchange_topic_text(&topic, filter));
    }
}

static void went_up(void *arg)
{
    struct territory *t = arg;
    atomic_store(&t->connected, true);
    t->exempt = 0;
    t->missed = false;
    territory_all_wait(t);
    territory_pump(t);
}

static void went_down(void *arg, const struct mqtt_loss *loss)
{
    struct territory *t = arg;
    (void)loss;
    atomic_store(&t->connected, false);
    territory_all_wait(t);
}

static void progressed(void *arg)
{
    territory_collect(arg);
    territory_pump(arg);
}

static bool any_under_way(void *arg)
{
    return territory_any_flies(arg);
}

static void came(void *arg, const struct mqtt_incoming *m)
{
    territory_take(arg, m);
}

static void subscribed(void *arg, const char *filter, unsigned code, const char *words)
{
    struct territory *t = arg;
    if (code)
        log_error(
            TERRITORY_SUBJECT,
            "the broker refuses the subscription to %s: reason 0x%02x %s; without it no match arrives: its "
            "access list must let %s read there",
            filter, code, words, t->who.pseudonym);
}

// ---- The thread ----

static void take_wishes(struct territory *t)
{
    pthread_mutex_lock(&t->wish_lock);
    struct wishes *fresh = t->fresh;
    t->fresh = NULL;
    pthread_mutex_unlock(&t->wish_lock);
    if (!fresh)
        return;
    free(t->wishes);
    t->wishes = fresh;
    t->stepped.ns = 0; // at once
}

static void follow_wishes(struct territory *t)
{
    take_wishes(t);
    struct mono now = mono_now();
    if (t->stepped.ns == 0 || mono_since(now, t->stepped) >= STEP_NS) {
        t->stepped = now;
        territory_step(t, utc_now());
    }
}

static void step(struct territory *t)
{
    struct order o;
    follow_wishes(t);
    if (territory_may_ask_again(t, mono_now()))
        subscribe(t);
    while (mailbox_take(&t->orders, &o)) {
        follow_wishes(t); // those given before the order: it must not tell more than they allow
        territory_obey(t, &o, utc_now());
    }
    if (t->rekeyed && utc_plausible(utc_now()))
        t->rekeyed = !territory_sign_anew(t);
    if (t->unsaved)
        territory_save(t);
    territory_pump(t);
}

static void copy_for_status(struct territory *t)
{
    pthread_mutex_lock(&t->lock);
    t->info = *mqtt_client_info(t->client);
    pthread_mutex_unlock(&t->lock);
    atomic_store(&t->heartbeat, mono_now().ns);
}

static void poked(struct wakeup *w)
{
    (void)w; // the turn ends, and the step follows
}

static bool all_sent(const struct territory *t)
{
    for (size_t i = 0; i < STANDINGS_MAX; i++)
        if (t->standings[i].topic[0] &&
            (t->standings[i].state == STANDING_WAITS || t->standings[i].state == STANDING_FLIES))
            return false;
    return true;
}

// Offers that others may still take for told: their withdrawal could not be said, or the broker has not got
// it.
static void find_unsent(struct territory *t)
{
    buf_reset(&t->unsent);
    for (size_t i = 0; i < t->life_count; i++)
        if (t->lives[i].told)
            buf_printf(&t->unsent, " %s", t->lives[i].last.id);
    for (size_t i = 0; i < STANDINGS_MAX; i++) {
        const struct standing *s = &t->standings[i];
        if (s->topic[0] && s->topic[0] != '/' && s->kind == MESSAGE_WITHDRAWAL && s->data &&
            s->state != STANDING_STANDS)
            buf_printf(&t->unsent, " %s", s->id);
    }
    if (t->unsent.len)
        log_error(
            TERRITORY_SUBJECT,
            "the broker has not got the withdrawal of%s: there they stand until they expire, unless the "
            "exchange comes back as it was; tell the coordinator",
            buf_text(&t->unsent));
}

// A withdrawal is tried until the deadline even while the link is down: it may come up again. Anything else
// waits in the state file.
static void say_goodbye(struct territory *t)
{
    struct mono until = {atomic_load(&t->stop_by)};
    bool withdrawing = atomic_load(&t->withdraw_all);
    if (withdrawing) {
        struct wishes *none = calloc(1, sizeof *none);
        if (none) {
            free(t->wishes);
            t->wishes = none;
        }
        t->stepped.ns = 0;
        step(t);
    }
    while ((withdrawing || mqtt_client_is_up(t->client)) && !all_sent(t)) {
        int64_t left = mono_since(until, mono_now());
        if (left <= 0 || loop_turn(t->loop, left) < 0)
            break;
        territory_collect(t);
        territory_pump(t);
    }
    if (withdrawing)
        find_unsent(t);
}

static void *run(void *arg)
{
    struct territory *t = arg;
    pthread_setname_np(pthread_self(), "exchange");
    if (mqtt_client_start(t->client, t->loop) < 0)
        log_error(TERRITORY_SUBJECT, "cannot start: %m");
    while (!atomic_load(&t->stopping)) {
        if (loop_turn(t->loop, NS_PER_S) < 0)
            poll(NULL, 0, 100); // whatever is wrong with epoll, it must not spin
        step(t);
        copy_for_status(t);
    }
    say_goodbye(t);
    mqtt_client_free(t->client);
    t->client = NULL;
    atomic_store(&t->connected, false);
    if (t->unsaved)
        territory_save(t);
    sem_post(&t->ended);
    return NULL;
}

// ---- Life ----

static void free_all(struct territory *t)
{
    mqtt_client_free(t->client);
    disclosure_close(t->log);
    site_key_wipe(&t->key);
    for (size_t i = 0; t->standings && i < STANDINGS_MAX; i++)
        free(t->standings[i].data);
    free(t->standings);
    free(t->lives);
    free(t->matches);
    free(t->receipts);
    free(t->wishes);
    free(t->fresh);
    if (t->poke.loop)
        wakeup_close(&t->poke);
    mailbox_free(&t->orders);
    loop_free(t->loop);
    struct buf *const bufs[] = {&t->body, &t->envelope, &t->scratch, &t->card, &t->unsent};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_free(bufs[i]);
    pthread_mutex_destroy(&t->lock);
    pthread_mutex_destroy(&t->wish_lock);
    sem_destroy(&t->ended);
    free(t);
}

static bool make_room(struct territory *t)
{
    t->lives = calloc(LIVES_MAX, sizeof *t->lives);
    t->standings = calloc(STANDINGS_MAX, sizeof *t->standings);
    t->matches = calloc(MATCHES_MAX, sizeof *t->matches);
    t->receipts = calloc(RECEIPTS_MAX, sizeof *t->receipts);
    t->loop = loop_new();
    return t->lives && t->standings && t->matches && t->receipts && t->loop &&
           wakeup_open(&t->poke, t->loop, poked) == 0 &&
           mailbox_open(&t->orders, sizeof(struct order), ORDERS, &t->poke) == 0;
}

static bool make_client(struct territory *t, char *why, size_t why_size)
{
    const struct mqtt_client_events events = {.up = went_up,
                                              .down = went_down,
                                              .progress = progressed,
                                              .under_way = any_under_way,
                                              .arg = t,
                                              .message = came,
                                              .suback = subscribed};
    const struct mqtt_client_settings s = {.config = &t->who.link,
                                           .subject = TERRITORY_SUBJECT,
                                           .client_id = t->who.client_id,
                                           .inbox_bytes = INBOX_BYTES,
                                           .incoming_max = INCOMING_MAX,
                                           .receive_maximum = RECEIVE_MAXIMUM};
    t->client = mqtt_client_new(&s, &events, why, why_size);
    if (t->client)
        subscribe(t);
    return t->client != NULL;
}

struct territory *territory_open(const struct territory_identity *who, char *why, size_t why_size)
{
    struct territory *t = calloc(1, sizeof *t);
    snprintf(why, why_size, "out of memory");
    if (!t)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    pthread_mutex_init(&t->wish_lock, NULL);
    sem_init(&t->ended, 0, 0);
    t->who = *who;
    t->tokens = 20;
    t->tokens_at = mono_now();
    atomic_store(&t->heartbeat, mono_now().ns);
    snprintf(t->state_path, sizeof t->state_path, "%s/state.json", who->directory);
    snprintf(t->log_path, sizeof t->log_path, "%s/disclosures.log", who->directory);
    if (!make_room(t)) {
        free_all(t);
        return NULL;
    }
    if (directory_make(who->directory, 0700) < 0) {
        snprintf(why, why_size, "directory %s: %s", who->directory, strerror(errno));
        free_all(t);
        return NULL;
    }
    if (site_key_load(who->key_file, &t->key, why, why_size) < 0 ||
        !(t->log = disclosure_open(t->log_path, why, why_size)) || !territory_load(t, why, why_size) ||
        !make_client(t, why, why_size)) {
        free_all(t);
        return NULL;
    }
    t->info = *mqtt_client_info(t->client);
    return t;
}

int territory_start(struct territory *t)
{
    int rc = pthread_create(&t->thread, NULL, run, t);
    t->started = rc == 0;
    errno = rc;
    return rc ? -1 : 0;
}

void territory_close(struct territory *t, bool withdraw, struct mono deadline, char *unsent, size_t size)
{
    snprintf(unsent, size, "%s", "");
    if (!t)
        return;
    if (t->started) {
        atomic_store(&t->withdraw_all, withdraw);
        atomic_store(&t->stop_by, deadline.ns);
        atomic_store(&t->stopping, true);
        wakeup_send(&t->poke);
        struct mono end = mono_add(deadline, NS_PER_S); // Paho's threads end within that
        struct timespec until = {end.ns / NS_PER_S, end.ns % NS_PER_S};
        int rc;
        while ((rc = sem_clockwait(&t->ended, CLOCK_MONOTONIC, &until)) < 0 && errno == EINTR)
            ;
        if (rc < 0) {
            log_error(TERRITORY_SUBJECT, "its thread does not end (disk, name look-up?): left behind");
            pthread_detach(t->thread);
            if (withdraw)
                snprintf(unsent, size, " any offer (its thread does not end)");
            return;
        }
        pthread_join(t->thread, NULL);
        snprintf(unsent, size, "%s", buf_text(&t->unsent));
    }
    free_all(t);
}

void territory_wish(struct territory *t, struct wishes *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&t->wish_lock);
    struct wishes *old = t->fresh;
    t->fresh = w;
    pthread_mutex_unlock(&t->wish_lock);
    free(old);
    wakeup_send(&t->poke);
}

bool territory_order(struct territory *t, const struct order *o)
{
    return mailbox_put(&t->orders, o);
}
