// SPDX-License-Identifier: Apache-2.0
// Numbers to registers, for the simulator: what a meter would hold to read as a value.
#include "symbiont/point.h"

#include <math.h>
#include <string.h>

static void store(uint64_t bits, unsigned words, uint8_t order, uint8_t *d)
{
    for (unsigned i = 0; i < words; i++) {
        unsigned from_low = order & ORDER_WORD_SWAP ? i : words - 1 - i;
        uint16_t word = (uint16_t)(bits >> (16 * from_low));
        bool low_first = order & ORDER_BYTE_SWAP;
        d[2 * i] = (uint8_t)(low_first ? word : word >> 8);
        d[2 * i + 1] = (uint8_t)(low_first ? word >> 8 : word);
    }
}

static bool encode_whole(double raw, double min, double limit, uint64_t *bits)
{
    raw = nearbyint(raw);
    if (raw < min || raw >= limit)
        return false;
    *bits = raw < 0 ? (uint64_t)(int64_t)raw : (uint64_t)raw;
    return true;
}

static bool encode_masked(uint64_t mask, double raw, uint64_t *bits)
{
    int shift = __builtin_ctzll(mask);
    if (!encode_whole(raw, 0, (double)(mask >> shift) + 1, bits))
        return false;
    *bits <<= shift;
    return (*bits & ~mask) == 0;
}

static bool encode_float32(double raw, uint64_t *bits)
{
    float f = (float)raw;
    uint32_t b;
    memcpy(&b, &f, sizeof b);
    *bits = b;
    return isfinite(f);
}

static bool encode_bcd(double raw, unsigned digits, uint64_t *bits)
{
    uint64_t n;
    if (!encode_whole(raw, 0, pow(10, digits), &n))
        return false;
    *bits = 0;
    for (unsigned i = 0; i < digits; i++, n /= 10)
        *bits |= n % 10 << (4 * i);
    return true;
}

static double times_power_of_ten(double number, int exponent)
{
    return exponent < 0 ? number / pow(10, -exponent) : number * pow(10, exponent);
}

// The mantissa as long as it fits, then without its trailing zeros: 242 is 242 at 0, not 2420000 at -4.
static bool encode_t5_t6(double raw, bool is_signed, uint64_t *bits)
{
    const double most = !is_signed ? 16777215 : raw < 0 ? 8388608 : 8388607;
    if (raw < 0 && !is_signed)
        return false;
    int exponent = raw == 0 ? 0 : (int)ceil(log10(fabs(raw) / most));
    if (exponent < -128)
        exponent = -128;
    double mantissa = nearbyint(times_power_of_ten(raw, -exponent));
    while (mantissa != 0 && fmod(mantissa, 10) == 0 && exponent < 127) {
        mantissa /= 10;
        exponent++;
    }
    if (exponent > 127)
        return false;
    *bits = (uint64_t)(uint8_t)exponent << 24 | ((uint64_t)(int64_t)mantissa & 0xFFFFFF);
    return true;
}

static bool encode_bits(const struct point *p, double raw, uint64_t *bits)
{
    if (p->mask)
        return encode_masked(p->mask, raw, bits);
    switch ((enum point_type)p->type) {
    case POINT_INT16:
        return encode_whole(raw, -0x1p15, 0x1p15, bits);
    case POINT_UINT16:
    case POINT_BITS16:
        return encode_whole(raw, 0, 0x1p16, bits);
    case POINT_INT32:
        return encode_whole(raw, -0x1p31, 0x1p31, bits);
    case POINT_UINT32:
    case POINT_BITS32:
        return encode_whole(raw, 0, 0x1p32, bits);
    case POINT_INT64:
        return encode_whole(raw, -0x1p63, 0x1p63, bits);
    case POINT_UINT64:
        return encode_whole(raw, 0, 0x1p64, bits);
    case POINT_FLOAT32:
        return encode_float32(raw, bits);
    case POINT_FLOAT64:
        memcpy(bits, &raw, sizeof *bits);
        return true;
    case POINT_BOOL:
        if (!encode_whole(raw, 0, 2, bits))
            return false;
        *bits <<= p->table <= TABLE_DISCRETE ? 0 : p->bit & 15;
        return true;
    case POINT_LOW_BYTE:
        return encode_whole(raw, 0, 0x1p8, bits);
    case POINT_HIGH_BYTE:
        if (!encode_whole(raw, 0, 0x1p8, bits))
            return false;
        *bits <<= 8;
        return true;
    case POINT_BCD16:
        return encode_bcd(raw, 4, bits);
    case POINT_BCD32:
        return encode_bcd(raw, 8, bits);
    case POINT_BCD64:
        return encode_bcd(raw, 16, bits);
    case POINT_T5:
        return encode_t5_t6(raw, false, bits);
    case POINT_T6:
        return encode_t5_t6(raw, true, bits);
    case POINT_STRING:
    case POINT_DERIVED:
        break;
    }
    return false;
}

static bool reads_back(const struct point *p, const uint8_t *data)
{
    return point_raw(p, p->order, data).reason == REASON_GOOD;
}

bool point_encode(const struct point *p, double value, uint8_t *data)
{
    double divisor = p->divisor == 0 ? 1 : p->divisor;
    double raw = (value - p->offset) * divisor / p->factor;
    uint64_t bits;
    if (!isfinite(raw) || !encode_bits(p, raw, &bits))
        return false;
    if (p->table <= TABLE_DISCRETE)
        data[0] = (uint8_t)bits;
    else
        store(bits, point_type_words(p->type), p->order, data);
    return reads_back(p, data);
}
