// SPDX-License-Identifier: Apache-2.0
// Equipment, rooms and people of one site used by another: able enough, free when wanted, near enough.
#include <math.h>
#include <string.h>
#include "matching/inside.h"
#include "symbiont/units.h"

static void say(struct outcome *o, enum gate_result r, const char *name, const char *parameter,
                enum reason reason, double value, double low, double high, const char *unit, double severity)
{
    gate_tell(o, r, name, parameter, reason, r == GATE_FAIL, value, low, high, unit, severity);
}

static const struct offer_parameter *capability(const struct offer_equipment *e, const char *name)
{
    for (uint8_t i = 0; i < e->capability_count; i++)
        if (strcmp(e->capability[i].name, name) == 0)
            return &e->capability[i];
    return NULL;
}

static double in_unit(double value, const char *from, const char *to)
{
    double factor, offset;
    const struct unit *f = strcmp(from, to) != 0 ? unit_find(from) : NULL, *t = f ? unit_find(to) : NULL;
    return f && t && unit_conversion(f, t, &factor, &offset) ? value * factor + offset : value;
}

static void judge_capabilities(const struct pairing *p, enum corner c, struct outcome *o)
{
    const struct offer_equipment *a = p->offer->equipment, *b = p->need->equipment;
    for (uint8_t i = 0; i < b->capability_count; i++) {
        const struct offer_parameter *want = &b->capability[i], *has = capability(a, want->name);
        double least = isfinite(want->value.low) ? want->value.low : want->value.high;
        if (!has || !span_said(has->value)) {
            say(o, GATE_UNKNOWN, "capability", want->name, REASON_CAPABILITY, NAN, least, INFINITY,
                want->unit, 0.5);
            continue;
        }
        double can = in_unit(span_more(has->value, c), has->unit, want->unit);
        bool able = can >= least * (1 - 1e-9);
        say(o, able ? GATE_PASS : GATE_FAIL, "capability", want->name, REASON_CAPABILITY, can, least,
            INFINITY, want->unit, able ? 0 : 1);
    }
}

void share_outcome(const struct pairing *p, enum corner c, struct outcome *o)
{
    const struct match_settings *s = p->settings;
    const struct offer_equipment *a = p->offer->equipment, *b = p->need->equipment;
    bool same = a && b && strcmp(a->type, b->type) == 0;
    o->way = WAY_DIRECT;
    say(o, same ? GATE_PASS : GATE_FAIL, "equipment", b ? b->type : "", REASON_EQUIPMENT, NAN, NAN, NAN, "",
        same ? 0 : 1);
    if (!same)
        return;
    judge_capabilities(p, c, o);
    double minutes = span_less(p->distance_m, c) / 1000 / s->share.speed_km_h * 60;
    o->details.travel_min = minutes;
    say(o, minutes <= s->share.travel_most_min ? GATE_PASS : GATE_FAIL, "travel", NULL, REASON_TRAVEL,
        minutes, 0, s->share.travel_most_min, "min",
        minutes <= s->share.travel_most_min ? minutes / s->share.travel_most_min * 0.3 : 1);
    // Shares of the week: free of the offer, wanted by the need.
    double give = party_rate(p->offer, c), take = party_rate(p->need, c);
    give = isnan(give) ? 1 : give;
    take = isnan(take) ? 1 : take;
    double q = fmin(fmin(give, take), p->most);
    double mean = overlap(p->offer, p->need, c, give, take, q), want = take * party_share(p->need, c);
    double have = give * party_share(p->offer, c);
    o->quantity = o->taken = q;
    o->annual = mean * HOURS_YEAR;
    o->coverage = want > 0 ? fmin(1, mean / want) : 0;
    o->use = have > 0 ? fmin(1, mean / have) : 0;
    say(o,
        o->coverage >= 0.999 ? GATE_PASS
        : o->coverage > 0    ? GATE_WARN
                             : GATE_FAIL,
        "slots", NULL, REASON_SLOTS, o->coverage * 100, 100, 100, "%", 1 - o->coverage);
    double hour = isnan(p->need->avoided) ? factor_at(s, FACTOR_EQUIPMENT_VALUE) : p->need->avoided;
    outcome_price(p, o->annual * hour, 0, o);
}
