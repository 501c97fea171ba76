/* SPDX-License-Identifier: Apache-2.0 */
/* What the outbox tests share: an outbox in a directory of its own, messages that carry their number. */
#ifndef TESTS_UNIT_OUTBOX_ROOM_H
#define TESTS_UNIT_OUTBOX_ROOM_H

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "symbiont/outbox.h"

#define SPILL_MS 50

struct room {
    char directory[64], path[96];
    struct outbox_settings settings;
    struct outbox *o;
};

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int setup(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    if (!r)
        return -1;
    strcpy(r->directory, "/tmp/symbiont-outbox-XXXXXX");
    if (!mkdtemp(r->directory))
        return -1;
    snprintf(r->path, sizeof r->path, "%s/outbox", r->directory);
    r->settings = (struct outbox_settings){
        .path = r->path,
        .spill_after_ns = SPILL_MS * NS_PER_MS,
        .disk_max_bytes = 64 << 20,
        .memory_max_bytes = 16 << 20,
        .lanes = {"mqtt", "influxdb"},
    };
    *state = r;
    return 0;
}

static inline int teardown(void **state)
{
    struct room *r = *state;
    if (r->o)
        outbox_close(r->o);
    nftw(r->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(r);
    return 0;
}

static inline void open_it(struct room *r)
{
    char why[256] = "";
    r->o = outbox_open(&r->settings, why, sizeof why);
    if (!r->o)
        fail_msg("%s", why);
}

static inline void close_it(struct room *r)
{
    assert_int_equal(outbox_close(r->o), 0);
    r->o = NULL;
}

static inline uint64_t put(struct room *r, size_t lane, unsigned i)
{
    char payload[64];
    int n = snprintf(payload, sizeof payload, "{\"ts\":%u,\"seq\":%u}", 1000 + i, i);
    return outbox_put(r->o, lane, "meters/a/state", payload, (size_t)n, (struct utc){1764000000000 + i});
}

static inline unsigned seq_of(const struct outbox_item *item)
{
    char text[64];
    assert_true(item->n < sizeof text);
    memcpy(text, item->payload, item->n);
    text[item->n] = '\0';
    unsigned ts, seq;
    assert_int_equal(sscanf(text, "{\"ts\":%u,\"seq\":%u}", &ts, &seq), 2);
    assert_int_equal(ts, 1000 + seq);
    return seq;
}

// Waits up to 10 s for `done`, which looks at the outbox's own counters.
static inline void wait_for(struct room *r, bool (*done)(struct room *r, uint64_t n), uint64_t n,
                            const char *what)
{
    struct mono until = mono_add(mono_now(), 10 * NS_PER_S);
    while (!done(r, n)) {
        if (!mono_before(mono_now(), until))
            fail_msg("%s (%llu) did not come", what, (unsigned long long)n);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

static inline bool on_disk(struct room *r, uint64_t n)
{
    struct outbox_stats s;
    outbox_lane_stats(r->o, 0, &s);
    return s.on_disk == n;
}

static inline bool commits(struct room *r, uint64_t n)
{
    struct outbox_disk d;
    outbox_disk_stats(r->o, &d);
    return d.commits >= n;
}

static inline struct outbox_stats stats(struct room *r, size_t lane)
{
    struct outbox_stats s;
    outbox_lane_stats(r->o, lane, &s);
    return s;
}

static inline struct outbox_disk disk(struct room *r)
{
    struct outbox_disk d;
    outbox_disk_stats(r->o, &d);
    return d;
}

// The next message, waiting for it.
static inline void take(struct room *r, size_t lane, struct outbox_item *item)
{
    struct mono until = mono_add(mono_now(), 10 * NS_PER_S);
    while (!outbox_next(r->o, lane, item)) {
        if (!mono_before(mono_now(), until))
            fail_msg("no message came");
        struct pollfd p = {.fd = outbox_event_fd(r->o, lane), .events = POLLIN};
        poll(&p, 1, 1000);
    }
}

static inline void expect(struct room *r, size_t lane, unsigned first, unsigned last, bool ack)
{
    struct outbox_item item;
    for (unsigned i = first; i <= last; i++) {
        take(r, lane, &item);
        assert_int_equal(seq_of(&item), i);
        assert_string_equal(item.topic, "meters/a/state");
        assert_int_equal(item.time.ms, 1764000000000 + i);
        if (ack)
            outbox_ack(r->o, lane, item.id);
    }
}

static inline void expect_none(struct room *r, size_t lane)
{
    struct outbox_item item;
    assert_false(outbox_next(r->o, lane, &item));
}

static inline bool readable(struct room *r, size_t lane)
{
    struct pollfd p = {.fd = outbox_event_fd(r->o, lane), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
