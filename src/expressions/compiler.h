/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler in three files: compile.c reads the grammar, functions.c the calls, types.c knows which
 * units go together. It works in one pass: every part is emitted as it is read, and described by
 * a node.
 */
#ifndef SYMBIONT_EXPRESSIONS_COMPILER_H
#define SYMBIONT_EXPRESSIONS_COMPILER_H

#include "lex.h"
#include "program.h"

/* Deep enough for any formula a person writes, shallow enough for any stack. */
enum { MAX_NESTING = 40 };

struct compiler {
    struct lexer lexer;
    struct token token; /* the next one */
    const struct expression_names *names;
    size_t code_count, slots, windows;
    int depth; /* of the stack after the code so far */
    int nesting;
    struct instruction code[MAX_CODE];
    struct expression_source sources[EXPRESSION_MAX_INPUTS];
    char source_names[EXPRESSION_MAX_INPUTS][EXPRESSION_MAX_NAME];
    struct window_spec specs[EXPRESSION_MAX_WINDOWS];
};

/* A part of the expression whose code has been emitted: code[start .. code_count) leaves one value. */
struct node {
    const struct unit *unit; /* NULL: true or false */
    uint64_t inputs;         /* slots it depends on */
    size_t start;
    size_t at; /* where it stands in the text */
};

/* compile.c */
bool advance_token(struct compiler *c);
bool expect(struct compiler *c, enum token_kind kind, const char *what);
bool parse_expression(struct compiler *c, struct node *out);
bool parse_sum(struct compiler *c, struct node *out);
#define fail_at(c, at, ...) lex_fail(&(c)->lexer, at, __VA_ARGS__)

/* functions.c: a call; the name is the current token and "(" follows. */
bool parse_call(struct compiler *c, struct node *out);
bool is_function(const char *name);

/* types.c */
/* Emits `i`, which takes `takes` values and leaves one; constants are folded. */
bool emit(struct compiler *c, size_t start, struct instruction i, int takes);
/* "kW (power)", "a number", "true or false" */
const char *describe(const struct node *n, char *out, size_t size);
/* A node must be a number; `what` for the message: "\"+\"". */
bool need_number(struct compiler *c, const struct node *n, const char *what);
bool need_boolean(struct compiler *c, const struct node *n, const char *what);
/* Converts the part emitted last into `unit`; the caller has checked that it can. */
bool convert(struct compiler *c, struct node *n, const struct unit *unit);
/* Converts it or fails: "<what> needs pressure, such as bar, not m3/h (volume flow)". */
bool need_unit(struct compiler *c, struct node *n, const struct unit *unit, const char *what);
/* Converts the part emitted last to go with `with`: both numbers of one dimension, or both true or false. */
bool unify(struct compiler *c, const struct node *with, struct node *n, size_t at, const char *what);
bool add_nodes(struct compiler *c, struct node *a, struct node *b, bool subtract, size_t at);
bool multiply_nodes(struct compiler *c, struct node *a, struct node *b, bool divide, size_t at);
/* A pure number in % or ppm becomes one in 1, so that 80 % * 5 kW is in kW. */
bool make_plain(struct compiler *c, struct node *n);

#endif
