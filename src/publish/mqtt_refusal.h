/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to do with a message that the broker refused (MQTT 5 PUBACK with a reason of 0x80 and above).
 * Pure. Counted per topic, not per message: once a topic has been refused often enough, its next messages
 * are tried once each and set aside, and they do not hold up those of other topics. A message that is
 * accepted clears its topic.
 */
#ifndef PUBLISH_MQTT_REFUSAL_H
#define PUBLISH_MQTT_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>
#include "symbiont/clock.h"

#define MQTT_REFUSED_TOPICS 128

struct mqtt_refused_topic {
    uint64_t topic; /* hash; 0: free */
    unsigned tries; /* spread over time: those within one pause count once */
    int64_t pause_ns;
    struct mono due; /* when the next try counts */
};

struct mqtt_refusals {
    struct mqtt_refused_topic topics[MQTT_REFUSED_TOPICS];
    unsigned count;
};

struct mqtt_verdict {
    bool set_aside;    /* give the message up */
    struct mono due;   /* else: send it again then */
    const char *words; /* what the reason means and who can mend it */
};

/* `reason` of a message on `topic` (a hash, not 0). `others_pass`: some reading was accepted over this
 * connection, so it is this topic that is refused, and not the gateway as a whole: a fault that an operator
 * will mend. */
struct mqtt_verdict mqtt_refused(struct mqtt_refusals *r, uint64_t topic, unsigned reason, bool others_pass,
                                 struct mono now);
/* Accepted. True when it had been refused before. */
bool mqtt_not_refused(struct mqtt_refusals *r, uint64_t topic);

#endif
