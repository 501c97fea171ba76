// SPDX-License-Identifier: Apache-2.0
// Foreign bytes against the simulator's server codec: requests in both framings, every answer framed and
// checked against the client's codec.
#include <stdlib.h>
#include <string.h>

#include "simulator/sim_codec.h"
#include "simulator/sim_fault.h"
#include "simulator/sim_image.h"
#include "symbiont/modbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct sim_image image;

static void make_image(void)
{
    uint16_t words[200];
    for (size_t i = 0; i < 200; i++)
        words[i] = (uint16_t)(i * 257);
    for (int table = 1; table <= 4; table++)
        if (sim_image_put(&image, table, 100, words, 200) < 0 ||
            sim_image_put(&image, table, 65436, words, 100) < 0)
            abort();
}

// A right answer must satisfy the client, whatever was asked.
static void answer(const struct sim_request *q, bool rtu, uint8_t kind)
{
    uint8_t frame[SIM_FRAME_MAX];
    struct sim_reply r = {0};
    struct sim_fault f = {.kind = kind};
    size_t pdu = q->read
                     ? sim_image_read(&image, q->function, q->address, q->count, 125, 2000, frame + SIM_HEAD)
                     : sim_exception_pdu(frame + SIM_HEAD, q->function, SIM_ILLEGAL_FUNCTION);
    sim_fault_frame(kind ? &f : NULL, frame, pdu, q, rtu, q->address, &r);
    if (r.n > sizeof r.bytes)
        abort();
    if (kind || !q->read || q->count == 0 || q->count > (q->function <= 2 ? 2000 : 125))
        return;
    struct modbus_ask ask = {q->unit, q->function, q->address, q->count};
    struct modbus_answer a = rtu ? rtu_answer(r.bytes, r.n, &ask) : mbap_answer(r.bytes, r.n, &ask);
    if (!rtu && (mbap_frame(r.bytes, r.n) != (int)r.n || mbap_transaction(r.bytes) != q->transaction))
        abort();
    if (a.verdict != VERDICT_ANSWER && a.verdict != VERDICT_EXCEPTION)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!image.n[1])
        make_image();
    if (n < 2)
        return 0;
    bool rtu = data[0] & 1, silent = data[0] & 2;
    uint8_t kind = data[1] % SIM_FAULT_KINDS;
    data += 2;
    n -= 2;
    for (size_t at = 0; at < n;) {
        struct sim_request q;
        int used =
            rtu ? sim_rtu_request(data + at, n - at, silent, &q) : sim_mbap_request(data + at, n - at, &q);
        if (used > (int)(n - at))
            abort();
        if (used <= 0)
            break;
        answer(&q, rtu, kind);
        at += (size_t)used;
    }
    // The orders of the control socket have a parser of their own.
    char text[64], why[200];
    size_t length = n < sizeof text - 1 ? n : sizeof text - 1;
    struct sim_fault f;
    memcpy(text, data, length);
    text[length] = '\0';
    sim_fault_parse(text, &f, why, sizeof why);
    return 0;
}
