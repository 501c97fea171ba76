/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An offer or a need, as it stands between sites: what a gateway discloses, what the coordinator matches.
 * docs/exchange-protocol.md is the message's manual. Pure: nothing is sent, time is an argument.
 *
 * Every number is a span: exact where the owner agreed to exact numbers (level 3 and above), else the band
 * that he agreed to. Matching works with spans throughout and says what is certain and what is possible.
 */
#ifndef SYMBIONT_OFFER_H
#define SYMBIONT_OFFER_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/clock.h"
#include "symbiont/stream.h"

struct span {
    double low, high; /* equal: exact; both NaN: not said; high may be INFINITY, low -INFINITY */
};
#define SPAN_UNSAID ((struct span){NAN, NAN})
static inline struct span span_of(double value)
{
    return (struct span){value, value};
}
static inline bool span_said(struct span s)
{
    return !isnan(s.low) && !isnan(s.high);
}
static inline bool span_exact(struct span s)
{
    return s.low == s.high;
}
static inline double span_middle(struct span s)
{
    return isfinite(s.low) && isfinite(s.high) ? (s.low + s.high) / 2 : isfinite(s.low) ? s.low : s.high;
}

enum offer_role { ROLE_OFFER, ROLE_NEED };

/* Kinds of synergy (FR: valorisation, mutualisation, partage, innovation). */
enum synergy { SYNERGY_EXCHANGE, SYNERGY_POOL, SYNERGY_SHARE, SYNERGY_OUTLET };
extern const struct choice synergy_choices[];
const char *synergy_word(enum synergy s);

/* How much leaves the site. What a level adds is said in docs/exchange-protocol.md. */
enum disclosure {
    DISCLOSE_NOTHING,   /* 0 */
    DISCLOSE_AGGREGATE, /* 1: counts in totals of the territory, is matched with nobody */
    DISCLOSE_BANDS,     /* 2: bands, zone, blocks of four hours; matched by the coordinator */
    DISCLOSE_EXACT,     /* 3: exact numbers to the coordinator; the counterpart sees bands until both agree */
    DISCLOSE_IDENTITY,  /* 4: name and contact to a counterpart once both said yes */
    DISCLOSE_DETAIL,    /* 5: detailed data by a contract of their own, for a limited time */
};

enum legal_status { LEGAL_WASTE, LEGAL_BY_PRODUCT, LEGAL_END_OF_WASTE, LEGAL_PRODUCT };
extern const struct choice legal_choices[];

#define OFFER_ID     32 /* hex digits: random, says nothing of stream or site */
#define OFFER_BLOCKS 42 /* 7 days x 6 blocks of 4 h, Monday 00:00 local first */
#define OFFER_LIMITS 16
#define OFFER_CODES  16
#define OFFER_TEXT   81
#define OFFER_WORD   33

/* A parameter of water, waste or by-product: the value of an offer, the permitted interval of a need. */
struct offer_parameter {
    char
        name[OFFER_WORD]; /* "conductivity", "ph", "cod", "tss", "temperature", "moisture", "contamination" */
    char unit[12];        /* "uS/cm", "mg/L", "%", "degC", "" (ph) */
    struct span value;    /* a need: low and high limit, either may be infinite */
};

struct offer_heat {       /* heat, cold, steam */
    int medium;           /* enum fluid_kind of symbiont/fluids.h, or MEDIUM_ of symbiont/stream.h */
    struct span supply;   /* degC: of the offer; a need: what it wants out (`out`) */
    struct span back;     /* degC: the offer may be cooled to; a need: what comes in (`in`) */
    struct span pressure; /* bar gauge */
    double approach_k;    /* minimum approach, K, that its own exchanger wants; NaN: the default */
};

struct offer_waste {             /* waste, by_product, material */
    uint32_t codes[OFFER_CODES]; /* an offer has one at most, a need lists what it takes */
    uint8_t code_count;
    bool hazardous;
    uint8_t legal;              /* enum legal_status */
    uint32_t operations;        /* bit i: R(i) for i 1..13, bit 16+i: D(i) for i 1..15; of a need */
    struct span density;        /* kg/m3 */
    struct span stock_t, lot_t; /* t: waiting, and the least that is worth a transport */
    struct span capacity_t, fill, days_to_full; /* its container: t, share 0..1, days */
};

struct offer_equipment { /* equipment */
    char type[OFFER_WORD];
    struct offer_parameter capability[8]; /* offer: what it can; need: what is wanted (low) */
    uint8_t capability_count;
};

struct offer {
    char id[OFFER_ID + 1];
    uint64_t revision; /* grows with each change */
    enum offer_role role;
    enum synergy synergy;
    enum resource resource;
    enum provenance provenance;
    uint8_t level;              /* enum disclosure */
    char title[OFFER_TEXT];     /* free text the owner wrote for others; "" at level 2 */
    char pseudonym[OFFER_WORD]; /* of the site */
    char zone[OFFER_WORD];      /* commune (INSEE "57221") or cell of 2.5 km ("c:49.325:6.125", its centre) */
    double latitude, longitude; /* the zone's centre at level 2, exact from level 3 on; NaN: not said */
    double radius_m;            /* how far the site may lie from there; 0: exact */
    char nace[9];               /* two digits at level 2 */
    double confidence;          /* 0..1 */
    struct utc created, valid_from, valid_until, embargo_until;
    char audience[8][OFFER_WORD]; /* pseudonyms it may be matched with; none: everybody */
    uint8_t audience_count;
    char blocked[8][OFFER_WORD]; /* pseudonyms it may never be matched with */
    uint8_t blocked_count;

    /* How much, in offer_unit(resource): what can be relied on (P20), what is usual (P50), P80. */
    struct span firm, typical, peak;
    struct span annual;         /* in offer_annual_unit */
    float blocks[OFFER_BLOCKS]; /* share of `typical` that is there in each block, 0..1 */
    bool has_blocks;            /* else: always */
    float months[12];           /* share of typical by month, 0..1 */
    bool has_months;
    struct span lot; /* smallest and largest quantity that makes sense */
    double notice_h; /* NaN */
    bool interruptible;

    struct offer_heat heat;
    struct offer_waste waste;
    struct offer_equipment equipment;
    struct offer_parameter parameters[OFFER_LIMITS];
    uint8_t parameter_count;

    /* Money, level 3 and above; NaN: not said. EUR per unit of `annual`; negative price: the owner pays. */
    double price, avoided; /* asked for; what its owner saves by it (disposal, energy) */
};

/* "kW" (heat, cold, steam, electricity), "m3/h" (water, compressed_air as Nm3/h), "t/wk" (waste, by_product,
 * material, fuel, co2), "" (equipment: share of its time). */
const char *offer_unit(enum resource r);
/* "MWh" , "m3", "t", "h": of `annual`, per year. */
const char *offer_annual_unit(enum resource r);
/* What lies beyond is not believed, whoever signs it: more than any site has, in offer_unit; more than
 * anybody pays or saves for one unit of `annual`, EUR. */
double offer_amount_most(enum resource r);
double offer_price_most(enum resource r);

/* All NaN, zero, empty; level 0. */
void offer_clear(struct offer *o);

/*
 * Bands of the 1-2-5 series (1, 2, 5, 10, ... and below 1): 415 -> 200..500, 1000 -> 1000..2000, 0 -> 0..0.
 * Temperature: bands of 10 K, 65 -> 60..70, 60 -> 60..70, -5 -> -10..0. Unsaid stays unsaid; a span widens to
 * the bands of its ends, a band is its own.
 */
struct span span_band(struct span s);
struct span span_band_celsius(struct span s);
/* "200-500", "415", ">200", "<500", "any"; unsaid: "". */
#define SPAN_TEXT 56
char *span_text(struct span s, char out[static SPAN_TEXT]);
/* "200-500", "-10-0", ">200", "<500", "any". A single number is not a band: it is written as a number. */
bool span_parse(const char *text, struct span *out);

/* The centre of the cell of 0.025 degrees (about 2.5 km) that holds the place, and how far its corner is. */
void offer_cell(double *latitude, double *longitude, double *radius_m);
/* The cell as a zone: "c:49.325:6.125". */
char *offer_cell_zone(double latitude, double longitude, char out[static OFFER_WORD]);

/*
 * What of `full` (exact, as the site knows it) may leave at its level: `out` is what others get to see.
 * Nothing of `full` that its level does not allow survives in `out`. False: level 0, nothing leaves.
 */
bool offer_disclose(const struct offer *full, struct offer *out);
/* Whether `now` (full) differs from what was told (out of offer_disclose) so that it must be told again: an
 * amount lies outside the band it was told in by more than a tenth of its width, or anything else changed. */
bool offer_differs(const struct offer *told, const struct offer *now);

/* Writes the body as a JSON object (compact, known keys in a fixed order, what is unsaid left out). */
void offer_write(const struct offer *o, struct buf *out);
/*
 * Reads a JSON object of a stranger: only known keys, types, ranges; no duplicates; depth at most 4. False
 * with a sentence in `why` that names the key. `n` at most OFFER_BYTES.
 */
#define OFFER_BYTES 4096
bool offer_read(const char *json, size_t n, struct offer *out, char *why, size_t why_size);
/* The same from an object that jansson has read (a json_t *); for envelopes. */
bool offer_take(const void *object, struct offer *out, char *why, size_t why_size);

/* Checks what no type can: amounts not negative, low <= high, temperatures in order, code known and its
 * hazard bit right, validity in order. False with a sentence. */
bool offer_check(const struct offer *o, char *why, size_t why_size);

#endif
