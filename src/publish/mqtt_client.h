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
    const char *will_topic, *will_payload; /* topic NULL: none */
    /* For those that subscribe; 0: nothing is taken in. */
    size_t inbox_bytes; /* messages that wait for `message` take no more; the rest is dropped, counted. More
                           than a retained set takes, when `message` is slower than the broker */
    uint32_t incoming_max;    /* bytes of a packet (the broker is told with MQTT 5); 0: 4096 */
    unsigned receive_maximum; /* not acknowledged at once; 0: 4 */
};

struct mqtt_incoming {
    const char *topic;
    const void *payload; /* n bytes and a NUL; until the callback returns */
    size_t n;
    bool retained; /* it stood there when the subscription was made */
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
    /* The rest may be NULL. What came in on a subscription. It may send and subscribe, not free the client.
     */
    void (*message)(void *arg, const struct mqtt_incoming *m);
    /* The broker answered a subscription: `code` 0, or the MQTT reason why not (it is asked again at the next
     * connect). A broker may also grant what it then never sends. */
    void (*suback)(void *arg, const char *filter, unsigned code, const char *words);
};

/* Password, key and certificates, as they are now. False with a sentence in `why`. */
bool mqtt_files_can_be_read(const struct mqtt_config *config, char *why, size_t why_size);

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

/* As mqtt_paho_send; while up. */
int mqtt_client_send(struct mqtt_client *c, struct mqtt_message *m, const char *topic, const void *payload,
                     size_t n, bool retained, uint32_t expiry_s);

/*
 * Wants what matches the filter (copied), from now on and at each connection anew; a filter that is already
 * wanted is asked for again, which has the broker send the retained messages once more. When messages were
 * dropped because the inbox was full, that is done by itself once it is empty. On the loop's thread, or
 * before the start. -1: too many filters, or too long.
 */
#define MQTT_FILTERS_MAX 16
#define MQTT_FILTER_MAX  256
int mqtt_client_subscribe(struct mqtt_client *c, const char *filter);

/* Throws the connection away and makes a new one: it has gone quiet. `down` is called. */
void mqtt_client_rebuild(struct mqtt_client *c, const char *why);

/* What there is to tell. Strings have static or the client's lifetime. */
struct mqtt_client_info {
    bool up, conflict;  /* conflict: another client uses our client_id */
    const char *server; /* the one in use or tried */
    int version;        /* 5, 4 (3.1.1), 0 none yet */
    unsigned window;
    uint64_t connects, attempts, losses;
    uint64_t received; /* messages taken in; besides: the inbox had no room for, and beyond incoming_max */
    uint64_t dropped, too_long;
    struct utc since; /* of this connection, or of its end */
    char last_error[400];
    struct utc last_error_at;
    struct utc certificate_expires; /* the first of certificate_file and ca_file; ms 0: none */
};
const struct mqtt_client_info *mqtt_client_info(const struct mqtt_client *c);

#endif
