// SPDX-License-Identifier: Apache-2.0
// The frame: requests byte by byte, and one hand-made answer for every check and known trap.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "symbiont/modbus.h"

// Asked throughout: unit 1, three holding registers from 0x006B. The answer is the example of
// "Modbus Application Protocol V1.1b3", 6.3.
static const struct modbus_ask asked = {.unit = 1, .function = 3, .address = 0x6B, .count = 3};
static const uint8_t good[] = {0x12, 0x34, 0, 0, 0, 9, 1, 3, 6, 0x02, 0x2B, 0x00, 0x00, 0x00, 0x64};

static void request_has_its_own_transaction_id(void **state)
{
    (void)state;
    uint8_t out[MBAP_REQUEST];
    mbap_request(out, 0xBEEF, &asked);
    static const uint8_t expected[] = {0xBE, 0xEF, 0, 0, 0, 6, 1, 3, 0, 0x6B, 0, 3};
    assert_memory_equal(out, expected, sizeof expected);
    assert_int_equal(mbap_transaction(out), 0xBEEF);
    assert_int_equal(mbap_frame(out, sizeof out), MBAP_REQUEST);
}

static void request_on_a_serial_line(void **state)
{
    (void)state;
    uint8_t out[RTU_REQUEST];
    // A request seen in many manuals: unit 1, ten holding registers from 0.
    rtu_request(out, &(struct modbus_ask){.unit = 1, .function = 3, .address = 0, .count = 10});
    static const uint8_t expected[] = {1, 3, 0, 0, 0, 10, 0xC5, 0xCD};
    assert_memory_equal(out, expected, sizeof expected);
}

static void crc_of_the_standard(void **state)
{
    (void)state;
    // "Modbus over Serial Line V1.02", 6.2.2: the frame 02 07 has the CRC 0x1241.
    assert_int_equal(modbus_crc((const uint8_t[]){2, 7}, 2), 0x1241);
    // CRC-16/MODBUS check value of the catalogue of parametrised CRCs.
    assert_int_equal(modbus_crc((const uint8_t *)"123456789", 9), 0x4B37);
    assert_int_equal(modbus_crc(good, 0), 0xFFFF);
}

static void data_bytes_of_bits_and_registers(void **state)
{
    (void)state;
    static const struct {
        uint8_t function;
        uint16_t count;
        size_t bytes;
    } rows[] = {{1, 1, 1},  {1, 8, 1}, {2, 9, 2},     {1, 2000, 250},
                {2, 19, 3}, {3, 1, 2}, {4, 125, 250}, {3, 2, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct modbus_ask ask = {.unit = 1, .function = rows[i].function, .count = rows[i].count};
        assert_int_equal(modbus_data_bytes(&ask), rows[i].bytes);
        assert_int_equal(rtu_answer_bytes(&ask), rows[i].bytes + 5);
    }
}

static void good_answer(void **state)
{
    (void)state;
    assert_int_equal(mbap_frame(good, sizeof good), sizeof good);
    assert_int_equal(mbap_transaction(good), 0x1234);
    struct modbus_answer a = mbap_answer(good, sizeof good, &asked);
    assert_int_equal(a.verdict, VERDICT_ANSWER);
    assert_int_equal(a.n, 6);
    assert_ptr_equal(a.data, good + 9);
}

static void good_answer_with_bits(void **state)
{
    (void)state;
    // Coils 20 to 38, the example of 6.1.
    struct modbus_ask ask = {.unit = 1, .function = 1, .address = 0x13, .count = 19};
    static const uint8_t frame[] = {0, 1, 0, 0, 0, 6, 1, 1, 3, 0xCD, 0x6B, 0x05};
    struct modbus_answer a = mbap_answer(frame, sizeof frame, &ask);
    assert_int_equal(a.verdict, VERDICT_ANSWER);
    assert_int_equal(a.n, 3);
}

static void every_exception_code(void **state)
{
    (void)state;
    for (uint8_t code = 1; code <= 11; code++) {
        const uint8_t frame[] = {0, 7, 0, 0, 0, 3, 1, 0x83, code};
        assert_int_equal(mbap_frame(frame, sizeof frame), sizeof frame);
        struct modbus_answer a = mbap_answer(frame, sizeof frame, &asked);
        assert_int_equal(a.verdict, VERDICT_EXCEPTION);
        assert_int_equal(a.exception, code);
    }
    assert_string_equal(modbus_exception_text(2), "illegal data address");
    assert_string_equal(modbus_exception_text(9), "unknown exception");
    assert_string_equal(modbus_exception_text(255), "unknown exception");
}

// Each prefix of a frame needs more bytes: never an error, never an answer.
static void half_a_frame_needs_more(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof good; n++)
        assert_int_equal(mbap_frame(good, n), 0);
}

// An answer with two bytes beyond its content but inside its declared length is taken whole, so the
// next frame starts at the right place (and this one is refused).
static void excess_inside_the_declared_length(void **state)
{
    (void)state;
    static const uint8_t stream[] = {0,    1, 0, 0, 0, 11, 1, 3, 6, 0, 1, 0, 2, 0, 3, 0xDE,
                                     0xAD, 0, 2, 0, 0, 0,  9, 1, 3, 6, 0, 4, 0, 5, 0, 6};
    assert_int_equal(mbap_frame(stream, sizeof stream), 17);
    struct modbus_answer a = mbap_answer(stream, 17, &asked);
    assert_int_equal(a.verdict, VERDICT_BAD_ANSWER);
    assert_int_equal(a.check, CHECK_LENGTH);
    assert_int_equal(mbap_frame(stream + 17, sizeof stream - 17), 15);
    assert_int_equal(mbap_transaction(stream + 17), 2);
    assert_int_equal(mbap_answer(stream + 17, 15, &asked).verdict, VERDICT_ANSWER);
}

static void two_answers_in_one_segment(void **state)
{
    (void)state;
    uint8_t two[2 * sizeof good];
    memcpy(two, good, sizeof good);
    memcpy(two + sizeof good, good, sizeof good);
    assert_int_equal(mbap_frame(two, sizeof two), sizeof good);
    // The whole buffer is not one frame.
    assert_int_equal(mbap_answer(two, sizeof two, &asked).check, CHECK_LENGTH);
}

// What a header may not say: seen before the frame is complete, and then the stream is lost.
static void header_violations(void **state)
{
    (void)state;
    static const struct {
        uint8_t header[6];
        int result;
    } rows[] = {
        {{0, 1, 0, 1, 0, 9}, -CHECK_PROTOCOL},
        {{0, 1, 1, 0, 0, 9}, -CHECK_PROTOCOL},
        {{0, 1, 0, 0, 0, 0}, -CHECK_LENGTH},
        {{0, 1, 0, 0, 0, 1}, -CHECK_LENGTH},
        {{0, 1, 0, 0, 0, 2}, -CHECK_LENGTH},
        {{0, 1, 0, 0, 0, 255}, -CHECK_LENGTH},
        {{0, 1, 0, 0, 1, 0}, -CHECK_LENGTH},
        {{0, 1, 0, 0, 0xFF, 0xFF}, -CHECK_LENGTH},
        {{0, 1, 0, 0, 0, 3}, 0},
        {{0, 1, 0, 0, 0, 254}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(mbap_frame(rows[i].header, 6), rows[i].result);
    assert_int_equal(mbap_frame((const uint8_t[]){0, 1, 0, 1}, 4), -CHECK_PROTOCOL);
}

static void largest_frame(void **state)
{
    (void)state;
    uint8_t frame[MBAP_FRAME_MAX] = {0, 1, 0, 0, 0, 254, 1, 3, 250};
    assert_int_equal(mbap_frame(frame, sizeof frame), MBAP_FRAME_MAX);
    // Legal by its header, but no answer to a read is that long.
    struct modbus_ask ask = {.unit = 1, .function = 3, .count = 125};
    assert_int_equal(mbap_answer(frame, sizeof frame, &ask).check, CHECK_LENGTH);
    frame[5] = 253;
    assert_int_equal(mbap_answer(frame, 259, &ask).verdict, VERDICT_ANSWER);
}

// One row for each check of an answer, with the answers a careless client accepts: another unit,
// another function, another protocol, odd, empty or contradicting byte counts, exceptions as data.
static void wrong_answers(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t frame[20];
        size_t n;
        enum check check;
    } rows[] = {
        {"protocol id", {0, 1, 0, 1, 0, 9, 1, 3, 6, 0, 1, 0, 2, 0, 3}, 15, CHECK_PROTOCOL},
        {"length too small", {0, 1, 0, 0, 0, 2, 1, 3}, 8, CHECK_LENGTH},
        {"length says more", {0, 1, 0, 0, 0, 10, 1, 3, 6, 0, 1, 0, 2, 0, 3}, 15, CHECK_LENGTH},
        {"length says less", {0, 1, 0, 0, 0, 7, 1, 3, 6, 0, 1, 0, 2}, 13, CHECK_LENGTH},
        {"length above the content", {0, 1, 0, 0, 0, 10, 1, 3, 6, 0, 1, 0, 2, 0, 3, 9}, 16, CHECK_LENGTH},
        {"unit", {0, 1, 0, 0, 0, 9, 2, 3, 6, 0, 1, 0, 2, 0, 3}, 15, CHECK_UNIT},
        {"unit 0", {0, 1, 0, 0, 0, 9, 0, 3, 6, 0, 1, 0, 2, 0, 3}, 15, CHECK_UNIT},
        {"function of the other table", {0, 1, 0, 0, 0, 9, 1, 4, 6, 0, 1, 0, 2, 0, 3}, 15, CHECK_FUNCTION},
        {"unknown function", {0, 1, 0, 0, 0, 9, 1, 0x2B, 6, 0, 1, 0, 2, 0, 3}, 15, CHECK_FUNCTION},
        {"a write", {0, 1, 0, 0, 0, 6, 1, 6, 0, 0x6B, 0, 3}, 12, CHECK_FUNCTION},
        {"exception of another function", {0, 1, 0, 0, 0, 3, 1, 0x84, 2}, 9, CHECK_FUNCTION},
        {"exception too long", {0, 1, 0, 0, 0, 4, 1, 0x83, 2, 0}, 10, CHECK_EXCEPTION},
        {"exception 0", {0, 1, 0, 0, 0, 3, 1, 0x83, 0}, 9, CHECK_EXCEPTION},
        {"exception 12", {0, 1, 0, 0, 0, 3, 1, 0x83, 12}, 9, CHECK_EXCEPTION},
        {"byte count odd", {0, 1, 0, 0, 0, 8, 1, 3, 5, 0, 1, 0, 2, 0}, 14, CHECK_BYTE_COUNT},
        {"byte count 0", {0, 1, 0, 0, 0, 3, 1, 3, 0}, 9, CHECK_BYTE_COUNT},
        {"fewer registers", {0, 1, 0, 0, 0, 7, 1, 3, 4, 0, 1, 0, 2}, 13, CHECK_BYTE_COUNT},
        {"more registers", {0, 1, 0, 0, 0, 11, 1, 3, 8, 0, 1, 0, 2, 0, 3, 0, 4}, 17, CHECK_BYTE_COUNT},
        {"byte count above the content", {0, 1, 0, 0, 0, 7, 1, 3, 6, 0, 1, 0, 2}, 13, CHECK_LENGTH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct modbus_answer a = mbap_answer(rows[i].frame, rows[i].n, &asked);
        if (a.verdict != VERDICT_BAD_ANSWER || a.check != rows[i].check)
            fail_msg("%s: verdict %d, check %d", rows[i].what, (int)a.verdict, (int)a.check);
        assert_null(a.data);
    }
}

static void pdu_cut_short(void **state)
{
    (void)state;
    static const uint8_t pdu[] = {3, 6, 0, 1, 0, 2, 0, 3};
    for (size_t n = 0; n < sizeof pdu; n++)
        assert_int_equal(pdu_answer(pdu, n, &asked).check, CHECK_LENGTH);
    assert_int_equal(pdu_answer(pdu, sizeof pdu, &asked).verdict, VERDICT_ANSWER);
}

// "Modbus over Serial Line": the same checks behind unit and CRC.
static void serial_answers(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t frame[12];
        size_t n; // without the CRC, which is appended
        enum verdict verdict;
        enum check check;
    } rows[] = {
        {"right", {1, 3, 6, 0, 1, 0, 2, 0, 3}, 9, VERDICT_ANSWER, CHECK_OK},
        {"exception", {1, 0x83, 2}, 3, VERDICT_EXCEPTION, CHECK_OK},
        {"unit", {2, 3, 6, 0, 1, 0, 2, 0, 3}, 9, VERDICT_BAD_ANSWER, CHECK_UNIT},
        {"function", {1, 4, 6, 0, 1, 0, 2, 0, 3}, 9, VERDICT_BAD_ANSWER, CHECK_FUNCTION},
        {"byte count", {1, 3, 4, 0, 1, 0, 2}, 7, VERDICT_BAD_ANSWER, CHECK_BYTE_COUNT},
        {"too long", {1, 3, 6, 0, 1, 0, 2, 0, 3, 4}, 10, VERDICT_BAD_ANSWER, CHECK_LENGTH},
        {"too short", {1, 3}, 2, VERDICT_BAD_ANSWER, CHECK_LENGTH},
        {"echo of the request", {1, 3, 0, 0x6B, 0, 3}, 6, VERDICT_BAD_ANSWER, CHECK_BYTE_COUNT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t frame[14];
        size_t n = rows[i].n;
        memcpy(frame, rows[i].frame, n);
        uint16_t crc = modbus_crc(frame, n);
        frame[n] = (uint8_t)crc;
        frame[n + 1] = (uint8_t)(crc >> 8);
        struct modbus_answer a = rtu_answer(frame, n + 2, &asked);
        if (a.verdict != rows[i].verdict || a.check != rows[i].check)
            fail_msg("%s: verdict %d, check %d", rows[i].what, (int)a.verdict, (int)a.check);
    }
}

static void no_frame_is_longer_than_the_standard_allows(void **state)
{
    (void)state;
    uint8_t frame[RTU_FRAME_MAX + 1] = {1, 3, 252};
    const struct modbus_ask most = {.unit = 1, .function = 3, .count = 126};
    uint16_t crc = modbus_crc(frame, RTU_FRAME_MAX - 1);
    frame[RTU_FRAME_MAX - 1] = (uint8_t)crc;
    frame[RTU_FRAME_MAX] = (uint8_t)(crc >> 8);
    assert_int_equal(rtu_answer(frame, sizeof frame, &most).check, CHECK_LENGTH);
}

static void every_single_bit_error_is_seen(void **state)
{
    (void)state;
    uint8_t frame[] = {1, 3, 6, 0, 1, 0, 2, 0, 3, 0, 0};
    size_t n = sizeof frame;
    uint16_t crc = modbus_crc(frame, n - 2);
    frame[n - 2] = (uint8_t)crc;
    frame[n - 1] = (uint8_t)(crc >> 8);
    assert_int_equal(rtu_answer(frame, n, &asked).verdict, VERDICT_ANSWER);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(rtu_answer(frame, n, &asked).check, CHECK_CRC);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void every_check_has_words(void **state)
{
    (void)state;
    for (int c = 0; c < CHECK_COUNT; c++)
        assert_non_null(check_text((enum check)c));
    assert_string_equal(check_text(CHECK_COUNT), "unknown check");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_has_its_own_transaction_id),
        cmocka_unit_test(request_on_a_serial_line),
        cmocka_unit_test(crc_of_the_standard),
        cmocka_unit_test(data_bytes_of_bits_and_registers),
        cmocka_unit_test(good_answer),
        cmocka_unit_test(good_answer_with_bits),
        cmocka_unit_test(every_exception_code),
        cmocka_unit_test(half_a_frame_needs_more),
        cmocka_unit_test(excess_inside_the_declared_length),
        cmocka_unit_test(two_answers_in_one_segment),
        cmocka_unit_test(header_violations),
        cmocka_unit_test(largest_frame),
        cmocka_unit_test(wrong_answers),
        cmocka_unit_test(pdu_cut_short),
        cmocka_unit_test(serial_answers),
        cmocka_unit_test(no_frame_is_longer_than_the_standard_allows),
        cmocka_unit_test(every_single_bit_error_is_seen),
        cmocka_unit_test(every_check_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
