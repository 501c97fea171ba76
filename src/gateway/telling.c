// SPDX-License-Identifier: Apache-2.0
// What rules and streams have to say goes to the publishers and the journal.
#include <math.h>
#include <stdio.h>
#include "gateway/gateway.h"
#include "symbiont/encode_watch.h"

static const char *site_of(const struct gateway *g)
{
    return g->site->root->site.id;
}

// The line of an event without its line break: "" when it has none.
static const char *line_text(struct buf *line)
{
    if (line->len && line->data[line->len - 1] == '\n')
        line->len--;
    return buf_text(line);
}

void gateway_event(struct gateway *g, const char *topic, const struct buf *json, const char *line,
                   struct utc time)
{
    for (size_t i = 0; publishers[i] && !json->failed; i++)
        if (g->publishers[i].publisher && publishers[i]->event)
            publishers[i]->event(g->publishers[i].publisher, topic, json->data, json->len, line, time);
}

static void on_alert(void *arg, const struct alert *a)
{
    struct gateway *g = arg;
    char subject[96];
    snprintf(subject, sizeof subject, "rule %s", a->name);
    log_at(a->kind == ALERT_BEGAN && a->severity != SEVERITY_INFO ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
           subject, "%s: %s", alert_word(a->kind), a->text);
    buf_reset(&g->scratch);
    buf_reset(&g->line);
    struct json j = json_begin(&g->scratch);
    encode_json_alert(&j, a);
    encode_line_alert(&g->line, site_of(g), a);
    gateway_event(g, "alerts", &g->scratch, line_text(&g->line), a->time);
}

static void on_stream_event(void *arg, const struct stream *s, const struct stream_event *e)
{
    struct gateway *g = arg;
    char subject[96];
    snprintf(subject, sizeof subject, "stream %s", stream_name(s));
    log_info(subject, "%s: %s", stream_event_word(e->kind), e->text);
    exchange_look(g);
    buf_reset(&g->scratch);
    buf_reset(&g->line);
    struct json j = json_begin(&g->scratch);
    encode_json_stream_event(&j, s, e);
    encode_line_stream_event(&g->line, site_of(g), s, e);
    gateway_event(g, "alerts", &g->scratch, line_text(&g->line), e->time);
}

// A retained document for those who keep them, a line for the others.
static void on_stream_state(void *arg, struct stream *s, struct utc t)
{
    struct gateway *g = arg;
    char topic[128];
    snprintf(topic, sizeof topic, "streams/%s/state", stream_name(s));
    buf_reset(&g->scratch);
    buf_reset(&g->line);
    struct json j = json_begin(&g->scratch);
    encode_json_stream(&j, s, t);
    if (!g->scratch.failed)
        gateway_document(g, topic, g->scratch.data, g->scratch.len);
    bool some = encode_line_stream(&g->line, site_of(g), s, t);
    for (size_t i = 0; publishers[i] && some; i++)
        if (g->publishers[i].publisher && publishers[i]->event && !publishers[i]->document)
            publishers[i]->event(g->publishers[i].publisher, topic, NULL, 0, line_text(&g->line), t);
}

void gateway_forget_stream(struct gateway *g, const char *name)
{
    char topic[128];
    snprintf(topic, sizeof topic, "streams/%s/state", name);
    gateway_document(g, topic, NULL, 0);
}

struct engine_hooks gateway_engine_hooks(struct gateway *g)
{
    return (struct engine_hooks){
        .arg = g, .alert = on_alert, .stream_event = on_stream_event, .stream_state = on_stream_state};
}
