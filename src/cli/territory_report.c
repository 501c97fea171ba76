// SPDX-License-Identifier: Apache-2.0
// The territory's summary as text and CSV.
#include "cli/territory_report.h"

#include <string.h>
#include "cli/output.h"

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static int64_t whole_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

// ---- Text ----

static void show_potential(struct output *o, const json_t *list)
{
    static const struct column columns[] = {
        {"resource", NULL}, {"role", NULL},       {"zone", NULL},     {"sites", NULL},
        {"amount", NULL},   {"annual", "a year"}, {"why", "why not"}, {0}};
    output_table(o, "potential", columns);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i), *zones = json_object_get(row, "zones");
        for (size_t k = 0; k <= json_array_size(zones); k++) {
            const json_t *z = k < json_array_size(zones) ? json_array_get(zones, k) : row;
            const char *verdict = text_of(z, "verdict");
            output_row(o);
            output_text(o, "resource", text_of(row, "resource"));
            output_text(o, "role", text_of(row, "role"));
            output_text(o, "zone", z == row ? "all" : text_of(z, "zone"));
            if (json_object_get(z, "sites")) // not of what is hidden
                output_int(o, "sites", whole_of(z, "sites"));
            output_text(o, "amount", text_of(z, "total"));
            output_text(o, "annual", text_of(z, "annual"));
            output_text(o, "why", verdict && strcmp(verdict, "shown") == 0 ? NULL : verdict);
            output_row_end(o);
        }
    }
    output_table_end(o);
}

static void show_synergies(struct output *o, const char *name, const json_t *list, const char *eur,
                           const char *carbon)
{
    static const struct column columns[] = {{"kind", NULL},      {"resource", NULL}, {"matches", NULL},
                                            {"sites", NULL},     {"amount", NULL},   {"eur", "EUR"},
                                            {"tco2e", "t CO2e"}, {"why", "why not"}, {0}};
    output_table(o, name, columns);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i), *cells = json_object_get(row, "resources");
        for (size_t k = 0; k <= json_array_size(cells); k++) {
            const json_t *cell = k < json_array_size(cells) ? json_array_get(cells, k) : row;
            const char *verdict = text_of(cell, "verdict");
            output_row(o);
            output_text(o, "kind", text_of(row, "kind"));
            output_text(o, "resource", cell == row ? "all" : text_of(cell, "resource"));
            if (cell != row) {
                output_int(o, "matches", whole_of(cell, "matches"));
                output_int(o, "sites", whole_of(cell, "sites"));
                output_text(o, "amount", text_of(cell, "annual"));
            }
            output_text(o, "eur", text_of(cell, eur));
            output_text(o, "tco2e", text_of(cell, carbon));
            output_text(o, "why", verdict && strcmp(verdict, "shown") == 0 ? NULL : verdict);
            output_row_end(o);
        }
    }
    output_table_end(o);
}

static void show_orphans(struct output *o, const json_t *list)
{
    static const struct column columns[] = {{"family", "nobody takes"},
                                            {"hazardous", NULL},
                                            {"flows", NULL},
                                            {"sites", NULL},
                                            {"annual", "a year"},
                                            {"why", "why not"},
                                            {0}};
    output_table(o, "orphans", columns);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        const char *verdict = text_of(row, "verdict");
        output_row(o);
        output_text(o, "family", text_of(row, "family"));
        output_bool(o, "hazardous", json_is_true(json_object_get(row, "hazardous")));
        output_int(o, "flows", whole_of(row, "flows"));
        output_int(o, "sites", whole_of(row, "sites"));
        output_text(o, "annual", text_of(row, "annual"));
        output_text(o, "why", verdict && strcmp(verdict, "shown") == 0 ? NULL : verdict);
        output_row_end(o);
    }
    output_table_end(o);
}

static bool print_text(const json_t *r, FILE *out)
{
    struct output o = output_begin(false);
    const json_t *ceiling = json_object_get(r, "ceiling");
    output_object(&o, NULL);
    output_text(&o, "territory", text_of(r, "name"));
    output_text(&o, "made", text_of(r, "made"));
    output_int(&o, "members", whole_of(r, "members"));
    output_int(&o, "declared firms", whole_of(r, "declared"));
    output_int(&o, "offers and needs", whole_of(r, "entries"));
    if (ceiling && *text_of(ceiling, "possible")) {
        output_text(&o, "heat reached", text_of(ceiling, "reached"));
        output_text(&o, "heat possible", text_of(ceiling, "possible"));
    }
    show_potential(&o, json_object_get(r, "potential"));
    show_synergies(&o, "possible", json_object_get(r, "synergies"), "eur_yr", "tco2e_yr");
    if (json_array_size(json_object_get(r, "realised")))
        show_synergies(&o, "realised", json_object_get(r, "realised"), "eur", "tco2e");
    if (json_array_size(json_object_get(r, "orphans")))
        show_orphans(&o, json_object_get(r, "orphans"));
    output_note(
        &o,
        "Totals are bands; \"...\" is hidden: few or dominated by one, or it could be had by subtracting.");
    output_object_end(&o);
    return output_end(&o, out);
}

// ---- CSV ----

static void cell(FILE *out, const char *text, bool last)
{
    text = text ? text : "";
    if (strpbrk(text, ",\"\n")) {
        fputc('"', out);
        for (; *text; text++)
            fprintf(out, *text == '"' ? "\"\"" : "%c", *text);
        fputc('"', out);
    } else {
        fputs(text, out);
    }
    fputc(last ? '\n' : ',', out);
}

static void number_cell(FILE *out, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (json_is_integer(v))
        fprintf(out, "%lld", (long long)json_integer_value(v));
    fputc(',', out);
}

// One shape for all: table, kind or role, resource or family, zone, sites, matches, amount, EUR, tCO2e,
// verdict.
static void line(FILE *out, const char *table, const char *kind, const char *what, const char *zone,
                 const json_t *o, const char *amount, const char *eur, const char *carbon)
{
    cell(out, table, false);
    cell(out, kind, false);
    cell(out, what, false);
    cell(out, zone, false);
    number_cell(out, o, "sites");
    number_cell(out, o, "matches");
    cell(out, text_of(o, amount), false);
    cell(out, text_of(o, eur), false);
    cell(out, text_of(o, carbon), false);
    cell(out, text_of(o, "verdict"), true);
}

static void synergies_csv(FILE *out, const char *table, const json_t *list, const char *eur,
                          const char *carbon)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i), *cells = json_object_get(row, "resources");
        for (size_t k = 0; k < json_array_size(cells); k++) {
            const json_t *o = json_array_get(cells, k);
            line(out, table, text_of(row, "kind"), text_of(o, "resource"), "", o, "annual", eur, carbon);
        }
        line(out, table, text_of(row, "kind"), "all", "", row, "annual", eur, carbon);
    }
}

static void print_csv(const json_t *r, FILE *out)
{
    const json_t *list = json_object_get(r, "potential");
    fputs("table,kind,resource,zone,sites,matches,amount,eur,tco2e,verdict\n", out);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i), *zones = json_object_get(row, "zones");
        for (size_t k = 0; k < json_array_size(zones); k++) {
            const json_t *z = json_array_get(zones, k);
            line(out, "potential", text_of(row, "role"), text_of(row, "resource"), text_of(z, "zone"), z,
                 "total", "", "");
        }
        line(out, "potential", text_of(row, "role"), text_of(row, "resource"), "all", row, "total", "", "");
    }
    synergies_csv(out, "possible", json_object_get(r, "synergies"), "eur_yr", "tco2e_yr");
    synergies_csv(out, "realised", json_object_get(r, "realised"), "eur", "tco2e");
    list = json_object_get(r, "orphans");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        line(out, "orphan", json_is_true(json_object_get(o, "hazardous")) ? "hazardous" : "",
             text_of(o, "family"), "", o, "annual", "", "");
    }
}

int territory_report(const struct command *c)
{
    char path[128];
    const char *socket_path = control_socket(c, path, sizeof path);
    int status;
    if (command_value(c, "from") || command_value(c, "to") || command_value(c, "ledger"))
        return command_usage(c, "a territory's summary is of now: no --from, --to or --ledger");
    if (command_flag(c, "json")) {
        struct buf answer = {0};
        status = control_ask(c, socket_path, "report", &answer);
        if (status == EX_OK)
            fwrite(answer.data, 1, answer.len, c->out);
        buf_free(&answer);
        return status;
    }
    json_t *root = control_ask_json(c, socket_path, "report", &status);
    if (!root)
        return status;
    bool ok = true;
    if (text_of(root, "error"))
        status = command_fail(c, EX_UNAVAILABLE, "%s: %s", socket_path, text_of(root, "error"));
    else if (command_flag(c, "csv"))
        print_csv(root, c->out);
    else
        ok = command_flag(c, "html") ? territory_page(root, c->out) : print_text(root, c->out);
    json_decref(root);
    return ok ? status : EX_OSERR;
}
