// SPDX-License-Identifier: Apache-2.0
// Sums over a territory: what nobody takes, and how much heat it could pass on at most.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "matching/matcher_inside.h"
#include "matching/waste_families.h"
#include "symbiont/waste.h"

// ---- What nobody takes ----

// Of the offer, what no match takes.
static double unpromised(const struct matcher *m, uint32_t e)
{
    double promised = (double)market_used(&m->market, e) / MARKET_UNIT + m->entries[e].held;
    return fmax(0, m->entries[e].rate - promised);
}

static void family_of(const struct party *p, char out[static OFFER_WORD], bool *hazardous)
{
    const struct waste_code *w = p->waste && p->waste->code_count ? waste_find(p->waste->codes[0]) : NULL;
    const char *family = w ? waste_family(w->code) : NULL;
    char text[WASTE_TEXT];
    *hazardous = w ? waste_hazardous(w) : p->waste && p->waste->hazardous;
    snprintf(out, OFFER_WORD, "%s",
             family ? family
             : w    ? waste_text(w, text)
                    : resource_word((enum resource)p->resource));
}

static struct orphan *family_row(struct orphan **rows, size_t *n, size_t *cap, const char *family,
                                 bool hazardous)
{
    for (size_t i = 0; i < *n; i++)
        if ((*rows)[i].hazardous == hazardous && strcmp((*rows)[i].family, family) == 0)
            return &(*rows)[i];
    if (!array_grow((void **)rows, cap, *n + 1, sizeof **rows))
        return NULL;
    struct orphan *row = &(*rows)[(*n)++];
    *row = (struct orphan){.hazardous = hazardous};
    snprintf(row->family, sizeof row->family, "%s", family);
    return row;
}

static bool is_orphan(const struct matcher *m, uint32_t e)
{
    const struct entry *at = &m->entries[e];
    const struct party *p = &at->store.party;
    return at->used && at->active && p->role == ROLE_OFFER && p->synergy != SYNERGY_SHARE &&
           (p->resource == RESOURCE_WASTE || p->resource == RESOURCE_BY_PRODUCT) && at->rate > 0 &&
           unpromised(m, e) > 0.01 * at->rate;
}

static void add(const struct matcher *m, uint32_t e, struct orphan *row)
{
    const struct party *p = &m->entries[e].store.party;
    double share = unpromised(m, e) / m->entries[e].rate * WEEKS_YEAR;
    row->flows++;
    row->annual_t.low += party_rate(p, CORNER_WORST) * party_share(p, CORNER_WORST) * share;
    row->annual_t.high += party_rate(p, CORNER_BEST) * party_share(p, CORNER_BEST) * share;
    double month = unpromised(m, e) * party_share(p, CORNER_MIDDLE) * WEEKS_YEAR;
    double mean = 0;
    for (int i = 0; i < 12; i++)
        mean += p->months ? (double)p->months[i] / 12 : 1.0 / 12;
    for (int i = 0; i < 12; i++)
        row->months[i] += (float)(month * (p->months && mean > 0 ? (double)p->months[i] / mean : 1));
    if (!isnan(p->latitude)) { // running means
        double n = ++row->placed;
        row->middle_latitude += (p->latitude - row->middle_latitude) / n;
        row->middle_longitude += (p->longitude - row->middle_longitude) / n;
    }
}

struct seen {
    const char *site, *family;
    bool hazardous;
};

static int by_site(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    int d = strcmp(x->family, y->family);
    return d ? d : x->hazardous != y->hazardous ? (x->hazardous ? 1 : -1) : strcmp(x->site, y->site);
}

static int most_first(const void *a, const void *b)
{
    const struct orphan *x = a, *y = b;
    double p = span_middle(x->annual_t), q = span_middle(y->annual_t);
    return p != q ? p < q ? 1 : -1 : strcmp(x->family, y->family);
}

// Sites and how far they lie around the middle, once the families are known.
static bool spread(const struct matcher *m, struct orphan *rows, size_t n)
{
    char(*families)[OFFER_WORD] = calloc(m->entry_count + 1, sizeof *families);
    struct seen *seen = calloc(m->entry_count + 1, sizeof *seen);
    size_t count = 0;
    if (families && seen)
        for (uint32_t e = 0; e < m->entry_count; e++) {
            const struct party *p = &m->entries[e].store.party;
            bool hazardous;
            if (!is_orphan(m, e))
                continue;
            family_of(p, families[count], &hazardous);
            seen[count] = (struct seen){p->pseudonym, families[count], hazardous};
            count++;
            size_t cap = n, have = n;
            struct orphan *row = family_row(&rows, &have, &cap, families[count - 1], hazardous);
            double d = place_distance(p->latitude, p->longitude, row->middle_latitude, row->middle_longitude);
            if (!isnan(d))
                row->spread_m = fmax(row->spread_m, d);
        }
    bool good = families && seen;
    if (good)
        qsort(seen, count, sizeof *seen, by_site);
    for (size_t i = 0; good && i < count; i++) {
        size_t cap = n, have = n;
        bool fresh = i == 0 || by_site(&seen[i], &seen[i - 1]) != 0;
        struct orphan *row = family_row(&rows, &have, &cap, seen[i].family, seen[i].hazardous);
        row->sites += fresh;
    }
    free(families);
    free(seen);
    return good;
}

struct orphan *matcher_orphans(const struct matcher *m, struct utc now, size_t *n)
{
    struct orphan *rows = NULL;
    size_t cap = 0;
    (void)now; // what is active was settled
    *n = 0;
    for (uint32_t e = 0; e < m->entry_count; e++) {
        char family[OFFER_WORD];
        bool hazardous;
        if (!is_orphan(m, e))
            continue;
        family_of(&m->entries[e].store.party, family, &hazardous);
        struct orphan *row = family_row(&rows, n, &cap, family, hazardous);
        if (!row)
            goto failed;
        add(m, e, row);
    }
    if (*n && !spread(m, rows, *n))
        goto failed;
    for (size_t i = 0; i < *n; i++) {
        float mean = 0;
        for (int k = 0; k < 12; k++)
            mean += rows[i].months[k] / 12;
        for (int k = 0; k < 12; k++)
            rows[i].months[k] = mean > 0 ? rows[i].months[k] / mean : 1;
        if (!rows[i].placed)
            rows[i].middle_latitude = rows[i].middle_longitude = rows[i].spread_m = NAN;
    }
    if (*n)
        qsort(rows, *n, sizeof *rows, most_first);
    return rows;

failed:
    free(rows);
    *n = 0;
    return NULL;
}

void matcher_orphan_parts(const struct matcher *m, const struct orphan *o,
                          void (*each)(void *arg, const char *pseudonym, double annual_t), void *arg)
{
    for (uint32_t e = 0; e < m->entry_count; e++) {
        const struct party *p = &m->entries[e].store.party;
        char family[OFFER_WORD];
        bool hazardous;
        if (!is_orphan(m, e))
            continue;
        family_of(p, family, &hazardous);
        if (hazardous == o->hazardous && strcmp(family, o->family) == 0)
            each(arg, p->pseudonym, unpromised(m, e) * party_share(p, CORNER_MIDDLE) * WEEKS_YEAR);
    }
}

// ---- Heat at most ----

struct thermal {
    const char *site;
    struct pinch_stream stream;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct thermal *)a)->site, ((const struct thermal *)b)->site);
}

// Overall approach between two liquids, as pairs are judged with.
static double approach(const struct match_settings *s)
{
    return 2 * s->heat.approach_liquid_k;
}

static bool thermal_of(const struct matcher *m, uint32_t e, struct thermal *out)
{
    const struct entry *at = &m->entries[e];
    const struct party *p = &at->store.party;
    const struct match_heat_config *h = &m->settings->heat;
    if (!at->used || !at->active || p->resource != RESOURCE_HEAT || p->synergy == SYNERGY_SHARE ||
        !(at->rate > 0) || !span_said(p->heat.supply))
        return false;
    bool gives = p->role == ROLE_OFFER;
    double supply = span_middle(p->heat.supply);
    double back = span_said(p->heat.back) ? span_middle(p->heat.back) : supply - 20;
    double share = !isnan(p->heat.approach_k)                                          ? p->heat.approach_k
                   : p->heat.medium == MEDIUM_AIR || p->heat.medium == MEDIUM_FLUE_GAS ? h->approach_gas_k
                   : p->heat.medium == MEDIUM_THERMAL_OIL                              ? h->approach_oil_k
                                                                                       : h->approach_liquid_k;
    if (gives ? supply <= back : back >= supply)
        back = supply;
    *out = (struct thermal){p->pseudonym,
                            {gives ? supply : back, gives ? back : supply,
                             gives || supply != back ? at->rate : -at->rate, share}};
    return true;
}

static int demand(const struct pinch_stream *streams, size_t n, double dt, double *hot, double *cold)
{
    struct pinch_result r;
    if (pinch_solve(streams, n, dt, &r) < 0)
        return -1;
    *hot += r.hot_utility_kw;
    *cold += r.cold_utility_kw;
    pinch_free(&r);
    return 0;
}

static int solve(const struct matcher *m, const struct thermal *t, size_t n, struct pinch_stream *streams,
                 struct ceiling *out)
{
    double dt = approach(m->settings), unused = 0;
    for (size_t i = 0; i < n; i++)
        streams[i] = t[i].stream;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && strcmp(t[end].site, t[i].site) == 0;)
            end++;
        out->sites++;
        if (demand(streams + i, end - i, dt, &out->alone_kw, &unused) < 0)
            return -1;
    }
    out->streams = n;
    return demand(streams, n, dt, &out->together_kw, &out->cold_together_kw);
}

// What heat pumps lift is no part of the problem table.
static bool is_reached(const struct matcher *m, const struct deal *deal)
{
    return deal->used && deal->way == WAY_DIRECT &&
           m->entries[deal->offer].store.party.resource == RESOURCE_HEAT;
}

int matcher_ceiling(const struct matcher *m, struct utc now, struct ceiling *out)
{
    struct thermal *t = calloc(m->entry_count + 1, sizeof *t);
    struct pinch_stream *streams = calloc(m->entry_count + 1, sizeof *streams);
    size_t n = 0;
    int result = -1;
    (void)now;
    *out = (struct ceiling){0};
    if (t && streams) {
        for (uint32_t e = 0; e < m->entry_count; e++)
            n += thermal_of(m, e, &t[n]);
        qsort(t, n, sizeof *t, by_name);
        result = solve(m, t, n, streams, out);
    }
    free(t);
    free(streams);
    out->possible_kw = fmax(0, out->alone_kw - out->together_kw);
    for (size_t d = 0; d < m->deal_count; d++)
        if (is_reached(m, &m->deals[d]))
            out->reached_kw += m->deals[d].quantity;
    return result;
}

void matcher_ceiling_parts(const struct matcher *m,
                           void (*each)(void *arg, enum ceiling_part part, const char *pseudonym, double kw),
                           void *arg)
{
    struct thermal t;
    for (uint32_t e = 0; e < m->entry_count; e++)
        if (thermal_of(m, e, &t))
            each(arg, m->entries[e].store.party.role == ROLE_OFFER ? CEILING_GIVEN : CEILING_WANTED, t.site,
                 m->entries[e].rate);
    for (size_t d = 0; d < m->deal_count; d++) {
        const struct deal *deal = &m->deals[d];
        if (!is_reached(m, deal))
            continue;
        each(arg, CEILING_REACHED, m->entries[deal->offer].store.party.pseudonym, deal->quantity / 2);
        each(arg, CEILING_REACHED, m->entries[deal->need].store.party.pseudonym, deal->quantity / 2);
    }
}
