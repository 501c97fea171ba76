/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What surrounds a SunSpec meter model in its registers: the marker "SunS", the common model (1), the meter
 * model's id and length, and the end model ("SunSpec Information Model Specification", chapter 4).
 */
#ifndef SIM_SUNSPEC_H
#define SIM_SUNSPEC_H

#include "sim_image.h"
#include "symbiont/profile.h"

#define SUNSPEC_AT        40000 /* the marker */
#define SUNSPEC_COMMON_AT (SUNSPEC_AT + 2)
#define SUNSPEC_COMMON    66 /* registers after id and length; 65 of them are used, the last is padding */
#define SUNSPEC_MODEL_AT  (SUNSPEC_COMMON_AT + 2 + SUNSPEC_COMMON)

/* Makes and fills them, once the points' own registers exist. `model` 0: 213 when points are floats, else
 * 203. Returns 0 or -1 with errno. */
int sim_sunspec_headers(const struct device *device, int model, struct sim_image *image);

#endif
