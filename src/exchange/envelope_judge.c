// SPDX-License-Identifier: Apache-2.0
// Whether a signed message may count: its place, its number against what was seen, its times; and what is
// then seen.
#include <stdio.h>
#include <string.h>
#include "exchange/envelope_inside.h"

enum envelope_verdict envelope_say(struct opening *o, enum envelope_verdict v, const char *words)
{
    snprintf(o->why, o->why_size, "%s", words);
    return v;
}

int envelope_key_of(const struct envelope_peer *p, const char *id)
{
    for (unsigned i = 0; p && i < p->key_count; i++)
        if (strcmp(p->key_ids[i], id) == 0)
            return (int)i;
    return -1;
}

static enum envelope_verdict judge_site(struct opening *o)
{
    const struct envelope_context *c = o->c;
    const struct message *m = o->m;
    if (strcmp(m->territory, c->territory) != 0)
        return envelope_say(o, ENVELOPE_WRONG_SITE, "it is of another territory");
    if (strcmp(m->from, c->peer->pseudonym) != 0)
        return envelope_say(o, ENVELOPE_WRONG_SITE, "\"from\" is not the member whose key signed");
    if (strcmp(m->to[0] ? m->to : m->from, c->pseudonym) != 0)
        return envelope_say(o, ENVELOPE_WRONG_SITE, "it belongs on the topics of another member");
    return ENVELOPE_OK;
}

static int compare(uint64_t epoch, uint64_t seq, uint64_t than_epoch, uint64_t than_seq)
{
    return epoch != than_epoch ? (epoch > than_epoch ? 1 : -1)
           : seq != than_seq   ? (seq > than_seq ? 1 : -1)
                               : 0;
}

static enum envelope_verdict judge_number(struct opening *o)
{
    const struct envelope_context *c = o->c;
    const struct message *m = o->m;
    const struct envelope_topic *t = c->topic && c->topic->key_id[0] ? c->topic : NULL;
    const struct envelope_seen *seen = &c->peer->seen[o->key];
    if (t && strcmp(t->key_id, m->key_id) == 0) {
        int order = compare(m->epoch, m->seq, t->epoch, t->seq);
        if (order == 0 && memcmp(t->hash, o->hash, sizeof t->hash) == 0)
            return ENVELOPE_REFRESH;
        if (order == 0)
            return envelope_say(o, ENVELOPE_CONFLICT, "another message has the same number");
        if (order < 0)
            return envelope_say(o, ENVELOPE_REPLAYED, "a newer one was accepted on this topic");
    } else if (t && m->issued.ms <= t->issued.ms) {
        // Two keys count apart: between them the time of issue decides.
        return envelope_say(o, ENVELOPE_REPLAYED, "a newer one, of another key, was accepted on this topic");
    }
    if (!c->retained && compare(m->epoch, m->seq, seen->epoch, seen->seq) <= 0)
        return envelope_say(o, ENVELOPE_REPLAYED, "a newer one of this key was accepted");
    if (t && t->withdrawn && m->kind != MESSAGE_WITHDRAWAL && (!c->clock_set || c->now.ms < t->until.ms))
        return envelope_say(o, ENVELOPE_WITHDRAWN, "what it says was withdrawn");
    return ENVELOPE_OK;
}

static enum envelope_verdict judge_time(struct opening *o)
{
    const struct message *m = o->m;
    int64_t now = o->c->now.ms;
    if (!o->c->clock_set)
        return ENVELOPE_OK;
    if (m->expires.ms <= now)
        return envelope_say(o, ENVELOPE_EXPIRED, "it has expired");
    if (m->issued.ms > now + ENVELOPE_CLOCK_MS)
        return envelope_say(o, ENVELOPE_FUTURE, "it was issued more than 5 min ahead of our clock");
    if (!o->c->retained && m->issued.ms < now - ENVELOPE_CLOCK_MS)
        return envelope_say(o, ENVELOPE_OLD, "it was issued more than 5 min ago");
    return ENVELOPE_OK;
}

enum envelope_verdict envelope_judge(struct opening *o)
{
    enum envelope_verdict v = judge_site(o);
    if (v != ENVELOPE_OK)
        return v;
    enum envelope_verdict number = judge_number(o);
    if (number != ENVELOPE_OK && number != ENVELOPE_REFRESH)
        return number;
    // A live message that is known is a repeated delivery, however old.
    v = number == ENVELOPE_REFRESH && !o->c->retained ? ENVELOPE_OK : judge_time(o);
    return v == ENVELOPE_OK ? number : v;
}

void envelope_peer_pin(struct envelope_peer *p, unsigned i, const unsigned char key[static KEY_PUBLIC])
{
    if (i >= 2)
        return;
    memcpy(p->keys[i], key, KEY_PUBLIC);
    public_key_id(key, p->key_ids[i]);
    p->seen[i] = (struct envelope_seen){0};
    if (p->key_count <= i)
        p->key_count = i + 1;
}

void envelope_accept(struct envelope_peer *peer, struct envelope_topic *topic, const struct message *m,
                     const unsigned char hash[static 32])
{
    int key = envelope_key_of(peer, m->key_id);
    if (key >= 0 && compare(m->epoch, m->seq, peer->seen[key].epoch, peer->seen[key].seq) > 0)
        peer->seen[key] = (struct envelope_seen){m->epoch, m->seq};
    if (!topic)
        return;
    strcpy(topic->key_id, m->key_id);
    topic->epoch = m->epoch;
    topic->seq = m->seq;
    topic->issued = m->issued;
    memcpy(topic->hash, hash, sizeof topic->hash);
    topic->withdrawn |= m->kind == MESSAGE_WITHDRAWAL;
    if (m->expires.ms > topic->until.ms)
        topic->until = m->expires;
}
