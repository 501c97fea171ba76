/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled expression: a flat list of stack instructions, evaluated from the first to the last. */
#ifndef SYMBIONT_EXPRESSIONS_PROGRAM_H
#define SYMBIONT_EXPRESSIONS_PROGRAM_H

#include "symbiont/expression.h"
#include "window.h"

enum { MAX_CODE = 512, MAX_STACK = 32 };

/* Every branch is evaluated: windows must be fed whichever way an `if` goes, and without jumps there is
 * nothing that could loop. x, y, z are the topmost values of the stack, the last named uppermost. */
enum op {
    OP_CONSTANT, /* k */
    OP_INPUT,    /* the value of slot arg */
    OP_LINEAR,   /* x * k + c */
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_NEGATE,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_AND,
    OP_OR,
    OP_NOT,
    OP_IF,  /* x ? y : z */
    OP_MIN, /* of n values */
    OP_MAX, /* of n values */
    OP_ABS,
    OP_SQRT,
    OP_CLAMP,   /* x within y and z */
    OP_OR_ELSE, /* x, or y when x is unknown */
    OP_KNOWN,
    OP_VOLUME_POWER,           /* flow m3/h, hot, cold degC -> kW; arg fluid kind, k percent, n flags */
    OP_MASS_POWER,             /* flow kg/h, hot, cold degC -> kW; likewise */
    OP_STEAM_POWER,            /* flow kg/h, pressure bar, feed degC -> kW */
    OP_STEAM_ENTHALPY,         /* bar -> kJ/kg */
    OP_WATER_ENTHALPY,         /* degC -> kJ/kg */
    OP_WATER_DENSITY,          /* degC -> kg/m3 */
    OP_SATURATION_TEMPERATURE, /* bar -> degC */
    OP_SATURATION_PRESSURE,    /* degC -> bar */
    OP_CALENDAR,               /* n: enum calendar_field */
    OP_WINDOW,                 /* x sampled into window arg, whose answer replaces it */
};

enum { POWER_SENSOR_HOT = 1, POWER_NEVER_NEGATIVE = 2 };

enum calendar_field { CALENDAR_HOUR, CALENDAR_WEEKDAY, CALENDAR_MONTH, CALENDAR_HOLIDAY, CALENDAR_WORKDAY };

struct instruction {
    uint8_t op, n;
    uint16_t arg;
    double k, c;
};

struct expression {
    struct expression_calendar calendar;
    const struct unit *unit;
    uint64_t fingerprint; /* of everything a saved state depends on */
    size_t code_count, slots, windows;
    bool uses_calendar;
    struct instruction *code;
    struct expression_source *sources;
    char (*names)[EXPRESSION_MAX_NAME];
    struct window_spec *specs;
};

/*
 * One block of memory: what an evaluation touches stands together, with copies of the program's code, holds
 * and window specs, so that thousands of states are not thousands of cache misses each; the windows' rings
 * follow.
 */
struct expression_state {
    const struct expression *program;
    int64_t now;       /* the latest time seen, ms */
    uint64_t dirty;    /* slots fed at `now` and not yet taken into windows */
    uint64_t booleans; /* slots that are true or false */
    uint16_t slots, code_count, window_count, hot_lines; /* hot_lines: of 64 bytes, up to the rings */
    bool started;                                        /* now is valid */
    bool uses_calendar;
    double *values; /* as last fed, by slot */
    int64_t *at;    /* when */
    int64_t *holds; /* how long known, ms; 0: until the next */
    struct instruction *code;
    struct window *windows;
    struct expression_counts counts;
};

/* The year 33,000: keeps every sum of times far from overflow. */
#define LATEST_MS INT64_C(1000000000000000)

/* Takes over what another state of the same program remembers. */
void expression_state_copy(struct expression_state *to, const struct expression_state *from);

/* Runs code over a state at time t; an empty one for code without inputs, windows and calendar. */
double code_run(const struct instruction *code, size_t n, struct expression_state *s, int64_t t);

#endif
