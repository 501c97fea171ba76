/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of making a device: settings gathered, each point compiled, points linked to each other. */
#ifndef SYMBIONT_METERS_COMPILE_H
#define SYMBIONT_METERS_COMPILE_H

#include "meters/point_options.h"

/* More points than any meter has; what follows takes time in the square of it. */
#define COMPILE_POINTS_MAX 2000

struct compile {
    struct config *owner;
    struct diagnostics *diag;
    const struct device_request *request;
    const struct profile_config *profile; /* NULL: none */
    struct request_limits limits;         /* the profile's */
    struct point_config *settings;        /* of each point, as they hold in the end; freed by the caller */
    struct point *points;                 /* in the owner's memory */
    size_t n;
    bool bad;    /* something was wrong: there is no device */
    bool failed; /* memory is out */
};

/* All stages, from owner, diag, request and profile. There is a device unless it is bad or has failed. */
struct device *compile_device(struct compile *c);

/* Profile and own points, overridden, bits made points, those that nobody wants left out: c->settings. */
void compile_gather(struct compile *c);
/* Each of c->points by itself. */
void compile_points(struct compile *c);
/* Unit, scale and limits of a number in registers, and of one that is computed; part of compile_points. */
void compile_number(struct compile *c, const struct point_config *k, struct point *p);
void compile_published(struct compile *c, const struct point_config *k, struct point *p);
/* What depends on what. */
void compile_links(struct compile *c);

/* An error of the configuration. (The diagnostics alone do not tell: they take the same error once.) */
void compile_wrong(struct compile *c, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* `point "x" of meter "y": ...` at the point's place. */
void compile_error(struct compile *c, const struct point_config *k, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A copy in the owner's memory; NULL for NULL, and when memory is out. */
const char *compile_keep(struct compile *c, const char *text);
void *compile_alloc(struct compile *c, size_t size);

/* The flags of enum byte_order in force for the device, and for a point. */
uint8_t compile_device_order(const struct compile *c);
uint8_t compile_order(const struct compile *c, const struct point_config *k);
/* enum modbus_table in force, 0: it was not said. */
int compile_table(const struct compile *c, const struct point_config *k);

#endif
