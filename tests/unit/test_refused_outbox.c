// SPDX-License-Identifier: Apache-2.0
// The outbox when the system refuses: each of its own allocations, its thread, its descriptors, the calls
// around its file. It says so, or does without; what it took it delivers or counts as dropped.
#include "outbox_room.h"
#include "refuse.h"
#include "store/outbox_block.h"
#include "store/outbox_disk.h"
#include "store/outbox_facts.h"
#include "store/outbox_rejects.h"
#include "store/outbox_spans.h"
#include "symbiont/log.h"

#define FACTS   70 /* more than the table begins with */
#define REJECTS 5
#define BACKLOG 3000

// What an earlier run leaves: two lanes with holes, facts, refused messages, a gap.
static void leave_backlog(struct room *r)
{
    struct outbox_item item;
    open_it(r);
    for (unsigned i = 0; i < REJECTS; i++) {
        put(r, 0, i);
        take(r, 0, &item);
        outbox_reject(r->o, 0, &item, "no");
        outbox_ack(r->o, 0, item.id);
    }
    for (unsigned i = 0; i < FACTS; i++) {
        char key[32];
        snprintf(key, sizeof key, "counter/%u", i);
        outbox_keep(r->o, key, "abc", 3);
    }
    for (unsigned i = 0; i < BACKLOG; i++)
        put(r, 0, i);
    put(r, 1, 1);
    static char huge[20 << 20];
    assert_int_equal(outbox_put(r->o, 1, "t", huge, sizeof huge, (struct utc){1}), 0); // a gap
    close_it(r);
}

static void count(const struct outbox_rejected *what, void *arg)
{
    assert_string_equal(what->why, "no");
    ++*(unsigned *)arg;
}

static void check_backlog(struct room *r)
{
    char value[8];
    unsigned rejects = 0;
    struct outbox_gap gap;
    assert_int_equal(stats(r, 0).waiting, BACKLOG);
    assert_int_equal(stats(r, 1).waiting, 1);
    assert_true(outbox_gap(r->o, 1, &gap));
    outbox_rejected_each(r->o, count, &rejects);
    if (rejects != REJECTS)
        fail_msg("%u rejected messages instead of %d", rejects, REJECTS);
    for (unsigned i = 0; i < FACTS; i++) {
        char key[32];
        snprintf(key, sizeof key, "counter/%u", i);
        if (outbox_kept(r->o, key, value, sizeof value) != 3)
            fail_msg("%s is gone", key);
    }
}

// ---- Opening ----

static bool open_and_close(void *arg)
{
    struct room *r = arg;
    char why[256] = "", ballast[128];
    snprintf(ballast, sizeof ballast, "%s.ballast", r->path);
    __real_unlink(ballast); // to be made anew
    r->o = outbox_open(&r->settings, why, sizeof why);
    if (!r->o) {
        assert_true(strlen(why) > 10);
        return false;
    }
    unsigned what = refusal.what; // looked at without being refused
    refuse_nothing();
    check_backlog(r);
    refusal.what = what;
    int rc = outbox_close(r->o);
    r->o = NULL;
    return rc == 0;
}

static void opening_brings_all_or_says_why(void **state)
{
    struct room *r = *state;
    leave_backlog(r);
    // Without a fact or a rejected message it goes on; without the others it does not begin.
    assert_true(refuse_each(REFUSE_EVENTFD, EMFILE, true, open_and_close, r) >= 2);
    assert_int_equal(refuse_each(REFUSE_THREAD, EAGAIN, true, open_and_close, r), 1);
    assert_true(refuse_each(REFUSE_RESIZE, ENOSPC, false, open_and_close, r) >= 1); // no ballast
    assert_true(refuse_each(REFUSE_ROOM, EIO, false, open_and_close, r) >= 1);
    r->settings.path = NULL;
    assert_int_equal(unlink(r->path), 0);
}

// Never fewer than were kept, unless it says that it could not open.
static bool open_with_little(void *arg)
{
    struct room *r = arg;
    char why[256] = "";
    r->o = outbox_open(&r->settings, why, sizeof why);
    if (!r->o) {
        assert_true(strstr(why, "memory") || strstr(why, "descriptors"));
        return false;
    }
    unsigned what = refusal.what;
    refuse_nothing();
    assert_int_equal(stats(r, 0).waiting, BACKLOG);
    assert_int_equal(stats(r, 1).waiting, 1);
    refusal.what = what;
    int rc = outbox_close(r->o);
    r->o = NULL;
    return rc == 0;
}

static void messages_on_disk_are_not_forgotten_for_want_of_memory(void **state)
{
    struct room *r = *state;
    leave_backlog(r);
    assert_true(refuse_each(REFUSE_MEMORY, ENOMEM, false, open_with_little, r) > 100);
}

static bool open_in_memory(void *arg)
{
    struct room *r = arg;
    char why[256] = "";
    r->o = outbox_open(&r->settings, why, sizeof why);
    bool good = r->o != NULL;
    assert_true(good || strlen(why) > 10);
    if (r->o)
        close_it(r);
    return good;
}

static void an_outbox_in_memory_without_memory(void **state)
{
    struct room *r = *state;
    r->settings.path = NULL;
    assert_int_equal(refuse_each(REFUSE_MEMORY, ENOMEM, true, open_in_memory, r), 5);
    assert_int_equal(refuse_each(REFUSE_EVENTFD, EMFILE, true, open_in_memory, r), 2);
}

// ---- At work ----

static bool settled(struct room *r)
{
    struct outbox_stats s = stats(r, 0);
    return s.on_disk == s.waiting || disk(r).failing;
}

// Everything that was taken comes out again or is counted as dropped.
static bool work(void *arg)
{
    struct room *r = arg;
    struct outbox_item item;
    unsigned put_n = 0, refused_n = 0, got = 0;
    nftw(r->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (mkdir(r->directory, 0700) < 0)
        fail_msg("mkdir");
    unsigned what = refusal.what;
    int64_t first = refusal.first;
    refusal.what = 0;
    open_it(r);
    refuse(what, ENOMEM, first, 1);
    for (unsigned i = 0; i < 400; i++) {
        if (put(r, 0, i))
            put_n++;
        else
            refused_n++;
    }
    if (outbox_next(r->o, 0, &item)) {
        outbox_reject(r->o, 0, &item, "no");
        outbox_ack(r->o, 0, item.id);
    }
    outbox_keep(r->o, "counter/a", "abc", 3);
    outbox_keep(r->o, "counter/b", "", 0);
    struct mono until = mono_add(mono_now(), 20 * NS_PER_S);
    while (!settled(r) && mono_before(mono_now(), until))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    outbox_rewind(r->o, 0, 0);
    for (unsigned i = 0; i < 30 && outbox_next(r->o, 0, &item); i++)
        ;
    bool met = refusal.refused > 0;
    refusal.what = 0;
    while (!settled(r) && mono_before(mono_now(), until))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    struct outbox_stats s = stats(r, 0);
    assert_int_equal(s.waiting + s.acked + s.dropped, put_n + refused_n);
    if (!met)
        assert_int_equal(s.dropped, 0);
    close_it(r);
    open_it(r);
    while (stats(r, 0).waiting) {
        take(r, 0, &item);
        outbox_ack(r->o, 0, item.id);
        got++;
    }
    if (got != s.waiting)
        fail_msg("%u came, %u waited", got, (unsigned)s.waiting);
    close_it(r);
    return !met || refused_n == 0;
}

static void whatever_memory_is_refused_nothing_is_lost_silently(void **state)
{
    struct room *r = *state;
    r->settings.spill_after_ns = 2 * NS_PER_MS;
    assert_true(refuse_each(REFUSE_MEMORY, ENOMEM, false, work, r) >= 10);
}

// ---- Its parts ----

static void spans_without_memory(void **state)
{
    (void)state;
    struct spans s = {0};
    refuse(REFUSE_MEMORY, ENOMEM, 0, 1);
    assert_int_equal(spans_add(&s, 1, 2), -1);
    assert_int_equal(refuse_nothing(), 1);
    assert_int_equal(spans_next(&s, 1), 0);
    for (uint64_t k = 1; k <= 4; k++)
        assert_int_equal(spans_add(&s, 100 * k, 100 * k + 40), 0);
    // Four runs fill the table: a split needs more. The smaller rest goes, and is counted.
    refuse(REFUSE_MEMORY, ENOMEM, 0, 2);
    assert_int_equal(spans_remove(&s, 110, 115), 6 + 10); // 100..109 are fewer than 116..140
    assert_int_equal(spans_next(&s, 1), 116);
    assert_int_equal(spans_remove(&s, 230, 231), 2 + 9); // 232..240 go
    assert_int_equal(refuse_nothing(), 2);
    assert_int_equal(spans_next(&s, 230), 300);
    assert_int_equal(spans_count(&s, 200, 299), 30);
    spans_free(&s);
}

static bool keep_facts(void *arg)
{
    struct facts *f = arg;
    static unsigned n;
    char key[32], value[4];
    for (unsigned i = 0; i < 3; i++) {
        snprintf(key, sizeof key, "key/%u", n++);
        if (facts_put(f, key, "abc", 3) == FACTS_REFUSED) {
            assert_int_equal(facts_get(f, key, value, sizeof value), -1);
            return false;
        }
        assert_int_equal(facts_get(f, key, value, sizeof value), 3);
    }
    return true;
}

static bool take_changes(void *arg)
{
    struct fact_change *c;
    size_t n = facts_changes(arg, &c);
    facts_changes_free(c, n);
    assert_true(facts_changed(arg)); // they stay to be saved
    return n > 0;
}

static void facts_without_memory(void **state)
{
    (void)state;
    struct facts *f = facts_new();
    assert_true(refuse_each(REFUSE_MEMORY, ENOMEM, true, keep_facts, f) >= 6);
    assert_int_equal(facts_put(f, "empty", "", 0), FACTS_CHANGED);
    assert_true(refuse_each(REFUSE_MEMORY, ENOMEM, true, take_changes, f) >= 5);
    facts_free(f);
    facts_free(NULL);
    refuse(REFUSE_MEMORY, ENOMEM, 0, 1);
    assert_null(facts_new());
    assert_null(block_new(SIZE_MAX / 4)); // and what no memory could hold
    refuse_nothing();
}

struct saved {
    unsigned n;
    uint64_t last;
};

static int save_one(uint64_t number, const struct outbox_rejected *what, void *arg)
{
    struct saved *s = arg;
    assert_string_equal(what->why, "no");
    if (number != s->last + 1)
        fail_msg("number %u after %u", (unsigned)number, (unsigned)s->last);
    s->last = number;
    s->n++;
    return 0;
}

// A copy that finds no memory is saved the next time, with all after it.
static void rejected_messages_wait_for_memory(void **state)
{
    (void)state;
    struct outbox_rejected what = {
        .lane = "mqtt", .topic = "t", .why = "no", .payload = "p", .n = 1, .id = 1};
    for (int64_t n = 0; n < 4; n++) {
        struct rejects *r = rejects_new();
        struct saved s = {0};
        uint64_t upto = 0;
        for (int i = 0; i < 3; i++)
            rejects_add(r, &what);
        refuse(REFUSE_MEMORY, ENOMEM, n, 1);
        assert_int_equal(rejects_unsaved(r, save_one, &s, &upto), 1);
        assert_int_equal(refuse_nothing(), n < 3);
        rejects_saved(r, upto);
        assert_int_equal(rejects_changed(r), n < 3);
        assert_int_equal(s.n, n);
        assert_int_equal(rejects_unsaved(r, save_one, &s, &upto), 1);
        rejects_saved(r, upto);
        assert_int_equal(s.n, 3);
        assert_false(rejects_changed(r));
        rejects_free(r);
    }
    struct rejects *r = rejects_new();
    refuse(REFUSE_MEMORY, ENOMEM, 0, 3);
    rejects_add(r, &what); // not kept, and nothing else happens
    rejects_restore(r, 7, &what);
    assert_null(rejects_new());
    assert_int_equal(refuse_nothing(), 3);
    assert_false(rejects_changed(r));
    // The file read a second time, after a first attempt that failed: each once.
    rejects_restore(r, 7, &what);
    rejects_restore(r, 8, &what);
    rejects_restore(r, 7, &what);
    rejects_restore(r, 8, &what);
    unsigned seen = 0;
    assert_int_equal(rejects_each(r, count, &seen), 2);
    rejects_free(r);
    rejects_free(NULL);
}

// ---- Around the file ----

static void write_beside(const struct room *r, const char *suffix)
{
    char path[300];
    snprintf(path, sizeof path, "%s%s", r->path, suffix);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static bool there(const struct room *r, const char *suffix)
{
    char path[300];
    snprintf(path, sizeof path, "%s%s", r->path, suffix);
    return access(path, F_OK) == 0;
}

static void ballast_that_cannot_be_made_leaves_nothing(void **state)
{
    struct room *r = *state;
    for (int64_t n = 0; n < 2; n++) { // its length, its blocks
        refuse(REFUSE_RESIZE, n ? EOPNOTSUPP : ENOSPC, n, 1);
        assert_false(disk_ballast_make(r->path, 256 << 10));
        assert_int_equal(refuse_nothing(), 1);
        assert_false(there(r, ".ballast"));
    }
    refuse(REFUSE_ROOM, EIO, 0, 1);
    assert_int_equal(disk_free(r->path), INT64_MAX);
    assert_int_equal(refuse_nothing(), 1);
}

static void a_log_that_cannot_be_renamed_goes(void **state)
{
    struct room *r = *state;
    char name[256];
    write_beside(r, "");
    write_beside(r, "-wal");
    refuse(REFUSE_RENAME, EIO, 1, 1);
    assert_int_equal(disk_set_aside(r->path, (struct utc){1764000000000}, name, sizeof name), 0);
    assert_int_equal(refuse_nothing(), 1);
    assert_false(there(r, "-wal")); // it would be taken for the new file's
    write_beside(r, "");
    refuse(REFUSE_RENAME, EIO, 0, 1);
    assert_int_equal(disk_set_aside(r->path, (struct utc){1764000000000}, name, sizeof name), -1);
    assert_int_equal(refuse_nothing(), 1);
    assert_true(there(r, ""));
    // No memory to find the older ones: they stay a while longer.
    for (int i = 0; i < 4; i++) {
        write_beside(r, "");
        refuse(REFUSE_MEMORY, ENOMEM, 0, 100);
        assert_int_equal(disk_set_aside(r->path, (struct utc){1764000000000 + i}, name, sizeof name), 0);
        refuse_nothing();
        assert_int_equal(access(name, F_OK), 0);
    }
}

// The file deleted while it is in use, and the calls that would save it fail, too: it is begun anew, and what
// is gone with it is counted.
static void a_file_that_cannot_be_saved_is_begun_anew(void **state)
{
    static const struct {
        unsigned what;
        int64_t first, many;
        bool saved;
    } rows[] = {
        {REFUSE_RENAME, 0, 1, false}, {REFUSE_SYNC, 0, 1, true},   // only a power cut would lose the new name
        {REFUSE_OPEN, 0, 1, true},                                 // of the directory, to be synced
        {REFUSE_UNLINK, 1, 1, false}, {REFUSE_UNLINK, 0, 1, true}, // of what was never left over
    };
    struct room *r = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        open_it(r);
        for (unsigned n = 0; n < 100; n++)
            put(r, 0, n);
        wait_for(r, on_disk, 100, "messages on disk");
        refuse(rows[i].what, EIO, rows[i].first, rows[i].many);
        __real_unlink(r->path);
        put(r, 0, 100);
        struct mono until = mono_add(mono_now(), 20 * NS_PER_S);
        while (stats(r, 0).on_disk != stats(r, 0).waiting && mono_before(mono_now(), until))
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        int64_t met = refuse_nothing();
        struct outbox_stats s = stats(r, 0);
        if (met != 1 || s.dropped != (rows[i].saved ? 0 : 100) || s.waiting + s.dropped != 101)
            fail_msg("row %zu: %lld refused, %u waiting, %u dropped", i, (long long)met, (unsigned)s.waiting,
                     (unsigned)s.dropped);
        while (stats(r, 0).waiting) {
            struct outbox_item item;
            take(r, 0, &item);
            outbox_ack(r->o, 0, item.id);
        }
        close_it(r);
    }
}

static int quiet(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opening_brings_all_or_says_why),
        TEST(messages_on_disk_are_not_forgotten_for_want_of_memory),
        TEST(an_outbox_in_memory_without_memory),
        TEST(whatever_memory_is_refused_nothing_is_lost_silently),
        TEST(spans_without_memory),
        TEST(facts_without_memory),
        TEST(rejected_messages_wait_for_memory),
        TEST(ballast_that_cannot_be_made_leaves_nothing),
        TEST(a_log_that_cannot_be_renamed_goes),
        TEST(a_file_that_cannot_be_saved_is_begun_anew),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
