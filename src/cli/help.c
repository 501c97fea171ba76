// SPDX-License-Identifier: Apache-2.0
// Help from the tables of verbs and options.
#include <string.h>
#include "cli/verb.h"

#define OPTION_COLUMN 29 // where the help of an option begins

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

// A list of words, wrapped.
static void choice_lines(const char *choices, FILE *out)
{
    size_t column = 0;
    for (const char *p = choices; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        if (column == 0 || column + n > 90)
            column = (size_t)fprintf(out, "\n%*s", OPTION_COLUMN - 1, "") - 1;
        column += (size_t)fprintf(out, " %.*s", (int)n, p);
        p += n;
    }
}

static void option_line(const struct verb_option *o, FILE *out)
{
    char left[64];
    snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
             o->letter ? ", " : "  ", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    fprintf(out, "  %-*s %s%s", OPTION_COLUMN - 3, left, o->help,
            o->many ? "; may be given several times" : "");
    if (o->choices)
        choice_lines(o->choices, out);
    fputc('\n', out);
}

void help_verb(const struct verb *v, FILE *out)
{
    static const struct verb_option help = {.name = "help", .letter = 'h', .help = "print this"};
    usage_line(v, out);
    fprintf(out, "\n%s\n\n", v->text ? v->text : v->help);
    for (const struct verb_option *o = v->options; o && o->name; o++)
        option_line(o, out);
    option_line(&help, out);
}
