/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verb of the `symbiont` command: one file verb_<name>.c and one row of VERBS. Its options are a
 * table, from which parsing, `symbiont help <name>` and the shell completion come.
 *
 *     static const struct verb_option options[] = {
 *         VERB_CONFIG,
 *         {"count", 'n', "N", "stop after N readings"},
 *         VERB_JSON,
 *         {0},
 *     };
 *     static int run(struct command *c) {
 *         int64_t count = 1;
 *         if (!command_integer(c, "count", 1, 1000, &count))
 *             return EX_USAGE;
 *         ...
 *     }
 *     const struct verb verb_read = {"read", "poll a meter once and print it", "METER...", 1, SIZE_MAX,
 *                                    "Text for people.", options, run};
 */
#ifndef SYMBIONT_CLI_VERB_H
#define SYMBIONT_CLI_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sysexits.h>

/* The rows, in the order of `symbiont help`. */
#define VERBS(ROW)                                                                                           \
    ROW(scan)                                                                                                \
    ROW(read)                                                                                                \
    ROW(check)                                                                                               \
    ROW(plan)                                                                                                \
    ROW(profiles)                                                                                            \
    ROW(status)                                                                                              \
    ROW(report)                                                                                              \
    ROW(watch)                                                                                               \
    ROW(replay)                                                                                              \
    ROW(simulate)                                                                                            \
    ROW(decode)                                                                                              \
    ROW(keygen)                                                                                              \
    ROW(match)                                                                                               \
    ROW(pinch)                                                                                               \
    ROW(offers)                                                                                              \
    ROW(matches)                                                                                             \
    ROW(accept)                                                                                              \
    ROW(decline)                                                                                             \
    ROW(options)                                                                                             \
    ROW(completion)                                                                                          \
    ROW(help)

/* Exit statuses: EX_OK, EX_USAGE (64), EX_UNAVAILABLE (69), EX_NOPERM (77), EX_CONFIG (78), and: */
#define EX_WRONG 1 /* the thing that was to be checked is wrong */

struct verb_option {
    const char *name;     /* "config": --config; NULL ends the table */
    char letter;          /* 'c': -c; 0: none */
    const char *argument; /* "FILE" (completed as a file), "DIR", "N", ...; NULL: a flag */
    const char *help;     /* a phrase in small letters, no full stop */
    bool many;            /* may be given several times */
    const char *choices;  /* "tcp rtu": what the argument may be, for help and completion; NULL: anything */
};

#define VERB_CONFIG                                                                                          \
    {                                                                                                        \
        "config", 'c', "FILE", "the configuration (default " SYMBIONT_SYSCONFDIR "/symbiont.conf)", false,   \
            NULL                                                                                             \
    }
#define VERB_CONFIG_DEFAULT SYMBIONT_SYSCONFDIR "/symbiont.conf"
#define VERB_JSON                                                                                            \
    {                                                                                                        \
        "json", 0, NULL, "print JSON", false, NULL                                                           \
    }

struct command;

struct verb {
    const char *name;
    const char *help;  /* one line, a phrase in small letters */
    const char *words; /* of the usage line: "REGISTER..."; NULL: none. FILE and VERB are completed as such */
    size_t least, most; /* how many words there may be */
    const char *text;   /* paragraphs for `symbiont help <name>`, which are wrapped; a line that
                         * begins with a space, or has two in a row, stays as it is */
    const struct verb_option *options; /* NULL: none but --help */
    int (*run)(struct command *c);     /* returns the exit status */
};

#define VERB_DECLARE(name) extern const struct verb verb_##name;
VERBS(VERB_DECLARE)
#undef VERB_DECLARE

extern const struct verb *const verbs[]; /* NULL ends */
const struct verb *verb_find(const char *name);

/* ---- What was asked ---- */

struct given {
    const struct verb_option *option;
    const char *value; /* NULL: a flag */
};

struct command {
    const struct verb *verb;
    struct given *given;
    size_t given_count;
    const char **words; /* without options */
    size_t n;
    FILE *out, *err;
};

bool command_flag(const struct command *c, const char *option);
/* The argument of an option, the last one when given several times; NULL when not given. */
const char *command_value(const struct command *c, const char *option);
/* The i-th argument of an option that may be given several times; NULL past the end. */
const char *command_value_at(const struct command *c, const char *option, size_t i);
/* --config, or its default. */
const char *command_config(const struct command *c);

/*
 * The argument as a number within [min, max], or as a duration ("10 s", "5 min") in nanoseconds with limits
 * in seconds; `out` is left alone when the option is not given. False after a message when it is wrong: the
 * verb then returns EX_USAGE.
 */
bool command_integer(const struct command *c, const char *option, int64_t min, int64_t max, int64_t *out);
bool command_number(const struct command *c, const char *option, double min, double max, double *out);
bool command_duration(const struct command *c, const char *option, double min, double max, int64_t *out_ns);

/* "symbiont read: <sentence>" on c->err. They return EX_USAGE (with a hint at the help), or `status`. */
int command_usage(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
int command_fail(const struct command *c, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- The program ---- */

/* All of main: parses, runs, flushes. Returns the exit status. */
int cli_main(int argc, char **argv, FILE *out, FILE *err);
/* Fills `c` (given and words have room for argc) from the arguments after the verb. EX_OK, or EX_USAGE after
 * a message. `help`: --help was among them. */
int cli_parse(struct command *c, int argc, char **argv, bool *help);

void help_overview(FILE *out);
void help_verb(const struct verb *v, FILE *out);
void completion_bash(FILE *out);
/* All verbs and their options, as scdoc. */
void man_verbs(FILE *out);

#endif
