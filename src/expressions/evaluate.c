// SPDX-License-Identifier: Apache-2.0
// Running a compiled expression: one pass over its instructions on a small stack, unknown written as NaN.
#include <math.h>
#include <stdlib.h>
#include "program.h"
#include "symbiont/fluids.h"

// Three-valued: what is decided whatever the unknown turns out to be is known.
static double and_of(double a, double b)
{
    if (a == 0 || b == 0)
        return 0;
    return isnan(a) || isnan(b) ? NAN : 1;
}

static double or_of(double a, double b)
{
    if ((!isnan(a) && a != 0) || (!isnan(b) && b != 0))
        return 1;
    return isnan(a) || isnan(b) ? NAN : 0;
}

static double compare(uint8_t op, double a, double b)
{
    if (isnan(a) || isnan(b))
        return NAN;
    switch (op) {
    case OP_LESS:
        return a < b;
    case OP_LESS_EQUAL:
        return a <= b;
    case OP_GREATER:
        return a > b;
    case OP_GREATER_EQUAL:
        return a >= b;
    case OP_EQUAL:
        return a == b;
    default:
        return a != b;
    }
}

static double arithmetic(uint8_t op, double a, double b)
{
    switch (op) {
    case OP_ADD:
        return a + b;
    case OP_SUBTRACT:
        return a - b;
    case OP_MULTIPLY:
        return a * b;
    default:
        return a / b;
    }
}

static double extreme_of(uint8_t op, const double *x, size_t n)
{
    double best = x[0];
    for (size_t i = 1; i < n && !isnan(best); i++)
        if (isnan(x[i]) || (op == OP_MAX ? x[i] > best : x[i] < best))
            best = x[i];
    return best;
}

static double clamp(double x, double low, double high)
{
    if (isnan(x) || isnan(low) || isnan(high))
        return NAN;
    return fmin(fmax(x, low), high);
}

static double power(const struct instruction *i, const double *x)
{
    struct fluid fluid = {(enum fluid_kind)i->arg, i->k};
    double kw = i->op == OP_MASS_POWER
                    ? fluid_mass_power(&fluid, x[0], x[1], x[2])
                    : fluid_volume_power(&fluid, x[0], i->n & POWER_SENSOR_HOT ? x[1] : x[2], x[1], x[2]);
    return i->n & POWER_NEVER_NEGATIVE && kw < 0 ? 0 : kw;
}

static bool is_holiday(const struct expression_calendar *c, int64_t day)
{
    size_t low = 0, high = c->holiday_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->holidays[middle] < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->holiday_count && c->holidays[low] == day;
}

static double calendar(const struct expression_calendar *c, uint8_t field, int64_t t)
{
    struct civil local = zone_civil(c->zone, (struct utc){t});
    switch ((enum calendar_field)field) {
    case CALENDAR_HOUR:
        return local.hour;
    case CALENDAR_WEEKDAY:
        return local.weekday;
    case CALENDAR_MONTH:
        return local.month;
    case CALENDAR_HOLIDAY:
        return is_holiday(c, local.day_number);
    case CALENDAR_WORKDAY:
        return local.weekday <= 5 && !is_holiday(c, local.day_number);
    }
    return NAN;
}

static double input(const struct expression_state *s, size_t slot, int64_t t)
{
    int64_t hold = s->holds[slot];
    return hold == 0 || t - s->at[slot] <= hold ? s->values[slot] : NAN;
}

static double window(struct expression_state *s, size_t i, int64_t t, double v)
{
    struct window *w = &s->windows[i];
    if (s->dirty & w->spec->inputs)
        window_push(w, t, v);
    return window_result(w, t);
}

static double property(uint8_t op, double x)
{
    static const struct fluid water = {FLUID_WATER, 0};
    switch (op) {
    case OP_STEAM_ENTHALPY:
        return steam_enthalpy(x);
    case OP_WATER_ENTHALPY:
        return water_enthalpy(x);
    case OP_WATER_DENSITY:
        return fluid_density(&water, x);
    case OP_SATURATION_TEMPERATURE:
        return saturation_temperature(x);
    default:
        return saturation_pressure(x);
    }
}

// x points at the first operand; the result takes its place.
static double apply(const struct instruction *i, const double *x)
{
    switch ((enum op)i->op) {
    case OP_LINEAR:
        return x[0] * i->k + i->c;
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
        return arithmetic(i->op, x[0], x[1]);
    case OP_NEGATE:
        return -x[0];
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
    case OP_EQUAL:
    case OP_NOT_EQUAL:
        return compare(i->op, x[0], x[1]);
    case OP_AND:
        return and_of(x[0], x[1]);
    case OP_OR:
        return or_of(x[0], x[1]);
    case OP_NOT:
        return isnan(x[0]) ? NAN : x[0] == 0;
    case OP_IF:
        return isnan(x[0]) ? NAN : x[0] != 0 ? x[1] : x[2];
    case OP_MIN:
    case OP_MAX:
        return extreme_of(i->op, x, i->n);
    case OP_ABS:
        return fabs(x[0]);
    case OP_SQRT:
        return x[0] < 0 ? NAN : sqrt(x[0]);
    case OP_CLAMP:
        return clamp(x[0], x[1], x[2]);
    case OP_OR_ELSE:
        return isnan(x[0]) ? x[1] : x[0];
    case OP_KNOWN:
        return !isnan(x[0]);
    case OP_VOLUME_POWER:
    case OP_MASS_POWER:
        return power(i, x);
    case OP_STEAM_POWER:
        return x[0] / 3600 * (steam_enthalpy(x[1]) - water_enthalpy(x[2]));
    default:
        return property(i->op, x[0]);
    }
}

static size_t operands(const struct instruction *i)
{
    static const uint8_t count[] = {
        [OP_ADD] = 2,        [OP_SUBTRACT] = 2,    [OP_MULTIPLY] = 2, [OP_DIVIDE] = 2,
        [OP_LESS] = 2,       [OP_LESS_EQUAL] = 2,  [OP_GREATER] = 2,  [OP_GREATER_EQUAL] = 2,
        [OP_EQUAL] = 2,      [OP_NOT_EQUAL] = 2,   [OP_AND] = 2,      [OP_OR] = 2,
        [OP_IF] = 3,         [OP_CLAMP] = 3,       [OP_OR_ELSE] = 2,  [OP_VOLUME_POWER] = 3,
        [OP_MASS_POWER] = 3, [OP_STEAM_POWER] = 3, [OP_WINDOW] = 1,
    };
    if (i->op == OP_MIN || i->op == OP_MAX)
        return i->n;
    return count[i->op] ? count[i->op] : 1;
}

double code_run(const struct instruction *code, size_t n, struct expression_state *s, int64_t t)
{
    // Written before it is read: clearing it would cost as much as a short expression.
    double stack[MAX_STACK] __attribute__((uninitialized));
    size_t top = 0; // values on the stack
    stack[0] = NAN;
    for (size_t k = 0; k < n; k++) {
        const struct instruction *i = &code[k];
        double v;
        switch (i->op) {
        case OP_CONSTANT:
            stack[top++] = i->k;
            continue;
        case OP_INPUT:
            stack[top++] = input(s, i->arg, t);
            continue;
        case OP_CALENDAR:
            stack[top++] = calendar(&s->program->calendar, i->n, t);
            continue;
        case OP_WINDOW:
            stack[top - 1] = window(s, i->arg, t, stack[top - 1]);
            continue;
        default:
            top -= operands(i);
            v = apply(i, &stack[top]);
            // An overflow or a division by zero is no number anybody can use.
            stack[top++] = isfinite(v) ? v : NAN;
        }
    }
    // cppcheck-suppress uninitvar // a program has at least one instruction
    return stack[0];
}
