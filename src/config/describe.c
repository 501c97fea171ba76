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

static void escaped_buf(struct buf *text, struct buf *out)
{
    escaped(buf_text(text), out);
    buf_free(text);
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

static void limits(const struct option *o, struct buf *out)
{
    struct buf text = {0};
    if (o->type == OPTION_CHOICE) {
        buf_puts(out, " One of ");
        value_choices(o, &text);
        escaped_buf(&text, out);
        buf_putc(out, '.');
    } else {
        value_range(o, &text);
        if (text.len) {
            buf_puts(out, " From ");
            escaped_buf(&text, out);
            buf_putc(out, '.');
        }
    }
    if (o->def) {
        buf_puts(out, " Default: ");
        escaped(o->def, out);
        buf_putc(out, '.');
    }
}

static void describe_option(const struct option *o, struct buf *out)
{
    buf_putc(out, '*');
    escaped(o->name, out);
    buf_printf(out, "* = _%s_", type_word(o));
    if (o->type == OPTION_AMOUNT && o->unit) {
        buf_puts(out, " in ");
        escaped(o->unit, out);
    }
    buf_puts(out, o->required ? " (required)\n\t" : "\n\t");
    if (o->help)
        escaped(o->help, out);
    else if (is_section(o) && o->section->help)
        escaped(o->section->help, out);
    limits(o, out);
    if (is_section(o))
        buf_puts(out, " See below.");
    buf_puts(out, "\n\n");
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
        buf_free(&inner);
    }
}

void config_describe(const struct section *s, FILE *out)
{
    struct buf text = {0};
    describe(s, "", 0, &text);
    if (text.len && !text.failed)
        fwrite(text.data, 1, text.len, out);
    buf_free(&text);
}
