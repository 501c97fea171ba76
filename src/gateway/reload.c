// SPDX-License-Identifier: Apache-2.0
// SIGHUP: read the file again; what did not change keeps its sockets, counters and state, and a file with an
// error changes nothing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/gateway.h"
#include "symbiont/supervisor.h"

static struct meter_parts parts_of(const struct site *s, struct line *const *lines, size_t i)
{
    size_t count, place = site_place_on_line(s, i, &count);
    return (struct meter_parts){.config = site_meter(s, i),
                                .device = s->devices[i],
                                .line = lines[s->line_of[i]],
                                .index = i,
                                .phase = poller_phase(s->line_of[i], place, count)};
}

static int add_meter(struct gateway *g, const struct site *s, struct line *const *lines, struct meter **out,
                     size_t i, char *why, size_t why_size)
{
    struct meter_parts parts = parts_of(s, lines, i);
    out[i] = poller_add(g->poller, &parts, why, why_size);
    if (!out[i])
        return -1;
    gateway_restore_counters(g, out[i]);
    gateway_announce(g, out[i]);
    return 0;
}

int gateway_open_lines(struct gateway *g, struct site *s, char *why, size_t why_size)
{
    g->lines = calloc(s->root->lines.n + 1, sizeof(struct line *));
    g->meters = calloc(s->root->meters.n + 1, sizeof(struct meter *));
    if (!g->lines || !g->meters) {
        snprintf(why, why_size, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < s->root->lines.n; i++) {
        g->lines[i] = line_open(site_line(s, i), g->loop, &g->gate, why, why_size);
        if (!g->lines[i])
            return -1;
    }
    for (size_t i = 0; i < s->root->meters.n; i++)
        if (add_meter(g, s, g->lines, g->meters, i, why, why_size) < 0)
            return -1;
    return 0;
}

static void report(void *arg, bool is_error, struct place at, const char *text)
{
    struct gateway *g = arg;
    char where[512];
    snprintf(where, sizeof where, "%s:%d", at.file ? at.file : g->path, at.line);
    if (is_error)
        log_error(where, "%s", text);
    else
        log_warning(where, "%s", text);
    if (is_error && !g->reload_error[0])
        snprintf(g->reload_error, sizeof g->reload_error, "%.150s: %.100s", where, text);
}

static struct site *read_again(struct gateway *g)
{
    struct diagnostics *d = diagnostics_new();
    struct site *fresh = d ? site_load(g->path, &g->profiles, d) : NULL;
    g->reload_error[0] = '\0';
    if (d)
        diag_each(d, report, g);
    if (fresh && diag_errors(d) > 0) {
        site_free(fresh);
        fresh = NULL;
    }
    if (!fresh && !g->reload_error[0])
        snprintf(g->reload_error, sizeof g->reload_error, "out of memory");
    diagnostics_free(d);
    return fresh;
}

// For each fresh line the old one it continues, or NULL.
static void match_lines(const struct gateway *g, const struct site *fresh, struct line **lines, bool *kept)
{
    for (size_t i = 0; i < fresh->root->lines.n; i++) {
        for (size_t j = 0; j < g->site->root->lines.n; j++) {
            if (strcmp(site_line(fresh, i)->name, site_line(g->site, j)->name) != 0)
                continue;
            if (site_line_equal(fresh, i, g->site, j)) {
                lines[i] = g->lines[j];
                kept[j] = true;
            }
            break;
        }
    }
}

static void match_meters(const struct gateway *g, const struct site *fresh, struct line *const *lines,
                         struct meter **meters, bool *kept)
{
    for (size_t i = 0; i < fresh->root->meters.n; i++) {
        for (size_t j = 0; j < g->site->root->meters.n; j++) {
            if (strcmp(site_meter(fresh, i)->name, site_meter(g->site, j)->name) != 0)
                continue;
            if (g->meters[j] && lines[fresh->line_of[i]] == meter_line(g->meters[j]) &&
                site_meter_equal(fresh, i, g->site, j)) {
                meters[i] = g->meters[j];
                kept[j] = true;
            }
            break;
        }
    }
}

static bool has_meter(const struct site *s, const char *name)
{
    for (size_t i = 0; i < s->root->meters.n; i++)
        if (strcmp(site_meter(s, i)->name, name) == 0)
            return true;
    return false;
}

static void drop_old(struct gateway *g, const struct site *fresh, const bool *line_kept,
                     const bool *meter_kept)
{
    gateway_keep_counters(g);
    for (size_t j = 0; j < g->site->root->meters.n; j++) {
        if (meter_kept[j] || !g->meters[j])
            continue;
        publishing_forget(g, meter_info(g->meters[j]));
        if (!has_meter(fresh, site_meter(g->site, j)->name))
            gateway_forget(g, site_meter(g->site, j)->name);
        poller_remove(g->meters[j]);
    }
    for (size_t j = 0; j < g->site->root->lines.n; j++)
        if (!line_kept[j] && g->lines[j])
            g->lines[j]->ops->close(g->lines[j]);
}

// What is kept points into the fresh settings from now on; what is new is opened.
static int bring_up(struct gateway *g, struct site *fresh, struct line **lines, struct meter **meters)
{
    char why[256];
    int result = 0;
    for (size_t i = 0; i < fresh->root->lines.n; i++) {
        if (lines[i])
            lines[i]->config = site_line(fresh, i);
        else if (!(lines[i] = line_open(site_line(fresh, i), g->loop, &g->gate, why, sizeof why))) {
            log_error(site_line(fresh, i)->name, "%s", why);
            result = -1;
        }
    }
    for (size_t i = 0; i < fresh->root->meters.n; i++) {
        if (!lines[fresh->line_of[i]])
            continue;
        if (meters[i]) {
            struct meter_parts parts = parts_of(fresh, lines, i);
            poller_rebind(meters[i], &parts);
        } else if (add_meter(g, fresh, lines, meters, i, why, sizeof why) < 0) {
            log_error(site_meter(fresh, i)->name, "%s", why);
            result = -1;
        }
    }
    return result;
}

static size_t count(const bool *flags, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += flags[i];
    return sum;
}

static void apply(struct gateway *g, struct site *fresh)
{
    size_t old_lines = g->site->root->lines.n, old_meters = g->site->root->meters.n;
    struct line **lines = calloc(fresh->root->lines.n + 1, sizeof(struct line *));
    struct meter **meters = calloc(fresh->root->meters.n + 1, sizeof(struct meter *));
    bool *line_kept = calloc(old_lines + 1, sizeof *line_kept),
         *meter_kept = calloc(old_meters + 1, sizeof *meter_kept);
    struct engine *engine = gateway_prepare_engine(g, fresh);
    if (!lines || !meters || !line_kept || !meter_kept || !engine) {
        snprintf(g->reload_error, sizeof g->reload_error, "out of memory");
        engine_free(engine);
        site_free(fresh);
        free(lines);
        free(meters);
    } else {
        match_lines(g, fresh, lines, line_kept);
        match_meters(g, fresh, lines, meters, meter_kept);
        log_info("reload", "%zu of %zu lines and %zu of %zu meters unchanged", count(line_kept, old_lines),
                 fresh->root->lines.n, count(meter_kept, old_meters), fresh->root->meters.n);
        log_set_level((enum log_level)fresh->root->log_level);
        bool publishes = publishing_reload(g, fresh) == 0;
        drop_old(g, fresh, line_kept, meter_kept);
        poller_configure(g->poller, &fresh->root->polling);
        g->gate.limit = (int)fresh->root->polling.connects;
        struct site *old = g->site;
        free(g->lines);
        free(g->meters);
        g->site = fresh;
        g->lines = lines;
        g->meters = meters;
        gateway_exchange_engine(g, engine);
        if (bring_up(g, fresh, lines, meters) < 0 || !publishes)
            snprintf(g->reload_error, sizeof g->reload_error, "not everything could be opened, see the log");
        // Publishers that were opened anew know none of the documents.
        for (size_t i = 0; i < fresh->root->meters.n; i++)
            if (meters[i])
                gateway_announce(g, meters[i]);
        exchange_reload(g, old);
        site_free(old);
        g->loaded = utc_now();
        gateway_set_gather(g);
    }
    free(line_kept);
    free(meter_kept);
}

void gateway_reload(struct gateway *g)
{
    supervisor_tell("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(mono_now().ns / 1000));
    g->reloads++;
    struct site *fresh = read_again(g);
    if (fresh && !publishing_ready(g, fresh, g->reload_error, sizeof g->reload_error)) {
        site_free(fresh);
        fresh = NULL;
    }
    if (fresh)
        apply(g, fresh);
    if (g->reload_error[0]) {
        g->reload_failures++;
        log_error("reload", "failed%s: %s", fresh ? "" : ", the configuration in force stays",
                  g->reload_error);
    }
    supervisor_tell("READY=1");
}
