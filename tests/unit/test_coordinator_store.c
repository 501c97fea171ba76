// SPDX-License-Identifier: Apache-2.0
// territory.db: what was committed is there again, what was damaged is put aside, hours are summed as they
// were metered.
#include "coordinator/store.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "symbiont/log.h"
#include "test.h"

static char directory[64];

static int make_room(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/symbiont-store-XXXXXX");
    log_set_level(LOG_LEVEL_ERROR);
    return mkdtemp(directory) ? 0 : -1;
}

static int clear_room(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static struct store *open_store(void)
{
    char why[300];
    struct store *s = store_open(directory, why, sizeof why);
    if (!s)
        fail_msg("%s", why);
    return s;
}

static void check_topic(void *arg, const char *topic, const struct envelope_topic *t)
{
    assert_string_equal(topic, "a/b");
    assert_int_equal(t->seq, 17);
    assert_true(t->withdrawn);
    assert_int_equal(t->issued.ms, 8);
    assert_int_equal(t->hash[31], 9);
    ++*(int *)arg;
}

static void what_was_committed_is_there(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct envelope_topic t = {
        .key_id = "0123456789abcdef", .epoch = 3, .seq = 17, .withdrawn = true, .until = {9}, .issued = {8}};
    struct envelope_seen seen = {1764000000, 5};
    t.hash[31] = 9;
    store_put_topic(s, "a/b", &t);
    store_put_seen(s, "k", &seen);
    store_keep(s, "epoch", 7);
    assert_true(store_commit(s));
    store_close(s);
    s = open_store();
    int n = 0;
    store_each_topic(s, check_topic, &n);
    assert_int_equal(n, 1);
    struct envelope_seen back;
    assert_true(store_get_seen(s, "k", &back));
    assert_int_equal(back.epoch, 1764000000);
    assert_false(store_get_seen(s, "other", &back));
    assert_int_equal(store_number(s, "epoch", 0), 7);
    assert_int_equal(store_number(s, "nothing", -1), -1);
    store_tidy(s, (struct utc){10}, (struct utc){0});
    n = 0;
    store_each_topic(s, check_topic, &n);
    assert_int_equal(n, 0);
    store_close(s);
}

static void change_file(const char *sql)
{
    char path[100];
    sqlite3 *db;
    store_close(open_store());
    snprintf(path, sizeof path, "%s/territory.db", directory);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

#define RELEASED_2                                                                                           \
    "DROP TABLE figure; DROP TABLE released; CREATE TABLE released(entry TEXT, match TEXT, pseudonym TEXT, " \
    "level INTEGER, "                                                                                        \
    "time "                                                                                                  \
    "INTEGER, PRIMARY KEY(entry, match, pseudonym, level)) WITHOUT ROWID;"

static void a_store_of_format_1_is_brought_up_to_date(void **state)
{
    change_file(RELEASED_2 "ALTER TABLE topic DROP COLUMN issued; PRAGMA user_version=1");
    what_was_committed_is_there(state);
}

static void a_store_of_format_2_is_brought_up_to_date(void **state)
{
    struct release out[2];
    (void)state;
    change_file(RELEASED_2
                "INSERT INTO entry VALUES('e', 'f-1', '{}', 9);"
                "INSERT INTO released VALUES('e', 'm', 'g-1', 2, 100), ('gone', 'm', 'g-1', 2, 100);"
                "PRAGMA user_version=2");
    struct store *s = open_store();
    assert_int_equal(store_releases(s, "f-1", "e", out, 2), 1);
    assert_string_equal(out[0].to, "g-1");
    assert_int_equal(store_releases(s, "f-1", "gone", out, 2), 0); // nobody knows whose it was
    store_close(s);
}

static void hours_of_both_sides(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct store_sums sums;
    store_put_hour(s, "m", 0, 100, 400);
    store_put_hour(s, "m", 1, 100, 380); // what the pipe lost
    store_put_hour(s, "m", 0, 101, 400);
    store_put_hour(s, "m", 1, 101, 390);
    store_put_hour(s, "m", 1, 101, 395); // the same hour again, finished
    store_put_hour(s, "m", 0, 102, 400); // the other side is not there yet
    store_put_hour(s, "else", 1, 102, 1);
    store_sum_hours(s, "m", NULL, &sums);
    assert_float_equal(sums.least, 775, 1e-9);
    assert_float_equal(sums.most, 800, 1e-9);
    assert_int_equal(sums.hours, 2);
    assert_int_equal(sums.lonely, 1);
    assert_int_equal(sums.last, 101);
    store_close(s);
}

// Three containers, 4 t a week together: what is booked is what was metered, as far as it was agreed.
static void a_group_books_what_was_agreed_by_the_round(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct store_sums sums;
    const struct store_round week = {.begin = 1000, .hours = 168, .agreed = 4000};
    store_put_hour(s, "m", 0, 1005, 1200); // a container leaves whole, in one hour
    store_put_hour(s, "m", 1, 1006, 800);
    store_sum_hours(s, "m", &week, &sums);
    assert_float_equal(sums.least, 2000, 1e-9);
    store_put_hour(s, "m", 2, 1170, 2000); // two days late: in the next round, whole
    store_put_hour(s, "m", 0, 1171, 1200);
    store_put_hour(s, "m", 1, 1172, 800);
    store_put_hour(s, "m", 2, 1300, 2000);
    store_sum_hours(s, "m", &week, &sums);
    assert_float_equal(sums.least, 8000, 1e-9);
    assert_float_equal(sums.most, 8000, 1e-9);
    assert_int_equal(sums.hours, 6);
    assert_int_equal(sums.first, 1005);
    assert_int_equal(sums.last, 1300);
    store_put_hour(s, "m", 2, 1340, 90000); // whoever claims more gets what was agreed
    store_put_hour(s, "m", 0, 1400, 90000);
    store_sum_hours(s, "m", &week, &sums);
    assert_float_equal(sums.least, 12000, 1e-9);
    assert_float_equal(sums.most, 188000, 1e-9);
    store_close(s);
}

static void alerts_wait_in_order_and_never_share_a_number(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct store_alert a = {.channel = "mail/x", .subject = "one", .body = "b", .due = {5}}, due;
    store_put_alert(s, &a);
    a.subject = "two";
    store_put_alert(s, &a);
    assert_false(store_due_alert(s, "mail/x", (struct utc){4}, &due));
    assert_false(store_due_alert(s, "mail/y", (struct utc){9}, &due));
    assert_true(store_due_alert(s, "mail/x", (struct utc){9}, &due));
    assert_string_equal(due.subject, "one");
    int64_t first = due.id;
    assert_true(first > 1700000000); // begins at the clock: a store begun anew repeats none
    due.attempts = 1;
    due.due.ms = 20;
    store_put_alert(s, &due);
    assert_true(store_due_alert(s, "mail/x", (struct utc){9}, &due));
    assert_string_equal(due.subject, "two");
    store_drop_alert(s, due.id);
    store_drop_alert(s, first);
    assert_int_equal(store_alerts(s, "mail/x"), 0);
    store_put_alert(s, &a);
    assert_true(store_due_alert(s, "mail/x", (struct utc){9}, &due));
    assert_true(due.id > first + 1);
    store_close(s);
}

static void releases_are_told_once_and_to_their_owner(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct release r = {.level = 2, .time = {100}}, out[4];
    strcpy(r.match, "m");
    strcpy(r.to, "g-1");
    assert_true(store_add_release(s, "f-1", "e", &r));
    r.time.ms = 200;
    assert_false(store_add_release(s, "f-1", "e", &r)); // it stays the first time
    r.level = 4;
    assert_true(store_add_release(s, "f-1", "e", &r));
    assert_int_equal(store_releases(s, "f-1", "e", out, 4), 2);
    assert_int_equal(out[0].level, 4);
    assert_int_equal(out[1].time.ms, 100);
    // Whoever else has the id, now or later, sees nothing of them.
    assert_int_equal(store_releases(s, "h-1", "e", out, 4), 0);
    assert_true(store_add_release(s, "h-1", "e", &r));
    assert_int_equal(store_releases(s, "h-1", "e", out, 4), 1);
    store_close(s);
}

static void what_is_over_is_forgotten(void **state)
{
    (void)state;
    const struct utc then = {1000}, later = {1000 + ENVELOPE_LIFE_MS + 1};
    struct store *s = open_store();
    struct release r = {.level = 2, .time = then}, out[4];
    strcpy(r.match, "m");
    strcpy(r.to, "g-1");
    store_put_entry(
        s, &(struct store_entry){.id = "stands", .pseudonym = "f-1", .json = "{}", .n = 2, .expires = later});
    store_add_release(s, "f-1", "stands", &r);
    store_add_release(s, "f-1", "gone", &r);
    store_told(s, "synergy", then);
    store_tidy(s, (struct utc){1000 + ENVELOPE_LIFE_MS}, then);
    assert_int_equal(store_releases(s, "f-1", "gone", out, 4), 1);
    assert_int_equal(store_last_told(s, "synergy").ms, then.ms);
    store_tidy(s, later, later);
    assert_int_equal(store_releases(s, "f-1", "gone", out, 4), 0);
    assert_int_equal(store_releases(s, "f-1", "stands", out, 4), 1);
    assert_int_equal(store_last_told(s, "synergy").ms, 0);
    store_close(s);
}

static void damaged_files_are_put_aside(void **state)
{
    (void)state;
    static const char *const damage[] = {"", "this is no database, whatever its name says, and long enough"};
    char path[100], command[200];
    snprintf(path, sizeof path, "%s/territory.db", directory);
    log_set_level((enum log_level) - 1);
    for (size_t i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "rm -f %s*", path);
        assert_int_equal(system(command), 0);
        FILE *f = fopen(path, "w");
        fputs(damage[i], f);
        fclose(f);
        struct store *s = open_store();
        assert_int_equal(store_number(s, "epoch", 0), 0);
        store_keep(s, "epoch", 1);
        assert_true(store_commit(s));
        store_close(s);
    }
    snprintf(command, sizeof command, "ls %s.damaged-* >/dev/null", path);
    assert_int_equal(system(command), 0);
    log_set_level(LOG_LEVEL_ERROR);
}

// A question that stays open holds the log's beginning: it would grow with every commit from then on.
static void the_log_does_not_grow_behind_what_was_asked(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct store_alert due;
    const char *text, *sites;
    static char data[4000];
    char path[100];
    struct stat st;
    store_put_figure(s, "cell", "1-2 MW", "a\nb\n", (struct utc){1});
    store_put_alert(s, &(struct store_alert){.channel = "mail/x", .subject = "s", .body = "b"});
    assert_true(store_commit(s));
    assert_true(store_figure(s, "cell", &text, &sites));
    assert_true(store_due_alert(s, "mail/x", (struct utc){9}, &due));
    assert_true(store_commit(s));
    for (int i = 0; i < 1500; i++) {
        store_put_published(s, "t", data, sizeof data, (struct utc){i});
        store_keep(s, "n", i);
        assert_true(store_commit(s));
    }
    snprintf(path, sizeof path, "%s/territory.db-wal", directory);
    assert_int_equal(stat(path, &st), 0);
    assert_in_range(st.st_size, 0, 6 << 20); // 1,000 pages are its measure
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_committed_is_there, make_room, clear_room),
        cmocka_unit_test_setup_teardown(a_store_of_format_1_is_brought_up_to_date, make_room, clear_room),
        cmocka_unit_test_setup_teardown(hours_of_both_sides, make_room, clear_room),
        cmocka_unit_test_setup_teardown(a_group_books_what_was_agreed_by_the_round, make_room, clear_room),
        cmocka_unit_test_setup_teardown(alerts_wait_in_order_and_never_share_a_number, make_room, clear_room),
        cmocka_unit_test_setup_teardown(releases_are_told_once_and_to_their_owner, make_room, clear_room),
        cmocka_unit_test_setup_teardown(what_is_over_is_forgotten, make_room, clear_room),
        cmocka_unit_test_setup_teardown(a_store_of_format_2_is_brought_up_to_date, make_room, clear_room),
        cmocka_unit_test_setup_teardown(damaged_files_are_put_aside, make_room, clear_room),
        cmocka_unit_test_setup_teardown(the_log_does_not_grow_behind_what_was_asked, make_room, clear_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
