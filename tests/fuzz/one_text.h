/* SPDX-License-Identifier: Apache-2.0 */
/* For fuzzers whose input is one JSON or one configuration: half of the mutations are of one value in it. */
#ifndef TESTS_FUZZ_ONE_TEXT_H
#define TESTS_FUZZ_ONE_TEXT_H

#include "values.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t most, unsigned seed)
{
    return seed & 1 ? value_mutate(data, n, most, seed >> 1) : LLVMFuzzerMutate(data, n, most);
}

#endif
