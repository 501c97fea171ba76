// SPDX-License-Identifier: Apache-2.0
// The books: who was let see what, and what was metered.
#include <stdio.h>
#include <string.h>
#include "coordinator/store_inside.h"

// ---- Releases ----

bool store_add_release(struct store *s, const char *owner, const char *entry, const struct release *r)
{
    return store_change(s, ADD_RELEASE, "ttttii", owner, entry, r->match, r->to, (int64_t)r->level,
                        r->time.ms) &&
           sqlite3_changes(s->db) > 0;
}

unsigned store_releases(struct store *s, const char *owner, const char *entry, struct release *out,
                        unsigned most)
{
    sqlite3_stmt *st = store_ask(s, GET_RELEASES, "tti", owner, entry, (int64_t)most);
    unsigned n = 0;
    for (; n < most && sqlite3_step(st) == SQLITE_ROW; n++) {
        out[n] = (struct release){.level = (uint8_t)sqlite3_column_int64(st, 2),
                                  .time = {sqlite3_column_int64(st, 3)}};
        snprintf(out[n].match, sizeof out[n].match, "%s", store_text_at(st, 0));
        snprintf(out[n].to, sizeof out[n].to, "%s", store_text_at(st, 1));
    }
    sqlite3_reset(st);
    return (unsigned)store_ask_number(store_ask(s, COUNT_RELEASES, "tt", owner, entry), n);
}

void store_put_hour(struct store *s, const char *match, unsigned party, int64_t hour, double amount)
{
    store_change(s, PUT_HOUR, "tiid", match, (int64_t)party, hour, amount);
}

static void sum_pair(struct store *s, const char *match, struct store_sums *out)
{
    sqlite3_stmt *st = store_ask(s, SUM_PAIR, "t", match);
    if (sqlite3_step(st) == SQLITE_ROW)
        *out = (struct store_sums){.least = sqlite3_column_double(st, 0),
                                   .most = sqlite3_column_double(st, 1),
                                   .hours = sqlite3_column_int64(st, 2),
                                   .first = sqlite3_column_int64(st, 3),
                                   .last = sqlite3_column_int64(st, 4)};
    sqlite3_reset(st);
    out->lonely = store_ask_number(store_ask(s, SUM_LONELY, "t", match), 0);
}

static void sum_rounds(struct store *s, const char *match, const struct store_round *round,
                       struct store_sums *out)
{
    sqlite3_stmt *st =
        store_ask(s, SUM_ROUNDS, "iit", round->begin, round->hours > 0 ? round->hours : INT64_C(1), match);
    while (sqlite3_step(st) == SQLITE_ROW) {
        double begun = (double)(sqlite3_column_int64(st, 0) + 1), amount = sqlite3_column_double(st, 1);
        double agreed = begun > 0 ? begun * round->agreed : 0;
        out->most += amount;
        out->least = out->least + amount < agreed ? out->least + amount : agreed;
        out->first = out->hours ? out->first : sqlite3_column_int64(st, 3);
        out->last = sqlite3_column_int64(st, 4);
        out->hours += sqlite3_column_int64(st, 2);
    }
    sqlite3_reset(st);
}

void store_sum_hours(struct store *s, const char *match, const struct store_round *round,
                     struct store_sums *out)
{
    *out = (struct store_sums){0};
    if (round)
        sum_rounds(s, match, round, out);
    else
        sum_pair(s, match, out);
}

// ---- Figures of reports ----

bool store_figure(struct store *s, const char *cell, const char **text, const char **sites)
{
    sqlite3_stmt *st = store_ask(s, GET_FIGURE, "t", cell);
    if (sqlite3_step(st) != SQLITE_ROW) {
        sqlite3_reset(st);
        return false;
    }
    *text = store_text_at(st, 0);
    *sites = store_text_at(st, 1);
    return true;
}

void store_put_figure(struct store *s, const char *cell, const char *text, const char *sites, struct utc when)
{
    store_change(s, PUT_FIGURE, "ttti", cell, text, sites, when.ms);
}
