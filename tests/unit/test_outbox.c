// SPDX-License-Identifier: Apache-2.0
// The outbox: memory, spilling, order across both, acknowledging, bounds, facts, lanes at reload.
#include "outbox_room.h"
#include <sqlite3.h>

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

static void a_lane_that_keeps_up_is_not_written_with_one_that_does_not(void **state)
{
    struct room *r = *state;
    r->settings.spill_after_ns = 400 * NS_PER_MS;
    open_it(r);
    struct outbox_item item;
    struct mono until = mono_add(mono_now(), 1200 * NS_PER_MS);
    for (unsigned i = 0; mono_before(mono_now(), until); i++) {
        put(r, 0, i);
        put(r, 1, i);
        take(r, 1, &item);
        outbox_ack(r->o, 1, item.id);
        assert_int_equal(stats(r, 1).on_disk, 0);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    assert_true(stats(r, 0).on_disk > 0);
    assert_true(disk(r).commits >= 2);
}

static void spilled_messages_leave_memory(void **state)
{
    struct room *r = *state;
    r->settings.spill_after_ns = 1 * NS_PER_MS;
    r->settings.memory_max_bytes = 2 << 20;
    open_it(r);
    unsigned n = 0;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 8000; i++)
            put(r, 0, n++);
        wait_for(r, on_disk, n, "messages on disk");
    }
    assert_int_equal(stats(r, 0).dropped, 0); // 13 MiB have passed through 2 MiB
    expect(r, 0, 0, n - 1, true);
}

static void acknowledged_rows_go_with_the_next_insert(void **state)
{
    struct room *r = *state;
    open_it(r);
    for (unsigned i = 0; i < 3000; i++)
        put(r, 0, i);
    wait_for(r, on_disk, 3000, "messages on disk");
    expect(r, 0, 0, 2999, true);
    uint64_t before = disk(r).commits;
    for (unsigned i = 3000; i < 3010; i++)
        put(r, 0, i);
    wait_for(r, on_disk, 10, "messages on disk");
    assert_int_equal(disk(r).commits, before + 1);
    // Nothing more happens by itself.
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 200000000}, NULL);
    assert_int_equal(disk(r).commits, before + 1);
    // What is then acknowledged goes although nothing is inserted: one commit.
    expect(r, 0, 3000, 3009, true);
    wait_for(r, commits, before + 2, "the commit that empties the file");
    uint64_t bytes = disk(r).bytes_written;
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 200000000}, NULL);
    assert_int_equal(disk(r).bytes_written, bytes);
    close_it(r);
    open_it(r);
    expect_none(r, 0);
}

// A message that does not compress, with its number in front.
static void put_noise(struct room *r, size_t lane, uint32_t i)
{
    static unsigned char payload[4000];
    uint64_t x = i * 0x9e3779b97f4a7c15u + 1;
    for (size_t k = 0; k < sizeof payload; k++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        payload[k] = (unsigned char)(x >> 32);
    }
    memcpy(payload, &i, sizeof i);
    outbox_put(r->o, lane, "n", payload, sizeof payload, (struct utc){1764000000000 + i});
}

static uint32_t noise_number(const struct outbox_item *item)
{
    uint32_t i;
    assert_int_equal(item->n, 4000);
    memcpy(&i, item->payload, sizeof i);
    return i;
}

static void the_bound_of_the_file_drops_the_oldest_and_says_which(void **state)
{
    struct room *r = *state;
    r->settings.spill_after_ns = 5 * NS_PER_MS;
    r->settings.disk_max_bytes = 2 << 20;
    open_it(r);
    for (uint32_t i = 0; i < 20; i++)
        put_noise(r, 1, i);
    for (uint32_t i = 0; i < 2000; i++) { // 8 MB for 2 MiB
        put_noise(r, 0, i);
        if (i % 40 == 39)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    struct mono until = mono_add(mono_now(), 10 * NS_PER_S);
    while (stats(r, 0).waiting != stats(r, 0).on_disk && mono_before(mono_now(), until))
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    struct outbox_stats s = stats(r, 0);
    assert_int_equal(s.waiting, s.on_disk);
    assert_int_equal(s.waiting + s.dropped, 2000);
    assert_true(s.waiting > 250 && s.waiting < 524); // 1.0 to 2 MiB of them
    if (disk(r).file_bytes > 2 << 20)
        fail_msg("the file and its log take %lld bytes", (long long)disk(r).file_bytes);
    // The lane that did not fill it has kept all.
    assert_int_equal(stats(r, 1).dropped, 0);
    assert_int_equal(stats(r, 1).waiting, 20);

    close_it(r);
    open_it(r);
    struct outbox_item item;
    struct outbox_gap gap;
    for (uint32_t i = (uint32_t)s.dropped; i < 2000; i++) {
        take(r, 0, &item);
        assert_int_equal(noise_number(&item), i);
        if (i == s.dropped) {
            assert_true(outbox_gap(r->o, 0, &gap));
            assert_int_equal(gap.count, s.dropped);
            assert_int_equal(gap.last_id, item.id - 1);
            assert_int_equal(gap.first_id, item.id - s.dropped);
            assert_int_equal(gap.from.ms, 1764000000000);
            assert_int_equal(gap.to.ms, 1764000000000 + (int64_t)s.dropped - 1);
        }
    }
    expect_none(r, 0);
    outbox_gap_done(r->o, 0, &gap);
    assert_false(outbox_gap(r->o, 0, &gap));
    close_it(r);
    open_it(r);
    assert_false(outbox_gap(r->o, 0, &gap));
}

static void a_lowered_bound_is_kept_from_the_next_message_on(void **state)
{
    struct room *r = *state;
    char why[256];
    r->settings.disk_max_bytes = 16 << 20;
    open_it(r);
    for (uint32_t i = 0; i < 2000; i++)
        put_noise(r, 0, i);
    wait_for(r, on_disk, 2000, "messages on disk");
    assert_true(disk(r).file_bytes > 6 << 20);
    r->settings.disk_max_bytes = 2 << 20;
    assert_int_equal(outbox_configure(r->o, &r->settings, why, sizeof why), 0);
    put_noise(r, 0, 2000);
    struct mono until = mono_add(mono_now(), 10 * NS_PER_S);
    while (disk(r).file_bytes > 2 << 20 && mono_before(mono_now(), until)) {
        put_noise(r, 0, 2001);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    assert_true(disk(r).file_bytes <= 2 << 20);
    struct stat st;
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(stats(r, 0).dropped > 1400);
}

static void always_shows_a_message_only_when_it_is_synced(void **state)
{
    struct room *r = *state;
    r->settings.always = true;
    r->settings.spill_after_ns = 300 * NS_PER_MS;
    open_it(r);
    struct outbox_item item;
    uint64_t bytes = disk(r).bytes_written;
    for (unsigned i = 0; i < 200; i++) {
        put(r, 0, i);
        if (i % 3)
            continue;
        // Whatever can be had is on disk already.
        while (outbox_next(r->o, 0, &item)) {
            assert_true(disk(r).bytes_written > bytes);
            assert_true(stats(r, 0).on_disk >= 1);
            outbox_ack(r->o, 0, item.id);
        }
        bytes = disk(r).bytes_written;
    }
    outbox_rewind(r->o, 0, 1);
    while (outbox_next(r->o, 0, &item))
        outbox_ack(r->o, 0, item.id);
    // The rest comes without another put.
    struct mono until = mono_add(mono_now(), 10 * NS_PER_S);
    while (stats(r, 0).waiting && mono_before(mono_now(), until)) {
        take(r, 0, &item);
        outbox_ack(r->o, 0, item.id);
    }
    assert_int_equal(seq_of(&item), 199);
    assert_int_equal(stats(r, 0).acked, 200);
    // Not acknowledged, they stay readable when their memory is freed.
    for (unsigned i = 200; i < 2200; i++)
        put(r, 0, i);
    nanosleep(&(struct timespec){.tv_nsec = 600000000}, NULL);
    for (unsigned i = 2200; i < 2300; i++)
        put(r, 0, i);
    expect(r, 0, 200, 2299, true);
}

static void facts_are_kept_and_written_once(void **state)
{
    struct room *r = *state;
    open_it(r);
    char value[64];
    assert_int_equal(outbox_kept(r->o, "counter/a", value, sizeof value), -1);
    outbox_keep(r->o, "counter/a", "1234", 4);
    assert_int_equal(outbox_kept(r->o, "counter/a", value, 2), 4);
    assert_memory_equal(value, "12", 2);
    outbox_keep(r->o, "counter/b", "", 0);
    outbox_keep(r->o, "gone", "x", 1);
    wait_for(r, commits, 1, "the commit of the facts");
    outbox_keep(r->o, "gone", NULL, 0);
    assert_int_equal(outbox_kept(r->o, "gone", value, sizeof value), -1);
    uint64_t before = disk(r).commits;
    wait_for(r, commits, before + (before == 1), "the commit of the forgotten fact");
    uint64_t bytes = disk(r).bytes_written;
    for (int i = 0; i < 100; i++)
        outbox_keep(r->o, "counter/a", "1234", 4);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    assert_int_equal(disk(r).bytes_written, bytes);
    // A stream of changes makes about a commit a second.
    before = disk(r).commits;
    for (int i = 0; i < 150; i++) {
        outbox_keep(r->o, "counter/c", &i, sizeof i);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_true(disk(r).commits >= before + 1 && disk(r).commits <= before + 4);
    // Not yet committed is kept by a clean close.
    outbox_keep(r->o, "counter/a", "12345", 5);
    close_it(r);
    open_it(r);
    assert_int_equal(outbox_kept(r->o, "counter/a", value, sizeof value), 5);
    assert_memory_equal(value, "12345", 5);
    assert_int_equal(outbox_kept(r->o, "counter/b", value, sizeof value), 0);
    assert_int_equal(outbox_kept(r->o, "gone", value, sizeof value), -1);
}

struct seen {
    unsigned n, first, last;
    char why[64];
};

static void see(const struct outbox_rejected *what, void *arg)
{
    struct seen *s = arg;
    unsigned seq = (unsigned)(what->time.ms - 1764000000000);
    if (s->n++ == 0)
        s->first = seq;
    s->last = seq;
    snprintf(s->why, sizeof s->why, "%s/%s/%.*s", what->lane, what->why, (int)what->n, what->payload);
}

static void rejected_messages_are_a_bounded_ring(void **state)
{
    struct room *r = *state;
    open_it(r);
    struct outbox_item item;
    for (unsigned i = 0; i < 1200; i++) {
        put(r, 0, i);
        take(r, 0, &item);
        outbox_reject(r->o, 0, &item, "not authorized");
        outbox_ack(r->o, 0, item.id);
    }
    assert_int_equal(stats(r, 0).rejected, 1200);
    char payload[] = "{\"ts\":2199,\"seq\":1199}";
    struct outbox_item last = {
        .id = item.id, .time = item.time, .topic = "", .payload = payload, .n = sizeof payload - 1};
    for (int round = 0; round < 2; round++) {
        struct seen s = {0};
        assert_int_equal(outbox_rejected_each(r->o, see, &s), 1000);
        assert_int_equal(s.n, 1000);
        assert_int_equal(s.first, 200);
        assert_int_equal(s.last, 1199);
        assert_string_equal(s.why, "mqtt/not authorized/{\"ts\":2199,\"seq\":1199}");
        assert_true(outbox_was_rejected(r->o, 0, &last));
        assert_false(outbox_was_rejected(r->o, 1, &last)); // another lane's message
        last.id++;
        assert_false(outbox_was_rejected(r->o, 0, &last));
        last.id--;
        close_it(r);
        open_it(r);
    }
    sqlite3 *db;
    sqlite3_stmt *st;
    close_it(r);
    assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM rejected", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 1000);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

static void lanes_come_and_go_at_reload(void **state)
{
    struct room *r = *state;
    char why[256];
    open_it(r);
    for (unsigned i = 0; i < 100; i++) {
        put(r, 0, i);
        put(r, 1, 1000 + i);
    }
    expect(r, 0, 0, 9, true);
    // mqtt goes, influxdb moves to its place, a new one comes.
    struct outbox_settings s = r->settings;
    s.lanes[0] = "influxdb";
    s.lanes[1] = "kafka";
    assert_int_equal(outbox_configure(r->o, &s, why, sizeof why), 0);
    expect(r, 0, 1000, 1099, true);
    expect_none(r, 1);
    put(r, 1, 5);
    expect(r, 1, 5, 5, true);
    // The messages of the lane that is gone are written after the spill time like any others, and come back
    // with it.
    assert_int_equal(outbox_configure(r->o, &r->settings, why, sizeof why), 0);
    wait_for(r, on_disk, 90, "messages of the lane that was gone");
    put(r, 0, 100);
    expect(r, 0, 10, 100, false);
    assert_int_equal(outbox_configure(r->o, &r->settings, why, sizeof why), 0);
    expect(r, 0, 10, 100, false); // what was taken and not acknowledged comes again
    close_it(r);
    r->settings = s;
    open_it(r);
    expect_none(r, 0);
    expect_none(r, 1);
    close_it(r);
    s.lanes[2] = "mqtt";
    r->settings = s;
    open_it(r);
    expect(r, 2, 10, 100, true);
    s.path = "/elsewhere";
    assert_int_equal(outbox_configure(r->o, &s, why, sizeof why), -1);
    assert_non_null(strstr(why, "restart"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_come_in_order_with_growing_ids),
        TEST(rewinding_hands_out_again),
        TEST(an_item_stays_valid_until_the_next),
        TEST(the_descriptor_tells_once),
        TEST(a_full_memory_drops_the_oldest_and_says_which),
        TEST(the_lane_that_lags_pays_for_the_memory),
        TEST(a_healthy_outbox_writes_nothing),
        TEST(a_lane_that_keeps_up_is_not_written_with_one_that_does_not),
        TEST(unacknowledged_messages_go_to_disk_and_come_back_in_order),
        TEST(what_is_left_is_offered_first_after_reopening),
        TEST(spilled_messages_leave_memory),
        TEST(acknowledged_rows_go_with_the_next_insert),
        TEST(the_bound_of_the_file_drops_the_oldest_and_says_which),
        TEST(a_lowered_bound_is_kept_from_the_next_message_on),
        TEST(always_shows_a_message_only_when_it_is_synced),
        TEST(facts_are_kept_and_written_once),
        TEST(rejected_messages_are_a_bounded_ring),
        TEST(lanes_come_and_go_at_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
