/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the territory's messages say besides offers: who a site is, what was withdrawn, answered, matched,
 * released, metered; and the topics they stand on. Each has a struct, a writer and a strict reader of the
 * body that symbiont/envelope.h signs. docs/exchange-protocol.md is the manual. Pure.
 *
 * Every writer appends a compact JSON object with its keys in a fixed order, what is unsaid left out. Every
 * reader takes only known keys, each once, of the right type and within its range; else false with a sentence
 * in `why` that names the key. Depth at most 4, size at most MESSAGE_BODY_BYTES.
 */
#ifndef SYMBIONT_MESSAGES_H
#define SYMBIONT_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/clock.h"
#include "symbiont/envelope.h"
#include "symbiont/offer.h"

#define MESSAGE_BODY_BYTES 4096

/* ---- Topics: symbiosis/v1/<territory>/<pseudonym>/<branch>[/<id>] ---- */

enum exchange_branch {
    BRANCH_CARD,     /* the site's; retained; the only one without an id */
    BRANCH_OFFERS,   /* the site's; retained, expires; id: of the offer */
    BRANCH_NEEDS,    /* the same for needs */
    BRANCH_REPLIES,  /* the site's; retained, expires; id: of the match */
    BRANCH_METERS,   /* the site's; retained, expires; id: of the match */
    BRANCH_MATCHES,  /* the coordinator's, this site's own view; retained, expires; id: of the match */
    BRANCH_RECEIPTS, /* the coordinator's; retained, expires; id: of the offer or need */
};
#define EXCHANGE_BRANCHES (BRANCH_RECEIPTS + 1)

struct exchange_topic {
    char territory[64], pseudonym[OFFER_WORD];
    enum exchange_branch branch;
    char id[OFFER_ID + 1]; /* "" for the card */
};
#define EXCHANGE_TOPIC 192
/* False: not one of these topics, or a part of it is not what it must be. */
bool exchange_topic_parse(const char *topic, struct exchange_topic *out);
/* Returns out. With an id "+" or a pseudonym "+" it is the filter to subscribe to. */
char *exchange_topic_text(const struct exchange_topic *t, char out[static EXCHANGE_TOPIC]);
/* Whether a message of this kind may stand there: offers hold offers and withdrawals, and so on. */
bool exchange_topic_takes(const struct exchange_topic *t, enum message_kind k);
/* The coordinator's pseudonym in `from` of what it signs. */
#define EXCHANGE_COORDINATOR "coordinator"

/* A fresh id of an offer, a need or a match: 32 hex digits of the system's randomness. */
char *exchange_id(char out[static OFFER_ID + 1]);
/* A pseudonym for a site, "f-7q2k9m": random, says nothing. */
char *exchange_pseudonym(char out[static OFFER_WORD]);
/* [a-z0-9][a-z0-9_.-]*, 1 to 32 characters. */
bool exchange_is_pseudonym(const char *s);
/* 32 hex digits, small letters. */
bool exchange_is_id(const char *s);

/* ---- From a site ---- */

struct card {
    char pseudonym[OFFER_WORD];
    char zone[OFFER_WORD]; /* "": not said */
    char nace[9];          /* two digits; "": not said */
    unsigned char key[KEY_PUBLIC];
    bool has_next_key; /* a key that it will use later: for the coordinator's person to pin */
    unsigned char next_key[KEY_PUBLIC];
    uint64_t epoch; /* of its numbers */
};
void card_write(const struct card *c, struct buf *out);
bool card_read(const char *json, size_t n, struct card *out, char *why, size_t why_size);

struct withdrawal {
    char id[OFFER_ID + 1]; /* of the offer or need: never used again */
};
void withdrawal_write(const struct withdrawal *w, struct buf *out);
bool withdrawal_read(const char *json, size_t n, struct withdrawal *out, char *why, size_t why_size);

enum reply_answer {
    REPLY_INTERESTED, /* yes: and who we are, to be released once the other said yes too */
    REPLY_DECLINED,   /* no, not this one again */
    REPLY_WITHDRAWN,  /* the yes is taken back */
    REPLY_AGREED,     /* after `disclosed`: there is a contract */
    REPLY_ENDED,      /* the exchange is over */
};
extern const struct choice reply_choices[];
const char *reply_word(enum reply_answer a);

#define MESSAGE_NAME    81
#define MESSAGE_CONTACT 161

struct reply {
    char match[OFFER_ID + 1];
    uint64_t revision; /* of the match view that is answered */
    enum reply_answer answer;
    char name[MESSAGE_NAME], contact[MESSAGE_CONTACT]; /* with `interested` only; "": not said */
};
void reply_write(const struct reply *r, struct buf *out);
bool reply_read(const char *json, size_t n, struct reply *out, char *why, size_t why_size);

/*
 * What one side metered of a running exchange, by the hour. Each message holds the latest hours, so one that
 * was lost is made good by the next, and an hour that comes twice is the same hour.
 */
#define METERED_HOURS 48
struct metered {
    char match[OFFER_ID + 1];
    int64_t first;                 /* hours since 1970-01-01 UTC, of amounts[0] */
    double amounts[METERED_HOURS]; /* in metered_unit of the resource; NaN: not known */
    uint8_t count;
};
/* "kWh", "m3", "kg", "h": what a unit of the resource gives in time. */
const char *metered_unit(enum resource r);
void metered_write(const struct metered *m, struct buf *out);
bool metered_read(const char *json, size_t n, struct metered *out, char *why, size_t why_size);

/* ---- From the coordinator ---- */

enum match_status {
    MATCH_PROPOSED,   /* nobody answered yet, or this side does not know: the other's yes is not told */
    MATCH_INTERESTED, /* this side said yes */
    MATCH_DISCLOSED,  /* both did: name and contact are in the view */
    MATCH_AGREED,
    MATCH_RUNNING,
    MATCH_ENDED,
};
extern const struct choice match_status_choices[];
const char *match_status_word(enum match_status s);

struct view_gate {
    char name[OFFER_WORD]; /* "temperature", "density", "distance" */
    bool pass;
    double value, limit; /* NaN: not a number */
    char unit[12];
};

#define VIEW_GATES  12
#define VIEW_LIMITS 6
#define VIEW_LIMIT  121
#define VIEW_TEXT   601

struct match_view {
    char id[OFFER_ID + 1];
    uint64_t revision;
    enum match_status status;
    enum synergy synergy;
    enum resource resource;
    char own[OFFER_ID + 1]; /* the offer or need of the one who reads this */
    enum offer_role role;   /* of `own` */
    unsigned parties;       /* others besides him: 1, of a pool more */

    /* The other side, in bands whatever its level. */
    struct match_counterpart {
        char zone[OFFER_WORD], nace[9];
        struct span amount;                                /* its typical, in offer_unit(resource) */
        struct span supply, back;                          /* degC, heat */
        char code[10];                                     /* "150101", waste */
        char name[MESSAGE_NAME], contact[MESSAGE_CONTACT]; /* from `disclosed` on; "" */
    } counterpart;

    struct span quantity;   /* what would be exchanged, in offer_unit */
    struct span annual;     /* the same in offer_annual_unit, a year */
    double coverage, use;   /* share of the need that is met, of the offer that is used, 0..1; NaN */
    struct span distance_m; /* a band */
    struct span capex_eur;  /* all of these may be SPAN_UNSAID */
    struct span eur_yr;     /* what both together gain in a year */
    struct span payback_y;
    struct span tco2e_yr; /* avoided in a year, low and high */
    double confidence;    /* 0..1; NaN */
    struct view_gate gates[VIEW_GATES];
    uint8_t gate_count;
    char limits[VIEW_LIMITS][VIEW_LIMIT]; /* sentences: what speaks against it, what is not known */
    uint8_t limit_count;
    char text[VIEW_TEXT];    /* the match in a few sentences, for people */
    char reason[VIEW_LIMIT]; /* `ended`: why; "" */

    /* From `running` on; both NaN before. In offer_annual_unit, EUR, t. */
    double realised, realised_eur, realised_tco2e;
};
void match_view_clear(struct match_view *m);
void match_view_write(const struct match_view *m, struct buf *out);
bool match_view_read(const char *json, size_t n, struct match_view *out, char *why, size_t why_size);

/*
 * What no type can say of a view: that it is about what we told and no more than can be. `own` is our offer
 * or need as it was told last, NULL: it is told no more. False with a sentence.
 */
bool match_view_check(const struct match_view *m, const struct offer *own, char *why, size_t why_size);

enum receipt_status {
    RECEIPT_HELD,      /* taken, matched */
    RECEIPT_REFUSED,   /* not taken: `reason` */
    RECEIPT_WITHDRAWN, /* the withdrawal was read: it may be cleared */
    RECEIPT_EXPIRED,
};
extern const struct choice receipt_choices[];
const char *receipt_word(enum receipt_status s);

/* What the coordinator let others see of an offer. "Who has seen it" is this list. */
#define RECEIPT_RELEASES 16
struct receipt {
    char id[OFFER_ID + 1]; /* of the offer or need */
    uint64_t revision;     /* the last one that was read */
    enum receipt_status status;
    char reason[VIEW_LIMIT];
    struct release {
        char match[OFFER_ID + 1];
        char to[OFFER_WORD]; /* pseudonym; "": not told */
        uint8_t level;       /* DISCLOSE_BANDS, or DISCLOSE_IDENTITY once both said yes */
        struct utc time;
    } releases[RECEIPT_RELEASES]; /* the latest; all of them are kept by the coordinator */
    uint8_t count;
    unsigned total;
};
void receipt_write(const struct receipt *r, struct buf *out);
bool receipt_read(const char *json, size_t n, struct receipt *out, char *why, size_t why_size);

#endif
