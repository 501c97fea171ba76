/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the territory: a thread of its own that owns what the site has told there and what it was
 * answered. The loop's thread gives it wishes (what the site would have told now) and orders, and looks at
 * copies of its tables; it never waits for it. Private to this folder.
 *
 * Everything that leaves goes through territory_say: numbered, signed, written to the disclosure log and
 * synced, remembered in the state file, and only then sent.
 */
#ifndef GATEWAY_TERRITORY_H
#define GATEWAY_TERRITORY_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include "exchange/offer_life.h"
#include "publish/mqtt_client.h"
#include "symbiont/disclosure.h"
#include "symbiont/envelope.h"
#include "symbiont/log.h"
#include "symbiont/mailbox.h"
#include "symbiont/messages.h"

#define TERRITORY_SUBJECT "exchange"

/* ---- What the loop's thread gives ---- */

struct wishes {
    size_t n;
    struct offer_wish items[];
};

struct order {
    enum { ORDER_REPLY, ORDER_HOUR } kind;
    char match[OFFER_ID + 1]; /* REPLY */
    enum reply_answer answer;
    char meter[OFFER_NAME], note[200];
    char stream[OFFER_NAME]; /* HOUR */
    int64_t hour;
    double amount; /* in metered_unit of the stream's resource; NaN: not known */
};

/* Who the site is there. Copied. */
struct territory_identity {
    char territory[64], pseudonym[OFFER_WORD], zone[OFFER_WORD], nace[9];
    char name[MESSAGE_NAME], contact[MESSAGE_CONTACT];
    char directory[4096], key_file[4096], client_id[140];
    struct mqtt_config link;          /* its strings are the configuration's */
    struct envelope_peer coordinator; /* key_count 0: nobody is believed */
};

/* ---- What stands on the broker, or is to ---- */

enum standing_state { STANDING_WAITS, STANDING_FLIES, STANDING_STANDS, STANDING_REFUSED };

struct standing {
    struct mqtt_message message;
    enum standing_state state;
    enum message_kind kind;
    char topic[EXCHANGE_TOPIC], id[OFFER_ID + 1];
    char *data; /* the envelope; NULL: the topic is to be cleared */
    size_t size;
    uint64_t epoch, seq; /* sent in this order: a receiver takes nothing older than what it had */
    struct utc expires;
    struct mono again; /* REFUSED: not before */
};

/* ---- What came from the coordinator ---- */

struct held_match {
    struct match_view view;
    struct envelope_topic topic;
    struct utc received, expires;
    char name[OFFER_NAME]; /* of our stream or need */
    uint8_t level;         /* of that offer when it was last told */
    bool answered, advisory;
    enum reply_answer answer;
    struct utc answered_at;
    char meter[OFFER_NAME]; /* the stream that meters it; "" */
    struct metered metered;
};

struct held_receipt {
    struct receipt receipt;
    struct envelope_topic topic;
    struct utc received;
};

enum {
    LIVES_MAX = 128,
    MATCHES_MAX = 64,
    RECEIPTS_MAX = 128,
    STANDINGS_MAX = 2 * LIVES_MAX + 3 * MATCHES_MAX + 8,
};

/* Why something that came in was not taken, beyond the verdicts of envelopes. */
enum refusal {
    REFUSED_FLOOD = ENVELOPE_VERDICTS,
    REFUSED_TOPIC,
    REFUSED_KIND,
    REFUSED_BODY,
    REFUSED_UNKNOWN, /* of an offer that is none of ours */
    REFUSED_FULL,
    REFUSED_ABSURD, /* signed, and cannot be true */
    REFUSED_EMPTY,  /* a bare clear: withdraws nothing */
    REFUSALS
};
const char *refusal_word(unsigned reason);

struct territory_counters {
    uint64_t told, refreshed, withdrawn, replies; /* messages signed */
    uint64_t sent, accepted, refused_by_broker, lost;
    uint64_t received, taken, repeats;
    uint64_t refused[REFUSALS];
};

struct territory {
    struct territory_identity who;
    struct site_key key;
    char state_path[4200], log_path[4200];

    /* The thread's own. */
    struct loop *loop;
    struct mqtt_client *client;
    struct disclosure_log *log;
    struct wakeup poke;
    struct wishes *wishes; /* in force; NULL until the first ones came */
    bool rekeyed;          /* what stands may be signed with a key of before */
    bool unsaved;          /* the tables differ from the state file */
    struct mono stepped;
    double tokens; /* of live messages that may come in */
    struct mono tokens_at;
    unsigned exempt; /* retained messages of this connection */
    bool missed;     /* something was not looked at: the broker is asked again for what is retained */
    struct complaint cannot_log, cannot_save, refused_in, absurd_in, refused_out, clock_trouble;
    struct buf body, envelope, scratch;
    struct buf card;   /* as it was last said */
    struct buf unsent; /* at the end: ids whose withdrawal the broker has not got */
    uint64_t epoch, seq;

    /* Between the threads. */
    struct mailbox orders;
    pthread_mutex_t wish_lock;
    struct wishes *fresh; /* taken by the thread */
    atomic_bool stopping, withdraw_all, connected;
    atomic_llong stop_by, heartbeat;
    sem_t ended;
    pthread_t thread;
    bool started;

    /* Written by the thread with `lock` held; others look with it held. */
    pthread_mutex_t lock;
    struct offer_life *lives;
    size_t life_count;
    struct standing *standings; /* STANDINGS_MAX; topic "": free */
    struct held_match *matches;
    size_t match_count;
    struct held_receipt *receipts;
    size_t receipt_count;
    struct territory_counters counters;
    struct mqtt_client_info info;
    bool storage_failing;
};

/* ---- territory.c: its life; calls of the loop's thread ---- */

/* Reads key, state, log. NULL with a sentence in `why`. */
struct territory *territory_open(const struct territory_identity *who, char *why, size_t why_size);
int territory_start(struct territory *t);
/* `withdraw`: what is told is withdrawn first, as far as the deadline allows; `unsent` gets the ids for which
 * it did not, each after a space. */
void territory_close(struct territory *t, bool withdraw, struct mono deadline, char *unsent, size_t size);
/* Takes `w` over (malloc'd; NULL is fine). */
void territory_wish(struct territory *t, struct wishes *w);
/* False: too many orders wait. */
bool territory_order(struct territory *t, const struct order *o);

/* ---- territory_state.c: over a restart ---- */

/* Fills the tables and begins a new epoch, which is on disk when this returns. False with a sentence. */
bool territory_load(struct territory *t, char *why, size_t why_size);
bool territory_save(struct territory *t);
/* For a site without the exchange: the ids that the state file in `directory` still holds as told. */
void territory_still_told(const char *directory, struct buf *ids);

/* ---- territory_say.c: everything that leaves ---- */

struct about {
    const char *what; /* of the disclosure log */
    const char *id, *name, *note;
    int level;
};
/* Signs `body`, logs it and puts it in its topic's place. False: it could not be logged, nothing changed. */
bool territory_say(struct territory *t, enum message_kind kind, const struct exchange_topic *topic,
                   const struct buf *body, struct utc expires, const struct about *about);
/* The retained message of a topic is to go; logged too. */
bool territory_clear(struct territory *t, const char *topic, const struct about *about);
struct exchange_topic territory_topic(const struct territory *t, enum exchange_branch branch, const char *id);
struct standing *territory_standing(struct territory *t, const char *topic);
/* Sends what waits; saves the state first. */
void territory_pump(struct territory *t);
/* What a key of before signed is signed anew; true: all of it. */
bool territory_sign_anew(struct territory *t);
void territory_collect(struct territory *t);  /* outcomes */
void territory_all_wait(struct territory *t); /* a connection began */
bool territory_any_flies(const struct territory *t);
void territory_expire(struct territory *t, struct utc now);

/* ---- territory_offers.c: lives, the card, replies, meters ---- */

void territory_step(struct territory *t, struct utc now);
void territory_obey(struct territory *t, const struct order *o, struct utc now);
/* Both sides agreed, as far as match and answer say it; the consent of the moment is asked besides. */
bool territory_is_metered(const struct held_match *m);

/* ---- territory_inbox.c: everything that comes in ---- */

void territory_take(struct territory *t, const struct mqtt_incoming *m);
/* What was too much at once may be asked for again. True once. */
bool territory_may_ask_again(struct territory *t, struct mono now);
struct held_match *territory_match(struct territory *t, const char *id);
/* The coordinator says that it is disclosed, agreed or running, and nobody here ever said yes to it. */
bool territory_is_unasked(const struct held_match *m);
/* The offer or need that is told under this id; NULL: none. */
const struct offer_life *territory_told(const struct territory *t, const char *id);

#endif
