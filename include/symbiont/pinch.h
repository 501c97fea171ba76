/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heat integration of a list of streams by the problem table algorithm (Linnhoff and Flower 1978; Kemp,
 * "Pinch Analysis and Process Integration", ch. 3): how much heat must come from outside, how much must
 * leave, and where the pinch lies, whatever network is built. Pure.
 */
#ifndef SYMBIONT_PINCH_H
#define SYMBIONT_PINCH_H

#include <stddef.h>

/* A stream that gives heat (supply above target) or takes it (supply below target). Supply equal to target
 * is latent heat: `kw` above 0 gives (condensation), below 0 takes (evaporation). */
struct pinch_stream {
    double supply_c, target_c; /* degC */
    double kw;                 /* heat load; its sign matters only for latent heat */
    double dt_contribution_k;  /* its own share of the minimum approach; < 0: half of dt_min */
};

/* A boundary between two intervals of the table, from hot to cold. */
struct pinch_row {
    double shifted_c;   /* hot streams shifted down, cold ones up, by their share of the minimum approach */
    double net_cp;      /* kW/K of hot minus cold streams in the interval below this row; 0 in the last row */
    double interval_kw; /* surplus (> 0) or deficit (< 0) of the interval below this row */
    double cascade_kw;  /* heat flowing past this row once the hot utility is supplied */
};

struct pinch_result {
    double hot_utility_kw, cold_utility_kw;
    double recovered_kw; /* heat exchanged between the streams */
    double hot_total_kw, cold_total_kw;
    int has_pinch;                    /* 0 for threshold problems: only one utility is needed, or none */
    double pinch_shifted_c;           /* the hottest row where nothing flows past */
    double pinch_hot_c, pinch_cold_c; /* with half of dt_min to either side */
    struct pinch_row *rows;           /* malloc'ed; freed by pinch_free */
    size_t n;
};

/* A latent stream is given this width, as a stream that cools or heats by so little. */
#define PINCH_LATENT_K 0.001

/* dt_min_k >= 0. Returns 0, or -1 with errno: ENOMEM; EINVAL when a value is not finite or dt_min is
 * negative. */
int pinch_solve(const struct pinch_stream *streams, size_t n, double dt_min_k, struct pinch_result *out);
void pinch_free(struct pinch_result *r);

#endif
