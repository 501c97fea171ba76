// SPDX-License-Identifier: Apache-2.0
// Expressions over the points of one device.
#include "cli/derive.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/expression.h"

struct derivation {
    size_t point;
    struct expression *program;
    struct expression_state *state;
};

static bool resolve(void *arg, const char *name, struct expression_source *out, char *why, size_t why_size)
{
    const struct device *device = arg;
    for (size_t i = 0; i < device->n; i++) {
        const struct point *p = &device->points[i];
        if (strcmp(p->name, name) != 0 || p->type == POINT_STRING)
            continue;
        *out = (struct expression_source){.index = (uint32_t)i,
                                          .unit = p->unit,
                                          .every_ms = p->every_ns / NS_PER_MS,
                                          .counter = p->quantity->kind == QUANTITY_COUNTER,
                                          .modulus = p->modulus};
        return true;
    }
    snprintf(why, why_size, "\"%s\" is not a point of this device", name);
    return false;
}

static struct expression *compile(const struct device *device, const struct point *p)
{
    struct device *names = (struct device *)(uintptr_t)device; // is only read
    const struct expression_names resolver = {resolve, names};
    const struct expression_wanted number = {.unit = p->unit}, truth = {.unit = NULL};
    struct expression_error error;
    struct expression *e = NULL;
    if (p->quantity->kind == QUANTITY_STATE)
        e = expression_compile(p->expression, &resolver, NULL, &truth, &error);
    return e ? e : expression_compile(p->expression, &resolver, NULL, &number, &error);
}

int derivations_open(struct derivations *d, const struct device *device)
{
    *d = (struct derivations){.device = device, .items = calloc(device->n + 1, sizeof *d->items)};
    for (size_t i = 0; d->items && i < device->n; i++) {
        if (device->points[i].type != POINT_DERIVED)
            continue;
        struct derivation *one = &d->items[d->n];
        one->point = i;
        one->program = compile(device, &device->points[i]);
        if (!one->program)
            continue;
        d->n++;
        one->state = expression_state_new(one->program);
        if (!one->state) {
            derivations_close(d);
            return -1;
        }
    }
    return d->items ? 0 : -1;
}

void derivations_close(struct derivations *d)
{
    for (size_t i = 0; i < d->n; i++) {
        expression_state_free(d->items[i].state);
        expression_free(d->items[i].program);
    }
    free(d->items);
    *d = (struct derivations){0};
}

static struct value judge(const struct point *p, double v)
{
    if (isnan(v))
        return (struct value){NAN, REASON_DEPENDENCY, 0};
    if (p->integer)
        v = round(v);
    return (struct value){v, v < p->min || v > p->max ? REASON_OUT_OF_RANGE : REASON_GOOD, 0};
}

void derivations_compute(struct derivations *d, struct utc t, struct value *values)
{
    for (size_t i = 0; i < d->n; i++) {
        struct derivation *one = &d->items[i];
        for (size_t slot = 0; slot < expression_slots(one->program); slot++) {
            const struct value *v = &values[expression_source(one->program, slot)->index];
            expression_feed(one->state, slot, t, v->reason == REASON_GOOD ? v->number : NAN);
        }
        values[one->point] = judge(&d->device->points[one->point], expression_value(one->state, t));
    }
}
