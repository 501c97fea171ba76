// SPDX-License-Identifier: Apache-2.0
// A rule's life: from what is fed to the states it goes through.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "rules/rule_inside.h"

// As for expressions: meters answer in their own order; what lies further back is a clock that was put right.
#define STEP_BACK_MS (5 * 60 * 1000)

// A clock that jumps by years must not keep the loop busy with every minute between: 69 days of minutes.
#define STEPS_MAX 100000

// What an evaluation says: of the condition while no alert stands, of the release while one does.
enum verdict {
    SLEEP, /* outside the schedule */
    NO,
    YES,
    LONG, /* yes, and for long enough */
};

static const uint8_t next_state[RULE_STATES][4] = {
    [RULE_ASLEEP] = {RULE_ASLEEP, RULE_IDLE, RULE_PENDING, RULE_ACTIVE},
    [RULE_IDLE] = {RULE_ASLEEP, RULE_IDLE, RULE_PENDING, RULE_ACTIVE},
    [RULE_PENDING] = {RULE_ASLEEP, RULE_IDLE, RULE_PENDING, RULE_ACTIVE},
    [RULE_ACTIVE] = {RULE_ASLEEP, RULE_ACTIVE, RULE_RELEASING, RULE_IDLE},
    [RULE_RELEASING] = {RULE_ASLEEP, RULE_ACTIVE, RULE_RELEASING, RULE_IDLE},
};

// ---- One evaluation ----

struct look {
    int64_t t;
    bool reading;      /* something was fed; else time went on */
    enum truth answer; /* TRUTH_UNKNOWN: nothing changes */
    enum alert_cause cause;
    bool alone; /* the answer goes on by itself, without waiting for a reading to confirm it */
};

static enum truth not_of(enum truth a)
{
    return a == TRUTH_UNKNOWN ? a : a == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

static enum truth ask(struct rule *r, bool stands, int64_t t)
{
    struct utc now = {t};
    r->condition = expression_truth(r->states[RULE_WHEN], now);
    if (!stands)
        return r->condition;
    return r->states[RULE_RELEASE] ? expression_truth(r->states[RULE_RELEASE], now) : not_of(r->condition);
}

// What the unknown counts as, by the rule's policy.
static void settle_unknown(struct rule *r, bool stands, struct look *l)
{
    struct rule_memory *m = &r->m;
    if (l->answer != TRUTH_UNKNOWN) {
        m->unknown_since = 0;
        return;
    }
    if (!m->unknown_since)
        m->unknown_since = l->t;
    bool alert = r->unknown == UNKNOWN_ALERT && l->t - m->unknown_since >= r->gap_ms;
    if (r->unknown == UNKNOWN_RELEASE)
        l->answer = stands ? TRUTH_TRUE : TRUTH_FALSE;
    else if (alert)
        l->answer = stands ? TRUTH_FALSE : TRUTH_TRUE;
    if (l->answer != TRUTH_UNKNOWN)
        l->cause = CAUSE_UNKNOWN;
}

static size_t asked(const struct rule *r, bool stands)
{
    return stands && r->states[RULE_RELEASE] ? RULE_RELEASE : RULE_WHEN;
}

static bool goes_on_alone(const struct rule *r, bool stands, const struct look *l)
{
    size_t which = asked(r, stands);
    return l->cause == CAUSE_UNKNOWN || (r->timed >> which & 1) ||
           !expression_anything_known(r->states[which], (struct utc){l->t});
}

// How long the present answer is shown to have held before t, as far as it was not counted yet.
static int64_t credit(const struct rule *r, bool running, const struct look *l)
{
    const struct rule_memory *m = &r->m;
    int64_t from = m->proof > m->changed ? m->proof : m->changed;
    int64_t length = l->t - from;
    if (!m->proof || length < 0 || m->state == RULE_ASLEEP)
        return 0;
    if (!l->reading)
        return running ? length : 0; // it became so just now
    return r->gap_ms && l->t - m->proof > r->gap_ms ? 0 : length;
}

static enum verdict judge(struct rule *r, bool stands, const struct look *l)
{
    struct rule_memory *m = &r->m;
    bool running = m->state == RULE_PENDING || m->state == RULE_RELEASING;
    if (l->answer == TRUTH_FALSE)
        return NO;
    int64_t more = l->reading || l->alone ? credit(r, running, l) : 0;
    if (!running) {
        m->run = 0;
        m->since = l->t - more;
    }
    m->run += more;
    int64_t wanted = stands ? r->release_for_ms : r->for_ms;
    // Samples are seldom exactly a period apart: the last of four quarters must not miss the hour by the few
    // milliseconds by which a poll came early.
    int64_t early = more / 10 < 1000 ? more / 10 : 1000;
    return m->run + (l->reading ? early : 0) >= wanted ? LONG : YES;
}

static void go_to(struct rule *r, enum rule_state to, const struct look *l)
{
    enum rule_state from = (enum rule_state)r->m.state;
    if (to == from)
        return;
    r->m.state = to;
    r->m.changed = l->t;
    if (rule_stands(to) && !rule_stands(from))
        rule_begin(r, l->t, l->cause);
    else if (rule_stands(from) && !rule_stands(to))
        rule_end(r, l->t, to == RULE_ASLEEP ? CAUSE_SCHEDULE : l->cause);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void plan_next(struct rule *r, bool alone, int64_t t)
{
    const struct rule_memory *m = &r->m;
    struct utc now = {t};
    bool stands = rule_stands(m->state);
    int64_t next = stands ? rule_reminder(r) : INT64_MAX;
    if (r->spans)
        next = earlier(next, rule_schedule_next(&r->schedule, now).ms);
    next = earlier(next, expression_next(r->states[RULE_WHEN], now).ms);
    if (stands && r->states[RULE_RELEASE])
        next = earlier(next, expression_next(r->states[RULE_RELEASE], now).ms);
    if (m->unknown_since && r->unknown == UNKNOWN_ALERT && t < m->unknown_since + r->gap_ms)
        next = earlier(next, m->unknown_since + r->gap_ms);
    if (alone && (m->state == RULE_PENDING || m->state == RULE_RELEASING))
        next = earlier(next, t + (stands ? r->release_for_ms : r->for_ms) - m->run);
    r->next = next > t ? next : t + 1;
}

// The whole of an evaluation at t.
static void step(struct rule *r, int64_t t, bool reading)
{
    struct rule_memory *m = &r->m;
    if (!r->started)
        rule_catch_up_words(r, t);
    bool stands = rule_stands(m->state);
    struct look l = {.t = t, .reading = reading, .cause = CAUSE_CONDITION};
    l.answer = ask(r, stands, t);
    settle_unknown(r, stands, &l);
    l.alone = l.answer != TRUTH_UNKNOWN && goes_on_alone(r, stands, &l);
    if (r->spans && !rule_schedule_has(&r->schedule, &r->calendar, (struct utc){t}))
        go_to(r, (enum rule_state)next_state[m->state][SLEEP], &l);
    else if (l.answer != TRUTH_UNKNOWN)
        go_to(r, (enum rule_state)next_state[m->state][judge(r, stands, &l)], &l);
    else if (m->state == RULE_ASLEEP)
        go_to(r, RULE_IDLE, &l);
    if (reading || l.alone || !m->proof)
        m->proof = t;
    if (rule_stands(m->state))
        rule_remind(r, t);
    m->now = r->evaluated = t;
    r->started = true;
    r->evaluations++;
    plan_next(r, l.alone, t);
}

// ---- Time ----

// The clock was put back: what was counted is counted anew, an alert that stands goes on standing.
static void clock_went_back(struct rule *r, int64_t t)
{
    struct rule_memory *m = &r->m;
    m->now = m->proof = m->changed = m->since = t;
    m->run = 0;
    m->unknown_since = m->unknown_since ? t : 0;
    int64_t *const past[] = {&m->told, &m->begin_told};
    for (size_t i = 0; i < 2; i++)
        if (*past[i] > t)
            *past[i] = t;
    r->next = t;
}

// Everything that is due before t (or at t), each at its own moment.
static void catch_up(struct rule *r, int64_t t, bool at_t)
{
    if (!r->started)
        return;
    if (t < r->m.now - STEP_BACK_MS)
        clock_went_back(r, t);
    for (unsigned n = 0; r->next < t || (at_t && r->next == t); n++) {
        if (n == STEPS_MAX) {
            r->next = t;
            n = 0;
            if (!at_t)
                return;
        }
        step(r, r->next, false);
    }
}

void rule_feed(struct rule *r, size_t input, struct utc t, double value)
{
    if (!r->fed) {
        catch_up(r, t.ms, false);
        r->fed = true;
    }
    for (uint32_t i = r->first_link[input]; i < r->first_link[input + 1]; i++)
        expression_feed(r->links[i].state, r->links[i].slot, t, value);
}

void rule_settle(struct rule *r, struct utc t)
{
    if (!r->fed)
        catch_up(r, t.ms, false);
    r->fed = false;
    step(r, t.ms > r->m.now || !r->started ? t.ms : r->m.now, true);
}

void rule_tick(struct rule *r, struct utc t)
{
    if (r->started)
        catch_up(r, t.ms, true);
    else
        step(r, t.ms, false);
}

void rule_prefetch(const struct rule *r, int stage)
{
    if (stage == 0) {
        for (size_t i = 0; i < offsetof(struct rule, config); i += 64)
            __builtin_prefetch((const char *)r + i, 1);
        return;
    }
    size_t which = asked(r, rule_stands(r->m.state));
    if (stage == 1) {
        __builtin_prefetch(r->first_link);
        __builtin_prefetch(r->links);
        expression_prefetch(r->states[RULE_WHEN]);
        if (which == RULE_RELEASE)
            expression_prefetch(r->states[RULE_RELEASE]);
    } else {
        expression_prefetch_windows(r->states[RULE_WHEN]);
        if (which == RULE_RELEASE)
            expression_prefetch_windows(r->states[RULE_RELEASE]);
    }
}

struct utc rule_next(const struct rule *r)
{
    return (struct utc){r->started ? r->next : INT64_MIN};
}

// ---- Making and asking ----

struct rule *rule_new(const struct rule_config *c, const struct expression_names *names,
                      const struct expression_calendar *calendar, const struct rule_hooks *hooks,
                      struct diagnostics *d)
{
    struct rule *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->config = c;
    r->calendar = calendar ? *calendar : (struct expression_calendar){0};
    r->hooks = hooks ? *hooks : (struct rule_hooks){0};
    r->m.state = RULE_IDLE;
    r->condition = TRUTH_UNKNOWN;
    if (rule_compile(r, names, d))
        return r;
    rule_free(r);
    return NULL;
}

void rule_free(struct rule *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < RULE_CONDITIONS; i++) {
        expression_state_free(r->states[i]);
        expression_free(r->programs[i]);
    }
    rule_text_free(&r->text);
    free(r->names);
    free(r->sources);
    free(r->links);
    free(r->first_link);
    free(r);
}

const struct rule_config *rule_config(const struct rule *r)
{
    return r->config;
}

size_t rule_inputs(const struct rule *r)
{
    return r->inputs;
}

const char *rule_input(const struct rule *r, size_t input)
{
    return r->names[input];
}

const struct expression_source *rule_input_source(const struct rule *r, size_t input)
{
    return r->sources[input];
}

double rule_input_value(const struct rule *r, size_t input, struct utc t)
{
    const struct rule_link *link = &r->links[r->first_link[input]];
    return expression_fed(link->state, link->slot, t);
}

void rule_health(const struct rule *r, struct rule_health *out)
{
    const struct rule_memory *m = &r->m;
    *out = (struct rule_health){.state = (enum rule_state)m->state,
                                .condition = r->condition,
                                .evaluated = {r->evaluated},
                                .unknown_since = {m->unknown_since},
                                .began = {rule_stands(m->state) ? m->began : 0},
                                .last_ended = {m->last_ended},
                                .evaluations = r->evaluations,
                                .alerts = (uint64_t)m->alerts,
                                .suppressed = (uint64_t)m->suppressed,
                                .active_ms = m->active_ms};
}
