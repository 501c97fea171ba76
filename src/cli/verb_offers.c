// SPDX-License-Identifier: Apache-2.0
// symbiont offers: what leaves the site for its territory, what would, and what has left.
#include <stdlib.h>
#include <string.h>
#include "cli/control_client.h"
#include "cli/json_fields.h"
#include "cli/offers_offline.h"
#include "cli/output.h"
#include "symbiont/disclosure.h"
#include "symbiont/site.h"

// ---- What is told ----

static void seen_text(const json_t *o, char *out, size_t size)
{
    const json_t *seen = json_object_get(o, "seen_by");
    size_t i, at = 0;
    json_t *r;
    out[0] = '\0';
    if (!field_text(o, "receipt")) {
        if (json_is_true(json_object_get(o, "told")))
            snprintf(out, size, "no receipt yet");
        return;
    }
    if (json_array_size(seen) == 0)
        snprintf(out, size, "the coordinator");
    json_array_foreach(seen, i, r)
    {
        const char *to = field_text(r, "to");
        at += (size_t)snprintf(out + at, size - at, "%s%s (level %lld)", i ? ", " : "",
                               to ? to : "a neighbour", (long long)field_int(r, "level"));
        if (at >= size)
            return;
    }
}

static void show_offers(struct output *o, const json_t *offers)
{
    static const struct column columns[] = {{"name", NULL},
                                            {"role", NULL},
                                            {"resource", NULL},
                                            {"level", NULL},
                                            {"state", NULL},
                                            {"since", NULL},
                                            {"expires", NULL},
                                            {"broker", NULL},
                                            {"receipt", NULL},
                                            {"seen_by", "seen by"},
                                            {"reason", NULL},
                                            {"id", NULL},
                                            {0}};
    size_t i;
    json_t *f;
    output_table(o, "offers", columns);
    json_array_foreach((json_t *)(uintptr_t)offers, i, f)
    {
        char seen[400];
        seen_text(f, seen, sizeof seen);
        output_row(o);
        output_text(o, "name", field_text(f, "name"));
        output_text(o, "role", field_text(f, "role"));
        output_text(o, "resource", field_text(f, "resource"));
        output_int(o, "level", field_int(f, "level"));
        output_text(o, "state", field_text(f, "why"));
        output_text(o, "since", field_text(f, "since"));
        output_text(o, "expires", field_text(f, "expires"));
        output_text(o, "broker", field_text(f, "broker"));
        output_text(o, "receipt", field_text(f, "receipt"));
        output_text(o, "seen_by", *seen ? seen : NULL);
        output_text(o, "reason", field_text(f, "refused_because"));
        output_text(o, "id", field_text(f, "id"));
        output_row_end(o);
    }
    output_table_end(o);
}

static void show_withdrawals(struct output *o, const json_t *withdrawals)
{
    size_t i;
    json_t *w;
    json_array_foreach((json_t *)(uintptr_t)withdrawals, i, w)
        output_note(o, "withdrawn, and not yet read by the coordinator: %s", field_text(w, "id"));
}

static void show_told(struct output *o, const json_t *root)
{
    output_text(o, "territory", field_text(root, "territory"));
    output_text(o, "pseudonym", field_text(root, "pseudonym"));
    output_text(o, "broker", field_text(root, "server"));
    output_bool(o, "connected", json_is_true(json_object_get(root, "connected")));
    output_text(o, "disclosure log", field_text(root, "log"));
    if (json_is_false(json_object_get(root, "coordinator")))
        output_note(o, "No coordinator_key is set: no receipt and no match can be believed.");
    show_offers(o, json_object_get(root, "offers"));
    show_withdrawals(o, json_object_get(root, "withdrawals"));
}

// ---- What would be told ----

static void show_dry(struct output *o, const json_t *root)
{
    size_t i;
    json_t *f;
    output_text(o, "territory", field_text(root, "territory"));
    output_text(o, "pseudonym", field_text(root, "pseudonym"));
    if (json_is_false(json_object_get(root, "daemon")))
        output_note(
            o, "No daemon answers: worked out from the configuration and the ledger; the id is given when it "
               "is told.");
    json_array_foreach(json_object_get(root, "offers"), i, f)
    {
        const json_t *message = json_object_get(f, "message");
        output_note(o, " ");
        output_note(o, "%s %s, level %lld: %s (%s)", field_text(f, "role"), field_text(f, "name"),
                    (long long)field_int(f, "level"),
                    json_is_true(json_object_get(f, "leaves")) ? "leaves" : "does not leave now",
                    field_text(f, "why"));
        if (!message)
            continue;
        char *text = json_dumps(message, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(17));
        output_note(o, "  topic    %s", field_text(f, "topic"));
        output_note(o, "  expires  %s", field_text(f, "expires"));
        output_note(o, "  message  %s", text ? text : "");
        free(text);
    }
}

static int ask_dry(struct command *c, const char *socket_path, struct buf *answer)
{
    char why[300];
    int status = control_ask_quietly(socket_path, "offers dry", -1, answer, why, sizeof why);
    if (status == EX_OK)
        return status;
    buf_reset(answer);
    if (status != EX_UNAVAILABLE)
        return command_fail(c, status, "%s", why);
    return offers_offline(c, answer);
}

// ---- What has left ----

struct log_view {
    struct output *o;
    FILE *raw;
};

static void log_line(void *arg, const char *line, size_t n)
{
    struct log_view *v = arg;
    if (v->raw) {
        fwrite(line, 1, n, v->raw);
        fputc('\n', v->raw);
        return;
    }
    json_t *e = json_loadb(line, n, 0, NULL);
    if (!e)
        return;
    output_row(v->o);
    output_text(v->o, "time", field_text(e, "time"));
    output_text(v->o, "what", field_text(e, "what"));
    output_text(v->o, "stream", field_text(e, "stream"));
    output_int(v->o, "level", field_int(e, "level"));
    output_text(v->o, "id", field_text(e, "id"));
    output_text(v->o, "note", field_text(e, "note"));
    output_row_end(v->o);
    json_decref(e);
}

static bool log_path(struct command *c, char *out, size_t size)
{
    struct diagnostics *d = diagnostics_new();
    struct config *config = d ? config_read_path(command_config(c), true, site_section(), d) : NULL;
    struct site site = {.config = config, .root = config ? config_root(config) : NULL};
    char directory[4096];
    if (config)
        snprintf(out, size, "%s/disclosures.log",
                 exchange_directory(site_exchange(&site), site.root->storage.directory, directory,
                                    sizeof directory));
    else
        diag_print(d, c->err);
    config_free(config);
    diagnostics_free(d);
    return config != NULL;
}

static int show_log(struct command *c)
{
    static const struct column columns[] = {
        {"time", NULL}, {"what", NULL}, {"stream", NULL}, {"level", NULL}, {"id", NULL}, {"note", NULL}, {0}};
    char path[4200];
    bool raw = command_flag(c, "json");
    struct output o = output_begin(false);
    struct log_view v = {&o, raw ? c->out : NULL};
    if (!log_path(c, path, sizeof path)) {
        output_end(&o, c->out);
        return EX_CONFIG;
    }
    output_table(&o, NULL, columns);
    long wrong = disclosure_verify(path, log_line, &v);
    output_table_end(&o);
    if (!output_end(&o, c->out))
        return command_fail(c, EX_UNAVAILABLE, "out of memory");
    if (wrong < 0)
        return command_fail(c, EX_UNAVAILABLE, "%s cannot be read", path);
    if (wrong > 0)
        return command_fail(c, EX_WRONG,
                            "%s:%ld: this line does not follow the one before: the log was changed", path,
                            wrong);
    if (!raw)
        fprintf(c->out, "%s: every line follows the one before\n", path);
    return EX_OK;
}

// ---- The verb ----

static int show(struct command *c, const struct buf *answer,
                void (*print)(struct output *o, const json_t *root))
{
    json_t *root = json_loadb(answer->data, answer->len, JSON_REJECT_DUPLICATES, NULL);
    const char *error = root ? field_text(root, "error") : "the answer is not JSON";
    int status = EX_OK;
    if (error) {
        status = command_fail(c, root ? EX_CONFIG : EX_UNAVAILABLE, "%s", error);
    } else if (command_flag(c, "json")) {
        fwrite(answer->data, 1, answer->len, c->out);
        if (answer->data[answer->len - 1] != '\n')
            fputc('\n', c->out);
    } else {
        struct output o = output_begin(false);
        output_object(&o, NULL);
        print(&o, root);
        output_object_end(&o);
        status = output_end(&o, c->out) ? EX_OK : EX_OSERR;
    }
    json_decref(root);
    return status;
}

static int run(struct command *c)
{
    char path[128];
    bool dry = command_flag(c, "dry-run");
    struct buf answer = {0};
    if (command_flag(c, "log"))
        return dry ? command_usage(c, "--dry-run and --log exclude each other") : show_log(c);
    const char *socket_path = control_socket(c, path, sizeof path);
    int status = dry ? ask_dry(c, socket_path, &answer) : control_ask(c, socket_path, "offers", &answer);
    if (status == EX_OK)
        status = show(c, &answer, dry ? show_dry : show_told);
    buf_free(&answer);
    return status;
}

static const struct verb_option options[] = {
    VERB_CONFIG,
    VERB_SOCKET,
    {"dry-run", 'n', NULL, "the exact messages, before anything is sent", false, NULL},
    {"log", 'l', NULL, "everything that has left, and whether the log was changed", false, NULL},
    VERB_JSON,
    {0}};

const struct verb verb_offers = {
    .name = "offers",
    .help = "what leaves the site for its territory: at which level, since when, who has seen it",
    .text =
        "Asks the daemon. Per stream with an offer and per need: the level the owner agreed to, whether it "
        "is\n"
        "told and if not why, since when, when it expires, whether the broker has it, and to whom the\n"
        "coordinator's signed receipt says it was released.\n"
        "\n"
        "--dry-run shows the exact message of each, embargo or not. Without a daemon it is worked out from\n"
        "the configuration and what the ledger remembers.\n"
        "\n"
        "--log prints the disclosure log and checks its chain of hashes; with --json its lines as they are.\n"
        "Exit status 1: a line was changed or taken out.",
    .options = options,
    .run = run};
