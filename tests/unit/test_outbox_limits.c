// SPDX-License-Identifier: Apache-2.0
// What the outbox refuses, and what it makes of a file that somebody else has written into.
#include "outbox_room.h"
#include <glob.h>
#include <sqlite3.h>
#include "store/outbox_facts.h"
#include "store/outbox_inside.h"
#include "store/outbox_rejects.h"

static void count_them(const struct outbox_rejected *what, void *arg)
{
    (void)what;
    ++*(unsigned *)arg;
}

static void in_memory_everything_but_the_disk_works(void **state)
{
    struct room *r = *state;
    struct outbox_item item;
    struct outbox_gap gap;
    char value[8], why[256];
    unsigned n = 0;
    r->settings.path = NULL;
    r->settings.spill_after_ns = 0; // the default
    open_it(r);
    put(r, 0, 1);
    take(r, 0, &item);
    outbox_reject(r->o, 0, &item, "no");
    outbox_keep(r->o, "a", "bc", 2);
    assert_int_equal(outbox_kept(r->o, "a", value, sizeof value), 2);
    assert_int_equal(outbox_rejected_each(r->o, count_them, &n), 1);
    static char huge[(16 << 20) + 1];
    assert_int_equal(outbox_put(r->o, 0, "t", huge, sizeof huge, (struct utc){5}), 0);
    assert_true(outbox_gap(r->o, 0, &gap));
    outbox_gap_done(r->o, 0, &gap);
    assert_false(outbox_gap(r->o, 0, &gap));
    assert_int_equal(disk(r).bytes_written, 0);
    assert_false(disk(r).failing);
    // It does not become one on disk while it runs.
    r->settings.path = r->path;
    assert_int_equal(outbox_configure(r->o, &r->settings, why, sizeof why), -1);
    assert_non_null(strstr(why, "from memory to"));
    r->settings.path = NULL;
    assert_int_equal(outbox_configure(r->o, &r->settings, why, sizeof why), 0);
    close_it(r);
    r->settings.path = r->path;
    open_it(r);
    r->settings.path = NULL;
    assert_int_equal(outbox_configure(r->o, &r->settings, why, sizeof why), -1);
    assert_non_null(strstr(why, "to memory"));
}

static void what_is_too_long_is_refused(void **state)
{
    struct room *r = *state;
    static char topic[65537], key[300];
    memset(topic, 't', sizeof topic - 1);
    memset(key, 'k', sizeof key - 1);
    open_it(r);
    assert_int_equal(outbox_put(r->o, 0, topic, "x", 1, (struct utc){5}), 0);
    topic[65535] = '\0';
    assert_true(outbox_put(r->o, 0, topic, "x", 1, (struct utc){5}) > 0);
    assert_int_equal(stats(r, 0).dropped, 1);
    outbox_keep(r->o, key, "v", 1);
    assert_int_equal(outbox_kept(r->o, key, key, 0), -1);
    outbox_keep(r->o, "", "v", 1);
    assert_int_equal(outbox_kept(r->o, "", key, 0), -1);
    outbox_keep(r->o, "none", NULL, 0); // nothing to forget
    struct facts *f = facts_new();
    static char value[1 << 20];
    assert_int_equal(facts_put(f, "k", value, sizeof value + 1), FACTS_REFUSED);
    for (int i = 0; i < 15; i++) {
        char name[24];
        snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(facts_put(f, name, value, sizeof value), FACTS_CHANGED);
    }
    assert_int_equal(facts_put(f, "k15", value, sizeof value), FACTS_REFUSED); // too much altogether
    assert_int_equal(facts_put(f, "k14", value, 1), FACTS_CHANGED);
    assert_int_equal(facts_put(f, "k15", value, sizeof value), FACTS_CHANGED);
    // Changed again while it was saved: it stays to be saved.
    struct fact_change *c;
    size_t n = facts_changes(f, &c);
    assert_int_equal(n, 16);
    assert_int_equal(facts_put(f, "k0", "x", 1), FACTS_CHANGED);
    facts_saved(f, c, n);
    facts_changes_free(c, n);
    n = facts_changes(f, &c);
    assert_int_equal(n, 1);
    assert_string_equal(c->key, "k0");
    facts_changes_free(c, n);
    facts_free(f);
}

static void lanes_are_bounded_and_a_refused_reload_changes_nothing(void **state)
{
    struct room *r = *state;
    char why[256];
    static char long_name[LANE_NAME_MAX + 1];
    memset(long_name, 'l', LANE_NAME_MAX);
    open_it(r);
    uint64_t id = put(r, 0, 1);
    struct outbox_settings s = r->settings;
    s.lanes[2] = "kafka";
    s.lanes[3] = long_name;
    assert_int_equal(outbox_configure(r->o, &s, why, sizeof why), -1);
    assert_non_null(strstr(why, "no room for lane llll"));
    assert_int_equal(r->o->n_known, 2);
    s.lanes[3] = NULL;
    assert_int_equal(outbox_configure(r->o, &s, why, sizeof why), 0);
    assert_true(outbox_put(r->o, 2, "t", "x", 1, (struct utc){5}) >= id);
    // Names come and go; each keeps its number for the file's life.
    char names[LANES_KNOWN_MAX][24];
    int good = 0;
    for (int i = 0; i < LANES_KNOWN_MAX; i++) {
        snprintf(names[i], sizeof names[i], "other-%d", i);
        s.lanes[2] = names[i];
        good += outbox_configure(r->o, &s, why, sizeof why) == 0;
    }
    assert_int_equal(good, LANES_KNOWN_MAX - 3);
    assert_non_null(strstr(why, "at most 32 names"));
    expect(r, 0, 1, 1, true);
    // All eight places.
    for (int i = 0; i < OUTBOX_LANES_MAX - 2; i++)
        s.lanes[2 + i] = names[i];
    assert_int_equal(outbox_configure(r->o, &s, why, sizeof why), 0);
    close_it(r);
    r->settings = s;
    open_it(r);
    assert_int_equal(r->o->n_known, LANES_KNOWN_MAX);
    expect_none(r, 0);
    close_it(r);
    r->settings.path = NULL;
    open_it(r);
    close_it(r);
    r->settings.lanes[7] = long_name;
    assert_null(outbox_open(&r->settings, why, sizeof why));
}

static void a_disk_that_hangs_is_told(void **state)
{
    struct room *r = *state;
    open_it(r);
    wait_for(r, commits, 0, "nothing");
    struct mono now = mono_now();
    // As if the writer had begun a step so long ago.
    atomic_store(&r->o->progress, now.ns - 20 * NS_PER_S);
    assert_true(disk(r).failing);
    assert_non_null(strstr(disk(r).error, "does not answer for 20 s"));
    assert_true(mono_since(outbox_heartbeat(r->o), now) >= 0); // no reason to restart
    atomic_store(&r->o->progress, now.ns - 400 * NS_PER_S);
    assert_true(mono_since(now, outbox_heartbeat(r->o)) > 300 * NS_PER_S);
    atomic_store(&r->o->progress, 0);
    assert_false(disk(r).failing);
}

static void run(struct room *r, const char *sql)
{
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    sqlite3_close(db);
}

static size_t set_aside(const struct room *r)
{
    char pattern[128];
    glob_t g;
    snprintf(pattern, sizeof pattern, "%s.corrupt-*", r->path);
    size_t n = glob(pattern, 0, NULL, &g) == 0 ? g.gl_pathc : 0;
    if (n)
        globfree(&g);
    return n;
}

// SQL run on the closed file of 2,500 messages (three rows), and how many of them still come.
static void what_a_strange_hand_wrote_into_the_file(void **state)
{
    static const struct {
        const char *sql;
        unsigned come; // of lane 0
        bool aside, fact;
    } rows[] = {
        {"UPDATE lane SET acked = acked", 2500, false, true},
        {"INSERT INTO lane VALUES(0, 'zero', 0), (128, 'far', 0), (100, 'back', -1)", 2500, false, true},
        {"INSERT INTO lane VALUES(99, '"
         "0123456789012345678901234567890123456789012345678901234567890123456789"
         "', 0)",
         2500, false, true},
        {"UPDATE meta SET value = -1 WHERE name = 'epoch'", 0, true, false},
        {"UPDATE meta SET value = -1 WHERE name = 'next_id'", 0, true, false},
        {"UPDATE meta SET value = 1 << 60 WHERE name = 'next_id'", 0, true, false},
        {"UPDATE meta SET value = 4000000000 WHERE name = 'epoch'", 2500, false, true},
        {"PRAGMA user_version = -3", 0, true, false},
        {"PRAGMA application_id = 7", 0, true, false},
        {"DROP TABLE gap", 0, true, false},
        {"UPDATE batch SET count = 0", 3, false, true}, // at least its first message is told as lost
        {"UPDATE batch SET raw = -1", 0, false, true},
        {"UPDATE batch SET raw = 1 << 40", 0, false, true},
        {"UPDATE batch SET raw = raw - 1", 0, false, true},
        {"UPDATE batch SET raw = raw + 1", 0, false, true},
        {"UPDATE batch SET data = substr(data, 1, length(data) - 3)", 0, false, true},
        {"UPDATE batch SET data = CAST(data || x'00' AS BLOB)", 0, false, true},
        {"UPDATE batch SET data = x''", 0, false, true},
        {"DELETE FROM batch WHERE id = (SELECT min(id) FROM batch)", 0, false, true},
        {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO gap "
         "SELECT "
         "1, i, i, i, 1, 0, 0 FROM n",
         2500, false, true},
    };
    struct room *r = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outbox_item item;
        unsigned come = 0;
        char value[8];
        nftw(r->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        assert_int_equal(mkdir(r->directory, 0700), 0);
        open_it(r);
        for (unsigned k = 0; k < 2500; k++)
            put(r, 0, k);
        outbox_keep(r->o, "a", "b", 1);
        close_it(r);
        run(r, rows[i].sql);
        open_it(r);
        uint64_t waited = stats(r, 0).waiting;
        struct mono until = mono_add(mono_now(), 20 * NS_PER_S);
        while (stats(r, 0).waiting && mono_before(mono_now(), until))
            if (outbox_next(r->o, 0, &item)) {
                outbox_ack(r->o, 0, item.id);
                come++;
            }
        struct outbox_stats s = stats(r, 0);
        if (come + s.dropped != waited || s.waiting)
            fail_msg("\"%s\": %u waited, %u came, %u are told as lost", rows[i].sql, (unsigned)waited, come,
                     (unsigned)s.dropped);
        if (set_aside(r) != rows[i].aside)
            fail_msg("\"%s\": %zu set aside", rows[i].sql, set_aside(r));
        if ((outbox_kept(r->o, "a", value, sizeof value) == 1) != rows[i].fact && !rows[i].aside)
            fail_msg("\"%s\": the fact is %s", rows[i].sql, rows[i].fact ? "gone" : "there");
        if (rows[i].come == 2500 || rows[i].aside)
            assert_int_equal(come, rows[i].come);
        else
            assert_true(come < 2500);
        // And it works on.
        put(r, 0, 7777);
        take(r, 0, &item);
        assert_int_equal(seq_of(&item), 7777);
        outbox_ack(r->o, 0, item.id);
        close_it(r);
    }
}

static void rejected_messages_are_bounded_in_bytes(void **state)
{
    (void)state;
    static char payload[20000];
    struct rejects *r = rejects_new();
    struct outbox_rejected what = {
        .lane = "mqtt", .topic = "t", .why = "no", .payload = payload, .n = sizeof payload};
    for (uint64_t i = 100; i > 0; i--) { // ids need not grow
        what.id = i;
        rejects_add(r, &what);
    }
    unsigned n = 0;
    assert_true(rejects_each(r, count_them, &n) < 65); // 1 MiB of 16 KiB each
    struct outbox_item item = {.id = 1, .payload = payload, .n = sizeof payload};
    assert_true(rejects_have(r, "mqtt", &item)); // by the part that is kept
    item.n = 10;
    assert_false(rejects_have(r, "mqtt", &item));
    item.n = sizeof payload;
    item.time.ms = 5;
    assert_false(rejects_have(r, "mqtt", &item));
    item.time.ms = 0;
    payload[5] = 'x';
    assert_false(rejects_have(r, "mqtt", &item));
    rejects_all_changed(r);
    assert_true(rejects_changed(r));
    rejects_free(r);
    r = rejects_new();
    rejects_all_changed(r);
    assert_false(rejects_changed(r));
    what.why = "";
    what.payload = NULL;
    what.n = 0;
    rejects_add(r, &what);
    assert_int_equal(rejects_each(r, count_them, &n), 1);
    rejects_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_memory_everything_but_the_disk_works),
        TEST(what_is_too_long_is_refused),
        TEST(lanes_are_bounded_and_a_refused_reload_changes_nothing),
        TEST(a_disk_that_hangs_is_told),
        TEST(what_a_strange_hand_wrote_into_the_file),
        TEST(rejected_messages_are_bounded_in_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
