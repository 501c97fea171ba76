/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can go wrong with an answer, each kind a row of a table. A fault is chosen for a request by count, by
 * chance, or by time; what it does to the bytes is pure.
 */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "sim_codec.h"
#include "symbiont/config.h"

enum sim_fault_kind {
    SIM_FAULT_NONE,
    SIM_FAULT_SILENCE,
    SIM_FAULT_EXCEPTION,
    SIM_FAULT_LATE,
    SIM_FAULT_WRONG_TRANSACTION,
    SIM_FAULT_WRONG_PROTOCOL,
    SIM_FAULT_WRONG_LENGTH,
    SIM_FAULT_WRONG_UNIT,
    SIM_FAULT_WRONG_FUNCTION,
    SIM_FAULT_WRONG_COUNT,
    SIM_FAULT_BAD_EXCEPTION,
    SIM_FAULT_CRC,
    SIM_FAULT_TORN,
    SIM_FAULT_GARBAGE,
    SIM_FAULT_NOISE,
    SIM_FAULT_CLOSE,
    SIM_FAULT_DRIP,
    SIM_FAULT_STRAY,
    SIM_FAULT_DUPLICATE,
    SIM_FAULT_KINDS,
};

extern const struct choice sim_fault_choices[];
const char *sim_fault_word(enum sim_fault_kind kind);

struct sim_fault {
    uint8_t kind;
    uint8_t code;              /* of the exception; 0: the kind's own */
    uint32_t every;            /* every n-th request; 0: not by count */
    double probability;        /* 0..1; 0: not by chance (nor by count: always) */
    int64_t from_ns, until_ns; /* since the start; until 0: for ever */
    int64_t delay_ns;          /* late, drip; 0: the kind's own */
    uint64_t times;            /* ends after so many; 0: never */
    uint64_t seen, done;       /* requests looked at, faults done */
};

/* Does it strike this request? `since_ns`: since the start; `random`: 64 even bits. */
bool sim_fault_strikes(struct sim_fault *f, int64_t since_ns, uint64_t random);

/* "silence every=3 code=2 ...". False with a sentence in `why`. */
bool sim_fault_parse(const char *text, struct sim_fault *out, char *why, size_t why_size);

/* An answer with what a fault adds to it. Bytes go out at `delay`, then `chunk` at a time every `step`. */
struct sim_reply {
    uint8_t bytes[2 * SIM_FRAME_MAX + 8];
    size_t n; /* 0: nothing is sent */
    int64_t delay_ns;
    size_t chunk; /* 0: all at once */
    int64_t step_ns;
    bool overtakes; /* may come after answers to later requests */
    bool close;     /* the connection is closed after it */
};

/* Frames the PDU (at frame + SIM_HEAD) the way `f` wants it (NULL: rightly), into `out`. delay_ns holds the
 * meter's delay before. */
void sim_fault_frame(const struct sim_fault *f, uint8_t frame[static SIM_FRAME_MAX], size_t pdu,
                     const struct sim_request *request, bool rtu, uint64_t random, struct sim_reply *out);

#endif
