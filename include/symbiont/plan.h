/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request plan of a meter: as few reads as its limits allow, no value ever split. Pure.
 */
#ifndef SYMBIONT_PLAN_H
#define SYMBIONT_PLAN_H

#include "symbiont/profile.h"

struct request {
    uint8_t function;        /* 1..4 */
    uint16_t address, count; /* registers or bits */
    uint16_t first, n;       /* its points: plan.order[first .. first + n) */
    int64_t every_ns;
    bool has_gaps; /* reads registers that belong to no point */
};

struct plan {
    struct request *requests;
    size_t n;
    uint16_t *order; /* point indices, by request */
    size_t points;
};

/*
 * A request reads one stretch of one table that contains each of its points whole. Of the plans that keep to
 * the limits (length, and stretches of max_gap registers, or bits, that belong to no point) it is one with
 * the fewest requests, and of those with the fewest registers; the same points always give the same plan.
 * Without `merge`: one request per point, in the order of addresses.
 *
 * Plans all points of `device` that stand in registers. Points of different `every` (0 means
 * default_every_ns) are in different requests. Returns 0, or -1 with errno ENOMEM, or EINVAL when a
 * point alone exceeds the limits (checked by device_compile, so a bug).
 */
int plan_make(const struct device *device, int64_t default_every_ns, struct plan *out);
void plan_free(struct plan *p);

/*
 * The device refused request `i` (exception 2 or 3), which has gaps or several points: replaces it by
 * requests without gaps, or, when it has none, by one request per point. Returns the number of
 * requests it became (1: it is a single point that the device does not have), or -1, ENOMEM.
 */
int plan_split(struct plan *p, const struct device *device, size_t i);

/* Characters on a serial line for asking and answering, with the two silences of 3.5 characters. */
unsigned request_serial_chars(const struct request *r);

#endif
