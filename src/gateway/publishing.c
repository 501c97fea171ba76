// SPDX-License-Identifier: Apache-2.0
// The publishers that are configured: opened, started, exchanged at reload, closed.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "gateway/gateway.h"

static struct outbox_settings outbox_settings(const struct site *s, char *path, size_t path_size)
{
    const struct storage_group *st = &s->root->storage;
    snprintf(path, path_size, "%s/outbox.db", st->directory);
    struct outbox_settings o = {.path = path,
                                .always = st->durability == DURABILITY_ALWAYS,
                                .spill_after_ns = st->spill_after_ns,
                                .disk_max_bytes = st->disk_max,
                                .memory_max_bytes = st->memory_max};
    for (size_t i = 0; i < OUTBOX_LANES_MAX && publishers[i]; i++)
        o.lanes[i] = publishers[i]->name;
    return o;
}

static int open_one(struct gateway *g, struct site *site, size_t i, char *why, size_t why_size)
{
    struct running_publisher *r = &g->publishers[i];
    const void *settings = site_publisher(site, i);
    r->kind = publishers[i];
    if (!publishers[i]->configured(settings))
        return 0;
    r->env = (struct publisher_site){.site = site->root->site.id, .outbox = g->outbox, .lane = i};
    r->settings = site_hold(site);
    outbox_rewind(g->outbox, i, 0); // what an earlier instance took and did not acknowledge is offered again
    r->publisher = publishers[i]->open(settings, &r->env, why, why_size);
    if (r->publisher)
        return 0;
    site_free(r->settings);
    r->settings = NULL;
    return -1;
}

static void close_one(struct running_publisher *r, struct mono deadline)
{
    if (!r->publisher)
        return;
    r->kind->close(r->publisher, deadline);
    r->publisher = NULL;
    site_free(r->settings);
    r->settings = NULL;
}

int publishing_open(struct gateway *g, char *why, size_t why_size)
{
    char path[4096];
    struct outbox_settings settings = outbox_settings(g->site, path, sizeof path);
    g->outbox = outbox_open(&settings, why, why_size);
    if (!g->outbox)
        return -1;
    for (size_t i = 0; publishers[i]; i++)
        if (open_one(g, g->site, i, why, why_size) < 0)
            return -1;
    return 0;
}

static int start_one(struct running_publisher *r)
{
    if (!r->publisher || r->kind->start(r->publisher) == 0)
        return 0;
    log_error(r->kind->name, "cannot start its thread: %s", strerror(errno));
    return -1;
}

int publishing_start(struct gateway *g)
{
    for (size_t i = 0; publishers[i]; i++)
        if (start_one(&g->publishers[i]) < 0)
            return -1;
    return 0;
}

void publishing_close(struct gateway *g, struct mono deadline)
{
    for (size_t i = 0; publishers[i]; i++)
        close_one(&g->publishers[i], deadline);
    if (g->outbox && outbox_close(g->outbox) < 0)
        log_error("outbox", "not everything could be written; see the messages above");
    g->outbox = NULL;
}

void publishing_forget(struct gateway *g, const struct meter_info *m)
{
    for (size_t i = 0; publishers[i]; i++)
        if (g->publishers[i].publisher)
            publishers[i]->forget(g->publishers[i].publisher, m);
}

static bool storage_equal(const struct storage_group *a, const struct storage_group *b)
{
    return a->durability == b->durability && a->spill_after_ns == b->spill_after_ns &&
           a->disk_max == b->disk_max && a->memory_max == b->memory_max;
}

static bool must_reopen(const struct gateway *g, const struct site *fresh, size_t i)
{
    return strcmp(g->site->root->site.id, fresh->root->site.id) != 0 ||
           !storage_equal(&g->site->root->storage, &fresh->root->storage) ||
           !site_publisher_equal(g->site, fresh, i);
}

bool publishing_ready(const struct gateway *g, const struct site *fresh, char *why, size_t why_size)
{
    for (size_t i = 0; publishers[i]; i++) {
        const void *settings = site_publisher(fresh, i);
        if (publishers[i]->configured(settings) && must_reopen(g, fresh, i) &&
            !publishers[i]->ready(settings, why, why_size))
            return false;
    }
    return true;
}

// Publishers whose settings did not change keep their connection; the outbox is reconfigured only when its
// own settings changed, because everyone must be out of it meanwhile.
int publishing_reload(struct gateway *g, struct site *fresh)
{
    struct mono deadline = mono_add(mono_now(), 2 * NS_PER_S);
    bool all = strcmp(g->site->root->site.id, fresh->root->site.id) != 0 ||
               !storage_equal(&g->site->root->storage, &fresh->root->storage);
    char why[256] = "", path[4096];
    int result = 0;
    bool closed[OUTBOX_LANES_MAX] = {false};
    if (strcmp(g->site->root->storage.directory, fresh->root->storage.directory) != 0)
        log_warning("storage", "directory: a change takes a restart; %s stays in use",
                    g->site->root->storage.directory);
    for (size_t i = 0; publishers[i]; i++) {
        closed[i] = must_reopen(g, fresh, i);
        if (closed[i])
            close_one(&g->publishers[i], deadline);
    }
    if (all) {
        struct outbox_settings settings = outbox_settings(fresh, path, sizeof path);
        char old_path[4096];
        settings.path = outbox_settings(g->site, old_path, sizeof old_path).path;
        if (outbox_configure(g->outbox, &settings, why, sizeof why) < 0)
            log_error("outbox", "%s", why);
    }
    for (size_t i = 0; publishers[i]; i++) {
        if (!closed[i])
            continue;
        if (open_one(g, fresh, i, why, sizeof why) < 0 || start_one(&g->publishers[i]) < 0) {
            log_error(publishers[i]->name, "%s", why);
            result = -1;
        }
    }
    return result;
}
