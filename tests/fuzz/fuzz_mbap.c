// SPDX-License-Identifier: Apache-2.0
// Foreign bytes as MBAP answers: whatever comes, no read outside, and what is accepted was asked for.
// Input: unit, function, count (2 bytes), then the stream.
#include <stdlib.h>
#include <string.h>

#include "symbiont/modbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    uint8_t function = (uint8_t)(1 + data[1] % 4);
    unsigned most = function <= 2 ? MODBUS_BITS_MAX : MODBUS_REGISTERS_MAX;
    struct modbus_ask ask = {.unit = data[0],
                             .function = function,
                             .count = (uint16_t)(1 + ((unsigned)data[2] << 8 | data[3]) % most)};
    data += 4;
    size -= 4;

    // A copy of the exact size, so that one byte too far is found.
    uint8_t *stream = malloc(size ? size : 1);
    require(stream != NULL);
    memcpy(stream, data, size);
    size_t at = 0;
    for (;;) {
        int whole = mbap_frame(stream + at, size - at);
        require(whole <= MBAP_FRAME_MAX && whole > -CHECK_COUNT);
        if (whole <= 0)
            break;
        require((size_t)whole <= size - at && whole >= MBAP_HEADER + 2);
        const uint8_t *frame = stream + at;
        struct modbus_answer answer = mbap_answer(frame, (size_t)whole, &ask);
        if (answer.verdict == VERDICT_ANSWER) {
            require(answer.n == modbus_data_bytes(&ask) && answer.data == frame + MBAP_HEADER + 2);
            require(answer.data + answer.n == frame + whole);
            require(frame[6] == ask.unit && frame[7] == ask.function);
        } else if (answer.verdict == VERDICT_EXCEPTION) {
            require(answer.exception >= 1 && answer.exception <= 11 && whole == MBAP_HEADER + 2);
        } else {
            require(answer.verdict == VERDICT_BAD_ANSWER && answer.check != CHECK_OK);
        }
        // A frame cut short is never an answer.
        require(mbap_answer(frame, (size_t)whole - 1, &ask).verdict == VERDICT_BAD_ANSWER);
        mbap_transaction(frame);
        at += (size_t)whole;
    }
    free(stream);
    return 0;
}
