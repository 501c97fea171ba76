// SPDX-License-Identifier: Apache-2.0
// Without a free descriptor a directory cannot be opened: that is not the same as one that is not there.
#include <sys/resource.h>
#include <unistd.h>
#include "symbiont/profile.h"
#include "test.h"

static void count(void *arg, const char *name, const char *file, bool unverified)
{
    (void)name;
    (void)file;
    (void)unverified;
    ++*(size_t *)arg;
}

static void test_profiles_that_could_not_be_listed_are_missed(void **state)
{
    (void)state;
    struct profile_path path = {{"conf/profiles"}};
    struct rlimit limit, none;
    size_t found = 0, less = 0;
    assert_true(profile_each(&path, count, &found));
    assert_true(found > 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){3, limit.rlim_max}; // 0 to 2 are taken
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool whole = profile_each(&path, count, &less);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_false(whole);
    assert_int_equal(less, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_profiles_that_could_not_be_listed_are_missed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
