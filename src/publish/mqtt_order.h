/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acknowledging in order: the outbox forgets everything up to an id, but brokers answer in any order. This
 * ring remembers what was taken out of the outbox, and gives the end of the part that is done without a hole.
 */
#ifndef PUBLISH_MQTT_ORDER_H
#define PUBLISH_MQTT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many messages may pass one that is refused and tried again. */
#define MQTT_ORDER_MAX 1024

struct mqtt_order {
    struct {
        uint64_t id;
        bool done;
    } ring[MQTT_ORDER_MAX];
    size_t head, count;
};

static inline bool mqtt_order_full(const struct mqtt_order *o)
{
    return o->count == MQTT_ORDER_MAX;
}

/* Ids grow. The ring must not be full. */
void mqtt_order_add(struct mqtt_order *o, uint64_t id);
void mqtt_order_done(struct mqtt_order *o, uint64_t id);
/* The last id before the first hole, and forgets all up to it; 0: nothing new. */
uint64_t mqtt_order_ack(struct mqtt_order *o);
/* The oldest id that is not done, 0: none. */
uint64_t mqtt_order_first(const struct mqtt_order *o);
void mqtt_order_clear(struct mqtt_order *o);

#endif
