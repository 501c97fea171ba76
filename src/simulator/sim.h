/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator's inside: a plant has lines, a line has ports (a pty line: one), a port has units and the
 * peers connected to it. Files: sim_plant.c (building, starting, ending), sim_line.c (listening, ptys),
 * sim_peer.c (bytes in and out), sim_deliver.c (when answers leave), sim_meter.c (a unit), sim_rule.c (values
 * over time), sim_layout.c (values into registers), sim_command.c, sim_stats.c, sim_control.c (orders and
 * reports), sim_config.c (the plant file).
 */
#ifndef SIM_H
#define SIM_H

#include <stdio.h>

#include "sim_codec.h"
#include "sim_fault.h"
#include "sim_image.h"
#include "sim_layout.h"
#include "symbiont/simulator.h"

#define SIM_SCRATCH 65536

struct sim_line;
struct sim_port;
struct sim_peer;

/* A simulated unit. Copies are units of their own. */
struct sim_meter {
    char *name;
    struct simulator *sim;
    struct sim_meter *next; /* in simulator.meters' order */
    int template_index;     /* which simulator_meter call it came from */
    uint32_t number;        /* what encoded values carry */
    uint64_t seed;          /* of its noise */
    int unit_id;
    struct sim_image image;
    uint16_t max_registers, max_bits;
    int64_t delay_ns, jitter_ns;
    struct sim_fault *faults;
    size_t fault_count;

    const struct sim_layout *layout; /* NULL: registers only */
    struct sim_value *values;        /* one per point */
    uint64_t *reads;                 /* encode: how often each point was read */
    int64_t refresh_ns;
    struct mono refreshed; /* when values were last computed */
    uint64_t unfit;        /* values that their registers could not hold */

    uint64_t requests[5]; /* by function; 0: any other */
    uint64_t answers, exceptions, faulted;
};

struct sim_template {
    struct simulator_meter settings;
    char *name;
    struct sim_image image; /* registers given directly */
    struct sim_fault *faults;
    size_t fault_count;
    struct sim_layout layout; /* device NULL: none */
    struct sim_meter **meters;
    size_t meter_count;
};

/* A listening socket, or the one end of a pty. */
struct sim_port {
    struct watch watch;
    struct sim_line *line;
    uint16_t number;
    struct sim_meter *units[256];
    struct sim_peer *peers; /* newest first */
    int clients;
};

struct sim_line {
    struct simulator *sim;
    struct simulator_line settings;
    char *name, *listen, *pty, *mode;
    char host[64];
    char slave[64]; /* device of the pty's slave side */
    struct sim_port *ports;
    size_t port_count;
    int64_t char_ns, gap_ns; /* one character at `mode`; the silence that ends a frame */
    struct mono busy_until;  /* wire_speed: the last byte under way and the silence after it */
    bool running;
    uint64_t accepted, turned_away, lost_streams, noise, unknown_units, early;
    uint64_t requests[256]; /* by function code */
};

/* An answer that waits for its time. */
struct sim_pending {
    struct timer timer;
    struct sim_peer *peer;
    struct sim_pending *before, *after; /* of the same peer */
    size_t sent;
    struct sim_reply reply;
};

/* A connected client, or the master behind a pty. */
struct sim_peer {
    struct watch watch;
    struct timer silence; /* RTU: ends a frame that does not end by itself */
    struct timer listen;  /* pty: looks whether somebody has opened the other side */
    struct sim_port *port;
    struct sim_peer *before, *after;
    struct sim_pending *pending;
    struct mono last_due; /* of its delayed answers: they keep their order */
    struct buf out;       /* what the socket did not take yet */
    size_t in_len;
    bool rtu, tty, closing, doomed;
    uint8_t in[SIM_FRAME_MAX];
};

struct simulator {
    struct loop *loop;
    struct simulator_settings settings;
    struct mono started;
    double day_at_start;  /* simulated second of the day, and */
    int weekday_at_start; /* day of the week, 0 Sunday */
    struct timer pause;   /* tick_ns: sleeps at the end of a turn */
    uint64_t random;
    struct sim_line **lines;
    size_t line_count;
    struct sim_template **templates;
    size_t template_count;
    struct sim_meter *meters, **last_meter;
    uint32_t meter_count;
    struct sim_pending *free_pending;
    struct sim_peer *current; /* its bytes are being handled: answers gather in `out` */
    size_t out_len;
    uint64_t answers, forbidden, connections, slow_clients;
    struct sim_control *control;
    FILE *witness; /* the caller's; NULL: none */
    uint8_t in[SIM_SCRATCH], out[SIM_SCRATCH];
};

/* 64 even bits, repeatable from the seed. */
uint64_t sim_random(struct simulator *s);

/* The simulated moment. */
struct sim_moment sim_moment_at(const struct simulator *s, struct mono now);

/* sim_plant.c */
/* Rules for a meter with a device (one per point, taken over), faults. False with a sentence in `why`. */
bool sim_template_rules(struct simulator *s, int meter, struct sim_rule *rules, char *why, size_t why_size);
bool sim_template_fault(struct simulator *s, int meter, const struct sim_fault *f);

/* sim_meter.c */
/* A unit from its template; NULL with errno. */
struct sim_meter *sim_meter_make(struct simulator *s, int template_index, const char *name, int unit_id);
void sim_meter_free(struct sim_meter *m);
/* Answers a read. Returns the PDU's length. */
size_t sim_meter_read(struct sim_meter *m, const struct sim_request *r, struct mono now, uint8_t *pdu);
/* With `encode`: a line to the witness for each point that was read. `fault`: enum sim_fault_kind. */
void sim_meter_witness(const struct sim_meter *m, const struct sim_request *r, int fault);
/* Holds a point at a value from now on. False: no such point, or its registers cannot hold it. */
bool sim_meter_hold(struct sim_meter *m, const char *point, double value);

/* sim_line.c */
int sim_line_start(struct sim_line *l, char *why, size_t why_size);
void sim_line_stop(struct sim_line *l); /* port closed, peers dropped; meters stay */
void sim_line_drop(struct sim_line *l, bool reset);

/* sim_control.c */
struct sim_control;
void sim_control_free(struct sim_control *c);

/* sim_peer.c */
struct sim_peer *sim_peer_open(struct sim_port *port, int fd, bool rtu, bool tty);
void sim_peer_close(struct sim_peer *p, bool reset);
/* Memory of a closed one, when its own handler has returned. */
void sim_peer_free(struct sim_peer *p);
/* Bytes to the descriptor now, what it does not take later; `answer` gathers those of one turn. */
void sim_peer_send(struct sim_peer *p, const uint8_t *bytes, size_t n);
void sim_peer_answer(struct sim_peer *p, const uint8_t *bytes, size_t n);

static inline struct simulator *sim_of_peer(const struct sim_peer *p)
{
    return p->port->line->sim;
}

/* sim_deliver.c */
void sim_deliver(struct sim_peer *p, struct sim_reply *r, size_t request_bytes, struct mono now);
void sim_pending_release(struct sim_pending *w);

#endif
