// SPDX-License-Identifier: Apache-2.0
// Keys, envelopes and the disclosure log when the system refuses: no memory, no random numbers, a disk that
// fails at each of its calls. Each time it is said, nothing half-made stays, and afterwards it works.
#include <stdlib.h>
#include "exchange_kit.h"
#include "refuse.h"
#include "symbiont/disclosure.h"
#include "symbiont/files.h"

struct room {
    char dir[64], path[96];
    struct site_key key;
    struct buf bytes; // an envelope
    long entries;     // of the log
};

static int set_up(void **state)
{
    struct room *p = calloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/symbiont-refused-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/file", p->dir);
    p->key = kit_key(1);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct room *p = *state;
    buf_free(&p->bytes);
    unlink(p->path);
    rmdir(p->dir);
    free(p);
    return 0;
}

// ---- Keys ----

static bool make_key(void *arg)
{
    struct room *p = arg;
    struct site_key made, read;
    struct stat st;
    char why[300] = "";
    unlink(p->path);
    if (site_key_create(p->path, &made, why, sizeof why) < 0) {
        if (!why[0] || strstr(why, "Success"))
            fail_msg("it says \"%s\"", why);
        unsigned what = refusal.what; // whatever is refused: the file is gone
        refuse_nothing();
        assert_int_equal(stat(p->path, &st), -1);
        refusal.what = what;
        return false;
    }
    bool loaded = site_key_load(p->path, &read, why, sizeof why) == 0;
    if (loaded)
        assert_memory_equal(&made, &read, sizeof made);
    return loaded;
}

static void test_a_key_is_whole_or_not_there(void **state)
{
    struct room *p = *state;
    assert_true(refuse_each(REFUSE_OPEN, EACCES, true, make_key, p) >= 2);
    assert_true(refuse_each(REFUSE_MODE, EPERM, true, make_key, p) >= 1);
    assert_int_equal(refuse_each(REFUSE_WRITE, EIO, true, make_key, p), 1);
    assert_int_equal(refuse_each(REFUSE_SHORT, 0, true, make_key, p), 1);  // 1 of 45 bytes: a full disk
    assert_int_equal(refuse_each(REFUSE_SYNC, EIO, true, make_key, p), 2); // the file, its directory
    assert_int_equal(refuse_each(REFUSE_CLOSE, EIO, false, make_key, p), 3);
    assert_int_equal(refuse_each(REFUSE_SODIUM, EIO, true, make_key, p), 2);
    assert_true(refuse_each(REFUSE_READ, EIO, true, make_key, p) >= 1);
    assert_int_equal(refuse_each(REFUSE_READ, EINTR, false, make_key, p), 2); // read again
}

static void test_a_lost_close_loses_the_key(void **state)
{
    struct room *p = *state;
    struct site_key made;
    char why[300];
    // The first close is the written file's: what the disk did not take may be told only then.
    refuse(REFUSE_CLOSE, EDQUOT, 0, 1);
    assert_int_equal(site_key_create(p->path, &made, why, sizeof why), -1);
    assert_int_equal(refuse_nothing(), 1);
    assert_non_null(strstr(why, "quota"));
    assert_int_equal(access(p->path, F_OK), -1);
}

// ---- Envelopes ----

static struct message message(void)
{
    struct message m = {.kind = MESSAGE_OFFER, .territory = "valley", .from = "f-1", .epoch = 1, .seq = 17};
    m.issued.ms = 1764000000000;
    m.expires.ms = m.issued.ms + 86400000;
    m.body = "{\"x\":[1,{\"}\":\"]\\\"\"}]}";
    m.body_size = strlen(m.body);
    return m;
}

static bool seal(void *arg)
{
    struct room *p = arg;
    struct message m = message();
    buf_free(&p->bytes);
    return envelope_write(&m, &p->key, &p->bytes);
}

static bool open_it(void *arg)
{
    struct room *p = arg;
    struct envelope_peer peer = {.pseudonym = "f-1"};
    struct envelope_context c = {
        .territory = "valley", .pseudonym = "f-1", .now = {1764000000000}, .clock_set = true, .peer = &peer};
    struct message m;
    struct buf scratch = {0};
    unsigned char hash[32];
    char why[200];
    envelope_peer_pin(&peer, 0, p->key.public_key);
    enum envelope_verdict v =
        envelope_read(p->bytes.data, p->bytes.len, &c, &m, hash, &scratch, why, sizeof why);
    // No memory is no forgery: nobody is to be accused of it.
    assert_true(v == ENVELOPE_OK || v == ENVELOPE_MALFORMED);
    assert_true(v == ENVELOPE_OK || strlen(why) > 5);
    if (v == ENVELOPE_OK)
        assert_int_equal(m.body_size, message().body_size);
    buf_free(&scratch);
    return v == ENVELOPE_OK;
}

static void test_envelopes_without_memory(void **state)
{
    struct room *p = *state;
    assert_true(refuse_each(REFUSE_MEMORY, ENOMEM, true, seal, p) >= 4);
    assert_true(refuse_each(REFUSE_MEMORY, ENOMEM, true, open_it, p) >= 20);
}

static bool read_offer(void *arg)
{
    const struct buf *body = arg;
    struct offer o;
    char why[200] = "";
    bool ok = offer_read(body->data, body->len, &o, why, sizeof why);
    assert_true(ok || why[0]);
    unsigned what = refusal.what;
    refuse_nothing();
    struct buf again = {0};
    if (ok) {
        offer_write(&o, &again);
        assert_int_equal(again.len, body->len);
        assert_memory_equal(again.data, body->data, again.len); // not a letter less
    }
    buf_free(&again);
    refusal.what = what;
    return ok;
}

static void test_offers_without_memory(void **state)
{
    (void)state;
    struct offer o = kit_heat(DISCLOSE_DETAIL);
    struct buf body = {0};
    offer_write(&o, &body);
    assert_true(refuse_each(REFUSE_MEMORY, ENOMEM, true, read_offer, &body) >= 20);
    buf_free(&body);
}

// ---- The disclosure log ----

static bool append_one(struct disclosure_log *l)
{
    static const char note[] = "a note";
    return disclosure_append(l, &(struct disclosure_entry){.time = {1764000000123},
                                                           .what = "offer",
                                                           .message = "{\"firm\":415}",
                                                           .message_size = 12,
                                                           .level = 2,
                                                           .note = note});
}

// One entry more; when it says that it is not written, it is not.
static bool note(void *arg)
{
    struct room *p = arg;
    char why[300] = "";
    struct disclosure_log *l = disclosure_open(p->path, why, sizeof why);
    if (!l) {
        if (strstr(why, "was changed") || strstr(why, "Success"))
            fail_msg("the system's refusal is told as \"%s\"", why);
        assert_true(strlen(why) > 10);
        return false;
    }
    bool good = append_one(l);
    p->entries += good;
    disclosure_close(l);
    return good;
}

static void count(void *arg, const char *line, size_t n)
{
    (void)line, (void)n;
    ++*(long *)arg;
}

static void check_log(struct room *p)
{
    long lines = 0;
    assert_int_equal(disclosure_verify(p->path, count, &lines), 0);
    assert_int_equal(lines, p->entries);
}

static void test_nothing_leaves_that_is_not_written_down(void **state)
{
    struct room *p = *state;
    assert_true(note(p));
    assert_true(refuse_each(REFUSE_OPEN, EACCES, true, note, p) >= 1);
    assert_int_equal(refuse_each(REFUSE_STAT, EIO, true, note, p), 2);
    assert_int_equal(refuse_each(REFUSE_READ, EIO, true, note, p), 1);
    assert_int_equal(refuse_each(REFUSE_WRITE, ENOSPC, true, note, p), 1);
    assert_int_equal(refuse_each(REFUSE_WRITE, EINTR, false, note, p), 1);
    assert_true(refuse_each(REFUSE_SHORT, 0, false, note, p) >= 1); // goes on where it was cut short
    assert_int_equal(refuse_each(REFUSE_SYNC, EIO, true, note, p), 1);
    assert_int_equal(refuse_each(REFUSE_SODIUM, EIO, true, note, p), 1);
    // jansson may do without: then the payload is shown as a text, or by its hash only.
    assert_true(refuse_each(REFUSE_MEMORY, ENOMEM, false, note, p) >= 5);
    check_log(p);
}

// What could not be taken back at once goes before the next entry.
static void test_half_an_entry_goes_before_the_next(void **state)
{
    struct room *p = *state;
    char why[300];
    assert_true(note(p));
    struct disclosure_log *l = disclosure_open(p->path, why, sizeof why);
    assert_non_null(l);
    refuse(REFUSE_SYNC | REFUSE_RESIZE, EIO, 0, 2);
    assert_false(append_one(l));
    assert_int_equal(refuse_nothing(), 2);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    off_t with = st.st_size;
    refuse(REFUSE_RESIZE, EIO, 0, 1); // still not
    assert_false(append_one(l));
    assert_int_equal(refuse_nothing(), 1);
    assert_true(append_one(l));
    p->entries++;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_size, with);
    check_log(p);
    // Cut under its hands: an entry would not fit what is left.
    assert_int_equal(truncate(p->path, st.st_size - 10), 0);
    assert_false(append_one(l));
    disclosure_close(l);
}

static void test_a_torn_end_that_cannot_be_cut(void **state)
{
    struct room *p = *state;
    char why[300] = "";
    assert_true(note(p));
    int fd = open(p->path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"n\":2", 6), 6);
    close(fd);
    refuse(REFUSE_RESIZE, EROFS, 0, 1);
    assert_null(disclosure_open(p->path, why, sizeof why));
    assert_int_equal(refuse_nothing(), 1);
    assert_non_null(strstr(why, "cannot write"));
    assert_non_null(strstr(why, "Read-only"));
    p->entries++; // "torn"
    assert_true(note(p));
    check_log(p);
    refuse(REFUSE_SODIUM, 0, 0, 1);
    assert_int_equal(disclosure_verify(p->path, NULL, NULL), -1);
    refuse_nothing();
}

int main(void)
{
#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_a_key_is_whole_or_not_there),
        IN_ROOM(test_a_lost_close_loses_the_key),
        IN_ROOM(test_envelopes_without_memory),
        IN_ROOM(test_offers_without_memory),
        IN_ROOM(test_nothing_leaves_that_is_not_written_down),
        IN_ROOM(test_half_an_entry_goes_before_the_next),
        IN_ROOM(test_a_torn_end_that_cannot_be_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
