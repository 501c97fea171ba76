// SPDX-License-Identifier: Apache-2.0
// What becomes of wishes and orders: offers and needs told and withdrawn, the card, replies, metered hours.
#include <math.h>
#include <string.h>
#include "gateway/territory.h"

#define DAY_MS        86400000LL
#define LASTING_MS    (90 * DAY_MS) // card, replies, meters, withdrawals: renewed or over long before
#define CARD_RENEW_MS (45 * DAY_MS)

static enum exchange_branch branch_of(enum offer_role r)
{
    return r == ROLE_OFFER ? BRANCH_OFFERS : BRANCH_NEEDS;
}

static const char *role_word(enum offer_role r)
{
    return r == ROLE_OFFER ? "offer" : "need";
}

static const struct offer_wish *wish_of(const struct territory *t, const struct offer_life *l)
{
    for (size_t i = 0; t->wishes && i < t->wishes->n; i++)
        if (t->wishes->items[i].role == l->role && strcmp(t->wishes->items[i].name, l->name) == 0)
            return &t->wishes->items[i];
    return NULL;
}

static struct offer_life *life_of(struct territory *t, const char *name, enum offer_role role)
{
    for (size_t i = 0; i < t->life_count; i++)
        if (t->lives[i].role == role && strcmp(t->lives[i].name, name) == 0)
            return &t->lives[i];
    return NULL;
}

// ---- Offers and needs ----

static bool tell(struct territory *t, const struct offer_life *l, const struct offer_wish *w,
                 const struct offer_step *step)
{
    char note[160];
    struct exchange_topic topic = territory_topic(t, branch_of(l->role), step->message.id);
    snprintf(note, sizeof note, "%s%s%s", step->why, w->agreed_by[0] ? "; agreed by " : "", w->agreed_by);
    const struct about about = {role_word(l->role), step->message.id, l->name, note, step->message.level};
    buf_reset(&t->body);
    offer_write(&step->message, &t->body);
    return territory_say(t, l->role == ROLE_OFFER ? MESSAGE_OFFER : MESSAGE_NEED, &topic, &t->body,
                         step->expires, &about);
}

// It stays until the coordinator's receipt says that it was read, or whatever was told before has expired:
// a bare clear withdraws nothing.
static bool withdraw(struct territory *t, const struct offer_life *l, const char *why, struct utc now)
{
    struct exchange_topic topic = territory_topic(t, branch_of(l->role), l->last.id);
    const struct about about = {"withdrawal", l->last.id, l->name, why, l->last.level};
    struct withdrawal w;
    struct utc expires = {l->expires.ms > now.ms + DAY_MS ? l->expires.ms : now.ms + DAY_MS};
    snprintf(w.id, sizeof w.id, "%s", l->last.id);
    buf_reset(&t->body);
    withdrawal_write(&w, &t->body);
    return territory_say(t, MESSAGE_WITHDRAWAL, &topic, &t->body, expires, &about);
}

static void say_step(const struct offer_life *l, const struct offer_step *step)
{
    if (step->act == OFFER_WITHDRAW)
        log_info(TERRITORY_SUBJECT, "%s %s withdrawn: %s", role_word(l->role), l->name, step->why);
    else if (step->act == OFFER_TELL)
        log_info(TERRITORY_SUBJECT, "%s %s told at level %d: %s", role_word(l->role), l->name,
                 step->message.level, step->why);
}

static void step_life(struct territory *t, struct offer_life *l, const struct offer_wish *w, struct utc now)
{
    struct offer_life next = *l;
    struct offer_step step;
    offer_life_step(&next, w, now, &step);
    if (step.act == OFFER_WITHDRAW ? !withdraw(t, l, step.why, now)
                                   : step.act != OFFER_STAY && !tell(t, l, w, &step))
        return; // not logged, so not told: again at the next step
    offer_life_done(&next, &step, now);
    if (step.act == OFFER_STAY && next.since.ms == l->since.ms && next.absent.ms == l->absent.ms &&
        next.told == l->told)
        return;
    say_step(l, &step);
    pthread_mutex_lock(&t->lock);
    *l = next;
    t->counters.told += step.act == OFFER_TELL;
    t->counters.refreshed += step.act == OFFER_REFRESH;
    t->counters.withdrawn += step.act == OFFER_WITHDRAW;
    pthread_mutex_unlock(&t->lock);
    t->unsaved = true;
}

// New wishes get a life once there is something to remember of them.
static void begin_lives(struct territory *t, struct utc now)
{
    for (size_t i = 0; t->wishes && i < t->wishes->n; i++) {
        const struct offer_wish *w = &t->wishes->items[i];
        if (!w->present || w->full.level == DISCLOSE_NOTHING || life_of(t, w->name, w->role) ||
            t->life_count == LIVES_MAX)
            continue;
        pthread_mutex_lock(&t->lock);
        struct offer_life *l = &t->lives[t->life_count++];
        *l = (struct offer_life){.role = w->role};
        snprintf(l->name, sizeof l->name, "%s", w->name);
        pthread_mutex_unlock(&t->lock);
        step_life(t, l, w, now);
    }
}

static void end_lives(struct territory *t)
{
    pthread_mutex_lock(&t->lock);
    size_t kept = 0;
    for (size_t i = 0; i < t->life_count; i++) {
        if (offer_life_over(&t->lives[i])) {
            t->unsaved = true;
            continue;
        }
        if (kept != i)
            t->lives[kept] = t->lives[i];
        kept++;
    }
    t->life_count = kept;
    pthread_mutex_unlock(&t->lock);
}

// ---- The card ----

static uint8_t highest_level(const struct territory *t)
{
    uint8_t level = 0;
    for (size_t i = 0; t->wishes && i < t->wishes->n; i++)
        if (t->wishes->items[i].full.level > level)
            level = t->wishes->items[i].full.level;
    return level;
}

// There is one while something may be told at all; it says where and what branch from level 2 on.
static void step_card(struct territory *t, struct utc now)
{
    struct exchange_topic topic = territory_topic(t, BRANCH_CARD, NULL);
    char text[EXCHANGE_TOPIC];
    struct standing *s = territory_standing(t, exchange_topic_text(&topic, text));
    uint8_t level = highest_level(t);
    const struct about about = {"card", "", "", level ? NULL : "nothing is agreed any more", level ? 1 : 0};
    if (level == DISCLOSE_NOTHING) {
        if (s && s->data)
            territory_clear(t, text, &about);
        return;
    }
    struct card card = {.epoch = t->epoch};
    snprintf(card.pseudonym, sizeof card.pseudonym, "%s", t->who.pseudonym);
    memcpy(card.key, t->key.public_key, sizeof card.key);
    if (level >= DISCLOSE_BANDS) {
        snprintf(card.zone, sizeof card.zone, "%s", t->who.zone);
        snprintf(card.nace, sizeof card.nace, "%.2s", t->who.nace);
    }
    buf_reset(&t->body);
    card_write(&card, &t->body);
    bool same =
        t->card.len == t->body.len && t->body.len && memcmp(t->card.data, t->body.data, t->body.len) == 0;
    if (same && s && s->data && s->expires.ms - now.ms > LASTING_MS - CARD_RENEW_MS)
        return;
    if (!territory_say(t, MESSAGE_CARD, &topic, &t->body, (struct utc){now.ms + LASTING_MS}, &about))
        return;
    buf_reset(&t->card);
    buf_put(&t->card, t->body.data, t->body.len);
}

// ---- Withdrawals that were read ----

static void clear_read_withdrawals(struct territory *t)
{
    for (size_t i = 0; i < STANDINGS_MAX; i++) {
        struct standing *s = &t->standings[i];
        if (!s->topic[0] || s->topic[0] == '/' || !s->data || s->kind != MESSAGE_WITHDRAWAL)
            continue;
        for (size_t k = 0; k < t->receipt_count; k++) {
            const struct receipt *r = &t->receipts[k].receipt;
            if (strcmp(r->id, s->id) != 0 || r->status != RECEIPT_WITHDRAWN)
                continue;
            char topic[EXCHANGE_TOPIC], id[OFFER_ID + 1];
            snprintf(topic, sizeof topic, "%s", s->topic);
            snprintf(id, sizeof id, "%s", s->id);
            const struct about about = {
                .what = "cleared", .id = id, .note = "the coordinator has read the withdrawal"};
            territory_clear(t, topic, &about);
            break;
        }
    }
}

// ---- Matches that are over ----

static void clear_branch(struct territory *t, enum exchange_branch branch, const char *id, const char *why)
{
    struct exchange_topic topic = territory_topic(t, branch, id);
    char text[EXCHANGE_TOPIC];
    struct standing *s = territory_standing(t, exchange_topic_text(&topic, text));
    const struct about about = {.what = "cleared", .id = id, .note = why};
    if (s && s->data)
        territory_clear(t, text, &about);
}

static void end_matches(struct territory *t, struct utc now)
{
    for (size_t i = 0; i < t->match_count;) {
        if (t->matches[i].expires.ms > now.ms) {
            i++;
            continue;
        }
        if (t->matches[i].view.status != MATCH_ENDED)
            log_info(TERRITORY_SUBJECT, "match %s for %s has expired: the coordinator did not renew it",
                     t->matches[i].view.id, t->matches[i].name);
        clear_branch(t, BRANCH_REPLIES, t->matches[i].view.id, "the match has expired");
        clear_branch(t, BRANCH_METERS, t->matches[i].view.id, "the match has expired");
        pthread_mutex_lock(&t->lock);
        t->matches[i] = t->matches[--t->match_count];
        pthread_mutex_unlock(&t->lock);
        t->unsaved = true;
    }
}

static bool is_yes(enum reply_answer a)
{
    return a == REPLY_INTERESTED || a == REPLY_AGREED;
}

// A yes may carry name and contact: retained, it would outlive the consent that it was given with. A no
// stays: it tells nothing but itself, and the coordinator may not have read it yet.
static void take_back_answers(struct territory *t)
{
    for (size_t i = 0; i < t->match_count; i++) {
        const struct held_match *m = &t->matches[i];
        if (territory_told(t, m->view.own))
            continue;
        if (m->answered && is_yes(m->answer))
            clear_branch(t, BRANCH_REPLIES, m->view.id, "its offer or need was withdrawn");
        clear_branch(t, BRANCH_METERS, m->view.id, "its offer or need was withdrawn");
    }
}

void territory_step(struct territory *t, struct utc now)
{
    if (!t->wishes)
        return; // not asked for anything yet: what was told before the restart stands
    if (!utc_plausible(now)) {
        complain(&t->clock_trouble, mono_now(), LOG_LEVEL_WARNING, TERRITORY_SUBJECT,
                 "the clock is not set: nothing is told until it is");
        return;
    }
    complaint_over(&t->clock_trouble, TERRITORY_SUBJECT, "the clock is set");
    step_card(t, now);
    for (size_t i = 0; i < t->life_count; i++)
        step_life(t, &t->lives[i], wish_of(t, &t->lives[i]), now);
    begin_lives(t, now);
    end_lives(t);
    clear_read_withdrawals(t);
    take_back_answers(t);
    end_matches(t, now);
    territory_expire(t, now);
}

// ---- Orders ----

// What the owner agrees to at this moment, not when the match came: what was told last of the match's offer,
// and no more than what he would have told now. 0 when one of the two is missing.
static uint8_t consent_now(const struct territory *t, const struct held_match *m)
{
    const struct offer_life *l = territory_told(t, m->view.own);
    const struct offer_wish *w = l ? wish_of(t, l) : NULL;
    if (!w)
        return DISCLOSE_NOTHING;
    return l->last.level < w->full.level ? l->last.level : w->full.level;
}

static void reply(struct territory *t, const struct order *o, struct utc now)
{
    struct held_match *m = territory_match(t, o->match);
    if (!m)
        return;
    uint8_t level = consent_now(t, m);
    if (level == DISCLOSE_NOTHING && is_yes(o->answer)) {
        log_warning(TERRITORY_SUBJECT, "match %s: not answered \"%s\": nothing of %s is told any more",
                    o->match, reply_word(o->answer), m->name);
        return;
    }
    struct reply r = {.revision = m->view.revision, .answer = o->answer};
    snprintf(r.match, sizeof r.match, "%s", o->match);
    bool identity = o->answer == REPLY_INTERESTED && level >= DISCLOSE_IDENTITY;
    if (identity) {
        snprintf(r.name, sizeof r.name, "%s", t->who.name);
        snprintf(r.contact, sizeof r.contact, "%s", t->who.contact);
    }
    struct exchange_topic topic = territory_topic(t, BRANCH_REPLIES, o->match);
    char note[300];
    snprintf(note, sizeof note, "%s%s%s", reply_word(o->answer), o->note[0] ? ": " : "", o->note);
    const struct about about = {"reply", o->match, m->name, note, identity ? DISCLOSE_IDENTITY : level};
    buf_reset(&t->body);
    reply_write(&r, &t->body);
    if (!territory_say(t, MESSAGE_REPLY, &topic, &t->body, (struct utc){now.ms + LASTING_MS}, &about))
        return;
    log_info(TERRITORY_SUBJECT, "match %s: answered \"%s\"", o->match, reply_word(o->answer));
    pthread_mutex_lock(&t->lock);
    m->answered = true;
    m->answer = o->answer;
    m->answered_at = now;
    if (o->meter[0])
        snprintf(m->meter, sizeof m->meter, "%s", o->meter);
    t->counters.replies++;
    pthread_mutex_unlock(&t->lock);
    t->unsaved = true;
}

// The last METERED_HOURS hours, ending with this one; hours in between that nobody saw are not known.
static void add_hour(struct metered *m, int64_t hour, double amount)
{
    if (m->count == 0 || hour >= m->first + m->count + METERED_HOURS || hour < m->first) {
        m->first = hour;
        m->count = 0;
    }
    while (m->first + m->count <= hour) {
        if (m->count == METERED_HOURS) {
            memmove(m->amounts, m->amounts + 1, (METERED_HOURS - 1) * sizeof *m->amounts);
            m->first++;
            m->count--;
        }
        m->amounts[m->count++] = NAN;
    }
    m->amounts[hour - m->first] = amount;
}

// The first metered hour of both sides is what sets an agreed exchange running. This site's own word counts
// before the coordinator's view, which may come much later: once it has ended, nothing more leaves.
bool territory_is_metered(const struct held_match *m)
{
    return (m->view.status == MATCH_AGREED || m->view.status == MATCH_RUNNING) && m->answered &&
           m->answer == REPLY_AGREED;
}

static void meter(struct territory *t, const struct order *o, struct utc now)
{
    for (size_t i = 0; i < t->match_count; i++) {
        struct held_match *m = &t->matches[i];
        if (!territory_is_metered(m) || strcmp(m->meter, o->stream) != 0 ||
            consent_now(t, m) == DISCLOSE_NOTHING)
            continue;
        pthread_mutex_lock(&t->lock);
        snprintf(m->metered.match, sizeof m->metered.match, "%s", m->view.id);
        add_hour(&m->metered, o->hour, o->amount);
        pthread_mutex_unlock(&t->lock);
        struct exchange_topic topic = territory_topic(t, BRANCH_METERS, m->view.id);
        const struct about about = {"meter", m->view.id, o->stream, NULL, DISCLOSE_DETAIL};
        buf_reset(&t->body);
        metered_write(&m->metered, &t->body);
        territory_say(t, MESSAGE_METER, &topic, &t->body, (struct utc){now.ms + LASTING_MS}, &about);
    }
}

void territory_obey(struct territory *t, const struct order *o, struct utc now)
{
    if (o->kind == ORDER_REPLY)
        reply(t, o, now);
    else
        meter(t, o, now);
}
