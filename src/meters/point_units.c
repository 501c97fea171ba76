// SPDX-License-Identifier: Apache-2.0
// What a point's number means: unit, scale, ratio, limits.
#include <math.h>
#include "meters/compile.h"

// ---- Units ----

static const struct unit *find_unit(struct compile *c, const struct point_config *k, const char *setting,
                                    const char *text)
{
    const struct unit *unit = unit_find(text);
    const char *near = unit ? NULL : unit_nearest(text);
    if (!unit && near)
        compile_error(c, k, "the %s \"%s\" is not known; did you mean \"%s\"?", setting, text, near);
    else if (!unit)
        compile_error(c, k, "the %s \"%s\" is not known; docs/names.md lists the units", setting, text);
    return unit;
}

static void wrong_dimension(struct compile *c, const struct point_config *k, const struct point *p,
                            const char *setting, const struct unit *unit)
{
    const struct unit *wanted = unit_find(p->quantity->unit);
    if (*p->quantity->unit)
        compile_error(c, k, "the %s \"%s\" is a %s; %s is a %s, such as \"%s\"", setting, unit_text(unit),
                      unit_dimension(unit), p->quantity->name, unit_dimension(wanted), p->quantity->unit);
    else
        compile_error(c, k, "the %s \"%s\" is a %s; %s has no unit", setting, unit_text(unit),
                      unit_dimension(unit), p->quantity->name);
}

// Sets p->unit. False when it cannot be.
static bool find_published(struct compile *c, const struct point_config *k, const char *setting,
                           const char *text, struct point *p)
{
    const struct unit *standard = unit_find(p->quantity->unit);
    p->unit = text ? find_unit(c, k, setting, text) : standard;
    if (!p->unit)
        return false;
    if (standard && unit_compatible(p->unit, standard))
        return true;
    wrong_dimension(c, k, p, setting, p->unit);
    return false;
}

// published = value_in_unit * *factor + *offset
static bool find_conversion(struct compile *c, const struct point_config *k, struct point *p, double *factor,
                            double *offset)
{
    if (!k->unit && *p->quantity->unit) {
        compile_error(c, k, "\"unit\" is missing: what the registers give, such as \"%s\"",
                      p->quantity->unit);
        return false;
    }
    const struct unit *from = find_unit(c, k, "unit", k->unit ? k->unit : "");
    if (!find_published(c, k, "publish_unit", k->publish_unit, p) || !from)
        return false;
    if (unit_conversion(from, p->unit, factor, offset))
        return true;
    wrong_dimension(c, k, p, "unit", from);
    return false;
}

static double ratio_of(const struct compile *c, const struct point_config *k)
{
    double ct = c->request->ct_ratio == 0 ? 1 : c->request->ct_ratio;
    double vt = c->request->vt_ratio == 0 ? 1 : c->request->vt_ratio;
    switch ((enum ratio)k->ratio) {
    case RATIO_CT:
        return ct;
    case RATIO_VT:
        return vt;
    case RATIO_POWER:
        return ct * vt;
    case RATIO_NONE:
        break;
    }
    return 1;
}

// ---- Limits ----

// The vocabulary's, for what is not given. Given ones are in `unit`: times factor plus offset.
static void find_limits(struct compile *c, const struct point_config *k, struct point *p, double factor,
                        double offset)
{
    const struct quantity *q = p->quantity;
    double to_unit = 1, to_offset = 0;
    p->min = -INFINITY;
    p->max = INFINITY;
    if (q->min < q->max && unit_conversion(unit_find(q->unit), p->unit, &to_unit, &to_offset)) {
        p->min = q->min * to_unit + to_offset;
        p->max = q->max * to_unit + to_offset;
    }
    if (POINT_GIVEN(k, min))
        p->min = k->min * factor + offset;
    if (POINT_GIVEN(k, max))
        p->max = k->max * factor + offset;
    if (p->min > p->max)
        compile_error(
            c, k, "its smallest plausible value is above its largest%s",
            POINT_GIVEN(k, min) && POINT_GIVEN(k, max) ? "" : ", which is the vocabulary's for the quantity");
}

static void find_counter(struct compile *c, const struct point_config *k, struct point *p, double factor)
{
    const char *setting = POINT_GIVEN(k, modulus) ? "modulus" : POINT_GIVEN(k, max_rate) ? "max_rate" : NULL;
    if (setting && p->quantity->kind != QUANTITY_COUNTER)
        compile_error(c, k, "\"%s\" is for totals that only grow; %s is none", setting, p->quantity->name);
    p->modulus = k->modulus * fabs(factor);
    p->max_rate = k->max_rate * fabs(factor) / 3600;
}

static void find_integer(struct compile *c, const struct point_config *k, struct point *p)
{
    bool bits = p->type == POINT_BOOL || p->type == POINT_BITS16 || p->type == POINT_BITS32;
    bool whole = p->type != POINT_FLOAT32 && p->type != POINT_FLOAT64 && p->type < POINT_T5 &&
                 p->divisor == 1 && p->factor == nearbyint(p->factor) && p->offset == nearbyint(p->offset);
    // InfluxDB fixes a field's type at its first value, for all meters that have the field: codes and flags
    // are integers in every profile, so that a "status" of one meter does not shut out the "status" of
    // another.
    bool code = p->quantity->kind == QUANTITY_STATE;
    p->integer = POINT_GIVEN(k, integer) ? k->integer : (bits || code) && whole;
    if (p->integer && !whole)
        compile_error(c, k, "\"integer\" is for whole numbers, and this value is not always one");
}

static void find_factors(struct compile *c, const struct point_config *k, struct point *p)
{
    const struct factor_config *rows = k->factors.items;
    struct code_factor *map = k->factors.n ? compile_alloc(c, k->factors.n * sizeof *map) : NULL;
    if (!map)
        return;
    for (size_t i = 0; i < k->factors.n; i++) {
        map[i] = (struct code_factor){rows[i].code, rows[i].factor};
        for (size_t j = 0; j < i; j++)
            if (map[j].code == map[i].code)
                compile_error(c, k, "\"factors\" has the code %lld twice", (long long)map[i].code);
    }
    p->factor_map = map;
    p->factor_count = k->factors.n;
}

// ---- The two kinds of points ----

void compile_number(struct compile *c, const struct point_config *k, struct point *p)
{
    double to_unit, to_offset, ratio = ratio_of(c, k);
    if (k->scale == 0)
        compile_error(c, k, "a scale of 0 makes every reading the same");
    if (!find_conversion(c, k, p, &to_unit, &to_offset))
        return;
    point_scale(p, k->scale * ratio * to_unit, k->offset * ratio * to_unit + to_offset);
    find_limits(c, k, p, ratio * to_unit, to_offset);
    find_counter(c, k, p, ratio * to_unit);
    find_factors(c, k, p);
    find_integer(c, k, p);
    p->single = p->type == POINT_FLOAT32 && !k->add_from;
}

void compile_published(struct compile *c, const struct point_config *k, struct point *p)
{
    // An expression knows its unit; here either setting says the one to publish in.
    const char *text = k->publish_unit ? k->publish_unit : k->unit;
    if (!find_published(c, k, k->publish_unit ? "publish_unit" : "unit", text, p))
        return;
    find_limits(c, k, p, 1, 0);
    find_counter(c, k, p, 1);
    p->integer = k->integer;
}
