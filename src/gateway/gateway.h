/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's parts and who may touch them: everything here belongs to the loop's thread. Private to
 * this folder. */
#ifndef SYMBIONT_GATEWAY_H
#define SYMBIONT_GATEWAY_H

#include "symbiont/control.h"
#include "symbiont/engine.h"
#include "symbiont/ledger.h"
#include "symbiont/loop.h"
#include "symbiont/signals.h"
#include "symbiont/site.h"

/* A publisher that is configured, with the settings it was opened with. */
struct running_publisher {
    const struct publisher_kind *kind;
    struct publisher *publisher; /* NULL: not configured */
    struct site *settings;       /* held */
    struct publisher_site env;
};

struct exchange;

struct gateway {
    const char *path; /* of the configuration */
    struct profile_path profiles;
    struct loop *loop;
    struct connect_gate gate;
    struct site *site;
    struct outbox *outbox;
    struct running_publisher publishers[OUTBOX_LANES_MAX];
    struct engine *engine;
    struct timer engine_timer;
    struct ledger *ledger;     /* NULL: no streams */
    int *stream_numbers;       /* in the ledger, parallel to the engine's streams */
    bool *stream_recalls;      /* the ledger has hours of it in its unit */
    bool hour_over;            /* of some stream: it is to be committed */
    int64_t hour_kept;         /* hours since 1970 at the last tick */
    struct exchange *exchange; /* NULL: nothing leaves */
    struct poller *poller;
    struct line **lines;   /* parallel to the site's lines */
    struct meter **meters; /* parallel to the site's meters */
    struct control *control;
    struct signals signals;
    struct timer housekeeping;
    int64_t watchdog_ns;
    struct utc started;
    struct mono began;
    struct utc loaded;
    uint64_t reloads, reload_failures;
    int64_t clock_offset_ms; /* wall clock less monotonic clock, as last seen; 0: not yet */
    uint64_t clock_steps;
    struct complaint worn;
    char reload_error[256];   /* of the last reload; "" when it succeeded */
    uint64_t readings, empty; /* handed to the publishers; of these, without a good value */
    uint64_t counter_events;
    struct buf scratch, line;
    bool failed; /* the loop was left because something of our own broke */
};

/* gateway.c */
int gateway_start(struct gateway *g, char *why, size_t why_size);
void gateway_stop(struct gateway *g);
void gateway_set_gather(const struct gateway *g);

/* wear.c */
struct wear {
    double per_day; /* bytes written, outbox and ledger, at the rate since the start */
    double
        years; /* until storage.endurance is used up; infinite when it is not given or nothing is written */
};
struct wear gateway_wear(const struct gateway *g, struct mono now);
void gateway_look_at_wear(struct gateway *g, struct mono now);

/* wiring.c: what a reading, a unit's change and a counter's step lead to */
struct poller_hooks gateway_hooks(struct gateway *g);
void gateway_announce(struct gateway *g, const struct meter *m);
void gateway_forget(struct gateway *g, const char *meter);
void gateway_document(struct gateway *g, const char *topic, const char *payload, size_t n);
void gateway_keep_counters(struct gateway *g);
void gateway_restore_counters(struct gateway *g, struct meter *m);

/* engine.c */
int gateway_open_engine(struct gateway *g, char *why, size_t why_size);
void gateway_close_engine(struct gateway *g);
struct engine *gateway_prepare_engine(struct gateway *g, struct site *fresh); /* NULL: memory */
void gateway_exchange_engine(struct gateway *g, struct engine *fresh);

/* telling.c */
struct engine_hooks gateway_engine_hooks(struct gateway *g);
void gateway_event(struct gateway *g, const char *topic, const struct buf *json, const char *line,
                   struct utc time);
void gateway_forget_stream(struct gateway *g, const char *name);

/* publishing.c */
int publishing_open(struct gateway *g, char *why, size_t why_size);
int publishing_start(struct gateway *g);
void publishing_close(struct gateway *g, struct mono deadline);
/* Before a reload: could every publisher that it changes be opened? False with a sentence in `why`. */
bool publishing_ready(const struct gateway *g, const struct site *fresh, char *why, size_t why_size);
int publishing_reload(struct gateway *g, struct site *fresh);
/* The meter goes: what publishers hold back of it is published. */
void publishing_forget(struct gateway *g, const struct meter_info *m);

/* exchange.c: the loop's side of the territory */
int exchange_open(struct gateway *g, char *why, size_t why_size);
int exchange_start(struct gateway *g);
void exchange_close(struct gateway *g, struct mono deadline);
/* The site and the engine in force are already the fresh ones. */
void exchange_reload(struct gateway *g, struct site *old);
/* Something happened to a stream: look at the offers soon. */
void exchange_look(struct gateway *g);
void exchange_hour(struct gateway *g, const struct stream *s, const struct stream_hour *h);
struct mono exchange_heartbeat(const struct gateway *g); /* ns 0: there is none */

/* exchange_answer.c */
void exchange_status(const struct gateway *g, struct json *j); /* a member "exchange", when there is one */
bool exchange_answer(struct gateway *g, const char *request, struct buf *out); /* false: not for us */

/* reload.c */
void gateway_reload(struct gateway *g);
int gateway_open_lines(struct gateway *g, struct site *site, char *why, size_t why_size);

/* status.c */
void gateway_status(const struct gateway *g, struct buf *out);
void gateway_values(const struct gateway *g, struct buf *out);
void gateway_summary(const struct gateway *g, char *out, size_t size);

/* asked.c: what the control socket answers */
void gateway_answer(void *gateway, const char *request, struct buf *out);

#endif
