/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile is what is known of a device model: its points, limits and quirks, in one file
 * conf/profiles/<name>.conf. A meter is a profile (or none) with its own points on top. Compiling
 * resolves names, units and defaults, and checks them, with every error at file:line.
 */
#ifndef SYMBIONT_PROFILE_H
#define SYMBIONT_PROFILE_H

#include "symbiont/config.h"
#include "symbiont/point.h"

/* Directories searched for profiles, first hit wins: the user's, then the packaged one, and
 * `unverified/` below each only when the meter says so. */
struct profile_path {
    const char *directories[4]; /* each one directory or several joined by colons; NULL ends */
};

/* SYMBIONT_PROFILES (colon-separated) when set, else /etc/symbiont/profiles and DATADIR/profiles. */
struct profile_path profile_path_default(void);

enum confidence { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };

/* What a request to a device may be. */
struct request_limits {
    uint16_t max_registers; /* 1..125 */
    uint16_t max_bits;      /* 1..2000 */
    uint16_t max_gap;       /* registers nobody asked for that may be read to join two points */
    bool merge;             /* false: one request per point */
};

/* Timing and habits of a device; a line's and a meter's settings override (0 or -1: not set). */
struct device_timing {
    int64_t timeout_ns;       /* response timeout */
    int64_t pause_ns;         /* between an answer and the next request */
    int64_t connect_pause_ns; /* between connecting and the first request */
    int in_flight;            /* requests outstanding on one connection */
    int close_after_cycle;    /* -1 not set, else 0 or 1: serves one client at a time */
};

/* One thing that tells a model from others: a number it holds. */
struct fingerprint {
    struct point point; /* where and how it stands; not scaled */
    const double *equals;
    size_t n;        /* it is one of these, when there are any */
    double min, max; /* and within these; -INFINITY, INFINITY: no limit */
};

/* Does the answer, data of the point's own registers, show this fingerprint? */
bool fingerprint_matches(const struct fingerprint *f, const uint8_t *data);

/* A compiled set of points with what is known of their device. All memory belongs to the config it
 * was compiled into. */
struct device {
    const char *profile; /* name, or NULL: only the meter's own points */
    const char *vendor, *model, *medium, *serial_mode;
    enum confidence confidence;
    int unit_id;  /* the factory's setting, -1: not stated */
    bool sunspec; /* the points' addresses are offsets from a model that is found by walking: sunspec.h */
    const uint16_t *sunspec_models; /* ids of the models that will do */
    size_t sunspec_model_count;
    const struct fingerprint *fingerprints; /* all must match */
    size_t fingerprint_count;
    struct request_limits limits;
    struct device_timing timing;
    struct point *points;
    size_t n;
    const char *unscaled_weight; /* a point of a weighing device that is published as whole kg because nobody
                                  * has said where the display's decimal point is; NULL: there is none */
};

/* The rows of a profile file and of a meter's own `points`; for the man page and `profiles`. */
extern const struct section profile_section;
extern const struct section point_section;

/* The orders of bytes a whole device can have, by the example of a 32-bit value; 1 + enum byte_order. */
extern const struct choice order_choices[];

/* As read from the files, before compiling (profile.c documents the fields by its tables). */
struct point_config;
struct profile_config;

struct device_request {
    const char *profile;             /* or NULL */
    const struct groups *own_points; /* of point_section; a name that exists in the profile overrides
                                        the settings given, a new name adds a point */
    double ct_ratio, vt_ratio;       /* 0 counts as 1 */
    bool unverified;                 /* low-confidence profiles may be used */
    int order;          /* value of order_choices: how the bytes lie in this device; 0: as the profile says */
    struct texts only;  /* when not empty: publish only these points */
    struct place place; /* of the meter, for errors */
    const char *subject;         /* "meter \"boiler_2\"" */
    struct profile_cache *cache; /* or NULL: what was read for other meters of the same owner and path */
};

/* A thousand meters of one model read its profile once, and those without settings of their own share one
 * struct device. Free it when the last meter is compiled; the devices stay. NULL when memory is out. */
struct profile_cache *profile_cache_new(void);
void profile_cache_free(struct profile_cache *c);

/*
 * Compiles into memory of `owner`. Errors go to `d`; NULL when there is any. A point in a profile that the
 * limits of the profile do not let through in one request is an error; limits that a meter narrows
 * further have to be checked with device_widest.
 */
const struct device *device_compile(struct config *owner, const struct profile_path *path,
                                    const struct device_request *request, struct diagnostics *d);

/* The point that takes most registers; NULL when there is none in registers. */
const struct point *device_widest(const struct device *device);

/* The file that holds a profile; false when there is none. `unverified`: look below unverified/ too. */
bool profile_find(const struct profile_path *path, const char *name, bool unverified, char *file,
                  size_t size);

/* What a profile says of its model beside the points, for people. */
struct profile_about {
    const char *vendor, *model, *medium, *addressing, *serial_mode; /* the last two may be NULL */
    enum confidence confidence;
    const char *order; /* "abcd", ..., "unknown" */
    struct texts transport, sources, notes;
    int unit_id; /* -1: not stated */
};

const char *confidence_text(enum confidence c); /* "low", "medium", "high" */

/* Reads it from a profile's file. Everything in `out` belongs to the config returned; NULL (and an error in
 * `d`) when the file cannot be used. */
struct config *profile_about(const char *file, struct profile_about *out, struct diagnostics *d);

/* Calls `each` for every profile found on the path, sorted by name; an overridden one only once. False:
 * memory or descriptors were out, some are missing. */
bool profile_each(const struct profile_path *path,
                  void (*each)(void *arg, const char *name, const char *file, bool unverified), void *arg);

#endif
