/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `symbiont watch` shows: one round of readings, from a running gateway or from a line, and its
 * rendering. Private to the command-line tool.
 */
#ifndef SYMBIONT_CLI_WATCH_H
#define SYMBIONT_CLI_WATCH_H

#include "cli/interrupt.h"
#include "cli/verb.h"
#include "symbiont/buf.h"
#include "symbiont/clock.h"

#define WATCH_BAD_TEXT 64

struct watch_point {
    const char *name, *unit;
    double value;             /* when it is neither text nor bad */
    bool single;              /* precision of a float32 */
    const char *text;         /* NULL: a number */
    char bad[WATCH_BAD_TEXT]; /* "": good */
};

struct watch_meter {
    const char *name, *state;
    double age_s;         /* of the last success; NAN: never */
    double round_trip_ms; /* NAN: not known */
    struct watch_point *points;
    size_t n;
};

struct watch_publisher {
    const char *name, *error; /* error NULL: none */
    bool connected;
    int64_t waiting;
    double oldest_s;
};

struct watch_round {
    struct utc time;
    const char *title; /* the site, or the line's address */
    char trouble[200]; /* why there is nothing newer; "": all is well */
    struct watch_meter *meters;
    size_t n;
    struct watch_publisher *publishers;
    size_t publisher_count;
};

/* ---- Where rounds come from ---- */

/*
 * A source fills the round that it owns. The first poll's status decides whether the verb goes on; later
 * ones leave what was last known, and a reason in `trouble`. Texts live until the next poll.
 */
struct watch_source {
    struct watch_round round;
    int (*poll)(struct watch_source *s); /* EX_OK, or the status the verb would end with */
    void (*close)(struct watch_source *s);
};

/* `names`: only these meters, n of them; 0: all. NULL and *status set after a message. */
struct watch_source *watch_gateway_open(const struct command *c, const struct interrupt *interrupt,
                                        int *status);
struct watch_source *watch_line_open(const struct command *c, const struct interrupt *interrupt, int *status);

void watch_round_free(struct watch_round *r);
/* Room for n meters, publishers, points: what was there before is freed. False: memory is out. */
bool watch_round_size(struct watch_round *r, size_t meters, size_t publishers);
bool watch_meter_size(struct watch_meter *m, size_t points);

/* ---- Rendering: pure ---- */

struct watch_view {
    size_t width, height; /* height 0: as many lines as it takes */
    long scroll;          /* first line of the body; -1: an overview in which every meter has its share */
    bool styled;          /* with bold and colours */
};

/* Lines of at most `width` columns, at most `height` of them. Returns the lines of the body when nothing is
 * left out: scroll is sensible up to these less (height - 2). */
size_t watch_render(const struct watch_round *r, const struct watch_view *v, struct buf *out);

/* One document, on one line. */
void watch_json(const struct watch_round *r, struct buf *out);

#endif
