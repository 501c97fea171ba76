// SPDX-License-Identifier: Apache-2.0
// A deal as a JSON object in the store.
#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coordinator/coordinator.h"
#include "symbiont/text.h"

static void write_span(struct json *j, const char *key, struct span s)
{
    json_open(j, key, '[');
    if (span_said(s)) {
        json_number(j, NULL, s.low);
        json_number(j, NULL, s.high); // an infinite end is null
    }
    json_close(j, ']');
}

static void write_party(struct json *j, const struct party *p)
{
    char hex[2 * sizeof p->shown + 1];
    json_open(j, NULL, '{');
    json_text(j, "pseudonym", p->pseudonym);
    json_text(j, "entry", p->entry);
    json_text(j, "name", p->name);
    json_text(j, "contact", p->contact);
    json_int(j, "revision", (int64_t)p->revision);
    json_int(j, "material", (int64_t)p->material);
    json_text(j, "shown", sodium_bin2hex(hex, sizeof hex, p->shown, sizeof p->shown));
    json_int(j, "status", p->status);
    json_int(j, "issued", p->issued.ms);
    json_close(j, '}');
}

void deal_write(const struct deal *d, struct buf *out)
{
    struct json j = json_begin(out);
    json_open(&j, NULL, '{');
    json_text(&j, "id", d->id);
    json_int(&j, "kind", d->kind);
    json_int(&j, "resource", d->resource);
    json_int(&j, "phase", d->life.phase);
    json_int(&j, "end", d->life.end);
    json_int(&j, "yes", d->life.yes);
    json_int(&j, "agree", d->life.agree);
    json_open(&j, "parties", '[');
    for (unsigned i = 0; i < d->n; i++)
        write_party(&j, &d->parties[i]);
    json_close(&j, ']');
    json_open(&j, "members", '[');
    for (unsigned i = 0; i < d->member_count; i++)
        json_text(&j, NULL, d->members[i]);
    json_close(&j, ']');
    write_span(&j, "quantity", d->quantity);
    write_span(&j, "annual", d->annual);
    write_span(&j, "eur_yr", d->eur_yr);
    write_span(&j, "tco2e", d->tco2e);
    write_span(&j, "payback_y", d->payback_y);
    json_number(&j, "expected_quantity", d->expected_quantity);
    json_number(&j, "expected_annual", d->expected_annual);
    json_int(&j, "round_h", d->round_h);
    json_number(&j, "agreed_annual", d->agreed_annual);
    json_number(&j, "rank", d->rank);
    json_number(&j, "confidence", d->confidence);
    json_number(&j, "told_annual", d->told_annual);
    json_int(&j, "since", d->since.ms);
    json_int(&j, "disclosed", d->disclosed.ms);
    json_int(&j, "agreed", d->agreed.ms);
    json_int(&j, "running", d->running.ms);
    json_int(&j, "ended", d->ended.ms);
    json_number(&j, "least", d->sums.least);
    json_number(&j, "most", d->sums.most);
    json_int(&j, "hours", d->sums.hours);
    json_int(&j, "lonely", d->sums.lonely);
    json_int(&j, "first", d->sums.first);
    json_int(&j, "last", d->sums.last);
    json_number(&j, "realised", d->realised);
    json_number(&j, "realised_eur", d->realised_eur);
    json_number(&j, "realised_tco2e", d->realised_tco2e);
    if (d->declined)
        json_text(&j, "declined", d->declined);
    json_close(&j, '}');
}

// ---- Reading ----

static double number_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static int64_t whole_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static struct utc time_of(const json_t *o, const char *key)
{
    return (struct utc){whole_of(o, key)};
}

static struct span span_from(const json_t *o, const char *key)
{
    const json_t *list = json_object_get(o, key), *low = json_array_get(list, 0),
                 *high = json_array_get(list, 1);
    if (!low || !high)
        return SPAN_UNSAID;
    return (struct span){json_is_number(low) ? json_number_value(low) : -INFINITY,
                         json_is_number(high) ? json_number_value(high) : INFINITY};
}

static void copy(char *to, size_t size, const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    snprintf(to, size, "%s", text ? text : "");
}

static void read_party(const json_t *o, struct party *p)
{
    const char *shown = json_string_value(json_object_get(o, "shown"));
    *p = (struct party){.revision = (uint64_t)whole_of(o, "revision"),
                        .material = (uint64_t)whole_of(o, "material"),
                        .status = (uint8_t)whole_of(o, "status"),
                        .issued = time_of(o, "issued")};
    copy(p->pseudonym, sizeof p->pseudonym, o, "pseudonym");
    copy(p->entry, sizeof p->entry, o, "entry");
    copy(p->name, sizeof p->name, o, "name");
    copy(p->contact, sizeof p->contact, o, "contact");
    if (shown)
        sodium_hex2bin(p->shown, sizeof p->shown, shown, strlen(shown), NULL, NULL, NULL);
}

static bool read_figures(const json_t *o, struct deal *d)
{
    d->quantity = span_from(o, "quantity");
    d->annual = span_from(o, "annual");
    d->eur_yr = span_from(o, "eur_yr");
    d->tco2e = span_from(o, "tco2e");
    d->payback_y = span_from(o, "payback_y");
    d->expected_quantity = number_of(o, "expected_quantity");
    d->expected_annual = number_of(o, "expected_annual");
    d->round_h = whole_of(o, "round_h");
    d->agreed_annual = number_of(o, "agreed_annual");
    d->rank = number_of(o, "rank");
    d->confidence = number_of(o, "confidence");
    d->told_annual = number_of(o, "told_annual");
    d->sums = (struct store_sums){.least = number_of(o, "least"),
                                  .most = number_of(o, "most"),
                                  .hours = whole_of(o, "hours"),
                                  .lonely = whole_of(o, "lonely"),
                                  .first = whole_of(o, "first"),
                                  .last = whole_of(o, "last")};
    d->realised = number_of(o, "realised");
    d->realised_eur = number_of(o, "realised_eur");
    d->realised_tco2e = number_of(o, "realised_tco2e");
    return true;
}

static bool read_members(const json_t *list, struct deal *d)
{
    size_t n = json_array_size(list);
    if (n == 0 || n > MATCH_MEMBERS)
        return n == 0;
    d->members = calloc(n, sizeof *d->members);
    for (; d->members && d->member_count < n; d->member_count++) {
        const char *id = json_string_value(json_array_get(list, d->member_count));
        snprintf(d->members[d->member_count], sizeof *d->members, "%s", id ? id : "");
    }
    return d->members != NULL;
}

bool deal_read(const char *json, size_t n, struct deal *d)
{
    json_t *o = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *parties = json_object_get(o, "parties");
    memset(d, 0, sizeof *d);
    copy(d->id, sizeof d->id, o, "id");
    d->kind = (uint8_t)whole_of(o, "kind");
    d->resource = (uint8_t)whole_of(o, "resource");
    d->n = (unsigned)json_array_size(parties);
    d->life = (struct life){.parties = (uint8_t)d->n,
                            .phase = (uint8_t)whole_of(o, "phase"),
                            .end = (uint8_t)whole_of(o, "end"),
                            .yes = (uint32_t)whole_of(o, "yes"),
                            .agree = (uint32_t)whole_of(o, "agree")};
    bool ok = json_is_object(o) && d->n >= 2 && d->n <= LIFE_PARTIES && d->kind <= SYNERGY_OUTLET &&
              d->resource < RESOURCES && d->life.phase <= LIFE_ENDED && d->life.end <= LIFE_FINISHED;
    ok = ok && (d->parties = calloc(d->n, sizeof *d->parties));
    ok = ok && read_members(json_object_get(o, "members"), d);
    for (unsigned i = 0; ok && i < d->n; i++)
        read_party(json_array_get(parties, i), &d->parties[i]);
    if (ok) {
        read_figures(o, d);
        d->since = time_of(o, "since");
        d->disclosed = time_of(o, "disclosed");
        d->agreed = time_of(o, "agreed");
        d->running = time_of(o, "running");
        d->ended = time_of(o, "ended");
        d->declined = text_dup(json_string_value(json_object_get(o, "declined")));
    }
    if (!ok) {
        free(d->parties);
        d->parties = NULL;
    }
    json_decref(o);
    return ok;
}
