/* SPDX-License-Identifier: Apache-2.0 */
/*
 * territory.db: the copy on disk of what the coordinator must not forget (SQLite). The daemon's loop writes;
 * nothing is on disk before store_commit, and nothing that follows from it is published before that.
 * Private to this folder.
 */
#ifndef COORDINATOR_STORE_H
#define COORDINATOR_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/clock.h"
#include "symbiont/envelope.h"
#include "symbiont/messages.h"

struct store;

/* Opens or creates. A damaged file is put aside as territory.db.damaged-<time> and a new one begun. NULL with
 * a sentence in `why`. */
struct store *store_open(const char *directory, char *why, size_t why_size);
/* Commits and closes. NULL is fine. */
void store_close(struct store *s);
/* What was written since the last one is synced. False: it could not be; it is lost to the disk, and
 * store_behind says so until everything was written anew. */
bool store_commit(struct store *s);
bool store_behind(const struct store *s);
void store_caught_up(struct store *s);
const char *store_error(const struct store *s); /* "" */
void store_stats(const struct store *s, uint64_t *commits, int64_t *file_bytes);

/* Small facts. */
int64_t store_number(struct store *s, const char *key, int64_t otherwise);
void store_keep(struct store *s, const char *key, int64_t value);

/* Senders' last numbers, by key. */
void store_put_seen(struct store *s, const char *key_id, const struct envelope_seen *seen);
bool store_get_seen(struct store *s, const char *key_id, struct envelope_seen *out);

/* Topics' last numbers and tombstones. */
void store_put_topic(struct store *s, const char *topic, const struct envelope_topic *t);
void store_drop_topic(struct store *s, const char *topic);
void store_each_topic(struct store *s,
                      void (*each)(void *arg, const char *topic, const struct envelope_topic *t), void *arg);

/* Offers and needs, as JSON. */
struct store_entry {
    const char *id, *pseudonym;
    const void *json;
    size_t n;
    struct utc expires;
};
void store_put_entry(struct store *s, const struct store_entry *e);
void store_drop_entry(struct store *s, const char *id);
void store_each_entry(struct store *s, void (*each)(void *arg, const struct store_entry *e), void *arg);

/* Matches, as JSON. */
void store_put_deal(struct store *s, const char *id, const void *json, size_t n);
void store_drop_deal(struct store *s, const char *id);
void store_each_deal(struct store *s, void (*each)(void *arg, const char *id, const void *json, size_t n),
                     void *arg);

/* What was last published on a topic, byte by byte. */
void store_put_published(struct store *s, const char *topic, const void *data, size_t n, struct utc until);
void store_drop_published(struct store *s, const char *topic); /* NULL: all */
void store_each_published(struct store *s,
                          void (*each)(void *arg, const char *topic, const void *data, size_t n,
                                       struct utc until),
                          void *arg);

/* Who was let see what of an entry of `owner`. False: it was known already. */
bool store_add_release(struct store *s, const char *owner, const char *entry, const struct release *r);
/* The latest `most` of an entry, newest first; returns how many there are in all. Of an entry that is, or
 * was, another's there are none. */
unsigned store_releases(struct store *s, const char *owner, const char *entry, struct release *out,
                        unsigned most);

/* Metered hours of running exchanges. */
void store_put_hour(struct store *s, const char *match, unsigned party, int64_t hour, double amount);
/*
 * Of a pair (`round` NULL): the sum over hours that both sides know of the smaller amount, and of the larger;
 * `hours` of them; `lonely` hours that only one side knows.
 *
 * Of a group nobody checks the other's meter, so what was agreed bounds it, by rounds: `least` is what was
 * metered, but at the end of each round not more than what was agreed for all rounds begun; `most` all that
 * was metered. A container that is emptied a day late is booked in the next round, whole.
 */
struct store_round {
    int64_t begin, hours; /* the first hour, and how many from one emptying to the next */
    double agreed;        /* of all members together in one round */
};
struct store_sums {
    double least, most;
    int64_t hours, lonely, first, last;
};
void store_sum_hours(struct store *s, const char *match, const struct store_round *round,
                     struct store_sums *out);

/* Alerts on their way, and when a synergy was last told of. */
struct store_alert {
    int64_t id;
    const char *channel;
    const char *subject, *body; /* body: what the channel sends */
    int attempts;
    struct utc created, due;
};
void store_put_alert(struct store *s, const struct store_alert *a); /* id 0: new */
void store_drop_alert(struct store *s, int64_t id);
/* The first that is due of a channel; its strings live until the next call. */
bool store_due_alert(struct store *s, const char *channel, struct utc now, struct store_alert *out);
/* Attempts and times of one. */
bool store_find_alert(struct store *s, int64_t id, struct store_alert *out);
int64_t store_alerts(struct store *s, const char *channel); /* waiting */
void store_told(struct store *s, const char *synergy, struct utc when);
struct utc store_last_told(struct store *s, const char *synergy);

/* What a report said last of a cell, and of which sites it was the total (names, each before a line feed).
 * The strings live until the next call or commit. False: nothing yet. */
bool store_figure(struct store *s, const char *cell, const char **text, const char **sites);
void store_put_figure(struct store *s, const char *cell, const char *text, const char *sites,
                      struct utc when);

/* For the digest: what happened, in sentences. */
void store_note(struct store *s, struct utc when, const char *kind, const char *match, const char *text);
void store_each_note(struct store *s, struct utc since,
                     void (*each)(void *arg, struct utc when, const char *kind, const char *match,
                                  const char *text),
                     void *arg);

/* Forgets what is over: tombstones, published things, releases of what is gone for 100 days, what was told of
 * before `told_before`, notes and figures of more than a year. */
void store_tidy(struct store *s, struct utc now, struct utc told_before);

#endif
