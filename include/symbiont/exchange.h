/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group `exchange` of symbiont.conf: who this site is in its territory, how it reaches the territory's
 * broker, whose word it believes there. docs/exchange.md is its manual.
 */
#ifndef SYMBIONT_EXCHANGE_H
#define SYMBIONT_EXCHANGE_H

#include "symbiont/config.h"

struct mqtt_config;

struct exchange_config {
    struct settings common;
    char *pseudonym, *key_file;
    char *coordinator_key, *coordinator_next_key; /* base64 of Ed25519 public keys */
    char *zone;                                   /* commune; NULL: the cell of the site's coordinates */
    double radius_m;                              /* of the zone, when it is a commune */
    char *name, *contact;                         /* released once both said yes, at level 4 and above */
    char *directory;                              /* NULL: `exchange` in the storage directory */
};

extern const struct section exchange_section;

/* Is the group there at all? */
static inline bool exchange_configured(const struct exchange_config *c)
{
    return c->common.place.file != NULL;
}

/* The connection's part of it, as an MQTT client wants it (src/publish/mqtt_options.h). `c` must be of a
 * section that was read. */
const struct mqtt_config *exchange_link(const struct exchange_config *c);

/* What is contradictory in the group itself. */
void exchange_check(const struct exchange_config *c, struct diagnostics *d);

/* The directory in force, into `out`; returns it. */
char *exchange_directory(const struct exchange_config *c, const char *storage, char *out, size_t size);

#endif
