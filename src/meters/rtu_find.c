// SPDX-License-Identifier: Apache-2.0
// The answer may have noise in front of it: drivers that switch on leave a byte or two.
#include "meters/rtu_find.h"

// The length of the frame at the start of `in` if its head can be one of the two answers to the
// question and it is all there, else 0.
static size_t frame_here(const uint8_t *in, size_t n, const struct modbus_ask *ask)
{
    size_t whole = 0;
    if (n < RTU_EXCEPTION || in[0] != ask->unit)
        return 0;
    if (in[1] == ask->function && in[2] == modbus_data_bytes(ask))
        whole = rtu_answer_bytes(ask);
    else if (in[1] == (ask->function | 0x80))
        whole = RTU_EXCEPTION;
    return whole <= n ? whole : 0;
}

enum rtu_found rtu_find(const uint8_t *in, size_t n, const struct modbus_ask *ask,
                        struct modbus_answer *answer, size_t *start, size_t *end)
{
    enum rtu_found found = RTU_NOTHING;
    for (size_t at = 0; at < n; at++) {
        size_t whole = frame_here(in + at, n - at, ask);
        if (whole == 0)
            continue;
        struct modbus_answer a = rtu_answer(in + at, whole, ask);
        if (a.verdict != VERDICT_BAD_ANSWER) {
            *answer = a;
            *start = at;
            *end = at + whole;
            return RTU_RIGHT;
        }
        if (whole > RTU_EXCEPTION) // five bytes that are no exception may be anything
            found = RTU_DAMAGED;
    }
    return found;
}

size_t rtu_claimed_bytes(const uint8_t *frame)
{
    switch (frame[1]) { // the function
    case 0x00:
    case 0x01:
    case 0x02:
    case 0x03:
    case 0x04:
    case 0x11:
    case 0x17:
        return 5u + frame[2];
    case 0x05:
    case 0x06:
    case 0x0F:
    case 0x10:
        return 8;
    case 0x16:
        return 10;
    default:
        return 5;
    }
}
