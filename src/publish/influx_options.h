/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the InfluxDB publisher. */
#ifndef PUBLISH_INFLUX_OPTIONS_H
#define PUBLISH_INFLUX_OPTIONS_H

#include <stdint.h>
#include "symbiont/buf.h"
#include "symbiont/config.h"
#include "thin.h"

struct influx_config {
    struct settings common;
    char *url;
    char *database, *retention_policy, *user, *password_file; /* InfluxDB 1.x */
    char *org, *bucket, *token_file;                          /* InfluxDB 2.x and later */
    char *ca_file, *certificate_file, *key_file;
    int64_t batch_lines, batch_bytes, batch_age_ns;
    int64_t connect_timeout_ns, timeout_ns;
    bool gzip;
    struct thin_config thin;
};

extern const struct section influx_section;

bool influx_configured(const void *settings);
void influx_check(const void *settings, int64_t spill_after_ns, struct diagnostics *d);

/* The address that lines are posted to, NUL-terminated: <url>/write?db=... or <url>/api/v2/write?org=... */
void influx_write_url(const struct influx_config *c, struct buf *out);

#endif
