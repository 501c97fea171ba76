// SPDX-License-Identifier: Apache-2.0
// The surplus state machine, as a table.
#include "streams/surplus.h"

#include <math.h>

// What a sample says of the amount: enough, between the two thresholds, too little, nothing.
enum signal { SIGNAL_HIGH, SIGNAL_MIDDLE, SIGNAL_LOW, SIGNAL_UNKNOWN, SIGNALS };

struct cell {
    uint8_t next;
    bool counts; // the sample's time counts towards the state's deadline
};

static const struct cell table[4][SIGNALS] = {
    [STREAM_IDLE] = {{STREAM_PENDING, true},
                     {STREAM_IDLE, false},
                     {STREAM_IDLE, false},
                     {STREAM_IDLE, false}},
    [STREAM_PENDING] = {{STREAM_PENDING, true},
                        {STREAM_IDLE, false},
                        {STREAM_IDLE, false},
                        {STREAM_PENDING, false}},
    [STREAM_SURPLUS] = {{STREAM_SURPLUS, false},
                        {STREAM_SURPLUS, false},
                        {STREAM_RELEASING, true},
                        {STREAM_SURPLUS, false}},
    [STREAM_RELEASING] = {{STREAM_SURPLUS, false},
                          {STREAM_SURPLUS, false},
                          {STREAM_RELEASING, true},
                          {STREAM_RELEASING, false}},
};

static enum signal signal_of(const struct surplus_rule *r, double value)
{
    return isnan(value)        ? SIGNAL_UNKNOWN
           : value >= r->above ? SIGNAL_HIGH
           : value < r->below  ? SIGNAL_LOW
                               : SIGNAL_MIDDLE;
}

static enum surplus_change become(struct surplus *s, enum stream_state next)
{
    bool was = surplus_on(s);
    s->state = (uint8_t)next;
    s->dwell_ms = 0;
    return surplus_on(s) == was ? SURPLUS_SAME : was ? SURPLUS_ENDS : SURPLUS_BEGINS;
}

// Samples of a quarter of an hour are seldom exactly that far apart: the last of four must not miss the hour
// by the few milliseconds by which a poll came early.
static bool long_enough(int64_t dwell_ms, int64_t lasted_ms, int64_t wanted_ms)
{
    int64_t early = lasted_ms / 10 < 1000 ? lasted_ms / 10 : 1000;
    return dwell_ms + early >= wanted_ms;
}

enum surplus_change surplus_step(struct surplus *s, const struct surplus_rule *r, double value,
                                 int64_t lasted_ms)
{
    enum signal signal = signal_of(r, value);
    s->unknown_ms = signal == SIGNAL_UNKNOWN ? s->unknown_ms + lasted_ms : 0;
    if (s->unknown_ms >= r->unknown_ms)
        return become(s, STREAM_IDLE);
    const struct cell *c = &table[s->state][signal];
    if (c->next != s->state)
        become(s,
               c->next); // idle to pending, surplus to releasing and back: no surplus begins or ends by these
    if (!c->counts)
        return SURPLUS_SAME;
    s->dwell_ms += lasted_ms;
    if (s->state == STREAM_PENDING && long_enough(s->dwell_ms, lasted_ms, r->hold_ms))
        return become(s, STREAM_SURPLUS);
    if (s->state == STREAM_RELEASING && long_enough(s->dwell_ms, lasted_ms, r->release_ms))
        return become(s, STREAM_IDLE);
    return SURPLUS_SAME;
}

struct surplus_rule surplus_default(enum resource r, double nominal)
{
    // Heat: 100 kW is about what pays a pipe next door; water: 2 m3/h. Both and electricity as settings with
    // these defaults; compressed air is one m3/min; matter 50 kg/h; idle capacity 40 % is a use of 60 %.
    static const struct {
        double above, of_nominal;
        int minutes;
    } rows[RESOURCES] = {
        [RESOURCE_HEAT] = {100, 0.1, 60},
        [RESOURCE_COLD] = {100, 0.1, 60},
        [RESOURCE_STEAM] = {100, 0.1, 60},
        [RESOURCE_WATER] = {2, 0, 60},
        [RESOURCE_WASTE] = {50, 0, 60},
        [RESOURCE_ELECTRICITY] = {20, 0, 30},
        [RESOURCE_COMPRESSED_AIR] = {60, 0, 60},
        [RESOURCE_BY_PRODUCT] = {50, 0, 60},
        [RESOURCE_CO2] = {50, 0, 60},
        [RESOURCE_EQUIPMENT] = {0.4, 0, 60},
        [RESOURCE_FUEL] = {100, 0.1, 60},
        [RESOURCE_MATERIAL] = {50, 0, 60},
    };
    double above = fmax(rows[r].above, rows[r].of_nominal * nominal);
    return (struct surplus_rule){above, 0.8 * above, rows[r].minutes * 60000, 30 * 60000, 2 * 3600000};
}
