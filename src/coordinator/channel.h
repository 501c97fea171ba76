/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A way by which alerts reach people: a webhook or a mailbox, each with a thread of its own that delivers one
 * alert at a time (libcurl waits). What waits is kept by the store; a channel only tries. Private to this
 * folder.
 */
#ifndef COORDINATOR_CHANNEL_H
#define COORDINATOR_CHANNEL_H

#include "coordinator/options.h"
#include "symbiont/buf.h"
#include "symbiont/loop.h"

struct channel;

/* One of them is NULL. The settings are held by whoever opens; `done` is sent when an attempt is over. NULL
 * with a sentence in `why`. */
struct channel *channel_open(const struct webhook_config *webhook, const struct mail_config *mail,
                             struct wakeup *done, char *why, size_t why_size);
/* Breaks off what is under way. */
void channel_close(struct channel *ch);

const char *channel_name(const struct channel *ch);
const char *channel_kind(const struct channel *ch); /* "webhook", "mail" */
const struct texts *channel_kinds(const struct channel *ch);
enum match_language channel_language(const struct channel *ch);
bool channel_names(const struct channel *ch);

/* What the channel sends for an alert: `full` is the JSON of the alert. */
void channel_compose(const struct channel *ch, const char *title, const char *text, const char *full,
                     size_t full_n, struct buf *out);

bool channel_busy(const struct channel *ch);
/* Begins an attempt; not while busy. False: memory is out. */
bool channel_give(struct channel *ch, int64_t id, const char *subject, const char *body);

struct channel_result {
    int64_t id;
    bool delivered;
    bool hopeless; /* the other end will never take this one */
    int64_t retry_after_s;
    char words[300];
};
/* The outcome of the attempt, once. */
bool channel_result(struct channel *ch, struct channel_result *out);

#endif
