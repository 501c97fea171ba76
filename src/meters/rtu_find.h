/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the answer to a question in what a serial line delivered. Pure. Private to the lines. */
#ifndef SYMBIONT_RTU_FIND_H
#define SYMBIONT_RTU_FIND_H

#include "symbiont/modbus.h"

enum rtu_found {
    RTU_NOTHING,
    RTU_RIGHT,   /* a frame that passes every check */
    RTU_DAMAGED, /* its head is the right answer's and all its bytes are there, but the CRC is wrong */
};

/* Looks at every offset. RIGHT: `answer` is set, its frame is in[*start .. *end). */
enum rtu_found rtu_find(const uint8_t *in, size_t n, const struct modbus_ask *ask,
                        struct modbus_answer *answer, size_t *start, size_t *end);

/* How long libmodbus takes a confirmation to be, by the first three bytes of the frame. */
size_t rtu_claimed_bytes(const uint8_t *frame);

#endif
