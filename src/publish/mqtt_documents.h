/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retained documents: the last one of each topic, kept in memory and sent again after every reconnect.
 * Written by the loop's thread, taken by the sending one; a lock guards the table and is never held across a
 * call of anyone else's.
 */
#ifndef PUBLISH_MQTT_DOCUMENTS_H
#define PUBLISH_MQTT_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"

struct mqtt_documents;

struct mqtt_documents *mqtt_documents_new(void);
void mqtt_documents_free(struct mqtt_documents *d);

/* Keeps a copy; NULL payload: clear the topic at the broker, then forget it. Returns -1 when memory is out.
 */
int mqtt_documents_set(struct mqtt_documents *d, const char *topic, const char *payload, size_t n);
bool mqtt_documents_has(struct mqtt_documents *d, const char *topic);

/* One that the broker does not have yet, copied out; it counts as under way until one of the next three
 * calls. `suspect`: wanted is one that took the connection down with it thrice, to be sent alone. */
struct mqtt_document {
    size_t index;
    uint32_t version;
};
bool mqtt_documents_take(struct mqtt_documents *d, bool suspect, struct mqtt_document *out, struct buf *topic,
                         struct buf *payload);
void mqtt_documents_accepted(struct mqtt_documents *d, struct mqtt_document doc);
/* Not sent again until its content changes or the connection is made anew. */
void mqtt_documents_refused(struct mqtt_documents *d, struct mqtt_document doc);
/* The connection was lost: all are to be sent again. `soon` after sending: those under way are suspected.
 * Returns false when the one under way was suspect and alone: it is given up until its content changes. */
bool mqtt_documents_lost(struct mqtt_documents *d, bool soon);

size_t mqtt_documents_waiting(struct mqtt_documents *d); /* to be sent, suspects included */
size_t mqtt_documents_count(struct mqtt_documents *d);

/* All topics, each followed by '\n', in order of their names: what a later run may have to clear. */
void mqtt_documents_topics(struct mqtt_documents *d, struct buf *out);

#endif
