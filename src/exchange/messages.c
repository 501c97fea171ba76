// SPDX-License-Identifier: Apache-2.0
// What a site says besides offers: card, withdrawal, reply, metered hours.
#include "symbiont/messages.h"

#include <stdio.h>
#include <string.h>
#include "exchange/codec.h"

// clang-format off
static const struct field card_rows[] = {
    FIELD(WORD, "pseudonym", struct card, pseudonym, .chars = CHARS_PSEUDONYM, .required = true),
    FIELD(WORD, "zone",      struct card, zone,      .chars = CHARS_ZONE),
    FIELD(WORD, "nace",      struct card, nace,      .chars = CHARS_NACE),
    FIELD(KEY,  "key",       struct card, key,       .count = NO_COUNT, .required = true),
    FIELD(KEY,  "next_key",  struct card, next_key,  .count = offsetof(struct card, has_next_key)),
    FIELD(UINT, "epoch",     struct card, epoch,     .required = true),
    {0}};

static const struct field withdrawal_rows[] = {
    FIELD(WORD, "id", struct withdrawal, id, .chars = CHARS_PSEUDONYM, .required = true),
    {0}};

const struct choice reply_choices[] = {{"interested", REPLY_INTERESTED}, {"declined", REPLY_DECLINED},
                                       {"withdrawn", REPLY_WITHDRAWN},   {"agreed", REPLY_AGREED},
                                       {"ended", REPLY_ENDED},           {0}};

static const struct field reply_rows[] = {
    FIELD(ID,     "match",    struct reply, match,    .required = true),
    FIELD(UINT,   "revision", struct reply, revision, .required = true),
    FIELD(CHOICE, "answer",   struct reply, answer,   .choices = reply_choices, .required = true),
    FIELD(TEXT,   "name",     struct reply, name),
    FIELD(TEXT,   "contact",  struct reply, contact),
    {0}};

static const struct field metered_rows[] = {
    FIELD(ID,     "match",   struct metered, match, .required = true),
    FIELD(UINT,   "first",   struct metered, first, .max = 1140000, .required = true),
    LIST(NUMBERS, "amounts", struct metered, amounts, count, .min = -1e12, .max = 1e12, .required = true),
    {0}};
// clang-format on

void card_write(const struct card *c, struct buf *out)
{
    codec_write(card_rows, c, out);
}

bool card_read(const char *json, size_t n, struct card *out, char *why, size_t why_size)
{
    *out = (struct card){0};
    return codec_read(card_rows, json, n, MESSAGE_BODY_BYTES, out, why, why_size);
}

void withdrawal_write(const struct withdrawal *w, struct buf *out)
{
    codec_write(withdrawal_rows, w, out);
}

bool withdrawal_read(const char *json, size_t n, struct withdrawal *out, char *why, size_t why_size)
{
    *out = (struct withdrawal){0};
    return codec_read(withdrawal_rows, json, n, MESSAGE_BODY_BYTES, out, why, why_size);
}

const char *reply_word(enum reply_answer a)
{
    return codec_choice_word(reply_choices, (int)a);
}

void reply_write(const struct reply *r, struct buf *out)
{
    codec_write(reply_rows, r, out);
}

bool reply_read(const char *json, size_t n, struct reply *out, char *why, size_t why_size)
{
    *out = (struct reply){0};
    if (!codec_read(reply_rows, json, n, MESSAGE_BODY_BYTES, out, why, why_size))
        return false;
    if (out->answer == REPLY_INTERESTED || (!out->name[0] && !out->contact[0]))
        return true;
    snprintf(why, why_size, "\"name\" and \"contact\" go with \"interested\" only");
    return false;
}

const char *metered_unit(enum resource r)
{
    const char *unit = offer_annual_unit(r);
    return strcmp(unit, "MWh") == 0 ? "kWh" : strcmp(unit, "t") == 0 ? "kg" : unit;
}

void metered_write(const struct metered *m, struct buf *out)
{
    codec_write(metered_rows, m, out);
}

bool metered_read(const char *json, size_t n, struct metered *out, char *why, size_t why_size)
{
    *out = (struct metered){0};
    return codec_read(metered_rows, json, n, MESSAGE_BODY_BYTES, out, why, why_size);
}
