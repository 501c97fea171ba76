/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of the Modbus frame, pure: requests out of received bytes, and the frame around
 * an answer. The client's side is modbus.h; the two share nothing but the CRC, so that a mistake in
 * one is seen by the other.
 */
#ifndef SIM_CODEC_H
#define SIM_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room before and after a PDU in an answer's buffer: the MBAP header (RTU uses its last byte, the
 * unit), and the CRC. */
#define SIM_HEAD      7
#define SIM_PDU_MAX   253
#define SIM_FRAME_MAX (SIM_HEAD + SIM_PDU_MAX + 2)

enum sim_exception {
    SIM_ILLEGAL_FUNCTION = 1,
    SIM_ILLEGAL_ADDRESS = 2,
    SIM_ILLEGAL_VALUE = 3,
    SIM_DEVICE_FAILURE = 4,
    SIM_GATEWAY_TARGET = 11,
};

struct sim_request {
    uint16_t transaction; /* MBAP only */
    uint8_t unit, function;
    uint16_t address, count; /* of a read; 0 for other functions */
    bool read;               /* function 1 to 4 with a body of the right length */
};

/*
 * The request at the start of what was received. > 0: bytes it takes. 0: more are needed. < 0: no
 * MBAP here (protocol or length is wrong), the stream is lost.
 */
int sim_mbap_request(const uint8_t *data, size_t n, struct sim_request *out);

/*
 * The same for RTU. A frame of functions 1 to 6, 15 and 16 ends where its length says, when the CRC
 * there is right. < 0: no such frame (yet): the caller waits for the line to fall silent and then calls
 * again with `silent`, which takes everything received as one frame of any function; < 0 then means noise.
 */
int sim_rtu_request(const uint8_t *data, size_t n, bool silent, struct sim_request *out);

/* Completes the frame around the PDU at frame + SIM_HEAD. The frame begins at frame + *start; returns its
 * length. */
size_t sim_mbap_frame(uint8_t frame[static SIM_FRAME_MAX], size_t pdu, const struct sim_request *request,
                      size_t *start);
size_t sim_rtu_frame(uint8_t frame[static SIM_FRAME_MAX], size_t pdu, const struct sim_request *request,
                     size_t *start);

/* Computes the CRC in the last two of a whole RTU frame's n bytes. */
void sim_rtu_seal(uint8_t *adu, size_t n);

/* An exception as PDU; returns its length, 2. */
size_t sim_exception_pdu(uint8_t *pdu, uint8_t function, uint8_t code);

#endif
