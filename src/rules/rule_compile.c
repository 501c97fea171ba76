// SPDX-License-Identifier: Apache-2.0
// From a rule's settings to its programs and the table of its inputs.
#include <stdlib.h>
#include <string.h>
#include "rules/rule_inside.h"
#include "symbiont/pack.h"

static struct expression *compile_condition(struct rule *r, const char *what, const char *text,
                                            const struct expression_names *names, struct diagnostics *d)
{
    static const struct expression_wanted truth = {.unit = NULL};
    struct expression_error error;
    struct expression *e = expression_compile(text, names, &r->calendar, &truth, &error);
    if (!e)
        diag_error(d, r->config->common.place, "rule \"%s\": %s, column %d: %s", r->config->name, what,
                   error.column, error.text);
    return e;
}

static bool compile_conditions(struct rule *r, const struct expression_names *names, struct diagnostics *d)
{
    const struct rule_config *c = r->config;
    r->programs[RULE_WHEN] = compile_condition(r, "when", c->when, names, d);
    bool good = r->programs[RULE_WHEN] != NULL;
    if (c->release) {
        r->programs[RULE_RELEASE] = compile_condition(r, "release", c->release, names, d);
        good &= r->programs[RULE_RELEASE] != NULL;
    }
    for (size_t i = 0; good && i < RULE_CONDITIONS; i++)
        if (r->programs[i] && !(r->states[i] = expression_state_new(r->programs[i])))
            good = false;
    return good;
}

static bool compile_schedule(struct rule *r, struct diagnostics *d)
{
    bool good = true;
    char why[300];
    for (size_t i = 0; i < r->config->schedule.n; i++)
        if (!rule_schedule_parse(&r->schedule, r->config->schedule.items[i], why, sizeof why)) {
            diag_error(d, r->config->common.place, "rule \"%s\": schedule: %s", r->config->name, why);
            good = false;
        }
    return good;
}

static bool compile_text(struct rule *r, const struct expression_names *names, struct diagnostics *d)
{
    const struct rule_config *c = r->config;
    char why[400];
    if (rule_text_compile(&r->text, c->alert ? c->alert : c->when, names, &r->calendar, why, sizeof why))
        return true;
    diag_error(d, c->common.place, "rule \"%s\": alert: %s", c->name, why);
    return false;
}

// ---- Inputs ----

// The i-th of conditions and values, with the state that goes with it; NULL: none there.
static const struct expression *expression_of(const struct rule *r, size_t i, struct expression_state **state)
{
    if (i < RULE_CONDITIONS) {
        *state = r->states[i];
        return r->programs[i];
    }
    i -= RULE_CONDITIONS;
    *state = i < r->text.n ? r->text.parts[i].state : NULL;
    return i < r->text.n ? r->text.parts[i].value : NULL;
}

static size_t expressions_of(const struct rule *r)
{
    return RULE_CONDITIONS + r->text.n;
}

static size_t find_input(const struct rule *r, const char *name)
{
    size_t i = 0;
    while (i < r->inputs && strcmp(r->names[i], name) != 0)
        i++;
    return i;
}

static bool count_slots(const struct rule *r, size_t *slots)
{
    struct expression_state *state;
    *slots = 0;
    for (size_t i = 0; i < expressions_of(r); i++) {
        const struct expression *e = expression_of(r, i, &state);
        *slots += e ? expression_slots(e) : 0;
    }
    return *slots <= UINT16_MAX;
}

static void note_input(struct rule *r, const struct expression *e, size_t slot, bool condition)
{
    const struct expression_source *source = expression_source(e, slot);
    size_t input = find_input(r, expression_name(e, slot));
    if (input == r->inputs) {
        r->names[input] = expression_name(e, slot);
        r->sources[input] = source;
        r->inputs++;
    }
    if (condition && source->hold_ms > r->gap_ms)
        r->gap_ms = source->hold_ms;
}

static bool link_inputs(struct rule *r)
{
    size_t slots, n = 0;
    struct expression_state *state;
    if (!count_slots(r, &slots))
        return false;
    r->names = calloc(slots + 1, sizeof *r->names);
    r->sources = calloc(slots + 1, sizeof *r->sources);
    r->links = calloc(slots + 1, sizeof *r->links);
    r->first_link = calloc(slots + 2, sizeof *r->first_link);
    if (!r->names || !r->sources || !r->links || !r->first_link)
        return false;
    for (size_t i = 0; i < expressions_of(r); i++) {
        const struct expression *e = expression_of(r, i, &state);
        for (size_t k = 0; e && k < expression_slots(e); k++)
            note_input(r, e, k, i < RULE_CONDITIONS);
    }
    for (size_t input = 0; input < r->inputs; input++) {
        for (size_t i = 0; i < expressions_of(r); i++) {
            const struct expression *e = expression_of(r, i, &state);
            for (size_t k = 0; e && k < expression_slots(e); k++)
                if (strcmp(expression_name(e, k), r->names[input]) == 0)
                    r->links[n++] = (struct rule_link){(uint16_t)input, (uint16_t)k, state};
        }
        r->first_link[input + 1] = (uint32_t)n;
    }
    return true;
}

// ---- What it means ----

static uint64_t definition_of(const struct rule_config *c)
{
    uint64_t hash = fnv1a_text(fnv1a_text(FNV_BASIS, c->when), c->release);
    for (size_t i = 0; i < c->schedule.n; i++)
        hash = fnv1a_text(hash, c->schedule.items[i]);
    const int64_t numbers[] = {c->for_ns, c->release_for_ns, c->unknown};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        hash = (hash ^ (uint64_t)numbers[i]) * UINT64_C(0x100000001b3);
    return hash;
}

bool rule_compile(struct rule *r, const struct expression_names *names, struct diagnostics *d)
{
    const struct rule_config *c = r->config;
    if (!c->name || !c->when)
        return false; // said where the group is read
    bool good = compile_conditions(r, names, d);
    good &= compile_schedule(r, d);
    good &= compile_text(r, names, d);
    r->definition = definition_of(c);
    r->for_ms = c->for_ns / NS_PER_MS;
    r->release_for_ms = c->release_for_ns / NS_PER_MS;
    r->unknown = (enum unknown_policy)c->unknown;
    r->spans = r->schedule.n;
    for (size_t i = 0; i < RULE_CONDITIONS; i++)
        if (r->programs[i] && expression_timed(r->programs[i]))
            r->timed |= UINT64_C(1) << i;
    return good && link_inputs(r);
}
