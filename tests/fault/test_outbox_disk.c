// SPDX-License-Identifier: Apache-2.0
// The outbox on a disk that fails, fills up, or is slow: polling and live publishing go on, nothing is lost
// silently.
//
// Needs tests/fault/disk_shim.c as disk_shim.so beside the program (or at $DISK_SHIM); starts itself again
// with it preloaded. Plain builds only.
#include "../unit/outbox_room.h"
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <sys/mount.h>

static char control[128];

__attribute__((format(printf, 2, 3))) static void disk_is(const struct room *r, const char *format, ...)
{
    char fresh[160], words[128];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    snprintf(fresh, sizeof fresh, "%s.new", control);
    FILE *f = fopen(fresh, "w");
    assert_non_null(f);
    fprintf(f, "under=%s %s\n", r->directory, words);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(fresh, control), 0);
}

static bool fails(struct room *r, uint64_t n)
{
    return disk(r).failing == (n == 1);
}

static void expect_all(struct room *r, unsigned first, unsigned last)
{
    outbox_rewind(r->o, 0, 1);
    expect(r, 0, first, last, false);
    expect_none(r, 0);
}

// Trouble `words` begins while 100 messages are on disk and 100 in memory, and ends.
static void survives(struct room *r, const char *words, const char *said)
{
    open_it(r);
    for (unsigned i = 0; i < 100; i++)
        put(r, 0, i);
    wait_for(r, on_disk, 100, "messages on disk");
    disk_is(r, "%s", words);
    unsigned n = 100;
    for (; n < 200; n++)
        put(r, 0, n);
    wait_for(r, fails, 1, "the alarm");
    if (!strstr(disk(r).error, said))
        fail_msg("\"%s\" does not say \"%s\"", disk(r).error, said);
    // The loop goes on, and so does the other lane.
    for (; n < 300; n++) {
        put(r, 0, n);
        put(r, 1, n);
        expect(r, 1, n, n, true);
    }
    assert_int_equal(stats(r, 0).waiting, 300);
    assert_int_equal(stats(r, 0).dropped, 0);
    disk_is(r, " ");
    wait_for(r, fails, 0, "the end of the alarm");
    wait_for(r, on_disk, 300, "messages on disk");
    expect_all(r, 0, 299);
    close_it(r);
    open_it(r);
    expect_all(r, 0, 299);
}

static void a_write_error(void **state)
{
    survives(*state, "write=eio", "disk I/O error");
}

static void a_sync_error(void **state)
{
    survives(*state, "sync=eio", "disk I/O error");
}

static void a_write_error_in_the_middle_of_a_commit(void **state)
{
    survives(*state, "write=eio after=1", "disk I/O error");
}

static void a_short_write(void **state)
{
    survives(*state, "write=short", "full");
}

static void a_full_disk(void **state)
{
    survives(*state, "write=enospc", "full");
}

static void little_free_space(void **state)
{
    struct room *r = *state;
    uint64_t before = 0;
    open_it(r);
    disk_is(r, "free=1000000");
    before = disk(r).bytes_written;
    for (unsigned i = 0; i < 10; i++)
        put(r, 0, i);
    wait_for(r, fails, 1, "the alarm");
    assert_non_null(strstr(disk(r).error, "976 KiB are free"));
    assert_int_equal(disk(r).bytes_written, before);
    disk_is(r, "free=100000000");
    wait_for(r, fails, 0, "the end of the alarm");
    wait_for(r, on_disk, 10, "messages on disk");
}

static void on_a_full_disk_what_is_there_can_be_read(void **state)
{
    struct room *r = *state;
    open_it(r);
    for (unsigned i = 0; i < 3000; i++)
        put(r, 0, i);
    wait_for(r, on_disk, 3000, "messages on disk");
    disk_is(r, "write=enospc");
    put(r, 0, 3000);
    wait_for(r, fails, 1, "the alarm");
    expect(r, 0, 0, 3000, true); // in order, from disk and then from memory
    disk_is(r, " ");
    wait_for(r, on_disk, 0, "deletion of what is acknowledged");
    wait_for(r, fails, 0, "the end of the alarm");
    close_it(r);
    open_it(r);
    expect_none(r, 0);
}

static void reading_fails_for_a_while(void **state)
{
    struct room *r = *state;
    open_it(r);
    static char payload[4000];
    for (unsigned i = 0; i < 1000; i++) {
        for (size_t k = 0; k < sizeof payload; k++)
            payload[k] = (char)random();
        outbox_put(r->o, 0, "n", payload, sizeof payload, (struct utc){i});
    }
    wait_for(r, on_disk, 1000, "messages on disk");
    disk_is(r, "read=eio");
    struct outbox_item item;
    unsigned got = 0;
    struct mono until = mono_add(mono_now(), 5 * NS_PER_S);
    while (!disk(r).failing && mono_before(mono_now(), until))
        if (outbox_next(r->o, 0, &item))
            assert_int_equal(item.time.ms, got++);
    assert_true(disk(r).failing);
    disk_is(r, " ");
    while (got < 1000) {
        take(r, 0, &item);
        assert_int_equal(item.time.ms, got++);
    }
    assert_int_equal(stats(r, 0).dropped, 0);
}

static void memory_is_bounded_while_the_disk_fails(void **state)
{
    struct room *r = *state;
    r->settings.memory_max_bytes = 1 << 20;
    open_it(r);
    for (unsigned i = 0; i < 100; i++)
        put(r, 0, i);
    wait_for(r, on_disk, 100, "messages on disk");
    disk_is(r, "write=eio");
    unsigned n = 100;
    for (; n < 40000; n++)
        put(r, 0, n);
    uint64_t dropped = stats(r, 0).dropped;
    assert_true(dropped > 20000);
    assert_int_equal(stats(r, 0).waiting, n - dropped);
    disk_is(r, " ");
    wait_for(r, on_disk, n - dropped, "what is left on disk");
    struct outbox_gap gap;
    assert_true(outbox_gap(r->o, 0, &gap));
    assert_int_equal(gap.count, dropped);
    assert_int_equal(gap.from.ms, 1764000000100);
    assert_int_equal(gap.to.ms, 1764000000100 + (int64_t)dropped - 1);
    close_it(r);
    open_it(r);
    expect(r, 0, 0, 99, false);
    expect(r, 0, 100 + (unsigned)dropped, n - 1, false);
    assert_true(outbox_gap(r->o, 0, &gap));
    assert_int_equal(gap.count, dropped);
}

static void a_slow_disk_holds_nobody_up(void **state)
{
    struct room *r = *state;
    open_it(r);
    disk_is(r, "slow_sync=400");
    int64_t longest = 0;
    struct outbox_item item;
    struct mono until = mono_add(mono_now(), 3 * NS_PER_S);
    unsigned n = 0;
    for (; mono_before(mono_now(), until); n++) {
        struct mono begun = mono_now();
        put(r, 0, n);
        put(r, 1, n);
        if (outbox_next(r->o, 1, &item))
            outbox_ack(r->o, 1, item.id);
        int64_t took = mono_since(mono_now(), begun);
        longest = took > longest ? took : longest;
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    // Far below a sync; the rest is the scheduler of a busy machine.
    if (longest > 150 * NS_PER_MS)
        fail_msg("a put, next and ack took %lld ms", (long long)(longest / NS_PER_MS));
    assert_int_equal(stats(r, 1).waiting, 0);
    assert_int_equal(stats(r, 0).dropped, 0);
    assert_true(disk(r).commits >= 4 && disk(r).commits <= 9);
    disk_is(r, " ");
    expect_all(r, 0, n - 1);
}

static void always_shows_messages_while_the_disk_fails(void **state)
{
    struct room *r = *state;
    r->settings.always = true;
    open_it(r);
    put(r, 0, 0);
    expect(r, 0, 0, 0, true);
    disk_is(r, "slow_sync=300");
    put(r, 0, 1);
    put(r, 0, 2);
    expect_none(r, 0);
    expect(r, 0, 1, 2, true);
    disk_is(r, "write=eio");
    put(r, 0, 3);
    wait_for(r, fails, 1, "the alarm");
    expect(r, 0, 3, 3, true);
    put(r, 0, 4);
    expect(r, 0, 4, 4, true);
    disk_is(r, " ");
    wait_for(r, fails, 0, "the end of the alarm");
}

static void closing_on_a_broken_disk_says_what_is_lost(void **state)
{
    struct room *r = *state;
    open_it(r);
    disk_is(r, "write=eio");
    for (unsigned i = 0; i < 10; i++)
        put(r, 0, i);
    assert_int_equal(outbox_close(r->o), -1);
    char why[256];
    r->o = outbox_open(&r->settings, why, sizeof why);
    assert_null(r->o);
    assert_non_null(strstr(why, r->path));
    assert_non_null(strstr(why, "I/O error"));
    disk_is(r, " ");
    open_it(r);
    expect_none(r, 0);
}

// --- a file system that is really full -----------------------------------------------------------------

static void fill(const char *path, bool all)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    static const char zeros[65536];
    while (all && write(fd, zeros, sizeof zeros) > 0)
        ;
    while (all && write(fd, zeros, 512) > 0)
        ;
    close(fd);
}

static void the_ballast_lets_acknowledged_messages_go(void **state)
{
    struct room *r = *state;
    char filler[128], ballast[128];
    if (mount("tmpfs", r->directory, "tmpfs", 0, "size=8m") < 0) {
        print_message("no right to mount a small file system\n");
        skip();
    }
    snprintf(filler, sizeof filler, "%s/filler", r->directory);
    snprintf(ballast, sizeof ballast, "%s.ballast", r->path);
    open_it(r);
    static char payload[4000];
    for (unsigned i = 0; i < 500; i++) {
        for (size_t k = 0; k < sizeof payload; k++)
            payload[k] = (char)random();
        outbox_put(r->o, 0, "n", payload, sizeof payload, (struct utc){i});
    }
    wait_for(r, on_disk, 500, "messages on disk");
    assert_int_equal(access(ballast, F_OK), 0);
    fill(filler, true);
    outbox_put(r->o, 0, "n", payload, 100, (struct utc){500});
    wait_for(r, fails, 1, "the alarm");
    struct outbox_item item;
    for (unsigned i = 0; i < 500; i++) {
        take(r, 0, &item);
        assert_int_equal(item.time.ms, i);
        outbox_ack(r->o, 0, item.id);
    }
    wait_for(r, on_disk, 0, "deletion of what is acknowledged");
    take(r, 0, &item);
    assert_int_equal(item.time.ms, 500);
    fill(filler, false);
    outbox_put(r->o, 0, "n", payload, 100, (struct utc){501});
    wait_for(r, fails, 0, "the end of the alarm");
    wait_for(r, on_disk, 2, "new messages on disk");
    assert_int_equal(access(ballast, F_OK), 0);
    close_it(r);
    open_it(r);
    take(r, 0, &item);
    assert_int_equal(item.time.ms, 500);
    close_it(r);
    umount(r->directory);
}

static int sound_again(void **state)
{
    struct room *r = *state;
    disk_is(r, " ");
    if (r->o)
        outbox_close(r->o);
    r->o = NULL;
    umount2(r->directory, MNT_DETACH);
    return teardown(state);
}

static void start_again_with_shim(char **argv)
{
    char self[PATH_MAX], shim[PATH_MAX + 16];
    if (!realpath("/proc/self/exe", self))
        return;
    const char *given = getenv("DISK_SHIM");
    snprintf(shim, sizeof shim, "%s/disk_shim.so", dirname(self));
    setenv("LD_PRELOAD", given ? given : shim, 1);
    setenv("DISK_SHIM_CONTROL", control, 1);
    execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    (void)argc;
    const char *given = getenv("DISK_SHIM_CONTROL");
    snprintf(control, sizeof control, "/tmp/symbiont-disk-%d", (int)getpid());
    if (!given)
        start_again_with_shim(argv);
    if (!dlsym(RTLD_DEFAULT, "disk_shim_loaded")) {
        printf("not ok 1 - disk_shim.so is not loaded: build it from tests/fault/disk_shim.c\n");
        return 1;
    }
#define FAULT(f) cmocka_unit_test_setup_teardown(f, setup, sound_again)
    const struct CMUnitTest tests[] = {
        FAULT(a_write_error),
        FAULT(a_sync_error),
        FAULT(a_write_error_in_the_middle_of_a_commit),
        FAULT(a_short_write),
        FAULT(a_full_disk),
        FAULT(little_free_space),
        FAULT(on_a_full_disk_what_is_there_can_be_read),
        FAULT(reading_fails_for_a_while),
        FAULT(memory_is_bounded_while_the_disk_fails),
        FAULT(a_slow_disk_holds_nobody_up),
        FAULT(always_shows_messages_while_the_disk_fails),
        FAULT(closing_on_a_broken_disk_says_what_is_lost),
        FAULT(the_ballast_lets_acknowledged_messages_go),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(control);
    return failed;
}
