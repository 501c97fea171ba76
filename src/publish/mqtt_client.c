// SPDX-License-Identifier: Apache-2.0
// What becomes of a connection: up, lost, taken over by another client; and the owner's calls.
#include "mqtt_client_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "certificate.h"
#include "symbiont/files.h"

// A connection that stood for a minute was a good one: the next pause begins small again. Less, and two
// clients with one id would throw each other out every second.
#define STABLE_NS (60 * NS_PER_S)
// Mosquitto 2.0.11 throws the older of two clients with one id out without a word: so many connections in a
// row that ended soon, while nothing was under way, mean another client.
#define SHORT_LIVES 3
// Another client with our id: the longer we stay away, the less both lose until someone repairs it.
#define CONFLICT_FIRST_NS (30 * NS_PER_S)
#define CONFLICT_CAP_NS   (600 * NS_PER_S)
// Brokers get upgraded: one that did not take MQTT 5 is asked again at the first reconnect after this.
#define ASK_V5_AGAIN_NS        (6 * 3600 * NS_PER_S)
#define CERTIFICATE_WARNING_MS (30LL * 24 * 3600 * 1000)
#define DAY_NS                 (24 * 3600 * NS_PER_S)

#define REASON_TAKEN_OVER 0x8E

static void look_at_certificate(struct mqtt_client *c)
{
    struct utc end;
    char why[300];
    if (!c->config->certificate_file)
        return;
    if (certificate_expiry(c->config->certificate_file, &end, why, sizeof why) < 0) {
        mqtt_client_note_error(c, why);
        return;
    }
    c->info.certificate_expires = end;
    int64_t left_ms = end.ms - utc_now().ms;
    char text[UTC_TEXT];
    if (left_ms < CERTIFICATE_WARNING_MS)
        complain(&c->certificate_trouble, loop_now(c->loop),
                 left_ms < 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, c->settings.subject,
                 "certificate %s %s on %s: renew it", c->config->certificate_file,
                 left_ms < 0 ? "ended" : "ends", utc_text(end, text));
    else
        complaint_over(&c->certificate_trouble, c->settings.subject, "certificate %s is valid until %s",
                       c->config->certificate_file, utc_text(end, text));
}

// How long a connection must have stood to have been a good one: two clients with one id that throw each
// other out take turns of the length of their pauses.
static int64_t stable_ns(const struct mqtt_client *c)
{
    int64_t pause = c->conflict_pause.nominal_ns > c->pause.nominal_ns ? c->conflict_pause.nominal_ns
                                                                       : c->pause.nominal_ns;
    return 2 * pause > STABLE_NS ? 2 * pause : STABLE_NS;
}

static void settle_version(struct mqtt_client *c, struct server *s)
{
    if (s->version == V3_11 && s->trying_old) {
        s->trying_old = false;
        s->ask_again = mono_add(loop_now(c->loop), ASK_V5_AGAIN_NS);
        log_warning(
            c->settings.subject,
            "%s does not speak MQTT 5. With 3.1.1 a broker cannot tell that it refused a message: what its "
            "access rules reject counts as delivered",
            s->text);
    }
}

static void link_up(struct mqtt_client *c)
{
    struct server *s = mqtt_client_current(c);
    const struct mqtt_greeting *g = mqtt_paho_greeting(c->paho);
    if (g->qos0_only) {
        mqtt_client_drop(c);
        mqtt_client_try_next(c, "the broker takes only QoS 0, which loses messages");
        return;
    }
    int keep_alive_s = s->keep_alive_s ? s->keep_alive_s : (int)(c->config->keep_alive_ns / NS_PER_S);
    if (g->keep_alive_s && (int)g->keep_alive_s < keep_alive_s) {
        s->keep_alive_s = (int)g->keep_alive_s; // Paho 1.3.12 does not follow it: connect again with it
        mqtt_client_drop(c);
        mqtt_client_pause(c, MQTT_NEXT_NS);
        return;
    }
    settle_version(c, s);
    c->state = UP;
    c->tried = 0;
    c->up_since = loop_now(c->loop);
    mqtt_client_set_timer(c, stable_ns(c));
    c->info.up = true;
    c->info.since = utc_now();
    c->info.version = s->version;
    c->info.window = mqtt_client_window(c);
    c->info.connects++;
    log_info(c->settings.subject, "connected to %s (MQTT %s, window %u)", s->text,
             s->version == V5 ? "5" : "3.1.1", c->info.window);
    if (g->no_retain)
        log_warning(c->settings.subject,
                    "%s keeps no retained messages: who subscribes later does not see the state", s->text);
    complaint_over(&c->trouble, c->settings.subject, "the connection is back");
    look_at_certificate(c);
    c->events.up(c->events.arg);
    mqtt_client_inbox_up(c);
}

static bool is_conflict(struct mqtt_client *c, const struct mqtt_loss *loss, bool idle)
{
    bool soon = mono_since(loop_now(c->loop), c->up_since) < stable_ns(c);
    c->short_lives = soon && idle && !loss->rebuilt && !loss->reason ? c->short_lives + 1 : 0;
    return loss->reason == REASON_TAKEN_OVER || c->short_lives >= SHORT_LIVES;
}

static void link_lost(struct mqtt_client *c, const struct mqtt_loss *loss)
{
    struct server *s = mqtt_client_current(c);
    bool conflict = is_conflict(c, loss, !c->events.under_way(c->events.arg));
    mqtt_client_drop(c);
    mqtt_client_inbox_down(c);
    c->info.up = false;
    c->info.since = utc_now();
    c->info.losses++;
    mqtt_client_note_error(c, loss->words);
    int64_t pause = backoff_next(&c->pause, random_bits());
    if (conflict) {
        pause = backoff_next(&c->conflict_pause, random_bits());
        c->info.conflict = true;
        log_error(c->settings.subject,
                  "%s %s: another client with the client_id \"%s\"? Two gateways with one site id disturb "
                  "each other: "
                  "change one. Next attempt in %.0f s",
                  s->text,
                  loss->reason == REASON_TAKEN_OVER ? "gave the connection to another client"
                                                    : "ends every connection soon",
                  c->settings.client_id, (double)pause / NS_PER_S);
    } else {
        complain(&c->trouble, loop_now(c->loop), LOG_LEVEL_WARNING, c->settings.subject,
                 "connection to %s lost: %s; next attempt in %.1f s", s->text, loss->words,
                 (double)pause / NS_PER_S);
    }
    mqtt_client_pause(c, pause);
    c->events.down(c->events.arg, loss);
}

static void broker_hung_up(struct mqtt_client *c)
{
    int reason = mqtt_paho_disconnect_reason(c->paho);
    const char *name = reason == REASON_TAKEN_OVER ? "another client has taken the session over"
                       : reason == 0x95            ? "the broker found a packet too large"
                       : reason == 0x93            ? "the broker found more messages under way than it allows"
                       : reason == 0x8B            ? "the broker is shutting down"
                       : reason == 0x8D            ? "the broker heard nothing from us in time"
                       : reason == 0x89            ? "the broker is busy"
                       : reason == 0x98            ? "the broker's administrator closed it"
                                                   : "the broker closed it";
    char words[120];
    if (reason)
        snprintf(words, sizeof words, "%s (reason 0x%02x)", name, (unsigned)reason);
    else
        snprintf(words, sizeof words, "closed, reset or silent");
    link_lost(c, &(struct mqtt_loss){.reason = reason, .words = words});
}

static void woken(struct wakeup *w)
{
    struct mqtt_client *c = (struct mqtt_client *)(void *)((char *)w - offsetof(struct mqtt_client, wakeup));
    if (c->paho)
        mqtt_paho_awake(c->paho);
    if (c->inbox)
        mqtt_client_inbox_turn(c);
    if (!c->paho)
        return; // sent by a connection that is gone
    enum mqtt_link link = mqtt_paho_link(c->paho);
    if (c->state == CONNECTING && link == MQTT_LINK_FAILED)
        mqtt_client_refused(c);
    else if (c->state == CONNECTING && (link == MQTT_LINK_UP || link == MQTT_LINK_LOST))
        link_up(c); // when already lost again: noticed below
    if (c->state != UP)
        return;
    c->events.progress(c->events.arg);
    if (c->state == UP && mqtt_paho_link(c->paho) == MQTT_LINK_LOST)
        broker_hung_up(c);
}

static void timer_fired(struct timer *t, struct mono now)
{
    struct mqtt_client *c = (struct mqtt_client *)t;
    (void)now;
    switch (c->state) {
    case PAUSED:
        mqtt_client_attempt(c);
        break;
    case LOOKING_UP:
        lookup_abandon(c->lookup);
        c->lookup = NULL;
        mqtt_client_try_next(c, "looking up its name takes too long");
        break;
    case CONNECTING:
        mqtt_client_drop(c);
        mqtt_client_try_next(c, "the broker does not answer");
        break;
    case UP: // once it has stood long enough, then every day
        backoff_reset(&c->pause);
        backoff_reset(&c->conflict_pause);
        c->info.conflict = false;
        c->short_lives = 0;
        look_at_certificate(c);
        mqtt_client_set_timer(c, DAY_NS);
        break;
    }
}

// ---- The owner's side ----

bool mqtt_files_can_be_read(const struct mqtt_config *config, char *why, size_t why_size)
{
    char secret[512];
    struct utc end;
    const char *const certificates[] = {config->ca_file, config->certificate_file};
    if (config->password_file) {
        int rc = secret_read(config->password_file, secret, sizeof secret, why, why_size);
        explicit_bzero(secret, sizeof secret);
        if (rc < 0)
            return false;
    }
    for (size_t i = 0; i < sizeof certificates / sizeof certificates[0]; i++)
        if (certificates[i] && certificate_expiry(certificates[i], &end, why, why_size) < 0)
            return false;
    return !config->key_file || key_file_check(config->key_file, why, why_size) == 0;
}

struct mqtt_client *mqtt_client_new(const struct mqtt_client_settings *s,
                                    const struct mqtt_client_events *events, char *why, size_t why_size)
{
    if (!mqtt_files_can_be_read(s->config, why, why_size))
        return NULL;
    struct mqtt_client *c = calloc(1, sizeof *c);
    if (!c) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    c->settings = *s;
    c->config = s->config;
    c->events = *events;
    c->timer.fire = timer_fired;
    c->wakeup.watch.fd = -1;
    c->pause = (struct backoff){.first_ns = NS_PER_S, .cap_ns = s->config->retry_max_ns};
    c->conflict_pause = (struct backoff){.first_ns = CONFLICT_FIRST_NS, .cap_ns = CONFLICT_CAP_NS};
    const char *text;
    while (c->count < MQTT_SERVERS_MAX && (text = mqtt_server_text(s->config, c->count))) {
        struct server *server = &c->servers[c->count++];
        server->text = text;
        server->version = s->config->version == MQTT_VERSION_3_1_1 ? V3_11 : V5;
        if (!mqtt_server_parse(text, &server->address, why, why_size)) {
            free(c);
            return NULL;
        }
    }
    if (s->inbox_bytes && !(c->inbox = mqtt_inbox_new(s->inbox_bytes))) {
        snprintf(why, why_size, "no memory");
        free(c);
        return NULL;
    }
    c->ask_again.fire = mqtt_client_ask_again_fired;
    c->info.server = c->servers[0].text;
    c->info.since = utc_now();
    return c;
}

int mqtt_client_start(struct mqtt_client *c, struct loop *loop)
{
    if (wakeup_open(&c->wakeup, loop, woken) < 0)
        return -1;
    c->loop = loop;
    c->state = PAUSED;
    return loop_timer(loop, &c->timer, loop_now(loop));
}

void mqtt_client_free(struct mqtt_client *c)
{
    if (!c)
        return;
    if (c->lookup)
        lookup_abandon(c->lookup);
    if (c->loop) {
        loop_timer_stop(c->loop, &c->timer);
        loop_timer_stop(c->loop, &c->ask_again);
    }
    mqtt_client_drop(c);
    if (c->loop)
        wakeup_close(&c->wakeup);
    mqtt_inbox_free(c->inbox);
    free(c);
}

bool mqtt_client_is_up(const struct mqtt_client *c)
{
    return c->state == UP;
}

unsigned mqtt_client_window(const struct mqtt_client *c)
{
    unsigned window = (unsigned)c->config->window;
    uint32_t allowed = mqtt_paho_greeting(c->paho)->receive_maximum;
    // One more than the broker allows costs two thirds of the throughput: Paho then polls.
    return allowed && allowed < window ? allowed : window;
}

uint32_t mqtt_client_maximum_packet(const struct mqtt_client *c)
{
    uint32_t allowed = mqtt_paho_greeting(c->paho)->maximum_packet;
    return allowed ? allowed : UINT32_MAX;
}

int mqtt_client_send(struct mqtt_client *c, struct mqtt_message *m, const char *topic, const void *payload,
                     size_t n, bool retained, uint32_t expiry_s)
{
    bool json = n && *(const char *)payload == '{';
    return mqtt_paho_send(c->paho, m, topic, payload, n, retained, json, expiry_s);
}

void mqtt_client_rebuild(struct mqtt_client *c, const char *why)
{
    if (c->state == UP)
        link_lost(c, &(struct mqtt_loss){.rebuilt = true, .words = why});
}

const struct mqtt_client_info *mqtt_client_info(const struct mqtt_client *c)
{
    return &c->info;
}
