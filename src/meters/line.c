// SPDX-License-Identifier: Apache-2.0
// Opening the kind of line the settings name.
#include "symbiont/line.h"

struct line *line_open(const struct line_config *c, struct loop *loop, struct connect_gate *gate, char *why,
                       size_t why_size)
{
    if (c->tcp)
        return tcp_line_open(c, loop, gate, why, why_size);
    return serial_line_open(c, loop, why, why_size);
}

struct mono line_heartbeat(const struct line *l)
{
    return l->ops->heartbeat ? l->ops->heartbeat(l) : (struct mono){0};
}
