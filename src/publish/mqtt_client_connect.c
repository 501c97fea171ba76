// SPDX-License-Identifier: Apache-2.0
// How a connection comes about: which server, which address of it, which version; pauses between attempts.
#include "mqtt_client_inside.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "symbiont/files.h"

// Paho looks at its own timeout every three seconds.
#define TIMEOUT_SLACK_NS (6 * NS_PER_S)

#define REASON_UNSUPPORTED_VERSION 0x84

struct server *mqtt_client_current(struct mqtt_client *c)
{
    return &c->servers[c->at];
}

void mqtt_client_set_timer(struct mqtt_client *c, int64_t in_ns)
{
    // Without room for a timer nothing would happen any more; one was reserved at the start.
    loop_timer(c->loop, &c->timer, mono_add(loop_now(c->loop), in_ns));
}

void mqtt_client_note_error(struct mqtt_client *c, const char *words)
{
    snprintf(c->info.last_error, sizeof c->info.last_error, "%s", words);
    c->info.last_error_at = utc_now();
}

void mqtt_client_pause(struct mqtt_client *c, int64_t ns)
{
    c->state = PAUSED;
    mqtt_client_set_timer(c, ns);
}

// An attempt failed: the next server at once, and after the last one a growing pause.
void mqtt_client_try_next(struct mqtt_client *c, const char *words)
{
    struct server *failed = mqtt_client_current(c);
    mqtt_client_note_error(c, words);
    c->short_lives = 0; // a broker that cannot be reached was away; one that throws us out is there at once
    bool same_again = c->had_other && !c->other_family;
    c->other_family = same_again;
    if (!same_again) {
        c->at = (c->at + 1) % c->count;
        c->tried++;
    }
    int64_t pause = MQTT_NEXT_NS;
    if (c->tried >= c->count) {
        c->tried = 0;
        pause = backoff_next(&c->pause, random_bits());
    }
    complain(&c->trouble, loop_now(c->loop),
             strncmp(words, "TLS", 3) == 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, c->settings.subject,
             "no connection to %s: %s; next attempt in %.1f s", failed->text, words,
             (double)pause / NS_PER_S);
    mqtt_client_pause(c, pause);
}

void mqtt_client_drop(struct mqtt_client *c)
{
    mqtt_paho_close(c->paho);
    c->paho = NULL;
}

static void uri_of(const struct server *s, const char *host, char *out, size_t size)
{
    bool v6 = strchr(host, ':') != NULL;
    snprintf(out, size, "%s://%s%s%s:%u", s->address.tls ? "ssl" : "tcp", v6 ? "[" : "", host, v6 ? "]" : "",
             s->address.port);
}

static void open_connection(struct mqtt_client *c, const char *host)
{
    struct server *s = mqtt_client_current(c);
    char uri[MQTT_HOST_MAX + 32], password[512] = "", why[300];
    if (c->config->password_file &&
        secret_read(c->config->password_file, password, sizeof password, why, sizeof why) < 0) {
        mqtt_client_try_next(c, why);
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
        .incoming_max = c->settings.incoming_max,
        .receive_maximum = c->settings.receive_maximum,
        .inbox = c->inbox,
    };
    c->paho = mqtt_paho_open(&connect, &c->wakeup, why, sizeof why);
    explicit_bzero(password, sizeof password);
    if (!c->paho) {
        mqtt_client_try_next(c, why);
        return;
    }
    c->state = CONNECTING;
    mqtt_client_set_timer(c, c->config->connect_timeout_ns + TIMEOUT_SLACK_NS);
}

static void looked_up(void *arg, const struct lookup_result *result)
{
    struct mqtt_client *c = arg;
    char host[MQTT_HOST_MAX], words[400];
    c->lookup = NULL;
    c->found = *result;
    if (result->error) {
        snprintf(words, sizeof words, "%s: %s", mqtt_client_current(c)->address.host, result->error);
        mqtt_client_try_next(c, words);
        return;
    }
    c->had_other = result->other_size > 0 && !mqtt_client_current(c)->address.tls;
    // TLS compares the certificate with the name, so Paho must get the name and look it up again, with its
    // lock held. The answer has just been found, so that is quick; a name that hangs never gets there.
    if (mqtt_client_current(c)->address.tls) {
        open_connection(c, mqtt_client_current(c)->address.host);
        return;
    }
    bool other = c->other_family && result->other_size > 0;
    const struct sockaddr *address = (const struct sockaddr *)(other ? &result->other : &result->address);
    int rc = getnameinfo(address, other ? result->other_size : result->size, host, sizeof host, NULL, 0,
                         NI_NUMERICHOST);
    if (rc != 0)
        mqtt_client_try_next(c, gai_strerror(rc));
    else
        open_connection(c, host);
}

void mqtt_client_attempt(struct mqtt_client *c)
{
    struct server *s = mqtt_client_current(c);
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
        mqtt_client_try_next(c, "cannot look up names: no thread");
        return;
    }
    c->state = LOOKING_UP;
    mqtt_client_set_timer(c, c->config->connect_timeout_ns);
}

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
    if (!mqtt_client_current(c)->address.tls || g->code > 0 || g->closed ||
        strncmp(g->words, "TLS", 3) == 0 || !accepts_tcp(&c->found))
        return;
    snprintf(g->words, sizeof g->words,
             "TLS: the certificate is not for %.80s, or the broker wants another of us",
             mqtt_client_current(c)->address.host);
}

void mqtt_client_refused(struct mqtt_client *c)
{
    struct server *s = mqtt_client_current(c);
    struct mqtt_greeting g = *mqtt_paho_greeting(c->paho);
    mqtt_client_drop(c);
    explain_tls(c, &g);
    if (s->version == V5 && c->config->version == MQTT_VERSION_AUTO && refuses_v5(&g)) {
        s->version = V3_11;
        s->trying_old = true;
        mqtt_client_note_error(c, g.words);
        mqtt_client_pause(c, MQTT_NEXT_NS);
        return;
    }
    if (s->trying_old) { // it was not the version
        s->version = V5;
        s->trying_old = false;
    }
    mqtt_client_try_next(c, g.words);
}
