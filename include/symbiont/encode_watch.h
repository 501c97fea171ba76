/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts and streams as others want them: JSON for MQTT (and `symbiont replay`), line protocol for InfluxDB.
 * Pure. docs/mqtt.md and docs/rules.md describe both.
 */
#ifndef SYMBIONT_ENCODE_WATCH_H
#define SYMBIONT_ENCODE_WATCH_H

#include "symbiont/json.h"
#include "symbiont/rule.h"
#include "symbiont/stream.h"

/*
 * {"ts":...,"id":"idle_compressor/1764000000000","rule":"idle_compressor","state":"began","severity":"warning",
 *  "text":"...","cause":"condition","since":...,"began":...,"values":{"compressor.active_power":17.2}}
 * The id is that of the alert: the same when it begins, stands and ends.
 */
void encode_json_alert(struct json *j, const struct alert *a);
/* alerts,rule=idle_compressor,severity=warning,site=mill active=true,state="began",text="..." 1764000000000
 */
bool encode_line_alert(struct buf *out, const char *site, const struct alert *a);

/* {"ts":...,"stream":"furnace_heat","state":"surplus","text":"...","value":415.2,"unit":"kW",...} */
void encode_json_stream_event(struct json *j, const struct stream *s, const struct stream_event *e);
bool encode_line_stream_event(struct buf *out, const char *site, const struct stream *s,
                              const struct stream_event *e);

/* {"ts":...,"state":"idle","resource":"heat",...,"value":415.2,"value_unit":"kW",...} */
void encode_json_stream(struct json *j, struct stream *s, struct utc t);
/* streams,site=mill,stream=furnace_heat value=415.2,... */
bool encode_line_stream(struct buf *out, const char *site, struct stream *s, struct utc t);

#endif
