// SPDX-License-Identifier: Apache-2.0
// Streams, needs and rules: compiled once to see that they are right.
#include <string.h>
#include "site/site_options.h"

// What comes without a reading (declared, by a schedule) is looked at each minute.
#define DECLARED_EVERY_MS 60000

static void check_stream(struct site *s, size_t i, struct diagnostics *d)
{
    const struct stream_config *c = site_stream(s, i);
    struct site_scope scope;
    struct expression_names names = site_names_for_stream(s, i, &scope);
    for (size_t k = 0; c->name && k < s->root->meters.n; k++)
        if (site_meter(s, k)->name && strcmp(site_meter(s, k)->name, c->name) == 0)
            diag_error(d, c->common.place, "stream \"%s\": a meter has the same name", c->name);
    struct stream *compiled = stream_new(c, &names, &s->calendar, NULL, d);
    if (!compiled)
        return;
    s->stream_every_ms[i] = stream_inputs(compiled) ? stream_every_ms(compiled) : DECLARED_EVERY_MS;
    stream_free(compiled);
}

void site_watch_check(struct site *s, struct diagnostics *d)
{
    struct site_scope scope;
    for (size_t i = 0; i < s->root->streams.n; i++)
        check_stream(s, i, d);
    for (size_t i = 0; i < s->root->needs.n; i++) {
        struct need need;
        need_compile((const struct need_config *)s->root->needs.items + i, &need, d);
    }
    struct expression_names names = site_names_for_rules(s, &scope);
    for (size_t i = 0; i < s->root->rules.n; i++)
        rule_free(rule_new(site_rule(s, i), &names, &s->calendar, NULL, d));
}
