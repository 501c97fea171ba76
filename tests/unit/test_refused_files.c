// SPDX-License-Identifier: Apache-2.0
// Small files when the system refuses a call: the old content stays whole or the new is there, errno says
// why, and a signal in the middle changes nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "refuse.h"
#include "symbiont/files.h"

struct room {
    char dir[64], path[80];
};

static int set_up(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    strcpy(r->dir, "/tmp/symbiont-refused-XXXXXX");
    if (!mkdtemp(r->dir))
        return -1;
    snprintf(r->path, sizeof r->path, "%s/file", r->dir);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;
    unlink(r->path);
    int rc = rmdir(r->dir); // nothing else is left in it
    free(r);
    return rc;
}

static void put(const struct room *r, const char *text)
{
    unsigned what = refusal.what;
    refuse_nothing();
    int fd = open(r->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    refusal.what = what;
}

static bool holds(const struct room *r, const char *text)
{
    struct buf b = {0};
    unsigned what = refusal.what;
    refuse_nothing();
    bool same = file_read(r->path, 100, &b) == 0 && strcmp(buf_text(&b), text) == 0;
    buf_free(&b);
    refusal.what = what;
    return same;
}

static bool replace(void *arg)
{
    const struct room *r = arg;
    put(r, "old");
    bool good = file_replace(r->path, "new content", 11, 0600) == 0;
    int error = errno;
    // A directory that could not be synced: the new name may be lost by a power cut, but it is whole.
    if (!holds(r, "new content") && (good || !holds(r, "old")))
        fail_msg("neither the old nor the new");
    if (!good && refusal.error)
        assert_int_equal(error, refusal.error);
    return good;
}

static void replacing_under_refusals(void **state)
{
    put(*state, "old");
    assert_int_equal(refuse_each(REFUSE_SYNC, EIO, true, replace, *state), 2);
    assert_int_equal(refuse_each(REFUSE_RENAME, EXDEV, true, replace, *state), 1);
    assert_int_equal(refuse_each(REFUSE_SHORT, 0, false, replace, *state), 1); // the rest is a second write
}

static void writing_under_refusals(void **state)
{
    const struct room *r = *state;
    static const struct {
        unsigned what;
        int error;
        int64_t first;
        bool good;
    } rows[] = {{REFUSE_WRITE, ENOSPC, 0, false},
                {REFUSE_WRITE, EINTR, 0, true},
                {REFUSE_OPEN, EMFILE, 0, false},
                {REFUSE_OPEN, EMFILE, 1, false}, // the directory, to be synced
                {REFUSE_CLOSE, EDQUOT, 0, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put(r, "old");
        refuse(rows[i].what, rows[i].error, rows[i].first, 1);
        int rc = file_replace(r->path, "new", 3, 0600), error = errno;
        assert_int_equal(refuse_nothing(), 1);
        assert_int_equal(rc, rows[i].good ? 0 : -1);
        if (rc < 0)
            assert_int_equal(error, rows[i].error);
        assert_true(holds(r, rows[i].good || rows[i].first ? "new" : "old"));
    }
}

static bool read_it(void *arg)
{
    const struct room *r = arg;
    struct buf b = {0};
    bool good = file_read(r->path, 100, &b) == 0;
    if (good)
        assert_string_equal(buf_text(&b), "content");
    else
        assert_true(errno == refusal.error || errno == EINVAL); // fstat: what it is cannot be told
    buf_free(&b);
    return good;
}

static void reading_under_refusals(void **state)
{
    put(*state, "content");
    assert_int_equal(refuse_each(REFUSE_OPEN, EMFILE, true, read_it, *state), 1);
    assert_int_equal(refuse_each(REFUSE_READ, EIO, true, read_it, *state), 2);
    assert_int_equal(refuse_each(REFUSE_READ, EINTR, false, read_it, *state), 2);
    assert_int_equal(refuse_each(REFUSE_STAT, EIO, true, read_it, *state), 1);
    assert_int_equal(refuse_each(REFUSE_MEMORY, ENOMEM, true, read_it, *state), 2);
}

static bool secret(void *arg)
{
    const struct room *r = arg;
    char out[32] = "before", why[200] = "";
    bool good = secret_read(r->path, out, sizeof out, why, sizeof why) == 0;
    assert_string_equal(out, good ? "hunter22" : "before");
    assert_true(good || strstr(why, r->path));
    return good;
}

static bool key(void *arg)
{
    const struct room *r = arg;
    char why[300] = "";
    bool good = key_file_check(r->path, why, sizeof why) == 0;
    assert_true(good || (strstr(why, "cannot read key file") && strstr(why, r->path)));
    return good;
}

static void secrets_under_refusals(void **state)
{
    put(*state, "hunter22\n");
    assert_int_equal(refuse_each(REFUSE_READ, EIO, true, secret, *state), 2);
    assert_int_equal(refuse_each(REFUSE_READ, EINTR, false, secret, *state), 2);
    put(*state, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_int_equal(refuse_each(REFUSE_READ, EIO, true, key, *state), 2);
    assert_int_equal(refuse_each(REFUSE_MEMORY, ENOMEM, true, key, *state), 1);
}

int main(void)
{
#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_ROOM(replacing_under_refusals),
        IN_ROOM(writing_under_refusals),
        IN_ROOM(reading_under_refusals),
        IN_ROOM(secrets_under_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
