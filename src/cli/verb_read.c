// SPDX-License-Identifier: Apache-2.0
// symbiont read: one poll of a meter, printed, with what stands beside a value that cannot be right.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/device_read.h"
#include "cli/doubts.h"
#include "cli/output.h"
#include "cli/target.h"

struct read_job {
    struct command *c;
    struct session *session;
    const struct device *device;
    const char *meter; // NULL: named on the command line
    uint8_t unit;
    bool all; // hidden points too
};

// ---- The reading itself ----

static void show_point(struct output *o, const struct device_read *r, size_t i)
{
    const struct point *p = &r->device->points[i];
    struct value v = r->values[i];
    char hex[64];
    bool answered = p->type != POINT_DERIVED &&
                    (r->raw[i].reason == REASON_GOOD || r->raw[i].reason == REASON_NOT_AVAILABLE);
    output_row(o);
    output_text(o, "point", p->name);
    if (v.reason == REASON_GOOD && p->type == POINT_STRING)
        output_text(o, "value", r->texts[i]);
    else if (p->single)
        output_single(o, "value", v.reason == REASON_GOOD ? v.number : NAN);
    else
        output_number(o, "value", v.reason == REASON_GOOD ? v.number : NAN);
    output_text(o, "unit", unit_text(p->unit));
    output_text(o, "quality",
                v.reason == REASON_GOOD && doubtful(p, r->raw[i], v) ? "doubtful" : reason_text(v));
    output_text(o, "raw", answered ? device_read_hex(r, i, hex, sizeof hex) : NULL);
    output_row_end(o);
}

static void show_reading(struct output *o, const struct read_job *job, const struct device_read *r)
{
    static const struct column columns[] = {{"point", NULL},   {"value", NULL}, {"unit", NULL},
                                            {"quality", NULL}, {"raw", NULL},   {0}};
    output_object(o, NULL);
    output_time(o, "time", utc_now());
    if (job->meter || o->json)
        output_text(o, "meter", job->meter);
    output_text(o, "line", session_address(job->session));
    output_int(o, "unit", job->unit);
    if (job->device->profile || o->json)
        output_text(o, "profile", job->device->profile);
    if (r->located) {
        output_text(o, "manufacturer", r->walk.manufacturer);
        output_text(o, "product", r->walk.product);
        output_int(o, "sunspec_model", r->walk.model);
        output_int(o, "base_address", r->base);
    }
    output_int(o, "requests", (int64_t)r->requests);
    output_number(o, "took_ms", (double)(r->took_ns / 10000) / 100);
    output_table(o, "points", columns);
    for (size_t i = 0; i < job->device->n; i++)
        if (job->all || !job->device->points[i].hidden)
            show_point(o, r, i);
    output_table_end(o);
    doubts_show(o, job->session, job->unit, r);
    output_object_end(o);
}

static bool said_anything(const struct device *d, const struct device_read *r)
{
    for (size_t i = 0; i < d->n; i++)
        if (r->raw[i].reason == REASON_EXCEPTION && r->raw[i].exception < 10)
            return true;
    return false;
}

// The line's trouble, the walk's, or what the points say.
static const char *why_nothing(const struct read_job *job, const struct device_read *r)
{
    const char *trouble = session_trouble(job->session);
    if (*trouble)
        return trouble;
    if (r->walk.state == SUNSPEC_FAILED)
        return r->walk.why;
    for (size_t i = 0; i < job->device->n; i++)
        if (r->values[i].reason != REASON_NOT_DUE && r->values[i].reason != REASON_DEPENDENCY)
            return reason_text(r->values[i]);
    return "no point could be read";
}

static int read_once(struct read_job *job, struct device_read *r)
{
    size_t good = device_read_once(r, job->session, job->unit);
    struct output o = output_begin(command_flag(job->c, "json"));
    // Eighty times "timeout" tells people nothing that the one sentence does not.
    if (good || o.json || said_anything(job->device, r))
        show_reading(&o, job, r);
    if (!output_end(&o, job->c->out))
        return command_fail(job->c, EX_OSERR, "out of memory");
    fflush(job->c->out);
    if (good)
        return EX_OK;
    return command_fail(job->c, EX_UNAVAILABLE, "unit %u on %s gave no value: %s", job->unit,
                        session_address(job->session), why_nothing(job, r));
}

static void sleep_until(struct mono due)
{
    struct timespec t = {due.ns / NS_PER_S, due.ns % NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static int read_repeatedly(struct read_job *job)
{
    int64_t every = 0, count = 0;
    struct device_read r;
    if (!command_duration(job->c, "every", 0.01, 86400, &every) ||
        !command_integer(job->c, "count", 1, INT32_MAX, &count))
        return EX_USAGE;
    if (count == 0)
        count = every ? INT64_MAX : 1;
    if (device_read_open(&r, job->device) < 0)
        return command_fail(job->c, EX_OSERR, "out of memory");
    int status = EX_OK;
    struct mono due = mono_now();
    for (int64_t i = 0; i < count; i++) {
        status = read_once(job, &r);
        due = mono_add(due, every);
        if (i + 1 < count)
            sleep_until(due);
    }
    device_read_close(&r);
    return status;
}

static int read_named(struct command *c)
{
    struct target t = {0};
    struct read_job job = {.c = c, .all = command_flag(c, "all")};
    int64_t unit = 1;
    int status = EX_USAGE;
    if (command_integer(c, "unit", 0, 255, &unit) && (job.device = target_device(&t, c, &status))) {
        job.unit = (uint8_t)unit;
        job.session = session_open(c, NULL, &status);
        if (job.session)
            status = read_repeatedly(&job);
    }
    session_close(job.session);
    target_close(&t);
    return status;
}

static int read_meter(struct command *c, const struct site *site, const char *name)
{
    size_t i = 0;
    while (i < site->root->meters.n && strcmp(site_meter(site, i)->name, name) != 0)
        i++;
    if (i == site->root->meters.n)
        return command_fail(c, EX_USAGE, "there is no meter \"%s\" in %s", name, command_config(c));
    int status = EX_OK;
    struct read_job job = {.c = c,
                           .device = site->devices[i],
                           .meter = name,
                           .unit = (uint8_t)site_meter(site, i)->unit_id,
                           .all = command_flag(c, "all"),
                           .session = session_open_line(c, site_line(site, site->line_of[i]), &status)};
    if (job.session)
        status = read_repeatedly(&job);
    session_close(job.session);
    return status;
}

static int read_configured(struct command *c)
{
    if (c->n == 0)
        return command_usage(c,
                             "say which meters, or name a line: --tcp HOST[:PORT] --unit N --profile NAME");
    struct profile_path path = profile_path_default();
    struct diagnostics *d = diagnostics_new();
    struct site *site = d ? site_load(command_config(c), &path, d) : NULL;
    int status = EX_CONFIG;
    if (d && (!site || diag_errors(d) > 0)) {
        diag_print(d, c->err);
    } else if (site) {
        status = EX_OK;
        for (size_t i = 0; i < c->n; i++) {
            int one = read_meter(c, site, c->words[i]);
            status = status == EX_OK ? one : status;
        }
    }
    site_free(site);
    diagnostics_free(d);
    return status;
}

static int run(struct command *c)
{
    if (!session_named(c))
        return read_configured(c);
    if (c->n)
        return command_usage(
            c, "\"%s\": meters of a configuration and a line on the command line exclude each other",
            c->words[0]);
    return read_named(c);
}

static const struct verb_option options[] = {
    SESSION_OPTIONS,
    TARGET_OPTIONS,
    {"every", 'e', "TIME", "repeat, e.g. \"5 s\"", false, NULL},
    {"count", 'n', "N", "stop after N readings", false, NULL},
    {"all", 'a', NULL, "hidden points too", false, NULL},
    VERB_CONFIG,
    VERB_JSON,
    {0},
};

const struct verb verb_read = {
    .name = "read",
    .help = "poll a meter and print its points",
    .words = "[METER...]",
    .most = SIZE_MAX,
    .text =
        "Of a configuration, of a model on a line, and registers of any device:\n"
        "\n"
        "  symbiont read -c symbiont.conf boiler_2\n"
        "  symbiont read --tcp 192.168.1.20 --unit 3 --profile eastron-sdm630\n"
        "  symbiont read --serial /dev/ttyUSB0 --mode \"9600 8E1\" --unit 5 \\\n"
        "                --holding 0:10 --type float32 --order cdab\n"
        "\n"
        "Prints value, unit, quality and raw registers. Beside a value that cannot be right it shows what\n"
        "would stand there with the other word orders and one address up or down: the two mistakes\n"
        "everyone makes. Only reads: no request of this program can change a device.",
    .options = options,
    .run = run};
