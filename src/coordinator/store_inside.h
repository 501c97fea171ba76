/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share: its statements, and how they are run. */
#ifndef COORDINATOR_STORE_INSIDE_H
#define COORDINATOR_STORE_INSIDE_H

#include <sqlite3.h>
#include "coordinator/store.h"
#include "symbiont/log.h"

#define STORE_SUBJECT "store"

/* By owner: an id that is another's by now tells nothing of what was released to whom before. */
#define STORE_RELEASED                                                                                       \
    "CREATE TABLE released(owner TEXT, entry TEXT, match TEXT, pseudonym TEXT, level INTEGER, time INTEGER," \
    " PRIMARY KEY(owner, entry, match, pseudonym, level)) WITHOUT ROWID;"                                    \
    "CREATE INDEX released_time ON released(owner, entry, time);"
#define STORE_FIGURE                                                                                         \
    "CREATE TABLE figure(cell TEXT PRIMARY KEY, text TEXT, sites TEXT, time INTEGER) WITHOUT ROWID;"

enum store_statement {
    GET_FACT,
    PUT_FACT,
    GET_SEEN,
    PUT_SEEN,
    PUT_TOPIC,
    DROP_TOPIC,
    EACH_TOPIC,
    PUT_ENTRY,
    DROP_ENTRY,
    EACH_ENTRY,
    PUT_DEAL,
    DROP_DEAL,
    DROP_HOURS,
    EACH_DEAL,
    PUT_PUBLISHED,
    DROP_PUBLISHED,
    DROP_ALL_PUBLISHED,
    EACH_PUBLISHED,
    ADD_RELEASE,
    GET_RELEASES,
    COUNT_RELEASES,
    PUT_HOUR,
    SUM_PAIR,
    SUM_LONELY,
    SUM_ROUNDS,
    ADD_ALERT,
    PUT_ALERT,
    DROP_ALERT,
    DUE_ALERT,
    FIND_ALERT,
    COUNT_ALERTS,
    PUT_TOLD,
    GET_TOLD,
    ADD_NOTE,
    EACH_NOTE,
    TIDY_TOPICS,
    TIDY_PUBLISHED,
    TIDY_RELEASES,
    TIDY_TOLD,
    PUT_FIGURE,
    GET_FIGURE,
    TIDY_FIGURES,
    TIDY_NOTES,
    STORE_STATEMENTS,
};

struct store {
    char path[4096];
    sqlite3 *db;
    sqlite3_stmt *st[STORE_STATEMENTS];
    bool open; // a transaction is
    bool failed, behind;
    uint64_t commits;
    char error[300];
    struct complaint trouble;
};

extern const char store_schema[];
extern const char *const store_sql[STORE_STATEMENTS];

bool store_exec(struct store *s, const char *text);
void store_note_failure(struct store *s);
/* A change, within the transaction that the first one opens. Binds by the letters of `types`: t text (NULL
 * allowed), i int64_t, d double, b blob (pointer, size). */
bool store_change(struct store *s, enum store_statement which, const char *types, ...);
/* A question; to be stepped and reset. */
sqlite3_stmt *store_ask(struct store *s, enum store_statement which, const char *types, ...);
int64_t store_ask_number(sqlite3_stmt *st, int64_t otherwise);
const char *store_text_at(sqlite3_stmt *st, int i); /* "" for NULL */

#endif
