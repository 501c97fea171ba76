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
    POINT_BOOL,      /* a coil or discrete input, or one bit of a register (`bit`) */
    POINT_BITS16,    /* a bit field, published as an integer */
    POINT_BITS32,
    POINT_LOW_BYTE,  /* unsigned 8 bits of one register */
    POINT_HIGH_BYTE,
    POINT_BCD16,     /* 4, 8, 16 decimal digits */
    POINT_BCD32,
    POINT_BCD64,
    POINT_T5,        /* signed decimal exponent in the top byte, 24-bit unsigned mantissa */
    POINT_T6,        /* the same with a signed mantissa */
    POINT_STRING,    /* `words` registers, two characters each */
    POINT_DERIVED,   /* no register: an expression over other points */
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
    REASON_NOT_DUE,       /* not asked in this cycle: neither value nor bad */
    REASON_NOT_YET,       /* never read since start */
    REASON_TIMEOUT,
    REASON_DOWN,          /* the unit is down: not asked */
    REASON_NO_CONNECTION,
    REASON_BAD_ANSWER,    /* failed a check: CRC, unit, function, length */
    REASON_EXCEPTION,     /* + code, see value.exception */
    REASON_NOT_AVAILABLE, /* the meter's own marker, NaN, infinity, invalid BCD */
    REASON_OUT_OF_RANGE,  /* outside the plausible range */
    REASON_DEPENDENCY,    /* a point it is computed from is bad */
    REASON_COUNTER,       /* the total made a step that is not explained (counter.h) */
};

struct value {
    double number; /* in the point's published unit; undefined unless good */
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
    const char *phase; /* "l1", "l12", ... or NULL */
    const struct unit *unit; /* published */
    struct place place;

    uint8_t table; /* enum modbus_table */
    uint8_t type;  /* enum point_type */
    uint8_t order; /* enum byte_order */
    uint8_t words; /* registers (or 1 for a coil) */
    uint16_t address; /* 0-based, as on the wire */
    int8_t bit;       /* POINT_BOOL in a register: 0..15, else -1 */
    uint64_t mask;    /* 0: none; else value = (raw & mask) >> lowest set bit */

    double factor, offset; /* published = raw * factor + offset: scale, ratios and unit conversion */
    double min, max;       /* plausible, in the published unit; -INFINITY, INFINITY: no limit */
    const uint64_t *markers; /* bit patterns (after ordering) that mean "not available" */
    size_t marker_count;

    /* Dependencies: indices into the same meter's points, or POINT_NONE. */
    uint16_t exponent_point; /* times 10^value: SunSpec scale factors; with exponent_sign -1, decimals */
    int8_t exponent_sign;
    uint16_t factor_point;   /* times the factor its code maps to; an unknown code is bad */
    const struct code_factor *factor_map;
    size_t factor_count;
    uint16_t sign_point;     /* negated when (value & sign_mask) != 0 */
    uint64_t sign_mask;
    uint16_t add_point;      /* plus that point's value: the fraction of a total */
    uint16_t order_point;    /* word order is low word first when (value == order_code) */
    int64_t order_code;

    int64_t every_ns;  /* 0: the meter's own period */
    double modulus;    /* counters: value after which it starts at 0 again, published unit; 0: none */
    double max_rate;   /* counters: largest plausible rise per second, published unit; 0: none */
    bool hidden;       /* read because others need it, not published */
    bool integer;      /* a whole number for ever: InfluxDB integer field */
    bool single;       /* carries only float32 precision: see buf_number */
    const char *expression; /* POINT_DERIVED */
};

/*
 * Bytes of the answer, from the point's first register (or holding its coil bit, see coil_bit) to a
 * raw number. `data` holds exactly words * 2 bytes. Sets reason GOOD or NOT_AVAILABLE. For text
 * use point_string. Pure. `order` is the point's, or the one the device reported.
 */
struct value point_raw(const struct point *p, uint8_t order, const uint8_t *data);

/* POINT_STRING: printable text, trailing spaces and NULs removed, at most 2*words characters into
 * out (size >= 2*words + 1). Bytes that are not printable ASCII become '?'. */
void point_string(const struct point *p, const uint8_t *data, char *out);

/*
 * From raw numbers to published ones. raw[i] belongs to points[i]; out[i] gets the value, or the
 * reason why not. A NOT_DUE raw stays NOT_DUE, but serves dependants with `last`, the raw value it
 * had when it was last read (may be NULL: then dependants of a NOT_DUE point are bad).
 * Derived points are left NOT_DUE: the expression engine fills them. Pure, no allocation.
 */
void points_finish(const struct point *points, size_t n, const struct value *raw, const struct value *last,
                   struct value *out);

/*
 * The inverse of point_raw and of the plain scale, for the simulator: the registers that would make the point
 * read as `value` (published unit), dependencies aside. Writes words * 2 bytes. Returns false when
 * the value does not fit the type.
 */
bool point_encode(const struct point *p, double value, uint8_t *data);

#endif
