/* SPDX-License-Identifier: Apache-2.0 */
/* What mqtt_paho.c (the connection) and mqtt_paho_message.c (what passes over it) share. */
#ifndef PUBLISH_MQTT_PAHO_INSIDE_H
#define PUBLISH_MQTT_PAHO_INSIDE_H

#include <MQTTAsync.h>
#include "mqtt_inbox.h"
#include "mqtt_paho.h"

#define TLS_WORDS 160

struct mqtt_paho {
    MQTTAsync handle;
    bool v5;
    struct wakeup *wakeup;
    atomic_bool awake; // the owner has been woken and has not looked yet
    atomic_int link;   // enum mqtt_link
    atomic_int disconnect_reason;
    struct mqtt_greeting greeting; // written before `link` leaves CONNECTING, then read only
    char tls_words[TLS_WORDS];     // written by Paho's thread while connecting
    MQTTProperties json, plain;    // of every message; Paho copies them
    bool content_type;
    struct mqtt_inbox *inbox; // NULL: nothing is taken in
    size_t incoming_max;
};

/* One wake-up however many messages were acknowledged since the owner last looked. */
void mqtt_paho_wake(struct mqtt_paho *p);
void mqtt_paho_copy_words(char *out, size_t size, const char *data, int n);
int mqtt_paho_add_property(MQTTProperties *props, enum MQTTPropertyCodes code, uint32_t value);
/* Of every message of this connection. */
void mqtt_paho_message_properties(struct mqtt_paho *p, const struct mqtt_connect *c);
/* Paho's callback for what comes in. */
int mqtt_paho_arrived(void *context, char *topic, int topic_len, MQTTAsync_message *message);

#endif
