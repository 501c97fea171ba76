// SPDX-License-Identifier: Apache-2.0
// When an offer is told, told again, refreshed, withdrawn.
#include "exchange/offer_life.h"

#include <string.h>
#include "symbiont/messages.h"

static bool over(struct utc end, struct utc now)
{
    return end.ms && now.ms >= end.ms;
}

// ---- Consent ----

static const char *refused(const struct offer_life *l, const struct offer_wish *w, struct utc now)
{
    if (!w)
        return "it is gone from the configuration";
    if (w->full.level == DISCLOSE_NOTHING)
        return "the consent was withdrawn";
    if (over(w->agreed_until, now))
        return "the last day of the consent is over";
    if (w->embargo_until.ms > now.ms)
        return "it is under embargo";
    if (!l->told && l->since.ms + w->embargo_ms > now.ms)
        return "it is under embargo";
    return NULL;
}

// ---- Presence ----

static void note_presence(struct offer_life *l, const struct offer_wish *w, struct utc now)
{
    if (l->told && now.ms >= l->expires.ms) {
        l->told = false; // it ended by itself: the broker and the coordinator dropped it
        l->absent.ms = 0;
    }
    if (w && w->present) {
        if (l->since.ms == 0 || l->since.ms > now.ms) // the clock was set back
            l->since = now;
        l->absent.ms = 0;
        return;
    }
    if (!l->told) {
        l->since.ms = 0;
        l->absent.ms = 0;
    } else if (l->absent.ms == 0 || l->absent.ms > now.ms) {
        l->absent = now;
    }
}

// ---- What would leave ----

static void keep_span(struct span *now, struct span told)
{
    if (!span_said(*now))
        *now = told;
}

// A sensor that is silent for a moment, or a pump that stands still, is no news.
static void keep_what_is_not_known(const struct offer *told, struct offer *now)
{
    keep_span(&now->typical, told->typical);
    keep_span(&now->firm, told->firm);
    keep_span(&now->peak, told->peak);
    keep_span(&now->annual, told->annual);
    keep_span(&now->heat.supply, told->heat.supply);
    keep_span(&now->heat.back, told->heat.back);
    keep_span(&now->heat.pressure, told->heat.pressure);
    if (!now->has_blocks && told->has_blocks) {
        memcpy(now->blocks, told->blocks, sizeof now->blocks);
        now->has_blocks = true;
    }
}

static struct utc ends(const struct offer_wish *w, struct utc now)
{
    int64_t end = now.ms + w->expiry_ms;
    return (struct utc){w->agreed_until.ms && w->agreed_until.ms < end ? w->agreed_until.ms : end};
}

static bool make_full(const struct offer_life *l, const struct offer_wish *w, struct utc now,
                      struct offer *full)
{
    *full = w->full;
    if (!w->said && !l->told)
        return false;
    if (l->told)
        keep_what_is_not_known(&l->last, full);
    full->created = full->valid_from = l->told ? l->first : now;
    full->valid_until = ends(w, now);
    full->revision = l->told ? l->last.revision : 1;
    if (l->told)
        memcpy(full->id, l->last.id, sizeof full->id);
    else
        exchange_id(full->id);
    return true;
}

bool offer_life_message(const struct offer_life *l, const struct offer_wish *w, struct utc now,
                        struct offer *out, struct utc *expires)
{
    struct offer full;
    *expires = ends(w, now);
    return make_full(l, w, now, &full) && offer_disclose(&full, out);
}

// What the owner changed with his own hand, rather than what the meters show.
static bool consent_changed(const struct offer *a, const struct offer *b)
{
    return a->level != b->level || a->audience_count != b->audience_count ||
           a->blocked_count != b->blocked_count ||
           memcmp(a->audience, b->audience, sizeof a->audience) != 0 ||
           memcmp(a->blocked, b->blocked, sizeof a->blocked) != 0 || strcmp(a->title, b->title) != 0 ||
           strcmp(a->pseudonym, b->pseudonym) != 0 || strcmp(a->zone, b->zone) != 0;
}

// ---- The step ----

static bool differs(const struct offer_life *l, const struct offer *full)
{
    struct offer now = *full;
    now.valid_from = l->last.valid_from; // times go on by themselves
    now.valid_until = l->last.valid_until;
    return offer_differs(&l->last, &now);
}

static void told_already(const struct offer_life *l, const struct offer_wish *w, struct utc now,
                         struct offer_step *out)
{
    struct offer full;
    int64_t age = now.ms - l->told_at.ms, life = l->expires.ms - l->told_at.ms;
    out->expires = ends(w, now);
    if (!make_full(l, w, now, &full) || !offer_disclose(&full, &out->message))
        return;
    if (consent_changed(&l->last, &out->message)) {
        out->act = OFFER_TELL;
        out->why = "the consent was changed";
    } else if (out->expires.ms < l->expires.ms - life / 10) {
        out->act = OFFER_TELL;
        out->why = "it is to end sooner";
    } else if (differs(l, &full) && (age >= w->pause_ms || age < 0)) {
        out->act = OFFER_TELL;
        out->why = "changed by more than a band";
    } else if ((2 * age >= life || age < 0) && out->expires.ms > l->expires.ms) {
        out->act = OFFER_REFRESH;
        out->why = "half of its time is over";
    }
    if (out->act == OFFER_TELL)
        out->message.revision = l->last.revision + 1;
}

void offer_life_step(struct offer_life *l, const struct offer_wish *w, struct utc now, struct offer_step *out)
{
    *out = (struct offer_step){.act = OFFER_STAY, .why = ""};
    note_presence(l, w, now);
    const char *no = refused(l, w, now);
    if (no) {
        out->why = no;
        if (l->told)
            out->act = OFFER_WITHDRAW;
        return;
    }
    if (!w->present) {
        out->why = "there is none";
        if (l->told && now.ms - l->absent.ms >= w->keep_ms) {
            out->act = OFFER_WITHDRAW;
            out->why = "the surplus has ended for good";
        }
        return;
    }
    if (l->told) {
        told_already(l, w, now, out);
        return;
    }
    out->why = "how much is not known yet";
    if (offer_life_message(l, w, now, &out->message, &out->expires)) {
        out->act = OFFER_TELL;
        out->why = "new";
    }
}

void offer_life_done(struct offer_life *l, const struct offer_step *step, struct utc now)
{
    switch (step->act) {
    case OFFER_STAY:
        return;
    case OFFER_WITHDRAW:
        l->told = false;
        l->since.ms = l->absent.ms = 0;
        return;
    case OFFER_TELL:
    case OFFER_REFRESH:
        if (!l->told)
            l->first = now;
        l->told = true;
        l->told_at = now;
        l->expires = step->expires;
        l->last = step->message;
    }
}
