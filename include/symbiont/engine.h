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

/* All may be NULL. They must not call the engine but to ask. */
struct engine_hooks {
    void *arg;
    void (*alert)(void *arg, const struct alert *a);
    void (*stream_event)(void *arg, const struct stream *s, const struct stream_event *e);
    /* An hour of a stream is over. */
    void (*stream_hour)(void *arg, const struct stream *s, const struct stream_hour *h);
    /* What is known of a stream is worth publishing: its state changed, or ENGINE_TELL_MS have passed. */
    void (*stream_state)(void *arg, struct stream *s, struct utc t);
    /* This is to be remembered now, not only at the end: see engine_save. NULL data: forget it. */
    void (*keep)(void *arg, const char *name, const void *data, size_t n);
};

#define ENGINE_TELL_MS 10000

/*
 * The site is held until engine_free. NULL when memory is out (or the site has errors). Hooks are copied.
 */
struct engine *engine_new(struct site *site, const struct engine_hooks *hooks);
void engine_free(struct engine *e);

/*
 * A cycle of a meter is complete: fills in its derived points. Those whose inputs are not due in this cycle
 * stay NOT_DUE. To be called for each cycle, before engine_reading.
 */
void engine_derive(struct engine *e, size_t meter, struct utc time, struct value *values);
/* The reading of that cycle. */
void engine_reading(struct engine *e, const struct reading *r);
/*
 * Time has come to t, and no reading of before t is still to come: in the daemon the present less
 * ENGINE_LAG_MS, every second or so.
 */
void engine_tick(struct engine *e, struct utc t);

/* A reading is stamped with the middle of its cycle and handed over at its end; a serial line's takes a
 * while. */
#define ENGINE_LAG_MS 10000

/*
 * What windows and states remember, under names that stay the same over restarts and reloads: "rule/NAME",
 * "rule/NAME/0", "derived/METER/POINT", "stream/NAME", "rules". `clean`: the end, all that was told has been
 * sent or is safe. Else the hourly safeguard, without windows and what the keep hook was told already:
 * streams, and rules whose time is running. `load` appends to `out` and returns false when there is nothing.
 * What does not fit (another expression, damaged) begins anew; a standing alert of a rule that is gone or
 * changed ends, through the hook.
 */
void engine_save(struct engine *e, bool clean,
                 void (*save)(void *arg, const char *name, const void *data, size_t n), void *arg);
void engine_load(struct engine *e, bool (*load)(void *arg, const char *name, struct buf *out), void *arg);
/*
 * After engine_load, in the process that saved: streams take over the histories of `old`, and time goes on
 * where it was, so that a reload changes nothing of what follows. Over a restart histories come out of the
 * ledger (stream_recall), and nobody watched meanwhile: what would have happened is seen at the first
 * reading.
 */
void engine_resume(struct engine *e, const struct engine *old);

/* In the order of the configuration; NULL past the end. */
struct rule *engine_rule(const struct engine *e, size_t i);
struct stream *engine_stream(const struct engine *e, size_t i);
/* The latest time it was told of; 0: none yet. */
struct utc engine_now(const struct engine *e);

#endif
