// SPDX-License-Identifier: Apache-2.0
// What the ledger knows of each stream: a report must be able to name one that is gone from the
// configuration.
#include "store/ledger_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/text.h"

void ledger_free_what(struct ledger_stream *w)
{
    const char **all[] = {&w->name,       &w->title, &w->resource,    &w->direction,
                          &w->provenance, &w->unit,  &w->amount_unit, &w->code};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        union {
            const char *read;
            char *own;
        } text = {.read = *all[i]};
        free(text.own);
        *all[i] = NULL;
    }
}

bool ledger_copy_what(struct ledger_stream *to, const struct ledger_stream *from)
{
    *to = (struct ledger_stream){.number = from->number,
                                 .name = text_dup(from->name),
                                 .title = text_dup(from->title),
                                 .resource = text_dup(from->resource ? from->resource : ""),
                                 .direction = text_dup(from->direction ? from->direction : ""),
                                 .provenance = text_dup(from->provenance ? from->provenance : ""),
                                 .unit = text_dup(from->unit ? from->unit : ""),
                                 .amount_unit = text_dup(from->amount_unit ? from->amount_unit : ""),
                                 .code = text_dup(from->code)};
    return to->name && to->resource && to->direction && to->provenance && to->unit && to->amount_unit;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_what(const struct ledger_stream *a, const struct ledger_stream *b)
{
    return same_text(a->title, b->title) && same_text(a->resource, b->resource) &&
           same_text(a->direction, b->direction) && same_text(a->provenance, b->provenance) &&
           same_text(a->unit, b->unit) && same_text(a->amount_unit, b->amount_unit) &&
           same_text(a->code, b->code);
}

bool ledger_more_entries(struct ledger *l, size_t n)
{
    if (n > LEDGER_STREAMS_MAX)
        return false;
    if (n <= l->n_entries)
        return true;
    struct entry *more = realloc(l->entries, n * sizeof *more);
    if (!more)
        return false;
    memset(more + l->n_entries, 0, (n - l->n_entries) * sizeof *more);
    l->entries = more;
    l->n_entries = n;
    return true;
}

int ledger_stream(struct ledger *l, const struct ledger_stream *what)
{
    int number = -1;
    pthread_mutex_lock(&l->lock);
    size_t i = 0;
    while (i < l->n_entries && !(l->entries[i].what.name && strcmp(l->entries[i].what.name, what->name) == 0))
        i++;
    struct ledger_stream copy;
    if (i < l->n_entries && same_what(&l->entries[i].what, what)) {
        number = (int)i + 1;
    } else if (ledger_more_entries(l, i + 1) && ledger_copy_what(&copy, what)) {
        ledger_free_what(&l->entries[i].what);
        l->entries[i].what = copy;
        l->entries[i].what.number = number = (int)i + 1;
        l->entries[i].changed = true;
    }
    pthread_mutex_unlock(&l->lock);
    return number;
}

void ledger_describe(const struct stream *s, struct ledger_stream *out, char code[static 12])
{
    const struct stream_config *c = stream_config(s);
    snprintf(code, 12, "%s", c->waste_code ? c->waste_code : "");
    *out = (struct ledger_stream){.name = c->name,
                                  .title = c->title,
                                  .resource = resource_word((enum resource)c->resource),
                                  .direction = direction_word((enum direction)c->direction),
                                  .provenance = provenance_word(stream_provenance(s)),
                                  .unit = unit_text(stream_unit(s)),
                                  .amount_unit = unit_text(stream_amount_unit(s)),
                                  .code = c->waste_code ? code : NULL};
}

void ledger_streams(struct ledger *l, void (*each)(void *arg, const struct ledger_stream *s), void *arg)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->n_entries; i++)
        if (l->entries[i].what.name)
            each(arg, &l->entries[i].what);
    pthread_mutex_unlock(&l->lock);
}
