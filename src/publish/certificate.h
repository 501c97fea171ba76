/* SPDX-License-Identifier: Apache-2.0 */
/* When certificates in a PEM file end. */
#ifndef PUBLISH_CERTIFICATE_H
#define PUBLISH_CERTIFICATE_H

#include <stddef.h>
#include "symbiont/clock.h"

/* The earliest end of validity of the certificates in the file. 0, or -1 with a sentence in `why`. */
int certificate_expiry(const char *path, struct utc *end, char *why, size_t why_size);

#endif
