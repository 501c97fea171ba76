/* SPDX-License-Identifier: Apache-2.0 */
/* A serial port of our own: opened, locked, set, verified. Private to the lines. */
#ifndef SYMBIONT_SERIAL_PORT_H
#define SYMBIONT_SERIAL_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct serial_mode {
    int baud;
    char parity; /* 'N', 'E', 'O'; always eight data bits */
    int stop_bits;
};

/* One character on the wire, ns: start, eight data, parity and stop bits. */
int64_t serial_char_ns(const struct serial_mode *m);
/* The silence that separates two frames, ns: 3.5 characters, above 19200 baud a fixed 1.75 ms
 * ("Modbus over Serial Line V1.02", 2.5.1.1). */
int64_t serial_gap_ns(const struct serial_mode *m);

/*
 * Opens `path` non-blocking, for us alone (flock and TIOCEXCL, taken before any setting is touched, so
 * that another program's running port is not disturbed), in raw mode. Returns a descriptor below
 * FD_SETSIZE, or -1 with a sentence in `why` that names the holder when another process has the port.
 */
int serial_port_open(const char *path, const struct serial_mode *m, bool rs485, char *why, size_t why_size);
void serial_port_close(int fd);

/* Another process that has the port open too (one that locks nothing): true, and "mbpoll (process 123)". */
bool serial_port_shared(int fd, char *who, size_t who_size);

#endif
