// SPDX-License-Identifier: Apache-2.0
// The ring of ids taken out of the outbox and not yet acknowledged to it.
#include "mqtt_order.h"

static size_t place(const struct mqtt_order *o, size_t i)
{
    return (o->head + i) % MQTT_ORDER_MAX;
}

void mqtt_order_add(struct mqtt_order *o, uint64_t id)
{
    size_t at = place(o, o->count++);
    o->ring[at].id = id;
    o->ring[at].done = false;
}

void mqtt_order_done(struct mqtt_order *o, uint64_t id)
{
    size_t low = 0, high = o->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (o->ring[place(o, middle)].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < o->count && o->ring[place(o, low)].id == id)
        o->ring[place(o, low)].done = true;
}

uint64_t mqtt_order_ack(struct mqtt_order *o)
{
    uint64_t id = 0;
    while (o->count && o->ring[o->head].done) {
        id = o->ring[o->head].id;
        o->head = place(o, 1);
        o->count--;
    }
    return id;
}

uint64_t mqtt_order_first(const struct mqtt_order *o)
{
    for (size_t i = 0; i < o->count; i++)
        if (!o->ring[place(o, i)].done)
            return o->ring[place(o, i)].id;
    return 0;
}

void mqtt_order_clear(struct mqtt_order *o)
{
    o->head = o->count = 0;
}
