/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the matching: one exchange is judged up to three times, with every number at its worst, in the
 * middle and at its best within the bands that were disclosed. A judgement ("outcome") works with plain
 * numbers; pair.c makes spans of the three.
 */
#ifndef SYMBIONT_MATCHING_INSIDE_H
#define SYMBIONT_MATCHING_INSIDE_H

#include "symbiont/match.h"

/* What matching needs of an offer or a need; what is long is pointed at. */
struct party {
    char id[OFFER_ID + 1], pseudonym[OFFER_WORD], zone[OFFER_WORD], nace[9];
    uint8_t role, synergy, resource, provenance, level, interruptible;
    uint8_t parameter_count, audience_count, blocked_count;
    double latitude, longitude, radius_m, confidence, notice_h, price, avoided;
    struct utc created, valid_from, valid_until, embargo_until;
    uint64_t revision;
    struct span firm, typical, peak, annual, lot;
    struct offer_heat heat;
    const char *title;
    const float *blocks, *months; /* NULL: always */
    const struct offer_parameter *parameters;
    const struct offer_waste *waste;         /* NULL: none of it */
    const struct offer_equipment *equipment; /* NULL: none of it */
    const char (*audience)[OFFER_WORD], (*blocked)[OFFER_WORD];
};

/* Points into `o`. */
void party_view(const struct offer *o, struct party *out);
/* A copy that owns what it points at, in one block of memory to be freed with party_drop; false: no memory.
 */
struct party_store {
    struct party party;
    void *block;
    size_t block_size;
};
bool party_keep(const struct offer *o, struct party_store *out);
void party_drop(struct party_store *p);
void party_offer(const struct party *p, struct offer *out);

bool resource_is_goods(unsigned resource); /* in t/wk, carried by lorry */

/* ---- One of three ways to take a band ---- */

enum corner { CORNER_WORST, CORNER_MIDDLE, CORNER_BEST };

/* Numbers of which more is better, and of which less is. */
double span_more(struct span s, enum corner c);
double span_less(struct span s, enum corner c);
double factor_at(const struct match_settings *s, enum factor_id f); /* its value */
/* Where more of it makes a match better (`sign` > 0) or worse. */
double factor_corner(const struct match_settings *s, enum factor_id f, enum corner c, int sign);

struct pairing {
    const struct match_settings *settings;
    const struct party *offer, *need;
    struct span distance_m;
    bool distance_known;
    double most; /* of the quantity */
    struct utc now;
};

#define OUTCOME_GATES MATCH_GATES

struct outcome {
    bool refused; /* a hard gate failed */
    bool unknown; /* a gate could not be judged */
    enum match_way way;
    double quantity, annual, coverage, use, capex, opex, eur_yr, net_eur_yr, tco2e, rank;
    double gain;   /* share of the confidence that is left; 1 */
    double taken;  /* of the offer's rate, while `quantity` is delivered */
    double filled; /* of the need's */
    struct match_details details;
    struct match_gate *gates; /* NULL: nobody wants to know */
    uint8_t gate_count;
};

/* ---- Gates ---- */

/* The sentences of words.c; each has its order of arguments there. */
enum reason {
    REASON_RESOURCE,
    REASON_SAME_SITE,
    REASON_BLOCKED,
    REASON_AUDIENCE,
    REASON_VALID,
    REASON_EMBARGO,
    REASON_LEVEL,
    REASON_SYNERGY,
    REASON_ROLE,
    REASON_AMOUNT,
    REASON_DISTANCE,
    REASON_DISTANCE_UNKNOWN,
    REASON_TEMPERATURE,
    REASON_FULL_TEMPERATURE,
    REASON_TEMPERATURES_UNSAID,
    REASON_DELIVERED,
    REASON_SOURCE_POWER,
    REASON_DENSITY,
    REASON_LOSS,
    REASON_LIFT,
    REASON_PUMP_TEMPERATURE,
    REASON_TIME,
    REASON_COVERAGE,
    REASON_USE,
    REASON_DUTY,
    REASON_PRESSURE,
    REASON_COLD,
    REASON_PARAMETER,
    REASON_PARAMETER_UNSAID,
    REASON_BLEND,
    REASON_TREATABLE,
    REASON_TOWER,
    REASON_DISCHARGE,
    REASON_CODE,
    REASON_CODE_FAMILY,
    REASON_CODE_UNSAID,
    REASON_HAZARD,
    REASON_HAZARD_ANALYSIS,
    REASON_OPERATION,
    REASON_OPERATION_UNSAID,
    REASON_LEGAL,
    REASON_LOT,
    REASON_ROAD_LOAD,
    REASON_TRANSPORT,
    REASON_NET,
    REASON_POWER_LIMIT,
    REASON_SHARE_DISTANCE,
    REASON_EQUIPMENT,
    REASON_CAPABILITY,
    REASON_SLOTS,
    REASON_TRAVEL,
    REASON_POOL_CODE,
    REASON_POOL_HAZARD,
    REASON_POOL_DISTANCE,
    REASON_POOL_CONTAINER,
    REASON_POOL_FILL,
    REASON_POOL_SITES,
    REASON_POOL_CONTRACT,
    REASON_POOL_CATEGORY,
    REASON_POOL_WAIT,
    REASON_PROVENANCE,
    REASONS
};

struct gate_value {
    const char *name, *parameter, *unit;
    enum reason reason;
    bool hard;
    double value, low, high; /* what is, and between what it should be */
    double severity;         /* 0..1 */
};
/* Fails or passes by value and limits (a NaN value: unknown). */
enum gate_result gate_judge(struct outcome *o, const struct gate_value *g);
/* As said. */
void gate_say(struct outcome *o, enum gate_result r, const struct gate_value *g);
/* The same, for what is one number: `parameter` may be NULL. */
void gate_tell(struct outcome *o, enum gate_result r, const char *name, const char *parameter,
               enum reason reason, bool hard, double value, double low, double high, const char *unit,
               double severity);

/* Who may be matched with whom at all, in a fixed order; false: refused. */
bool gates_common(const struct pairing *p, struct outcome *o);
/* Parameters of the need against those of the offer. `excess`: called for each that is beyond its limit;
 * true: it was dealt with. */
struct excess {
    const char *name;
    double value, limit;
    bool low; /* below a lower limit */
};
void gates_parameters(const struct pairing *p, enum corner c, struct outcome *o,
                      enum gate_result (*excess)(void *arg, const struct excess *e), void *arg);
const struct offer_parameter *party_parameter(const struct party *p, const char *name);

/* ---- Times ---- */

#define WEEKS_YEAR 52 /* whole weeks, as collection rounds count */
#define HOURS_YEAR 8760
/* Units of the annual amount in one unit of rate: 8.76 MWh per kW, 52 t per t/wk. */
double annual_of_rate(unsigned resource);
/* Rate that is usual; NaN: unsaid. */
double party_rate(const struct party *p, enum corner c);
/* Share of the rate that is there on average, from profile or annual amount. */
double party_share(const struct party *p, enum corner c);
/* Mean over the year of min(give * supply share, take * demand share, most). */
double overlap(const struct party *supply, const struct party *demand, enum corner c, double give,
               double take, double most);

/* ---- Kinds ---- */

typedef void outcome_fn(const struct pairing *p, enum corner c, struct outcome *o);
outcome_fn heat_outcome, cold_outcome, steam_outcome, water_outcome, goods_outcome, electricity_outcome,
    air_outcome, share_outcome;
/* By resource and synergy. NULL: no such exchange. */
outcome_fn *outcome_of(unsigned resource, unsigned synergy);
/* Common gates and the kind's own. */
void pairing_outcome(const struct pairing *p, enum corner c, struct outcome *o);
/* The rest of the sums: opex, net, rank. */
void outcome_price(const struct pairing *p, double gross_eur, double carbon_t, struct outcome *o);

/* match_pair of parties. */
bool parties_match(const struct pairing *p, struct match *out);
/* Sets the distance: `distance_m`, or NaN: from the places, or assumed. */
void pairing_place(struct pairing *p, double distance_m);

/* The one closed form: `p`s and `k` give kW, degC. See docs/matching.md. */
double heat_exchange(double ps, double ts, double tso, double pk, double tki, double tko, double dt);

/* ---- Pipes ---- */

struct pipe {
    double diameter_mm, insulation_mm, price_m;
    double flow_m3_s; /* pi d^2/4 (4.7617 d^0.3701 - 0.4834) */
};
extern const struct pipe pipes[]; /* diameter 0 ends */
/* kW that a pipe carries at its usual speed between two temperatures. */
double pipe_capacity(const struct pipe *p, double hot_c, double cold_c);
/* W per metre of trench of the warm pipe alone, and of both. */
double pipe_loss(const struct pipe *p, const struct match_heat_config *h, double hot_c, double cold_c,
                 double *supply_w);

/* ---- Places ---- */

/* m between two places; NaN. */
double place_distance(double latitude_a, double longitude_a, double latitude_b, double longitude_b);
/* Way between two parties: straight line times the route factor, and what the zones leave open. False: not
 * known. */
bool party_distance(const struct match_settings *s, const struct party *a, const struct party *b,
                    struct span *out);
/* How far a kind reaches at most, m. */
double resource_reach(const struct match_settings *s, const struct party *p);

/* ---- Waste ---- */

/* 1 same code, family, sub-chapter, 0; `analysis`: only an analysis can tell. */
double waste_affinity(const struct match_settings *s, uint32_t offered, uint32_t taken, bool *analysis);

double provenance_confidence(const struct party *p);

#endif
