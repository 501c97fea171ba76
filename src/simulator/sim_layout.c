// SPDX-License-Identifier: Apache-2.0
// What a device needs to be simulated: roles of its points, orders of work, scale factors, and values over
// time.
#include "sim_layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_encode.h"
#include "sim_sunspec.h"

// Exponents tried for a scale factor, finest first.
#define EXPONENT_MIN (-3)
#define EXPONENT_MAX 6

// ---- Roles ----

static void set_role(struct sim_layout *l, uint16_t on, enum sim_role role)
{
    if (on < l->device->n && !l->rules[on].given)
        l->roles[on] = (uint8_t)role;
}

static void find_roles(struct sim_layout *l)
{
    for (size_t i = 0; i < l->device->n; i++) {
        const struct point *p = &l->device->points[i];
        set_role(l, sim_depends(p, p->exponent_point), SIM_ROLE_EXPONENT);
        set_role(l, sim_depends(p, p->factor_point), SIM_ROLE_CODE);
        set_role(l, sim_depends(p, p->order_point), SIM_ROLE_ORDER);
        set_role(l, sim_depends(p, p->add_point), SIM_ROLE_FRACTION);
        if (p->rank && p->sign_point < l->device->n)
            l->roles[p->sign_point] = SIM_ROLE_SIGN;
    }
}

static bool is_covered(const struct device *d, const struct point *p)
{
    for (size_t i = 0; i < d->n && sim_is_part(p); i++)
        if (sim_in_registers(&d->points[i]) && !sim_is_part(&d->points[i]) && sim_overlap(&d->points[i], p))
            return true;
    return false;
}

static void find_covered(struct sim_layout *l)
{
    for (size_t i = 0; i < l->device->n; i++)
        if (!l->rules[i].given && l->roles[i] == SIM_ROLE_VALUE &&
            is_covered(l->device, &l->device->points[i]))
            l->roles[i] = SIM_ROLE_COVERED;
}

// What identifies a model on the wire stays as it is, unless the plant file gives its point a value.
static void find_identity(struct sim_layout *l)
{
    const struct device *d = l->device;
    for (size_t i = 0; i < d->n; i++) {
        if (l->rules[i].given)
            continue;
        if (d->sunspec && d->points[i].address < 2)
            l->roles[i] = SIM_ROLE_IDENTITY;
        for (size_t f = 0; f < d->fingerprint_count; f++)
            if (d->fingerprints[f].n && sim_overlap(&d->fingerprints[f].point, &d->points[i]) &&
                !sim_is_astride(d, &d->fingerprints[f].point))
                l->roles[i] = SIM_ROLE_IDENTITY;
    }
}

// ---- Order of working out ----

// Depth first; 1 under way, 2 done. False: a circle.
static bool visit(struct sim_layout *l, uint8_t *seen, size_t *n, uint16_t i)
{
    const struct sim_rule *r = &l->rules[i];
    const uint16_t inputs[] = {r->of, r->minus, r->times};
    if (seen[i])
        return seen[i] == 2;
    seen[i] = 1;
    for (size_t k = 0; k < 3; k++)
        if (inputs[k] < l->device->n && !visit(l, seen, n, inputs[k]))
            return false;
    seen[i] = 2;
    l->order[(*n)++] = i;
    return true;
}

static bool order_values(struct sim_layout *l, char *why, size_t why_size)
{
    uint8_t *seen = calloc(l->device->n + 1, 1);
    size_t n = 0;
    bool good = seen != NULL;
    for (size_t i = 0; good && i < l->device->n; i++) {
        good = visit(l, seen, &n, (uint16_t)i);
        if (!good)
            snprintf(why, why_size, "the value of point \"%s\" depends on itself", l->device->points[i].name);
    }
    free(seen);
    return good;
}

static int writing_rank(const struct sim_layout *l, size_t i)
{
    const struct point *p = &l->device->points[i];
    return (sim_is_part(p) ? 2 : 0) + (l->roles[i] == SIM_ROLE_SIGN || l->roles[i] == SIM_ROLE_FRACTION);
}

static void order_writing(struct sim_layout *l)
{
    size_t n = 0;
    for (int rank = 0; rank <= 3; rank++)
        for (size_t i = 0; i < l->device->n; i++)
            if (writing_rank(l, i) == rank)
                l->writing[n++] = (uint16_t)i;
}

// ---- Numbers of scale factors and codes ----

static bool fits(const struct sim_layout *l, size_t i)
{
    uint8_t data[16];
    const struct point *p = &l->device->points[i];
    double peak = sim_rule_peak(&l->rules[i]);
    return p->type == POINT_STRING || sim_encode(p, sim_plain(l, p, peak), data);
}

static bool dependents_fit(const struct sim_layout *l, uint16_t on)
{
    for (size_t i = 0; i < l->device->n; i++) {
        const struct point *p = &l->device->points[i];
        if ((sim_depends(p, p->exponent_point) == on || sim_depends(p, p->factor_point) == on) && !fits(l, i))
            return false;
    }
    return true;
}

static void choose_exponent(struct sim_layout *l, uint16_t i)
{
    int sign = 1;
    uint8_t data[16];
    for (size_t k = 0; k < l->device->n; k++)
        if (sim_depends(&l->device->points[k], l->device->points[k].exponent_point) == i)
            sign = l->device->points[k].exponent_sign < 0 ? -1 : 1;
    for (int e = EXPONENT_MIN; e <= EXPONENT_MAX; e++) {
        l->rules[i].value = e * sign;
        if (sim_encode(&l->device->points[i], l->rules[i].value, data) && dependents_fit(l, i))
            return;
    }
    // None suits all: the one that says least.
    for (int e = EXPONENT_MIN; e <= EXPONENT_MAX; e++) {
        l->rules[i].value = e * sign;
        if (sim_encode(&l->device->points[i], l->rules[i].value, data) && e >= 0)
            return;
    }
}

static void choose_code(struct sim_layout *l, uint16_t i)
{
    for (size_t k = 0; k < l->device->n; k++) {
        const struct point *p = &l->device->points[k];
        if (sim_depends(p, p->factor_point) != i || p->factor_count == 0)
            continue;
        // The plain unit when it is on the list and has room, else the first that has.
        l->rules[i].value = (double)p->factor_map[0].code;
        for (int pass = 0; pass < 2; pass++) {
            for (size_t c = 0; c < p->factor_count; c++) {
                double before = l->rules[i].value;
                l->rules[i].value = (double)p->factor_map[c].code;
                if ((pass == 1 || p->factor_map[c].factor == 1) && dependents_fit(l, i))
                    return;
                l->rules[i].value = before;
            }
        }
        return;
    }
}

// ---- What is plausible, and fits ----

static void make_plausible(struct sim_layout *l, size_t i)
{
    const struct point *p = &l->device->points[i];
    struct sim_rule *r = &l->rules[i];
    if (r->given)
        return;
    bool counts = p->quantity && p->quantity->kind == QUANTITY_COUNTER;
    r->value = p->quantity ? sim_plausible(p->quantity->name, counts) : 0;
    if (sim_has_own_map(p))
        r->value = p->factor_map[0].factor * p->factor / (p->divisor == 0 ? 1 : p->divisor) + p->offset;
    else if (r->value < p->min || r->value > p->max)
        r->value =
            isfinite(p->min) && isfinite(p->max) ? (p->min + p->max) / 2 : fmax(p->min, fmin(p->max, 0));
}

// A narrow register (percent in a byte) takes a smaller number instead.
static void shrink_to_fit(struct sim_layout *l, size_t i)
{
    const struct point *p = &l->device->points[i];
    uint8_t data[16];
    struct sim_rule *r = &l->rules[i];
    for (int k = 0; k < 6 && !r->given && !sim_encode(p, sim_plain(l, p, r->value), data); k++)
        r->value = k < 5 ? r->value / 10 : 0;
}

static bool check_given(const struct sim_layout *l, char *why, size_t why_size)
{
    for (size_t i = 0; i < l->device->n; i++) {
        const struct point *p = &l->device->points[i];
        const struct sim_rule *r = &l->rules[i];
        uint8_t data[16];
        double largest = r->kind == SIM_COUNTER ? r->value : sim_rule_peak(r) / 2;
        double sign =
            r->kind == SIM_STEADY && r->value < 0 && !(p->rank && p->sign_point != POINT_NONE) ? -1 : 1;
        if (!r->given || r->kind == SIM_FORMULA || p->type == POINT_STRING || !sim_in_registers(p) ||
            sim_encode(p, sim_plain(l, p, sign * largest), data))
            continue;
        snprintf(why, why_size, "point \"%s\": its registers cannot hold %g", p->name, sign * largest);
        return false;
    }
    return true;
}

bool sim_layout_make(struct sim_layout *l, const struct device *device, struct sim_rule *rules, char *why,
                     size_t why_size)
{
    size_t n = device->n;
    *l = (struct sim_layout){.device = device,
                             .rules = rules,
                             .base = device->sunspec ? SUNSPEC_MODEL_AT : 0,
                             .roles = calloc(n + 1, 1),
                             .order = calloc(n + 1, sizeof *l->order),
                             .writing = calloc(n + 1, sizeof *l->writing)};
    if (!l->roles || !l->order || !l->writing) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    find_roles(l);
    find_identity(l);
    find_covered(l);
    for (size_t i = 0; i < n; i++) {
        if (l->roles[i] == SIM_ROLE_VALUE)
            make_plausible(l, i);
        l->live |= rules[i].kind != SIM_STEADY || rules[i].noise > 0 || rules[i].weekend != 1;
        l->counters |= rules[i].kind == SIM_COUNTER;
    }
    for (size_t i = 0; i < n; i++)
        if (l->roles[i] == SIM_ROLE_CODE)
            choose_code(l, (uint16_t)i);
    for (size_t i = 0; i < n; i++)
        if (l->roles[i] == SIM_ROLE_EXPONENT)
            choose_exponent(l, (uint16_t)i);
    for (size_t i = 0; i < n; i++)
        if (l->roles[i] == SIM_ROLE_VALUE)
            shrink_to_fit(l, i);
    for (size_t i = 0; i < n; i++)
        l->astride |= device->points[i].table >= TABLE_HOLDING && sim_is_astride(device, &device->points[i]);
    for (size_t i = 0; i < device->fingerprint_count; i++)
        l->astride |= sim_is_astride(device, &device->fingerprints[i].point);
    order_writing(l);
    return order_values(l, why, why_size) && check_given(l, why, why_size);
}

void sim_layout_free(struct sim_layout *l)
{
    for (size_t i = 0; l->device && i < l->device->n; i++)
        sim_series_free(&l->rules[i].series);
    free(l->rules);
    free(l->roles);
    free(l->order);
    free(l->writing);
    *l = (struct sim_layout){0};
}

// ---- Values ----

void sim_layout_begin(const struct sim_layout *l, struct sim_value *values)
{
    for (size_t i = 0; i < l->device->n; i++)
        values[i] = (struct sim_value){.number = l->rules[i].value, .before = NAN};
}

static double input(const struct sim_layout *l, const struct sim_value *values, uint16_t i, double none)
{
    return i < l->device->n ? values[i].number : none;
}

void sim_layout_advance(const struct sim_layout *l, struct sim_value *values, const struct sim_moment *at,
                        double step_s)
{
    for (size_t k = 0; k < l->device->n; k++) {
        size_t i = l->order[k];
        const struct sim_rule *r = &l->rules[i];
        struct sim_value *v = &values[i];
        v->before = v->number;
        if (v->fixed || (r->kind == SIM_STEADY && r->noise == 0 && r->weekend == 1))
            continue;
        if (r->kind == SIM_COUNTER) {
            const struct sim_value *of = &values[r->of];
            v->number += (of->number + of->before) / 2 * r->factor * step_s;
            double modulus = l->device->points[i].modulus;
            if (modulus > 0 && v->number >= modulus)
                v->number -= modulus * floor(v->number / modulus);
            continue;
        }
        struct sim_moment mine = *at;
        mine.seed = at->seed + 0x9e3779b97f4a7c15u * (i + 1);
        v->number = sim_rule_value(r, &mine,
                                   (double[]){input(l, values, r->of, 0), input(l, values, r->minus, 0),
                                              input(l, values, r->times, 1)});
    }
}
