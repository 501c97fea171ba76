// SPDX-License-Identifier: Apache-2.0
// Waste, by-products, materials, fuel and CO2: codes, permits, quality, and whether the lorry is worth it.
#include <math.h>
#include <string.h>
#include "matching/inside.h"
#include "matching/waste_families.h"
#include "symbiont/waste.h"

const char *waste_family(uint32_t code)
{
    size_t low = 0, high = waste_family_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (waste_family_rows[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < waste_family_count && waste_family_rows[low].code == code ? waste_family_rows[low].family
                                                                           : NULL;
}

static const struct {
    const char *family, *en, *fr;
    int recycled; // the factor of what recycling avoids; -1: none
} families[] = {{"W011", "spent solvents", "solvants usés", -1},
                {"W012", "acids, alkalis and salts", "acides, bases et sels", -1},
                {"W013", "used oils", "huiles usées", -1},
                {"W061", "ferrous metal", "métaux ferreux", FACTOR_RECYCLE_FERROUS},
                {"W062", "non-ferrous metal", "métaux non ferreux", FACTOR_RECYCLE_NON_FERROUS},
                {"W063", "mixed metal", "métaux en mélange", FACTOR_RECYCLE_FERROUS},
                {"W071", "glass", "verre", FACTOR_RECYCLE_GLASS},
                {"W072", "paper and cardboard", "papier et carton", FACTOR_RECYCLE_PAPER},
                {"W073", "rubber", "caoutchouc", -1},
                {"W074", "plastic", "plastique", FACTOR_RECYCLE_PLASTIC},
                {"W075", "wood", "bois", -1},
                {"W076", "textiles", "textiles", -1},
                {"W091", "animal and mixed food waste", "déchets animaux et alimentaires en mélange", -1},
                {"W092", "vegetal waste", "déchets végétaux", -1},
                {"W121", "mineral construction waste", "déchets minéraux de construction", -1},
                {"W124", "combustion residues", "résidus de combustion", -1}};

const char *waste_family_text(const char *family, int french)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].family, family) == 0)
            return french ? families[i].fr : families[i].en;
    return family;
}

static enum factor_id recycled(uint32_t code)
{
    const char *family = waste_family(code);
    for (size_t i = 0; family && i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i].family, family) == 0 && families[i].recycled >= 0)
            return (enum factor_id)families[i].recycled;
    return FACTOR_RECYCLE_OTHER;
}

static bool is_hazardous(uint32_t code)
{
    const struct waste_code *w = waste_find(code);
    return w && waste_hazardous(w);
}

double waste_affinity(const struct match_settings *s, uint32_t offered, uint32_t taken, bool *analysis)
{
    bool a = is_hazardous(offered), b = is_hazardous(taken);
    *analysis = false;
    if (offered == taken)
        return 1;
    bool near = offered / 100 == taken / 100;
    if (a != b) { // a mirror pair: what it is made of decides
        *analysis = near;
        return near ? s->waste.chapter_affinity : 0;
    }
    const char *fa = waste_family(offered), *fb = waste_family(taken);
    if (!a && fa && fb && strcmp(fa, fb) == 0)
        return s->waste.family_affinity;
    return near ? s->waste.chapter_affinity : 0;
}

static double judge_codes(const struct pairing *p, struct outcome *o)
{
    const struct offer_waste *a = p->offer->waste, *b = p->need->waste;
    bool waste = p->offer->resource == RESOURCE_WASTE;
    char text[WASTE_TEXT] = "";
    if (!a || !a->code_count || !b || !b->code_count) {
        if (waste)
            gate_tell(o, GATE_UNKNOWN, "code", NULL, REASON_CODE_UNSAID, false, NAN, NAN, NAN, "", 0.5);
        return 1;
    }
    const struct waste_code *w = waste_find(a->codes[0]);
    if (w)
        waste_text(w, text);
    double best = 0;
    bool analysis = false;
    for (uint8_t i = 0; i < b->code_count; i++) {
        bool analyse;
        double affinity = waste_affinity(p->settings, a->codes[0], b->codes[i], &analyse);
        if (affinity > best) {
            best = affinity;
            analysis = analyse;
        }
    }
    if (best <= 0)
        gate_tell(o, GATE_FAIL, "code", text, is_hazardous(a->codes[0]) ? REASON_HAZARD : REASON_CODE, true,
                  NAN, NAN, NAN, "", 1);
    else if (analysis)
        gate_tell(o, GATE_UNKNOWN, "hazard", text, REASON_HAZARD_ANALYSIS, false, NAN, NAN, NAN, "", 0.8);
    else if (best < 1) // a permit names codes: it would have to name this one
        gate_tell(o, GATE_UNKNOWN, "code", text, REASON_CODE_FAMILY, false, best, 1, 1, "", 1 - best);
    else
        gate_tell(o, GATE_PASS, "code", text, REASON_CODE, true, NAN, NAN, NAN, "", 0);
    return best;
}

static void judge_permit(const struct pairing *p, struct outcome *o)
{
    const struct offer_waste *a = p->offer->waste, *b = p->need->waste;
    if (p->offer->resource != RESOURCE_WASTE || (a && a->legal >= LEGAL_END_OF_WASTE))
        return;
    uint32_t operations = b ? b->operations : 0;
    if (a && a->legal == LEGAL_BY_PRODUCT)
        gate_tell(o, GATE_WARN, "legal", NULL, REASON_LEGAL, false, NAN, NAN, NAN, "", 0.1);
    else if (!operations)
        gate_tell(o, GATE_UNKNOWN, "operation", NULL, REASON_OPERATION_UNSAID, false, NAN, NAN, NAN, "", 0.3);
    else
        gate_tell(o, operations & 0x3ffe ? GATE_PASS : GATE_WARN, "operation", NULL, REASON_OPERATION, false,
                  NAN, NAN, NAN, "", operations & 0x3ffe ? 0 : 0.2);
}

// The least load that the taker wants must come together before the waste has waited too long.
static void judge_lot(const struct pairing *p, enum corner c, struct outcome *o, double give)
{
    const struct offer_waste *a = p->offer->waste, *b = p->need->waste;
    struct span wanted = b && span_said(b->lot_t)  ? b->lot_t
                         : span_said(p->need->lot) ? p->need->lot
                                                   : SPAN_UNSAID;
    if (!span_said(wanted))
        return;
    double least = wanted.low, most = p->settings->waste.road_load_t;
    double stock = a && span_said(a->stock_t) ? span_more(a->stock_t, c) : 0;
    double weeks = give > 0 ? fmax(0, least - stock) / give : INFINITY;
    gate_tell(o, weeks <= WEEKS_YEAR ? weeks > 13 ? GATE_WARN : GATE_PASS : GATE_FAIL, "lot", NULL,
              REASON_LOT, true, weeks, 0, WEEKS_YEAR, "weeks", weeks <= 13 ? 0 : fmin(1, weeks / WEEKS_YEAR));
    if (isfinite(least) && least > most)
        gate_tell(o, GATE_WARN, "road_load", NULL, REASON_ROAD_LOAD, false, least, 0, most, "t", 0.2);
}

// EUR per tonne that the exchange is worth before the lorry.
static double worth(const struct pairing *p)
{
    const struct match_settings *s = p->settings;
    const struct party *a = p->offer, *b = p->need;
    double asked = isnan(a->price) ? 0 : a->price;
    double value = !isnan(b->avoided)            ? b->avoided
                   : asked > 0                   ? asked
                   : a->resource == RESOURCE_CO2 ? factor_at(s, FACTOR_CO2_PRICE)
                                                 : factor_at(s, FACTOR_PRODUCT_VALUE);
    // Who asks money for it does not pay for its disposal today.
    double disposal = 0;
    if (a->resource == RESOURCE_WASTE && asked <= 0)
        disposal =
            factor_at(s, a->waste && a->waste->hazardous ? FACTOR_HAZARDOUS_PRICE : FACTOR_DISPOSAL_PRICE);
    return value + (isnan(a->avoided) ? disposal : a->avoided);
}

static double avoided_carbon(const struct pairing *p, enum corner c)
{
    const struct offer_waste *w = p->offer->waste;
    if (p->offer->resource == RESOURCE_CO2)
        return factor_corner(p->settings, FACTOR_CO2_CO2, c, 1);
    return w && w->code_count ? factor_corner(p->settings, recycled(w->codes[0]), c, 1) : 0;
}

void goods_outcome(const struct pairing *p, enum corner c, struct outcome *o)
{
    const struct match_settings *s = p->settings;
    double give = party_rate(p->offer, c), take = party_rate(p->need, c),
           km = span_less(p->distance_m, c) / 1000;
    o->way = WAY_DIRECT;
    if (isnan(take) && give > 0)
        take = give; // a taker who says nothing of amounts takes all
    if (!(give > 0) || !(take > 0)) {
        gate_tell(o, GATE_FAIL, "amount", NULL, REASON_AMOUNT, true, fmin(give, take), 0, INFINITY, "t/wk",
                  1);
        return;
    }
    double affinity = judge_codes(p, o);
    o->gain = affinity;
    o->details.affinity = affinity;
    judge_permit(p, o);
    gates_parameters(p, c, o, NULL, NULL); // moisture, contamination: what is beyond is refused
    judge_lot(p, c, o, give);
    double q = fmin(fmin(give, take), p->most);
    o->quantity = o->taken = q;
    double mean = overlap(p->offer, p->need, c, give, take, q);
    double have = give * party_share(p->offer, c), want = take * party_share(p->need, c);
    // It can wait: what one week lacks another has, within the year.
    mean = fmin(fmin(have, want), fmax(mean, fmin(fmin(have, want), q)));
    o->annual = mean * WEEKS_YEAR;
    o->coverage = want > 0 ? fmin(1, mean / want) : 0;
    o->use = have > 0 ? fmin(1, mean / have) : 0;
    double transport = km * 2 * factor_at(s, FACTOR_TRANSPORT_PRICE),
           value = worth(p) - s->waste.preparation_eur_t;
    o->details.transport_eur = o->annual * transport;
    double reach = resource_reach(s, p->offer);
    gate_tell(o, km * 1000 <= reach ? GATE_PASS : GATE_WARN, "distance", NULL, REASON_DISTANCE, false,
              km * 1000, 0, reach, "m", km * 1000 <= reach ? 0 : 0.5);
    gate_tell(o, transport <= value ? GATE_PASS : GATE_FAIL, "transport", NULL, REASON_TRANSPORT, true,
              transport, 0, value, "EUR/t", transport <= value ? 0 : 1);
    gate_tell(o, o->coverage >= 0.95 ? GATE_PASS : GATE_WARN, "coverage", NULL, REASON_COVERAGE, false,
              o->coverage * 100, 95, 100, "%", (1 - o->coverage) * 0.3);
    gate_tell(o, GATE_PASS, "use", NULL, REASON_USE, false, o->use * 100, 0, 100, "%", (1 - o->use) * 0.3);
    double carbon = avoided_carbon(p, c) - km * 2 * factor_corner(s, FACTOR_TRANSPORT_CO2, c, -1) / 1000;
    outcome_price(p, o->annual * (value - transport), o->annual * carbon, o);
}
