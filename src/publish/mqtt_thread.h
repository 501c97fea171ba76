/* SPDX-License-Identifier: Apache-2.0 */
/* The sending thread of the MQTT publisher, and what it shares with the loop's. */
#ifndef PUBLISH_MQTT_THREAD_H
#define PUBLISH_MQTT_THREAD_H

#include <pthread.h>
#include <semaphore.h>
#include "mqtt_delivery.h"
#include "symbiont/publisher.h"

struct mqtt_thread {
    const struct mqtt_config *config;
    const struct publisher_site *site;

    /* Its own, once it runs. */
    struct loop *loop;
    struct watch outbox_watch;
    struct timer flush_timer, retry_timer; /* of new messages, of refused ones */
    struct mqtt_client *client;
    struct mqtt_delivery delivery;
    struct mono begun, looked_at_topics;
    char *old_topics; /* retained topics of an earlier run, until they have been dealt with */

    /* Both threads'. */
    struct wakeup poke; /* from the loop's: a document, or stop */
    struct mqtt_documents *documents;
    atomic_bool stopping, connected;
    atomic_llong stop_by, heartbeat; /* ns, monotonic */
    sem_t ended;

    pthread_mutex_t lock; /* the copies that status() shows */
    struct mqtt_client_info info;
    struct mqtt_delivery_counters counters;
    unsigned flying, held;
};

/* `config` and `site` are set; `client` and the rest of `delivery` are set after it. -1: no memory or
 * descriptor. */
int mqtt_thread_open(struct mqtt_thread *t);
struct mqtt_client_events mqtt_thread_events(struct mqtt_thread *t);
/* The thread's function; ends after `stopping`, by `stop_by`, and posts `ended`. */
void *mqtt_thread_run(void *arg);
void mqtt_thread_close(struct mqtt_thread *t);

#endif
