// SPDX-License-Identifier: Apache-2.0
// What becomes of messages under way: accepted, refused, lost with their connection; and the one that breaks
// it.
#include "mqtt_delivery_inside.h"

#include <inttypes.h>
#include <stdio.h>

// A connection that breaks this soon after a message was sent may have been broken by it.
#define SOON_NS       (10 * NS_PER_S)
#define SUSPECT_AFTER 3

// ---- Connection up and down ----

void mqtt_delivery_up(struct mqtt_delivery *d)
{
    d->announced = false;
    d->passed = false;
    d->gap_flying = false;
    d->gaps_looked_at = (struct mono){0};
}

void mqtt_delivery_hand_back(struct mqtt_delivery *d)
{
    uint64_t first = mqtt_order_first(&d->order);
    mqtt_order_clear(&d->order);
    if (first)
        outbox_rewind(d->outbox, d->lane, first);
}

// The oldest message that is not done with, when the connection broke soon after it was sent. Also one that
// was refused: mosquitto 2.0.11 with max_queued_messages 0 refuses, and then hangs up.
static uint64_t broken_by(const struct mqtt_delivery *d, struct mono now)
{
    uint64_t first = mqtt_order_first(&d->order);
    for (size_t i = 0; first && i < d->parcel_count; i++) {
        const struct mqtt_parcel *p = &d->parcels[i];
        if (p->state != PARCEL_FREE && p->kind == PARCEL_MESSAGE && p->id == first && p->sent.ns &&
            mono_since(now, p->sent) < SOON_NS)
            return first;
    }
    return 0;
}

static void suspect(struct mqtt_delivery *d, uint64_t id)
{
    if (id && id == d->suspect) {
        d->drops++;
    } else {
        d->suspect = id;
        d->drops = id ? 1 : 0;
    }
    if (d->alone && d->drops > SUSPECT_AFTER) {
        log_error(d->subject,
                  "the broker ended the connection each time message %" PRIu64 " was sent: it is set aside",
                  id);
        d->condemned = id;
    }
    d->alone = d->drops >= SUSPECT_AFTER && !d->condemned;
}

void mqtt_delivery_down(struct mqtt_delivery *d, const struct mqtt_loss *loss, struct mono now)
{
    suspect(d, loss->rebuilt ? 0 : broken_by(d, now));
    bool soon = false;
    for (size_t i = 0; i < d->parcel_count; i++) {
        struct mqtt_parcel *p = &d->parcels[i];
        if (p->state == PARCEL_FLYING && p->kind == PARCEL_MESSAGE)
            d->counters.resent++;
        soon |= p->state == PARCEL_FLYING && p->kind == PARCEL_DOCUMENT && !loss->rebuilt &&
                mono_since(now, p->sent) < SOON_NS;
        mqtt_parcel_release(d, p);
    }
    if (!mqtt_documents_lost(d->documents, soon))
        log_error(d->subject,
                  "the broker ends the connection when it gets one of the retained documents: it is not "
                  "sent again until it changes");
    mqtt_delivery_hand_back(d);
    d->gap_flying = false;
}

// ---- Outcomes ----

static void accepted(struct mqtt_delivery *d, struct mqtt_parcel *p)
{
    d->counters.accepted++;
    switch (p->kind) {
    case PARCEL_MESSAGE:
        d->passed = true;
        if (mqtt_not_refused(&d->refusals, p->topic_hash))
            complaint_over(&d->refusal_trouble, d->subject, "messages on %s are accepted again",
                           p->topic.data);
        mqtt_order_done(&d->order, p->id);
        break;
    case PARCEL_DOCUMENT:
        d->counters.documents++;
        mqtt_documents_accepted(d->documents, p->document);
        break;
    case PARCEL_GAP:
        d->counters.gaps++;
        d->gap_flying = false;
        outbox_gap_done(d->outbox, d->lane, &d->gap);
        break;
    case PARCEL_STATUS:
        break;
    }
    mqtt_parcel_release(d, p);
}

static void refused(struct mqtt_delivery *d, struct mqtt_parcel *p, unsigned reason, struct mono now)
{
    // One that is sent alone because it broke connections keeps the others waiting: it is not waited for.
    struct mqtt_verdict v = mqtt_refused(&d->refusals, p->topic_hash, reason, d->passed || d->alone, now);
    const char *words = p->message.words;
    char why[220];
    snprintf(why, sizeof why, "0x%02x %s%s%s%s", reason, v.words, *words ? " (" : "", words,
             *words ? ")" : "");
    d->counters.refused++;
    complain(&d->refusal_trouble, now, LOG_LEVEL_ERROR, d->subject, "the broker refuses a message on %s: %s",
             p->topic.data, why);
    if (p->kind == PARCEL_MESSAGE && v.set_aside) {
        mqtt_parcel_set_aside(d, p, why);
    } else if (p->kind == PARCEL_DOCUMENT) {
        mqtt_documents_refused(d->documents, p->document); // sent again when it changes, or after a reconnect
        mqtt_parcel_release(d, p);
    } else {
        mqtt_parcel_hold(d, p, v.due);
    }
}

// The oldest of the refused ones: their places in the table say nothing about their order.
static struct mqtt_parcel *next_refused(struct mqtt_delivery *d)
{
    struct mqtt_parcel *oldest = NULL;
    for (size_t i = 0; i < d->parcel_count; i++) {
        struct mqtt_parcel *p = &d->parcels[i];
        if (p->state == PARCEL_FLYING && (atomic_load(&p->message.outcome) & MQTT_REFUSED) &&
            (!oldest || p->id < oldest->id))
            oldest = p;
    }
    return oldest;
}

void mqtt_delivery_collect(struct mqtt_delivery *d, struct mono now)
{
    bool some_refused = false;
    for (size_t i = 0; d->flying && i < d->parcel_count; i++) {
        struct mqtt_parcel *p = &d->parcels[i];
        if (p->state != PARCEL_FLYING)
            continue;
        unsigned outcome = atomic_load(&p->message.outcome);
        some_refused |= (outcome & MQTT_REFUSED) != 0;
        if (outcome == MQTT_ACCEPTED)
            accepted(d, p);
    }
    struct mqtt_parcel *p;
    while (some_refused && (p = next_refused(d)))
        refused(d, p, atomic_load(&p->message.outcome) & 0xff, now);
    mqtt_delivery_acknowledge(d);
}
