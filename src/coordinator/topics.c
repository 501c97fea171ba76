// SPDX-License-Identifier: Apache-2.0
// What was last accepted on each topic, kept over restarts so that nothing old is believed again.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/coordinator.h"

// Room for tombstones beside what stands.
#define TOPICS_PER_ENTRY 4
#define TOPICS_BESIDES   64

static struct topic *add(struct coordinator *c, const char *text, struct member *m)
{
    struct topic *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    snprintf(t->text, sizeof t->text, "%s", text);
    t->member = m;
    if (!table_put(&c->topics, t->text, t)) {
        free(t);
        return NULL;
    }
    m->topics++;
    return t;
}

static void drop(struct coordinator *c, struct topic *t)
{
    t->member->topics--;
    table_remove(&c->topics, t->text);
    free(t);
}

struct topic *topic_known(const struct coordinator *c, const char *text)
{
    return table_get(&c->topics, text);
}

struct topic *topic_begin(struct coordinator *c, const char *text, struct member *m)
{
    bool room = m->topics < TOPICS_PER_ENTRY * member_entries_most(c, m) + TOPICS_BESIDES;
    return room ? add(c, text, m) : NULL;
}

void topic_keep(struct coordinator *c, struct topic *t)
{
    store_put_topic(c->store, t->text, &t->seen);
}

static void restore(void *arg, const char *text, const struct envelope_topic *seen)
{
    struct coordinator *c = arg;
    struct exchange_topic parts;
    bool known = topic_known(c, text) || !exchange_topic_parse(text, &parts);
    struct member *m = known ? NULL : member_of(c, parts.pseudonym);
    struct topic *t = m ? add(c, text, m) : NULL;
    if (t)
        t->seen = *seen;
}

void topics_restore(struct coordinator *c)
{
    store_each_topic(c->store, restore, c);
}

// What was never accepted, and what has expired, is no longer in the way of anything.
void topics_tidy(struct coordinator *c, struct utc now)
{
    struct topic *t;
    for (size_t at = 0; (t = table_next(&c->topics, &at));)
        if (t->seen.until.ms < now.ms) {
            store_drop_topic(c->store, t->text);
            drop(c, t);
        }
}

// On disk they stay until they expire: a member that is enrolled once more finds what it withdrew withdrawn.
void topics_forget(struct coordinator *c, const struct member *m)
{
    struct topic *t;
    for (size_t at = 0; (t = table_next(&c->topics, &at));)
        if (t->member == m)
            drop(c, t);
}

void topics_save(struct coordinator *c)
{
    struct topic *t;
    for (size_t at = 0; (t = table_next(&c->topics, &at));)
        topic_keep(c, t);
}

void topics_free(struct coordinator *c)
{
    struct topic *t;
    for (size_t at = 0; (t = table_next(&c->topics, &at));)
        free(t);
    table_free(&c->topics);
}
