// SPDX-License-Identifier: Apache-2.0
// A grid over the land: rows of 0.05 degrees, and in each row columns that are about as wide.
#include "matching/grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROW_DEG   0.05
#define M_PER_DEG 111195.0
#define NOWHERE   INT32_MAX

struct grid_cell {
    unsigned kind;
    int32_t row, column;
    struct grid_item *items;
    uint32_t count, cap;
};

#define NO_CELL UINT32_MAX

void grid_begin(struct grid *g)
{
    *g = (struct grid){0};
}

void grid_end(struct grid *g)
{
    for (size_t i = 0; i < g->cell_count; i++)
        free(g->cells[i].items);
    free(g->cells);
    free(g->slots);
    *g = (struct grid){0};
}

static double column_deg(int32_t row)
{
    double c = cos((row + 0.5) * ROW_DEG * 3.14159265358979323846 / 180);
    return ROW_DEG / fmax(c, 0.05);
}

static void locate(double latitude, double longitude, int32_t *row, int32_t *column)
{
    *row = *column = NOWHERE;
    if (isnan(latitude) || isnan(longitude))
        return;
    *row = (int32_t)floor(latitude / ROW_DEG);
    *column = (int32_t)floor(longitude / column_deg(*row));
}

static size_t hash_of(const struct grid *g, unsigned kind, int32_t row, int32_t column)
{
    uint64_t h = (uint64_t)(uint32_t)row * 0x9e3779b97f4a7c15u +
                 (uint64_t)(uint32_t)column * 0xc2b2ae3d27d4eb4fu + kind;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9u;
    return (size_t)(h ^ h >> 32) & (g->slot_cap - 1);
}

static uint32_t find_cell(const struct grid *g, unsigned kind, int32_t row, int32_t column)
{
    if (!g->slot_cap)
        return NO_CELL;
    for (size_t i = hash_of(g, kind, row, column); g->slots[i] != NO_CELL; i = (i + 1) & (g->slot_cap - 1)) {
        const struct grid_cell *c = &g->cells[g->slots[i]];
        if (c->kind == kind && c->row == row && c->column == column)
            return g->slots[i];
    }
    return NO_CELL;
}

static void place_cell(struct grid *g, uint32_t cell)
{
    const struct grid_cell *c = &g->cells[cell];
    size_t i = hash_of(g, c->kind, c->row, c->column);
    while (g->slots[i] != NO_CELL)
        i = (i + 1) & (g->slot_cap - 1);
    g->slots[i] = cell;
}

static bool make_room(struct grid *g)
{
    if (g->cell_count == g->cell_cap) {
        size_t cap = g->cell_cap ? g->cell_cap * 2 : 64;
        struct grid_cell *cells = reallocarray(g->cells, cap, sizeof *cells);
        if (!cells)
            return false;
        g->cells = cells;
        g->cell_cap = cap;
    }
    if (g->cell_count * 2 < g->slot_cap)
        return true;
    size_t cap = g->slot_cap ? g->slot_cap * 2 : 256;
    uint32_t *slots = reallocarray(g->slots, cap, sizeof *slots);
    if (!slots)
        return false;
    g->slots = slots;
    g->slot_cap = cap;
    memset(slots, 0xff, cap * sizeof *slots);
    for (uint32_t i = 0; i < g->cell_count; i++)
        place_cell(g, i);
    return true;
}

static uint32_t get_cell(struct grid *g, unsigned kind, int32_t row, int32_t column)
{
    uint32_t cell = find_cell(g, kind, row, column);
    if (cell != NO_CELL)
        return cell;
    if (!make_room(g))
        return NO_CELL;
    g->cells[g->cell_count] = (struct grid_cell){.kind = kind, .row = row, .column = column};
    place_cell(g, (uint32_t)g->cell_count);
    return (uint32_t)g->cell_count++;
}

bool grid_put(struct grid *g, unsigned kind, struct grid_item item)
{
    int32_t row, column;
    locate((double)item.latitude, (double)item.longitude, &row, &column);
    uint32_t at = get_cell(g, kind, row, column);
    if (at == NO_CELL)
        return false;
    struct grid_cell *c = &g->cells[at];
    if (c->count == c->cap) {
        uint32_t cap = c->cap ? c->cap * 2 : 4;
        struct grid_item *items = reallocarray(c->items, cap, sizeof *items);
        if (!items)
            return false;
        c->items = items;
        c->cap = cap;
    }
    uint32_t i = c->count++;
    for (; i && c->items[i - 1].order > item.order; i--)
        c->items[i] = c->items[i - 1];
    c->items[i] = item;
    return true;
}

void grid_remove(struct grid *g, unsigned kind, struct grid_item item)
{
    int32_t row, column;
    locate((double)item.latitude, (double)item.longitude, &row, &column);
    uint32_t at = find_cell(g, kind, row, column);
    struct grid_cell *c = at == NO_CELL ? NULL : &g->cells[at];
    for (uint32_t i = 0; c && i < c->count; i++)
        if (c->items[i].entry == item.entry) {
            memmove(&c->items[i], &c->items[i + 1], (c->count - i - 1) * sizeof *c->items);
            c->count--;
            return;
        }
}

typedef bool each_fn(void *arg, const struct grid_item *i);

static void visit(const struct grid_cell *c, each_fn *each, void *arg)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (!each(arg, &c->items[i]))
            return;
}

static void visit_all(const struct grid *g, unsigned kind, each_fn *each, void *arg)
{
    for (size_t i = 0; i < g->cell_count; i++)
        if (g->cells[i].kind == kind)
            visit(&g->cells[i], each, arg);
}

void grid_each(const struct grid *g, unsigned kind, double latitude, double longitude, double metres,
               each_fn *each, void *arg)
{
    double span = metres / M_PER_DEG;
    int32_t row, column;
    locate(latitude, longitude, &row, &column);
    if (row == NOWHERE || span / ROW_DEG > 100) {
        visit_all(g, kind, each, arg);
        return;
    }
    uint32_t nowhere = find_cell(g, kind, NOWHERE, NOWHERE);
    if (nowhere != NO_CELL)
        visit(&g->cells[nowhere], each, arg);
    int32_t last = (int32_t)floor((latitude + span) / ROW_DEG);
    for (int32_t r = (int32_t)floor((latitude - span) / ROW_DEG); r <= last; r++) {
        double wide = span * column_deg(r) / ROW_DEG, per = column_deg(r);
        int32_t end = (int32_t)floor((longitude + wide) / per);
        for (int32_t k = (int32_t)floor((longitude - wide) / per); k <= end; k++) {
            uint32_t cell = find_cell(g, kind, r, k);
            if (cell != NO_CELL)
                visit(&g->cells[cell], each, arg);
        }
    }
}

size_t grid_memory(const struct grid *g)
{
    size_t sum = g->cell_cap * sizeof *g->cells + g->slot_cap * sizeof *g->slots;
    for (size_t i = 0; i < g->cell_count; i++)
        sum += g->cells[i].cap * sizeof *g->cells[i].items;
    return sum;
}
