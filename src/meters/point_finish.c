// SPDX-License-Identifier: Apache-2.0
// Raw numbers of one meter to published ones: what depends on what, scale, plausibility.
#include "symbiont/point.h"

#include <math.h>

// Exponents beyond this are no scale factor but a broken register (SunSpec allows -10 to 10).
#define EXPONENT_MAX 30

static const double power_of_ten[EXPONENT_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30,
};

void point_scale(struct point *p, double factor, double offset)
{
    p->factor = factor;
    p->divisor = 1;
    p->offset = offset;
    for (int k = 0; k <= 15; k++) {
        double whole = nearbyint(factor * power_of_ten[k]);
        // From 2^53 on every double is whole and the test says nothing.
        if (whole == 0 || fabs(whole) >= 0x1p53)
            continue;
        // A few units in the last place: the factor may be a product of decimal fractions.
        if (fabs(whole / power_of_ten[k] - factor) <= fabs(factor) * 0x1p-50) {
            p->factor = whole;
            p->divisor = power_of_ten[k];
            return;
        }
    }
}

static inline double scaled(const struct point *p, double raw)
{
    double number = raw * p->factor;
    if (p->divisor != 0)
        number /= p->divisor;
    return number + p->offset;
}

// ---- Dependencies ----

// A NOT_DUE point serves with its last value; see points_finish.
static inline bool usable(struct value v)
{
    return (v.reason == REASON_GOOD || v.reason == REASON_NOT_DUE) && isfinite(v.number);
}

static bool exponent_of(const struct point *p, const struct value *out, int *exponent)
{
    struct value v = out[p->exponent_point];
    if (!usable(v) || fabs(v.number) > EXPONENT_MAX || v.number != nearbyint(v.number))
        return false;
    *exponent = (int)v.number * (p->exponent_sign < 0 ? -1 : 1);
    return true;
}

static bool look_up(const struct point *p, double code, double *factor)
{
    for (size_t i = 0; i < p->factor_count; i++)
        if ((double)p->factor_map[i].code == code) {
            *factor = p->factor_map[i].factor;
            return true;
        }
    return false;
}

static bool factor_of(const struct point *p, const struct value *out, double *factor)
{
    struct value v = out[p->factor_point];
    return usable(v) && look_up(p, v.number, factor);
}

static bool sign_of(const struct point *p, const struct value *out, bool *negative)
{
    struct value v = out[p->sign_point];
    if (!usable(v) || v.number < 0 || v.number >= 0x1p64)
        return false;
    *negative = ((uint64_t)v.number & p->sign_mask) != 0;
    return true;
}

static inline double times_exponent(double number, int exponent)
{
    return exponent < 0 ? number / power_of_ten[-exponent] : number * power_of_ten[exponent];
}

// Exponent and mapped factor on `number`; false when what they come from is bad.
static bool multiply(const struct point *p, const struct value *out, double *number)
{
    int exponent;
    double factor;
    if (p->exponent_point != POINT_NONE) {
        if (!exponent_of(p, out, &exponent))
            return false;
        *number = times_exponent(*number, exponent);
    }
    if (p->factor_point != POINT_NONE) {
        if (!factor_of(p, out, &factor))
            return false;
        *number *= factor;
    }
    return true;
}

static bool negate(const struct point *p, const struct value *out, double *number)
{
    bool negative;
    if (p->sign_point == POINT_NONE)
        return true;
    if (!sign_of(p, out, &negative))
        return false;
    if (negative)
        *number = -*number;
    return true;
}

static bool add(const struct point *p, const struct value *out, double *number)
{
    if (p->add_point == POINT_NONE)
        return true;
    if (!usable(out[p->add_point]))
        return false;
    *number += out[p->add_point].number;
    return true;
}

double point_multiplier(const struct point *points, size_t i, const struct value *out)
{
    double multiplier = 1;
    if (points[i].rank && !multiply(&points[i], out, &multiplier))
        return 0;
    return multiplier;
}

// ---- One point ----

static struct value finish_good(const struct point *p, const struct value *out, double raw)
{
    static const struct value dependency = {.number = NAN, .reason = REASON_DEPENDENCY};
    if (p->type == POINT_STRING)
        return (struct value){0};
    if (p->rank && !(multiply(p, out, &raw) && negate(p, out, &raw)))
        return dependency;
    // A code that the map does not know is no value.
    if (p->factor_count && (p->rank == 0 || p->factor_point == POINT_NONE) && !look_up(p, raw, &raw))
        return (struct value){.number = NAN, .reason = REASON_NOT_AVAILABLE};
    double number = scaled(p, raw);
    if (p->rank && !add(p, out, &number))
        return dependency;
    // Written so that a NaN or an infinity made on the way is refused too.
    if (!(number >= p->min && number <= p->max) || !isfinite(number))
        return (struct value){.number = NAN, .reason = REASON_OUT_OF_RANGE};
    return (struct value){.number = number};
}

static struct value finish_one(const struct point *p, struct value raw, const struct value *last,
                               const struct value *out)
{
    struct value v = {.number = NAN, .reason = REASON_NOT_DUE};
    if (p->type == POINT_DERIVED)
        return v;
    if (raw.reason == REASON_GOOD)
        return finish_good(p, out, raw.number);
    if (raw.reason != REASON_NOT_DUE)
        return raw;
    if (last && last->reason == REASON_GOOD)
        v.number = finish_good(p, out, last->number).number;
    return v;
}

void points_finish(const struct point *points, size_t n, const struct value *raw, const struct value *last,
                   struct value *out)
{
    unsigned highest = 0;
    for (unsigned rank = 0; rank <= highest; rank++)
        for (size_t i = 0; i < n; i++) {
            if (points[i].rank == rank)
                out[i] = finish_one(&points[i], raw[i], last ? &last[i] : NULL, out);
            else if (points[i].rank > highest)
                highest = points[i].rank;
        }
}

bool point_order(const struct point *points, size_t i, const struct value *raw, const struct value *last,
                 uint8_t *order)
{
    const struct point *p = &points[i];
    *order = p->order;
    if (p->rank == 0 || p->order_point == POINT_NONE)
        return true;
    size_t from = p->order_point;
    struct value v = raw[from];
    if (v.reason == REASON_NOT_DUE && last)
        v = last[from];
    if (v.reason != REASON_GOOD)
        return false;
    bool low_first = scaled(&points[from], v.number) == (double)p->order_code;
    *order = (uint8_t)((p->order & ORDER_BYTE_SWAP) | (low_first ? ORDER_WORD_SWAP : 0));
    return true;
}
