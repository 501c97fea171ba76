/* SPDX-License-Identifier: Apache-2.0 */
/* What mqtt_client.c (what a connection does) and mqtt_client_connect.c (how one comes about) share. */
#ifndef PUBLISH_MQTT_CLIENT_INSIDE_H
#define PUBLISH_MQTT_CLIENT_INSIDE_H

#include "mqtt_client.h"
#include "mqtt_inbox.h"
#include "symbiont/backoff.h"
#include "symbiont/log.h"
#include "symbiont/resolver.h"

#define V5    5
#define V3_11 4 /* Paho's number for 3.1.1 */

/* Between the servers of one round, and before the same one with 3.1.1. */
#define MQTT_NEXT_NS (100 * NS_PER_MS)

enum state { PAUSED, LOOKING_UP, CONNECTING, UP };

struct server {
    const char *text;
    struct mqtt_server address;
    int version;           /* V5 or V3_11: the one to try next */
    bool trying_old;       /* 5 was refused, 3.1.1 has not worked yet */
    struct mono ask_again; /* for 5 */
    int keep_alive_s;      /* what it asked for; 0: nothing */
};

struct subscription {
    char filter[MQTT_FILTER_MAX];
    struct mqtt_message message;
    bool asked; /* and not answered yet */
};

struct mqtt_client {
    struct timer timer; /* first: its callback gets its address */
    struct wakeup wakeup;
    struct mqtt_client_settings settings;
    const struct mqtt_config *config;
    struct mqtt_client_events events;
    struct loop *loop; /* NULL until started */
    enum state state;

    struct server servers[MQTT_SERVERS_MAX];
    size_t count, at, tried; /* tried: of this round */
    struct lookup *lookup;
    struct lookup_result found; /* of the server being tried */
    bool other_family;          /* use the name's other address this time */
    bool had_other;

    struct mqtt_paho *paho;
    struct mono up_since;
    unsigned short_lives;
    struct backoff pause, conflict_pause;
    struct complaint trouble, certificate_trouble;
    struct mqtt_client_info info;

    struct mqtt_inbox *inbox; /* NULL: subscribes to nothing */
    struct subscription subscriptions[MQTT_FILTERS_MAX];
    size_t subscription_count;
    uint64_t dropped_seen;  /* when it last asked for everything */
    struct timer ask_again; /* after messages were dropped */
    struct backoff ask_pause;
    struct mono asked_again_at;
    struct complaint inbox_trouble;
};

struct server *mqtt_client_current(struct mqtt_client *c);
void mqtt_client_set_timer(struct mqtt_client *c, int64_t in_ns);
void mqtt_client_note_error(struct mqtt_client *c, const char *words);

/* Nothing for so long, then an attempt. */
void mqtt_client_pause(struct mqtt_client *c, int64_t ns);
/* An attempt failed: the next server at once, and after the last one a growing pause. */
void mqtt_client_try_next(struct mqtt_client *c, const char *words);
void mqtt_client_attempt(struct mqtt_client *c);
/* The attempt under way was refused, by whom and why says the greeting. */
void mqtt_client_refused(struct mqtt_client *c);
/* mqtt_client_inbox.c: what comes in. */
void mqtt_client_inbox_up(struct mqtt_client *c);
void mqtt_client_inbox_down(struct mqtt_client *c);
void mqtt_client_inbox_turn(struct mqtt_client *c);
void mqtt_client_ask_again_fired(struct timer *t, struct mono now);

/* Ends Paho's client. */
void mqtt_client_drop(struct mqtt_client *c);

#endif
