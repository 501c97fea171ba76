// SPDX-License-Identifier: Apache-2.0
// A match as a JSON object. docs/matching.md lists its keys.
#include <math.h>
#include "matching/inside.h"
#include "symbiont/json.h"

// An exact span is a number, another a pair of numbers; what is not said is left out.
static void span(struct json *j, const char *key, struct span s)
{
    if (!span_said(s))
        return;
    if (span_exact(s) && isfinite(s.low)) {
        json_number(j, key, s.low);
        return;
    }
    json_open(j, key, '[');
    json_number(j, NULL, s.low); // infinite: null
    json_number(j, NULL, s.high);
    json_close(j, ']');
}

static void sentence(struct json *j, const char *key, const struct match_gate *g, enum match_language l)
{
    struct buf b = {0};
    gate_text(g, l, &b);
    json_text(j, key, buf_text(&b));
    buf_free(&b);
}

static void gate(struct json *j, const struct match_gate *g, bool text, enum match_language l)
{
    json_open(j, NULL, '{');
    json_text(j, "name", g->name);
    if (g->parameter[0])
        json_text(j, "parameter", g->parameter);
    json_text(j, "result", gate_result_word(g->result));
    json_bool(j, "pass", g->result != GATE_FAIL);
    json_bool(j, "hard", g->hard);
    span(j, "value", g->value);
    if (isfinite(g->limit.low) || isfinite(g->limit.high)) {
        json_open(j, "limit", '[');
        json_number(j, NULL, g->limit.low);
        json_number(j, NULL, g->limit.high);
        json_close(j, ']');
    }
    if (g->unit[0])
        json_text(j, "unit", g->unit);
    if (text)
        sentence(j, "text", g, l);
    json_close(j, '}');
}

static void details(struct json *j, const struct match *m)
{
    const struct match_details *d = &m->details;
    const struct {
        const char *key;
        double value;
    } rows[] = {{"drawn_kW", d->drawn_kw},
                {"loss_kW", d->loss_kw},
                {"drop_K", d->drop_k},
                {"delivered_degC", d->delivered_c},
                {"pipe_mm", d->pipe_mm},
                {"density_MWh_m", d->density},
                {"cop", d->cop},
                {"electricity_MWh", d->electric_mwh},
                {"lcot_EUR_MWh", d->lcot},
                {"fresh_m3_h", d->fresh_flow},
                {"mixed_m3_h", d->mixed_flow},
                {"interval_days", d->interval_days},
                {"load_t", d->load_t},
                {"fill", d->fill},
                {"trips_alone", d->trips_alone},
                {"trips_pooled", d->trips_pooled},
                {"members", d->members},
                {"larger_container_t", d->larger_t},
                {"larger_interval_days", d->larger_interval_days},
                {"larger_load_t", d->larger_load_t},
                {"larger_fill", d->larger_fill},
                {"larger_trips", d->larger_trips},
                {"travel_min", d->travel_min},
                {"affinity", d->affinity},
                {"transport_EUR", d->transport_eur}};
    json_open(j, "details", '{');
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].value != 0 && isfinite(rows[i].value))
            json_number(j, rows[i].key, rows[i].value);
    json_close(j, '}');
}

static void sums(struct json *j, const struct match *m)
{
    span(j, "quantity", m->quantity);
    json_text(j, "unit", offer_unit(m->resource));
    span(j, "annual", m->annual);
    json_text(j, "annual_unit", offer_annual_unit(m->resource));
    span(j, "coverage", m->coverage);
    span(j, "use", m->use);
    span(j, "distance_m", m->distance_m);
    span(j, "capex_eur", m->capex);
    span(j, "opex_eur_yr", m->opex);
    span(j, "eur_yr", m->eur_yr);
    span(j, "net_eur_yr", m->net_eur_yr);
    span(j, "payback_y", m->payback_y);
    span(j, "tco2e_yr", m->tco2e);
    json_number(j, "rank", m->rank);
    json_number(j, "confidence", m->confidence);
}

void match_write(const struct match *m, const char *const *names, bool text, enum match_language l,
                 struct buf *out)
{
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_text(&j, "id", m->id);
    json_text(&j, "kind", synergy_word(m->kind));
    json_text(&j, "resource", resource_word(m->resource));
    json_text(&j, "verdict", match_verdict_word(m->verdict));
    json_text(&j, "way", match_way_word(m->way));
    json_open(&j, "members", '[');
    for (int i = 0; i < m->member_count; i++) {
        json_open(&j, NULL, '{');
        json_text(&j, "id", m->members[i]);
        if (names && names[i])
            json_text(&j, "name", names[i]);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    sums(&j, m);
    details(&j, m);
    json_open(&j, "limits", '[');
    for (int i = 0; i < m->strongest_count; i++)
        sentence(&j, NULL, &m->gates[m->strongest[i]], l);
    json_close(&j, ']');
    json_open(&j, "gates", '[');
    for (int i = 0; i < m->gate_count; i++)
        gate(&j, &m->gates[i], text, l);
    json_close(&j, ']');
    if (text) {
        struct buf b = {0};
        match_title(m, names, l, &b);
        json_text(&j, "title", buf_text(&b));
        buf_reset(&b);
        match_text(m, names, l, &b);
        json_text(&j, "text", buf_text(&b));
        buf_free(&b);
    }
    json_close(&j, '}');
}
