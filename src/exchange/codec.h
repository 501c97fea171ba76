/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of messages as tables: a row says key, type, place in the struct, range, and for offers from which
 * level on it leaves and how it is made coarse. Writing, strict reading and disclosing all come from the
 * rows.
 */
#ifndef EXCHANGE_CODEC_H
#define EXCHANGE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/config.h"
#include "symbiont/json.h"

enum field_type {
    FIELD_TEXT,   /* char[size]: printable UTF-8 */
    FIELD_WORD,   /* char[size]: characters of `chars` */
    FIELD_ID,     /* char[33]: 32 hex digits */
    FIELD_CHOICE, /* `size` bytes, a value >= 0 of `choices`; left out when 0 and not required */
    FIELD_UINT,   /* `size` bytes; left out when 0 and not required */
    FIELD_UTC,    /* struct utc: ms; left out when 0 */
    FIELD_NUMBER, /* double; NaN is left out */
    FIELD_SPAN,   /* struct span: a number, or "200-500", ">200", "<500", "any" */
    FIELD_BOOL,   /* bool; left out when false and not required */
    FIELD_KEY,    /* 32 bytes as base64; `count` is the bool that says whether it is there, or NO_COUNT */
    FIELD_OBJECT, /* a struct in place, `rows` */
    /* Lists of at most `most`, the count a uint8_t at `count`. */
    FIELD_WORDS,   /* char[most][size] of `chars` */
    FIELD_TEXTS,   /* char[most][size] */
    FIELD_OBJECTS, /* structs of `size` bytes, `rows` */
    FIELD_CODES,   /* uint32_t: waste codes, "150101" */
    FIELD_NUMBERS, /* double; NaN is null */
    /* */
    FIELD_SHARES, /* float[most] of 0..1, all of them; `count` is the bool that says whether they are there */
    FIELD_OPERATIONS, /* uint32_t of bits: "R1".."R13", "D1".."D15" */
};

/* How a value is made coarse below DISCLOSE_EXACT. */
enum coarse {
    COARSE_NOT,
    COARSE_125,
    COARSE_CELSIUS,
    COARSE_PARAMETER, /* by the unit and name of the parameter it belongs to */
    COARSE_TENTH,
    COARSE_WHOLE,
    COARSE_TWO_LETTERS,
    COARSE_QUARTER_BEGIN,
    COARSE_QUARTER_END,
};

#define NO_COUNT SIZE_MAX

struct field {
    const char *key; /* NULL ends the table */
    enum field_type type;
    size_t at, size;
    size_t count, most;
    const struct choice *choices;
    const struct field *rows;
    const char *chars;
    double min, max; /* both 0: any finite number */
    bool required;
    bool zero_unsaid; /* a number: 0 is left out */
    uint8_t level;    /* offers: from which level on it leaves */
    uint8_t coarse;   /* enum coarse */
    double quiet;     /* of numbers: a smaller change is none; 0: a tenth */
    bool ignored;     /* its change is none */
};

#define FIELD(type_, key_, struct_, member, ...)                                                             \
    {                                                                                                        \
        .key = key_, .type = FIELD_##type_, .at = offsetof(struct_, member),                                 \
        .size = sizeof(((struct_ *)0)->member), __VA_ARGS__                                                  \
    }
/* Of lists: the size of one element. */
#define LIST(type_, key_, struct_, member, count_, ...)                                                      \
    {                                                                                                        \
        .key = key_, .type = FIELD_##type_, .at = offsetof(struct_, member),                                 \
        .size = sizeof(((struct_ *)0)->member[0]), .count = offsetof(struct_, count_),                       \
        .most = sizeof(((struct_ *)0)->member) / sizeof(((struct_ *)0)->member[0]), __VA_ARGS__              \
    }

#define CHARS_PSEUDONYM "abcdefghijklmnopqrstuvwxyz0123456789_.-"
#define CHARS_NAME      "abcdefghijklmnopqrstuvwxyz0123456789_"
#define CHARS_ZONE      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:.-"
#define CHARS_NACE      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789."
#define CHARS_DIGITS    "0123456789*"
#define CHARS_UNIT      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/%.^()-"

#define CODEC_DEPTH 4
/* Largest whole number that every JSON reader keeps exactly. */
#define CODEC_UINT_MAX 9007199254740991.0

void codec_write(const struct field *rows, const void *from, struct buf *out);
/* The same within something that is being written. */
void codec_write_members(const struct field *rows, const void *from, struct json *j);

/* `out` keeps what the object does not name: the caller has cleared it. */
bool codec_read(const struct field *rows, const char *json, size_t n, size_t limit, void *out, char *why,
                size_t why_size);
/* From a json_t object. */
bool codec_take(const struct field *rows, const void *object, void *out, char *why, size_t why_size);
/* A strictly read JSON object (json_t *, to be json_decref'ed), or NULL with a sentence: no duplicates,
 * nothing behind it, nested at most `depth` deep. */
void *codec_parse(const char *json, size_t n, size_t limit, unsigned depth, char *why, size_t why_size);

/* What `level` lets out of `from`, into `out`, which the caller has cleared. */
void codec_disclose(const struct field *rows, unsigned level, const void *from, void *out);

struct span;
/* `s` made coarse; `unit` and `name` are those of its parameter, or "". */
struct span codec_coarse_span(enum coarse c, struct span s, const char *unit, const char *name);
/*
 * Whether `now` (as it is) differs from `told` (as it was disclosed) by more than a band, or in what is no
 * amount; `seen` is `now` as it would be disclosed.
 */
bool codec_differs(const struct field *rows, const void *told, const void *seen, const void *now);

const char *codec_choice_word(const struct choice *c, int value);

#endif
