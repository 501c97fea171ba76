/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting lines from the outbox into InfluxDB: gathering, posting, and acting on what the answer means. On
 * the sending thread; time is an argument.
 */
#ifndef PUBLISH_INFLUX_SENDER_H
#define PUBLISH_INFLUX_SENDER_H

#include <time.h>
#include "influx_answer.h"
#include "influx_batch.h"
#include "influx_http.h"
#include "symbiont/backoff.h"
#include "symbiont/log.h"
#include "symbiont/outbox.h"

struct influx_counters {
    uint64_t requests, stored_messages, stored_bytes, wire_bytes; /* of requests that were stored */
    uint64_t set_aside, retries, gaps;
};

/* What the status page shows, copied out of the sending thread. */
struct influx_shown {
    struct influx_counters counters;
    bool connected; /* the last exchange worked */
    bool fault;     /* waiting for an operator: the secret file is watched */
    struct mono retry_at;
    int64_t learned_bytes; /* the server's limit as far as known; 0: none */
    long last_status;
    char last_error[320];
    struct utc last_error_at, last_stored_at;
};

struct influx_sender {
    const struct influx_config *config;
    struct influx_http *http;
    struct outbox *outbox;
    size_t lane;
    const char *lane_name, *site;

    struct influx_batch batch;
    struct mono batch_due; /* gathering ends */
    bool backlog;          /* the outbox had more than fits */
    struct backoff pause;
    struct timespec secret_changed;
    struct mono gaps_looked_at;

    struct influx_response response;
    struct complaint trouble, bad_lines;
    struct influx_shown shown;
};

void influx_sender_init(struct influx_sender *s);
/* What is not acknowledged is offered again to whoever opens the lane next. */
void influx_sender_free(struct influx_sender *s);

/*
 * Does what is due now: at most one request. Returns when to call again, at the latest; `wants_outbox`: or
 * when the outbox has something. `flush`: no gathering any more, the program ends. `idle`: there is nothing
 * left to send.
 */
struct mono influx_sender_turn(struct influx_sender *s, struct mono now, bool flush, bool *wants_outbox,
                               bool *idle);

#endif
