// SPDX-License-Identifier: Apache-2.0
// Foreign bytes as one RTU answer, and as a stream in which the answer is looked for; the same bytes once
// more with a right CRC, so that the checks behind it are reached. Input: unit, function, count (2 bytes),
// then the frame.
#include <stdlib.h>
#include <string.h>

#include "meters/rtu_find.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int held)
{
    if (!held)
        abort();
}

static void judge(const uint8_t *frame, size_t n, const struct modbus_ask *ask)
{
    struct modbus_answer answer = rtu_answer(frame, n, ask);
    if (answer.verdict == VERDICT_BAD_ANSWER) {
        require(answer.check > CHECK_OK && answer.check < CHECK_COUNT);
        return;
    }
    require(frame[0] == ask->unit && (frame[1] & 0x7F) == ask->function);
    if (answer.verdict == VERDICT_ANSWER)
        require(n == rtu_answer_bytes(ask) && answer.n == modbus_data_bytes(ask) && answer.data == frame + 3);
    else
        require(answer.verdict == VERDICT_EXCEPTION && n == RTU_EXCEPTION);
}

static void search(const uint8_t *in, size_t n, const struct modbus_ask *ask)
{
    struct modbus_answer answer;
    size_t start, end;
    if (rtu_find(in, n, ask, &answer, &start, &end) == RTU_RIGHT) {
        require(start < end && end <= n);
        require(rtu_answer(in + start, end - start, ask).verdict == answer.verdict);
        require(answer.verdict != VERDICT_ANSWER || answer.data == in + start + 3);
    }
    if (n >= 3)
        require(rtu_claimed_bytes(in) >= 5 && rtu_claimed_bytes(in) <= 260);
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
    uint8_t *frame = malloc(size + 2);
    require(frame != NULL);
    memcpy(frame, data, size);
    judge(frame, size, &ask);
    search(frame, size, &ask);
    uint16_t crc = modbus_crc(frame, size);
    frame[size] = (uint8_t)crc;
    frame[size + 1] = (uint8_t)(crc >> 8);
    judge(frame, size + 2, &ask);
    search(frame, size + 2, &ask);
    free(frame);
    return 0;
}
