// SPDX-License-Identifier: Apache-2.0
// The engine as a whole: made from a site.
#include <stdlib.h>
#include "engine/parts.h"

struct engine *engine_new(struct site *site, const struct engine_hooks *hooks)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->site = site_hold(site);
    e->hooks = hooks ? *hooks : (struct engine_hooks){0};
    if (derive_open(e) && watch_open(e))
        return e;
    engine_free(e);
    return NULL;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    derive_close(e);
    watch_close(e);
    site_free(e->site);
    free(e);
}
