// SPDX-License-Identifier: Apache-2.0
// From the outbox, the documents and the gap records to the broker.
#include "mqtt_delivery_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "symbiont/encode.h"

// Gap records are rare, and a look at them takes the outbox's lock.
#define GAP_LOOK_NS (1 * NS_PER_S)

int mqtt_delivery_init(struct mqtt_delivery *d, size_t window)
{
    d->parcel_count = window + MQTT_HELD_MAX;
    d->parcels = calloc(d->parcel_count, sizeof *d->parcels);
    return d->parcels ? 0 : -1;
}

void mqtt_delivery_free(struct mqtt_delivery *d)
{
    for (size_t i = 0; d->parcels && i < d->parcel_count; i++) {
        buf_free(&d->parcels[i].topic);
        buf_free(&d->parcels[i].payload);
    }
    free(d->parcels);
    d->parcels = NULL;
}

// ---- Sending ----

static void too_large(struct mqtt_delivery *d, struct mqtt_parcel *p, struct mono now)
{
    char why[120];
    snprintf(why, sizeof why, "%zu bytes: the broker takes at most %" PRIu32, p->payload.len,
             mqtt_client_maximum_packet(d->client));
    complain(&d->refusal_trouble, now, LOG_LEVEL_ERROR, d->subject, "message on %s: %s", p->topic.data, why);
    if (p->kind == PARCEL_DOCUMENT) {
        mqtt_documents_refused(d->documents, p->document);
        mqtt_parcel_release(d, p);
    } else if (p->kind == PARCEL_MESSAGE) {
        mqtt_parcel_set_aside(d, p, why);
    } else {
        mqtt_parcel_release(d, p);
    }
}

static bool fits(const struct mqtt_delivery *d, const struct mqtt_parcel *p)
{
    return mqtt_paho_packet_size(p->topic.data, p->payload.len) <= mqtt_client_maximum_packet(d->client);
}

// False: the link is down, nothing more can be sent.
static bool send_parcel(struct mqtt_delivery *d, struct mqtt_parcel *p, struct mono now)
{
    if (!fits(d, p)) {
        too_large(d, p, now);
        return true;
    }
    bool retained = p->kind == PARCEL_DOCUMENT || p->kind == PARCEL_STATUS;
    mqtt_parcel_release(d, p);
    p->state = PARCEL_FLYING;
    p->sent = now;
    d->flying++;
    d->counters.sent++;
    if (mqtt_client_send(d->client, &p->message, p->topic.data, p->payload.data ? p->payload.data : "",
                         p->payload.len, retained, 0) == 0)
        return true;
    // It never left; the loss of the connection, which follows, puts it back.
    atomic_store(&p->message.outcome, MQTT_LOST);
    return false;
}

static struct mqtt_parcel *address(struct mqtt_delivery *d, enum mqtt_parcel_kind kind, const char *topic)
{
    struct mqtt_parcel *p = mqtt_parcel_free(d);
    if (!p)
        return NULL;
    p->kind = kind;
    p->id = 0;
    p->sent = (struct mono){0};
    buf_reset(&p->topic);
    buf_reset(&p->payload);
    buf_puts(&p->topic, d->prefix);
    buf_puts(&p->topic, topic);
    p->topic_hash = mqtt_topic_hash(buf_text(&p->topic));
    return p;
}

static bool send_status(struct mqtt_delivery *d, const char *word, struct mono now)
{
    struct mqtt_parcel *p = address(d, PARCEL_STATUS, "status");
    if (!p)
        return false;
    buf_puts(&p->payload, word);
    return !p->topic.failed && !p->payload.failed && send_parcel(d, p, now);
}

static bool send_document(struct mqtt_delivery *d, bool suspects, struct mono now)
{
    struct mqtt_parcel *p = mqtt_parcel_free(d);
    if (!p || !mqtt_documents_take(d->documents, suspects, &p->document, &p->topic, &p->payload))
        return false;
    p->kind = PARCEL_DOCUMENT;
    p->id = 0;
    p->topic_hash = mqtt_topic_hash(p->topic.data);
    return send_parcel(d, p, now);
}

static bool send_gap(struct mqtt_delivery *d, struct mono now)
{
    if (d->gap_flying || mono_since(now, d->gaps_looked_at) < GAP_LOOK_NS)
        return true;
    d->gaps_looked_at = now;
    if (!utc_plausible(utc_now())) // it is told with its time
        return true;
    if (!outbox_gap(d->outbox, d->lane, &d->gap))
        return true;
    struct mqtt_parcel *p = address(d, PARCEL_GAP, "gaps");
    if (!p)
        return true;
    encode_json_gap(&p->payload, d->lane_name, &d->gap, utc_now());
    if (p->topic.failed || p->payload.failed)
        return true;
    d->gap_flying = true;
    d->gaps_looked_at = (struct mono){0}; // there may be more
    return send_parcel(d, p, now);
}

static struct mqtt_parcel *next_due(struct mqtt_delivery *d, struct mono now)
{
    struct mqtt_parcel *oldest = NULL;
    for (size_t i = 0; d->held && i < d->parcel_count; i++) {
        struct mqtt_parcel *p = &d->parcels[i];
        if (p->state == PARCEL_HELD && !mono_before(now, p->due) && (!oldest || p->id < oldest->id))
            oldest = p;
    }
    return oldest;
}

static bool send_held(struct mqtt_delivery *d, unsigned window, struct mono now)
{
    struct mqtt_parcel *p;
    while (d->flying < window && (p = next_due(d, now)))
        if (!send_parcel(d, p, now))
            return false;
    return true;
}

// A message must not overtake an earlier one of its topic that is to be tried again.
static const struct mqtt_parcel *held_before(const struct mqtt_delivery *d, uint64_t topic_hash)
{
    const struct mqtt_parcel *last = NULL;
    for (size_t i = 0; d->held && i < d->parcel_count; i++) {
        const struct mqtt_parcel *p = &d->parcels[i];
        if (p->state == PARCEL_HELD && p->topic_hash == topic_hash && (!last || p->id > last->id))
            last = p;
    }
    return last;
}

static void put_payload(struct mqtt_parcel *p, const struct outbox_item *item)
{
    static const char mark[] = ",\"historical\":true}";
    bool marked = item->backlog && item->n > 2 && item->payload[item->n - 1] == '}';
    buf_put(&p->payload, item->payload, marked ? item->n - 1 : item->n);
    if (marked)
        buf_puts(&p->payload, mark);
}

// Takes one message out of the outbox and sends or holds it. False: there is none, or it cannot be sent.
static bool send_message(struct mqtt_delivery *d, bool *none, struct mono now)
{
    struct outbox_item item;
    if (!mqtt_parcel_free(d) || mqtt_order_full(&d->order))
        return false;
    if (!outbox_next(d->outbox, d->lane, &item)) {
        *none = true;
        return false;
    }
    struct mqtt_parcel *p = address(d, PARCEL_MESSAGE, item.topic);
    put_payload(p, &item);
    if (p->topic.failed || p->payload.failed) { // no memory: again from here, later
        outbox_rewind(d->outbox, d->lane, item.id);
        return false;
    }
    p->id = item.id;
    p->time = item.time;
    mqtt_order_add(&d->order, item.id);
    if (item.id == d->condemned) {
        mqtt_parcel_set_aside(d, p, "the broker ended the connection each time it was sent this message");
        d->condemned = 0;
        mqtt_delivery_acknowledge(d);
        return true;
    }
    const struct mqtt_parcel *before = held_before(d, p->topic_hash);
    if (before) {
        mqtt_parcel_hold(d, p, before->due);
        return true;
    }
    return send_parcel(d, p, now);
}

bool mqtt_delivery_pump(struct mqtt_delivery *d, struct mono now)
{
    bool none = false;
    if (!mqtt_client_is_up(d->client))
        return false;
    unsigned window = mqtt_client_window(d->client);
    if (!d->announced) {
        if (!send_status(d, "online", now))
            return false;
        d->announced = true;
    }
    while (d->flying < window && send_document(d, false, now))
        ;
    if (d->flying < window && !send_gap(d, now))
        return false;
    if (!send_held(d, window, now))
        return false;
    if (d->alone) { // one message, when nothing else is under way
        if (d->flying == 0 && d->order.count == 0)
            send_message(d, &none, now);
        return none;
    }
    while (d->flying < window && send_message(d, &none, now))
        ;
    mqtt_delivery_acknowledge(d);
    // Documents that broke the connection before go last and one by one.
    if (none && d->flying == 0)
        send_document(d, true, now);
    return none;
}

bool mqtt_delivery_due(const struct mqtt_delivery *d, struct mono *due)
{
    bool any = false;
    for (size_t i = 0; d->held && i < d->parcel_count; i++) {
        if (d->parcels[i].state != PARCEL_HELD || (any && !mono_before(d->parcels[i].due, *due)))
            continue;
        *due = d->parcels[i].due;
        any = true;
    }
    return any;
}

int64_t mqtt_delivery_silence_ns(const struct mqtt_delivery *d, struct mono now)
{
    int64_t longest = 0;
    for (size_t i = 0; d->flying && i < d->parcel_count; i++)
        if (d->parcels[i].state == PARCEL_FLYING && mono_since(now, d->parcels[i].sent) > longest)
            longest = mono_since(now, d->parcels[i].sent);
    return longest;
}

void mqtt_delivery_goodbye(struct mqtt_delivery *d, struct mono now)
{
    send_status(d, "offline", now);
}
