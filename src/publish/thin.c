// SPDX-License-Identifier: Apache-2.0
// Fewer readings out of many: intervals, aggregates, deadbands.
#include "thin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_KEPT 256

struct thin_point {
    struct thin_limit limit;
    bool averages; // a gauge: goes into mean, min, max

    // Of the running interval.
    struct value latest; // the last that was due
    double sum, least, most, last_good;
    uint64_t good;
    char *text; // TEXT_KEPT bytes, made when the point first has a text
    bool has_text;

    // As last published.
    struct value published;
    uint64_t published_text; // hash
    bool known;
};

struct thin {
    const struct thin_config *config;
    const struct meter_info *meter;
    size_t n;
    struct thin_point *points;
    struct value *values; // of the reading given out
    const char **texts;
    bool deadband;

    // The running interval.
    int64_t index; // intervals since 1970
    bool placed;   // index is set
    bool begun;    // it has readings
    struct utc last;
    uint64_t epoch, seq, readings;
    bool maintenance;

    // The last one published.
    struct utc published;
    bool published_maintenance, ever;
};

bool thin_active(const struct thin_config *c)
{
    return c->interval_ns > 0 || c->deadband || c->deadbands.n > 0;
}

// The settings were checked: what does not parse has been reported, and counts as no deadband here.
static struct thin_limit limit_for(const struct thin_config *c, const struct point *p)
{
    struct thin_limit limit = {0, 0};
    char why[160];
    const struct thin_deadband_config *rows = c->deadbands.items;
    for (size_t i = 0; i < c->deadbands.n; i++)
        if (p->quantity && strcmp(rows[i].quantity, p->quantity->name) == 0 &&
            thin_limit_parse(rows[i].change, p->quantity, &limit, why, sizeof why))
            return limit;
    if (c->deadband)
        thin_limit_parse(c->deadband, NULL, &limit, why, sizeof why);
    // A share of a total that has been growing for years would never be reached: totals come along
    // with whatever else changes, and at max_silence.
    if (limit.percent > 0 && p->quantity && p->quantity->kind == QUANTITY_COUNTER)
        limit = (struct thin_limit){INFINITY, 0};
    return limit;
}

struct thin *thin_new(const struct thin_config *c, const struct meter_info *m)
{
    struct thin *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    size_t n = m->n ? m->n : 1;
    t->config = c;
    t->meter = m;
    t->n = m->n;
    t->deadband = c->deadband || c->deadbands.n > 0;
    t->points = calloc(n, sizeof *t->points);
    t->values = calloc(n, sizeof *t->values);
    t->texts = calloc(n, sizeof *t->texts);
    if (!t->points || !t->values || !t->texts) {
        thin_free(t);
        return NULL;
    }
    for (size_t i = 0; i < m->n; i++) {
        const struct point *p = &m->points[i];
        t->points[i].limit = limit_for(c, p);
        t->points[i].averages = !p->quantity || p->quantity->kind == QUANTITY_GAUGE;
        t->points[i].latest.reason = REASON_NOT_DUE;
    }
    return t;
}

void thin_free(struct thin *t)
{
    if (!t)
        return;
    for (size_t i = 0; t->points && i < t->n; i++)
        free(t->points[i].text);
    free(t->points);
    free(t->values);
    free(t->texts);
    free(t);
}

const struct meter_info *thin_meter(const struct thin *t)
{
    return t->meter;
}

static int64_t interval_ms(const struct thin *t)
{
    return t->config->interval_ns / NS_PER_MS;
}

static bool windowed(const struct thin *t)
{
    return t->config->interval_ns > 0 && t->config->aggregate != THIN_LAST;
}

static int64_t index_of(const struct thin *t, struct utc time)
{
    int64_t ms = interval_ms(t);
    return time.ms >= 0 ? time.ms / ms : -((ms - 1 - time.ms) / ms);
}

static void begin(struct thin *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct thin_point *p = &t->points[i];
        p->latest = (struct value){.reason = REASON_NOT_DUE};
        p->good = 0;
        p->sum = 0;
        p->has_text = false;
    }
    t->begun = false;
    t->readings = 0;
    t->maintenance = false;
}

static void keep_text(struct thin_point *p, const char *text)
{
    p->has_text = false;
    if (!text)
        return;
    if (!p->text)
        p->text = malloc(TEXT_KEPT);
    if (!p->text)
        return;
    size_t n = strnlen(text, TEXT_KEPT - 1);
    memcpy(p->text, text, n);
    p->text[n] = '\0';
    p->has_text = true;
}

static void take_in(struct thin_point *p, struct value v, const char *text)
{
    if (v.reason == REASON_NOT_DUE)
        return;
    p->latest = v;
    keep_text(p, v.reason == REASON_GOOD ? text : NULL);
    if (v.reason != REASON_GOOD || !isfinite(v.number))
        return;
    p->least = p->good && p->least < v.number ? p->least : v.number;
    p->most = p->good && p->most > v.number ? p->most : v.number;
    p->last_good = v.number;
    p->sum += v.number;
    p->good++;
}

static void accumulate(struct thin *t, const struct reading *in)
{
    for (size_t i = 0; i < t->n; i++)
        take_in(&t->points[i], in->values[i], in->texts ? in->texts[i] : NULL);
    t->begun = true;
    t->last = in->time;
    t->epoch = in->epoch;
    t->seq = in->seq;
    t->readings++;
    t->maintenance |= in->maintenance;
}

// One good reading is enough for a value of the interval; without any the last reason stands.
static struct value aggregated(const struct thin *t, size_t i)
{
    const struct thin_point *p = &t->points[i];
    struct value v = p->latest;
    if (!windowed(t) || p->good == 0)
        return v;
    v = (struct value){.number = p->last_good, .reason = REASON_GOOD};
    if (!p->averages)
        return v;
    switch ((enum thin_aggregate)t->config->aggregate) {
    case THIN_MEAN:
        v.number = p->sum / (double)p->good;
        break;
    case THIN_MIN:
        v.number = p->least;
        break;
    case THIN_MAX:
        v.number = p->most;
        break;
    case THIN_LAST:
        break;
    }
    if (t->meter->points[i].integer)
        v.number = nearbyint(v.number);
    return v;
}

static void give_out(struct thin *t, struct utc time, struct thin_out *out)
{
    for (size_t i = 0; i < t->n; i++) {
        t->values[i] = aggregated(t, i);
        t->texts[i] = t->points[i].has_text ? t->points[i].text : NULL;
    }
    *out = (struct thin_out){
        .reading = {.meter = t->meter,
                    .time = time,
                    .epoch = t->epoch,
                    .seq = t->seq,
                    .values = t->values,
                    .texts = t->texts,
                    .maintenance = t->maintenance},
        .windowed = windowed(t),
        .window = {.from = {t->index * interval_ms(t)},
                   .aggregate = thin_aggregates[t->config->aggregate].word,
                   .readings = t->readings},
    };
}

// FNV-1a: only to see whether a text is the one published before.
static uint64_t text_hash(const char *s)
{
    uint64_t h = 14695981039346656037u;
    for (; s && *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

static bool point_changed(const struct thin_point *p, struct value v, const char *text)
{
    if (v.reason == REASON_NOT_DUE)
        return false;
    if (!p->known || v.reason != p->published.reason || v.exception != p->published.exception)
        return true;
    if (v.reason != REASON_GOOD)
        return false;
    if (text)
        return text_hash(text) != p->published_text;
    double moved = fabs(v.number - p->published.number);
    double allowed = p->limit.absolute + p->limit.percent / 100 * fabs(p->published.number);
    return moved > allowed;
}

static bool says_something_new(const struct thin *t, const struct reading *r)
{
    if (!t->ever || r->maintenance != t->published_maintenance)
        return true;
    // A clock that was set back must not silence the meter until it has caught up.
    int64_t silent_ms = r->time.ms - t->published.ms;
    if (silent_ms < 0 || silent_ms >= t->config->max_silence_ns / NS_PER_MS)
        return true;
    for (size_t i = 0; i < t->n; i++)
        if (!t->meter->points[i].hidden &&
            point_changed(&t->points[i], r->values[i], r->texts ? r->texts[i] : NULL))
            return true;
    return false;
}

static void remember(struct thin *t, const struct reading *r)
{
    t->ever = true;
    t->published = r->time;
    t->published_maintenance = r->maintenance;
    for (size_t i = 0; i < t->n; i++) {
        if (r->values[i].reason == REASON_NOT_DUE)
            continue;
        t->points[i].known = true;
        t->points[i].published = r->values[i];
        t->points[i].published_text = text_hash(r->texts ? r->texts[i] : NULL);
    }
}

static bool publish(struct thin *t, const struct reading *r)
{
    if (!t->deadband)
        return true;
    if (!says_something_new(t, r))
        return false;
    remember(t, r);
    return true;
}

bool thin_put(struct thin *t, const struct reading *in, struct thin_out *out)
{
    if (t->config->interval_ns == 0) {
        *out = (struct thin_out){.reading = *in};
        return publish(t, in);
    }
    int64_t index = index_of(t, in->time);
    bool ended = !t->placed || index != t->index, ready = false;
    t->placed = true;
    if (windowed(t)) {
        if (t->begun && ended) {
            give_out(t, (struct utc){(t->index + 1) * interval_ms(t)}, out);
            begin(t);
            ready = true;
        }
        t->index = index;
        accumulate(t, in);
    } else {
        accumulate(t, in);
        if (ended) {
            t->index = index;
            give_out(t, in->time, out);
            begin(t);
            ready = true;
        }
    }
    return ready && publish(t, &out->reading);
}

bool thin_expire(struct thin *t, struct utc now, struct thin_out *out)
{
    if (!windowed(t) || !t->begun)
        return false;
    struct utc end = {(t->index + 1) * interval_ms(t)};
    // Its own next reading may be on the way; twice its period says that it is not.
    if (now.ms < end.ms + 2 * t->meter->every_ns / NS_PER_MS + 1000)
        return false;
    give_out(t, end, out);
    begin(t);
    return publish(t, &out->reading);
}

bool thin_finish(struct thin *t, struct thin_out *out)
{
    if (!windowed(t) || !t->begun)
        return false;
    give_out(t, t->last, out);
    begin(t);
    return publish(t, &out->reading);
}
