// SPDX-License-Identifier: Apache-2.0
// Which registers a device has, which numbers its points get, and writing them.
#include "sim_layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_sunspec.h"

// Exponents tried for a scale factor, finest first.
#define EXPONENT_MIN (-3)
#define EXPONENT_MAX 6

static bool in_registers(const struct point *p)
{
    return p->type != POINT_DERIVED;
}

static bool is_part(const struct point *p)
{
    return p->table >= TABLE_HOLDING &&
           (p->mask || p->type == POINT_BOOL || p->type == POINT_LOW_BYTE || p->type == POINT_HIGH_BYTE);
}

// A map without a point for the code: the point's own code is replaced by the factor.
static bool has_own_map(const struct point *p)
{
    return p->factor_count && (p->rank == 0 || p->factor_point == POINT_NONE);
}

// point_encode, and back through such a map.
static bool encode(const struct point *p, double value, uint8_t *data)
{
    if (!has_own_map(p))
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

static uint16_t depends(const struct point *p, uint16_t on)
{
    return p->rank ? on : POINT_NONE;
}

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
        set_role(l, depends(p, p->exponent_point), SIM_ROLE_EXPONENT);
        set_role(l, depends(p, p->factor_point), SIM_ROLE_CODE);
        set_role(l, depends(p, p->order_point), SIM_ROLE_ORDER);
        set_role(l, depends(p, p->add_point), SIM_ROLE_FRACTION);
        if (p->rank && p->sign_point < l->device->n)
            l->roles[p->sign_point] = SIM_ROLE_SIGN;
    }
}

static bool overlap(const struct point *a, const struct point *b)
{
    return a->table == b->table && a->address < b->address + b->words && b->address < a->address + a->words;
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
            if (d->fingerprints[f].n && overlap(&d->fingerprints[f].point, &d->points[i]))
                l->roles[i] = SIM_ROLE_IDENTITY;
    }
}

static bool has_point_at(const struct device *d, const struct point *p)
{
    for (size_t i = 0; i < d->n; i++)
        if (in_registers(&d->points[i]) && overlap(&d->points[i], p))
            return true;
    return false;
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
    return (is_part(p) ? 2 : 0) + (l->roles[i] == SIM_ROLE_SIGN || l->roles[i] == SIM_ROLE_FRACTION);
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

static double exponent_factor(const struct sim_layout *l, const struct point *p)
{
    uint16_t on = depends(p, p->exponent_point);
    return on == POINT_NONE ? 1 : pow(10, l->rules[on].value * (p->exponent_sign < 0 ? -1 : 1));
}

static double code_factor(const struct sim_layout *l, const struct point *p)
{
    uint16_t on = depends(p, p->factor_point);
    for (size_t i = 0; on != POINT_NONE && i < p->factor_count; i++)
        if ((double)p->factor_map[i].code == l->rules[on].value)
            return p->factor_map[i].factor;
    return 1;
}

// The value that point_encode, which knows nothing of dependencies, must be given.
static double plain(const struct sim_layout *l, const struct point *p, double value)
{
    if (!p->rank)
        return value;
    return (value - p->offset) / (exponent_factor(l, p) * code_factor(l, p)) + p->offset;
}

static bool fits(const struct sim_layout *l, size_t i)
{
    uint8_t data[16];
    const struct point *p = &l->device->points[i];
    double peak = sim_rule_peak(&l->rules[i]);
    return p->type == POINT_STRING || encode(p, plain(l, p, peak), data);
}

static bool dependents_fit(const struct sim_layout *l, uint16_t on)
{
    for (size_t i = 0; i < l->device->n; i++) {
        const struct point *p = &l->device->points[i];
        if ((depends(p, p->exponent_point) == on || depends(p, p->factor_point) == on) && !fits(l, i))
            return false;
    }
    return true;
}

static void choose_exponent(struct sim_layout *l, uint16_t i)
{
    int sign = 1;
    uint8_t data[16];
    for (size_t k = 0; k < l->device->n; k++)
        if (depends(&l->device->points[k], l->device->points[k].exponent_point) == i)
            sign = l->device->points[k].exponent_sign < 0 ? -1 : 1;
    for (int e = EXPONENT_MIN; e <= EXPONENT_MAX; e++) {
        l->rules[i].value = e * sign;
        if (encode(&l->device->points[i], l->rules[i].value, data) && dependents_fit(l, i))
            return;
    }
    // None suits all: the one that says least.
    for (int e = EXPONENT_MIN; e <= EXPONENT_MAX; e++) {
        l->rules[i].value = e * sign;
        if (encode(&l->device->points[i], l->rules[i].value, data) && e >= 0)
            return;
    }
}

static void choose_code(struct sim_layout *l, uint16_t i)
{
    for (size_t k = 0; k < l->device->n; k++) {
        const struct point *p = &l->device->points[k];
        if (depends(p, p->factor_point) != i || p->factor_count == 0)
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
    if (has_own_map(p))
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
    for (int k = 0; k < 6 && !r->given && !encode(p, plain(l, p, r->value), data); k++)
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
        if (!r->given || r->kind == SIM_FORMULA || p->type == POINT_STRING || !in_registers(p) ||
            encode(p, plain(l, p, sign * largest), data))
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

// ---- Registers ----

// Values of points that are only bounded are plausible and so within bounds; what has no point gets a number
// here.
static int put_fingerprint(const struct sim_layout *l, const struct fingerprint *f, struct sim_image *image)
{
    uint8_t data[16];
    const struct point *p = &f->point;
    double number = f->n ? f->equals[0] : isfinite(f->min) ? f->min : isfinite(f->max) ? f->max : 0;
    if (l->device->sunspec || (!f->n && has_point_at(l->device, p)))
        return 0;
    if (sim_image_add(image, p->table, p->address, p->words) < 0)
        return -1;
    if (p->words <= 8 && point_encode(p, number, data))
        memcpy(sim_image_at(image, p->table, p->address, p->words), data,
               p->table <= TABLE_DISCRETE ? 1 : 2u * p->words);
    return 0;
}

int sim_layout_registers(const struct sim_layout *l, int sunspec_model, struct sim_image *image)
{
    for (size_t i = 0; i < l->device->n; i++) {
        const struct point *p = &l->device->points[i];
        if (in_registers(p) && sim_image_add(image, p->table, l->base + p->address, p->words) < 0)
            return -1;
    }
    for (size_t i = 0; i < l->device->fingerprint_count; i++)
        if (put_fingerprint(l, &l->device->fingerprints[i], image) < 0)
            return -1;
    if (l->device->sunspec && sim_sunspec_headers(l->device, sunspec_model, image) < 0)
        return -1;
    return sim_image_fill_gaps(image, l->device->limits.max_gap);
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

// ---- Writing ----

// The bits of its registers that belong to a part.
static void part_mask(const struct point *p, uint8_t *mask)
{
    struct point whole = *p;
    whole.factor = whole.divisor = 1;
    whole.offset = 0;
    whole.marker_count = 0;
    whole.factor_count = 0;
    double all = p->mask ? (double)(p->mask >> __builtin_ctzll(p->mask))
                 : p->type == POINT_LOW_BYTE || p->type == POINT_HIGH_BYTE ? 255
                                                                           : 1;
    if (!point_encode(&whole, all, mask))
        memset(mask, 0xff, 2u * p->words);
}

static void put_string(const struct point *p, const char *text, uint8_t *at)
{
    size_t n = 2u * p->words, length = strnlen(text, n);
    for (size_t i = 0; i < n; i++)
        at[p->order & ORDER_BYTE_SWAP ? i ^ 1 : i] = i < length ? (uint8_t)text[i] : ' ';
}

static bool put_number(const struct sim_layout *l, const struct point *p, double value,
                       struct sim_image *image)
{
    uint8_t data[16], mask[16];
    uint8_t *at = sim_image_at(image, p->table, l->base + p->address, p->words);
    if (!at || p->words > 8 || !encode(p, value, data))
        return false;
    if (p->table <= TABLE_DISCRETE) {
        at[0] = data[0];
        return true;
    }
    size_t n = 2u * p->words;
    if (!is_part(p)) {
        memcpy(at, data, n);
        return true;
    }
    part_mask(p, mask);
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)((at[i] & ~mask[i]) | (data[i] & mask[i]));
    return true;
}

// The fraction of a total goes to a point of its own; the total keeps whole raw numbers.
static double split_fraction(const struct sim_layout *l, const struct point *p, double value,
                             struct sim_value *values)
{
    uint16_t on = depends(p, p->add_point);
    if (on == POINT_NONE || l->roles[on] != SIM_ROLE_FRACTION)
        return value;
    double unit =
        fabs(p->factor / (p->divisor == 0 ? 1 : p->divisor)) * exponent_factor(l, p) * code_factor(l, p);
    double whole = floor((value - p->offset) / unit) * unit + p->offset;
    values[on].number = value - whole;
    return whole;
}

static double take_sign(const struct point *p, double value, struct sim_value *values)
{
    uint16_t on = depends(p, p->sign_point);
    if (on == POINT_NONE)
        return value;
    uint64_t bits = values[on].number > 0 ? (uint64_t)values[on].number : 0;
    bits = value < 0 ? bits | p->sign_mask : bits & ~p->sign_mask;
    values[on].number = (double)bits;
    return fabs(value);
}

static uint8_t order_of(const struct sim_layout *l, const struct point *p, const struct sim_value *values)
{
    uint16_t on = depends(p, p->order_point);
    (void)l;
    if (on == POINT_NONE)
        return p->order;
    bool low_first = values[on].number == (double)p->order_code;
    return (uint8_t)((p->order & ORDER_BYTE_SWAP) | (low_first ? ORDER_WORD_SWAP : 0));
}

size_t sim_layout_write(const struct sim_layout *l, struct sim_value *values, struct sim_image *image)
{
    size_t unfit = 0;
    for (size_t k = 0; k < l->device->n; k++) {
        size_t i = l->writing[k];
        const struct point *p = &l->device->points[i];
        // A bit or byte nobody asked for leaves its register as the whole's value has it.
        if (!in_registers(p) ||
            (is_part(p) && !l->rules[i].given && !values[i].fixed && l->roles[i] == SIM_ROLE_VALUE))
            continue;
        if (l->roles[i] == SIM_ROLE_IDENTITY)
            continue;
        if (p->type == POINT_STRING) {
            uint8_t *at = sim_image_at(image, p->table, l->base + p->address, p->words);
            if (at)
                put_string(p, l->rules[i].text ? l->rules[i].text : "", at);
            continue;
        }
        struct point as = *p;
        double value = take_sign(p, values[i].number, values);
        value = plain(l, p, split_fraction(l, p, value, values));
        as.order = order_of(l, p, values);
        unfit += !put_number(l, &as, value, image);
    }
    return unfit;
}

bool sim_layout_write_raw(const struct sim_layout *l, size_t i, double raw, struct sim_image *image)
{
    struct point as = l->device->points[i];
    as.factor = as.divisor = 1;
    as.offset = 0;
    as.marker_count = 0;
    as.factor_count = 0;
    return in_registers(&as) && as.type != POINT_STRING && put_number(l, &as, raw, image);
}
