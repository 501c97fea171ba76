// SPDX-License-Identifier: Apache-2.0
// The allocation against an exact optimum found in another way (cancelling of negative cycles), through
// random changes.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "matching/market.h"
#include "matching/market_inside.h"

#define SIDE 50

// ---- The other way: Klein's cycle cancelling with Bellman and Ford, on a matrix ----

struct problem {
    int offers, needs;
    int64_t supply[SIDE], demand[SIDE], benefit[SIDE][SIDE], bound[SIDE][SIDE];
    int64_t flow[SIDE][SIDE], out[SIDE], in[SIDE];
};

struct hop {
    int from, to;
    int64_t cost, room;
};

#define NODES (2 * SIDE + 1)

static size_t residual(const struct problem *p, struct hop *h)
{
    size_t n = 0;
    int hub = p->offers + p->needs;
    for (int i = 0; i < p->offers; i++) {
        if (p->out[i] < p->supply[i])
            h[n++] = (struct hop){hub, i, 0, p->supply[i] - p->out[i]};
        if (p->out[i] > 0)
            h[n++] = (struct hop){i, hub, 0, p->out[i]};
        for (int j = 0; j < p->needs; j++) {
            if (p->benefit[i][j] <= 0)
                continue;
            if (p->flow[i][j] < p->bound[i][j])
                h[n++] = (struct hop){i, p->offers + j, -p->benefit[i][j], p->bound[i][j] - p->flow[i][j]};
            if (p->flow[i][j] > 0)
                h[n++] = (struct hop){p->offers + j, i, p->benefit[i][j], p->flow[i][j]};
        }
    }
    for (int j = 0; j < p->needs; j++) {
        if (p->in[j] < p->demand[j])
            h[n++] = (struct hop){p->offers + j, hub, 0, p->demand[j] - p->in[j]};
        if (p->in[j] > 0)
            h[n++] = (struct hop){hub, p->offers + j, 0, p->in[j]};
    }
    return n;
}

static void apply(struct problem *p, const struct hop *h, int64_t by)
{
    int hub = p->offers + p->needs;
    if (h->from == hub)
        *(h->to < p->offers ? &p->out[h->to] : &p->in[h->to - p->offers]) += h->to < p->offers ? by : -by;
    else if (h->to == hub)
        *(h->from < p->offers ? &p->out[h->from] : &p->in[h->from - p->offers]) +=
            h->from < p->offers ? -by : by;
    else if (h->from < p->offers)
        p->flow[h->from][h->to - p->offers] += by;
    else
        p->flow[h->to][h->from - p->offers] -= by;
}

static bool cancel(struct problem *p)
{
    static struct hop h[4 * SIDE * SIDE];
    int64_t distance[NODES] = {0};
    int by[NODES], last = -1, count = p->offers + p->needs + 1;
    size_t n = residual(p, h);
    memset(by, -1, sizeof by);
    for (int round = 0; round < count; round++) {
        last = -1;
        for (size_t k = 0; k < n; k++)
            if (distance[h[k].from] + h[k].cost < distance[h[k].to]) {
                distance[h[k].to] = distance[h[k].from] + h[k].cost;
                by[h[k].to] = (int)k;
                last = h[k].to;
            }
        if (last < 0)
            return false;
    }
    for (int i = 0; i < count; i++)
        last = h[by[last]].from; // now on the cycle
    int64_t room = INT64_MAX;
    int node = last;
    do {
        room = h[by[node]].room < room ? h[by[node]].room : room;
        node = h[by[node]].from;
    } while (node != last);
    do {
        apply(p, &h[by[node]], room);
        node = h[by[node]].from;
    } while (node != last);
    return true;
}

static double optimum(struct problem *p)
{
    double sum = 0;
    memset(p->flow, 0, sizeof p->flow);
    memset(p->out, 0, sizeof p->out);
    memset(p->in, 0, sizeof p->in);
    while (cancel(p))
        ;
    for (int i = 0; i < p->offers; i++)
        for (int j = 0; j < p->needs; j++)
            sum += (double)p->benefit[i][j] * (double)p->flow[i][j];
    return sum;
}

// ---- Both together ----

static int64_t up_to(int most)
{
    return rand() % (most + 1);
}

static void fill_row(struct problem *p, int i)
{
    p->supply[i] = up_to(1000);
    for (int j = 0; j < p->needs; j++) {
        p->benefit[i][j] = rand() % 3 ? up_to(500) : 0;
        p->bound[i][j] = up_to(800);
    }
}

static void load_row(struct market *m, const struct problem *p, int i)
{
    assert_true(market_capacity(m, (uint32_t)i, p->supply[i]));
    for (int j = 0; j < p->needs; j++)
        if (p->benefit[i][j] > 0 || market_find(m, (uint32_t)i, (uint32_t)(SIDE + j)) != MARKET_NONE)
            assert_int_not_equal(
                market_pair(m, (uint32_t)i, (uint32_t)(SIDE + j), p->benefit[i][j], p->bound[i][j], 0),
                MARKET_NONE);
}

static void nothing_is_promised_twice(const struct market *m, const struct problem *p)
{
    int64_t out[SIDE] = {0}, in[SIDE] = {0};
    for (size_t k = 0; k < m->arc_count; k++) {
        const struct market_arc *a = &m->arcs[k];
        if (!a->used)
            continue;
        assert_true(a->flow >= 0 && a->flow <= a->bound);
        out[a->offer] += a->flow;
        in[a->need - SIDE] += a->flow;
    }
    for (int i = 0; i < p->offers; i++)
        assert_true(out[i] <= p->supply[i] && out[i] == market_used(m, (uint32_t)i));
    for (int j = 0; j < p->needs; j++)
        assert_true(in[j] <= p->demand[j] && in[j] == market_used(m, (uint32_t)(SIDE + j)));
}

static void compare(const struct market *m, struct problem *p, unsigned seed, int step)
{
    double best = optimum(p), ours = market_total(m), most = market_ceiling(m);
    nothing_is_promised_twice(m, p);
    if (ours != best || most != best)
        fail_msg("seed %u, step %d, %d x %d: optimum %.0f, ours %.0f, dual %.0f", seed, step, p->offers,
                 p->needs, best, ours, most);
}

static void is_the_optimum(void **state)
{
    (void)state;
    static struct problem p;
    for (unsigned seed = 1; seed <= 40; seed++) {
        srand(seed);
        memset(&p, 0, sizeof p);
        p.offers = seed < 30 ? 1 + rand() % 12 : 1 + rand() % SIDE;
        p.needs = seed < 30 ? 1 + rand() % 12 : 1 + rand() % SIDE;
        if (seed == 40)
            p.offers = p.needs = SIDE;
        struct market m;
        assert_true(market_open(&m, 0));
        for (int j = 0; j < p.needs; j++) {
            p.demand[j] = up_to(1000);
            assert_true(market_node(&m, (uint32_t)(SIDE + j), true));
            assert_true(market_capacity(&m, (uint32_t)(SIDE + j), p.demand[j]));
        }
        for (int i = 0; i < p.offers; i++) {
            assert_true(market_node(&m, (uint32_t)i, false));
            fill_row(&p, i);
            load_row(&m, &p, i);
            assert_true(market_balance(&m));
        }
        compare(&m, &p, seed, 0);
        for (int step = 1; step <= (seed < 30 ? 20 : 3); step++) { // offers change, needs grow and shrink
            int i = rand() % p.offers, j = rand() % p.needs;
            fill_row(&p, i);
            load_row(&m, &p, i);
            p.demand[j] = up_to(1000);
            assert_true(market_capacity(&m, (uint32_t)(SIDE + j), p.demand[j]));
            assert_true(market_balance(&m));
            compare(&m, &p, seed, step);
        }
        market_close(&m);
    }
}

static void pairs_go_too(void **state)
{
    (void)state;
    static struct problem p;
    srand(99);
    p.offers = p.needs = 10;
    struct market m;
    assert_true(market_open(&m, 0));
    for (int j = 0; j < p.needs; j++) {
        assert_true(market_node(&m, (uint32_t)(SIDE + j), true));
        assert_true(market_capacity(&m, (uint32_t)(SIDE + j), p.demand[j] = up_to(1000)));
    }
    for (int i = 0; i < p.offers; i++) {
        assert_true(market_node(&m, (uint32_t)i, false));
        fill_row(&p, i);
        load_row(&m, &p, i);
    }
    assert_true(market_balance(&m));
    for (int step = 0; step < 60; step++) {
        int i = rand() % 10, j = rand() % 10;
        uint32_t arc = market_find(&m, (uint32_t)i, (uint32_t)(SIDE + j));
        if (arc != MARKET_NONE)
            market_unpair(&m, arc);
        p.benefit[i][j] = 0;
        assert_true(market_balance(&m));
        compare(&m, &p, 99, step);
    }
    market_close(&m);
}

// A slightly better newcomer does not take the place of what is in being; a much better one does.
static void stands_while_little_changes(void **state)
{
    (void)state;
    struct market m;
    assert_true(market_open(&m, 0.05));
    assert_true(market_node(&m, 0, false) && market_node(&m, 1, false) && market_node(&m, 2, false) &&
                market_node(&m, 3, true));
    assert_true(market_capacity(&m, 0, 100) && market_capacity(&m, 3, 100));
    uint32_t first = market_pair(&m, 0, 3, 1000, 100, 0);
    assert_true(market_balance(&m));
    assert_int_equal(m.arcs[first].flow, 100);
    market_keep(&m, first);
    assert_true(market_capacity(&m, 1, 100));
    market_pair(&m, 1, 3, 1030, 100, 0);
    assert_true(market_balance(&m));
    assert_int_equal(m.arcs[first].flow, 100);
    assert_true(market_capacity(&m, 2, 100));
    uint32_t better = market_pair(&m, 2, 3, 1060, 100, 0);
    assert_true(market_balance(&m));
    assert_int_equal(m.arcs[first].flow, 0);
    assert_int_equal(m.arcs[better].flow, 100);
    market_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_the_optimum), cmocka_unit_test(pairs_go_too),
                                       cmocka_unit_test(stands_while_little_changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
