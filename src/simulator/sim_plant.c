// SPDX-License-Identifier: Apache-2.0
// Building a simulated plant: lines, units and their copies; starting it and taking it down.
#include "sim.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>

#include "symbiont/line.h"
#include "symbiont/text.h"

// Thousands of connections in one process: the soft limit of descriptors is 1024 by custom only.
static void raise_descriptor_limit(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

// SplitMix64 (Steele, Lea, Flood 2014): repeatable, and any seed will do.
uint64_t sim_random(struct simulator *s)
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct sim_moment sim_moment_at(const struct simulator *s, struct mono now)
{
    double elapsed = (double)mono_since(now, s->started) / (double)NS_PER_S * s->settings.time_scale;
    double second = s->day_at_start + elapsed, days = floor(second / 86400);
    int weekday = (int)fmod(s->weekday_at_start + days, 7);
    return (struct sim_moment){
        .elapsed = elapsed, .second_of_day = second - days * 86400, .weekend = weekday == 0 || weekday == 6};
}

// "06:00", "mon 06:00"; NULL or the part not given: the local time now.
static bool set_start(struct simulator *s, const char *text)
{
    static const char days[7][4] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    time_t now = time(NULL);
    struct tm tm = {0};
    localtime_r(&now, &tm);
    s->day_at_start = tm.tm_hour * 3600.0 + tm.tm_min * 60.0 + tm.tm_sec;
    s->weekday_at_start = tm.tm_wday;
    if (!text)
        return true;
    for (int d = 0; d < 7; d++) {
        if (strncasecmp(text, days[d], 3) == 0 && text[3] == ' ') {
            s->weekday_at_start = d;
            text += 4;
            break;
        }
    }
    return sim_time_of_day(text, &s->day_at_start);
}

// At the end of a turn that served something: sleeps to the next tick, while requests gather.
static void pause_until_tick(struct timer *t, struct mono now)
{
    struct simulator *s = (struct simulator *)(void *)((char *)t - offsetof(struct simulator, pause));
    int64_t tick = s->settings.tick_ns, until = (now.ns / tick + 1) * tick;
    struct timespec ts = {until / NS_PER_S, until % NS_PER_S};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

struct simulator *simulator_new(struct loop *loop, const struct simulator_settings *settings)
{
    struct simulator *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    raise_descriptor_limit();
    s->loop = loop;
    s->settings = *settings;
    if (s->settings.time_scale <= 0)
        s->settings.time_scale = 1;
    if (!set_start(s, settings->start)) {
        free(s);
        errno = EINVAL;
        return NULL;
    }
    s->random = settings->seed;
    s->pause.fire = pause_until_tick;
    s->started = mono_now();
    s->last_meter = &s->meters;
    return s;
}

// "9600 8N1" -> the time of a character, and the 3.5 characters of silence that end a frame (1.75 ms above
// 19200 baud): "Modbus over Serial Line V1.02", 2.5.1.1.
static bool line_timing(struct sim_line *l)
{
    int baud, stop;
    char parity;
    if (!serial_mode_parse(l->mode, &baud, &parity, &stop))
        return false;
    int chars = 1 + 8 + (parity != 'N') + stop;
    l->char_ns = NS_PER_S * chars / baud;
    l->gap_ns = baud > 19200 ? 1750000 : l->char_ns * 7 / 2;
    return true;
}

static bool line_strings(struct sim_line *l, const struct simulator_line *c)
{
    l->name = strdup(c->name);
    l->listen = text_dup(c->listen);
    l->pty = text_dup(c->pty ? c->pty : "");
    l->mode = strdup(c->mode ? c->mode : "9600 8N1");
    return l->name && l->pty && l->mode && (l->listen || !c->listen);
}

static void line_free(struct sim_line *l)
{
    if (!l)
        return;
    free(l->name);
    free(l->listen);
    free(l->pty);
    free(l->mode);
    free(l->ports);
    free(l);
}

int simulator_line(struct simulator *s, const struct simulator_line *c, char *why, size_t why_size)
{
    struct sim_line *l = calloc(1, sizeof *l);
    size_t ports = c->ports > 0 ? (size_t)c->ports : 1;
    if (l) {
        l->sim = s;
        l->settings = *c;
        l->port_count = ports;
        l->ports = calloc(ports, sizeof *l->ports);
    }
    struct sim_line **lines = realloc(s->lines, (s->line_count + 1) * sizeof(struct sim_line *));
    if (lines)
        s->lines = lines;
    if (!lines || !l || !l->ports || !line_strings(l, c)) {
        snprintf(why, why_size, "out of memory");
        line_free(l);
        return -1;
    }
    for (size_t i = 0; i < ports; i++)
        l->ports[i] = (struct sim_port){.line = l, .watch.fd = -1};
    if (!line_timing(l)) {
        snprintf(why, why_size, "line \"%s\": mode \"%s\" is not like \"9600 8N1\"", l->name, l->mode);
        line_free(l);
        return -1;
    }
    s->lines[s->line_count] = l;
    return (int)s->line_count++;
}

int simulator_meter(struct simulator *s, const struct simulator_meter *c, char *why, size_t why_size)
{
    int last = c->unit_id + (c->copies > 1 ? c->copies - 1 : 0);
    if (c->line < 0 || (size_t)c->line >= s->line_count || c->unit_id < -1 || last > 255) {
        snprintf(why, why_size, "meter \"%s\": no such line, or a unit id outside 0 to 255", c->name);
        return -1;
    }
    struct sim_template *t = calloc(1, sizeof *t);
    struct sim_template **templates =
        realloc(s->templates, (s->template_count + 1) * sizeof(struct sim_template *));
    if (templates)
        s->templates = templates;
    if (!templates || !t || !(t->name = strdup(c->name))) {
        snprintf(why, why_size, "out of memory");
        if (t)
            free(t->name);
        free(t);
        return -1;
    }
    t->settings = *c;
    s->templates[s->template_count] = t;
    return (int)s->template_count++;
}

bool sim_template_rules(struct simulator *s, int meter, struct sim_rule *rules, char *why, size_t why_size)
{
    struct sim_template *t = s->templates[meter];
    if (!sim_layout_make(&t->layout, t->settings.device, rules, why, why_size))
        return false;
    if (sim_layout_registers(&t->layout, t->settings.sunspec_model, &t->image) == 0)
        return true;
    snprintf(why, why_size, "no room for its registers: %s", strerror(errno));
    return false;
}

bool sim_template_fault(struct simulator *s, int meter, const struct sim_fault *f)
{
    struct sim_template *t = s->templates[meter];
    struct sim_fault *faults = realloc(t->faults, (t->fault_count + 1) * sizeof *faults);
    if (!faults)
        return false;
    t->faults = faults;
    t->faults[t->fault_count++] = *f;
    return true;
}

// A device without rules of its own: everything steady and plausible.
static int add_default_rules(struct simulator *s, int meter, char *why, size_t why_size)
{
    size_t n = s->templates[meter]->settings.device->n;
    char wrong[200];
    struct sim_rule *rules = calloc(n + 1, sizeof *rules);
    for (size_t i = 0; rules && i < n; i++)
        rules[i] = sim_rule_steady;
    if (rules && sim_template_rules(s, meter, rules, wrong, sizeof wrong))
        return 0;
    snprintf(why, why_size, "meter \"%s\": %s", s->templates[meter]->name, rules ? wrong : "out of memory");
    return -1;
}

int simulator_registers(struct simulator *s, int meter, enum modbus_table table, uint16_t address,
                        const uint16_t *words, size_t n)
{
    if (meter < 0 || (size_t)meter >= s->template_count || n > 65536) {
        errno = EINVAL;
        return -1;
    }
    struct sim_template *t = s->templates[meter];
    if (sim_image_put(&t->image, (int)table, address, words, n) < 0)
        return -1;
    for (size_t i = 0; i < t->meter_count; i++)
        if (sim_image_put(&t->meters[i]->image, (int)table, address, words, n) < 0)
            return -1;
    return 0;
}

static int add_unit(struct simulator *s, size_t index, struct sim_port *port, int unit_id, const char *name,
                    char *why, size_t why_size)
{
    struct sim_template *t = s->templates[index];
    int from = unit_id < 0 ? 0 : unit_id, to = unit_id < 0 ? 255 : unit_id;
    for (int u = from; u <= to; u++) {
        if (port->units[u]) {
            snprintf(why, why_size, "meter \"%s\": unit %d of line \"%s\" is meter \"%s\" already", name, u,
                     port->line->name, port->units[u]->name);
            return -1;
        }
    }
    struct sim_meter **meters = realloc(t->meters, (t->meter_count + 1) * sizeof(struct sim_meter *));
    if (meters)
        t->meters = meters;
    struct sim_meter *m = meters ? sim_meter_make(s, (int)index, name, unit_id) : NULL;
    if (!m) {
        snprintf(why, why_size, "out of memory");
        return -1;
    }
    for (int u = from; u <= to; u++)
        port->units[u] = m;
    t->meters[t->meter_count++] = m;
    *s->last_meter = m;
    s->last_meter = &m->next;
    s->meter_count++;
    return 0;
}

static int make_units(struct simulator *s, size_t index, char *why, size_t why_size)
{
    const struct sim_template *t = s->templates[index];
    struct sim_line *l = s->lines[t->settings.line];
    int copies = t->settings.copies > 1 ? t->settings.copies : 1;
    bool numbered = copies > 1 || l->port_count > 1;
    for (size_t p = 0; p < l->port_count; p++) {
        for (int c = 0; c < copies; c++) {
            char name[96];
            if (numbered)
                snprintf(name, sizeof name, "%s_%zu", t->name, p * (size_t)copies + (size_t)c);
            else
                snprintf(name, sizeof name, "%s", t->name);
            if (add_unit(s, index, &l->ports[p], t->settings.unit_id + c, name, why, why_size) < 0)
                return -1;
        }
    }
    return 0;
}

int simulator_start(struct simulator *s, char *why, size_t why_size)
{
    s->started = mono_now();
    for (size_t i = 0; i < s->template_count; i++) {
        const struct sim_template *t = s->templates[i];
        if (t->settings.device && !t->layout.device && add_default_rules(s, (int)i, why, why_size) < 0)
            return -1;
        if (make_units(s, i, why, why_size) < 0)
            return -1;
    }
    for (size_t i = 0; i < s->line_count; i++)
        if (sim_line_start(s->lines[i], why, why_size) < 0)
            return -1;
    return 0;
}

void simulator_free(struct simulator *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->line_count; i++) {
        sim_line_stop(s->lines[i]);
        line_free(s->lines[i]);
    }
    for (size_t i = 0; i < s->template_count; i++) {
        struct sim_template *t = s->templates[i];
        for (size_t k = 0; k < t->meter_count; k++)
            sim_meter_free(t->meters[k]);
        sim_image_free(&t->image);
        sim_layout_free(&t->layout);
        free(t->meters);
        free(t->faults);
        free(t->name);
        free(t);
    }
    while (s->free_pending) {
        struct sim_pending *w = s->free_pending;
        s->free_pending = w->after;
        free(w);
    }
    loop_timer_stop(s->loop, &s->pause);
    sim_control_free(s->control);
    free(s->lines);
    free(s->templates);
    free(s);
}

uint16_t simulator_port(const struct simulator *s, int line, size_t i)
{
    return s->lines[line]->ports[i].number;
}

const char *simulator_pty(const struct simulator *s, int line)
{
    return s->lines[line]->slave;
}

uint64_t simulator_forbidden(const struct simulator *s)
{
    return s->forbidden;
}

uint64_t simulator_answers(const struct simulator *s)
{
    return s->answers;
}
