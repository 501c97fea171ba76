/* SPDX-License-Identifier: Apache-2.0 */
/* Who else has a serial port. Private to the lines. */
#ifndef SYMBIONT_SERIAL_HOLDER_H
#define SYMBIONT_SERIAL_HOLDER_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* The process that holds a flock on the file, or 0: nobody, or /proc/locks does not say. */
pid_t serial_lock_holder(const struct stat *file);
/* A process other than ours that has the character device open, or 0: none that we may see. */
pid_t serial_device_user(const struct stat *device);
/* "mbpoll (process 123)"; for 0 "another process". Returns out. */
const char *serial_holder_text(pid_t pid, char *out, size_t size);

#endif
