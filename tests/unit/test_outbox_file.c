// SPDX-License-Identifier: Apache-2.0
// The outbox and its file: what earlier runs left, damage, newer formats, files that vanish under it.
#include "outbox_room.h"
#include <glob.h>
#include <sqlite3.h>

#define MUSEUM "tests/unit/outbox_museum/"

static void copy_file(const char *from, const char *to)
{
    char data[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0 || out < 0)
        fail_msg("cannot copy %s (run from the top of the source tree)", from);
    ssize_t n;
    while ((n = read(in, data, sizeof data)) > 0)
        assert_int_equal(write(out, data, (size_t)n), n);
    close(in);
    close(out);
}

static void from_museum(struct room *r, const char *name)
{
    char from[128];
    snprintf(from, sizeof from, MUSEUM "%s", name);
    copy_file(from, r->path);
}

static size_t set_aside(const struct room *r)
{
    char pattern[128];
    glob_t g;
    snprintf(pattern, sizeof pattern, "%s.corrupt-*", r->path);
    size_t n = glob(pattern, 0, NULL, &g) == 0 ? g.gl_pathc : 0;
    size_t logs = 0;
    for (size_t i = 0; i < n; i++)
        logs += strcmp(g.gl_pathv[i] + strlen(g.gl_pathv[i]) - 4, "-wal") == 0;
    if (n)
        globfree(&g);
    return n - logs;
}

static void works(struct room *r)
{
    put(r, 0, 77);
    expect(r, 0, 77, 77, false);
    close_it(r);
    open_it(r);
    expect(r, 0, 77, 77, true);
}

static void the_first_format_is_read(void **state)
{
    struct room *r = *state;
    from_museum(r, "format-1.db");
    open_it(r);
    assert_true(outbox_epoch(r->o) >= 8);
    assert_int_equal(stats(r, 0).waiting, 25);
    struct outbox_gap gap;
    assert_true(outbox_gap(r->o, 0, &gap));
    assert_int_equal(gap.first_id, 50);
    assert_int_equal(gap.count, 50);
    char value[8];
    assert_int_equal(outbox_kept(r->o, "counter/a/energy", value, sizeof value), 3);
    assert_memory_equal(value, "\1\2\3", 3);
    assert_true(put(r, 0, 30) >= 1000);
    expect(r, 0, 5, 30, true);
    assert_int_equal(set_aside(r), 0);
}

static void a_newer_format_is_refused_and_left_alone(void **state)
{
    struct room *r = *state;
    char why[256];
    from_museum(r, "newer.db");
    assert_null(outbox_open(&r->settings, why, sizeof why));
    assert_non_null(strstr(why, r->path));
    assert_non_null(strstr(why, "format 99"));
    assert_non_null(strstr(why, "newer symbiont"));
    assert_int_equal(set_aside(r), 0);
    struct stat st;
    assert_int_equal(stat(r->path, &st), 0);
}

static void what_is_not_an_outbox_is_set_aside(void **state)
{
    static const char *const names[] = {"torn.db", "text.db", "foreign.db", "flipped-tree.db"};
    struct room *r = *state;
    uint64_t epoch = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        from_museum(r, names[i]);
        open_it(r);
        // Receivers must not take what comes now for repeats.
        assert_true(outbox_epoch(r->o) > 8 && outbox_epoch(r->o) >= epoch);
        epoch = outbox_epoch(r->o);
        assert_int_equal(stats(r, 0).waiting, 0);
        works(r);
        close_it(r);
        assert_int_equal(set_aside(r), i < 2 ? i + 1 : 2); // the last two are kept
    }
}

static void an_empty_or_half_made_file_is_begun(void **state)
{
    static const char *const names[] = {"empty.db", "half-made.db"};
    struct room *r = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        from_museum(r, names[i]);
        open_it(r);
        works(r);
        close_it(r);
        assert_int_equal(set_aside(r), 0);
    }
}

static void a_damaged_row_is_lost_alone(void **state)
{
    struct room *r = *state;
    from_museum(r, "flipped-row.db");
    open_it(r);
    assert_int_equal(stats(r, 0).waiting, 25);
    expect(r, 0, 5, 9, true);
    expect(r, 0, 20, 29, true);
    expect_none(r, 0);
    assert_int_equal(stats(r, 0).dropped, 10);
    assert_int_equal(stats(r, 0).waiting, 0);
    struct outbox_gap gap;
    assert_true(outbox_gap(r->o, 0, &gap));
    outbox_gap_done(r->o, 0, &gap);
    assert_true(outbox_gap(r->o, 0, &gap));
    assert_int_equal(gap.first_id, 111);
    assert_int_equal(gap.last_id, 120);
    assert_int_equal(gap.count, 10);
    assert_int_equal(gap.from.ms, 1764000000010);
    assert_int_equal(gap.to.ms, 1764000000019);
}

static void a_second_process_is_told_so(void **state)
{
    struct room *r = *state;
    char why[256];
    open_it(r);
    put(r, 0, 1);
    assert_null(outbox_open(&r->settings, why, sizeof why));
    assert_non_null(strstr(why, "another process"));
    assert_int_equal(set_aside(r), 0);
    expect(r, 0, 1, 1, true);
    works(r);
}

static void a_missing_directory_is_named(void **state)
{
    struct room *r = *state;
    char why[256];
    r->settings.path = "/nonexistent/outbox.db";
    assert_null(outbox_open(&r->settings, why, sizeof why));
    assert_non_null(strstr(why, "/nonexistent/outbox.db"));
    r->settings.path = r->path;
}

// --- under it while it runs ----------------------------------------------------------------------------

static void spill(struct room *r, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        put(r, 0, i);
    wait_for(r, on_disk, last - first + 1, "messages on disk");
}

static void fill_file(const char *path, off_t from, off_t to)
{
    // Through a child: closing a descriptor of the file in this process would drop SQLite's locks.
    char command[256];
    snprintf(command, sizeof command,
             "exec dd if=/dev/urandom of=%s bs=4096 seek=%lld count=%lld conv=notrunc status=none", path,
             (long long)(from / 4096), (long long)((to - from) / 4096));
    assert_int_equal(system(command), 0);
}

static void a_deleted_file_is_made_anew_with_what_was_in_it(void **state)
{
    struct room *r = *state;
    open_it(r);
    spill(r, 0, 4999);
    char log[128];
    snprintf(log, sizeof log, "%s-wal", r->path);
    assert_int_equal(unlink(r->path), 0);
    assert_int_equal(unlink(log), 0);
    put(r, 0, 5000);
    wait_for(r, on_disk, 5001, "all on disk again");
    struct stat st;
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(stats(r, 0).dropped, 0);
    assert_false(disk(r).failing);
    expect(r, 0, 0, 2999, true);
    close_it(r);
    open_it(r);
    expect(r, 0, 3000, 5000, true);
    assert_int_equal(set_aside(r), 0);
}

static void a_deleted_log_loses_nothing(void **state)
{
    struct room *r = *state;
    open_it(r);
    spill(r, 0, 999);
    char log[128];
    snprintf(log, sizeof log, "%s-wal", r->path);
    put(r, 0, 1000);
    wait_for(r, on_disk, 1001, "messages on disk");
    assert_int_equal(unlink(log), 0);
    put(r, 0, 1001);
    wait_for(r, on_disk, 1002, "messages on disk");
    put(r, 0, 1002);
    wait_for(r, on_disk, 1003, "messages on disk");
    struct stat st;
    assert_int_equal(stat(log, &st), 0);
    expect(r, 0, 0, 1002, false);
    close_it(r);
    open_it(r);
    expect(r, 0, 0, 1002, true);
}

static void another_file_in_its_place_counts_what_is_gone(void **state)
{
    struct room *r = *state;
    open_it(r);
    spill(r, 0, 999);
    char other[128];
    snprintf(other, sizeof other, "%s.other", r->path);
    copy_file(MUSEUM "text.db", other);
    outbox_keep(r->o, "a", "b", 1);
    assert_int_equal(rename(other, r->path), 0);
    put(r, 0, 1000);
    wait_for(r, on_disk, 1, "the message after it");
    assert_int_equal(stats(r, 0).dropped, 1000);
    assert_int_equal(set_aside(r), 1);
    struct outbox_gap gap;
    assert_true(outbox_gap(r->o, 0, &gap));
    assert_int_equal(gap.count, 1000);
    assert_int_equal(gap.last_id - gap.first_id, 999);
    uint64_t epoch = outbox_epoch(r->o);
    close_it(r);
    open_it(r);
    assert_int_equal(outbox_epoch(r->o), epoch + 1);
    expect(r, 0, 1000, 1000, true);
    char value[8];
    assert_int_equal(outbox_kept(r->o, "a", value, sizeof value), 1);
    assert_true(outbox_gap(r->o, 0, &gap));
    assert_int_equal(gap.count, 1000);
}

static void damage_while_it_runs_is_set_aside_and_counted(void **state)
{
    struct room *r = *state;
    r->settings.disk_max_bytes = 16 << 20;
    open_it(r);
    // Long on disk when the damage is done: a writer that notices between the two files begins a new pair,
    // and it would be the new log that is filled.
    outbox_keep(r->o, "a", "b", 1);
    // More than SQLite's cache of 1 MiB, so that it has to read, and than the log.
    unsigned n = 0;
    static char payload[4000];
    for (; n < 1500; n++) {
        for (size_t k = 0; k < sizeof payload; k++)
            payload[k] = (char)random();
        outbox_put(r->o, 0, "n", payload, sizeof payload, (struct utc){n});
    }
    wait_for(r, on_disk, n, "messages on disk");
    struct stat st;
    assert_int_equal(stat(r->path, &st), 0);
    assert_true(st.st_size > 1 << 20);
    fill_file(r->path, 0, st.st_size);
    char log[128];
    snprintf(log, sizeof log, "%s-wal", r->path);
    if (stat(log, &st) == 0)
        fill_file(log, 0, st.st_size);
    struct outbox_item item;
    unsigned got = 0;
    struct mono until = mono_add(mono_now(), 10 * NS_PER_S);
    while (stats(r, 0).dropped + got < n && mono_before(mono_now(), until))
        if (outbox_next(r->o, 0, &item)) {
            outbox_ack(r->o, 0, item.id);
            got++;
        }
    assert_int_equal(stats(r, 0).dropped + got, n);
    assert_true(stats(r, 0).dropped > 0);
    assert_int_equal(set_aside(r), 1);
    assert_false(disk(r).failing);
    works(r);
    char value[8];
    assert_int_equal(outbox_kept(r->o, "a", value, sizeof value), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_format_is_read),
        TEST(a_newer_format_is_refused_and_left_alone),
        TEST(what_is_not_an_outbox_is_set_aside),
        TEST(an_empty_or_half_made_file_is_begun),
        TEST(a_damaged_row_is_lost_alone),
        TEST(a_second_process_is_told_so),
        TEST(a_missing_directory_is_named),
        TEST(a_deleted_file_is_made_anew_with_what_was_in_it),
        TEST(a_deleted_log_loses_nothing),
        TEST(another_file_in_its_place_counts_what_is_gone),
        TEST(damage_while_it_runs_is_set_aside_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
