/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting messages from the outbox, and documents and gap records, over a connection: which are under way,
 * what an answer means, what happens when the connection breaks. On the sending thread.
 *
 * Order of a connection's messages: `online`, documents, gaps, readings and events. At most the window is
 * under way. A broken connection puts everything back; a message that breaks it again and again is sent
 * alone, and set aside when it breaks it then too.
 */
#ifndef PUBLISH_MQTT_DELIVERY_H
#define PUBLISH_MQTT_DELIVERY_H

#include "mqtt_client.h"
#include "mqtt_documents.h"
#include "mqtt_order.h"
#include "mqtt_refusal.h"
#include "symbiont/log.h"
#include "symbiont/outbox.h"

/* Besides the window, so many refused messages wait for their next try. */
#define MQTT_HELD_MAX 64

enum mqtt_parcel_kind { PARCEL_MESSAGE, PARCEL_DOCUMENT, PARCEL_GAP, PARCEL_STATUS };
enum mqtt_parcel_state { PARCEL_FREE, PARCEL_FLYING, PARCEL_HELD };

struct mqtt_parcel {
    struct mqtt_message message;
    enum mqtt_parcel_kind kind;
    enum mqtt_parcel_state state;
    uint64_t id; /* PARCEL_MESSAGE; of the others 0 */
    struct utc time;
    struct mqtt_document document;
    uint64_t topic_hash;
    struct buf topic, payload; /* topic is NUL-terminated */
    struct mono sent, due;
};

struct mqtt_delivery_counters {
    uint64_t sent, accepted, refused, set_aside, resent, documents, gaps;
};

struct mqtt_delivery {
    struct mqtt_client *client;
    struct outbox *outbox;
    size_t lane;
    const char *lane_name, *subject;
    const char *prefix; /* "symbiont/<site>/" */
    struct mqtt_documents *documents;

    struct mqtt_parcel *parcels;
    size_t parcel_count;
    unsigned flying, held;
    struct mqtt_order order;
    struct mqtt_refusals refusals;
    bool passed;    /* a message was accepted over this connection */
    bool announced; /* `online` was sent over it */
    bool gap_flying;
    struct outbox_gap gap;
    struct mono gaps_looked_at;

    /* The message that may be poison. */
    uint64_t suspect;
    unsigned drops;
    bool alone;         /* it is sent by itself */
    uint64_t condemned; /* to be set aside unsent; 0: none */

    struct complaint refusal_trouble, document_trouble;
    struct mqtt_delivery_counters counters;
};

int mqtt_delivery_init(struct mqtt_delivery *d, size_t window);
void mqtt_delivery_free(struct mqtt_delivery *d);

void mqtt_delivery_up(struct mqtt_delivery *d);
void mqtt_delivery_down(struct mqtt_delivery *d, const struct mqtt_loss *loss, struct mono now);

/* Takes the outcomes in. */
void mqtt_delivery_collect(struct mqtt_delivery *d, struct mono now);

/* Sends what it can. True: everything there was is under way (the outbox said "none"); false: the window, or
 * the connection, is the limit. */
bool mqtt_delivery_pump(struct mqtt_delivery *d, struct mono now);

/* When a refused message is due again; false: none waits. */
bool mqtt_delivery_due(const struct mqtt_delivery *d, struct mono *due);
/* The oldest message under way has been so for this long; 0: none is. */
int64_t mqtt_delivery_silence_ns(const struct mqtt_delivery *d, struct mono now);

/* At the end: what is not acknowledged is offered again to whoever opens the lane next. */
void mqtt_delivery_hand_back(struct mqtt_delivery *d);

/* Sends `offline`; whether it was accepted shows when nothing is under way any more. */
void mqtt_delivery_goodbye(struct mqtt_delivery *d, struct mono now);

#endif
