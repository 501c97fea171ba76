// SPDX-License-Identifier: Apache-2.0
// A site's keys: made, kept in a file nobody else can read, shown, recognised.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "exchange_kit.h"

static void test_key_files(void **state)
{
    char dir[] = "/tmp/symbiont-key-XXXXXX", path[64], why[300], text[KEY_TEXT];
    struct site_key made, read;
    struct stat st;
    unsigned char key[KEY_PUBLIC];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/site.key", dir);
    assert_int_equal(site_key_create(path, &made, why, sizeof why), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_int_equal(st.st_size, 45);
    assert_int_equal(site_key_load(path, &read, why, sizeof why), 0);
    assert_memory_equal(&made, &read, sizeof made);
    assert_int_equal(strlen(made.id), 16);
    assert_true(public_key_parse(public_key_text(made.public_key, text), key));
    assert_memory_equal(key, made.public_key, KEY_PUBLIC);
    assert_int_equal(site_key_create(path, &read, why, sizeof why), -1);
    assert_non_null(strstr(why, "never overwritten"));
    assert_int_equal(site_key_load(path, &read, why, sizeof why), 0);
    assert_memory_equal(&made, &read, sizeof made);
    chmod(path, 0440);
    assert_int_equal(site_key_load(path, &read, why, sizeof why), -1);
    assert_non_null(strstr(why, "open to group or others"));
    unlink(path);
    assert_int_equal(symlink("/nonexistent", path), 0);
    assert_int_equal(site_key_create(path, &read, why, sizeof why), -1); // a link is not followed
    unlink(path);
    FILE *f = fopen(path, "w");
    fputs("AAAA\n", f);
    fclose(f);
    chmod(path, 0400);
    assert_int_equal(site_key_load(path, &read, why, sizeof why), -1);
    assert_non_null(strstr(why, "does not hold a key"));
    site_key_wipe(&made);
    assert_true(sodium_is_zero((const unsigned char *)&made, sizeof made));
    unlink(path);
    char missing[80];
    snprintf(missing, sizeof missing, "%s/none/site.key", dir);
    assert_int_equal(site_key_create(missing, &read, why, sizeof why), -1);
    assert_non_null(strstr(why, "No such file"));
    assert_true(sodium_is_zero((const unsigned char *)&read, sizeof read)); // no key that is nowhere
    rmdir(dir);
    assert_false(public_key_parse("", key));
    assert_false(public_key_parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", key));
    assert_false(
        public_key_parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", key)); // bits beyond the end
    // One byte less than a key, in as many characters.
    assert_false(public_key_parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", key));
    assert_false(public_key_parse("A*AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", key));
}

// RFC 8032, 7.1, test 1: the seed, its public key; its id is the SHA-256 of that.
static void test_key_of_a_known_seed(void **state)
{
    (void)state;
    char dir[] = "/tmp/symbiont-key-XXXXXX", path[64], why[300], hex[65];
    struct site_key k;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/k", dir);
    FILE *f = fopen(path, "w");
    fputs("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n", f);
    fclose(f);
    chmod(path, 0400);
    assert_int_equal(site_key_load(path, &k, why, sizeof why), 0);
    sodium_bin2hex(hex, sizeof hex, k.public_key, 32);
    assert_string_equal(hex, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_string_equal(k.id, "21fe31dfa154a261");
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_files),
        cmocka_unit_test(test_key_of_a_known_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
