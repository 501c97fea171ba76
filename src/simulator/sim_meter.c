// SPDX-License-Identifier: Apache-2.0
// A simulated unit: its registers, and what a read of them gives.
#include "sim.h"

#include <stdlib.h>
#include <string.h>

static struct sim_fault *copy_faults(const struct sim_template *t)
{
    struct sim_fault *faults = calloc(t->fault_count + 1, sizeof *faults);
    if (faults && t->fault_count)
        memcpy(faults, t->faults, t->fault_count * sizeof *faults);
    return faults;
}

static uint16_t limit(int own, uint16_t known)
{
    return own > 0 ? (uint16_t)own : known;
}

struct sim_meter *sim_meter_make(struct simulator *s, int template_index, const char *name, int unit_id)
{
    const struct sim_template *t = s->templates[template_index];
    const struct simulator_meter *c = &t->settings;
    struct sim_meter *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->sim = s;
    m->template_index = template_index;
    m->number = s->meter_count;
    m->unit_id = unit_id;
    m->delay_ns = c->delay_ns;
    m->jitter_ns = c->jitter_ns;
    m->max_registers = limit(c->max_registers, 125);
    m->max_bits = limit(c->max_bits, 2000);
    m->name = strdup(name);
    m->faults = copy_faults(t);
    m->fault_count = t->fault_count;
    if (!m->name || !m->faults || sim_image_copy(&m->image, &t->image) < 0) {
        sim_meter_free(m);
        return NULL;
    }
    return m;
}

void sim_meter_free(struct sim_meter *m)
{
    sim_image_free(&m->image);
    free(m->faults);
    free(m->name);
    free(m);
}

size_t sim_meter_read(struct sim_meter *m, const struct sim_request *r, struct mono now, uint8_t *pdu)
{
    (void)now;
    return sim_image_read(&m->image, r->function, r->address, r->count, m->max_registers, m->max_bits, pdu);
}
