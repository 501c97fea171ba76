/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is usual, as a regression: a mean for each hour of the week, plus what the outdoor temperature and the
 * production add to it. The temperature counts piece by piece, with bends at 10 and 20 degC, because heating
 * ends and cooling begins there (the "time of week and temperature" model: J. L. Mathieu et al., Quantifying
 * Changes in Building Electricity Use, IEEE Transactions on Smart Grid 2 (2011) 507).
 *
 * Each hour is first foretold, then learnt; from the errors of the foretelling follows whether the model is
 * good enough: CV(RMSE) <= 30 % and |NMBE| <= 10 %, the limits of ASHRAE Guideline 14-2014 for hourly models.
 * Old hours fade: by half in 26 weeks, their errors by half in four. Pure; memory is fixed, 5 KiB.
 */
#ifndef SYMBIONT_MODEL_H
#define SYMBIONT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include "symbiont/buf.h"
#include "symbiont/cursor.h"

enum { MODEL_BINS = 168, MODEL_FEATURES = 4 };
enum model_driver { MODEL_OUTDOOR, MODEL_PRODUCTION, MODEL_DRIVERS };

struct model_bin {
    float weight;               /* hours, faded */
    float y, x[MODEL_FEATURES]; /* their means */
};

struct model {
    bool has[MODEL_DRIVERS]; /* which drivers it has */
    struct model_bin bins[MODEL_BINS];
    /* About the means of the bins: squares and products of features, and with y. */
    double xx[MODEL_FEATURES][MODEL_FEATURES], xy[MODEL_FEATURES];
    double low[MODEL_DRIVERS], high[MODEL_DRIVERS]; /* seen: nothing is foretold beyond */
    double learnt;                                  /* hours, faded */
    double slope[MODEL_FEATURES];
    /* Of hours foretold, faded: their number, sums of y, of the error and of its square. */
    double judged, sum, error, squares;
};

void model_reset(struct model *m, bool outdoor, bool production);
/* An hour of the week is over. Drivers the model does not have are ignored; NaN in one that it has: the hour
 * says nothing. */
void model_learn(struct model *m, unsigned hour, double y, const double drivers[static MODEL_DRIVERS]);
/* NaN: nothing is known of that hour of the week, or a driver is missing. */
double model_expect(const struct model *m, unsigned hour, const double drivers[static MODEL_DRIVERS]);

struct model_quality {
    double cv, bias; /* CV(RMSE) and NMBE as shares; NaN: nothing was foretold yet */
    bool accepted;
};
struct model_quality model_judge(const struct model *m);

void model_save(const struct model *m, struct buf *out);
/* False, and the model reset, when the bytes make no sense. */
bool model_restore(struct model *m, struct cursor *c);

#endif
