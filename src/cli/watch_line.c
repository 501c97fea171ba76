// SPDX-License-Identifier: Apache-2.0
// Rounds of `symbiont watch` from a line: the device is read by this program itself.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli/device_read.h"
#include "cli/target.h"
#include "cli/watch.h"

struct line_source {
    struct watch_source source; // first
    const struct command *c;
    struct session *session;
    struct target target;
    const struct device *device;
    struct device_read read;
    uint8_t unit;
    char name[32];
    struct mono last_success;
    bool succeeded;
};

static void fill_point(struct watch_point *w, const struct device_read *r, size_t i)
{
    const struct point *p = &r->device->points[i];
    struct value v = r->values[i];
    w->name = p->name;
    w->unit = unit_text(p->unit);
    w->single = p->single;
    w->value = v.number;
    w->text = p->type == POINT_STRING ? r->texts[i] : NULL;
    snprintf(w->bad, sizeof w->bad, "%s", v.reason == REASON_GOOD ? "" : reason_text(v));
}

static int poll_line(struct watch_source *s)
{
    struct line_source *l = (struct line_source *)s;
    struct watch_round *r = &s->round;
    struct watch_meter *m = r->meters;
    size_t good = device_read_once(&l->read, l->session, l->unit), k = 0;
    struct mono now = mono_now();
    r->time = utc_now();
    r->trouble[0] = '\0';
    if (good) {
        l->last_success = now;
        l->succeeded = true;
    } else {
        snprintf(r->trouble, sizeof r->trouble, "%s", session_trouble(l->session));
        if (!r->trouble[0])
            snprintf(r->trouble, sizeof r->trouble, "unit %u gives no value", l->unit);
    }
    m->state = good ? "up" : "no answer";
    m->age_s = l->succeeded ? (double)mono_since(now, l->last_success) / 1e9 : NAN;
    m->round_trip_ms =
        good && l->read.requests ? (double)l->read.took_ns / (double)l->read.requests / NS_PER_MS : NAN;
    for (size_t i = 0; i < l->device->n; i++)
        if (!l->device->points[i].hidden)
            fill_point(&m->points[k++], &l->read, i);
    m->n = k;
    return good ? EX_OK : EX_UNAVAILABLE;
}

static void close_line(struct watch_source *s)
{
    struct line_source *l = (struct line_source *)s;
    watch_round_free(&s->round);
    if (l->read.device)
        device_read_close(&l->read);
    session_close(l->session);
    target_close(&l->target);
    free(l);
}

struct watch_source *watch_line_open(const struct command *c, const struct interrupt *interrupt, int *status)
{
    int64_t unit = 1;
    struct line_source *l = calloc(1, sizeof *l);
    if (!l) {
        *status = command_fail(c, EX_OSERR, "out of memory");
        return NULL;
    }
    l->source.poll = poll_line;
    l->source.close = close_line;
    l->c = c;
    *status = EX_USAGE;
    if (!command_integer(c, "unit", 0, 255, &unit) || !(l->device = target_device(&l->target, c, status)) ||
        !(l->session = session_open(c, NULL, status)))
        goto failed;
    l->unit = (uint8_t)unit;
    snprintf(l->name, sizeof l->name, "unit %u", l->unit);
    *status = EX_OSERR;
    if (device_read_open(&l->read, l->device) < 0 || session_heed(l->session, interrupt) < 0 ||
        !watch_round_size(&l->source.round, 1, 0) ||
        !watch_meter_size(&l->source.round.meters[0], l->device->n)) {
        command_fail(c, EX_OSERR, "out of memory");
        goto failed;
    }
    l->source.round.title = session_address(l->session);
    l->source.round.meters[0].name = l->name;
    return &l->source;

failed:
    close_line(&l->source);
    return NULL;
}
