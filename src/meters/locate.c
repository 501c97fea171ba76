// SPDX-License-Identifier: Apache-2.0
// Finding the model of a SunSpec device by walking its chain, one request at a time.
#include <stdio.h>
#include <stdlib.h>
#include "meters/poller.h"

static void step(struct locator *l);

static void found(struct locator *l)
{
    struct meter *m = l->meter;
    char subject[96];
    snprintf(subject, sizeof subject, "meter %s", m->info.name);
    m->located = true;
    m->base = l->walk.base;
    log_info(subject, "%s %s: SunSpec model %u at register %u", l->walk.manufacturer, l->walk.product,
             l->walk.model, l->walk.base);
    meter_go_on(m);
}

static void failed(struct locator *l, struct value why)
{
    struct meter *m = l->meter;
    char subject[96];
    // A unit that does not answer is told of by its health.
    if (m->unit->health.state == HEALTH_UP && m->asks[0].complained == false) {
        snprintf(subject, sizeof subject, "meter %s", m->info.name);
        log_warning(subject, "%s", l->walk.why);
        m->asks[0].complained = true;
    }
    meter_give_up(m, why);
}

static void answered(struct transaction *t, const struct modbus_answer *answer)
{
    struct locator *l = (struct locator *)t;
    struct meter *m = l->meter;
    m->cycle.outstanding--;
    if (m->removed) {
        meter_release(m);
        return;
    }
    if (m->cycle.first_asked.ns == 0)
        m->cycle.first_asked = t->asked;
    m->cycle.last_answered = t->answered;
    meter_note_answer(m, answer, t->answered);
    sunspec_answer(&l->walk, answer);
    step(l);
}

static void step(struct locator *l)
{
    struct meter *m = l->meter;
    struct transaction *t = &l->transaction;
    struct modbus_ask ask = {.unit = m->unit->id};
    switch (sunspec_next(&l->walk, &ask)) {
    case SUNSPEC_FOUND:
        found(l);
        return;
    case SUNSPEC_FAILED:
        failed(l, (struct value){.reason = l->walk.answered ? REASON_NOT_AVAILABLE : REASON_TIMEOUT});
        return;
    default:
        *t = (struct transaction){.ask = ask,
                                  .timeout_ns = meter_timeout(m, m->cycle.probing),
                                  .pause_ns = m->timing.pause_ns,
                                  .connect_pause_ns = m->timing.connect_pause_ns,
                                  .done = answered};
        m->cycle.outstanding++;
        line_submit(m->line, t);
    }
}

bool locator_make(struct meter *m)
{
    if (!m->device->sunspec)
        return true;
    m->locator = calloc(1, sizeof *m->locator);
    if (!m->locator)
        return false;
    m->locator->meter = m;
    return true;
}

void locator_begin(struct meter *m)
{
    struct sunspec_want want = sunspec_want_of(m->device);
    sunspec_start(&m->locator->walk, &want);
    step(m->locator);
}
