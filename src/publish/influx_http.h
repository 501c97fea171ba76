/* SPDX-License-Identifier: Apache-2.0 */
/* Posting bytes to one address over one connection that is kept, with every wait bounded. */
#ifndef PUBLISH_INFLUX_HTTP_H
#define PUBLISH_INFLUX_HTTP_H

#include <stdatomic.h>
#include "influx_options.h"
#include "symbiont/clock.h"

enum influx_exchange {
    INFLUX_ANSWERED,   /* there is a status */
    INFLUX_NO_ANSWER,  /* network: unreachable, timed out, closed */
    INFLUX_NOT_SECURE, /* TLS: the server could not be verified, or does not accept us */
    INFLUX_NO_SECRET,  /* the password or token file cannot be read */
    INFLUX_STOPPED,    /* `stop_by` has passed */
};

struct influx_response {
    long status;
    int64_t retry_after_s;
    struct buf body; /* at most INFLUX_BODY_MAX */
    char redirect[256];
    char words[300];   /* when there is no status */
    size_t wire_bytes; /* of the request's body, as sent */
};

struct influx_http;

/* `stop_by`: CLOCK_MONOTONIC ns after which a transfer is broken off; INT64_MAX: never. `heartbeat` is set to
 * now while a transfer waits. All outlive it. NULL with a sentence in `why`. */
struct influx_http *influx_http_new(const struct influx_config *c, const atomic_llong *stop_by,
                                    atomic_llong *heartbeat, char *why, size_t why_size);
void influx_http_free(struct influx_http *h);

/* The response's buffer is reused. */
enum influx_exchange influx_http_post(struct influx_http *h, const char *data, size_t n,
                                      struct influx_response *r);

#endif
