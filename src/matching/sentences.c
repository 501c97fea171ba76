// SPDX-License-Identifier: Apache-2.0
// One sentence for every gate, in English and French: what is, what would have to be.
#include <math.h>
#include <string.h>
#include "matching/inside.h"
#include "matching/words.h"

// {v} what is, {l} and {h} the limits, {u} the unit, {p} the parameter or member, {d} how far it is beyond.
// `good`: when the gate passes; NULL: the same sentence.
struct sentence {
    const char *en, *en_good, *fr, *fr_good;
};

static const struct sentence sentences[REASONS] = {
    [REASON_RESOURCE] = {"They are not the same resource.", NULL, "Ce n'est pas la même ressource.", NULL},
    [REASON_SAME_SITE] = {"Both are of the same site.", NULL, "Les deux viennent du même site.", NULL},
    [REASON_BLOCKED] = {"{p}One of the two does not want to be matched with the other.", NULL,
                        "{p}L'un des deux ne souhaite pas être mis en relation avec l'autre.", NULL},
    [REASON_AUDIENCE] =
        {"One of the two has named who may be matched with it, and the other is not among them.", NULL,
         "L'un des deux a nommé ses partenaires possibles, et l'autre n'en est pas.", NULL},
    [REASON_VALID] = {"{p}Not valid at this time.", NULL, "{p}N'est pas valable à ce jour.", NULL},
    [REASON_EMBARGO] = {"{p}Under embargo until later.", NULL, "{p}Encore sous embargo.", NULL},
    [REASON_LEVEL] = {"{p}Disclosed for totals only (level 1 or less).", NULL,
                      "{p}Divulgué pour les seuls totaux (niveau 1 ou moins).", NULL},
    [REASON_SYNERGY] = {"They are not the same kind of synergy.", NULL,
                        "Ce n'est pas le même type de synergie.", NULL},
    [REASON_ROLE] = {"An offer is matched with a need, nothing else.", NULL,
                     "Une offre ne va qu'avec un besoin.", NULL},
    [REASON_AMOUNT] = {"Nothing is left to be given, or no amount is said.", NULL,
                       "Il ne reste rien à donner, ou aucune quantité n'est indiquée.", NULL},
    [REASON_DISTANCE] = {"{v} {u} apart; worth it up to {h} {u}.", "{v} {u} apart, within {h} {u}.",
                         "Distants de {v} {u} ; intéressant jusqu'à {h} {u}.",
                         "Distants de {v} {u}, dans la limite de {h} {u}."},
    [REASON_DISTANCE_UNKNOWN] = {"The distance is not known; {v} {u} are assumed.", NULL,
                                 "La distance est inconnue ; on suppose {v} {u}.", NULL},
    [REASON_TEMPERATURE] = {"The source has {v} {u}; at least {l} {u} would be needed: {d} K short.",
                            "The source has {v} {u}, more than the {l} {u} needed.",
                            "La source est à {v} {u} ; il faudrait au moins {l} {u} : il manque {d} K.",
                            "La source est à {v} {u}, au-dessus des {l} {u} nécessaires."},
    [REASON_COLD] = {"The source has {v} {u}; at most {h} {u} would be needed.",
                     "The source has {v} {u}, cold enough for the {h} {u} needed.",
                     "La source est à {v} {u} ; il faudrait au plus {h} {u}.",
                     "La source est à {v} {u}, assez froide pour les {h} {u} nécessaires."},
    [REASON_FULL_TEMPERATURE] =
        {"Reaches {v} {u} only; the rest of the way to the wanted temperature must come from elsewhere.",
         NULL, "N'atteint que {v} {u} ; le reste jusqu'à la température voulue doit venir d'ailleurs.", NULL},
    [REASON_TEMPERATURES_UNSAID] = {"Supply or return temperature is not said.", NULL,
                                    "La température d'aller ou de retour n'est pas indiquée.", NULL},
    [REASON_DELIVERED] = {"Delivered at {v} {u} behind the pipe, {l} {u} needed: {d} K short.",
                          "Delivered at {v} {u}, {l} {u} needed.",
                          "Livrée à {v} {u} en bout de conduite, {l} {u} nécessaires : il manque {d} K.",
                          "Livrée à {v} {u}, {l} {u} nécessaires."},
    [REASON_SOURCE_POWER] =
        {"With the loss of the pipe {v} {u} would be drawn, the source gives {h} {u}.",
         "{v} {u} are drawn of the {h} {u} that the source gives.",
         "Avec les pertes de la conduite, {v} {u} seraient prélevés ; la source donne {h} {u}.",
         "{v} {u} sont prélevés sur les {h} {u} de la source."},
    [REASON_DENSITY] = {"The trench would carry {v} MWh per metre and year; {l} are wanted.",
                        "The trench carries {v} MWh per metre and year.",
                        "La tranchée porterait {v} MWh par mètre et par an ; il en faut {l}.",
                        "La tranchée porte {v} MWh par mètre et par an."},
    [REASON_LOSS] = {"The pipe loses {v} % of the heat; {h} % are usual at most.",
                     "The pipe loses {v} % of the heat.",
                     "La conduite perd {v} % de la chaleur ; l'usage est de {h} % au plus.",
                     "La conduite perd {v} % de la chaleur."},
    [REASON_LIFT] = {"A heat pump would have to lift by {v} K; {h} K are the limit.",
                     "A heat pump lifts by {v} K.",
                     "Une pompe à chaleur devrait relever de {v} K ; la limite est de {h} K.",
                     "Une pompe à chaleur relève de {v} K."},
    [REASON_PUMP_TEMPERATURE] = {"A heat pump would have to deliver {v} {u}; {h} {u} are the limit.",
                                 "A heat pump delivers {v} {u}.",
                                 "Une pompe à chaleur devrait livrer {v} {u} ; la limite est de {h} {u}.",
                                 "Une pompe à chaleur livre {v} {u}."},
    [REASON_TIME] = {"Only {v} % of it come when they are needed.", "{v} % of it come when they are needed.",
                     "Seuls {v} % arrivent au moment du besoin.", "{v} % arrivent au moment du besoin."},
    [REASON_COVERAGE] = {"Covers {v} % of the need.", "Covers {v} % of the need.", "Couvre {v} % du besoin.",
                         "Couvre {v} % du besoin."},
    [REASON_USE] = {"Uses {v} % of what there is to spare.", NULL, "Utilise {v} % de l'excédent.", NULL},
    [REASON_DUTY] =
        {"A new or substantially changed plant above {h} {u} owes a cost-benefit analysis of its waste heat "
         "(Code "
         "de l'énergie L233-5; to be verified).",
         NULL,
         "Au-dessus de {h} {u}, une installation nouvelle ou substantiellement modifiée doit une analyse "
         "coûts-avantages de sa chaleur fatale (Code de l'énergie L233-5 ; à vérifier).",
         NULL},
    [REASON_PRESSURE] = {"{v} {u} arrive, {l} {u} are needed.", "{v} {u} arrive, {l} {u} are needed.",
                         "{v} {u} à l'arrivée, {l} {u} nécessaires.",
                         "{v} {u} à l'arrivée, {l} {u} nécessaires."},
    [REASON_PARAMETER] = {"{p}: {v} {u}, allowed are {range}.", "{p}: {v} {u}, within {range}.",
                          "{p} : {v} {u}, admis : {range}.", "{p} : {v} {u}, dans {range}."},
    [REASON_PARAMETER_UNSAID] = {"{p} is not said; {range} are allowed: measure it.", NULL,
                                 "{p} : non indiqué ; admis : {range} ; à mesurer.", NULL},
    [REASON_BLEND] = {"Mixed with {v} {u} of fresh water it keeps the limits.", NULL,
                      "Mélangée à {v} {u} d'eau fraîche, elle respecte les limites.", NULL},
    [REASON_TREATABLE] = {"It must be treated first, at about {v} {u}.", NULL,
                          "Elle doit d'abord être traitée, pour environ {v} {u}.", NULL},
    [REASON_TOWER] = {"{p}: {v} {u}; the make-up of the cooling tower may have {h} {u}.",
                      "{p}: {v} {u}, within the {h} {u} of the tower's make-up.",
                      "{p} : {v} {u} ; l'appoint de la tour de refroidissement admet {h} {u}.",
                      "{p} : {v} {u}, dans les {h} {u} de l'appoint de la tour."},
    [REASON_DISCHARGE] =
        {"{p}: {v} {u} may not go to a river ({h} {u}; decree of 2 February 1998, to be verified): a taker "
         "is the more welcome.",
         "{p}: {v} {u} could still go to a river ({h} {u}; to be verified).",
         "{p} : {v} {u} ne peut aller au milieu naturel ({h} {u} ; arrêté du 2 février 1998, à vérifier) : "
         "un preneur est d'autant plus utile.",
         "{p} : {v} {u} pourrait encore aller au milieu naturel ({h} {u} ; à vérifier)."},
    [REASON_CODE] = {"Waste {p} is neither taken nor of a material that is.", "Waste {p} is taken.",
                     "Le déchet {p} n'est pas accepté, ni sa famille de matière.",
                     "Le déchet {p} est accepté."},
    [REASON_CODE_FAMILY] =
        {"Waste {p} is not on the taker's list, but close to what is: the permit would have to name it (to "
         "be verified).",
         NULL,
         "Le déchet {p} n'est pas sur la liste du preneur, mais proche : son autorisation devrait le nommer "
         "(à vérifier).",
         NULL},
    [REASON_CODE_UNSAID] = {"Waste codes are missing.", NULL, "Il manque des codes déchet.", NULL},
    [REASON_HAZARD] = {"Hazardous waste {p} is not taken.", "Hazardous waste {p} is taken.",
                       "Le déchet dangereux {p} n'est pas accepté.", "Le déchet dangereux {p} est accepté."},
    [REASON_HAZARD_ANALYSIS] = {"Whether {p} is hazardous only an analysis can tell (mirror entries).", NULL,
                                "Seule une analyse dira si {p} est dangereux (entrées miroirs).", NULL},
    [REASON_OPERATION] = {"The taker disposes of it only.", "The taker recovers it (R).",
                          "Le preneur ne fait qu'éliminer.", "Le preneur valorise (R)."},
    [REASON_OPERATION_UNSAID] = {"What the taker does with it (R or D operation) is not said.", NULL,
                                 "L'opération du preneur (R ou D) n'est pas indiquée.", NULL},
    [REASON_LEGAL] = {"It counts as a by-product while its use is certain, lawful and without further "
                      "processing (L541-4-2; to "
                      "be verified).",
                      NULL,
                      "C'est un sous-produit si son usage est certain, licite et sans transformation "
                      "supplémentaire (L541-4-2 ; "
                      "à vérifier).",
                      NULL},
    [REASON_LOT] = {"It takes {v} weeks until the smallest load has come together.",
                    "The smallest load comes together in {v} weeks.",
                    "Il faut {v} semaines pour réunir le plus petit lot.",
                    "Le plus petit lot est réuni en {v} semaines."},
    [REASON_ROAD_LOAD] = {"A load of {v} {u} is more than a lorry carries ({h} {u}).",
                          "The lorry carries {v} {u} of {h} {u}.",
                          "Une charge de {v} {u} dépasse celle d'un camion ({h} {u}).",
                          "Le camion porte {v} {u} sur {h} {u}."},
    [REASON_TRANSPORT] = {"Transport costs {v} {u}, more than it is worth ({h} {u}).",
                          "Transport costs {v} {u} of {h} {u} worth.",
                          "Le transport coûte {v} {u}, plus que la valeur ({h} {u}).",
                          "Le transport coûte {v} {u} pour une valeur de {h} {u}."},
    [REASON_NET] = {"After the write-off of the investment nothing is gained ({v} {u}).", NULL,
                    "Après amortissement de l'investissement, rien n'est gagné ({v} {u}).", NULL},
    [REASON_POWER_LIMIT] = {"{v} {u} of producers; together they must stay below {h} {u}.",
                            "{v} {u}, below {h} {u}.",
                            "{v} {u} de production ; l'ensemble doit rester sous {h} {u}.",
                            "{v} {u}, sous {h} {u}."},
    [REASON_SHARE_DISTANCE] =
        {"{v} {u} apart; shared self-consumption allows {h} {u} (to be verified).",
         "{v} {u} apart, within the {h} {u} of shared self-consumption.",
         "Distants de {v} {u} ; l'autoconsommation collective admet {h} {u} (à vérifier).",
         "Distants de {v} {u}, dans les {h} {u} de l'autoconsommation collective."},
    [REASON_EQUIPMENT] = {"Another kind of equipment is wanted: {p}.", "The equipment wanted: {p}.",
                          "Un autre équipement est demandé : {p}.", "L'équipement demandé : {p}."},
    [REASON_CAPABILITY] = {"{p}: {v} {u}, {l} {u} are needed.", "{p}: {v} {u}, {l} {u} are needed.",
                           "{p} : {v} {u}, {l} {u} nécessaires.", "{p} : {v} {u}, {l} {u} nécessaires."},
    [REASON_SLOTS] = {"Free in {v} % of the time wanted.", "Free whenever it is wanted.",
                      "Libre {v} % du temps demandé.", "Libre à chaque fois."},
    [REASON_TRAVEL] = {"{v} minutes away; {h} are the limit.", "{v} minutes away.",
                       "À {v} minutes ; la limite est de {h}.", "À {v} minutes."},
    [REASON_POOL_CODE] = {"{p} has another waste: it is not mixed.", NULL,
                          "{p} a un autre déchet : pas de mélange.", NULL},
    [REASON_POOL_HAZARD] = {"{p} has hazardous waste: it never joins a round of other waste.", NULL,
                            "{p} a un déchet dangereux : il ne rejoint jamais une tournée d'autres déchets.",
                            NULL},
    [REASON_POOL_DISTANCE] = {"{p} is {v} {u} away; {h} {u} are the limit of a round.", NULL,
                              "{p} est à {v} {u} ; la limite d'une tournée est de {h} {u}.", NULL},
    [REASON_POOL_CONTAINER] = {"{p} does not say what its container holds.", NULL,
                               "{p} n'indique pas la capacité de son contenant.", NULL},
    [REASON_POOL_FILL] =
        {"The lorry would be {v} % full; {l} % are wanted unless many trips are saved.",
         "The lorry is {v} % full.",
         "Le camion serait rempli à {v} % ; il en faut {l} %, sauf si beaucoup de trajets sont évités.",
         "Le camion est rempli à {v} %."},
    [REASON_POOL_SITES] = {"{v} sites only; {l} are needed.", "{v} sites take part.",
                           "{v} sites seulement ; il en faut {l}.", "{v} sites participent."},
    [REASON_POOL_CONTRACT] = {"{p}'s contract ends at another time.", NULL,
                              "Le contrat de {p} se termine à un autre moment.", NULL},
    [REASON_POOL_CATEGORY] = {"{p} buys something else.", NULL, "{p} achète autre chose.", NULL},
    [REASON_POOL_WAIT] = {"Waste would wait {v} days; {h} are allowed.", NULL,
                          "Les déchets attendraient {v} jours ; {h} sont permis.", NULL},
    [REASON_PROVENANCE] = {"Figures are declared, not measured.", NULL,
                           "Les chiffres sont déclarés, non mesurés.", NULL},
};

struct filling {
    const struct match_gate *gate;
    enum match_language language;
};

static double beyond(const struct match_gate *g)
{
    if (!span_said(g->value))
        return NAN;
    return isfinite(g->limit.low) && g->value.low < g->limit.low ? g->limit.low - g->value.low
           : isfinite(g->limit.high)                             ? fmax(0, g->value.high - g->limit.high)
                                                                 : 0;
}

static void allowed(const struct match_gate *g, enum match_language l, struct buf *out)
{
    bool fr = l == LANGUAGE_FR;
    if (isfinite(g->limit.low) && isfinite(g->limit.high)) {
        range_text(g->limit, l, out);
    } else if (isfinite(g->limit.high)) {
        buf_puts(out, fr ? "au plus " : "at most ");
        number_text(g->limit.high, l, out);
    } else {
        buf_puts(out, fr ? "au moins " : "at least ");
        number_text(g->limit.low, l, out);
    }
    if (g->unit[0])
        buf_printf(out, " %s", g->unit);
}

static bool is_member(const struct match_gate *g)
{
    return g->reason < REASON_DISTANCE;
}

static void fill(void *arg, const char *name, size_t n, struct buf *out)
{
    const struct filling *f = arg;
    const struct match_gate *g = f->gate;
    if (placeholder(name, n, "v"))
        range_text(g->value, f->language, out);
    else if (placeholder(name, n, "l"))
        number_text(g->limit.low, f->language, out);
    else if (placeholder(name, n, "h"))
        number_text(g->limit.high, f->language, out);
    else if (placeholder(name, n, "d"))
        number_text(beyond(g), f->language, out);
    else if (placeholder(name, n, "u"))
        buf_puts(out, g->unit);
    else if (placeholder(name, n, "range"))
        allowed(g, f->language, out);
    else if (placeholder(name, n, "p") && is_member(g))
        buf_printf(out, "%s%s", g->parameter, g->parameter[0] ? ": " : "");
    else if (placeholder(name, n, "p"))
        buf_puts(out, parameter_text(g->parameter, f->language));
}

// Long ways in km.
static struct match_gate readable(const struct match_gate *g)
{
    struct match_gate r = *g;
    if (strcmp(g->unit, "m") == 0 && g->value.high >= 1000) {
        r.unit = "km";
        r.value = (struct span){g->value.low / 1000, g->value.high / 1000};
        r.limit = (struct span){g->limit.low / 1000, g->limit.high / 1000};
    }
    return r;
}

void gate_text(const struct match_gate *gate, enum match_language l, struct buf *out)
{
    struct match_gate shown = readable(gate), *g = &shown;
    const struct sentence *s = &sentences[g->reason < REASONS ? g->reason : REASON_AMOUNT];
    const char *good = l == LANGUAGE_FR ? s->fr_good : s->en_good, *other = l == LANGUAGE_FR ? s->fr : s->en;
    template_text(g->result == GATE_PASS && good ? good : other, fill, &(struct filling){g, l}, out);
}
