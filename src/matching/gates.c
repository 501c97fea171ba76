// SPDX-License-Identifier: Apache-2.0
// Gates that every match passes: who may be matched with whom, and limits on any parameter.
#include <math.h>
#include <string.h>
#include "matching/inside.h"
#include "symbiont/units.h"

static void note(struct outcome *o, enum gate_result r, const struct gate_value *g)
{
    o->refused = o->refused || (r == GATE_FAIL && g->hard);
    o->unknown = o->unknown || r == GATE_UNKNOWN;
    if (!o->gates || o->gate_count == OUTCOME_GATES)
        return;
    struct match_gate *to = &o->gates[o->gate_count++];
    *to = (struct match_gate){.name = g->name,
                              .result = r,
                              .hard = g->hard,
                              .value = span_of(g->value),
                              .limit = {g->low, g->high},
                              .unit = g->unit ? g->unit : "",
                              .reason = (uint16_t)g->reason,
                              .severity = r == GATE_PASS ? g->severity * 0.5 : g->severity};
    if (g->parameter)
        strncat(to->parameter, g->parameter, sizeof to->parameter - 1);
}

void gate_say(struct outcome *o, enum gate_result r, const struct gate_value *g)
{
    note(o, r, g);
}

void gate_tell(struct outcome *o, enum gate_result r, const char *name, const char *parameter,
               enum reason reason, bool hard, double value, double low, double high, const char *unit,
               double severity)
{
    note(o, r,
         &(struct gate_value){.name = name,
                              .parameter = parameter,
                              .reason = reason,
                              .hard = hard,
                              .value = value,
                              .low = low,
                              .high = high,
                              .unit = unit,
                              .severity = severity});
}

// Far below a rounding error of any figure that people gave.
static bool beyond(double value, double limit)
{
    return value > limit + 1e-9 * fmax(1, fabs(limit));
}

enum gate_result gate_judge(struct outcome *o, const struct gate_value *g)
{
    enum gate_result r = isnan(g->value)                                         ? GATE_UNKNOWN
                         : beyond(g->value, g->high) || beyond(g->low, g->value) ? GATE_FAIL
                                                                                 : GATE_PASS;
    note(o, r, g);
    return r;
}

static bool listed(const char (*list)[OFFER_WORD], uint8_t n, const char *pseudonym)
{
    for (uint8_t i = 0; i < n; i++)
        if (strcmp(list[i], pseudonym) == 0)
            return true;
    return false;
}

static bool in_audience(const struct party *p, const struct party *other)
{
    return !p->audience_count || listed(p->audience, p->audience_count, other->pseudonym);
}

static bool valid(const struct party *p, struct utc now)
{
    return p->valid_from.ms <= now.ms && (!p->valid_until.ms || now.ms < p->valid_until.ms);
}

// A gate of yes or no.
static void refuse_when(bool bad, struct outcome *o, const char *name, enum reason reason)
{
    if (bad)
        gate_say(o, GATE_FAIL,
                 &(struct gate_value){.name = name,
                                      .reason = reason,
                                      .hard = true,
                                      .value = NAN,
                                      .low = NAN,
                                      .high = NAN,
                                      .severity = 1});
}

bool gates_common(const struct pairing *p, struct outcome *o)
{
    const struct party *a = p->offer, *b = p->need;
    refuse_when(a->role != ROLE_OFFER || b->role != ROLE_NEED, o, "role", REASON_ROLE);
    refuse_when(a->resource != b->resource, o, "resource", REASON_RESOURCE);
    refuse_when(a->pseudonym[0] && strcmp(a->pseudonym, b->pseudonym) == 0, o, "site", REASON_SAME_SITE);
    refuse_when(listed(a->blocked, a->blocked_count, b->pseudonym) ||
                    listed(b->blocked, b->blocked_count, a->pseudonym),
                o, "blocked", REASON_BLOCKED);
    refuse_when(!in_audience(a, b) || !in_audience(b, a), o, "audience", REASON_AUDIENCE);
    refuse_when(!valid(a, p->now) || !valid(b, p->now), o, "validity", REASON_VALID);
    refuse_when(p->now.ms < a->embargo_until.ms || p->now.ms < b->embargo_until.ms, o, "embargo",
                REASON_EMBARGO);
    refuse_when(a->level < DISCLOSE_BANDS || b->level < DISCLOSE_BANDS, o, "level", REASON_LEVEL);
    return !o->refused;
}

const struct offer_parameter *party_parameter(const struct party *p, const char *name)
{
    for (uint8_t i = 0; i < p->parameter_count; i++)
        if (strcmp(p->parameters[i].name, name) == 0)
            return &p->parameters[i];
    return NULL;
}

// Parameters that say something else than a limit.
static bool is_special(const char *name)
{
    static const char *const words[] = {"cycles", "contract_end", "pressure"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(name, words[i]) == 0)
            return true;
    return strncmp(name, "basin_", 6) == 0;
}

// The same quantity in two units. False: they cannot be compared.
static bool converted(const char *from, const char *to, double *value)
{
    double factor, offset;
    if (strcmp(from, to) == 0 || !from[0] || !to[0])
        return true;
    const struct unit *f = unit_find(from), *t = unit_find(to);
    if (!f || !t || !unit_conversion(f, t, &factor, &offset))
        return false;
    *value = *value * factor + offset;
    return true;
}

void gates_parameters(const struct pairing *p, enum corner c, struct outcome *o,
                      enum gate_result (*excess)(void *arg, const struct excess *e), void *arg)
{
    for (uint8_t i = 0; i < p->need->parameter_count; i++) {
        const struct offer_parameter *want = &p->need->parameters[i];
        if (is_special(want->name))
            continue;
        const struct offer_parameter *has = party_parameter(p->offer, want->name);
        struct gate_value g = {.name = "quality",
                               .parameter = want->name,
                               .unit = want->unit,
                               .reason = REASON_PARAMETER,
                               .value = NAN,
                               .low = want->value.low,
                               .high = want->value.high,
                               .severity = 0.3};
        double high = has ? span_less(has->value, c) : NAN, low = has ? span_more(has->value, c) : NAN;
        if (!has || !span_said(has->value) || !converted(has->unit, want->unit, &high) ||
            !converted(has->unit, want->unit, &low)) {
            g.reason = REASON_PARAMETER_UNSAID;
            gate_say(o, GATE_UNKNOWN, &g);
            continue;
        }
        struct excess e = {.name = want->name};
        if (beyond(high, g.high)) {
            e.value = g.value = high;
            e.limit = g.high;
        } else if (beyond(g.low, low)) {
            e.value = g.value = low;
            e.limit = g.low;
            e.low = true;
        } else {
            g.value = isfinite(g.high) ? high : low;
            g.severity = 0;
            gate_say(o, GATE_PASS, &g);
            continue;
        }
        enum gate_result r = excess ? excess(arg, &e) : GATE_FAIL;
        g.hard = r == GATE_FAIL;
        g.severity = g.hard ? 1 : 0.5;
        gate_say(o, GATE_FAIL, &g);
    }
}
