// SPDX-License-Identifier: Apache-2.0
// Heat and cold from one site used by another: directly, through a loop of water and two exchangers, or
// lifted by a heat pump. The formulas stand in docs/matching.md.
#include <math.h>
#include <string.h>
#include "matching/inside.h"

#define LATENT_K   0.001 // a source or sink at one temperature spans this much
#define LEAST_LIFT 15.0  // K: no machine works at the COP of a smaller one

// One corner in plain numbers. Cold is heat with all temperatures mirrored.
struct heat {
    const struct pairing *p;
    enum corner corner;
    bool cold;
    double ps, ts, tso, pk, tki, tko; // kW, degC
    double dts, dtk;                  // K, of each exchanger
    double length_m;
    bool gas_source, gas_sink;
    // the loop
    double hot, chilled, delivered, loss, drop, mm;
    const struct pipe *pipe;
    double parallel;
};

double heat_exchange(double ps, double ts, double tso, double pk, double tki, double tko, double dt)
{
    tso = fmin(tso, ts - LATENT_K);
    tki = fmin(tki, tko - LATENT_K);
    double source = ps / (ts - tso) * (ts - fmax(tso, tki + dt));
    double sink = pk / (tko - tki) * (fmin(tko, ts - dt) - tki);
    return fmax(0, fmin(source, sink));
}

static double source_part(const struct heat *h, double dt)
{
    return fmax(0, h->ps / (h->ts - h->tso) * (h->ts - fmax(h->tso, h->tki + dt)));
}

static double sink_part(const struct heat *h, double reached)
{
    return fmax(0, h->pk / (h->tko - h->tki) * (fmin(h->tko, reached) - h->tki));
}

static bool is_gas(int medium)
{
    return medium == MEDIUM_AIR || medium == MEDIUM_FLUE_GAS;
}

static double approach(const struct match_heat_config *c, const struct offer_heat *h, bool cold)
{
    if (!isnan(h->approach_k))
        return h->approach_k;
    if (cold)
        return c->approach_cold_k;
    return is_gas(h->medium)                 ? c->approach_gas_k
           : h->medium == MEDIUM_THERMAL_OIL ? c->approach_oil_k
                                             : c->approach_liquid_k;
}

static void say(struct outcome *o, enum gate_result r, const char *name, enum reason reason, bool hard,
                double value, double low, double high, const char *unit, double severity)
{
    gate_tell(o, r, name, NULL, reason, hard, value, low, high, unit, severity);
}

// Temperatures that are unsaid get a spread of 20 K, and a gate says so.
static bool read_corner(struct heat *h, struct outcome *o)
{
    const struct party *a = h->p->offer, *b = h->p->need;
    struct span supply = a->heat.supply, back = a->heat.back, out = b->heat.supply, in = b->heat.back;
    h->ps = party_rate(a, h->corner);
    h->pk = party_rate(b, h->corner);
    if (!(h->ps > 0) || !(h->pk > 0)) {
        say(o, GATE_FAIL, "amount", REASON_AMOUNT, true, fmin(h->ps, h->pk), 0, INFINITY, "kW", 1);
        return false;
    }
    if (!span_said(supply) || !span_said(out)) {
        say(o, GATE_UNKNOWN, "temperatures", REASON_TEMPERATURES_UNSAID, true, NAN, NAN, NAN, "degC", 1);
        o->refused = true;
        return false;
    }
    if (h->cold) { // mirrored: the colder, the better
        supply = (struct span){-supply.high, -supply.low};
        back = (struct span){-back.high, -back.low};
        out = (struct span){-out.high, -out.low};
        in = (struct span){-in.high, -in.low};
    }
    h->ts = span_more(supply, h->corner);
    h->tko = span_less(out, h->corner);
    h->tso = span_said(back) ? span_more(back, h->corner) : h->ts - 20;
    h->tki = span_said(in) ? span_less(in, h->corner) : h->tko - 20;
    if (!span_said(back) || !span_said(in))
        say(o, GATE_UNKNOWN, "temperatures", REASON_TEMPERATURES_UNSAID, false, NAN, NAN, NAN, "degC", 0.3);
    if (a->heat.medium == MEDIUM_FLUE_GAS && !h->cold && h->tso < h->p->settings->heat.flue_floor_c) {
        // The part below the dew point is not there to be had.
        double floor = fmin(h->p->settings->heat.flue_floor_c, h->ts - LATENT_K);
        h->ps *= (h->ts - floor) / fmax(h->ts - h->tso, LATENT_K);
        h->tso = floor;
    }
    h->tso = fmin(h->tso, h->ts - LATENT_K);
    h->tki = fmin(h->tki, h->tko - LATENT_K);
    return true;
}

static double real_c(const struct heat *h, double t)
{
    return h->cold ? -t : t;
}

// The smallest pipe that carries so much, or several of the largest.
static void lay(struct heat *h, double kw)
{
    const struct match_heat_config *c = &h->p->settings->heat;
    double hot = real_c(h, h->hot), chilled = real_c(h, h->chilled);
    double fast = fmax(hot, chilled), slow = fmin(hot, chilled);
    double per_flow = pipe_capacity(pipes, fast, slow) / pipes[0].flow_m3_s, wanted = kw / per_flow;
    h->pipe = pipes;
    while (h->pipe[1].diameter_mm > 0 && h->pipe->flow_m3_s < wanted)
        h->pipe++;
    h->parallel = ceil(fmax(1, wanted / h->pipe->flow_m3_s) - 1e-9);
    double supply_w, pair_w = pipe_loss(h->pipe, c, hot, chilled, &supply_w);
    if (h->cold) { // the ground warms it
        pair_w = -pair_w;
        supply_w = -supply_w;
    }
    h->loss = fmax(0, pair_w) * h->length_m * h->parallel / 1000;
    h->drop = fmax(0, supply_w) * h->length_m * h->parallel / 1000 * (h->hot - h->chilled) / kw;
    h->delivered = h->hot - h->drop;
    h->mm = h->pipe->diameter_mm;
}

static double by_size(const struct match_settings *s, enum factor_id small, enum factor_id large, double kw)
{
    return kw * factor_at(s, kw < 1000 ? small : large);
}

static double exchanger(const struct heat *h, bool gas, double kw)
{
    const struct match_settings *s = h->p->settings;
    return gas ? kw * factor_at(s, FACTOR_EXCHANGER_GAS_PRICE)
               : by_size(s, FACTOR_EXCHANGER_SMALL_PRICE, FACTOR_EXCHANGER_LARGE_PRICE, kw);
}

static double trench(const struct heat *h)
{
    double flat = factor_at(h->p->settings, FACTOR_PIPE_PRICE);
    return h->length_m * (flat > 0 ? flat : h->pipe->price_m * h->parallel);
}

// What a MWh delivered saves, EUR and tCO2e.
static double worth(const struct heat *h)
{
    const struct match_settings *s = h->p->settings;
    if (!isnan(h->p->need->avoided))
        return h->p->need->avoided;
    return h->cold ? factor_at(s, FACTOR_ELECTRICITY_PRICE) / factor_at(s, FACTOR_CHILLER_COP)
                   : factor_at(s, FACTOR_GAS_PRICE) / factor_at(s, FACTOR_BOILER_EFFICIENCY);
}

static double carbon(const struct heat *h)
{
    const struct match_settings *s = h->p->settings;
    return h->cold ? factor_corner(s, FACTOR_ELECTRICITY_CO2, h->corner, 1) / factor_at(s, FACTOR_CHILLER_COP)
                   : factor_corner(s, FACTOR_GAS_CO2, h->corner, 1) / factor_at(s, FACTOR_BOILER_EFFICIENCY);
}

static double yearly(const struct party *p, enum corner c, double kw)
{
    return kw * party_share(p, c) * HOURS_YEAR / 1000;
}

// What both ways have in common once the quantity is known.
// `design`: the quantity that the pipe was laid for, before losses took of it.
static void finish(struct heat *h, struct outcome *o, double give, double take, double q, double design)
{
    const struct match_settings *s = h->p->settings;
    double mean = overlap(h->p->offer, h->p->need, h->corner, give, take, q);
    double apart =
        fmin(fmin(give * party_share(h->p->offer, h->corner), take * party_share(h->p->need, h->corner)), q);
    o->quantity = q;
    o->annual = mean * HOURS_YEAR / 1000;
    o->coverage = fmin(1, o->annual / yearly(h->p->need, h->corner, h->pk));
    o->use = fmin(1, o->annual * o->details.drawn_kw / q / yearly(h->p->offer, h->corner, h->ps));
    o->details.density = h->length_m > 1 ? o->annual * design / q / h->length_m : INFINITY;
    o->details.loss_kw = h->loss;
    o->details.drop_k = h->drop;
    o->details.delivered_c = real_c(h, h->delivered);
    o->details.pipe_mm = h->mm;
    double density = o->details.density, met = apart > 0 ? mean / apart : 0;
    enum gate_result r = density < s->heat.density_least * (1 - 1e-9) ? GATE_FAIL
                         : density < s->heat.density_good             ? GATE_WARN
                                                                      : GATE_PASS;
    say(o, r, "density", REASON_DENSITY, true, density,
        r == GATE_WARN ? s->heat.density_good : s->heat.density_least, INFINITY, "MWh/m",
        r == GATE_PASS ? 0 : fmin(1, 1 - density / s->heat.density_good));
    double lost = h->loss / (q + h->loss);
    say(o, lost > s->heat.loss_most ? GATE_WARN : GATE_PASS, "loss", REASON_LOSS, false, lost * 100, 0,
        s->heat.loss_most * 100, "%", lost);
    say(o,
        met >= 0.9 ? GATE_PASS
        : met > 0  ? GATE_WARN
                   : GATE_FAIL,
        "time", REASON_TIME, met <= 0, met * 100, 90, 100, "%", 1 - met);
    say(o, o->coverage >= 0.95 ? GATE_PASS : GATE_WARN, "coverage", REASON_COVERAGE, false, o->coverage * 100,
        95, 100, "%", (1 - o->coverage) * 0.8);
    say(o, GATE_PASS, "use", REASON_USE, false, o->use * 100, 0, 100, "%", (1 - o->use) * 0.3);
    bool data_centre = strncmp(h->p->offer->nace, "63", 2) == 0;
    double duty = data_centre ? s->heat.duty_data_centre_kw : s->heat.duty_industry_kw;
    if (!h->cold && h->ps >= duty)
        say(o, GATE_WARN, "duty", REASON_DUTY, false, h->ps, 0, duty, "kW", 0.05);
}

static double lcot(const struct heat *h, const struct outcome *o)
{
    const struct match_settings *s = h->p->settings;
    double i = s->interest, n = s->life_years;
    double crf = i > 0 ? i / (1 - pow(1 + i, -n)) : 1 / n;
    return o->annual > 0 ? o->capex * (crf + s->maintenance) / o->annual : NAN;
}

static void direct(struct heat *h, struct outcome *o)
{
    const struct match_heat_config *c = &h->p->settings->heat;
    double dt = h->dts + h->dtk, full = h->tko + dt;
    bool covers = h->ts >= full;
    o->way = WAY_DIRECT;
    say(o, h->ts > h->tki + dt ? GATE_PASS : GATE_FAIL, "temperature",
        h->cold ? REASON_COLD : REASON_TEMPERATURE, true, real_c(h, h->ts), h->cold ? -INFINITY : h->tki + dt,
        h->cold ? real_c(h, h->tki + dt) : INFINITY, "degC", h->ts > h->tki + dt ? 0 : 1);
    double qs = source_part(h, dt), qk = sink_part(h, h->ts - dt);
    double q = fmin(fmin(qs, qk), h->p->most), design = q;
    if (!(q > 0)) {
        o->refused = true;
        return;
    }
    h->hot = covers ? fmin(h->ts - h->dts, fmax(h->cold ? -INFINITY : c->loop_most_c, h->tko + h->dtk + 5))
                    : h->ts - h->dts;
    if (h->cold)
        h->hot = h->ts - h->dts;
    h->chilled = h->tki + h->dtk;
    lay(h, q);
    double reached = h->delivered - h->dtk;
    if (covers)
        say(o, reached >= h->tko - 1e-9 ? GATE_PASS : GATE_FAIL, "delivered", REASON_DELIVERED, false,
            real_c(h, h->delivered), h->cold ? -INFINITY : h->tko + h->dtk,
            h->cold ? real_c(h, h->tko + h->dtk) : INFINITY, "degC",
            reached >= h->tko ? 0 : fmin(1, 0.5 + (h->tko - reached) / (h->tko - h->tki)));
    else
        say(o, GATE_WARN, "full_temperature", REASON_FULL_TEMPERATURE, false, real_c(h, reached),
            h->cold ? -INFINITY : h->tko, h->cold ? real_c(h, h->tko) : INFINITY, "degC",
            fmin(1, 0.2 + (h->tko - reached) / (h->tko - h->tki)));
    double short_of = q + h->loss - qs;
    // A source that is smaller than the need gives what is left behind the pipe; no news in that.
    say(o,
        short_of <= 1e-9 ? GATE_PASS
        : qs <= qk       ? GATE_WARN
                         : GATE_FAIL,
        "source_power", REASON_SOURCE_POWER, false, q + h->loss, 0, qs, "kW",
        short_of <= 0 ? 0 : fmin(1, 0.4 + short_of / qs));
    qk = fmin(qk, sink_part(h, reached));
    q = fmin(fmin(q, qk), qs - h->loss);
    if (!(q > 0)) {
        say(o, GATE_FAIL, "amount", REASON_AMOUNT, true, q, 0, INFINITY, "kW", 1);
        return;
    }
    // The heat above some temperature only is of use to a hot need: a share of the source's flow, cooled no
    // further, is what it takes; and a share of the need's flow is what a lukewarm source fills. Sides that
    // are shared so can be had at the same time.
    o->details.drawn_kw = q + h->loss;
    o->taken = h->ps * (q + h->loss) / qs;
    o->filled = h->pk * q / qk;
    finish(h, o, qs - h->loss, qk, q, design);
    o->capex = trench(h) + exchanger(h, h->gas_source, q) + exchanger(h, h->gas_sink, q) +
               by_size(h->p->settings, FACTOR_PUMP_SMALL_PRICE, FACTOR_PUMP_LARGE_PRICE, q);
    o->details.lcot = lcot(h, o);
    outcome_price(h->p, o->annual * worth(h), o->annual * carbon(h), o);
}

static void lifted(struct heat *h, struct outcome *o)
{
    const struct match_settings *s = h->p->settings;
    double evaporator = h->tso - h->dts, lift = h->tko - evaporator;
    o->way = WAY_HEAT_PUMP;
    say(o, lift <= s->heat.lift_most_k ? GATE_PASS : GATE_FAIL, "lift", REASON_LIFT, true, lift, 0,
        s->heat.lift_most_k, "K", lift <= s->heat.lift_most_k ? 0 : 0.9);
    say(o, h->tko <= s->heat.pump_most_c ? GATE_PASS : GATE_FAIL, "pump_temperature", REASON_PUMP_TEMPERATURE,
        true, h->tko, -INFINITY, s->heat.pump_most_c, "degC", h->tko <= s->heat.pump_most_c ? 0 : 0.9);
    double cop = s->heat.pump_efficiency * (h->tko + 273.15) / fmax(lift, LEAST_LIFT);
    if (o->refused || cop <= 1.2) {
        o->refused = true;
        return;
    }
    double gain = cop / (cop - 1);
    h->hot = h->ts - h->dts;
    h->chilled = h->tso - h->dts;
    double q = fmin(fmin(h->ps * gain, h->pk), h->p->most);
    lay(h, q / gain);
    double give = (h->ps - h->loss) * gain;
    q = fmin(q, give);
    if (!(q > 0)) {
        say(o, GATE_FAIL, "amount", REASON_AMOUNT, true, q, 0, INFINITY, "kW", 1);
        return;
    }
    o->taken = o->details.drawn_kw = q / gain + h->loss;
    o->filled = q;
    o->details.cop = cop;
    h->delivered = h->tko;
    finish(h, o, give, h->pk, q, q);
    o->details.electric_mwh = o->annual / cop;
    o->capex = trench(h) + exchanger(h, h->gas_source, q / gain) +
               factor_at(s, FACTOR_HEAT_PUMP_PRICE) * pow(q, 0.7055) +
               by_size(s, FACTOR_PUMP_SMALL_PRICE, FACTOR_PUMP_LARGE_PRICE, q / gain);
    o->details.lcot = lcot(h, o);
    double power = o->details.electric_mwh;
    outcome_price(h->p, o->annual * worth(h) - power * factor_at(s, FACTOR_ELECTRICITY_PRICE),
                  o->annual * carbon(h) - power * factor_corner(s, FACTOR_ELECTRICITY_CO2, h->corner, -1), o);
}

// Both ways may be open; the better is shown. When neither is, all that stands in the way is.
static void choose(struct outcome *o, const struct outcome *a, const struct outcome *b)
{
    const struct outcome *best = a->refused && !b->refused                         ? b
                                 : !a->refused && !b->refused && b->rank > a->rank ? b
                                                                                   : a;
    struct match_gate *gates = o->gates;
    uint8_t n = o->gate_count;
    bool refused = o->refused, unknown = o->unknown;
    *o = *best;
    o->gates = gates;
    o->gate_count = n;
    o->refused = refused || best->refused;
    o->unknown = unknown || best->unknown;
    if (!gates)
        return;
    for (int i = 0; i < best->gate_count && o->gate_count < OUTCOME_GATES; i++)
        gates[o->gate_count++] = best->gates[i];
    for (int i = 0; a->refused && b->refused && i < b->gate_count && o->gate_count < OUTCOME_GATES; i++)
        gates[o->gate_count++] = b->gates[i];
}

static void judge(const struct pairing *p, enum corner c, struct outcome *o, bool cold)
{
    const struct match_heat_config *s = &p->settings->heat;
    struct heat h = {.p = p, .corner = c, .cold = cold};
    if (!read_corner(&h, o))
        return;
    h.dts = approach(s, &p->offer->heat, cold);
    h.dtk = approach(s, &p->need->heat, cold);
    h.gas_source = is_gas(p->offer->heat.medium);
    h.gas_sink = is_gas(p->need->heat.medium);
    h.length_m = span_less(p->distance_m, c);
    struct match_gate gates[2][OUTCOME_GATES];
    struct outcome ways[2];
    for (int i = 0; i < 2; i++) {
        ways[i] = *o;
        // cppcheck-suppress legacyUninitvar // only its place is taken here
        ways[i].gates = o->gates ? gates[i] : NULL;
        ways[i].gate_count = 0;
    }
    struct heat other = h;
    direct(&h, &ways[0]);
    ways[1].refused = true;
    if (!cold && h.ts < h.tko + h.dts + h.dtk) {
        ways[1].refused = false;
        lifted(&other, &ways[1]);
    }
    choose(o, &ways[0], &ways[1]);
}

void heat_outcome(const struct pairing *p, enum corner c, struct outcome *o)
{
    judge(p, c, o, false);
}

void cold_outcome(const struct pairing *p, enum corner c, struct outcome *o)
{
    judge(p, c, o, true);
}
