/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a simulated device has in its four tables: runs of addresses that exist, each with its bytes
 * ready to be copied into an answer. Built at start, changed in place afterwards.
 */
#ifndef SIM_IMAGE_H
#define SIM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers: two bytes each, big-endian. Coils and discrete inputs: one byte each, 0 or 1. */
struct sim_run {
    uint32_t first, count;
    uint8_t *bytes;
};

struct sim_image {
    struct sim_run *runs[5]; /* by table, 1 to 4, sorted by address */
    size_t n[5];
};

/* Makes addresses [first, first + count) exist, as zeros where they did not; runs that touch become one.
 * Returns 0, -1 with errno ENOMEM, or EINVAL when it would go past 65535. */
int sim_image_add(struct sim_image *image, int table, uint32_t first, uint32_t count);

/* The bytes at `address`; NULL unless all of [address, address + count) exists. */
uint8_t *sim_image_at(const struct sim_image *image, int table, uint32_t address, uint32_t count);

/* Makes single gaps of at most `gap` addresses between runs readable, as zeros: devices that answer
 * for registers nobody documented. */
int sim_image_fill_gaps(struct sim_image *image, uint32_t gap);

/* Makes n addresses exist and gives them values: registers, or bits (0: 0, other: 1). Returns 0 or -1 with
 * errno. */
int sim_image_put(struct sim_image *image, int table, uint16_t address, const uint16_t *words, size_t n);

int sim_image_copy(struct sim_image *to, const struct sim_image *from);
void sim_image_free(struct sim_image *image);

/*
 * The answer PDU to a read, or the exception. `max_registers`, `max_bits`: what the device takes in one
 * request (a larger count is exception 3). Returns the PDU's length.
 */
size_t sim_image_read(const struct sim_image *image, uint8_t function, uint16_t address, uint16_t count,
                      uint16_t max_registers, uint16_t max_bits, uint8_t *pdu);

#endif
