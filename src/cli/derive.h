/* SPDX-License-Identifier: Apache-2.0 */
/* Derived points of a device that is read by itself: those that are computed from points of the same device.
 * Private to the command-line tool. */
#ifndef SYMBIONT_CLI_DERIVE_H
#define SYMBIONT_CLI_DERIVE_H

#include "symbiont/clock.h"
#include "symbiont/point.h"
#include "symbiont/profile.h"

struct derivation;

struct derivations {
    const struct device *device;
    struct derivation *items;
    size_t n;
};

/* Returns 0, or -1 with errno ENOMEM. An expression that names other meters, or is wrong, stays without a
 * value: `check` tells what is wrong with it. */
int derivations_open(struct derivations *d, const struct device *device);
void derivations_close(struct derivations *d);

/* Fills the derived points' values from the others'. */
void derivations_compute(struct derivations *d, struct utc t, struct value *values);

#endif
