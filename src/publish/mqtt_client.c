// SPDX-License-Identifier: Apache-2.0
// Keeping a broker connection: whom to try, when, with which version, and what to say about it.
#include "mqtt_client.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "certificate.h"
#include "symbiont/backoff.h"
#include "symbiont/files.h"
#include "symbiont/log.h"
#include "symbiont/resolver.h"

#define V5    5
#define V3_11 4 // Paho's number for 3.1.1

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
#define ASK_V5_AGAIN_NS (6 * 3600 * NS_PER_S)
// Between the servers of one round, and before the same one with 3.1.1.
#define NEXT_NS (100 * NS_PER_MS)
// Paho looks at its own timeout every three seconds.
#define TIMEOUT_SLACK_NS       (6 * NS_PER_S)
#define CERTIFICATE_WARNING_MS (30LL * 24 * 3600 * 1000)
#define DAY_NS                 (24 * 3600 * NS_PER_S)

#define REASON_UNSUPPORTED_VERSION 0x84
#define REASON_TAKEN_OVER          0x8E

enum state { PAUSED, LOOKING_UP, CONNECTING, UP };

struct server {
    const char *text;
    struct mqtt_server address;
    int version;           // V5 or V3_11: the one to try next
    bool trying_old;       // 5 was refused, 3.1.1 has not worked yet
    struct mono ask_again; // for 5
    int keep_alive_s;      // what it asked for; 0: nothing
};

struct mqtt_client {
    struct timer timer; // first: its callback gets its address
    struct wakeup wakeup;
    struct mqtt_client_settings settings;
    const struct mqtt_config *config;
    struct mqtt_client_events events;
    struct loop *loop; // NULL until started
    enum state state;

    struct server servers[MQTT_SERVERS_MAX];
    size_t count, at, tried; // tried: of this round
    struct lookup *lookup;
    struct lookup_result found; // of the server being tried
    bool other_family;          // use the name's other address this time
    bool had_other;

    struct mqtt_paho *paho;
    struct mono up_since;
    unsigned short_lives;
    struct backoff pause, conflict_pause;
    struct complaint trouble, certificate_trouble;
    struct mqtt_client_info info;
};

static void attempt(struct mqtt_client *c);

static struct server *current(struct mqtt_client *c)
{
    return &c->servers[c->at];
}

static void set_timer(struct mqtt_client *c, int64_t in_ns)
{
    // Without room for a timer nothing would happen any more; one was reserved at the start.
    loop_timer(c->loop, &c->timer, mono_add(loop_now(c->loop), in_ns));
}

static void remember_error(struct mqtt_client *c, const char *words)
{
    snprintf(c->info.last_error, sizeof c->info.last_error, "%s", words);
    c->info.last_error_at = utc_now();
}

// ---- Pauses ----

static void pause_for(struct mqtt_client *c, int64_t ns)
{
    c->state = PAUSED;
    set_timer(c, ns);
}

// An attempt failed: the next server at once, and after the last one a growing pause.
static void try_next(struct mqtt_client *c, const char *words)
{
    struct server *failed = current(c);
    remember_error(c, words);
    bool same_again = c->had_other && !c->other_family;
    c->other_family = same_again;
    if (!same_again) {
        c->at = (c->at + 1) % c->count;
        c->tried++;
    }
    int64_t pause = NEXT_NS;
    if (c->tried >= c->count) {
        c->tried = 0;
        pause = backoff_next(&c->pause, random_bits());
    }
    complain(&c->trouble, loop_now(c->loop),
             strncmp(words, "TLS", 3) == 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, c->settings.subject,
             "no connection to %s: %s; next attempt in %.1f s", failed->text, words,
             (double)pause / NS_PER_S);
    pause_for(c, pause);
}

// ---- Certificates ----

static void look_at_certificate(struct mqtt_client *c)
{
    struct utc end;
    char why[300];
    if (!c->config->certificate_file)
        return;
    if (certificate_expiry(c->config->certificate_file, &end, why, sizeof why) < 0) {
        remember_error(c, why);
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

// ---- Connecting ----

static void uri_of(const struct server *s, const char *host, char *out, size_t size)
{
    bool v6 = strchr(host, ':') != NULL;
    snprintf(out, size, "%s://%s%s%s:%u", s->address.tls ? "ssl" : "tcp", v6 ? "[" : "", host, v6 ? "]" : "",
             s->address.port);
}

static void open_connection(struct mqtt_client *c, const char *host)
{
    struct server *s = current(c);
    char uri[MQTT_HOST_MAX + 32], password[512] = "", why[300];
    if (c->config->password_file &&
        secret_read(c->config->password_file, password, sizeof password, why, sizeof why) < 0) {
        try_next(c, why);
        return;
    }
    uri_of(s, host, uri, sizeof uri);
    int keep_alive_s = (int)(c->config->keep_alive_ns / NS_PER_S);
    const struct mqtt_connect connect = {
        .uri = uri,
        .version = s->version,
        .client_id = c->settings.client_id,
        .user = c->config->user,
        .password = c->config->password_file ? password : NULL,
        .ca_file = c->config->ca_file,
        .certificate_file = c->config->certificate_file,
        .key_file = c->config->key_file,
        .will_topic = c->settings.will_topic,
        .will_payload = c->settings.will_payload,
        .keep_alive_s = s->keep_alive_s && s->keep_alive_s < keep_alive_s ? s->keep_alive_s : keep_alive_s,
        .timeout_s = (int)((c->config->connect_timeout_ns + NS_PER_S - 1) / NS_PER_S),
        .window = (unsigned)c->config->window,
        .content_type = c->config->content_type,
        .message_expiry_s = (uint32_t)(c->config->message_expiry_ns / NS_PER_S),
    };
    c->paho = mqtt_paho_open(&connect, &c->wakeup, why, sizeof why);
    explicit_bzero(password, sizeof password);
    if (!c->paho) {
        try_next(c, why);
        return;
    }
    c->state = CONNECTING;
    set_timer(c, c->config->connect_timeout_ns + TIMEOUT_SLACK_NS);
}

static void looked_up(void *arg, const struct lookup_result *result)
{
    struct mqtt_client *c = arg;
    char host[MQTT_HOST_MAX], words[400];
    c->lookup = NULL;
    c->found = *result;
    if (result->error) {
        snprintf(words, sizeof words, "%s: %s", current(c)->address.host, result->error);
        try_next(c, words);
        return;
    }
    c->had_other = result->other_size > 0 && !current(c)->address.tls;
    // TLS compares the certificate with the name, so Paho must get the name and look it up again, with its
    // lock held. The answer has just been found, so that is quick; a name that hangs never gets there.
    if (current(c)->address.tls) {
        open_connection(c, current(c)->address.host);
        return;
    }
    bool other = c->other_family && result->other_size > 0;
    const struct sockaddr *address = (const struct sockaddr *)(other ? &result->other : &result->address);
    int rc = getnameinfo(address, other ? result->other_size : result->size, host, sizeof host, NULL, 0,
                         NI_NUMERICHOST);
    if (rc != 0)
        try_next(c, gai_strerror(rc));
    else
        open_connection(c, host);
}

static void attempt(struct mqtt_client *c)
{
    struct server *s = current(c);
    c->info.server = s->text;
    c->info.attempts++;
    if (s->version == V3_11 && !s->trying_old && c->config->version == MQTT_VERSION_AUTO &&
        !mono_before(loop_now(c->loop), s->ask_again))
        s->version = V5;
    if (lookup_literal(s->address.host, s->address.port, &c->found)) {
        c->had_other = false;
        open_connection(c, s->address.host);
        return;
    }
    c->lookup = lookup_start(c->loop, s->address.host, s->address.port, looked_up, c);
    if (!c->lookup) {
        try_next(c, "cannot look up names: no thread");
        return;
    }
    c->state = LOOKING_UP;
    set_timer(c, c->config->connect_timeout_ns);
}

static void drop_paho(struct mqtt_client *c)
{
    mqtt_paho_close(c->paho);
    c->paho = NULL;
}

// ---- What the link does ----

// A broker of version 3.1.1 says so, or just hangs up.
static bool refuses_v5(const struct mqtt_greeting *g)
{
    return g->closed || g->code == REASON_UNSUPPORTED_VERSION || g->code == 1;
}

// Paho does not say whether the TCP connection was refused or the certificate is for another host, and the
// second is an alarm: so it is looked at.
static bool accepts_tcp(const struct lookup_result *r)
{
    const struct timeval limit = {.tv_sec = 2};
    int fd = socket(r->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    bool accepted = connect(fd, (const struct sockaddr *)&r->address, r->size) == 0;
    close(fd);
    return accepted;
}

static void explain_tls(struct mqtt_client *c, struct mqtt_greeting *g)
{
    if (!current(c)->address.tls || g->code > 0 || g->closed || strncmp(g->words, "TLS", 3) == 0 ||
        !accepts_tcp(&c->found))
        return;
    snprintf(g->words, sizeof g->words,
             "TLS: the certificate is not for %.80s, or the broker wants another of us",
             current(c)->address.host);
}

static void link_failed(struct mqtt_client *c)
{
    struct server *s = current(c);
    struct mqtt_greeting g = *mqtt_paho_greeting(c->paho);
    drop_paho(c);
    explain_tls(c, &g);
    if (s->version == V5 && c->config->version == MQTT_VERSION_AUTO && refuses_v5(&g)) {
        s->version = V3_11;
        s->trying_old = true;
        remember_error(c, g.words);
        pause_for(c, NEXT_NS);
        return;
    }
    if (s->trying_old) { // it was not the version
        s->version = V5;
        s->trying_old = false;
    }
    try_next(c, g.words);
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
    struct server *s = current(c);
    const struct mqtt_greeting *g = mqtt_paho_greeting(c->paho);
    if (g->qos0_only) {
        drop_paho(c);
        try_next(c, "the broker takes only QoS 0, which loses messages");
        return;
    }
    int keep_alive_s = s->keep_alive_s ? s->keep_alive_s : (int)(c->config->keep_alive_ns / NS_PER_S);
    if (g->keep_alive_s && (int)g->keep_alive_s < keep_alive_s) {
        s->keep_alive_s = (int)g->keep_alive_s; // Paho 1.3.12 does not follow it: connect again with it
        drop_paho(c);
        pause_for(c, NEXT_NS);
        return;
    }
    settle_version(c, s);
    c->state = UP;
    c->tried = 0;
    c->up_since = loop_now(c->loop);
    set_timer(c, stable_ns(c));
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
}

static bool is_conflict(struct mqtt_client *c, const struct mqtt_loss *loss, bool idle)
{
    bool soon = mono_since(loop_now(c->loop), c->up_since) < stable_ns(c);
    c->short_lives = soon && idle && !loss->rebuilt && !loss->reason ? c->short_lives + 1 : 0;
    return loss->reason == REASON_TAKEN_OVER || c->short_lives >= SHORT_LIVES;
}

static void link_lost(struct mqtt_client *c, const struct mqtt_loss *loss)
{
    struct server *s = current(c);
    bool conflict = is_conflict(c, loss, !c->events.under_way(c->events.arg));
    drop_paho(c);
    c->info.up = false;
    c->info.since = utc_now();
    c->info.losses++;
    remember_error(c, loss->words);
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
    pause_for(c, pause);
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
    if (!c->paho)
        return; // sent by a connection that is gone
    mqtt_paho_awake(c->paho);
    enum mqtt_link link = mqtt_paho_link(c->paho);
    if (c->state == CONNECTING && link == MQTT_LINK_FAILED)
        link_failed(c);
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
        attempt(c);
        break;
    case LOOKING_UP:
        lookup_abandon(c->lookup);
        c->lookup = NULL;
        try_next(c, "looking up its name takes too long");
        break;
    case CONNECTING:
        drop_paho(c);
        try_next(c, "the broker does not answer");
        break;
    case UP: // once it has stood long enough, then every day
        backoff_reset(&c->pause);
        backoff_reset(&c->conflict_pause);
        c->info.conflict = false;
        c->short_lives = 0;
        look_at_certificate(c);
        set_timer(c, DAY_NS);
        break;
    }
}

// ---- The owner's side ----

static bool files_can_be_read(const struct mqtt_config *config, char *why, size_t why_size)
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
    struct buf key = {0};
    if (config->key_file && file_read(config->key_file, 1 << 16, &key) < 0) {
        snprintf(why, why_size, "cannot read key_file %s: %m", config->key_file);
        buf_free(&key);
        return false;
    }
    if (key.data)
        explicit_bzero(key.data, key.cap);
    buf_free(&key);
    return true;
}

struct mqtt_client *mqtt_client_new(const struct mqtt_client_settings *s,
                                    const struct mqtt_client_events *events, char *why, size_t why_size)
{
    if (!files_can_be_read(s->config, why, why_size))
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
    if (c->loop)
        loop_timer_stop(c->loop, &c->timer);
    drop_paho(c);
    if (c->loop)
        wakeup_close(&c->wakeup);
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
                     size_t n, bool retained)
{
    bool json = n && *(const char *)payload == '{';
    return mqtt_paho_send(c->paho, m, topic, payload, n, retained, json);
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
