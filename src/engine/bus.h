/* SPDX-License-Identifier: Apache-2.0 */
/* Who wants to know of which value: from a source's number to the slots of expressions it is fed into. */
#ifndef SYMBIONT_ENGINE_BUS_H
#define SYMBIONT_ENGINE_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/expression.h"

struct wire {
    uint32_t consumer; /* the owner's own number */
    uint32_t slot;
    struct expression_state *state;
};

struct bus {
    size_t sources;
    uint32_t *first; /* per source, and one more: its wires */
    struct wire *wires;
    size_t n, room;
    uint32_t *of; /* while it is being built: per wire its source */
};

/* False when memory is out, as all that return bool. */
bool bus_begin(struct bus *b, size_t sources);
bool bus_connect(struct bus *b, uint32_t source, struct wire wire);
/* Every slot of an expression. */
bool bus_connect_all(struct bus *b, const struct expression *e, struct expression_state *state,
                     uint32_t consumer);
bool bus_finish(struct bus *b);
void bus_free(struct bus *b);

static inline const struct wire *bus_wires(const struct bus *b, size_t source, size_t *n)
{
    *n = b->first[source + 1] - b->first[source];
    return b->wires + b->first[source];
}

#endif
