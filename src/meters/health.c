// SPDX-License-Identifier: Apache-2.0
// Up, suspect, down: when a unit that does not answer is asked again.
#include "symbiont/health.h"

const char *health_text(enum health_state s)
{
    static const char *const words[] = {"unknown", "up", "suspect", "down"};
    return words[s];
}

struct health health_begin(const struct health_settings *s)
{
    return (struct health){.probe = {s->probe_first_ns, s->probe_cap_ns, 0}};
}

enum health_advice health_advise(const struct health *h, struct mono now)
{
    if (h->state != HEALTH_DOWN)
        return HEALTH_POLL;
    return mono_before(now, h->next_probe) ? HEALTH_SKIP : HEALTH_PROBE;
}

static enum health_change answered_now(struct health *h)
{
    enum health_change change = h->known_up ? HEALTH_SAME : HEALTH_CAME_UP;
    h->known_up = true;
    h->state = HEALTH_UP;
    h->failures = 0;
    h->probes = 0;
    backoff_reset(&h->probe);
    return change;
}

enum health_change health_report(struct health *h, const struct health_settings *s, struct mono now,
                                 bool answered, uint64_t random)
{
    if (answered)
        return answered_now(h);
    if (h->failures++ == 0)
        h->first_failure = now;
    if (h->state == HEALTH_DOWN) {
        h->probes++;
        h->next_probe = mono_add(now, backoff_next(&h->probe, random));
        return HEALTH_SAME;
    }
    h->state = HEALTH_SUSPECT;
    if (h->failures < s->down_failures || mono_since(now, h->first_failure) < s->down_after_ns)
        return HEALTH_SAME;
    h->state = HEALTH_DOWN;
    h->known_up = false;
    h->next_probe = mono_add(now, backoff_next(&h->probe, random));
    return HEALTH_WENT_DOWN;
}
