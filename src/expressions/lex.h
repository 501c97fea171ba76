/* SPDX-License-Identifier: Apache-2.0 */
/* Words of an expression's text: numbers with their units, names, signs. */
#ifndef SYMBIONT_EXPRESSIONS_LEX_H
#define SYMBIONT_EXPRESSIONS_LEX_H

#include "symbiont/expression.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NUMBER, /* number, unit */
    TOKEN_NAME,   /* "x" or "meter.point" */
    TOKEN_IF,
    TOKEN_THEN,
    TOKEN_ELSE,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_TIMES,
    TOKEN_DIVIDE,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
};

struct token {
    enum token_kind kind;
    size_t start, length; /* bytes of the text */
    double number;
    const struct unit *unit; /* "" when none was written */
};

struct lexer {
    const char *text;
    size_t at;
    struct expression_error *error;
};

/* The next word; false with the error filled. */
bool lex(struct lexer *l, struct token *out);
/* Fills the error with the column of a byte of the text; returns false. */
bool lex_fail(const struct lexer *l, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A unit word where one is expected, without a number: "kW", "kWh/t". */
bool lex_unit(struct lexer *l, const struct unit **out);

#endif
