/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon's control socket: one line in, one JSON document out, close. A client that is slow, silent or rude
 * costs its own connection and nothing else.
 */
#ifndef SYMBIONT_CONTROL_H
#define SYMBIONT_CONTROL_H

#include "symbiont/buf.h"
#include "symbiont/loop.h"

struct control;

#define CONTROL_REQUEST_MAX 256 /* bytes of a line, its end included */

struct control_settings {
    struct loop *loop;
    const char *path; /* of the Unix socket; its directory is made when missing */
    const char *who;  /* the daemon's name, for messages */
    /* Appends the answer to a request, a JSON document without a line end. */
    void (*answer)(void *arg, const char *request, struct buf *out);
    void *arg;
};

/* NULL with a sentence in `why`: the path cannot be used, or another daemon answers there. */
struct control *control_open(const struct control_settings *s, char *why, size_t why_size);
/* Ends every client's connection and removes the socket. NULL is fine. */
void control_close(struct control *c);

/* {"error":"unknown request","request":...} */
void control_unknown(struct buf *out, const char *request);

#endif
