/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles and points as read from the files: the structs behind profile_section and point_section. */
#ifndef SYMBIONT_METERS_POINT_OPTIONS_H
#define SYMBIONT_METERS_POINT_OPTIONS_H

#include "symbiont/profile.h"

/* A word of `type`, kept one higher than its enum point_type so that 0 is "not given". */
#define TYPE_CHOICE(type) ((int)(type) + 1)

/* A word of `order`: the flags of enum byte_order and how many bytes the word names; 0 is "not given". */
#define ORDER_CHOICE(bytes, flags) ((bytes) << 4 | (int)(flags))
#define ORDER_BYTES(choice)        ((choice) >> 4)
#define ORDER_FLAGS(choice)        ((choice)&3)

/* `order` of a profile whose sources do not say. */
#define ORDER_NOT_KNOWN 4

enum ratio { RATIO_NONE, RATIO_CT, RATIO_VT, RATIO_POWER };

/* A row of `factors`. */
struct factor_config {
    struct settings common;
    int64_t code;
    double factor;
};

/* A row of `bits`. */
struct bit_config {
    struct settings common;
    int64_t bit;
    char *name, *quantity, *description;
};

struct point_config {
    struct settings common;
    char *name, *quantity, *phase, *description;
    int table, type, order; /* 0: not given */
    int64_t address, words, bit, mask;
    double scale, offset;
    char *unit, *publish_unit;
    struct texts not_available;
    double min, max;
    int64_t every_ns;
    double modulus, max_rate;
    char *exponent_from, *decimals_from, *factor_from, *sign_from, *add_from, *order_from;
    struct groups factors; /* of factor_config */
    int64_t sign_mask, order_code;
    int ratio; /* enum ratio */
    bool hidden, integer;
    struct groups bits; /* of bit_config */
    char *expression;
};

/* What a model answers that others do not. */
struct fingerprint_config {
    struct settings common;
    int table, type, order;
    int64_t address;
    struct numbers equals;
    double min, max;
};

struct profile_config {
    struct settings common;
    char *vendor, *model;
    int medium, confidence;
    struct texts sources, notes;
    char *addressing;
    struct texts transport;
    char *serial;
    int64_t unit_id;
    int table, order;
    int64_t max_registers, max_bits, max_gap;
    bool merge;
    int64_t timeout_ns, pause_ns, connect_pause_ns;
    int64_t in_flight;
    bool close_after_cycle;
    bool sunspec;
    struct numbers sunspec_models;
    struct groups fingerprint; /* of fingerprint_config */
    struct groups points;      /* of point_config */
};

extern const struct section fingerprint_section;

/* Was the field given in the file? */
#define POINT_GIVEN(k, field) option_given(&point_section, (k), offsetof(struct point_config, field))
#define FINGERPRINT_GIVEN(f, field)                                                                          \
    option_given(&fingerprint_section, (f), offsetof(struct fingerprint_config, field))
#define PROFILE_GIVEN(p, field) option_given(&profile_section, (p), offsetof(struct profile_config, field))

/* Overwrites in `base` what is given in `over`, which stands for the same point. */
void point_config_override(struct point_config *base, const struct point_config *over);
/* Marks the setting at this offset of struct point_config as given. */
void point_config_give(struct point_config *k, size_t offset);

/* The word of a choice, for messages. */
const char *point_type_text(int type_choice);
const char *point_order_text(int order_choice);
const char *medium_text(int medium);

#endif
