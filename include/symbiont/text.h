/* SPDX-License-Identifier: Apache-2.0 */
/* Small things with strings: names, the nearest known word, numbers that must be whole. */
#ifndef SYMBIONT_TEXT_H
#define SYMBIONT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [a-z][a-z0-9_]*, at most 63 characters: lines, meters, points, streams, rules, needs. */
bool text_is_name(const char *s);
/* [a-z0-9-]+, at most 63 characters: sites, territories, profiles. */
bool text_is_id(const char *s);

/*
 * Of `n` known words (at `words`, each reached by stepping `stride` bytes; the first member of each
 * element is a const char *), the one nearest to `word`; NULL when none is near enough to suggest.
 */
const char *text_nearest(const char *word, const void *words, size_t n, size_t stride);

/* The whole of `s` as a finite number, C locale; false when anything is left over. */
bool text_number(const char *s, double *out);
/* The whole of `s` as an integer, decimal or 0x hexadecimal, within [min, max]. */
bool text_integer(const char *s, int64_t min, int64_t max, int64_t *out);

/* Duplicate or NULL; like strdup but accepts NULL. */
char *text_dup(const char *s);

#endif
