// SPDX-License-Identifier: Apache-2.0
// Derived points: fed by every cycle of any meter, computed at the end of a cycle of their own.
#include <math.h>
#include <stdlib.h>
#include "engine/parts.h"

static bool open_one(struct engine *e, size_t i)
{
    struct derivation *d = &e->derivations[i];
    d->what = &e->site->derived[i];
    d->state = expression_state_new(d->what->program);
    if (!d->state || !bus_connect_all(&e->to_derived, d->what->program, d->state, (uint32_t)i))
        return false;
    size_t first = e->site->first_source[d->what->meter], after = e->site->first_source[d->what->meter + 1];
    for (size_t k = 0; k < expression_slots(d->what->program); k++) {
        size_t source = expression_source(d->what->program, k)->index;
        d->own_inputs |= source >= first && source < after;
    }
    return true;
}

bool derive_open(struct engine *e)
{
    const struct site *s = e->site;
    size_t meters = s->root->meters.n;
    e->derivations = calloc(s->derived_count + 1, sizeof *e->derivations);
    e->first_derivation = calloc(meters + 1, sizeof *e->first_derivation);
    if (!e->derivations || !e->first_derivation || !bus_begin(&e->to_derived, site_sources(s)))
        return false;
    for (size_t i = 0; i < s->derived_count; i++) {
        if (!open_one(e, i))
            return false;
        e->first_derivation[s->derived[i].meter + 1]++;
    }
    for (size_t i = 0; i < meters; i++)
        e->first_derivation[i + 1] += e->first_derivation[i];
    return bus_finish(&e->to_derived);
}

void derive_close(struct engine *e)
{
    for (size_t i = 0; e->derivations && i < e->site->derived_count; i++)
        expression_state_free(e->derivations[i].state);
    free(e->derivations);
    free(e->first_derivation);
    bus_free(&e->to_derived);
}

// To other meters a value of a meter under maintenance is unknown; within it a derived point says what the
// others say.
static void feed(struct engine *e, size_t meter, size_t point, struct utc t, const struct value *v)
{
    size_t n;
    const struct wire *w = bus_wires(&e->to_derived, site_source(e->site, meter, point), &n);
    double known = v->reason == REASON_GOOD ? v->number : NAN;
    bool maintenance = n > 0 && site_meter(e->site, meter)->maintenance;
    for (size_t i = 0; i < n; i++) {
        struct derivation *d = &e->derivations[w[i].consumer];
        bool own = d->what->meter == meter;
        d->touched |= own;
        expression_feed(w[i].state, w[i].slot, t, maintenance && !own ? NAN : known);
    }
}

static struct value judge(const struct point *p, double v)
{
    if (isnan(v))
        return (struct value){NAN, REASON_DEPENDENCY, 0};
    if (p->integer)
        v = round(v);
    return (struct value){v, v < p->min || v > p->max ? REASON_OUT_OF_RANGE : REASON_GOOD, 0};
}

void engine_derive(struct engine *e, size_t meter, struct utc t, struct value *values)
{
    const struct device *device = e->site->devices[meter];
    bool answered = false;
    if (e->site->derived_count == 0)
        return;
    for (size_t i = 0; i < device->n; i++) {
        if (device->points[i].type == POINT_DERIVED || values[i].reason == REASON_NOT_DUE)
            continue;
        answered |= values[i].reason == REASON_GOOD;
        feed(e, meter, i, t, &values[i]);
    }
    for (size_t k = e->first_derivation[meter]; k < e->first_derivation[meter + 1]; k++) {
        struct derivation *d = &e->derivations[k];
        const struct point *p = &device->points[d->what->point];
        if (d->own_inputs && !d->touched)
            continue;
        d->touched = false;
        // A meter that does not answer says nothing, though others do.
        double v = answered ? expression_value(d->state, t) : NAN;
        values[d->what->point] = judge(p, v);
        feed(e, meter, d->what->point, t, &values[d->what->point]);
    }
}
