/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching: which offer could serve which need, what stands in the way, what it is worth. docs/matching.md
 * has the formulas and their sources. Pure: time is an argument, nothing is read or written.
 *
 * Gate, then price, then explain. Gates say yes or no with a reason; what passes gets a quantity, EUR a year,
 * payback and tCO2e as spans: `low` is certain (every number at its worst within the bands that the owners
 * disclosed), `high` is possible. Matches are ranked by net benefit a year plus carbon price times tCO2e,
 * never by a score.
 */
#ifndef SYMBIONT_MATCH_H
#define SYMBIONT_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/clock.h"
#include "symbiont/config.h"
#include "symbiont/factors.h"
#include "symbiont/offer.h"
#include "symbiont/pinch.h"

/* ---- Settings ---- */

struct match_factor_config { /* a factor that the territory knows better */
    struct settings common;
    char *name;
    double value, low, high;
};

struct match_heat_config { /* heat, cold, steam */
    struct settings common;
    double approach_liquid_k, approach_oil_k,
        approach_gas_k; /* of one exchanger, by what flows on its far side */
    double approach_cold_k;
    double loop_most_c;     /* hottest water between sites, unless the taker needs it hotter */
    double density_least;   /* MWh per m of trench and year: below it is refused */
    double density_good;    /* below it there is a warning */
    double reach_m;         /* no candidate beyond, whatever its size */
    double ground_c;        /* of the soil around a pipe */
    double conductivity;    /* W/mK of the pipes' insulation */
    double loss_most;       /* share of the heat that pipes may lose before there is a warning */
    double lift_most_k;     /* heat pump */
    double pump_most_c;     /* hottest that a heat pump delivers */
    double pump_efficiency; /* share of Carnot's */
    double flue_floor_c;    /* flue gas is not cooled below */
    double steam_reach_m, steam_drop_bar_km, steam_loss_km; /* loss: share per km */
    double duty_industry_kw, duty_data_centre_kw; /* cost-benefit analysis compulsory above, to be verified */
};

struct match_water_config {
    struct settings common;
    double reach_m;
    double fresh_conductivity; /* uS/cm, of the water that is mixed in */
    bool blending;
    double blend_least;     /* share of the mixture below which blending is not worth its pipe */
    double treatable_times; /* a parameter above this many times its limit cannot be treated at the price */
};

struct match_waste_config {
    struct settings common;
    double reach_m, reach_valuable_m, valuable_eur_t;
    double road_load_t; /* least: most that one lorry carries */
    double preparation_eur_t;
    double family_affinity, chapter_affinity; /* share of the confidence that is left */
};

struct match_electricity_config {
    struct settings common;
    double reach_m, limit_kw;
    double reach_rural_m;
};

struct match_gas_config { /* compressed air and CO2 */
    struct settings common;
    double air_reach_m, air_drop_bar_km;
    double co2_reach_m;
};

struct match_pool_config {
    struct settings common;
    double reach_m;            /* between members */
    double payload_t;          /* of the lorry */
    double fill_least;         /* of the lorry, or... */
    double saved_least;        /* ...share of the trips that is saved */
    double interval_most_days; /* waste does not wait longer */
    int64_t sites_least;       /* grouped purchasing and services */
    double contract_months;    /* contracts end within */
    double purchase_gain;      /* share of the price for a doubled volume */
};

struct match_share_config {
    struct settings common;
    double travel_most_min, speed_km_h;
};

struct match_settings {
    struct settings common;
    struct match_heat_config heat;
    struct match_water_config water;
    struct match_waste_config waste;
    struct match_electricity_config electricity;
    struct match_gas_config gas;
    struct match_pool_config pool;
    struct match_share_config share;
    double assumed_m;    /* where no distance is known */
    double route_factor; /* a pipe or road is this much longer than the straight line */
    double life_years, interest, maintenance;
    double hysteresis;             /* a match in being is left only for one that is better by this share */
    int64_t candidates_most;       /* kept per offer or need, the best */
    char *factors_file;            /* for whoever reads files: factors_read */
    struct groups factors;         /* struct match_factor_config, over those of the file */
    struct factor factor[FACTORS]; /* in force; not an option: match_settings_ready fills it */
};
extern const struct section matching_section; /* "matching", OPTION_GROUP */

/* `factors_csv` NULL: the compiled-in ones. Fills `factor` from the CSV and the `factors` of the settings.
 * False with a sentence. */
bool match_settings_ready(struct match_settings *s, const char *factors_csv, size_t n, char *why,
                          size_t why_size);
/* All defaults, ready; freed by match_settings_free. NULL: memory is out. */
struct match_settings *match_settings_new(void);
void match_settings_free(struct match_settings *s);

/* ---- A match ---- */

enum match_language { LANGUAGE_EN, LANGUAGE_FR };

enum gate_result {
    GATE_PASS,
    GATE_WARN,    /* passes, and somebody should know */
    GATE_UNKNOWN, /* not enough is said, or it depends on where in the band the truth lies */
    GATE_FAIL,
};
const char *gate_result_word(enum gate_result r); /* "pass", "warn", "unknown", "fail" */

struct match_gate {
    const char *name; /* "temperature", "density", "conductivity"; lives for ever (or in the settings) */
    char parameter[OFFER_WORD]; /* of a quality gate, "" */
    enum gate_result result;
    bool hard;         /* its failing refuses the match; else it limits the quantity */
    struct span value; /* what is */
    struct span limit; /* what is allowed: from low to high, either may be infinite */
    const char *unit;
    uint16_t reason; /* which sentence: see gate_text */
    double severity; /* 0..1: what share of the match it costs; the three strongest are shown */
};

enum match_verdict {
    MATCH_REFUSED,
    MATCH_POSSIBLE, /* passes with the better half of the bands, or something is unknown */
    MATCH_CERTAIN,
};
const char *match_verdict_word(enum match_verdict v); /* "refused", "possible", "certain" */

enum match_way { WAY_DIRECT, WAY_HEAT_PUMP, WAY_BLEND, WAY_TREAT, WAY_ROUND, WAY_GROUP };
const char *match_way_word(enum match_way w); /* "direct", "heat_pump", "blend", "treat", "round", "group" */

#define MATCH_ID      32 /* hex digits: the same for the same members, whenever and wherever it is worked out */
#define MATCH_MEMBERS 32
#define MATCH_GATES   32
#define MATCH_LIMITS  3

/* Figures of one kind, all NaN where they do not apply. */
struct match_details {
    /* heat, cold, steam */
    double drawn_kw, loss_kw, drop_k, delivered_c, pipe_mm, density, cop, electric_mwh, lcot;
    /* water */
    double fresh_flow, mixed_flow;
    /* rounds */
    double interval_days, load_t, fill, trips_alone, trips_pooled, members;
    /* the round if the container that fills first were so large that the next one decides */
    double larger_t, larger_interval_days, larger_load_t, larger_fill, larger_trips;
    /* share */
    double travel_min;
    /* waste */
    double affinity, transport_eur;
};

struct match {
    char id[MATCH_ID + 1];
    enum synergy kind;
    enum resource resource;
    enum match_verdict verdict;
    enum match_way way;
    /* Ids of offers and needs: of a pair the offer, then the need; of a group in ascending order. */
    char members[MATCH_MEMBERS][OFFER_ID + 1];
    uint8_t member_count;

    struct match_gate gates[MATCH_GATES];
    uint8_t gate_count;
    uint8_t strongest[MATCH_LIMITS]; /* indices of gates, the strongest first */
    uint8_t strongest_count;

    struct span quantity; /* delivered, in offer_unit(resource) */
    struct span annual;   /* in offer_annual_unit(resource) */
    struct span coverage; /* of the need over the year, 0..1 */
    struct span use;      /* of the surplus over the year, 0..1 */
    struct span distance_m;
    struct span capex, opex;                   /* EUR, EUR a year */
    struct span eur_yr;                        /* saving a year after operation */
    struct span payback_y;                     /* capex / eur_yr; infinite: never; 0: nothing to invest */
    struct span net_eur_yr;                    /* eur_yr less the annuity of the capex */
    struct span tco2e;                         /* avoided a year */
    double expected_quantity, expected_annual; /* with every number in the middle of its band */
    double rank;                               /* EUR a year: expected net benefit + carbon price * tCO2e */
    double confidence;                         /* 0..1: provenance, coverage and firmness of all members */
    struct match_details details;
};

/*
 * One pair, whatever else there is. `distance_m` NaN: from the places. `most` limits the quantity delivered
 * (INFINITY: none): what an allocation left. Always fills `out`; false when it is refused: the gates say why.
 * An offer and a need of different resources, of one site, blocked, outside of audience, validity or embargo,
 * below level 2, are refused by a gate too.
 */
bool match_pair(const struct match_settings *s, const struct offer *offer, const struct offer *need,
                double distance_m, double most, struct utc now, struct match *out);

/*
 * A group that is served together: offers of waste collected in one round (whole weeks between rounds when
 * longer than one), or needs of purchasing and services. `distances`: n x n in m, NULL: from the places.
 * Members that cannot join are refused by a gate that names them.
 */
bool match_group(const struct match_settings *s, const struct offer *const *members, size_t n,
                 const double *distances, struct utc now, struct match *out);

/* The id of a pair, of a group. */
void match_id(const char *const *ids, size_t n, char out[static MATCH_ID + 1]);

/* ---- Words ---- */

/* "Delivered at 53.5 degC, 55 degC needed: 1.5 K short." One sentence. */
void gate_text(const struct match_gate *g, enum match_language l, struct buf *out);
/* A paragraph that a person can act on: what, how much, worth what, limits, what to do next. `names` are what
 * the members are to be called, in their order (pseudonyms, or names once both agreed). */
void match_text(const struct match *m, const char *const *names, enum match_language l, struct buf *out);
/* One line: "Heat: F-7Q2 to G-2K1, 400 kW, 2,400 MWh a year, 123,000 EUR a year, pays back in 4.1 years". */
void match_title(const struct match *m, const char *const *names, enum match_language l, struct buf *out);
/* The match as a JSON object (docs/matching.md lists the keys). `text`: explanations in that language too. */
void match_write(const struct match *m, const char *const *names, bool text, enum match_language l,
                 struct buf *out);

/* ---- A territory ---- */

/*
 * Everything that is on offer and wanted, and the best allocation among it: no offer promised twice, greatest
 * total benefit, stable when little changes. An entry that is put, changed or removed costs its
 * neighbourhood, not the territory.
 */
struct matcher;

/* `s` lives as long as the matcher. NULL: memory is out. */
struct matcher *matcher_new(const struct match_settings *s);
void matcher_free(struct matcher *m);

/* Adds, or replaces what has the same id. False: memory is out, nothing changed. */
bool matcher_put(struct matcher *m, const struct offer *o);
void matcher_remove(struct matcher *m, const char *id);
/* The distance between two sites where somebody knows better than the straight line. */
bool matcher_distance(struct matcher *m, const char *pseudonym_a, const char *pseudonym_b, double metres);
/* What was put; false: there is none. */
bool matcher_offer(const struct matcher *m, const char *id, struct offer *out);
size_t matcher_count(const struct matcher *m);

/*
 * Agreed or running: `quantity` of the pair stays promised, whatever comes. 0: given free again. A match that
 * was declined is proposed no more until it is called with false; `members` are the ids in it. False: memory
 * is out.
 */
bool matcher_hold(struct matcher *m, const char *match_id, const char *offer_id, const char *need_id,
                  double quantity);
/* The same of a round or a pool, `members` all of its ids: it stands in a matcher that is made anew, too. */
bool matcher_hold_group(struct matcher *m, const char *match_id, const char *const *members, size_t n,
                        double quantity);
bool matcher_decline(struct matcher *m, const char *match_id, const char *const *members, size_t n,
                     bool declined);

enum match_change { MATCH_NEW, MATCH_CHANGED, MATCH_GONE };

/*
 * Takes in everything since the last call, and what begins and ends by time, and tells what became of the
 * matches. `changed` may be NULL; it may call matcher_get, nothing else. False: memory is out; call again.
 */
bool matcher_settle(struct matcher *m, struct utc now,
                    void (*changed)(void *arg, enum match_change what, const char *match_id), void *arg);
/* When something will begin or end by itself; INT64_MAX: nothing does. */
struct utc matcher_next(const struct matcher *m);

/* A match in full, with what is promised to it now. False: there is none of that id. */
bool matcher_get(const struct matcher *m, const char *match_id, struct utc now, struct match *out);
/* Any offer and need that were put, matched or not, with the distance that is known best. As match_pair. */
bool matcher_pair(const struct matcher *m, const char *offer_id, const char *need_id, struct utc now,
                  struct match *out);
/* Ids of all matches, best rank first (of one member: `member` not NULL); malloc'ed, NULL and 0 when there
 * are none. */
struct match_rank {
    char id[MATCH_ID + 1];
    enum synergy kind;
    enum resource resource;
    double rank, quantity;
};
struct match_rank *matcher_list(const struct matcher *m, const char *member, size_t *n);

/* Bytes of memory it takes. */
size_t matcher_memory(const struct matcher *m);

/* ---- Over a whole territory ---- */

/* What nobody takes: waste and by-products that are on offer, summed by family, most tonnes first. */
struct orphan {
    char family[OFFER_WORD]; /* EWC-Stat code where there is a cited one ("W072"), else the List of Waste code
                              */
    bool hazardous;
    unsigned sites, flows, placed; /* placed: flows whose place is known */
    struct span annual_t;
    float months[12]; /* share of the mean month */
    double middle_latitude, middle_longitude, spread_m;
};
/* malloc'ed. NULL and 0 when there is none. */
struct orphan *matcher_orphans(const struct matcher *m, struct utc now, size_t *n);

/* What each flow of a family gives to it, for whoever judges whether the sum may be told. */
void matcher_orphan_parts(const struct matcher *m, const struct orphan *o,
                          void (*each)(void *arg, const char *pseudonym, double annual_t), void *arg);

struct ceiling {
    double possible_kw; /* sum of what each site needs alone less what all need together */
    double reached_kw;  /* what the matches in being carry */
    double alone_kw, together_kw, cold_together_kw;
    size_t sites, streams;
};
/* The problem table over all heat that is on offer and wanted. -1: memory is out. */
int matcher_ceiling(const struct matcher *m, struct utc now, struct ceiling *out);
/* What each site gives to it: heat that it has, heat that it wants, its half of what a match carries. */
enum ceiling_part { CEILING_GIVEN, CEILING_WANTED, CEILING_REACHED, CEILING_PARTS };
void matcher_ceiling_parts(const struct matcher *m,
                           void (*each)(void *arg, enum ceiling_part part, const char *pseudonym, double kw),
                           void *arg);

#endif
