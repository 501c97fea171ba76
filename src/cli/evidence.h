/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How well numbers speak for being read as what they are read as. A random register read as a voltage is
 * seldom 230 V, so 230 V speaks for the profile; how much, in nats, follows from the share of all bit
 * patterns that would have been as plausible. What hangs together (P^2 + Q^2 = S^2, gross = net + tare)
 * speaks louder. Private to the command-line tool; pure.
 */
#ifndef SYMBIONT_CLI_EVIDENCE_H
#define SYMBIONT_CLI_EVIDENCE_H

#include "symbiont/profile.h"

struct evidence {
    double pro, contra; /* nats */
    size_t good, asked; /* points that are as they nearly always are, of those that say something */
    size_t zeros;       /* points that are zero and may be */
};

/* What a quantity is nearly always like on a live meter, in the vocabulary's unit; zero apart. False: nothing
 * is known beyond the vocabulary's own limits. */
bool evidence_typical(const struct quantity *q, double *low, double *high);

/* What a plausible value of this point would say; 0 when any value would do. */
double evidence_worth(const struct point *p);

/*
 * Adds what all points of a reading say: raw and values as from points_finish; texts[i] of text points (texts
 * and its items may be NULL). NOT_DUE points say nothing.
 */
void evidence_weigh(const struct device *device, const struct value *raw, const struct value *values,
                    char *const *texts, struct evidence *e);

#endif
