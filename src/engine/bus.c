// SPDX-License-Identifier: Apache-2.0
// The table of who is fed by what: collected in any order, then sorted by source.
#include "engine/bus.h"

#include <stdlib.h>

bool bus_begin(struct bus *b, size_t sources)
{
    *b = (struct bus){.sources = sources};
    b->first = calloc(sources + 1, sizeof *b->first);
    return b->first != NULL;
}

static bool grow(struct bus *b)
{
    size_t room = b->room ? 2 * b->room : 64;
    struct wire *wires = reallocarray(b->wires, room, sizeof *wires);
    if (wires)
        b->wires = wires;
    uint32_t *of = wires ? reallocarray(b->of, room, sizeof *of) : NULL;
    if (!of)
        return false;
    b->of = of;
    b->room = room;
    return true;
}

bool bus_connect(struct bus *b, uint32_t source, struct wire wire)
{
    if (b->n == b->room && !grow(b))
        return false;
    b->of[b->n] = source;
    b->wires[b->n++] = wire;
    return true;
}

bool bus_connect_all(struct bus *b, const struct expression *e, struct expression_state *state,
                     uint32_t consumer)
{
    for (size_t i = 0; i < expression_slots(e); i++)
        if (!bus_connect(b, expression_source(e, i)->index, (struct wire){consumer, (uint32_t)i, state}))
            return false;
    return true;
}

bool bus_finish(struct bus *b)
{
    struct wire *sorted = calloc(b->n + 1, sizeof *sorted);
    uint32_t *at = calloc(b->sources + 1, sizeof *at);
    if (sorted && at) {
        for (size_t i = 0; i < b->n; i++)
            b->first[b->of[i] + 1]++;
        for (size_t i = 0; i < b->sources; i++)
            b->first[i + 1] += b->first[i];
        for (size_t i = 0; i < b->sources; i++)
            at[i] = b->first[i];
        for (size_t i = 0; i < b->n; i++)
            sorted[at[b->of[i]]++] = b->wires[i];
        free(b->wires);
        b->wires = sorted;
        sorted = NULL;
    }
    bool good = at && !sorted;
    free(sorted);
    free(at);
    free(b->of);
    b->of = NULL;
    return good;
}

void bus_free(struct bus *b)
{
    free(b->first);
    free(b->wires);
    free(b->of);
}
