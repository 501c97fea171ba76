/* SPDX-License-Identifier: Apache-2.0 */
/* Why a message that can be read is refused all the same: a sentence for whoever sent it. */
#ifndef SYMBIONT_EXCHANGE_CHECKER_H
#define SYMBIONT_EXCHANGE_CHECKER_H

#include <stdbool.h>
#include <stddef.h>

struct checker {
    char *why; /* the caller's, `size` bytes */
    size_t size;
};

/* Writes the sentence, cut at its end when it is too long. Always false: `return checker_wrong(c, ...)`. */
bool checker_wrong(const struct checker *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
