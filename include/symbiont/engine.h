/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of readings within the site: derived points, streams, rules. The same engine serves the
 * daemon and `symbiont replay`. Pure: time is an argument, nothing is read or written; what happens goes out
 * through hooks.
 *
 * All times are those of the readings. Whatever follows from time passing (a value gone stale, a schedule's
 * end) happens at its own exact moment, whenever it is noticed, so that the same readings in the same order
 * give the same events however often the engine is told that time goes on.
 *
 * Memory is fixed when the engine is made; a reading allocates nothing.
 */
#ifndef SYMBIONT_ENGINE_H
#define SYMBIONT_ENGINE_H

#include "symbiont/reading.h"
#include "symbiont/site.h"

struct engine;

/* The site is held until engine_free. NULL when memory is out. */
struct engine *engine_new(struct site *site);
void engine_free(struct engine *e);

/*
 * A cycle of a meter is complete: fills in its derived points. Those whose inputs are not due in this cycle
 * stay NOT_DUE. To be called for each cycle, before engine_reading.
 */
void engine_derive(struct engine *e, size_t meter, struct utc time, struct value *values);

/*
 * What windows and states remember, under names that stay the same over restarts and reloads. `load` appends
 * to `out` and returns false when there is nothing. What does not fit (another expression, damaged) begins
 * anew.
 */
void engine_save(struct engine *e, void (*save)(void *arg, const char *name, const void *data, size_t n),
                 void *arg);
void engine_load(struct engine *e, bool (*load)(void *arg, const char *name, struct buf *out), void *arg);

#endif
