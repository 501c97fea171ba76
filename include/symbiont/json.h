/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON into a buf: a walk that cannot forget a comma. No allocation of its own. Reading JSON
 * from strangers is jansson's job.
 *
 *     struct json j = json_begin(&buf);
 *     json_open(&j, NULL, '{');
 *     json_int(&j, "ts", ts);
 *     json_open(&j, "bad", '{'); json_text(&j, "flow", "timeout"); json_close(&j, '}');
 *     json_close(&j, '}');
 *
 * `key` is NULL inside an array and at the top. Non-finite numbers are written as null.
 */
#ifndef SYMBIONT_JSON_H
#define SYMBIONT_JSON_H

#include "symbiont/buf.h"

struct json {
    struct buf *out;
    bool comma; /* the next value needs one before it */
};

struct json json_begin(struct buf *out);
void json_open(struct json *j, const char *key, char bracket);      /* '{' or '[' */
void json_close(struct json *j, char bracket);                      /* '}' or ']' */
void json_text(struct json *j, const char *key, const char *value); /* NULL value: null */
void json_text_n(struct json *j, const char *key, const char *value, size_t n);
void json_int(struct json *j, const char *key, int64_t value);
void json_number(struct json *j, const char *key, double value);
void json_single(struct json *j, const char *key, double value); /* precision of a float32 */
void json_bool(struct json *j, const char *key, bool value);
void json_none(struct json *j, const char *key); /* null; jansson has a json_null of its own */
/* A value that is already JSON. */
void json_raw(struct json *j, const char *key, const char *value, size_t n);

#endif
