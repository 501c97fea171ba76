// SPDX-License-Identifier: Apache-2.0
// The ledger: its life, hours gathered in memory, hours read from the file.
#include "store/ledger_inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/text.h"

#define WAITING_MAX 50000 // hours that wait for a disk: two weeks of 150 streams, 4 MB

// ---- Gathering ----

void ledger_add(struct ledger *l, int number, const struct stream_hour *h)
{
    pthread_mutex_lock(&l->lock);
    if (l->gathered.n >= WAITING_MAX) {
        memmove(l->gathered.rows, l->gathered.rows + 1, (l->gathered.n - 1) * sizeof *l->gathered.rows);
        l->gathered.n--;
        l->stats.lost++;
    }
    if (!ledger_push(&l->gathered, &(struct row){number, *h}))
        l->stats.lost++;
    pthread_mutex_unlock(&l->lock);
}

void ledger_keep(struct ledger *l, int number, const void *state, size_t n)
{
    pthread_mutex_lock(&l->lock);
    if (number > 0 && (size_t)number <= l->n_entries) {
        struct entry *e = &l->entries[number - 1];
        void *copy = malloc(n ? n : 1);
        if (copy) {
            memcpy(copy, state, n);
            free(e->state);
            e->state = copy;
            e->state_n = n;
            e->state_changed = true;
        }
    }
    pthread_mutex_unlock(&l->lock);
}

void ledger_commit(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    l->wanted = true;
    pthread_cond_signal(&l->look);
    pthread_mutex_unlock(&l->lock);
}

// ---- Opening and closing ----

static void release(struct ledger *l)
{
    ledger_file_close(l);
    for (size_t i = 0; i < l->n_entries; i++) {
        ledger_free_what(&l->entries[i].what);
        free(l->entries[i].state);
    }
    free(l->entries);
    free(l->gathered.rows);
    free(l->leaving.rows);
    if (l->vfs.real)
        outbox_vfs_unregister(&l->vfs);
    pthread_mutex_destroy(&l->disk);
    pthread_mutex_destroy(&l->lock);
    free(l->path);
    free(l);
}

struct ledger *ledger_open(const char *path, bool read_only, char *why, size_t why_size)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (!l || !(l->path = text_dup(path))) {
        snprintf(why, why_size, "%s: out of memory", path);
        free(l);
        return NULL;
    }
    l->read_only = read_only;
    pthread_mutex_init(&l->disk, NULL);
    pthread_mutex_init(&l->lock, NULL);
    enum opened opened = REFUSED;
    if (outbox_vfs_register(&l->vfs) < 0)
        snprintf(why, why_size, "%s: out of memory", path);
    else
        opened = ledger_file_open(l, why, why_size);
    if (opened == OPENED)
        opened = ledger_load_streams(l, why, why_size);
    if (opened == DAMAGED && !read_only) {
        ledger_set_aside(l, why);
        for (size_t i = 0; i < l->n_entries; i++)
            ledger_free_what(&l->entries[i].what);
        l->n_entries = 0;
        opened = ledger_file_open(l, why, why_size);
    }
    if (opened == OPENED && ledger_begin_thread(l))
        return l;
    if (opened == OPENED)
        snprintf(why, why_size, "%s: no thread could be started", path);
    release(l);
    return NULL;
}

bool ledger_close(struct ledger *l)
{
    if (!l)
        return true;
    bool ok = true;
    if (!l->read_only) {
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        pthread_cond_signal(&l->look);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
        ok = ledger_save(l);
    }
    pthread_cond_destroy(&l->look);
    release(l);
    return ok;
}

// ---- Reading ----

bool ledger_state(struct ledger *l, int number, struct buf *out)
{
    sqlite3_stmt *st = NULL;
    bool found = false;
    pthread_mutex_lock(&l->disk);
    if (l->db &&
        sqlite3_prepare_v2(l->db, "SELECT data FROM state WHERE stream = ?1", -1, &st, NULL) == SQLITE_OK) {
        sqlite3_bind_int(st, 1, number);
        found = sqlite3_step(st) == SQLITE_ROW;
        if (found)
            buf_put(out, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
        sqlite3_finalize(st);
    }
    pthread_mutex_unlock(&l->disk);
    return found;
}

static double column(sqlite3_stmt *st, int i)
{
    return sqlite3_column_type(st, i) == SQLITE_NULL ? NAN : sqlite3_column_double(st, i);
}

enum ledger_answer ledger_read(struct ledger *l, int number, int64_t from, int64_t to,
                               void (*each)(void *arg, const struct stream_hour *h), void *arg)
{
    if (pthread_mutex_trylock(&l->disk) != 0)
        return LEDGER_BUSY;
    sqlite3_stmt *st = l->st[S_READ];
    int rc = SQLITE_DONE;
    if (st) {
        sqlite3_bind_int(st, 1, number);
        sqlite3_bind_int64(st, 2, from);
        sqlite3_bind_int64(st, 3, to);
        while ((rc = sqlite3_step(st)) == SQLITE_ROW)
            each(arg, &(struct stream_hour){.hour = sqlite3_column_int64(st, 0),
                                            .amount = column(st, 1),
                                            .internal = column(st, 2),
                                            .surplus = column(st, 3),
                                            .taken = column(st, 4),
                                            .low = column(st, 5),
                                            .high = column(st, 6),
                                            .known_s = sqlite3_column_int(st, 7),
                                            .surplus_s = sqlite3_column_int(st, 8)});
        sqlite3_reset(st);
    }
    pthread_mutex_unlock(&l->disk);
    return st && rc == SQLITE_DONE ? LEDGER_OK : LEDGER_FAILED;
}

void ledger_stats(struct ledger *l, struct ledger_stats *out)
{
    pthread_mutex_lock(&l->lock);
    *out = l->stats;
    out->waiting = l->gathered.n + l->leaving.n;
    pthread_mutex_unlock(&l->lock);
    out->bytes_written = atomic_load(&l->vfs.written);
}
