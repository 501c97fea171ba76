// SPDX-License-Identifier: Apache-2.0
// A simulated unit: its registers, and what a read of them gives.
#include "sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim_fault *copy_faults(const struct sim_template *t)
{
    struct sim_fault *faults = calloc(t->fault_count + 1, sizeof *faults);
    if (faults && t->fault_count)
        memcpy(faults, t->faults, t->fault_count * sizeof *faults);
    return faults;
}

static uint16_t limit(int own, uint16_t known, uint16_t most)
{
    return own > 0 ? (uint16_t)own : known > 0 ? known : most;
}

static void write_values(struct sim_meter *m)
{
    m->unfit += sim_layout_write(m->layout, m->values, &m->image);
}

static bool add_values(struct sim_meter *m, const struct sim_template *t)
{
    if (!t->layout.device)
        return true;
    m->layout = &t->layout;
    m->values = calloc(t->layout.device->n + 1, sizeof *m->values);
    m->reads = t->settings.encode ? calloc(t->layout.device->n + 1, sizeof *m->reads) : NULL;
    if (!m->values || (t->settings.encode && !m->reads))
        return false;
    sim_layout_begin(m->layout, m->values);
    struct sim_moment begin = sim_moment_at(m->sim, m->refreshed);
    begin.seed = m->seed;
    sim_layout_advance(m->layout, m->values, &begin, 0);
    write_values(m);
    return true;
}

struct sim_meter *sim_meter_make(struct simulator *s, int template_index, const char *name, int unit_id)
{
    const struct sim_template *t = s->templates[template_index];
    const struct simulator_meter *c = &t->settings;
    const struct request_limits *known = c->device ? &c->device->limits : &(struct request_limits){0};
    struct sim_meter *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->sim = s;
    m->template_index = template_index;
    m->number = (uint32_t)c->number + (uint32_t)t->meter_count;
    m->seed = s->settings.seed + ((uint64_t)s->meter_count << 32);
    m->unit_id = unit_id;
    m->delay_ns = c->delay_ns;
    m->jitter_ns = c->jitter_ns;
    m->refresh_ns = c->refresh_ns ? c->refresh_ns : 100 * NS_PER_MS;
    m->refreshed = s->started;
    m->max_registers = limit(c->max_registers, known->max_registers, 125);
    m->max_bits = limit(c->max_bits, known->max_bits, 2000);
    m->name = strdup(name);
    m->faults = copy_faults(t);
    m->fault_count = t->fault_count;
    if (!m->name || !m->faults || sim_image_copy(&m->image, &t->image) < 0 || !add_values(m, t)) {
        sim_meter_free(m);
        return NULL;
    }
    return m;
}

void sim_meter_free(struct sim_meter *m)
{
    sim_image_free(&m->image);
    free(m->faults);
    free(m->values);
    free(m->reads);
    free(m->name);
    free(m);
}

// An integral over a long pause between polls follows the curve in steps of five simulated minutes, up to a
// day.
#define STEP_S    300.0
#define STEPS_MAX 288

static void refresh(struct sim_meter *m, struct mono now)
{
    struct simulator *s = m->sim;
    int64_t since = mono_since(now, m->refreshed);
    if (!m->layout->live || since < m->refresh_ns)
        return;
    double seconds = (double)since / (double)NS_PER_S * s->settings.time_scale;
    double steps = m->layout->counters ? ceil(fmin(seconds / STEP_S, STEPS_MAX)) : 1;
    for (double i = 1; i <= steps; i++) {
        struct sim_moment at =
            sim_moment_at(s, mono_add(m->refreshed, (int64_t)((double)since * (i / steps))));
        at.seed = m->seed;
        sim_layout_advance(m->layout, m->values, &at, seconds / steps);
    }
    m->refreshed = now;
    write_values(m);
}

// Each point that lies whole in what is read gets its digits.
static void encode(struct sim_meter *m, const struct sim_request *r)
{
    const struct device *d = m->layout->device;
    for (size_t i = 0; i < d->n; i++) {
        const struct point *p = &d->points[i];
        uint32_t at = m->layout->base + p->address;
        if (p->table != r->function || at < r->address || at + p->words > (uint32_t)r->address + r->count)
            continue;
        double raw = simulator_encoded((enum point_type)p->type, m->number, p->address, ++m->reads[i]);
        sim_layout_write_raw(m->layout, i, raw, &m->image);
    }
}

void sim_meter_witness(const struct sim_meter *m, const struct sim_request *r, int fault)
{
    const struct device *d = m->layout->device;
    for (size_t i = 0; i < d->n; i++) {
        const struct point *p = &d->points[i];
        uint32_t at = m->layout->base + p->address;
        if (p->table == r->function && at >= r->address && at + p->words <= (uint32_t)r->address + r->count)
            fprintf(m->sim->witness, "%lld %s %s %llu %s\n", (long long)utc_now().ms, m->name, p->name,
                    (unsigned long long)m->reads[i],
                    fault ? sim_fault_word((enum sim_fault_kind)fault) : "-");
    }
}

void simulator_witness(struct simulator *s, FILE *out)
{
    s->witness = out;
}

size_t sim_meter_read(struct sim_meter *m, const struct sim_request *r, struct mono now, uint8_t *pdu)
{
    if (m->reads)
        encode(m, r);
    else if (m->layout)
        refresh(m, now);
    if (m->layout && m->layout->astride && r->function >= TABLE_HOLDING && r->count <= 8 &&
        sim_layout_alone(m->layout, m->values, r->function, r->address, r->count, pdu + 2)) {
        pdu[0] = r->function;
        pdu[1] = (uint8_t)(2 * r->count);
        return 2u + pdu[1];
    }
    return sim_image_read(&m->image, r->function, r->address, r->count, m->max_registers, m->max_bits, pdu);
}

bool sim_meter_hold(struct sim_meter *m, const char *point, double value)
{
    const struct device *d = m->layout ? m->layout->device : NULL;
    for (size_t i = 0; d && i < d->n; i++) {
        if (strcmp(d->points[i].name, point) != 0)
            continue;
        struct sim_value before = m->values[i];
        m->values[i] = (struct sim_value){.number = value, .before = value, .fixed = true};
        if (sim_layout_write(m->layout, m->values, &m->image) == 0)
            return true;
        m->values[i] = before;
        sim_layout_write(m->layout, m->values, &m->image);
        return false;
    }
    return false;
}

double simulator_encoded(enum point_type type, uint32_t number, uint16_t address, uint64_t read)
{
    switch (type) {
    case POINT_INT64:
    case POINT_UINT64:
    case POINT_FLOAT64:
    case POINT_BCD64:
        return number % 90000 * 1e11 + address % 1000 * 1e8 + (double)(read % 100000000);
    case POINT_INT32:
    case POINT_UINT32:
    case POINT_BITS32:
        return number % 2000 * 1e6 + address / 2 % 10 * 1e5 + (double)(read % 100000);
    case POINT_FLOAT32:
    case POINT_BCD32:
    case POINT_T5:
    case POINT_T6: // a signed mantissa has 23 bits
        return number % 80 * 1e5 + address / 2 % 10 * 1e4 + (double)(read % 10000);
    case POINT_INT16:
    case POINT_UINT16:
    case POINT_BITS16:
        return number % 3 * 1e4 + (double)(read % 10000);
    case POINT_BCD16:
        return (double)(read % 10000);
    case POINT_LOW_BYTE:
    case POINT_HIGH_BYTE:
        return (double)(read % 200);
    case POINT_BOOL:
        return (double)(read % 2);
    case POINT_STRING:
    case POINT_DERIVED:
        break;
    }
    return 0;
}
