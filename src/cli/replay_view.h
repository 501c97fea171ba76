/* SPDX-License-Identifier: Apache-2.0 */
/* What a replay shows: events as they happen, totals at the end; for people or as JSON. */
#ifndef SYMBIONT_CLI_REPLAY_VIEW_H
#define SYMBIONT_CLI_REPLAY_VIEW_H

#include <stdio.h>
#include "cli/replay_source.h"

struct replay_view;

struct replay_view *replay_view_new(struct site *s, bool json, bool totals_only, FILE *out);
void replay_view_free(struct replay_view *v);
struct engine_hooks replay_view_hooks(struct replay_view *v);

struct replay_found {
    struct replay_source *const *sources;
    size_t n;
    const struct engine *engine;
    const struct replay *replay;
    int64_t took_ns;
};
/* The totals. False: memory was out. */
bool replay_view_end(struct replay_view *v, const struct replay_found *found);

#endif
