// SPDX-License-Identifier: Apache-2.0
// Calls that look back in time: avg(x, 15 min) and its family.
#include <string.h>
#include "calls.h"

static bool is_duration(const struct compiler *c)
{
    return c->token.kind == TOKEN_NUMBER && unit_compatible(c->token.unit, unit_find("s"));
}

static bool parse_duration(struct compiler *c, const struct function *f, int64_t *ms)
{
    if (!is_duration(c))
        return fail_at(c, c->token.start, "%s needs the length of a window, such as 15 min: %s", f->name,
                       f->signature);
    double factor, offset;
    unit_conversion(c->token.unit, unit_find("ms"), &factor, &offset);
    double v = c->token.number * factor;
    if (!(v >= 1000 && v <= 400.0 * 86400000))
        return fail_at(c, c->token.start, "the length of a window is from 1 s to 400 d");
    *ms = (int64_t)(v + 0.5);
    return advance_token(c);
}

// How long a value of the part is known, and how often one is expected.
static void timing_of(const struct compiler *c, const struct node *x, struct window_spec *spec,
                      int64_t *every)
{
    *every = 0;
    bool endless = false;
    for (size_t i = 0; i < c->slots; i++) {
        if (!(x->inputs >> i & 1))
            continue;
        const struct expression_source *s = &c->sources[i];
        endless |= s->hold_ms == 0;
        if (s->hold_ms > spec->hold_ms)
            spec->hold_ms = s->hold_ms;
        if (s->every_ms > 0 && (*every == 0 || s->every_ms < *every))
            *every = s->every_ms;
    }
    if (endless)
        spec->hold_ms = 0;
    // Counters are recognised where they stand alone; of a formula nobody knows what may fall.
    const struct instruction *last = &c->code[c->code_count - 1];
    if (c->code_count == x->start + 1 && last->op == OP_INPUT) {
        spec->counter = c->sources[last->arg].counter;
        spec->modulus = c->sources[last->arg].modulus;
    }
}

// What a window function makes of the unit of its part.
static bool window_unit(struct compiler *c, const struct function *f, struct node *x)
{
    const struct unit *hour = unit_find("h"), *unit = x->unit;
    bool of_boolean =
        f->n == WINDOW_AVG || f->n == WINDOW_INTEGRAL || f->n == WINDOW_COUNT || f->n == WINDOW_AGE;
    if (!unit && !of_boolean)
        return need_number(c, x, f->name);
    if (unit && unit_is_absolute(unit) && (f->n == WINDOW_SUM || f->n == WINDOW_INTEGRAL))
        return fail_at(c, x->at,
                       "a temperature in %s cannot be added up; subtract another temperature first, which "
                       "gives %s",
                       unit_text(unit), unit_text(unit_difference(unit)));
    switch ((enum window_function)f->n) {
    case WINDOW_INTEGRAL:
        unit = unit ? unit_multiply(unit, hour) : hour;
        break;
    case WINDOW_AVG:
        unit = unit ? unit : unit_find("");
        break;
    case WINDOW_COUNT:
        unit = unit_find("");
        break;
    case WINDOW_AGE:
        unit = unit_find("s");
        break;
    case WINDOW_STDDEV:
    case WINDOW_DELTA:
        unit = unit_difference(unit);
        break;
    case WINDOW_SLOPE:
    case WINDOW_RATE:
        unit = unit_divide(unit_difference(unit), hour);
        break;
    default:
        break;
    }
    x->unit = unit;
    return unit ? true : fail_at(c, x->at, "the unit of this %s is too large to keep", f->name);
}

static bool emit_window(struct compiler *c, const struct function *f, struct window_spec *spec,
                        struct node *x)
{
    int64_t every;
    if (x->inputs == 0)
        return fail_at(c, x->at, "%s needs something that is measured, not a constant", f->name);
    if (c->windows == EXPRESSION_MAX_WINDOWS)
        return fail_at(c, x->at, "the expression has too many windows: more than %d", EXPRESSION_MAX_WINDOWS);
    spec->function = f->n;
    spec->boolean = x->unit == NULL;
    spec->inputs = x->inputs;
    timing_of(c, x, spec, &every);
    if (!window_unit(c, f, x))
        return false;
    window_size(spec, every);
    c->specs[c->windows] = *spec;
    struct instruction i = {.op = OP_WINDOW, .arg = (uint16_t)c->windows++};
    // integral and rate of a part in another unit than the one multiplied with hours: a plain result, m3/h*h.
    return emit(c, x->start, i, 1) && (x->unit ? make_plain(c, x) : true);
}

// What follows the first argument of a window: its length, for a percentile which, and the coverage.
static bool parse_window_rest(struct compiler *c, const struct function *f, struct node *x)
{
    struct window_spec spec = {.fraction = 0.5, .coverage = 0.8};
    bool is_percentile = strcmp(f->name, "percentile") == 0;
    if (!parse_duration(c, f, &spec.length_ms) ||
        (is_percentile && (!parse_comma(c, f) || !parse_share(c, "which percentile", &spec.fraction))))
        return false;
    if (c->token.kind == TOKEN_COMMA && f->n != WINDOW_AGE &&
        (!advance_token(c) || !parse_share(c, "how much must be known", &spec.coverage)))
        return false;
    return parse_end(c, f) && emit_window(c, f, &spec, x);
}

bool parse_window(struct compiler *c, const struct function *f, struct node *out)
{
    return parse_expression(c, out) && parse_comma(c, f) && parse_window_rest(c, f, out);
}

bool parse_age(struct compiler *c, const struct function *f, struct node *out)
{
    if (!parse_expression(c, out))
        return false;
    if (c->token.kind == TOKEN_COMMA)
        return advance_token(c) && parse_window_rest(c, f, out);
    struct window_spec spec = {0};
    return parse_end(c, f) && emit_window(c, f, &spec, out);
}

// min(a, b) of numbers, or min(x, 15 min) over time. Where x is itself a time, the numbers are meant.
bool parse_extreme(struct compiler *c, const struct function *f, struct node *out)
{
    uint8_t n = 1;
    if (!parse_number_argument(c, f, out) || !parse_comma(c, f))
        return false;
    if (is_duration(c) && !unit_compatible(out->unit, unit_find("s")))
        return parse_window_rest(c, f, out);
    for (;;) {
        struct node next;
        if (!parse_expression(c, &next) || !unify(c, out, &next, next.at, "compare"))
            return false;
        out->inputs |= next.inputs;
        n++;
        if (c->token.kind != TOKEN_COMMA)
            break;
        if (!advance_token(c))
            return false;
    }
    return parse_end(c, f) && emit(c, out->start, (struct instruction){.op = f->op, .n = n}, n);
}
