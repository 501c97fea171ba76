// SPDX-License-Identifier: Apache-2.0
// symbiont matches: what the coordinator found for this site's offers and needs, and why.
#include <stdlib.h>
#include <string.h>
#include "cli/control_client.h"
#include "cli/territory_matches.h"
#include "cli/json_fields.h"
#include "cli/output.h"
#include "symbiont/offer.h"

// A span is a number, or a text when it is a band.
static const char *span_field(const json_t *o, const char *key, char *out, size_t size)
{
    const json_t *v = json_object_get(o, key);
    if (json_is_string(v))
        snprintf(out, size, "%s", json_string_value(v));
    else if (json_is_number(v))
        snprintf(out, size, "%.6g", json_number_value(v));
    else
        return NULL;
    return out;
}

static enum resource resource_of(const json_t *view)
{
    const char *word = field_text(view, "resource");
    for (const struct choice *c = resource_choices; word && c->word; c++)
        if (strcmp(c->word, word) == 0)
            return (enum resource)c->value;
    return RESOURCE_HEAT;
}

// ---- The list ----

static void quantity_text(const json_t *view, char *out, size_t size)
{
    char number[SPAN_TEXT];
    out[0] = '\0';
    if (span_field(view, "quantity", number, sizeof number))
        snprintf(out, size, "%s %s", number, offer_unit(resource_of(view)));
}

static void answer_text(const json_t *m, char *out, size_t size)
{
    const char *answer = field_text(m, "answer");
    snprintf(out, size, "%s", answer ? answer : "");
}

static void show_list(struct output *o, const json_t *matches)
{
    static const struct column columns[] = {{"id", NULL},
                                            {"for", NULL},
                                            {"resource", NULL},
                                            {"status", NULL},
                                            {"answer", NULL},
                                            {"quantity", NULL},
                                            {"eur_yr", "EUR/a"},
                                            {"tco2e_yr", "tCO2e/a"},
                                            {"payback", "payback a"},
                                            {"distance", "distance m"},
                                            {"confidence", NULL},
                                            {0}};
    size_t i;
    json_t *m;
    output_table(o, "matches", columns);
    json_array_foreach((json_t *)(uintptr_t)matches, i, m)
    {
        const json_t *v = json_object_get(m, "view");
        char a[SPAN_TEXT], text[120], id[12];
        output_row(o);
        snprintf(id, sizeof id, "%.8s", field_text(v, "id") ? field_text(v, "id") : "");
        output_text(o, "id", id);
        output_text(o, "for", field_text(m, "name"));
        output_text(o, "resource", field_text(v, "resource"));
        output_text(o, "status", field_text(v, "status"));
        answer_text(m, text, sizeof text);
        output_text(o, "answer", *text ? text : NULL);
        quantity_text(v, text, sizeof text);
        output_text(o, "quantity", *text ? text : NULL);
        output_text(o, "eur_yr", span_field(v, "eur_yr", a, sizeof a));
        output_text(o, "tco2e_yr", span_field(v, "tco2e_yr", a, sizeof a));
        output_text(o, "payback", span_field(v, "payback_y", a, sizeof a));
        output_text(o, "distance", span_field(v, "distance_m", a, sizeof a));
        output_number(o, "confidence", field_number(v, "confidence"));
        output_row_end(o);
    }
    output_table_end(o);
    if (json_array_size(matches) == 0)
        output_note(o, "No match.");
    else
        output_note(o, "`symbiont matches --explain ID` tells the reasons; `symbiont accept ID`, `symbiont "
                       "decline ID`.");
}

// ---- One, with its reasons ----

static void show_gates(struct output *o, const json_t *gates)
{
    static const struct column columns[] = {{"gate", NULL},  {"passes", NULL}, {"value", NULL},
                                            {"limit", NULL}, {"unit", NULL},   {0}};
    size_t i;
    json_t *g;
    output_table(o, "gates", columns);
    json_array_foreach((json_t *)(uintptr_t)gates, i, g)
    {
        output_row(o);
        output_text(o, "gate", field_text(g, "name"));
        output_bool(o, "passes", json_is_true(json_object_get(g, "pass")));
        output_number(o, "value", field_number(g, "value"));
        output_number(o, "limit", field_number(g, "limit"));
        output_text(o, "unit", field_text(g, "unit"));
        output_row_end(o);
    }
    output_table_end(o);
}

static void amount(struct output *o, const json_t *v, const char *name, const char *key, const char *unit)
{
    char number[SPAN_TEXT], text[SPAN_TEXT + 16];
    if (!span_field(v, key, number, sizeof number))
        return;
    snprintf(text, sizeof text, "%s%s%s", number, *unit ? " " : "", unit);
    output_text(o, name, text);
}

static void share(struct output *o, const json_t *v, const char *name, const char *key)
{
    char text[24];
    double x = field_number(v, key);
    if (isnan(x))
        return;
    snprintf(text, sizeof text, "%.0f %%", 100 * x);
    output_text(o, name, text);
}

static void optional(struct output *o, const json_t *v, const char *name, const char *key)
{
    if (field_text(v, key))
        output_text(o, name, field_text(v, key));
}

static void show_counterpart(struct output *o, const json_t *v)
{
    const json_t *c = json_object_get(v, "counterpart");
    optional(o, c, "the other side", "name");
    optional(o, c, "contact", "contact");
    optional(o, c, "its zone", "zone");
    optional(o, c, "its sector (NACE)", "nace");
    amount(o, c, "its amount", "amount", offer_unit(resource_of(v)));
    amount(o, c, "its supply", "supply", "degC");
    amount(o, c, "its return", "back", "degC");
    optional(o, c, "its waste code", "code");
}

static void explain(struct output *o, const json_t *m)
{
    const json_t *v = json_object_get(m, "view"), *limits = json_object_get(v, "limits");
    enum resource r = resource_of(v);
    char annual[32];
    size_t i;
    json_t *l;
    snprintf(annual, sizeof annual, "%s/a", offer_annual_unit(r));
    output_text(o, "match", field_text(v, "id"));
    output_text(o, "for", field_text(m, "name"));
    output_text(o, "status", field_text(v, "status"));
    optional(o, m, "answered", "answer");
    optional(o, m, "metered by", "meter");
    optional(o, v, "why it ended", "reason");
    output_text(o, "resource", field_text(v, "resource"));
    show_counterpart(o, v);
    amount(o, v, "quantity", "quantity", offer_unit(r));
    amount(o, v, "in a year", "annual", annual);
    share(o, v, "of the need", "coverage");
    share(o, v, "of the offer", "use");
    amount(o, v, "distance", "distance_m", "m");
    amount(o, v, "investment", "capex_eur", "EUR");
    amount(o, v, "gain of both", "eur_yr", "EUR/a");
    amount(o, v, "payback", "payback_y", "a");
    amount(o, v, "avoided", "tco2e_yr", "tCO2e/a");
    share(o, v, "confidence", "confidence");
    amount(o, v, "metered so far", "realised", offer_annual_unit(r));
    amount(o, v, "gained so far", "realised_eur", "EUR");
    amount(o, v, "avoided so far", "realised_tco2e", "tCO2e");
    if (field_text(v, "text"))
        output_note(o, "%s", field_text(v, "text"));
    json_array_foreach((json_t *)(uintptr_t)limits, i, l) output_note(o, "  - %s", json_string_value(l));
    if (json_array_size(json_object_get(v, "gates")))
        show_gates(o, json_object_get(v, "gates"));
    if (json_is_true(json_object_get(m, "unasked")))
        output_note(o, "The coordinator says so, but nobody here said yes to it: ask him.");
    if (json_is_true(json_object_get(m, "advisory")))
        output_note(o, "It came while our clock was not set: advisory.");
}

static const json_t *find(const json_t *matches, const char *id)
{
    const json_t *found = NULL;
    size_t i, n = strlen(id);
    json_t *m;
    json_array_foreach((json_t *)(uintptr_t)matches, i, m)
    {
        const char *own = field_text(json_object_get(m, "view"), "id");
        own = own ? own : field_text(m, "id");
        if (own && n >= 4 && strncmp(own, id, n) == 0)
            found = m;
    }
    return found;
}

static int print(struct command *c, const json_t *root)
{
    const char *id = command_value(c, "explain");
    const json_t *matches = json_object_get(root, "matches"), *one = id ? find(matches, id) : NULL;
    if (id && !one)
        return command_fail(c, EX_WRONG, "there is no match \"%s\"", id);
    if (command_flag(c, "json")) {
        char *text = json_dumps(one ? one : root, JSON_COMPACT | JSON_PRESERVE_ORDER);
        fprintf(c->out, "%s\n", text ? text : "");
        free(text);
        return text ? EX_OK : EX_OSERR;
    }
    struct output o = output_begin(false);
    output_object(&o, NULL);
    if (field_text(root, "territory") && field_text(json_array_get(matches, 0), "synergy"))
        territory_matches(&o, matches, id);
    else if (one)
        explain(&o, one);
    else
        show_list(&o, matches);
    output_object_end(&o);
    return output_end(&o, c->out) ? EX_OK : EX_OSERR;
}

static int run(struct command *c)
{
    char path[128];
    int status;
    json_t *root = control_ask_json(c, control_socket(c, path, sizeof path), "matches", &status);
    if (!root)
        return status;
    if (field_text(root, "error"))
        status = command_fail(c, EX_CONFIG, "%s", field_text(root, "error"));
    else
        status = print(c, root);
    json_decref(root);
    return status;
}

static const struct verb_option options[] = {
    VERB_CONFIG,      VERB_SOCKET,
    VERB_COORDINATOR, {"explain", 'x', "ID", "one match with its gates, numbers and reasons", false, NULL},
    VERB_JSON,        {0}};

const struct verb verb_matches = {.name = "matches",
                                  .help = "what the coordinator found for this site's offers and needs",
                                  .text =
                                      "Asks the daemon. Each match came signed by the territory's "
                                      "coordinator: what would be exchanged, what\n"
                                      "it is worth to both together in a year, what carbon it avoids, how "
                                      "far away. The other side is shown in\n"
                                      "bands and without a name until both said yes (`symbiont accept`).\n"
                                      "\n"
                                      "An ID may be shortened to its first characters, four at least.\n"
                                      "\n"
                                      "With --coordinator, all matches of the territory, with names, answers "
                                      "and what was metered.",
                                  .options = options,
                                  .run = run};
