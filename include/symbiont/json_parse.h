/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON with jansson, so that what it gives is what was written. */
#ifndef SYMBIONT_JSON_PARSE_H
#define SYMBIONT_JSON_PARSE_H

#include <jansson.h>

/*
 * As json_loadb, but NULL also when there was no memory for a part of it: jansson 2.14 then leaves single
 * characters out of long strings and numbers, and goes on. error->line is -1 when it was for want of memory.
 * To be json_decref'ed.
 */
json_t *json_parse(const char *text, size_t n, size_t flags, json_error_t *error);

#endif
