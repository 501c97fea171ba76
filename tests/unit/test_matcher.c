// SPDX-License-Identifier: Apache-2.0
// A territory that changes: what is told of it, nothing promised twice, the same whether built at once or
// step by step.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "unit/match_help.h"

struct told {
    int fresh, changed, gone;
    char last[MATCH_ID + 1];
};

static void count(void *arg, enum match_change what, const char *id)
{
    struct told *t = arg;
    t->fresh += what == MATCH_NEW;
    t->changed += what == MATCH_CHANGED;
    t->gone += what == MATCH_GONE;
    strcpy(t->last, id);
}

static struct told settle(struct matcher *m, int64_t later_ms)
{
    struct told t = {0};
    assert_true(matcher_settle(m, (struct utc){NOW.ms + later_ms}, count, &t));
    return t;
}

static struct offer at(struct offer o, double latitude, double longitude)
{
    o.latitude = latitude;
    o.longitude = longitude;
    return o;
}

static void put(struct matcher *m, struct offer o)
{
    assert_true(matcher_put(m, &o));
}

static void comes_and_goes(void **state)
{
    struct matcher *m = matcher_new(*state);
    put(m, at(heat_offer("a1", "F-1", 70, 45, 500), 49.30, 6.10));
    struct told t = settle(m, 0);
    assert_int_equal(t.fresh + t.changed + t.gone, 0);
    put(m, at(heat_need("b1", "G-1", 30, 50, 400), 49.303, 6.10));
    t = settle(m, 0);
    assert_int_equal(t.fresh, 1);
    struct match x;
    assert_true(matcher_get(m, t.last, NOW, &x));
    NEAR(x.expected_quantity, 400, 0.001);
    assert_string_equal(x.members[0], "a1");
    assert_string_equal(x.members[1], "b1");
    t = settle(m, 1000);
    assert_int_equal(t.fresh + t.changed + t.gone, 0);
    put(m, at(heat_need("b1", "G-1", 30, 50, 300), 49.303, 6.10));
    t = settle(m, 2000);
    assert_int_equal(t.fresh + t.gone, 0);
    assert_int_equal(t.changed, 1);
    matcher_remove(m, "a1");
    t = settle(m, 3000);
    assert_int_equal(t.gone, 1);
    assert_false(matcher_get(m, t.last, NOW, &x));
    assert_int_equal(matcher_count(m), 1);
    size_t n;
    assert_null(matcher_list(m, NULL, &n));
    matcher_free(m);
}

static void by_time(void **state)
{
    struct matcher *m = matcher_new(*state);
    struct offer a = at(heat_offer("a1", "F-1", 70, 45, 500), 49.30, 6.10);
    a.embargo_until.ms = NOW.ms + 72 * 3600000LL;
    a.valid_until.ms = NOW.ms + 100 * 3600000LL;
    put(m, a);
    put(m, at(heat_need("b1", "G-1", 30, 50, 400), 49.303, 6.10));
    assert_int_equal(settle(m, 0).fresh, 0);
    assert_int_equal(matcher_next(m).ms, a.embargo_until.ms);
    assert_int_equal(settle(m, 72 * 3600000LL - 1).fresh, 0);
    assert_int_equal(settle(m, 72 * 3600000LL).fresh, 1);
    assert_int_equal(matcher_next(m).ms, a.valid_until.ms);
    assert_int_equal(settle(m, 100 * 3600000LL).gone, 1);
    matcher_free(m);
}

static void held_and_declined(void **state)
{
    struct matcher *m = matcher_new(*state);
    put(m, at(heat_offer("a1", "F-1", 70, 45, 500), 49.30, 6.10));
    put(m, at(heat_need("b1", "G-1", 30, 50, 400), 49.303, 6.10));
    struct told t = settle(m, 0);
    char id[MATCH_ID + 1];
    strcpy(id, t.last);
    assert_true(matcher_hold(m, id, "a1", "b1", 350));
    t = settle(m, 0);
    assert_int_equal(t.gone, 0);
    struct match x;
    assert_true(matcher_get(m, id, NOW, &x));
    NEAR(x.expected_quantity, 350, 0.001);
    // A better taker gets the rest only.
    put(m, at(heat_need("b2", "H-1", 20, 40, 400), 49.3005, 6.10));
    t = settle(m, 0);
    assert_int_equal(t.fresh, 1);
    assert_true(matcher_get(m, t.last, NOW, &x));
    assert_true(x.expected_quantity < 150 && x.expected_quantity > 100);
    // Nothing is held any more, and the two do not want each other.
    assert_true(matcher_hold(m, id, "a1", "b1", 0));
    assert_true(matcher_decline(m, id, (const char *const[]){"a1", "b1"}, 2, true));
    settle(m, 0);
    assert_false(matcher_get(m, id, NOW, &x));
    put(m, at(heat_need("b1", "G-1", 30, 50, 401), 49.303, 6.10));
    settle(m, 0);
    assert_false(matcher_get(m, id, NOW, &x));
    matcher_remove(m, "b2");
    assert_true(matcher_decline(m, id, (const char *const[]){"a1", "b1"}, 2, false));
    settle(m, 0);
    assert_true(matcher_get(m, id, NOW, &x));
    matcher_free(m);
}

// ---- Random territories ----

static double between(double low, double high)
{
    return low + (high - low) * ((double)rand() / RAND_MAX);
}

static struct offer any(int i, bool need)
{
    char id[OFFER_ID + 1], site[OFFER_WORD];
    snprintf(id, sizeof id, "%s%d", need ? "n" : "o", i);
    snprintf(site, sizeof site, "S-%d", rand() % 40);
    int kind = rand() % 4;
    struct offer o;
    if (kind < 2) {
        double in = between(5, 60);
        o = need ? heat_need(id, site, in, in + between(10, 40), between(50, 900))
                 : heat_offer(id, site, between(45, 110), between(25, 40), between(50, 900));
    } else if (kind == 2) {
        o = plain_offer(need ? ROLE_NEED : ROLE_OFFER, RESOURCE_WATER, id, site, between(1, 40));
        put_parameter(&o, "conductivity", "uS/cm", need ? -INFINITY : between(300, 2000), between(500, 2500));
        o.parameters[0].value.low = need ? -INFINITY : o.parameters[0].value.high;
    } else {
        static const uint32_t codes[] = {150101, 200101, 191201, 100202, 120101};
        o = need ? waste_need(id, site, codes[rand() % 5], between(0.5, 5))
                 : waste_offer(id, site, codes[rand() % 5], between(0.2, 3));
    }
    return at(o, between(49.2, 49.35), between(6.0, 6.2));
}

struct sum {
    char id[OFFER_ID + 1];
    double taken, rate;
};

static double *slot(struct sum *sums, size_t *n, const struct matcher *m, const char *id)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(sums[i].id, id) == 0)
            return &sums[i].taken;
    struct offer o;
    assert_true(matcher_offer(m, id, &o));
    strcpy(sums[*n].id, id);
    sums[*n].taken = 0;
    sums[*n].rate = o.typical.low;
    return &sums[(*n)++].taken;
}

static double nothing_twice(const struct matcher *m)
{
    static struct sum sums[600];
    size_t n, count_of = 0;
    double rank = 0;
    struct match_rank *list = matcher_list(m, NULL, &n);
    for (size_t i = 0; i < n; i++) {
        struct match x;
        if (list[i].kind == SYNERGY_POOL)
            continue;
        assert_true(matcher_get(m, list[i].id, NOW, &x));
        assert_int_not_equal(x.verdict, MATCH_REFUSED);
        double drawn = x.details.drawn_kw > 0 ? x.details.drawn_kw : x.expected_quantity;
        *slot(sums, &count_of, m, x.members[0]) += drawn;
        *slot(sums, &count_of, m, x.members[1]) += x.expected_quantity;
        rank += x.rank;
    }
    for (size_t i = 0; i < count_of; i++)
        if (sums[i].taken > sums[i].rate * (1 + 1e-6) + 0.01)
            fail_msg("%s promises %f of %f", sums[i].id, sums[i].taken, sums[i].rate);
    free(list);
    return rank;
}

static void nothing_is_promised_twice(void **state)
{
    struct match_settings *s = *state;
    s->factor[FACTOR_PIPE_PRICE].value = 200; // so that much is worth it
    for (unsigned seed = 1; seed <= 12; seed++) {
        srand(seed);
        struct matcher *m = matcher_new(s);
        for (int i = 0; i < 60; i++) {
            put(m, any(i, false));
            put(m, any(i, true));
        }
        settle(m, 0);
        nothing_twice(m);
        for (int step = 0; step < 60; step++) {
            char id[8];
            snprintf(id, sizeof id, "%s%d", rand() % 2 ? "o" : "n", rand() % 60);
            if (rand() % 3 == 0)
                matcher_remove(m, id);
            else
                put(m, any(rand() % 60, rand() % 2));
            settle(m, 0);
            nothing_twice(m);
        }
        matcher_free(m);
    }
}

// What is settled is settled: nothing is left for whoever changes something next.
static void one_settling_finishes(void **state)
{
    struct match_settings *s = *state;
    s->factor[FACTOR_PIPE_PRICE].value = 200;
    srand(7);
    struct matcher *m = matcher_new(s);
    for (int i = 0; i < 300; i++) {
        put(m, any(i, false));
        put(m, any(i, true));
    }
    assert_true(settle(m, 0).fresh > 100);
    struct told t = settle(m, 0);
    assert_int_equal(t.fresh + t.changed + t.gone, 0);
    nothing_twice(m);
    matcher_free(m);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct match_rank *)a)->id, ((const struct match_rank *)b)->id);
}

// Told changes add up to what is there.
static void what_is_told_is_what_is(void **state)
{
    srand(5);
    struct matcher *m = matcher_new(*state);
    int there = 0;
    for (int step = 0; step < 200; step++) {
        char id[8];
        snprintf(id, sizeof id, "%s%d", rand() % 2 ? "o" : "n", rand() % 40);
        if (rand() % 4 == 0)
            matcher_remove(m, id);
        else
            put(m, any(rand() % 40, rand() % 2));
        struct told t = settle(m, 0);
        there += t.fresh - t.gone;
        size_t n;
        struct match_rank *list = matcher_list(m, NULL, &n);
        assert_int_equal(there, n);
        if (n)
            qsort(list, n, sizeof *list, by_id);
        for (size_t i = 1; i < n; i++)
            assert_string_not_equal(list[i].id, list[i - 1].id);
        free(list);
    }
    matcher_free(m);
}

// Step by step or at once: the same benefit, but for what hysteresis keeps.
static void in_any_order(void **state)
{
    struct match_settings *s = *state;
    s->hysteresis = 0;
    struct matcher *slow = matcher_new(s), *fast = matcher_new(s);
    srand(3);
    for (int i = 0; i < 40; i++) {
        struct offer a = any(i, false), b = any(i, true);
        put(slow, a);
        settle(slow, 0);
        put(slow, b);
        settle(slow, 0);
        put(fast, a);
        put(fast, b);
    }
    settle(fast, 0);
    double x = nothing_twice(slow), y = nothing_twice(fast);
    NEAR(x, y, 0.02); // promises that were taken back for their size may differ
    matcher_free(slow);
    matcher_free(fast);
}

static struct offer skip_of(const char *id, const char *site, uint32_t code, double t_wk, double capacity,
                            double km)
{
    struct offer o = at(waste_offer(id, site, code, t_wk), 49.3 + km / 111.2 / 1.3, 6.1);
    o.waste.capacity_t = span_of(capacity);
    return o;
}

// Agreed by three; a fourth would make it better. The coordinator is started anew, or reads its settings
// again.
static void a_round_that_was_agreed_stands_in_a_fresh_matcher(void **state)
{
    static const char *const three[] = {"a", "b", "c"};
    struct matcher *m = matcher_new(*state);
    put(m, skip_of("a", "A", 150101, 1.2, 2.4, 0));
    put(m, skip_of("b", "B", 150101, 0.8, 2.4, 4));
    put(m, skip_of("c", "C", 150101, 2.0, 2.4, 8));
    struct told t = settle(m, 0);
    char id[MATCH_ID + 1];
    strcpy(id, t.last);
    assert_true(matcher_hold_group(m, id, three, 3, 4));
    put(m, skip_of("f", "F", 150101, 1.0, 2.4, 5));
    t = settle(m, 0);
    assert_int_equal(t.gone, 0);
    matcher_free(m);
    m = matcher_new(*state);
    put(m, skip_of("a", "A", 150101, 1.2, 2.4, 0));
    put(m, skip_of("b", "B", 150101, 0.8, 2.4, 4));
    put(m, skip_of("c", "C", 150101, 2.0, 2.4, 8));
    put(m, skip_of("f", "F", 150101, 1.0, 2.4, 5));
    assert_true(matcher_hold_group(m, id, three, 3, 4));
    assert_true(matcher_hold_group(m, id, three, 3, 4));
    settle(m, 0);
    struct match x;
    assert_true(matcher_get(m, id, NOW, &x));
    assert_int_equal(x.member_count, 3);
    // It ends with its members, not with what others do.
    put(m, skip_of("g", "G", 150101, 1.0, 2.4, 6));
    t = settle(m, 0);
    assert_int_equal(t.gone, 0);
    matcher_remove(m, "b");
    t = settle(m, 0);
    assert_true(t.gone > 0);
    assert_false(matcher_get(m, id, NOW, &x));
    assert_true(matcher_hold_group(m, id, three, 3, 0));
    settle(m, 0);
    assert_false(matcher_get(m, id, NOW, &x));
    matcher_free(m);
}

static void rounds_of_a_territory(void **state)
{
    struct matcher *m = matcher_new(*state);
    put(m, skip_of("a", "A", 150101, 1.2, 2.4, 0));
    put(m, skip_of("b", "B", 150101, 0.8, 2.4, 4));
    put(m, skip_of("c", "C", 150101, 2.0, 2.4, 8));
    put(m, skip_of("d", "D", 150110, 0.3, 2.4, 1));
    put(m, skip_of("e", "E", 150102, 0.9, 2.4, 1));
    struct told t = settle(m, 0);
    assert_int_equal(t.fresh, 1);
    struct match x;
    assert_true(matcher_get(m, t.last, NOW, &x));
    assert_int_equal(x.kind, SYNERGY_POOL);
    assert_int_equal(x.member_count, 3);
    NEAR(x.details.trips_pooled, 52, 1e-9);
    // A fourth site: another group takes its place.
    put(m, skip_of("f", "F", 150101, 1.0, 2.4, 5));
    t = settle(m, 0);
    assert_int_equal(t.fresh, 1);
    assert_int_equal(t.gone, 1);
    // Far away nothing changes.
    put(m, skip_of("g", "G", 150101, 1.0, 2.4, 300));
    t = settle(m, 0);
    assert_int_equal(t.fresh + t.gone + t.changed, 0);
    put(m, skip_of("h", "H", 150101, 1.0, 2.4, 303));
    t = settle(m, 0);
    assert_int_equal(t.fresh, 1);
    assert_int_equal(t.gone, 0);
    // Declined: another set of them may still be proposed, not this one.
    assert_true(matcher_decline(m, t.last, (const char *const[]){"g", "h"}, 2, true));
    t = settle(m, 0);
    assert_int_equal(t.gone, 1);
    assert_int_equal(t.fresh, 0);
    matcher_remove(m, "a");
    t = settle(m, 0);
    assert_int_equal(t.gone, 1);
    matcher_free(m);
}

static void add_part(void *arg, const char *pseudonym, double annual_t)
{
    ((double *)arg)[strcmp(pseudonym, "A") != 0] += annual_t;
}

static void what_nobody_takes(void **state)
{
    struct matcher *m = matcher_new(*state);
    put(m, at(waste_offer("a", "A", 150101, 2), 49.3, 6.1));
    put(m, at(waste_offer("b", "B", 191201, 1), 49.4, 6.1)); // the same family
    put(m, at(waste_offer("c", "C", 100202, 10), 49.3, 6.1));
    struct offer d = at(waste_offer("d", "D", 170201, 1), 49.3, 6.1);
    put(m, d);
    put(m, at(waste_need("n", "N", 170201, 5), 49.3, 6.11));
    settle(m, 0);
    size_t n;
    struct orphan *o = matcher_orphans(m, NOW, &n);
    assert_int_equal(n, 2); // wood is taken
    assert_string_equal(o[0].family, "10 02 02");
    NEAR(o[0].annual_t.low, 520, 1e-9);
    assert_string_equal(o[1].family, "W072");
    assert_int_equal(o[1].sites, 2);
    NEAR(o[1].annual_t.low, 156, 1e-9);
    double parts[2] = {0};
    matcher_orphan_parts(m, &o[1], add_part, parts);
    NEAR(parts[0], 104, 1e-9);
    NEAR(parts[1], 52, 1e-9);
    NEAR(o[1].middle_latitude, 49.35, 1e-6);
    assert_true(o[1].spread_m > 5000 && o[1].spread_m < 6000);
    free(o);
    matcher_free(m);
}

static void heat_stream(struct matcher *m, const char *id, const char *site, double from, double to,
                        double kw)
{
    struct offer o = from > to ? heat_offer(id, site, from, to, kw) : heat_need(id, site, from, to, kw);
    o.heat.approach_k = 7.35; // of 14.7 K together
    put(m, at(o, 49.3, 6.1));
}

static void the_ceiling(void **state)
{
    struct matcher *m = matcher_new(*state);
    heat_stream(m, "h1", "refinery", 162.5, 95, 9000);
    heat_stream(m, "h2", "refinery", 135, 75, 6000);
    heat_stream(m, "h3", "refinery", 115, 65, 8000);
    heat_stream(m, "c1", "rubber", 85, 100, 2000);
    heat_stream(m, "c2", "rubber", 115, 135, 6000);
    heat_stream(m, "c3", "rubber", 100, 120, 2500);
    heat_stream(m, "c4", "rubber", 95, 105, 1500);
    heat_stream(m, "c5", "tanks", 55, 70, 1500);
    heat_stream(m, "c6", "tanks", 65, 80, 1000);
    heat_stream(m, "c7", "tanks", 65, 90, 2000);
    heat_stream(m, "c8", "tanks", 85, 105, 2000);
    settle(m, 0);
    struct ceiling x;
    assert_int_equal(matcher_ceiling(m, NOW, &x), 0);
    assert_float_equal(x.alone_kw, 18500, 0.01);
    assert_float_equal(x.together_kw, 1721.67, 0.01);
    assert_float_equal(x.cold_together_kw, 6221.67, 0.01);
    assert_float_equal(x.possible_kw, 16778.33, 0.01);
    assert_int_equal(x.sites, 3);
    if (!(x.reached_kw > 0 && x.reached_kw <= x.possible_kw))
        fail_msg("reached %f of %f", x.reached_kw, x.possible_kw);
    matcher_free(m);
}

// What strangers name must not stay when it is gone: categories of purchases, declined matches.
static void names_that_come_and_go_leave_nothing(void **state)
{
    struct matcher *m = matcher_new(*state);
    put(m, at(heat_offer("a1", "F-1", 65, 45, 550), 49.30, 6.10));
    size_t memory = 0;
    for (int i = 0; i < 4000; i++) {
        char id[OFFER_ID + 1], match[MATCH_ID + 1];
        snprintf(id, sizeof id, "n%d", i);
        struct offer o = at(heat_need(id, "G-1", 30, 50, 2), 49.303, 6.10);
        o.synergy = SYNERGY_POOL;
        o.resource = RESOURCE_EQUIPMENT;
        snprintf(o.equipment.type, sizeof o.equipment.type, "kind_%d", i);
        put(m, o);
        settle(m, 0);
        match_id((const char *const[]){"a1", id}, 2, match);
        assert_true(matcher_decline(m, match, (const char *const[]){"a1", id}, 2, true));
        matcher_remove(m, id);
        settle(m, 0);
        assert_true(matcher_decline(m, match, (const char *const[]){"a1", id}, 2, false));
        if (i == 200)
            memory = matcher_memory(m);
    }
    assert_true(matcher_memory(m) <= memory);
    matcher_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_and_goes, make_settings, drop_settings),
        cmocka_unit_test_setup_teardown(by_time, make_settings, drop_settings),
        cmocka_unit_test_setup_teardown(held_and_declined, make_settings, drop_settings),
        cmocka_unit_test_setup_teardown(nothing_is_promised_twice, make_settings, drop_settings),
        cmocka_unit_test_setup_teardown(one_settling_finishes, make_settings, drop_settings),
        cmocka_unit_test_setup_teardown(what_is_told_is_what_is, make_settings, drop_settings),
        cmocka_unit_test_setup_teardown(in_any_order, make_settings, drop_settings),
        cmocka_unit_test_setup_teardown(rounds_of_a_territory, make_settings, drop_settings),
        cmocka_unit_test_setup_teardown(a_round_that_was_agreed_stands_in_a_fresh_matcher, make_settings,
                                        drop_settings),
        cmocka_unit_test_setup_teardown(what_nobody_takes, make_settings, drop_settings),
        cmocka_unit_test_setup_teardown(names_that_come_and_go_leave_nothing, make_settings, drop_settings),
        cmocka_unit_test_setup_teardown(the_ceiling, make_settings, drop_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
