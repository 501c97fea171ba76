// SPDX-License-Identifier: Apache-2.0
// What several sites do together: one collection round for the same waste, one contract for what all of them
// buy.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "matching/group.h"
#include "symbiont/waste.h"

struct group {
    const struct match_settings *s;
    const struct party *members[MATCH_MEMBERS]; // who joined
    size_t n;
    const struct group_asked *asked;
    struct match *out;
    struct outcome gates; // carries the gates only
};

static void say(struct group *g, enum gate_result r, const char *name, const char *who, enum reason reason,
                bool hard, double value, double low, double high, const char *unit, double severity)
{
    gate_tell(&g->gates, r, name, who, reason, hard, value, low, high, unit, severity);
}

static bool lists(const char (*list)[OFFER_WORD], uint8_t n, const char *who)
{
    for (uint8_t i = 0; i < n; i++)
        if (strcmp(list[i], who) == 0)
            return true;
    return false;
}

static bool parted(const struct party *a, const struct party *b)
{
    return lists(a->blocked, a->blocked_count, b->pseudonym) ||
           lists(b->blocked, b->blocked_count, a->pseudonym) ||
           (a->audience_count && !lists(a->audience, a->audience_count, b->pseudonym)) ||
           (b->audience_count && !lists(b->audience, b->audience_count, a->pseudonym));
}

// Why a party may be in no group at all; REASONS: nothing.
static enum reason unfit(const struct party *p, struct utc now)
{
    if (p->level < DISCLOSE_BANDS)
        return REASON_LEVEL;
    if (now.ms < p->embargo_until.ms)
        return REASON_EMBARGO;
    if (now.ms < p->valid_from.ms || (p->valid_until.ms && now.ms >= p->valid_until.ms))
        return REASON_VALID;
    return REASONS;
}

static double between(const struct group *g, const struct party *a, const struct party *b)
{
    const struct group_asked *q = g->asked;
    if (q->distances) {
        size_t i = 0, k = 0;
        for (size_t x = 0; x < q->n; x++) {
            i = q->members[x] == a ? x : i;
            k = q->members[x] == b ? x : k;
        }
        double d = q->distances[i * q->n + k];
        if (!isnan(d))
            return d;
    }
    struct span way;
    if (strcmp(a->pseudonym, b->pseudonym) == 0)
        return 0;
    return party_distance(g->s, a, b, &way) ? span_middle(way) : g->s->assumed_m;
}

static bool joins(struct group *g, const struct party *p)
{
    for (size_t i = 0; i < g->n; i++) {
        double way = between(g, g->members[i], p);
        if (parted(g->members[i], p)) {
            say(g, GATE_FAIL, "blocked", p->pseudonym, REASON_BLOCKED, false, NAN, NAN, NAN, "", 0.1);
            return false;
        }
        if (way > g->s->pool.reach_m) {
            say(g, GATE_FAIL, "distance", p->pseudonym, REASON_POOL_DISTANCE, false, way, 0,
                g->s->pool.reach_m, "m", 0.1);
            return false;
        }
    }
    if (g->n == MATCH_MEMBERS)
        return false;
    g->members[g->n++] = p;
    return true;
}

static size_t sites(const struct group *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++) {
        size_t k = 0;
        while (k < i && strcmp(g->members[k]->pseudonym, g->members[i]->pseudonym) != 0)
            k++;
        n += k == i;
    }
    return n;
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(const struct party *const *)a)->id, (*(const struct party *const *)b)->id);
}

// ---- Rounds ----

static uint32_t code_of(const struct party *p)
{
    return p->waste && p->waste->code_count ? p->waste->codes[0] : 0;
}

// The code of which there is most.
static uint32_t common_code(const struct group_asked *q)
{
    double most = -1;
    uint32_t code = 0;
    for (size_t i = 0; i < q->n; i++) {
        double sum = 0;
        for (size_t k = 0; k < q->n; k++)
            if (code_of(q->members[k]) == code_of(q->members[i]))
                sum += fmax(0, party_rate(q->members[k], CORNER_MIDDLE));
        if (sum > most) {
            most = sum;
            code = code_of(q->members[i]);
        }
    }
    return code;
}

static void admit(struct group *g, const struct party *p, uint32_t code)
{
    const struct waste_code *own = waste_find(code_of(p)), *common = waste_find(code);
    const char *text = p->pseudonym;
    enum reason bad = unfit(p, g->asked->now);
    if (bad != REASONS)
        say(g, GATE_FAIL, "member", text, bad, false, NAN, NAN, NAN, "", 0.1);
    else if (own && common && waste_hazardous(own) != waste_hazardous(common))
        say(g, GATE_FAIL, "hazard", text, REASON_POOL_HAZARD, false, NAN, NAN, NAN, "", 0.1);
    else if (code_of(p) != code || !code)
        say(g, GATE_FAIL, "code", text, REASON_POOL_CODE, false, NAN, NAN, NAN, "", 0.1);
    else if (!span_said(p->waste->capacity_t) || !(party_rate(p, CORNER_MIDDLE) > 0))
        say(g, GATE_UNKNOWN, "container", text, REASON_POOL_CONTAINER, false, NAN, NAN, NAN, "", 0.1);
    else
        joins(g, p);
}

// Whole weeks when longer than one, else whole days.
static double whole(double days)
{
    return days >= 7 ? floor(days / 7 + 1e-9) * 7 : fmax(1, floor(days + 1e-9));
}

struct round {
    double interval, load, trips, alone, rate, first, second;
    size_t slowest; // who fills first
};

static struct round plan(const struct group *g, enum corner c)
{
    struct round r = {.first = INFINITY, .second = INFINITY};
    for (size_t i = 0; i < g->n; i++) {
        double rate = party_rate(g->members[i], c), capacity = span_more(g->members[i]->waste->capacity_t, c);
        double days = capacity / rate * 7;
        r.rate += rate;
        r.alone += rate * WEEKS_YEAR / capacity;
        if (days < r.first) {
            r.second = r.first;
            r.first = days;
            r.slowest = i;
        } else if (days < r.second) {
            r.second = days;
        }
    }
    // Neither container, lorry nor law waits longer.
    double most = fmin(g->s->pool.payload_t / r.rate * 7, g->s->pool.interval_most_days);
    r.interval = whole(fmin(r.first, most));
    r.load = r.rate * r.interval / 7;
    r.trips = WEEKS_YEAR * 7 / r.interval;
    return r;
}

// The container that fills first, so large that the next one decides.
static void larger(const struct group *g, const struct round *r, struct match_details *d)
{
    double interval =
        whole(fmin(r->second, fmin(g->s->pool.payload_t / r->rate * 7, g->s->pool.interval_most_days)));
    if (!isfinite(interval) || interval <= r->interval)
        return;
    d->larger_interval_days = interval;
    d->larger_t = party_rate(g->members[r->slowest], CORNER_MIDDLE) * interval / 7;
    d->larger_load_t = r->rate * interval / 7;
    d->larger_fill = d->larger_load_t / g->s->pool.payload_t;
    d->larger_trips = WEEKS_YEAR * 7 / interval;
}

static double mean_leg_km(const struct group *g)
{
    double sum = 0;
    size_t legs = 0;
    for (size_t i = 0; i < g->n; i++)
        for (size_t k = 0; k < i; k++, legs++)
            sum += between(g, g->members[i], g->members[k]) / 1000;
    return legs ? sum / (double)legs : 0;
}

static void widen(struct span *s, double v)
{
    s->low = isnan(s->low) ? v : fmin(s->low, v);
    s->high = isnan(s->high) ? v : fmax(s->high, v);
}

static void price_round(struct group *g, enum corner c, const struct round *r)
{
    const struct match_settings *s = g->s;
    struct match *m = g->out;
    double stops = (double)g->n - 1, km = factor_at(s, FACTOR_TRIP_KM);
    double eur = r->alone * factor_at(s, FACTOR_TRIP_PRICE) -
                 r->trips * (factor_at(s, FACTOR_TRIP_PRICE) + stops * factor_at(s, FACTOR_STOP_PRICE));
    double driven = r->alone * km - r->trips * (km + stops * mean_leg_km(g));
    double carbon = driven * factor_corner(s, FACTOR_TRIP_CO2, c, 1) / 1000;
    widen(&m->quantity, r->rate);
    widen(&m->annual, r->rate * WEEKS_YEAR);
    widen(&m->eur_yr, eur);
    widen(&m->tco2e, carbon);
    if (c != CORNER_MIDDLE)
        return;
    m->rank = eur + factor_at(s, FACTOR_CARBON_PRICE) * carbon;
    m->expected_quantity = r->rate;
    m->expected_annual = r->rate * WEEKS_YEAR;
}

static void rounds(struct group *g)
{
    const struct match_pool_config *c = &g->s->pool;
    struct match *m = g->out;
    uint32_t code = common_code(g->asked);
    for (size_t i = 0; i < g->asked->n; i++)
        admit(g, g->asked->members[i], code);
    size_t n = sites(g);
    say(g, n >= 2 ? GATE_PASS : GATE_FAIL, "sites", NULL, REASON_POOL_SITES, true, (double)n, 2, INFINITY, "",
        n >= 2 ? 0 : 1);
    if (n < 2)
        return;
    for (int k = CORNER_WORST; k <= CORNER_BEST; k++) {
        struct round r = plan(g, (enum corner)k);
        price_round(g, (enum corner)k, &r);
    }
    struct round r = plan(g, CORNER_MIDDLE);
    double fill = r.load / c->payload_t, saved = 1 - r.trips / r.alone;
    m->way = WAY_ROUND;
    m->details.interval_days = r.interval;
    m->details.load_t = r.load;
    m->details.fill = fill;
    m->details.trips_alone = r.alone;
    m->details.trips_pooled = r.trips;
    m->details.members = (double)g->n;
    larger(g, &r, &m->details);
    m->coverage = m->use = span_of(1);
    say(g, r.load <= c->payload_t * (1 + 1e-9) ? GATE_PASS : GATE_FAIL, "road_load", NULL, REASON_ROAD_LOAD,
        true, r.load, 0, c->payload_t, "t", r.load <= c->payload_t ? 0 : 1);
    bool worth = fill >= c->fill_least - 1e-9 || saved >= c->saved_least - 1e-9;
    say(g, worth ? fill >= c->fill_least ? GATE_PASS : GATE_WARN : GATE_FAIL, "fill", NULL, REASON_POOL_FILL,
        true, fill * 100, c->fill_least * 100, 100, "%", worth ? fmax(0, c->fill_least - fill) : 1);
}

// ---- Purchases and services ----

static const char *category(const struct party *p)
{
    return p->equipment ? p->equipment->type : "";
}

static int by_end(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double contract_end(const struct party *p)
{
    const struct offer_parameter *end = party_parameter(p, "contract_end");
    return end ? span_middle(end->value) : NAN;
}

// The window of the allowed width with most contracts in it: where it begins.
static double best_window(const struct group *g, double width)
{
    double ends[MATCH_MEMBERS] = {0}, begin = NAN;
    size_t n = 0, most = 0;
    for (size_t i = 0; i < g->asked->n && n < MATCH_MEMBERS; i++)
        if (!isnan(contract_end(g->asked->members[i])))
            ends[n++] = contract_end(g->asked->members[i]);
    qsort(ends, n, sizeof *ends, by_end);
    for (size_t i = 0; i < n; i++) {
        size_t in = 0;
        while (i + in < n && ends[i + in] <= ends[i] + width + 1e-9)
            in++;
        if (in > most) {
            most = in;
            begin = ends[i];
        }
    }
    return begin;
}

static void purchase(struct group *g)
{
    const struct match_settings *s = g->s;
    struct match *m = g->out;
    double width = s->pool.contract_months / 12, begin = best_window(g, width), total = 0, gain = 0;
    for (size_t i = 0; i < g->asked->n; i++) {
        const struct party *p = g->asked->members[i];
        double end = contract_end(p);
        enum reason bad = unfit(p, g->asked->now);
        if (bad != REASONS)
            say(g, GATE_FAIL, "member", p->pseudonym, bad, false, NAN, NAN, NAN, "", 0.1);
        else if (strcmp(category(p), category(g->asked->members[0])) != 0)
            say(g, GATE_FAIL, "category", p->pseudonym, REASON_POOL_CATEGORY, false, NAN, NAN, NAN, "", 0.1);
        else if (!isnan(end) && !(end >= begin - 1e-9 && end <= begin + width + 1e-9))
            say(g, GATE_FAIL, "contract", p->pseudonym, REASON_POOL_CONTRACT, false, end, begin,
                begin + width, "a", 0.1);
        else if (g->n < MATCH_MEMBERS)
            g->members[g->n++] = p;
    }
    size_t n = sites(g);
    bool enough = n >= (size_t)s->pool.sites_least;
    say(g, enough ? GATE_PASS : GATE_FAIL, "sites", NULL, REASON_POOL_SITES, true, (double)n,
        (double)s->pool.sites_least, INFINITY, "", enough ? 0 : 1);
    for (size_t i = 0; i < g->n; i++)
        total += fmax(0, party_rate(g->members[i], CORNER_MIDDLE));
    for (size_t i = 0; i < g->n; i++) {
        const struct party *p = g->members[i];
        double rate = party_rate(p, CORNER_MIDDLE), price = isnan(p->avoided) ? p->price : p->avoided;
        if (rate > 0 && price > 0)
            gain += rate * annual_of_rate(p->resource) * price *
                    (1 - pow(1 - s->pool.purchase_gain, log2(total / rate)));
    }
    m->way = WAY_GROUP;
    m->details.members = (double)g->n;
    m->expected_quantity = total;
    m->expected_annual = total * annual_of_rate(m->resource);
    m->quantity = span_of(total);
    m->annual = span_of(m->expected_annual);
    m->eur_yr = span_of(gain);
    m->tco2e = span_of(0);
    m->rank = gain;
}

// ---- Both ----

bool group_match(const struct match_settings *s, const struct group_asked *asked, struct match *out)
{
    *out = (struct match){.kind = SYNERGY_POOL,
                          .resource = (enum resource)asked->members[0]->resource,
                          .quantity = SPAN_UNSAID,
                          .annual = SPAN_UNSAID,
                          .coverage = SPAN_UNSAID,
                          .use = SPAN_UNSAID,
                          .distance_m = SPAN_UNSAID,
                          .eur_yr = SPAN_UNSAID,
                          .net_eur_yr = SPAN_UNSAID,
                          .tco2e = SPAN_UNSAID,
                          .capex = {0, 0},
                          .opex = {0, 0},
                          .payback_y = {0, 0},
                          .confidence = 1};
    struct group g = {.s = s, .asked = asked, .out = out, .gates = {.gates = out->gates}};
    bool collected = asked->members[0]->role == ROLE_OFFER && resource_is_goods(asked->members[0]->resource);
    if (collected)
        rounds(&g);
    else
        purchase(&g);
    out->gate_count = g.gates.gate_count;
    out->net_eur_yr = out->eur_yr;
    qsort(g.members, g.n, sizeof *g.members, by_id);
    const char *ids[MATCH_MEMBERS] = {""};
    for (size_t i = 0; i < g.n; i++) {
        ids[i] = g.members[i]->id;
        memcpy(out->members[i], g.members[i]->id, sizeof out->members[i]);
        out->confidence =
            fmin(out->confidence, provenance_confidence(g.members[i])); // as sure as the least sure
        for (size_t k = 0; k < i; k++)
            widen(&out->distance_m, between(&g, g.members[i], g.members[k]));
    }
    out->member_count = (uint8_t)g.n;
    match_id(ids, g.n, out->id);
    out->verdict = g.gates.refused ? MATCH_REFUSED : MATCH_CERTAIN;
    match_strongest(out);
    return out->verdict != MATCH_REFUSED;
}

bool match_group(const struct match_settings *s, const struct offer *const *members, size_t n,
                 const double *distances, struct utc now, struct match *out)
{
    struct party views[MATCH_MEMBERS];
    const struct party *at[MATCH_MEMBERS];
    n = n < MATCH_MEMBERS ? n : MATCH_MEMBERS;
    for (size_t i = 0; i < n; i++) {
        party_view(members[i], &views[i]);
        at[i] = &views[i];
    }
    if (!n) {
        *out = (struct match){.verdict = MATCH_REFUSED};
        return false;
    }
    return group_match(s, &(struct group_asked){at, n, distances, now}, out);
}
