// SPDX-License-Identifier: Apache-2.0
// A meter's life: made, decoded into, finished into readings, split, removed.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "meters/poller.h"

// ---- The poller ----

void poller_configure(struct poller *p, const struct polling_config *c)
{
    p->health = (struct health_settings){(unsigned)c->down_failures, c->down_after_ns, c->probe_first_ns,
                                         c->probe_cap_ns};
    p->absent_retry_ns = c->absent_retry_ns;
    p->align = c->align;
}

struct poller *poller_new(struct loop *loop, const struct polling_config *c, const struct poller_hooks *hooks,
                          uint64_t epoch)
{
    struct poller *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->loop = loop;
    p->hooks = *hooks;
    p->epoch = epoch;
    p->origin = mono_now();
    held_begin(&p->held);
    poller_configure(p, c);
    return p;
}

void poller_free(struct poller *p)
{
    if (p)
        loop_timer_stop(p->loop, &p->held.timer);
    while (p && p->retired) {
        struct retired *next = p->retired->next;
        free(p->retired);
        p->retired = next;
    }
    free(p);
}

// ---- Numbering over reloads ----

static struct retired *retired_as(const struct poller *p, const char *name)
{
    struct retired *r = p->retired;
    while (r && strcmp(r->name, name) != 0)
        r = r->next;
    return r;
}

static uint64_t first_seq(const struct poller *p, const char *name)
{
    const struct retired *r = retired_as(p, name);
    return r ? r->seq : p->seq_floor;
}

static void retire(struct poller *p, const char *name, uint64_t seq)
{
    struct retired *r = retired_as(p, name);
    if (!r && seq && (r = calloc(1, sizeof *r + strlen(name) + 1))) {
        strcpy(r->name, name);
        r->next = p->retired;
        p->retired = r;
    }
    if (r)
        r->seq = seq;
    else if (seq > p->seq_floor)
        p->seq_floor = seq; // a hole in the numbering rather than a number twice
}

static struct unit_health *unit_take(struct poller *p, struct line *line, uint8_t id)
{
    struct unit_health *u = p->units;
    while (u && (u->line != line || u->id != id))
        u = u->next;
    if (!u) {
        u = calloc(1, sizeof *u);
        if (!u)
            return NULL;
        *u = (struct unit_health){
            .next = p->units, .line = line, .id = id, .health = health_begin(&p->health)};
        p->units = u;
    }
    u->meters++;
    return u;
}

static void unit_drop(struct poller *p, struct unit_health *u)
{
    if (--u->meters > 0)
        return;
    struct unit_health **at = &p->units;
    while (*at != u)
        at = &(*at)->next;
    *at = u->next;
    free(u);
}

void poller_unit_changed(struct poller *p, struct unit_health *u, bool up, const char *why)
{
    for (struct meter *m = p->meters; m; m = m->next) {
        if (m->unit != u || m->removed)
            continue;
        char subject[96];
        snprintf(subject, sizeof subject, "meter %s", m->info.name);
        if (up)
            log_info(subject, "unit %u on line %s answers", u->id, m->line->config->name);
        else
            log_warning(subject, "unit %u on line %s is down: %s; probed at growing intervals", u->id,
                        m->line->config->name, why);
        p->hooks.online(p->hooks.arg, &m->info, up);
    }
}

// ---- Making and unmaking a meter ----

static int64_t first_set(int64_t a, int64_t b)
{
    return a ? a : b;
}

static void settle_timing(struct meter *m, const struct meter_config *c)
{
    m->timing = m->device->timing;
    m->timing.timeout_ns = first_set(c->timeout_ns, m->timing.timeout_ns);
    m->timing.pause_ns = first_set(c->pause_ns, m->timing.pause_ns);
    m->timing.connect_pause_ns = first_set(c->connect_pause_ns, m->timing.connect_pause_ns);
    m->timing.in_flight = (int)first_set(c->in_flight, m->timing.in_flight);
    if (m->timing.in_flight < 1)
        m->timing.in_flight = 1;
}

static void bind_parts(struct meter *m, const struct meter_parts *parts)
{
    const struct meter_config *c = parts->config;
    m->device = parts->device;
    m->line = parts->line;
    m->phase = parts->phase;
    m->align = c->align || m->poller->align;
    m->maintenance = c->maintenance;
    m->info = (struct meter_info){.name = c->name,
                                  .vendor = parts->device->vendor,
                                  .model = parts->device->model,
                                  .profile = parts->device->profile,
                                  .points = parts->device->points,
                                  .n = parts->device->n,
                                  .index = parts->index,
                                  .every_ns = c->every_ns};
    settle_timing(m, c);
}

static void meter_free(struct meter *m)
{
    for (size_t i = 0; m->texts && i < m->info.n; i++)
        free(m->texts[i]);
    free(m->texts);
    plan_free(&m->plan);
    free(m->asks);
    free(m->cycle.todo);
    free(m->raw);
    free(m->last);
    free(m->values);
    free(m->counters);
    free(m->locator);
    free(m);
}

static bool make_texts(struct meter *m)
{
    for (size_t i = 0; i < m->info.n; i++) {
        const struct point *p = &m->info.points[i];
        if (p->type != POINT_STRING)
            continue;
        if (!m->texts && !(m->texts = calloc(m->info.n, sizeof *m->texts)))
            return false;
        if (!(m->texts[i] = calloc(1, 2 * (size_t)p->words + 1)))
            return false;
    }
    return true;
}

// A hidden total is part of another one, its fraction: it goes round all the time.
static bool counts(const struct point *p)
{
    return p->quantity->kind == QUANTITY_COUNTER && !p->hidden;
}

static bool make_counters(struct meter *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->info.n; i++)
        n += counts(&m->info.points[i]);
    m->counters = calloc(n ? n : 1, sizeof *m->counters);
    if (!m->counters)
        return false;
    for (size_t i = 0; i < m->info.n; i++)
        if (counts(&m->info.points[i]))
            m->counters[m->counter_count++].point = (uint16_t)i;
    return true;
}

static bool make_plan(struct meter *m)
{
    size_t n = m->info.n ? m->info.n : 1;
    if (plan_make(m->device, m->info.every_ns, &m->plan) < 0)
        return false;
    m->asks = calloc(m->plan.n ? m->plan.n : 1, sizeof *m->asks);
    m->cycle.todo = calloc(m->plan.n ? m->plan.n : 1, sizeof *m->cycle.todo);
    m->raw = calloc(n, sizeof *m->raw);
    m->last = calloc(n, sizeof *m->last);
    m->values = calloc(n, sizeof *m->values);
    if (!m->asks || !m->cycle.todo || !m->raw || !m->last || !m->values)
        return false;
    for (size_t i = 0; i < m->info.n; i++)
        m->last[i] = m->values[i] = (struct value){.reason = REASON_NOT_YET};
    return make_texts(m) && make_counters(m);
}

struct meter *poller_add(struct poller *p, const struct meter_parts *parts, char *why, size_t why_size)
{
    struct meter *m = calloc(1, sizeof *m);
    if (!m) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    m->poller = p;
    bind_parts(m, parts);
    m->unit = unit_take(p, m->line, (uint8_t)parts->config->unit_id);
    if (!m->unit || !make_plan(m) || !locator_make(m)) {
        snprintf(why, why_size, "meter %s: %s", m->info.name, strerror(errno));
        if (m->unit)
            unit_drop(p, m->unit);
        meter_free(m);
        return NULL;
    }
    meter_prepare(m);
    m->seq = first_seq(p, m->info.name);
    m->next = p->meters;
    p->meters = m;
    meter_schedule(m);
    meter_arm(m);
    return m;
}

void meter_release(struct meter *m)
{
    if (m->cycle.outstanding == 0)
        meter_free(m);
}

void poller_remove(struct meter *m)
{
    struct poller *p = m->poller;
    struct meter **at = &p->meters;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    loop_timer_stop(p->loop, &m->timer);
    retire(p, m->info.name, m->seq);
    if (m->cycle.probing)
        m->unit->probing = false;
    unit_drop(p, m->unit);
    m->unit = NULL;
    held_forget(&p->held, m);
    m->removed = true;
    // What waits in the line's queue would ask a device that is no longer ours, for nobody.
    for (size_t i = 0; i < m->plan.n; i++)
        line_withdraw(&m->asks[i].transaction);
    if (m->locator)
        line_withdraw(&m->locator->transaction);
    meter_release(m);
}

void poller_rebind(struct meter *m, const struct meter_parts *parts)
{
    bind_parts(m, parts);
}

// Splitting moves requests about: done between cycles, when none is outstanding.
void meter_apply_splits(struct meter *m)
{
    if (!m->cycle.splits)
        return;
    m->cycle.splits = false;
    char subject[96];
    snprintf(subject, sizeof subject, "meter %s", m->info.name);
    for (size_t i = m->plan.n; i-- > 0;) {
        if (!m->asks[i].split)
            continue;
        struct request was = m->plan.requests[i];
        struct mono due = m->asks[i].due;
        size_t before = m->plan.n;
        int parts = plan_split(&m->plan, m->device, i);
        size_t grown = m->plan.n - before;
        struct ask *asks = parts < 0 ? NULL : realloc(m->asks, m->plan.n * sizeof *asks);
        uint16_t *todo = asks ? realloc(m->cycle.todo, m->plan.n * sizeof *todo) : NULL;
        if (asks)
            m->asks = asks;
        if (todo)
            m->cycle.todo = todo;
        if (!todo) {
            log_error(subject, "out of memory while splitting a request");
            return;
        }
        memmove(&m->asks[i + 1 + grown], &m->asks[i + 1], (before - i - 1) * sizeof *m->asks);
        for (size_t k = i; k <= i + grown; k++)
            m->asks[k] = (struct ask){.due = due};
        log_info(subject,
                 "the device refused to read %u %s from %u (function %u): asked in %d parts from now on",
                 was.count, was.function <= TABLE_DISCRETE ? "bits" : "registers", was.address, was.function,
                 parts);
    }
    meter_prepare(m);
    meter_arm(m);
}

// ---- What others may see ----

const struct meter_info *meter_info(const struct meter *m)
{
    return &m->info;
}

struct line *meter_line(const struct meter *m)
{
    return m->line;
}

void meter_stats(const struct meter *m, struct meter_stats *out)
{
    *out = m->stats;
    out->health = m->unit->health.state;
    out->unit = m->unit->id;
    out->requests = m->plan.n;
    out->points = m->info.n;
    out->maintenance = m->maintenance;
}

const struct value *meter_values(const struct meter *m)
{
    return m->values;
}

const char *meter_text(const struct meter *m, size_t point)
{
    return m->texts && m->texts[point] ? m->texts[point] : "";
}

struct utc meter_time(const struct meter *m)
{
    return m->time;
}

// Saved by name: a point that comes or goes does not disturb the others.
void meter_counters_save(const struct meter *m,
                         void (*save)(void *arg, const char *point, const struct counter *c), void *arg)
{
    for (size_t i = 0; i < m->counter_count; i++)
        if (m->counters[i].state.known)
            save(arg, m->info.points[m->counters[i].point].name, &m->counters[i].state);
}

void meter_counters_load(struct meter *m, bool (*load)(void *arg, const char *point, struct counter *c),
                         void *arg)
{
    for (size_t i = 0; i < m->counter_count; i++) {
        struct counter saved;
        if (load(arg, m->info.points[m->counters[i].point].name, &saved) && counter_valid(&saved))
            m->counters[i].state = saved;
    }
}
