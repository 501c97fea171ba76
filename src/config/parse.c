// SPDX-License-Identifier: Apache-2.0
// Tokens through libconfig into a tree with the places of the files.
//
// libconfig is handed one token per line, so its line numbers are token numbers: that gives the file
// and line of every setting whatever was included where, and nothing reaches its scanner that could make
// it end the process.
#include "config/tree.h"

#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/buf.h"

struct parse {
    struct source *source;
    bool failed;
};

static const struct token *token_of_line(const struct source *s, unsigned line)
{
    return &s->tokens[line == 0 ? 0 : line > s->n ? s->n - 1 : line - 1];
}

static void emit(const struct source *s, struct buf *out)
{
    for (size_t i = 0; i + 1 < s->n; i++) {
        const struct token *t = &s->tokens[i];
        if (!t->bad)
            buf_put(out, t->text, t->n);
        else
            buf_puts(out, t->type == TOKEN_TEXT     ? "\"\""
                          : t->type == TOKEN_NUMBER ? "0.0"
                          : t->type == TOKEN_INT64  ? "0L"
                                                    : "0");
        buf_putc(out, '\n');
    }
    buf_putc(out, '\0');
}

static bool same_name(const struct token *a, const struct token *b)
{
    return a->type == TOKEN_NAME && a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
}

// The earlier setting of the same group that has this name.
static const struct token *earlier(const struct source *s, const struct token *name)
{
    int depth = 0;
    for (const struct token *t = name - 1; t >= s->tokens && depth <= 0; t--) {
        char mark = t->type == TOKEN_MARK ? *t->text : ' ';
        if (mark == ')' || mark == ']' || mark == '}')
            depth--;
        else if (mark == '(' || mark == '[' || mark == '{')
            depth++;
        else if (depth == 0 && same_name(t, name))
            return t;
    }
    return NULL;
}

static void report(const struct source *s, const config_t *config)
{
    const struct token *t = token_of_line(s, (unsigned)config_error_line(config));
    const char *text = config_error_text(config);
    const struct token *first = text && strstr(text, "duplicate") ? earlier(s, t) : NULL;
    if (first)
        diag_error(s->diag, t->place, "\"%.*s\" is given twice in one group, first at %s:%d", (int)t->n,
                   t->text, first->place.file, first->place.line);
    else
        diag_error(s->diag, t->place, "%s before \"%.*s\"", text ? text : "syntax error",
                   t->n > 40 ? 40 : (int)t->n, t->text);
}

// libconfig sees the token after a text in a list before it knows that the text is complete.
static const struct token *last_text(const struct source *s, const struct token *t)
{
    while (t > s->tokens && t->type != TOKEN_TEXT)
        t--;
    return t;
}

// The first token of the value of a setting.
static const struct token *value_token(const struct source *s, const config_setting_t *setting)
{
    const struct token *t = token_of_line(s, config_setting_source_line(setting));
    if (config_setting_name(setting))
        return t + 2 < s->tokens + s->n ? t + 2 : t;
    if (config_setting_type(setting) != CONFIG_TYPE_STRING)
        return t;
    t = last_text(s, t);
    while (t > s->tokens && t[-1].type == TOKEN_TEXT)
        t--;
    return t;
}

// libconfig 1.5 takes no notice of a copy for which there was no memory: a text or a name is missing then.
static const char *checked_text(struct parse *p, struct node *n, const char *text)
{
    char *copy = text ? config_copy(p->source->scratch, text, strlen(text)) : NULL;
    if (!copy) {
        p->failed = true;
        return "";
    }
    for (const char *c = copy; *c; c += utf8_length(c)) {
        if (utf8_length(c) == 0) {
            diag_error(p->source->diag, n->place,
                       "the text has a byte 0x%02x that is not UTF-8: save the file in UTF-8",
                       (unsigned)(unsigned char)*c);
            n->bad = true;
            break;
        }
    }
    return copy;
}

static struct node *convert(struct parse *p, const config_setting_t *setting);

static void convert_children(struct parse *p, struct node *n, const config_setting_t *setting)
{
    int count = config_setting_length(setting);
    for (int i = 0; i < count && !p->failed; i++) {
        struct node *child = convert(p, config_setting_get_elem(setting, (unsigned)i));
        if (child)
            node_append(n, child);
        p->failed |= n->type == NODE_GROUP && child && !child->name;
    }
}

static void convert_value(struct parse *p, struct node *n, const config_setting_t *setting)
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
        n->type = NODE_INT;
        n->integer = config_setting_get_int(setting);
        break;
    case CONFIG_TYPE_INT64:
        n->type = NODE_INT;
        n->integer = config_setting_get_int64(setting);
        break;
    case CONFIG_TYPE_FLOAT:
        n->type = NODE_NUMBER;
        n->number = config_setting_get_float(setting);
        break;
    case CONFIG_TYPE_BOOL:
        n->type = NODE_BOOL;
        n->truth = config_setting_get_bool(setting);
        break;
    case CONFIG_TYPE_STRING:
        n->type = NODE_TEXT;
        n->text = checked_text(p, n, config_setting_get_string(setting));
        break;
    default:
        n->type = config_setting_is_group(setting) ? NODE_GROUP : NODE_LIST;
        convert_children(p, n, setting);
    }
}

static struct node *convert(struct parse *p, const config_setting_t *setting)
{
    struct node *n = config_alloc(p->source->scratch, sizeof *n);
    if (!n) {
        p->failed = true;
        return NULL;
    }
    const struct token *t = value_token(p->source, setting);
    const char *name = config_setting_name(setting);
    n->place = name ? token_of_line(p->source, config_setting_source_line(setting))->place : t->place;
    n->name = name ? config_copy(p->source->scratch, name, strlen(name)) : NULL;
    p->failed |= name && !n->name;
    for (; t->bad || t->type == TOKEN_TEXT; t++) {
        n->bad |= t->bad;
        if (t->type != TOKEN_TEXT)
            break;
    }
    convert_value(p, n, setting);
    return n;
}

static struct node *convert_root(struct source *s, const config_t *config)
{
    struct parse p = {s, false};
    struct node *root = config_alloc(s->scratch, sizeof *root);
    if (root) {
        root->place = (struct place){s->tokens[s->n - 1].place.file, 0};
        root->type = NODE_GROUP;
        convert_children(&p, root, config_root_setting(config));
    }
    if (!root || p.failed) {
        diag_error(s->diag, (struct place){0}, "out of memory");
        return NULL;
    }
    return root;
}

struct node *tree_parse(struct source *s)
{
    if (!shape_check(s))
        return NULL;
    struct buf text = {0};
    emit(s, &text);
    if (text.failed) {
        buf_free(&text);
        diag_error(s->diag, (struct place){0}, "out of memory");
        return NULL;
    }
    config_t config;
    config_init(&config);
    struct node *root = NULL;
    if (config_read_string(&config, text.data))
        root = convert_root(s, &config);
    else
        report(s, &config);
    config_destroy(&config);
    buf_free(&text);
    return root;
}
