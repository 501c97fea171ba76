/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for another thread, by the monotonic clock: a step of the time of day neither ends nor prolongs it.
 */
#ifndef SYMBIONT_WAIT_H
#define SYMBIONT_WAIT_H

#include <pthread.h>
#include <time.h>
#include "symbiont/clock.h"

/*
 * Sleeps until `c` is signalled or the time comes; `m` is held before and after. 0, or ETIMEDOUT. May wake
 * for nothing, as pthread_cond_wait: the caller looks again. The clock is named at the call and not in the
 * condition's attributes, because libfaketime takes such deadlines for another clock's and makes waiting a
 * loop.
 */
static inline int wait_until(pthread_cond_t *c, pthread_mutex_t *m, struct mono until)
{
    struct timespec t = {until.ns / NS_PER_S, until.ns % NS_PER_S};
    return pthread_cond_clockwait(c, m, CLOCK_MONOTONIC, &t);
}

#endif
