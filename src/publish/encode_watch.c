// SPDX-License-Identifier: Apache-2.0
// Alerts and streams as JSON and line protocol.
#include "symbiont/encode_watch.h"

#include <math.h>
#include <stdio.h>
#include "symbiont/encode.h"

// ---- Alerts of rules ----

static void put_values(struct json *j, const struct rule *r, struct utc t)
{
    json_open(j, "values", '{');
    for (size_t i = 0; i < rule_inputs(r); i++)
        json_number(j, rule_input(r, i), rule_input_value(r, i, t)); // unknown: null
    json_close(j, '}');
}

void encode_json_alert(struct json *j, const struct alert *a)
{
    char id[100];
    snprintf(id, sizeof id, "%s/%lld", a->name, (long long)a->began.ms);
    json_open(j, NULL, '{');
    json_int(j, "ts", a->time.ms);
    json_text(j, "id", id);
    json_text(j, "rule", a->name);
    json_text(j, "state", alert_word(a->kind));
    json_text(j, "severity", severity_word(a->severity));
    json_text(j, "text", a->text);
    json_text(j, "cause", alert_cause_word(a->cause));
    json_int(j, "since", a->since.ms);
    json_int(j, "began", a->began.ms);
    if (a->kind == ALERT_ENDED)
        json_number(j, "lasted_s", (double)a->lasted_ms / 1000);
    if (a->suppressed)
        json_int(j, "suppressed", (int64_t)a->suppressed);
    if (a->rule)
        put_values(j, a->rule, a->time);
    json_close(j, '}');
}

bool encode_line_alert(struct buf *out, const char *site, const struct alert *a)
{
    struct influx_line l = influx_line_begin(out, "alerts");
    influx_line_tag(&l, "rule", a->name);
    influx_line_tag(&l, "severity", severity_word(a->severity));
    influx_line_tag(&l, "site", site);
    influx_line_bool(&l, "active", a->kind != ALERT_ENDED);
    influx_line_number(&l, "lasted_s", (double)a->lasted_ms / 1000, false);
    influx_line_text(&l, "state", alert_word(a->kind));
    influx_line_text(&l, "text", a->text);
    return influx_line_end(&l, a->time);
}

// ---- Events of streams ----

void encode_json_stream_event(struct json *j, const struct stream *s, const struct stream_event *e)
{
    json_open(j, NULL, '{');
    json_int(j, "ts", e->time.ms);
    json_text(j, "stream", stream_name(s));
    json_text(j, "state", stream_event_word(e->kind));
    json_text(j, "text", e->text);
    json_number(j, "value", e->value);
    json_text(j, "unit", unit_text(stream_unit(s)));
    if (!isnan(e->amount)) {
        json_number(j, "amount", e->amount);
        json_text(j, "amount_unit", unit_text(stream_amount_unit(s)));
    }
    if (e->kind == STREAM_SURPLUS_ENDS)
        json_number(j, "lasted_s", (double)e->lasted_ms / 1000);
    if (e->kind == STREAM_SURPLUS_BEGINS)
        json_bool(j, "recurring", e->recurring);
    json_close(j, '}');
}

bool encode_line_stream_event(struct buf *out, const char *site, const struct stream *s,
                              const struct stream_event *e)
{
    struct influx_line l = influx_line_begin(out, "alerts");
    influx_line_tag(&l, "site", site);
    influx_line_tag(&l, "stream", stream_name(s));
    influx_line_number(&l, "amount", e->amount, false);
    influx_line_text(&l, "state", stream_event_word(e->kind));
    influx_line_text(&l, "text", e->text);
    influx_line_number(&l, "value", e->value, false);
    return influx_line_end(&l, e->time);
}

// ---- What is known of a stream ----

void encode_json_stream(struct json *j, struct stream *s, struct utc t)
{
    struct stream_field fields[STREAM_FIELDS_MAX];
    size_t n = stream_fields(s, t, fields, STREAM_FIELDS_MAX);
    const struct stream_config *c = stream_config(s);
    char key[80];
    json_open(j, NULL, '{');
    json_int(j, "ts", t.ms);
    json_text(j, "state", stream_state_word(stream_state(s)));
    json_text(j, "resource", resource_word((enum resource)c->resource));
    json_text(j, "direction", direction_word((enum direction)c->direction));
    json_text(j, "provenance", provenance_word(stream_provenance(s)));
    if (c->title)
        json_text(j, "title", c->title);
    for (size_t i = 0; i < n; i++) {
        json_number(j, fields[i].name, fields[i].value);
        snprintf(key, sizeof key, "%s_unit", fields[i].name);
        if (*fields[i].unit)
            json_text(j, key, fields[i].unit);
    }
    json_close(j, '}');
}

bool encode_line_stream(struct buf *out, const char *site, struct stream *s, struct utc t)
{
    struct stream_field fields[STREAM_FIELDS_MAX];
    size_t n = stream_fields(s, t, fields, STREAM_FIELDS_MAX);
    struct influx_line l = influx_line_begin(out, "streams");
    influx_line_tag(&l, "site", site);
    influx_line_tag(&l, "stream", stream_name(s));
    for (size_t i = 0; i < n; i++)
        influx_line_number(&l, fields[i].name, fields[i].value, false);
    return influx_line_end(&l, t);
}
