// SPDX-License-Identifier: Apache-2.0
// Matches of a territory as a table, or one of them in full.
#include "cli/territory_matches.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "symbiont/offer.h"

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static double number_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *span_field(const json_t *o, const char *key, const char *unit, char out[static 64])
{
    const json_t *list = json_object_get(o, key);
    char text[SPAN_TEXT];
    if (json_array_size(list) != 2)
        return NULL;
    struct span s = {json_number_value(json_array_get(list, 0)), json_number_value(json_array_get(list, 1))};
    s.low = s.low >= 100 ? round(s.low) : s.low;
    s.high = s.high >= 100 ? round(s.high) : s.high;
    snprintf(out, 64, "%s%s%s", span_text(s, text), *unit ? " " : "", unit);
    return out;
}

static void parties(const json_t *m, char *out, size_t size)
{
    const json_t *list = json_object_get(m, "parties");
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(list) && at < size; i++) {
        const char *name = text_of(json_array_get(list, i), "name");
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", name ? name : "?");
    }
}

static void in_full(struct output *o, const json_t *m)
{
    char text[64];
    const char *unit = text_of(m, "unit"), *annual = text_of(m, "annual_unit");
    output_text(o, "id", text_of(m, "id"));
    output_text(o, "status", text_of(m, "status"));
    output_text(o, "ended by", text_of(m, "ended_by"));
    output_text(o, "quantity", span_field(m, "quantity", unit ? unit : "", text));
    output_text(o, "a year", span_field(m, "annual", annual ? annual : "", text));
    output_text(o, "EUR a year", span_field(m, "eur_yr", "", text));
    output_text(o, "tCO2e a year", span_field(m, "tco2e_yr", "", text));
    output_text(o, "since", text_of(m, "since"));
    output_text(o, "disclosed", text_of(m, "disclosed"));
    output_text(o, "agreed", text_of(m, "agreed"));
    output_text(o, "running", text_of(m, "running"));
    if (text_of(m, "running")) {
        output_number(o, "realised", number_of(m, "realised"));
        output_number(o, "promised by now", number_of(m, "promised"));
        output_number(o, "realised EUR", number_of(m, "realised_eur"));
        output_number(o, "realised tCO2e", number_of(m, "realised_tco2e"));
        output_int(o, "hours of both sides", json_integer_value(json_object_get(m, "hours")));
        output_int(o, "hours of one side", json_integer_value(json_object_get(m, "hours_of_one_side")));
    }
    if (text_of(m, "text"))
        output_note(o, "\n%s", text_of(m, "text"));
}

void territory_matches(struct output *o, const json_t *matches, const char *id)
{
    static const struct column columns[] = {{"id", NULL},         {"status", NULL},   {"resource", NULL},
                                            {"between", NULL},    {"quantity", NULL}, {"eur", "EUR/a"},
                                            {"tco2e", "tCO2e/a"}, {"realised", NULL}, {0}};
    char text[64], who[256];
    for (size_t i = 0; id && i < json_array_size(matches); i++) {
        const json_t *m = json_array_get(matches, i);
        if (strncmp(text_of(m, "id"), id, strlen(id)) == 0) {
            in_full(o, m);
            return;
        }
    }
    output_table(o, "matches", columns);
    for (size_t i = 0; i < json_array_size(matches); i++) {
        const json_t *m = json_array_get(matches, i);
        const char *unit = text_of(m, "unit");
        parties(m, who, sizeof who);
        output_row(o);
        output_text(o, "id", text_of(m, "id"));
        output_text(o, "status", text_of(m, "status"));
        output_text(o, "resource", text_of(m, "resource"));
        output_text(o, "between", who);
        output_text(o, "quantity", span_field(m, "quantity", unit ? unit : "", text));
        output_text(o, "eur", span_field(m, "eur_yr", "", text));
        output_text(o, "tco2e", span_field(m, "tco2e_yr", "", text));
        output_number(o, "realised", number_of(m, "realised"));
        output_row_end(o);
    }
    output_table_end(o);
}
