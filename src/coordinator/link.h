/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The territory's broker behind two bounded queues: a thread of its own holds the connection (it may wait),
 * the daemon's loop puts messages out and takes messages in. Private to this folder.
 */
#ifndef COORDINATOR_LINK_H
#define COORDINATOR_LINK_H

#include "publish/mqtt_client.h"
#include "symbiont/loop.h"

struct link;

struct link_settings {
    const struct mqtt_config *broker; /* outlives the link, as do the strings */
    const char *territory, *client_id;
    uint32_t message_bytes; /* the longest that is taken in */
    struct loop *loop;      /* the daemon's */
    void (*woken)(
        void *arg); /* on the daemon's loop: there is something to take, or the connection changed */
    void *arg;
};

/* Connects and subscribes to what members publish. NULL with a sentence in `why`. */
struct link *link_open(const struct link_settings *s, char *why, size_t why_size);
/* What is waiting goes out until `deadline`. NULL is fine. */
void link_close(struct link *l, struct mono deadline);

/* What came in, oldest first; freed with free(). NULL: nothing. */
struct link_letter {
    struct link_letter *next;
    size_t bytes;
    bool retained;
    const char *topic;
    const void *payload;
    size_t n;
};
struct link_letter *link_take(struct link *l);
/* Not all was taken: `woken` is to be called again. */
void link_more(struct link *l);

/* Copies; false: too much is waiting, or memory is out. Empty payload: clears what is retained there. */
bool link_put(struct link *l, const char *topic, const void *payload, size_t n, bool retained,
              uint32_t expiry_s);

/* Once after each connection: the broker may have lost what was retained. */
bool link_came_up(struct link *l);
/* Asks the broker for everything retained once more. */
void link_again(struct link *l);

struct link_status {
    struct mqtt_client_info info;
    uint64_t put, delivered, refused, received, dropped;
    size_t waiting, waiting_bytes;
    struct mono heartbeat;
    uint64_t ups; /* connections so far */
    struct mono up_at;
};
void link_status(struct link *l, struct link_status *out);

#endif
