/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's inside: ledger.c (its life, hours gathered and read), ledger_streams.c (what is known of each
 * stream), ledger_file.c (the SQLite file), ledger_write.c (the thread that writes it). Private to this
 * folder.
 */
#ifndef SYMBIONT_LEDGER_INSIDE_H
#define SYMBIONT_LEDGER_INSIDE_H

#include <pthread.h>
#include <sqlite3.h>
#include "store/outbox_vfs.h"
#include "symbiont/ledger.h"
#include "symbiont/log.h"

#define LEDGER_STREAMS_MAX 4096
#define LEDGER_SUBJECT     "ledger"

enum { S_STREAM, S_HOUR, S_STATE, S_READ, S_STATEMENTS };

struct entry {                 /* of a stream */
    struct ledger_stream what; /* strings are our own */
    bool changed;
    void *state;
    size_t state_n;
    bool state_changed;
};

struct row {
    int stream;
    struct stream_hour hour;
};

struct batch {
    struct row *rows;
    size_t n, cap;
};

struct ledger {
    char *path;
    bool read_only;
    struct outbox_vfs vfs;
    sqlite3 *db; /* under `disk` */
    sqlite3_stmt *st[S_STATEMENTS];
    pthread_mutex_t disk; /* held while SQLite works */
    pthread_mutex_t lock; /* held for moments: what follows */
    pthread_cond_t look;
    pthread_t thread;
    bool running, stop, wanted;
    struct entry *entries; /* number - 1 */
    size_t n_entries;
    struct batch gathered, leaving;
    struct ledger_stats stats;
    struct complaint trouble;
};

/* ledger_file.c */
enum opened { OPENED, DAMAGED, REFUSED };
/* Anything but OPENED: a sentence in `why`, and no file is open. */
enum opened ledger_file_open(struct ledger *l, char *why, size_t size);
void ledger_file_close(struct ledger *l);
bool ledger_run(struct ledger *l, const char *text);
/* What it knows of streams into `entries`. As ledger_file_open. */
enum opened ledger_load_streams(struct ledger *l, char *why, size_t size);
/* Renames it. */
void ledger_set_aside(struct ledger *l, const char *why);

/* ledger_streams.c, under `lock` */
bool ledger_more_entries(struct ledger *l, size_t n);
bool ledger_copy_what(struct ledger_stream *to, const struct ledger_stream *from);
void ledger_free_what(struct ledger_stream *w);

/* ledger_write.c */
bool ledger_push(struct batch *b, const struct row *r);
bool ledger_begin_thread(struct ledger *l);
/* Writes what has gathered, now. */
bool ledger_save(struct ledger *l);

#endif
