// SPDX-License-Identifier: Apache-2.0
// The registers of a simulated device: which there are, what identifies the model, and values written into
// them.
#include <math.h>
#include <string.h>

#include "sim_encode.h"
#include "sim_sunspec.h"

// ---- What identifies a model ----

static bool has_point_at(const struct device *d, const struct point *p)
{
    for (size_t i = 0; i < d->n; i++)
        if (sim_in_registers(&d->points[i]) && sim_overlap(&d->points[i], p))
            return true;
    return false;
}

static bool fingerprint_bytes(const struct fingerprint *f, uint8_t *data)
{
    double number = f->n ? f->equals[0] : isfinite(f->min) ? f->min : isfinite(f->max) ? f->max : 0;
    return f->point.words <= 8 && point_encode(&f->point, number, data);
}

// ---- Registers ----

// Values of points that are only bounded are plausible and so within bounds; what has no point gets a number
// here.
static int put_fingerprint(const struct sim_layout *l, const struct fingerprint *f, struct sim_image *image)
{
    uint8_t data[16];
    const struct point *p = &f->point;
    if (l->device->sunspec || sim_is_astride(l->device, p) || (!f->n && has_point_at(l->device, p)))
        return 0;
    if (sim_image_add(image, p->table, p->address, p->words) < 0)
        return -1;
    if (fingerprint_bytes(f, data))
        memcpy(sim_image_at(image, p->table, p->address, p->words), data,
               p->table <= TABLE_DISCRETE ? 1 : 2u * p->words);
    return 0;
}

int sim_layout_registers(const struct sim_layout *l, int sunspec_model, struct sim_image *image)
{
    for (size_t i = 0; i < l->device->n; i++) {
        const struct point *p = &l->device->points[i];
        if (sim_in_registers(p) && sim_image_add(image, p->table, l->base + p->address, p->words) < 0)
            return -1;
    }
    for (size_t i = 0; i < l->device->fingerprint_count; i++)
        if (put_fingerprint(l, &l->device->fingerprints[i], image) < 0)
            return -1;
    if (l->device->sunspec && sim_sunspec_headers(l->device, sunspec_model, image) < 0)
        return -1;
    return sim_image_fill_gaps(image, l->device->limits.max_gap);
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
    if (!at || p->words > 8 || !sim_encode(p, value, data))
        return false;
    if (p->table <= TABLE_DISCRETE) {
        at[0] = data[0];
        return true;
    }
    size_t n = 2u * p->words;
    if (!sim_is_part(p)) {
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
    uint16_t on = sim_depends(p, p->add_point);
    if (on == POINT_NONE || l->roles[on] != SIM_ROLE_FRACTION)
        return value;
    double unit = fabs(p->factor / (p->divisor == 0 ? 1 : p->divisor)) * sim_multiplier(l, p);
    double whole = floor((value - p->offset) / unit) * unit + p->offset;
    values[on].number = value - whole;
    return whole;
}

static double take_sign(const struct point *p, double value, struct sim_value *values)
{
    uint16_t on = sim_depends(p, p->sign_point);
    if (on == POINT_NONE)
        return value;
    uint64_t bits = values[on].number > 0 ? (uint64_t)values[on].number : 0;
    bits = value < 0 ? bits | p->sign_mask : bits & ~p->sign_mask;
    values[on].number = (double)bits;
    return fabs(value);
}

static uint8_t order_of(const struct sim_layout *l, const struct point *p, const struct sim_value *values)
{
    uint16_t on = sim_depends(p, p->order_point);
    (void)l;
    if (on == POINT_NONE)
        return p->order;
    bool low_first = values[on].number == (double)p->order_code;
    return (uint8_t)((p->order & ORDER_BYTE_SWAP) | (low_first ? ORDER_WORD_SWAP : 0));
}

// What sim_encode must be given for a point to read as `value`: the point as it stands now, and a plain
// number.
static double ready(const struct sim_layout *l, const struct point *p, double value, struct sim_value *values,
                    struct point *as)
{
    *as = *p;
    as->order = order_of(l, p, values);
    value = take_sign(p, value, values);
    return sim_plain(l, p, split_fraction(l, p, value, values));
}

bool sim_layout_alone(const struct sim_layout *l, struct sim_value *values, int table, uint16_t address,
                      uint16_t count, uint8_t *data)
{
    const struct device *d = l->device;
    for (size_t i = 0; i < d->fingerprint_count + d->n; i++) {
        const struct point *p =
            i < d->fingerprint_count ? &d->fingerprints[i].point : &d->points[i - d->fingerprint_count];
        if (p->table != table || p->address != address || p->words != count || !sim_in_registers(p) ||
            p->words > 8 || !sim_is_astride(d, p))
            continue;
        if (i < d->fingerprint_count)
            return fingerprint_bytes(&d->fingerprints[i], data);
        struct point as;
        double value = ready(l, p, values[i - d->fingerprint_count].number, values, &as);
        return sim_encode(&as, value, data);
    }
    return false;
}

size_t sim_layout_write(const struct sim_layout *l, struct sim_value *values, struct sim_image *image)
{
    size_t unfit = 0;
    for (size_t k = 0; k < l->device->n; k++) {
        size_t i = l->writing[k];
        const struct point *p = &l->device->points[i];
        if (!sim_in_registers(p) || l->roles[i] == SIM_ROLE_IDENTITY ||
            (l->roles[i] == SIM_ROLE_COVERED && !values[i].fixed))
            continue;
        if (p->type == POINT_STRING) {
            uint8_t *at = sim_image_at(image, p->table, l->base + p->address, p->words);
            if (at)
                put_string(p, l->rules[i].text ? l->rules[i].text : "", at);
            continue;
        }
        struct point as;
        double value = ready(l, p, values[i].number, values, &as);
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
    return sim_in_registers(&as) && as.type != POINT_STRING && put_number(l, &as, raw, image);
}
