// SPDX-License-Identifier: Apache-2.0
// A match in words: what it is, what it is worth, what stands in the way, what to do next.
#include <math.h>
#include <string.h>
#include "matching/inside.h"
#include "matching/words.h"

struct telling {
    const struct match *m;
    const char *const *names;
    enum match_language l;
};

static const char *name_of(const struct telling *t, size_t i)
{
    return i < t->m->member_count && t->names && t->names[i] && t->names[i][0] ? t->names[i] : "?";
}

static void list_names(const struct telling *t, struct buf *out)
{
    const char *and = t->l == LANGUAGE_FR ? " et " : " and ";
    for (size_t i = 0; i < t->m->member_count; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : i + 1 == t->m->member_count ? and : ", ", name_of(t, i));
}

static void percent(struct span s, enum match_language l, struct buf *out)
{
    carbon_text((struct span){s.low * 100, s.high * 100}, l, out); // two digits are plenty
}

static void way(struct span s, enum match_language l, struct buf *out)
{
    bool km = s.high >= 1000;
    range_text(km ? (struct span){s.low / 1000, s.high / 1000} : s, l, out);
    buf_puts(out, km ? " km" : " m");
}

static void fill(void *arg, const char *name, size_t n, struct buf *out)
{
    const struct telling *t = arg;
    const struct match *m = t->m;
    const struct match_details *d = &m->details;
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"mm", d->pipe_mm},
                   {"loss", d->loss_kw},
                   {"cop", d->cop},
                   {"electric", d->electric_mwh},
                   {"fresh", d->fresh_flow},
                   {"mixed", d->mixed_flow},
                   {"interval", d->interval_days},
                   {"load", d->load_t},
                   {"full", d->fill * 100},
                   {"alone", d->trips_alone},
                   {"rounds", d->trips_pooled},
                   {"saved", (1 - d->trips_pooled / d->trips_alone) * 100},
                   {"lt", d->larger_t},
                   {"li", d->larger_interval_days},
                   {"lr", d->larger_trips},
                   {"ls", (1 - d->larger_trips / d->trips_alone) * 100},
                   {"count", d->members},
                   {"minutes", d->travel_min},
                   {"conf", m->confidence * 100}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (placeholder(name, n, numbers[i].name)) {
            number_text(numbers[i].value, t->l, out);
            return;
        }
    if (placeholder(name, n, "a"))
        buf_puts(out, name_of(t, 0));
    else if (placeholder(name, n, "b"))
        buf_puts(out, name_of(t, 1));
    else if (placeholder(name, n, "all"))
        list_names(t, out);
    else if (placeholder(name, n, "what"))
        buf_puts(out, resource_text(m->resource, t->l));
    else if (placeholder(name, n, "q"))
        range_text(m->quantity, t->l, out);
    else if (placeholder(name, n, "u"))
        buf_puts(out, offer_unit(m->resource));
    else if (placeholder(name, n, "y"))
        range_text(m->annual, t->l, out);
    else if (placeholder(name, n, "yu"))
        buf_puts(out, offer_annual_unit(m->resource));
    else if (placeholder(name, n, "cov"))
        percent(m->coverage, t->l, out);
    else if (placeholder(name, n, "use"))
        percent(m->use, t->l, out);
    else if (placeholder(name, n, "dist"))
        way(m->distance_m, t->l, out);
    else if (placeholder(name, n, "capex"))
        range_text(m->capex, t->l, out);
    else if (placeholder(name, n, "eur"))
        range_text(m->eur_yr, t->l, out);
    else if (placeholder(name, n, "pay"))
        carbon_text(m->payback_y, t->l, out);
    else if (placeholder(name, n, "co2"))
        carbon_text(m->tco2e, t->l, out);
}

static void tell(const struct telling *t, const char *en, const char *fr, struct buf *out)
{
    struct telling own = *t;
    template_text(t->l == LANGUAGE_FR ? fr : en, fill, &own, out);
}

// ---- Parts of the paragraph ----

static void what(const struct telling *t, struct buf *out)
{
    const struct match *m = t->m;
    if (m->way == WAY_ROUND)
        tell(t,
             "{all} could have the same waste collected together: a round every {interval} days carries "
             "{load} t (lorry {full} % "
             "full), {rounds} rounds a year instead of {alone} trips (-{saved} %). ",
             "{all} pourraient faire collecter ensemble le même déchet : une tournée tous les {interval} "
             "jours emporte {load} t "
             "(camion rempli à {full} %), {rounds} tournées par an au lieu de {alone} trajets (-{saved} %). ",
             out);
    else if (m->way == WAY_GROUP)
        tell(t, "{count} sites could buy together: {all}. ",
             "{count} sites pourraient acheter ensemble : {all}. ", out);
    else if (m->resource == RESOURCE_EQUIPMENT || m->kind == SYNERGY_SHARE)
        tell(t, "{b} could use equipment of {a}, {y} hours a year: {cov} % of the time wanted. ",
             "{b} pourrait utiliser un équipement de {a}, {y} heures par an : {cov} % du temps demandé. ",
             out);
    else
        tell(t,
             "{a} could give {b} {q} {u} of {what}, {y} {yu} a year: {cov} % of what {b} needs, {use} % of "
             "what {a} has to spare. ",
             "{a} pourrait fournir à {b} {q} {u} ({what}), {y} {yu} par an : {cov} % du besoin de {b}, {use} "
             "% de l'excédent de {a}. ",
             out);
}

static void how(const struct telling *t, struct buf *out)
{
    const struct match *m = t->m;
    const struct match_details *d = &m->details;
    if (m->way == WAY_HEAT_PUMP)
        tell(t, "A heat pump lifts it (COP {cop}, {electric} MWh of electricity a year). ",
             "Une pompe à chaleur relève la température (COP {cop}, {electric} MWh d'électricité par an). ",
             out);
    if (m->way == WAY_BLEND)
        tell(t, "It is mixed with {fresh} m3/h of fresh water, {mixed} m3/h in all. ",
             "Elle est mélangée à {fresh} m3/h d'eau fraîche, {mixed} m3/h en tout. ", out);
    if (m->way == WAY_TREAT)
        tell(t, "It must be treated first. ", "Elle doit d'abord être traitée. ", out);
    if (d->pipe_mm > 0 && span_said(m->distance_m))
        tell(t, "Over {dist} a pair of pipes of {mm} mm carries it and loses {loss} kW. ",
             "Sur {dist}, une paire de conduites de {mm} mm la transporte et perd {loss} kW. ", out);
    else if (span_said(m->distance_m) && m->member_count == 2 && m->way != WAY_ROUND)
        tell(t, "It is {dist} away. ", "À {dist}. ", out);
    if (d->larger_t > 0)
        tell(t,
             "If who fills first had a container of at least {lt} t, a round every {li} days would do: {lr} "
             "a year (-{ls} %). ",
             "Si le premier plein avait un contenant d'au moins {lt} t, une tournée tous les {li} jours "
             "suffirait : {lr} par an "
             "(-{ls} %). ",
             out);
}

static void worth(const struct telling *t, struct buf *out)
{
    const struct match *m = t->m;
    if (m->capex.high > 0)
        tell(t, "It costs about {capex} EUR to build and saves {eur} EUR a year: paid back in {pay} years. ",
             "L'investissement est d'environ {capex} EUR, l'économie de {eur} EUR par an : retour en {pay} "
             "ans. ",
             out);
    else
        tell(t, "It saves {eur} EUR a year and needs no investment. ",
             "L'économie est de {eur} EUR par an, sans investissement. ", out);
    if (m->tco2e.high > 0)
        tell(t, "{co2} tCO2e a year are avoided. ", "{co2} tCO2e évitées par an. ", out);
}

static void limits(const struct telling *t, bool refused, struct buf *out)
{
    const struct match *m = t->m;
    bool fr = t->l == LANGUAGE_FR, any = false;
    for (int i = 0; i < (refused ? m->gate_count : m->strongest_count); i++) {
        const struct match_gate *g = &m->gates[refused ? i : m->strongest[i]];
        if (refused ? g->result != GATE_FAIL && !(g->result == GATE_UNKNOWN && g->hard)
                    : g->result == GATE_PASS)
            continue;
        if (!any && !refused)
            buf_puts(out, fr ? "À savoir : " : "Mind: ");
        any = true;
        gate_text(g, t->l, out);
        buf_putc(out, ' ');
    }
}

static void next(const struct telling *t, struct buf *out)
{
    static const struct {
        const char *en, *fr;
    } steps[RESOURCES] = {
        [RESOURCE_HEAT] = {"Next: both confirm temperatures and hours of operation, then a study of the "
                           "route (ground, crossings) "
                           "and a quotation.",
                           "Prochaine étape : confirmer températures et horaires, puis étudier le tracé "
                           "(terrains, traversées) et "
                           "demander un devis."},
        [RESOURCE_WATER] = {"Next: an analysis over a month of what the taker limits, and a word with the "
                            "water authority (to be "
                            "verified).",
                            "Prochaine étape : un mois d'analyses des paramètres limités, et l'avis de la "
                            "police de l'eau (à "
                            "vérifier)."},
        [RESOURCE_WASTE] = {"Next: a sample and its analysis to the taker, who checks the permit; then a "
                            "trial load with its "
                            "tracking form (to be verified).",
                            "Prochaine étape : un échantillon et son analyse au preneur, qui vérifie son "
                            "autorisation ; puis un lot "
                            "d'essai avec son bordereau (à vérifier)."},
        [RESOURCE_ELECTRICITY] =
            {"Next: found the legal person that organises the sharing and ask the grid operator (to be "
             "verified).",
             "Prochaine étape : créer la personne morale organisatrice et saisir le gestionnaire de réseau "
             "(à "
             "vérifier)."},
        [RESOURCE_EQUIPMENT] = {"Next: agree on slots, price and insurance.",
                                "Prochaine étape : convenir des créneaux, du prix et de l'assurance."},
    };
    bool fr = t->l == LANGUAGE_FR;
    if (t->m->way == WAY_ROUND)
        buf_puts(out, fr ? "Prochaine étape : demander au collecteur un prix de tournée et fixer le jour."
                         : "Next: ask the collector for the price of the round and settle the day.");
    else if (t->m->way == WAY_GROUP)
        buf_puts(out, fr ? "Prochaine étape : réunir volumes et échéances pour une consultation commune."
                         : "Next: bring volumes and contract ends together for a common tender.");
    else if (steps[t->m->resource].en)
        buf_puts(out, fr ? steps[t->m->resource].fr : steps[t->m->resource].en);
    else
        buf_puts(out, fr ? "Prochaine étape : confirmer les quantités et la qualité, puis un essai."
                         : "Next: confirm quantities and quality, then a trial.");
}

void match_text(const struct match *m, const char *const *names, enum match_language l, struct buf *out)
{
    struct telling t = {m, names, l};
    if (m->verdict == MATCH_REFUSED) {
        tell(&t, "{all} do not fit. ", "{all} : pas de correspondance. ", out);
        limits(&t, true, out);
    } else {
        what(&t, out);
        how(&t, out);
        worth(&t, out);
        limits(&t, false, out);
        next(&t, out);
    }
    while (out->len && out->data[out->len - 1] == ' ')
        out->len--;
}

void match_title(const struct match *m, const char *const *names, enum match_language l, struct buf *out)
{
    struct telling t = {m, names, l};
    if (m->way == WAY_ROUND)
        tell(
            &t, "{what}: a common round of {all}, {rounds} instead of {alone} trips a year, {eur} EUR a year",
            "{what} : tournée commune de {all}, {rounds} au lieu de {alone} trajets par an, {eur} EUR par an",
            out);
    else if (m->way == WAY_GROUP)
        tell(&t, "{what}: bought together by {all}, {eur} EUR a year",
             "{what} : achat groupé de {all}, {eur} EUR par an", out);
    else if (m->capex.high > 0)
        tell(&t, "{what}: {a} to {b}, {q} {u}, {y} {yu} a year, {eur} EUR a year, paid back in {pay} years",
             "{what} : {a} vers {b}, {q} {u}, {y} {yu} par an, {eur} EUR par an, retour en {pay} ans", out);
    else
        tell(&t, "{what}: {a} to {b}, {q} {u}, {y} {yu} a year, {eur} EUR a year",
             "{what} : {a} vers {b}, {q} {u}, {y} {yu} par an, {eur} EUR par an", out);
}
