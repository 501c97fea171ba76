// SPDX-License-Identifier: Apache-2.0
// What a rule tells: that an alert began, that it stands, that it ended, and what is kept back.
#include <stdio.h>
#include <string.h>
#include "rules/rule_inside.h"

// After a process that did not end in order, an end is told again if it was told this short a time ago: its
// message may have been lost with the process.
#define RECENT_MS 3600000

static int64_t milliseconds(int64_t ns)
{
    return ns / NS_PER_MS;
}

static void tell(struct rule *r, enum alert_kind kind, enum alert_cause cause, int64_t t)
{
    struct rule_memory *m = &r->m;
    char text[RULE_TEXT_MAX], lasted[32];
    size_t at = 0;
    int64_t lasted_ms = t > m->began ? t - m->began : 0;
    if (kind == ALERT_ENDED) {
        rule_text_duration(lasted_ms, lasted, sizeof lasted);
        at = (size_t)snprintf(text, sizeof text, "over after %s: ", lasted);
    }
    rule_text_write(&r->text, (struct utc){t}, text + at, sizeof text - at);
    const struct alert a = {.rule = r,
                            .name = r->config->name,
                            .severity = (enum severity)r->config->severity,
                            .kind = kind,
                            .cause = cause,
                            .time = {t},
                            .began = {m->began},
                            .since = {m->held_since},
                            .lasted_ms = lasted_ms,
                            .suppressed = (uint64_t)m->kept_back,
                            .text = text};
    m->kept_back = 0;
    if (r->hooks.alert)
        r->hooks.alert(r->hooks.arg, &a);
}

static bool too_soon(const struct rule *r, int64_t t)
{
    int64_t limit = milliseconds(r->config->at_most_every_ns);
    return limit && r->m.begin_told && t < r->m.begin_told + limit;
}

static void tell_beginning(struct rule *r, int64_t t, enum alert_cause cause)
{
    r->m.told = r->m.begin_told = t;
    tell(r, ALERT_BEGAN, cause, t);
}

void rule_begin(struct rule *r, int64_t t, enum alert_cause cause)
{
    struct rule_memory *m = &r->m;
    m->alerts++;
    m->began = t;
    m->held_since = m->since;
    m->told = 0;
    if (!too_soon(r, t)) {
        tell_beginning(r, t, cause);
    } else {
        m->suppressed++;
        m->kept_back++;
    }
}

void rule_end(struct rule *r, int64_t t, enum alert_cause cause)
{
    struct rule_memory *m = &r->m;
    m->active_ms += t > m->began ? t - m->began : 0;
    m->last_ended = t;
    if (m->told)
        tell(r, ALERT_ENDED, cause, t);
}

int64_t rule_reminder(const struct rule *r)
{
    const struct rule_memory *m = &r->m;
    if (!rule_stands(m->state))
        return INT64_MAX;
    if (!m->told)
        return m->begin_told + milliseconds(r->config->at_most_every_ns);
    return r->config->repeat_ns ? m->told + milliseconds(r->config->repeat_ns) : INT64_MAX;
}

void rule_remind(struct rule *r, int64_t t)
{
    struct rule_memory *m = &r->m;
    if (t < rule_reminder(r))
        return;
    if (!m->told) {
        m->suppressed--; // late, but told
        m->kept_back--;
        tell_beginning(r, t, CAUSE_CONDITION);
    } else {
        m->told = t;
        tell(r, ALERT_STANDS, CAUSE_CONDITION, t);
    }
}

void rule_catch_up_words(struct rule *r, int64_t t)
{
    struct rule_memory *m = &r->m;
    if (r->old_stands) {
        rule_end(r, t, CAUSE_CHANGED);
    } else if (r->unsure && m->told && rule_stands(m->state)) {
        m->told = t;
        tell(r, ALERT_STANDS, CAUSE_CONDITION, t);
    } else if (r->unsure && m->told && m->last_ended && t - m->last_ended < RECENT_MS) {
        int64_t ended = m->last_ended;
        tell(r, ALERT_ENDED, CAUSE_CONDITION, ended);
    }
    r->old_stands = r->unsure = false;
}
