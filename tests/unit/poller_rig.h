/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the poller: one meter on a line that the test plays itself. */
#ifndef TESTS_UNIT_POLLER_RIG_H
#define TESTS_UNIT_POLLER_RIG_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "meters/poller.h"
#include "symbiont/meter.h"
#include "unit/test.h"

enum { ASKED_MAX = 64 };

struct fake_line {
    struct line line; // first
    struct transaction *asked[ASKED_MAX];
    int n;
    bool disconnected; // what is submitted never leaves
};

static inline void fake_submit(struct line *l, struct transaction *t)
{
    struct fake_line *f = (struct fake_line *)l;
    assert_true(f->n < ASKED_MAX);
    if (!f->disconnected)
        t->asked = loop_now(l->loop);
    f->asked[f->n++] = t;
}

static const struct line_ops fake_ops = {.submit = fake_submit};

struct rig {
    struct loop *loop;
    struct fake_line fake;
    struct line_config line_config;
    struct meter_config config;
    struct polling_config polling;
    struct device device;
    struct point points[8];
    struct quantity gauge, total;
    struct poller *poller;
    struct meter *meter;
    int readings, came_up, went_down, counter_events;
    struct value last[8];
    uint64_t seq;
    struct utc time;
    bool clock_not_set;
};

static inline struct utc rig_now(void *arg)
{
    struct rig *rig = arg;
    return rig->clock_not_set ? (struct utc){86400000 + mono_now().ns / NS_PER_MS % 1000} : utc_now();
}

static inline void on_reading(void *arg, const struct reading *r)
{
    struct rig *rig = arg;
    rig->readings++;
    assert_int_equal(r->seq, rig->seq + 1); // without a hole
    rig->seq = r->seq;
    assert_true(utc_plausible(r->time));
    assert_true(r->time.ms >= rig->time.ms); // in their order
    rig->time = r->time;
    memcpy(rig->last, r->values, r->meter->n * sizeof *r->values);
}

static inline void on_online(void *arg, const struct meter_info *m, bool online)
{
    (void)m;
    struct rig *rig = arg;
    *(online ? &rig->came_up : &rig->went_down) += 1;
}

static inline void on_counter(void *arg, const struct counter_note *note)
{
    (void)note;
    ((struct rig *)arg)->counter_events++;
}

static inline struct point register_point(struct rig *rig, const char *name, uint16_t address)
{
    return (struct point){.name = name,
                          .quantity = &rig->gauge,
                          .unit = unit_find("kW"),
                          .table = TABLE_HOLDING,
                          .type = POINT_UINT16,
                          .words = 1,
                          .address = address,
                          .bit = -1,
                          .factor = 1,
                          .divisor = 1,
                          .min = -INFINITY,
                          .max = INFINITY,
                          .exponent_point = POINT_NONE,
                          .factor_point = POINT_NONE,
                          .sign_point = POINT_NONE,
                          .add_point = POINT_NONE,
                          .order_point = POINT_NONE};
}

static inline void rig_open(struct rig *r, size_t points, uint16_t stride, uint16_t max_gap)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    char why[128];
    assert_int_equal(units_open(why, sizeof why), 0);
    *r = (struct rig){.loop = loop_new(),
                      .line_config = {.name = "fake", .timeout_ns = NS_PER_S, .in_flight = 1},
                      .polling = {.down_failures = 2,
                                  .down_after_ns = 1,
                                  .probe_first_ns = 30 * NS_PER_MS,
                                  .probe_cap_ns = NS_PER_S,
                                  .absent_retry_ns = 3600 * NS_PER_S},
                      .gauge = {.name = "active_power", .unit = "kW", .kind = QUANTITY_GAUGE},
                      .total = {.name = "active_energy_import", .unit = "kWh", .kind = QUANTITY_COUNTER}};
    r->fake.line = (struct line){.ops = &fake_ops, .config = &r->line_config, .loop = r->loop};
    for (size_t i = 0; i < points; i++)
        r->points[i] = register_point(r, names[i], (uint16_t)(i * stride));
    r->device = (struct device){.limits = {125, 2000, max_gap, true},
                                .points = r->points,
                                .n = points,
                                .timing.close_after_cycle = -1};
    r->config = (struct meter_config){.name = (char[]){"m"}, .unit_id = 7, .every_ns = 20 * NS_PER_MS};
}

static inline void rig_start(struct rig *r)
{
    char why[128];
    struct poller_hooks hooks = {r, on_reading, on_online, on_counter, NULL, rig_now};
    r->poller = poller_new(r->loop, &r->polling, &hooks, 5);
    static char name[] = "m";
    r->config.name = name;
    struct meter_parts parts = {&r->config, &r->device, &r->fake.line, 0, 0};
    r->meter = poller_add(r->poller, &parts, why, sizeof why);
    assert_non_null(r->meter);
}

static inline void answer(struct rig *r, enum verdict verdict, uint8_t exception, uint16_t base);

static inline void rig_close(struct rig *r)
{
    poller_remove(r->meter);
    while (r->fake.n)
        answer(r, VERDICT_CANCELLED, 0, 0);
    poller_free(r->poller);
    loop_free(r->loop);
}

// Turns until n requests wait on the line.
static inline void wait_asked(struct rig *r, int n)
{
    struct mono end = mono_add(mono_now(), 2 * NS_PER_S);
    while (r->fake.n < n) {
        assert_true(mono_before(mono_now(), end));
        loop_turn(r->loop, 5 * NS_PER_MS);
    }
}

static inline void turn_for(struct rig *r, int64_t ns)
{
    struct mono end = mono_add(mono_now(), ns);
    while (mono_before(mono_now(), end))
        loop_turn(r->loop, NS_PER_MS);
}

// Answers the oldest request; every register holds its own address plus base.
static inline void answer(struct rig *r, enum verdict verdict, uint8_t exception, uint16_t base)
{
    struct transaction *t = r->fake.asked[0];
    memmove(r->fake.asked, r->fake.asked + 1, (size_t)--r->fake.n * sizeof t);
    uint8_t data[2 * MODBUS_REGISTERS_MAX];
    for (unsigned i = 0; i < t->ask.count; i++) {
        data[2 * i] = (uint8_t)((t->ask.address + base + i) >> 8);
        data[2 * i + 1] = (uint8_t)(t->ask.address + base + i);
    }
    struct modbus_answer a = {
        .verdict = verdict, .exception = exception, .data = data, .n = 2 * (size_t)t->ask.count};
    t->answered = loop_now(r->loop);
    t->done(t, &a);
}

#endif
