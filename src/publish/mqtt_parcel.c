// SPDX-License-Identifier: Apache-2.0
// A message on its way: free, under way, held for its next try, set aside.
#include "mqtt_delivery_inside.h"

#include <string.h>

// FNV-1a; 0 stands for "none" in the table of refused topics.
uint64_t mqtt_topic_hash(const char *topic)
{
    uint64_t h = 14695981039346656037u;
    for (; *topic; topic++)
        h = (h ^ (unsigned char)*topic) * 1099511628211u;
    return h ? h : 1;
}

struct mqtt_parcel *mqtt_parcel_free(struct mqtt_delivery *d)
{
    for (size_t i = 0; i < d->parcel_count; i++)
        if (d->parcels[i].state == PARCEL_FREE)
            return &d->parcels[i];
    return NULL;
}

void mqtt_parcel_release(struct mqtt_delivery *d, struct mqtt_parcel *p)
{
    if (p->state == PARCEL_FLYING)
        d->flying--;
    if (p->state == PARCEL_HELD)
        d->held--;
    p->state = PARCEL_FREE;
}

void mqtt_parcel_hold(struct mqtt_delivery *d, struct mqtt_parcel *p, struct mono due)
{
    mqtt_parcel_release(d, p);
    p->state = PARCEL_HELD;
    p->due = due;
    d->held++;
}

void mqtt_delivery_acknowledge(struct mqtt_delivery *d)
{
    uint64_t id = mqtt_order_ack(&d->order);
    if (!id)
        return;
    outbox_ack(d->outbox, d->lane, id);
    if (d->suspect && id >= d->suspect) {
        d->suspect = 0;
        d->drops = 0;
        d->alone = false;
    }
}

void mqtt_parcel_set_aside(struct mqtt_delivery *d, struct mqtt_parcel *p, const char *why)
{
    size_t prefix = strlen(d->prefix);
    struct outbox_item item = {.id = p->id,
                               .time = p->time,
                               .topic = p->topic.data + prefix,
                               .payload = p->payload.data,
                               .n = p->payload.len};
    outbox_reject(d->outbox, d->lane, &item, why);
    d->counters.set_aside++;
    mqtt_order_done(&d->order, p->id);
    mqtt_parcel_release(d, p);
}
