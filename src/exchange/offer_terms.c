// SPDX-License-Identifier: Apache-2.0
// Consent as numbers: every mistake in it is named at its place.
#include "exchange/offer_terms.h"

#include <stdio.h>
#include <string.h>
#include "symbiont/messages.h"
#include "symbiont/text.h"
#include "symbiont/waste.h"
#include "symbiont/units.h"

#define DAY_MS 86400000LL

struct reading {
    const struct offer_config *c;
    const struct section *section;
    const char *subject;
    enum resource resource;
    struct diagnostics *d;
    bool good;
};

#define WRONG(r, ...) ((r)->good = false, diag_error((r)->d, (r)->c->common.place, __VA_ARGS__))

const struct unit *offer_unit_of(enum resource r)
{
    const char *word = offer_unit(r);
    return unit_find(strcmp(word, "t/wk") == 0 ? "t/week" : word);
}

static bool has_temperature(enum resource r)
{
    return r == RESOURCE_HEAT || r == RESOURCE_COLD || r == RESOURCE_STEAM;
}

static bool is_matter(enum resource r)
{
    return r == RESOURCE_WASTE || r == RESOURCE_BY_PRODUCT || r == RESOURCE_MATERIAL;
}

// ---- Parts ----

static double amount(struct reading *r, const char *key, const char *text, const struct unit *unit)
{
    const struct unit *given;
    double value, factor, offset;
    char why[200];
    if (!text)
        return NAN;
    if (!amount_parse(text, &value, &given, why, sizeof why))
        WRONG(r, "%s: %s: %s", r->subject, key, why);
    else if (!unit_conversion(given, unit, &factor, &offset))
        WRONG(r, "%s: %s: \"%s\" is a %s, wanted is a %s as \"5 %s\"", r->subject, key, text,
              unit_dimension(given), unit_dimension(unit), unit_text(unit));
    else
        return value * factor + offset;
    return NAN;
}

// The first moment of a local day, and of the one after it.
static struct utc day_begins(const struct zone *zone, int64_t day)
{
    struct utc t = {day * DAY_MS};
    t.ms -= (int64_t)zone_offset(zone, t) * 1000;
    return t;
}

static struct utc date(struct reading *r, const char *key, const char *text, const struct zone *zone,
                       int64_t days_later)
{
    int64_t day;
    if (!text)
        return (struct utc){0};
    if (!date_parse(text, &day)) {
        WRONG(r, "%s: %s: \"%s\" is no day; wanted \"2026-12-24\"", r->subject, key, text);
        return (struct utc){0};
    }
    return day_begins(zone, day + days_later);
}

static uint8_t sites(struct reading *r, const char *key, const struct texts *t,
                     char out[static OFFER_SITES][OFFER_WORD])
{
    if (t->n > OFFER_SITES)
        WRONG(r, "%s: %s: %zu sites, at most %d", r->subject, key, t->n, OFFER_SITES);
    size_t n = t->n < OFFER_SITES ? t->n : OFFER_SITES;
    for (size_t i = 0; i < n; i++) {
        if (!exchange_is_pseudonym(t->items[i]))
            WRONG(r, "%s: %s: \"%s\" is no pseudonym of a site: 1 to 32 of a-z 0-9 _ . -", r->subject, key,
                  t->items[i]);
        snprintf(out[i], OFFER_WORD, "%s", t->items[i]);
    }
    return (uint8_t)n;
}

static uint32_t operations(struct reading *r)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < r->c->operations.n; i++) {
        const char *s = r->c->operations.items[i];
        uint32_t bit = waste_operation(s);
        bits |= bit;
        if (!bit)
            WRONG(r, "%s: operations: \"%s\" is not one of R1 to R13, D1 to D15", r->subject, s);
    }
    return bits;
}

static int month_of(const char *s, size_t n)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int m = 0; n == 3 && m < 12; m++)
        if (strncmp(names + m * 3, s, 3) == 0)
            return m;
    return -1;
}

// "oct-apr", "jan, jun-aug".
static bool season_parse(const char *text, float out[static 12])
{
    memset(out, 0, 12 * sizeof *out);
    for (const char *s = text;;) {
        s += strspn(s, " ");
        size_t n = strcspn(s, ", ");
        int first = month_of(s, n == 7 ? 3 : n), last = n == 7 && s[3] == '-' ? month_of(s + 4, 3) : first;
        if (first < 0 || last < 0 || (n == 7 && s[3] != '-'))
            return false;
        for (int m = first;; m = (m + 1) % 12) {
            out[m] = 1;
            if (m == last)
                break;
        }
        s += n + strspn(s + n, " ");
        if (!*s)
            return true;
        if (*s++ != ',')
            return false;
    }
}

static bool given(const struct reading *r, size_t offset)
{
    return option_given(r->section, r->c, offset);
}

#define GIVEN(r, field) given(r, offsetof(struct offer_config, field))

// ---- What does not go together ----

static void check_words(struct reading *r, const struct offer_terms *t)
{
    if (t->title && strlen(t->title) >= OFFER_TEXT)
        WRONG(r, "%s: title has %zu bytes, at most %d", r->subject, strlen(t->title), OFFER_TEXT - 1);
    if (t->type && !exchange_is_pseudonym(t->type))
        WRONG(r, "%s: type \"%s\": wanted 1 to 32 of a-z 0-9 _ . -", r->subject, t->type);
    if (t->audience_count && t->blocked_count)
        for (size_t i = 0; i < t->blocked_count; i++)
            for (size_t k = 0; k < t->audience_count; k++)
                if (strcmp(t->blocked[i], t->audience[k]) == 0)
                    WRONG(r, "%s: \"%s\" is both in audience and blocked", r->subject, t->blocked[i]);
}

static void check_fit(struct reading *r, const struct offer_terms *t)
{
    if (!has_temperature(r->resource) && (r->c->supply || r->c->back || r->c->approach))
        WRONG(r, "%s: supply, return_min and approach are of heat, not of %s", r->subject,
              resource_word(r->resource));
    if (!is_matter(r->resource) && ((GIVEN(r, legal) && r->c->legal >= 0) || t->operations))
        WRONG(r, "%s: legal and operations are of waste and by-products, not of %s", r->subject,
              resource_word(r->resource));
    if (r->resource != RESOURCE_EQUIPMENT && t->type)
        WRONG(r, "%s: type is of equipment, not of %s", r->subject, resource_word(r->resource));
    if (t->lot_min > t->lot_max)
        WRONG(r, "%s: lot_min is more than lot_max", r->subject);
    if (t->supply < t->back && r->resource == RESOURCE_HEAT)
        WRONG(r, "%s: return_min is warmer than supply", r->subject);
    if (t->agreed_until.ms && t->embargo_until.ms >= t->agreed_until.ms)
        WRONG(r, "%s: the consent ends before its embargo does", r->subject);
    if (t->level > DISCLOSE_NOTHING && t->level < DISCLOSE_EXACT &&
        (t->title || !isnan(t->price) || !isnan(t->avoided)))
        diag_warning(r->d, r->c->common.place,
                     "%s: title, price and avoided_cost leave the site at level 3 and above only, "
                     "disclosure is %d",
                     r->subject, t->level);
}

static enum offer_when when_of(const struct offer_config *c, enum resource r, bool need)
{
    if (need)
        return OFFER_WHEN_ALWAYS;
    if (c->when != OFFER_WHEN_AUTOMATIC)
        return (enum offer_when)c->when;
    return is_matter(r) ? OFFER_WHEN_ALWAYS : OFFER_WHEN_SURPLUS;
}

static enum legal_status legal_of(const struct offer_config *c, enum resource r, bool need)
{
    if (!need && c->legal >= 0)
        return (enum legal_status)c->legal;
    return r == RESOURCE_WASTE ? LEGAL_WASTE : r == RESOURCE_BY_PRODUCT ? LEGAL_BY_PRODUCT : LEGAL_PRODUCT;
}

bool offer_terms_read(const struct offer_config *c, enum resource resource, bool need,
                      const struct zone *zone, const char *subject, struct offer_terms *out,
                      struct diagnostics *d)
{
    struct reading r = {c, need ? &ask_section : &offer_section, subject, resource, d, true};
    *out = (struct offer_terms){.level = (uint8_t)c->level,
                                .when = when_of(c, resource, need),
                                .synergy = c->synergy >= 0                  ? (enum synergy)c->synergy
                                           : resource == RESOURCE_EQUIPMENT ? SYNERGY_SHARE
                                                                            : SYNERGY_EXCHANGE,
                                .title = c->title,
                                .embargo_ms = c->embargo_ns / NS_PER_MS,
                                .expiry_ms = c->expiry_ns / NS_PER_MS,
                                .keep_ms = c->keep_ns / NS_PER_MS,
                                .pause_ms = c->pause_ns / NS_PER_MS,
                                .legal = legal_of(c, resource, need),
                                .type = c->type,
                                .interruptible = c->interruptible};
    out->agreed_until = date(&r, "until", c->agreed_until, zone, 1);
    out->embargo_until = date(&r, "embargo_until", c->embargo_until, zone, 0);
    out->audience_count = sites(&r, "audience", &c->audience, out->audience);
    out->blocked_count = sites(&r, "blocked", &c->blocked, out->blocked);
    out->supply = amount(&r, "supply", c->supply, unit_find("degC"));
    out->back = amount(&r, "return_min", c->back, unit_find("degC"));
    out->approach_k = amount(&r, "approach", c->approach, unit_find("K"));
    out->lot_min = amount(&r, "lot_min", c->lot_min, offer_unit_of(resource));
    out->lot_max = amount(&r, "lot_max", c->lot_max, offer_unit_of(resource));
    out->notice_h = GIVEN(&r, notice_ns) ? (double)c->notice_ns / (3600.0 * NS_PER_S) : NAN;
    out->price = GIVEN(&r, price) ? c->price : NAN;
    out->avoided = GIVEN(&r, avoided) ? c->avoided : NAN;
    out->operations = operations(&r);
    if (c->season && !(out->has_months = season_parse(c->season, out->months)))
        WRONG(&r, "%s: season \"%s\": wanted months, \"oct-apr\" or \"jan, jun-aug\"", subject, c->season);
    check_words(&r, out);
    check_fit(&r, out);
    return r.good;
}
