// SPDX-License-Identifier: Apache-2.0
// The request plan: limits kept, nothing split, as few requests as can be.
#include "symbiont/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define S NS_PER_S

static struct point point_at(uint8_t table, uint16_t address, uint8_t words, int64_t every_ns)
{
    return (struct point){.table = table,
                          .address = address,
                          .words = words,
                          .every_ns = every_ns,
                          .type = table <= TABLE_DISCRETE ? POINT_BOOL : POINT_STRING};
}

static struct device device_of(struct point *points, size_t n, uint16_t max, uint16_t gap)
{
    return (struct device){.points = points,
                           .n = n,
                           .limits = {.max_registers = max, .max_bits = 2000, .max_gap = gap, .merge = true}};
}

// What any plan must keep: every point once and whole, limits, one period and table per request.
static void check_plan(const struct device *d, const struct plan *plan, int64_t default_every_ns)
{
    unsigned char seen[4096] = {0};
    size_t n = 0;
    for (size_t i = 0; i < plan->n; i++) {
        const struct request *r = &plan->requests[i];
        assert_int_equal(r->first, n);
        assert_true(r->n >= 1);
        assert_true(r->count <= (r->function <= 2 ? d->limits.max_bits : d->limits.max_registers));
        uint8_t covered[2048] = {0};
        for (size_t k = 0; k < r->n; k++) {
            const struct point *p = &d->points[plan->order[r->first + k]];
            seen[plan->order[r->first + k]]++;
            assert_int_equal(p->table, r->function);
            assert_true((p->every_ns ? p->every_ns : default_every_ns) == r->every_ns);
            assert_true(p->address >= r->address && p->address + p->words <= r->address + r->count);
            memset(&covered[p->address - r->address], 1, p->words);
        }
        n += r->n;
        unsigned hole = 0, holes = 0;
        for (size_t k = 0; k < r->count; k++) {
            hole = covered[k] ? 0 : hole + 1;
            holes += !covered[k];
            assert_true(hole <= d->limits.max_gap);
        }
        assert_int_equal(holes != 0, r->has_gaps);
    }
    assert_int_equal(n, plan->points);
    for (size_t i = 0; i < d->n; i++)
        assert_int_equal(seen[i], d->points[i].type == POINT_DERIVED ? 0 : 1);
}

static void expect(struct device *d, const char *expected)
{
    struct plan plan;
    char text[512] = "";
    assert_int_equal(plan_make(d, S, &plan), 0);
    check_plan(d, &plan, S);
    for (size_t i = 0, at = 0; i < plan.n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%u:%u+%u", i ? " " : "",
                               plan.requests[i].function, plan.requests[i].address, plan.requests[i].count);
    assert_string_equal(text, expected);
    plan_free(&plan);
}

static void neighbours_are_read_together(void **state)
{
    (void)state;
    // The first registers of an Eastron SDM630: 0..35, then 42, 46, 48.
    struct point p[21];
    for (uint16_t i = 0; i < 18; i++)
        p[i] = point_at(4, (uint16_t)(34 - 2 * i), 2, 0);
    p[18] = point_at(4, 48, 2, 0);
    p[19] = point_at(4, 42, 2, 0);
    p[20] = point_at(4, 46, 2, 0);
    struct device d = device_of(p, 21, 80, 0);
    expect(&d, "4:0+36 4:42+2 4:46+4");
    d.limits.max_gap = 2;
    expect(&d, "4:0+36 4:42+8");
    d.limits.max_gap = 6;
    expect(&d, "4:0+50");
    // Two requests either way; cut where fewer registers are read for nothing.
    d.limits.max_registers = 47;
    expect(&d, "4:0+36 4:42+8");
    d.limits.merge = false;
    struct plan plan;
    assert_int_equal(plan_make(&d, S, &plan), 0);
    assert_int_equal(plan.n, 21);
    check_plan(&d, &plan, S);
    plan_free(&plan);
}

static void no_value_is_split_at_the_limit(void **state)
{
    (void)state;
    struct point p[] = {point_at(3, 0, 2, 0), point_at(3, 2, 4, 0), point_at(3, 6, 4, 0)};
    struct device d = device_of(p, 3, 8, 10);
    // 6 + 4 and 2 + 8 are both 2 requests and 10 registers; the longer last run wins.
    expect(&d, "3:0+2 3:2+8");
    d.limits.max_registers = 7;
    expect(&d, "3:0+6 3:6+4");
}

static void periods_and_tables_stay_apart(void **state)
{
    (void)state;
    struct point p[] = {point_at(3, 0, 1, 0),   point_at(3, 1, 1, 60 * S), point_at(3, 2, 1, S),
                        point_at(4, 0, 1, 0),   point_at(1, 5, 1, 0),      point_at(1, 7, 1, 0),
                        {.type = POINT_DERIVED}};
    struct device d = device_of(p, 7, 125, 1);
    // `every` of 1 s is the default period here: the same request.
    expect(&d, "1:5+3 3:0+3 4:0+1 3:1+1");
}

static void points_in_points_cost_nothing(void **state)
{
    (void)state;
    // A string with bits of a status inside it and one that sticks out.
    struct point p[] = {point_at(3, 10, 1, 0), point_at(3, 0, 30, 0), point_at(3, 10, 1, 0),
                        point_at(3, 28, 4, 0), point_at(3, 0, 1, 0)};
    struct device d = device_of(p, 5, 32, 0);
    expect(&d, "3:0+32");
    d.limits.max_registers = 31;
    expect(&d, "3:0+30 3:28+4");
}

static void impossible_points_are_refused(void **state)
{
    (void)state;
    struct point p[] = {point_at(3, 0, 30, 0)};
    struct device d = device_of(p, 1, 29, 0);
    struct plan plan;
    assert_int_equal(plan_make(&d, S, &plan), -1);
    assert_int_equal(errno, EINVAL);
    d.limits.max_registers = 125;
    p[0].address = 65530;
    assert_int_equal(plan_make(&d, S, &plan), -1);
    d.n = 0;
    assert_int_equal(plan_make(&d, S, &plan), 0);
    assert_int_equal(plan.n, 0);
    plan_free(&plan);
}

// ---- Against every possible plan ----

static uint64_t random_state;
static unsigned random_below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % n;
}

struct cost {
    unsigned requests, registers;
};

// Assigns point after point to one of the requests so far or to a new one, in every way.
static void try_all(const struct device *d, size_t i, unsigned *group, unsigned groups, struct cost *least)
{
    if (groups > least->requests)
        return;
    if (i < d->n) {
        for (group[i] = 0; group[i] < groups; group[i]++)
            try_all(d, i + 1, group, groups, least);
        try_all(d, i + 1, group, groups + 1, least);
        return;
    }
    struct cost cost = {groups, 0};
    for (unsigned g = 0; g < groups; g++) {
        unsigned begin = 65536, end = 0;
        uint8_t covered[64] = {0};
        for (size_t k = 0; k < d->n; k++) {
            if (group[k] != g)
                continue;
            unsigned a = d->points[k].address, b = a + d->points[k].words;
            begin = a < begin ? a : begin;
            end = b > end ? b : end;
            memset(&covered[a], 1, b - a);
        }
        if (end - begin > d->limits.max_registers)
            return;
        for (unsigned r = begin, hole = 0; r < end; r++) {
            hole = covered[r] ? 0 : hole + 1;
            if (hole > d->limits.max_gap)
                return;
        }
        cost.registers += end - begin;
    }
    if (cost.requests < least->requests ||
        (cost.requests == least->requests && cost.registers < least->registers))
        *least = cost;
}

static void as_good_as_the_best_of_all_plans(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        random_state = seed * 0x9E3779B97F4A7C15ULL;
        struct point p[7];
        size_t n = 1 + random_below(7);
        uint8_t longest = 1;
        for (size_t i = 0; i < n; i++) {
            uint8_t words = (uint8_t)(1 + random_below(random_below(3) ? 4 : 9));
            p[i] = point_at(3, (uint16_t)random_below(32), words, 0);
            longest = words > longest ? words : longest;
        }
        struct device d = device_of(p, n, (uint16_t)(longest + random_below(10)), (uint16_t)random_below(6));
        struct plan plan;
        assert_int_equal(plan_make(&d, S, &plan), 0);
        check_plan(&d, &plan, S);
        struct cost ours = {(unsigned)plan.n, 0}, least = {(unsigned)n + 1, 0};
        for (size_t i = 0; i < plan.n; i++)
            ours.registers += plan.requests[i].count;
        unsigned group[7];
        try_all(&d, 0, group, 0, &least);
        if (ours.requests != least.requests || ours.registers != least.registers)
            fail_msg("seed %llu: %u requests with %u registers; %u with %u would do",
                     (unsigned long long)seed, ours.requests, ours.registers, least.requests,
                     least.registers);
        plan_free(&plan);
    }
}

static void the_order_of_points_does_not_matter(void **state)
{
    (void)state;
    struct point p[] = {point_at(3, 0, 2, 0), point_at(3, 4, 2, 0), point_at(3, 2, 2, 0)};
    struct point q[] = {p[2], p[1], p[0]};
    struct device d = device_of(p, 3, 4, 0), e = device_of(q, 3, 4, 0);
    expect(&d, "3:0+2 3:2+4");
    expect(&e, "3:0+2 3:2+4");
}

// ---- Refusals ----

static void a_refused_request_is_split_at_its_gaps_then_by_point(void **state)
{
    (void)state;
    struct point p[] = {point_at(3, 0, 2, 0), point_at(3, 2, 2, 0), point_at(3, 6, 2, 0),
                        point_at(4, 0, 1, 0), point_at(3, 2, 1, 0)};
    struct device d = device_of(p, 5, 125, 4);
    struct plan plan;
    assert_int_equal(plan_make(&d, S, &plan), 0);
    assert_int_equal(plan.n, 2);
    assert_true(plan.requests[0].has_gaps);
    assert_int_equal(plan_split(&plan, &d, 0), 2);
    assert_int_equal(plan.n, 3);
    check_plan(&d, &plan, S);
    assert_int_equal(plan.requests[0].count, 4);
    assert_int_equal(plan.requests[1].address, 6);
    assert_int_equal(plan.requests[2].function, 4);
    assert_int_equal(plan_split(&plan, &d, 0), 3);
    check_plan(&d, &plan, S);
    assert_int_equal(plan.n, 5);
    assert_int_equal(plan_split(&plan, &d, 4), 1);
    assert_int_equal(plan.n, 5);
    check_plan(&d, &plan, S);
    plan_free(&plan);
}

static void characters_on_the_wire(void **state)
{
    (void)state;
    // Modbus over Serial Line V1.02: 8 out, 5 + 2 * 10 back, two silences of 3.5.
    struct request r = {.function = 3, .count = 10};
    assert_int_equal(request_serial_chars(&r), 8 + 25 + 7);
    r = (struct request){.function = 1, .count = 9};
    assert_int_equal(request_serial_chars(&r), 8 + 5 + 2 + 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_are_read_together),
        cmocka_unit_test(no_value_is_split_at_the_limit),
        cmocka_unit_test(periods_and_tables_stay_apart),
        cmocka_unit_test(points_in_points_cost_nothing),
        cmocka_unit_test(impossible_points_are_refused),
        cmocka_unit_test(as_good_as_the_best_of_all_plans),
        cmocka_unit_test(the_order_of_points_does_not_matter),
        cmocka_unit_test(a_refused_request_is_split_at_its_gaps_then_by_point),
        cmocka_unit_test(characters_on_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
