/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the points of a device to registers, the way back of decoding: which registers exist, in which order
 * values are worked out, and the scale factors, unit codes, sign bits and fractions that go with them. Made
 * once for a meter and shared by its copies.
 */
#ifndef SIM_LAYOUT_H
#define SIM_LAYOUT_H

#include "sim_image.h"
#include "sim_rule.h"
#include "symbiont/profile.h"

/* What a point is for others. */
enum sim_role {
    SIM_ROLE_VALUE,    /* itself */
    SIM_ROLE_EXPONENT, /* its number is chosen so that others fit */
    SIM_ROLE_CODE,
    SIM_ROLE_ORDER,
    SIM_ROLE_SIGN,     /* bits are added to it */
    SIM_ROLE_FRACTION, /* gets what the whole number of another leaves over */
    SIM_ROLE_COVERED,  /* part of a register that is a value as a whole, and nobody gave it one of its own */
    SIM_ROLE_IDENTITY, /* stands where the model's fingerprint or the SunSpec header is: left alone */
};

struct sim_layout {
    const struct device *device;
    uint32_t base;          /* added to the points' addresses: where the SunSpec model begins */
    struct sim_rule *rules; /* one per point */
    uint8_t *roles;         /* enum sim_role per point */
    uint16_t *order;        /* points in the order their values are worked out */
    uint16_t *writing; /* points in the order they are written: sign bits after what they are the sign of,
                          parts of a register after the whole */
    bool live;         /* some value changes with time */
    bool counters;     /* some value depends on how it came to be */
    bool astride;      /* some registers belong to two values: see sim_layout_alone */
};

/* A value under way. */
struct sim_value {
    double number; /* published unit */
    double before; /* the one before, for integrals */
    bool fixed;    /* set by order; its rule rests */
};

/*
 * Takes the rules (one per point; rules not `given` become plausible values) and chooses the numbers of scale
 * factors and codes. False with a sentence in `why`: rules that go in circles, or a value that its registers
 * cannot hold.
 */
bool sim_layout_make(struct sim_layout *l, const struct device *device, struct sim_rule *rules, char *why,
                     size_t why_size);
void sim_layout_free(struct sim_layout *l);

/* Makes the registers of all points exist, with the model's fingerprint, SunSpec marker and headers; model 0:
 * by the profile. */
int sim_layout_registers(const struct sim_layout *l, int sunspec_model, struct sim_image *image);

/* Values at the start. */
void sim_layout_begin(const struct sim_layout *l, struct sim_value *values);
/* Values `step_s` simulated seconds later, at a moment; seed_base + i seeds point i. */
void sim_layout_advance(const struct sim_layout *l, struct sim_value *values, const struct sim_moment *at,
                        double step_s);
/* Writes all values into their registers. Returns how many did not fit. */
size_t sim_layout_write(const struct sim_layout *l, struct sim_value *values, struct sim_image *image);
/*
 * Some devices answer a read of exactly these registers with something else than a longer read shows there:
 * the identity of the model (Carlo Gavazzi's register 11), or a value whose second half is where its
 * neighbour's first is (VPFlowScope). Fills `data` (count * 2 bytes) and returns true for such a read.
 */
bool sim_layout_alone(const struct sim_layout *l, struct sim_value *values, int table, uint16_t address,
                      uint16_t count, uint8_t *data);
/* Writes a raw number into point i's registers, scale and dependencies aside. */
bool sim_layout_write_raw(const struct sim_layout *l, size_t i, double raw, struct sim_image *image);

#endif
