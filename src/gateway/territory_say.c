// SPDX-License-Identifier: Apache-2.0
// Everything that leaves for the territory: numbered, signed, logged, remembered, sent, and sent again until
// the broker has it. There is no other way out.
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/territory.h"

// A broker that refuses a message (its access list) is asked again after this.
#define REFUSED_AGAIN_NS (60 * NS_PER_S)
// Bugs are known that lose a callback: a message without any answer for this long means a new connection.
#define SILENT_NS (60 * NS_PER_S)

struct exchange_topic territory_topic(const struct territory *t, enum exchange_branch branch, const char *id)
{
    struct exchange_topic topic = {.branch = branch};
    snprintf(topic.territory, sizeof topic.territory, "%s", t->who.territory);
    snprintf(topic.pseudonym, sizeof topic.pseudonym, "%s", t->who.pseudonym);
    snprintf(topic.id, sizeof topic.id, "%s", id ? id : "");
    return topic;
}

// ---- What stands in each topic ----

struct standing *territory_standing(struct territory *t, const char *topic)
{
    for (size_t i = 0; i < STANDINGS_MAX; i++)
        if (strcmp(t->standings[i].topic, topic) == 0)
            return &t->standings[i];
    return NULL;
}

// Something newer takes a place whose message is under way: that one must have its outcome first, its memory
// is Paho's until then. So the place is given away only when it does not fly; until then the new one waits in
// another place, behind it.
static struct standing *place_for(struct territory *t, const char *topic)
{
    struct standing *s = territory_standing(t, topic);
    if (s && s->state != STANDING_FLIES)
        return s;
    for (size_t i = 0; i < STANDINGS_MAX; i++)
        if (!t->standings[i].topic[0])
            return &t->standings[i];
    return NULL;
}

static void forget(struct standing *s)
{
    free(s->data);
    s->data = NULL;
    s->topic[0] = '\0';
    s->state = STANDING_WAITS;
}

// `data` NULL: clear. The newest of a topic is the one that counts: an older one that flies is let go when it
// has its outcome.
static bool put_standing(struct territory *t, const char *topic, const char *id, enum message_kind kind,
                         const struct buf *data, struct utc expires)
{
    char *copy = data ? malloc(data->len) : NULL;
    if (data && !copy)
        return false;
    pthread_mutex_lock(&t->lock);
    struct standing *old = territory_standing(t, topic), *s = place_for(t, topic);
    if (!s) {
        pthread_mutex_unlock(&t->lock);
        free(copy);
        return false;
    }
    if (old && old != s) {
        free(old->data);
        old->data = NULL;
        snprintf(old->topic, sizeof old->topic, "/"); // no topic of ours: given up when it has landed
    }
    if (s == old)
        free(s->data);
    s->data = copy;
    s->size = data ? data->len : 0;
    if (data)
        memcpy(copy, data->data, data->len);
    snprintf(s->topic, sizeof s->topic, "%s", topic);
    snprintf(s->id, sizeof s->id, "%s", id ? id : "");
    s->kind = kind;
    s->expires = expires;
    s->epoch = t->epoch;
    s->seq = t->seq;
    s->state = STANDING_WAITS;
    pthread_mutex_unlock(&t->lock);
    t->unsaved = true;
    return true;
}

static bool log_it(struct territory *t, const char *topic, const struct about *about, const struct buf *data)
{
    const struct disclosure_entry e = {.time = utc_now(),
                                       .what = about->what,
                                       .id = about->id ? about->id : "",
                                       .stream = about->name ? about->name : "",
                                       .level = about->level,
                                       .topic = topic,
                                       .message = data ? data->data : "",
                                       .message_size = data ? data->len : 0,
                                       .note = about->note};
    if (disclosure_append(t->log, &e)) {
        complaint_over(&t->cannot_log, TERRITORY_SUBJECT, "the disclosure log can be written again");
        return true;
    }
    complain(&t->cannot_log, mono_now(), LOG_LEVEL_ERROR, TERRITORY_SUBJECT,
             "the disclosure log %s cannot be written: nothing is sent", t->log_path);
    return false;
}

bool territory_say(struct territory *t, enum message_kind kind, const struct exchange_topic *topic,
                   const struct buf *body, struct utc expires, const struct about *about)
{
    char text[EXCHANGE_TOPIC];
    struct message m = {.kind = kind,
                        .epoch = t->epoch,
                        .seq = t->seq + 1,
                        .issued = utc_now(),
                        .expires = expires,
                        .body = body->data,
                        .body_size = body->len};
    snprintf(m.territory, sizeof m.territory, "%s", t->who.territory);
    snprintf(m.from, sizeof m.from, "%s", t->who.pseudonym);
    exchange_topic_text(topic, text);
    buf_reset(&t->envelope);
    if (body->failed || !envelope_write(&m, &t->key, &t->envelope) || t->envelope.failed)
        return false;
    t->seq++; // a number is never used twice, whatever becomes of the message
    return log_it(t, text, about, &t->envelope) &&
           put_standing(t, text, topic->id, kind, &t->envelope, expires);
}

bool territory_clear(struct territory *t, const char *topic, const struct about *about)
{
    return log_it(t, topic, about, NULL) &&
           put_standing(t, topic, about->id, MESSAGE_WITHDRAWAL, NULL, (struct utc){0});
}

// ---- Another key ----

// The payload of an envelope of ours that another key signed; the body is its last member.
static bool foreign_body(const struct territory *t, const struct standing *s, struct buf *payload, size_t *at)
{
    json_t *e = json_loadb(s->data, s->size, JSON_REJECT_DUPLICATES, NULL);
    const char *key = json_string_value(json_object_get(e, "k"));
    const char *text = json_string_value(json_object_get(e, "p")), *body = NULL;
    size_t room = text ? strlen(text) : 0, n = 0;
    unsigned char *bytes = room ? malloc(room + 1) : NULL;
    if (key && strcmp(key, t->key.id) != 0 && bytes &&
        sodium_base642bin(bytes, room, text, room, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == 0) {
        buf_reset(payload);
        buf_put(payload, (const char *)bytes, n);
        body = payload->failed ? NULL : strstr(buf_text(payload), "\"body\":");
        *at = body ? (size_t)(body - buf_text(payload)) + strlen("\"body\":") : 0;
    }
    free(bytes);
    json_decref(e);
    return body && payload->len > *at + 1;
}

static bool sign_anew(struct territory *t, const struct standing *s, struct buf *payload)
{
    struct exchange_topic topic;
    size_t at;
    if (!exchange_topic_parse(s->topic, &topic) || !foreign_body(t, s, payload, &at))
        return true;
    const struct offer_life *l = territory_told(t, s->id);
    const struct about about = {.what = message_kind_word(s->kind),
                                .id = s->id,
                                .name = l ? l->name : "",
                                .note = "signed anew with another key",
                                .level = l ? l->last.level : 1};
    buf_reset(&t->body);
    buf_put(&t->body, payload->data + at, payload->len - at - 1);
    return territory_say(t, s->kind, &topic, &t->body, s->expires, &about);
}

bool territory_sign_anew(struct territory *t)
{
    struct buf payload = {0};
    struct utc now = utc_now();
    bool all = true;
    for (size_t i = 0; i < STANDINGS_MAX && all; i++) {
        const struct standing *s = &t->standings[i];
        if (s->topic[0] && s->topic[0] != '/' && s->data && s->expires.ms > now.ms)
            all = sign_anew(t, s, &payload);
    }
    buf_free(&payload);
    return all;
}

// ---- Sending ----

void territory_all_wait(struct territory *t)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < STANDINGS_MAX; i++) {
        struct standing *s = &t->standings[i];
        if (s->topic[0] == '/')
            forget(s);
        s->state = STANDING_WAITS;
    }
    pthread_mutex_unlock(&t->lock);
}

bool territory_any_flies(const struct territory *t)
{
    for (size_t i = 0; i < STANDINGS_MAX; i++)
        if (t->standings[i].state == STANDING_FLIES)
            return true;
    return false;
}

static unsigned flying(const struct territory *t)
{
    unsigned n = 0;
    for (size_t i = 0; i < STANDINGS_MAX; i++)
        n += t->standings[i].state == STANDING_FLIES;
    return n;
}

static void land(struct territory *t, struct standing *s, unsigned outcome)
{
    if (outcome == MQTT_LOST) {
        t->counters.lost++;
        s->state = STANDING_WAITS;
    } else if (outcome & MQTT_REFUSED) {
        t->counters.refused_by_broker++;
        s->state = STANDING_REFUSED;
        s->again = mono_add(mono_now(), REFUSED_AGAIN_NS);
        complain(&t->refused_out, mono_now(), LOG_LEVEL_ERROR, TERRITORY_SUBJECT,
                 "the broker refuses %s: reason 0x%02x %s; its access list must let %s write there", s->topic,
                 outcome & 0xffu, s->message.words, t->who.pseudonym);
    } else {
        t->counters.accepted++;
        s->state = STANDING_STANDS;
        complaint_over(&t->refused_out, TERRITORY_SUBJECT, "the broker takes messages again");
        if (!s->data && s->topic[0] != '/')
            t->unsaved = true; // cleared: nothing more to remember
    }
    if (s->topic[0] == '/' || (!s->data && s->state == STANDING_STANDS))
        forget(s);
}

void territory_collect(struct territory *t)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < STANDINGS_MAX; i++) {
        struct standing *s = &t->standings[i];
        unsigned outcome = s->state == STANDING_FLIES ? atomic_load(&s->message.outcome) : MQTT_UNDER_WAY;
        if (outcome != MQTT_UNDER_WAY)
            land(t, s, outcome);
    }
    pthread_mutex_unlock(&t->lock);
}

static bool is_due(const struct standing *s, struct mono now)
{
    return s->topic[0] && s->topic[0] != '/' &&
           (s->state == STANDING_WAITS || (s->state == STANDING_REFUSED && !mono_before(now, s->again)));
}

static uint32_t seconds_left(const struct standing *s, struct utc now)
{
    int64_t left = (s->expires.ms - now.ms) / 1000;
    return s->data && left > 0 ? (uint32_t)left : 0;
}

static struct standing *next_due(struct territory *t, struct mono now, struct utc utc)
{
    struct standing *next = NULL;
    for (size_t i = 0; i < STANDINGS_MAX; i++) {
        struct standing *s = &t->standings[i];
        if (!is_due(s, now) || (s->data && s->expires.ms <= utc.ms))
            continue;
        if (!next || s->epoch < next->epoch || (s->epoch == next->epoch && s->seq < next->seq))
            next = s;
    }
    return next;
}

void territory_pump(struct territory *t)
{
    struct mono now = mono_now();
    struct utc utc = utc_now();
    // Without a clock nobody knows what has expired; what the old key signed is not said any more.
    if (!utc_plausible(utc) || t->rekeyed || !mqtt_client_is_up(t->client) ||
        (t->unsaved && !territory_save(t)))
        return;
    unsigned room = mqtt_client_window(t->client);
    struct standing *s;
    for (unsigned under_way = flying(t); under_way < room && (s = next_due(t, now, utc)); under_way++) {
        if (mqtt_client_send(t->client, &s->message, s->topic, s->data ? s->data : "", s->size, true,
                             seconds_left(s, utc)) < 0)
            return; // the link is down: heard of soon
        pthread_mutex_lock(&t->lock);
        s->state = STANDING_FLIES;
        t->counters.sent++;
        pthread_mutex_unlock(&t->lock);
    }
}

// What has expired is not sent again; a broker of MQTT 3.1.1 keeps it for ever, so there it is cleared.
void territory_expire(struct territory *t, struct utc now)
{
    for (size_t i = 0; i < STANDINGS_MAX; i++) {
        struct standing *s = &t->standings[i];
        if (!s->topic[0] || s->topic[0] == '/' || !s->data || s->expires.ms > now.ms ||
            s->state == STANDING_FLIES)
            continue;
        const struct about about = {.what = "cleared", .id = s->id, .note = "it had expired"};
        char topic[EXCHANGE_TOPIC];
        snprintf(topic, sizeof topic, "%s", s->topic);
        territory_clear(t, topic, &about);
    }
}
