/* SPDX-License-Identifier: Apache-2.0 */
/* For fuzzers of JSON and of configurations: mutations of one value at a time, after which most texts can
 * still be read. A mutation of bytes seldom leaves a text that is read as far as its values. */
#ifndef TESTS_FUZZ_VALUES_H
#define TESTS_FUZZ_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's; not there when the seeds are only run. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t most) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t most, unsigned seed);

struct value_place {
    size_t at, n;
};

static inline bool value_among(uint8_t c, const char *set)
{
    return c && strchr(set, c);
}

/* The value at or behind a place: a number, a text without its quotes, or brackets with all they hold. */
static inline struct value_place value_behind(const uint8_t *s, size_t n, size_t at)
{
    size_t end, depth = 1;
    while (at < n && !value_among(s[at], "-0123456789\"{[("))
        at++;
    if (at == n)
        return (struct value_place){n, 0};
    end = at + 1;
    if (s[at] == '"') {
        while (end < n && s[end] != '"')
            end += s[end] == '\\' && end + 1 < n ? 2 : 1;
        return (struct value_place){at + 1, end - at - 1};
    }
    if (value_among(s[at], "{[(")) {
        for (; end < n && depth; end++)
            depth += (size_t)value_among(s[end], "{[(") - (size_t)value_among(s[end], "}])");
        return (struct value_place){at, end - at};
    }
    while (end < n && value_among(s[end], "+-.0123456789eE"))
        end++;
    return (struct value_place){at, end - at};
}

static inline size_t value_replace(uint8_t *data, size_t n, size_t most, struct value_place old,
                                   const uint8_t *with, size_t with_n)
{
    if (n - old.n + with_n > most)
        return n;
    memmove(data + old.at + with_n, data + old.at + old.n, n - old.at - old.n);
    memcpy(data + old.at, with, with_n);
    return n - old.n + with_n;
}

/* One value becomes: a number near an edge; another value of the text; one more of itself; bytes of
 * libFuzzer's. */
static inline size_t value_mutate(uint8_t *data, size_t n, size_t most, unsigned seed)
{
    static const char *const edges[] = {
        "-1",     "0",      "1",          "2",          "3",          "4",
        "5",      "7",      "8",          "9",          "16",         "24",
        "31",     "32",     "33",         "64",         "100",        "255",
        "256",    "1000",   "65535",      "65536",      "1e9",        "1e300",
        "-1e300", "1e-300", "2147483647", "4294967295", "4294967296", "9223372036854775807",
        "null",   "\"\""};
    uint8_t copy[4096];
    srand(seed);
    struct value_place to = value_behind(data, n, n ? (size_t)rand() % n : 0);
    struct value_place from = value_behind(data, n, n ? (size_t)rand() % n : 0);
    int how = rand() % 4;
    if (to.n == 0 || to.n + 2 > sizeof copy || from.n > sizeof copy)
        return LLVMFuzzerMutate(data, n, most);
    if (how == 0) {
        const char *edge = edges[(size_t)rand() % (sizeof edges / sizeof *edges)];
        return value_replace(data, n, most, to, (const uint8_t *)edge, strlen(edge));
    }
    if (how == 1) {
        memcpy(copy, data + from.at, from.n);
        return value_replace(data, n, most, to, copy, from.n);
    }
    memcpy(copy, data + to.at, to.n);
    if (how == 2) {
        copy[to.n] = ',';
        return value_replace(data, n, most, (struct value_place){to.at, 0}, copy, to.n + 1);
    }
    return value_replace(data, n, most, to, copy, LLVMFuzzerMutate(copy, to.n, sizeof copy));
}

#endif
