// SPDX-License-Identifier: Apache-2.0
// Prints settings as a configuration file; defaults as comments.
#include <stdlib.h>
#include <string.h>
#include "config/value.h"

struct printer {
    struct buf *out;
    int depth;
    int comment; // depth of what is only a default
};

static const void *member(const struct option *o, const void *settings)
{
    return (const char *)settings + o->offset;
}

static void begin_line(struct printer *p)
{
    if (p->comment)
        buf_puts(p->out, "# ");
    for (int i = 0; i < p->depth; i++)
        buf_puts(p->out, "    ");
}

static void line(struct printer *p, const char *before, const char *text, const char *after)
{
    begin_line(p);
    buf_puts(p->out, before);
    buf_puts(p->out, text);
    buf_puts(p->out, after);
    buf_putc(p->out, '\n');
}

static void print_settings(struct printer *p, const struct section *s, const void *settings);

static void print_group(struct printer *p, const struct option *o, const void *group)
{
    const struct settings *common = group;
    p->comment += common->place.file == NULL;
    line(p, o->name, ": {", "");
    p->depth++;
    print_settings(p, o->section, group);
    p->depth--;
    line(p, "};", "", "");
    p->comment -= common->place.file == NULL;
}

static void print_groups(struct printer *p, const struct option *o, const struct groups *list)
{
    if (list->n == 0) {
        line(p, o->name, " = ();", "");
        return;
    }
    line(p, o->name, " = (", "");
    p->depth++;
    for (size_t i = 0; i < list->n; i++) {
        line(p, "{", "", "");
        p->depth++;
        print_settings(p, o->section, (const char *)list->items + i * o->section->size);
        p->depth--;
        line(p, "}", i + 1 < list->n ? "," : "", "");
    }
    p->depth--;
    line(p, ");", "", "");
}

static void print_value(struct printer *p, const struct option *o, const void *at, bool given)
{
    if (!given && !o->def)
        return;
    p->comment += !given;
    begin_line(p);
    buf_printf(p->out, "%s = ", o->name);
    value_print(o, at, p->out);
    buf_puts(p->out, ";\n");
    p->comment -= !given;
}

static void print_settings(struct printer *p, const struct section *s, const void *settings)
{
    const struct settings *common = settings;
    for (size_t i = 0; s->options[i].name; i++) {
        const struct option *o = &s->options[i];
        bool given = common->given >> (i & 63) & 1;
        if (o->type == OPTION_GROUP)
            print_group(p, o, member(o, settings));
        else if (o->type != OPTION_GROUPS)
            print_value(p, o, member(o, settings), given);
        else if (given)
            print_groups(p, o, member(o, settings));
    }
}

void config_print(const struct section *s, const void *settings, FILE *out)
{
    struct buf text = {0};
    struct printer p = {&text, 0, 0};
    print_settings(&p, s, settings);
    if (text.failed)
        fputs("# out of memory\n", out);
    else if (text.len)
        fwrite(text.data, 1, text.len, out);
    buf_free(&text);
}
