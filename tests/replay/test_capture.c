// SPDX-License-Identifier: Apache-2.0
// Replays a captured network: our frame functions against the traffic of a busy TCP-to-serial gateway.
//
// gateway.pcap is made by make_gateway_pcap.py, which lists its oddities. A capture of one's own is
// read with SYMBIONT_CAPTURE=FILE (classic pcap, Ethernet, port 502): its figures are printed, and every
// frame in it must be one that our checks accept.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "symbiont/cursor.h"
#include "symbiont/files.h"
#include "symbiont/modbus.h"

#define MODBUS_PORT           502
#define WRITE_SINGLE_REGISTER 6
#define CONNECTIONS           16
#define STASH                 8    // segments of one direction that may wait for an earlier one
#define BACKLOG               4096 // bytes of one direction not yet a whole frame
#define OUTSTANDING           64
#define MASTER_WAITS          0.9 // seconds: an answer after that is late, the master has given up

struct segment {
    uint32_t seq;
    size_t n;
    uint8_t data[1500];
};

// One direction of a TCP connection, put back in order.
struct stream {
    bool begun;
    uint32_t next; // sequence number of the next byte
    uint8_t data[BACKLOG];
    size_t n;
    struct segment stash[STASH];
    size_t stashed;
};

struct question {
    uint16_t transaction;
    struct modbus_ask ask; // function 6: somebody's write, which we could not build
    double time;
};

struct connection {
    uint32_t master, gateway;
    uint16_t port;
    struct stream up, down;
    struct question asked[OUTSTANDING]; // oldest first: some masters use an id again before its answer
    size_t n;
};

struct figures {
    unsigned packets, reads, writes, answers, written, exceptions, unanswered, strays, late, repeated,
        reordered;
    unsigned of_count[MODBUS_REGISTERS_MAX + 1]; // read requests of so many registers
    unsigned bad[CHECK_COUNT];
    unsigned meters; // answers that hold a whole meter: 14 registers
    unsigned wrong;  // of those: power is not voltage times current
    double longest;
};

struct replay {
    struct connection connections[CONNECTIONS];
    size_t n;
    struct figures f;
};

static void count_meter(struct figures *f, const struct modbus_answer *a)
{
    struct cursor c = cursor_over(a->data, a->n);
    int32_t volt = (int32_t)cursor_u32(&c);
    cursor_take(&c, 8);
    int32_t ampere = (int32_t)cursor_u32(&c);
    cursor_take(&c, 8);
    int32_t watt = (int32_t)cursor_u32(&c);
    assert_false(c.failed);
    f->meters++;
    f->wrong += labs((long)watt) != (long)((int64_t)volt * ampere / 100000);
}

static void take_question(struct replay *r, struct connection *c, const uint8_t *frame, size_t n, double time)
{
    struct cursor at = cursor_over(frame, n);
    struct question q = {.time = time, .transaction = cursor_u16(&at)};
    cursor_u32(&at); // protocol and length: checked by mbap_frame
    q.ask.unit = cursor_u8(&at);
    q.ask.function = cursor_u8(&at);
    q.ask.address = cursor_u16(&at);
    q.ask.count = cursor_u16(&at);
    assert_false(at.failed);
    if (q.ask.function == WRITE_SINGLE_REGISTER)
        r->f.writes++;
    else {
        assert_in_range(q.ask.function, 1, 4);
        assert_in_range(q.ask.count, 1, MODBUS_REGISTERS_MAX);
        r->f.reads++;
        r->f.of_count[q.ask.count]++;
    }
    assert_true(c->n < OUTSTANDING);
    c->asked[c->n++] = q;
}

static void take_answer(struct replay *r, struct connection *c, const uint8_t *frame, size_t n, double time)
{
    size_t i = 0;
    while (i < c->n && c->asked[i].transaction != mbap_transaction(frame))
        i++;
    if (i == c->n) {
        r->f.strays++;
        return;
    }
    struct question q = c->asked[i];
    c->n--;
    memmove(&c->asked[i], &c->asked[i + 1], (c->n - i) * sizeof c->asked[0]);
    if (time - q.time > r->f.longest)
        r->f.longest = time - q.time;
    r->f.late += time - q.time > MASTER_WAITS;
    if (q.ask.function == WRITE_SINGLE_REGISTER) {
        r->f.written++;
        return;
    }
    struct modbus_answer a = mbap_answer(frame, n, &q.ask);
    if (a.verdict == VERDICT_ANSWER) {
        r->f.answers++;
        assert_int_equal(a.n, modbus_data_bytes(&q.ask));
        if (q.ask.count == 14)
            count_meter(&r->f, &a);
    } else if (a.verdict == VERDICT_EXCEPTION)
        r->f.exceptions++;
    else
        r->f.bad[a.check]++;
}

static void take_bytes(struct replay *r, struct connection *c, bool up, const uint8_t *data, size_t n,
                       double time)
{
    struct stream *s = up ? &c->up : &c->down;
    assert_true(s->n + n <= sizeof s->data);
    memcpy(s->data + s->n, data, n);
    s->n += n;
    size_t used = 0;
    int frame;
    while ((frame = mbap_frame(s->data + used, s->n - used)) > 0) {
        (up ? take_question : take_answer)(r, c, s->data + used, (size_t)frame, time);
        used += (size_t)frame;
    }
    assert_int_equal(frame, 0); // the rest is the beginning of a frame
    memmove(s->data, s->data + used, s->n - used);
    s->n -= used;
}

// Orders segments by sequence number; bytes seen before are dropped.
static void take_segment(struct replay *r, struct connection *c, bool up, struct segment *seg, double time)
{
    struct stream *s = up ? &c->up : &c->down;
    if (!s->begun) {
        s->begun = true;
        s->next = seg->seq;
    }
    int32_t ahead = (int32_t)(seg->seq - s->next);
    if (ahead > 0) {
        r->f.reordered++;
        assert_true(s->stashed < STASH);
        s->stash[s->stashed++] = *seg;
        return;
    }
    if ((size_t)-ahead >= seg->n) {
        r->f.repeated++;
        return;
    }
    size_t seen = (size_t)-ahead;
    s->next += (uint32_t)(seg->n - seen);
    take_bytes(r, c, up, seg->data + seen, seg->n - seen, time);
    for (size_t i = 0; i < s->stashed; i++)
        if (s->stash[i].seq == s->next) {
            struct segment waited = s->stash[i];
            s->stash[i] = s->stash[--s->stashed];
            take_segment(r, c, up, &waited, time);
            return;
        }
}

static struct connection *find_connection(struct replay *r, uint32_t master, uint32_t gateway, uint16_t port)
{
    for (size_t i = 0; i < r->n; i++) {
        struct connection *c = &r->connections[i];
        if (c->master == master && c->gateway == gateway && c->port == port)
            return c;
    }
    assert_true(r->n < CONNECTIONS);
    struct connection *c = &r->connections[r->n++];
    c->master = master;
    c->gateway = gateway;
    c->port = port;
    return c;
}

// Ethernet, IPv4, TCP; anything else in a capture is not ours.
static void take_packet(struct replay *r, struct cursor c, double time)
{
    r->f.packets++;
    cursor_take(&c, 12);
    if (cursor_u16(&c) != 0x0800)
        return;
    struct cursor ip = c;
    unsigned header = (cursor_u8(&c) & 15u) * 4u;
    cursor_u8(&c);
    unsigned total = cursor_u16(&c);
    cursor_take(&c, 5);
    if (cursor_u8(&c) != 6 || header < 20 || total < header || total > cursor_left(&ip))
        return;
    cursor_u16(&c);
    uint32_t from = cursor_u32(&c), to = cursor_u32(&c);
    ip.end = ip.at + total; // without the Ethernet padding
    struct cursor tcp = ip;
    cursor_take(&tcp, header);
    struct cursor body = tcp;
    uint16_t source = cursor_u16(&tcp), target = cursor_u16(&tcp);
    struct segment seg = {.seq = cursor_u32(&tcp)};
    cursor_u32(&tcp);
    cursor_take(&body, (size_t)(cursor_u8(&tcp) >> 4) * 4);
    seg.n = cursor_left(&body);
    if (body.failed || tcp.failed || seg.n == 0 || seg.n > sizeof seg.data)
        return;
    memcpy(seg.data, body.at, seg.n);
    if (target == MODBUS_PORT)
        take_segment(r, find_connection(r, from, to, source), true, &seg, time);
    else if (source == MODBUS_PORT)
        take_segment(r, find_connection(r, to, from, target), false, &seg, time);
}

static uint32_t host_order(struct cursor *c, bool swapped)
{
    uint32_t v = cursor_u32(c);
    return swapped ? __builtin_bswap32(v) : v;
}

static struct replay *replay_file(const char *path)
{
    struct buf file = {0};
    if (file_read(path, 64 << 20, &file) != 0)
        fail_msg("cannot read %s", path);
    struct replay *r = calloc(1, sizeof *r);
    assert_non_null(r);
    struct cursor c = cursor_over(file.data, file.len);
    bool swapped = false;
    uint32_t magic = cursor_u32(&c);
    if (magic == 0xD4C3B2A1)
        swapped = true;
    else
        assert_int_equal(magic, 0xA1B2C3D4);
    cursor_take(&c, 16);
    assert_int_equal(host_order(&c, swapped), 1); // Ethernet
    while (cursor_left(&c) > 0) {
        double time = host_order(&c, swapped);
        time += host_order(&c, swapped) * 1e-6;
        size_t captured = host_order(&c, swapped);
        host_order(&c, swapped);
        const uint8_t *packet = cursor_take(&c, captured);
        if (!packet)
            break; // cut short: a capture that was killed
        take_packet(r, cursor_over(packet, captured), time);
    }
    buf_free(&file);
    for (size_t i = 0; i < r->n; i++)
        r->f.unanswered += (unsigned)r->connections[i].n;
    return r;
}

static void print_figures(const struct replay *r)
{
    const struct figures *f = &r->f;
    printf("# %u packets, %zu connections, %u read requests, %u writes by others, %u answers, %u writes "
           "answered,\n"
           "# %u exceptions, %u unanswered, %u strays, %u later than %.1f s (longest %.3f s), %u repeated, "
           "%u out of order\n",
           f->packets, r->n, f->reads, f->writes, f->answers, f->written, f->exceptions, f->unanswered,
           f->strays, f->late, MASTER_WAITS, f->longest, f->repeated, f->reordered);
    for (size_t i = 0; i <= MODBUS_REGISTERS_MAX; i++)
        if (f->of_count[i])
            printf("# %u requests of %zu registers\n", f->of_count[i], i);
}

static void assert_no_bad_frame(const struct figures *f)
{
    for (int i = 0; i < CHECK_COUNT; i++)
        if (f->bad[i])
            fail_msg("%u answers refused: %s", f->bad[i], check_text((enum check)i));
}

// The expected figures are those make_gateway_pcap.py prints when it writes the file.
static void test_gateway(void **state)
{
    (void)state;
    struct replay *r = replay_file("tests/replay/gateway.pcap");
    const struct figures *f = &r->f;
    print_figures(r);
    assert_int_equal(f->packets, 670);
    assert_int_equal(r->n, 5);
    assert_int_equal(f->reads, 310);
    assert_int_equal(f->writes, 30);
    assert_int_equal(f->answers + f->exceptions + f->written, 328);
    assert_int_equal(f->exceptions, 1);
    assert_int_equal(f->unanswered, 12);
    assert_int_equal(f->late, 12);
    assert_int_equal(f->strays, 1);
    assert_int_equal(f->repeated, 1);
    assert_int_equal(f->reordered, 1);
    assert_no_bad_frame(f);
    assert_true(f->meters > 60);
    assert_int_equal(f->wrong, 0);
    free(r);
}

static void test_own_capture(void **state)
{
    (void)state;
    const char *path = getenv("SYMBIONT_CAPTURE");
    if (!path || !*path) {
        skip();
        return;
    }
    struct replay *r = replay_file(path);
    print_figures(r);
    assert_no_bad_frame(&r->f);
    assert_int_equal(r->f.answers + r->f.exceptions + r->f.written + r->f.unanswered,
                     r->f.reads + r->f.writes);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gateway),
        cmocka_unit_test(test_own_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
