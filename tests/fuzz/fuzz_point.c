// SPDX-License-Identifier: Apache-2.0
// Any registers as a point of any kind: a number is finite, in range, and encodes to what reads as it.
// Input: type, order, bit, marker count, mask (8 bytes), marker (8), then registers.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "symbiont/point.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held)
        abort();
}

static void check_text(const struct point *p, const uint8_t *registers)
{
    char text[2 * 8 + 1];
    point_string(p, registers, text);
    require(strlen(text) <= (size_t)2 * p->words);
    for (const char *c = text; *c; c++)
        require(*c >= ' ' && *c <= '~');
}

static void check_number(const struct point *p, struct value v)
{
    uint8_t again[8] = {0};
    if (v.reason != REASON_GOOD) {
        require(v.reason == REASON_NOT_AVAILABLE);
        return;
    }
    require(isfinite(v.number));
    // What is encoded may be refused (a mask with holes, 2^64 rounded up); what is accepted reads as the
    // same, but for a T5 with more digits than its shortest form.
    if (!point_encode(p, v.number, again))
        return;
    struct value w = point_raw(p, p->order, again);
    require(w.reason == REASON_GOOD && fabs(w.number - v.number) <= 1e-14 * fabs(v.number));
}

// The first point depends on the second in every way there is.
static void check_finish(const struct point *p, struct value v, struct value other)
{
    static const struct code_factor map[] = {{0, 2}, {1, 0.5}};
    struct point points[2] = {*p, *p};
    points[0].rank = 1;
    points[0].exponent_point = points[0].factor_point = points[0].sign_point = points[0].add_point = 1;
    points[0].factor_map = map;
    points[0].factor_count = 2;
    points[0].sign_mask = 1;
    points[0].min = -1e12;
    points[0].max = 1e12;
    points[1].min = -INFINITY;
    points[1].max = INFINITY;
    const struct value raw[2] = {v, other}, none[2] = {v, {.reason = REASON_NOT_DUE}};
    struct value out[2];
    points_finish(points, 2, raw, NULL, out);
    require(out[0].reason != REASON_GOOD || (out[0].number >= -1e12 && out[0].number <= 1e12));
    points_finish(points, 2, none, raw, out);
    require(out[1].reason == REASON_NOT_DUE);
    require(isfinite(point_multiplier(points, 0, out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t registers[16] = {0};
    uint64_t marker;
    if (size < 20)
        return 0;
    struct point p = {.table = TABLE_HOLDING,
                      .type = (uint8_t)((data[0] & 0x7F) % (POINT_DERIVED + 1)),
                      .order = data[1] & 3,
                      .bit = (int8_t)(data[2] & 15),
                      .order_point = POINT_NONE,
                      .factor = 1,
                      .divisor = 1};
    if (p.type == POINT_BOOL && data[0] & 0x80)
        p.table = TABLE_COIL;
    if (p.type <= POINT_UINT64)
        memcpy(&p.mask, data + 4, 8);
    memcpy(&marker, data + 12, 8);
    p.markers = &marker;
    p.marker_count = data[3] & 1;
    p.words = (uint8_t)(p.type == POINT_STRING ? 8 : point_type_words(p.type));
    size -= 20;
    memcpy(registers, data + 20, size > 16 ? 16 : size);
    if (p.type == POINT_STRING)
        check_text(&p, registers);
    // A mask wider than the type is refused when a profile is read.
    if (p.words && p.words < 4)
        p.mask &= (1ULL << (16 * p.words)) - 1;
    struct value v = point_raw(&p, p.order, registers);
    check_number(&p, v);
    check_finish(&p, v, point_raw(&p, p.order, registers + 8));
    return 0;
}
