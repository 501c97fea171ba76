/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, one epoll loop. Modules embed a struct watch or struct timer and get called with it;
 * they never see the loop's inside. The clock is read once per turn. No select(), no limit on
 * descriptor numbers.
 */
#ifndef SYMBIONT_LOOP_H
#define SYMBIONT_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/clock.h"

struct loop;

struct watch {
    int fd;
    void (*ready)(struct watch *w, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, ... */
    uint32_t events;                                 /* what is waited for; set by loop_watch */
    bool active;
};

struct timer {
    void (*fire)(struct timer *t, struct mono now);
    struct mono due;
    size_t slot; /* place in the heap plus one; 0: not set */
};

/* NULL with errno set when epoll or memory is not to be had. */
struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Runs until loop_stop; returns 0, or -1 with errno when epoll itself fails. */
int loop_run(struct loop *l);
/* One turn, waiting at most `max_wait_ns` (< 0: until something happens). For tests. */
int loop_turn(struct loop *l, int64_t max_wait_ns);
void loop_stop(struct loop *l);

/*
 * After a wake-up by a descriptor, rest for so long (below 1 s; 0, the default: not at all) before the turn
 * takes what is there. Answers to requests that left together then share a wake-up instead of causing one
 * each, and are noticed that much later.
 */
void loop_gather(struct loop *l, int64_t ns);

/* The time this turn began. */
struct mono loop_now(const struct loop *l);

/* Starts watching, or changes the events of a watched descriptor. Returns -1 with errno. A watch
 * that is unwatched during a turn gets no more calls, even for events already fetched. */
int loop_watch(struct loop *l, struct watch *w, uint32_t events);
void loop_unwatch(struct loop *l, struct watch *w);

/* (Re)sets the timer. Room for timers is reserved by loop_reserve_timers, or grown here; returns -1
 * with errno ENOMEM when it cannot grow, the timer then unset. Fires once, at or after `due`. */
int loop_timer(struct loop *l, struct timer *t, struct mono due);
void loop_timer_stop(struct loop *l, struct timer *t);

static inline bool timer_is_set(const struct timer *t)
{
    return t->slot != 0;
}

/*
 * A wake-up is callable from any thread: `woken` runs once on the loop's thread some time after one
 * or more loop_wakeup calls.
 */
struct wakeup {
    struct watch watch; /* an eventfd */
    void (*woken)(struct wakeup *w);
    struct loop *loop;
};

int wakeup_open(struct wakeup *w, struct loop *l, void (*woken)(struct wakeup *w));
void wakeup_close(struct wakeup *w);
void wakeup_send(struct wakeup *w); /* async-signal-safe, any thread */

#endif
