// SPDX-License-Identifier: Apache-2.0
// Which units go together, and the code that brings them together.
#include <math.h>
#include <stdio.h>
#include "compiler.h"

// ---- Emitting ----

static bool foldable(uint8_t op)
{
    return op != OP_CONSTANT && op != OP_INPUT && op != OP_WINDOW && op != OP_CALENDAR;
}

// What is computed from constants alone is computed now.
static bool fold(struct compiler *c, size_t start)
{
    for (size_t i = start; i + 1 < c->code_count; i++)
        if (c->code[i].op != OP_CONSTANT)
            return true;
    struct expression_state none = {.program = NULL}; // nothing that is foldable asks it
    double v = code_run(&c->code[start], c->code_count - start, &none, 0);
    if (isnan(v) && c->code[c->code_count - 1].op != OP_KNOWN)
        return fail_at(c, c->token.start,
                       "the constant part before this has no value: a division by zero, or "
                       "outside the range of its function");
    c->code[start] = (struct instruction){.op = OP_CONSTANT, .k = v};
    c->code_count = start + 1;
    return true;
}

bool emit(struct compiler *c, size_t start, struct instruction i, int takes)
{
    if (c->code_count == MAX_CODE)
        return fail_at(c, c->token.start, "the expression is too long: more than %d steps", MAX_CODE);
    c->code[c->code_count++] = i;
    c->depth += 1 - takes;
    if (c->depth > MAX_STACK)
        return fail_at(c, c->token.start,
                       "the expression has too many parts waiting for each other; use fewer "
                       "parentheses or arguments");
    return takes == 0 || !foldable(i.op) || fold(c, start);
}

// ---- Describing ----

const char *describe(const struct node *n, char *out, size_t size)
{
    if (!n->unit)
        snprintf(out, size, "true or false");
    else if (!unit_text(n->unit)[0])
        snprintf(out, size, "a plain number");
    else
        snprintf(out, size, "%s (%s)", unit_text(n->unit), unit_dimension(n->unit));
    return out;
}

// Said where it is the likely reason.
static const char *advice(const struct node *a, const struct node *b)
{
    if (!a->unit || !b->unit)
        return "";
    bool plain_a = !unit_text(a->unit)[0], plain_b = !unit_text(b->unit)[0];
    if (plain_a != plain_b)
        return "; write the unit behind the number";
    if (unit_is_absolute(a->unit) != unit_is_absolute(b->unit) &&
        unit_compatible(unit_difference(a->unit), unit_difference(b->unit)))
        return "; K is a difference of temperatures, degC a temperature";
    return "";
}

bool need_number(struct compiler *c, const struct node *n, const char *what)
{
    return n->unit ? true : fail_at(c, n->at, "%s needs a number, not true or false", what);
}

bool need_boolean(struct compiler *c, const struct node *n, const char *what)
{
    char text[160];
    return !n->unit ? true
                    : fail_at(c, n->at, "%s needs true or false, not %s; compare it with something", what,
                              describe(n, text, sizeof text));
}

// ---- Converting ----

bool convert(struct compiler *c, struct node *n, const struct unit *unit)
{
    double factor, offset;
    if (n->unit == unit)
        return true;
    if (!unit_conversion(n->unit, unit, &factor, &offset))
        return fail_at(c, n->at, "%s cannot be given in %s", unit_text(n->unit), unit_text(unit));
    n->unit = unit;
    if (factor == 1 && offset == 0)
        return true;
    return emit(c, n->start, (struct instruction){.op = OP_LINEAR, .k = factor, .c = offset}, 1);
}

bool need_unit(struct compiler *c, struct node *n, const struct unit *unit, const char *what)
{
    char text[160];
    if (n->unit && unit_compatible(n->unit, unit))
        return convert(c, n, unit);
    if (!unit_text(unit)[0])
        return fail_at(c, n->at, "%s needs a plain number, not %s", what, describe(n, text, sizeof text));
    return fail_at(c, n->at, "%s needs %s, such as %s, not %s", what, unit_dimension(unit), unit_text(unit),
                   describe(n, text, sizeof text));
}

bool unify(struct compiler *c, const struct node *with, struct node *n, size_t at, const char *what)
{
    char a[160], b[160];
    if (!with->unit && !n->unit)
        return true;
    if (!with->unit || !n->unit || !unit_compatible(with->unit, n->unit))
        return fail_at(c, at, "cannot %s %s and %s%s", what, describe(with, a, sizeof a),
                       describe(n, b, sizeof b), advice(with, n));
    return convert(c, n, with->unit);
}

bool make_plain(struct compiler *c, struct node *n)
{
    const struct unit *plain = unit_find("");
    return unit_compatible(n->unit, plain) ? convert(c, n, plain) : true;
}

// ---- Arithmetic ----

// A temperature plus a difference is a temperature; the difference of two temperatures is a difference.
static bool temperatures(struct compiler *c, struct node *a, struct node *b, bool subtract, size_t at,
                         const struct unit **result)
{
    bool x = unit_is_absolute(a->unit), y = unit_is_absolute(b->unit);
    if (x && y && !subtract)
        return fail_at(c, at, "two temperatures cannot be added; one must be a difference in K");
    if (x && y && unit_compatible(a->unit, b->unit)) {
        *result = unit_difference(a->unit);
        return convert(c, b, a->unit);
    }
    if (x && !y && unit_compatible(unit_difference(a->unit), b->unit)) {
        *result = a->unit;
        return convert(c, b, unit_difference(a->unit));
    }
    if (y && !x && !subtract && unit_compatible(unit_difference(b->unit), a->unit)) {
        *result = b->unit;
        // a's code lies before b's and can no longer be converted.
        double factor, offset;
        unit_conversion(a->unit, unit_difference(b->unit), &factor, &offset);
        return factor == 1 ? true
                           : fail_at(c, at, "write the temperature first and the difference behind it");
    }
    char p[160], q[160];
    return fail_at(c, at, "cannot %s %s %s %s%s", subtract ? "subtract" : "add",
                   describe(subtract ? b : a, p, sizeof p), subtract ? "from" : "and",
                   describe(subtract ? a : b, q, sizeof q),
                   y && !x && subtract ? "; a temperature cannot be taken from a difference" : advice(a, b));
}

bool add_nodes(struct compiler *c, struct node *a, struct node *b, bool subtract, size_t at)
{
    char p[160], q[160];
    const char *sign = subtract ? "\"-\"" : "\"+\"";
    if (!need_number(c, a, sign) || !need_number(c, b, sign))
        return false;
    const struct unit *result = a->unit;
    if (unit_is_absolute(a->unit) || unit_is_absolute(b->unit)) {
        if (!temperatures(c, a, b, subtract, at, &result))
            return false;
    } else if (!unit_compatible(a->unit, b->unit)) {
        return fail_at(c, at, "cannot %s %s %s %s%s", subtract ? "subtract" : "add",
                       describe(subtract ? b : a, p, sizeof p), subtract ? "from" : "and",
                       describe(subtract ? a : b, q, sizeof q), advice(a, b));
    } else if (!convert(c, b, a->unit)) {
        return false;
    }
    a->inputs |= b->inputs;
    if (!emit(c, a->start, (struct instruction){.op = subtract ? OP_SUBTRACT : OP_ADD}, 2))
        return false;
    a->unit = result;
    return true;
}

static bool refuse_temperature(struct compiler *c, const struct node *n, const char *verb)
{
    if (!unit_is_absolute(n->unit))
        return true;
    return fail_at(c, n->at,
                   "a temperature in %s cannot be %s; subtract another temperature first, which gives %s",
                   unit_text(n->unit), verb, unit_text(unit_difference(n->unit)));
}

bool multiply_nodes(struct compiler *c, struct node *a, struct node *b, bool divide, size_t at)
{
    const char *sign = divide ? "\"/\"" : "\"*\"", *verb = divide ? "divided" : "multiplied";
    if (!need_number(c, a, sign) || !need_number(c, b, sign) || !refuse_temperature(c, a, verb) ||
        !refuse_temperature(c, b, verb) || !make_plain(c, b))
        return false;
    const struct unit *result = divide ? unit_divide(a->unit, b->unit) : unit_multiply(a->unit, b->unit);
    if (!result)
        return fail_at(c, at, "the unit of this %s is too large to keep", divide ? "quotient" : "product");
    if (!emit(c, a->start, (struct instruction){.op = divide ? OP_DIVIDE : OP_MULTIPLY}, 2))
        return false;
    a->inputs |= b->inputs;
    a->unit = result;
    return make_plain(c, a);
}
