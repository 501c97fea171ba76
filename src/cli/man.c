// SPDX-License-Identifier: Apache-2.0
// The verbs as the source of symbiont(1), from the same tables that parse them.
#include <ctype.h>
#include <string.h>
#include "cli/verb.h"

// scdoc takes these for markup; a backslash makes them plain.
static void escaped(const char *text, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++)
        fprintf(out, strchr("_*\\#[]|~`<>+-.", text[i]) ? "\\%c" : "%c", text[i]);
}

static void put(const char *text, FILE *out)
{
    escaped(text, strlen(text), out);
}

static bool is_laid_out(const char *line, size_t n)
{
    return line[0] == ' ' || memmem(line, n, "  ", 2) != NULL;
}

// Even in a literal block a backslash has to be said twice.
static void literal_line(const char *line, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++)
        fprintf(out, line[i] == '\\' ? "\\\\" : "%c", line[i]);
}

// Paragraphs of running text; what is laid out in columns stands as it is.
static void text_lines(const char *text, FILE *out)
{
    bool literal = false;
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        bool laid_out = n > 0 && is_laid_out(line, n);
        if (laid_out != literal) {
            fputs("```\n", out);
            literal = laid_out;
        }
        if (laid_out)
            literal_line(line, n, out);
        else
            escaped(line, n, out);
        fputc('\n', out);
        line += n + (line[n] != '\0');
    }
    if (literal)
        fputs("```\n", out);
}

static void option(const struct verb_option *o, FILE *out)
{
    fputc('\n', out);
    if (o->letter)
        fprintf(out, "*-%c*, ", o->letter);
    fputs("*--", out);
    put(o->name, out);
    fputc('*', out);
    if (o->argument) {
        fputs(" _", out);
        put(o->argument, out);
        fputc('_', out);
    }
    fprintf(out, "\n\t%c", toupper((unsigned char)o->help[0]));
    put(o->help + 1, out);
    if (o->many)
        fputs("; may be given several times", out);
    if (o->choices) {
        fputs(". One of: ", out);
        put(o->choices, out);
    }
    fputs(".\n", out);
}

void man_verbs(FILE *out)
{
    for (size_t i = 0; verbs[i]; i++) {
        const struct verb *v = verbs[i];
        fprintf(out, "\n## %s\n\n*symbiont %s*", v->name, v->name);
        if (v->options && v->options->name)
            fputs(" [_option_...]", out);
        if (v->words) {
            fputc(' ', out);
            put(v->words, out);
        }
        fputs("\n\n", out);
        text_lines(v->text ? v->text : v->help, out);
        for (const struct verb_option *o = v->options; o && o->name; o++)
            option(o, out);
    }
}
