// SPDX-License-Identifier: Apache-2.0
// What a simulated plant has seen, as JSON; and where its lines are reached.
#include "sim.h"

#include <stdio.h>
#include <string.h>

#include "symbiont/text.h"

static void line_stats(const struct sim_line *l, struct json *j)
{
    int clients = 0;
    for (size_t i = 0; i < l->port_count; i++)
        clients += l->ports[i].clients;
    json_open(j, l->name, '{');
    json_bool(j, "running", l->running);
    json_int(j, "connections", l->listen ? clients : 0);
    json_int(j, "connections_total", (int64_t)l->accepted);
    json_int(j, "turned_away", (int64_t)l->turned_away);
    json_int(j, "lost_streams", (int64_t)l->lost_streams);
    json_int(j, "noise", (int64_t)l->noise);
    json_int(j, "unknown_units", (int64_t)l->unknown_units);
    json_int(j, "early", (int64_t)l->early);
    json_open(j, "functions", '{');
    for (int f = 0; f < 256; f++) {
        char name[16];
        snprintf(name, sizeof name, "%d", f);
        if (l->requests[f])
            json_int(j, name, (int64_t)l->requests[f]);
    }
    json_close(j, '}');
    json_close(j, '}');
}

static void meter_stats(const struct sim_meter *m, struct json *j)
{
    static const char *const functions[] = {"other", "1", "2", "3", "4"};
    json_open(j, m->name, '{');
    json_text(j, "line", m->sim->lines[m->sim->templates[m->template_index]->settings.line]->name);
    json_int(j, "unit_id", m->unit_id);
    json_open(j, "requests", '{');
    for (int f = 0; f <= 4; f++)
        if (m->requests[f])
            json_int(j, functions[f], (int64_t)m->requests[f]);
    json_close(j, '}');
    json_int(j, "answers", (int64_t)m->answers);
    json_int(j, "exceptions", (int64_t)m->exceptions);
    json_int(j, "faulted", (int64_t)m->faulted);
    json_int(j, "unfit", (int64_t)m->unfit);
    json_close(j, '}');
}

void simulator_stats(struct simulator *s, struct json *j)
{
    int64_t requests = 0, now = 0;
    for (size_t i = 0; i < s->line_count; i++) {
        for (int f = 0; f < 256; f++)
            requests += (int64_t)s->lines[i]->requests[f];
        for (size_t p = 0; s->lines[i]->listen && p < s->lines[i]->port_count; p++)
            now += s->lines[i]->ports[p].clients;
    }
    json_int(j, "requests", requests);
    json_int(j, "answers", (int64_t)s->answers);
    json_int(j, "forbidden", (int64_t)s->forbidden);
    json_int(j, "connections", now);
    json_int(j, "connections_total", (int64_t)s->connections);
    json_int(j, "slow_clients", (int64_t)s->slow_clients);
    json_open(j, "lines", '{');
    for (size_t i = 0; i < s->line_count; i++)
        line_stats(s->lines[i], j);
    json_close(j, '}');
    json_open(j, "meters", '{');
    for (const struct sim_meter *m = s->meters; m; m = m->next)
        meter_stats(m, j);
    json_close(j, '}');
}

#define PLACE 96
static void place_text(const struct sim_line *l, char out[static PLACE])
{
    if (!l->listen)
        snprintf(out, PLACE, "%s", l->pty[0] ? l->pty : l->slave);
    else
        snprintf(out, PLACE, strchr(l->host, ':') ? "[%s]:%u" : "%s:%u", l->host, l->ports[0].number);
}

static void tcp_places(const struct sim_line *l, struct json *j)
{
    char text[PLACE];
    place_text(l, text);
    json_text(j, l->settings.rtu_over_tcp ? "rtu_over_tcp" : "tcp", text);
    json_text(j, "host", l->host);
    json_int(j, "port", l->ports[0].number);
    json_open(j, "ports", '[');
    for (size_t p = 0; p < l->port_count; p++)
        json_int(j, NULL, l->ports[p].number);
    json_close(j, ']');
}

void simulator_ports(struct simulator *s, struct json *j)
{
    for (size_t i = 0; i < s->line_count; i++) {
        const struct sim_line *l = s->lines[i];
        json_open(j, l->name, '{');
        if (l->listen) {
            tcp_places(l, j);
        } else {
            json_text(j, "serial", l->pty[0] ? l->pty : l->slave);
            json_text(j, "device", l->slave);
            json_text(j, "mode", l->mode);
        }
        json_close(j, '}');
    }
}

void simulator_describe(struct simulator *s, FILE *out)
{
    for (size_t i = 0; i < s->line_count; i++) {
        const struct sim_line *l = s->lines[i];
        char place[PLACE];
        place_text(l, place);
        fprintf(out, "line %s: %s %s", l->name,
                !l->listen                 ? "serial"
                : l->settings.rtu_over_tcp ? "rtu_over_tcp"
                                           : "tcp",
                place);
        if (l->port_count > 1)
            fprintf(out, " and %zu more ports", l->port_count - 1);
        fprintf(out, "%s\n", l->settings.wire_speed ? ", at wire speed" : "");
    }
    fprintf(out, "%u meters\n", s->meter_count);
}
