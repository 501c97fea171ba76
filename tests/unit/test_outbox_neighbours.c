// SPDX-License-Identifier: Apache-2.0
// What surrounds the outbox file: ballast that is there or not, damaged files set aside, on disks that
// refuse.
#include "outbox_room.h"
#include <errno.h>
#include <limits.h>
#include "store/outbox_disk.h"

static bool there(const struct room *r, const char *suffix)
{
    char path[300];
    snprintf(path, sizeof path, "%s%s", r->path, suffix);
    return access(path, F_OK) == 0;
}

static void write_beside(const struct room *r, const char *suffix, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s%s", r->path, suffix);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void ballast_is_made_once_and_given_up_once(void **state)
{
    struct room *r = *state;
    struct stat st;
    char path[128];
    snprintf(path, sizeof path, "%s.ballast", r->path);
    assert_int_equal(disk_ballast_size(0), 256 << 10);
    assert_int_equal(disk_ballast_size(32 << 20), 1 << 20);
    assert_int_equal(disk_ballast_size(INT64_MAX), 4 << 20);
    assert_false(disk_ballast_drop(r->path));
    assert_true(disk_ballast_make(r->path, 256 << 10));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 256 << 10);
    assert_true(st.st_blocks * 512 >= 256 << 10); // taken, not only promised
    assert_true(disk_ballast_make(r->path, 256 << 10));
    assert_true(disk_ballast_make(r->path, 512 << 10)); // another bound
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 512 << 10);
    assert_true(disk_ballast_drop(r->path));
    assert_false(there(r, ".ballast"));
    // Never so that it fills the disk; never through somebody's link.
    assert_false(disk_ballast_make(r->path, disk_free(r->path) - (1 << 20)));
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_false(disk_ballast_make(r->path, 256 << 10));
    assert_int_equal(unlink(path), 0);
}

static void paths_that_are_too_long_do_no_harm(void **state)
{
    (void)state;
    static char path[PATH_MAX + 8], name[2 * PATH_MAX];
    memset(path, 'x', sizeof path - 1);
    assert_false(disk_ballast_make(path, 1));
    assert_false(disk_ballast_drop(path));
    assert_int_equal(disk_free(path), INT64_MAX);
    assert_int_equal(disk_modified(path).ms, 0);
    assert_int_equal(disk_set_aside(path, (struct utc){0}, name, sizeof name), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(disk_set_aside("/tmp/x", (struct utc){0}, name, 8), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(disk_free("/nonexistent/outbox"), INT64_MAX); // not known: no reason to write nothing
}

static void a_damaged_file_goes_with_its_log(void **state)
{
    struct room *r = *state;
    char first[256], second[256];
    write_beside(r, "", "damaged");
    write_beside(r, "-wal", "log");
    write_beside(r, "-journal", "old journal");
    assert_int_equal(disk_set_aside(r->path, (struct utc){1764000000123}, first, sizeof first), 0);
    assert_non_null(strstr(first, "outbox.corrupt-20251124T160000.123Z"));
    assert_false(there(r, "") || there(r, "-wal") || there(r, "-journal"));
    assert_true(there(r, ".corrupt-20251124T160000.123Z-wal"));
    // A second one within the same millisecond does not replace it.
    write_beside(r, "", "damaged");
    assert_int_equal(disk_set_aside(r->path, (struct utc){1764000000123}, second, sizeof second), 0);
    assert_string_not_equal(first, second);
    assert_int_equal(access(first, F_OK) | access(second, F_OK), 0);
    // Nothing there to be set aside.
    assert_int_equal(disk_set_aside(r->path, (struct utc){1764000000123}, first, sizeof first), -1);
    assert_int_equal(errno, ENOENT);
}

static void of_many_set_aside_the_last_two_stay(void **state)
{
    struct room *r = *state;
    char name[256], suffix[64];
    for (int i = 0; i < 70; i++) { // more than are looked at in one go
        snprintf(suffix, sizeof suffix, ".corrupt-20240101T0000%02d.000Z", i % 60);
        write_beside(r, suffix, "old");
        snprintf(suffix, sizeof suffix, ".corrupt-20240102T0000%02d.000Z", i % 60);
        write_beside(r, suffix, "old");
    }
    write_beside(r, ".corrupt-20240101T000000.000Z-wal", "log");
    write_beside(r, ".corrupt-wal", "x"); // its end alone makes no log of it... of no file
    for (int i = 0; i < 3; i++) {
        write_beside(r, "", "damaged");
        assert_int_equal(disk_set_aside(r->path, (struct utc){1764000000000 + i * 1000}, name, sizeof name),
                         0);
    }
    assert_true(there(r, ".corrupt-20251124T160002.000Z"));
    assert_true(there(r, ".corrupt-20251124T160001.000Z"));
    assert_false(there(r, ".corrupt-20251124T160000.000Z"));
    assert_false(there(r, ".corrupt-20240101T000000.000Z"));
    assert_false(there(r, ".corrupt-20240101T000000.000Z-wal"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ballast_is_made_once_and_given_up_once),
        TEST(paths_that_are_too_long_do_no_harm),
        TEST(a_damaged_file_goes_with_its_log),
        TEST(of_many_set_aside_the_last_two_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
