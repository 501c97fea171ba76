// SPDX-License-Identifier: Apache-2.0
// What members publish is checked in the order of what a check costs; what passes goes to whom it concerns.
// Whoever floods, forges, replays, or signs what cannot be true costs himself, not the territory.
#include <stdio.h>
#include <string.h>
#include "coordinator/coordinator.h"

// Before a signature is checked nobody knows who sends: a flood in a member's name must not use up the
// member's own allowance, nor more of our time than this.
#define RAW_TIMES 10

// ---- By kind; each is false with a sentence ----

static bool take_offer(struct coordinator *c, struct member *m, const struct exchange_topic *t,
                       const struct message *msg, char *why, size_t size)
{
    struct offer o;
    if (!offer_read(msg->body, msg->body_size, &o, why, size)) {
        receipt_refuse(c, m->pseudonym, t->id, 0, RECEIPT_REFUSED, why);
        return false;
    }
    enum offer_role role = msg->kind == MESSAGE_NEED ? ROLE_NEED : ROLE_OFFER;
    const struct entry *e = entry_of(c, t->id);
    bool ok = false;
    if (strcmp(o.id, t->id) != 0)
        snprintf(why, size, "id: the message's is not the topic's");
    else if (o.role != role)
        snprintf(why, size, "role: it does not fit the kind of message");
    else if (*o.pseudonym && strcmp(o.pseudonym, m->pseudonym) != 0)
        snprintf(why, size, "pseudonym: it is another site's");
    else if (e && e->member != m)
        snprintf(why, size, "id: another member has it");
    else
        ok = entry_put(c, m, &o, msg->expires, false, why, size);
    if (ok)
        return true;
    // What stands there now is not to be believed, and what stood there before its owner has taken away.
    if (e && e->member == m)
        entry_remove(c, entry_of(c, t->id));
    receipt_refuse(c, m->pseudonym, t->id, o.revision, RECEIPT_REFUSED, why);
    return false;
}

static bool take_withdrawal(struct coordinator *c, struct member *m, const struct exchange_topic *t,
                            const struct message *msg, char *why, size_t size)
{
    struct withdrawal w;
    if (!withdrawal_read(msg->body, msg->body_size, &w, why, size))
        return false;
    if (strcmp(w.id, t->id) != 0) {
        snprintf(why, size, "id: the withdrawal's is not the topic's");
        return false;
    }
    struct entry *e = entry_of(c, w.id);
    if (e && e->member != m) {
        snprintf(why, size, "id: another member's");
        return false;
    }
    if (!e) {
        receipt_nothing_held(c, m->pseudonym, w.id, msg->expires);
        return true;
    }
    uint64_t revision = e->revision;
    log_info("entries", "%s of %s was withdrawn", w.id, m->pseudonym);
    entry_remove(c, e);
    receipt_refuse(c, m->pseudonym, w.id, revision, RECEIPT_WITHDRAWN, "");
    return true;
}

static bool take_reply(struct coordinator *c, struct member *m, const struct exchange_topic *t,
                       const struct message *msg, char *why, size_t size)
{
    struct reply r;
    if (!reply_read(msg->body, msg->body_size, &r, why, size))
        return false;
    if (strcmp(r.match, t->id) != 0) {
        snprintf(why, size, "match: it is not the topic's");
        return false;
    }
    if (!m->config->may_accept) {
        member_troubles(c, m, "its gateway may not answer matches (may_accept = false)");
        return true;
    }
    if (!deal_answer(c, m, &r, true, why, size))
        member_troubles(c, m, "answer to match %s: %s", r.match, why);
    return true;
}

static bool take_meter(struct coordinator *c, struct member *m, const struct exchange_topic *t,
                       const struct message *msg, char *why, size_t size)
{
    struct metered meter;
    if (!metered_read(msg->body, msg->body_size, &meter, why, size))
        return false;
    if (strcmp(meter.match, t->id) != 0) {
        snprintf(why, size, "match: it is not the topic's");
        return false;
    }
    return deal_meter(c, m, &meter, why, size);
}

static bool take_card(struct coordinator *c, struct member *m, const struct exchange_topic *t,
                      const struct message *msg, char *why, size_t size)
{
    struct card card;
    (void)t;
    if (!card_read(msg->body, msg->body_size, &card, why, size))
        return false;
    if (strcmp(card.pseudonym, m->pseudonym) != 0) {
        snprintf(why, size, "pseudonym: the card is another site's");
        return false;
    }
    bool news = card.has_next_key &&
                (!m->has_card || memcmp(m->card.next_key, card.next_key, sizeof card.next_key) != 0);
    m->card = card;
    m->has_card = true;
    if (news) {
        char text[KEY_TEXT], subject[64];
        snprintf(subject, sizeof subject, "member %s", m->pseudonym);
        log_info(subject, "is going to change its key to %s: add it to `keys` when you have made sure",
                 public_key_text(card.next_key, text));
    }
    (void)c;
    return true;
}

static bool take(struct coordinator *c, struct member *m, const struct exchange_topic *t,
                 const struct message *msg, char *why, size_t size)
{
    static bool (*const takers[MESSAGE_KINDS])(struct coordinator *, struct member *,
                                               const struct exchange_topic *, const struct message *, char *,
                                               size_t) = {
        [MESSAGE_CARD] = take_card,   [MESSAGE_OFFER] = take_offer,
        [MESSAGE_NEED] = take_offer,  [MESSAGE_WITHDRAWAL] = take_withdrawal,
        [MESSAGE_REPLY] = take_reply, [MESSAGE_METER] = take_meter,
    };
    if ((unsigned)msg->kind < MESSAGE_KINDS && takers[msg->kind] && exchange_topic_takes(t, msg->kind))
        return takers[msg->kind](c, m, t, msg, why, size);
    snprintf(why, size, "a message of kind \"%s\" does not belong there", message_kind_word(msg->kind));
    return false;
}

// ---- The gates before ----

static struct member *sender(struct coordinator *c, const struct link_letter *l, struct exchange_topic *t)
{
    if (!exchange_topic_parse(l->topic, t) || strcmp(t->territory, c->territory->root->territory) != 0 ||
        t->branch == BRANCH_MATCHES || t->branch == BRANCH_RECEIPTS) {
        c->foreign++;
        return NULL;
    }
    struct member *m = member_of(c, t->pseudonym);
    if (m && m->config)
        return m;
    c->strangers++;
    complain(&c->stranger, loop_now(c->loop), LOG_LEVEL_WARNING, "intake",
             "messages of \"%s\", who is no member: enrol it, or close the broker to it", t->pseudonym);
    return NULL;
}

// What the broker had kept for us when we connected is exempt: it is bounded by the tables.
static bool within_rate(struct coordinator *c, struct member *m, struct bucket *b, double times,
                        const char *what)
{
    const struct limits_config *l = &c->territory->root->limits;
    if (bucket_take(b, times * (double)l->messages_minute, times * (double)l->burst, loop_now(c->loop)))
        return true;
    m->throttled++;
    m->missed = true;
    member_troubles(c, m, "more than %g %s a minute: not all of them are looked at",
                    times * (double)l->messages_minute, what);
    return false;
}

static void judge(struct coordinator *c, struct member *m, enum envelope_verdict v, const char *why)
{
    switch (v) {
    case ENVELOPE_OK:
    case ENVELOPE_REFRESH:
        break;
    // The owner of the key signed it: nobody else can be blamed for it.
    case ENVELOPE_WRONG_SITE:
    case ENVELOPE_CONFLICT:
    case ENVELOPE_FUTURE:
        member_offends(c, m, "message refused (%s): %s", envelope_verdict_word(v), why);
        break;
    // Anybody who may write there can have sent these, and the broker itself what is old.
    case ENVELOPE_TOO_LONG:
    case ENVELOPE_MALFORMED:
    case ENVELOPE_VERSION:
    case ENVELOPE_UNKNOWN_KEY:
    case ENVELOPE_BAD_SIGNATURE:
    case ENVELOPE_REPLAYED:
    case ENVELOPE_WITHDRAWN:
    case ENVELOPE_EXPIRED:
    case ENVELOPE_OLD:
        m->refused++;
        member_troubles(c, m, "message refused (%s): %s", envelope_verdict_word(v), why);
        break;
    }
}

static void accept(struct coordinator *c, struct member *m, struct topic *topic, const struct message *msg,
                   const unsigned char hash[static 32])
{
    envelope_accept(&m->peer, &topic->seen, msg, hash);
    topic_keep(c, topic);
    for (unsigned i = 0; i < m->peer.key_count; i++)
        if (strcmp(m->peer.key_ids[i], msg->key_id) == 0)
            store_put_seen(c->store, m->peer.key_ids[i], &m->peer.seen[i]);
}

// Only what the member signed is remembered: otherwise whoever may write there could use up his room.
static struct topic *begin_topic(struct coordinator *c, struct member *m, const struct link_letter *l,
                                 const struct exchange_topic *t)
{
    if ((t->branch == BRANCH_OFFERS || t->branch == BRANCH_NEEDS) && !member_takes_id(c, m))
        return NULL;
    struct topic *topic = topic_begin(c, l->topic, m);
    if (topic)
        return topic;
    m->throttled++;
    m->missed = true;
    member_troubles(c, m, "too many topics: old ones must expire first");
    return NULL;
}

static void open_letter(struct coordinator *c, const struct link_letter *l, const struct exchange_topic *t,
                        struct member *m)
{
    char why[300] = "";
    unsigned char hash[32];
    struct message msg;
    struct topic *topic = topic_known(c, l->topic);
    struct envelope_context context = {.territory = c->territory->root->territory,
                                       .pseudonym = t->pseudonym,
                                       .now = utc_now(),
                                       .clock_set = true,
                                       .retained = l->retained,
                                       .limit = (size_t)c->territory->root->limits.message_bytes,
                                       .peer = &m->peer,
                                       .topic = topic ? &topic->seen : NULL};
    enum envelope_verdict v =
        envelope_read(l->payload, l->n, &context, &msg, hash, &c->scratch, why, sizeof why);
    m->verdicts[v]++;
    m->refreshed += v == ENVELOPE_REFRESH;
    if (v != ENVELOPE_OK) {
        judge(c, m, v, why);
        return;
    }
    m->last_message = utc_now();
    if (!l->retained && !within_rate(c, m, &m->good, 1, "messages"))
        return;
    if (!topic && !(topic = begin_topic(c, m, l, t)))
        return;
    accept(c, m, topic, &msg, hash);
    if (take(c, m, t, &msg, why, sizeof why))
        m->accepted++;
    else
        member_offends(c, m, "%s refused: %s", message_kind_word(msg.kind), why);
    coordinator_stir(c);
}

void intake(struct coordinator *c, const struct link_letter *l)
{
    struct exchange_topic t;
    struct member *m = sender(c, l, &t);
    if (!m)
        return;
    if (mono_before(loop_now(c->loop), m->muted_until)) {
        m->muted++;
        m->missed = true;
        return;
    }
    if (l->n == 0) { // a bare clear says nothing: withdrawals are signed
        m->cleared++;
        return;
    }
    if (l->n > (size_t)c->territory->root->limits.message_bytes) {
        m->verdicts[ENVELOPE_TOO_LONG]++;
        judge(c, m, ENVELOPE_TOO_LONG, "longer than limits.message_size");
        return;
    }
    if (!l->retained && !within_rate(c, m, &m->raw, RAW_TIMES, "messages before their signature is checked"))
        return;
    if (!utc_plausible(utc_now())) { // everything comes again once the clock is set
        m->missed = true;
        return;
    }
    open_letter(c, l, &t, m);
}
