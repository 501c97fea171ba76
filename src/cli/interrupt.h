/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ctrl-C as something that can be waited for: a verb that shows what it has so far, or that has to put the
 * terminal back, opens this first thing. From then on SIGINT, SIGTERM and SIGHUP no longer kill; they make
 * `fd` readable, for good. Private to the command-line tool.
 */
#ifndef SYMBIONT_CLI_INTERRUPT_H
#define SYMBIONT_CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

struct interrupt {
    int fd;
    sigset_t before;
};

/* Before threads are made, which inherit that the signals are blocked. Returns 0, or -1 with errno. */
int interrupt_open(struct interrupt *i);
bool interrupt_seen(const struct interrupt *i);
/* Signals kill again; those seen do not. */
void interrupt_close(struct interrupt *i);

#endif
