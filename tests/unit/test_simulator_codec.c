// SPDX-License-Identifier: Apache-2.0
// The server codec byte by byte, the register image, and a simulated line read by an independent client
// (libmodbus).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "simulator/sim_codec.h"
#include "simulator/sim_fault.h"
#include "simulator/sim_image.h"
#include "symbiont/modbus.h"
#include "symbiont/simulator.h"

// ---- Requests ----

static void mbap_requests_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t bytes[16];
        size_t n;
        int used;
        bool read;
    } rows[] = {
        {"a read", {0x12, 0x34, 0, 0, 0, 6, 3, 4, 0, 10, 0, 2}, 12, 12, true},
        {"header incomplete", {0x12, 0x34, 0, 0, 0, 6}, 6, 0, false},
        {"body incomplete", {0x12, 0x34, 0, 0, 0, 6, 3, 4, 0, 10, 0}, 11, 0, false},
        {"wrong protocol", {0x12, 0x34, 0, 1, 0, 6, 3, 4, 0, 10, 0, 2}, 12, -1, false},
        {"length 1", {0x12, 0x34, 0, 0, 0, 1, 3, 4, 0, 10, 0, 2}, 12, -1, false},
        {"length 255", {0x12, 0x34, 0, 0, 0, 255, 3, 4, 0, 10, 0, 2}, 12, -1, false},
        {"a write", {0x12, 0x34, 0, 0, 0, 6, 3, 6, 0, 10, 0, 2}, 12, 12, false},
        {"a read too long", {0x12, 0x34, 0, 0, 0, 7, 3, 4, 0, 10, 0, 2, 9}, 13, 13, false},
        {"a read too short", {0x12, 0x34, 0, 0, 0, 5, 3, 4, 0, 10, 0}, 11, 11, false},
        {"a function alone", {0x12, 0x34, 0, 0, 0, 2, 3, 43}, 8, 8, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sim_request q;
        print_message("# %s\n", rows[i].what);
        assert_int_equal(sim_mbap_request(rows[i].bytes, rows[i].n, &q), rows[i].used);
        assert_int_equal(q.read, rows[i].read);
        if (rows[i].read) {
            assert_int_equal(q.transaction, 0x1234);
            assert_int_equal(q.unit, 3);
            assert_int_equal(q.function, 4);
            assert_int_equal(q.address, 10);
            assert_int_equal(q.count, 2);
        }
    }
}

static void rtu_requests_end_by_length_or_by_silence(void **state)
{
    (void)state;
    struct sim_request q;
    uint8_t frame[16] = {3, 4, 0, 10, 0, 2};
    sim_rtu_seal(frame, 8);
    assert_int_equal(sim_rtu_request(frame, 8, false, &q), 8);
    assert_true(q.read);
    assert_int_equal(q.unit, 3);
    assert_int_equal(q.address, 10);
    assert_int_equal(sim_rtu_request(frame, 7, false, &q), 0);
    assert_int_equal(sim_rtu_request(frame, 7, true, &q), -1);
    frame[7] ^= 1;
    assert_int_equal(sim_rtu_request(frame, 8, false, &q), -1);

    // Report server id: its length is known only by the silence after it.
    uint8_t id[4] = {3, 17};
    sim_rtu_seal(id, 4);
    assert_int_equal(sim_rtu_request(id, 4, false, &q), -1);
    assert_int_equal(sim_rtu_request(id, 4, true, &q), 4);
    assert_int_equal(q.function, 17);
    assert_false(q.read);

    // Writing two registers.
    uint8_t write[13] = {3, 16, 0, 1, 0, 2, 4, 1, 2, 3, 4};
    sim_rtu_seal(write, 13);
    assert_int_equal(sim_rtu_request(write, 12, false, &q), 0);
    assert_int_equal(sim_rtu_request(write, 13, false, &q), 13);
    assert_int_equal(q.function, 16);
    assert_int_equal(sim_rtu_request(write, 6, false, &q), -1); // its length is not there yet

    // Too little to tell, and what can be no request.
    assert_int_equal(sim_rtu_request(write, 0, false, &q), 0);
    assert_int_equal(sim_rtu_request(write, 0, true, &q), 0);
    for (size_t n = 1; n < 4; n++) {
        assert_int_equal(sim_rtu_request(write, n, false, &q), 0);
        assert_int_equal(sim_rtu_request(write, n, true, &q), -1);
    }
    uint8_t long_write[300] = {3, 15, 0, 1, 0, 2, 255};
    sim_rtu_seal(long_write, 264);
    assert_int_equal(sim_rtu_request(long_write, 264, false, &q), -1);
    assert_int_equal(sim_rtu_request(long_write, 264, true, &q), -1);
    uint8_t none[8] = {3, 0, 0, 1, 0, 2};
    sim_rtu_seal(none, 8);
    assert_int_equal(sim_rtu_request(none, 8, false, &q), -1); // there is no function 0
    assert_int_equal(sim_rtu_request(none, 8, true, &q), 8);
    assert_false(q.read);
    none[1] = 5;
    sim_rtu_seal(none, 8);
    assert_int_equal(sim_rtu_request(none, 8, false, &q), 8); // of a coil: answered, not read
    assert_false(q.read);
    uint8_t short_read[7] = {3, 3, 0, 1, 2};
    sim_rtu_seal(short_read, 7);
    assert_int_equal(sim_rtu_request(short_read, 7, true, &q), 7);
    assert_false(q.read);
}

// ---- The image ----

static void runs_of_registers_join(void **state)
{
    (void)state;
    struct sim_image image = {0};
    uint16_t words[] = {0x4366, 0x3334};
    uint8_t pdu[SIM_PDU_MAX];
    assert_int_equal(sim_image_put(&image, 4, 10, words, 2), 0);
    assert_int_equal(sim_image_put(&image, 4, 14, words, 2), 0);
    assert_int_equal(image.n[4], 2);
    assert_null(sim_image_at(&image, 4, 10, 6));
    assert_int_equal(sim_image_read(&image, 4, 10, 6, 125, 2000, pdu), 2);
    assert_int_equal(pdu[0], 0x84);
    assert_int_equal(pdu[1], SIM_ILLEGAL_ADDRESS);
    assert_int_equal(sim_image_fill_gaps(&image, 1), 0);
    assert_int_equal(image.n[4], 2);
    assert_int_equal(sim_image_fill_gaps(&image, 2), 0);
    assert_int_equal(image.n[4], 1);
    static const uint8_t expected[] = {4, 12, 0x43, 0x66, 0x33, 0x34, 0, 0, 0, 0, 0x43, 0x66, 0x33, 0x34};
    assert_int_equal(sim_image_read(&image, 4, 10, 6, 125, 2000, pdu), sizeof expected);
    assert_memory_equal(pdu, expected, sizeof expected);
    // Not the device's largest request, not below its first, not past its last.
    assert_int_equal(sim_image_read(&image, 4, 10, 6, 5, 2000, pdu), 2);
    assert_int_equal(pdu[1], SIM_ILLEGAL_VALUE);
    assert_null(sim_image_at(&image, 4, 9, 1));
    assert_null(sim_image_at(&image, 4, 15, 2));
    assert_null(sim_image_at(&image, 3, 10, 1));
    assert_int_equal(sim_image_put(&image, 4, 65535, words, 2), -1);
    assert_int_equal(sim_image_put(&image, 4, 65534, words, 2), 0);
    assert_non_null(sim_image_at(&image, 4, 65534, 2));
    sim_image_free(&image);
}

static void bits_are_packed_low_first(void **state)
{
    (void)state;
    struct sim_image image = {0};
    uint8_t pdu[SIM_PDU_MAX];
    uint16_t bits[] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 1};
    assert_int_equal(sim_image_put(&image, 2, 0xC4, bits, 10), 0);
    static const uint8_t expected[] = {2, 2, 0xCD, 0x03};
    assert_int_equal(sim_image_read(&image, 2, 0xC4, 10, 125, 2000, pdu), 4);
    assert_memory_equal(pdu, expected, 4);
    sim_image_free(&image);
}

// ---- Faults ----

static void faults_strike_when_they_should(void **state)
{
    (void)state;
    struct sim_fault f;
    char why[200];
    assert_true(sim_fault_parse("silence every=3 times=2", &f, why, sizeof why));
    static const bool expected[] = {false, false, true, false, false, true, false, false, false};
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(sim_fault_strikes(&f, 0, 0), expected[i]);
    assert_true(sim_fault_parse("late from_s=10 until_s=20", &f, why, sizeof why));
    assert_false(sim_fault_strikes(&f, 9 * NS_PER_S, 0));
    assert_true(sim_fault_strikes(&f, 10 * NS_PER_S, 0));
    assert_false(sim_fault_strikes(&f, 20 * NS_PER_S, 0));
    assert_true(sim_fault_parse("crc probability=0.25", &f, why, sizeof why));
    assert_true(sim_fault_strikes(&f, 0, UINT64_MAX / 5));
    assert_false(sim_fault_strikes(&f, 0, UINT64_MAX / 3));
    assert_false(sim_fault_parse("silense", &f, why, sizeof why));
    assert_string_equal(why, "\"silense\" is no kind of fault, did you mean \"silence\"?");
    assert_false(sim_fault_parse("silence evry=3", &f, why, sizeof why));
    assert_false(sim_fault_parse("", &f, why, sizeof why));
}

// What each fault does to the answer {unit 3, function 3, 4 bytes}, seen by the client's codec.
static void faults_fail_the_check_they_are_named_for(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        bool rtu;
        enum check check;
    } rows[] = {
        {"wrong_protocol", false, CHECK_PROTOCOL}, {"wrong_unit", false, CHECK_UNIT},
        {"wrong_function", false, CHECK_FUNCTION}, {"wrong_count", false, CHECK_BYTE_COUNT},
        {"bad_exception", false, CHECK_EXCEPTION},
    };
    const struct modbus_ask ask = {3, 3, 10, 2};
    const struct sim_request q = {
        .transaction = 7, .unit = 3, .function = 3, .address = 10, .count = 2, .read = true};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t frame[SIM_FRAME_MAX] = {[SIM_HEAD] = 3, 4, 1, 2, 3, 4};
        struct sim_fault f;
        struct sim_reply r = {0};
        char why[200];
        print_message("# %s\n", rows[i].fault);
        assert_true(sim_fault_parse(rows[i].fault, &f, why, sizeof why));
        sim_fault_frame(&f, frame, 6, &q, rows[i].rtu, 1, &r);
        int whole = mbap_frame(r.bytes, r.n);
        if (whole < 0) {
            assert_int_equal(-whole, rows[i].check);
            continue;
        }
        assert_int_equal(whole, r.n);
        struct modbus_answer a = mbap_answer(r.bytes, r.n, &ask);
        assert_int_equal(a.verdict, VERDICT_BAD_ANSWER);
        assert_int_equal(a.check, rows[i].check);
    }
}

// ---- A line, and libmodbus as its client in a thread of its own ----

struct plant {
    struct loop *loop;
    struct simulator *sim;
    int line, meter;
    char why[200];
};

static int plant_up(void **state)
{
    struct plant *p = calloc(1, sizeof *p);
    p->loop = loop_new();
    p->sim = simulator_new(p->loop, &(struct simulator_settings){.seed = 1});
    *state = p;
    return p->loop && p->sim ? 0 : -1;
}

static int plant_down(void **state)
{
    struct plant *p = *state;
    simulator_free(p->sim);
    loop_free(p->loop);
    free(p);
    return 0;
}

static void add_line(struct plant *p, struct simulator_line l, struct simulator_meter m)
{
    l.name = "hall";
    m.name = "boiler";
    m.line = p->line = simulator_line(p->sim, &l, p->why, sizeof p->why);
    assert_true(p->line >= 0);
    p->meter = simulator_meter(p->sim, &m, p->why, sizeof p->why);
    assert_true(p->meter >= 0);
    uint16_t words[] = {0x4366, 0x3334, 3, 4};
    assert_int_equal(simulator_registers(p->sim, p->meter, TABLE_INPUT, 0, words, 4), 0);
    assert_int_equal(simulator_registers(p->sim, p->meter, TABLE_HOLDING, 100, words + 2, 2), 0);
    assert_int_equal(simulator_registers(p->sim, p->meter, TABLE_COIL, 5, (uint16_t[]){1, 0, 1}, 3), 0);
    assert_int_equal(simulator_registers(p->sim, p->meter, TABLE_DISCRETE, 5, (uint16_t[]){0, 1, 1}, 3), 0);
    if (simulator_start(p->sim, p->why, sizeof p->why) < 0)
        fail_msg("%s", p->why);
}

// The client's part of a test; the test's thread turns the loop until it ends.
struct client {
    pthread_t thread;
    modbus_t *bus;
    struct wakeup ended;
    void (*talk)(struct client *c);
    struct loop *loop;
    int results[8], errors[8];
    uint16_t words[8];
    uint8_t bits[8];
};

static void client_ended(struct wakeup *w)
{
    loop_stop(w->loop);
}

static void *client_run(void *arg)
{
    struct client *c = arg;
    c->talk(c);
    wakeup_send(&c->ended);
    return NULL;
}

static void converse(struct plant *p, struct client *c, modbus_t *bus, void (*talk)(struct client *c))
{
    *c = (struct client){.bus = bus, .talk = talk};
    assert_non_null(bus);
    modbus_set_response_timeout(bus, 0, 500000);
    assert_int_equal(wakeup_open(&c->ended, p->loop, client_ended), 0);
    assert_int_equal(pthread_create(&c->thread, NULL, client_run, c), 0);
    assert_int_equal(loop_run(p->loop), 0);
    pthread_join(c->thread, NULL);
    wakeup_close(&c->ended);
    modbus_close(bus);
    modbus_free(bus);
}

static void note(struct client *c, int i, int result)
{
    c->errors[i] = errno;
    c->results[i] = result;
}

static void read_everything(struct client *c)
{
    note(c, 0, modbus_connect(c->bus));
    note(c, 1, modbus_set_slave(c->bus, 3));
    note(c, 2, modbus_read_input_registers(c->bus, 0, 4, c->words));
    note(c, 3, modbus_read_registers(c->bus, 100, 2, c->words + 4));
    note(c, 4, modbus_read_bits(c->bus, 5, 3, c->bits));
    note(c, 5, modbus_read_input_bits(c->bus, 5, 3, c->bits + 3));
    note(c, 6, modbus_read_registers(c->bus, 101, 2, c->words + 6));
    note(c, 7, modbus_write_register(c->bus, 100, 1));
}

static void assert_everything_read(struct plant *p, const struct client *c)
{
    static const int results[] = {0, 0, 4, 2, 3, 3, -1, -1};
    static const uint16_t words[] = {0x4366, 0x3334, 3, 4, 3, 4};
    static const uint8_t bits[] = {1, 0, 1, 0, 1, 1};
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(c->results[i], results[i]);
    assert_memory_equal(c->words, words, sizeof words);
    assert_memory_equal(c->bits, bits, sizeof bits);
    assert_int_equal(c->errors[6], EMBXILADD);
    assert_int_equal(c->errors[7], EMBXILFUN);
    assert_int_equal(simulator_forbidden(p->sim), 1);
    assert_int_equal(simulator_answers(p->sim), 6);
}

static void libmodbus_reads_over_tcp(void **state)
{
    struct plant *p = *state;
    struct client c;
    add_line(p, (struct simulator_line){.listen = "127.0.0.1:0"}, (struct simulator_meter){.unit_id = 3});
    converse(p, &c, modbus_new_tcp("127.0.0.1", simulator_port(p->sim, p->line, 0)), read_everything);
    assert_everything_read(p, &c);
}

static void libmodbus_reads_over_a_pty(void **state)
{
    struct plant *p = *state;
    struct client c;
    add_line(p, (struct simulator_line){.pty = ""}, (struct simulator_meter){.unit_id = 3});
    converse(p, &c, modbus_new_rtu(simulator_pty(p->sim, p->line), 9600, 'N', 8, 1), read_everything);
    assert_everything_read(p, &c);
}

static void libmodbus_reads_at_wire_speed_and_with_delay(void **state)
{
    struct plant *p = *state;
    struct client c;
    add_line(p, (struct simulator_line){.pty = "", .mode = "115200 8E1", .wire_speed = true},
             (struct simulator_meter){.unit_id = 3, .delay_ns = 5 * NS_PER_MS});
    struct mono begun = mono_now();
    converse(p, &c, modbus_new_rtu(simulator_pty(p->sim, p->line), 115200, 'E', 8, 1), read_everything);
    assert_everything_read(p, &c);
    // Six times: 8 characters of 11 bits, 1.75 ms of silence, 5 ms, at least 5 characters.
    assert_true(mono_since(mono_now(), begun) > 6 * (1241319 + 1750000 + 5000000));
}

static void read_three_times(struct client *c)
{
    modbus_connect(c->bus);
    modbus_set_slave(c->bus, 3);
    for (int i = 0; i < 3; i++)
        note(c, i, modbus_read_registers(c->bus, 100, 2, c->words));
    modbus_set_slave(c->bus, 9);
    note(c, 3, modbus_read_registers(c->bus, 100, 2, c->words));
}

static void a_fault_comes_and_goes(void **state)
{
    struct plant *p = *state;
    struct client c;
    struct buf answer = {0};
    add_line(p, (struct simulator_line){.listen = "127.0.0.1:0"}, (struct simulator_meter){.unit_id = 3});
    assert_true(simulator_command(p->sim, "fault boiler exception every=2 code=6", &answer));
    assert_string_equal(buf_text(&answer), "ok");
    converse(p, &c, modbus_new_tcp("127.0.0.1", simulator_port(p->sim, p->line, 0)), read_three_times);
    assert_int_equal(c.results[0], 2);
    assert_int_equal(c.results[1], -1);
    assert_int_equal(c.errors[1], EMBXSBUSY);
    assert_int_equal(c.results[2], 2);
    assert_int_equal(c.errors[3], EMBXGTAR); // no unit 9 behind this gateway
    buf_reset(&answer);
    assert_true(simulator_command(p->sim, "clear *", &answer));
    converse(p, &c, modbus_new_tcp("127.0.0.1", simulator_port(p->sim, p->line, 0)), read_three_times);
    for (int i = 0; i < 3; i++)
        assert_int_equal(c.results[i], 2);
    buf_free(&answer);
}

static void commands_say_what_is_wrong(void **state)
{
    struct plant *p = *state;
    add_line(p, (struct simulator_line){.listen = "127.0.0.1:0"},
             (struct simulator_meter){.unit_id = 3, .copies = 2});
    static const struct {
        const char *command, *answer;
    } rows[] = {
        {"", "error: no such command (help lists them): \"\""},
        {"fault", "error: too few words, it is \"fault METER KIND [every=N] [probability=P] [code=N] "
                  "[delay_ms=N] [from_s=N] [until_s=N] [times=N]\""},
        {"fault broiler silence", "error: no meter \"broiler\""},
        {"fault boiler_1 silence", "ok"},
        {"clear boiler", "ok"},
        {"drop hal", "error: no line \"hal\""},
        {"registers boiler table 0 1", "error: a table is coil, discrete, holding or input, not \"table\""},
        {"registers boiler holding 0 65536", "error: not a register value: \"65536\""},
        {"registers boiler_0 holding 0 0x10 7", "ok"},
        {"stop hall", "ok"},
        {"start hall", "ok"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf answer = {0};
        bool good = simulator_command(p->sim, rows[i].command, &answer);
        assert_string_equal(buf_text(&answer), rows[i].answer);
        assert_int_equal(good, strcmp(rows[i].answer, "ok") == 0);
        buf_free(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mbap_requests_are_told_apart),
        cmocka_unit_test(rtu_requests_end_by_length_or_by_silence),
        cmocka_unit_test(runs_of_registers_join),
        cmocka_unit_test(bits_are_packed_low_first),
        cmocka_unit_test(faults_strike_when_they_should),
        cmocka_unit_test(faults_fail_the_check_they_are_named_for),
        cmocka_unit_test_setup_teardown(libmodbus_reads_over_tcp, plant_up, plant_down),
        cmocka_unit_test_setup_teardown(libmodbus_reads_over_a_pty, plant_up, plant_down),
        cmocka_unit_test_setup_teardown(libmodbus_reads_at_wire_speed_and_with_delay, plant_up, plant_down),
        cmocka_unit_test_setup_teardown(a_fault_comes_and_goes, plant_up, plant_down),
        cmocka_unit_test_setup_teardown(commands_say_what_is_wrong, plant_up, plant_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
