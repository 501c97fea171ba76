/* SPDX-License-Identifier: Apache-2.0 */
/* Parcels as mqtt_delivery.c (sending) and mqtt_outcome.c (answers, losses) share them. */
#ifndef PUBLISH_MQTT_DELIVERY_INSIDE_H
#define PUBLISH_MQTT_DELIVERY_INSIDE_H

#include "mqtt_delivery.h"

/* For the table of refused topics; never 0. */
uint64_t mqtt_topic_hash(const char *topic);
/* NULL: as many are under way or held as may be. */
struct mqtt_parcel *mqtt_parcel_free(struct mqtt_delivery *d);
void mqtt_parcel_release(struct mqtt_delivery *d, struct mqtt_parcel *p);
/* To be sent again when it is due. */
void mqtt_parcel_hold(struct mqtt_delivery *d, struct mqtt_parcel *p, struct mono due);
/* Into the outbox's list of refused messages. */
void mqtt_parcel_set_aside(struct mqtt_delivery *d, struct mqtt_parcel *p, const char *why);
/* What is done with without a hole before it leaves the outbox. */
void mqtt_delivery_acknowledge(struct mqtt_delivery *d);

#endif
