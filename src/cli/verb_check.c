// SPDX-License-Identifier: Apache-2.0
// symbiont check: is a configuration right?
#include <stdlib.h>
#include "cli/output.h"
#include "cli/verb.h"
#include "symbiont/site.h"

static void row(void *arg, bool is_error, struct place at, const char *text)
{
    struct output *o = arg;
    output_row(o);
    output_text(o, "level", is_error ? "error" : "warning");
    output_text(o, "file", at.file);
    output_int(o, "line", at.line);
    output_text(o, "text", text);
    output_row_end(o);
}

static bool print_json(struct command *c, struct diagnostics *d, const struct site *site)
{
    static const struct column none[] = {{0}};
    struct output o = output_begin(true);
    output_object(&o, NULL);
    output_bool(&o, "ok", diag_errors(d) == 0);
    output_int(&o, "errors", (int64_t)diag_errors(d));
    output_int(&o, "warnings", (int64_t)diag_warnings(d));
    if (site) {
        output_int(&o, "lines", (int64_t)site->root->lines.n);
        output_int(&o, "meters", (int64_t)site->root->meters.n);
        output_text(&o, "hash", config_hash(site->config));
    }
    output_table(&o, "found", none);
    diag_each(d, row, &o);
    output_table_end(&o);
    output_object_end(&o);
    return output_end(&o, c->out);
}

static int run(struct command *c)
{
    const char *path = c->n ? c->words[0] : command_config(c);
    struct profile_path profiles = profile_path_default();
    struct diagnostics *d = diagnostics_new();
    struct site *site = d ? site_load(path, &profiles, d) : NULL;
    if (!d)
        return command_fail(c, EX_OSERR, "out of memory");
    int status = site && diag_errors(d) == 0 ? EX_OK : EX_CONFIG;
    if (command_flag(c, "json")) {
        if (!print_json(c, d, site))
            status = command_fail(c, EX_OSERR, "out of memory");
    } else {
        diag_print(d, c->err);
        if (status == EX_OK && command_flag(c, "print"))
            config_print(site_section(), site->root, c->out);
        else if (status == EX_OK)
            fprintf(c->out, "%s: configuration OK, %zu meters on %zu lines, %zu warnings\n", path,
                    site->root->meters.n, site->root->lines.n, diag_warnings(d));
    }
    site_free(site);
    diagnostics_free(d);
    return status;
}

static const struct verb_option options[] = {
    VERB_CONFIG,
    {"print", 'p', NULL, "print the settings in force as a configuration", false, NULL},
    VERB_JSON,
    {0}};

const struct verb verb_check = {
    .name = "check",
    .help = "check a configuration and print what is wrong with it",
    .words = "[FILE]",
    .most = 1,
    .text =
        "Reads the configuration, its conf.d/*.conf and the profiles it names, and prints everything that\n"
        "is wrong as file:line: unknown and duplicate keys, wrong types and units, values out of range,\n"
        "names that lead nowhere. Warns of what is allowed but doubtful: two meters on one unit, a\n"
        "profile of low confidence, a cycle that cannot fit into its period. Exit status 0: right, 78: "
        "wrong.",
    .options = options,
    .run = run};
