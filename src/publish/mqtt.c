// SPDX-License-Identifier: Apache-2.0
// The MQTT publisher: readings, documents and events in on the loop's thread; its life and its status.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mqtt_thread.h"
#include "symbiont/encode.h"
#include "thin_set.h"

#define SUBJECT "mqtt"

struct publisher {
    const struct mqtt_config *config;
    struct publisher_site site;
    char *prefix, *client_id, *will_topic;
    struct thin_set thin;
    struct buf scratch;
    pthread_t thread;
    bool started;
    struct mqtt_thread sender;
};

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
    if (mqtt_documents_set(p->sender.documents, full, payload, n) < 0)
        log_error(SUBJECT, "no memory to keep the document %s", topic);
    else if (p->started)
        wakeup_send(&p->sender.poke);
}

static void event(struct publisher *p, const char *topic, const char *json, size_t n, const char *line,
                  struct utc time)
{
    (void)line;
    outbox_put(p->site.outbox, p->site.lane, topic, json, n, time);
}

// ---- Life ----

static void free_all(struct publisher *p)
{
    mqtt_thread_close(&p->sender);
    thin_set_free(&p->thin);
    buf_free(&p->scratch);
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
    p->thin = (struct thin_set){.config = &p->config->thin, .publish = put_reading, .arg = p};
    struct mqtt_thread *t = &p->sender;
    t->config = p->config;
    t->site = &p->site;
    if (mqtt_thread_open(t) < 0 || !make_names(p)) {
        snprintf(why, why_size, "cannot prepare the publisher: %m");
        free_all(p);
        return NULL;
    }
    const struct mqtt_client_events events = mqtt_thread_events(t);
    const struct mqtt_client_settings s = {.config = p->config,
                                           .subject = SUBJECT,
                                           .client_id = p->client_id,
                                           .will_topic = p->will_topic,
                                           .will_payload = "offline"};
    t->client = mqtt_client_new(&s, &events, why, why_size);
    if (!t->client) {
        free_all(p);
        return NULL;
    }
    t->delivery.client = t->client;
    t->delivery.outbox = site->outbox;
    t->delivery.lane = site->lane;
    t->delivery.lane_name = t->delivery.subject = SUBJECT;
    t->delivery.prefix = p->prefix;
    t->delivery.documents = t->documents;
    t->info = *mqtt_client_info(t->client);
    return p;
}

static int start(struct publisher *p)
{
    p->sender.begun = mono_now();
    int rc = pthread_create(&p->thread, NULL, mqtt_thread_run, &p->sender);
    p->started = rc == 0;
    errno = rc;
    return rc ? -1 : 0;
}

static void close_mqtt(struct publisher *p, struct mono deadline)
{
    thin_set_finish(&p->thin);
    if (p->started) {
        atomic_store(&p->sender.stop_by, deadline.ns);
        atomic_store(&p->sender.stopping, true);
        wakeup_send(&p->sender.poke);
        // A second more: Paho's threads end within that.
        struct mono end = mono_add(deadline, NS_PER_S);
        struct timespec until = {end.ns / NS_PER_S, end.ns % NS_PER_S};
        int rc;
        while ((rc = sem_clockwait(&p->sender.ended, CLOCK_MONOTONIC, &until)) < 0 && errno == EINTR)
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
    pthread_mutex_lock(&p->sender.lock);
    struct mqtt_client_info info = p->sender.info;
    struct mqtt_delivery_counters counters = p->sender.counters;
    unsigned flying = p->sender.flying, held = p->sender.held;
    pthread_mutex_unlock(&p->sender.lock);
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
    json_int(j, "documents", (int64_t)mqtt_documents_count(p->sender.documents));
    json_int(j, "documents_waiting", (int64_t)mqtt_documents_waiting(p->sender.documents));
    json_int(j, "attempts", (int64_t)info.attempts);
    json_int(j, "connects", (int64_t)info.connects);
    json_int(j, "losses", (int64_t)info.losses);
    error_members(j, &info);
}

static bool connected(struct publisher *p)
{
    return atomic_load(&p->sender.connected);
}

static struct mono heartbeat(struct publisher *p)
{
    return (struct mono){atomic_load(&p->sender.heartbeat)};
}

static bool ready(const void *settings, char *why, size_t why_size)
{
    return mqtt_files_can_be_read(settings, why, why_size);
}

const struct publisher_kind publisher_mqtt = {
    .name = "mqtt",
    .section = &mqtt_section,
    .configured = mqtt_configured,
    .check = mqtt_check,
    .ready = ready,
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
