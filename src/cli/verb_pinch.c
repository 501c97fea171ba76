// SPDX-License-Identifier: Apache-2.0
// symbiont pinch: how much heat a list of streams could pass among themselves, and what must come from
// outside.
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli/output.h"
#include "cli/verb.h"
#include "symbiont/files.h"
#include "symbiont/pinch.h"
#include "symbiont/text.h"

#define FILE_MAX_BYTES (1 << 20)
#define STREAMS_MAX    10000

enum column_kind { SUPPLY, TARGET, POWER, CONTRIBUTION, COLUMN_KINDS };

static const char *const headings[] = {[SUPPLY] = "supply_degC",
                                       [TARGET] = "target_degC",
                                       [POWER] = "power_kW",
                                       [CONTRIBUTION] = "dt_contribution_K"};

struct table {
    struct command *c;
    const char *path;
    int line;
    int column[COLUMN_KINDS]; // where each stands in a row; -1: it does not
    struct pinch_stream *streams;
    size_t n;
};

static char *trimmed(char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n && isspace((unsigned char)s[n - 1]))
        s[--n] = '\0';
    return s;
}

static bool wrong(const struct table *t, const char *what, const char *offender)
{
    command_fail(t->c, EX_WRONG, "%s:%d: %s \"%s\"", t->path, t->line, what, offender);
    return false;
}

static bool read_headings(struct table *t, char *row)
{
    static const char *const ignored[] = {"name", "site"};
    int at = 0;
    for (int k = 0; k < COLUMN_KINDS; k++)
        t->column[k] = -1;
    for (char *rest = row, *cell; (cell = strsep(&rest, ",")); at++) {
        const char *heading = trimmed(cell);
        bool known = strcmp(heading, ignored[0]) == 0 || strcmp(heading, ignored[1]) == 0;
        for (int k = 0; k < COLUMN_KINDS; k++) {
            if (strcmp(heading, headings[k]) != 0)
                continue;
            t->column[k] = at;
            known = true;
        }
        if (!known)
            return wrong(t,
                         "columns are name, supply_degC, target_degC, power_kW, dt_contribution_K, site; not",
                         heading);
    }
    for (int k = SUPPLY; k <= POWER; k++)
        if (t->column[k] < 0)
            return wrong(t, "there is no column", headings[k]);
    return true;
}

static bool read_stream(struct table *t, char *row)
{
    double values[COLUMN_KINDS] = {NAN, NAN, NAN, -1};
    int at = 0;
    for (char *rest = row, *cell; (cell = strsep(&rest, ",")); at++) {
        const char *text = trimmed(cell);
        for (int k = 0; k < COLUMN_KINDS; k++) {
            if (t->column[k] != at || (k == CONTRIBUTION && !*text))
                continue;
            if (!text_number(text, &values[k]))
                return wrong(t, headings[k], text);
            if (k == CONTRIBUTION && values[k] < 0)
                return wrong(t, "dt_contribution_K is at least 0, not", text);
        }
    }
    for (int k = SUPPLY; k <= POWER; k++)
        if (isnan(values[k]))
            return wrong(t, "no value for", headings[k]);
    if (t->n == STREAMS_MAX)
        return wrong(t, "at most 10,000 streams", t->path);
    t->streams[t->n++] =
        (struct pinch_stream){values[SUPPLY], values[TARGET], values[POWER], values[CONTRIBUTION]};
    return true;
}

static bool read_file(struct table *t)
{
    struct buf content = {0};
    if (file_read(t->path, FILE_MAX_BYTES, &content) < 0) {
        command_fail(t->c, EX_NOINPUT, "%s: %s", t->path, strerror(errno));
        buf_free(&content);
        return false;
    }
    buf_putc(&content, '\0');
    bool good = !content.failed, headed = false;
    for (char *rest = content.data, *row; good && (row = strsep(&rest, "\n"));) {
        t->line++;
        row = trimmed(row);
        if (!*row || *row == '#')
            continue;
        good = headed ? read_stream(t, row) : read_headings(t, row);
        headed = true;
    }
    if (good && !headed)
        good = wrong(t, "the first row names the columns; found nothing in", t->path);
    buf_free(&content);
    return good;
}

static bool show(struct command *c, const struct pinch_result *r, double dt_min)
{
    static const struct column columns[] = {{"shifted_degC", "shifted degC"},
                                            {"net_cp_kW_K", "net CP kW/K"},
                                            {"interval_kW", "interval kW"},
                                            {"cascade_kW", "cascade kW"},
                                            {0}};
    struct output o = output_begin(command_flag(c, "json"));
    output_object(&o, NULL);
    output_number(&o, "dt_min_K", dt_min);
    output_number(&o, "hot_utility_kW", r->hot_utility_kw);
    output_number(&o, "cold_utility_kW", r->cold_utility_kw);
    output_number(&o, "recovered_kW", r->recovered_kw);
    output_number(&o, "pinch_shifted_degC", r->has_pinch ? r->pinch_shifted_c : NAN);
    output_number(&o, "pinch_hot_degC", r->has_pinch ? r->pinch_hot_c : NAN);
    output_number(&o, "pinch_cold_degC", r->has_pinch ? r->pinch_cold_c : NAN);
    output_table(&o, "cascade", columns);
    for (size_t i = 0; i < r->n; i++) {
        const struct pinch_row *row = &r->rows[i];
        bool last = i + 1 == r->n;
        output_row(&o);
        output_number(&o, "shifted_degC", row->shifted_c);
        output_number(&o, "net_cp_kW_K", last ? NAN : row->net_cp);
        output_number(&o, "interval_kW", last ? NAN : row->interval_kw);
        output_number(&o, "cascade_kW", row->cascade_kw);
        output_row_end(&o);
    }
    output_table_end(&o);
    output_object_end(&o);
    return output_end(&o, c->out);
}

static int run(struct command *c)
{
    double dt_min = 10;
    struct pinch_result result;
    struct table t = {.c = c, .path = c->words[0], .streams = calloc(STREAMS_MAX, sizeof *t.streams)};
    int status = EX_USAGE;
    if (!t.streams)
        return command_fail(c, EX_OSERR, "out of memory");
    if (command_number(c, "dt-min", 0, 1000, &dt_min)) {
        status = EX_WRONG;
        if (read_file(&t)) {
            status = EX_OSERR;
            if (pinch_solve(t.streams, t.n, dt_min, &result) < 0) {
                command_fail(c, status, "%s", strerror(errno));
            } else {
                status = show(c, &result, dt_min) ? EX_OK : command_fail(c, EX_OSERR, "out of memory");
                pinch_free(&result);
            }
        }
    }
    free(t.streams);
    return status;
}

static const struct verb_option options[] = {
    {"dt-min", 'd', "K", "minimum approach between hot and cold streams (default 10)", false, NULL},
    VERB_JSON,
    {0}};

const struct verb verb_pinch = {
    .name = "pinch",
    .help = "heat integration: what a list of streams could pass among themselves",
    .words = "FILE",
    .least = 1,
    .most = 1,
    .text =
        "FILE is a CSV: name,supply_degC,target_degC,power_kW and optionally dt_contribution_K, site. A "
        "stream\n"
        "whose supply is above its target gives heat, one below takes it; equal temperatures are latent\n"
        "heat, positive when it condenses. Prints the least hot and cold utility, the heat recovered, the\n"
        "pinch and the cascade (problem table algorithm).",
    .options = options,
    .run = run};
