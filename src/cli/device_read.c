// SPDX-License-Identifier: Apache-2.0
// One whole reading of a device, in blocking steps.
#include "cli/device_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int device_read_open(struct device_read *r, const struct device *device)
{
    size_t n = device->n ? device->n : 1;
    *r = (struct device_read){.device = device};
    r->raw = calloc(n, sizeof *r->raw);
    r->last = calloc(n, sizeof *r->last);
    r->values = calloc(n, sizeof *r->values);
    r->bytes = calloc(n, sizeof *r->bytes);
    r->texts = calloc(n, sizeof *r->texts);
    bool good = r->raw && r->last && r->values && r->bytes && r->texts &&
                plan_make(device, 0, &r->plan) == 0 && derivations_open(&r->derived, device) == 0;
    for (size_t i = 0; good && i < device->n; i++) {
        if (device->points[i].type == POINT_STRING)
            good = (r->texts[i] = calloc(1, 2 * (size_t)device->points[i].words + 1)) != NULL;
        r->last[i].reason = REASON_NOT_YET;
    }
    if (good)
        return 0;
    device_read_close(r);
    return -1;
}

void device_read_close(struct device_read *r)
{
    for (size_t i = 0; r->texts && i < r->device->n; i++)
        free(r->texts[i]);
    free(r->texts);
    free(r->raw);
    free(r->last);
    free(r->values);
    free(r->bytes);
    plan_free(&r->plan);
    derivations_close(&r->derived);
    *r = (struct device_read){0};
}

static void keep_bytes(struct device_read *r, size_t i, const uint8_t *answer, uint16_t start)
{
    const struct point *p = &r->device->points[i];
    unsigned offset = (unsigned)(p->address - start);
    if (p->table <= TABLE_DISCRETE) {
        r->bytes[i][0] = answer[offset / 8] >> (offset % 8) & 1;
        return;
    }
    size_t n = 2 * (size_t)p->words;
    memcpy(r->bytes[i], answer + 2 * offset, n < sizeof r->bytes[i] ? n : sizeof r->bytes[i]);
}

static void decode(struct device_read *r, const struct request *q, const uint8_t *answer)
{
    const struct point *points = r->device->points;
    for (size_t k = q->first; k < (size_t)q->first + q->n; k++) {
        size_t i = r->plan.order[k];
        uint8_t order;
        keep_bytes(r, i, answer, q->address);
        if (points[i].type == POINT_STRING) {
            point_string(&points[i], answer + 2 * (size_t)(points[i].address - q->address), r->texts[i]);
            r->raw[i] = (struct value){.reason = REASON_GOOD};
        } else if (!point_order(points, i, r->raw, r->last, &order)) {
            r->raw[i] = (struct value){.reason = REASON_DEPENDENCY};
        } else {
            r->raw[i] = point_from_answer(&points[i], order, answer, q->address);
        }
    }
}

static struct value reason_of(const struct modbus_answer *a)
{
    switch (a->verdict) {
    case VERDICT_EXCEPTION:
        return (struct value){.reason = REASON_EXCEPTION, .exception = a->exception};
    case VERDICT_TIMEOUT:
        return (struct value){.reason = REASON_TIMEOUT};
    case VERDICT_BAD_ANSWER:
        return (struct value){.reason = REASON_BAD_ANSWER};
    default:
        return (struct value){.reason = REASON_NO_CONNECTION};
    }
}

static void mark(struct device_read *r, const struct request *q, struct value why)
{
    for (size_t k = q->first; k < (size_t)q->first + q->n; k++)
        r->raw[r->plan.order[k]] = why;
}

// Finds the model of a SunSpec device. What is returned is good, or why nothing can be read.
static struct value locate(struct device_read *r, struct session *s, uint8_t unit)
{
    struct sunspec_want want = sunspec_want_of(r->device);
    struct modbus_ask ask = {.unit = unit};
    struct value last = {.reason = REASON_NOT_AVAILABLE};
    sunspec_start(&r->walk, &want);
    while (sunspec_next(&r->walk, &ask) == SUNSPEC_ASK) {
        struct modbus_answer a = session_ask(s, &ask, r->device->timing.timeout_ns);
        r->requests++;
        r->took_ns += session_took_ns(s);
        last = reason_of(&a);
        sunspec_answer(&r->walk, &a);
    }
    r->located = r->walk.state == SUNSPEC_FOUND;
    r->base = r->located ? r->walk.base : 0;
    if (r->located)
        return (struct value){.reason = REASON_GOOD};
    if (r->walk.answered)
        last = (struct value){.reason = REASON_NOT_AVAILABLE};
    return last;
}

size_t device_read_once(struct device_read *r, struct session *s, uint8_t unit)
{
    struct value silent = {.reason = REASON_GOOD};
    r->requests = r->splits = 0;
    r->took_ns = 0;
    for (size_t i = 0; i < r->device->n; i++)
        r->raw[i] = (struct value){.reason = REASON_NOT_DUE};
    if (r->device->sunspec && !r->located)
        silent = locate(r, s, unit);
    for (size_t i = 0; i < r->plan.n; i++) {
        struct request *q = &r->plan.requests[i];
        if (silent.reason != REASON_GOOD) {
            mark(r, q, silent);
            continue;
        }
        struct modbus_ask ask = {unit, q->function, (uint16_t)(q->address + r->base), q->count};
        struct modbus_answer a = session_ask(s, &ask, r->device->timing.timeout_ns);
        r->requests++;
        r->took_ns += session_took_ns(s);
        if (a.verdict == VERDICT_ANSWER) {
            decode(r, q, a.data);
        } else if (a.verdict == VERDICT_EXCEPTION && (a.exception == 2 || a.exception == 3) &&
                   (q->n > 1 || q->has_gaps) && plan_split(&r->plan, r->device, i) > 1) {
            r->splits++;
            i--; // its parts stand where it stood
        } else {
            mark(r, q, reason_of(&a));
            if (a.verdict == VERDICT_TIMEOUT || a.verdict == VERDICT_NO_CONNECTION)
                silent = reason_of(&a);
        }
    }
    points_finish(r->device->points, r->device->n, r->raw, r->last, r->values);
    derivations_compute(&r->derived, utc_now(), r->values);
    size_t good = 0;
    for (size_t i = 0; i < r->device->n; i++) {
        good += r->values[i].reason == REASON_GOOD;
        if (r->raw[i].reason == REASON_GOOD)
            r->last[i] = r->raw[i];
    }
    // After an update of its firmware the model may be elsewhere.
    r->located = r->located && good > 0;
    return good;
}

char *device_read_hex(const struct device_read *r, size_t point, char *out, size_t size)
{
    const struct point *p = &r->device->points[point];
    size_t at = 0;
    out[0] = '\0';
    if (p->table <= TABLE_DISCRETE) {
        snprintf(out, size, "%u", r->bytes[point][0]);
        return out;
    }
    for (size_t w = 0; w < p->words && w < sizeof r->bytes[point] / 2 && at + 6 < size; w++)
        at += (size_t)snprintf(out + at, size - at, "%s%02X%02X", w ? " " : "", r->bytes[point][2 * w],
                               r->bytes[point][2 * w + 1]);
    if (p->words > sizeof r->bytes[point] / 2 && at + 5 < size)
        snprintf(out + at, size - at, " ...");
    return out;
}
