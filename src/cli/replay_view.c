// SPDX-License-Identifier: Apache-2.0
// The events and totals of a replay, as text and as JSON.
#include "cli/replay_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli/output.h"
#include "symbiont/encode_watch.h"

#define HOUR_MS 3600000.0

struct rule_sum {
    uint64_t told;
    int64_t longest_ms;
};

struct stream_sum {
    uint64_t hours, known_s, surplus_s, events, surpluses;
    double amount, internal, surplus, taken;
};

struct replay_view {
    struct site *site;
    FILE *out;
    bool json, totals_only;
    struct buf events; /* JSON of them, joined by commas */
    uint64_t event_count;
    struct rule_sum *rules;
    struct stream_sum *streams;
};

struct replay_view *replay_view_new(struct site *s, bool json, bool totals_only, FILE *out)
{
    struct replay_view *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    *v = (struct replay_view){.site = s, .out = out, .json = json, .totals_only = totals_only};
    v->rules = calloc(s->root->rules.n + 1, sizeof *v->rules);
    v->streams = calloc(s->root->streams.n + 1, sizeof *v->streams);
    if (v->rules && v->streams)
        return v;
    replay_view_free(v);
    return NULL;
}

void replay_view_free(struct replay_view *v)
{
    if (!v)
        return;
    buf_free(&v->events);
    free(v->rules);
    free(v->streams);
    free(v);
}

// ---- Events ----

// In the site's time zone: "2018-03-05 14:15", with seconds when there are any.
static void local_text(const struct replay_view *v, struct utc t, char out[static 24])
{
    struct civil c = zone_civil(v->site->zone, t);
    int n = snprintf(out, 24, "%04d-%02d-%02d %02d:%02d", c.year % 10000, c.month, c.day, c.hour, c.minute);
    if (c.second)
        snprintf(out + n, 24 - (size_t)n, ":%02d", c.second);
}

static void say(struct replay_view *v, struct utc t, const char *what, const char *who, const char *state,
                const char *text)
{
    char when[24];
    local_text(v, t, when);
    fprintf(v->out, "%-19s  %-6s %-20s %-9s %s\n", when, what, who, state, text);
}

static void on_alert(void *arg, const struct alert *a)
{
    struct replay_view *v = arg;
    v->event_count++;
    for (size_t i = 0; i < v->site->root->rules.n; i++) {
        if (strcmp(site_rule(v->site, i)->name, a->name) != 0)
            continue;
        v->rules[i].told += a->kind == ALERT_BEGAN;
        if (a->lasted_ms > v->rules[i].longest_ms)
            v->rules[i].longest_ms = a->lasted_ms;
    }
    if (v->totals_only)
        return;
    if (!v->json) {
        say(v, a->time, "rule", a->name, alert_word(a->kind), a->text);
        return;
    }
    if (v->events.len)
        buf_putc(&v->events, ',');
    struct json j = json_begin(&v->events);
    encode_json_alert(&j, a);
}

static struct stream_sum *sum_of(struct replay_view *v, const struct stream *s)
{
    for (size_t i = 0; i < v->site->root->streams.n; i++)
        if (site_stream(v->site, i) == stream_config(s))
            return &v->streams[i];
    return NULL;
}

static void on_stream_event(void *arg, const struct stream *s, const struct stream_event *e)
{
    struct replay_view *v = arg;
    struct stream_sum *sum = sum_of(v, s);
    v->event_count++;
    if (sum) {
        sum->events++;
        sum->surpluses += e->kind == STREAM_SURPLUS_BEGINS;
    }
    if (v->totals_only)
        return;
    if (!v->json) {
        say(v, e->time, "stream", stream_name(s), stream_event_word(e->kind), e->text);
        return;
    }
    if (v->events.len)
        buf_putc(&v->events, ',');
    struct json j = json_begin(&v->events);
    encode_json_stream_event(&j, s, e);
}

static void on_hour(void *arg, const struct stream *s, const struct stream_hour *h)
{
    struct stream_sum *sum = sum_of(arg, s);
    if (!sum)
        return;
    sum->hours++;
    sum->known_s += (uint64_t)h->known_s;
    sum->surplus_s += (uint64_t)h->surplus_s;
    sum->amount += h->amount;
    sum->internal += h->internal;
    sum->surplus += h->surplus;
    sum->taken += h->taken;
}

struct engine_hooks replay_view_hooks(struct replay_view *v)
{
    return (struct engine_hooks){
        .arg = v, .alert = on_alert, .stream_event = on_stream_event, .stream_hour = on_hour};
}

// ---- Totals ----

// Four digits are what a person compares.
static double rounded(double v)
{
    if (!isfinite(v) || v == 0)
        return v;
    double scale = pow(10, 5 - ceil(log10(fabs(v))));
    return scale >= 1 ? round(v * scale) / scale : round(v);
}

static void show_files(struct output *o, const struct replay_found *found)
{
    static const struct column columns[] = {
        {"file", NULL},       {"rows", NULL},         {"empty", NULL},
        {"duplicates", NULL}, {"bad_times", NULL},    {"bad_numbers", NULL},
        {"missing", NULL},    {"gaps", NULL},         {"backwards", NULL},
        {"same_time", NULL},  {"double_hours", NULL}, {"lost_hours", NULL},
        {"first", NULL},      {"last", NULL},         {0}};
    output_table(o, "files", columns);
    for (size_t i = 0; i < found->n; i++) {
        const struct recording_counts *n = recording_counts(replay_source_recording(found->sources[i]));
        const char *slash = strrchr(replay_source_path(found->sources[i]), '/');
        output_row(o);
        output_text(o, "file", slash ? slash + 1 : replay_source_path(found->sources[i]));
        output_int(o, "lines", (int64_t)n->lines);
        output_int(o, "rows", (int64_t)n->rows);
        const struct {
            const char *key;
            uint64_t count;
        } odd[] = {{"empty", n->empty},
                   {"duplicates", n->duplicates},
                   {"bad_times", n->bad_times},
                   {"bad_numbers", n->bad_numbers},
                   {"missing", n->missing},
                   {"gaps", n->gaps},
                   {"backwards", n->backwards},
                   {"same_time", n->same_time},
                   {"double_hours", n->double_hours},
                   {"lost_hours", n->lost_hours}};
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++)
            if (o->json || odd[k].count)
                output_int(o, odd[k].key, (int64_t)odd[k].count);
        output_time(o, "first", n->first);
        output_time(o, "last", n->last);
        output_row_end(o);
    }
    output_table_end(o);
}

static void show_points(struct output *o, const struct replay_view *v, const struct replay_found *found)
{
    static const struct column columns[] = {{"point", NULL},
                                            {"values", NULL},
                                            {"bad", NULL},
                                            {"known_h", "known h"},
                                            {"low", NULL},
                                            {"mean", NULL},
                                            {"high", NULL},
                                            {"unit", NULL},
                                            {"amount", NULL},
                                            {"amount_unit", "of"},
                                            {"counter_events", NULL},
                                            {0}};
    output_table(o, "points", columns);
    for (size_t m = 0; m < v->site->root->meters.n; m++) {
        const struct device *d = v->site->devices[m];
        for (size_t i = 0; i < d->n; i++) {
            struct replay_total t = replay_total(found->replay, m, i);
            char name[160];
            if (!t.any)
                continue;
            snprintf(name, sizeof name, "%s.%s", site_meter(v->site, m)->name, d->points[i].name);
            output_row(o);
            output_text(o, "point", name);
            output_int(o, "values", (int64_t)t.values);
            output_int(o, "bad", (int64_t)t.bad);
            output_number(o, "known_h",
                          o->json ? (double)t.known_ms / HOUR_MS : rounded((double)t.known_ms / HOUR_MS));
            output_number(o, "low", o->json ? t.low : rounded(t.low));
            output_number(o, "mean", o->json ? t.mean : rounded(t.mean));
            output_number(o, "high", o->json ? t.high : rounded(t.high));
            output_text(o, "unit", unit_text(d->points[i].unit));
            output_number(o, "amount", o->json ? t.amount : rounded(t.amount));
            output_text(o, "amount_unit", t.amount_unit ? unit_text(t.amount_unit) : NULL);
            if (t.counter_events || o->json)
                output_int(o, "counter_events", (int64_t)t.counter_events);
            output_row_end(o);
        }
    }
    output_table_end(o);
}

static void show_rules(struct output *o, const struct replay_view *v, const struct replay_found *found)
{
    static const struct column columns[] = {{"rule", NULL},
                                            {"alerts", NULL},
                                            {"suppressed", NULL},
                                            {"stood_h", "stood h"},
                                            {"longest_h", "longest h"},
                                            {"evaluations", NULL},
                                            {"state", "state at the end"},
                                            {0}};
    const struct rule *r;
    if (v->site->root->rules.n == 0)
        return;
    output_table(o, "rules", columns);
    for (size_t i = 0; (r = engine_rule(found->engine, i)); i++) {
        struct rule_health h;
        rule_health(r, &h);
        int64_t stood = h.active_ms, longest = v->rules[i].longest_ms;
        if (h.began.ms) {
            int64_t standing = engine_now(found->engine).ms - h.began.ms;
            stood += standing;
            longest = standing > longest ? standing : longest;
        }
        output_row(o);
        output_text(o, "rule", rule_config(r)->name);
        output_int(o, "alerts", (int64_t)h.alerts);
        output_int(o, "suppressed", (int64_t)h.suppressed);
        output_number(o, "stood_h", o->json ? (double)stood / HOUR_MS : rounded((double)stood / HOUR_MS));
        output_number(o, "longest_h",
                      o->json ? (double)longest / HOUR_MS : rounded((double)longest / HOUR_MS));
        output_int(o, "evaluations", (int64_t)h.evaluations);
        output_text(o, "state", rule_state_word(h.state));
        output_row_end(o);
    }
    output_table_end(o);
}

static void show_streams(struct output *o, const struct replay_view *v, const struct replay_found *found)
{
    static const struct column columns[] = {{"stream", NULL},
                                            {"known_h", "known h"},
                                            {"amount", NULL},
                                            {"internal", NULL},
                                            {"surplus", NULL},
                                            {"taken", NULL},
                                            {"unit", NULL},
                                            {"surplus_h", "surplus h"},
                                            {"surpluses", NULL},
                                            {"events", NULL},
                                            {"state", "state at the end"},
                                            {0}};
    struct stream *s;
    if (v->site->root->streams.n == 0)
        return;
    output_table(o, "streams", columns);
    for (size_t i = 0; (s = engine_stream(found->engine, i)); i++) {
        const struct stream_sum *sum = &v->streams[i];
        const struct {
            const char *key;
            double value;
        } numbers[] = {{"known_h", (double)sum->known_s / 3600},
                       {"amount", sum->amount},
                       {"internal", sum->internal},
                       {"surplus", sum->surplus},
                       {"taken", sum->taken},
                       {"surplus_h", (double)sum->surplus_s / 3600}};
        output_row(o);
        output_text(o, "stream", stream_name(s));
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            output_number(o, numbers[k].key, o->json ? numbers[k].value : rounded(numbers[k].value));
        output_text(o, "unit", unit_text(stream_amount_unit(s)));
        output_int(o, "surpluses", (int64_t)sum->surpluses);
        output_int(o, "events", (int64_t)sum->events);
        output_text(o, "state", stream_state_word(stream_state(s)));
        output_row_end(o);
    }
    output_table_end(o);
}

// Values that come more slowly than they are known look like gaps and nothing else.
static void warn_of_pace(struct output *o, const struct replay_view *v, const struct replay_found *found)
{
    for (size_t m = 0; m < v->site->root->meters.n; m++) {
        for (size_t i = 0; i < v->site->devices[m]->n; i++) {
            struct replay_total t = replay_total(found->replay, m, i);
            const struct point *p = &v->site->devices[m]->points[i];
            if (t.values - t.bad < 3 || t.known_ms > 0 || !t.any)
                continue;
            output_note(o,
                        "%s.%s: its values come further apart than the %lld s for which one is known, so "
                        "nothing lasts: "
                        "say `step` in the description.",
                        site_meter(v->site, m)->name, p->name,
                        (long long)(site_hold_ms(site_every_ns(v->site, m, p)) / 1000));
            break;
        }
    }
}

static void show_speed(struct output *o, const struct replay_found *found)
{
    double seconds = (double)found->took_ns / 1e9, readings = (double)replay_readings(found->replay);
    output_int(o, "readings", (int64_t)replay_readings(found->replay));
    output_int(o, "values", (int64_t)replay_values(found->replay));
    output_number(o, "seconds", rounded(seconds));
    output_number(o, "readings_per_s", seconds > 0 ? round(readings / seconds) : NAN);
    output_number(o, "values_per_s",
                  seconds > 0 ? round((double)replay_values(found->replay) / seconds) : NAN);
}

bool replay_view_end(struct replay_view *v, const struct replay_found *found)
{
    struct output o = output_begin(v->json);
    output_object(&o, NULL);
    if (v->json && !v->totals_only) {
        buf_puts(&v->events, "]");
        json_open(&o.writer, "events", '[');
        buf_put(&o.text, v->events.data, v->events.len);
        o.writer.comma = true;
    } else if (!v->json && v->event_count && !v->totals_only) {
        fputc('\n', v->out);
    }
    output_int(&o, "events_told", (int64_t)v->event_count);
    show_speed(&o, found);
    show_files(&o, found);
    show_points(&o, v, found);
    show_rules(&o, v, found);
    show_streams(&o, v, found);
    warn_of_pace(&o, v, found);
    output_object_end(&o);
    return !v->events.failed && output_end(&o, v->out);
}
