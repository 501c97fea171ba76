// SPDX-License-Identifier: Apache-2.0
// The outbox over a disk that fails at each of its operations in turn, and over a SQLite that is refused
// memory at each of its requests: whatever happens, it says what it lost, and what it has not lost comes out
// again in order.
#include "outbox_room.h"
#include "faulty_vfs.h"
#include "symbiont/log.h"

#define MESSAGES 40

// A first run leaves a backlog, facts and a gap in the file; the second meets the fault. So that opening,
// reading back, writing, deleting and the end are all gone through.
static void leave_backlog(struct room *r)
{
    open_it(r);
    for (unsigned i = 1; i <= MESSAGES; i++)
        put(r, 0, i);
    outbox_keep(r->o, "counter/a/energy", "abc", 3);
    close_it(r);
}

static void settle(struct room *r)
{
    // Until it has written what it could: the waiting messages are on disk, or the disk counts as failing.
    struct mono until = mono_add(mono_now(), 10 * NS_PER_S);
    while (mono_before(mono_now(), until)) {
        struct outbox_stats s = stats(r, 0);
        if (s.on_disk == s.waiting || disk(r).failing)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fail_msg("neither written nor failing: %llu of %llu on disk", (unsigned long long)stats(r, 0).on_disk,
             (unsigned long long)stats(r, 0).waiting);
}

// What the run under the fault knows: the first `acked` messages may come again, the others must.
struct outcome {
    unsigned acked, put;
    bool opened, closed_well;
};

static struct outcome run_with_fault(struct room *r)
{
    struct outcome out = {.put = MESSAGES};
    struct outbox_item item;
    char why[256] = "";
    r->o = outbox_open(&r->settings, why, sizeof why);
    out.opened = r->o != NULL;
    if (!r->o) {
        assert_true(strlen(why) > 10); // a sentence
        return out;
    }
    for (unsigned i = 0; i < 10 && outbox_next(r->o, 0, &item); i++) {
        outbox_ack(r->o, 0, item.id);
        out.acked = seq_of(&item) > MESSAGES ? out.acked : seq_of(&item);
    }
    for (unsigned i = MESSAGES + 1; i <= 2 * MESSAGES; i++)
        put(r, 0, i);
    outbox_keep(r->o, "counter/a/energy", "defg", 4);
    if (outbox_next(r->o, 0, &item))
        outbox_reject(r->o, 0, &item, "no"); // not acknowledged: it comes again
    put(r, 1, 1);
    out.put = 2 * MESSAGES;
    settle(r);
    out.closed_well = outbox_close(r->o) == 0;
    r->o = NULL;
    return out;
}

// Everything that is not acknowledged, in order; what is missing must have been told as lost.
static void check_what_is_left(struct room *r, struct outcome out, int64_t n)
{
    struct outbox_item item;
    unsigned last = 0, got = 0;
    open_it(r);
    size_t aside = disk(r).failing;
    while (stats(r, 0).waiting > 0) {
        take(r, 0, &item); // rows are read by the outbox's thread
        unsigned seq = seq_of(&item);
        if (seq <= last)
            fail_msg("fault at %lld: message %u after %u", (long long)n, seq, last);
        if (seq > last + 1 && last >= out.acked && (out.closed_well || !out.opened))
            fail_msg("fault at %lld: %u to %u are gone, and nobody said so", (long long)n, last + 1, seq - 1);
        last = seq;
        got++;
        outbox_ack(r->o, 0, item.id);
    }
    struct outbox_stats s = stats(r, 0);
    bool complete = last == out.put || s.dropped;
    if (!complete && (out.closed_well || !out.opened))
        fail_msg("fault at %lld: the last one is %u, not %u, and nobody said so (%u came)", (long long)n,
                 last, out.put, got);
    assert_false(aside);
    close_it(r);
}

static void wipe(struct room *r)
{
    nftw(r->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (mkdir(r->directory, 0700) < 0)
        fail_msg("mkdir");
}

// Thirty places evenly over the range; all of them with SYMBIONT_SWEEP=all, which takes minutes.
static int64_t sweep_step(int64_t total)
{
    return total > 30 && !getenv("SYMBIONT_SWEEP") ? total / 30 : 1;
}

// No waiting for what is slow on purpose.
static int setup_fast(void **state)
{
    if (setup(state) < 0)
        return -1;
    ((struct room *)*state)->settings.spill_after_ns = 2 * NS_PER_MS;
    return 0;
}

static void sweep_disk(struct room *r, enum fault_kind kind, int64_t many)
{
    leave_backlog(r);
    faulty_order(kind, INT64_MAX, 1);
    run_with_fault(r);
    int64_t total = faulty.seen, reached = 0;
    for (int64_t n = 0; n < total; n += sweep_step(total)) {
        faulty_none();
        wipe(r);
        leave_backlog(r);
        faulty_order(kind, n, many);
        struct outcome out = run_with_fault(r);
        reached += faulty.failed > 0;
        faulty_none();
        check_what_is_left(r, out, n);
    }
    assert_true(reached * sweep_step(total) > total / 2); // most of them were met
}

static void each_operation_fails_once(void **state)
{
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        sweep_disk(*state, (enum fault_kind)kind, 1);
        faulty_none();
        wipe(*state);
    }
}

static void the_disk_fails_for_good(void **state)
{
    sweep_disk(*state, FAULT_IO, INT64_MAX / 2);
    faulty_none();
}

static void each_allocation_of_sqlite_fails_once(void **state)
{
    struct room *r = *state;
    leave_backlog(r);
    faulty_memory(INT64_MAX - 1);
    run_with_fault(r);
    int64_t total = faulty.mem_seen;
    for (int64_t n = 0; n < total; n += sweep_step(total)) {
        faulty_none();
        wipe(r);
        leave_backlog(r);
        faulty_memory(n);
        struct outcome out = run_with_fault(r);
        faulty_none();
        check_what_is_left(r, out, n);
    }
}

// A disk that fails for so many operations while the outbox is at work, and then works again: nothing is
// lost, because memory holds it meanwhile.
static void a_disk_that_comes_back(void **state)
{
    static const struct {
        enum fault_kind kind;
        int64_t first, many;
    } rows[] = {{FAULT_IO, 0, 2}, {FAULT_FULL, 0, 4}, {FAULT_FULL, 1, 3}, {FAULT_IO, 1, 4}};
    struct room *r = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        faulty_none();
        wipe(r);
        open_it(r);
        put(r, 0, 1);
        wait_for(r, on_disk, 1, "the first message on disk");
        faulty_order(rows[i].kind, rows[i].first, rows[i].many);
        for (unsigned n = 2; n <= MESSAGES; n++)
            put(r, 0, n);
        // The pauses between its attempts grow from one second: two or three of them.
        struct mono until = mono_add(mono_now(), 90 * NS_PER_S);
        while (stats(r, 0).on_disk < MESSAGES && mono_before(mono_now(), until))
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        if (stats(r, 0).on_disk != MESSAGES)
            fail_msg("row %zu: %llu of %d on disk, %lld failures, %s", i,
                     (unsigned long long)stats(r, 0).on_disk, MESSAGES, (long long)faulty.failed,
                     disk(r).error);
        assert_true(faulty.failed > 0);
        assert_false(disk(r).failing);
        faulty_none();
        expect(r, 0, 1, MESSAGES, true);
        assert_int_equal(stats(r, 0).dropped, 0);
        close_it(r);
    }
}

// The file is deleted while it is in use, and one operation of saving it and beginning anew fails: every
// message comes, or stands in a gap record.
static void each_operation_of_beginning_anew_fails_once(void **state)
{
    struct room *r = *state;
    int64_t total = 60;
    for (int64_t n = 0; n < total; n += sweep_step(total)) {
        struct outbox_item item;
        struct outbox_gap gap;
        uint64_t came = 0, told = 0;
        faulty_none();
        wipe(r);
        open_it(r);
        for (unsigned i = 1; i <= MESSAGES; i++)
            put(r, 0, i);
        wait_for(r, on_disk, MESSAGES, "messages on disk");
        faulty_order(n % 2 ? FAULT_FULL : FAULT_IO, n, 1 + n % 3);
        assert_int_equal(unlink(r->path), 0);
        for (unsigned i = MESSAGES + 1; i <= 2 * MESSAGES; i++)
            put(r, 0, i);
        settle(r);
        faulty_none();
        assert_int_equal(outbox_close(r->o), 0);
        open_it(r);
        while (stats(r, 0).waiting > 0) {
            take(r, 0, &item);
            outbox_ack(r->o, 0, item.id);
            came++;
        }
        while (outbox_gap(r->o, 0, &gap)) {
            told += gap.count;
            outbox_gap_done(r->o, 0, &gap);
        }
        if (came + told != 2 * MESSAGES)
            fail_msg("fault at %lld: %u came, %u are told as lost", (long long)n, (unsigned)came,
                     (unsigned)told);
        close_it(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_operation_fails_once, setup_fast, teardown),
        cmocka_unit_test_setup_teardown(the_disk_fails_for_good, setup_fast, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_comes_back, setup_fast, teardown),
        cmocka_unit_test_setup_teardown(each_operation_of_beginning_anew_fails_once, setup_fast, teardown),
        cmocka_unit_test_setup_teardown(each_allocation_of_sqlite_fails_once, setup_fast, teardown),
    };
    return cmocka_run_group_tests(tests, faulty_group, NULL);
}
