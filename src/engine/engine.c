// SPDX-License-Identifier: Apache-2.0
// The engine as a whole: made from a site, saved and restored.
#include <stdio.h>
#include <stdlib.h>
#include "engine/parts.h"

struct engine *engine_new(struct site *site)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->site = site_hold(site);
    if (derive_open(e))
        return e;
    engine_free(e);
    return NULL;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    derive_close(e);
    site_free(e->site);
    free(e);
}

static void derived_name(const struct engine *e, size_t i, char *out, size_t size)
{
    const struct site_derived *d = &e->site->derived[i];
    snprintf(out, size, "derived/%s/%s", site_meter(e->site, d->meter)->name,
             e->site->devices[d->meter]->points[d->point].name);
}

void engine_save(struct engine *e, void (*save)(void *arg, const char *name, const void *data, size_t n),
                 void *arg)
{
    struct buf b = {0};
    char name[160];
    for (size_t i = 0; i < e->site->derived_count; i++) {
        if (expression_window_ms(e->site->derived[i].program) == 0)
            continue; // nothing to remember that the next readings do not bring
        buf_reset(&b);
        expression_state_save(e->derivations[i].state, &b);
        derived_name(e, i, name, sizeof name);
        if (!b.failed)
            save(arg, name, b.data, b.len);
    }
    buf_free(&b);
}

void engine_load(struct engine *e, bool (*load)(void *arg, const char *name, struct buf *out), void *arg)
{
    struct buf b = {0};
    char name[160];
    for (size_t i = 0; i < e->site->derived_count; i++) {
        buf_reset(&b);
        derived_name(e, i, name, sizeof name);
        if (load(arg, name, &b) && !b.failed)
            expression_state_restore(e->derivations[i].state, b.data, b.len);
    }
    buf_free(&b);
}
