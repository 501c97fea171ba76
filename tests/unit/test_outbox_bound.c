// SPDX-License-Identifier: Apache-2.0
// The outbox at the bound of its file, while the disk or SQLite's memory fails at one place after another:
// what comes and what its gap records tell are together what was put.
#include "outbox_room.h"
#include "faulty_vfs.h"
#include "symbiont/log.h"

#define FULL 500 /* of 4 kB that do not compress: more than the file may hold */
#define MORE 120

static void put_noise(struct room *r, uint32_t i)
{
    static unsigned char payload[4000];
    uint64_t x = i * 0x9e3779b97f4a7c15u + 1;
    for (size_t k = 0; k < sizeof payload; k++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        payload[k] = (unsigned char)(x >> 32);
    }
    outbox_put(r->o, 0, "n", payload, sizeof payload, (struct utc){1764000000000 + i});
}

static void settle(struct room *r)
{
    struct mono until = mono_add(mono_now(), 20 * NS_PER_S);
    while (mono_before(mono_now(), until)) {
        struct outbox_stats s = stats(r, 0);
        if (s.on_disk == s.waiting || disk(r).failing)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fail_msg("neither written nor failing");
}

// One run with the fault at operation n of the second half. Returns how many operations that half had.
static int64_t run_at_the_bound(struct room *r, bool memory, enum fault_kind kind, int64_t n)
{
    struct outbox_item item;
    struct outbox_gap gap;
    uint64_t came = 0, told = 0;
    faulty_none();
    nftw(r->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(r->directory, 0700), 0);
    open_it(r);
    for (uint32_t i = 0; i < FULL; i++) {
        put_noise(r, i);
        if (i % 100 == 99)
            settle(r);
    }
    if (memory)
        faulty_memory(n);
    else
        faulty_order(kind, n, 1);
    for (uint32_t i = 0; i < MORE; i++)
        put_noise(r, FULL + i);
    for (int i = 0; i < 20 && outbox_next(r->o, 0, &item); i++)
        ;
    settle(r);
    int64_t total = memory ? faulty.mem_seen : faulty.seen;
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
    if (came + told != FULL + MORE)
        fail_msg("fault at %lld: %u came, %u are told as lost, %d were put", (long long)n, (unsigned)came,
                 (unsigned)told, FULL + MORE);
    assert_true(told > 0 && came > 100);
    close_it(r);
    return total;
}

// Eight places evenly over the range; ten times as many with SYMBIONT_SWEEP=all.
static void sweep(struct room *r, bool memory, enum fault_kind kind)
{
    int64_t total = run_at_the_bound(r, memory, kind, INT64_MAX - 2);
    int64_t places = getenv("SYMBIONT_SWEEP") ? 80 : 8, step = total > places ? total / places : 1;
    for (int64_t n = 0; n < total; n += step)
        run_at_the_bound(r, memory, kind, n);
}

static int setup_small(void **state)
{
    if (setup(state) < 0)
        return -1;
    ((struct room *)*state)->settings.spill_after_ns = 2 * NS_PER_MS;
    ((struct room *)*state)->settings.disk_max_bytes = 2 << 20;
    return 0;
}

static void the_disk_fails_at_the_bound(void **state)
{
    sweep(*state, false, FAULT_IO);
}

static void the_disk_is_full_at_the_bound(void **state)
{
    sweep(*state, false, FAULT_FULL);
}

static void sqlite_finds_no_memory_at_the_bound(void **state)
{
    sweep(*state, true, FAULT_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_disk_fails_at_the_bound, setup_small, teardown),
        cmocka_unit_test_setup_teardown(the_disk_is_full_at_the_bound, setup_small, teardown),
        cmocka_unit_test_setup_teardown(sqlite_finds_no_memory_at_the_bound, setup_small, teardown),
    };
    return cmocka_run_group_tests(tests, faulty_group, NULL);
}
