// SPDX-License-Identifier: Apache-2.0
// Members: enrolled, re-keyed and revoked with the configuration; what they may send, and what happens to
// those who send what they should not.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/coordinator.h"

double bucket_level(const struct bucket *b, double per_minute, double burst, struct mono now)
{
    if (b->at.ns == 0)
        return burst;
    double level = b->tokens + per_minute * (double)mono_since(now, b->at) / (60.0 * NS_PER_S);
    return level < burst ? level : burst;
}

bool bucket_take(struct bucket *b, double per_minute, double burst, struct mono now)
{
    b->tokens = bucket_level(b, per_minute, burst, now);
    b->at = now;
    if (b->tokens < 1)
        return false;
    b->tokens -= 1;
    return true;
}

// ---- How much ----

#define MINUTES_DAY 1440.0

size_t member_entries_most(const struct coordinator *c, const struct member *m)
{
    const struct limits_config *l = &c->territory->root->limits;
    return (size_t)(m->config && m->config->entries_most ? m->config->entries_most : l->entries_most);
}

static int64_t ids_day(const struct coordinator *c, const struct member *m)
{
    int64_t least = 2 * (int64_t)member_entries_most(c, m), most = c->territory->root->limits.ids_day;
    return most > least ? most : least;
}

// Each new id leaves something behind: a match that is remembered, receipts, a line in the books.
bool member_takes_id(struct coordinator *c, struct member *m)
{
    int64_t most = ids_day(c, m);
    if (bucket_take(&m->ids, (double)most / MINUTES_DAY, (double)most, loop_now(c->loop)))
        return true;
    m->ids_refused++;
    m->missed = true;
    member_troubles(c, m, "more than %lld new offers and needs a day: the rest is not looked at yet",
                    (long long)most);
    if (!m->ids_spent)
        alert_member(c, m, most);
    m->ids_spent = true;
    return false;
}

bool member_may_be_asked(const struct coordinator *c, const struct member *m, struct mono now)
{
    const struct limits_config *l = &c->territory->root->limits;
    double minute = (double)l->messages_minute, burst = (double)l->burst, day = (double)ids_day(c, m);
    return m->missed && !mono_before(now, m->muted_until) &&
           bucket_level(&m->good, minute, burst, now) >= burst / 2 &&
           (!m->ids_spent || bucket_level(&m->ids, day / MINUTES_DAY, day, now) >= day / 4);
}

// ---- Trouble ----

static void note_trouble(struct member *m, const char *words)
{
    snprintf(m->last_trouble, sizeof m->last_trouble, "%s", words);
    m->last_trouble_at = utc_now();
}

void member_troubles(struct coordinator *c, struct member *m, const char *format, ...)
{
    char words[200], subject[64];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    note_trouble(m, words);
    snprintf(subject, sizeof subject, "member %s", m->pseudonym);
    complain(&m->trouble, loop_now(c->loop), LOG_LEVEL_WARNING, subject, "%s", words);
}

// Signed nonsense is nobody else's: its sender is not listened to for a while, each time twice as long.
void member_offends(struct coordinator *c, struct member *m, const char *format, ...)
{
    const struct limits_config *l = &c->territory->root->limits;
    char words[200], subject[64];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    note_trouble(m, words);
    m->refused++;
    struct mono now = loop_now(c->loop);
    // A good while without trouble is forgiven.
    if (m->mute_ns && mono_since(now, m->muted_until) > 10 * m->mute_ns)
        m->mute_ns = 0;
    m->mute_ns = m->mute_ns ? 2 * m->mute_ns : l->mute_ns;
    if (m->mute_ns > l->mute_most_ns)
        m->mute_ns = l->mute_most_ns;
    m->muted_until = mono_add(now, m->mute_ns);
    m->missed = true;
    snprintf(subject, sizeof subject, "member %s", m->pseudonym);
    log_warning(subject, "%s; not listened to for %lld s", words, (long long)(m->mute_ns / NS_PER_S));
}

// ---- Reading them from the configuration ----

static void pin_keys(struct coordinator *c, struct member *m)
{
    memset(&m->peer, 0, sizeof m->peer);
    snprintf(m->peer.pseudonym, sizeof m->peer.pseudonym, "%s", m->pseudonym);
    for (unsigned i = 0; m->config && i < m->config->keys.n && i < 2; i++) {
        unsigned char key[KEY_PUBLIC];
        if (!public_key_parse(m->config->keys.items[i], key))
            continue;
        envelope_peer_pin(&m->peer, i, key);
        store_get_seen(c->store, m->peer.key_ids[i], &m->peer.seen[i]);
    }
}

static struct member *take_member(struct coordinator *c, const char *pseudonym)
{
    struct member *m = member_of(c, pseudonym);
    if (!m && (m = calloc(1, sizeof *m))) {
        snprintf(m->pseudonym, sizeof m->pseudonym, "%s", pseudonym);
        if (!table_put(&c->members, m->pseudonym, m)) {
            free(m);
            return NULL;
        }
    }
    if (m)
        m->kept = true;
    return m;
}

static void forget_entries(struct coordinator *c, const struct member *m)
{
    struct entry *e;
    for (size_t at = 0; (e = table_next(&c->entries, &at));)
        if (e->member == m)
            entry_remove(c, e);
}

static void revoke(struct coordinator *c, struct member *m)
{
    char subject[64];
    snprintf(subject, sizeof subject, "member %s", m->pseudonym);
    log_info(subject, "is no longer in the configuration: its offers and needs are forgotten");
    forget_entries(c, m);
    deals_without(c, m->pseudonym);
    topics_forget(c, m);
    table_remove(&c->members, m->pseudonym);
    free(m);
}

bool members_take(struct coordinator *c, struct territory *fresh)
{
    struct member *m;
    for (size_t at = 0; (m = table_next(&c->members, &at));)
        m->kept = false;
    for (size_t i = 0; i < fresh->root->members.n; i++) {
        const struct member_config *config = territory_member(fresh, i);
        if (!(m = take_member(c, config->pseudonym)))
            return false;
        m->config = config;
        m->declared = NULL;
        pin_keys(c, m);
    }
    for (size_t i = 0; i < fresh->root->declared.n; i++) {
        const struct declared_config *config = territory_declared(fresh, i);
        if (!(m = take_member(c, config->pseudonym)))
            return false;
        m->declared = config;
        m->config = NULL;
    }
    for (size_t at = 0; (m = table_next(&c->members, &at));)
        if (!m->kept)
            revoke(c, m);
    return true;
}

void members_free(struct coordinator *c)
{
    struct member *m;
    for (size_t at = 0; (m = table_next(&c->members, &at));)
        free(m);
    table_free(&c->members);
}
