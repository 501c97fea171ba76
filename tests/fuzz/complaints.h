/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a configuration: printable, at lines that can be. */
#ifndef TESTS_FUZZ_COMPLAINTS_H
#define TESTS_FUZZ_COMPLAINTS_H

#include <stdlib.h>
#include "symbiont/config.h"

static inline void complaint_look(void *arg, bool is_error, struct place at, const char *text)
{
    (void)is_error;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            abort();
    if (at.file && at.line < 0)
        abort();
    ++*(size_t *)arg;
}

/* How many there are; aborts at one that nobody could read. */
static inline size_t complaints_count(struct diagnostics *d)
{
    size_t seen = 0;
    diag_each(d, complaint_look, &seen);
    return seen;
}

#endif
