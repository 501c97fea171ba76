/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's time zone, without the C library's single, process-wide one: local hours and days of any
 * instant, for rules, profiles by hour of the week and reports. Pure once opened; NULL means UTC.
 */
#ifndef SYMBIONT_ZONE_H
#define SYMBIONT_ZONE_H

#include <stddef.h>
#include <stdint.h>
#include "symbiont/clock.h"

struct zone;

/* "Europe/Paris", from the system's zone files (TZDIR, else /usr/share/zoneinfo). NULL with a sentence in
 * `why`. */
struct zone *zone_open(const char *name, char *why, size_t why_size);
/* From the bytes of a zone file (RFC 8536); NULL when they are not one. */
struct zone *zone_parse(const void *data, size_t n);
void zone_free(struct zone *z);

/* Seconds east of UTC in force at `t`. */
int32_t zone_offset(const struct zone *z, struct utc t);

/* Local date and time of day. */
struct civil {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second;
    int weekday;        /* 1 Monday .. 7 Sunday, ISO 8601 */
    int64_t day_number; /* days since 1970-01-01 of the local date */
};
struct civil zone_civil(const struct zone *z, struct utc t);

/* Days since 1970-01-01 of a date of the Gregorian calendar; month and day from 1. */
int64_t civil_day_number(int year, int month, int day);

#endif
