/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that came in, on their way from Paho's thread to the owner's: a bounded queue. What does not fit
 * is dropped and counted; nobody waits.
 */
#ifndef PUBLISH_MQTT_INBOX_H
#define PUBLISH_MQTT_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mqtt_inbox;

struct mqtt_letter {
    struct mqtt_letter *next;
    bool retained;
    const char *topic;   /* NUL-terminated */
    const void *payload; /* followed by a NUL that is not counted in n */
    size_t n;
};

/* `bytes`: of topics, payloads and their keeping together. NULL: no memory. */
struct mqtt_inbox *mqtt_inbox_new(size_t bytes);
void mqtt_inbox_free(struct mqtt_inbox *b);

/* Any thread. False: dropped (full, no memory, a NUL within the topic). */
bool mqtt_inbox_put(struct mqtt_inbox *b, const char *topic, size_t topic_n, const void *payload, size_t n,
                    bool retained);
/* Counts one that is too long for anybody. */
void mqtt_inbox_refuse(struct mqtt_inbox *b);
/* The oldest, which the caller frees; NULL: empty. */
struct mqtt_letter *mqtt_inbox_take(struct mqtt_inbox *b);
void mqtt_inbox_counts(struct mqtt_inbox *b, uint64_t *taken, uint64_t *dropped, uint64_t *too_long);

#endif
