// SPDX-License-Identifier: Apache-2.0
// From answers to a reading: decoded, evaluated, its totals judged; held back while nobody knows what time it
// is.
#include <stdio.h>
#include <stdlib.h>
#include "meters/poller.h"

// A down unit is probed for as long as the slowest of the line's units took lately, four times over,
// not for the whole response timeout: on a shared line its neighbours wait meanwhile. Every fourth
// probe waits the whole time, for a unit that came back slower.
#define PROBE_MIN_NS (50 * NS_PER_MS)

int64_t meter_probe_timeout(const struct meter *m)
{
    int64_t full = m->timing.timeout_ns ? m->timing.timeout_ns : m->line->config->timeout_ns;
    int64_t slowest = m->line->slowest_answer_ns;
    if (slowest == 0 || m->unit->health.probes % 4 == 3)
        return full;
    int64_t wait = 4 * slowest > PROBE_MIN_NS ? 4 * slowest : PROBE_MIN_NS;
    return wait < full ? wait : full;
}

void meter_decode(struct meter *m, const struct request *r, const uint8_t *data)
{
    for (size_t i = r->first; i < (size_t)r->first + r->n; i++) {
        uint16_t index = m->plan.order[i];
        const struct point *p = &m->info.points[index];
        uint8_t order;
        if (p->type == POINT_STRING) {
            point_string(p, data + 2 * (size_t)(p->address - r->address), m->texts[index]);
            m->raw[index] = (struct value){.reason = REASON_GOOD};
        } else if (!point_order(m->info.points, index, m->raw, m->last, &order)) {
            m->raw[index] = (struct value){.reason = REASON_DEPENDENCY};
        } else {
            m->raw[index] = point_from_answer(p, order, data, r->address);
        }
    }
}

static struct mono middle_of_cycle(const struct meter *m)
{
    const struct cycle *c = &m->cycle;
    struct mono first =
        c->first_asked.ns ? c->first_asked : c->begun; // without a connection nothing is asked
    return mono_add(first, mono_since(c->last_answered, first) / 2);
}

// A refusal is told when it begins, not at every reading while it lasts.
// A gap in which nothing was counted bridges nothing: every restart would tell one for each total.
static bool worth_telling(const struct counter_event *e, enum counter_kind before)
{
    if (e->kind == COUNTER_BRIDGED && e->delta == 0)
        return false;
    return e->kind > COUNTER_NORMAL && (e->kind != before || !counter_refused(e->kind));
}

static void check_counters(struct meter *m)
{
    for (size_t i = 0; i < m->counter_count; i++) {
        struct meter_counter *c = &m->counters[i];
        struct value *v = &m->values[c->point];
        if (v->reason != REASON_GOOD)
            continue;
        int64_t every = m->info.points[c->point].every_ns;
        struct counter_rule rule =
            counter_rule_for(m->info.points, c->point, m->values, every ? every : m->info.every_ns);
        struct counter_event event = counter_step(&c->state, &rule, v->number, m->time);
        if (counter_refused(event.kind))
            v->reason = REASON_COUNTER;
        if (worth_telling(&event, c->told)) {
            struct counter_note note = {&m->info, c->point, m->time, &event, &c->state};
            m->poller->hooks.counter(m->poller->hooks.arg, &note);
        }
        c->told = event.kind;
    }
}

// A cycle that is over, as it was read.
struct finished {
    const struct value *raw;
    const char *const *texts;
    bool maintenance;
};

static size_t count_good(const struct meter *m)
{
    size_t good = 0;
    for (size_t i = 0; i < m->info.n; i++)
        good += m->values[i].reason == REASON_GOOD;
    return good;
}

static void remember_good(struct meter *m)
{
    for (size_t i = 0; i < m->info.n; i++)
        if (m->raw[i].reason == REASON_GOOD)
            m->last[i] = m->raw[i];
}

// What a unit that is down does not say was said once, by its status.
static bool nothing_to_say(const struct meter *m)
{
    return count_good(m) == 0 && m->unit->health.state == HEALTH_DOWN;
}

static void hand_over(struct meter *m, const struct finished *f)
{
    struct poller *p = m->poller;
    if (count_good(m)) {
        m->stats.readings++;
        m->stats.last_success = m->time;
    }
    m->seq++;
    struct reading reading = {&m->info, m->time, p->epoch, m->seq, m->values, f->texts, f->maintenance};
    p->hooks.reading(p->hooks.arg, &reading);
}

// A value outside of what can be is withheld; somebody has to hear of it, for it may be the configuration.
static void complain_of_range(struct meter *m)
{
    const struct point *wrong = NULL;
    for (size_t i = 0; i < m->info.n && !wrong; i++)
        if (m->values[i].reason == REASON_OUT_OF_RANGE)
            wrong = &m->info.points[i];
    if (!wrong && !m->implausible.count)
        return;
    char subject[96];
    snprintf(subject, sizeof subject, "meter %s", m->info.name);
    if (wrong)
        complain(&m->implausible, mono_now(), LOG_LEVEL_WARNING, subject,
                 "%s is not plausible, it should lie within %.6g and %.6g %s: if it stays so, look at its "
                 "order, type, scale and unit",
                 wrong->name, wrong->min, wrong->max, unit_text(wrong->unit));
    else
        complaint_over(&m->implausible, subject, "all values are plausible again");
}

static void evaluate(struct meter *m, const struct finished *f, struct utc time)
{
    struct poller *p = m->poller;
    m->time = time;
    points_finish(m->info.points, m->info.n, f->raw, m->last, m->values);
    check_counters(m);
    complain_of_range(m);
    if (p->hooks.derive)
        p->hooks.derive(p->hooks.arg, &m->info, m->time, m->values);
}

// ---- While the clock is not set ----

// The receiver sees the hole.
static void lost_one(struct meter *m)
{
    m->seq++;
}

static struct utc wall_clock(const struct poller *p)
{
    return p->hooks.now ? p->hooks.now(p->hooks.arg) : utc_now();
}

static struct utc time_of(struct mono t, struct utc now)
{
    return (struct utc){now.ms - mono_since(mono_now(), t) / NS_PER_MS};
}

static void give_out(struct poller *p, struct utc now)
{
    struct held_cycle *c = held_take(&p->held);
    const struct finished f = {c->raw, (const char *const *)c->texts, c->maintenance};
    evaluate(c->meter, &f, time_of(c->middle, now));
    hand_over(c->meter, &f);
    free(c);
}

static void say_how_many(const struct poller *p)
{
    char text[UTC_TEXT];
    log_info("clock", "set, %s: %zu readings that waited for it go out, %llu had to go",
             utc_text(wall_clock(p), text), p->held.n, (unsigned long long)p->held.lost);
}

// Some hundreds take less than a poll should have to wait.
#define GIVEN_AT_ONCE 300
#define HELD_LOOK_NS  (200 * NS_PER_MS)

static void look_at_clock(struct timer *t, struct mono now)
{
    struct poller *p = (struct poller *)(void *)((char *)t - offsetof(struct poller, held.timer));
    struct utc utc = wall_clock(p);
    bool set = utc_plausible(utc);
    if (set && p->waits_for_clock)
        say_how_many(p);
    p->waits_for_clock = !set;
    for (int i = 0; set && p->held.n > 0 && i < GIVEN_AT_ONCE; i++)
        give_out(p, utc);
    if (p->held.n > 0)
        loop_timer(p->loop, t, mono_add(now, set ? 1 : HELD_LOOK_NS));
}

void poller_settle(struct poller *p)
{
    struct utc utc = wall_clock(p);
    while (p->held.n > 0 && utc_plausible(utc))
        give_out(p, utc);
}

struct poller_held poller_held(const struct poller *p)
{
    return (struct poller_held){p->held.n, p->held.lost};
}

static void hold_back(struct meter *m, struct mono middle)
{
    struct poller *p = m->poller;
    char text[UTC_TEXT];
    points_finish(m->info.points, m->info.n, m->raw, m->last, m->values); // for who looks
    m->time = (struct utc){0};
    remember_good(m);
    if (nothing_to_say(m))
        return;
    if (!held_put(&p->held, m, middle, lost_one))
        lost_one(m);
    if (timer_is_set(&p->held.timer))
        return;
    p->waits_for_clock = true;
    log_warning("clock", "not set (%s): readings are held back until it is", utc_text(wall_clock(p), text));
    p->held.timer.fire = look_at_clock;
    loop_timer(p->loop, &p->held.timer, mono_add(mono_now(), HELD_LOOK_NS));
}

void meter_finish(struct meter *m)
{
    struct mono middle = middle_of_cycle(m);
    struct utc now = wall_clock(m->poller);
    if (m->poller->held.n > 0 || !utc_plausible(now)) {
        hold_back(m, middle);
        return;
    }
    const struct finished f = {m->raw, (const char *const *)m->texts, m->maintenance};
    evaluate(m, &f, time_of(middle, now));
    remember_good(m);
    if (!nothing_to_say(m))
        hand_over(m, &f);
}
