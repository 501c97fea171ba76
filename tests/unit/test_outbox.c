// SPDX-License-Identifier: Apache-2.0
// The outbox: memory, spilling, order across both, acknowledging, bounds, reopening, damaged files.
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <sqlite3.h>
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

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    strcpy(r->directory, "/tmp/symbiont-outbox-XXXXXX");
    if (!r || !mkdtemp(r->directory))
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

static int teardown(void **state)
{
    struct room *r = *state;
    if (r->o)
        outbox_close(r->o);
    nftw(r->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(r);
    return 0;
}

static void open_it(struct room *r)
{
    char why[256] = "";
    r->o = outbox_open(&r->settings, why, sizeof why);
    if (!r->o)
        fail_msg("%s", why);
}

static void close_it(struct room *r)
{
    assert_int_equal(outbox_close(r->o), 0);
    r->o = NULL;
}

static uint64_t put(struct room *r, size_t lane, unsigned i)
{
    char payload[64];
    int n = snprintf(payload, sizeof payload, "{\"ts\":%u,\"seq\":%u}", 1000 + i, i);
    return outbox_put(r->o, lane, "meters/a/state", payload, (size_t)n, (struct utc){1764000000000 + i});
}

static unsigned seq_of(const struct outbox_item *item)
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
static void wait_for(struct room *r, bool (*done)(struct room *r, uint64_t n), uint64_t n, const char *what)
{
    struct mono until = mono_add(mono_now(), 10 * NS_PER_S);
    while (!done(r, n)) {
        if (!mono_before(mono_now(), until))
            fail_msg("%s (%llu) did not come", what, (unsigned long long)n);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

static bool on_disk(struct room *r, uint64_t n)
{
    struct outbox_stats s;
    outbox_lane_stats(r->o, 0, &s);
    return s.on_disk == n;
}

static bool commits(struct room *r, uint64_t n)
{
    struct outbox_disk d;
    outbox_disk_stats(r->o, &d);
    return d.commits >= n;
}

// The next message, waiting for it.
static void take(struct room *r, size_t lane, struct outbox_item *item)
{
    struct mono until = mono_add(mono_now(), 10 * NS_PER_S);
    while (!outbox_next(r->o, lane, item)) {
        if (!mono_before(mono_now(), until))
            fail_msg("no message came");
        struct pollfd p = {.fd = outbox_event_fd(r->o, lane), .events = POLLIN};
        poll(&p, 1, 1000);
    }
}

static void expect(struct room *r, size_t lane, unsigned first, unsigned last, bool ack)
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

static void expect_none(struct room *r, size_t lane)
{
    struct outbox_item item;
    assert_false(outbox_next(r->o, lane, &item));
}

static bool readable(struct room *r, size_t lane)
{
    struct pollfd p = {.fd = outbox_event_fd(r->o, lane), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

// --- memory -------------------------------------------------------------------------------------------

static void messages_come_in_order_with_growing_ids(void **state)
{
    struct room *r = *state;
    r->settings.path = NULL;
    open_it(r);
    uint64_t last = 0;
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t id = put(r, 0, i);
        assert_true(id > last);
        last = id;
    }
    assert_true(put(r, 1, 7) > 0);
    expect(r, 0, 0, 4999, false);
    expect_none(r, 0);
    expect(r, 1, 7, 7, true);
    struct outbox_stats s;
    outbox_lane_stats(r->o, 0, &s);
    assert_int_equal(s.put, 5000);
    assert_int_equal(s.waiting, 5000);
    outbox_ack(r->o, 0, last);
    outbox_lane_stats(r->o, 0, &s);
    assert_int_equal(s.acked, 5000);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.oldest_age_ms, 0);
}

static void rewinding_hands_out_again(void **state)
{
    struct room *r = *state;
    r->settings.path = NULL;
    open_it(r);
    for (unsigned i = 0; i < 1000; i++)
        put(r, 0, i);
    struct outbox_item item;
    uint64_t ids[1000];
    for (unsigned i = 0; i < 1000; i++) {
        take(r, 0, &item);
        ids[i] = item.id;
    }
    outbox_ack(r->o, 0, ids[299]);
    outbox_rewind(r->o, 0, ids[500]);
    expect(r, 0, 500, 999, false);
    // Not before what is acknowledged.
    outbox_rewind(r->o, 0, ids[100]);
    expect(r, 0, 300, 999, false);
    expect_none(r, 0);
}

static void an_item_stays_valid_until_the_next(void **state)
{
    struct room *r = *state;
    r->settings.path = NULL;
    open_it(r);
    put(r, 0, 1);
    struct outbox_item item;
    take(r, 0, &item);
    outbox_ack(r->o, 0, item.id);
    for (unsigned i = 2; i < 3000; i++)
        put(r, 0, i);
    assert_int_equal(seq_of(&item), 1);
}

static void the_descriptor_tells_once(void **state)
{
    struct room *r = *state;
    r->settings.path = NULL;
    open_it(r);
    assert_false(readable(r, 0));
    put(r, 0, 0);
    assert_true(readable(r, 0));
    put(r, 0, 1);
    expect(r, 0, 0, 1, true);
    assert_true(readable(r, 0)); // until "none" was said
    expect_none(r, 0);
    assert_false(readable(r, 0));
    put(r, 0, 2);
    assert_true(readable(r, 0));
    assert_false(readable(r, 1));
}

static void a_full_memory_drops_the_oldest_and_says_which(void **state)
{
    struct room *r = *state;
    r->settings.path = NULL;
    r->settings.memory_max_bytes = 1 << 20;
    open_it(r);
    static char payload[1000];
    uint64_t first = 0, last = 0;
    for (unsigned i = 0; i < 3000; i++) {
        last = outbox_put(r->o, 0, "t", payload, sizeof payload, (struct utc){1000 + i});
        assert_true(last > 0);
        if (i == 0)
            first = last;
    }
    struct outbox_item item;
    take(r, 0, &item);
    struct outbox_gap gap;
    assert_true(outbox_gap(r->o, 0, &gap));
    assert_int_equal(gap.first_id, first);
    assert_int_equal(gap.last_id, item.id - 1);
    assert_int_equal(gap.count, item.id - first);
    assert_int_equal(gap.from.ms, 1000);
    assert_int_equal(gap.to.ms, 1000 + (int64_t)gap.count - 1);
    assert_true(gap.count > 1900 && gap.count < 2200);
    struct outbox_stats s;
    outbox_lane_stats(r->o, 0, &s);
    assert_int_equal(s.dropped, gap.count);
    assert_int_equal(s.waiting, 3000 - gap.count);
    outbox_gap_done(r->o, 0, &gap);
    assert_false(outbox_gap(r->o, 0, &gap));
    // A message no memory bound could hold is refused, counted, and a gap too.
    static char huge[2 << 20];
    assert_int_equal(outbox_put(r->o, 0, "t", huge, sizeof huge, (struct utc){5000}), 0);
    assert_true(outbox_gap(r->o, 0, &gap));
    assert_int_equal(gap.count, 1);
    assert_int_equal(gap.from.ms, 5000);
    assert_int_equal(last - item.id + 1 + s.dropped, 3000);
}

static void the_lane_that_lags_pays_for_the_memory(void **state)
{
    struct room *r = *state;
    r->settings.path = NULL;
    r->settings.memory_max_bytes = 1 << 20;
    open_it(r);
    static char payload[1000];
    struct outbox_item item;
    for (unsigned i = 0; i < 5000; i++) {
        outbox_put(r->o, 0, "t", payload, sizeof payload, (struct utc){i});
        outbox_put(r->o, 1, "t", payload, sizeof payload, (struct utc){i});
        take(r, 1, &item);
        assert_int_equal(item.time.ms, i);
        outbox_ack(r->o, 1, item.id);
    }
    struct outbox_stats s;
    outbox_lane_stats(r->o, 1, &s);
    assert_int_equal(s.dropped, 0);
    outbox_lane_stats(r->o, 0, &s);
    assert_true(s.dropped > 3000);
}

// --- disk ---------------------------------------------------------------------------------------------

static void a_healthy_outbox_writes_nothing(void **state)
{
    struct room *r = *state;
    r->settings.spill_after_ns = 400 * NS_PER_MS;
    open_it(r);
    struct outbox_disk before, after;
    outbox_disk_stats(r->o, &before);
    assert_true(before.bytes_written > 0);
    struct outbox_item item;
    struct mono until = mono_add(mono_now(), 1200 * NS_PER_MS);
    for (unsigned i = 0; mono_before(mono_now(), until); i++) {
        put(r, 0, i);
        take(r, 0, &item);
        assert_int_equal(seq_of(&item), i);
        assert_false(item.backlog);
        outbox_ack(r->o, 0, item.id);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    outbox_disk_stats(r->o, &after);
    assert_int_equal(after.bytes_written, before.bytes_written);
    assert_int_equal(after.commits, 0);
    assert_false(after.failing);
}

static void unacknowledged_messages_go_to_disk_and_come_back_in_order(void **state)
{
    struct room *r = *state;
    open_it(r);
    unsigned n = 0;
    for (; n < 5000; n++)
        put(r, 0, n);
    wait_for(r, on_disk, n, "messages on disk");
    for (; n < 8000; n++)
        put(r, 0, n);
    expect(r, 0, 0, 6999, false);
    for (; n < 9000; n++)
        put(r, 0, n);
    expect(r, 0, 7000, 8999, false);
    expect_none(r, 0);
    struct outbox_item item;
    outbox_rewind(r->o, 0, 1);
    take(r, 0, &item);
    assert_int_equal(seq_of(&item), 0);
    assert_true(item.backlog);
    expect(r, 0, 1, 8999, true);
    wait_for(r, on_disk, 0, "empty disk");
    struct outbox_stats s;
    outbox_lane_stats(r->o, 0, &s);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.acked, 9000);
    assert_int_equal(s.dropped, 0);
}

static void what_is_left_is_offered_first_after_reopening(void **state)
{
    struct room *r = *state;
    open_it(r);
    uint64_t epoch = outbox_epoch(r->o), last = 0;
    for (unsigned i = 0; i < 3000; i++)
        last = put(r, 0, i);
    put(r, 1, 5);
    expect(r, 0, 0, 1499, true);
    close_it(r);
    open_it(r);
    assert_int_equal(outbox_epoch(r->o), epoch + 1);
    struct outbox_stats s;
    outbox_lane_stats(r->o, 0, &s);
    assert_int_equal(s.waiting, 1500);
    assert_int_equal(s.on_disk, 1500);
    assert_true(put(r, 0, 3000) > last);
    expect(r, 0, 1500, 3000, true);
    expect(r, 1, 5, 5, false);
    close_it(r);
    open_it(r);
    expect_none(r, 0);
    expect(r, 1, 5, 5, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(messages_come_in_order_with_growing_ids),
        TEST(rewinding_hands_out_again),
        TEST(an_item_stays_valid_until_the_next),
        TEST(the_descriptor_tells_once),
        TEST(a_full_memory_drops_the_oldest_and_says_which),
        TEST(the_lane_that_lags_pays_for_the_memory),
        TEST(a_healthy_outbox_writes_nothing),
        TEST(unacknowledged_messages_go_to_disk_and_come_back_in_order),
        TEST(what_is_left_is_offered_first_after_reopening),
    };
    (void)commits;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
