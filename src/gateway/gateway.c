// SPDX-License-Identifier: Apache-2.0
// The daemon's table of contents: start in order, keep house, stop in reverse.
#include "gateway/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "symbiont/files.h"
#include "symbiont/supervisor.h"

#define HOUSEKEEPING_NS (5 * NS_PER_S)

// A worker that has shown no progress for this long is stuck: the watchdog is then not fed. Longer than any
// wait a healthy worker makes (a TLS handshake, an HTTP timeout of 30 s).
#define STUCK_NS (60 * NS_PER_S)

// Thousands of TCP meters need more descriptors than the usual soft limit of 1024.
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warning("start", "cannot raise the limit on open files: %s", strerror(errno));
}

// Made by us it is closed. One that was there before may be open, which is the owner's choice, if a doubtful
// one.
static void warn_open_directory(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && st.st_mode & 077)
        log_warning("start", "storage directory %s is open to group or others (mode %04o): chmod 0700 %s",
                    path, (unsigned)st.st_mode & 07777, path);
}

// ---- Signals ----

static void on_reload(void *arg)
{
    gateway_reload(arg);
}

// ---- Keeping house ----

static bool is_fresh(struct mono beat, struct mono now, const char *who)
{
    if (beat.ns == 0 || mono_since(now, beat) < STUCK_NS)
        return true;
    log_error("watchdog", "%s has made no progress for %lld s", who,
              (long long)(mono_since(now, beat) / NS_PER_S));
    return false;
}

static bool workers_alive(const struct gateway *g, struct mono now)
{
    bool alive = is_fresh(outbox_heartbeat(g->outbox), now, "the outbox");
    for (size_t i = 0; publishers[i]; i++)
        if (g->publishers[i].publisher)
            alive &= is_fresh(publishers[i]->heartbeat(g->publishers[i].publisher), now, publishers[i]->name);
    for (size_t i = 0; i < g->site->root->lines.n; i++)
        if (g->lines[i])
            alive &= is_fresh(line_heartbeat(g->lines[i]), now, site_line(g->site, i)->name);
    alive &= is_fresh(exchange_heartbeat(g), now, "the exchange");
    return alive;
}

static void announce_self(struct gateway *g);

// Started before the clock was set: what was stamped then gets its true time.
static void mend_times(struct gateway *g, struct mono now)
{
    struct utc utc = utc_now();
    if (utc_plausible(g->started) || !utc_plausible(utc))
        return;
    g->started.ms = utc.ms - mono_since(now, g->began) / NS_PER_MS;
    if (!utc_plausible(g->loaded))
        g->loaded = g->started;
    announce_self(g);
}

// Polling does not care; who reads the times does, and what was stamped before stays as it is.
#define STEP_MS 1000

static void look_at_clock(struct gateway *g, struct mono now)
{
    struct utc utc = utc_now();
    int64_t offset = utc.ms - now.ns / NS_PER_MS, step = offset - g->clock_offset_ms;
    bool known = g->clock_offset_ms != 0;
    g->clock_offset_ms = offset;
    if (!known || (step > -STEP_MS && step < STEP_MS))
        return;
    char text[UTC_TEXT];
    g->clock_steps++;
    log_warning("clock", "it moved by %+.1f s, to %s: it was set, or the machine was asleep",
                (double)step / 1000, utc_text(utc, text));
}

static void keep_house(struct timer *t, struct mono now)
{
    struct gateway *g = (struct gateway *)((char *)t - offsetof(struct gateway, housekeeping));
    char text[256];
    mend_times(g, now);
    look_at_clock(g, now);
    gateway_look_at_wear(g, now);
    gateway_summary(g, text, sizeof text);
    supervisor_tell("STATUS=%s", text);
    if (g->watchdog_ns && workers_alive(g, now))
        supervisor_tell("WATCHDOG=1");
    int64_t next = g->watchdog_ns && g->watchdog_ns < HOUSEKEEPING_NS ? g->watchdog_ns : HOUSEKEEPING_NS;
    loop_timer(g->loop, t, mono_add(now, next));
}

// Answers within this time of each other are taken in one turn. Far below what a meter takes to answer; not
// with meters that are asked as fast as they answer.
#define GATHER_NS (300 * 1000)

void gateway_set_gather(const struct gateway *g)
{
    int64_t gather = GATHER_NS;
    for (size_t i = 0; i < g->site->root->meters.n; i++)
        if (site_meter(g->site, i)->every_ns == 0)
            gather = 0;
    loop_gather(g->loop, gather);
}

// ---- Start and stop ----

static void announce_self(struct gateway *g)
{
    char started[UTC_TEXT];
    buf_reset(&g->scratch);
    struct json j = json_begin(&g->scratch);
    json_open(&j, NULL, '{');
    json_text(&j, "version", SYMBIONT_VERSION);
    json_text(&j, "started", utc_plausible(g->started) ? utc_text(g->started, started) : NULL);
    json_text(&j, "name", g->site->root->site.name);
    json_text(&j, "config", config_hash(g->site->config));
    json_int(&j, "meters", (int64_t)g->site->root->meters.n);
    json_close(&j, '}');
    if (!g->scratch.failed)
        gateway_document(g, "info", g->scratch.data, g->scratch.len);
}

int gateway_start(struct gateway *g, char *why, size_t why_size)
{
    const struct site_root *root = g->site->root;
    snprintf(why, why_size, "%s", "out of memory");
    log_set_level((enum log_level)root->log_level);
    raise_descriptor_limit();
    g->started = g->loaded = utc_now();
    g->began = mono_now();
    g->loop = loop_new();
    if (!g->loop || signals_open(&g->signals, g->loop, on_reload, g) < 0)
        return -1;
    if (directory_make(root->storage.directory, 0700) < 0) {
        snprintf(why, why_size, "storage directory %s: %s", root->storage.directory, strerror(errno));
        return -1;
    }
    warn_open_directory(root->storage.directory);
    if (publishing_open(g, why, why_size) < 0)
        return -1;
    if (gateway_open_engine(g, why, why_size) < 0)
        return -1;
    struct poller_hooks hooks = gateway_hooks(g);
    connect_gate_init(&g->gate, (int)root->polling.connects);
    g->poller = poller_new(g->loop, &root->polling, &hooks, outbox_epoch(g->outbox));
    if (!g->poller || gateway_open_lines(g, g->site, why, why_size) < 0)
        return -1;
    if (exchange_open(g, why, why_size) < 0)
        return -1;
    announce_self(g);
    if (publishing_start(g) < 0 || exchange_start(g) < 0)
        return -1;
    g->control = control_open(&(struct control_settings){.loop = g->loop,
                                                         .path = root->control.socket,
                                                         .who = "symbiontd",
                                                         .answer = gateway_answer,
                                                         .arg = g},
                              why, why_size);
    if (!g->control)
        return -1;
    gateway_set_gather(g);
    g->watchdog_ns = supervisor_watchdog_ns();
    g->housekeeping.fire = keep_house;
    loop_timer(g->loop, &g->housekeeping, loop_now(g->loop));
    log_info("start", "symbiontd %s: site %s, %zu meters on %zu lines", SYMBIONT_VERSION, root->site.id,
             root->meters.n, root->lines.n);
    supervisor_tell("READY=1");
    return 0;
}

// Publishers get this long for what is still in their hands; the rest goes to disk.
#define GOODBYE_NS (2 * NS_PER_S)

void gateway_stop(struct gateway *g)
{
    supervisor_tell("STOPPING=1");
    control_close(g->control);
    if (g->poller)
        poller_settle(g->poller);
    if (g->outbox && g->meters)
        gateway_keep_counters(g);
    for (size_t i = 0; g->meters && i < g->site->root->meters.n; i++)
        if (g->meters[i])
            poller_remove(g->meters[i]);
    for (size_t i = 0; g->lines && i < g->site->root->lines.n; i++)
        if (g->lines[i])
            g->lines[i]->ops->close(g->lines[i]);
    exchange_close(g, mono_add(mono_now(), GOODBYE_NS));
    gateway_close_engine(g);
    publishing_close(g, mono_add(mono_now(), GOODBYE_NS));
    if (g->loop)
        log_info("stop", "%llu readings since the start, %llu of them without a value",
                 (unsigned long long)g->readings, (unsigned long long)g->empty);
    if (g->poller && poller_held(g->poller).lost)
        log_warning("clock", "%llu readings are lost: there was no time of day to give them",
                    (unsigned long long)poller_held(g->poller).lost);
    poller_free(g->poller);
    if (g->loop) {
        loop_timer_stop(g->loop, &g->housekeeping);
        signals_close(&g->signals);
    }
    loop_free(g->loop);
    free(g->lines);
    free(g->meters);
    buf_free(&g->scratch);
    buf_free(&g->line);
}
