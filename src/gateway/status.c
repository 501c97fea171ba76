// SPDX-License-Identifier: Apache-2.0
// What the daemon tells of itself: lines, meters, publishers, storage; and the values in force.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "gateway/gateway.h"

static double milliseconds(int64_t ns)
{
    return (double)(ns / 1000) / 1000.0;
}

static void time_member(struct json *j, const char *key, struct utc t)
{
    char text[UTC_TEXT];
    if (utc_plausible(t))
        json_text(j, key, utc_text(t, text));
    else
        json_none(j, key);
}

static void line_status(struct json *j, const struct line *l)
{
    const struct line_counters *c = &l->counters;
    int64_t open_ns = mono_since(loop_now(l->loop), c->since);
    json_open(j, NULL, '{');
    json_text(j, "name", l->config->name);
    l->ops->status(l, j);
    json_number(j, "busy_share",
                open_ns > 0 ? (double)(int64_t)(1000.0 * (double)c->busy_ns / (double)open_ns) / 1000 : 0);
    json_int(j, "asked", (int64_t)c->asked);
    json_int(j, "answered", (int64_t)c->answered);
    json_int(j, "exceptions", (int64_t)c->exceptions);
    json_int(j, "timeouts", (int64_t)c->timeouts);
    json_int(j, "connects", (int64_t)c->connects);
    json_int(j, "connect_failures", (int64_t)c->connect_failures);
    json_int(j, "drops", (int64_t)c->drops);
    json_number(j, "slowest_answer_ms", milliseconds(l->slowest_answer_ns));
    json_open(j, "refused_answers", '{');
    for (int i = 1; i < CHECK_COUNT; i++)
        if (c->checks[i])
            json_int(j, check_text((enum check)i), (int64_t)c->checks[i]);
    json_close(j, '}');
    json_close(j, '}');
}

static void meter_status(struct json *j, const struct meter *m)
{
    struct meter_stats s;
    meter_stats(m, &s);
    json_open(j, NULL, '{');
    json_text(j, "name", meter_info(m)->name);
    json_text(j, "line", meter_line(m)->config->name);
    json_int(j, "unit", s.unit);
    json_text(j, "profile", meter_info(m)->profile);
    json_text(j, "state", s.maintenance ? "maintenance" : health_text(s.health));
    time_member(j, "last_success", s.last_success);
    json_number(j, "round_trip_ms", milliseconds(s.round_trip_ns));
    json_number(j, "cycle_ms", milliseconds(s.cycle_ns));
    json_number(j, "every_s", milliseconds(meter_info(m)->every_ns) / 1000);
    json_int(j, "requests", (int64_t)s.requests);
    json_int(j, "points", (int64_t)s.points);
    json_int(j, "cycles", (int64_t)s.cycles);
    json_int(j, "readings", (int64_t)s.readings);
    json_int(j, "missed", (int64_t)s.missed);
    json_int(j, "late", (int64_t)s.late);
    json_int(j, "skipped", (int64_t)s.skipped);
    json_open(j, "errors", '{');
    json_int(j, "timeout", (int64_t)s.timeouts);
    json_int(j, "bad_answer", (int64_t)s.bad_answers);
    json_int(j, "exception", (int64_t)s.exceptions);
    json_int(j, "no_connection", (int64_t)s.no_connection);
    if (s.last_exception)
        json_text(j, "last_exception", modbus_exception_text(s.last_exception));
    json_close(j, '}');
    json_close(j, '}');
}

static void publisher_status(struct json *j, const struct gateway *g, size_t i)
{
    struct outbox_stats s;
    outbox_lane_stats(g->outbox, i, &s);
    json_open(j, NULL, '{');
    json_text(j, "name", publishers[i]->name);
    publishers[i]->status(g->publishers[i].publisher, j);
    json_int(j, "put", (int64_t)s.put);
    json_int(j, "delivered", (int64_t)s.acked);
    json_int(j, "waiting", (int64_t)s.waiting);
    json_int(j, "on_disk", (int64_t)s.on_disk);
    json_number(j, "oldest_s", (double)s.oldest_age_ms / 1000);
    json_int(j, "dropped", (int64_t)s.dropped);
    json_int(j, "rejected", (int64_t)s.rejected);
    json_close(j, '}');
}

static void storage_status(struct json *j, const struct gateway *g)
{
    struct outbox_disk d;
    outbox_disk_stats(g->outbox, &d);
    json_open(j, "storage", '{');
    json_text(j, "directory", g->site->root->storage.directory);
    json_bool(j, "failing", d.failing);
    if (d.failing)
        json_text(j, "error", d.error);
    json_int(j, "bytes_written", (int64_t)d.bytes_written);
    struct wear wear = gateway_wear(g, loop_now(g->loop));
    json_int(j, "bytes_per_day", (int64_t)wear.per_day);
    if (isfinite(wear.years))
        json_number(j, "flash_years", wear.years);
    json_int(j, "commits", (int64_t)d.commits);
    json_int(j, "file_bytes", d.file_bytes);
    json_int(j, "epoch", (int64_t)outbox_epoch(g->outbox));
    json_close(j, '}');
}

static void rule_status(struct json *j, const struct rule *r)
{
    static const char *const truths[] = {"false", "true", "unknown"};
    struct rule_health h;
    rule_health(r, &h);
    json_open(j, NULL, '{');
    json_text(j, "name", rule_config(r)->name);
    json_text(j, "state", rule_state_word(h.state));
    json_text(j, "meaning", rule_state_meaning(h.state));
    json_text(j, "severity", severity_word((enum severity)rule_config(r)->severity));
    json_text(j, "condition", truths[h.condition]);
    time_member(j, "evaluated", h.evaluated);
    time_member(j, "unknown_since", h.unknown_since);
    time_member(j, "began", h.began);
    time_member(j, "last_ended", h.last_ended);
    json_int(j, "evaluations", (int64_t)h.evaluations);
    json_int(j, "alerts", (int64_t)h.alerts);
    json_int(j, "suppressed", (int64_t)h.suppressed);
    json_number(j, "active_s", (double)h.active_ms / 1000);
    json_close(j, '}');
}

static void stream_status(struct json *j, struct stream *s, struct utc now)
{
    json_open(j, NULL, '{');
    json_text(j, "name", stream_name(s));
    json_text(j, "state", stream_state_word(stream_state(s)));
    json_number(j, "value", stream_value(s, now));
    json_text(j, "unit", unit_text(stream_unit(s)));
    json_text(j, "provenance", provenance_word(stream_provenance(s)));
    json_number(j, "confidence", stream_confidence(s, now));
    json_close(j, '}');
}

static void ledger_status(struct json *j, struct ledger *l)
{
    struct ledger_stats s;
    ledger_stats(l, &s);
    json_open(j, "ledger", '{');
    json_bool(j, "failing", s.failing);
    if (s.failing)
        json_text(j, "error", s.error);
    json_int(j, "hours", (int64_t)s.hours);
    json_int(j, "commits", (int64_t)s.commits);
    json_int(j, "waiting", (int64_t)s.waiting);
    json_int(j, "lost", (int64_t)s.lost);
    json_int(j, "bytes_written", (int64_t)s.bytes_written);
    json_close(j, '}');
}

static void watch_status(struct json *j, const struct gateway *g)
{
    const struct rule *r;
    struct stream *s;
    json_open(j, "rules", '[');
    for (size_t i = 0; (r = engine_rule(g->engine, i)); i++)
        rule_status(j, r);
    json_close(j, ']');
    json_open(j, "streams", '[');
    for (size_t i = 0; (s = engine_stream(g->engine, i)); i++)
        stream_status(j, s, engine_now(g->engine));
    json_close(j, ']');
    if (g->ledger)
        ledger_status(j, g->ledger);
}

static void config_status(struct json *j, const struct gateway *g)
{
    json_open(j, "config", '{');
    json_text(j, "file", g->path);
    json_text(j, "hash", config_hash(g->site->config));
    time_member(j, "loaded", g->loaded);
    json_int(j, "reloads", (int64_t)g->reloads);
    json_int(j, "reload_failures", (int64_t)g->reload_failures);
    if (g->reload_error[0])
        json_text(j, "last_reload_error", g->reload_error);
    json_close(j, '}');
}

void gateway_status(const struct gateway *g, struct buf *out)
{
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_text(&j, "version", SYMBIONT_VERSION);
    json_text(&j, "site", g->site->root->site.id);
    time_member(&j, "started", g->started);
    time_member(&j, "now", utc_now());
    json_bool(&j, "clock_set", utc_plausible(utc_now()));
    json_int(&j, "clock_steps", (int64_t)g->clock_steps);
    json_open(&j, "held_readings", '{');
    json_int(&j, "waiting", (int64_t)poller_held(g->poller).waiting);
    json_int(&j, "lost", (int64_t)poller_held(g->poller).lost);
    json_close(&j, '}');
    config_status(&j, g);
    json_open(&j, "lines", '[');
    for (size_t i = 0; i < g->site->root->lines.n; i++)
        if (g->lines[i])
            line_status(&j, g->lines[i]);
    json_close(&j, ']');
    json_open(&j, "meters", '[');
    for (size_t i = 0; i < g->site->root->meters.n; i++)
        if (g->meters[i])
            meter_status(&j, g->meters[i]);
    json_close(&j, ']');
    json_open(&j, "publishers", '[');
    for (size_t i = 0; publishers[i]; i++)
        if (g->publishers[i].publisher)
            publisher_status(&j, g, i);
    json_close(&j, ']');
    watch_status(&j, g);
    exchange_status(g, &j);
    storage_status(&j, g);
    json_close(&j, '}');
}

static void meter_values_json(struct json *j, const struct meter *m)
{
    const struct meter_info *info = meter_info(m);
    const struct value *values = meter_values(m);
    struct meter_stats s;
    meter_stats(m, &s);
    json_open(j, NULL, '{');
    json_text(j, "name", info->name);
    json_text(j, "state", health_text(s.health));
    time_member(j, "time", meter_time(m));
    json_open(j, "points", '[');
    for (size_t i = 0; i < info->n; i++) {
        const struct point *p = &info->points[i];
        if (p->hidden)
            continue;
        json_open(j, NULL, '{');
        json_text(j, "name", p->name);
        json_text(j, "unit", unit_text(p->unit));
        // A point with a longer period of its own is as it was when it was last asked.
        bool kept = values[i].reason == REASON_NOT_DUE && isfinite(values[i].number);
        if (values[i].reason != REASON_GOOD && !kept)
            json_text(j, "bad", reason_text(values[i]));
        else if (p->type == POINT_STRING)
            json_text(j, "value", meter_text(m, i));
        else if (p->single)
            json_single(j, "value", values[i].number);
        else
            json_number(j, "value", values[i].number);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

void gateway_values(const struct gateway *g, struct buf *out)
{
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_text(&j, "site", g->site->root->site.id);
    time_member(&j, "now", utc_now());
    json_open(&j, "meters", '[');
    for (size_t i = 0; i < g->site->root->meters.n; i++)
        if (g->meters[i])
            meter_values_json(&j, g->meters[i]);
    json_close(&j, ']');
    json_close(&j, '}');
}

void gateway_summary(const struct gateway *g, char *out, size_t size)
{
    size_t up = 0, n = g->site->root->meters.n;
    for (size_t i = 0; i < n; i++) {
        struct meter_stats s;
        if (!g->meters[i])
            continue;
        meter_stats(g->meters[i], &s);
        up += s.health == HEALTH_UP;
    }
    int at = snprintf(out, size, "%zu/%zu meters", up, n);
    for (size_t i = 0; publishers[i] && at > 0 && (size_t)at < size; i++) {
        struct outbox_stats s;
        if (!g->publishers[i].publisher)
            continue;
        outbox_lane_stats(g->outbox, i, &s);
        at += snprintf(out + at, size - (size_t)at, ", %s %s, %llu waiting", publishers[i]->name,
                       publishers[i]->connected(g->publishers[i].publisher) ? "up" : "down",
                       (unsigned long long)s.waiting);
    }
}
