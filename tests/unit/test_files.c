// SPDX-License-Identifier: Apache-2.0
// Small files: bounded reading, secrets and keys as closed as they must be, replacing that leaves the old or
// the new.
#include "symbiont/files.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct place {
    char directory[64], path[96];
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (!p)
        return -1;
    strcpy(p->directory, "/tmp/symbiont-files-XXXXXX");
    if (!mkdtemp(p->directory))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/file", p->directory);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", ((struct place *)*state)->directory);
    int rc = system(command);
    free(*state);
    return rc;
}

static void write_file(const struct place *p, const void *data, size_t n, mode_t mode)
{
    unlink(p->path);
    int fd = open(p->path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n), n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void secrets_are_one_line_of_a_closed_file(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        mode_t mode;
        const char *secret, *why; // one of them
    } rows[] = {
        {"hunter22\n", 9, 0600, "hunter22", NULL},
        {"a\r\n", 3, 0400, "a", NULL},
        {"  a b \n\n", 8, 0600, "  a b ", NULL},
        {"fifteen bytes.!", 15, 0600, "fifteen bytes.!", NULL},
        {"", 0, 0600, NULL, "one line"},
        {"\n", 1, 0600, NULL, "one line"},
        {"a\nb\n", 4, 0600, NULL, "one line"},
        {"a\0b\n", 4, 0600, NULL, "one line"},
        {"sixteen bytes..!", 16, 0600, NULL, "1 to 15 characters"},
        {"a\n", 2, 0640, NULL, "mode 0640"},
        {"a\n", 2, 0604, NULL, "chmod 0600"},
        {"a\n", 2, 0610, NULL, "mode 0610"},
    };
    struct place *p = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char secret[16] = "unchanged", why[300] = "";
        write_file(p, rows[i].text, rows[i].n, rows[i].mode);
        int rc = secret_read(p->path, secret, sizeof secret, why, sizeof why);
        assert_int_equal(rc, rows[i].secret ? 0 : -1);
        assert_string_equal(secret, rows[i].secret ? rows[i].secret : "unchanged");
        if (rows[i].why && (!strstr(why, rows[i].why) || !strstr(why, p->path)))
            fail_msg("row %zu: %s", i, why);
    }
    char large[5000], secret[4999], why[300];
    memset(large, 'x', sizeof large);
    write_file(p, large, sizeof large, 0600);
    assert_int_equal(secret_read(p->path, secret, sizeof secret, why, sizeof why), -1);
}

static void what_is_no_file_is_no_secret(void **state)
{
    struct place *p = *state;
    char secret[16], why[300];
    assert_int_equal(secret_read(p->path, secret, sizeof secret, why, sizeof why), -1);
    assert_non_null(strstr(why, "No such file"));
    assert_int_equal(mkfifo(p->path, 0600), 0);
    assert_int_equal(secret_read(p->path, secret, sizeof secret, why, sizeof why), -1); // and does not hang
    assert_non_null(strstr(why, "not a regular file"));
    assert_int_equal(key_file_check(p->path, why, sizeof why), -1);
    assert_int_equal(secret_read(p->directory, secret, sizeof secret, why, sizeof why), -1);
    if (geteuid() == 0) {
        write_file(p, "a\n", 2, 0600);
        assert_int_equal(chown(p->path, 12345, (gid_t)-1), 0);
        assert_int_equal(secret_read(p->path, secret, sizeof secret, why, sizeof why), -1);
        assert_non_null(strstr(why, "belongs to user 12345"));
        // To him who owns it, and to him what is root's, it is open.
        assert_int_equal(chmod(p->directory, 0755), 0);
        assert_int_equal(seteuid(12345), 0);
        int rc = secret_read(p->path, secret, sizeof secret, why, sizeof why);
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(rc, 0);
        assert_string_equal(secret, "a");
    }
}

#define PEM(kind, inside) "-----BEGIN " kind "-----\n" inside "MHc=\n-----END " kind "-----\n"

static void keys_are_closed_and_without_a_passphrase(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *why; // NULL: good
    } rows[] = {
        {PEM("PRIVATE KEY", ""), 0600, NULL},
        {PEM("EC PARAMETERS", "") PEM("EC PRIVATE KEY", ""), 0400, NULL},
        {PEM("PRIVATE KEY", ""), 0644, "chmod 0600"},
        {PEM("ENCRYPTED PRIVATE KEY", ""), 0600, "passphrase"},
        {PEM("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\n"), 0600, "passphrase"},
        {PEM("CERTIFICATE", ""), 0600, "no private key"},
        {"", 0600, "no private key"},
    };
    struct place *p = *state;
    char why[400];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file(p, rows[i].text, strlen(rows[i].text), rows[i].mode);
        int rc = key_file_check(p->path, why, sizeof why);
        assert_int_equal(rc, rows[i].why ? -1 : 0);
        if (rows[i].why && (!strstr(why, rows[i].why) || !strstr(why, p->path)))
            fail_msg("row %zu: %s", i, why);
    }
    char *large = calloc(1, 1 << 17);
    write_file(p, large, 1 << 17, 0600);
    free(large);
    assert_int_equal(key_file_check(p->path, why, sizeof why), -1);
    assert_non_null(strstr(why, "larger than"));
}

static void reading_is_bounded(void **state)
{
    struct place *p = *state;
    struct buf content = {0};
    write_file(p, "0123456789", 10, 0644);
    assert_int_equal(file_read(p->path, 10, &content), 0);
    assert_int_equal(content.len, 10);
    assert_int_equal(file_read(p->path, 9, &content), -1);
    assert_int_equal(errno, EFBIG);
    assert_int_equal(file_read(p->directory, 9, &content), -1);
    assert_int_equal(errno, EINVAL);
    buf_free(&content);
}

static void replacing_leaves_the_old_or_the_new(void **state)
{
    struct place *p = *state;
    char fresh[128], missing[128], long_name[PATH_MAX + 8];
    struct buf content = {0};
    struct stat st;
    snprintf(fresh, sizeof fresh, "%s.new", p->path);
    write_file(p, "old", 3, 0600);
    assert_int_equal(symlink("/etc/passwd", fresh), 0); // left over, or a trap
    assert_int_equal(file_replace(p->path, "new", 3, 0640), 0);
    assert_int_equal(file_read(p->path, 100, &content), 0);
    assert_memory_equal(content.data, "new", 3);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(access(fresh, F_OK), -1);
    snprintf(missing, sizeof missing, "%s/none/file", p->directory);
    assert_int_equal(file_replace(missing, "x", 1, 0600), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file_replace(p->directory, "x", 1, 0600),
                     -1); // a directory is not replaced, nothing is left
    snprintf(fresh, sizeof fresh, "%s.new", p->directory);
    assert_int_equal(access(fresh, F_OK), -1);
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(file_replace(long_name, "x", 1, 0600), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(directory_make(long_name, 0700), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    buf_free(&content);
}

static void directories_are_made_with_all_above(void **state)
{
    struct place *p = *state;
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/a/b//c", p->directory);
    assert_int_equal(directory_make(path, 0700), 0);
    assert_int_equal(directory_make(path, 0700), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    write_file(p, "", 0, 0600);
    snprintf(path, sizeof path, "%s/below", p->path);
    assert_int_equal(directory_make(path, 0700), -1);
    assert_int_equal(errno, ENOTDIR);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(secrets_are_one_line_of_a_closed_file),    TEST(what_is_no_file_is_no_secret),
        TEST(keys_are_closed_and_without_a_passphrase), TEST(reading_is_bounded),
        TEST(replacing_leaves_the_old_or_the_new),      TEST(directories_are_made_with_all_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
