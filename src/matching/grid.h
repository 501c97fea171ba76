/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where entries lie: cells of about 5 km, each resource and role apart, in a cell ordered by temperature
 * (offers: hottest first; needs: coldest first) so that a search ends where the rest is no good.
 */
#ifndef SYMBIONT_MATCHING_GRID_H
#define SYMBIONT_MATCHING_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "matching/ids.h"

struct grid_item {
    uint32_t entry;
    float latitude, longitude;
    float order;
    uint32_t tag; /* what can be seen of it without looking at the entry */
};

struct grid_cell;
struct grid {
    struct grid_cell *cells;
    size_t cell_count, cell_cap;
    uint32_t *slots; /* hash of cells */
    size_t slot_cap;
};

void grid_begin(struct grid *g);
void grid_end(struct grid *g);
/* `kind`: any small number (resource and role). NaN places lie in a cell of their own. */
bool grid_put(struct grid *g, unsigned kind, struct grid_item item);
void grid_remove(struct grid *g, unsigned kind, struct grid_item item);
/*
 * All items of a kind that may lie within so many metres of a place; those without a place too, and all when
 * the place is NaN. `each` returns false: the rest of this cell is not wanted.
 */
void grid_each(const struct grid *g, unsigned kind, double latitude, double longitude, double metres,
               bool (*each)(void *arg, const struct grid_item *i), void *arg);
size_t grid_memory(const struct grid *g);

#endif
