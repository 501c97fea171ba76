// SPDX-License-Identifier: Apache-2.0
// symbiont replay: the rules and streams of a configuration over recorded data.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli/replay_source.h"
#include "cli/replay_view.h"
#include "cli/verb.h"

enum { PACES_MAX = 1000 };

struct run {
    struct command *c;
    struct replay_source **sources;
    size_t n;
    struct site *site;
    struct engine *engine;
    struct replay *replay;
    struct replay_view *view;
};

static void print_error(void *arg, bool is_error, struct place at, const char *text)
{
    const struct command *c = arg;
    if (is_error)
        fprintf(c->err, "%s:%d: error: %s\n", at.file ? at.file : "-", at.line, text);
}

// What a recording does not need (a broker, a line's speed) is not warned of.
static int stop_at_errors(struct run *r, struct diagnostics *d)
{
    diag_each(d, print_error, r->c);
    return diag_errors(d) ? EX_CONFIG : EX_OK;
}

static int describe(struct run *r, struct diagnostics *d)
{
    const char *described = command_value(r->c, "format");
    r->sources = calloc(r->c->n + 1, sizeof(struct replay_source *));
    for (size_t i = 0; r->sources && i < r->c->n; i++) {
        r->sources[r->n] = replay_source_new(r->c->words[i], described, d);
        if (!r->sources[r->n++])
            return command_fail(r->c, EX_OSERR, "out of memory");
    }
    return r->sources ? stop_at_errors(r, d) : command_fail(r->c, EX_OSERR, "out of memory");
}

static int load_site(struct run *r, struct diagnostics *d)
{
    struct profile_path profiles = profile_path_default();
    struct site_pace *paces = calloc(PACES_MAX, sizeof *paces);
    size_t n = 0;
    if (!paces)
        return command_fail(r->c, EX_OSERR, "out of memory");
    for (size_t i = 0; i < r->n; i++)
        n += recording_paces(replay_source_config(r->sources[i]), paces + n, PACES_MAX - n);
    r->site = site_load_paced(command_config(r->c), &profiles, paces, n, d);
    free(paces);
    return stop_at_errors(r, d);
}

static int open_sources(struct run *r, struct diagnostics *d)
{
    char why[400];
    for (size_t i = 0; i < r->n; i++)
        if (!replay_source_open(r->sources[i], r->site, d, why, sizeof why))
            return *why ? command_fail(r->c, EX_UNAVAILABLE, "%s", why) : stop_at_errors(r, d);
    return EX_OK;
}

static int prepare(struct run *r)
{
    struct diagnostics *d = diagnostics_new();
    if (!d)
        return command_fail(r->c, EX_OSERR, "out of memory");
    int status = describe(r, d);
    if (status == EX_OK)
        status = load_site(r, d);
    if (status == EX_OK)
        status = open_sources(r, d);
    diagnostics_free(d);
    if (status != EX_OK)
        return status;
    r->view = replay_view_new(r->site, command_flag(r->c, "json"), command_flag(r->c, "totals"), r->c->out);
    struct engine_hooks hooks = r->view ? replay_view_hooks(r->view) : (struct engine_hooks){0};
    r->engine = r->view ? engine_new(r->site, &hooks) : NULL;
    r->replay = r->engine ? replay_new(r->engine, r->site) : NULL;
    return r->replay ? EX_OK : command_fail(r->c, EX_OSERR, "out of memory");
}

// Of several files the earliest row is the next one.
static int feed(struct run *r)
{
    char why[400];
    const struct recording_row **rows = calloc(r->n + 1, sizeof(const struct recording_row *));
    int status = rows ? EX_OK : command_fail(r->c, EX_OSERR, "out of memory");
    for (size_t i = 0; status == EX_OK && i < r->n; i++) {
        rows[i] = replay_source_row(r->sources[i], why, sizeof why);
        if (!rows[i] && *why)
            status = command_fail(r->c, EX_UNAVAILABLE, "%s", why);
    }
    while (status == EX_OK) {
        size_t first = SIZE_MAX;
        for (size_t i = 0; i < r->n; i++)
            if (rows[i] && (first == SIZE_MAX || rows[i]->time.ms < rows[first]->time.ms))
                first = i;
        if (first == SIZE_MAX)
            break;
        replay_row(r->replay, replay_source_recording(r->sources[first]), rows[first]);
        rows[first] = replay_source_row(r->sources[first], why, sizeof why);
        if (!rows[first] && *why)
            status = command_fail(r->c, EX_UNAVAILABLE, "%s", why);
    }
    free(rows);
    replay_end(r->replay);
    return status;
}

static int run(struct command *c)
{
    struct run r = {.c = c};
    int status = prepare(&r);
    if (status == EX_OK) {
        struct mono begun = mono_now();
        status = feed(&r);
        int64_t took = mono_since(mono_now(), begun);
        const struct replay_found found = {r.sources, r.n, r.engine, r.replay, took};
        if (status == EX_OK && !replay_view_end(r.view, &found))
            status = command_fail(c, EX_OSERR, "out of memory");
    }
    replay_view_free(r.view);
    replay_free(r.replay);
    engine_free(r.engine);
    site_free(r.site);
    for (size_t i = 0; i < r.n; i++)
        replay_source_free(r.sources[i]);
    free(r.sources);
    return status;
}

static const struct verb_option options[] = {
    VERB_CONFIG,
    {"format", 'f', "FILE", "the description of the data (default: DATA.replay beside DATA.csv)", false,
     NULL},
    {"totals", 't', NULL, "only the totals, not the single events", false, NULL},
    VERB_JSON,
    {0}};

const struct verb verb_replay = {
    .name = "replay",
    .help = "run rules and streams over recorded data",
    .words = "FILE...",
    .least = 1,
    .most = 1000,
    .text =
        "Feeds recorded data (CSV, plain or gzip) to the rules, streams and derived points of a\n"
        "configuration, as the gateway would have done, and prints what would have happened: alerts and\n"
        "surplus with their times, then the totals of every point, rule and stream. Nothing is sent.\n"
        "\n"
        "DATA.replay beside DATA.csv says which column is which point, how times are written, and what is\n"
        "odd about the file; docs/rules.md has the manual. Without one the headings are points\n"
        "(meter.point), and the column `time` has ISO times. Several files are merged by time.",
    .options = options,
    .run = run};
