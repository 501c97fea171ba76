// SPDX-License-Identifier: Apache-2.0
// Everything that comes in from the territory: bounded, counted, believed only with the coordinator's
// signature. What is wrong costs a counter and nothing else.
#include <string.h>
#include "gateway/territory.h"

// Live messages: so many a minute, so many at once. The retained ones of a connect are exempt, up to what our
// tables can hold.
#define LIVE_PER_MINUTE 10
#define LIVE_BURST      20
// A body of 4 KiB in base64, and the rest of its envelope.
#define ENVELOPE_LIMIT 6144

const char *refusal_word(unsigned reason)
{
    static const char *const own[] = {
        [REFUSED_FLOOD - ENVELOPE_VERDICTS] = "flood",      [REFUSED_TOPIC - ENVELOPE_VERDICTS] = "topic",
        [REFUSED_KIND - ENVELOPE_VERDICTS] = "kind",        [REFUSED_BODY - ENVELOPE_VERDICTS] = "body",
        [REFUSED_UNKNOWN - ENVELOPE_VERDICTS] = "not_ours", [REFUSED_FULL - ENVELOPE_VERDICTS] = "full",
        [REFUSED_ABSURD - ENVELOPE_VERDICTS] = "absurd",    [REFUSED_EMPTY - ENVELOPE_VERDICTS] = "empty"};
    return reason < ENVELOPE_VERDICTS ? envelope_verdict_word((enum envelope_verdict)reason)
                                      : own[reason - ENVELOPE_VERDICTS];
}

static void refuse(struct territory *t, unsigned reason, const char *topic, const char *why)
{
    pthread_mutex_lock(&t->lock);
    t->counters.refused[reason]++;
    pthread_mutex_unlock(&t->lock);
    bool alarm = reason == ENVELOPE_CONFLICT || reason == ENVELOPE_BAD_SIGNATURE ||
                 reason == ENVELOPE_UNKNOWN_KEY || reason == REFUSED_ABSURD;
    if (reason != REFUSED_EMPTY)
        complain(reason == REFUSED_ABSURD ? &t->absurd_in : &t->refused_in, mono_now(),
                 alarm ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, TERRITORY_SUBJECT,
                 "refused a message%s on %.120s: %s%s%s",
                 reason == REFUSED_ABSURD ? " that the coordinator has signed" : "", topic,
                 refusal_word(reason), *why ? ": " : "", why);
}

static void refill(struct territory *t, struct mono now)
{
    t->tokens += (double)mono_since(now, t->tokens_at) / (60.0 * NS_PER_S) * LIVE_PER_MINUTE;
    t->tokens_at = now;
    if (t->tokens > LIVE_BURST)
        t->tokens = LIVE_BURST;
}

static bool may_come(struct territory *t, bool retained)
{
    if (retained && t->exempt < MATCHES_MAX + RECEIPTS_MAX) {
        t->exempt++;
        return true;
    }
    refill(t, mono_now());
    if (t->tokens < 1) {
        t->missed = true; // the coordinator's last word on each topic is retained: it is not lost
        return false;
    }
    t->tokens -= 1;
    return true;
}

bool territory_may_ask_again(struct territory *t, struct mono now)
{
    if (!t->missed || !atomic_load(&t->connected))
        return false;
    refill(t, now);
    if (t->tokens < LIVE_BURST / 2)
        return false;
    t->missed = false;
    t->exempt = 0;
    return true;
}

struct held_match *territory_match(struct territory *t, const char *id)
{
    for (size_t i = 0; i < t->match_count; i++)
        if (strcmp(t->matches[i].view.id, id) == 0)
            return &t->matches[i];
    return NULL;
}

static struct held_receipt *receipt_of(struct territory *t, const char *id)
{
    for (size_t i = 0; i < t->receipt_count; i++)
        if (strcmp(t->receipts[i].receipt.id, id) == 0)
            return &t->receipts[i];
    return NULL;
}

const struct offer_life *territory_told(const struct territory *t, const char *id)
{
    for (size_t i = 0; i < t->life_count; i++)
        if (t->lives[i].told && strcmp(t->lives[i].last.id, id) == 0)
            return &t->lives[i];
    return NULL;
}

static bool was_ours(const struct territory *t, const char *id)
{
    for (size_t i = 0; i < STANDINGS_MAX; i++)
        if (t->standings[i].topic[0] && strcmp(t->standings[i].id, id) == 0)
            return true;
    return territory_told(t, id) != NULL;
}

// ---- Matches ----

static struct held_match *oldest(struct territory *t, enum match_status status)
{
    struct held_match *found = NULL;
    for (size_t i = 0; i < t->match_count; i++) {
        struct held_match *m = &t->matches[i];
        if (m->view.status == status && !(status == MATCH_PROPOSED && m->answered) &&
            (!found || m->received.ms < found->received.ms))
            found = m;
    }
    return found;
}

// Room is made by the match that ended longest ago, else by the proposal that has waited longest for a word
// of ours: a neighbour with many needs must not keep the others' proposals out.
static struct held_match *new_match(struct territory *t)
{
    if (t->match_count < MATCHES_MAX)
        return &t->matches[t->match_count++];
    struct held_match *room = oldest(t, MATCH_ENDED);
    return room ? room : oldest(t, MATCH_PROPOSED);
}

bool territory_is_unasked(const struct held_match *m)
{
    return !m->answered && (m->view.status == MATCH_DISCLOSED || m->view.status == MATCH_AGREED ||
                            m->view.status == MATCH_RUNNING);
}

static void say_match(const struct held_match *m, bool is_new, enum match_status before)
{
    if (is_new)
        log_info(TERRITORY_SUBJECT, "match %s for %s: %.300s", m->view.id, m->name, m->view.text);
    else if (before != m->view.status)
        log_info(TERRITORY_SUBJECT, "match %s for %s is %s now%s%s", m->view.id, m->name,
                 match_status_word(m->view.status), m->view.reason[0] ? ": " : "", m->view.reason);
    if (territory_is_unasked(m) && (is_new || before != m->view.status))
        log_warning(
            TERRITORY_SUBJECT,
            "the coordinator says that match %s for %s is %s, but nobody here said yes to it: nothing "
            "is done",
            m->view.id, m->name, match_status_word(m->view.status));
}

static int take_match(struct territory *t, const struct exchange_topic *topic, const struct message *m,
                      const unsigned char hash[static 32], bool advisory, char *why, size_t why_size)
{
    struct match_view view;
    if (!match_view_read(m->body, m->body_size, &view, why, why_size))
        return REFUSED_BODY;
    if (strcmp(view.id, topic->id) != 0) {
        snprintf(why, why_size, "its id is not the topic's");
        return REFUSED_BODY;
    }
    struct held_match *held = territory_match(t, view.id);
    const struct offer_life *life = territory_told(t, view.own);
    if (!held && !life) {
        snprintf(why, why_size, "no offer or need of ours has the id %s", view.own);
        return REFUSED_UNKNOWN;
    }
    if (!match_view_check(&view, life ? &life->last : NULL, why, why_size))
        return REFUSED_ABSURD;
    pthread_mutex_lock(&t->lock);
    bool is_new = !held;
    if (is_new && (held = new_match(t)))
        *held = (struct held_match){.level = life->last.level};
    if (held) {
        enum match_status before = held->view.status;
        held->view = view;
        held->received = utc_now();
        held->expires = m->expires;
        held->advisory = advisory;
        if (life) {
            snprintf(held->name, sizeof held->name, "%s", life->name);
            held->level = life->last.level;
        }
        envelope_accept(&t->who.coordinator, &held->topic, m, hash);
        say_match(held, is_new, before);
    }
    pthread_mutex_unlock(&t->lock);
    return held ? 0 : REFUSED_FULL;
}

// ---- Receipts ----

static struct held_receipt *new_receipt(struct territory *t)
{
    struct held_receipt *oldest = NULL;
    if (t->receipt_count < RECEIPTS_MAX)
        return &t->receipts[t->receipt_count++];
    for (size_t i = 0; i < t->receipt_count; i++)
        if (!territory_told(t, t->receipts[i].receipt.id) &&
            (!oldest || t->receipts[i].received.ms < oldest->received.ms))
            oldest = &t->receipts[i];
    return oldest;
}

static int take_receipt(struct territory *t, const struct exchange_topic *topic, const struct message *m,
                        const unsigned char hash[static 32], char *why, size_t why_size)
{
    struct receipt r;
    if (!receipt_read(m->body, m->body_size, &r, why, why_size))
        return REFUSED_BODY;
    if (strcmp(r.id, topic->id) != 0) {
        snprintf(why, why_size, "its id is not the topic's");
        return REFUSED_BODY;
    }
    struct held_receipt *held = receipt_of(t, r.id);
    if (!held && !was_ours(t, r.id)) {
        snprintf(why, why_size, "no offer or need of ours has the id %s", r.id);
        return REFUSED_UNKNOWN;
    }
    pthread_mutex_lock(&t->lock);
    bool is_new = !held;
    if (is_new && (held = new_receipt(t)))
        *held = (struct held_receipt){0};
    if (held) {
        if (r.status == RECEIPT_REFUSED && (is_new || held->receipt.status != RECEIPT_REFUSED))
            log_warning(TERRITORY_SUBJECT, "the coordinator refuses %s: %s", r.id, r.reason);
        held->receipt = r;
        held->received = utc_now();
        envelope_accept(&t->who.coordinator, &held->topic, m, hash);
    }
    pthread_mutex_unlock(&t->lock);
    return held ? 0 : REFUSED_FULL;
}

// ---- A message ----

static const struct envelope_topic *topic_memory(struct territory *t, const struct exchange_topic *topic)
{
    const struct held_match *m = topic->branch == BRANCH_MATCHES ? territory_match(t, topic->id) : NULL;
    const struct held_receipt *r = topic->branch == BRANCH_RECEIPTS ? receipt_of(t, topic->id) : NULL;
    return m ? &m->topic : r ? &r->topic : NULL;
}

static bool is_for_us(const struct territory *t, const char *text, struct exchange_topic *topic)
{
    return exchange_topic_parse(text, topic) && strcmp(topic->territory, t->who.territory) == 0 &&
           strcmp(topic->pseudonym, t->who.pseudonym) == 0 &&
           (topic->branch == BRANCH_MATCHES || topic->branch == BRANCH_RECEIPTS);
}

static int take(struct territory *t, const struct mqtt_incoming *in, char *why, size_t why_size)
{
    struct exchange_topic topic;
    struct message m;
    unsigned char hash[32];
    if (!is_for_us(t, in->topic, &topic))
        return REFUSED_TOPIC;
    if (in->n == 0)
        return REFUSED_EMPTY;
    if (in->n > ENVELOPE_LIMIT)
        return ENVELOPE_TOO_LONG;
    if (!may_come(t, in->retained))
        return REFUSED_FLOOD;
    struct utc now = utc_now();
    const struct envelope_context c = {.territory = t->who.territory,
                                       .pseudonym = t->who.pseudonym,
                                       .now = now,
                                       .clock_set = utc_plausible(now),
                                       .retained = in->retained,
                                       .limit = ENVELOPE_LIMIT,
                                       .peer = t->who.coordinator.key_count ? &t->who.coordinator : NULL,
                                       .topic = topic_memory(t, &topic)};
    buf_reset(&t->scratch);
    enum envelope_verdict v = envelope_read(in->payload, in->n, &c, &m, hash, &t->scratch, why, why_size);
    if (v != ENVELOPE_OK)
        return (int)v;
    if (!exchange_topic_takes(&topic, m.kind))
        return REFUSED_KIND;
    return topic.branch == BRANCH_MATCHES ? take_match(t, &topic, &m, hash, !c.clock_set, why, why_size)
                                          : take_receipt(t, &topic, &m, hash, why, why_size);
}

void territory_take(struct territory *t, const struct mqtt_incoming *in)
{
    char why[300] = "";
    pthread_mutex_lock(&t->lock);
    t->counters.received++;
    pthread_mutex_unlock(&t->lock);
    int verdict = take(t, in, why, sizeof why);
    if (verdict != ENVELOPE_OK && verdict != ENVELOPE_REFRESH) {
        refuse(t, (unsigned)verdict, in->topic, why);
        return;
    }
    pthread_mutex_lock(&t->lock);
    t->counters.taken += verdict == ENVELOPE_OK;
    t->counters.repeats += verdict == ENVELOPE_REFRESH;
    pthread_mutex_unlock(&t->lock);
    if (verdict == ENVELOPE_OK)
        t->unsaved = true;
}
