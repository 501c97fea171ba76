// SPDX-License-Identifier: Apache-2.0
// Time zones against the C library's own reading of the same files, and damaged zone files.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "symbiont/buf.h"
#include "symbiont/files.h"
#include "symbiont/zone.h"

static struct zone *open_zone(const char *name)
{
    char why[300];
    struct zone *z = zone_open(name, why, sizeof why);
    if (!z)
        fail_msg("%s", why);
    return z;
}

static void assert_same_as_libc(const char *name, const struct zone *z, int64_t seconds)
{
    struct tm tm;
    time_t t = (time_t)seconds;
    assert_non_null(localtime_r(&t, &tm));
    struct civil c = zone_civil(z, (struct utc){seconds * 1000 + 999});
    if (zone_offset(z, (struct utc){seconds * 1000}) != tm.tm_gmtoff || c.year != tm.tm_year + 1900 ||
        c.month != tm.tm_mon + 1 || c.day != tm.tm_mday || c.hour != tm.tm_hour || c.minute != tm.tm_min ||
        c.second != tm.tm_sec || c.weekday % 7 != tm.tm_wday)
        fail_msg("%s at %lld: offset %d, not %ld", name, (long long)seconds,
                 zone_offset(z, (struct utc){seconds * 1000}), tm.tm_gmtoff);
}

static void agrees_with_the_c_library(void **state)
{
    (void)state;
    static const char *const names[] = {"Europe/Paris",     "Europe/London",       "America/New_York",
                                        "America/Santiago", "Australia/Lord_Howe", "Asia/Seoul",
                                        "Asia/Kathmandu",   "Africa/Casablanca",   "UTC",
                                        "Pacific/Apia",     "Europe/Dublin",       "America/St_Johns"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct zone *z = open_zone(names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        // From 1902 to 2106 in steps of a prime number of seconds, some five days.
        for (int64_t t = -2145916800; t < 4294967296; t += 433494)
            assert_same_as_libc(names[i], z, t);
        zone_free(z);
    }
    unsetenv("TZ");
    tzset();
}

static void changes_to_the_second(void **state)
{
    (void)state;
    struct zone *z = open_zone("Europe/Paris");
    // 2026-03-29 and 2026-10-25, 01:00 UTC; and far behind the table, 2090-03-26.
    static const int64_t changes[] = {1774746000, 1792890000};
    assert_int_equal(zone_offset(z, (struct utc){changes[0] * 1000 - 1}), 3600);
    assert_int_equal(zone_offset(z, (struct utc){changes[0] * 1000}), 7200);
    assert_int_equal(zone_offset(z, (struct utc){changes[1] * 1000 - 1}), 7200);
    assert_int_equal(zone_offset(z, (struct utc){changes[1] * 1000}), 3600);
    int64_t far = (civil_day_number(2090, 3, 26) * 86400 + 3600) * 1000;
    assert_int_equal(zone_offset(z, (struct utc){far - 1}), 3600);
    assert_int_equal(zone_offset(z, (struct utc){far}), 7200);
    zone_free(z);
}

static void no_zone_is_utc(void **state)
{
    (void)state;
    struct civil c = zone_civil(NULL, (struct utc){-1});
    assert_int_equal(c.year, 1969);
    assert_int_equal(c.month, 12);
    assert_int_equal(c.day, 31);
    assert_int_equal(c.hour, 23);
    assert_int_equal(c.second, 59);
    assert_int_equal(c.weekday, 3);
    assert_int_equal(c.day_number, -1);
    assert_int_equal(civil_day_number(2000, 2, 29), 11016);
    assert_int_equal(civil_day_number(1970, 1, 1), 0);
}

static void unknown_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Europe/Pariss",       "",         "/etc/passwd",
                                      "../../../etc/passwd", "zone.tab", "Europe"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char why[300] = "";
        assert_null(zone_open(bad[i], why, sizeof why));
        assert_true(strlen(why) > 10);
    }
}

// A zone file without transitions, only a rule.
static struct zone *zone_of_rule(const char *rule)
{
    static const char header[] = "TZif2" // version
                                 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" // isut, isstd, leap, times
                                 "\0\0\0\1\0\0\0\4";                // types, chars
    static const char type[] = "\0\0\0\0\0\0ABC";
    struct buf b = {0};
    for (int block = 0; block < 2; block++) {
        buf_put(&b, header, sizeof header - 1);
        buf_put(&b, type, sizeof type); // with the NUL
    }
    buf_printf(&b, "\n%s\n", rule);
    struct zone *z = zone_parse(b.data, b.len);
    buf_free(&b);
    return z;
}

// The rule alone, in all its ways of naming a day, against the C library's reading of the same words.
static void rules_agree_with_the_c_library(void **state)
{
    (void)state;
    static const char *const rules[] = {
        "UTC0",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "<+0330>-3:30<+0430>,J79/24,J263/24",
        "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
        "AAA-10:30BBB-11,M10.1.0,M4.1.0",
        "XXX3YYY,59/2,J60/3",
        "XXX3YYY,0/0,364/0",
        "XXX3YYY2:30:15,J60/2,J300",
        "IST-1GMT0,M10.5.0,M3.5.0/1",
        "AAA4BBB,M11.5.6/23,M2.5.2",
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        struct zone *z = zone_of_rule(rules[i]);
        if (!z)
            fail_msg("%s is not read", rules[i]);
        setenv("TZ", rules[i], 1);
        tzset();
        for (int64_t t = 946684800; t < 2524608000; t += 7349)
            assert_same_as_libc(rules[i], z, t);
        zone_free(z);
    }
    unsetenv("TZ");
    tzset();
    static const char *const bad[] = {"C0",
                                      "CET",
                                      "CET-1CEST",
                                      "CET-1CEST,M3.5.0",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M3.5.7,M10.5.0",
                                      "CET-1CEST,J0,J5",
                                      "CET-1CEST,366,5",
                                      "CET-1CEST,M3.5.0,M10.5.0 ",
                                      "<CET-1",
                                      "CET-200",
                                      "CET-1CEST,M3.5.0/x,M10.5.0",
                                      "CET-1:60"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(zone_of_rule(bad[i]));
}

// Every truncation and every changed byte is either refused or read without harm.
static void damaged_files(void **state)
{
    (void)state;
    struct buf file = {0};
    assert_int_equal(file_read("/usr/share/zoneinfo/Europe/Paris", 1 << 16, &file), 0);
    for (size_t n = 0; n < file.len; n++) {
        void *copy = malloc(n ? n : 1); // so that reading past the end is seen
        memcpy(copy, file.data, n);
        assert_null(zone_parse(copy, n));
        free(copy);
    }
    for (size_t i = 0; i < file.len; i++)
        for (int bit = 0; bit < 8; bit += 3) {
            file.data[i] = (char)(file.data[i] ^ (1 << bit));
            struct zone *z = zone_parse(file.data, file.len);
            for (int64_t t = -4000000000; z && t <= 8000000000; t += 1000000000)
                (void)zone_civil(z, (struct utc){t * 1000});
            zone_free(z);
            file.data[i] = (char)(file.data[i] ^ (1 << bit));
        }
    buf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(changes_to_the_second),
        cmocka_unit_test(no_zone_is_utc),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(rules_agree_with_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
