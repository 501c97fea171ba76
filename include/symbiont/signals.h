/* SPDX-License-Identifier: Apache-2.0 */
/* The signals of a daemon, on its loop: SIGHUP reloads, SIGTERM and SIGINT stop, SIGPIPE is nothing. */
#ifndef SYMBIONT_SIGNALS_H
#define SYMBIONT_SIGNALS_H

#include "symbiont/loop.h"

struct signals {
    struct watch watch;
    struct loop *loop; /* NULL: not open */
    void (*reload)(void *arg);
    void *arg;
};

/*
 * To be called before any thread begins, so that only the loop sees them. `reload` runs on the loop's thread
 * at each SIGHUP; SIGTERM and SIGINT are logged and stop the loop. Returns 0, or -1 with errno.
 */
int signals_open(struct signals *s, struct loop *loop, void (*reload)(void *arg), void *arg);
/* They stay blocked: what comes now no longer counts. Nothing to do when it is not open. */
void signals_close(struct signals *s);

#endif
