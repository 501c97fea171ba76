/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a SunSpec device keeps a model. The registers begin with the marker "SunS" at 40000, 50000 or 0; then
 * come models, each an id, a length and so many registers; the id 0xFFFF ends them. ("SunSpec Device
 * Information Model Specification", section on Modbus mapping.) Walking the chain takes several requests, so
 * this is a pure state machine: it says what to ask next and is fed the answers.
 *
 *     struct sunspec s;
 *     struct modbus_ask ask = {.unit = unit};
 *     sunspec_start(&s, &want);
 *     while (sunspec_next(&s, &ask) == SUNSPEC_ASK)
 *         sunspec_answer(&s, (the answer to ask));
 *     // SUNSPEC_FOUND: s.base is to be added to the addresses of the points; SUNSPEC_FAILED: s.why says why
 *
 * The number of requests is bounded (SUNSPEC_MODELS_MAX), whatever the device answers.
 */
#ifndef SYMBIONT_SUNSPEC_H
#define SYMBIONT_SUNSPEC_H

#include <stddef.h>
#include <stdint.h>
#include "symbiont/modbus.h"
#include "symbiont/profile.h"

#define SUNSPEC_MODELS_MAX 64 /* of one device; real ones have up to about 30 */

/* What is looked for. */
struct sunspec_want {
    const uint16_t *models; /* ids that will do; must outlive the walk */
    size_t n;
    uint16_t words;    /* registers that it must have, its id and length included */
    unsigned instance; /* 0: the first such model, 1: the second (three meters behind one inverter) */
};

/* For the points of a device whose profile says `sunspec`. */
struct sunspec_want sunspec_want_of(const struct device *device);

enum sunspec_state {
    SUNSPEC_ASK,
    SUNSPEC_FOUND,
    SUNSPEC_FAILED, /* for now: the device did not answer, or has no such model */
};

struct sunspec {
    /* The result. */
    uint16_t base;         /* address of the model's id: offset 0 of the points */
    uint16_t model, words; /* its id; its registers, id and length included */
    char manufacturer[33], product[33], options[17], version[17],
        serial[33]; /* model 1 before it; "" if none */
    char why[160];  /* a sentence, when it failed */

    /* The walk's own. */
    struct sunspec_want want;
    enum sunspec_state state;
    uint8_t stage;
    uint8_t place; /* where the marker is looked for */
    bool answered; /* something came back at all */
    uint16_t at, id, length;
    unsigned matches;
    uint16_t seen[SUNSPEC_MODELS_MAX];
    size_t seen_count;
};

void sunspec_start(struct sunspec *s, const struct sunspec_want *want);

/* Fills function, address and count of the next request, and leaves the unit alone. */
enum sunspec_state sunspec_next(const struct sunspec *s, struct modbus_ask *ask);

/* The answer to what sunspec_next said last, or the verdict that there is none. */
void sunspec_answer(struct sunspec *s, const struct modbus_answer *answer);

#endif
