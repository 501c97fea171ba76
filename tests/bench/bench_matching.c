// SPDX-License-Identifier: Apache-2.0
// A synthetic territory: offers and as many needs, matched at once, then one of them changed at a time.
//
// usage: bench_matching N... -> one line of JSON for each N
//
// Sites lie in industrial areas (one per 100 km2, a few km wide), 0.4 offers and 0.4 needs per km2 whatever
// N. Quality is the benefit of the allocation over the dual bound of the same problem: prices of the market
// that no allocation can exceed (LP duality), so 1 is a proof of the exact optimum.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "matching/matcher_inside.h"
#include "symbiont/units.h"

#define CHANGES 300
#define NOW     ((struct utc){1795000000000})

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); // a machine that is shared does not slow it
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double between(double low, double high)
{
    return low + (high - low) * ((double)rand() / RAND_MAX);
}

static void place(struct offer *o, double side_km)
{
    double areas = fmax(1, floor(side_km / 10));
    double x = (floor(between(0, areas)) + 0.5) * 10 + between(-2, 2),
           y = (floor(between(0, areas)) + 0.5) * 10 + between(-2, 2);
    o->latitude = 45 + y / 111.2;
    o->longitude = 2 + x / 78.6;
}

static void some_profile(struct offer *o)
{
    o->has_blocks = true;
    for (int b = 0; b < OFFER_BLOCKS; b++)
        o->blocks[b] = b / 6 < 5 && b % 6 > 0 ? (float)between(0.6, 1) : (float)between(0, 0.5);
}

static void parameter(struct offer *o, const char *name, const char *unit, double low, double high)
{
    struct offer_parameter *p = &o->parameters[o->parameter_count++];
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(p->unit, sizeof p->unit, "%s", unit);
    p->value = (struct span){low, high};
}

static void make_heat(struct offer *o, bool need)
{
    o->resource = RESOURCE_HEAT;
    double in = between(10, 60);
    o->heat.supply = span_of(need ? in + between(10, 50) : between(35, 150));
    o->heat.back = span_of(need ? in : fmin(o->heat.supply.low - 5, between(25, 60)));
    o->typical = span_of(exp(between(log(50), log(5000))));
    if (rand() % 2)
        some_profile(o);
}

static void make_waste(struct offer *o, bool need)
{
    static const uint32_t codes[] = {150101, 150102, 150103, 150104, 150107, 170201, 170405, 120101,
                                     120103, 100202, 100101, 190112, 20304,  30105,  170101, 200101,
                                     191201, 160117, 170904, 20107,  150106, 20704,  101103, 70213,
                                     40222,  191204, 170402, 190805, 160103, 100210};
    o->resource = RESOURCE_WASTE;
    o->waste.codes[o->waste.code_count++] = codes[rand() % 30];
    o->typical = span_of(exp(between(log(0.3), log(need ? 100 : 30))));
    o->waste.operations = need ? 1u << 3 : 0;
    if (!need && rand() % 2)
        o->waste.capacity_t = span_of(between(1, 8));
}

static void make(struct offer *o, int i, bool need, double side_km)
{
    offer_clear(o);
    snprintf(o->id, sizeof o->id, "%s%030d", need ? "n" : "o", i);
    snprintf(o->pseudonym, sizeof o->pseudonym, "S-%d", rand());
    o->role = need ? ROLE_NEED : ROLE_OFFER;
    o->level = DISCLOSE_EXACT;
    place(o, side_km);
    int kind = i % 20;
    if (kind < 8) {
        make_heat(o, need);
    } else if (kind < 14) {
        make_waste(o, need);
    } else if (kind < 17) {
        o->resource = RESOURCE_WATER;
        o->typical = span_of(between(1, 60));
        parameter(o, "conductivity", "uS/cm", need ? -INFINITY : 1000, need ? between(500, 2500) : 1000);
    } else if (kind < 19) {
        o->resource = RESOURCE_ELECTRICITY;
        o->typical = span_of(between(20, 2000));
        some_profile(o);
    } else {
        o->resource = RESOURCE_EQUIPMENT;
        o->synergy = SYNERGY_SHARE;
        o->typical = span_of(between(0.1, 1));
        snprintf(o->equipment.type, sizeof o->equipment.type, "type_%d", rand() % 12);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void put(struct matcher *m, int i, bool need, double side_km)
{
    struct offer o;
    make(&o, i, need, side_km);
    if (!matcher_put(m, &o))
        exit(1);
}

static double settle(struct matcher *m)
{
    double begin = now_s();
    if (!matcher_settle(m, NOW, NULL, NULL))
        exit(1);
    return now_s() - begin;
}

static void territory(const struct match_settings *s, int n)
{
    double side_km = sqrt(n / 0.4), times[CHANGES];
    struct matcher *m = matcher_new(s);
    srand(1);
    for (int i = 0; i < n; i++) {
        put(m, i, false, side_km);
        put(m, i, true, side_km);
    }
    double all = settle(m), quality = market_total(&m->market) / market_ceiling(&m->market);
    size_t matches, memory = matcher_memory(m) / (size_t)(2 * n);
    free(matcher_list(m, NULL, &matches));
    for (int i = 0; i < CHANGES; i++) {
        put(m, rand() % n, rand() % 2, side_km); // another amount, and another place
        times[i] = settle(m);
    }
    qsort(times, CHANGES, sizeof *times, by_size);
    printf("{\"n\":%d,\"pairs\":%zu,\"matches\":%zu,\"all_s\":%.3f,\"change_median_ms\":%.3f,\"change_p99_"
           "ms\":%.3f,"
           "\"change_most_ms\":%.3f,\"bytes_per_entry\":%zu,\"quality\":%.6f}\n",
           n, m->market.arc_count, matches, all, times[CHANGES / 2] * 1e3, times[CHANGES * 99 / 100] * 1e3,
           times[CHANGES - 1] * 1e3, memory, quality);
    fflush(stdout);
    matcher_free(m);
}

int main(int argc, char **argv)
{
    char why[200];
    if (units_open(why, sizeof why) < 0)
        return 1;
    struct match_settings *s = match_settings_new();
    if (!s)
        return 1;
    for (int i = 1; i < argc; i++)
        territory(s, atoi(argv[i]));
    match_settings_free(s);
    return 0;
}
