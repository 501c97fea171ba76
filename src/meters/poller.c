// SPDX-License-Identifier: Apache-2.0
// When each meter is asked: slots, cycles, and what a cycle makes of verdicts.
#include "meters/poller.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/backoff.h"

// Meters whose slots fall together share a wake-up, which at these rates is the cost: slots lie on a
// grid of a tenth of the period, at most 100 ms.
#define SLOT_MAX_NS (100 * NS_PER_MS)

double poller_phase(size_t line_index, size_t j, size_t n)
{
    // The golden ratio spreads any number of lines evenly without knowing how many there are.
    double shift = (double)line_index * 0.6180339887498949;
    double phase = shift + (double)j / (double)(n ? n : 1);
    return phase - floor(phase);
}

static int64_t phase_ns(const struct meter *m, int64_t period)
{
    int64_t slot = period / 10;
    if (slot > SLOT_MAX_NS)
        slot = SLOT_MAX_NS;
    return (int64_t)(m->phase * (double)(period / slot)) * slot;
}

// The first multiple of the period on the wall clock that is more than half a period away.
static struct mono next_aligned(struct mono now, int64_t period_ns)
{
    int64_t into = (utc_now().ms * NS_PER_MS) % period_ns;
    int64_t wait = period_ns - into;
    if (wait < period_ns / 2)
        wait += period_ns;
    return mono_add(now, wait);
}

void meter_schedule(struct meter *m)
{
    struct poller *p = m->poller;
    struct mono now = loop_now(p->loop);
    for (size_t i = 0; i < m->plan.n; i++) {
        struct ask *a = &m->asks[i];
        if (a->due.ns)
            continue;
        if (m->plan.requests[i].every_ns == 0) {
            a->due = now;
        } else if (m->align) {
            int64_t every = m->plan.requests[i].every_ns;
            a->due = mono_add(now, every - (utc_now().ms * NS_PER_MS) % every);
        } else {
            // All slots lie on one grid from the poller's origin, so that they fall into the same turns.
            int64_t every = m->plan.requests[i].every_ns, begun = mono_since(now, p->origin);
            int64_t period = m->info.every_ns ? m->info.every_ns : every;
            int64_t next = begun / period * period + phase_ns(m, period);
            if (next < begun)
                next += period;
            a->due = mono_add(p->origin, next);
        }
    }
}

// `every = "0 s"`: asked again as soon as the cycle is over.
static bool is_continuous(const struct meter *m, size_t i)
{
    return m->plan.requests[i].every_ns == 0;
}

void meter_arm(struct meter *m)
{
    struct mono first = {INT64_MAX};
    for (size_t i = 0; i < m->plan.n; i++)
        if (mono_before(m->asks[i].due, first) && !(m->cycle.running && is_continuous(m, i)))
            first = m->asks[i].due;
    if (first.ns != INT64_MAX)
        loop_timer(m->poller->loop, &m->timer, first);
}

// A pause before the next try keeps a unit that fails at once from being asked in a tight circle.
#define CONTINUOUS_PAUSE_NS (100 * NS_PER_MS)

static void continue_at(struct meter *m, struct mono due)
{
    for (size_t i = 0; i < m->plan.n; i++)
        if (is_continuous(m, i))
            m->asks[i].due = due;
}

// Moves the deadline on; passed slots are counted, not made up for.
static void move_on(struct meter *m, struct ask *a, int64_t every, struct mono now)
{
    if (every == 0)
        return;
    if (mono_since(now, a->due) > every / 50)
        m->stats.late++;
    if (m->align) {
        a->due = next_aligned(now, every);
        return;
    }
    a->due = mono_add(a->due, every);
    if (!mono_before(now, a->due)) {
        int64_t passed = mono_since(now, a->due) / every + 1;
        m->stats.missed += (uint64_t)passed;
        a->due = mono_add(a->due, passed * every);
    }
}

// ---- A cycle ----

int64_t meter_timeout(const struct meter *m, bool probe)
{
    return probe ? meter_probe_timeout(m) : m->timing.timeout_ns;
}

static void submit(struct meter *m, struct ask *a, bool probe)
{
    const struct request *r = &m->plan.requests[a->request];
    struct transaction *t = &a->transaction;
    t->ask = (struct modbus_ask){m->unit->id, r->function, (uint16_t)(r->address + m->base), r->count};
    t->asked = (struct mono){0}; // it may never leave; the time of an earlier cycle is not its time
    t->timeout_ns = meter_timeout(m, probe);
    t->pause_ns = m->timing.pause_ns;
    t->connect_pause_ns = m->timing.connect_pause_ns;
    t->in_flight = (uint8_t)m->timing.in_flight;
    t->close_after_cycle = m->timing.close_after_cycle > 0;
    t->last_of_cycle = m->cycle.next == m->cycle.n;
    m->cycle.outstanding++;
    line_submit(m->line, t);
}

static void submit_more(struct meter *m)
{
    while (m->cycle.next < m->cycle.n && m->cycle.outstanding < m->timing.in_flight && !m->cycle.abandoned)
        submit(m, &m->asks[m->cycle.todo[m->cycle.next++]], false);
}

static void mark_points(struct meter *m, const struct ask *a, struct value why)
{
    const struct request *r = &m->plan.requests[a->request];
    for (size_t i = r->first; i < (size_t)r->first + r->n; i++)
        m->raw[m->plan.order[i]] = why;
}

// The rest of an abandoned cycle is not asked; its points say why.
static void abandon(struct meter *m, struct value why)
{
    m->cycle.abandoned = true;
    while (m->cycle.next < m->cycle.n)
        mark_points(m, &m->asks[m->cycle.todo[m->cycle.next++]], why);
}

static void end_cycle(struct meter *m)
{
    struct mono now = loop_now(m->poller->loop);
    m->cycle.running = false;
    m->stats.cycle_ns = mono_since(now, m->cycle.begun);
    meter_finish(m);
    meter_apply_splits(m);
    if (m->info.every_ns == 0) {
        continue_at(m, m->cycle.abandoned ? mono_add(now, CONTINUOUS_PAUSE_NS) : now);
        meter_arm(m);
    }
}

static void begin_cycle(struct meter *m, struct mono now)
{
    struct cycle *c = &m->cycle;
    enum health_advice advice = health_advise(&m->unit->health, now);
    if (advice == HEALTH_SKIP || (advice == HEALTH_PROBE && m->unit->probing)) {
        m->stats.skipped++;
        c->n = 0;
        continue_at(m, mono_add(now, CONTINUOUS_PAUSE_NS));
        return;
    }
    c->running = true;
    c->abandoned = false;
    c->probing = advice == HEALTH_PROBE;
    c->begun = now;
    c->first_asked = c->last_answered = (struct mono){0};
    c->outstanding = 0;
    c->next = 0;
    m->stats.cycles++;
    for (size_t i = 0; i < m->info.n; i++)
        m->raw[i] = (struct value){.reason = REASON_NOT_DUE};
    m->unit->probing = c->probing;
    if (m->locator && !m->located) {
        locator_begin(m);
    } else if (c->probing) {
        submit(m, &m->asks[c->todo[c->next++]], true);
    } else {
        submit_more(m);
    }
}

static void slot(struct timer *timer, struct mono now)
{
    struct meter *m = (struct meter *)((char *)timer - offsetof(struct meter, timer));
    struct cycle *c = &m->cycle;
    bool busy = c->running;
    if (!busy)
        c->n = c->next = 0;
    for (size_t i = 0; i < m->plan.n; i++) {
        struct ask *a = &m->asks[i];
        if (mono_before(now, a->due) || (busy && is_continuous(m, i)))
            continue;
        move_on(m, a, m->plan.requests[i].every_ns, now);
        if (busy)
            m->stats.missed++;
        else if (!mono_before(now, a->absent_until))
            c->todo[c->n++] = (uint16_t)i;
    }
    if (!busy && c->n)
        begin_cycle(m, now);
    else if (!busy)
        continue_at(m, mono_add(now, CONTINUOUS_PAUSE_NS)); // everything it has is absent
    meter_arm(m);
}

// ---- Verdicts ----

// Exceptions 10 and 11 come from a gateway whose unit is silent: for the unit's health they are silence.
static bool unit_is_alive(const struct modbus_answer *answer)
{
    return answer->verdict == VERDICT_ANSWER ||
           (answer->verdict == VERDICT_EXCEPTION && answer->exception != 10 && answer->exception != 11);
}

static struct value reason_of(const struct modbus_answer *answer)
{
    static const uint8_t reasons[] = {
        [VERDICT_ANSWER] = REASON_GOOD,           [VERDICT_EXCEPTION] = REASON_EXCEPTION,
        [VERDICT_TIMEOUT] = REASON_TIMEOUT,       [VERDICT_NO_CONNECTION] = REASON_NO_CONNECTION,
        [VERDICT_BAD_ANSWER] = REASON_BAD_ANSWER, [VERDICT_CANCELLED] = REASON_NO_CONNECTION,
    };
    return (struct value){.reason = reasons[answer->verdict], .exception = answer->exception};
}

static void count(struct meter *m, const struct modbus_answer *answer)
{
    m->stats.timeouts += answer->verdict == VERDICT_TIMEOUT;
    m->stats.bad_answers += answer->verdict == VERDICT_BAD_ANSWER;
    m->stats.no_connection += answer->verdict == VERDICT_NO_CONNECTION;
    if (answer->verdict == VERDICT_EXCEPTION) {
        m->stats.exceptions++;
        m->stats.last_exception = answer->exception;
    }
}

static void report_health(struct meter *m, const struct modbus_answer *answer, struct mono now)
{
    struct poller *p = m->poller;
    // A bad answer is noise on the line: neither proof of life nor of death.
    if (answer->verdict == VERDICT_BAD_ANSWER || answer->verdict == VERDICT_CANCELLED)
        return;
    enum health_change change =
        health_report(&m->unit->health, &p->health, now, unit_is_alive(answer), random_bits());
    if (change != HEALTH_SAME)
        poller_unit_changed(p, m->unit, change == HEALTH_CAME_UP, reason_text(reason_of(answer)));
}

// Illegal function, address or value: this device does not have it. Anything else may pass by itself.
static void refused(struct meter *m, struct ask *a, struct mono now)
{
    const struct request *r = &m->plan.requests[a->request];
    char subject[96];
    if (r->n > 1 || r->has_gaps) {
        a->split = true;
        m->cycle.splits = true;
        return;
    }
    a->absent_until = mono_add(now, m->poller->absent_retry_ns);
    if (a->complained)
        return;
    a->complained = true;
    snprintf(subject, sizeof subject, "meter %s", m->info.name);
    log_warning(subject,
                "the device has no point \"%s\" (function %u, address %u): %s; asked again every %lld s",
                m->info.points[m->plan.order[r->first]].name, r->function, r->address,
                reason_text((struct value){.reason = REASON_EXCEPTION, .exception = m->stats.last_exception}),
                (long long)(m->poller->absent_retry_ns / NS_PER_S));
}

void meter_note_answer(struct meter *m, const struct modbus_answer *answer, struct mono now)
{
    if (m->cycle.probing)
        m->unit->probing = m->cycle.probing = false;
    count(m, answer);
    report_health(m, answer, now);
    if (m->unit->health.state == HEALTH_DOWN)
        m->located = false; // it may come back as another device
}

void meter_go_on(struct meter *m)
{
    submit_more(m);
    if (m->cycle.outstanding == 0 && m->cycle.next == m->cycle.n)
        end_cycle(m);
}

void meter_give_up(struct meter *m, struct value why)
{
    abandon(m, why);
    end_cycle(m);
}

static void done(struct transaction *t, const struct modbus_answer *answer)
{
    struct ask *a = (struct ask *)((char *)t - offsetof(struct ask, transaction));
    struct meter *m = a->meter;
    struct cycle *c = &m->cycle;
    struct mono now = t->answered;
    c->outstanding--;
    if (m->removed) {
        meter_release(m);
        return;
    }
    if (t->asked.ns && (c->first_asked.ns == 0 || mono_before(t->asked, c->first_asked)))
        c->first_asked = t->asked;
    c->last_answered = now;
    meter_note_answer(m, answer, now);
    if (answer->verdict == VERDICT_ANSWER) {
        m->stats.round_trip_ns = mono_since(now, t->asked);
        meter_decode(m, &m->plan.requests[a->request], answer->data);
        a->complained = false;
    } else {
        mark_points(m, a, reason_of(answer));
        if (answer->verdict == VERDICT_EXCEPTION && answer->exception >= 1 && answer->exception <= 3)
            refused(m, a, now);
        else if (!unit_is_alive(answer) && answer->verdict != VERDICT_BAD_ANSWER)
            abandon(m, reason_of(answer)); // a silent unit costs one timeout a cycle, not one per request
    }
    meter_go_on(m);
}

void meter_prepare(struct meter *m)
{
    m->timer.fire = slot;
    for (size_t i = 0; i < m->plan.n; i++) {
        m->asks[i].meter = m;
        m->asks[i].request = (uint16_t)i;
        m->asks[i].transaction.done = done;
    }
}
