// SPDX-License-Identifier: Apache-2.0
// kill -9 at random moments: what was on disk is offered again, in order, and no id is given twice.
//
// A child puts, takes, acknowledges and notes what it does in shared memory; it is killed, and the test opens
// what it left. SYMBIONT_SEED=<number> repeats a run. Under tests/fault/disk_shim.c (DISK_SHIM_CONTROL is
// set) the power is cut instead: what was written and not synced is partly lost.
#include "outbox_room.h"
#include <glob.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define LANES   2
#define SEQ_MAX 4000000u

// What the child has done. Every field is written after the fact, but `meant`, before.
struct note {
    volatile uint32_t put;     // messages 1..put were put, ever
    volatile uint32_t claimed; // the outbox said that this one is on disk
    volatile uint32_t shown;   // handed out
    volatile uint32_t meant;   // about to be acknowledged
    volatile uint32_t old_ack; // acknowledged more than two seconds ago
    volatile uint64_t id;      // the highest given
    volatile uint64_t late_ms; // longest that a message older than the spill time stayed off the disk
};

struct crash {
    struct note *notes;
    unsigned char *alive[LANES]; // by sequence number: offered when last looked
    uint64_t epoch;
    unsigned offered;
};

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// Message `seq` has a length and bytes of its own, so that a mixed-up one shows.
static size_t fill(unsigned char *payload, uint32_t seq)
{
    uint64_t state = seq;
    size_t n = 4 + draw(&state) % 700;
    memcpy(payload, &seq, 4);
    for (size_t i = 4; i < n; i++)
        payload[i] = (unsigned char)('a' + (seq + i) % 26);
    return n;
}

static uint32_t check_message(const struct outbox_item *item)
{
    unsigned char expected[1024];
    uint32_t seq;
    assert_true(item->n >= 4);
    memcpy(&seq, item->payload, 4);
    assert_int_equal(item->n, fill(expected, seq));
    assert_memory_equal(item->payload, expected, item->n);
    assert_int_equal(item->time.ms, seq);
    return seq;
}

// --- the child ----------------------------------------------------------------------------------------

struct worker {
    struct outbox *o;
    struct note *note;
    size_t lane;
    uint32_t *waiting; // sequence numbers in order: backlog, then own
    size_t first, n;
    int64_t put_ns[65536]; // by sequence number modulo
    struct {
        int64_t ns;
        uint32_t seq;
    } acks[65536];
    size_t acks_first, acks_n;
};

static void work_put(struct worker *w, unsigned count)
{
    unsigned char payload[1024];
    for (unsigned i = 0; i < count; i++) {
        uint32_t seq = w->note->put + 1;
        size_t n = fill(payload, seq);
        w->put_ns[seq % 65536] = mono_now().ns;
        uint64_t id = outbox_put(w->o, w->lane, "t", payload, n, (struct utc){seq});
        if (id == 0 || id <= w->note->id)
            _exit(3); // given before
        w->note->id = id;
        w->note->put = seq;
        w->waiting[w->n++] = seq;
    }
}

static void work_take(struct worker *w, unsigned count, bool ack)
{
    struct outbox_item item;
    for (unsigned i = 0; i < count && outbox_next(w->o, w->lane, &item); i++) {
        uint32_t seq;
        memcpy(&seq, item.payload, 4);
        w->note->shown = seq;
        if (!ack)
            continue;
        w->note->meant = seq;
        outbox_ack(w->o, w->lane, item.id);
        while (w->first < w->n && w->waiting[w->first] <= seq)
            w->first++;
        w->acks[w->acks_n++ % 65536].ns = mono_now().ns;
        w->acks[(w->acks_n - 1) % 65536].seq = seq;
    }
    while (w->acks_first < w->acks_n && w->acks[w->acks_first % 65536].ns < mono_now().ns - 2 * NS_PER_S)
        w->note->old_ack = w->acks[w->acks_first++ % 65536].seq;
}

static void work_claim(struct worker *w, int64_t spill_ns)
{
    struct outbox_stats s;
    int64_t now = mono_now().ns;
    outbox_lane_stats(w->o, w->lane, &s);
    if (s.on_disk)
        w->note->claimed = w->waiting[w->first + s.on_disk - 1];
    if (s.on_disk == s.waiting)
        return;
    uint32_t oldest = w->waiting[w->first + s.on_disk];
    int64_t late = now - w->put_ns[oldest % 65536] - spill_ns;
    if (late > 0 && w->put_ns[oldest % 65536] && (uint64_t)(late / NS_PER_MS) > w->note->late_ms)
        w->note->late_ms = (uint64_t)(late / NS_PER_MS);
}

static void child(const struct room *r, struct note *notes, unsigned char *const *alive, uint64_t seed)
{
    char why[256];
    struct outbox *o = outbox_open(&r->settings, why, sizeof why);
    if (!o)
        _exit(2);
    struct worker *workers = calloc(LANES, sizeof *workers);
    for (size_t i = 0; i < LANES; i++) {
        struct worker *w = &workers[i];
        *w = (struct worker){
            .o = o, .note = &notes[i], .lane = i, .waiting = calloc(SEQ_MAX, sizeof(uint32_t))};
        for (uint32_t seq = 1; seq <= notes[i].put; seq++)
            if (alive[i][seq])
                w->waiting[w->n++] = seq;
    }
    for (;;) {
        struct worker *w = &workers[draw(&seed) % LANES];
        work_put(w, (unsigned)(draw(&seed) % 40));
        // Lane 1 keeps up most of the time, lane 0 lags. With "always" lane 1 takes all and acknowledges
        // late: what it was shown must be on disk.
        bool late = r->settings.always && w->lane == 1;
        unsigned taken = late ? 1000 : (unsigned)(draw(&seed) % (w->lane ? 60 : 20));
        work_take(w, taken, draw(&seed) % (late ? 16 : 3) != 0 ? !late : late);
        if (draw(&seed) % 16 == 0)
            outbox_rewind(o, w->lane, 1);
        work_claim(w, r->settings.always ? 0 : r->settings.spill_after_ns);
        if (notes[0].put > SEQ_MAX - 1000 || notes[1].put > SEQ_MAX - 1000)
            pause();
        nanosleep(&(struct timespec){.tv_nsec = (long)(draw(&seed) % 1000000)}, NULL);
    }
}

// --- the judge ----------------------------------------------------------------------------------------

static void judge_lane(struct room *r, struct crash *c, size_t lane)
{
    struct note *n = &c->notes[lane];
    unsigned char *before = c->alive[lane], *offered = calloc(SEQ_MAX, 1);
    struct outbox_item item;
    uint32_t last = 0;
    uint64_t waiting = stats(r, lane).waiting, count = 0;
    while (count < waiting) {
        take(r, lane, &item);
        uint32_t seq = check_message(&item);
        if (seq <= last || seq > n->put + 1) // one may have been put and not noted
            fail_msg("lane %zu: message %u after %u of %u", lane, seq, last, n->put);
        if (item.id > n->id + 1)
            fail_msg("lane %zu: message %u has id %llu, never given", lane, seq, (unsigned long long)item.id);
        offered[seq] = 1;
        last = seq;
        count++;
    }
    assert_false(outbox_next(r->o, lane, &item));
    for (uint32_t seq = 1; seq <= n->put; seq++) {
        bool earlier = before[seq] == 1; // offered after the last crash
        bool fresh = before[seq] == 0;   // put in this life
        bool must = seq > n->meant && (earlier || (fresh && seq <= n->claimed) ||
                                       (fresh && r->settings.always && seq <= n->shown));
        if (must && !offered[seq])
            fail_msg("lane %zu: message %u is lost (put %u, on disk %u, shown %u, acknowledged %u)", lane,
                     seq, n->put, n->claimed, n->shown, n->meant);
        if (offered[seq] && seq <= n->old_ack)
            fail_msg("lane %zu: message %u was acknowledged two seconds before and comes again", lane, seq);
        c->offered += offered[seq];
        // 2: gone for good, acknowledged or lost in time.
        before[seq] = offered[seq] ? 1 : 2;
    }
    if (n->put + 1 < SEQ_MAX && offered[n->put + 1]) {
        n->put++;
        before[n->put] = 1;
    }
    if (n->id < item.id && waiting)
        n->id = item.id;
    n->claimed = n->shown = n->meant = n->old_ack = 0;
    free(offered);
}

// For the preloaded disk shim: cut the power at its n-th write or sync; 0: a sound disk again.
static void control_disk(const struct room *r, const char *control, unsigned cut, uint64_t seed)
{
    char fresh[256];
    snprintf(fresh, sizeof fresh, "%s.new", control);
    FILE *f = fopen(fresh, "w");
    assert_non_null(f);
    fprintf(f, "under=%s cut=%u seed=%llu\n", r->directory, cut, (unsigned long long)seed);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(fresh, control), 0);
}

static void kill_after(pid_t pid, int64_t life_us, bool cut)
{
    int status;
    struct mono until = mono_add(mono_now(), life_us * 1000);
    while (mono_before(mono_now(), until)) {
        // With the power cut this is the usual end.
        if (waitpid(pid, &status, WNOHANG) == pid) {
            if (!cut || !WIFEXITED(status) || WEXITSTATUS(status) != 137)
                fail_msg("the child ended by itself with %#x", (unsigned)status);
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && !(cut && WEXITSTATUS(status) == 137))
        fail_msg("the child ended by itself with %d", WEXITSTATUS(status));
}

static void one_life(struct room *r, struct crash *c, uint64_t *random, int64_t life_us)
{
    const char *control = getenv("DISK_SHIM_CONTROL");
    uint64_t seed = draw(random);
    r->settings.always = draw(random) % 3 == 0;
    if (control)
        control_disk(r, control, (unsigned)(1 + draw(random) % (r->settings.always ? 900 : 300)), seed);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(r, c->notes, c->alive, seed);
    kill_after(pid, control ? 5000000 : life_us, control != NULL);
    if (control)
        control_disk(r, control, 0, 0);
    open_it(r);
    assert_true(outbox_epoch(r->o) > c->epoch);
    c->epoch = outbox_epoch(r->o);
    for (size_t i = 0; i < LANES; i++)
        judge_lane(r, c, i);
    close_it(r);
    char pattern[128];
    glob_t g;
    snprintf(pattern, sizeof pattern, "%s.corrupt-*", r->path);
    assert_int_equal(glob(pattern, 0, NULL, &g), GLOB_NOMATCH);
}

static void nothing_on_disk_is_lost_by_a_kill(void **state)
{
    struct room *r = *state;
    const char *given = getenv("SYMBIONT_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)mono_now().ns;
    print_message("SYMBIONT_SEED=%llu\n", (unsigned long long)seed);
    struct crash c = {0};
    c.notes = mmap(NULL, LANES * sizeof *c.notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(c.notes != MAP_FAILED);
    for (size_t i = 0; i < LANES; i++)
        c.alive[i] = calloc(SEQ_MAX, 1);
    for (int life = 0; life < 24; life++)
        // Mostly short lives, some killed in the middle of opening, one long enough for acknowledgements to
        // be committed.
        one_life(r, &c, &seed, life == 15 ? 2600000 : (int64_t)(draw(&seed) % (life % 3 ? 250000 : 30000)));
    uint64_t late = 0, put_n = 0;
    for (size_t i = 0; i < LANES; i++) {
        late = c.notes[i].late_ms > late ? c.notes[i].late_ms : late;
        put_n += c.notes[i].put;
        free(c.alive[i]);
    }
    print_message(
        "%llu messages, %u offered again; the longest wait for a commit after the spill time was %llu ms\n",
        (unsigned long long)put_n, c.offered, (unsigned long long)late);
    assert_true(c.offered > 100);
    // One sync on a busy build machine. On a quiet one it is milliseconds.
    assert_true(late < 3000);
    munmap(c.notes, LANES * sizeof *c.notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(nothing_on_disk_is_lost_by_a_kill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
