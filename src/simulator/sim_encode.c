// SPDX-License-Identifier: Apache-2.0
// Numbers back through maps, exponents and unit codes.
#include "sim_encode.h"

#include <math.h>

bool sim_encode(const struct point *p, double value, uint8_t *data)
{
    if (!sim_has_own_map(p))
        return point_encode(p, value, data);
    struct point code = *p;
    code.factor = code.divisor = 1;
    code.offset = 0;
    double wanted = (value - p->offset) * (p->divisor == 0 ? 1 : p->divisor) / p->factor;
    for (size_t i = 0; i < p->factor_count; i++)
        if (p->factor_map[i].factor == wanted)
            return point_encode(&code, (double)p->factor_map[i].code, data);
    return false;
}

static double exponent_factor(const struct sim_layout *l, const struct point *p)
{
    uint16_t on = sim_depends(p, p->exponent_point);
    return on == POINT_NONE ? 1 : pow(10, l->rules[on].value * (p->exponent_sign < 0 ? -1 : 1));
}

static double code_factor(const struct sim_layout *l, const struct point *p)
{
    uint16_t on = sim_depends(p, p->factor_point);
    for (size_t i = 0; on != POINT_NONE && i < p->factor_count; i++)
        if ((double)p->factor_map[i].code == l->rules[on].value)
            return p->factor_map[i].factor;
    return 1;
}

double sim_multiplier(const struct sim_layout *l, const struct point *p)
{
    return exponent_factor(l, p) * code_factor(l, p);
}

double sim_plain(const struct sim_layout *l, const struct point *p, double value)
{
    if (!p->rank)
        return value;
    return (value - p->offset) / (sim_multiplier(l, p)) + p->offset;
}

bool sim_is_astride(const struct device *d, const struct point *p)
{
    for (size_t i = 0; i < d->n && !sim_is_part(p); i++) {
        const struct point *q = &d->points[i];
        if (sim_in_registers(q) && !sim_is_part(q) && sim_overlap(q, p) &&
            (q->address != p->address || q->words != p->words))
            return true;
    }
    return false;
}
