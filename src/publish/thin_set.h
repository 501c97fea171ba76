/* SPDX-License-Identifier: Apache-2.0 */
/* The thinned meters of one publisher. On the loop's thread. */
#ifndef PUBLISH_THIN_SET_H
#define PUBLISH_THIN_SET_H

#include "thin.h"

struct thin_set {
    const struct thin_config *config;
    struct thin **items; /* by the meter's index */
    size_t n;
    struct utc swept;
    void (*publish)(void *arg, const struct reading *r,
                    const struct encode_window *window); /* window may be NULL */
    void *arg;
};

/* Passes the reading on, now, later or never; also what other meters' ended intervals hold. */
void thin_set_reading(struct thin_set *s, const struct reading *r);
/* The meter goes: what its running interval holds is published now. */
void thin_set_forget(struct thin_set *s, const struct meter_info *m);
/* At the end: what the running intervals hold. */
void thin_set_finish(struct thin_set *s);
void thin_set_free(struct thin_set *s);

#endif
