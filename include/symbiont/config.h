/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration as tables. A module describes its settings as rows (name, type, unit, default,
 * range, help); reading, checking, printing back and the man page all come from the rows.
 *
 *     struct influx_config {
 *         struct settings common;          // always first
 *         char *url; int64_t batch_age_ns; bool gzip;
 *     };
 *     static const struct option influx_options[] = {
 *         {"url", OPTION_TEXT, offsetof(struct influx_config, url), .help = "..."},
 *         {"batch_age", OPTION_DURATION, offsetof(...), .def = "500 ms", .min = 0.01, .max = 60, ...},
 *         {0},
 *     };
 *     const struct section influx_section = {"influxdb", sizeof(struct influx_config), influx_options,
 * "help"};
 *
 * Unknown keys, wrong types, wrong units and values out of range are each one diagnostic with file
 * and line; all are reported.
 */
#ifndef SYMBIONT_CONFIG_H
#define SYMBIONT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Where something stands in the configuration. `file` lives as long as the diagnostics or config. */
struct place {
    const char *file; /* NULL: not from a file */
    int line;         /* 0: the file as a whole */
};

/* ---- Diagnostics: everything wrong, each once ---- */

struct diagnostics;

struct diagnostics *diagnostics_new(void);
void diagnostics_free(struct diagnostics *d);
void diag_error(struct diagnostics *d, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_warning(struct diagnostics *d, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t diag_errors(const struct diagnostics *d);
size_t diag_warnings(const struct diagnostics *d);
/* Calls `each` for every diagnostic, sorted by file and line. */
void diag_each(struct diagnostics *d,
               void (*each)(void *arg, bool is_error, struct place at, const char *text), void *arg);
/* "file:line: error: text" lines. */
void diag_print(struct diagnostics *d, FILE *out);

/* ---- Tables of options ---- */

enum option_type {
    OPTION_TEXT,     /* char *: any string */
    OPTION_NAME,     /* char *: [a-z][a-z0-9_]* */
    OPTION_ID,       /* char *: [a-z0-9-]+ */
    OPTION_INT,      /* int64_t within [min, max] */
    OPTION_NUMBER,   /* double within [min, max]; 5 and 5.0 both do */
    OPTION_BOOL,     /* bool */
    OPTION_AMOUNT,   /* double: a string "200 kW", converted to `unit`; min, max in `unit` */
    OPTION_DURATION, /* int64_t nanoseconds: a string "10 min"; min, max in seconds */
    OPTION_SIZE,     /* int64_t bytes: a string "64 MiB" or "500 kB" */
    OPTION_CHOICE,   /* int: the value of one of `choices` */
    OPTION_TEXTS,    /* struct texts: a list or array of strings */
    OPTION_NUMBERS,  /* struct numbers: a list or array of numbers */
    OPTION_GROUP,    /* struct of `section`, in place; absent: its defaults, common.place.file NULL */
    OPTION_GROUPS,   /* struct groups of `section`: a list of groups */
};

struct texts {
    char **items;
    size_t n;
};

struct numbers {
    double *items;
    size_t n;
};

struct groups {
    void *items; /* an array of the section's struct */
    size_t n;
};

struct choice {
    const char *word; /* NULL ends the list */
    int value;
};

struct section;

struct option {
    const char *name; /* NULL ends the table */
    enum option_type type;
    size_t offset;
    const char
        *def; /* as one would write it, without quotes: "10 min", "true", "a, b"; NULL: none (0, NULL) */
    const char *unit; /* OPTION_AMOUNT */
    double min, max;  /* both 0: no limit; -INFINITY, INFINITY: none on that side */
    bool required;
    const struct choice *choices;  /* OPTION_CHOICE */
    const struct section *section; /* OPTION_GROUP, OPTION_GROUPS */
    const char *help;              /* one or two sentences for the man page */
};

struct section {
    const char *name;
    size_t size; /* of the struct */
    const struct option *options;
    const char *help;
};

/* The first member of every struct that is read. */
struct settings {
    struct place place;
    uint64_t given; /* bit i: the i-th option stood in the file (64 options at most) */
};

/* Was the option at this offset of the struct given, or is it a default? */
bool option_given(const struct section *s, const void *settings, size_t offset);

/* ---- Reading ---- */

struct config;

/*
 * Reads `path`, then path's directory's conf.d/ files (*.conf in name order) when `with_conf_d`, merged into
 * one struct of `root`: lists are joined, a single setting given twice is an error. Everything wrong
 * goes to `d`: for each file one syntax or duplicate-key error (the parser stops there), then all
 * others. NULL only when memory is out or the first file cannot be read (that too is in `d`).
 * `required` is checked where the group stands; in an OPTION_GROUPS whose section requires a `name`, each
 * name may stand once. The result is usable only when diag_errors(d) == 0. (libconfig has a config_read of
 * its own.)
 */
struct config *config_read_path(const char *path, bool with_conf_d, const struct section *root,
                                struct diagnostics *d);
/* As config_read_path, from memory; `name` stands for the file in messages. For tests and fuzzers. */
struct config *config_read_text(const char *text, const char *name, const struct section *root,
                                struct diagnostics *d);
void *config_root(const struct config *c);
/* Frees everything the read allocated: every string and list reached from the root. */
void config_free(struct config *c);

/* Memory that lives as long as the config: for what a module derives from it. NULL when out. */
void *config_alloc(struct config *c, size_t size);

/* SHA-256 of all text read, as 64 hex digits. */
const char *config_hash(const struct config *c);

/* Prints the settings in force as a configuration file that reads back to the same. */
void config_print(const struct section *s, const void *settings, FILE *out);
/* The options of a section, as a scdoc fragment for the man pages. */
bool config_describe(const struct section *s, FILE *out);

#endif
