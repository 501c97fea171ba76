/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher turns readings into messages for its lane of the outbox, and a thread of its own sends
 * them. Adding one is a file and a row in publishers[].
 */
#ifndef SYMBIONT_PUBLISHER_H
#define SYMBIONT_PUBLISHER_H

#include "symbiont/config.h"
#include "symbiont/json.h"
#include "symbiont/outbox.h"
#include "symbiont/reading.h"

/* What a publisher needs of the program around it. Lives as long as the publisher. */
struct publisher_site {
    const char *site; /* id */
    struct outbox *outbox;
    size_t lane;
};

struct publisher;

struct publisher_kind {
    const char *name;              /* lane name, section name: "mqtt" */
    const struct section *section; /* its settings */

    /* Are the settings complete enough to start it, and consistent? `configured` false: the section is
     * absent. */
    bool (*configured)(const void *settings);
    /* `spill_after_ns` is the outbox's setting: a publisher that holds messages back that long on purpose
     * would have every one of them written to disk. */
    void (*check)(const void *settings, int64_t spill_after_ns, struct diagnostics *d);

    /* Can the files it names (passwords, keys, certificates) be used as they are now? False with a sentence
     * in `why`. Asked before a reload closes what works. */
    bool (*ready)(const void *settings, char *why, size_t why_size);

    /* Prepares; the sending thread is started by `start`. NULL with a sentence in `why`. */
    struct publisher *(*open)(const void *settings, const struct publisher_site *site, char *why,
                              size_t why_size);
    int (*start)(struct publisher *p); /* 0, or -1 with errno */

    /* Loop thread: encodes one reading and puts it into the lane. No waiting. */
    void (*reading)(struct publisher *p, const struct reading *r);
    /* Loop thread: the meter goes (reload); what was held back of it, an unfinished interval, is published.
     * After it the publisher has no pointer to the meter. */
    void (*forget)(struct publisher *p, const struct meter_info *m);
    /* Loop thread: a document that shows the current state (status, meta, stream state): the last one of a
     * topic is kept and sent again after each reconnect, retained. NULL payload: forget and clear the topic.
     * Publishers without retained documents leave it NULL. Topics are relative to the site's root. */
    void (*document)(struct publisher *p, const char *topic, const char *payload, size_t n);
    /* Loop thread: an event message (alert): through the outbox. `line` is its line protocol form for
     * publishers of that kind, or NULL. */
    void (*event)(struct publisher *p, const char *topic, const char *json, size_t n, const char *line,
                  struct utc time);

    /* Members of a JSON object: connected, server, sent, failed, last error, ... Any thread. */
    void (*status)(struct publisher *p, struct json *j);
    /* Whether it is connected now (its last exchange with the server succeeded). Any thread. */
    bool (*connected)(struct publisher *p);
    struct mono (*heartbeat)(struct publisher *p); /* for the watchdog */

    /* Sends what it can until `deadline`, says goodbye (MQTT: status offline), ends the thread, frees. */
    void (*close)(struct publisher *p, struct mono deadline);
};

extern const struct publisher_kind publisher_mqtt;
extern const struct publisher_kind publisher_influx;
extern const struct publisher_kind *const publishers[]; /* NULL ends */

#endif
