// SPDX-License-Identifier: Apache-2.0
// A client of a broker that subscribes: what it hears goes to stdout, one line of JSON each; commands on
// stdin.
//
// usage: mqtt_listener SETTINGS INBOX_BYTES INCOMING_MAX FILTER...
//
//   publish TOPIC RETAINED EXPIRY_S TEXT    {"published":0} or the refusal's code, when it has its outcome
//   subscribe FILTER | pause MS (after each message) | info
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "publish/mqtt_client.h"
#include "symbiont/json.h"
#include "symbiont/units.h"

struct listener {
    struct mqtt_client *client;
    struct loop *loop;
    struct watch stdin_watch;
    struct mqtt_message message;
    bool publishing;
    useconds_t pause_us;
    char line[4096];
    size_t n;
};

static void say(struct buf *b)
{
    buf_putc(b, '\n');
    fwrite(b->data, 1, b->len, stdout);
    fflush(stdout);
    buf_free(b);
}

static void say_word(const char *key, int64_t value)
{
    struct buf b = {0};
    struct json j = json_begin(&b);
    json_open(&j, NULL, '{');
    json_int(&j, key, value);
    json_close(&j, '}');
    say(&b);
}

static void went_up(void *arg)
{
    (void)arg;
    say_word("up", 1);
}

static void went_down(void *arg, const struct mqtt_loss *loss)
{
    struct listener *l = arg;
    l->publishing = false;
    say_word("down", loss->reason);
}

static void progressed(void *arg)
{
    struct listener *l = arg;
    unsigned outcome = l->publishing ? atomic_load(&l->message.outcome) : MQTT_UNDER_WAY;
    if (outcome == MQTT_UNDER_WAY)
        return;
    l->publishing = false;
    say_word("published", outcome == MQTT_ACCEPTED ? 0 : outcome == MQTT_LOST ? -1 : (int)(outcome & 0xff));
}

static bool any_under_way(void *arg)
{
    return ((struct listener *)arg)->publishing;
}

static void heard(void *arg, const struct mqtt_incoming *m)
{
    struct listener *l = arg;
    struct buf b = {0};
    struct json j = json_begin(&b);
    json_open(&j, NULL, '{');
    json_text(&j, "topic", m->topic);
    json_int(&j, "n", (int64_t)m->n);
    json_text_n(&j, "payload", m->payload, m->n < 200 ? m->n : 200);
    json_bool(&j, "retained", m->retained);
    json_close(&j, '}');
    say(&b);
    usleep(l->pause_us);
}

static void answered(void *arg, const char *filter, unsigned code, const char *words)
{
    struct buf b = {0};
    struct json j = json_begin(&b);
    (void)arg;
    json_open(&j, NULL, '{');
    json_text(&j, "filter", filter);
    json_int(&j, "code", code);
    json_text(&j, "words", words);
    json_close(&j, '}');
    say(&b);
}

static void say_info(struct listener *l)
{
    const struct mqtt_client_info *i = mqtt_client_info(l->client);
    struct buf b = {0};
    struct json j = json_begin(&b);
    json_open(&j, NULL, '{');
    json_int(&j, "version", i->version);
    json_int(&j, "received", (int64_t)i->received);
    json_int(&j, "dropped", (int64_t)i->dropped);
    json_int(&j, "too_long", (int64_t)i->too_long);
    json_close(&j, '}');
    say(&b);
}

static void obey(struct listener *l, char *line)
{
    char topic[200];
    unsigned retained, expiry_s;
    int at;
    if (sscanf(line, "publish %199s %u %u %n", topic, &retained, &expiry_s, &at) == 3) {
        const char *text = line + at;
        l->publishing =
            mqtt_client_is_up(l->client) &&
            mqtt_client_send(l->client, &l->message, topic, text, strlen(text), retained != 0, expiry_s) == 0;
        if (!l->publishing)
            say_word("published", -1);
    } else if (strncmp(line, "subscribe ", 10) == 0) {
        if (mqtt_client_subscribe(l->client, line + 10) < 0)
            say_word("refused", 1);
    } else if (strncmp(line, "pause ", 6) == 0) {
        l->pause_us = (useconds_t)atoi(line + 6) * 1000;
    } else if (strcmp(line, "info") == 0) {
        say_info(l);
    }
}

static void told(struct watch *w, uint32_t events)
{
    struct listener *l = (struct listener *)(void *)((char *)w - offsetof(struct listener, stdin_watch));
    (void)events;
    ssize_t n = read(0, l->line + l->n, sizeof l->line - 1 - l->n);
    if (n <= 0) {
        loop_stop(l->loop);
        return;
    }
    l->n += (size_t)n;
    l->line[l->n] = '\0';
    char *end;
    while ((end = strchr(l->line, '\n'))) {
        *end = '\0';
        obey(l, l->line);
        l->n -= (size_t)(end + 1 - l->line);
        memmove(l->line, end + 1, l->n + 1);
    }
}

static struct option root_options[2] = {
    {.name = "mqtt", .type = OPTION_GROUP, .offset = sizeof(struct settings), .section = &mqtt_section}};

static struct config *read_settings(const char *path)
{
    static struct section root = {"root", 0, root_options, ""};
    root.size = sizeof(struct settings) + mqtt_section.size;
    struct diagnostics *d = diagnostics_new();
    struct config *c = config_read_path(path, false, &root, d);
    if (!c || diag_errors(d)) {
        diag_print(d, stderr);
        exit(1);
    }
    diagnostics_free(d);
    return c;
}

int main(int argc, char **argv)
{
    static struct listener l;
    char why[300];
    if (argc < 4 || units_open(why, sizeof why) < 0)
        return 64;
    struct config *config = read_settings(argv[1]);
    const void *mqtt = (const char *)config_root(config) + sizeof(struct settings);
    const struct mqtt_client_settings s = {.config = mqtt,
                                           .subject = "listener",
                                           .client_id = "listener",
                                           .inbox_bytes = (size_t)atol(argv[2]),
                                           .incoming_max = (uint32_t)atol(argv[3])};
    const struct mqtt_client_events events = {.up = went_up,
                                              .down = went_down,
                                              .progress = progressed,
                                              .under_way = any_under_way,
                                              .message = heard,
                                              .suback = answered,
                                              .arg = &l};
    l.client = mqtt_client_new(&s, &events, why, sizeof why);
    if (!l.client) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    for (int i = 4; i < argc; i++)
        mqtt_client_subscribe(l.client, argv[i]);
    l.loop = loop_new();
    l.stdin_watch = (struct watch){.fd = 0, .ready = told};
    if (!l.loop || loop_watch(l.loop, &l.stdin_watch, EPOLLIN) < 0 || mqtt_client_start(l.client, l.loop) < 0)
        return 1;
    loop_run(l.loop);
    mqtt_client_free(l.client);
    loop_free(l.loop);
    config_free(config);
    return 0;
}
