/* SPDX-License-Identifier: Apache-2.0 */
/* What the command-line tool must know of the territory's coordinator: its file and its socket. */
#ifndef SYMBIONT_COORDINATOR_H
#define SYMBIONT_COORDINATOR_H

#include <stdbool.h>
#include <stddef.h>
#include "symbiont/config.h"

#define COORDINATOR_CONF   SYMBIONT_SYSCONFDIR "/coordinator.conf"
#define COORDINATOR_SOCKET "/run/symbiont-coordinator/control.sock"

/* The root table of coordinator.conf. */
extern const struct section coordinator_section;

/* Whether the file is a coordinator.conf: it says `territory = "...";` at its top. */
bool coordinator_conf_is(const char *path);
/* Reads and checks it as the daemon does. `config` NULL: it cannot be read at all. */
struct coordinator_checked {
    struct config *config;
    const char *territory;
    size_t members, declared;
    struct territory *read;
};
void coordinator_conf_check(const char *path, struct diagnostics *d, struct coordinator_checked *out);
void coordinator_conf_checked_free(struct coordinator_checked *k);
/* control.socket of the file, or the default where it says nothing that can be read. Returns out. */
char *coordinator_conf_socket(const char *path, char *out, size_t size);

#endif
