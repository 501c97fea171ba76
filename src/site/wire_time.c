// SPDX-License-Identifier: Apache-2.0
// Wire time of requests, load of lines.
#include "symbiont/wire_time.h"

// A LAN's and a small device's answer together; measured round trips are shown by `symbiont status`.
#define TCP_ROUND_TRIP_NS 5e6

// After a silent unit the line is drained for one more response timeout at most.
#define DRAIN_FACTOR 2

static double larger(double a, double b)
{
    return a > b ? a : b;
}

double wire_time_ns(const struct line_config *line, const struct device_timing *timing,
                    const struct request *r)
{
    double pause = (double)(timing->pause_ns ? timing->pause_ns : line->pause_ns);
    int baud = 0, stop = 1;
    char parity = 'N';
    if (line->tcp || !line->mode || !serial_mode_parse(line->mode, &baud, &parity, &stop))
        return TCP_ROUND_TRIP_NS + pause;
    double bits = 1 + 8 + (parity == 'N' ? 0 : 1) + stop, character = bits / baud * 1e9;
    double silence = baud > 19200 ? 1.75e6 : 3.5 * character;
    // request_serial_chars counts the silences as 7 characters.
    double bytes = (double)request_serial_chars(r) - 7;
    return bytes * character + silence + larger(silence, pause);
}

static bool add_meter(const struct site *s, size_t i, const struct line_config *line, struct wire_load *load)
{
    struct plan plan;
    if (plan_make(s->devices[i], site_meter(s, i)->every_ns, &plan) < 0)
        return false;
    struct device_timing timing = s->devices[i]->timing;
    if (site_meter(s, i)->pause_ns)
        timing.pause_ns = site_meter(s, i)->pause_ns;
    for (size_t k = 0; k < plan.n; k++) {
        const struct request *r = &plan.requests[k];
        double took = wire_time_ns(line, &timing, r);
        load->cycle_ns += took;
        if (r->every_ns == 0) // continuous: whatever the line has left
            continue;
        double per_s = 1e9 / (double)r->every_ns;
        load->requests_per_s += per_s;
        load->registers_per_s += per_s * r->count;
        load->share += took / (double)r->every_ns;
    }
    plan_free(&plan);
    load->meters++;
    return true;
}

int wire_load_of_line(const struct site *s, size_t i, struct wire_load *out)
{
    const struct line_config *line = site_line(s, i);
    *out = (struct wire_load){.dead_unit_ns = (line->tcp ? 1 : DRAIN_FACTOR) * (double)line->timeout_ns};
    for (size_t k = 0; k < s->root->meters.n; k++)
        if (s->line_of[k] == i && s->devices[k] && !add_meter(s, k, line, out))
            return -1;
    // Several requests in flight share the round trip.
    if (line->tcp && line->in_flight > 1)
        out->share /= (double)line->in_flight;
    return 0;
}
