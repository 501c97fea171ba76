// SPDX-License-Identifier: Apache-2.0
// The epoll loop: descriptors, a heap of timers, wake-ups from other threads.
#include "symbiont/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

// One turn fetches at most this many events; more wait for the next turn, after the timers.
#define EVENTS_PER_TURN 256

struct loop {
    int epoll_fd;
    bool stopping, coarse; // coarse: there is no epoll_pwait2
    struct mono now;
    int64_t gather_ns;
    struct timer **heap; // smallest due first
    size_t timers, timer_cap;
    struct epoll_event events[EVENTS_PER_TURN];
    int fetched; // events of this turn; those of an unwatched descriptor are blanked
};

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0) {
        free(l);
        return NULL;
    }
    l->now = mono_now();
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    close(l->epoll_fd);
    free(l->heap);
    free(l);
}

struct mono loop_now(const struct loop *l)
{
    return l->now;
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
}

int loop_watch(struct loop *l, struct watch *w, uint32_t events)
{
    if (w->active && w->events == events)
        return 0;
    struct epoll_event e = {.events = events, .data.ptr = w};
    if (epoll_ctl(l->epoll_fd, w->active ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e) < 0)
        return -1;
    w->active = true;
    w->events = events;
    return 0;
}

void loop_unwatch(struct loop *l, struct watch *w)
{
    if (!w->active)
        return;
    epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    w->active = false;
    for (int i = 0; i < l->fetched; i++)
        if (l->events[i].data.ptr == w)
            l->events[i].data.ptr = NULL;
}

void loop_gather(struct loop *l, int64_t ns)
{
    l->gather_ns = ns;
}

static void heap_set(struct loop *l, size_t i, struct timer *t)
{
    l->heap[i] = t;
    t->slot = i + 1;
}

static void sift_up(struct loop *l, size_t i)
{
    struct timer *t = l->heap[i];
    while (i > 0 && mono_before(t->due, l->heap[(i - 1) / 2]->due)) {
        heap_set(l, i, l->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_set(l, i, t);
}

static void sift_down(struct loop *l, size_t i)
{
    struct timer *t = l->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= l->timers)
            break;
        if (child + 1 < l->timers && mono_before(l->heap[child + 1]->due, l->heap[child]->due))
            child++;
        if (!mono_before(l->heap[child]->due, t->due))
            break;
        heap_set(l, i, l->heap[child]);
        i = child;
    }
    heap_set(l, i, t);
}

int loop_timer(struct loop *l, struct timer *t, struct mono due)
{
    if (t->slot) {
        t->due = due;
        sift_up(l, t->slot - 1);
        sift_down(l, t->slot - 1);
        return 0;
    }
    if (l->timers == l->timer_cap) {
        size_t cap = l->timer_cap ? 2 * l->timer_cap : 64;
        struct timer **heap = realloc(l->heap, cap * sizeof(struct timer *));
        if (!heap)
            return -1;
        l->heap = heap;
        l->timer_cap = cap;
    }
    t->due = due;
    heap_set(l, l->timers++, t);
    sift_up(l, t->slot - 1);
    return 0;
}

void loop_timer_stop(struct loop *l, struct timer *t)
{
    if (!t->slot)
        return;
    size_t i = t->slot - 1;
    t->slot = 0;
    struct timer *last = l->heap[--l->timers];
    if (last == t)
        return;
    heap_set(l, i, last);
    sift_up(l, i);
    sift_down(l, last->slot - 1);
}

static void fire_due(struct loop *l)
{
    // A timer set again by its own handler for a time not after `now` waits for the next turn.
    struct mono now = l->now;
    while (l->timers && !mono_before(now, l->heap[0]->due) && !l->stopping) {
        struct timer *t = l->heap[0];
        loop_timer_stop(l, t);
        t->fire(t, now);
        if (t->slot == 1 && !mono_before(now, t->due))
            break;
    }
}

static int milliseconds_up(const struct timespec *wait)
{
    if (!wait)
        return -1;
    if (wait->tv_sec > INT_MAX / 1000 - 1)
        return INT_MAX;
    return (int)(wait->tv_sec * 1000 + (wait->tv_nsec + 999999) / 1000000);
}

static int fetch(struct loop *l, const struct timespec *wait)
{
    int n = l->coarse ? -1 : epoll_pwait2(l->epoll_fd, l->events, EVENTS_PER_TURN, wait, NULL);
    // Kernels before 5.11, and what pretends to be one (valgrind, sandboxes): whole milliseconds have to do.
    if (n < 0 && (l->coarse || errno == ENOSYS)) {
        l->coarse = true;
        n = epoll_wait(l->epoll_fd, l->events, EVENTS_PER_TURN, milliseconds_up(wait));
    }
    if (n < 0 && errno == EINTR)
        n = 0;
    l->fetched = n < 0 ? 0 : n;
    return n;
}

int loop_turn(struct loop *l, int64_t max_wait_ns)
{
    static const struct timespec at_once = {0, 0};
    l->now = mono_now();
    int64_t wait = max_wait_ns;
    if (l->timers) {
        int64_t until = mono_since(l->heap[0]->due, l->now);
        if (until < 0)
            until = 0;
        if (wait < 0 || until < wait)
            wait = until;
    }
    struct timespec ts = {wait / NS_PER_S, wait % NS_PER_S};
    int n = fetch(l, wait < 0 ? NULL : &ts);
    // What was asked together is answered nearly together: a short rest lets one turn take it all.
    if (n > 0 && l->gather_ns && wait != 0) {
        nanosleep(&(struct timespec){0, l->gather_ns}, NULL);
        n = fetch(l, &at_once);
    }
    if (n < 0)
        return -1;
    l->now = mono_now();
    for (int i = 0; i < l->fetched && !l->stopping; i++) {
        struct watch *w = l->events[i].data.ptr;
        if (w)
            w->ready(w, l->events[i].events);
    }
    l->fetched = 0;
    fire_due(l);
    return 0;
}

int loop_run(struct loop *l)
{
    l->stopping = false;
    while (!l->stopping)
        if (loop_turn(l, -1) < 0)
            return -1;
    return 0;
}

static void wakeup_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct wakeup *w = (struct wakeup *)watch;
    uint64_t count;
    if (read(w->watch.fd, &count, sizeof count) == sizeof count)
        w->woken(w);
}

int wakeup_open(struct wakeup *w, struct loop *l, void (*woken)(struct wakeup *w))
{
    *w = (struct wakeup){.watch = {.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .ready = wakeup_ready},
                         .woken = woken,
                         .loop = l};
    if (w->watch.fd < 0)
        return -1;
    if (loop_watch(l, &w->watch, EPOLLIN) < 0) {
        close(w->watch.fd);
        w->watch.fd = -1;
        return -1;
    }
    return 0;
}

void wakeup_close(struct wakeup *w)
{
    if (!w->loop)
        return;
    loop_unwatch(w->loop, &w->watch);
    close(w->watch.fd);
    *w = (struct wakeup){.watch.fd = -1};
}

void wakeup_send(struct wakeup *w)
{
    int saved = errno;
    uint64_t one = 1;
    // EAGAIN: the counter is full, so the loop is about to wake anyway.
    ssize_t n = write(w->watch.fd, &one, sizeof one);
    (void)n;
    errno = saved;
}
