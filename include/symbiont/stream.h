/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream: one flow of energy, water, matter or capacity of the site, worked out from points, and whether
 * there is some of it to spare. docs/streams.md is its manual. A stream is pure: time is an argument, nothing
 * is read or written. Its memory is fixed when it is made; feeding it allocates nothing.
 *
 *     struct stream *s = stream_new(config, &names, &calendar, &hooks, diagnostics);
 *     stream_feed(s, input, t, 41.5);      // all values of one instant...
 *     stream_settle(s, t);                 // ...then once: the stream's value, its state, events, hours
 *     stream_tick(s, t);                   // now and then (each minute is enough) while nothing comes
 *
 * What is fed decides, ticks only notice what is overdue and stamp it with the moment it was due: live and
 * replayed readings give the same events, however often stream_tick is called. A sample stands for the time
 * since the sample before it, as in expressions.
 */
#ifndef SYMBIONT_STREAM_H
#define SYMBIONT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/config.h"
#include "symbiont/expression.h"

enum resource {
    RESOURCE_HEAT,
    RESOURCE_COLD,
    RESOURCE_STEAM,
    RESOURCE_WATER,
    RESOURCE_WASTE,
    RESOURCE_ELECTRICITY,
    RESOURCE_COMPRESSED_AIR,
    RESOURCE_BY_PRODUCT,
    RESOURCE_CO2,
    RESOURCE_EQUIPMENT,
    RESOURCE_FUEL,
    RESOURCE_MATERIAL,
};
#define RESOURCES 12
extern const struct choice resource_choices[];
const char *resource_word(enum resource r);

/* What carries heat: an enum fluid_kind of symbiont/fluids.h, or one of these. */
enum { MEDIUM_STEAM = 16, MEDIUM_AIR, MEDIUM_FLUE_GAS, MEDIUM_THERMAL_OIL };
extern const struct choice medium_choices[];

/* Where it goes in the site's balance. Only what goes out can be surplus. */
enum direction { DIRECTION_OUT, DIRECTION_IN, DIRECTION_INTERNAL, DIRECTION_LOSS, DIRECTION_PRODUCT };
const char *direction_word(enum direction d);

enum provenance { PROVENANCE_MEASURED, PROVENANCE_CALCULATED, PROVENANCE_DECLARED, PROVENANCE_TYPICAL };
const char *provenance_word(enum provenance p);
extern const struct choice provenance_choices[]; /* and "automatic", -1 */
/* 1.0, 0.8, 0.6, 0.3: what a number of that origin counts in a confidence. */
double provenance_weight(enum provenance p);

/* ---- Settings ---- */

struct surplus_config {
    struct settings common;
    char *above, *below;         /* amounts in the stream's unit; NULL: the resource's default */
    int64_t hold_ns, release_ns; /* `for`, `release` */
    int64_t unknown_ns;
};

struct container_config {
    struct settings common;
    char *capacity;    /* mass; NULL: no container */
    char *tare;        /* mass of the empty container; the weight is then gross */
    char *volume;      /* m3, with density: it may be full by volume first */
    char *density;     /* kg/m3 */
    int64_t within_ns; /* an emptying takes no longer */
    double stable;     /* share of the capacity */
};

/* What the usual amount depends on beside the hour of the week. */
struct baseline_config {
    struct settings common;
    char *outdoor, *production; /* expressions; NULL: not known */
};

/* A parameter of the water, the waste or the by-product. */
struct quality_config {
    struct settings common;
    char *name;  /* "conductivity", "ph", "cod" */
    char *value; /* expression, or an amount that is declared */
    char *unit;
};

/* What others may learn of a stream (`offer`) or of a need (`ask`): the owner's consent. docs/exchange.md. */
enum offer_when { OFFER_WHEN_AUTOMATIC, OFFER_WHEN_SURPLUS, OFFER_WHEN_RECURRING, OFFER_WHEN_ALWAYS };
struct offer_config {
    struct settings common;
    int64_t level;                  /* `disclosure`: enum disclosure of symbiont/offer.h */
    char *agreed_by, *agreed_until; /* stay on the site; a date, the last day */
    char *title;
    int when;    /* enum offer_when */
    int synergy; /* enum synergy of symbiont/offer.h, -1: by the resource */
    int64_t embargo_ns, expiry_ns, keep_ns, pause_ns, notice_ns;
    char *embargo_until; /* a date, the first day */
    struct texts audience, blocked;
    char *supply, *back, *approach; /* `supply`, `return_min`, `approach` */
    char *lot_min, *lot_max;
    double price, avoided; /* see option_given */
    int legal;             /* enum legal_status of symbiont/offer.h, -1: by the resource */
    struct texts operations;
    char *type; /* equipment */
    bool interruptible;
    char *season; /* "oct-apr" */
};
extern const struct section offer_section, ask_section;

struct stream_config {
    struct settings common;
    char *name, *title;
    int resource, direction, medium, flow_sensor, fuel_kind, provenance;
    char *waste_code; /* `low` */
    char *value, *unit, *internal;
    char *flow, *supply, *back, *electric, *cooling, *makeup, *blowdown, *fuel, *flue, *oxygen, *steam,
        *pressure, *feed;
    char *production, *load, *feed_in, *weight, *level, *running, *available;
    char *nominal, *declared, *profile, *return_min;
    double glycol, cop, recovery, feed_solids, drum_solids;
    struct texts shutdown; /* "2026-08-01..2026-08-23" */
    struct surplus_config surplus;
    struct container_config container;
    struct baseline_config baseline;
    struct groups quality; /* struct quality_config */
    struct offer_config offer;
};
extern const struct section stream_section; /* "streams", OPTION_GROUPS */

/* The unit of the stream's value: kW, m3/h, kg/h, kg (a container's content), "" (a share). Known before
 * anything is compiled, so that expressions may name streams. NULL when `unit` is not a unit (stream_new says
 * so). */
const struct unit *stream_config_unit(const struct stream_config *c);

/* ---- A stream ---- */

struct stream;

enum stream_state { STREAM_IDLE, STREAM_PENDING, STREAM_SURPLUS, STREAM_RELEASING };
const char *stream_state_word(enum stream_state s);

enum stream_event_kind {
    STREAM_SURPLUS_BEGINS,
    STREAM_SURPLUS_ENDS,
    STREAM_CHANGED,        /* two weeks differ by more than 25 % from those before */
    STREAM_CONTAINER_FULL, /* beyond 80 % */
    STREAM_CONTAINER_EMPTIED,
    STREAM_CONTAINER_PARTIAL, /* something was taken out, the container not emptied: somebody should say what
                               */
    STREAM_CONTAINER_SWAPPED, /* another container stands there */
};
const char *stream_event_word(enum stream_event_kind k); /* "surplus", "surplus_ended", "emptied", ... */

struct stream_event {
    enum stream_event_kind kind;
    struct utc time;
    double value;      /* of the stream when it happened; of containers: the mass taken out, kg */
    double amount;     /* SURPLUS_ENDS: the integral over the time it lasted (kWh, m3, kg); else NaN */
    int64_t lasted_ms; /* SURPLUS_ENDS */
    bool recurring;    /* a surplus that came in the same hour of the week in 3 of the last 4 weeks */
    char text[200];    /* a sentence for people */
};

/* One hour of UTC of one stream, for the ledger. */
struct stream_hour {
    int64_t hour;     /* hours since 1970-01-01 UTC */
    double amount;    /* integral of the value while known (kWh, m3, kg, h); of a container: what came in */
    double internal;  /* of it used on the site itself, already subtracted from `amount` */
    double surplus;   /* amount while in surplus */
    double taken;     /* containers: kg taken away */
    double low, high; /* of the value; NaN when it was never known */
    int32_t known_s;  /* seconds for which the value was known: coverage = known_s / 3600 */
    int32_t surplus_s;
};

struct stream_hooks {
    void (*event)(void *arg, const struct stream *s, const struct stream_event *e);
    void (*hour)(void *arg, const struct stream *s, const struct stream_hour *h); /* once per closed hour */
    void *arg;
};

/*
 * Compiles. What is wrong goes to `d`, with the nearest known word; then, or when memory is out, NULL.
 * `names` answers for "meter.point" and for names of streams; calendar and hooks (may be NULL) are copied,
 * what the calendar points to, and `c`, live as long as the stream. A stream that names another must be
 * settled after it (stream_inputs tells).
 */
struct stream *stream_new(const struct stream_config *c, const struct expression_names *names,
                          const struct expression_calendar *calendar, const struct stream_hooks *hooks,
                          struct diagnostics *d);
void stream_free(struct stream *s);

const struct stream_config *stream_config(const struct stream *s);
const char *stream_name(const struct stream *s);
const struct unit *stream_unit(const struct stream *s);        /* of the value */
const struct unit *stream_amount_unit(const struct stream *s); /* of its integral: kWh, m3, kg, h */
enum provenance stream_provenance(const struct stream *s);
/* The expression that it is worked out with, for people; "" when it is declared. */
const char *stream_formula(const struct stream *s);

/* What it is to be fed with: each name once. */
size_t stream_inputs(const struct stream *s);
const char *stream_input(const struct stream *s, size_t input);
const struct expression_source *stream_input_source(const struct stream *s, size_t input);
/* How often a value comes, as slow as the slowest input, ms; 0: not known. It is known for three times that.
 */
int64_t stream_every_ms(const struct stream *s);

/* NAN: unknown. */
void stream_feed(struct stream *s, size_t input, struct utc t, double value);
void stream_settle(struct stream *s, struct utc t);
void stream_tick(struct stream *s, struct utc t);

/* ---- What is known of it ---- */

enum stream_state stream_state(const struct stream *s);
/* What it gives now, after internal use; NAN: unknown at `t`. */
double stream_value(const struct stream *s, struct utc t);

/* Fields for MQTT symbiont/<site>/streams/<stream>/state and InfluxDB `streams`: "value", "typical",
 * "container_net", ... Only what is known. */
struct stream_field {
    const char *name; /* lives as long as the stream */
    const char *unit; /* "" when it has none */
    double value;
};
#define STREAM_FIELDS_MAX 48
size_t stream_fields(struct stream *s, struct utc t, struct stream_field *out, size_t max);

/* From this amount on it is surplus, in its unit; NaN: it cannot be. */
double stream_threshold(const struct stream *s);
/* Of heat, cold, steam: temperatures of the warmer and the colder pipe, and the absolute pressure, as far as
 * the settings name them and they are known at `t`; else NaN. */
struct stream_conditions {
    double supply, back; /* degC */
    double pressure;     /* bar */
};
void stream_conditions(const struct stream *s, struct utc t, struct stream_conditions *out);
/* The mean of each month over that of the strongest, 0..1. False until a year has been seen. */
bool stream_months(const struct stream *s, float share[static 12]);

/* Availability by hour of the week (0: Monday 00:00 local). NaN where there is no history yet. */
struct stream_profile {
    float firm[168], typical[168], peak[168]; /* P20, P50, P80 */
    bool recurring[168];                      /* surplus in 3 of the last 4 weeks */
    unsigned weeks;                           /* that it rests on, 12 at most */
    bool seasonal; /* winter and summer differ by more than 25 %: only weeks of this half year */
    double mean_firm, mean_typical; /* over the recurring hours, else over all */
    double coverage;                /* of good data in the last 4 weeks, 0..1 */
    bool offerable;                 /* recurring hours, firm >= 50 % of typical, coverage >= 90 % */
};
void stream_profile(const struct stream *s, struct utc t, struct stream_profile *out);

/* The next 168 hours from the hour that begins after `t`. `error`: mean absolute error of earlier forecasts
 * over the mean of what came, NaN: none yet. False without history. */
bool stream_forecast(const struct stream *s, struct utc t, double out[static 168], double *error);
/*
 * What is usual for the hour of `t`, holidays left out; NaN. By the regression over hour of the week, outdoor
 * temperature and production where these are given, known, and the regression is good enough; else the median
 * of that hour of the week in the last 8 weeks.
 */
double stream_baseline(const struct stream *s, struct utc t);
/* How good the regression is: CV(RMSE) and NMBE of hours foretold before they were known, as shares; NaN. */
struct stream_fit {
    double cv, bias;
    bool accepted;
};
struct stream_fit stream_fit(const struct stream *s);
/* Weight of the provenance times coverage times firmness (P20/P50), 0..1. */
double stream_confidence(struct stream *s, struct utc t);
/* Share of the last 4 weeks in which it was known, 0..1; NaN without history. */
double stream_coverage(struct stream *s, struct utc t);

/* ---- Over a restart ---- */

/*
 * Two things bring a stream back: the hours of its last 54 weeks, in order, out of the ledger (they make
 * profile, baseline and forecast), and the bytes of stream_save (the open hour, the surplus state, the
 * container, the windows), which are small and belong into the same commit as the hours that were closed
 * before.
 */
void stream_recall(struct stream *s, const struct stream_hour *h);
#define STREAM_RECALL_HOURS (54 * 168)
/* At a reload: the history of the stream that it was before. False, and nothing done, when that one had
 * another name or unit. */
bool stream_inherit(struct stream *s, const struct stream *from);

void stream_save(struct stream *s, struct buf *out);
/* False, and the stream untouched, when the bytes are damaged or of a stream of another name or unit. After a
 * change of the formula or the thresholds the open hour is kept, state and windows begin anew. */
bool stream_restore(struct stream *s, const void *data, size_t n);
/* Bytes of memory it takes. */
size_t stream_memory(const struct stream *s);

/* ---- Needs ---- */

struct limit_config {
    struct settings common;
    char *name, *low, *high; /* `min`, `max`: amounts */
};

struct need_config {
    struct settings common;
    char *name, *title;
    int resource, medium;
    char *power, *flow, *mass; /* how much: one of them */
    double in, out;            /* degC; see option_given */
    char *profile;             /* "weekdays 6-22" */
    struct texts codes;        /* `low`: waste codes that are taken */
    struct groups limits;      /* struct limit_config */
    struct offer_config ask;
};
extern const struct section needs_section; /* "needs", OPTION_GROUPS */

struct need {
    const struct need_config *config;
    double amount;           /* in `unit` */
    const struct unit *unit; /* kW, m3/h, kg/h */
    uint8_t hours[21];       /* bit h of 168: wanted in that hour of the week */
    uint32_t wanted_hours;   /* how many */
};
/* Checks and derives; what is wrong goes to `d`. Provenance of a need is always `declared`. */
bool need_compile(const struct need_config *c, struct need *out, struct diagnostics *d);

/* "weekdays 6-22", "mon-fri 6-22, sat 8-12", "always" -> bit h of 168. False with a sentence in `why`. */
bool schedule_parse(const char *text, uint8_t out[static 21], char *why, size_t why_size);
/* "2026-12-24" -> days since 1970-01-01. */
bool date_parse(const char *text, int64_t *day);
static inline bool schedule_has(const uint8_t hours[static 21], unsigned hour_of_week)
{
    return hours[hour_of_week / 8] >> (hour_of_week % 8) & 1;
}

#endif
