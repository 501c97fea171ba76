/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the engine. Private to this folder. */
#ifndef SYMBIONT_ENGINE_PARTS_H
#define SYMBIONT_ENGINE_PARTS_H

#include "engine/bus.h"
#include "engine/heap.h"
#include "symbiont/engine.h"

/* A derived point at work. */
struct derivation {
    const struct site_derived *what;
    struct expression_state *state;
    bool own_inputs; /* it uses points of its own meter */
    bool touched;    /* one of them came in this cycle */
};

/* What was last told of a stream. */
struct stream_told {
    int64_t at;
    enum stream_state state;
};

/* What a meter's readings reach. */
struct fan {
    uint32_t *points; /* those that somebody wants */
    uint32_t *rules;  /* that want any of them, each once */
    size_t point_count, rule_count;
};

struct engine {
    struct site *site;
    struct engine_hooks hooks;
    int64_t now; /* ms, 0: not told yet */

    /* derive.c */
    struct derivation *derivations; /* site->derived_count of them */
    size_t *first_derivation;       /* per meter, and one more */
    struct bus to_derived;          /* consumer: index of derivations */

    /* watch.c */
    size_t stream_count, rule_count;
    struct stream **streams;
    struct rule **rules;
    struct stream_told *told;
    struct bus to_watch; /* consumer: index of streams, then of rules */
    struct fan *fans;    /* per meter */
    bool *marked;        /* per consumer: fed since the last settle */
    uint32_t *touched;   /* rules that are marked */
    size_t touched_count;
    bool stream_touched; /* some stream is marked */
    int64_t minute;      /* that streams were last told of */
    struct heap due;     /* per rule: not before then does it change by itself */
};

/* derive.c */
bool derive_open(struct engine *e); /* false: memory */
void derive_close(struct engine *e);

/* watch.c */
bool watch_open(struct engine *e); /* false: memory */
void watch_close(struct engine *e);

/* saved.c */
void engine_keep_rule(struct engine *e, const struct rule *r);

#endif
