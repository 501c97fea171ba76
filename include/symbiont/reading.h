/* SPDX-License-Identifier: Apache-2.0 */
/* What a meter's poll delivers to publishers, streams and rules. */
#ifndef SYMBIONT_READING_H
#define SYMBIONT_READING_H

#include "symbiont/point.h"

/* The fixed part of a meter that publishers may know. */
struct meter_info {
    const char *name;
    const char *vendor, *model, *profile; /* may be NULL */
    const struct point *points;
    size_t n;
    size_t index; /* place among the site's meters, from 0 */
    int64_t every_ns;
};

/* One cycle of one meter. Valid during the call that hands it over. */
struct reading {
    const struct meter_info *meter;
    struct utc time;            /* middle of the cycle's transactions */
    uint64_t epoch;             /* counts the daemon's starts */
    uint64_t seq;               /* counts this meter's readings within the epoch, from 1 */
    const struct value *values; /* meter->n of them */
    const char *const *texts;   /* per point; NULL, or NULL entries, when it has no text value */
    bool maintenance;           /* the meter is under maintenance: values are marked, not used */
};

#endif
