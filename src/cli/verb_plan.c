// SPDX-License-Identifier: Apache-2.0
// symbiont plan: what a cycle asks, how long it takes on the wire, and what a dead unit costs.
#include <stdlib.h>
#include "cli/output.h"
#include "cli/verb.h"
#include "symbiont/site.h"
#include "symbiont/wire_time.h"

static double seconds(double ns)
{
    return (double)(int64_t)(ns / 1e5) / 1e4;
}

static void show_requests(struct output *o, const struct site *s, size_t meter, const struct plan *plan)
{
    static const char *const tables[] = {"", "coil", "discrete", "holding", "input"};
    const struct device *device = s->devices[meter];
    for (size_t i = 0; i < plan->n; i++) {
        const struct request *r = &plan->requests[i];
        output_row(o);
        output_text(o, "meter", site_meter(s, meter)->name);
        output_text(o, "table", tables[r->function]);
        output_int(o, "address", r->address);
        output_int(o, "count", r->count);
        output_int(o, "points", r->n);
        output_number(o, "every_s", seconds((double)r->every_ns));
        output_text(o, "first", device->points[plan->order[r->first]].name);
        output_text(o, "last", device->points[plan->order[r->first + r->n - 1u]].name);
        output_row_end(o);
    }
}

static void show_line(struct output *o, const struct line_config *line, const struct wire_load *load)
{
    output_row(o);
    output_text(o, "line", line->name);
    output_int(o, "meters", (int64_t)load->meters);
    output_number(o, "requests_per_s", (double)(int64_t)(100 * load->requests_per_s + 0.5) / 100);
    output_number(o, "registers_per_s", (double)(int64_t)(10 * load->registers_per_s + 0.5) / 10);
    output_number(o, "busy_%", (double)(int64_t)(1000 * load->share + 0.5) / 10);
    output_number(o, "fastest_cycle_s", seconds(load->cycle_ns));
    output_text(o, "fits", load->share <= 1 ? "yes" : "NO");
    output_number(o, "dead_unit_costs_s", seconds(load->dead_unit_ns));
    output_row_end(o);
}

static int print_plans(struct command *c, const struct site *s)
{
    static const struct column request_columns[] = {{"meter", NULL}, {"table", NULL},  {"address", NULL},
                                                    {"count", NULL}, {"points", NULL}, {"every_s", "every s"},
                                                    {"first", NULL}, {"last", NULL},   {0}};
    static const struct column line_columns[] = {{"line", NULL},
                                                 {"meters", NULL},
                                                 {"requests_per_s", "requests/s"},
                                                 {"registers_per_s", "registers/s"},
                                                 {"busy_%", "busy %"},
                                                 {"fastest_cycle_s", "all once, s"},
                                                 {"fits", NULL},
                                                 {"dead_unit_costs_s", "dead unit, s"},
                                                 {0}};
    struct output o = output_begin(command_flag(c, "json"));
    int status = EX_OK;
    output_object(&o, NULL);
    output_table(&o, "requests", request_columns);
    for (size_t i = 0; i < s->root->meters.n; i++) {
        struct plan plan;
        if (plan_make(s->devices[i], site_meter(s, i)->every_ns, &plan) < 0) {
            output_drop(&o);
            return command_fail(c, EX_OSERR, "out of memory");
        }
        show_requests(&o, s, i, &plan);
        plan_free(&plan);
    }
    output_table_end(&o);
    output_table(&o, "lines", line_columns);
    for (size_t i = 0; i < s->root->lines.n; i++) {
        struct wire_load load;
        if (wire_load_of_line(s, i, &load) < 0) {
            output_drop(&o);
            return command_fail(c, EX_OSERR, "out of memory");
        }
        show_line(&o, site_line(s, i), &load);
        if (load.share > 1)
            status = EX_WRONG;
    }
    output_table_end(&o);
    output_note(
        &o,
        "Busy: wire time at the line's speed for RTU (characters and silences), without the devices' own\n"
        "thinking time; for TCP a round trip of 5 ms is assumed. Dead unit: what one probe of a unit that "
        "does not\n"
        "answer costs its line, at most.");
    output_object_end(&o);
    return output_end(&o, c->out) ? status : command_fail(c, EX_OSERR, "out of memory");
}

static int run(struct command *c)
{
    const char *path = c->n ? c->words[0] : command_config(c);
    struct profile_path profiles = profile_path_default();
    struct diagnostics *d = diagnostics_new();
    struct site *site = d ? site_load(path, &profiles, d) : NULL;
    int status = EX_CONFIG;
    if (!d)
        status = command_fail(c, EX_OSERR, "out of memory");
    else if (!site || diag_errors(d) > 0)
        diag_print(d, c->err);
    else if (site)
        status = print_plans(c, site);
    site_free(site);
    diagnostics_free(d);
    return status;
}

static const struct verb_option options[] = {VERB_CONFIG, VERB_JSON, {0}};

const struct verb verb_plan = {
    .name = "plan",
    .help = "requests per cycle, wire time, whether the cycle fits",
    .words = "[FILE]",
    .most = 1,
    .text =
        "Shows the requests that each meter's points were joined into, and for each line how much of its\n"
        "time they take, whether they fit, and what a unit that does not answer costs the others.\n"
        "Exit status 1 when a line has more to do than time.",
    .options = options,
    .run = run};
