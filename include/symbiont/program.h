/* SPDX-License-Identifier: Apache-2.0 */
/* The command line that both daemons have. */
#ifndef SYMBIONT_PROGRAM_H
#define SYMBIONT_PROGRAM_H

#include <stdbool.h>

struct program {
    const char *name;
    const char *config; /* the file that is read unless another is named */
    int (*run)(const char *config, bool check);
};

/*
 * -c FILE, --check, --version, --help; prints what they ask for or runs the daemon. Returns the status the
 * process ends with: run's, or EX_USAGE with a sentence on standard error.
 */
int program_main(const struct program *p, int argc, char **argv);

#endif
