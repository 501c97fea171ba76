/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readings as others want them: JSON for MQTT, line protocol for InfluxDB. Pure: a reading in, bytes
 * at the end of a buffer out. docs/mqtt.md describes both for their receivers.
 */
#ifndef SYMBIONT_ENCODE_H
#define SYMBIONT_ENCODE_H

#include "symbiont/buf.h"
#include "symbiont/outbox.h"
#include "symbiont/reading.h"

/* A reading that stands for several: its values are means (or extremes) over a stretch of time. */
struct encode_window {
    struct utc from;       /* beginning; the reading's own time is its end */
    const char *aggregate; /* "mean", "min", "max" */
    uint64_t readings;     /* how many went into it */
};

/* Words that the state message and InfluxDB use themselves: no point may have such a name. */
bool encode_name_reserved(const char *name);

/*
 * {"ts":1764000000000,"epoch":7,"seq":4711,"active_power":12.3,"bad":{"flow":"timeout"}}
 * Hidden points and those not due are absent. `window` may be NULL. Returns how many points were written,
 * good or bad; with 0 nothing was appended: there is nothing to tell.
 */
size_t encode_json_state(struct buf *out, const struct reading *r, const struct encode_window *window);

/* What a meter is and what its points mean: the retained `meta` document. */
void encode_json_meta(struct buf *out, const struct meter_info *m);

/* Messages of lane `lane` that had to go: the payload on `gaps`. */
void encode_json_gap(struct buf *out, const char *lane, const struct outbox_gap *gap, struct utc now);

/*
 * Line protocol, one line at a time. Tags are given in the order of their names; a tag without a
 * value is left out, as InfluxDB wants it. Escaping is done here.
 *
 *     struct influx_line l = influx_line_begin(&buf, "streams");
 *     influx_line_tag(&l, "site", site);
 *     influx_line_number(&l, "power", 812.5, false);
 *     if (!influx_line_end(&l, time)) ... no field was good: nothing was appended
 */
struct influx_line {
    struct buf *out;
    size_t begin;
    bool fields; /* it has one */
};

struct influx_line influx_line_begin(struct buf *out, const char *measurement);
void influx_line_tag(struct influx_line *l, const char *key, const char *value);
void influx_line_number(struct influx_line *l, const char *key, double value,
                        bool single); /* NaN, inf: left out */
void influx_line_integer(struct influx_line *l, const char *key, int64_t value);
void influx_line_bool(struct influx_line *l, const char *key, bool value);
void influx_line_text(struct influx_line *l, const char *key, const char *value);
bool influx_line_end(struct influx_line *l, struct utc time);

/*
 * meters,meter=boiler_2,site=mill active_power=12.3,state=3i 1764000000000\n
 * Integer fields only for points that are integers for ever; text points have no field. False, and nothing
 * appended, when no point is good.
 */
bool encode_line_reading(struct buf *out, const char *site, const struct reading *r);

#endif
