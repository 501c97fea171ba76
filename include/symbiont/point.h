/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A point: one number a meter can tell, and how it stands in the meter's registers. Decoding is
 * pure. It goes in two steps, because a number may depend on another register of the same meter (a
 * scale factor, a decimal point, a sign bit, the fraction of a total):
 *
 *     point_raw       when the answer arrives: bytes -> raw number, "not available" marker seen
 *     points_finish   when the cycle is complete: dependencies, scale, unit, plausibility
 */
#ifndef SYMBIONT_POINT_H
#define SYMBIONT_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/clock.h"
#include "symbiont/config.h"
#include "symbiont/cursor.h"
#include "symbiont/units.h"

/* The four Modbus tables; the value is the function code that reads it. */
enum modbus_table { TABLE_COIL = 1, TABLE_DISCRETE = 2, TABLE_HOLDING = 3, TABLE_INPUT = 4 };

enum point_type {
    POINT_INT16,
    POINT_UINT16,
    POINT_INT32,
    POINT_UINT32,
    POINT_INT64,
    POINT_UINT64,
    POINT_FLOAT32,
    POINT_FLOAT64,
    POINT_BOOL,   /* a coil or discrete input, or one bit of a register (`bit`) */
    POINT_BITS16, /* a bit field, published as an integer */
    POINT_BITS32,
    POINT_LOW_BYTE, /* unsigned 8 bits of one register */
    POINT_HIGH_BYTE,
    POINT_BCD16, /* 4, 8, 16 decimal digits */
    POINT_BCD32,
    POINT_BCD64,
    POINT_T5,      /* signed decimal exponent in the top byte, 24-bit unsigned mantissa */
    POINT_T6,      /* the same with a signed mantissa */
    POINT_STRING,  /* `words` registers, two characters each */
    POINT_DERIVED, /* no register: an expression over other points */
};

/* How the bytes of a value are laid on the wire. 64-bit names (abcdefgh, ghefcdab, badcfehg,
 * hgfedcba) mean the same flags. */
enum byte_order {
    ORDER_ABCD = 0,      /* big-endian, as Modbus says */
    ORDER_WORD_SWAP = 1, /* cdab: low word first */
    ORDER_BYTE_SWAP = 2, /* badc: bytes of each word swapped */
    ORDER_DCBA = 3,
};

/* Why there is no number. The words of reason_text are what MQTT's "bad", `status` and `read` show. */
enum reason {
    REASON_GOOD = 0,
    REASON_NOT_DUE, /* not asked in this cycle: neither value nor bad */
    REASON_NOT_YET, /* never read since start */
    REASON_TIMEOUT,
    REASON_DOWN, /* the unit is down: not asked */
    REASON_NO_CONNECTION,
    REASON_BAD_ANSWER,    /* failed a check: CRC, unit, function, length */
    REASON_EXCEPTION,     /* + code, see value.exception */
    REASON_NOT_AVAILABLE, /* the meter's own marker, NaN, infinity, invalid BCD */
    REASON_OUT_OF_RANGE,  /* outside the plausible range */
    REASON_DEPENDENCY,    /* a point it is computed from is bad */
    REASON_COUNTER,       /* the total made a step that is not explained (counter.h) */
};

struct value {
    double number;     /* in the point's published unit; undefined unless good */
    uint8_t reason;    /* enum reason */
    uint8_t exception; /* Modbus exception code when REASON_EXCEPTION, else 0 */
};

/* "timeout", "exception 2 (illegal data address)", ... Static or in a thread-local buffer. */
const char *reason_text(struct value v);

#define POINT_NONE UINT16_MAX /* no such dependency */

/* A row of a map from a code the meter reports to a factor. */
struct code_factor {
    int64_t code;
    double factor;
};

struct point {
    const char *name;
    const struct quantity *quantity;
    const char *phase;       /* "l1", "l12", ... or NULL */
    const char *description; /* the manual's words, or NULL */
    const struct unit *unit; /* published */
    struct place place;

    uint8_t table;    /* enum modbus_table */
    uint8_t type;     /* enum point_type */
    uint8_t order;    /* enum byte_order */
    uint8_t words;    /* registers (or 1 for a coil) */
    uint16_t address; /* 0-based, as on the wire */
    int8_t bit;       /* POINT_BOOL in a register: 0..15, else -1 */
    uint64_t mask;    /* 0: none; else value = (raw & mask) >> lowest set bit */

    /* published = raw * factor / divisor + offset: scale, ratios and unit conversion. Two numbers, because
     * 3 * 0.1 is 0.30000000000000004 and 3 / 10 is 0.3: see point_scale. divisor 0 counts as 1. */
    double factor, divisor, offset;
    double min, max;         /* plausible, in the published unit; -INFINITY, INFINITY: no limit */
    const uint64_t *markers; /* bit patterns (after ordering, before the mask; of low_byte and high_byte the
                              * byte) that mean "not available" */
    size_t marker_count;

    /* Dependencies: indices into the same meter's points, or POINT_NONE. rank 0: there are none, and the
     * indices are not looked at; else one more than the highest rank among them. */
    uint8_t rank;
    uint16_t exponent_point; /* times 10^value: SunSpec scale factors; with exponent_sign -1, decimals */
    int8_t exponent_sign;
    uint16_t factor_point; /* times the factor its code maps to; an unknown code is bad. POINT_NONE with a
                            * map: its own code is replaced by the factor */
    const struct code_factor *factor_map;
    size_t factor_count;
    uint16_t sign_point; /* negated when (value & sign_mask) != 0 */
    uint64_t sign_mask;
    uint16_t add_point;   /* plus that point's value: the fraction of a total */
    uint16_t order_point; /* word order is low word first when (value == order_code) */
    int64_t order_code;

    int64_t every_ns;       /* 0: the meter's own period */
    double modulus;         /* counters: value after which it starts at 0 again, published unit; 0: none */
    double max_rate;        /* counters: largest plausible rise per second, published unit; 0: none */
    bool hidden;            /* read because others need it, not published */
    bool integer;           /* a whole number for ever: InfluxDB integer field */
    bool single;            /* carries only float32 precision: see buf_number */
    const char *expression; /* POINT_DERIVED */
};

/* The longest chain of dependencies. */
#define POINT_RANK_MAX 4

/* Sets factor, divisor and offset so that published = raw * factor + offset with as little rounding as can
 * be: a factor that is a decimal fraction is applied as a whole number over a power of ten. */
void point_scale(struct point *p, double factor, double offset);

/* The words of `type` and `order` in profiles: "float32", "cdab" ("" where order means nothing). */
const char *point_type_word(const struct point *p);
const char *point_order_word(const struct point *p);

/* Registers a type takes; 0 for POINT_STRING (as many as it says) and POINT_DERIVED. */
unsigned point_type_words(enum point_type type);

/*
 * Bytes of the answer, from the point's first register, to a raw number. `data` holds words * 2 bytes; of a
 * coil or discrete input, one byte that is 0 or 1. Sets reason GOOD or NOT_AVAILABLE. POINT_STRING and
 * POINT_DERIVED have no number: NOT_AVAILABLE. Pure. `order` is the point's, or what point_order says.
 */
struct value point_raw(const struct point *p, uint8_t order, const uint8_t *data);

/* As point_raw, out of the data of a whole answer that begins with the register or coil `start` and is known
 * to contain the point. */
struct value point_from_answer(const struct point *p, uint8_t order, const uint8_t *answer, uint16_t start);

/* The order to decode points[i] with, when the device itself reports it (order_point); else the point's own.
 * raw and last as in points_finish. False: what it depends on is not known. */
bool point_order(const struct point *points, size_t i, const struct value *raw, const struct value *last,
                 uint8_t *order);

/* POINT_STRING: printable text, trailing spaces and NULs removed, at most 2*words characters into
 * out (size >= 2*words + 1). Bytes that are not printable ASCII become '?'. */
void point_string(const struct point *p, const uint8_t *data, char *out);

/*
 * From raw numbers to published ones. raw[i] belongs to points[i]; out[i] gets the value, or the
 * reason why not. A NOT_DUE raw stays NOT_DUE, but serves dependants with `last`, the raw value it
 * had when it was last read (may be NULL: then dependants of a NOT_DUE point are bad); its out[i].number
 * is then that last value, published, or NaN. out must not be raw or last.
 * Derived points are left NOT_DUE: the expression engine fills them. Text is GOOD or bad as raw says, its
 * number is 0. Pure, no allocation.
 */
void points_finish(const struct point *points, size_t n, const struct value *raw, const struct value *last,
                   struct value *out);

/* What the dependencies of points[i] multiply its raw number with now: 10^exponent and mapped factor (not the
 * sign); `out` as points_finish left it. 0 when not known. */
double point_multiplier(const struct point *points, size_t i, const struct value *out);

/*
 * The inverse of point_raw and of the plain scale, for the simulator: the registers that would make the point
 * read as `value` (published unit), dependencies aside. Writes words * 2 bytes, in the point's own order; for
 * a coil one byte, 0 or 1. A point that is part of a register (bit, mask, low_byte) leaves its other bits 0.
 * Returns false when the value does not fit the type, or would read as "not available".
 */
bool point_encode(const struct point *p, double value, uint8_t *data);

#endif
