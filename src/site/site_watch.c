// SPDX-License-Identifier: Apache-2.0
// Streams, needs and rules: compiled once to see that they are right.
#include <string.h>
#include "site/site_options.h"

// What comes without a reading (declared, by a schedule) is looked at each minute.
#define DECLARED_EVERY_MS 60000

// What is wrong only because a meter has errors of its own is not said again.
static void pass_on(void *arg, bool is_error, struct place at, const char *text)
{
    if (is_error)
        diag_error(arg, at, "%s", text);
    else
        diag_warning(arg, at, "%s", text);
}

static void check_stream(struct site *s, size_t i, struct diagnostics *d)
{
    const struct stream_config *c = site_stream(s, i);
    struct site_scope scope;
    struct diagnostics *found = diagnostics_new();
    struct expression_names names = site_names_for_stream(s, i, &scope);
    for (size_t k = 0; c->name && k < s->root->meters.n; k++)
        if (site_meter(s, k)->name && strcmp(site_meter(s, k)->name, c->name) == 0)
            diag_error(d, c->common.place, "stream \"%s\": a meter has the same name", c->name);
    struct stream *compiled = found ? stream_new(c, &names, &s->calendar, NULL, found) : NULL;
    if (!scope.blocked && found)
        diag_each(found, pass_on, d);
    diagnostics_free(found);
    if (!compiled)
        return;
    s->stream_every_ms[i] = stream_inputs(compiled) ? stream_every_ms(compiled) : DECLARED_EVERY_MS;
    stream_free(compiled);
}

static void check_rule(const struct site *s, size_t i, struct diagnostics *d)
{
    struct site_scope scope;
    struct expression_names names = site_names_for_rules(s, &scope);
    struct diagnostics *found = diagnostics_new();
    if (found)
        rule_free(rule_new(site_rule(s, i), &names, &s->calendar, NULL, found));
    if (found && !scope.blocked)
        diag_each(found, pass_on, d);
    diagnostics_free(found);
}

void site_watch_check(struct site *s, struct diagnostics *d)
{
    for (size_t i = 0; i < s->root->streams.n; i++)
        check_stream(s, i, d);
    for (size_t i = 0; i < s->root->needs.n; i++) {
        struct need need;
        need_compile((const struct need_config *)s->root->needs.items + i, &need, d);
    }
    for (size_t i = 0; i < s->root->rules.n; i++)
        check_rule(s, i, d);
}
