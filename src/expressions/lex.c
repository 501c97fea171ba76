// SPDX-License-Identifier: Apache-2.0
// Cutting an expression's text into words; a number takes the unit written behind it along.
#include "lex.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "symbiont/text.h"

enum { MAX_UNIT = 64 };

static const struct {
    const char *word;
    enum token_kind kind;
} keywords[] = {
    {"if", TOKEN_IF}, {"then", TOKEN_THEN}, {"else", TOKEN_ELSE}, {"and", TOKEN_AND},
    {"or", TOKEN_OR}, {"not", TOKEN_NOT},   {"true", TOKEN_TRUE}, {"false", TOKEN_FALSE},
};

bool lex_fail(const struct lexer *l, size_t at, const char *format, ...)
{
    int column = 1; // characters, not bytes: a continuation byte of UTF-8 begins with the bits 10
    for (size_t i = 0; i < at; i++)
        column += ((unsigned char)l->text[i] & 0xC0) != 0x80;
    va_list args;
    va_start(args, format);
    l->error->column = column;
    vsnprintf(l->error->text, sizeof l->error->text, format, args);
    va_end(args);
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_letter(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

// Of units: letters, "%", and the bytes of °, µ, ², €.
static bool begins_unit(char c)
{
    return is_letter(c) || c == '%' || (unsigned char)c >= 0x80;
}

static size_t unit_word_length(const char *p)
{
    size_t n = 0;
    if (begins_unit(p[0]))
        while (begins_unit(p[n]) || is_digit(p[n]) || (p[n] == '^' && is_digit(p[n + 1])))
            n++;
    return n;
}

static enum token_kind keyword(const char *p, size_t n)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strlen(keywords[i].word) == n && memcmp(keywords[i].word, p, n) == 0)
            return keywords[i].kind;
    return TOKEN_NAME;
}

static const struct unit *unit_of(const char *p, size_t n)
{
    char word[MAX_UNIT];
    if (n >= sizeof word)
        return NULL;
    memcpy(word, p, n);
    word[n] = '\0';
    return unit_find(word);
}

// "kW", then "/h" or "*h" as long as no space is between and the whole is a unit: in "5 kW/flow" it is not.
static size_t longest_unit(const char *p, const struct unit **out)
{
    enum { PARTS = 6 };
    size_t ends[PARTS], parts = 0, n = unit_word_length(p);
    while (n && parts < PARTS && p[n] != '(' && p[n] != '.') {
        ends[parts++] = n;
        size_t more = p[n] == '/' || p[n] == '*' ? unit_word_length(p + n + 1) : 0;
        if (more == 0)
            break;
        n += 1 + more;
    }
    while (parts > 0)
        if ((*out = unit_of(p, ends[--parts])))
            return ends[parts];
    return 0;
}

static bool take_unit(struct lexer *l, const struct unit **out)
{
    const char *p = l->text + l->at;
    size_t n = longest_unit(p, out);
    l->at += n;
    if (n)
        return true;
    char word[MAX_UNIT];
    n = unit_word_length(p);
    snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), p);
    const char *near = unit_nearest(word);
    return lex_fail(l, l->at, "the unit \"%s\" is not known%s%s%s", word, near ? "; did you mean \"" : "",
                    near ? near : "", near ? "\"?" : "");
}

static void skip_space(struct lexer *l)
{
    l->at += strspn(l->text + l->at, " \t\r\n");
}

bool lex_unit(struct lexer *l, const struct unit **out)
{
    skip_space(l);
    if (!begins_unit(l->text[l->at]))
        return lex_fail(l, l->at, "a unit is expected here, such as kW");
    return take_unit(l, out);
}

static size_t number_length(const char *p)
{
    size_t n = strspn(p, "0123456789");
    if (p[n] == '.')
        n += 1 + strspn(p + n + 1, "0123456789");
    if (p[n] == 'e' || p[n] == 'E') {
        size_t sign = p[n + 1] == '-' || p[n + 1] == '+';
        size_t digits = strspn(p + n + 1 + sign, "0123456789");
        if (digits)
            n += 1 + sign + digits;
    }
    return n;
}

static bool lex_number(struct lexer *l, struct token *out)
{
    char digits[64];
    const char *p = l->text + l->at;
    size_t n = number_length(p);
    if (n >= sizeof digits)
        return lex_fail(l, l->at, "this number is too long");
    memcpy(digits, p, n);
    digits[n] = '\0';
    if (!text_number(digits, &out->number))
        return lex_fail(l, l->at, "\"%s\" is not a number that can be used", digits);
    l->at += n;
    out->kind = TOKEN_NUMBER;
    out->unit = unit_find("");
    size_t back = l->at;
    skip_space(l);
    size_t word = unit_word_length(l->text + l->at);
    if (word == 0 || keyword(l->text + l->at, word) != TOKEN_NAME) {
        l->at = back;
        return true;
    }
    return take_unit(l, &out->unit);
}

static size_t name_part_length(const char *p)
{
    size_t n = 0;
    if (is_lower(p[0]))
        while (is_lower(p[n]) || is_digit(p[n]) || p[n] == '_')
            n++;
    return n;
}

static bool lex_name(struct lexer *l, struct token *out)
{
    const char *p = l->text + l->at;
    size_t n = name_part_length(p);
    out->kind = keyword(p, n);
    if (out->kind == TOKEN_NAME && p[n] == '.') {
        size_t more = name_part_length(p + n + 1);
        if (more == 0)
            return lex_fail(l, l->at + n, "a point's name is expected after \".\"");
        n += 1 + more;
    }
    if (is_letter(p[n]) || (unsigned char)p[n] >= 0x80)
        return lex_fail(l, l->at + n, "names are made of a to z, 0 to 9 and _");
    if (n >= EXPRESSION_MAX_NAME)
        return lex_fail(l, l->at, "this name is too long");
    l->at += n;
    return true;
}

static bool lex_sign(struct lexer *l, struct token *out)
{
    static const struct {
        const char *sign;
        enum token_kind kind;
    } signs[] = {
        {"<=", TOKEN_LESS_EQUAL}, {">=", TOKEN_GREATER_EQUAL}, {"==", TOKEN_EQUAL}, {"!=", TOKEN_NOT_EQUAL},
        {"<", TOKEN_LESS},        {">", TOKEN_GREATER},        {"(", TOKEN_OPEN},   {")", TOKEN_CLOSE},
        {",", TOKEN_COMMA},       {"+", TOKEN_PLUS},           {"-", TOKEN_MINUS},  {"*", TOKEN_TIMES},
        {"/", TOKEN_DIVIDE},
    };
    static const struct {
        const char *sign, *advice;
    } others[] = {
        {"=", "write == to compare"},
        {"&&", "write and"},
        {"||", "write or"},
        {"!", "write not"},
        {"^", "write x * x for a square"},
        {"\"", "durations are written without quotes: 15 min"},
        {"?", "write if ... then ... else ..."},
    };
    const char *p = l->text + l->at;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strncmp(p, signs[i].sign, strlen(signs[i].sign)) == 0) {
            out->kind = signs[i].kind;
            l->at += strlen(signs[i].sign);
            return true;
        }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(p, others[i].sign, strlen(others[i].sign)) == 0)
            return lex_fail(l, l->at, "\"%s\" has no meaning here: %s", others[i].sign, others[i].advice);
    if (is_letter(*p))
        return lex_fail(l, l->at, "names are made of a to z, 0 to 9 and _, and units stand behind a number");
    if (*p > ' ' && *p < 0x7F)
        return lex_fail(l, l->at, "\"%c\" has no meaning here", *p);
    return lex_fail(l, l->at, "this character has no meaning here");
}

bool lex(struct lexer *l, struct token *out)
{
    skip_space(l);
    *out = (struct token){.start = l->at};
    char c = l->text[l->at];
    bool ok = true;
    if (c == '\0')
        out->kind = TOKEN_END;
    else if (is_digit(c) || (c == '.' && is_digit(l->text[l->at + 1])))
        ok = lex_number(l, out);
    else if (is_lower(c))
        ok = lex_name(l, out);
    else
        ok = lex_sign(l, out);
    out->length = l->at - out->start;
    return ok;
}
