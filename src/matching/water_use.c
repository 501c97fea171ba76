// SPDX-License-Identifier: Apache-2.0
// Water of one site used by another: as it is, mixed with fresh water, or treated.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "matching/inside.h"
#include "symbiont/water.h"

struct use {
    const struct pairing *p;
    struct outcome *o;
    double share; // of the mixture that may be this water; 1: all of it
    bool blend, treat;
};

// What dilution helps, and what the fresh water has of it already.
static bool dilutes(const struct use *u, const char *name, double *fresh)
{
    static const char *const salts[] = {"chloride", "hardness", "sulphate", "tds", "nitrate", "sodium"};
    if (strcmp(name, "conductivity") == 0) {
        *fresh = u->p->settings->water.fresh_conductivity;
        return true;
    }
    for (size_t i = 0; i < sizeof salts / sizeof *salts; i++)
        if (strcmp(name, salts[i]) == 0) {
            *fresh = 0;
            return true;
        }
    return false;
}

// GATE_FAIL: nothing helps; GATE_WARN: mixed or treated.
static enum gate_result beyond(void *arg, const struct excess *e)
{
    struct use *u = arg;
    const struct match_water_config *c = &u->p->settings->water;
    double fresh;
    if (!e->low && c->blending && dilutes(u, e->name, &fresh) && fresh < e->limit) {
        double share = (e->limit - fresh) / (e->value - fresh);
        if (share >= c->blend_least) {
            u->blend = true;
            u->share = fmin(u->share, share);
            return GATE_WARN;
        }
        return GATE_FAIL; // so little of it is not worth the pipe
    }
    if (!e->low && strcmp(e->name, "micro") != 0 && e->limit > 0 &&
        e->value <= c->treatable_times * e->limit) {
        u->treat = true;
        return GATE_WARN;
    }
    if (strcmp(e->name, "ph") == 0 || strcmp(e->name, "temperature") == 0) { // neutralised, cooled or warmed
        u->treat = true;
        return GATE_WARN;
    }
    return GATE_FAIL;
}

// A cooling tower concentrates what is in its make-up: limit of the basin over the cycles.
static void tower(struct use *u, enum corner c)
{
    const struct offer_parameter *cycles = party_parameter(u->p->need, "cycles");
    for (uint8_t i = 0; cycles && i < u->p->need->parameter_count; i++) {
        const struct offer_parameter *basin = &u->p->need->parameters[i];
        if (strncmp(basin->name, "basin_", 6) != 0)
            continue;
        const char *name = basin->name + 6;
        const struct offer_parameter *has = party_parameter(u->p->offer, name);
        double bears = isfinite(basin->value.high) ? basin->value.high : basin->value.low;
        double limit = tower_makeup_limit(bears, span_less(cycles->value, c));
        if (!has || !span_said(has->value)) {
            gate_tell(u->o, GATE_UNKNOWN, "quality", name, REASON_PARAMETER_UNSAID, false, NAN, -INFINITY,
                      limit, basin->unit, 0.3);
            continue;
        }
        struct excess e = {name, span_less(has->value, c), limit, false};
        bool fits = e.value <= limit * (1 + 1e-9);
        enum gate_result r = fits ? GATE_PASS : beyond(u, &e);
        gate_tell(u->o, fits ? GATE_PASS : GATE_FAIL, "quality", name, REASON_TOWER, r == GATE_FAIL, e.value,
                  -INFINITY, limit, basin->unit,
                  fits             ? 0
                  : r == GATE_FAIL ? 1
                                   : 0.5);
    }
}

// What becomes of it otherwise: no gate, but a reason to look for a taker soon.
static void discharge(struct use *u, enum corner c, double flow)
{
    static const struct {
        const char *name, *other;
        enum discharge_parameter parameter;
    } rows[] = {{"tss", "tss_max", DISCHARGE_SOLIDS},
                {"cod", "cod_max", DISCHARGE_COD},
                {"bod5", "bod5_max", DISCHARGE_BOD5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct offer_parameter *mean = party_parameter(u->p->offer, rows[i].name);
        const struct offer_parameter *worst = party_parameter(u->p->offer, rows[i].other);
        if (!mean || !span_said(mean->value))
            continue;
        double value = span_less(mean->value, c);
        struct discharge_verdict v = discharge_check(DISCHARGE_RIVER, rows[i].parameter, value,
                                                     worst ? span_less(worst->value, c) : NAN, flow * 24);
        gate_tell(u->o, v.allowed ? GATE_PASS : GATE_WARN, "discharge", rows[i].name, REASON_DISCHARGE, false,
                  v.instant_exceeds && !v.mean_exceeds ? span_less(worst->value, c) : value, 0,
                  v.instant_exceeds && !v.mean_exceeds ? 2 * v.limit : v.limit, mean->unit, 0.02);
    }
}

static void shares(const struct pairing *p, enum corner c, struct outcome *o, double give, double take,
                   double mean)
{
    double have = give * party_share(p->offer, c), want = take * party_share(p->need, c);
    o->annual = mean * HOURS_YEAR;
    o->coverage = want > 0 ? fmin(1, mean / want) : 0;
    o->use = have > 0 ? fmin(1, mean / have) : 0;
    double could = fmin(fmin(have, want), o->quantity), met = could > 0 ? mean / could : 0;
    gate_tell(o,
              met >= 0.9 ? GATE_PASS
              : met > 0  ? GATE_WARN
                         : GATE_FAIL,
              "time", NULL, REASON_TIME, met <= 0, met * 100, 90, 100, "%", fmax(0, 1 - met));
    gate_tell(o, o->coverage >= 0.95 ? GATE_PASS : GATE_WARN, "coverage", NULL, REASON_COVERAGE, false,
              o->coverage * 100, 95, 100, "%", (1 - o->coverage) * 0.8);
    gate_tell(o, GATE_PASS, "use", NULL, REASON_USE, false, o->use * 100, 0, 100, "%", (1 - o->use) * 0.3);
}

void water_outcome(const struct pairing *p, enum corner c, struct outcome *o)
{
    const struct match_settings *s = p->settings;
    struct use u = {.p = p, .o = o, .share = 1};
    double give = party_rate(p->offer, c), take = party_rate(p->need, c), way = span_less(p->distance_m, c);
    if (!(give > 0) || !(take > 0)) {
        gate_tell(o, GATE_FAIL, "amount", NULL, REASON_AMOUNT, true, fmin(give, take), 0, INFINITY, "m3/h",
                  1);
        return;
    }
    gate_judge(o, &(struct gate_value){.name = "distance",
                                       .reason = REASON_DISTANCE,
                                       .hard = true,
                                       .value = way,
                                       .low = 0,
                                       .high = s->water.reach_m,
                                       .unit = "m",
                                       .severity = way <= s->water.reach_m ? 0 : 1});
    gates_parameters(p, c, o, beyond, &u);
    tower(&u, c);
    o->way = u.treat ? WAY_TREAT : u.blend ? WAY_BLEND : WAY_DIRECT;
    double q = fmin(fmin(give, take * u.share), p->most);
    o->quantity = o->taken = q;
    if (u.blend) {
        o->details.fresh_flow = q * (1 / u.share - 1);
        o->details.mixed_flow = q / u.share;
        gate_tell(o, GATE_PASS, "blend", NULL, REASON_BLEND, false, o->details.fresh_flow, 0, INFINITY,
                  "m3/h", 0.2);
    }
    if (u.treat)
        gate_tell(o, GATE_WARN, "treatment", NULL, REASON_TREATABLE, false,
                  factor_at(s, FACTOR_TREATMENT_PRICE), 0, INFINITY, "EUR/m3", 0.3);
    discharge(&u, c, give);
    double take_of_it = take * u.share;
    shares(p, c, o, give, take, overlap(p->offer, p->need, c, give, take_of_it, q));
    o->capex = way * factor_at(s, FACTOR_WATER_PIPE_PRICE);
    double saved = (isnan(p->need->avoided) ? factor_at(s, FACTOR_WATER_PRICE) : p->need->avoided) +
                   (isnan(p->offer->avoided) ? factor_at(s, FACTOR_SEWAGE_PRICE) : p->offer->avoided) -
                   (u.treat ? factor_at(s, FACTOR_TREATMENT_PRICE) : 0);
    double carbon =
        (factor_corner(s, FACTOR_WATER_CO2, c, 1) + factor_corner(s, FACTOR_SEWAGE_CO2, c, 1)) / 1000;
    outcome_price(p, o->annual * saved, o->annual * carbon, o);
}
