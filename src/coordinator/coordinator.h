/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coordinator's parts and who may touch them: everything here belongs to the loop's thread. Private to
 * this folder.
 *
 *     link.c --letter--> intake.c --offer--> entries.c --> matcher --> deals.c --view--> outgoing.c -->
 * link.c |                                             |
 *                           +--reply, metered hours--> deals.c            +--> alerts.c --> channel.c
 */
#ifndef COORDINATOR_H
#define COORDINATOR_H

#include "coordinator/channel.h"
#include "coordinator/life.h"
#include "coordinator/link.h"
#include "coordinator/options.h"
#include "coordinator/place.h"
#include "coordinator/store.h"
#include "coordinator/table.h"
#include "symbiont/signals.h"
#include "symbiont/control.h"
#include "symbiont/json.h"

/* ---- Members ---- */

struct bucket {
    double tokens;
    struct mono at;
};

struct member {
    char pseudonym[OFFER_WORD];
    const struct member_config *config;     /* NULL: a declared firm */
    const struct declared_config *declared; /* NULL: a member */
    struct envelope_peer peer;
    struct bucket raw, good; /* before, and after the signature was checked */
    struct bucket ids;       /* new offers and needs */
    bool ids_spent;          /* there were more: until a quarter of them may come again */
    struct mono muted_until;
    int64_t mute_ns; /* of the last time */
    bool missed;     /* something was not looked at: ask the broker again */
    size_t entries, topics;
    uint64_t accepted, refreshed, refused, throttled, muted, cleared, ids_refused;
    uint64_t verdicts[ENVELOPE_VERDICTS];
    struct utc last_message, last_trouble_at;
    char last_trouble[200];
    struct complaint trouble;
    bool has_card;
    struct card card;
    bool kept; /* while members are read anew */
};

static inline const char *member_name(const struct member *m)
{
    const char *name = m->config ? m->config->name : m->declared->name;
    return name && *name ? name : m->pseudonym;
}

static inline const char *member_contact(const struct member *m)
{
    const char *contact = m->config ? m->config->contact : m->declared->contact;
    return contact ? contact : "";
}

static inline enum match_language member_language(const struct member *m)
{
    return (enum match_language)(m->config ? m->config->language : m->declared->language);
}

/* ---- Topics, offers and needs ---- */

struct topic {
    char text[EXCHANGE_TOPIC];
    struct member *member;
    struct envelope_topic seen;
};

struct entry {
    char id[OFFER_ID + 1];
    struct member *member;
    uint64_t revision;
    uint8_t role, resource, level;
    bool declared;
    struct utc expires;
    uint64_t heard; /* on which connection to the broker it came last; 0: before the start */
    bool receipt_due;
    struct entry *next_due;
};

/* ---- Matches ---- */

struct party {
    char pseudonym[OFFER_WORD], entry[OFFER_ID + 1];
    char name[MESSAGE_NAME], contact[MESSAGE_CONTACT]; /* as its reply said; "" */
    uint64_t revision, material; /* of its view: the latest, and the first with what it now says */
    unsigned char shown[16];     /* hash of what the view says, its revision and status aside */
    uint8_t status;              /* that was shown */
    struct utc issued;
};

struct deal {
    char id[MATCH_ID + 1];
    uint8_t kind, resource; /* enum synergy, enum resource */
    struct life life;
    struct party *parties; /* n of them, malloc'ed */
    unsigned n;
    bool present; /* the matcher has it */
    struct span quantity, annual, eur_yr, tco2e, payback_y;
    double expected_quantity, expected_annual, rank, confidence;
    int64_t round_h;               /* of a round, until all agreed: hours from one emptying to the next; 0 */
    double agreed_annual;          /* expected when all agreed; NaN */
    char (*members)[OFFER_ID + 1]; /* of a group that agreed: all its offers, member_count, malloc'ed; NULL */
    unsigned member_count;
    double told_annual; /* at the last alert; NaN */
    struct utc since, disclosed, agreed, running, ended;
    struct store_sums sums; /* in metered_unit */
    double realised, realised_eur, realised_tco2e;
    char *declined; /* the offers as they were when it was declined, a JSON array; NULL */
};

/* ---- The whole ---- */

struct coordinator {
    const char *path;
    struct territory *territory;
    struct loop *loop;
    struct signals signals;
    struct timer housekeeping, soon;
    int64_t watchdog_ns;
    struct control *control;
    struct store *store;
    struct link *link;
    struct site_key key;
    uint64_t epoch, seq, seq_reserved;

    struct table members, topics, entries, deals;
    struct matcher *matcher;
    bool dirty;   /* the matcher is to settle */
    bool rekeyed; /* what was said is signed with a key of before: it is to be said anew */
    bool anew;    /* it never has: what it does not know is not told to be gone */
    struct entry *receipts;
    struct outgoing *first_out, **end_out;

    struct channel **channels;
    size_t channel_count;
    struct wakeup delivered; /* sent by channels */

    struct utc started, loaded, tidied, digest_due;
    uint64_t reloads, reload_failures, strangers, foreign, overfull, settles;
    uint64_t alerts_raised, alerts_held, alerts_delivered, alerts_lost;
    char reload_error[300];
    double settle_ms, settle_most_ms;
    struct complaint stranger, full;
    struct buf body, message, scratch, plain;
    bool clock_was_set;
    char client_id[96];
};

static inline struct member *member_of(const struct coordinator *c, const char *pseudonym)
{
    return table_get(&c->members, pseudonym);
}

static inline struct entry *entry_of(const struct coordinator *c, const char *id)
{
    return table_get(&c->entries, id);
}

static inline struct deal *deal_of(const struct coordinator *c, const char *id)
{
    return table_get(&c->deals, id);
}

/* coordinator.c */
int coordinator_start(struct coordinator *c, char *why, size_t why_size);
void coordinator_stop(struct coordinator *c);
/* Soon: the matcher settles, what is written is committed, what is to be said is said. */
void coordinator_stir(struct coordinator *c);
void coordinator_settle(struct coordinator *c);
/* Connects with the settings in force. */
bool coordinator_link(struct coordinator *c, char *why, size_t why_size);

/* reload.c */
void coordinator_reload(struct coordinator *c);

/* members.c: those of a configuration; who is no longer there is forgotten with all it published */
bool members_take(struct coordinator *c, struct territory *fresh);
void members_free(struct coordinator *c);
bool bucket_take(struct bucket *b, double per_minute, double burst, struct mono now);
/* What could be taken now. */
double bucket_level(const struct bucket *b, double per_minute, double burst, struct mono now);
/* Offers and needs that it may have at once. */
size_t member_entries_most(const struct coordinator *c, const struct member *m);
/* Room for a new offer or need in its day. */
bool member_takes_id(struct coordinator *c, struct member *m);
/* Something was not looked at for want of room, and by now there would be some. */
bool member_may_be_asked(const struct coordinator *c, const struct member *m, struct mono now);
/* Something that only the owner of the key can have done. */
void member_offends(struct coordinator *c, struct member *m, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void member_troubles(struct coordinator *c, struct member *m, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* intake.c */
void intake(struct coordinator *c, const struct link_letter *letter);

/* entries.c */
bool entries_restore(struct coordinator *c, char *why, size_t why_size);
void entries_free(struct coordinator *c);
/* Takes an offer in. False with a sentence: it is refused. */
bool entry_put(struct coordinator *c, struct member *m, const struct offer *o, struct utc expires,
               bool declared, char *why, size_t why_size);
void entry_remove(struct coordinator *c, struct entry *e);
void entry_receipt(struct coordinator *c, struct entry *e);
void entries_say_receipts(struct coordinator *c);
void receipt_refuse(struct coordinator *c, const char *pseudonym, const char *id, uint64_t revision,
                    enum receipt_status status, const char *reason);
/* The answer to the withdrawal of what is not there. */
void receipt_nothing_held(struct coordinator *c, const char *pseudonym, const char *id, struct utc until);
/* Expired ones go; declared files are read. */
void entries_expire(struct coordinator *c, struct utc now);
void entries_declare(struct coordinator *c);
void entries_save(struct coordinator *c);
bool entry_plausible(const struct coordinator *c, const struct member *m, const struct offer *o, char *why,
                     size_t why_size);

/* declared.c: the offers and needs of a file. False with a sentence that names it. */
bool declared_read(const char *path, void (*each)(void *arg, struct offer *o), void *arg, char *why,
                   size_t why_size);

/* topics.c */
struct topic *topic_known(const struct coordinator *c, const char *text); /* NULL: nothing is remembered */
/* Remembers one more; NULL: the member has too many, or memory is out. */
struct topic *topic_begin(struct coordinator *c, const char *text, struct member *m);
void topic_keep(struct coordinator *c, struct topic *t);
void topics_restore(struct coordinator *c); /* those of members, as far as they are not there */
void topics_tidy(struct coordinator *c, struct utc now);
void topics_forget(struct coordinator *c, const struct member *m);
void topics_free(struct coordinator *c);
void topics_save(struct coordinator *c);

/* deals.c */
void deals_restore(struct coordinator *c);
void deals_bind(struct coordinator *c); /* tells a fresh matcher what is agreed and declined */
void deals_free(struct coordinator *c);
void deals_settle(struct coordinator *c, struct utc now);
/* An answer of a party. False with a sentence. */
bool deal_answer(struct coordinator *c, const struct member *m, const struct reply *r, bool checked,
                 char *why, size_t why_size);
bool deal_meter(struct coordinator *c, const struct member *m, const struct metered *meter, char *why,
                size_t why_size);
void deals_without(struct coordinator *c, const char *pseudonym);
/* The owner changed something: what was declined may be proposed again. */
void deals_reconsider(struct coordinator *c, const struct offer *now);
void deals_refresh(struct coordinator *c, struct utc now);
int deal_party(const struct deal *d, const char *pseudonym);
void deal_keep(struct coordinator *c, struct deal *d);
/* Notes whose names the views tell from now on; nothing before all said yes. */
void deal_release_names(struct coordinator *c, struct deal *d);

/* deal_file.c: a deal as JSON, for the store */
void deal_write(const struct deal *d, struct buf *out);
bool deal_read(const char *json, size_t n, struct deal *out); /* false: nothing to free */

/* view.c */
void deal_show(struct coordinator *c, struct deal *d, unsigned party, const struct match *m, bool anew);
void deal_show_all(struct coordinator *c, struct deal *d, bool anew);
void deal_clear_views(struct coordinator *c, struct deal *d);
bool party_tells_identity(const struct coordinator *c, const struct party *p);
/* Name and contact once they are released; before, and below level 4, the pseudonym and "". */
const char *party_called(const struct coordinator *c, const struct deal *d, unsigned party);
const char *party_contact(const struct coordinator *c, const struct deal *d, unsigned party);

/* outgoing.c: what leaves goes after the commit */
void say(struct coordinator *c, const struct exchange_topic *topic, enum message_kind kind, int64_t life_ms);
void say_clear(struct coordinator *c, const struct exchange_topic *topic);
void say_plain(struct coordinator *c, const char *topic, const void *data, size_t n);
void outgoing_send(struct coordinator *c);
void outgoing_free(struct coordinator *c);
void outgoing_repeat(struct coordinator *c);
bool outgoing_open(struct coordinator *c, char *why, size_t why_size);
/* Another key: what was said with the old one is taken back. */
void outgoing_notice_key(struct coordinator *c);

/* alerts.c */
bool alerts_open(struct coordinator *c, struct territory *t, char *why, size_t why_size);
void alerts_close(struct coordinator *c);
void alert_match(struct coordinator *c, enum alert_kind kind, struct deal *d, const struct match *m);
/* A member that signs more than is looked at. */
void alert_member(struct coordinator *c, const struct member *m, int64_t most);
void alerts_containers(struct coordinator *c, struct utc now);
void alerts_digest(struct coordinator *c, struct utc now);
void alerts_push(struct coordinator *c, struct utc now);

/* alert_text.c */
void alert_title(struct coordinator *c, enum alert_kind kind, const struct deal *d, const struct match *m,
                 enum match_language l, bool names, struct buf *out);
void alert_body(struct coordinator *c, enum alert_kind kind, const struct deal *d, const struct match *m,
                enum match_language l, bool names, struct buf *out);
void digest_text(struct coordinator *c, struct utc since, enum match_language l, bool names,
                 struct buf *title, struct buf *body);
const char *say_in(enum match_language l, const char *en, const char *fr)
    __attribute__((format_arg(2), format_arg(3)));

/* status.c, report.c: what the control socket answers */
void coordinator_answer(void *coordinator, const char *request, struct buf *out);
void coordinator_status(struct coordinator *c, struct buf *out);
void coordinator_matches(struct coordinator *c, const char *rest, struct buf *out);
void coordinator_report(struct coordinator *c, struct buf *out);
void coordinator_summary(struct coordinator *c, char *out, size_t size);

#endif
