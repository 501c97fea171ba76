// SPDX-License-Identifier: Apache-2.0
// Structs from the tree of the files, by the tables of options.
#include <stdlib.h>
#include <string.h>
#include "config/tree.h"
#include "config/value.h"
#include "symbiont/text.h"

struct fill {
    struct config *owner;
    struct diagnostics *diag;
    bool partial;
    bool failed; // memory is out
};

// Where we are, for messages.
struct scope {
    const struct section *section;
    const struct node *group; // NULL: absent
    bool root;
    bool open; // more of it may stand in another file
};

static void *member(const struct option *o, void *settings)
{
    return (char *)settings + o->offset;
}

static size_t option_count(const struct section *s)
{
    size_t n = 0;
    while (s->options[n].name)
        n++;
    return n;
}

bool option_given(const struct section *s, const void *settings, size_t offset)
{
    const struct settings *common = settings;
    for (size_t i = 0; i < 64 && s->options[i].name; i++)
        if (s->options[i].offset == offset)
            return common->given >> i & 1;
    return false;
}

// ` of meter "boiler_2"`, ` of site`, nothing at the top.
static const char *of(const struct scope *scope, char out[static 160])
{
    char shown[64];
    const struct node *name = scope->group ? node_child(scope->group, "name") : NULL;
    if (scope->root)
        out[0] = '\0';
    else if (name && name->type == NODE_TEXT)
        snprintf(out, 160, " of %.80s \"%s\"", scope->section->name, value_shown(name->text, shown));
    else
        snprintf(out, 160, " of %.80s", scope->section->name);
    return out;
}

static void unknown(struct fill *f, const struct scope *scope, const struct node *n)
{
    const struct option *options = scope->section->options;
    size_t count = option_count(scope->section);
    const char *near = text_nearest(n->name, options, count, sizeof *options);
    char where[160], shown[64];
    value_shown(n->name, shown);
    of(scope, where);
    if (near) {
        diag_error(f->diag, n->place, "unknown setting \"%s\"%s; did you mean \"%s\"?", shown, where, near);
        return;
    }
    struct buf known = {0};
    for (size_t i = 0; i < count; i++) {
        buf_puts(&known, i ? ", " : "");
        buf_puts(&known, options[i].name);
    }
    diag_error(f->diag, n->place, "unknown setting \"%s\"%s; known are %s", shown, where, buf_text(&known));
    buf_free(&known);
}

// ---- One value ----

static void describe_found(const struct node *n, struct buf *out)
{
    char shown[64];
    switch (n->type) {
    case NODE_TEXT:
        buf_printf(out, "the text \"%s\"", value_shown(n->text, shown));
        break;
    case NODE_INT:
        buf_printf(out, "the number %lld", (long long)n->integer);
        break;
    case NODE_NUMBER:
        buf_puts(out, "the number ");
        value_print(&(struct option){.type = OPTION_NUMBER}, &n->number, out);
        break;
    case NODE_BOOL:
        buf_puts(out, n->truth ? "true" : "false");
        break;
    case NODE_LIST:
        buf_puts(out, "a list");
        break;
    case NODE_GROUP:
        buf_puts(out, "a group");
        break;
    }
}

static bool has_unit(enum option_type type)
{
    return type == OPTION_AMOUNT || type == OPTION_DURATION || type == OPTION_SIZE;
}

// 200 where "200 kW" is wanted: show how it is written.
static void unit_missing(struct fill *f, const struct scope *scope, const struct option *o,
                         const struct node *n)
{
    char where[160];
    struct buf number = {0};
    if (n->type == NODE_INT)
        buf_int(&number, n->integer);
    else
        buf_number(&number, n->number, false);
    const char *unit = o->type == OPTION_AMOUNT ? o->unit : o->type == OPTION_DURATION ? "s" : "MiB";
    const char *shown = buf_text(&number);
    diag_error(f->diag, n->place, "\"%s\"%s is the bare number %s: write it with its unit, such as \"%s %s\"",
               o->name, of(scope, where), shown, shown, unit);
    buf_free(&number);
}

static void wrong_type(struct fill *f, const struct scope *scope, const struct option *o,
                       const struct node *n)
{
    char where[160];
    if (has_unit(o->type) && (n->type == NODE_INT || n->type == NODE_NUMBER)) {
        unit_missing(f, scope, o, n);
        return;
    }
    struct buf wanted = {0}, found = {0};
    value_wanted(o, &wanted);
    describe_found(n, &found);
    diag_error(f->diag, n->place, "\"%s\"%s wants %s, found %s", o->name, of(scope, where), buf_text(&wanted),
               buf_text(&found));
    buf_free(&wanted);
    buf_free(&found);
}

static void refused(struct fill *f, const struct scope *scope, const struct option *o, const struct node *n,
                    const struct why *why)
{
    char where[160];
    if (why->text[0] == '\0')
        f->failed = true;
    else
        diag_error(f->diag, n->place, "\"%s\"%s%s%s", o->name, of(scope, where),
                   why->text[0] == ':' ? "" : " ", why->text);
}

static bool wants_text(enum option_type type)
{
    return type == OPTION_TEXT || type == OPTION_NAME || type == OPTION_ID || type == OPTION_AMOUNT ||
           type == OPTION_DURATION || type == OPTION_SIZE || type == OPTION_CHOICE;
}

static void fill_scalar(struct fill *f, const struct scope *scope, const struct option *o,
                        const struct node *n, void *at)
{
    struct why why = {""};
    bool good;
    if (n->type == NODE_TEXT && wants_text(o->type)) {
        good = value_from_text(f->owner, o, n->text, at, &why);
    } else if (n->type == NODE_INT && (o->type == OPTION_INT || o->type == OPTION_NUMBER)) {
        good = value_from_int(o, n->integer, at, &why);
    } else if (n->type == NODE_NUMBER && o->type == OPTION_NUMBER) {
        good = value_from_number(o, n->number, at, &why);
    } else if (n->type == NODE_BOOL && o->type == OPTION_BOOL) {
        memcpy(at, &n->truth, sizeof n->truth);
        good = true;
    } else {
        wrong_type(f, scope, o, n);
        return;
    }
    if (!good)
        refused(f, scope, o, n, &why);
}

// ---- Lists ----

static size_t children(const struct node *list)
{
    size_t n = 0;
    for (const struct node *c = list->first; c; c = c->next)
        n++;
    return n;
}

static void fill_list(struct fill *f, const struct scope *scope, const struct option *o,
                      const struct node *list, void *at)
{
    if (list->type != NODE_LIST) {
        wrong_type(f, scope, o, list);
        return;
    }
    // Each element is a value of this simpler kind, with the same limits.
    struct option one = *o;
    one.type = o->type == OPTION_TEXTS ? OPTION_TEXT : OPTION_NUMBER;
    one.def = NULL;
    size_t size = o->type == OPTION_TEXTS ? sizeof(char *) : sizeof(double), n = 0;
    char *items = config_alloc(f->owner, children(list) * size);
    if (!items) {
        f->failed = true;
        return;
    }
    for (const struct node *c = list->first; c; c = c->next)
        if (!c->bad)
            fill_scalar(f, scope, &one, c, items + size * n++);
    if (o->type == OPTION_TEXTS)
        memcpy(at, &(struct texts){(char **)(void *)items, n}, sizeof(struct texts));
    else
        memcpy(at, &(struct numbers){(double *)(void *)items, n}, sizeof(struct numbers));
}

static void fill_group(struct fill *f, const struct scope *scope, void *settings);

struct named {
    const char *name;
    size_t order;
    const struct node *group;
};

static int by_name(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    int names = strcmp(a->name, b->name);
    return names ? names : a->order < b->order ? -1 : 1;
}

static bool named_uniquely(const struct section *s)
{
    for (const struct option *o = s->options; o->name; o++)
        if (strcmp(o->name, "name") == 0)
            return o->required && (o->type == OPTION_TEXT || o->type == OPTION_NAME || o->type == OPTION_ID);
    return false;
}

static void check_names(struct fill *f, const struct section *s, const struct node *list, size_t n)
{
    struct named *named = calloc(n + 1, sizeof *named);
    size_t count = 0;
    if (!named) {
        f->failed = true;
        return;
    }
    for (const struct node *c = list->first; c; c = c->next) {
        const struct node *name = c->type == NODE_GROUP ? node_child(c, "name") : NULL;
        if (name && name->type == NODE_TEXT && !name->bad) {
            named[count] = (struct named){name->text, count, c};
            count++;
        }
    }
    qsort(named, count, sizeof *named, by_name);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(named[i - 1].name, named[i].name) != 0)
            continue;
        char shown[64];
        const struct node *again = node_child(named[i].group, "name");
        diag_error(f->diag, again->place, "there is already a %s \"%s\", at %s:%d", s->name,
                   value_shown(named[i].name, shown), named[i - 1].group->place.file,
                   named[i - 1].group->place.line);
    }
    free(named);
}

static void fill_groups(struct fill *f, const struct scope *scope, const struct option *o,
                        const struct node *list, void *at)
{
    if (list->type != NODE_LIST) {
        wrong_type(f, scope, o, list);
        return;
    }
    size_t n = children(list), i = 0;
    char *items = config_alloc(f->owner, n * o->section->size);
    if (!items) {
        f->failed = true;
        return;
    }
    for (const struct node *c = list->first; c && !f->failed; c = c->next) {
        if (c->type != NODE_GROUP) {
            wrong_type(f, scope, o, c);
            continue;
        }
        struct scope inner = {o->section, c, false, false};
        fill_group(f, &inner, items + o->section->size * i++);
    }
    memcpy(at, &(struct groups){items, i}, sizeof(struct groups));
    if (named_uniquely(o->section))
        check_names(f, o->section, list, n);
}

// ---- A group ----

static void fill_option(struct fill *f, const struct scope *scope, const struct option *o,
                        const struct node *n, void *at)
{
    if (n->bad)
        return;
    if (o->type == OPTION_GROUP && n->type == NODE_GROUP) {
        struct scope inner = {o->section, n, false, scope->open};
        fill_group(f, &inner, at);
    } else if (o->type == OPTION_GROUP) {
        wrong_type(f, scope, o, n);
    } else if (o->type == OPTION_GROUPS) {
        fill_groups(f, scope, o, n, at);
    } else if (o->type == OPTION_TEXTS || o->type == OPTION_NUMBERS) {
        fill_list(f, scope, o, n, at);
    } else {
        fill_scalar(f, scope, o, n, at);
    }
}

static void fill_default(struct fill *f, const struct scope *scope, const struct option *o, void *at)
{
    struct why why = {""};
    if (o->type != OPTION_GROUP && o->def && !value_from_text(f->owner, o, o->def, at, &why))
        refused(f, scope, o, &(struct node){.place = {0}}, &why);
}

// What is refused has its default: the checks that follow, which look for more errors, may count on that.
static void fill_given(struct fill *f, const struct scope *scope, const struct option *o,
                       const struct node *n, void *at)
{
    size_t before = diag_errors(f->diag);
    fill_option(f, scope, o, n, at);
    if (n->bad || diag_errors(f->diag) > before)
        fill_default(f, scope, o, at);
}

static void fill_absent(struct fill *f, const struct scope *scope, const struct option *o, void *at)
{
    char where[160];
    // What an absent group would need is not missing; nor what may stand in a file that could not be read.
    if (o->required && scope->group && !(scope->open && f->partial))
        diag_error(f->diag, scope->group->place, "\"%s\"%s is missing", o->name, of(scope, where));
    if (o->type == OPTION_GROUP) {
        struct scope inner = {o->section, NULL, false, false};
        fill_group(f, &inner, at);
    } else {
        fill_default(f, scope, o, at);
    }
}

static void fill_group(struct fill *f, const struct scope *scope, void *settings)
{
    struct settings *common = settings;
    size_t count = option_count(scope->section);
    if (scope->group)
        common->place = scope->group->place;
    for (const struct node *n = scope->group ? scope->group->first : NULL; n; n = n->next) {
        size_t i = 0;
        while (i < count && strcmp(scope->section->options[i].name, n->name) != 0)
            i++;
        if (i == count)
            unknown(f, scope, n);
        else
            common->given |= (uint64_t)1 << (i & 63);
    }
    for (size_t i = 0; i < count && !f->failed; i++) {
        const struct option *o = &scope->section->options[i];
        const struct node *n = scope->group ? node_child(scope->group, o->name) : NULL;
        if (n)
            fill_given(f, scope, o, n, member(o, settings));
        else
            fill_absent(f, scope, o, member(o, settings));
    }
    if (count > 64)
        diag_error(f->diag, (struct place){0}, "section %s has more than 64 options", scope->section->name);
}

void *fill_root(struct config *owner, const struct section *root, const struct node *tree, bool partial,
                struct diagnostics *d)
{
    struct fill f = {owner, d, partial, false};
    struct scope scope = {root, tree, true, true};
    void *settings = config_alloc(owner, root->size);
    if (settings)
        fill_group(&f, &scope, settings);
    if (settings && !f.failed && !owner->failed)
        return settings;
    diag_error(d, (struct place){0}, "out of memory");
    return NULL;
}
