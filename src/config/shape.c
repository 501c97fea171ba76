// SPDX-License-Identifier: Apache-2.0
// Tells in words where the brackets, commas and equal signs go wrong; libconfig says "syntax error".
#include "config/tree.h"

#include <string.h>

struct shape {
    const struct token *begin, *at;
    struct diagnostics *diag;
    int depth;
};

static bool is_mark(const struct token *t, char mark)
{
    return t->type == TOKEN_MARK && *t->text == mark;
}

static bool is_scalar(const struct token *t)
{
    return t->type == TOKEN_TEXT || t->type == TOKEN_INT || t->type == TOKEN_INT64 ||
           t->type == TOKEN_NUMBER || t->type == TOKEN_BOOL;
}

static bool begins_value(const struct token *t)
{
    return is_scalar(t) || is_mark(t, '{') || is_mark(t, '(') || is_mark(t, '[');
}

// For "%.*s": long texts are cut.
static int shown(const struct token *t)
{
    return t->n > 40 ? 40 : (int)t->n;
}

// "line 12", or "a.conf:12" when that is another file.
static const char *place_text(char out[static 300], struct place p, struct place seen_from)
{
    if (p.file == seen_from.file)
        snprintf(out, 300, "line %d", p.line);
    else
        snprintf(out, 300, "%.270s:%d", p.file, p.line);
    return out;
}

static bool never_closed(struct shape *s, const struct token *opener, const char *kind)
{
    diag_error(s->diag, opener->place, "the %s that opens here with \"%c\" is never closed", kind,
               *opener->text);
    return false;
}

static bool wrong_closer(struct shape *s, const struct token *opener)
{
    char where[300];
    diag_error(s->diag, s->at->place, "\"%c\" closes nothing: the \"%c\" of %s is still open", *s->at->text,
               *opener->text, place_text(where, opener->place, s->at->place));
    return false;
}

static bool is_closer(const struct token *t)
{
    return is_mark(t, '}') || is_mark(t, ')') || is_mark(t, ']');
}

static bool value(struct shape *s, const struct token *name);
static bool settings(struct shape *s, const struct token *opener);

static bool deeper(struct shape *s)
{
    if (++s->depth <= NESTING_MAX)
        return true;
    diag_error(s->diag, s->at->place, "nested deeper than %d levels", NESTING_MAX);
    return false;
}

static const char *kind_of(const struct token *t)
{
    switch (t->type) {
    case TOKEN_TEXT:
        return "a text";
    case TOKEN_INT:
        return "a whole number";
    case TOKEN_INT64:
        return "a whole number with L";
    case TOKEN_NUMBER:
        return "a number with a decimal point";
    default:
        return "a truth";
    }
}

// One element of `( )` or `[ ]`. `first` is the first element of the array, to compare with.
static bool element(struct shape *s, const struct token *opener, const struct token *first)
{
    const struct token *t = s->at;
    if (*opener->text == '[' && (is_mark(t, '{') || is_mark(t, '(') || is_mark(t, '['))) {
        diag_error(s->diag, t->place, "\"%c\" cannot stand in [ ], which holds plain values: use a list, ( )",
                   *t->text);
        return false;
    }
    if (*opener->text == '[' && is_scalar(t) && t->type != first->type) {
        diag_error(s->diag, t->place,
                   "the values in [ ] must all be of one kind, the first is %s and %.*s is %s; a list, ( ), "
                   "may mix them",
                   kind_of(first), shown(t), t->text, kind_of(t));
        return false;
    }
    return value(s, NULL);
}

static bool elements(struct shape *s)
{
    const struct token *opener = s->at++, *first = s->at;
    char closer = *opener->text == '(' ? ')' : ']';
    if (!deeper(s))
        return false;
    while (!is_mark(s->at, closer)) {
        if (s->at->type == TOKEN_END)
            return never_closed(s, opener, "list");
        if (is_closer(s->at))
            return wrong_closer(s, opener);
        if (!element(s, opener, first))
            return false;
        if (is_mark(s->at, ',')) {
            s->at++;
            if (is_mark(s->at, closer)) {
                diag_error(s->diag, s->at[-1].place,
                           "no comma can stand before the \"%c\" that closes a list", closer);
                return false;
            }
        } else if (begins_value(s->at) || s->at->type == TOKEN_NAME) {
            diag_error(s->diag, s->at->place, "a comma is missing before \"%.*s\"", shown(s->at),
                       s->at->text);
            return false;
        } else if (is_mark(s->at, ';')) {
            diag_error(s->diag, s->at->place, "the elements of a list are separated by commas, not by \";\"");
            return false;
        }
    }
    s->at++;
    s->depth--;
    return true;
}

static bool no_value(struct shape *s, const struct token *name)
{
    const struct token *t = s->at;
    if (t->type == TOKEN_NAME)
        diag_error(s->diag, t->place,
                   "%.*s is not a value: a text stands in quotes, \"%.*s\"; a truth is true or false",
                   shown(t), t->text, shown(t), t->text);
    else if (name)
        diag_error(s->diag, name->place, "the value of \"%.*s\" is missing", shown(name), name->text);
    else
        diag_error(s->diag, t->place, "a value is missing before \"%.*s\"", shown(t), t->text);
    return false;
}

static bool value(struct shape *s, const struct token *name)
{
    if (is_mark(s->at, '(') || is_mark(s->at, '['))
        return elements(s);
    if (is_mark(s->at, '{')) {
        const struct token *opener = s->at++;
        if (!deeper(s) || !settings(s, opener))
            return false;
        s->at++;
        s->depth--;
        return true;
    }
    if (!is_scalar(s->at))
        return no_value(s, name);
    // Texts one after the other are one text.
    for (bool text = s->at->type == TOKEN_TEXT; s->at++, text && s->at->type == TOKEN_TEXT;)
        ;
    return true;
}

static bool not_a_name(struct shape *s)
{
    const struct token *t = s->at;
    if (t->type == TOKEN_TEXT)
        diag_error(s->diag, t->place, "a setting is expected here, name = value; %.*s is a text", shown(t),
                   t->text);
    else if (is_mark(t, '{') || is_mark(t, '(') || is_mark(t, '['))
        diag_error(s->diag, t->place, "a setting is expected before \"%c\": name = %c", *t->text, *t->text);
    else
        diag_error(s->diag, t->place, "a setting is expected here, name = value, and not \"%.*s\"", shown(t),
                   t->text);
    return false;
}

static bool no_equals(struct shape *s, const struct token *name)
{
    const struct token *before = name > s->begin ? name - 1 : name;
    bool number = before->type == TOKEN_INT || before->type == TOKEN_NUMBER;
    if (number && before->place.line == name->place.line && before->place.file == name->place.file)
        diag_error(s->diag, name->place, "a value with its unit stands in quotes: \"%.*s %.*s\"",
                   shown(before), before->text, shown(name), name->text);
    else
        diag_error(s->diag, name->place, "\"=\" is missing after \"%.*s\"", shown(name), name->text);
    return false;
}

static bool setting(struct shape *s)
{
    const struct token *name = s->at++;
    if (!is_mark(s->at, '=') && !is_mark(s->at, ':'))
        return no_equals(s, name);
    s->at++;
    if (!value(s, name))
        return false;
    if (is_mark(s->at, ';') || is_mark(s->at, ','))
        s->at++;
    return true;
}

// Up to the "}" that closes `opener`, or to the end when there is none.
static bool settings(struct shape *s, const struct token *opener)
{
    for (size_t n = 0; s->at->type == TOKEN_NAME; n++) {
        if (n == SETTINGS_MAX) {
            diag_error(s->diag, s->at->place, "more than %d settings in one group", SETTINGS_MAX);
            return false;
        }
        if (!setting(s))
            return false;
    }
    if (opener ? is_mark(s->at, '}') : s->at->type == TOKEN_END)
        return true;
    if (opener && s->at->type == TOKEN_END)
        return never_closed(s, opener, "group");
    if (is_closer(s->at)) {
        if (opener)
            return wrong_closer(s, opener);
        diag_error(s->diag, s->at->place, "\"%c\" closes nothing", *s->at->text);
        return false;
    }
    return not_a_name(s);
}

bool shape_check(const struct source *source)
{
    struct shape s = {source->tokens, source->tokens, source->diag, 0};
    return settings(&s, NULL);
}
