// SPDX-License-Identifier: Apache-2.0
// What the coordinator says to a site: its view of a match, the receipt of an offer.
#include <stdio.h>
#include <string.h>
#include "exchange/codec.h"
#include "symbiont/messages.h"

const struct choice match_status_choices[] = {{"proposed", MATCH_PROPOSED},
                                              {"interested", MATCH_INTERESTED},
                                              {"disclosed", MATCH_DISCLOSED},
                                              {"agreed", MATCH_AGREED},
                                              {"running", MATCH_RUNNING},
                                              {"ended", MATCH_ENDED},
                                              {0}};

const struct choice receipt_choices[] = {{"held", RECEIPT_HELD},
                                         {"refused", RECEIPT_REFUSED},
                                         {"withdrawn", RECEIPT_WITHDRAWN},
                                         {"expired", RECEIPT_EXPIRED},
                                         {0}};

static const struct choice roles[] = {{"offer", ROLE_OFFER}, {"need", ROLE_NEED}, {0}};

#define C   struct match_counterpart
#define G   struct view_gate
#define M   struct match_view
#define R   struct receipt
#define ANY .min = -1e12, .max = 1e12
// Ranges as in offer_table.c: what is shown are the bands of such numbers, or exact ones.
#define AMOUNT  .max = 1e12, .coarse = COARSE_125
#define CELSIUS .min = -270, .max = 3000, .coarse = COARSE_CELSIUS

// clang-format off
static const struct field counterpart_rows[] = {
    FIELD(WORD, "zone",    C, zone, .chars = CHARS_ZONE),
    FIELD(WORD, "nace",    C, nace, .chars = CHARS_NACE),
    FIELD(SPAN, "amount",  C, amount, AMOUNT),
    FIELD(SPAN, "supply",  C, supply, CELSIUS),
    FIELD(SPAN, "back",    C, back,   CELSIUS),
    FIELD(WORD, "code",    C, code, .chars = CHARS_DIGITS),
    FIELD(TEXT, "name",    C, name),
    FIELD(TEXT, "contact", C, contact),
    {0}};

static const struct field gate_rows[] = {
    FIELD(WORD,   "name",  G, name, .chars = CHARS_NAME, .required = true),
    FIELD(BOOL,   "pass",  G, pass, .required = true),
    FIELD(NUMBER, "value", G, value, ANY),
    FIELD(NUMBER, "limit", G, limit, ANY),
    FIELD(WORD,   "unit",  G, unit, .chars = CHARS_UNIT),
    {0}};

static const struct field match_rows[] = {
    FIELD(ID,     "id",       M, id,       .required = true),
    FIELD(UINT,   "revision", M, revision, .required = true),
    FIELD(CHOICE, "status",   M, status,   .choices = match_status_choices, .required = true),
    FIELD(CHOICE, "synergy",  M, synergy,  .choices = synergy_choices, .required = true),
    FIELD(CHOICE, "resource", M, resource, .choices = resource_choices, .required = true),
    FIELD(WORD,   "own",      M, own,      .chars = CHARS_PSEUDONYM, .required = true),
    FIELD(CHOICE, "role",     M, role,     .choices = roles, .required = true),
    FIELD(UINT,   "parties",  M, parties,  .max = 10000),
    FIELD(OBJECT, "counterpart", M, counterpart, .rows = counterpart_rows),
    FIELD(SPAN,   "quantity",   M, quantity,   AMOUNT),
    FIELD(SPAN,   "annual",     M, annual,     AMOUNT),
    FIELD(NUMBER, "coverage",   M, coverage,   .max = 1),
    FIELD(NUMBER, "use",        M, use,        .max = 1),
    FIELD(SPAN,   "distance_m", M, distance_m, .max = 2e7),
    FIELD(SPAN,   "capex_eur",  M, capex_eur,  ANY),
    FIELD(SPAN,   "eur_yr",     M, eur_yr,     ANY),
    FIELD(SPAN,   "payback_y",  M, payback_y,  ANY),
    FIELD(SPAN,   "tco2e_yr",   M, tco2e_yr,   ANY),
    FIELD(NUMBER, "confidence", M, confidence, .max = 1),
    LIST(OBJECTS, "gates",      M, gates, gate_count, .rows = gate_rows),
    LIST(TEXTS,   "limits",     M, limits, limit_count),
    FIELD(TEXT,   "text",       M, text),
    FIELD(TEXT,   "reason",     M, reason),
    FIELD(NUMBER, "realised",       M, realised, ANY),
    FIELD(NUMBER, "realised_eur",   M, realised_eur, ANY),
    FIELD(NUMBER, "realised_tco2e", M, realised_tco2e, ANY),
    {0}};

static const struct field release_rows[] = {
    FIELD(ID,   "match", struct release, match, .required = true),
    FIELD(WORD, "to",    struct release, to, .chars = CHARS_PSEUDONYM),
    FIELD(UINT, "level", struct release, level, .min = 1, .max = DISCLOSE_DETAIL, .required = true),
    FIELD(UTC,  "time",  struct release, time, .required = true),
    {0}};

static const struct field receipt_rows[] = {
    FIELD(WORD,   "id",       R, id, .chars = CHARS_PSEUDONYM, .required = true),
    FIELD(UINT,   "revision", R, revision, .required = true),
    FIELD(CHOICE, "status",   R, status, .choices = receipt_choices, .required = true),
    FIELD(TEXT,   "reason",   R, reason),
    LIST(OBJECTS, "releases", R, releases, count, .rows = release_rows),
    FIELD(UINT,   "total",    R, total, .max = 1e9),
    {0}};
// clang-format on

const char *match_status_word(enum match_status s)
{
    return codec_choice_word(match_status_choices, (int)s);
}

void match_view_clear(struct match_view *m)
{
    *m = (struct match_view){0};
    m->counterpart.amount = m->counterpart.supply = m->counterpart.back = SPAN_UNSAID;
    m->quantity = m->annual = m->distance_m = m->capex_eur = SPAN_UNSAID;
    m->eur_yr = m->payback_y = m->tco2e_yr = SPAN_UNSAID;
    m->coverage = m->use = m->confidence = NAN;
    m->realised = m->realised_eur = m->realised_tco2e = NAN;
    for (size_t i = 0; i < VIEW_GATES; i++)
        m->gates[i].value = m->gates[i].limit = NAN;
}

void match_view_write(const struct match_view *m, struct buf *out)
{
    codec_write(match_rows, m, out);
}

bool match_view_read(const char *json, size_t n, struct match_view *out, char *why, size_t why_size)
{
    match_view_clear(out);
    return codec_read(match_rows, json, n, MESSAGE_BODY_BYTES, out, why, why_size);
}

const char *receipt_word(enum receipt_status s)
{
    return codec_choice_word(receipt_choices, (int)s);
}

void receipt_write(const struct receipt *r, struct buf *out)
{
    codec_write(receipt_rows, r, out);
}

bool receipt_read(const char *json, size_t n, struct receipt *out, char *why, size_t why_size)
{
    *out = (struct receipt){0};
    return codec_read(receipt_rows, json, n, MESSAGE_BODY_BYTES, out, why, why_size);
}
