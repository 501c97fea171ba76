/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the engine. Private to this folder. */
#ifndef SYMBIONT_ENGINE_PARTS_H
#define SYMBIONT_ENGINE_PARTS_H

#include "engine/bus.h"
#include "symbiont/engine.h"

/* A derived point at work. */
struct derivation {
    const struct site_derived *what;
    struct expression_state *state;
    bool own_inputs; /* it uses points of its own meter */
    bool touched;    /* one of them came in this cycle */
};

struct engine {
    struct site *site;
    struct derivation *derivations; /* site->derived_count of them */
    size_t *first_derivation;       /* per meter, and one more */
    struct bus to_derived;          /* consumer: index of derivations */
};

/* derive.c */
bool derive_open(struct engine *e); /* false: memory */
void derive_close(struct engine *e);

#endif
