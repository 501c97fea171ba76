// SPDX-License-Identifier: Apache-2.0
// Which stretches of a meter's tables to read, so that every point is read whole in as few requests as can
// be.
//
// A point that lies inside another costs nothing: it goes along with the larger one. The others, in the order
// of their first registers, are also in the order of their last ones, so some best plan takes them in runs:
// if p stands before q and p's request begins after q's, then p fits into q's request as well. Over runs the
// best plan is a table: the best for the first i points is the best for the first j and one request more.
#include "symbiont/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// A point while it is being planned.
struct item {
    int64_t every_ns;
    uint32_t begin, end; // registers or bits, [begin, end)
    uint16_t index;      // among the device's points
    uint8_t table;
};

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

// By group (period, table), then first register; of those that begin together the longest first, so that an
// item that lies inside another stands after it.
static int by_group_and_place(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    const int keys[] = {compare(a->every_ns, b->every_ns), compare(a->table, b->table),
                        compare(a->begin, b->begin), compare(b->end, a->end), compare(a->index, b->index)};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i])
            return keys[i];
    return 0;
}

static bool same_group(const struct item *a, const struct item *b)
{
    return a->every_ns == b->every_ns && a->table == b->table;
}

static uint32_t longest(const struct device *device, uint8_t table)
{
    return table <= TABLE_DISCRETE ? device->limits.max_bits : device->limits.max_registers;
}

static struct item item_of(const struct device *device, size_t i, int64_t every_ns)
{
    const struct point *p = &device->points[i];
    return (struct item){.every_ns = every_ns,
                         .begin = p->address,
                         .end = (uint32_t)p->address + p->words,
                         .index = (uint16_t)i,
                         .table = p->table};
}

// One request over items[0 .. n), which are sorted and of one group; they take plan->order[first ..).
static struct request request_over(const struct item *items, size_t n, size_t first)
{
    uint32_t end = items[0].end;
    bool gaps = false;
    for (size_t i = 1; i < n; i++) {
        gaps = gaps || items[i].begin > end;
        end = items[i].end > end ? items[i].end : end;
    }
    return (struct request){.function = items[0].table,
                            .address = (uint16_t)items[0].begin,
                            .count = (uint16_t)(end - items[0].begin),
                            .first = (uint16_t)first,
                            .n = (uint16_t)n,
                            .every_ns = items[0].every_ns,
                            .has_gaps = gaps};
}

// ---- The best runs of one group ----

// The best plan of the first i items: how many requests and registers, and where its last request begins.
struct best {
    uint32_t requests, registers;
    uint32_t begin;
};

static bool is_better(struct best a, struct best b)
{
    return a.requests != b.requests ? a.requests < b.requests : a.registers < b.registers;
}

// outer[0 .. n): items of one group, none inside another. best has room for n + 1.
static void best_runs(const struct item *outer, size_t n, uint32_t length, uint32_t gap, struct best *best)
{
    best[0] = (struct best){0};
    for (size_t i = 1; i <= n; i++) {
        best[i] = (struct best){UINT32_MAX, UINT32_MAX, 0};
        for (size_t j = i; j-- > 0;) {
            uint32_t span = outer[i - 1].end - outer[j].begin;
            if (j < i - 1 && (span > length || outer[j + 1].begin > outer[j].end + gap))
                break;
            struct best with = {best[j].requests + 1, best[j].registers + span, (uint32_t)j};
            // On a draw the longer run: it was found later.
            if (!is_better(best[i], with))
                best[i] = with;
        }
    }
}

// ---- A whole plan ----

// What plan_make works with; freed together.
struct work {
    struct item *items, *outer;
    size_t *place; // of outer[i] among items
    struct best *best;
    size_t *cuts;
    size_t n;
};

static void work_free(struct work *w)
{
    free(w->items);
    free(w->outer);
    free(w->place);
    free(w->best);
    free(w->cuts);
}

static bool work_make(struct work *w, size_t n)
{
    w->items = calloc(n + 1, sizeof *w->items);
    w->outer = calloc(n + 1, sizeof *w->outer);
    w->place = calloc(n + 1, sizeof *w->place);
    w->best = calloc(n + 1, sizeof *w->best);
    w->cuts = calloc(n + 1, sizeof *w->cuts);
    return w->items && w->outer && w->place && w->best && w->cuts;
}

static void add_request(struct plan *plan, const struct item *items, size_t n)
{
    plan->requests[plan->n++] = request_over(items, n, plan->points);
    for (size_t i = 0; i < n; i++)
        plan->order[plan->points++] = items[i].index;
}

// items[from .. to) are one group.
static void plan_group(struct work *w, size_t from, size_t to, const struct device *device, struct plan *plan)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        if (n && w->items[i].end <= w->outer[n - 1].end)
            continue; // inside the one before
        w->place[n] = i;
        w->outer[n++] = w->items[i];
    }
    best_runs(w->outer, n, longest(device, w->items[from].table), device->limits.max_gap, w->best);
    size_t cuts = 0;
    for (size_t i = n; i > 0; i = w->best[i].begin)
        w->cuts[cuts++] = w->best[i].begin;
    while (cuts-- > 0) {
        size_t begin = w->place[w->cuts[cuts]];
        size_t end = cuts ? w->place[w->cuts[cuts - 1]] : to;
        add_request(plan, &w->items[begin], end - begin);
    }
}

static void plan_all(struct work *w, const struct device *device, struct plan *plan)
{
    for (size_t from = 0, to; from < w->n; from = to) {
        to = from + 1;
        if (device->limits.merge) {
            while (to < w->n && same_group(&w->items[from], &w->items[to]))
                to++;
            plan_group(w, from, to, device, plan);
        } else {
            add_request(plan, &w->items[from], 1);
        }
    }
}

// All points that stand in registers; false when one of them cannot be read at once.
static bool collect(struct work *w, const struct device *device, int64_t default_every_ns)
{
    for (size_t i = 0; i < device->n; i++) {
        const struct point *p = &device->points[i];
        if (p->type == POINT_DERIVED)
            continue;
        struct item item = item_of(device, i, p->every_ns ? p->every_ns : default_every_ns);
        if (p->words == 0 || p->words > longest(device, p->table) || item.end > 65536)
            return false;
        w->items[w->n++] = item;
    }
    qsort(w->items, w->n, sizeof *w->items, by_group_and_place);
    return true;
}

int plan_make(const struct device *device, int64_t default_every_ns, struct plan *out)
{
    int ret = -1;
    struct work work = {0};
    *out = (struct plan){0};
    if (!work_make(&work, device->n)) {
        errno = ENOMEM;
        goto cleanup;
    }
    if (device->n >= POINT_NONE || !collect(&work, device, default_every_ns)) {
        errno = EINVAL;
        goto cleanup;
    }
    out->requests = calloc(work.n + 1, sizeof *out->requests);
    out->order = calloc(work.n + 1, sizeof *out->order);
    if (!out->requests || !out->order) {
        plan_free(out);
        errno = ENOMEM;
        goto cleanup;
    }
    plan_all(&work, device, out);
    ret = 0;
cleanup:
    work_free(&work);
    return ret;
}

void plan_free(struct plan *p)
{
    free(p->requests);
    free(p->order);
    *p = (struct plan){0};
}

// ---- When the device refuses ----

// Where a request's points part: after each gap or, when it has none, after each point. parts[0 .. return)
// are how many points each part has.
static size_t part(const struct item *items, size_t n, bool at_gaps, uint16_t *parts)
{
    size_t count = 0;
    uint32_t end = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !at_gaps || items[i].begin > end)
            parts[count++] = 0;
        parts[count - 1]++;
        end = items[i].end > end ? items[i].end : end;
    }
    return count;
}

int plan_split(struct plan *p, const struct device *device, size_t i)
{
    const struct request old = p->requests[i];
    int ret = -1;
    struct item *items = calloc(old.n, sizeof *items);
    uint16_t *parts = calloc(old.n, sizeof *parts);
    if (!items || !parts)
        goto no_memory;
    for (size_t k = 0; k < old.n; k++)
        items[k] = item_of(device, p->order[old.first + k], old.every_ns);
    size_t count = part(items, old.n, old.has_gaps, parts);
    struct request *requests = realloc(p->requests, (p->n + count) * sizeof *requests);
    if (!requests)
        goto no_memory;
    p->requests = requests;
    memmove(&requests[i + count], &requests[i + 1], (p->n - i - 1) * sizeof *requests);
    p->n += count - 1;
    for (size_t k = 0, done = 0; k < count; done += parts[k++])
        requests[i + k] = request_over(&items[done], parts[k], old.first + done);
    ret = (int)count;
no_memory:
    if (ret < 0)
        errno = ENOMEM;
    free(items);
    free(parts);
    return ret;
}

unsigned request_serial_chars(const struct request *r)
{
    // Unit, function, address, count, CRC; back: unit, function, byte count, data, CRC.
    unsigned data = r->function <= TABLE_DISCRETE ? (r->count + 7u) / 8u : 2u * r->count;
    return 8 + 5 + data + 7;
}
