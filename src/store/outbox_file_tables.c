// SPDX-License-Identifier: Apache-2.0
// The small tables: lanes, gaps, facts, rejected messages.
#include "store/outbox_file_inside.h"

enum file_result outbox_file_lanes(struct outbox_file *f,
                                   int (*each)(uint8_t number, const char *name, uint64_t acked, void *arg),
                                   void *arg)
{
    sqlite3_stmt *st = f->st[S_LANES];
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        int64_t number = sqlite3_column_int64(st, 0), acked = sqlite3_column_int64(st, 2);
        const char *name = (const char *)sqlite3_column_text(st, 1);
        if (number < 1 || number > 127 || !name || acked < 0)
            continue;
        if (each((uint8_t)number, name, (uint64_t)acked, arg) != 0)
            break;
    }
    enum file_result result = file_say(f, rc);
    sqlite3_reset(st);
    return result;
}

enum file_result outbox_file_lane(struct outbox_file *f, uint8_t number, const char *name, uint64_t acked)
{
    sqlite3_stmt *st = f->st[S_LANE_SET];
    sqlite3_bind_int64(st, 1, number);
    sqlite3_bind_text(st, 2, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, (int64_t)acked);
    return file_run(f, S_LANE_SET);
}

enum file_result outbox_file_gaps(struct outbox_file *f, uint8_t lane, struct lane_gaps *gaps)
{
    sqlite3_stmt *st = f->st[S_GAPS];
    sqlite3_bind_int64(st, 1, lane);
    *gaps = (struct lane_gaps){0};
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && gaps->n < LANE_GAPS_MAX)
        gaps->at[gaps->n++] = (struct outbox_gap){
            .first_id = (uint64_t)sqlite3_column_int64(st, 0),
            .last_id = (uint64_t)sqlite3_column_int64(st, 1),
            .count = (uint64_t)sqlite3_column_int64(st, 2),
            .from = {sqlite3_column_int64(st, 3)},
            .to = {sqlite3_column_int64(st, 4)},
        };
    enum file_result result = file_say(f, rc);
    sqlite3_reset(st);
    return result;
}

enum file_result outbox_file_save_gaps(struct outbox_file *f, uint8_t lane, const struct lane_gaps *gaps)
{
    sqlite3_bind_int64(f->st[S_GAPS_CLEAR], 1, lane);
    enum file_result result = file_run(f, S_GAPS_CLEAR);
    sqlite3_stmt *st = f->st[S_GAP_ADD];
    for (size_t i = 0; result == FILE_OK && i < gaps->n; i++) {
        const struct outbox_gap *g = &gaps->at[i];
        sqlite3_bind_int64(st, 1, lane);
        sqlite3_bind_int64(st, 2, (int64_t)i);
        sqlite3_bind_int64(st, 3, (int64_t)g->first_id);
        sqlite3_bind_int64(st, 4, (int64_t)g->last_id);
        sqlite3_bind_int64(st, 5, (int64_t)g->count);
        sqlite3_bind_int64(st, 6, g->from.ms);
        sqlite3_bind_int64(st, 7, g->to.ms);
        result = file_run(f, S_GAP_ADD);
    }
    return result;
}

enum file_result outbox_file_facts(struct outbox_file *f, struct facts *facts)
{
    sqlite3_stmt *st = f->st[S_FACTS];
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(st, 0);
        const void *value = sqlite3_column_blob(st, 1);
        if (key)
            facts_restore(facts, key, value ? value : "", (size_t)sqlite3_column_bytes(st, 1));
    }
    enum file_result result = file_say(f, rc);
    sqlite3_reset(st);
    return result;
}

enum file_result outbox_file_save_fact(struct outbox_file *f, const struct fact_change *c)
{
    enum statement s = c->value ? S_FACT_SET : S_FACT_FORGET;
    sqlite3_bind_text(f->st[s], 1, c->key, -1, SQLITE_STATIC);
    if (c->value)
        sqlite3_bind_blob64(f->st[s], 2, c->value, c->n, SQLITE_STATIC);
    enum file_result result = file_run(f, s);
    sqlite3_clear_bindings(f->st[s]);
    return result;
}

enum file_result outbox_file_rejects(struct outbox_file *f, struct rejects *rejects)
{
    sqlite3_stmt *st = f->st[S_REJECTS];
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *lane = (const char *)sqlite3_column_text(st, 1),
                   *topic = (const char *)sqlite3_column_text(st, 5),
                   *why = (const char *)sqlite3_column_text(st, 6), *payload = sqlite3_column_blob(st, 7);
        struct outbox_rejected what = {
            .lane = lane ? lane : "",
            .topic = topic ? topic : "",
            .why = why ? why : "",
            .payload = payload ? payload : "",
            .n = (size_t)sqlite3_column_bytes(st, 7),
            .id = (uint64_t)sqlite3_column_int64(st, 2),
            .time = {sqlite3_column_int64(st, 3)},
            .at = {sqlite3_column_int64(st, 4)},
        };
        rejects_restore(rejects, (uint64_t)sqlite3_column_int64(st, 0), &what);
    }
    enum file_result result = file_say(f, rc);
    sqlite3_reset(st);
    return result;
}

enum file_result outbox_file_save_reject(struct outbox_file *f, uint64_t number,
                                         const struct outbox_rejected *what)
{
    sqlite3_stmt *st = f->st[S_REJECT_ADD];
    sqlite3_bind_int64(st, 1, (int64_t)number);
    sqlite3_bind_text(st, 2, what->lane, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, (int64_t)what->id);
    sqlite3_bind_int64(st, 4, what->time.ms);
    sqlite3_bind_int64(st, 5, what->at.ms);
    sqlite3_bind_text(st, 6, what->topic, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 7, what->why, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(st, 8, what->payload, what->n, SQLITE_STATIC);
    enum file_result result = file_run(f, S_REJECT_ADD);
    sqlite3_clear_bindings(st);
    return result;
}

enum file_result outbox_file_trim_rejects(struct outbox_file *f, uint64_t lowest)
{
    sqlite3_bind_int64(f->st[S_REJECT_TRIM], 1, (int64_t)lowest);
    return file_run(f, S_REJECT_TRIM);
}
