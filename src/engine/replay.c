// SPDX-License-Identifier: Apache-2.0
// Rows as readings: what a meter makes of its registers (plausible range, totals that are judged), then the
// engine.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/replay.h"

struct tally {
    struct replay_total total;
    bool is_counter, was_known;
    struct counter counter;
    int64_t last_ms, hold_ms;
    double weight; /* ms for which `sum` is */
    double sum;
};

struct replay_meter {
    struct meter_info info;
    struct value *values; /* all not due but while a row is taken */
    uint64_t seq;
    bool touched;
    bool maintenance;
    struct tally *tallies; /* per point */
};

struct replay {
    struct engine *engine;
    struct site *site;
    struct replay_meter *meters;
    uint64_t readings, values;
    int64_t last_ms;
};

// ---- Making ----

static bool open_meter(struct replay *p, size_t i)
{
    struct replay_meter *m = &p->meters[i];
    const struct device *d = p->site->devices[i];
    const struct meter_config *c = site_meter(p->site, i);
    m->info = (struct meter_info){.name = c->name,
                                  .vendor = d->vendor,
                                  .model = d->model,
                                  .profile = d->profile,
                                  .points = d->points,
                                  .n = d->n,
                                  .index = i,
                                  .every_ns = p->site->pace_ns[i] ? p->site->pace_ns[i] : c->every_ns};
    m->maintenance = c->maintenance;
    m->values = calloc(d->n + 1, sizeof *m->values);
    m->tallies = calloc(d->n + 1, sizeof *m->tallies);
    for (size_t k = 0; m->values && m->tallies && k < d->n; k++) {
        const struct point *q = &d->points[k];
        m->values[k] = (struct value){NAN, REASON_NOT_DUE, 0};
        m->tallies[k] = (struct tally){.is_counter = q->quantity && q->quantity->kind == QUANTITY_COUNTER,
                                       .hold_ms = site_hold_ms(site_every_ns(p->site, i, q)),
                                       .total = {.low = NAN, .high = NAN, .mean = NAN, .amount = NAN}};
    }
    return m->values && m->tallies;
}

struct replay *replay_new(struct engine *e, struct site *s)
{
    struct replay *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->engine = e;
    p->site = site_hold(s);
    p->meters = calloc(s->root->meters.n + 1, sizeof *p->meters);
    bool good = p->meters != NULL;
    for (size_t i = 0; good && i < s->root->meters.n; i++)
        good = open_meter(p, i);
    if (good)
        return p;
    replay_free(p);
    return NULL;
}

void replay_free(struct replay *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->meters && i < p->site->root->meters.n; i++) {
        free(p->meters[i].values);
        free(p->meters[i].tallies);
    }
    free(p->meters);
    site_free(p->site);
    free(p);
}

// ---- A value ----

static void judge_counter(const struct replay_meter *m, size_t point, struct utc t, struct value *v)
{
    struct tally *tally = &m->tallies[point];
    struct counter_rule rule = counter_rule_for(m->info.points, point, m->values, m->info.every_ns);
    struct counter_event event = counter_step(&tally->counter, &rule, v->number, t);
    if (counter_refused(event.kind))
        v->reason = REASON_COUNTER;
    tally->total.counter_events += event.kind > COUNTER_NORMAL;
}

static void add_up(struct tally *t, struct utc now, const struct value *v)
{
    struct replay_total *total = &t->total;
    bool known = v->reason == REASON_GOOD;
    int64_t since = now.ms - t->last_ms;
    total->any = true;
    total->values++;
    total->bad += !known;
    // As everywhere, a sample stands for the time since the sample before it.
    if (known && total->values > 1 && since > 0 && since <= t->hold_ms) {
        t->weight += (double)since;
        t->sum += v->number * (double)since;
        total->known_ms += since;
    }
    if (known && !(v->number >= total->low))
        total->low = v->number;
    if (known && !(v->number <= total->high))
        total->high = v->number;
    t->last_ms = now.ms;
}

static void judge(const struct replay_meter *m, size_t point, struct utc t, double number)
{
    const struct point *q = &m->info.points[point];
    struct value *v = &m->values[point];
    *v = (struct value){number, REASON_GOOD, 0};
    if (isnan(number))
        v->reason = REASON_NOT_AVAILABLE;
    else if (number < q->min || number > q->max)
        v->reason = REASON_OUT_OF_RANGE;
    else if (m->tallies[point].is_counter)
        judge_counter(m, point, t, v);
    add_up(&m->tallies[point], t, v);
}

// ---- Rows ----

static void hand_over(struct replay *p, struct replay_meter *m, struct utc t)
{
    engine_derive(p->engine, m->info.index, t, m->values);
    const struct reading r = {.meter = &m->info,
                              .time = t,
                              .epoch = 1,
                              .seq = ++m->seq,
                              .values = m->values,
                              .maintenance = m->maintenance};
    engine_reading(p->engine, &r);
    p->readings++;
    for (size_t i = 0; i < m->info.n; i++) {
        if (m->info.points[i].type == POINT_DERIVED && m->values[i].reason != REASON_NOT_DUE)
            add_up(&m->tallies[i], t, &m->values[i]);
        m->values[i] = (struct value){NAN, REASON_NOT_DUE, 0};
    }
    m->touched = false;
}

void replay_row(struct replay *p, const struct recording *r, const struct recording_row *row)
{
    size_t first = SIZE_MAX, last = 0;
    for (size_t i = 0; i < row->n; i++) {
        struct recording_target to = recording_target(r, row->column[i]);
        judge(&p->meters[to.meter], to.point, row->time, row->value[i]);
        p->meters[to.meter].touched = true;
        first = to.meter < first ? to.meter : first;
        last = to.meter > last ? to.meter : last;
    }
    for (size_t i = first; i <= last && first != SIZE_MAX; i++)
        if (p->meters[i].touched)
            hand_over(p, &p->meters[i], row->time);
    p->values += row->n;
    if (row->time.ms > p->last_ms)
        p->last_ms = row->time.ms;
}

void replay_end(struct replay *p)
{
    engine_tick(p->engine, (struct utc){p->last_ms});
}

// ---- Totals ----

struct replay_total replay_total(const struct replay *p, size_t meter, size_t point)
{
    const struct tally *t = &p->meters[meter].tallies[point];
    const struct point *q = &p->meters[meter].info.points[point];
    struct replay_total total = t->total;
    if (t->is_counter && q->type != POINT_DERIVED) {
        total.amount = t->counter.total;
        total.amount_unit = q->unit;
        return total;
    }
    if (t->weight <= 0)
        return total;
    total.mean = t->sum / t->weight;
    const struct unit *amount = unit_is_absolute(q->unit) ? NULL : unit_multiply(q->unit, unit_find("h"));
    static const char *const known[] = {"kWh", "kvarh", "kVAh", "m3", "Nm3", "kg", "t"};
    for (size_t i = 0; amount && i < sizeof known / sizeof *known; i++) {
        const struct unit *u = unit_find(known[i]);
        double factor, offset;
        if (!u || !unit_conversion(amount, u, &factor, &offset))
            continue;
        total.amount = t->sum / 3600000.0 * factor;
        total.amount_unit = u;
        break;
    }
    return total;
}

uint64_t replay_readings(const struct replay *p)
{
    return p->readings;
}

uint64_t replay_values(const struct replay *p)
{
    return p->values;
}
