// SPDX-License-Identifier: Apache-2.0
// A lane without a disk: spans against a bitmap, losses and their gap records, blocks collected and brought
// back.
#include "outbox_room.h"
#include "store/outbox_lane.h"

#define IDS 200u

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void spans_behave_as_a_bitmap(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 200; round++) {
        struct spans s = {0};
        bool there[IDS + 2] = {false};
        for (int step = 0; step < 60; step++) {
            uint64_t first = 1 + draw(&seed) % IDS, last = first + draw(&seed) % 20;
            last = last > IDS ? IDS : last;
            bool add = draw(&seed) % 2;
            uint64_t expected = 0;
            for (uint64_t i = first; i <= last; i++) {
                expected += there[i] && !add;
                there[i] = add;
            }
            if (add)
                assert_int_equal(spans_add(&s, first, last), 0);
            else
                assert_int_equal(spans_remove(&s, first, last), expected);
            uint64_t next = 0, count = 0;
            for (uint64_t i = IDS; i >= 1; i--) {
                next = there[i] ? i : next;
                count += there[i];
                assert_int_equal(spans_next(&s, i), next);
            }
            assert_int_equal(spans_count(&s, 1, IDS), count);
            for (size_t i = 1; i < s.n; i++) // runs that touch are one
                assert_true(s.at[i].first > s.at[i - 1].last + 1);
        }
        spans_free(&s);
    }
}

static atomic_size_t memory;

static struct lane *fresh_lane(void)
{
    atomic_store(&memory, 0);
    struct lane *l = lane_new("mqtt", 1, &memory, (struct mono){0});
    assert_non_null(l);
    return l;
}

static uint64_t lane_add(struct lane *l, int64_t ms)
{
    uint64_t id = 0;
    enum lane_put result = lane_put(l, (struct mono){ms * NS_PER_MS}, 1 << 30, false, "t", 1, "payload", 7,
                                    (struct utc){ms}, &id);
    assert_true(result == LANE_PUT || result == LANE_PUT_FIRST);
    return id;
}

static uint64_t next_id(struct lane *l)
{
    struct outbox_item item;
    bool ask;
    enum lane_next result = lane_next(l, (struct mono){0}, NS_PER_S, false, &item, &ask);
    return result == LANE_ITEM ? item.id : result == LANE_LOADING ? UINT64_MAX : 0;
}

// Collects everything as the writer would, and says it is written.
static void write_all(struct lane *l, bool keep)
{
    struct piece pieces[64];
    size_t n = lane_collect(l, (struct mono){0}, INT64_MIN, !keep, pieces, 64, SIZE_MAX);
    lane_written(l, pieces, n, 1000, keep);
}

static void ages_decide_when_the_writer_looks(void **state)
{
    (void)state;
    struct lane *l = fresh_lane();
    assert_int_equal(lane_due(l, NS_PER_S, false).ns, INT64_MAX);
    uint64_t first = lane_add(l, 5000), second = lane_add(l, 5600);
    assert_int_equal(lane_due(l, NS_PER_S, false).ns, 6000 * NS_PER_MS);
    assert_int_equal(lane_due(l, NS_PER_S, true).ns, 5000 * NS_PER_MS);
    // In one block with an acknowledged one: the age is that of the message, not of the block.
    lane_ack(l, first, (struct mono){0});
    assert_int_equal(lane_due(l, NS_PER_S, false).ns, 6600 * NS_PER_MS);
    struct piece pieces[4];
    assert_int_equal(lane_collect(l, (struct mono){6500 * NS_PER_MS}, NS_PER_S, true, pieces, 4, SIZE_MAX),
                     0);
    assert_int_equal(lane_collect(l, (struct mono){6600 * NS_PER_MS}, NS_PER_S, true, pieces, 4, SIZE_MAX),
                     1);
    assert_int_equal(pieces[0].from, 1);
    assert_int_equal(pieces[0].to, 2);
    lane_uncollect(l, pieces, 1);
    lane_ack(l, second, (struct mono){0});
    assert_int_equal(lane_due(l, NS_PER_S, false).ns, INT64_MAX);
    assert_int_equal(atomic_load(&memory), 0);
    lane_free(l);
}

static void a_message_acknowledged_while_it_is_written_is_taken_off_again(void **state)
{
    (void)state;
    struct lane *l = fresh_lane();
    struct piece pieces[4];
    uint64_t id = lane_add(l, 0), saved;
    assert_int_equal(lane_collect(l, (struct mono){0}, INT64_MIN, true, pieces, 4, SIZE_MAX), 1);
    assert_int_equal(next_id(l), id);
    lane_ack(l, id, (struct mono){0});
    assert_int_equal(next_id(l), 0);
    lane_written(l, pieces, 1, 500, false);
    assert_true(lane_due(l, NS_PER_S, false).ns < INT64_MAX);
    assert_true(lane_ack_unsaved(l, &saved));
    assert_int_equal(saved, id);
    lane_ack_saved(l, saved, 500, false, (struct utc){0});
    assert_false(lane_ack_unsaved(l, &saved));
    assert_int_equal(lane_due(l, NS_PER_S, false).ns, INT64_MAX);
    assert_int_equal(atomic_load(&memory), 0);
    lane_free(l);
}

static void what_the_file_no_longer_holds_counts_as_dropped(void **state)
{
    (void)state;
    struct lane *l = fresh_lane();
    for (int64_t i = 1; i <= 30; i++)
        lane_add(l, i);
    write_all(l, false);
    for (int64_t i = 31; i <= 40; i++)
        lane_add(l, i);
    assert_int_equal(next_id(l), UINT64_MAX); // on disk: to be loaded
    lane_ack(l, 3, (struct mono){0});
    struct spans there = {0};
    spans_add(&there, 1, 10);
    spans_add(&there, 21, 25);
    assert_int_equal(lane_reconcile(l, &there, 500), 10 + 5);
    struct outbox_stats s;
    lane_stats(l, (struct mono){0}, (struct utc){0}, &s);
    assert_int_equal(s.dropped, 15);
    assert_int_equal(s.waiting, 7 + 5 + 10);
    // Two gaps with messages between them stay two.
    struct outbox_gap gap;
    assert_true(lane_gap(l, &gap));
    assert_int_equal(gap.first_id, 11);
    assert_int_equal(gap.last_id, 20);
    assert_int_equal(gap.count, 10);
    assert_true(lane_gap_done(l, &gap));
    assert_true(lane_gap(l, &gap));
    assert_int_equal(gap.first_id, 26);
    assert_int_equal(gap.count, 5);
    // Nothing is on disk any more: live messages flow.
    struct spans none = {0};
    assert_int_equal(lane_reconcile(l, &none, 0), 12);
    assert_int_equal(next_id(l), 31);
    spans_free(&there);
    lane_free(l);
}

static void losses_in_a_row_make_one_gap(void **state)
{
    (void)state;
    struct lane *l = fresh_lane();
    for (int64_t i = 1; i <= 100; i++)
        lane_add(l, i);
    write_all(l, false);
    struct outbox_gap gap;
    lane_drop(l, 1, 10, (struct utc){1}, (struct utc){10});
    lane_drop(l, 11, 20, (struct utc){11}, (struct utc){20});
    assert_true(lane_gap(l, &gap));
    assert_int_equal(gap.count, 20);
    assert_int_equal(gap.from.ms, 1);
    assert_int_equal(gap.to.ms, 20);
    // With the publisher it no longer grows.
    lane_drop(l, 21, 30, (struct utc){21}, (struct utc){30});
    assert_true(lane_gap_done(l, &gap));
    assert_true(lane_gap(l, &gap));
    assert_int_equal(gap.first_id, 21);
    assert_int_equal(gap.count, 10);
    assert_true(lane_gap_done(l, &gap));
    // Not twice for the same, not for what was acknowledged.
    assert_int_equal(lane_drop(l, 1, 30, (struct utc){1}, (struct utc){30}), 0);
    lane_ack(l, 40, (struct mono){0});
    assert_int_equal(lane_drop(l, 35, 45, (struct utc){35}, (struct utc){45}), 5);
    assert_true(lane_gap(l, &gap));
    assert_int_equal(gap.first_id, 41);
    // A delivered message between two losses keeps them apart.
    assert_true(lane_gap_done(l, &gap));
    lane_drop(l, 46, 50, (struct utc){46}, (struct utc){50});
    lane_ack(l, 60, (struct mono){0});
    lane_drop(l, 61, 65, (struct utc){61}, (struct utc){65});
    assert_true(lane_gap(l, &gap));
    assert_int_equal(gap.last_id, 50);
    lane_free(l);
}

static void however_many_losses_the_records_are_bounded(void **state)
{
    (void)state;
    struct lane *l = fresh_lane();
    for (int64_t i = 1; i <= 1000; i++)
        lane_add(l, i);
    write_all(l, false);
    for (uint64_t i = 1; i <= 999; i += 2)
        assert_int_equal(lane_drop(l, i, i, (struct utc){(int64_t)i}, (struct utc){(int64_t)i}), 1);
    uint64_t total = 0;
    unsigned records = 0;
    struct outbox_gap gap;
    while (lane_gap(l, &gap)) {
        total += gap.count;
        records++;
        assert_true(lane_gap_done(l, &gap));
    }
    assert_int_equal(total, 500);
    assert_int_equal(records, LANE_GAPS_MAX);
    lane_free(l);
}

// As a row read from the file: messages first..last.
static struct block *row(uint64_t first, uint64_t last)
{
    struct block *b = block_new(65536);
    block_start(b, first, (struct mono){0});
    for (uint64_t id = first; id <= last; id++)
        block_add(b, (struct mono){0}, "t", 1, "payload", 7, (struct utc){(int64_t)id});
    b->written = b->count;
    return b;
}

static void rows_that_overlap_give_each_message_once(void **state)
{
    (void)state;
    struct lane *l = fresh_lane();
    for (int64_t i = 1; i <= 300; i++)
        lane_add(l, i);
    write_all(l, false);
    assert_int_equal(next_id(l), UINT64_MAX);
    assert_int_equal(lane_load_want(l), 1);
    lane_loaded(l, row(1, 100));
    assert_int_equal(lane_load_want(l), 101);
    lane_loaded(l, row(90, 200));
    assert_int_equal(lane_load_want(l), 201);
    lane_loaded(l, row(500, 510)); // not what was asked for
    lane_loaded(l, row(201, 300));
    assert_int_equal(lane_load_want(l), 0);
    for (uint64_t id = 1; id <= 300; id++)
        assert_int_equal(next_id(l), id);
    assert_int_equal(next_id(l), 0);
    // Acknowledged rows leave memory; a rewind before what is left asks for it again.
    lane_ack(l, 250, (struct mono){0});
    lane_rewind(l, 1);
    assert_int_equal(next_id(l), 251);
    lane_free(l);
}

static void always_keeps_memory_until_the_spill_time(void **state)
{
    (void)state;
    struct lane *l = fresh_lane();
    uint64_t first = lane_add(l, 0);
    write_all(l, true);
    uint64_t second = lane_add(l, 400);
    assert_int_equal(next_id(l), first); // from memory
    write_all(l, true);
    assert_int_equal(next_id(l), second);
    lane_trim(l, (struct mono){300 * NS_PER_MS});
    assert_true(atomic_load(&memory) > 0); // they share a block
    lane_trim(l, (struct mono){500 * NS_PER_MS});
    assert_int_equal(atomic_load(&memory), 0);
    lane_rewind(l, 1);
    assert_int_equal(next_id(l), UINT64_MAX); // from disk
    lane_free(l);
}

static void lost_in_memory_and_on_disk_join(void **state)
{
    (void)state;
    struct lane *l = fresh_lane();
    struct outbox_gap gap, other;
    assert_false(lane_gap(l, &gap));
    lane_put_lost(l, (struct utc){500});
    lane_put_lost(l, (struct utc){400});
    lane_put_lost(l, (struct utc){600});
    for (int64_t i = 1; i <= 10; i++)
        lane_add(l, i);
    write_all(l, false);
    assert_int_equal(lane_drop(l, 3, 5, (struct utc){450}, (struct utc){550}), 3);
    assert_int_equal(lane_drop(l, 1, 2, (struct utc){100}, (struct utc){700}), 2); // the older ones later
    assert_int_equal(lane_drop(l, 9, 8, (struct utc){0}, (struct utc){0}), 0);
    other = (struct outbox_gap){0};
    assert_false(lane_gap_done(l, &other)); // not handed out
    assert_true(lane_gap(l, &gap));
    assert_true(gap.count == 8 && gap.from.ms == 100 && gap.to.ms == 700 && gap.first_id == 1 &&
                gap.last_id == 5);
    // Only what was handed out is done with.
    for (int i = 0; i < 3; i++) {
        other = gap;
        *(i == 0 ? &other.first_id : i == 1 ? &other.last_id : &other.count) += 1;
        assert_false(lane_gap_done(l, &other));
    }
    assert_true(lane_gap_done(l, &gap));
    assert_false(lane_gap_done(l, &gap));
    // All that is only on disk.
    lane_add(l, 11);
    assert_int_equal(lane_drop(l, 6, UINT64_MAX, (struct utc){6}, (struct utc){10}), 5);
    assert_int_equal(next_id(l), 11);
    lane_free(l);
    lane_free(NULL);
}

// One message to a block.
static void lane_add_large(struct lane *l)
{
    static char payload[40000];
    uint64_t id;
    enum lane_put result =
        lane_put(l, (struct mono){0}, 1 << 30, false, "t", 1, payload, sizeof payload, (struct utc){7}, &id);
    assert_true(result == LANE_PUT || result == LANE_PUT_FIRST);
}

static void a_full_memory_drops_what_nobody_writes(void **state)
{
    (void)state;
    struct lane *l = fresh_lane();
    struct piece pieces[8];
    struct outbox_stats s;
    assert_int_equal(lane_drop_block(l), 0);
    for (int i = 0; i < 4; i++)
        lane_add_large(l);
    assert_int_equal(lane_collect(l, (struct mono){0}, INT64_MIN, true, pieces, 1, SIZE_MAX), 1);
    assert_true(lane_drop_block(l) > 0); // the second: the first is being written
    assert_int_equal(lane_drop(l, 3, 3, (struct utc){7}, (struct utc){7}), 1);
    assert_int_equal(lane_drop(l, 1, 1, (struct utc){7}, (struct utc){7}),
                     1); // its block stays with the writer
    lane_stats(l, (struct mono){0}, (struct utc){0}, &s);
    assert_true(s.dropped == 3 && s.waiting == 1);
    lane_written(l, pieces, 1, 100, true);
    assert_int_equal(lane_collect(l, (struct mono){0}, INT64_MIN, true, pieces, 8, 1), 1);
    assert_true(lane_drop_block(l) > 0); // the one that is written already: nothing is lost
    assert_int_equal(lane_drop_block(l), 0);
    lane_written(l, pieces, 1, 100, true);
    lane_stats(l, (struct mono){0}, (struct utc){0}, &s);
    assert_true(s.dropped == 3 && s.waiting == 1 && s.on_disk == 1);
    lane_free(l);
    // Of a block the part that is acknowledged is not lost.
    l = fresh_lane();
    for (int64_t i = 1; i <= 5; i++)
        lane_add(l, i);
    lane_ack(l, 2, (struct mono){0});
    lane_ack(l, 1, (struct mono){0}); // late, and of no effect
    assert_true(lane_drop_block(l) > 0);
    lane_stats(l, (struct mono){0}, (struct utc){0}, &s);
    assert_true(s.dropped == 3 && s.acked == 2 && s.waiting == 0);
    lane_ack(l, 1000, (struct mono){0}); // of what was never given
    assert_int_equal(lane_add(l, 6), 6);
    assert_int_equal(next_id(l), 6);
    lane_free(l);
}

static void rows_read_ahead_go_with_what_is_lost(void **state)
{
    (void)state;
    struct lane *l = fresh_lane();
    for (int64_t i = 1; i <= 300; i++)
        lane_add(l, i);
    write_all(l, false);
    assert_int_equal(next_id(l), UINT64_MAX);
    lane_loaded(l, row(1, 100));
    lane_loaded(l, row(101, 200));
    assert_int_equal(lane_drop(l, 1, 100, (struct utc){1}, (struct utc){100}), 100);
    assert_int_equal(next_id(l), 101);
    assert_int_equal(lane_drop(l, 102, 150, (struct utc){1}, (struct utc){100}),
                     49); // the row is still good for the others
    assert_int_equal(next_id(l), 151);
    // Rewound behind what is loaded.
    lane_rewind(l, 101);
    assert_int_equal(next_id(l), 101);
    lane_wait_loaded(l, mono_add(mono_now(), 10 * NS_PER_S)); // what is wanted is there: no wait
    lane_rewind(l, 0);
    lane_ack(l, 250, (struct mono){0});
    assert_int_equal(next_id(l), UINT64_MAX);
    lane_wait_loaded(l, mono_add(mono_now(), 5 * NS_PER_MS)); // and here it ends by itself
    lane_load_failed(l);
    assert_false(lane_wants_load(l));
    lane_wait_loaded(l, mono_add(mono_now(), 10 * NS_PER_S));
    lane_free(l);
}

static void blocks_out_of_a_file_must_be_exact(void **state)
{
    (void)state;
    struct block *good = row(1, 3);
    unsigned char bytes[256];
    size_t n;
    memcpy(bytes, block_range(good, 0, 3, &n), sizeof bytes);
    static const struct {
        size_t at;
        unsigned char value;
        int less; // bytes, messages
        uint32_t count;
    } rows[] = {
        {0, 7, 0, 3},  // as it is
        {0, 7, 0, 2},  // more messages than were counted
        {0, 7, 0, 4},  // fewer
        {0, 7, 1, 3},  // cut
        {0, 7, 20, 3}, // cut within a head
        {0, 200, 0, 3}, {3, 2, 0, 3}, {4, 0, 0, 3}, {6, 1, 0, 3}, {16, 0, 0, 3}, {17, 1, 0, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct block *b = block_new(block_cap_for(n, 8));
        block_start(b, 1, (struct mono){0});
        memcpy(b->bytes, bytes, n);
        b->bytes[rows[i].at] = rows[i].value;
        bool is = block_index(b, (uint32_t)(n - (size_t)rows[i].less), rows[i].count);
        if (is != (i == 0))
            fail_msg("row %zu: %d", i, is);
        free(b);
    }
    // The age of a message in a block that was open for 49 days.
    block_add(good, (struct mono){50ll * 86400 * NS_PER_S}, "t", 1, "", 0, (struct utc){0});
    assert_int_equal(block_put_at(good, 3).ns, UINT32_MAX * NS_PER_MS);
    block_start(good, 1, (struct mono){NS_PER_S});
    block_add(good, (struct mono){0}, "t", 1, "", 0, (struct utc){0});
    assert_int_equal(block_put_at(good, 0).ns, NS_PER_S); // not before its block
    assert_false(block_fits(good, 65536));
    assert_false(block_fits(good, 65536 - 30));
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_behave_as_a_bitmap),
        cmocka_unit_test(ages_decide_when_the_writer_looks),
        cmocka_unit_test(a_message_acknowledged_while_it_is_written_is_taken_off_again),
        cmocka_unit_test(what_the_file_no_longer_holds_counts_as_dropped),
        cmocka_unit_test(losses_in_a_row_make_one_gap),
        cmocka_unit_test(however_many_losses_the_records_are_bounded),
        cmocka_unit_test(rows_that_overlap_give_each_message_once),
        cmocka_unit_test(always_keeps_memory_until_the_spill_time),
        cmocka_unit_test(lost_in_memory_and_on_disk_join),
        cmocka_unit_test(a_full_memory_drops_what_nobody_writes),
        cmocka_unit_test(rows_read_ahead_go_with_what_is_lost),
        cmocka_unit_test(blocks_out_of_a_file_must_be_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
