// SPDX-License-Identifier: Apache-2.0
// From arguments to a verb and its exit status.
#include "cli/verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/text.h"
#include "symbiont/units.h"

#define VERB_ROW(name) &verb_##name,
const struct verb *const verbs[] = {VERBS(VERB_ROW) NULL};
#undef VERB_ROW

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; verbs[i]; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static int unknown_verb(const char *name, FILE *err)
{
    const char *names[sizeof verbs / sizeof *verbs];
    size_t n = 0;
    for (; verbs[n]; n++)
        names[n] = verbs[n]->name;
    const char *near = text_nearest(name, names, n, sizeof *names);
    if (near)
        fprintf(err, "symbiont: there is no \"%s\"; did you mean \"%s\"?\n", name, near);
    else
        fprintf(err, "symbiont: there is no \"%s\"; `symbiont help` lists what there is\n", name);
    return EX_USAGE;
}

static int run(struct command *c, int argc, char **argv)
{
    bool help = false;
    int status = cli_parse(c, argc, argv, &help);
    if (status != EX_OK)
        return status;
    if (help) {
        help_verb(c->verb, c->out);
        return EX_OK;
    }
    if (c->n < c->verb->least || c->n > c->verb->most)
        return command_usage(
            c, c->n < c->verb->least ? "too few arguments, wanted: %s" : "too many arguments, wanted: %s",
            c->verb->words ? c->verb->words : "none");
    char why[200];
    if (units_open(why, sizeof why) < 0)
        return command_fail(c, EX_UNAVAILABLE, "%s", why);
    return c->verb->run(c);
}

// A report cut short by a full disk must not look complete.
static int written(const char *what, int status, FILE *out, FILE *err)
{
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return status;
    fprintf(err, "%s: cannot write the output: %s\n", what, errno ? strerror(errno) : "write error");
    return status == EX_OK ? EX_UNAVAILABLE : status;
}

int cli_main(int argc, char **argv, FILE *out, FILE *err)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        help_overview(err);
        return EX_USAGE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        fprintf(out, "symbiont %s\n", SYMBIONT_VERSION);
        return written("symbiont", EX_OK, out, err);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    const struct verb *v = verb_find(name);
    if (!v)
        return unknown_verb(name, err);
    struct command c = {.verb = v, .out = out, .err = err};
    c.given = calloc((size_t)argc, sizeof *c.given);
    c.words = calloc((size_t)argc, sizeof *c.words);
    int status =
        c.given && c.words ? run(&c, argc - 2, argv + 2) : command_fail(&c, EX_UNAVAILABLE, "out of memory");
    free(c.given);
    free((void *)c.words);
    return written("symbiont", status, out, err);
}
