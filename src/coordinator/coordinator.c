// SPDX-License-Identifier: Apache-2.0
// The coordinator's table of contents: start in order, keep house, stop in reverse.
#include "coordinator/coordinator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "symbiont/files.h"
#include "symbiont/supervisor.h"

#define HOUSEKEEPING_NS (2 * NS_PER_S)
// A new thing waits so long for others: one settling and one commit for all that came together.
#define STIR_NS  (100 * NS_PER_MS)
#define STUCK_NS (90 * NS_PER_S)
// Letters looked at before others have their turn.
#define LETTERS 2000
#define HOUR_MS 3600000LL

// ---- Signals ----

static void on_reload(void *arg)
{
    coordinator_reload(arg);
}

// ---- Taking in and settling ----

void coordinator_stir(struct coordinator *c)
{
    if (c->loop && !timer_is_set(&c->soon))
        loop_timer(c->loop, &c->soon, mono_add(loop_now(c->loop), STIR_NS));
}

// What follows from a message is on disk before anybody is told of it.
void coordinator_settle(struct coordinator *c)
{
    struct utc now = utc_now();
    if (!utc_plausible(now)) { // by a clock that is not set everything would have ended, or not begun
        store_commit(c->store);
        return;
    }
    if (c->dirty || matcher_next(c->matcher).ms <= now.ms) {
        c->dirty = false;
        deals_settle(c, now);
    }
    if (c->rekeyed) {
        c->rekeyed = false;
        deals_refresh(c, now);
    }
    entries_say_receipts(c);
    store_commit(c->store);
    outgoing_send(c);
    alerts_push(c, now);
    store_commit(c->store);
}

static void settle_soon(struct timer *t, struct mono now)
{
    (void)now;
    coordinator_settle((struct coordinator *)(void *)((char *)t - offsetof(struct coordinator, soon)));
}

static void letters_came(void *arg)
{
    struct coordinator *c = arg;
    struct link_letter *letter = NULL;
    if (link_came_up(c->link)) {
        store_commit(c->store);
        outgoing_repeat(c);
    }
    for (int i = 0; i < LETTERS && (letter = link_take(c->link)); i++) {
        intake(c, letter);
        free(letter);
    }
    if (letter) // there may be more: others first
        link_more(c->link);
}

static void alert_went(struct wakeup *w)
{
    struct coordinator *c =
        (struct coordinator *)(void *)((char *)w - offsetof(struct coordinator, delivered));
    alerts_push(c, utc_now());
    coordinator_stir(c);
}

// ---- Keeping house ----

static void feed_watchdog(struct coordinator *c, struct mono now)
{
    struct link_status s;
    link_status(c->link, &s);
    if (mono_since(now, s.heartbeat) > STUCK_NS)
        log_error("watchdog", "the broker's thread has made no progress for %lld s",
                  (long long)(mono_since(now, s.heartbeat) / NS_PER_S));
    else if (c->watchdog_ns)
        supervisor_tell("WATCHDOG=1");
}

// Once a sender may be heard again, what it retained meanwhile is asked for.
static void ask_again(struct coordinator *c, struct mono now)
{
    struct member *m;
    bool again = false;
    for (size_t at = 0; (m = table_next(&c->members, &at));) {
        if (!member_may_be_asked(c, m, now))
            continue;
        m->missed = m->ids_spent = false;
        again = true;
    }
    if (again)
        link_again(c->link);
}

static void save_all(struct coordinator *c)
{
    struct member *m;
    struct deal *d;
    store_caught_up(c->store);
    entries_save(c);
    topics_save(c);
    for (size_t at = 0; (d = table_next(&c->deals, &at));)
        deal_keep(c, d);
    for (size_t at = 0; (m = table_next(&c->members, &at));)
        for (unsigned i = 0; i < m->peer.key_count; i++)
            store_put_seen(c->store, m->peer.key_ids[i], &m->peer.seen[i]);
    store_keep(c->store, "epoch", (int64_t)c->epoch);
    store_keep(c->store, "seq", (int64_t)c->seq_reserved);
    store_commit(c->store);
}

static void tidy(struct coordinator *c, struct utc now)
{
    if (now.ms >= c->tidied.ms && now.ms - c->tidied.ms < HOUR_MS) // a clock is taken back, too
        return;
    c->tidied = now;
    topics_tidy(c, now);
    store_tidy(c->store, now, (struct utc){now.ms - 2 * c->territory->root->alerts.interval_ns / NS_PER_MS});
    deals_refresh(c, now);
}

static void keep_house(struct timer *t, struct mono now)
{
    struct coordinator *c =
        (struct coordinator *)(void *)((char *)t - offsetof(struct coordinator, housekeeping));
    struct utc utc = utc_now();
    feed_watchdog(c, now);
    if (utc_plausible(utc)) {
        if (!c->clock_was_set) {
            c->clock_was_set = true;
            link_again(c->link);
            outgoing_repeat(c);
        }
        entries_expire(c, utc);
        alerts_containers(c, utc);
        alerts_digest(c, utc);
        tidy(c, utc);
    }
    ask_again(c, now);
    if (store_behind(c->store))
        save_all(c);
    coordinator_settle(c);
    char text[200];
    coordinator_summary(c, text, sizeof text);
    supervisor_tell("STATUS=%s", text);
    int64_t next = c->watchdog_ns && c->watchdog_ns < HOUSEKEEPING_NS ? c->watchdog_ns : HOUSEKEEPING_NS;
    loop_timer(c->loop, &c->housekeeping, mono_add(now, next));
}

// ---- Start and stop ----

bool coordinator_link(struct coordinator *c, char *why, size_t size)
{
    const struct coordinator_root *root = c->territory->root;
    static const char prefix[] = "symbiont-coordinator-";
    snprintf(c->client_id, sizeof c->client_id, "%s%s", prefix, root->territory);
    c->link = link_open(
        &(struct link_settings){.broker = &root->broker,
                                .territory = root->territory,
                                .client_id = root->broker.client_id ? root->broker.client_id : c->client_id,
                                .message_bytes = (uint32_t)root->limits.message_bytes,
                                .loop = c->loop,
                                .woken = letters_came,
                                .arg = c},
        why, size);
    return c->link != NULL;
}

static int restore(struct coordinator *c, char *why, size_t size)
{
    if (!members_take(c, c->territory) || !entries_restore(c, why, size))
        return -1;
    topics_restore(c);
    deals_restore(c);
    entries_declare(c);
    outgoing_notice_key(c);
    c->dirty = c->anew = true;
    return 0;
}

int coordinator_start(struct coordinator *c, char *why, size_t size)
{
    const struct coordinator_root *root = c->territory->root;
    snprintf(why, size, "%s", "out of memory");
    log_set_level((enum log_level)root->log_level);
    c->started = c->loaded = utc_now();
    c->clock_was_set = utc_plausible(c->started);
    c->loop = loop_new();
    c->delivered.watch.fd = -1;
    if (!c->loop || signals_open(&c->signals, c->loop, on_reload, c) < 0 ||
        wakeup_open(&c->delivered, c->loop, alert_went) < 0)
        return -1;
    if (site_key_load(root->key_file, &c->key, why, size) < 0)
        return -1;
    if (directory_make(root->storage.directory, 0700) < 0) {
        snprintf(why, size, "storage directory %s: %s", root->storage.directory, strerror(errno));
        return -1;
    }
    c->store = store_open(root->storage.directory, why, size);
    if (!c->store || !outgoing_open(c, why, size))
        return -1;
    c->matcher = matcher_new(&root->matching);
    c->soon.fire = settle_soon;
    if (!c->matcher || restore(c, why, size) < 0)
        return -1;
    if (!alerts_open(c, c->territory, why, size) || !coordinator_link(c, why, size))
        return -1;
    c->control = control_open(&(struct control_settings){.loop = c->loop,
                                                         .path = root->control.socket,
                                                         .who = "symbiont-coordinator",
                                                         .answer = coordinator_answer,
                                                         .arg = c},
                              why, size);
    if (!c->control)
        return -1;
    c->watchdog_ns = supervisor_watchdog_ns();
    c->housekeeping.fire = keep_house;
    loop_timer(c->loop, &c->housekeeping, loop_now(c->loop));
    log_info("start",
             "symbiont-coordinator %s: territory %s, %zu members, %zu declared firms, %zu offers and needs",
             SYMBIONT_VERSION, root->territory, root->members.n, root->declared.n, c->entries.count);
    supervisor_tell("READY=1");
    return 0;
}

// The broker gets this long for what is still waiting; it is on disk in any case.
#define GOODBYE_NS (2 * NS_PER_S)

void coordinator_stop(struct coordinator *c)
{
    supervisor_tell("STOPPING=1");
    control_close(c->control);
    if (c->link && c->store)
        coordinator_settle(c);
    alerts_close(c);
    link_close(c->link, mono_add(mono_now(), GOODBYE_NS));
    store_close(c->store);
    matcher_free(c->matcher);
    deals_free(c);
    entries_free(c);
    topics_free(c);
    members_free(c);
    outgoing_free(c);
    site_key_wipe(&c->key);
    if (c->loop) {
        loop_timer_stop(c->loop, &c->housekeeping);
        loop_timer_stop(c->loop, &c->soon);
        signals_close(&c->signals);
        wakeup_close(&c->delivered);
    }
    loop_free(c->loop);
}
