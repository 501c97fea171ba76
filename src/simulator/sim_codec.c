// SPDX-License-Identifier: Apache-2.0
// The server's side of the Modbus frame: requests in, answers out.
#include "sim_codec.h"

#include "symbiont/cursor.h"
#include "symbiont/modbus.h"

static void put16(uint8_t *out, unsigned value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

// The PDU of a request: function and, for a read, address and count.
static void take_pdu(struct cursor *c, struct sim_request *out)
{
    out->function = cursor_u8(c);
    if (out->function < 1 || out->function > 4 || cursor_left(c) != 4)
        return;
    out->address = cursor_u16(c);
    out->count = cursor_u16(c);
    out->read = true;
}

int sim_mbap_request(const uint8_t *data, size_t n, struct sim_request *out)
{
    *out = (struct sim_request){0};
    if (n < SIM_HEAD)
        return 0;
    struct cursor c = cursor_over(data, n);
    out->transaction = cursor_u16(&c);
    uint16_t protocol = cursor_u16(&c), length = cursor_u16(&c);
    // Unit and function at least; unit and the largest PDU at most.
    if (protocol != 0 || length < 2 || length > 1 + SIM_PDU_MAX)
        return -1;
    size_t whole = (size_t)length + 6;
    if (n < whole)
        return 0;
    out->unit = cursor_u8(&c);
    c.end = data + whole;
    take_pdu(&c, out);
    return (int)whole;
}

// Bytes of an RTU request with its CRC, as far as its function tells; 0: cannot be told from here.
static size_t rtu_length(const uint8_t *data, size_t n)
{
    uint8_t function = data[1];
    if (function >= 1 && function <= 6)
        return RTU_REQUEST;
    // Writing several: unit, function, address, count, byte count, bytes, CRC.
    if ((function == 15 || function == 16) && n >= 7)
        return 9u + data[6];
    return 0;
}

int sim_rtu_request(const uint8_t *data, size_t n, bool silent, struct sim_request *out)
{
    *out = (struct sim_request){0};
    if (n == 0 || (n < 4 && !silent))
        return 0;
    if (n < 4)
        return -1;
    size_t whole = silent ? n : rtu_length(data, n);
    if (!silent && whole > n)
        return 0;
    if (whole == 0 || whole > RTU_FRAME_MAX)
        return -1;
    uint16_t crc = modbus_crc(data, whole - 2);
    if (data[whole - 2] != (uint8_t)crc || data[whole - 1] != (uint8_t)(crc >> 8))
        return -1;
    struct cursor c = cursor_over(data, whole - 2);
    out->unit = cursor_u8(&c);
    take_pdu(&c, out);
    return (int)whole;
}

size_t sim_mbap_frame(uint8_t frame[static SIM_FRAME_MAX], size_t pdu, const struct sim_request *request,
                      size_t *start)
{
    put16(frame, request->transaction);
    put16(frame + 2, 0);
    put16(frame + 4, (unsigned)pdu + 1);
    frame[6] = request->unit;
    *start = 0;
    return SIM_HEAD + pdu;
}

size_t sim_rtu_frame(uint8_t frame[static SIM_FRAME_MAX], size_t pdu, const struct sim_request *request,
                     size_t *start)
{
    *start = SIM_HEAD - 1;
    uint8_t *adu = frame + *start;
    adu[0] = request->unit;
    sim_rtu_seal(adu, pdu + 3);
    return pdu + 3;
}

void sim_rtu_seal(uint8_t *adu, size_t n)
{
    uint16_t crc = modbus_crc(adu, n - 2);
    adu[n - 2] = (uint8_t)crc; // low byte first: the one little-endian field of Modbus
    adu[n - 1] = (uint8_t)(crc >> 8);
}

size_t sim_exception_pdu(uint8_t *pdu, uint8_t function, uint8_t code)
{
    pdu[0] = function | 0x80;
    pdu[1] = code;
    return 2;
}
