// SPDX-License-Identifier: Apache-2.0
// The table of MQTT 5 reason codes (chapter 3.4.2.1) and what each asks for.
#include "mqtt_refusal.h"

#include <stddef.h>

#define FIRST_PAUSE_NS (1 * NS_PER_S)
#define LAST_PAUSE_NS  (60 * NS_PER_S)

static const struct rule {
    unsigned reason;
    unsigned tries; // before it is set aside: pauses of 1, 2, 4, ... s between them
    bool waits;     // while everything is refused it is not given up: someone can mend that
    const char *words;
} rules[] = {
    {0x80, 5, true, "refused without a reason"},
    {0x83, 5, true, "refused for a reason of the broker's own"},
    {0x87, 3, true, "not authorized: the broker's access rules do not let this user publish on this topic"},
    {0x90, 1, false, "topic name not accepted by the broker"},
    {0x91, 5, true, "packet identifier in use"},
    {0x95, 0, false, "larger than the broker accepts"},
    {0x97, 8, true, "quota exceeded at the broker"},
    {0x99, 1, false, "payload format not accepted by the broker"},
};

static const struct rule *rule_for(unsigned reason)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].reason == reason)
            return &rules[i];
    return &rules[0];
}

// The place of the topic; a new one takes a free place, or the one whose last refusal is longest ago.
static struct mqtt_refused_topic *place_of(struct mqtt_refusals *r, uint64_t topic)
{
    struct mqtt_refused_topic *oldest = &r->topics[0];
    for (size_t i = 0; i < MQTT_REFUSED_TOPICS; i++) {
        struct mqtt_refused_topic *t = &r->topics[i];
        if (t->topic == topic)
            return t;
        if (t->topic == 0 ? oldest->topic != 0 : oldest->topic != 0 && mono_before(t->due, oldest->due))
            oldest = t;
    }
    r->count += oldest->topic == 0;
    *oldest = (struct mqtt_refused_topic){.topic = topic};
    return oldest;
}

struct mqtt_verdict mqtt_refused(struct mqtt_refusals *r, uint64_t topic, unsigned reason, bool others_pass,
                                 struct mono now)
{
    const struct rule *rule = rule_for(reason);
    struct mqtt_refused_topic *t = place_of(r, topic);
    if (!mono_before(now, t->due)) {
        t->tries++;
        t->pause_ns = t->pause_ns ? 2 * t->pause_ns : FIRST_PAUSE_NS;
        if (t->pause_ns > LAST_PAUSE_NS)
            t->pause_ns = LAST_PAUSE_NS;
        t->due = mono_add(now, t->pause_ns);
    }
    bool waits = rule->waits && !others_pass;
    return (struct mqtt_verdict){t->tries > rule->tries && !waits, t->due, rule->words};
}

bool mqtt_not_refused(struct mqtt_refusals *r, uint64_t topic)
{
    for (size_t i = 0; r->count && i < MQTT_REFUSED_TOPICS; i++) {
        if (r->topics[i].topic != topic)
            continue;
        r->topics[i] = (struct mqtt_refused_topic){0};
        r->count--;
        return true;
    }
    return false;
}
