/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon as a function, so that tests can link it. */
#ifndef COORDINATOR_DAEMON_H
#define COORDINATOR_DAEMON_H

#include <stdbool.h>

/* Runs until SIGTERM or SIGINT; returns the exit status (sysexits.h). `check`: only read and check. */
int coordinator_main(const char *config, bool check);

#endif
