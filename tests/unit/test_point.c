// SPDX-License-Identifier: Apache-2.0
// Decoding, dependencies and encoding of points.
#include "symbiont/point.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

// A point as the compiler makes it: no limits, no dependencies, holding registers.
static struct point plain(enum point_type type, uint8_t order)
{
    struct point p = {.table = TABLE_HOLDING,
                      .type = (uint8_t)type,
                      .order = order,
                      .bit = -1,
                      .factor = 1,
                      .divisor = 1,
                      .min = -INFINITY,
                      .max = INFINITY,
                      .exponent_point = POINT_NONE,
                      .factor_point = POINT_NONE,
                      .sign_point = POINT_NONE,
                      .add_point = POINT_NONE,
                      .order_point = POINT_NONE};
    p.words = (uint8_t)point_type_words(type);
    return p;
}

// "1D9B BF5C" -> bytes
static void bytes(const char *hex, uint8_t *out)
{
    unsigned byte;
    int used;
    for (; sscanf(hex, " %2x%n", &byte, &used) == 1; hex += used)
        *out++ = (uint8_t)byte;
}

struct row {
    const char *registers;
    enum point_type type;
    uint8_t order;
    double expected;
};

// Register contents published in manuals and captures, with what they stand for.
static const struct row rows[] = {
    // Eastron SDM120 protocol v2.5: voltage example.
    {"4366 3334", POINT_FLOAT32, ORDER_ABCD, 230.2},
    // Captured SDM frames (SolarNetwork node, SDM120DataTests).
    {"4100 28F6", POINT_FLOAT32, ORDER_ABCD, 8.01},
    {"BF7F FCCC", POINT_FLOAT32, ORDER_ABCD, -0.99995},
    // TUF-2000M captures: low word first.
    {"FFC8 FFFF", POINT_INT32, ORDER_WORD_SWAP, -56},
    {"1D9B BF5C", POINT_FLOAT32, ORDER_WORD_SWAP, -0.8598267436},
    {"806B 4212", POINT_FLOAT32, ORDER_WORD_SWAP, 36.6254082},
    {"0326", POINT_LOW_BYTE, 0, 38},
    {"0326", POINT_HIGH_BYTE, 0, 3},
    // ABB A43/A44 manual 2CMC48001M0201 p168: import energy, 0.01 kWh.
    {"0000 0000 000D 1290", POINT_UINT64, ORDER_ABCD, 856720},
    {"FFFF D04A", POINT_INT32, ORDER_ABCD, -12214},
    // Finder 7M.24: exponent FF, mantissa 2420 (arduino/docs-content issue 1096).
    {"FF00 0974", POINT_T5, ORDER_ABCD, 242},
    {"FEFF FFFF", POINT_T6, ORDER_ABCD, -0.01},
    {"0080 0000", POINT_T6, ORDER_ABCD, -8388608},
    {"0180 0000", POINT_T5, ORDER_ABCD, 83886080},
    // The same 32 bits in each order.
    {"1122 3344", POINT_UINT32, ORDER_ABCD, 0x11223344},
    {"3344 1122", POINT_UINT32, ORDER_WORD_SWAP, 0x11223344},
    {"2211 4433", POINT_UINT32, ORDER_BYTE_SWAP, 0x11223344},
    {"4433 2211", POINT_UINT32, ORDER_DCBA, 0x11223344},
    {"0011 2233 4455 6677", POINT_UINT64, ORDER_ABCD, 0x11223344556677},
    {"6677 4455 2233 0011", POINT_UINT64, ORDER_WORD_SWAP, 0x11223344556677},
    {"1100 3322 5544 7766", POINT_UINT64, ORDER_BYTE_SWAP, 0x11223344556677},
    {"7766 5544 3322 1100", POINT_UINT64, ORDER_DCBA, 0x11223344556677},
    {"FFB1", POINT_INT16, ORDER_ABCD, -79},
    {"B1FF", POINT_INT16, ORDER_BYTE_SWAP, -79},
    {"FFB1", POINT_INT16, ORDER_WORD_SWAP, -79},
    {"FFB1", POINT_UINT16, ORDER_ABCD, 65457},
    {"FFFF FFFF FFFF FFFE", POINT_INT64, ORDER_ABCD, -2},
    {"3FF8 0000 0000 0000", POINT_FLOAT64, ORDER_ABCD, 1.5},
    {"1234", POINT_BCD16, ORDER_ABCD, 1234},
    {"0012 3456", POINT_BCD32, ORDER_ABCD, 123456},
    {"1234 5678 9012 3456", POINT_BCD64, ORDER_ABCD, 1234567890123456},
    {"8001", POINT_BITS16, ORDER_ABCD, 0x8001},
    {"8000 0001", POINT_BITS32, ORDER_ABCD, 0x80000001},
};

static void documented_registers_read_as_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct point p = plain(rows[i].type, rows[i].order);
        uint8_t data[8] = {0};
        bytes(rows[i].registers, data);
        struct value v = point_raw(&p, p.order, data);
        if (v.reason != REASON_GOOD || fabs(v.number - rows[i].expected) > 1e-5 * fabs(rows[i].expected))
            fail_msg("%s: %.17g, reason %u, expected %.17g", rows[i].registers, v.number, v.reason,
                     rows[i].expected);
    }
}

static void what_is_no_number_is_not_available(void **state)
{
    (void)state;
    static const struct row bad[] = {
        {"7FC0 0000", POINT_FLOAT32, ORDER_ABCD, 0},  {"FFC0 0000", POINT_FLOAT32, ORDER_ABCD, 0},
        {"7F80 0000", POINT_FLOAT32, ORDER_ABCD, 0},  {"FF80 0000", POINT_FLOAT32, ORDER_ABCD, 0},
        {"7FF0 0000 0000 0000", POINT_FLOAT64, 0, 0}, {"7FF8 0000 0000 0000", POINT_FLOAT64, 0, 0},
        {"00A0", POINT_BCD16, ORDER_ABCD, 0},         {"F000 0000", POINT_BCD32, ORDER_ABCD, 0},
        {"0000 0000 0000 000B", POINT_BCD64, 0, 0},   {"4142", POINT_STRING, ORDER_ABCD, 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct point p = plain(bad[i].type, bad[i].order);
        uint8_t data[8] = {0};
        bytes(bad[i].registers, data);
        assert_int_equal(point_raw(&p, p.order, data).reason, REASON_NOT_AVAILABLE);
    }
}

static void markers_are_compared_after_ordering(void **state)
{
    (void)state;
    static const uint64_t markers[] = {0x80008000, 0xFFC00000};
    struct point p = plain(POINT_UINT32, ORDER_WORD_SWAP);
    p.markers = markers;
    p.marker_count = 2;
    uint8_t data[8];
    bytes("0000 FFC0", data);
    assert_int_equal(point_raw(&p, p.order, data).reason, REASON_NOT_AVAILABLE);
    bytes("8000 8000", data);
    assert_int_equal(point_raw(&p, p.order, data).reason, REASON_NOT_AVAILABLE);
    bytes("FFC0 0000", data);
    assert_int_equal(point_raw(&p, p.order, data).reason, REASON_GOOD);

    static const uint64_t whole_register[] = {0xFFFF};
    p = plain(POINT_UINT16, 0);
    p.mask = 0x0F00;
    p.markers = whole_register;
    p.marker_count = 1;
    bytes("FFFF", data);
    assert_int_equal(point_raw(&p, 0, data).reason, REASON_NOT_AVAILABLE);
    bytes("3A21", data);
    assert_true(point_raw(&p, 0, data).number == 0xA);
}

static void bits_and_coils(void **state)
{
    (void)state;
    struct point p = plain(POINT_BOOL, 0);
    uint8_t data[8];
    bytes("0010", data);
    p.bit = 4;
    assert_true(point_raw(&p, 0, data).number == 1);
    p.bit = 3;
    assert_true(point_raw(&p, 0, data).number == 0);

    p = plain(POINT_BOOL, 0);
    p.table = TABLE_DISCRETE;
    const uint8_t packed[] = {0x00, 0x02};
    p.address = 109;
    assert_true(point_from_answer(&p, 0, packed, 100).number == 1);
    p.address = 110;
    assert_true(point_from_answer(&p, 0, packed, 100).number == 0);

    p = plain(POINT_UINT16, 0);
    p.address = 102;
    bytes("0000 0001 0102 0003", data);
    assert_true(point_from_answer(&p, 0, data, 100).number == 0x102);
}

static void text_is_trimmed_and_made_printable(void **state)
{
    (void)state;
    struct point p = plain(POINT_STRING, 0);
    char out[17];
    p.words = 8;
    point_string(&p, (const uint8_t *)"iEM3255 \x01 \0\0\0\0\0 ", out);
    assert_string_equal(out, "iEM3255 ?");
    p.order = ORDER_BYTE_SWAP;
    point_string(&p, (const uint8_t *)"EI3M52 5\0\0\0\0\0\0\0\0", out);
    assert_string_equal(out, "IEM3255");
    p.words = 1;
    point_string(&p, (const uint8_t *)"\0\0", out);
    assert_string_equal(out, "");
}

// ---- Finishing ----

static struct value good(double number)
{
    return (struct value){.number = number};
}

static void scale_is_applied_without_rounding_noise(void **state)
{
    (void)state;
    struct point p = plain(POINT_INT16, 0);
    struct value raw = good(3), out;
    point_scale(&p, 0.1, 0);
    points_finish(&p, 1, &raw, NULL, &out);
    assert_true(out.number == 0.3);
    point_scale(&p, 0.01 * 0.001, 0);
    raw = good(6001);
    points_finish(&p, 1, &raw, NULL, &out);
    assert_true(out.number == 0.06001);
    // GJ/h to kW has no decimal form.
    point_scale(&p, 1e6 / 3600, -5);
    raw = good(2);
    points_finish(&p, 1, &raw, NULL, &out);
    assert_true(fabs(out.number - (2e6 / 3600 - 5)) < 1e-9);
    point_scale(&p, 40, 1.5);
    assert_true(p.factor == 40 && p.divisor == 1);
    point_scale(&p, -0.5, 0);
    points_finish(&p, 1, &raw, NULL, &out);
    assert_true(out.number == -1);
}

static void range_is_in_the_published_unit(void **state)
{
    (void)state;
    struct point p = plain(POINT_INT16, 0);
    struct value raw = good(1000), out;
    point_scale(&p, 0.1, 0);
    p.min = 0;
    p.max = 100;
    points_finish(&p, 1, &raw, NULL, &out);
    assert_int_equal(out.reason, REASON_GOOD);
    raw = good(1001);
    points_finish(&p, 1, &raw, NULL, &out);
    assert_int_equal(out.reason, REASON_OUT_OF_RANGE);
    raw = good(-1);
    points_finish(&p, 1, &raw, NULL, &out);
    assert_int_equal(out.reason, REASON_OUT_OF_RANGE);
}

// SunSpec model 203 as captured from a Veris E51C2 (SolarNetwork node, test-data-203-01).
static void scale_factor_registers(void **state)
{
    (void)state;
    enum { A_SF, A, W_SF, W, N };
    struct point p[N];
    for (int i = 0; i < N; i++)
        p[i] = plain(POINT_INT16, 0);
    p[A].rank = p[W].rank = 1;
    p[A].exponent_sign = p[W].exponent_sign = 1;
    p[A].exponent_point = A_SF;
    p[W].exponent_point = W_SF;
    point_scale(&p[W], 0.001, 0); // published in kW
    struct value raw[N] = {good(-2), good(0x14E4), good(1), good(0x148)}, out[N];
    points_finish(p, N, raw, NULL, out);
    assert_true(out[A].number == 53.48);
    assert_true(out[W].number == 3.28);
    assert_true(point_multiplier(p, W, out) == 10);

    raw[A_SF].reason = REASON_NOT_AVAILABLE; // 0x8000
    raw[W_SF] = good(300);
    points_finish(p, N, raw, NULL, out);
    assert_int_equal(out[A].reason, REASON_DEPENDENCY);
    assert_int_equal(out[W].reason, REASON_DEPENDENCY);
    assert_true(point_multiplier(p, W, out) == 0);
    assert_int_equal(out[A_SF].reason, REASON_NOT_AVAILABLE);
    raw[A_SF].reason = REASON_TIMEOUT;
    raw[W_SF] = good(0.5);
    points_finish(p, N, raw, NULL, out);
    assert_int_equal(out[A].reason, REASON_DEPENDENCY);
    assert_int_equal(out[W].reason, REASON_DEPENDENCY);
}

static void decimals_divide(void **state)
{
    (void)state;
    struct point p[2] = {plain(POINT_UINT16, 0), plain(POINT_UINT32, 0)};
    p[1].rank = 1;
    p[1].exponent_point = 0;
    p[1].exponent_sign = -1;
    struct value raw[2] = {good(2), good(12345)}, out[2];
    points_finish(p, 2, raw, NULL, out);
    assert_true(out[1].number == 123.45);
}

// Weights of a Dini Argeo DGT are magnitudes; bit 0 of the status is the net sign, bit 1 the gross sign.
static void sign_from_a_status_register(void **state)
{
    (void)state;
    struct point p[2] = {plain(POINT_UINT32, 0), plain(POINT_BITS16, 0)};
    p[0].rank = 1;
    p[0].sign_point = 1;
    p[0].sign_mask = 2;
    struct value raw[2] = {good(1000), good(2)}, out[2];
    points_finish(p, 2, raw, NULL, out);
    assert_true(out[0].number == -1000);
    raw[1] = good(1);
    points_finish(p, 2, raw, NULL, out);
    assert_true(out[0].number == 1000);
    raw[1].reason = REASON_EXCEPTION;
    points_finish(p, 2, raw, NULL, out);
    assert_int_equal(out[0].reason, REASON_DEPENDENCY);
}

// A status that is no set of bits says nothing of the sign.
static void signs_that_cannot_be_read(void **state)
{
    (void)state;
    struct point p[2] = {plain(POINT_UINT32, 0), plain(POINT_FLOAT64, 0)};
    p[0].rank = 1;
    p[0].sign_point = 1;
    p[0].sign_mask = 1;
    static const double bad[] = {-1, 0x1p64, 1e300};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct value raw[2] = {good(1000), good(bad[i])}, out[2];
        points_finish(p, 2, raw, NULL, out);
        assert_int_equal(out[0].reason, REASON_DEPENDENCY);
    }
}

// A table made without a scale counts as it is; a scale without a decimal form, or out of all bounds, stays.
static void scales_at_their_limits(void **state)
{
    (void)state;
    struct point p = plain(POINT_INT16, 0);
    struct value raw = good(3), out;
    uint8_t data[8];
    p.divisor = 0;
    p.factor = 2;
    points_finish(&p, 1, &raw, NULL, &out);
    assert_true(out.number == 6);
    assert_true(point_encode(&p, 6, data));
    assert_memory_equal(data, "\x00\x03", 2);
    point_scale(&p, 0x1p60, 0);
    assert_true(p.factor == 0x1p60 && p.divisor == 1);
    point_scale(&p, 1e-20, 0);
    assert_true(p.factor == 1e-20 && p.divisor == 1);
    // What overflows on the way is no number.
    point_scale(&p, 1e308, 0);
    raw = good(1000);
    points_finish(&p, 1, &raw, NULL, &out);
    assert_int_equal(out.reason, REASON_OUT_OF_RANGE);
}

static void factor_from_a_code(void **state)
{
    (void)state;
    static const struct code_factor map[] = {{0, 1}, {1, 0.001}, {-2, 1000}};
    struct point p[2] = {plain(POINT_INT16, 0), plain(POINT_UINT32, 0)};
    p[1].rank = 1;
    p[1].factor_point = 0;
    p[1].factor_map = map;
    p[1].factor_count = 3;
    struct value raw[2] = {good(1), good(5000)}, out[2];
    points_finish(p, 2, raw, NULL, out);
    assert_true(out[1].number == 5);
    raw[0] = good(-2);
    points_finish(p, 2, raw, NULL, out);
    assert_true(out[1].number == 5e6);
    raw[0] = good(7);
    points_finish(p, 2, raw, NULL, out);
    assert_int_equal(out[1].reason, REASON_DEPENDENCY);
    raw[0].reason = REASON_TIMEOUT;
    points_finish(p, 2, raw, NULL, out);
    assert_int_equal(out[1].reason, REASON_DEPENDENCY);
    // A code of a point that itself depends on another.
    p[1].factor_point = POINT_NONE;
    p[1].exponent_point = 0;
    p[1].exponent_sign = 1;
    raw[0] = good(0);
    raw[1] = good(1);
    points_finish(p, 2, raw, NULL, out);
    assert_true(out[1].number == 0.001);
}

// Laumas TLB4: the low byte of a register is a code for the division, which gives the decimals.
static void a_code_that_stands_for_a_number(void **state)
{
    (void)state;
    static const struct code_factor decimals[] = {{6, 0}, {9, 1}, {12, 2}};
    struct point p[2] = {plain(POINT_LOW_BYTE, 0), plain(POINT_UINT32, 0)};
    p[0].factor_map = decimals;
    p[0].factor_count = 3;
    p[1].rank = 1;
    p[1].exponent_point = 0;
    p[1].exponent_sign = -1;
    struct value raw[2] = {good(12), good(12345)}, out[2];
    points_finish(p, 2, raw, NULL, out);
    assert_true(out[0].number == 2 && out[1].number == 123.45);
    raw[0] = good(13);
    points_finish(p, 2, raw, NULL, out);
    assert_int_equal(out[0].reason, REASON_NOT_AVAILABLE);
    assert_int_equal(out[1].reason, REASON_DEPENDENCY);
}

// TUF-2000M: total = (LONG + REAL4 fraction) * 10^(n - 3), the exponent's -3 being its own offset.
static void a_total_and_its_fraction(void **state)
{
    (void)state;
    enum { TOTAL, FRACTION, N_CODE, N };
    struct point p[N] = {plain(POINT_INT32, 0), plain(POINT_FLOAT32, 0), plain(POINT_UINT16, 0)};
    p[TOTAL].rank = 2;
    p[TOTAL].exponent_point = N_CODE;
    p[TOTAL].add_point = FRACTION;
    p[FRACTION].rank = 1;
    p[FRACTION].exponent_point = N_CODE;
    p[N_CODE].offset = -3;
    struct value raw[N] = {good(144), good(0.75), good(4)}, out[N];
    points_finish(p, N, raw, NULL, out);
    assert_true(out[TOTAL].number == 1447.5);
    assert_true(out[FRACTION].number == 7.5);
    raw[FRACTION].reason = REASON_BAD_ANSWER;
    points_finish(p, N, raw, NULL, out);
    assert_int_equal(out[TOTAL].reason, REASON_DEPENDENCY);
    assert_int_equal(out[N_CODE].reason, REASON_GOOD);
}

static void a_point_that_is_not_due_serves_with_its_last_value(void **state)
{
    (void)state;
    struct point p[2] = {plain(POINT_INT16, 0), plain(POINT_INT16, 0)};
    p[1].rank = 1;
    p[1].exponent_point = 0;
    struct value not_due = {.reason = REASON_NOT_DUE}, not_yet = {.reason = REASON_NOT_YET};
    struct value raw[2] = {not_due, good(5)}, last[2] = {good(2), not_yet}, out[2];
    points_finish(p, 2, raw, last, out);
    assert_int_equal(out[0].reason, REASON_NOT_DUE);
    assert_true(out[0].number == 2);
    assert_true(out[1].reason == REASON_GOOD && out[1].number == 500);
    last[0] = not_yet;
    points_finish(p, 2, raw, last, out);
    assert_int_equal(out[1].reason, REASON_DEPENDENCY);
    points_finish(p, 2, raw, NULL, out);
    assert_int_equal(out[0].reason, REASON_NOT_DUE);
    assert_int_equal(out[1].reason, REASON_DEPENDENCY);
}

static void reasons_pass_through(void **state)
{
    (void)state;
    struct point p[2] = {plain(POINT_INT16, 0), plain(POINT_DERIVED, 0)};
    struct value raw[2] = {{.reason = REASON_EXCEPTION, .exception = 2}, {.reason = REASON_NOT_YET}}, out[2];
    points_finish(p, 2, raw, NULL, out);
    assert_int_equal(out[0].reason, REASON_EXCEPTION);
    assert_int_equal(out[0].exception, 2);
    assert_int_equal(out[1].reason, REASON_NOT_DUE);
    assert_string_equal(reason_text(out[0]), "exception 2 (illegal data address)");
    assert_string_equal(reason_text((struct value){.reason = REASON_TIMEOUT}), "timeout");
}

static void word_order_reported_by_the_device(void **state)
{
    (void)state;
    struct point p[2] = {plain(POINT_UINT16, 0), plain(POINT_UINT32, ORDER_BYTE_SWAP)};
    p[1].rank = 1;
    p[1].order_point = 0;
    p[1].order_code = 2141;
    uint8_t order;
    struct value raw[2] = {good(2141), {.reason = REASON_NOT_DUE}}, last[2] = {good(0), good(0)};
    assert_true(point_order(p, 1, raw, NULL, &order));
    assert_int_equal(order, ORDER_DCBA);
    raw[0] = good(1);
    assert_true(point_order(p, 1, raw, NULL, &order));
    assert_int_equal(order, ORDER_BYTE_SWAP);
    raw[0].reason = REASON_NOT_DUE;
    assert_false(point_order(p, 1, raw, NULL, &order));
    assert_true(point_order(p, 1, raw, last, &order));
    assert_true(point_order(p, 0, raw, NULL, &order));
    assert_int_equal(order, ORDER_ABCD);
}

// ---- Encoding ----

static uint64_t random_state = 88172645463325252ULL;
static uint64_t random_bits64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void every_type_and_order_reads_back_what_was_encoded(void **state)
{
    (void)state;
    for (int type = 0; type < POINT_STRING; type++)
        for (uint8_t order = 0; order < 4; order++)
            for (int round = 0; round < 500; round++) {
                struct point p = plain((enum point_type)type, order);
                p.bit = (int8_t)(round % 16);
                // A random pattern is a value of the type, unless it is none.
                uint64_t bits = random_bits64() >> (random_bits64() % 64);
                uint8_t data[8], again[8] = {0};
                memcpy(data, &bits, sizeof bits);
                struct value v = point_raw(&p, order, data);
                if (v.reason != REASON_GOOD)
                    continue;
                if (!point_encode(&p, v.number, again))
                    fail_msg("seed 88172645463325252: type %d order %u: %.17g is not encoded", type, order,
                             v.number);
                struct value w = point_raw(&p, order, again);
                if (w.reason != REASON_GOOD || w.number != v.number) {
                    // A T5 pattern may have more digits than its shortest form; the value is the same to
                    // 1e-15.
                    if ((type == POINT_T5 || type == POINT_T6) && fabs(w.number / v.number - 1) < 1e-15)
                        continue;
                    fail_msg("seed 88172645463325252: type %d order %u: %.17g read back as %.17g", type,
                             order, v.number, w.number);
                }
            }
}

static void scaled_values_are_encoded_to_the_nearest_step(void **state)
{
    (void)state;
    struct point p = plain(POINT_UINT32, ORDER_WORD_SWAP);
    uint8_t data[8];
    point_scale(&p, 0.01, 0);
    assert_true(point_encode(&p, 8567.2, data));
    assert_true(point_raw(&p, p.order, data).number == 856720);
    point_scale(&p, 0.1, -40); // degC with an offset
    assert_true(point_encode(&p, 21.3, data));
    assert_true(point_raw(&p, p.order, data).number == 613);
    assert_false(point_encode(&p, -41, data));
    assert_false(point_encode(&p, 4294967295.0, data));
    assert_false(point_encode(&p, NAN, data));
    assert_false(point_encode(&p, INFINITY, data));
}

// Found by fuzzing: the most negative mantissa was encoded with an exponent too high.
static void the_most_negative_t6(void **state)
{
    (void)state;
    struct point p = plain(POINT_T6, 0);
    uint8_t data[8];
    assert_true(point_encode(&p, -8388608, data));
    assert_memory_equal(data, "\x00\x80\x00\x00", 4);
    assert_true(point_encode(&p, 8388608, data));
    assert_memory_equal(data, "\x01\x0C\xCC\xCD", 4); // 838861 at 1: the nearest there is
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum point_type type;
        double value;
    } bad[] = {
        {POINT_INT16, 32768},  {POINT_INT16, -32769}, {POINT_UINT16, -1},     {POINT_UINT16, 65536},
        {POINT_INT32, 0x1p31}, {POINT_INT64, 0x1p63}, {POINT_UINT64, 0x1p64}, {POINT_FLOAT32, 1e39},
        {POINT_BOOL, 2},       {POINT_LOW_BYTE, 256}, {POINT_HIGH_BYTE, -1},  {POINT_BCD16, 10000},
        {POINT_BCD32, -1},     {POINT_BCD64, 1e16},   {POINT_T5, -1},         {POINT_T5, 1e140},
        {POINT_STRING, 1},     {POINT_DERIVED, 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct point p = plain(bad[i].type, 0);
        uint8_t data[8];
        if (point_encode(&p, bad[i].value, data))
            fail_msg("row %zu: %g was encoded", i, bad[i].value);
    }
    static const uint64_t marker[] = {0x8000};
    struct point p = plain(POINT_INT16, 0);
    uint8_t data[8];
    p.markers = marker;
    p.marker_count = 1;
    assert_false(point_encode(&p, -32768, data));
    p = plain(POINT_UINT16, 0);
    p.mask = 0x0F0;
    assert_true(point_encode(&p, 15, data));
    assert_memory_equal(data, "\x00\xF0", 2);
    assert_false(point_encode(&p, 16, data));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_registers_read_as_documented),
        cmocka_unit_test(what_is_no_number_is_not_available),
        cmocka_unit_test(markers_are_compared_after_ordering),
        cmocka_unit_test(bits_and_coils),
        cmocka_unit_test(text_is_trimmed_and_made_printable),
        cmocka_unit_test(scale_is_applied_without_rounding_noise),
        cmocka_unit_test(range_is_in_the_published_unit),
        cmocka_unit_test(scale_factor_registers),
        cmocka_unit_test(decimals_divide),
        cmocka_unit_test(sign_from_a_status_register),
        cmocka_unit_test(signs_that_cannot_be_read),
        cmocka_unit_test(scales_at_their_limits),
        cmocka_unit_test(factor_from_a_code),
        cmocka_unit_test(a_code_that_stands_for_a_number),
        cmocka_unit_test(a_total_and_its_fraction),
        cmocka_unit_test(a_point_that_is_not_due_serves_with_its_last_value),
        cmocka_unit_test(reasons_pass_through),
        cmocka_unit_test(word_order_reported_by_the_device),
        cmocka_unit_test(every_type_and_order_reads_back_what_was_encoded),
        cmocka_unit_test(scaled_values_are_encoded_to_the_nearest_step),
        cmocka_unit_test(the_most_negative_t6),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
