// SPDX-License-Identifier: Apache-2.0
// A serial line: a thread that waits for the bus, so that the loop need not. Transactions go to it and
// come back through mailboxes.
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include "meters/serial_bus.h"
#include "symbiont/mailbox.h"

// As many transactions are with the thread at most; the rest waits on the loop's side. Two would keep the
// bus busy; eight bridge a loop that is late.
#define WITH_THREAD_MAX 8

// An idle thread looks this often whether its port is still there, and shows that it lives.
#define IDLE_NS (2 * NS_PER_S)

struct finished {
    struct transaction *transaction;
    bool counts; // its request left and got a verdict
};

struct serial_line {
    struct line line; // first: the interface hands it back
    struct mailbox inbox, outbox;
    struct wakeup woken;
    struct transaction *waiting, **waiting_end;
    unsigned with_thread;
    pthread_t thread;
    struct serial_bus bus; // the thread's
};

// ---- The thread ----

static bool closes_after(const struct serial_bus *b, const struct transaction *t)
{
    return b->is_tcp && t->last_of_cycle && (t->close_after_cycle || b->close_after_cycle);
}

static bool ask(struct serial_line *s, struct transaction *t)
{
    if (!atomic_load(&t->withdrawn))
        return serial_bus_run(&s->bus, t);
    t->answer = (struct modbus_answer){.verdict = VERDICT_CANCELLED};
    t->asked = t->answered = mono_now();
    return false;
}

static void run(struct serial_line *s, struct transaction *t)
{
    struct finished f = {t, ask(s, t)};
    if (closes_after(&s->bus, t) && s->bus.fd >= 0 && mailbox_count(&s->inbox) == 0)
        serial_bus_sleep(&s->bus);
    mailbox_put(&s->outbox, &f); // has room for all that can be with the thread
}

static struct mono next_look(const struct serial_bus *b)
{
    struct mono due = mono_add(mono_now(), IDLE_NS);
    return b->fd < 0 && !b->asleep && mono_before(b->retry_at, due) ? b->retry_at : due;
}

static void *serve(void *arg)
{
    struct serial_line *s = arg;
    // The default slack of 50 us would be added to every silence between frames.
    prctl(PR_SET_TIMERSLACK, 1000UL);
    while (!s->bus.stopping) {
        struct transaction *t;
        serial_bus_tend(&s->bus);
        int got = mailbox_wait(&s->inbox, &t, next_look(&s->bus));
        if (got > 0)
            run(s, t);
        else if (got == 0)
            serial_bus_look_after(&s->bus);
    }
    serial_bus_close(&s->bus);
    return NULL;
}

// ---- The loop's side ----

static void feed(struct serial_line *s)
{
    while (s->waiting && s->with_thread < WITH_THREAD_MAX) {
        struct transaction *t = s->waiting;
        if (!mailbox_put(&s->inbox, &t))
            return; // closing
        s->waiting = t->next;
        if (!s->waiting)
            s->waiting_end = &s->waiting;
        s->with_thread++;
    }
}

static void count(struct line *l, const struct transaction *t)
{
    struct line_counters *n = &l->counters;
    int64_t took = mono_since(t->answered, t->asked),
            decayed = l->slowest_answer_ns - l->slowest_answer_ns / 64;
    enum verdict v = t->answer.verdict;
    bool answered = v == VERDICT_ANSWER || v == VERDICT_EXCEPTION;
    n->asked++;
    n->busy_ns += took;
    n->answered += answered;
    n->exceptions += v == VERDICT_EXCEPTION;
    n->timeouts += v == VERDICT_TIMEOUT;
    if (v == VERDICT_BAD_ANSWER)
        n->checks[t->answer.check]++;
    if (answered)
        l->slowest_answer_ns = took > decayed ? took : decayed;
}

static void take_report(struct serial_line *s)
{
    struct line_counters *n = &s->line.counters;
    struct serial_report *r = &s->bus.report;
    pthread_mutex_lock(&r->lock);
    n->connects = r->connects;
    n->connect_failures = r->connect_failures;
    n->drops = r->drops;
    n->checks[CHECK_STRAY] = r->strays;
    pthread_mutex_unlock(&r->lock);
}

static void take_back(struct serial_line *s)
{
    struct finished f;
    while (mailbox_take(&s->outbox, &f)) {
        s->with_thread--;
        if (f.counts)
            count(&s->line, f.transaction);
        feed(s); // before the callback: the bus must not wait for it
        f.transaction->done(f.transaction, &f.transaction->answer);
    }
}

static void woken(struct wakeup *w)
{
    struct serial_line *s = (struct serial_line *)((char *)w - offsetof(struct serial_line, woken));
    take_report(s);
    take_back(s);
}

static void serial_submit(struct line *l, struct transaction *t)
{
    struct serial_line *s = (struct serial_line *)l;
    t->next = NULL;
    *s->waiting_end = t;
    s->waiting_end = &t->next;
    feed(s);
}

static void cancel(struct transaction *t)
{
    t->answer = (struct modbus_answer){.verdict = VERDICT_CANCELLED};
    t->asked = t->answered = mono_now();
    t->done(t, &t->answer);
}

static void free_line(struct serial_line *s)
{
    wakeup_close(&s->woken);
    mailbox_free(&s->inbox);
    mailbox_free(&s->outbox);
    serial_bus_free(&s->bus);
    free(s);
}

static void serial_close(struct line *l)
{
    struct serial_line *s = (struct serial_line *)l;
    struct transaction *t;
    serial_bus_stop(&s->bus);
    mailbox_close(&s->inbox);
    pthread_join(s->thread, NULL);
    take_back(s);
    while (mailbox_take(&s->inbox, &t))
        cancel(t);
    t = s->waiting;
    s->waiting = NULL;
    s->waiting_end = &s->waiting;
    while (t) {
        struct transaction *next = t->next;
        cancel(t);
        t = next;
    }
    free_line(s);
}

static void serial_status(const struct line *l, struct json *j)
{
    static const char *const words[] = {[SERIAL_CLOSED] = "closed",
                                        [SERIAL_OPENING] = "connecting",
                                        [SERIAL_OPEN] = "connected",
                                        [SERIAL_FAILING] = "failing"};
    struct serial_line *s = (struct serial_line *)(uintptr_t)l; // to lock is not to change
    struct serial_report *r = &s->bus.report;
    take_report(s);
    json_text(j, "kind", s->bus.is_tcp ? "rtu_over_tcp" : "serial");
    json_text(j, "address", s->bus.address);
    if (l->config->mode)
        json_text(j, "mode", l->config->mode);
    pthread_mutex_lock(&r->lock);
    json_text(j, "state", words[r->state]);
    if (r->trouble[0])
        json_text(j, "trouble", r->trouble);
    json_int(j, "noisy_answers", (int64_t)r->noisy);
    pthread_mutex_unlock(&r->lock);
}

static struct mono serial_heartbeat(const struct line *l)
{
    const struct serial_line *s = (const struct serial_line *)l;
    return (struct mono){s->bus.beat_ns};
}

static const struct line_ops serial_ops = {serial_submit, serial_close, serial_status, serial_heartbeat};

static bool prepare(struct serial_line *s, char *why, size_t why_size)
{
    if (!serial_bus_init(&s->bus, s->line.config, why, why_size))
        return false;
    if (wakeup_open(&s->woken, s->line.loop, woken) < 0 ||
        mailbox_open(&s->inbox, sizeof(struct transaction *), WITH_THREAD_MAX, NULL) < 0 ||
        mailbox_open(&s->outbox, sizeof(struct finished), WITH_THREAD_MAX, &s->woken) < 0) {
        snprintf(why, why_size, "out of memory or descriptors");
        return false;
    }
    int rc = pthread_create(&s->thread, NULL, serve, s);
    if (rc != 0)
        snprintf(why, why_size, "cannot start a thread: %s", strerror(rc));
    return rc == 0;
}

struct line *serial_line_open(const struct line_config *c, struct loop *loop, char *why, size_t why_size)
{
    struct serial_line *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    s->line = (struct line){.ops = &serial_ops, .config = c, .loop = loop, .counters.since = mono_now()};
    s->waiting_end = &s->waiting;
    if (!prepare(s, why, why_size)) {
        free_line(s);
        return NULL;
    }
    return &s->line;
}
