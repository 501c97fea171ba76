// SPDX-License-Identifier: Apache-2.0
// Options by a verb's table. Not getopt_long: it keeps its state in globals, and does not suggest.
#include "cli/verb.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/text.h"
#include "symbiont/units.h"

static const struct verb_option none[] = {{.name = NULL}};

static const struct verb_option *options_of(const struct command *c)
{
    return c->verb->options ? c->verb->options : none;
}

__attribute__((format(printf, 3, 0))) static void say(const struct command *c, const char *end,
                                                      const char *format, va_list args)
{
    fprintf(c->err, "symbiont %s: ", c->verb->name);
    vfprintf(c->err, format, args);
    fputs(end, c->err);
}

int command_usage(const struct command *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(c, "\n", format, args);
    va_end(args);
    fprintf(c->err, "`symbiont help %s` tells more.\n", c->verb->name);
    return EX_USAGE;
}

int command_fail(const struct command *c, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(c, "\n", format, args);
    va_end(args);
    return status;
}

// ---- Parsing ----

struct parser {
    struct command *c;
    int argc;
    char **argv;
    int i;
};

static bool allowed(const struct verb_option *o, const char *value)
{
    size_t n = strlen(value);
    for (const char *p = o->choices; p && *p; p += strspn(p, " ")) {
        size_t length = strcspn(p, " ");
        if (length == n && strncmp(p, value, n) == 0)
            return true;
        p += length;
    }
    return o->choices == NULL;
}

static int add(struct parser *p, const struct verb_option *o, const char *value)
{
    struct command *c = p->c;
    for (size_t i = 0; i < c->given_count && !o->many; i++)
        if (c->given[i].option == o)
            return command_usage(c, "--%s is given twice", o->name);
    if (value && !allowed(o, value))
        return command_usage(c, "--%s is \"%s\"; allowed are: %s", o->name, value, o->choices);
    c->given[c->given_count++] = (struct given){o, value};
    return EX_OK;
}

static int missing(const struct parser *p, const struct verb_option *o)
{
    return command_usage(p->c, "--%s wants its %s", o->name, o->argument);
}

// --name, --name=value, --name value
static int long_option(struct parser *p, const char *text)
{
    const struct verb_option *options = options_of(p->c);
    size_t n = strcspn(text, "="), count = 0;
    for (; options[count].name; count++) {
        const struct verb_option *o = &options[count];
        if (strlen(o->name) != n || strncmp(o->name, text, n) != 0)
            continue;
        if (!o->argument)
            return text[n] ? command_usage(p->c, "--%s takes no value", o->name) : add(p, o, NULL);
        if (text[n])
            return add(p, o, text + n + 1);
        return p->i < p->argc ? add(p, o, p->argv[p->i++]) : missing(p, o);
    }
    char word[64];
    snprintf(word, sizeof word, "%.*s", n < 60 ? (int)n : 60, text);
    const char *near = text_nearest(word, options, count, sizeof *options);
    if (near)
        return command_usage(p->c, "there is no option --%s; did you mean --%s?", word, near);
    return command_usage(p->c, "there is no option --%s", word);
}

// -c FILE, -cFILE, -xy (two flags)
static int short_options(struct parser *p, const char *text)
{
    for (; *text; text++) {
        const struct verb_option *o = options_of(p->c);
        while (o->name && o->letter != *text)
            o++;
        if (!o->name)
            return command_usage(p->c, "there is no option -%c", *text);
        int status;
        if (!o->argument)
            status = add(p, o, NULL);
        else if (text[1])
            return add(p, o, text + 1);
        else
            return p->i < p->argc ? add(p, o, p->argv[p->i++]) : missing(p, o);
        if (status != EX_OK)
            return status;
    }
    return EX_OK;
}

int cli_parse(struct command *c, int argc, char **argv, bool *help)
{
    struct parser p = {c, argc, argv, 0};
    bool words_only = false;
    while (p.i < argc) {
        const char *text = argv[p.i++];
        int status = EX_OK;
        if (words_only || text[0] != '-' || text[1] == '\0')
            c->words[c->n++] = text;
        else if (strcmp(text, "--") == 0)
            words_only = true;
        else if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)
            *help = true;
        else if (text[1] == '-')
            status = long_option(&p, text + 2);
        else
            status = short_options(&p, text + 1);
        if (status != EX_OK)
            return status;
    }
    return EX_OK;
}

// ---- Asking ----

const char *command_value_at(const struct command *c, const char *option, size_t i)
{
    for (size_t k = 0; k < c->given_count; k++)
        if (strcmp(c->given[k].option->name, option) == 0 && i-- == 0)
            return c->given[k].value;
    return NULL;
}

const char *command_value(const struct command *c, const char *option)
{
    for (size_t k = c->given_count; k-- > 0;)
        if (strcmp(c->given[k].option->name, option) == 0)
            return c->given[k].value;
    return NULL;
}

bool command_flag(const struct command *c, const char *option)
{
    for (size_t k = 0; k < c->given_count; k++)
        if (strcmp(c->given[k].option->name, option) == 0)
            return true;
    return false;
}

const char *command_config(const struct command *c)
{
    const char *path = command_value(c, "config");
    return path ? path : VERB_CONFIG_DEFAULT;
}

bool command_integer(const struct command *c, const char *option, int64_t min, int64_t max, int64_t *out)
{
    const char *text = command_value(c, option);
    if (!text || text_integer(text, min, max, out))
        return true;
    command_usage(c, "--%s is \"%s\"; allowed is a whole number from %lld to %lld", option, text,
                  (long long)min, (long long)max);
    return false;
}

bool command_number(const struct command *c, const char *option, double min, double max, double *out)
{
    double value;
    const char *text = command_value(c, option);
    if (!text)
        return true;
    if (text_number(text, &value) && value >= min && value <= max) {
        *out = value;
        return true;
    }
    command_usage(c, "--%s is \"%s\"; allowed is a number from %g to %g", option, text, min, max);
    return false;
}

bool command_duration(const struct command *c, const char *option, double min, double max, int64_t *out_ns)
{
    double value, factor, offset;
    const struct unit *unit;
    char why[200];
    const char *text = command_value(c, option);
    if (!text)
        return true;
    if (!amount_parse(text, &value, &unit, why, sizeof why) ||
        !unit_conversion(unit, unit_find("s"), &factor, &offset)) {
        command_usage(c, "--%s is \"%s\"; allowed is a duration such as \"10 s\" or \"5 min\"", option, text);
        return false;
    }
    double seconds = value * factor;
    if (seconds < min || seconds > max) {
        command_usage(c, "--%s is \"%s\"; allowed is %g s to %g s", option, text, min, max);
        return false;
    }
    *out_ns = llround(seconds * 1e9);
    return true;
}
