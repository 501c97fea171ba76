// SPDX-License-Identifier: Apache-2.0
// Readings, meters and gaps as JSON.
#include "symbiont/encode.h"

#include <math.h>
#include <string.h>
#include "symbiont/json.h"

bool encode_name_reserved(const char *name)
{
    static const char *const reserved[] = {
        "ts",         "epoch", "seq",       "bad",      "maintenance",
        "historical", "from",  "aggregate", "readings", "time", // InfluxDB refuses a field of that name
    };
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    return false;
}

static bool is_shown(const struct point *p, struct value v)
{
    return !p->hidden && v.reason != REASON_NOT_DUE;
}

// A value that claims to be good but is no number must not reach a receiver as one.
static bool is_number(struct value v)
{
    return v.reason == REASON_GOOD && isfinite(v.number);
}

static void point_value(struct json *j, const struct point *p, double number)
{
    if (p->single)
        json_single(j, p->name, number);
    else
        json_number(j, p->name, number);
}

static const char *text_of(const struct reading *r, size_t i)
{
    return r->texts ? r->texts[i] : NULL;
}

static size_t good_points(struct json *j, const struct reading *r, size_t *bad)
{
    size_t good = 0;
    for (size_t i = 0; i < r->meter->n; i++) {
        const struct point *p = &r->meter->points[i];
        struct value v = r->values[i];
        if (!is_shown(p, v))
            continue;
        const char *text = text_of(r, i);
        if (v.reason == REASON_GOOD && text)
            json_text(j, p->name, text);
        else if (is_number(v))
            point_value(j, p, v.number);
        else
            ++*bad;
        if (v.reason == REASON_GOOD && (text || is_number(v)))
            good++;
    }
    return good;
}

static void bad_points(struct json *j, const struct reading *r)
{
    json_open(j, "bad", '{');
    for (size_t i = 0; i < r->meter->n; i++) {
        const struct point *p = &r->meter->points[i];
        struct value v = r->values[i];
        if (!is_shown(p, v) || is_number(v) || (v.reason == REASON_GOOD && text_of(r, i)))
            continue;
        if (v.reason == REASON_GOOD)
            v.reason = REASON_NOT_AVAILABLE;
        json_text(j, p->name, reason_text(v));
    }
    json_close(j, '}');
}

size_t encode_json_state(struct buf *out, const struct reading *r, const struct encode_window *window)
{
    size_t begin = out->len, bad = 0;
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_int(&j, "ts", r->time.ms);
    json_int(&j, "epoch", (int64_t)r->epoch);
    json_int(&j, "seq", (int64_t)r->seq);
    if (window) {
        json_int(&j, "from", window->from.ms);
        json_text(&j, "aggregate", window->aggregate);
        json_int(&j, "readings", (int64_t)window->readings);
    }
    if (r->maintenance)
        json_bool(&j, "maintenance", true);
    size_t good = good_points(&j, r, &bad);
    if (bad)
        bad_points(&j, r);
    json_close(&j, '}');
    if (good + bad == 0)
        out->len = begin;
    return good + bad;
}

static const char *kind_word(enum quantity_kind kind)
{
    static const char *const words[] = {
        [QUANTITY_GAUGE] = "gauge",
        [QUANTITY_COUNTER] = "counter",
        [QUANTITY_STATE] = "state",
        [QUANTITY_TEXT] = "text",
    };
    return (size_t)kind < sizeof words / sizeof words[0] ? words[kind] : "gauge";
}

static void limit(struct json *j, const char *key, double value)
{
    if (isfinite(value))
        json_number(j, key, value);
}

static void meta_point(struct json *j, const struct point *p)
{
    json_open(j, p->name, '{');
    json_text(j, "unit", p->unit ? unit_text(p->unit) : "");
    if (p->quantity) {
        json_text(j, "quantity", p->quantity->name);
        json_text(j, "kind", kind_word(p->quantity->kind));
        if (p->quantity->device_class)
            json_text(j, "device_class", p->quantity->device_class);
    }
    if (p->phase)
        json_text(j, "phase", p->phase);
    if (p->integer)
        json_bool(j, "integer", true);
    if (p->every_ns > 0)
        json_int(j, "every_ms", p->every_ns / NS_PER_MS);
    if (p->modulus > 0)
        json_number(j, "modulus", p->modulus);
    limit(j, "min", p->min);
    limit(j, "max", p->max);
    json_close(j, '}');
}

void encode_json_meta(struct buf *out, const struct meter_info *m)
{
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_text(&j, "name", m->name);
    if (m->vendor)
        json_text(&j, "vendor", m->vendor);
    if (m->model)
        json_text(&j, "model", m->model);
    if (m->profile)
        json_text(&j, "profile", m->profile);
    json_int(&j, "every_ms", m->every_ns / NS_PER_MS);
    json_open(&j, "points", '{');
    for (size_t i = 0; i < m->n; i++)
        if (!m->points[i].hidden)
            meta_point(&j, &m->points[i]);
    json_close(&j, '}');
    json_close(&j, '}');
}

void encode_json_gap(struct buf *out, const char *lane, const struct outbox_gap *gap, struct utc now)
{
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_int(&j, "ts", now.ms);
    json_text(&j, "publisher", lane);
    json_int(&j, "from", gap->from.ms);
    json_int(&j, "to", gap->to.ms);
    json_int(&j, "messages", (int64_t)gap->count);
    json_int(&j, "first_id", (int64_t)gap->first_id);
    json_int(&j, "last_id", (int64_t)gap->last_id);
    json_close(&j, '}');
}
