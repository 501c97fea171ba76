/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation with the units of one line, for verbs that need no daemon: the daemon's own lines, one
 * request at a time, in blocking calls. Private to the command-line tool.
 */
#ifndef SYMBIONT_CLI_SESSION_H
#define SYMBIONT_CLI_SESSION_H

#include "cli/interrupt.h"
#include "cli/verb.h"
#include "symbiont/line.h"

/* The options that name a line on the command line. */
#define SESSION_OPTIONS                                                                                      \
    {"tcp", 't', "HOST[:PORT]", "a Modbus TCP address", false, NULL},                                        \
        {"serial", 'd', "DEVICE", "a serial port", false, NULL},                                             \
        {"rtu-over-tcp", 'r', "HOST:PORT", "a converter that carries RTU frames", false, NULL},              \
        {"mode", 'm', "MODE", "of the serial line: \"9600 8N1\" (default)", false, NULL},                    \
    {                                                                                                        \
        "timeout", 0, "TIME", "how long an answer may take (default \"1 s\")", false, NULL                   \
    }

struct session;

/* Does the command line name a line? */
bool session_named(const struct command *c);
/* Opens the line it names; `mode` not NULL replaces --mode. NULL and *status set after a message. */
struct session *session_open(const struct command *c, const char *mode, int *status);
/* Opens a line of a configuration, which outlives the session. */
struct session *session_open_line(const struct command *c, const struct line_config *line, int *status);
void session_close(struct session *s);

const char *session_address(const struct session *s);
const struct line_config *session_line(const struct session *s);

/* From now on an interrupt ends waiting: session_ask then says VERDICT_CANCELLED, at once and for good. */
int session_heed(struct session *s, const struct interrupt *i);
bool session_interrupted(const struct session *s);

/* What the next questions have as drain_ns, see struct transaction. */
void session_drain(struct session *s, int64_t drain_ns);

/* Asks and waits. The answer's data are valid until the next call. `timeout_ns` 0: the line's. */
struct modbus_answer session_ask(struct session *s, const struct modbus_ask *ask, int64_t timeout_ns);
/* How long the last answer took. */
int64_t session_took_ns(const struct session *s);
/* Waits. False: interrupted. */
bool session_wait(struct session *s, int64_t ns);
/* What the line has counted since it was opened or opened anew. */
const struct line_counters *session_counters(const struct session *s);
/* Lets go of the line and opens it anew, without the back-off that its troubles have led to. False: it cannot
 * be opened, the session is of no use any more. */
bool session_reopen(struct session *s);
/* The trouble of the line in words ("Connection refused"), "" when none. */
const char *session_trouble(struct session *s);

#endif
