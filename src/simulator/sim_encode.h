/* SPDX-License-Identifier: Apache-2.0 */
/* A number into the form a register can take, with what the point's dependencies do to it taken back. */
#ifndef SIM_ENCODE_H
#define SIM_ENCODE_H

#include "sim_layout.h"

static inline bool sim_in_registers(const struct point *p)
{
    return p->type != POINT_DERIVED;
}

/* A bit, a byte, a masked field: shares its register with others. */
static inline bool sim_is_part(const struct point *p)
{
    return p->table >= TABLE_HOLDING &&
           (p->mask || p->type == POINT_BOOL || p->type == POINT_LOW_BYTE || p->type == POINT_HIGH_BYTE);
}

/* A dependency, as far as the point has any. */
static inline uint16_t sim_depends(const struct point *p, uint16_t on)
{
    return p->rank ? on : POINT_NONE;
}

static inline bool sim_overlap(const struct point *a, const struct point *b)
{
    return a->table == b->table && a->address < b->address + b->words && b->address < a->address + a->words;
}

/* A map without a point for the code: the point's own code is replaced by the factor. */
static inline bool sim_has_own_map(const struct point *p)
{
    return p->factor_count && (p->rank == 0 || p->factor_point == POINT_NONE);
}

/* point_encode, and back through such a map. */
bool sim_encode(const struct point *p, double value, uint8_t *data);

/* What the point's exponent and unit code multiply it with, as chosen. */
double sim_multiplier(const struct sim_layout *l, const struct point *p);

/* The value that sim_encode, which knows nothing of dependencies, must be given. */
double sim_plain(const struct sim_layout *l, const struct point *p, double value);

/* Does this place lie across a point, not at it? */
bool sim_is_astride(const struct device *d, const struct point *p);

#endif
