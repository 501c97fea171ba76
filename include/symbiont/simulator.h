/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * A simulated plant: Modbus devices on TCP ports and pseudo terminals, with values that live and
 * faults on order. It serves functions 1 to 4; anything else is answered with exception 1 and
 * counted, so that a run proves what a client sends. All calls are on the loop's thread.
 *
 *     struct simulator *s = simulator_new(loop, &(struct simulator_settings){.seed = 1});
 *     int line = simulator_line(s, &(struct simulator_line){.name = "hall", .listen = "127.0.0.1:0"}, why, n);
 *     int meter = simulator_meter(s, &(struct simulator_meter){.name = "boiler", .line = line, .unit_id = 3}, why, n);
 *     simulator_registers(s, meter, TABLE_HOLDING, 0, (uint16_t[]){0x4366, 0x3334}, 2);
 *     simulator_start(s, why, n);                          // sockets open
 *     ... connect to simulator_port(s, line, 0), turn the loop ...
 *     simulator_command(s, "fault boiler silence every=3", &answer);
 *     simulator_free(s);
 *
 * Or the same from a plant file: simulator_of_plant, then simulator_start.
 */
#ifndef SYMBIONT_SIMULATOR_H
#define SYMBIONT_SIMULATOR_H

#include "symbiont/buf.h"
#include "symbiont/json.h"
#include "symbiont/loop.h"
#include "symbiont/profile.h"

struct simulator;

struct simulator_settings {
    uint64_t seed;       /* of noise and of faults by chance: the same seed, the same run */
    double time_scale;   /* simulated seconds per second; 0 counts as 1 */
    int64_t tick_ns;     /* > 0: serves at most once per tick whatever has come by then. Waking up is what costs most
                            with a thousand meters polled one by one; answers are up to a tick later */
    const char *start;   /* simulated time at the start: "06:00", "mon 06:00"; NULL: the local time now */
};

struct simulator_line {
    const char *name;
    const char *listen;  /* "127.0.0.1:20000"; port 0: any free one. NULL: a pty */
    const char *pty;     /* the symbolic link to make to the slave side; "": none, see simulator_pty */
    const char *mode;    /* "9600 8N1": the default */
    int ports;           /* listen on so many consecutive ports (free ones with port 0), each with
                            meters of its own; 0 counts as 1 */
    int max_clients;     /* per port; 0: no limit */
    bool kick;           /* a client too many ends the oldest connection instead of its own */
    bool rtu_over_tcp;
    bool wire_speed;     /* bytes cost the time they take at `mode`; on TCP: a gateway to a serial line */
    bool silent_gateway; /* TCP: no answer for units that are not there, instead of exception 11 */
    bool closing_gateway; /* TCP: asking for them closes the connection */
    int64_t gateway_delay_ns; /* TCP: exception 11 (or the close) comes so much later; with wire_speed the line is busy
                            until then, as with a gateway that waits for its serial side */
};

struct simulator_meter {
    const char *name;
    int line;            /* as returned by simulator_line */
    int unit_id;         /* 0..255; -1: answers to every unit id (TCP) */
    int copies;          /* units unit_id, unit_id + 1, ... named name_0, name_1, ...; 0 counts as 1 */
    const struct device *device; /* its points become registers with plausible values; NULL: only
                            simulator_registers. Outlives the simulator */
    int64_t delay_ns;    /* each answer comes after delay plus 0..jitter, on a 1 ms grid; with jitter */
    int64_t jitter_ns;   /* answers may overtake one another */
    int64_t refresh_ns;  /* values are computed at most so often; 0: 100 ms */
    int max_registers, max_bits; /* a larger request is exception 3; 0: the device's, else 125, 2000 */
    int sunspec_model;   /* id of the model a SunSpec device serves; 0: 213 for float points, else 203 */
    bool encode;         /* every read returns who, where and how often: see simulator_encoded */
    int number;          /* with encode: the first unit's number, copies count on from it */
};

/* NULL: memory, or descriptors, are out. */
struct simulator *simulator_new(struct loop *loop, const struct simulator_settings *settings);
void simulator_free(struct simulator *s);

/* Return an index from 0, or -1 with a sentence in `why`. Strings are copied. */
int simulator_line(struct simulator *s, const struct simulator_line *line, char *why, size_t why_size);
int simulator_meter(struct simulator *s, const struct simulator_meter *meter, char *why, size_t why_size);

/* Gives a meter registers, or bits (0 or 1 each) in tables 1 and 2, before the start or after it.
 * Returns 0, or -1 with errno. */
int simulator_registers(struct simulator *s, int meter, enum modbus_table table, uint16_t address,
                        const uint16_t *words, size_t n);

/* The plant file: its settings as tables, and a simulator of what was read (errors go to `d`; NULL when there is
 * any). `plant` and `path` outlive it. */
extern const struct section plant_section;
struct plant_config {
    struct settings common;
    struct groups lines, meters;
    double time_scale;
    int64_t seed, tick_ns;
    char *start, *control, *ports_file;
    bool strict;
};
struct simulator *simulator_of_plant(struct config *plant, const struct profile_path *path, struct loop *loop,
                                     struct diagnostics *d);

/* Opens ports and ptys. Returns 0, or -1 with a sentence in `why`. */
int simulator_start(struct simulator *s, char *why, size_t why_size);

/* Of a started line: the i-th port number, or the path of the slave side of its pty. */
uint16_t simulator_port(const struct simulator *s, int line, size_t i);
const char *simulator_pty(const struct simulator *s, int line);

/*
 * One line of the control socket; the answer ("ok", "error: ...", or JSON for `stats` and `ports`) goes to
 * `answer` without a line end. Returns false when it is an error. METER is a name, a name of copies for all
 * of them, or "*". FAULT is a kind of fault with `every=N probability=P code=N delay_ms=N from_s=N
 * until_s=N times=N`; see docs of the plant file.
 *
 *     fault METER FAULT | clear METER | value METER POINT NUMBER | registers METER TABLE ADDRESS WORD...
 *     drop LINE [rst] | stop LINE | start LINE | stats | ports | help
 */
bool simulator_command(struct simulator *s, const char *command, struct buf *answer);

/* Orders over a Unix socket at `path` (replaced when a socket is there already): a line each, answered by a line.
 * Returns 0 or -1 with a sentence in `why`. */
int simulator_control(struct simulator *s, const char *path, char *why, size_t why_size);

/*
 * The raw number an encoding meter's point reads as: digits that say which unit (its number), which register and
 * which read of that point (from 1, so that a reader can tell old from new and find what is missing).
 *
 *     int64 uint64 float64 bcd64    number % 90000 * 10^11 + address % 1000 * 10^8 + read % 10^8
 *     int32 uint32 bits32           number % 2000 * 10^6 + address / 2 % 10 * 10^5 + read % 10^5
 *     float32 bcd32 t5 t6           number % 80 * 10^5 + address / 2 % 10 * 10^4 + read % 10^4
 *     int16 uint16 bits16           number % 3 * 10^4 + read % 10^4
 *     bcd16                         read % 10^4
 *     bytes                         read % 200
 *     bool                          read % 2
 */
double simulator_encoded(enum point_type type, uint32_t number, uint16_t address, uint64_t read);

/* From now on every read of an encoding meter's point is written to `out`, a line each, as evidence of what was asked
 * and answered: time in ms UTC, meter, point, which read of it, and the fault that struck the answer or "-".
 * `out` stays the caller's. NULL: no more. */
void simulator_witness(struct simulator *s, FILE *out);

/* Members of a JSON object. */
void simulator_stats(struct simulator *s, struct json *j);
void simulator_ports(struct simulator *s, struct json *j);
/* Where lines are reached, a line each, for people. */
void simulator_describe(struct simulator *s, FILE *out);

/* Requests seen that were not reads (function codes other than 1 to 4). */
uint64_t simulator_forbidden(const struct simulator *s);
uint64_t simulator_answers(const struct simulator *s);

#endif
