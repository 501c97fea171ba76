/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a running daemon over its control socket. Private to the command-line tool. */
#ifndef SYMBIONT_CONTROL_CLIENT_H
#define SYMBIONT_CONTROL_CLIENT_H

#include <jansson.h>
#include "cli/verb.h"
#include "symbiont/buf.h"

/* The options every verb that asks a daemon has, and the socket they name: --socket, else the one of the
 * configuration, else the default. `out` holds at least 108 bytes. */
#define VERB_SOCKET                                                                                          \
    {                                                                                                        \
        "socket", 's', "FILE", "the daemon's control socket (default: the configuration's)", false, NULL     \
    }
#define VERB_COORDINATOR                                                                                     \
    {                                                                                                        \
        "coordinator", 0, NULL, "ask the territory's coordinator, not a gateway", false, NULL                \
    }
/* --coordinator, or -c names a coordinator.conf. */
bool asks_coordinator(const struct command *c);
const char *control_socket(const struct command *c, char *out, size_t size);

/* Sends one request line and appends the whole answer. Returns EX_OK, or a status after a message on c->err.
 */
int control_ask(const struct command *c, const char *socket_path, const char *request, struct buf *answer);
/* As control_ask, but gives up when `stop` (a descriptor, -1: none) is readable, and the message goes to
 * `why`.
 */
int control_ask_quietly(const char *socket_path, const char *request, int stop, struct buf *answer, char *why,
                        size_t why_size);
/* The same, read as JSON; NULL and *status set after a message. */
json_t *control_ask_json(const struct command *c, const char *socket_path, const char *request, int *status);

#endif
