/* SPDX-License-Identifier: Apache-2.0 */
/* Members of an answer, without fuss about what is missing. Private to the command-line tool. */
#ifndef SYMBIONT_CLI_JSON_FIELDS_H
#define SYMBIONT_CLI_JSON_FIELDS_H

#include <jansson.h>
#include <math.h>
#include <stdint.h>

static inline const char *field_text(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static inline int64_t field_int(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static inline double field_number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

#endif
