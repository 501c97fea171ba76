// SPDX-License-Identifier: Apache-2.0
// The body of an offer or a need, key by key: type, range, from which level on it leaves, how coarse below 3.
#include "offer_table.h"

#include "symbiont/offer.h"

const struct choice synergy_choices[] = {{"exchange", SYNERGY_EXCHANGE},
                                         {"pool", SYNERGY_POOL},
                                         {"share", SYNERGY_SHARE},
                                         {"outlet", SYNERGY_OUTLET},
                                         {0}};

const struct choice legal_choices[] = {{"waste", LEGAL_WASTE},
                                       {"by_product", LEGAL_BY_PRODUCT},
                                       {"end_of_waste", LEGAL_END_OF_WASTE},
                                       {"product", LEGAL_PRODUCT},
                                       {0}};

static const struct choice roles[] = {{"offer", ROLE_OFFER}, {"need", ROLE_NEED}, {0}};

// At level 1 an offer is counted, at 2 matched in bands, at 3 in exact numbers.
#define COUNTED  .level = DISCLOSE_AGGREGATE
#define MATCHED  .level = DISCLOSE_BANDS
#define EXACT    .level = DISCLOSE_EXACT
#define IN_BANDS MATCHED, .coarse = COARSE_125
#define AMOUNT   .max = 1e12
#define CELSIUS  .min = -270, .max = 3000

#define O struct offer
#define H struct offer_heat
#define W struct offer_waste
#define E struct offer_equipment
#define P struct offer_parameter

// clang-format off
static const struct field parameter_rows[] = {
    FIELD(WORD,   "name",  P, name,  .chars = CHARS_NAME, .required = true, MATCHED),
    FIELD(WORD,   "unit",  P, unit,  .chars = CHARS_UNIT, MATCHED),
    FIELD(SPAN,   "value", P, value, .required = true, .min = -1e12, .max = 1e12, MATCHED, .coarse = COARSE_PARAMETER),
    {0}};

static const struct field site_rows[] = {
    FIELD(WORD,   "pseudonym", O, pseudonym, .chars = CHARS_PSEUDONYM, .required = true, COUNTED),
    FIELD(WORD,   "zone",      O, zone,      .chars = CHARS_ZONE, COUNTED),
    FIELD(NUMBER, "latitude",  O, latitude,  .min = -90, .max = 90, .quiet = 1e-4, MATCHED),
    FIELD(NUMBER, "longitude", O, longitude, .min = -180, .max = 180, .quiet = 1e-4, MATCHED),
    FIELD(NUMBER, "radius_m",  O, radius_m,  .max = 100000, .zero_unsaid = true, MATCHED),
    FIELD(WORD,   "nace",      O, nace,      .chars = CHARS_NACE, MATCHED, .coarse = COARSE_TWO_LETTERS),
    {0}};

static const struct field heat_rows[] = {
    FIELD(CHOICE, "medium",     H, medium,     .choices = medium_choices, MATCHED),
    FIELD(SPAN,   "supply",     H, supply,     CELSIUS, MATCHED, .coarse = COARSE_CELSIUS),
    FIELD(SPAN,   "back",       H, back,       CELSIUS, MATCHED, .coarse = COARSE_CELSIUS),
    FIELD(SPAN,   "pressure",   H, pressure,   .max = 400, IN_BANDS),
    FIELD(NUMBER, "approach_k", H, approach_k, .max = 200, MATCHED, .coarse = COARSE_WHOLE),
    {0}};

static const struct field waste_rows[] = {
    LIST(CODES,   "codes",      W, codes, code_count, MATCHED),
    FIELD(BOOL,   "hazardous",  W, hazardous, MATCHED),
    FIELD(CHOICE, "legal",      W, legal, .choices = legal_choices, MATCHED),
    FIELD(OPERATIONS, "operations", W, operations, MATCHED),
    FIELD(SPAN,   "density",    W, density,    .max = 25000, IN_BANDS),
    FIELD(SPAN,   "stock_t",    W, stock_t,    AMOUNT, IN_BANDS),
    FIELD(SPAN,   "lot_t",      W, lot_t,      AMOUNT, IN_BANDS),
    FIELD(SPAN,   "capacity_t", W, capacity_t, AMOUNT, IN_BANDS),
    FIELD(SPAN,   "fill",       W, fill,       .max = 10, IN_BANDS),
    FIELD(SPAN,   "days_to_full", W, days_to_full, .max = 100000, IN_BANDS),
    {0}};

static const struct field equipment_rows[] = {
    FIELD(WORD,   "type",       E, type, .chars = CHARS_NAME, MATCHED),
    LIST(OBJECTS, "capability", E, capability, capability_count, .rows = parameter_rows, MATCHED),
    {0}};

const struct field offer_rows[] = {
    FIELD(WORD,   "id",         O, id,         .chars = CHARS_PSEUDONYM, .required = true, COUNTED),
    FIELD(UINT,   "revision",   O, revision,   .required = true, .ignored = true, COUNTED),
    FIELD(CHOICE, "role",       O, role,       .choices = roles, .required = true, COUNTED),
    FIELD(CHOICE, "synergy",    O, synergy,    .choices = synergy_choices, .required = true, COUNTED),
    FIELD(CHOICE, "resource",   O, resource,   .choices = resource_choices, .required = true, COUNTED),
    FIELD(CHOICE, "provenance", O, provenance, .choices = provenance_choices, .required = true, COUNTED),
    FIELD(UINT,   "level",      O, level,      .min = DISCLOSE_AGGREGATE, .max = DISCLOSE_DETAIL, .required = true, COUNTED),
    FIELD(TEXT,   "title",      O, title,      EXACT),
    // The members of `site` are the offer's own: a group of the message, not of the struct.
    {.key = "site", .type = FIELD_OBJECT, .at = 0, .rows = site_rows, .required = true, COUNTED},
    FIELD(NUMBER, "confidence",    O, confidence, .max = 1, .quiet = 0.19, MATCHED, .coarse = COARSE_TENTH),
    FIELD(UTC,    "created",       O, created,       .ignored = true, MATCHED, .coarse = COARSE_QUARTER_BEGIN),
    FIELD(UTC,    "valid_from",    O, valid_from,    MATCHED, .coarse = COARSE_QUARTER_BEGIN),
    FIELD(UTC,    "valid_until",   O, valid_until,   MATCHED, .coarse = COARSE_QUARTER_END),
    FIELD(UTC,    "embargo_until", O, embargo_until, EXACT),
    LIST(WORDS,   "audience", O, audience, audience_count, .chars = CHARS_PSEUDONYM, MATCHED),
    LIST(WORDS,   "blocked",  O, blocked, blocked_count, .chars = CHARS_PSEUDONYM, MATCHED),
    FIELD(SPAN,   "firm",    O, firm,    AMOUNT, IN_BANDS),
    FIELD(SPAN,   "typical", O, typical, AMOUNT, COUNTED, .coarse = COARSE_125),
    FIELD(SPAN,   "peak",    O, peak,    AMOUNT, IN_BANDS),
    FIELD(SPAN,   "annual",  O, annual,  AMOUNT, COUNTED, .coarse = COARSE_125),
    LIST(SHARES,  "blocks",  O, blocks, has_blocks, MATCHED),
    LIST(SHARES,  "months",  O, months, has_months, MATCHED),
    FIELD(SPAN,   "lot",     O, lot,     AMOUNT, IN_BANDS),
    FIELD(NUMBER, "notice_h", O, notice_h, .max = 8784, EXACT),
    FIELD(BOOL,   "interruptible", O, interruptible, MATCHED),
    FIELD(OBJECT, "heat",      O, heat,      .rows = heat_rows, MATCHED),
    FIELD(OBJECT, "waste",     O, waste,     .rows = waste_rows, MATCHED),
    FIELD(OBJECT, "equipment", O, equipment, .rows = equipment_rows, MATCHED),
    LIST(OBJECTS, "parameters", O, parameters, parameter_count, .rows = parameter_rows, MATCHED),
    FIELD(NUMBER, "price",   O, price,   .min = -1e9, .max = 1e9, EXACT),
    FIELD(NUMBER, "avoided", O, avoided, .min = -1e9, .max = 1e9, EXACT),
    {0}};
// clang-format on
