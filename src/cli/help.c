// SPDX-License-Identifier: Apache-2.0
// Help from the tables of verbs and options.
#include <string.h>
#include "cli/verb.h"

#define OPTION_COLUMN 29 // where the help of an option begins
#define WIDTH         80 // of lines

static void usage_line(const struct verb *v, FILE *out)
{
    fprintf(out, "usage: symbiont %s", v->name);
    if (v->options && v->options->name)
        fputs(" [OPTION...]", out);
    if (v->words)
        fprintf(out, " %s", v->words);
    fputc('\n', out);
}

void help_overview(FILE *out)
{
    fputs("usage: symbiont VERB [OPTION...] [ARGUMENT...]\n\n", out);
    for (size_t i = 0; verbs[i]; i++)
        fprintf(out, "  %-12s %s\n", verbs[i]->name, verbs[i]->help);
    fputs("\n"
          "  --version    print the version\n"
          "\n"
          "`symbiont help VERB` tells more. Exit status: 0 good, 1 what was checked is wrong, 64 usage,\n"
          "69 unavailable, 77 no permission, 78 configuration.\n",
          out);
}

// Words, the lines after the first indented like it.
static void wrapped(const char *text, size_t indent, FILE *out)
{
    size_t column = indent;
    for (const char *p = text; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        if (p > text && column + 1 + n > WIDTH)
            column = (size_t)fprintf(out, "\n%*s", (int)indent, "") - 1;
        else if (p > text)
            column += (size_t)fprintf(out, " ");
        column += (size_t)fprintf(out, "%.*s", (int)n, p);
        p += n;
    }
}

static void option_line(const struct verb_option *o, FILE *out)
{
    char left[64], text[512];
    snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
             o->letter ? ", " : "  ", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    snprintf(text, sizeof text, "%s%s%s%s", o->help, o->many ? "; may be given several times" : "",
             o->choices ? ": " : "", o->choices ? o->choices : "");
    int n = fprintf(out, "  %s", left);
    if (n + 2 >= OPTION_COLUMN)
        n = fprintf(out, "\n") - 1;
    fprintf(out, "%*s", OPTION_COLUMN - 1 - n, "");
    wrapped(text, OPTION_COLUMN - 1, out);
    fputc('\n', out);
}

// An example, or a line that is laid out in columns, stays as it is.
static bool is_laid_out(const char *line, size_t n)
{
    return n == 0 || line[0] == ' ' || memmem(line, n, "  ", 2) != NULL;
}

static void paragraphs(const char *text, FILE *out)
{
    char paragraph[2000] = "";
    for (const char *line = text;; line++) {
        size_t n = strcspn(line, "\n"), used = strlen(paragraph);
        bool laid_out = is_laid_out(line, n);
        if (!laid_out && used + n + 2 < sizeof paragraph)
            snprintf(paragraph + used, sizeof paragraph - used, "%s%.*s", used ? " " : "", (int)n, line);
        if (*paragraph && (laid_out || line[n] == '\0')) {
            wrapped(paragraph, 0, out);
            fputc('\n', out);
            *paragraph = '\0';
        }
        if (laid_out)
            fprintf(out, "%.*s\n", (int)n, line);
        line += n;
        if (*line == '\0')
            return;
    }
}

void help_verb(const struct verb *v, FILE *out)
{
    static const struct verb_option help = {.name = "help", .letter = 'h', .help = "print this"};
    usage_line(v, out);
    fputc('\n', out);
    paragraphs(v->text ? v->text : v->help, out);
    fputc('\n', out);
    for (const struct verb_option *o = v->options; o && o->name; o++)
        option_line(o, out);
    option_line(&help, out);
}
