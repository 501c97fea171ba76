// SPDX-License-Identifier: Apache-2.0
// The grammar: from text to a program, in one pass, every part checked as it is read.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compiler.h"
#include "symbiont/pack.h"

bool advance_token(struct compiler *c)
{
    return lex(&c->lexer, &c->token);
}

static bool unexpected(struct compiler *c, const char *what)
{
    if (c->token.kind == TOKEN_END)
        return fail_at(c, c->token.start, "%s is expected here, but the expression ends", what);
    return fail_at(c, c->token.start, "%s is expected here, not \"%.*s\"", what,
                   (int)(c->token.length > 40 ? 40 : c->token.length), c->lexer.text + c->token.start);
}

bool expect(struct compiler *c, enum token_kind kind, const char *what)
{
    return c->token.kind == kind ? advance_token(c) : unexpected(c, what);
}

static bool enter(struct compiler *c)
{
    if (++c->nesting > MAX_NESTING)
        return fail_at(c, c->token.start, "the expression is nested too deeply: more than %d levels",
                       MAX_NESTING);
    return true;
}

static struct node node_here(const struct compiler *c)
{
    return (struct node){.start = c->code_count, .at = c->token.start};
}

// ---- Names ----

static bool find_slot(struct compiler *c, const char *name, size_t *slot)
{
    for (*slot = 0; *slot < c->slots; (*slot)++)
        if (strcmp(c->source_names[*slot], name) == 0)
            return true;
    if (c->slots == EXPRESSION_MAX_INPUTS)
        return fail_at(c, c->token.start, "the expression has too many names: more than %d",
                       EXPRESSION_MAX_INPUTS);
    char why[200] = "";
    struct expression_source *source = &c->sources[c->slots];
    *source = (struct expression_source){0};
    // A point may be called as a function is: "thermal_power" is both.
    bool known = c->names->resolve(c->names->arg, name, source, why, sizeof why);
    if (!known && is_function(name))
        return fail_at(c, c->token.start, "\"%s\" is a function: write %s(...)", name, name);
    if (!known)
        return fail_at(c, c->token.start, "%s", why[0] ? why : "this name is not known");
    // Kept far from overflow: thirty years.
    const int64_t most = INT64_C(946080000000);
    if (source->hold_ms < 0 || source->hold_ms > most)
        source->hold_ms = source->hold_ms < 0 ? 0 : most;
    snprintf(c->source_names[c->slots++], EXPRESSION_MAX_NAME, "%s", name);
    return true;
}

static bool parse_name(struct compiler *c, struct node *out)
{
    char name[EXPRESSION_MAX_NAME];
    size_t slot;
    snprintf(name, sizeof name, "%.*s", (int)c->token.length, c->lexer.text + c->token.start);
    if (!find_slot(c, name, &slot))
        return false;
    out->unit = c->sources[slot].unit;
    out->inputs = UINT64_C(1) << slot;
    return emit(c, out->start, (struct instruction){.op = OP_INPUT, .arg = (uint16_t)slot}, 0) &&
           advance_token(c);
}

// ---- Primaries ----

static bool parse_number(struct compiler *c, bool negative, struct node *out)
{
    double v = negative ? -c->token.number : c->token.number;
    out->unit = c->token.unit;
    return emit(c, out->start, (struct instruction){.op = OP_CONSTANT, .k = v}, 0) && advance_token(c);
}

static bool call_follows(const struct compiler *c)
{
    const char *p = c->lexer.text + c->lexer.at;
    return p[strspn(p, " \t\r\n")] == '(';
}

static bool parse_primary(struct compiler *c, struct node *out)
{
    *out = node_here(c);
    switch (c->token.kind) {
    case TOKEN_NUMBER:
        return parse_number(c, false, out);
    case TOKEN_NAME:
        return call_follows(c) ? parse_call(c, out) : parse_name(c, out);
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        return emit(c, out->start, (struct instruction){.op = OP_CONSTANT, .k = c->token.kind == TOKEN_TRUE},
                    0) &&
               advance_token(c);
    case TOKEN_OPEN:
        return advance_token(c) && parse_expression(c, out) && expect(c, TOKEN_CLOSE, "\")\"");
    case TOKEN_IF:
        return fail_at(c, c->token.start, "put parentheses around an \"if\" inside a formula");
    default:
        return unexpected(c, "a number, a name or \"(\"");
    }
}

static bool parse_unary(struct compiler *c, struct node *out)
{
    if (c->token.kind != TOKEN_MINUS)
        return parse_primary(c, out);
    *out = node_here(c);
    if (!enter(c) || !advance_token(c))
        return false;
    if (c->token.kind == TOKEN_NUMBER) { // -5 degC is a temperature below zero, not zero less one
        c->nesting--;
        return parse_number(c, true, out);
    }
    if (!parse_unary(c, out) || !need_number(c, out, "\"-\""))
        return false;
    if (unit_is_absolute(out->unit))
        return fail_at(c, out->at, "a temperature in %s has no opposite; subtract it from another one",
                       unit_text(out->unit));
    c->nesting--;
    return emit(c, out->start, (struct instruction){.op = OP_NEGATE}, 1);
}

// ---- Operators, from the tightest to the loosest ----

static bool parse_product(struct compiler *c, struct node *out)
{
    if (!parse_unary(c, out))
        return false;
    while (c->token.kind == TOKEN_TIMES || c->token.kind == TOKEN_DIVIDE) {
        bool divide = c->token.kind == TOKEN_DIVIDE;
        size_t at = c->token.start;
        struct node right;
        if (!need_number(c, out, divide ? "\"/\"" : "\"*\"") || !make_plain(c, out) || !advance_token(c) ||
            !parse_unary(c, &right) || !multiply_nodes(c, out, &right, divide, at))
            return false;
    }
    return true;
}

bool parse_sum(struct compiler *c, struct node *out)
{
    if (!parse_product(c, out))
        return false;
    while (c->token.kind == TOKEN_PLUS || c->token.kind == TOKEN_MINUS) {
        bool subtract = c->token.kind == TOKEN_MINUS;
        size_t at = c->token.start;
        struct node right;
        if (!advance_token(c) || !parse_product(c, &right) || !add_nodes(c, out, &right, subtract, at))
            return false;
    }
    return true;
}

static bool is_comparison(enum token_kind kind)
{
    return kind >= TOKEN_LESS && kind <= TOKEN_NOT_EQUAL;
}

static bool parse_comparison(struct compiler *c, struct node *out)
{
    if (!parse_sum(c, out))
        return false;
    if (!is_comparison(c->token.kind))
        return true;
    enum token_kind kind = c->token.kind;
    size_t at = c->token.start;
    struct node right;
    if (!advance_token(c) || !parse_sum(c, &right) || !unify(c, out, &right, at, "compare"))
        return false;
    if (!out->unit && kind != TOKEN_EQUAL && kind != TOKEN_NOT_EQUAL)
        return fail_at(c, at, "true and false are not ordered; use == or !=");
    if (is_comparison(c->token.kind))
        return fail_at(c, c->token.start, "comparisons cannot be chained; write a < b and b < c");
    static const uint8_t ops[] = {OP_LESS,          OP_LESS_EQUAL, OP_GREATER,
                                  OP_GREATER_EQUAL, OP_EQUAL,      OP_NOT_EQUAL};
    out->inputs |= right.inputs;
    out->unit = NULL;
    return emit(c, out->start, (struct instruction){.op = ops[kind - TOKEN_LESS]}, 2);
}

static bool parse_not(struct compiler *c, struct node *out)
{
    if (c->token.kind != TOKEN_NOT)
        return parse_comparison(c, out);
    size_t at = c->token.start;
    if (!enter(c) || !advance_token(c) || !parse_not(c, out) || !need_boolean(c, out, "\"not\""))
        return false;
    out->at = at;
    c->nesting--;
    return emit(c, out->start, (struct instruction){.op = OP_NOT}, 1);
}

static bool parse_logic(struct compiler *c, struct node *out, enum token_kind kind)
{
    const char *what = kind == TOKEN_AND ? "\"and\"" : "\"or\"";
    bool first = true;
    for (;;) {
        struct node part;
        if (!(kind == TOKEN_OR ? parse_logic(c, &part, TOKEN_AND) : parse_not(c, &part)))
            return false;
        if (first)
            *out = part;
        else if (!need_boolean(c, &part, what))
            return false;
        out->inputs |= part.inputs;
        if (!first && !emit(c, out->start, (struct instruction){.op = kind == TOKEN_AND ? OP_AND : OP_OR}, 2))
            return false;
        if (c->token.kind != kind)
            return true;
        if (!need_boolean(c, out, what) || !advance_token(c))
            return false;
        first = false;
    }
}

static bool parse_if(struct compiler *c, struct node *out)
{
    *out = node_here(c);
    struct node condition, yes, no;
    if (!advance_token(c) || !parse_expression(c, &condition) || !need_boolean(c, &condition, "\"if\"") ||
        !expect(c, TOKEN_THEN, "\"then\"") || !parse_expression(c, &yes) ||
        !expect(c, TOKEN_ELSE, "\"else\"") || !parse_expression(c, &no) ||
        !unify(c, &yes, &no, no.at, "choose between"))
        return false;
    out->unit = yes.unit;
    out->inputs = condition.inputs | yes.inputs | no.inputs;
    return emit(c, out->start, (struct instruction){.op = OP_IF}, 3);
}

bool parse_expression(struct compiler *c, struct node *out)
{
    if (!enter(c))
        return false;
    bool ok = c->token.kind == TOKEN_IF ? parse_if(c, out) : parse_logic(c, out, TOKEN_OR);
    c->nesting--;
    return ok;
}

// ---- The program ----

static uint64_t fingerprint(const struct compiler *c)
{
    uint64_t hash = fnv1a_text(FNV_BASIS, c->lexer.text);
    for (size_t i = 0; i < c->slots; i++) {
        const struct expression_source *s = &c->sources[i];
        hash = fnv1a_text(hash, c->source_names[i]);
        hash = fnv1a_text(hash, s->unit ? unit_text(s->unit) : "boolean");
        hash = fnv1a(hash, &s->hold_ms, sizeof s->hold_ms);
        hash = fnv1a(hash, &s->every_ms, sizeof s->every_ms);
        hash = fnv1a(hash, &s->counter, sizeof s->counter);
        hash = fnv1a(hash, &s->modulus, sizeof s->modulus);
    }
    return hash;
}

static void *copy(const void *from, size_t bytes)
{
    void *to = malloc(bytes ? bytes : 1);
    return to ? memcpy(to, from, bytes) : NULL;
}

static struct expression *finish(const struct compiler *c, const struct node *result,
                                 const struct expression_calendar *calendar)
{
    struct expression *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->unit = result->unit;
    e->fingerprint = fingerprint(c);
    e->code_count = c->code_count;
    e->slots = c->slots;
    e->windows = c->windows;
    if (calendar)
        e->calendar = *calendar;
    for (size_t i = 0; i < c->code_count; i++)
        e->uses_calendar |= c->code[i].op == OP_CALENDAR;
    e->code = copy(c->code, c->code_count * sizeof *c->code);
    e->sources = copy(c->sources, c->slots * sizeof *c->sources);
    e->names = copy(c->source_names, c->slots * sizeof *c->source_names);
    e->specs = copy(c->specs, c->windows * sizeof *c->specs);
    if (e->code && e->sources && e->names && e->specs)
        return e;
    expression_free(e);
    return NULL;
}

static bool fits(struct compiler *c, struct node *result, const struct expression_wanted *wanted)
{
    char text[160];
    if (!wanted)
        return true;
    if (!wanted->unit)
        return need_boolean(c, result, "the result");
    if (result->unit && unit_compatible(result->unit, wanted->unit))
        return convert(c, result, wanted->unit);
    struct node want = {.unit = wanted->unit};
    char wish[160];
    return fail_at(c, result->at, "the result is %s, but %s is wanted", describe(result, text, sizeof text),
                   describe(&want, wish, sizeof wish));
}

static bool parse_all(struct compiler *c, struct node *result)
{
    if (strlen(c->lexer.text) > EXPRESSION_MAX_TEXT)
        return fail_at(c, 0, "the expression is too long: more than %d bytes", EXPRESSION_MAX_TEXT);
    if (!advance_token(c) || !parse_expression(c, result))
        return false;
    return c->token.kind == TOKEN_END || unexpected(c, "an operator or the end");
}

struct expression *expression_compile(const char *text, const struct expression_names *names,
                                      const struct expression_calendar *calendar,
                                      const struct expression_wanted *wanted, struct expression_error *error)
{
    *error = (struct expression_error){0};
    struct compiler *c = calloc(1, sizeof *c);
    struct expression *e = NULL;
    struct node result;
    if (c) {
        c->lexer = (struct lexer){.text = text, .error = error};
        c->names = names;
        if (parse_all(c, &result) && fits(c, &result, wanted))
            e = finish(c, &result, calendar);
    }
    if (!e && !error->text[0])
        *error = (struct expression_error){.column = 1, .text = "out of memory"};
    free(c);
    return e;
}

void expression_free(struct expression *e)
{
    if (!e)
        return;
    free(e->code);
    free(e->sources);
    free(e->names);
    free(e->specs);
    free(e);
}

// ---- Asking a program ----

const struct unit *expression_unit(const struct expression *e)
{
    return e->unit;
}

size_t expression_slots(const struct expression *e)
{
    return e->slots;
}

const struct expression_source *expression_source(const struct expression *e, size_t slot)
{
    return slot < e->slots ? &e->sources[slot] : NULL;
}

const char *expression_name(const struct expression *e, size_t slot)
{
    return slot < e->slots ? e->names[slot] : NULL;
}

int64_t expression_window_ms(const struct expression *e)
{
    int64_t longest = 0;
    for (size_t i = 0; i < e->windows; i++)
        if (e->specs[i].length_ms > longest)
            longest = e->specs[i].length_ms;
    return longest;
}
