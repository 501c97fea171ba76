/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Modbus frame, pure: requests of function codes 1 to 4 and no other (there is no way to build
 * a write here), and answers checked. "Modbus Application Protocol V1.1b3", "Modbus Messaging on
 * TCP/IP V1.0b" (MBAP), "Modbus over Serial Line V1.02" (RTU, CRC).
 */
#ifndef SYMBIONT_MODBUS_H
#define SYMBIONT_MODBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MBAP_HEADER          7  /* transaction, protocol, length, unit */
#define MBAP_REQUEST         12 /* header and a five-byte read request */
#define MBAP_FRAME_MAX       260
#define RTU_REQUEST          8
#define RTU_FRAME_MAX        256
#define MODBUS_REGISTERS_MAX 125
#define MODBUS_BITS_MAX      2000

/* What is asked. function 1..4; count 1..2000 bits (1, 2) or 1..125 registers (3, 4). */
struct modbus_ask {
    uint8_t unit, function;
    uint16_t address, count;
};

enum verdict {
    VERDICT_ANSWER,    /* data is there */
    VERDICT_EXCEPTION, /* the device answered with an exception code */
    VERDICT_TIMEOUT,
    VERDICT_NO_CONNECTION, /* could not connect, or the connection broke before the answer */
    VERDICT_BAD_ANSWER,    /* failed a check */
    VERDICT_CANCELLED,     /* the line was closed or the transaction withdrawn */
};

/* Which check an answer failed; counted by kind in `status`. */
enum check {
    CHECK_OK,
    CHECK_PROTOCOL,   /* protocol id is not 0 */
    CHECK_LENGTH,     /* the header's length is out of bounds, or contradicts the content */
    CHECK_UNIT,       /* not the asked unit */
    CHECK_FUNCTION,   /* not the asked function, nor its exception */
    CHECK_EXCEPTION,  /* exception of the wrong length, or a code outside 1..11 */
    CHECK_BYTE_COUNT, /* not twice the asked registers, or not the asked bits */
    CHECK_CRC,        /* RTU only */
    CHECK_STRAY,      /* no such transaction outstanding: late, duplicated or invented */
    CHECK_COUNT,
};
const char *check_text(enum check c);

struct modbus_answer {
    enum verdict verdict;
    uint8_t exception;   /* when VERDICT_EXCEPTION */
    enum check check;    /* when VERDICT_BAD_ANSWER */
    const uint8_t *data; /* registers big-endian, or packed bits; valid during the call */
    size_t n;
};

const char *modbus_exception_text(uint8_t code); /* "illegal data address", ... */

/* Bytes of data a right answer carries. */
size_t modbus_data_bytes(const struct modbus_ask *ask);

/* Writes the request. */
void mbap_request(uint8_t out[static MBAP_REQUEST], uint16_t transaction, const struct modbus_ask *ask);
void rtu_request(uint8_t out[static RTU_REQUEST], const struct modbus_ask *ask);
uint16_t modbus_crc(const uint8_t *data, size_t n);

/*
 * Is there a whole frame at the start of what was received? > 0: its length. 0: more bytes are
 * needed. < 0: this is not MBAP (minus enum check): the stream cannot be resynchronised, close.
 */
int mbap_frame(const uint8_t *data, size_t n);
/* Of a whole frame: its transaction id. */
uint16_t mbap_transaction(const uint8_t *frame);
/* Checks a whole frame against what was asked. */
struct modbus_answer mbap_answer(const uint8_t *frame, size_t n, const struct modbus_ask *ask);
/* Checks the PDU (function code on) of an answer against what was asked; unit checked by the caller. */
struct modbus_answer pdu_answer(const uint8_t *pdu, size_t n, const struct modbus_ask *ask);

/* Bytes of the right RTU answer, unit to CRC. An exception has RTU_EXCEPTION. */
#define RTU_EXCEPTION 5
size_t rtu_answer_bytes(const struct modbus_ask *ask);
/* Checks an RTU frame (unit to CRC) against what was asked. */
struct modbus_answer rtu_answer(const uint8_t *frame, size_t n, const struct modbus_ask *ask);

#endif
