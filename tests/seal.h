/* SPDX-License-Identifier: Apache-2.0 */
/* A saved state whose bytes a test has changed, with the sum at its end put right: the rest is looked at
 * then. */
#ifndef TESTS_SEAL_H
#define TESTS_SEAL_H

#include "symbiont/pack.h"

static inline void seal(void *state, size_t n)
{
    uint8_t *bytes = state;
    uint64_t sum = fnv1a(FNV_BASIS, bytes, n - 8);
    for (int i = 0; i < 8; i++)
        bytes[n - 8 + (size_t)i] = (uint8_t)(sum >> (56 - 8 * i));
}

#endif
