/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a stream share. Private to src/streams. */
#ifndef SYMBIONT_STREAM_INSIDE_H
#define SYMBIONT_STREAM_INSIDE_H

#include "streams/container.h"
#include "streams/model.h"
#include "streams/surplus.h"
#include "streams/week.h"
#include "symbiont/stream.h"
#include "symbiont/waste.h"

enum { FUEL_GAS, FUEL_OIL };

enum { STREAM_INPUTS_MAX = 96, STREAM_QUALITY_MAX = 16, STREAM_PARTS = 8 + STREAM_QUALITY_MAX };

/* One compiled expression of the stream. */
struct part {
    struct expression *program; /* NULL: there is none */
    struct expression_state *state;
    uint8_t input_of[EXPRESSION_MAX_INPUTS]; /* per slot */
    const char *name, *unit;
};
enum {
    PART_VALUE,
    PART_INTERNAL,
    PART_DIFFERENCE,
    PART_DRIVER,
    PART_QUALITY = PART_DRIVER + MODEL_DRIVERS,
    PART_SUPPLY = PART_QUALITY + STREAM_QUALITY_MAX, /* for stream_conditions alone */
    PART_BACK,
    PART_PRESSURE,
};

struct days {
    int64_t first, last; /* local day numbers, both included */
};

/* The hour that is not over yet, in value times milliseconds. */
struct open_hour {
    int64_t hour;
    double amount, internal, surplus, came_in, taken, low, high;
    int64_t known_ms, surplus_ms;
    double driver[MODEL_DRIVERS]; /* times milliseconds */
    int64_t driver_ms[MODEL_DRIVERS];
};

struct stream {
    const struct stream_config *config;
    struct expression_calendar calendar;
    struct stream_hooks hooks;
    const struct unit *unit, *amount_unit;
    enum provenance provenance;
    char *formula;
    const char *inputs[STREAM_INPUTS_MAX];
    struct expression_source sources[STREAM_INPUTS_MAX];
    size_t input_count;
    size_t own_inputs; /* those after them move nothing: drivers of the baseline */
    bool fed;          /* one of its own came since the last settle */
    struct part parts[STREAM_PARTS];
    size_t part_count; /* up to the last one that is compiled */
    int64_t every_ms, hold_ms;

    double declared;   /* PROVENANCE_DECLARED without an expression */
    uint8_t hours[21]; /* when the declared amount is there */
    struct days *shutdown;
    size_t shutdown_count;
    struct surplus_rule rule;
    bool can_surplus, has_container;
    struct container_rule container_rule;
    const struct waste_code *waste;

    bool started, gap;
    int64_t last_ms; /* of the newest sample */
    int64_t high_ms; /* time up to this is accounted for */
    double value, internal;
    double difference; /* warm minus cold pipe, K */
    struct surplus surplus;
    bool recurring; /* the surplus that is on */
    struct container container;
    struct open_hour hour;
    struct week_history *history;
    struct model *model; /* NULL: the baseline has no drivers */
    double driver[MODEL_DRIVERS];
    double ratio; /* of the last seven days to the usual, as of ratio_day */
    int64_t ratio_day;
    bool season;
    double coverage, firmness; /* of the last weeks, renewed once per hour */
    int64_t coverage_hour;     /* for which they were: hours since 1970, plus one */
};

/* stream_value.c: the expression of the virtual meter that the settings describe, malloc'd; NULL after
 * diagnostics. */
char *virtual_meter(const struct stream_config *c, const struct expression_names *names,
                    enum provenance *provenance, struct diagnostics *d);

/* stream_time.c */
void stream_say(struct stream *s, enum stream_event_kind kind, int64_t ms, double value, double amount,
                int64_t lasted, const char *format, ...) __attribute__((format(printf, 7, 8)));
void stream_hour_reset(struct stream *s, int64_t hour);

/* stream_save.c: of name, unit and whether there is a container. */
uint64_t stream_identity(const struct stream *s);
/* Of what the regression is over. */
uint64_t stream_model_identity(const struct stream *s);

/* stream_history.c */
bool stream_day_excluded(const struct stream *s, int64_t day);
bool stream_day_shut(const struct stream *s, int64_t day);
void stream_history_add(struct stream *s, const struct stream_hour *h, bool live);
/* The hour's drivers go with it into the regression. */
void stream_learn(struct stream *s, const struct stream_hour *h, const struct open_hour *o);
bool stream_recurs(const struct stream *s, struct week_place now, unsigned hour);

#endif
