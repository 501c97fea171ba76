// SPDX-License-Identifier: Apache-2.0
// What a reading, a unit's change and a counter's step lead to: the one place that knows both meters and
// publishers.
#include <stdio.h>
#include <string.h>
#include "gateway/gateway.h"
#include "symbiont/encode.h"

static bool has_value(const struct reading *r)
{
    for (size_t i = 0; i < r->meter->n; i++)
        if (r->values[i].reason == REASON_GOOD && !r->meter->points[i].hidden)
            return true;
    return false;
}

static void on_reading(void *arg, const struct reading *r)
{
    struct gateway *g = arg;
    g->readings++;
    g->empty += !has_value(r);
    for (size_t i = 0; publishers[i]; i++)
        if (g->publishers[i].publisher)
            publishers[i]->reading(g->publishers[i].publisher, r);
    if (utc_plausible(r->time))
        engine_reading(g->engine, r);
}

static void on_derive(void *arg, const struct meter_info *m, struct utc time, struct value *values)
{
    struct gateway *g = arg;
    engine_derive(g->engine, m->index, time, values);
}

void gateway_document(struct gateway *g, const char *topic, const char *payload, size_t n)
{
    for (size_t i = 0; publishers[i]; i++)
        if (g->publishers[i].publisher && publishers[i]->document)
            publishers[i]->document(g->publishers[i].publisher, topic, payload, n);
}

static void on_online(void *arg, const struct meter_info *m, bool online)
{
    char topic[128];
    snprintf(topic, sizeof topic, "meters/%s/status", m->name);
    const char *word = online ? "online" : "offline";
    gateway_document(arg, topic, word, strlen(word));
}

// The retained documents of a meter: what its numbers are, and whether it answers.
void gateway_announce(struct gateway *g, const struct meter *m)
{
    char topic[128];
    struct meter_stats stats;
    snprintf(topic, sizeof topic, "meters/%s/meta", meter_info(m)->name);
    buf_reset(&g->scratch);
    encode_json_meta(&g->scratch, meter_info(m));
    if (!g->scratch.failed)
        gateway_document(g, topic, g->scratch.data, g->scratch.len);
    meter_stats(m, &stats);
    if (stats.health == HEALTH_UP || stats.health == HEALTH_DOWN)
        on_online(g, meter_info(m), stats.health == HEALTH_UP);
}

void gateway_forget(struct gateway *g, const char *meter)
{
    static const char *const parts[] = {"meta", "status"};
    char topic[128];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        snprintf(topic, sizeof topic, "meters/%s/%s", meter, parts[i]);
        gateway_document(g, topic, NULL, 0);
    }
}

// ---- Totals that made a step ----

struct counter_keeper {
    struct outbox *outbox;
    const char *meter;
};

static void counter_key(const struct counter_keeper *k, const char *point, char *out, size_t size)
{
    snprintf(out, size, "counter/%s/%s", k->meter, point);
}

static void keep_counter(void *arg, const char *point, const struct counter *c)
{
    const struct counter_keeper *k = arg;
    char key[160];
    counter_key(k, point, key, sizeof key);
    outbox_keep(k->outbox, key, c, sizeof *c);
}

static bool kept_counter(void *arg, const char *point, struct counter *c)
{
    const struct counter_keeper *k = arg;
    char key[160];
    counter_key(k, point, key, sizeof key);
    return outbox_kept(k->outbox, key, c, sizeof *c) == sizeof *c;
}

static void keep_counters(struct gateway *g, const struct meter *m)
{
    struct counter_keeper k = {g->outbox, meter_info(m)->name};
    meter_counters_save(m, keep_counter, &k);
}

void gateway_keep_counters(struct gateway *g)
{
    for (size_t i = 0; i < g->site->root->meters.n; i++)
        if (g->meters[i])
            keep_counters(g, g->meters[i]);
}

void gateway_restore_counters(struct gateway *g, struct meter *m)
{
    struct counter_keeper k = {g->outbox, meter_info(m)->name};
    meter_counters_load(m, kept_counter, &k);
}

static void on_counter(void *arg, const struct counter_note *note)
{
    struct gateway *g = arg;
    const struct point *p = &note->meter->points[note->point];
    const struct counter_event *e = note->event;
    char subject[160];
    snprintf(subject, sizeof subject, "meter %s", note->meter->name);
    log_info(subject, "%s: %s: from %.10g to %.10g %s, counted %.10g", p->name, counter_kind_text(e->kind),
             e->before, e->after, unit_text(p->unit), e->delta);
    g->counter_events++;

    buf_reset(&g->scratch);
    struct json j = json_begin(&g->scratch);
    json_open(&j, NULL, '{');
    json_int(&j, "ts", note->time.ms);
    json_text(&j, "meter", note->meter->name);
    json_text(&j, "point", p->name);
    json_text(&j, "state", counter_kind_text(e->kind));
    json_number(&j, "before", e->before);
    json_number(&j, "after", e->after);
    json_number(&j, "counted", e->delta);
    json_text(&j, "unit", unit_text(p->unit));
    json_close(&j, '}');
    gateway_event(g, "alerts", &g->scratch, NULL, note->time);
    const struct counter_keeper keeper = {g->outbox, note->meter->name};
    char key[160];
    counter_key(&keeper, p->name, key, sizeof key);
    outbox_keep(g->outbox, key, note->state, sizeof *note->state);
}

struct poller_hooks gateway_hooks(struct gateway *g)
{
    return (struct poller_hooks){
        .arg = g, .reading = on_reading, .online = on_online, .counter = on_counter, .derive = on_derive};
}
