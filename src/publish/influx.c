// SPDX-License-Identifier: Apache-2.0
// The InfluxDB publisher: readings in on the loop's thread, a thread of its own that posts.
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "influx_sender.h"
#include "symbiont/encode.h"
#include "symbiont/files.h"
#include "symbiont/publisher.h"
#include "thin_set.h"

#define SUBJECT "influxdb"

struct publisher {
    const struct influx_config *config;
    struct publisher_site site;

    // The loop's thread.
    struct thin_set thin;
    struct buf scratch;

    // The sending thread.
    pthread_t thread;
    bool started;
    struct influx_sender sender;

    // Both.
    int stop_fd;
    atomic_bool stopping, connected;
    atomic_llong stop_by, heartbeat; // ns, monotonic

    pthread_mutex_t lock; // the copy that status() shows
    struct influx_shown shown;
};

// ---- The loop's thread ----

static void put_reading(void *arg, const struct reading *r, const struct encode_window *window)
{
    struct publisher *p = arg;
    (void)window;
    buf_reset(&p->scratch);
    if (encode_line_reading(&p->scratch, p->site.site, r) && !p->scratch.failed)
        outbox_put(p->site.outbox, p->site.lane, "", p->scratch.data, p->scratch.len, r->time);
}

static void reading(struct publisher *p, const struct reading *r)
{
    thin_set_reading(&p->thin, r);
}

static void forget(struct publisher *p, const struct meter_info *m)
{
    thin_set_forget(&p->thin, m);
}

static void event(struct publisher *p, const char *topic, const char *json, size_t n, const char *line,
                  struct utc time)
{
    (void)topic, (void)json, (void)n;
    if (line && *line)
        outbox_put(p->site.outbox, p->site.lane, "", line, strlen(line), time);
}

// ---- The sending thread ----

static void copy_for_status(struct publisher *p)
{
    pthread_mutex_lock(&p->lock);
    p->shown = p->sender.shown;
    pthread_mutex_unlock(&p->lock);
    atomic_store(&p->connected, p->sender.shown.connected);
    atomic_store(&p->heartbeat, mono_now().ns);
}

// True while there is something to wait for; woken by the outbox, or by close().
static void wait_until(struct publisher *p, struct mono due, bool wants_outbox)
{
    int64_t ms = (mono_since(due, mono_now()) + NS_PER_MS - 1) / NS_PER_MS;
    struct pollfd fds[] = {{.fd = p->stop_fd, .events = POLLIN},
                           {.fd = outbox_event_fd(p->site.outbox, p->site.lane), .events = POLLIN}};
    if (ms > 0)
        poll(fds, wants_outbox ? 2 : 1, ms < 1000 ? (int)ms : 1000);
}

static void *run(void *arg)
{
    struct publisher *p = arg;
    bool wants_outbox, idle;
    pthread_setname_np(pthread_self(), "influxdb");
    while (!atomic_load(&p->stopping)) {
        struct mono due = influx_sender_turn(&p->sender, mono_now(), false, &wants_outbox, &idle);
        copy_for_status(p);
        wait_until(p, due, wants_outbox);
    }
    // The last lines, as far as there is time; while the server does not answer the outbox keeps them.
    do {
        influx_sender_turn(&p->sender, mono_now(), true, &wants_outbox, &idle);
        copy_for_status(p);
    } while (!idle && mono_now().ns < atomic_load(&p->stop_by) &&
             !mono_before(mono_now(), p->sender.shown.retry_at));
    return NULL;
}

// ---- Life ----

static void free_all(struct publisher *p)
{
    influx_sender_free(&p->sender);
    thin_set_free(&p->thin);
    buf_free(&p->scratch);
    if (p->stop_fd >= 0)
        close(p->stop_fd);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static bool ready(const void *settings, char *why, size_t why_size)
{
    const struct influx_config *c = settings;
    const char *file = c->token_file ? c->token_file : c->password_file;
    char secret[1024];
    int rc = file ? secret_read(file, secret, sizeof secret, why, why_size) : 0;
    explicit_bzero(secret, sizeof secret);
    return rc == 0 && (!c->key_file || key_file_check(c->key_file, why, why_size) == 0);
}

static struct publisher *open_influx(const void *settings, const struct publisher_site *site, char *why,
                                     size_t why_size)
{
    if (!ready(settings, why, why_size))
        return NULL;
    struct publisher *p = calloc(1, sizeof *p);
    if (!p) {
        snprintf(why, why_size, "no memory");
        return NULL;
    }
    p->config = settings;
    p->site = *site;
    pthread_mutex_init(&p->lock, NULL);
    atomic_store(&p->stop_by, INT64_MAX);
    atomic_store(&p->heartbeat, mono_now().ns);
    p->thin = (struct thin_set){.config = &p->config->thin, .publish = put_reading, .arg = p};
    p->sender = (struct influx_sender){.config = p->config,
                                       .outbox = site->outbox,
                                       .lane = site->lane,
                                       .lane_name = SUBJECT,
                                       .site = site->site};
    influx_sender_init(&p->sender);
    p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->sender.http = influx_http_new(p->config, &p->stop_by, &p->heartbeat, why, why_size);
    if (p->stop_fd < 0)
        snprintf(why, why_size, "cannot prepare the publisher: %m");
    if (p->stop_fd >= 0 && p->sender.http)
        return p;
    free_all(p);
    return NULL;
}

static int start(struct publisher *p)
{
    int rc = pthread_create(&p->thread, NULL, run, p);
    p->started = rc == 0;
    errno = rc;
    return rc ? -1 : 0;
}

static void close_influx(struct publisher *p, struct mono deadline)
{
    thin_set_finish(&p->thin);
    if (p->started) {
        atomic_store(&p->stop_by, deadline.ns);
        atomic_store(&p->stopping, true);
        eventfd_write(p->stop_fd, 1);
        pthread_join(p->thread, NULL); // a transfer is broken off at the deadline
    }
    free_all(p);
}

// ---- Questions of other threads ----

static void status(struct publisher *p, struct json *j)
{
    char text[UTC_TEXT];
    pthread_mutex_lock(&p->lock);
    struct influx_shown s = p->shown;
    pthread_mutex_unlock(&p->lock);
    int64_t wait_ns = mono_since(s.retry_at, mono_now());
    json_bool(j, "connected", s.connected);
    json_text(j, "server", p->config->url);
    json_text(j, "interface", p->config->bucket ? "2" : "1");
    json_bool(j, "configuration_fault", s.fault);
    json_number(j, "next_attempt_s", s.retry_at.ns && wait_ns > 0 ? (double)(wait_ns / NS_PER_MS) / 1000 : 0);
    json_int(j, "last_status", s.last_status);
    json_int(j, "requests", (int64_t)s.counters.requests);
    json_int(j, "stored", (int64_t)s.counters.stored_messages);
    json_int(j, "stored_bytes", (int64_t)s.counters.stored_bytes);
    json_int(j, "sent_bytes", (int64_t)s.counters.wire_bytes);
    json_int(j, "set_aside", (int64_t)s.counters.set_aside);
    json_int(j, "retries", (int64_t)s.counters.retries);
    json_int(j, "gaps", (int64_t)s.counters.gaps);
    if (s.learned_bytes)
        json_int(j, "server_limit_bytes", s.learned_bytes);
    if (s.last_stored_at.ms)
        json_text(j, "last_stored_at", utc_text(s.last_stored_at, text));
    if (s.last_error[0]) {
        json_text(j, "last_error", s.last_error);
        json_text(j, "last_error_at", utc_text(s.last_error_at, text));
    }
}

static bool connected(struct publisher *p)
{
    return atomic_load(&p->connected);
}

static struct mono heartbeat(struct publisher *p)
{
    return (struct mono){atomic_load(&p->heartbeat)};
}

const struct publisher_kind publisher_influx = {
    .name = "influxdb",
    .section = &influx_section,
    .configured = influx_configured,
    .check = influx_check,
    .ready = ready,
    .open = open_influx,
    .start = start,
    .reading = reading,
    .forget = forget,
    .event = event,
    .status = status,
    .connected = connected,
    .heartbeat = heartbeat,
    .close = close_influx,
};
