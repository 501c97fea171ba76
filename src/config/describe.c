// SPDX-License-Identifier: Apache-2.0
// The options of a section as scdoc, for the man pages.
#include <string.h>
#include "config/value.h"

#define DEPTH_MAX 8

// scdoc takes these for markup; a backslash before any character makes it plain.
static void escaped(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (strchr("_*\\#[]|~`<>+-", *text))
            buf_putc(out, '\\');
        buf_putc(out, *text == '\n' ? ' ' : *text);
    }
}

static const char *type_word(const struct option *o)
{
    static const char *const words[] = {
        [OPTION_TEXT] = "text",
        [OPTION_NAME] = "name",
        [OPTION_ID] = "id",
        [OPTION_INT] = "whole number",
        [OPTION_NUMBER] = "number",
        [OPTION_BOOL] = "true or false",
        [OPTION_AMOUNT] = "amount",
        [OPTION_DURATION] = "duration",
        [OPTION_SIZE] = "size",
        [OPTION_CHOICE] = "word",
        [OPTION_TEXTS] = "list of texts",
        [OPTION_NUMBERS] = "list of numbers",
        [OPTION_GROUP] = "group",
        [OPTION_GROUPS] = "list of groups",
    };
    return words[o->type];
}

static bool is_section(const struct option *o)
{
    return o->type == OPTION_GROUP || o->type == OPTION_GROUPS;
}

// Sentences of a paragraph, with a space between them.
static void sentence(struct buf *out, const char *before, struct buf *text, const char *after)
{
    if (text->len) {
        buf_puts(out, out->len ? " " : "");
        buf_puts(out, before);
        escaped(buf_text(text), out);
        buf_puts(out, after);
    }
    out->failed |= text->failed; // the reset forgets it
    buf_reset(text);
}

static void describe_option(const struct option *o, struct buf *out)
{
    const char *help = o->help ? o->help : is_section(o) ? o->section->help : NULL;
    struct buf body = {0}, text = {0};
    buf_puts(&text, help ? help : "");
    sentence(&body, "", &text, "");
    if (o->type == OPTION_CHOICE)
        value_choices(o, &text);
    else
        value_range(o, &text);
    sentence(&body, "Allowed: ", &text, ".");
    buf_puts(&text, o->def ? o->def : "");
    sentence(&body, "Default: ", &text, ".");
    buf_puts(&text, is_section(o) ? "See below." : "");
    sentence(&body, "", &text, "");

    buf_putc(out, '*');
    escaped(o->name, out);
    buf_printf(out, "* = _%s_", type_word(o));
    if (o->type == OPTION_AMOUNT && o->unit) {
        buf_puts(out, " in ");
        escaped(o->unit, out);
    }
    buf_puts(out, o->required ? " (required)\n" : "\n");
    if (body.len)
        buf_printf(out, "\t%s\n", buf_text(&body));
    buf_putc(out, '\n');
    out->failed |= body.failed || text.failed;
    buf_free(&body);
    buf_free(&text);
}

static void describe(const struct section *s, const char *path, int depth, struct buf *out)
{
    if (s->help && depth > 0) {
        escaped(s->help, out);
        buf_puts(out, "\n\n");
    }
    for (const struct option *o = s->options; o->name; o++)
        describe_option(o, out);
    for (const struct option *o = s->options; o->name && depth < DEPTH_MAX; o++) {
        if (!is_section(o))
            continue;
        struct buf inner = {0};
        buf_printf(&inner, "%s%s%s", path, *path ? "." : "", o->name);
        const char *title = buf_text(&inner);
        buf_puts(out, "## ");
        buf_puts(out, title);
        buf_puts(out, "\n\n");
        describe(o->section, title, depth + 1, out);
        out->failed |= inner.failed;
        buf_free(&inner);
    }
}

bool config_describe(const struct section *s, FILE *out)
{
    struct buf text = {0};
    describe(s, "", 0, &text);
    bool good = !text.failed;
    if (text.len && good)
        fwrite(text.data, 1, text.len, out);
    buf_free(&text);
    return good;
}
