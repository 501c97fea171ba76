// SPDX-License-Identifier: Apache-2.0
// A simulator out of a plant file.
#include "sim.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim_options.h"
#include "symbiont/text.h"
#include "symbiont/units.h"

struct build {
    struct simulator *sim;
    struct config *plant;
    const struct profile_path *path;
    struct profile_cache *cache;
    struct diagnostics *diag;
};

#define GIVEN(c, member) option_given(&sim_value_section, (c), offsetof(struct sim_value_options, member))

// ---- Lines ----

static void build_line(struct build *b, const struct sim_line_options *c)
{
    char why[200];
    struct simulator_line line = {
        .name = c->name,
        .listen = c->listen,
        .pty = c->pty,
        .mode = c->mode,
        .ports = (int)c->ports,
        .max_clients = (int)c->max_clients,
        .kick = c->kick,
        .rtu_over_tcp = c->rtu_over_tcp,
        .wire_speed = c->wire_speed,
        .silent_gateway = c->silent_gateway,
        .closing_gateway = c->closing_gateway,
        .gateway_delay_ns = c->gateway_delay_ns,
    };
    for (size_t i = 0; i < b->sim->line_count; i++)
        if (strcmp(b->sim->lines[i]->name, c->name) == 0)
            diag_error(b->diag, c->common.place, "there is a line \"%s\" already", c->name);
    if (!c->listen == !c->pty)
        diag_error(b->diag, c->common.place, "line \"%s\" needs either `listen` or `pty`", c->name);
    else if (c->pty && (c->ports > 1 || c->rtu_over_tcp || c->max_clients || c->kick || c->silent_gateway ||
                        c->closing_gateway || c->gateway_delay_ns))
        diag_error(b->diag, c->common.place,
                   "line \"%s\": ports, max_clients, kick, rtu_over_tcp, silent_gateway, closing_gateway and "
                   "gateway_delay are for `listen`",
                   c->name);
    else if (simulator_line(b->sim, &line, why, sizeof why) < 0)
        diag_error(b->diag, c->common.place, "%s", why);
}

static int find_line(struct build *b, const struct sim_meter_options *c)
{
    for (size_t i = 0; i < b->sim->line_count; i++)
        if (strcmp(b->sim->lines[i]->name, c->line) == 0)
            return (int)i;
    diag_error(b->diag, c->common.place, "meter \"%s\": there is no line \"%s\"", c->name, c->line);
    return -1;
}

// ---- Values ----

static uint16_t find_point(struct build *b, const struct sim_value_options *c, const struct device *d,
                           const char *name)
{
    for (size_t i = 0; name && i < d->n; i++)
        if (strcmp(d->points[i].name, name) == 0)
            return (uint16_t)i;
    if (name) {
        const char *near = d->n ? text_nearest(name, d->points, d->n, sizeof *d->points) : NULL;
        diag_error(b->diag, c->common.place, "the meter has no point \"%s\"%s%s%s", name,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return SIM_NO_POINT;
}

// What one hour of the source at 1 makes of the total: kW makes kWh.
static void set_counter(struct build *b, const struct sim_value_options *c, const struct device *d, size_t i,
                        struct sim_rule *r)
{
    r->kind = SIM_COUNTER;
    r->value = c->start;
    r->of = find_point(b, c, d, c->counter_of);
    if (r->of == SIM_NO_POINT)
        return;
    const struct unit *hour = unit_find("h"), *rate = d->points[r->of].unit, *total = d->points[i].unit;
    const struct unit *flowed = hour && rate ? unit_multiply(rate, hour) : NULL;
    double per_hour, offset;
    if (flowed && total && unit_conversion(flowed, total, &per_hour, &offset)) {
        r->factor = c->factor * per_hour / 3600;
        return;
    }
    diag_error(b->diag, c->common.place, "point \"%s\" (%s) cannot be a total of \"%s\" (%s)", c->point,
               total ? unit_text(total) : "no unit", c->counter_of, rate ? unit_text(rate) : "no unit");
}

static void set_csv(struct build *b, const struct sim_value_options *c, struct sim_rule *r)
{
    char why[300];
    struct sim_csv csv = {c->csv,  c->column, c->time_column, (double)c->interval_ns / (double)NS_PER_S,
                          c->loop, c->hold};
    r->kind = SIM_RUN;
    r->value = c->add;
    r->factor = c->factor;
    if (!c->column)
        diag_error(b->diag, c->common.place, "csv needs `column`: a heading, or a number from 1");
    else if (!sim_series_of_csv(&r->series, &csv, why, sizeof why))
        diag_error(b->diag, c->common.place, "%s", why);
}

static void set_formula(struct build *b, const struct sim_value_options *c, const struct device *d,
                        struct sim_rule *r)
{
    r->kind = SIM_FORMULA;
    r->value = c->add;
    r->factor = c->factor;
    r->of = find_point(b, c, d, c->of);
    r->minus = find_point(b, c, d, c->minus);
    r->times = find_point(b, c, d, c->times);
}

static void set_curve(struct build *b, const struct sim_value_options *c, struct sim_rule *r)
{
    char why[200];
    r->kind = SIM_DAY;
    r->value = c->add;
    r->factor = c->factor;
    if (!sim_series_of_day(&r->series, c->curve.items, c->curve.n, why, sizeof why))
        diag_error(b->diag, c->common.place, "%s", why);
}

static void build_value(struct build *b, const struct sim_value_options *c, const struct device *d,
                        struct sim_rule *rules)
{
    uint16_t i = find_point(b, c, d, c->point);
    int kinds = GIVEN(c, constant) + GIVEN(c, curve) + (c->counter_of != NULL) + (c->of != NULL) +
                (c->csv != NULL) + (c->text != NULL);
    if (i == SIM_NO_POINT)
        return;
    struct sim_rule *r = &rules[i];
    if (r->given) {
        diag_error(b->diag, c->common.place, "point \"%s\" has a value already", c->point);
        return;
    }
    if (kinds != 1) {
        diag_error(b->diag, c->common.place,
                   "the value of \"%s\" needs one of constant, curve, counter_of, of, csv and text",
                   c->point);
        return;
    }
    r->given = true;
    r->noise = c->noise;
    r->weekend = c->weekend;
    r->min = GIVEN(c, min) ? c->min : -INFINITY;
    r->max = GIVEN(c, max) ? c->max : INFINITY;
    r->value = c->constant;
    r->text = c->text;
    if (GIVEN(c, curve))
        set_curve(b, c, r);
    else if (c->counter_of)
        set_counter(b, c, d, i, r);
    else if (c->of)
        set_formula(b, c, d, r);
    else if (c->csv)
        set_csv(b, c, r);
}

static void build_values(struct build *b, const struct sim_meter_options *c, const struct device *d,
                         int meter)
{
    char why[200];
    const struct sim_value_options *values = c->values.items;
    struct sim_rule *rules = calloc(d->n + 1, sizeof *rules);
    if (!rules) {
        diag_error(b->diag, c->common.place, "out of memory");
        return;
    }
    for (size_t i = 0; i < d->n; i++)
        rules[i] = sim_rule_steady;
    size_t errors = diag_errors(b->diag);
    for (size_t i = 0; i < c->values.n; i++)
        build_value(b, &values[i], d, rules);
    // The template owns the rules from here on, whatever comes of it.
    if (!sim_template_rules(b->sim, meter, rules, why, sizeof why) && errors == diag_errors(b->diag))
        diag_error(b->diag, c->common.place, "meter \"%s\": %s", c->name, why);
}

// ---- Meters ----

static bool compile_device(struct build *b, const struct sim_meter_options *c, const struct device **out)
{
    char subject[100];
    *out = NULL;
    if (!c->profile && c->points.n == 0)
        return true;
    snprintf(subject, sizeof subject, "meter \"%s\"", c->name);
    struct device_request request = {
        .profile = c->profile,
        .own_points = &c->points,
        .ct_ratio = c->ct_ratio,
        .vt_ratio = c->vt_ratio,
        .unverified = c->unverified,
        .order = c->order,
        .place = c->common.place,
        .subject = subject,
        .cache = b->cache,
    };
    *out = device_compile(b->plant, b->path, &request, b->diag);
    return *out != NULL;
}

static void build_registers(struct build *b, const struct sim_meter_options *c, int meter)
{
    const struct sim_register_options *registers = c->registers.items;
    for (size_t i = 0; i < c->registers.n; i++) {
        const struct sim_register_options *r = &registers[i];
        uint16_t *words = calloc(r->words.n + 1, sizeof *words);
        bool good = words != NULL;
        for (size_t k = 0; good && k < r->words.n; k++) {
            double word = r->words.items[k];
            good = word >= 0 && word <= 65535 && word == floor(word);
            words[k] = good ? (uint16_t)word : 0;
        }
        if (!good)
            diag_error(b->diag, r->common.place, "words are whole numbers from 0 to 65535");
        else if (r->words.n == 0 || simulator_registers(b->sim, meter, (enum modbus_table)r->table,
                                                        (uint16_t)r->address, words, r->words.n) < 0)
            diag_error(b->diag, r->common.place,
                       "%zu words at address %lld do not fit: addresses end at 65535", r->words.n,
                       (long long)r->address);
        free(words);
    }
}

static void build_faults(struct build *b, const struct sim_meter_options *c, int meter)
{
    const struct sim_fault_options *faults = c->faults.items;
    for (size_t i = 0; i < c->faults.n; i++) {
        const struct sim_fault_options *f = &faults[i];
        struct sim_fault fault = {
            .kind = (uint8_t)f->kind,
            .code = (uint8_t)f->code,
            .every = (uint32_t)f->every,
            .probability = f->probability,
            .from_ns = f->from_ns,
            .until_ns = f->until_ns,
            .delay_ns = f->delay_ns,
            .times = (uint64_t)f->times,
        };
        if (!sim_template_fault(b->sim, meter, &fault))
            diag_error(b->diag, f->common.place, "out of memory");
    }
}

static void build_meter(struct build *b, const struct sim_meter_options *c)
{
    char why[200];
    const struct device *device;
    int line = find_line(b, c);
    if (!compile_device(b, c, &device) || line < 0)
        return;
    if (!device && c->registers.n == 0)
        diag_error(b->diag, c->common.place,
                   "meter \"%s\" has no registers: it needs profile, points or registers", c->name);
    if (!device && (c->encode || c->values.n))
        diag_error(b->diag, c->common.place, "meter \"%s\": `values` and `encode` need points", c->name);
    struct simulator_meter settings = {
        .name = c->name,
        .line = line,
        .unit_id = c->any_unit ? -1 : (int)c->unit_id,
        .copies = (int)c->copies,
        .device = device,
        .delay_ns = c->delay_ns,
        .jitter_ns = c->jitter_ns,
        .refresh_ns = c->refresh_ns,
        .max_registers = (int)c->max_registers,
        .max_bits = (int)c->max_bits,
        .sunspec_model = (int)c->sunspec_model,
        .encode = c->encode,
        .number = (int)c->number,
    };
    int meter = simulator_meter(b->sim, &settings, why, sizeof why);
    if (meter < 0) {
        diag_error(b->diag, c->common.place, "%s", why);
        return;
    }
    if (device)
        build_values(b, c, device, meter);
    build_registers(b, c, meter);
    build_faults(b, c, meter);
}

struct simulator *simulator_of_plant(struct config *plant, const struct profile_path *path, struct loop *loop,
                                     struct diagnostics *d)
{
    const struct plant_config *c = config_root(plant);
    struct simulator_settings settings = {
        .seed = (uint64_t)c->seed, .time_scale = c->time_scale, .tick_ns = c->tick_ns, .start = c->start};
    struct build b = {simulator_new(loop, &settings), plant, path, profile_cache_new(), d};
    if (!b.sim) {
        if (errno == EINVAL)
            diag_error(d, c->common.place, "start = \"%s\" is not like \"06:00\" or \"mon 06:00\"", c->start);
        else
            diag_error(d, c->common.place, "out of memory");
        profile_cache_free(b.cache);
        return NULL;
    }
    size_t errors = diag_errors(d);
    for (size_t i = 0; i < c->lines.n; i++)
        build_line(&b, (const struct sim_line_options *)c->lines.items + i);
    for (size_t i = 0; i < c->meters.n; i++)
        build_meter(&b, (const struct sim_meter_options *)c->meters.items + i);
    profile_cache_free(b.cache);
    if (c->lines.n == 0 || c->meters.n == 0)
        diag_error(d, (struct place){c->common.place.file, 0}, "a plant needs `lines` and `meters`");
    if (diag_errors(d) == errors)
        return b.sim;
    simulator_free(b.sim);
    return NULL;
}
