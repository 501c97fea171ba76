// SPDX-License-Identifier: Apache-2.0
// Steam and compressed air: a pressure at the far end of a pipe.
#include <math.h>
#include "matching/inside.h"

static void judge_pressure(struct outcome *o, double left, double wanted)
{
    gate_judge(o, &(struct gate_value){.name = "pressure",
                                       .reason = REASON_PRESSURE,
                                       .hard = true,
                                       .value = left,
                                       .low = wanted,
                                       .high = INFINITY,
                                       .unit = "bar",
                                       .severity = left >= wanted ? 0 : 1});
}

// Of the heat fields, or as a parameter "pressure" in bar.
static struct span pressure(const struct party *p)
{
    const struct offer_parameter *said = party_parameter(p, "pressure");
    return span_said(p->heat.pressure) ? p->heat.pressure : said ? said->value : SPAN_UNSAID;
}

static bool amounts(const struct pairing *p, enum corner c, struct outcome *o, double *give, double *take)
{
    *give = party_rate(p->offer, c);
    *take = party_rate(p->need, c);
    if (*give > 0 && *take > 0)
        return true;
    gate_say(o, GATE_FAIL,
             &(struct gate_value){.name = "amount",
                                  .reason = REASON_AMOUNT,
                                  .hard = true,
                                  .value = fmin(*give, *take),
                                  .low = 0,
                                  .high = INFINITY,
                                  .unit = "",
                                  .severity = 1});
    return false;
}

static void judge_reach(const struct pairing *p, enum corner c, struct outcome *o, double reach)
{
    double way = span_less(p->distance_m, c);
    gate_judge(o, &(struct gate_value){.name = "distance",
                                       .reason = REASON_DISTANCE,
                                       .hard = true,
                                       .value = way,
                                       .low = 0,
                                       .high = reach,
                                       .unit = "m",
                                       .severity = way <= reach ? 0 : 1});
}

static void shares(const struct pairing *p, enum corner c, struct outcome *o, double give, double take,
                   double mean)
{
    double per = annual_of_rate(p->offer->resource);
    double have = give * party_share(p->offer, c), want = take * party_share(p->need, c);
    o->annual = mean * per;
    o->coverage = want > 0 ? fmin(1, mean / want) : 0;
    o->use = have > 0 ? fmin(1, mean * (o->quantity > 0 ? o->taken / o->quantity : 1) / have) : 0;
    double met = fmin(have, want) > 0 ? mean / fmin(fmin(have, want), o->quantity) : 0;
    gate_say(o,
             met >= 0.9 ? GATE_PASS
             : met > 0  ? GATE_WARN
                        : GATE_FAIL,
             &(struct gate_value){.name = "time",
                                  .reason = REASON_TIME,
                                  .hard = met <= 0,
                                  .value = met * 100,
                                  .low = 90,
                                  .high = 100,
                                  .unit = "%",
                                  .severity = fmax(0, 1 - met)});
    gate_say(o, o->coverage >= 0.95 ? GATE_PASS : GATE_WARN,
             &(struct gate_value){.name = "coverage",
                                  .reason = REASON_COVERAGE,
                                  .value = o->coverage * 100,
                                  .low = 95,
                                  .high = 100,
                                  .unit = "%",
                                  .severity = (1 - o->coverage) * 0.8});
    gate_say(o, GATE_PASS,
             &(struct gate_value){.name = "use",
                                  .reason = REASON_USE,
                                  .value = o->use * 100,
                                  .low = 0,
                                  .high = 100,
                                  .unit = "%",
                                  .severity = (1 - o->use) * 0.3});
}

void steam_outcome(const struct pairing *p, enum corner c, struct outcome *o)
{
    const struct match_settings *s = p->settings;
    double give, take, km = span_less(p->distance_m, c) / 1000;
    if (!amounts(p, c, o, &give, &take))
        return;
    o->way = WAY_DIRECT;
    judge_pressure(o, span_more(pressure(p->offer), c) - s->heat.steam_drop_bar_km * km,
                   span_less(pressure(p->need), c));
    judge_reach(p, c, o, s->heat.steam_reach_m);
    double lost = fmin(0.99, s->heat.steam_loss_km * km), left = give * (1 - lost);
    double q = fmin(fmin(left, take), p->most);
    o->quantity = q;
    o->taken = q / (1 - lost);
    o->details.loss_kw = o->taken - q;
    o->details.drawn_kw = o->taken;
    shares(p, c, o, give, take, overlap(p->offer, p->need, c, left, take, q));
    o->details.density = km > 0.001 ? o->annual / (km * 1000) : INFINITY;
    o->capex = km * 1000 * factor_at(s, FACTOR_GAS_PIPE_PRICE);
    double boiler = factor_at(s, FACTOR_BOILER_EFFICIENCY);
    double worth = isnan(p->need->avoided) ? factor_at(s, FACTOR_GAS_PRICE) / boiler : p->need->avoided;
    outcome_price(p, o->annual * worth, o->annual * factor_corner(s, FACTOR_GAS_CO2, c, 1) / boiler, o);
}

void air_outcome(const struct pairing *p, enum corner c, struct outcome *o)
{
    const struct match_settings *s = p->settings;
    double give, take, km = span_less(p->distance_m, c) / 1000;
    if (!amounts(p, c, o, &give, &take))
        return;
    o->way = WAY_DIRECT;
    judge_pressure(o, span_more(pressure(p->offer), c) - s->gas.air_drop_bar_km * km,
                   span_less(pressure(p->need), c));
    judge_reach(p, c, o, s->gas.air_reach_m);
    gates_parameters(p, c, o, NULL, NULL); // dew point, oil
    o->quantity = o->taken = fmin(fmin(give, take), p->most);
    shares(p, c, o, give, take, overlap(p->offer, p->need, c, give, take, o->quantity));
    o->capex = km * 1000 * factor_at(s, FACTOR_GAS_PIPE_PRICE);
    double mwh = o->annual * factor_at(s, FACTOR_AIR_ENERGY) / 1000;
    double worth =
        isnan(p->need->avoided) ? mwh * factor_at(s, FACTOR_ELECTRICITY_PRICE) : o->annual * p->need->avoided;
    outcome_price(p, worth, mwh * factor_corner(s, FACTOR_ELECTRICITY_CO2, c, 1), o);
}

void electricity_outcome(const struct pairing *p, enum corner c, struct outcome *o)
{
    const struct match_settings *s = p->settings;
    double give, take;
    if (!amounts(p, c, o, &give, &take))
        return;
    o->way = WAY_DIRECT;
    // The rule counts the straight line between the farthest points; a way that is known is taken as such.
    double way = span_less(p->distance_m, c) / (p->distance_known ? s->route_factor : 1);
    gate_judge(o, &(struct gate_value){.name = "distance",
                                       .reason = REASON_SHARE_DISTANCE,
                                       .hard = true,
                                       .value = way,
                                       .low = 0,
                                       .high = s->electricity.reach_m,
                                       .unit = "m",
                                       .severity = way <= s->electricity.reach_m ? 0 : 1});
    double peak = span_said(p->offer->peak) ? span_less(p->offer->peak, c) : give;
    gate_say(o, peak < s->electricity.limit_kw ? GATE_PASS : GATE_FAIL,
             &(struct gate_value){.name = "power_limit",
                                  .reason = REASON_POWER_LIMIT,
                                  .hard = true,
                                  .value = peak,
                                  .low = 0,
                                  .high = s->electricity.limit_kw,
                                  .unit = "kW",
                                  .severity = peak < s->electricity.limit_kw ? 0 : 1});
    o->quantity = o->taken = fmin(fmin(give, take), p->most);
    shares(p, c, o, give, take, overlap(p->offer, p->need, c, give, take, o->quantity));
    // Fed in, it would have displaced the same power of the grid: only the owner's word makes it worth
    // carbon.
    double carbon = c == CORNER_BEST ? factor_at(s, FACTOR_ELECTRICITY_CO2) : 0;
    double worth = isnan(p->need->avoided) ? factor_at(s, FACTOR_SHARED_PRICE) : p->need->avoided;
    outcome_price(p, o->annual * worth, o->annual * carbon, o);
}
