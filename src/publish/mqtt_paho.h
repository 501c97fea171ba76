/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paho MQTTAsync, reduced to what one owner thread needs: one connection attempt, messages with an
 * outcome each, and one wake-up for everything that happened. Paho's own threads run the callbacks
 * while they hold its global lock; so a callback here stores a fact and wakes the owner, nothing else.
 *
 * A lost connection is never reused: closing and opening anew leaves no message in any of Paho's
 * queues (with a kept session 1.3.12 sends freed memory, eclipse-paho/paho.mqtt.c#1621). The price is a leak
 * in Paho of what was queued and not yet sent at that moment: a kilobyte, when a connection breaks within a
 * burst.
 */
#ifndef PUBLISH_MQTT_PAHO_H
#define PUBLISH_MQTT_PAHO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mqtt_inbox;
struct mqtt_paho;
struct wakeup;

/* Outcomes of a message; refusals carry the MQTT 5 reason code in the low byte. */
#define MQTT_UNDER_WAY 0u
#define MQTT_ACCEPTED  1u
#define MQTT_LOST      2u /* the connection ended, or the message never left */
#define MQTT_REFUSED   0x100u

/* A message under way. The memory is the owner's and stays until `outcome` is set or the connection closed.
 */
struct mqtt_message {
    struct mqtt_paho *paho;
    atomic_uint outcome;
    char words[80]; /* the broker's, with a refusal; or "" */
};

enum mqtt_link { MQTT_LINK_CONNECTING, MQTT_LINK_UP, MQTT_LINK_FAILED, MQTT_LINK_LOST };

/* What the broker said when it accepted (MQTT 5; 0: it said nothing), or why it did not. */
struct mqtt_greeting {
    uint32_t receive_maximum, maximum_packet, keep_alive_s;
    bool no_retain; /* it keeps no retained messages */
    bool qos0_only;
    int code;        /* of a failure: MQTT reason code (> 0) or Paho's (< 0) */
    bool closed;     /* of a failure: the broker closed the connection in place of an answer */
    char words[200]; /* of a failure: in words */
};

struct mqtt_connect {
    const char *uri;                         /* tcp://host:port or ssl://host:port */
    int version;                             /* 5 or 4 (3.1.1) */
    const char *client_id, *user, *password; /* the last two may be NULL; copied */
    const char *ca_file, *certificate_file, *key_file;
    const char *will_topic, *will_payload; /* retained, QoS 1; topic NULL: none */
    int keep_alive_s, timeout_s;
    unsigned window;
    uint32_t message_expiry_s; /* 0: none */
    bool content_type;
    /* What may come in (MQTT 5: the broker is told; with 3.1.1 larger ones are dropped and counted). */
    uint32_t incoming_max;    /* bytes of a packet; 0: 4096 */
    unsigned receive_maximum; /* not acknowledged at once; 0: 4 */
    struct mqtt_inbox *inbox; /* outlives the connection; NULL: whatever comes is thrown away */
};

/* Begins to connect. `wakeup` is sent whenever the link or a message changed. NULL with a sentence in `why`.
 */
struct mqtt_paho *mqtt_paho_open(const struct mqtt_connect *c, struct wakeup *wakeup, char *why,
                                 size_t why_size);

enum mqtt_link mqtt_paho_link(struct mqtt_paho *p);
/* Valid once the link is no longer CONNECTING. */
const struct mqtt_greeting *mqtt_paho_greeting(const struct mqtt_paho *p);
/* The reason code of the broker's DISCONNECT, or 0. */
int mqtt_paho_disconnect_reason(struct mqtt_paho *p);

/* To be called before looking at the link and the outcomes: later changes send the wake-up again. */
void mqtt_paho_awake(struct mqtt_paho *p);

/* QoS 1. Copies topic and payload. `expiry_s`: of this message (MQTT 5); 0: message_expiry_s for JSON, else
 * none. Returns 0 when the message is under way, else -1: the link is down. */
int mqtt_paho_send(struct mqtt_paho *p, struct mqtt_message *m, const char *topic, const void *payload,
                   size_t n, bool retained, bool json, uint32_t expiry_s);

/* QoS 1; what comes goes to the inbox. The outcome of `m` is the broker's answer (3.1.1: refused with 0x80).
 * Returns as mqtt_paho_send. */
int mqtt_paho_subscribe(struct mqtt_paho *p, struct mqtt_message *m, const char *filter);

/* Bytes on the wire of such a message, at most. */
size_t mqtt_paho_packet_size(const char *topic, size_t payload);

/* Says goodbye when the link is up (the will is then not sent), ends everything, frees. No message is
 * touched afterwards. May take a second. */
void mqtt_paho_close(struct mqtt_paho *p);

#endif
