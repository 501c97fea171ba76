/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site's configuration says, read whole and checked whole: the root table, and every meter
 * compiled against its profile. Used by the daemon and by the verbs that take -c.
 */
#ifndef SYMBIONT_SITE_H
#define SYMBIONT_SITE_H

#include "symbiont/exchange.h"
#include "symbiont/expression.h"
#include "symbiont/line.h"
#include "symbiont/meter.h"
#include "symbiont/outbox.h"
#include "symbiont/publisher.h"
#include "symbiont/rule.h"
#include "symbiont/stream.h"

struct site_group {
    struct settings common;
    char *id, *name, *territory, *nace, *timezone;
    double latitude, longitude;
    struct texts holidays;
};

enum durability { DURABILITY_SPILL, DURABILITY_ALWAYS };

struct storage_group {
    struct settings common;
    char *directory;
    int durability; /* enum durability */
    int64_t spill_after_ns, disk_max, memory_max;
    int64_t endurance; /* of the flash, bytes; 0: not known */
};

struct control_group {
    struct settings common;
    char *socket;
};

/* The root of symbiont.conf. */
struct site_root {
    struct settings common;
    struct site_group site;
    struct groups lines;  /* struct line_config */
    struct groups meters; /* struct meter_config */
    struct polling_config polling;
    struct storage_group storage;
    struct control_group control;
    struct groups streams; /* struct stream_config */
    struct groups needs;   /* struct need_config */
    struct groups rules;   /* struct rule_config */
    int log_level;         /* enum log_level */
};

/* The settings of the exchange and of publishers[i] lie behind the root: see site_exchange, site_publisher.
 */
const struct section *site_section(void);

/* A point that is computed from others, compiled. */
struct site_derived {
    size_t meter, point;
    struct expression *program; /* its sources' index is that of site_source */
};

struct site {
    struct config *config;
    const struct site_root *root;
    const struct device **devices;       /* per meter */
    size_t *line_of;                     /* per meter: index of its line */
    size_t *first_source;                /* per meter, and one more: see site_source */
    struct zone *zone;                   /* NULL: UTC */
    struct expression_calendar calendar; /* of that zone, and the holidays */
    struct site_derived *derived;        /* by meter, and in the order in which they are computed */
    size_t derived_count;
    int64_t *pace_ns;         /* per meter, 0: its own */
    int64_t *stream_every_ms; /* per stream: how often its value is expected */
    unsigned holders;
};

/*
 * Reads and checks. Errors and warnings go to `d`; the result is usable when diag_errors(d) == 0.
 * NULL when nothing could be read.
 */
struct site *site_load(const char *path, const struct profile_path *profiles, struct diagnostics *d);
/* For recorded data: its values of these meters come at this pace, whatever their `every` says. */
struct site_pace {
    char meter[64];
    int64_t every_ns;
};
struct site *site_load_paced(const char *path, const struct profile_path *profiles,
                             const struct site_pace *paces, size_t n, struct diagnostics *d);
/* One more holder: after a reload, what was kept from before still points into the old settings. */
struct site *site_hold(struct site *s);
/* One holder less; the last one frees. NULL is fine. */
void site_free(struct site *s);

static inline const struct line_config *site_line(const struct site *s, size_t i)
{
    return (const struct line_config *)s->root->lines.items + i;
}

static inline const struct meter_config *site_meter(const struct site *s, size_t i)
{
    return (const struct meter_config *)s->root->meters.items + i;
}

static inline const struct stream_config *site_stream(const struct site *s, size_t i)
{
    return (const struct stream_config *)s->root->streams.items + i;
}

static inline const struct rule_config *site_rule(const struct site *s, size_t i)
{
    return (const struct rule_config *)s->root->rules.items + i;
}

/* Everything that an expression can name has a number: the points, meter after meter, then the streams. */
static inline size_t site_source(const struct site *s, size_t meter, size_t point)
{
    return s->first_source[meter] + point;
}

static inline size_t site_source_of_stream(const struct site *s, size_t stream)
{
    return s->first_source[s->root->meters.n] + stream;
}

static inline size_t site_sources(const struct site *s)
{
    return site_source_of_stream(s, s->root->streams.n);
}

/*
 * The names that the i-th stream and any rule may use: points, and streams that stand before it. `scope` must
 * live as long as the result is used.
 */
struct site_scope {
    const struct site *site;
    size_t meter;   /* whose points need no "meter." before them; SIZE_MAX: none */
    size_t point;   /* the derived point that is being compiled; what stands after it is not computed yet */
    size_t streams; /* how many of the streams may be named */
    bool blocked;   /* a name is of a meter with errors of its own */
};
struct expression_names site_names_for_stream(const struct site *s, size_t i, struct site_scope *scope);
struct expression_names site_names_for_rules(const struct site *s, struct site_scope *scope);

/* How often a point is read, ns. */
int64_t site_every_ns(const struct site *s, size_t meter, const struct point *p);

/* How long a value is known that is read every so often: three periods, for one may be late and one lost. */
int64_t site_hold_ms(int64_t every_ns);

/* The settings of publishers[i]. */
const void *site_publisher(const struct site *s, size_t i);
const struct exchange_config *site_exchange(const struct site *s);
static inline const struct need_config *site_need(const struct site *s, size_t i)
{
    return (const struct need_config *)s->root->needs.items + i;
}

/* Where the meter stands among the meters of its line, and how many these are. */
size_t site_place_on_line(const struct site *s, size_t meter, size_t *count);

/* What line, meters and publishers of two readings of the file have in common: equal means that
 * nothing which concerns them changed. */
bool site_line_equal(const struct site *a, size_t i, const struct site *b, size_t j);
bool site_meter_equal(const struct site *a, size_t i, const struct site *b, size_t j);
bool site_publisher_equal(const struct site *a, const struct site *b, size_t publisher);
bool site_exchange_equal(const struct site *a, const struct site *b);

#endif
