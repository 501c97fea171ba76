// SPDX-License-Identifier: Apache-2.0
// What a client wants to hear and what it hears: subscriptions, renewed at each connection, and messages.
#include "mqtt_client_inside.h"

#include <stdlib.h>
#include <string.h>

// Of one turn of the loop: others want their turn too.
#define LETTERS_PER_TURN 256
// Between two requests to send everything again, because there was no room for some of it.
#define ASK_FIRST_NS NS_PER_S
#define ASK_CAP_NS   (60 * NS_PER_S)
#define CALM_NS      (600 * NS_PER_S) // without a drop: the next pause begins small again

static void ask(struct mqtt_client *c, struct subscription *s)
{
    // Asked and not answered: it is under way, and its memory Paho's.
    if (!s->asked)
        s->asked = mqtt_paho_subscribe(c->paho, &s->message, s->filter) == 0;
}

int mqtt_client_subscribe(struct mqtt_client *c, const char *filter)
{
    struct subscription *s = c->subscriptions, *end = s + c->subscription_count;
    while (s < end && strcmp(s->filter, filter) != 0)
        s++;
    if (s == end) {
        if (!c->inbox || c->subscription_count == MQTT_FILTERS_MAX || !*filter ||
            strlen(filter) >= MQTT_FILTER_MAX)
            return -1;
        strcpy(s->filter, filter);
        c->subscription_count++;
    }
    if (c->state == UP)
        ask(c, s);
    return 0;
}

void mqtt_client_inbox_up(struct mqtt_client *c)
{
    for (size_t i = 0; i < c->subscription_count && c->state == UP; i++)
        ask(c, &c->subscriptions[i]);
}

void mqtt_client_inbox_down(struct mqtt_client *c)
{
    loop_timer_stop(c->loop, &c->ask_again);
    for (size_t i = 0; i < c->subscription_count; i++)
        c->subscriptions[i].asked = false;
    // The next connection brings what is retained.
    c->dropped_seen = c->info.dropped;
}

static void look_at_answers(struct mqtt_client *c)
{
    for (size_t i = 0; i < c->subscription_count; i++) {
        struct subscription *s = &c->subscriptions[i];
        unsigned outcome = s->asked ? atomic_load(&s->message.outcome) : MQTT_UNDER_WAY;
        if (outcome == MQTT_UNDER_WAY)
            continue;
        s->asked = false;
        unsigned code = outcome & MQTT_REFUSED ? outcome & 0xff : 0;
        if (code)
            log_error(c->settings.subject, "the broker refuses the subscription to %s (reason 0x%02x)%s%s",
                      s->filter, code, s->message.words[0] ? ": " : "", s->message.words);
        if (outcome != MQTT_LOST && c->events.suback)
            c->events.suback(c->events.arg, s->filter, code, s->message.words);
    }
}

// The retained messages that were dropped come again when asked for.
static void look_at_drops(struct mqtt_client *c)
{
    mqtt_inbox_counts(c->inbox, &c->info.received, &c->info.dropped, &c->info.too_long);
    if (c->info.dropped == c->dropped_seen || c->state != UP || timer_is_set(&c->ask_again))
        return;
    if (c->ask_pause.first_ns == 0 || mono_since(loop_now(c->loop), c->asked_again_at) > CALM_NS)
        c->ask_pause = (struct backoff){.first_ns = ASK_FIRST_NS, .cap_ns = ASK_CAP_NS};
    int64_t pause = backoff_next(&c->ask_pause, random_bits());
    complain(&c->inbox_trouble, loop_now(c->loop), LOG_LEVEL_WARNING, c->settings.subject,
             "%llu incoming messages were dropped: they come faster than they are read. "
             "Asking for the retained ones again in %.0f s",
             (unsigned long long)(c->info.dropped - c->dropped_seen), (double)pause / NS_PER_S);
    loop_timer(c->loop, &c->ask_again, mono_add(loop_now(c->loop), pause));
}

void mqtt_client_ask_again_fired(struct timer *t, struct mono now)
{
    struct mqtt_client *c =
        (struct mqtt_client *)(void *)((char *)t - offsetof(struct mqtt_client, ask_again));
    c->asked_again_at = now;
    c->dropped_seen = c->info.dropped;
    mqtt_client_inbox_up(c);
}

void mqtt_client_inbox_turn(struct mqtt_client *c)
{
    struct mqtt_letter *l;
    look_at_answers(c);
    for (int i = 0; i < LETTERS_PER_TURN; i++) {
        if (!(l = mqtt_inbox_take(c->inbox))) {
            look_at_drops(c);
            return;
        }
        if (c->events.message)
            c->events.message(c->events.arg,
                              &(struct mqtt_incoming){l->topic, l->payload, l->n, l->retained});
        free(l);
    }
    wakeup_send(&c->wakeup);
}
