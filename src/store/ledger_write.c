// SPDX-License-Identifier: Apache-2.0
// The thread that writes the ledger: hours and the streams' states in one transaction.
#include "store/ledger_inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "symbiont/wait.h"

#define RETRY_NS (60 * NS_PER_S)

bool ledger_push(struct batch *b, const struct row *r)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 64;
        struct row *more = realloc(b->rows, cap * sizeof *more);
        if (!more)
            return false;
        b->rows = more;
        b->cap = cap;
    }
    b->rows[b->n++] = *r;
    return true;
}

static void bind_text(sqlite3_stmt *st, int at, const char *text)
{
    if (text)
        sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(st, at);
}

static void bind_number(sqlite3_stmt *st, int at, double v)
{
    if (isnan(v))
        sqlite3_bind_null(st, at);
    else
        sqlite3_bind_double(st, at, v);
}

static bool step(struct ledger *l, int s)
{
    int rc = sqlite3_step(l->st[s]);
    sqlite3_reset(l->st[s]);
    sqlite3_clear_bindings(l->st[s]);
    return rc == SQLITE_DONE;
}

static bool write_row(struct ledger *l, const struct row *r)
{
    sqlite3_stmt *st = l->st[S_HOUR];
    const struct stream_hour *h = &r->hour;
    sqlite3_bind_int(st, 1, r->stream);
    sqlite3_bind_int64(st, 2, h->hour);
    const double numbers[] = {h->amount, h->internal, h->surplus, h->taken, h->low, h->high};
    for (int i = 0; i < 6; i++)
        bind_number(st, 3 + i, numbers[i]);
    sqlite3_bind_int(st, 9, h->known_s);
    sqlite3_bind_int(st, 10, h->surplus_s);
    return step(l, S_HOUR);
}

// Under `lock`: few and small.
static bool write_entries(struct ledger *l)
{
    bool ok = true;
    for (size_t i = 0; ok && i < l->n_entries; i++) {
        struct entry *e = &l->entries[i];
        const struct ledger_stream *w = &e->what;
        if (e->changed) {
            const char *texts[] = {w->name,       w->title, w->resource,    w->direction,
                                   w->provenance, w->unit,  w->amount_unit, w->code};
            sqlite3_bind_int(l->st[S_STREAM], 1, (int)i + 1);
            for (int k = 0; k < 8; k++)
                bind_text(l->st[S_STREAM], 2 + k, texts[k]);
            ok = step(l, S_STREAM);
        }
        if (ok && e->state_changed) {
            sqlite3_bind_int(l->st[S_STATE], 1, (int)i + 1);
            sqlite3_bind_blob64(l->st[S_STATE], 2, e->state, e->state_n, SQLITE_TRANSIENT);
            ok = step(l, S_STATE);
        }
        if (ok)
            e->changed = e->state_changed = false;
    }
    return ok;
}

// After a transaction that failed everything of the streams is written again.
static void mark_all(struct ledger *l)
{
    for (size_t i = 0; i < l->n_entries; i++) {
        l->entries[i].changed = l->entries[i].what.name != NULL;
        l->entries[i].state_changed = l->entries[i].state != NULL;
    }
}

static bool write_all(struct ledger *l)
{
    if (!ledger_run(l, "BEGIN IMMEDIATE"))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < l->leaving.n; i++)
        ok = write_row(l, &l->leaving.rows[i]);
    pthread_mutex_lock(&l->lock);
    ok = ok && write_entries(l);
    pthread_mutex_unlock(&l->lock);
    return ok && ledger_run(l, "COMMIT");
}

// What could not be written goes back to the front.
static void take_back(struct ledger *l)
{
    for (size_t i = 0; i < l->gathered.n; i++)
        if (!ledger_push(&l->leaving, &l->gathered.rows[i]))
            l->stats.lost++;
    struct batch old = l->gathered;
    l->gathered = l->leaving;
    l->leaving = old;
    l->leaving.n = 0;
    mark_all(l);
}

bool ledger_save(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    struct batch old = l->leaving;
    l->leaving = l->gathered;
    l->gathered = old;
    l->gathered.n = 0;
    l->wanted = false;
    pthread_mutex_unlock(&l->lock);

    char why[300];
    pthread_mutex_lock(&l->disk);
    bool ok = (l->db || ledger_file_open(l, why, sizeof why) == OPENED) && write_all(l);
    if (!ok) {
        snprintf(why, sizeof why, "%s", l->db ? sqlite3_errmsg(l->db) : "cannot be opened");
        if (l->db && !sqlite3_get_autocommit(l->db))
            ledger_run(l, "ROLLBACK");
    }
    pthread_mutex_unlock(&l->disk);

    pthread_mutex_lock(&l->lock);
    l->stats.failing = !ok;
    if (ok) {
        l->stats.commits++;
        l->stats.hours += l->leaving.n;
        l->leaving.n = 0;
        l->stats.error[0] = '\0';
    } else {
        snprintf(l->stats.error, sizeof l->stats.error, "%.150s", why);
        take_back(l);
    }
    pthread_mutex_unlock(&l->lock);
    if (ok)
        complaint_over(&l->trouble, LEDGER_SUBJECT, "%s: the disk takes it again", l->path);
    else
        complain(&l->trouble, mono_now(), LOG_LEVEL_ERROR, LEDGER_SUBJECT, "%s: %s; hours stay in memory",
                 l->path, why);
    return ok;
}

static void *writer(void *arg)
{
    struct ledger *l = arg;
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        if (l->wanted || l->stats.failing) {
            bool retry = !l->wanted;
            if (retry) {
                wait_until(&l->look, &l->lock, mono_add(mono_now(), RETRY_NS));
                if (l->stop)
                    break;
            }
            pthread_mutex_unlock(&l->lock);
            ledger_save(l);
            pthread_mutex_lock(&l->lock);
        } else {
            pthread_cond_wait(&l->look, &l->lock);
        }
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

bool ledger_begin_thread(struct ledger *l)
{
    pthread_cond_init(&l->look, NULL);
    l->running = l->read_only || pthread_create(&l->thread, NULL, writer, l) == 0;
    return l->running;
}
