// SPDX-License-Identifier: Apache-2.0
// What a stream shows: one list of fields for MQTT, InfluxDB and `status`.
#include <math.h>
#include "streams/stream_inside.h"

#define SMALL_DIFFERENCE_K 3.0 // below, the error of two sensors is a large part of it

struct fields {
    struct stream_field *out;
    size_t n, max;
};

static void put(struct fields *f, const char *name, const char *unit, double value)
{
    if (f->n < f->max && isfinite(value))
        f->out[f->n++] = (struct stream_field){name, unit, value};
}

static void put_container(struct fields *f, const struct stream *s)
{
    const struct container *c = &s->container;
    const struct container_rule *r = &s->container_rule;
    double full = r->volume_limit > 0 ? fmin(r->capacity, r->volume_limit) : r->capacity;
    put(f, "container_net", "kg", c->level);
    put(f, "container_fill", "%", 100 * c->level / full);
    put(f, "fill_rate", "kg/d", container_rate(c));
    put(f, "days_to_full", "d", container_days(c, r));
}

static void put_history(struct fields *f, struct stream *s, struct utc t, const char *unit)
{
    struct week_place now = week_place(s->calendar.zone, t);
    const struct week_entry *entries[WEEK_KEPT];
    double values[WEEK_KEPT];
    unsigned n = week_values(s->history, now, now.hour, WEEK_KEPT, week_seasonal(s->history), entries),
             kept = 0;
    for (unsigned i = 0; i < n; i++)
        if (!isnan(entries[i]->mean))
            values[kept++] = (double)entries[i]->mean;
    put(f, "firm", unit, week_quantile(values, kept, 0.2));
    put(f, "typical", unit, week_quantile(values, kept, 0.5));
    put(f, "peak", unit, week_quantile(values, kept, 0.8));
    put(f, "baseline", unit, stream_baseline(s, t));
    struct stream_fit fit = stream_fit(s);
    put(f, "baseline_cv", "%", 100 * fit.cv);
    put(f, "baseline_bias", "%", 100 * fit.bias);
    if (s->history->actual > 0)
        put(f, "forecast_error", "%", 100 * s->history->error / s->history->actual);
}

size_t stream_fields(struct stream *s, struct utc t, struct stream_field *out, size_t max)
{
    struct fields f = {out, 0, max};
    const char *unit = unit_text(s->unit);
    double value = stream_value(s, t);
    put(&f, "value", unit, value);
    if (s->parts[PART_INTERNAL].program && !isnan(value))
        put(&f, "internal", unit, s->internal);
    if (s->can_surplus)
        put(&f, "surplus", unit, isnan(value) ? NAN : surplus_on(&s->surplus) ? value : 0);
    if (s->config->resource == RESOURCE_EQUIPMENT && !isnan(value))
        put(&f, "utilisation", "%", 100 * (1 - value));
    if (s->has_container)
        put_container(&f, s);
    if (!isnan(value) && !isnan(s->difference)) {
        put(&f, "temperature_difference", "K", s->difference);
        put(&f, "doubtful_difference", "", s->difference < SMALL_DIFFERENCE_K ? 1 : 0);
        put(&f, "sensors_swapped", "", s->difference < 0 ? 1 : 0);
    }
    for (size_t i = PART_QUALITY; i < s->part_count && i < PART_SUPPLY; i++)
        if (s->parts[i].program)
            put(&f, s->parts[i].name, s->parts[i].unit, expression_value(s->parts[i].state, t));
    put_history(&f, s, t, s->has_container ? "kg/h" : unit);
    put(&f, "coverage", "%", 100 * stream_coverage(s, t));
    put(&f, "confidence", "", stream_confidence(s, t));
    return f.n;
}
