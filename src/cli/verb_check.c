// SPDX-License-Identifier: Apache-2.0
// symbiont check: is a configuration right?
#include <stdlib.h>
#include "cli/output.h"
#include "cli/verb.h"
#include "symbiont/coordinator.h"
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

// What a configuration turns out to be.
struct checked {
    struct site *site;                      // a gateway's, or
    struct coordinator_checked coordinator; // a coordinator's; neither has a config: it cannot be read
};

static struct config *config_of(const struct checked *k)
{
    return k->site ? k->site->config : k->coordinator.config;
}

static bool print_json(struct command *c, struct diagnostics *d, const struct checked *k)
{
    static const struct column none[] = {{0}};
    struct output o = output_begin(true);
    output_object(&o, NULL);
    output_bool(&o, "ok", diag_errors(d) == 0);
    output_int(&o, "errors", (int64_t)diag_errors(d));
    output_int(&o, "warnings", (int64_t)diag_warnings(d));
    if (k->site) {
        output_int(&o, "lines", (int64_t)k->site->root->lines.n);
        output_int(&o, "meters", (int64_t)k->site->root->meters.n);
    } else if (k->coordinator.config) {
        output_text(&o, "territory", k->coordinator.territory);
        output_int(&o, "members", (int64_t)k->coordinator.members);
        output_int(&o, "declared", (int64_t)k->coordinator.declared);
    }
    if (config_of(k))
        output_text(&o, "hash", config_hash(config_of(k)));
    output_table(&o, "found", none);
    diag_each(d, row, &o);
    output_table_end(&o);
    output_object_end(&o);
    return output_end(&o, c->out);
}

static void print_right(struct command *c, const char *path, const struct checked *k, size_t warnings)
{
    if (command_flag(c, "print"))
        config_print(k->site ? site_section() : &coordinator_section, config_root(config_of(k)), c->out);
    else if (k->site)
        fprintf(c->out, "%s: configuration OK, %zu meters on %zu lines, %zu warnings\n", path,
                k->site->root->meters.n, k->site->root->lines.n, warnings);
    else
        fprintf(c->out, "%s: configuration OK, %zu members, %zu declared firms, %zu warnings\n", path,
                k->coordinator.members, k->coordinator.declared, warnings);
}

static int run(struct command *c)
{
    const char *path = c->n ? c->words[0] : command_config(c);
    struct profile_path profiles = profile_path_default();
    struct diagnostics *d = diagnostics_new();
    struct checked k = {0};
    if (!d)
        return command_fail(c, EX_OSERR, "out of memory");
    if (coordinator_conf_is(path))
        coordinator_conf_check(path, d, &k.coordinator);
    else
        k.site = site_load(path, &profiles, d);
    int status = config_of(&k) && diag_errors(d) == 0 ? EX_OK : EX_CONFIG;
    if (command_flag(c, "json")) {
        if (!print_json(c, d, &k))
            status = command_fail(c, EX_OSERR, "out of memory");
    } else {
        diag_print(d, c->err);
        if (status == EX_OK)
            print_right(c, path, &k, diag_warnings(d));
    }
    site_free(k.site);
    coordinator_conf_checked_free(&k.coordinator);
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
        "profile of low confidence, a cycle that cannot fit into its period. A coordinator.conf (known by "
        "its\n"
        "`territory`) is checked as symbiont-coordinator --check does. Exit status 0: right, 78: wrong.",
    .options = options,
    .run = run};
