// SPDX-License-Identifier: Apache-2.0
// One offer and one need: the common gates, the kind's own, and spans made of three judgements.
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "matching/group.h"

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void match_id(const char *const *ids, size_t n, char out[static MATCH_ID + 1])
{
    const char *sorted[MATCH_MEMBERS];
    unsigned char hash[MATCH_ID / 2];
    crypto_generichash_state state;
    n = n < MATCH_MEMBERS ? n : MATCH_MEMBERS;
    memcpy(sorted, ids, n * sizeof *ids);
    qsort(sorted, n, sizeof *sorted, by_text);
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (size_t i = 0; i < n; i++)
        crypto_generichash_update(&state, (const unsigned char *)sorted[i], strlen(sorted[i]) + 1);
    crypto_generichash_final(&state, hash, sizeof hash);
    sodium_bin2hex(out, MATCH_ID + 1, hash, sizeof hash);
}

outcome_fn *outcome_of(unsigned resource, unsigned synergy)
{
    if (synergy == SYNERGY_SHARE || resource == RESOURCE_EQUIPMENT)
        return share_outcome;
    switch (resource) {
    case RESOURCE_HEAT:
        return heat_outcome;
    case RESOURCE_COLD:
        return cold_outcome;
    case RESOURCE_STEAM:
        return steam_outcome;
    case RESOURCE_WATER:
        return water_outcome;
    case RESOURCE_ELECTRICITY:
        return electricity_outcome;
    case RESOURCE_COMPRESSED_AIR:
        return air_outcome;
    default:
        return goods_outcome;
    }
}

void outcome_price(const struct pairing *p, double gross_eur, double carbon_t, struct outcome *o)
{
    const struct match_settings *s = p->settings;
    double i = s->interest, n = s->life_years;
    o->opex += s->maintenance * o->capex;
    o->eur_yr = gross_eur - o->opex;
    o->net_eur_yr = o->eur_yr - o->capex * (i > 0 ? i / (1 - pow(1 + i, -n)) : 1 / n);
    o->tco2e = carbon_t;
    o->rank = o->net_eur_yr + factor_at(s, FACTOR_CARBON_PRICE) * carbon_t;
}

void pairing_outcome(const struct pairing *p, enum corner c, struct outcome *o)
{
    struct match_gate *gates = o->gates;
    *o = (struct outcome){.gates = gates, .gain = 1};
    if (!gates_common(p, o))
        return;
    if (!p->distance_known)
        gate_say(o, GATE_UNKNOWN,
                 &(struct gate_value){.name = "place",
                                      .reason = REASON_DISTANCE_UNKNOWN,
                                      .value = p->settings->assumed_m,
                                      .low = NAN,
                                      .high = NAN,
                                      .unit = "m",
                                      .severity = 0.3});
    outcome_of(p->offer->resource, p->offer->synergy)(p, c, o);
    if (!(o->filled > 0))
        o->filled = o->quantity;
}

// ---- Three judgements into one match ----

static struct match_gate *find_gate(struct match *m, const struct match_gate *g)
{
    for (int i = 0; i < m->gate_count; i++)
        if (strcmp(m->gates[i].name, g->name) == 0 && strcmp(m->gates[i].parameter, g->parameter) == 0 &&
            m->gates[i].reason == g->reason)
            return &m->gates[i];
    return NULL;
}

static void widen(struct span *s, double v)
{
    if (isnan(v))
        return;
    s->low = isnan(s->low) ? v : fmin(s->low, v);
    s->high = isnan(s->high) ? v : fmax(s->high, v);
}

// A gate that fails at one end of the bands and passes at the other is not known.
static void add_gate(struct match *m, const struct match_gate *g)
{
    struct match_gate *have = find_gate(m, g);
    if (!have) {
        if (m->gate_count < MATCH_GATES)
            m->gates[m->gate_count++] = *g;
        return;
    }
    widen(&have->value, g->value.low);
    if (have->result != g->result) {
        bool fails = have->result == GATE_FAIL || g->result == GATE_FAIL;
        have->result = fails                                                       ? GATE_UNKNOWN
                       : have->result == GATE_UNKNOWN || g->result == GATE_UNKNOWN ? GATE_UNKNOWN
                                                                                   : GATE_WARN;
    }
    have->hard = have->hard || g->hard;
    have->severity = fmax(have->severity, g->severity);
}

static double gate_weight(const struct match_gate *g)
{
    static const double add[] = {[GATE_PASS] = 0, [GATE_WARN] = 1, [GATE_UNKNOWN] = 1, [GATE_FAIL] = 2};
    return add[g->result] + (g->hard && g->result == GATE_FAIL ? 2 : 0) + g->severity;
}

void match_strongest(struct match *m)
{
    bool taken[MATCH_GATES] = {false};
    m->strongest_count = 0;
    while (m->strongest_count < MATCH_LIMITS) {
        int best = -1;
        for (int i = 0; i < m->gate_count; i++)
            if (!taken[i] && (m->gates[i].result != GATE_PASS || m->gates[i].severity > 0.01) &&
                (best < 0 || gate_weight(&m->gates[i]) > gate_weight(&m->gates[best])))
                best = i;
        if (best < 0)
            return;
        taken[best] = true;
        m->strongest[m->strongest_count++] = (uint8_t)best;
    }
}

static struct span ends(const struct outcome *o, size_t member)
{
    struct span s = SPAN_UNSAID;
    for (int c = 0; c < 3; c++) {
        double v;
        memcpy(&v, (const char *)&o[c] + member, sizeof v);
        widen(&s, v);
    }
    return s;
}
#define ENDS(o, field) ends(o, offsetof(struct outcome, field))

static double payback(double capex, double eur_yr)
{
    return capex <= 0 ? 0 : eur_yr > 0 ? capex / eur_yr : INFINITY;
}

static void sums(const struct pairing *p, const struct outcome o[static 3], struct match *out)
{
    const struct outcome *middle = &o[CORNER_MIDDLE];
    out->way = middle->way;
    out->quantity = ENDS(o, quantity);
    out->annual = ENDS(o, annual);
    out->coverage = ENDS(o, coverage);
    out->use = ENDS(o, use);
    out->capex = ENDS(o, capex);
    out->opex = ENDS(o, opex);
    out->eur_yr = ENDS(o, eur_yr);
    out->net_eur_yr = ENDS(o, net_eur_yr);
    out->tco2e = ENDS(o, tco2e);
    out->payback_y = SPAN_UNSAID;
    for (int c = 0; c < 3; c++)
        if (o[c].quantity > 0)
            widen(&out->payback_y, payback(o[c].capex, o[c].eur_yr));
    out->distance_m = p->distance_known ? p->distance_m : SPAN_UNSAID;
    out->expected_quantity = middle->quantity;
    out->expected_annual = middle->annual;
    out->rank = middle->rank;
    out->details = middle->details;
    out->confidence = provenance_confidence(p->offer) * provenance_confidence(p->need) * middle->gain;
    if (o[CORNER_WORST].refused && !o[CORNER_BEST].refused) // nothing of it is certain
        out->quantity.low = out->annual.low = out->coverage.low = out->use.low = 0;
}

static void judge(const struct pairing *p, struct match *out)
{
    struct match_gate gates[3][OUTCOME_GATES];
    struct outcome o[3];
    for (int c = 0; c < 3; c++) {
        o[c].gates = gates[c];
        pairing_outcome(p, (enum corner)c, &o[c]);
    }
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < o[c].gate_count; i++)
            add_gate(out, &gates[c][i]);
    sums(p, o, out);
    if (!o[CORNER_BEST].refused && out->net_eur_yr.high < 0)
        add_gate(out, &(struct match_gate){.name = "net",
                                           .result = GATE_WARN,
                                           .unit = "EUR/a",
                                           .reason = REASON_NET,
                                           .value = out->net_eur_yr,
                                           .limit = {0, INFINITY},
                                           .severity = 0.6});
    out->verdict = o[CORNER_BEST].refused                              ? MATCH_REFUSED
                   : o[CORNER_WORST].refused || o[CORNER_BEST].unknown ? MATCH_POSSIBLE
                                                                       : MATCH_CERTAIN;
    match_strongest(out);
}

static void set_unsaid(struct match *out)
{
    *out = (struct match){.quantity = SPAN_UNSAID,
                          .annual = SPAN_UNSAID,
                          .coverage = SPAN_UNSAID,
                          .use = SPAN_UNSAID,
                          .distance_m = SPAN_UNSAID,
                          .capex = SPAN_UNSAID,
                          .opex = SPAN_UNSAID,
                          .eur_yr = SPAN_UNSAID,
                          .payback_y = SPAN_UNSAID,
                          .net_eur_yr = SPAN_UNSAID,
                          .tco2e = SPAN_UNSAID};
}

bool parties_match(const struct pairing *p, struct match *out)
{
    set_unsaid(out);
    out->kind = (enum synergy)p->offer->synergy;
    out->resource = (enum resource)p->offer->resource;
    out->member_count = 2;
    memcpy(out->members[0], p->offer->id, sizeof out->members[0]);
    memcpy(out->members[1], p->need->id, sizeof out->members[1]);
    match_id((const char *const[]){p->offer->id, p->need->id}, 2, out->id);
    judge(p, out);
    return out->verdict != MATCH_REFUSED;
}

void pairing_place(struct pairing *p, double distance_m)
{
    if (!isnan(distance_m)) {
        p->distance_m = span_of(distance_m);
        p->distance_known = true;
        return;
    }
    p->distance_known = party_distance(p->settings, p->offer, p->need, &p->distance_m);
    if (!p->distance_known)
        p->distance_m = span_of(p->settings->assumed_m);
}

bool match_pair(const struct match_settings *s, const struct offer *offer, const struct offer *need,
                double distance_m, double most, struct utc now, struct match *out)
{
    struct party a, b;
    party_view(offer, &a);
    party_view(need, &b);
    struct pairing p = {.settings = s, .offer = &a, .need = &b, .most = most, .now = now};
    pairing_place(&p, distance_m);
    return parties_match(&p, out);
}

static const char *const results[] = {"pass", "warn", "unknown", "fail"};
static const char *const verdicts[] = {"refused", "possible", "certain"};
static const char *const ways[] = {"direct", "heat_pump", "blend", "treat", "round", "group"};

const char *gate_result_word(enum gate_result r)
{
    return results[r];
}

const char *match_verdict_word(enum match_verdict v)
{
    return verdicts[v];
}

const char *match_way_word(enum match_way w)
{
    return ways[w];
}
