/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a device once, whole, over a session: what `read`, `scan` and `watch` show. Private to the
 * command-line tool. */
#ifndef SYMBIONT_CLI_DEVICE_READ_H
#define SYMBIONT_CLI_DEVICE_READ_H

#include "cli/derive.h"
#include "cli/session.h"
#include "symbiont/plan.h"
#include "symbiont/sunspec.h"

struct device_read {
    const struct device *device;
    struct plan plan;
    struct value *raw, *last, *values; /* device->n each */
    uint8_t (*bytes)[16];              /* the first 16 bytes of each point's registers (a coil: one byte) */
    char **texts;                      /* per point; only text points have one */
    struct derivations derived;
    struct sunspec walk; /* of a SunSpec device: where its model is */
    bool located;
    uint16_t base;           /* to be added to the points' addresses; 0 but for SunSpec */
    size_t requests, splits; /* of the last time */
    int64_t took_ns;
};

/* Returns 0, or -1 with errno ENOMEM. */
int device_read_open(struct device_read *r, const struct device *device);
void device_read_close(struct device_read *r);

/*
 * Asks everything; a SunSpec device is walked for its model before that, once. A block that the device
 * refuses is split, as the daemon does. After a timeout the rest is not asked: its points say timeout.
 * Returns how many points are good.
 */
size_t device_read_once(struct device_read *r, struct session *s, uint8_t unit);

/* The registers of a point as hex words, "4366 3334"; returns out. */
char *device_read_hex(const struct device_read *r, size_t point, char *out, size_t size);

#endif
