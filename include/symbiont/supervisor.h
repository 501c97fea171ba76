/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to the service manager (sd_notify protocol: one datagram to $NOTIFY_SOCKET). */
#ifndef SYMBIONT_SUPERVISOR_H
#define SYMBIONT_SUPERVISOR_H

#include <stdint.h>

/* Sends e.g. "READY=1" or "STATUS=12/12 meters". Does nothing without NOTIFY_SOCKET. */
void supervisor_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How often WATCHDOG=1 is due, ns; 0 when no watchdog was asked of this process. Half of
 * WATCHDOG_USEC, as sd_watchdog_enabled(3) advises. */
int64_t supervisor_watchdog_ns(void);

#endif
