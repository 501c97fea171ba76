// SPDX-License-Identifier: Apache-2.0
// Registers to raw numbers, one point at a time.
#include "symbiont/point.h"

#include <math.h>
#include <string.h>

// Registers per type; 0: no fixed width.
static const uint8_t type_words[] = {
    [POINT_INT16] = 1,  [POINT_UINT16] = 1,   [POINT_INT32] = 2,     [POINT_UINT32] = 2, [POINT_INT64] = 4,
    [POINT_UINT64] = 4, [POINT_FLOAT32] = 2,  [POINT_FLOAT64] = 4,   [POINT_BOOL] = 1,   [POINT_BITS16] = 1,
    [POINT_BITS32] = 2, [POINT_LOW_BYTE] = 1, [POINT_HIGH_BYTE] = 1, [POINT_BCD16] = 1,  [POINT_BCD32] = 2,
    [POINT_BCD64] = 4,  [POINT_T5] = 2,       [POINT_T6] = 2,        [POINT_STRING] = 0, [POINT_DERIVED] = 0,
};

unsigned point_type_words(enum point_type type)
{
    return type_words[type];
}

// ---- The bytes of a value, in order ----

static inline uint16_t load16(const uint8_t *d, uint8_t order)
{
    return (uint16_t)(order & ORDER_BYTE_SWAP ? d[1] << 8 | d[0] : d[0] << 8 | d[1]);
}

static inline uint32_t load32(const uint8_t *d, uint8_t order)
{
    uint32_t first = load16(d, order), second = load16(d + 2, order);
    return order & ORDER_WORD_SWAP ? second << 16 | first : first << 16 | second;
}

static inline uint64_t load64(const uint8_t *d, uint8_t order)
{
    uint64_t first = load32(d, order), second = load32(d + 4, order);
    return order & ORDER_WORD_SWAP ? second << 32 | first : first << 32 | second;
}

// ---- Bits to numbers ----

static const struct value not_available = {.number = NAN, .reason = REASON_NOT_AVAILABLE};

static inline bool is_marker(const struct point *p, uint64_t bits)
{
    for (size_t i = 0; i < p->marker_count; i++)
        if (p->markers[i] == bits)
            return true;
    return false;
}

// NaN and the infinities are never numbers, whatever the profile says.
static inline struct value checked(const struct point *p, uint64_t bits, double number)
{
    if (is_marker(p, bits) || !isfinite(number))
        return not_available;
    return (struct value){.number = number};
}

static inline struct value whole(const struct point *p, uint64_t bits, double number)
{
    if (p->mask)
        number = (double)((bits & p->mask) >> __builtin_ctzll(p->mask));
    return checked(p, bits, number);
}

static inline double float_of(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float f;
    memcpy(&f, &low, sizeof f);
    return (double)f;
}

static inline double double_of(uint64_t bits)
{
    double f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

// A digit above 9 makes the whole value NaN, which is "not available".
static double bcd(uint64_t bits, unsigned digits)
{
    uint64_t n = 0;
    for (unsigned i = digits; i-- > 0;) {
        unsigned digit = (unsigned)(bits >> (4 * i)) & 15;
        if (digit > 9)
            return NAN;
        n = n * 10 + digit;
    }
    return (double)n;
}

// "Measurement" types T5 and T6 of Iskra and Finder meters (Finder 7M Modbus description, data types).
// Dividing by a power of ten rounds once, multiplying by 0.1 twice: 2420 at -1 is 242.
static double t5_t6(uint64_t bits, bool is_signed)
{
    int32_t mantissa = (int32_t)(bits & 0xFFFFFF);
    if (is_signed && mantissa >= 1 << 23)
        mantissa -= 1 << 24;
    int exponent = (int8_t)(bits >> 24);
    return exponent < 0 ? mantissa / pow(10, -exponent) : mantissa * pow(10, exponent);
}

struct value point_raw(const struct point *p, uint8_t order, const uint8_t *data)
{
    uint64_t bits;
    switch ((enum point_type)p->type) {
    case POINT_INT16:
        bits = load16(data, order);
        return whole(p, bits, (int16_t)bits);
    case POINT_UINT16:
    case POINT_BITS16:
        bits = load16(data, order);
        return whole(p, bits, (double)bits);
    case POINT_INT32:
        bits = load32(data, order);
        return whole(p, bits, (int32_t)bits);
    case POINT_UINT32:
    case POINT_BITS32:
        bits = load32(data, order);
        return whole(p, bits, (double)bits);
    case POINT_INT64:
        bits = load64(data, order);
        return whole(p, bits, (double)(int64_t)bits);
    case POINT_UINT64:
        bits = load64(data, order);
        return whole(p, bits, (double)bits);
    case POINT_FLOAT32:
        bits = load32(data, order);
        return checked(p, bits, float_of(bits));
    case POINT_FLOAT64:
        bits = load64(data, order);
        return checked(p, bits, double_of(bits));
    case POINT_BOOL:
        if (p->table <= TABLE_DISCRETE)
            return (struct value){.number = data[0] != 0};
        bits = load16(data, order);
        return checked(p, bits, (double)(bits >> (p->bit & 15) & 1));
    case POINT_LOW_BYTE:
        bits = load16(data, order) & 0xFF;
        return checked(p, bits, (double)bits);
    case POINT_HIGH_BYTE:
        bits = load16(data, order) >> 8;
        return checked(p, bits, (double)bits);
    case POINT_BCD16:
        bits = load16(data, order);
        return checked(p, bits, bcd(bits, 4));
    case POINT_BCD32:
        bits = load32(data, order);
        return checked(p, bits, bcd(bits, 8));
    case POINT_BCD64:
        bits = load64(data, order);
        return checked(p, bits, bcd(bits, 16));
    case POINT_T5:
        bits = load32(data, order);
        return checked(p, bits, t5_t6(bits, false));
    case POINT_T6:
        bits = load32(data, order);
        return checked(p, bits, t5_t6(bits, true));
    case POINT_STRING:
    case POINT_DERIVED:
        break;
    }
    return not_available;
}

struct value point_from_answer(const struct point *p, uint8_t order, const uint8_t *answer, uint16_t start)
{
    unsigned at = (unsigned)(p->address - start);
    if (p->table <= TABLE_DISCRETE) {
        uint8_t bit = answer[at / 8] >> (at % 8) & 1;
        return point_raw(p, order, &bit);
    }
    return point_raw(p, order, answer + (size_t)2 * at);
}

void point_string(const struct point *p, const uint8_t *data, char *out)
{
    size_t n = (size_t)2 * p->words;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)data[p->order & ORDER_BYTE_SWAP ? i ^ 1 : i];
    while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '\0'))
        n--;
    out[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (out[i] < ' ' || out[i] > '~')
            out[i] = '?';
}
