// SPDX-License-Identifier: Apache-2.0
// The answer in what a serial line delivered: behind noise, damaged, cut short, or not there.
#include "meters/rtu_find.h"
#include <string.h>
#include "test.h"

static const struct modbus_ask asked = {.unit = 7, .function = 3, .address = 0, .count = 2};

// 7 3 4 and four bytes.
static size_t answer(uint8_t *out)
{
    memcpy(out, "\x07\x03\x04\x00\x01\x00\x02", 7);
    uint16_t crc = modbus_crc(out, 7);
    out[7] = (uint8_t)crc;
    out[8] = (uint8_t)(crc >> 8);
    return 9;
}

static void the_answer_is_found_behind_noise(void **state)
{
    (void)state;
    for (size_t noise = 0; noise < 12; noise++) {
        uint8_t in[64];
        struct modbus_answer a;
        size_t start, end;
        memset(in, 7, noise); // the unit's own number: each byte could be a head
        size_t n = noise + answer(in + noise);
        in[n] = 0xFF; // and a byte behind it
        assert_int_equal(rtu_find(in, n + 1, &asked, &a, &start, &end), RTU_RIGHT);
        assert_true(start == noise && end == n && a.verdict == VERDICT_ANSWER && a.n == 4);
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(rtu_find(in, cut, &asked, &a, &start, &end), RTU_NOTHING);
    }
}

static void a_damaged_answer_is_told_from_noise(void **state)
{
    (void)state;
    uint8_t in[16];
    struct modbus_answer a;
    size_t start, end, n = answer(in);
    in[4] ^= 0x10;
    assert_int_equal(rtu_find(in, n, &asked, &a, &start, &end), RTU_DAMAGED);
    answer(in);
    in[2] = 6; // another count: not what was asked
    assert_int_equal(rtu_find(in, n, &asked, &a, &start, &end), RTU_NOTHING);
    answer(in);
    in[1] = 4;
    assert_int_equal(rtu_find(in, n, &asked, &a, &start, &end), RTU_NOTHING);
    // Five bytes that begin like an exception may be anything.
    memcpy(in, "\x07\x83\x02\x12\x34", 5);
    assert_int_equal(rtu_find(in, 5, &asked, &a, &start, &end), RTU_NOTHING);
    uint16_t crc = modbus_crc(in, 3);
    in[3] = (uint8_t)crc;
    in[4] = (uint8_t)(crc >> 8);
    assert_int_equal(rtu_find(in, 5, &asked, &a, &start, &end), RTU_RIGHT);
    assert_true(a.verdict == VERDICT_EXCEPTION && a.exception == 2);
}

// What libmodbus would wait for, by function.
static void the_length_a_head_claims(void **state)
{
    (void)state;
    static const struct {
        uint8_t function, third;
        size_t bytes;
    } rows[] = {{0x00, 9, 14}, {0x01, 1, 6},   {0x02, 250, 255}, {0x03, 4, 9},  {0x04, 0, 5},
                {0x11, 3, 8},  {0x17, 6, 11},  {0x05, 99, 8},    {0x06, 99, 8}, {0x0F, 99, 8},
                {0x10, 99, 8}, {0x16, 99, 10}, {0x83, 2, 5},     {0x2B, 14, 5}};
    for (size_t i = 0; i < TEST_COUNT(rows); i++)
        assert_int_equal(rtu_claimed_bytes((const uint8_t[]){1, rows[i].function, rows[i].third}),
                         rows[i].bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_is_found_behind_noise),
        cmocka_unit_test(a_damaged_answer_is_told_from_noise),
        cmocka_unit_test(the_length_a_head_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
