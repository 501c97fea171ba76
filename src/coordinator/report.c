// SPDX-License-Identifier: Apache-2.0
// The territory's summary: what could be exchanged, what is, what nobody takes; every total a band of the
// 1-2-5 series, and only where it tells nothing of a single site.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/coordinator.h"
#include "coordinator/secrecy.h"
#include "symbiont/text.h"

#define CELLS_MAX 64 // zones in one table; the rest counts together
#define HIDDEN    "..."

// ---- Numbering the sites ----

struct sites {
    const struct member **list;
    size_t n;
};

static int by_pseudonym(const void *a, const void *b)
{
    const struct member *const *x = a, *const *y = b;
    return strcmp((*x)->pseudonym, (*y)->pseudonym);
}

static struct sites sites_of(const struct coordinator *c)
{
    struct sites s = {.list = calloc(c->members.count + 1, sizeof *s.list)};
    const struct member *m;
    for (size_t at = 0; s.list && (m = table_next(&c->members, &at));)
        s.list[s.n++] = m;
    if (s.n)
        qsort(s.list, s.n, sizeof *s.list, by_pseudonym);
    return s;
}

static size_t site_index(const struct sites *s, const struct member *m)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->list[i] == m)
            return i;
    return 0;
}

// ---- A row of totals ----

// One figure of the row. Each is judged by what the sites give to it: who dominates the power need not
// dominate the money.
struct column {
    double *amounts; // CELLS_MAX x sites
    struct span sums[CELLS_MAX];
    enum secrecy_verdict verdicts[CELLS_MAX + 1];
};

#define COLUMNS 3

struct row {
    struct coordinator *c;
    const struct sites *sites;
    char table[64]; // "potential/offer/heat": where its cells are
    size_t cells;
    char names[CELLS_MAX][OFFER_WORD];
    struct column columns[COLUMNS];
    unsigned counts[CELLS_MAX];
};

static void row_end(struct row *r)
{
    for (size_t i = 0; i < COLUMNS; i++)
        free(r->columns[i].amounts);
}

static bool row_begin(struct row *r, struct coordinator *c, const struct sites *s)
{
    bool ok = true;
    *r = (struct row){.c = c, .sites = s};
    for (size_t i = 0; i < COLUMNS; i++) {
        r->columns[i].amounts = calloc(CELLS_MAX * (s->n + 1), sizeof(double));
        ok &= r->columns[i].amounts != NULL;
    }
    if (!ok)
        row_end(r);
    return ok;
}

static size_t row_cell(struct row *r, const char *name)
{
    for (size_t i = 0; i < r->cells; i++)
        if (strcmp(r->names[i], name) == 0)
            return i;
    if (r->cells == CELLS_MAX)
        return CELLS_MAX - 1;
    snprintf(r->names[r->cells], OFFER_WORD, "%s", name);
    return r->cells++;
}

static void span_add(struct span *to, struct span s, double share)
{
    if (!span_said(s))
        return;
    to->low += share * (isfinite(s.low) ? s.low : 0);
    to->high += share * (isfinite(s.high) ? s.high : isfinite(s.low) ? s.low : 0);
}

// What a site gives to a cell: `share` of `s`. A loss counts by its size: it tells as much.
static void row_site(struct row *r, size_t column, size_t cell, const struct member *m, struct span s,
                     double share)
{
    double amount = span_said(s) ? fabs(span_middle(s)) * share : 0;
    if (isfinite(amount) && m)
        r->columns[column].amounts[cell * r->sites->n + site_index(r->sites, m)] += amount;
}

static struct secrecy_rule rule_of(const struct coordinator *c)
{
    const struct secrecy_config *s = &c->territory->root->secrecy;
    return (struct secrecy_rule){(unsigned)s->sites_least, s->share_most, s->rest_least};
}

static void row_judge(struct row *r)
{
    struct secrecy_rule rule = rule_of(r->c);
    for (size_t i = 0; i < COLUMNS; i++)
        secrecy_row(&rule, r->columns[i].amounts, r->cells, r->sites->n, r->columns[i].verdicts);
}

static unsigned row_sites(const struct row *r, size_t cell)
{
    unsigned n = 0;
    for (size_t s = 0; s < r->sites->n; s++)
        n += r->columns[0].amounts[cell * r->sites->n + s] > 0;
    return n;
}

// ---- Bands in words ----

// "1-2 MW" of 1000..2000 kW.
static void band_text(struct span s, const char *unit, char out[static 64])
{
    static const struct {
        const char *small, *large;
    } larger[] = {{"kW", "MW"}, {"MWh", "GWh"}, {"EUR", "kEUR"}, {"kEUR", "MEUR"}};
    char text[SPAN_TEXT];
    s = span_band(s);
    for (size_t i = 0; i < sizeof larger / sizeof larger[0]; i++)
        if (strcmp(unit, larger[i].small) == 0 && s.low >= 1000) {
            s.low /= 1000;
            s.high /= 1000;
            unit = larger[i].large;
        }
    snprintf(out, 64, "%s%s%s", span_text(s, text), *unit ? " " : "", unit);
}

// What is told of a cell now: as before when too few sites came or went since it was told. True: it moved.
static bool told(struct coordinator *c, const char *cell, const double *amounts, size_t parts,
                 const struct sites *sites, char text[static 64])
{
    struct secrecy_rule rule = rule_of(c);
    struct buf names = {0};
    const char *before, *of;
    for (size_t s = 0; s < sites->n; s++) {
        double sum = 0;
        for (size_t k = 0; k < parts; k++)
            sum += amounts[k * sites->n + s];
        if (sum > 0)
            buf_printf(&names, "%s\n", sites->list[s]->pseudonym);
    }
    bool stands =
        store_figure(c->store, cell, &before, &of) && !secrecy_may_move(&rule, of, buf_text(&names));
    if (stands)
        snprintf(text, 64, "%s", before);
    else if (!names.failed)
        store_put_figure(c->store, cell, text, buf_text(&names), utc_now());
    buf_free(&names);
    return !stands;
}

static bool total(struct json *j, const char *key, struct span s, const char *unit, enum secrecy_verdict v,
                  struct coordinator *c, const char *cell, const double *amounts, size_t parts,
                  const struct sites *sites)
{
    char text[64] = HIDDEN;
    bool moved = false;
    if (v == SECRECY_SHOWN) {
        band_text(s, unit, text);
        moved = told(c, cell, amounts, parts, sites, text);
    }
    json_text(j, key, v == SECRECY_EMPTY ? "" : text);
    return moved;
}

static void row_total(struct json *j, const char *key, const struct row *r, size_t column, const char *unit)
{
    struct span all = {0, 0};
    char cell[160];
    for (size_t i = 0; i < r->cells; i++)
        span_add(&all, r->columns[column].sums[i], 1);
    snprintf(cell, sizeof cell, "%s//%s", r->table, key);
    total(j, key, all, unit, r->columns[column].verdicts[r->cells], r->c, cell, r->columns[column].amounts,
          r->cells, r->sites);
}

static void cell_total(struct json *j, const char *key, const struct row *r, size_t column, size_t i,
                       const char *unit)
{
    char cell[160];
    snprintf(cell, sizeof cell, "%s/%s/%s", r->table, r->names[i], key);
    total(j, key, r->columns[column].sums[i], unit, r->columns[column].verdicts[i], r->c, cell,
          r->columns[column].amounts + i * r->sites->n, 1, r->sites);
}

// ---- What is on offer and wanted, by zone ----

// A zone whose total is hidden is not named either: one site in a zone is known by its zone and its resource.
static void zones(struct json *j, const struct row *r, const char *unit)
{
    const enum secrecy_verdict *verdicts = r->columns[0].verdicts;
    enum secrecy_verdict hidden = SECRECY_EMPTY;
    json_open(j, "zones", '[');
    for (size_t i = 0; i < r->cells; i++) {
        if (verdicts[i] != SECRECY_SHOWN) {
            hidden = verdicts[i] == SECRECY_EMPTY ? hidden : verdicts[i];
            continue;
        }
        json_open(j, NULL, '{');
        json_text(j, "zone", r->names[i]);
        json_int(j, "sites", row_sites(r, i));
        cell_total(j, "total", r, 0, i, unit);
        json_text(j, "verdict", secrecy_word(verdicts[i]));
        json_close(j, '}');
    }
    if (hidden != SECRECY_EMPTY) {
        json_open(j, NULL, '{');
        json_text(j, "zone", HIDDEN);
        json_text(j, "total", HIDDEN);
        json_text(j, "verdict", secrecy_word(hidden));
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void potential_row(struct coordinator *c, const struct sites *sites, enum resource resource,
                          enum offer_role role, struct json *j)
{
    struct row r;
    struct entry *e;
    struct offer o;
    if (!row_begin(&r, c, sites))
        return;
    snprintf(r.table, sizeof r.table, "potential/%s/%s", role == ROLE_OFFER ? "offer" : "need",
             resource_word(resource));
    for (size_t at = 0; (e = table_next(&c->entries, &at));) {
        if (e->resource != resource || e->role != role || e->level < DISCLOSE_AGGREGATE ||
            !matcher_offer(c->matcher, e->id, &o))
            continue;
        struct span amount = span_said(o.typical) ? o.typical : o.firm;
        size_t cell = row_cell(&r, *o.zone ? o.zone : "?");
        span_add(&r.columns[0].sums[cell], amount, 1);
        span_add(&r.columns[1].sums[cell], o.annual, 1);
        row_site(&r, 0, cell, e->member, amount, 1);
        row_site(&r, 1, cell, e->member, o.annual, 1);
        r.counts[cell]++;
    }
    if (r.cells) {
        const char *unit = offer_unit(resource);
        row_judge(&r);
        json_open(j, NULL, '{');
        json_text(j, "resource", resource_word(resource));
        json_text(j, "role", role == ROLE_OFFER ? "offer" : "need");
        row_total(j, "total", &r, 0, unit);
        row_total(j, "annual", &r, 1, offer_annual_unit(resource));
        json_text(j, "verdict", secrecy_word(r.columns[0].verdicts[r.cells]));
        zones(j, &r, unit);
        json_close(j, '}');
    }
    row_end(&r);
}

// ---- Matches, by kind and resource ----

static void synergy_cell(struct json *j, const struct row *r, size_t i, bool realised)
{
    enum resource resource = (enum resource)0;
    while (resource < RESOURCES - 1 && strcmp(resource_word(resource), r->names[i]) != 0)
        resource++;
    json_open(j, NULL, '{');
    json_text(j, "resource", r->names[i]);
    json_int(j, "matches", r->counts[i]);
    json_int(j, "sites", row_sites(r, i));
    cell_total(j, "annual", r, 0, i, offer_annual_unit(resource));
    cell_total(j, realised ? "eur" : "eur_yr", r, 1, i, "EUR");
    cell_total(j, realised ? "tco2e" : "tco2e_yr", r, 2, i, "t");
    json_text(j, "verdict", secrecy_word(r->columns[0].verdicts[i]));
    json_close(j, '}');
}

static void synergy_row(struct coordinator *c, const struct sites *sites, enum synergy kind, bool realised,
                        struct json *j)
{
    struct row r;
    const struct deal *d;
    if (!row_begin(&r, c, sites))
        return;
    snprintf(r.table, sizeof r.table, "%s/%s", realised ? "realised" : "synergies", synergy_word(kind));
    for (size_t at = 0; (d = table_next(&c->deals, &at));) {
        if (d->kind != kind || (realised ? d->sums.hours == 0 : d->life.phase == LIFE_ENDED))
            continue;
        size_t cell = row_cell(&r, resource_word((enum resource)d->resource));
        const struct span figures[COLUMNS] = {realised ? span_of(d->realised) : d->annual,
                                              realised ? span_of(d->realised_eur) : d->eur_yr,
                                              realised ? span_of(d->realised_tco2e) : d->tco2e};
        r.counts[cell]++;
        for (size_t f = 0; f < COLUMNS; f++) {
            span_add(&r.columns[f].sums[cell], figures[f], 1);
            for (unsigned i = 0; i < d->n; i++)
                row_site(&r, f, cell, member_of(c, d->parties[i].pseudonym), figures[f], 1.0 / d->n);
        }
    }
    if (r.cells) {
        row_judge(&r);
        json_open(j, NULL, '{');
        json_text(j, "kind", synergy_word(kind));
        row_total(j, realised ? "eur" : "eur_yr", &r, 1, "EUR");
        row_total(j, realised ? "tco2e" : "tco2e_yr", &r, 2, "t");
        json_text(j, "verdict", secrecy_word(r.columns[1].verdicts[r.cells]));
        json_open(j, "resources", '[');
        for (size_t i = 0; i < r.cells; i++)
            synergy_cell(j, &r, i, realised);
        json_close(j, ']');
        json_close(j, '}');
    }
    row_end(&r);
}

// ---- Orphans and the ceiling ----

struct parts {
    const struct coordinator *c;
    const struct sites *sites;
    double *amounts;
};

static void add_orphan(void *arg, const char *pseudonym, double annual_t)
{
    struct parts *p = arg;
    const struct member *m = member_of(p->c, pseudonym);
    if (m && annual_t > 0)
        p->amounts[site_index(p->sites, m)] += annual_t;
}

static void orphans(struct coordinator *c, const struct sites *sites, double *amounts, struct json *j)
{
    size_t n;
    struct orphan *list = matcher_orphans(c->matcher, utc_now(), &n);
    struct secrecy_rule rule = rule_of(c);
    json_open(j, "orphans", '[');
    for (size_t i = 0; i < n; i++) {
        const struct orphan *o = &list[i];
        char cell[64];
        memset(amounts, 0, sites->n * sizeof *amounts);
        matcher_orphan_parts(c->matcher, o, add_orphan, &(struct parts){c, sites, amounts});
        enum secrecy_verdict v = secrecy_total(&rule, amounts, sites->n);
        snprintf(cell, sizeof cell, "orphans/%s%s", o->family, o->hazardous ? "*" : "");
        json_open(j, NULL, '{');
        json_text(j, "family", o->family);
        json_bool(j, "hazardous", o->hazardous);
        json_int(j, "sites", o->sites);
        json_int(j, "flows", o->flows);
        bool moved = total(j, "annual", o->annual_t, "t", v, c, cell, amounts, 1, sites);
        json_open(j, "months", '[');
        for (int m = 0; m < 12 && moved; m++)
            json_single(j, NULL, round(10 * (double)o->months[m]) / 10);
        json_close(j, ']');
        json_text(j, "verdict", secrecy_word(v));
        json_close(j, '}');
    }
    json_close(j, ']');
    free(list);
}

static void add_heat(void *arg, enum ceiling_part part, const char *pseudonym, double kw)
{
    struct parts *p = arg;
    const struct member *m = member_of(p->c, pseudonym);
    if (m && kw > 0)
        p->amounts[(size_t)part * p->sites->n + site_index(p->sites, m)] += kw;
}

// The ceiling lies near the smaller of what all have and what all want: so neither may tell of a site.
static void ceiling(struct coordinator *c, const struct sites *sites, double *amounts, struct json *j)
{
    struct ceiling x;
    struct secrecy_rule rule = rule_of(c);
    enum secrecy_verdict v[CEILING_PARTS];
    if (matcher_ceiling(c->matcher, utc_now(), &x) < 0)
        return;
    memset(amounts, 0, CEILING_PARTS * sites->n * sizeof *amounts);
    matcher_ceiling_parts(c->matcher, add_heat, &(struct parts){c, sites, amounts});
    for (size_t i = 0; i < CEILING_PARTS; i++)
        v[i] = secrecy_total(&rule, amounts + i * sites->n, sites->n);
    enum secrecy_verdict possible = x.sites == 0                         ? SECRECY_EMPTY
                                    : v[CEILING_GIVEN] == SECRECY_EMPTY  ? SECRECY_FEW
                                    : v[CEILING_GIVEN] != SECRECY_SHOWN  ? v[CEILING_GIVEN]
                                    : v[CEILING_WANTED] == SECRECY_EMPTY ? SECRECY_FEW
                                                                         : v[CEILING_WANTED];
    enum secrecy_verdict reached = possible == SECRECY_SHOWN ? v[CEILING_REACHED] : possible;
    const double *halves = amounts + CEILING_REACHED * sites->n;
    json_open(j, "ceiling", '{');
    if (possible == SECRECY_SHOWN) {
        json_int(j, "sites", (int64_t)x.sites);
        json_int(j, "streams", (int64_t)x.streams);
    }
    total(j, "possible", span_of(x.possible_kw), "kW", possible, c, "ceiling/possible", amounts, 2, sites);
    total(j, "reached", span_of(x.reached_kw), "kW", reached, c, "ceiling/reached", halves, 1, sites);
    if (reached == SECRECY_SHOWN && x.possible_kw > 0) {
        char text[64];
        double share = 0;
        snprintf(text, sizeof text, "%.2f", round(20 * x.reached_kw / x.possible_kw) / 20);
        told(c, "ceiling/share", amounts, CEILING_PARTS, sites, text);
        if (text_number(text, &share))
            json_number(j, "reached_share", share);
    }
    json_text(j, "verdict", secrecy_word(possible));
    json_close(j, '}');
}

void coordinator_report(struct coordinator *c, struct buf *out)
{
    const struct coordinator_root *root = c->territory->root;
    struct sites sites = sites_of(c);
    char now[UTC_TEXT];
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_text(&j, "territory", root->territory);
    json_text(&j, "name", root->name ? root->name : root->territory);
    json_text(&j, "language", say_in((enum match_language)root->language, "en", "fr"));
    json_text(&j, "made", utc_text(utc_now(), now));
    json_int(&j, "members", (int64_t)root->members.n);
    json_int(&j, "declared", (int64_t)root->declared.n);
    json_int(&j, "entries", (int64_t)c->entries.count);
    json_int(&j, "sites_least", root->secrecy.sites_least);
    json_number(&j, "share_most", root->secrecy.share_most);
    json_number(&j, "rest_least", root->secrecy.rest_least);
    json_open(&j, "potential", '[');
    for (int r = 0; sites.list && r < RESOURCES; r++)
        for (int role = ROLE_OFFER; role <= ROLE_NEED; role++)
            potential_row(c, &sites, (enum resource)r, (enum offer_role)role, &j);
    json_close(&j, ']');
    json_open(&j, "synergies", '[');
    for (int k = SYNERGY_EXCHANGE; sites.list && k <= SYNERGY_OUTLET; k++)
        synergy_row(c, &sites, (enum synergy)k, false, &j);
    json_close(&j, ']');
    json_open(&j, "realised", '[');
    for (int k = SYNERGY_EXCHANGE; sites.list && k <= SYNERGY_OUTLET; k++)
        synergy_row(c, &sites, (enum synergy)k, true, &j);
    json_close(&j, ']');
    double *amounts = calloc(CEILING_PARTS * (sites.n + 1), sizeof *amounts);
    if (sites.list && amounts) {
        orphans(c, &sites, amounts, &j);
        ceiling(c, &sites, amounts, &j);
    }
    json_close(&j, '}');
    free(amounts);
    free(sites.list);
    store_commit(c->store); // what was told is known before it is
}
