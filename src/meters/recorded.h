/* SPDX-License-Identifier: Apache-2.0 */
/* Registers that were recorded, and the readings that a device makes of them. */
#ifndef SYMBIONT_METERS_RECORDED_H
#define SYMBIONT_METERS_RECORDED_H

#include "symbiont/modbus.h"
#include "symbiont/profile.h"

#define RECORDED_READS_MAX 128

/* What one read gave: registers big-endian, or one byte per bit. */
struct recorded_read {
    uint8_t table;
    uint16_t address, count;
    uint8_t data[2 * MODBUS_REGISTERS_MAX];
};

struct recorded {
    struct recorded_read reads[RECORDED_READS_MAX];
    size_t n;
    bool finished;           /* `out` belongs to the reads */
    struct value *raw, *out; /* as many as the device has points */
};

/* The data of a point's own registers, out of the last read that holds them all; NULL: there is none. */
const uint8_t *recorded_data(const struct recorded *r, const struct point *p);

/* The reading of d->points[i]; REASON_NOT_YET: no read holds it. A derived point whose expression is wrong
 * has REASON_DEPENDENCY, and a sentence in `why` (else ""). */
struct value recorded_value(struct recorded *r, const struct device *d, size_t i, char *why, size_t why_size);

#endif
