/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to an MQTT broker that is always wanted: it is made, lost and made again, with the
 * servers in turn, growing pauses, and MQTT 3.1.1 where a broker does not take 5. Everything is on
 * the thread of the loop it is given, callbacks too; its blocking calls (Paho may wait for a second)
 * block that thread, so it is a thread of its own.
 */
#ifndef PUBLISH_MQTT_CLIENT_H
#define PUBLISH_MQTT_CLIENT_H

#include "mqtt_options.h"
#include "mqtt_paho.h"
#include "symbiont/clock.h"
#include "symbiont/loop.h"

struct mqtt_client;

struct mqtt_client_settings {
    const struct mqtt_config *config; /* outlives the client, as do the strings */
    const char *subject;              /* for the log */
    const char *client_id;
    const char *will_topic, *will_payload;
};

/* Why a connection ended. */
struct mqtt_loss {
    int reason;   /* the broker's DISCONNECT (MQTT 5), or 0 */
    bool rebuilt; /* we closed it: mqtt_client_rebuild */
    const char *words;
};

struct mqtt_client_events {
    void (*up)(void *arg);
    void (*down)(void *arg, const struct mqtt_loss *loss); /* after it no message has an outcome any more */
    void (*progress)(void *arg);                           /* some message has its outcome */
    bool (*under_way)(void *arg);                          /* is any message without an outcome? */
    void *arg;
};

/* NULL with a sentence in `why`: memory, or a secret or certificate that cannot be read. */
struct mqtt_client *mqtt_client_new(const struct mqtt_client_settings *s,
                                    const struct mqtt_client_events *events, char *why, size_t why_size);
/* On the loop's thread, once: begins to connect. */
int mqtt_client_start(struct mqtt_client *c, struct loop *loop);
/* Ends the connection (politely when it is up) and frees. On the loop's thread; or on any when never started.
 */
void mqtt_client_free(struct mqtt_client *c);

bool mqtt_client_is_up(const struct mqtt_client *c);
/* Messages that may be under way at once, and their largest size (UINT32_MAX: no limit). While up. */
unsigned mqtt_client_window(const struct mqtt_client *c);
uint32_t mqtt_client_maximum_packet(const struct mqtt_client *c);

/* As mqtt_paho_send. */
int mqtt_client_send(struct mqtt_client *c, struct mqtt_message *m, const char *topic, const void *payload,
                     size_t n, bool retained);

/* Throws the connection away and makes a new one: it has gone quiet. `down` is called. */
void mqtt_client_rebuild(struct mqtt_client *c, const char *why);

/* What there is to tell. Strings have static or the client's lifetime. */
struct mqtt_client_info {
    bool up, conflict;  /* conflict: another client uses our client_id */
    const char *server; /* the one in use or tried */
    int version;        /* 5, 4 (3.1.1), 0 none yet */
    unsigned window;
    uint64_t connects, attempts, losses;
    struct utc since; /* of this connection, or of its end */
    char last_error[400];
    struct utc last_error_at;
    struct utc certificate_expires; /* the first of certificate_file and ca_file; ms 0: none */
};
const struct mqtt_client_info *mqtt_client_info(const struct mqtt_client *c);

#endif
