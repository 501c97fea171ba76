// SPDX-License-Identifier: Apache-2.0
// Profiles tried on a unit: one request for each to see which are possible, then all requests of the best.
#include "cli/identify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/evidence.h"
#include "cli/memory.h"
#include "symbiont/plan.h"
#include "symbiont/profile.h"
#include "symbiont/sunspec.h"

// So many are looked at whole, with at most so many requests each.
#define FINALISTS         8
#define REQUESTS_PER_BOOK 6

// Nats. A refused request speaks against the model, but a variant may lack a few registers.
#define REFUSED       4.0
#define REFUSED_LATER 2.0
#define FOUND_MAX     3.0
#define FINGERPRINT   12.0

// So much evidence makes a proposal as likely as not; points are not independent witnesses, so that twice
// as much makes it sure, not certain.
#define HALF_SURE   7.0
#define TEMPERATURE 2.5
// A proposal below this is not worth a look.
#define SCORE_MIN 0.02

struct book {
    const struct device *device;
    const char *order; /* see struct candidate */
    struct plan plan;
    size_t telling;   // the request that says most
    double *surprise; // per request: what it says that the registers exist at all
};

struct library {
    struct config *memory;
    struct diagnostics *diagnostics;
    struct profile_cache *cache;
    struct book *books;
    size_t n, cap;
    bool failed; // memory was out: models are missing
};

// ---- The library ----

struct empty_root {
    struct settings common;
};
static const struct option no_options[] = {{0}};
static const struct section empty_section = {"library", sizeof(struct empty_root), no_options, "-"};

static bool add_book(struct library *l, const struct device *device, const char *order)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 128;
        struct book *books = realloc(l->books, cap * sizeof *books);
        if (!books)
            return false;
        l->books = books;
        l->cap = cap;
    }
    struct book b = {.device = device, .order = order};
    if (plan_make(device, 0, &b.plan) < 0)
        return false;
    l->books[l->n++] = b;
    return true;
}

static const struct device *compile(struct library *l, const char *name, int order)
{
    struct profile_path path = profile_path_default();
    struct groups none = {0};
    struct device_request request = {.profile = name,
                                     .own_points = &none,
                                     .order = order,
                                     .place = {name, 0},
                                     .subject = "the library",
                                     .cache = l->cache};
    return device_compile(l->memory, &path, &request, l->diagnostics);
}

static void add_profile(void *arg, const char *name, const char *file, bool unverified)
{
    struct library *l = arg;
    struct profile_about about;
    struct config *config = unverified ? NULL : profile_about(file, &about, l->diagnostics);
    if (!config)
        return;
    bool known = strcmp(about.order, "unknown") != 0;
    for (int swapped = 0; swapped < (known ? 1 : 2); swapped++) {
        const char *order = known ? NULL : swapped ? "cdab" : "abcd";
        const struct device *device =
            compile(l, name, known ? 0 : 1 + (swapped ? ORDER_WORD_SWAP : ORDER_ABCD));
        if (device && !add_book(l, device, order))
            l->failed = true;
    }
    config_free(config);
}

// Is every register of the request one that this other model has?
static bool covers(const struct book *b, const struct request *q)
{
    uint32_t at = q->address, end = at + q->count;
    for (size_t i = 0; i < b->plan.n && at < end; i++) {
        const struct request *own = &b->plan.requests[i];
        if (own->function == q->function && own->address <= at && at < (uint32_t)own->address + own->count)
            at = (uint32_t)own->address + own->count;
    }
    return at >= end;
}

// Where many models have registers, finding some says little; where only one has, much.
static double surprise_of(const struct library *l, size_t own, const struct request *q)
{
    size_t have = 0;
    for (size_t i = 0; i < l->n; i++)
        have += i != own && !l->books[i].device->sunspec && covers(&l->books[i], q);
    double nats = log((double)(l->n + 1) / (double)(have + 1)) - 1;
    return nats < 0 ? 0 : fmin(nats, FOUND_MAX);
}

static bool study(struct library *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct book *b = &l->books[i];
        double best = -1;
        b->surprise = calloc(b->plan.n ? b->plan.n : 1, sizeof *b->surprise);
        if (!b->surprise)
            return false;
        for (size_t k = 0; k < b->plan.n; k++) {
            const struct request *q = &b->plan.requests[k];
            double worth = b->surprise[k] = surprise_of(l, i, q);
            for (size_t j = q->first; j < (size_t)q->first + q->n; j++)
                worth += evidence_worth(&b->device->points[b->plan.order[j]]);
            if (worth > best) {
                best = worth;
                b->telling = k;
            }
        }
    }
    return true;
}

struct library *library_open(const struct command *c, int *status)
{
    struct library *l = calloc(1, sizeof *l);
    struct profile_path path = profile_path_default();
    if (l) {
        l->diagnostics = diagnostics_new();
        l->cache = profile_cache_new();
    }
    if (l && l->diagnostics && l->cache)
        l->memory = config_read_text("", "library", &empty_section, l->diagnostics);
    if (l && l->memory) {
        bool whole = profile_each(&path, add_profile, l) && !l->failed;
        if (diag_errors(l->diagnostics)) // a profile of the site's own can be wrong: the others are tried
            diag_print(l->diagnostics, c->err);
        if (whole && study(l))
            return l;
    }
    library_close(l);
    *status = command_fail(c, EX_OSERR, "out of memory");
    return NULL;
}

void library_close(struct library *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n; i++) {
        plan_free(&l->books[i].plan);
        free(l->books[i].surprise);
    }
    profile_cache_free(l->cache);
    config_free(l->memory);
    diagnostics_free(l->diagnostics);
    free(l->books);
    free(l);
}

// ---- One profile ----

// A unit being tried: what it said, and where its SunSpec models are.
struct trial {
    struct library *library;
    struct memory memory;
    uint8_t unit;
    bool failed; // memory was out
};

struct reading {
    struct value *raw, *last, *values;
    char **texts;
};

static bool reading_open(struct reading *r, const struct device *d)
{
    size_t n = d->n ? d->n : 1;
    *r = (struct reading){.raw = calloc(3 * n, sizeof *r->raw), .texts = calloc(n, sizeof *r->texts)};
    if (!r->raw || !r->texts)
        return false;
    r->last = r->raw + n;
    r->values = r->last + n;
    for (size_t i = 0; i < d->n; i++) {
        r->raw[i].reason = REASON_NOT_DUE;
        r->last[i].reason = REASON_NOT_YET;
    }
    return true;
}

static void reading_close(struct reading *r, const struct device *d)
{
    for (size_t i = 0; r->texts && i < d->n; i++)
        free(r->texts[i]);
    free(r->texts);
    free(r->raw);
}

static void decode(const struct book *b, const struct request *q, const uint8_t *data, struct reading *r)
{
    const struct point *points = b->device->points;
    for (size_t k = q->first; k < (size_t)q->first + q->n; k++) {
        size_t i = b->plan.order[k];
        uint8_t order;
        if (points[i].type == POINT_STRING) {
            free(r->texts[i]);
            r->texts[i] = calloc(1, 2 * (size_t)points[i].words + 1);
            r->raw[i].reason = r->texts[i] ? REASON_GOOD : REASON_NOT_DUE;
            if (r->texts[i])
                point_string(&points[i], data + 2 * (size_t)(points[i].address - q->address), r->texts[i]);
        } else if (point_order(points, i, r->raw, r->last, &order)) {
            r->raw[i] = point_from_answer(&points[i], order, data, q->address);
        }
    }
}

static bool says_anything(const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (data[i] != 0 && data[i] != 0xFF)
            return true;
    return false;
}

// Asks `most` requests of the book, beginning with the one that tells most. False: interrupted.
static bool look(struct trial *t, struct session *s, const struct book *b, uint16_t base, size_t most,
                 struct candidate *c)
{
    struct reading r;
    struct evidence e = {0};
    const struct device *d = b->device;
    size_t asked = 0;
    bool good = reading_open(&r, d);
    t->failed |= !good;
    for (size_t i = 0; good && i < b->plan.n && asked < most; i++) {
        // The telling one changes places with the first.
        size_t at = i == 0 ? b->telling : i == b->telling ? 0 : i;
        const struct request *q = &b->plan.requests[at];
        struct modbus_ask ask = {t->unit, q->function, (uint16_t)(q->address + base), q->count};
        struct modbus_answer a = memory_ask(&t->memory, s, &ask, false, d->timing.timeout_ns);
        good = a.verdict != VERDICT_CANCELLED;
        asked++;
        if (a.verdict == VERDICT_ANSWER) {
            decode(b, q, a.data, &r);
            c->found += says_anything(a.data, a.n) ? b->surprise[at] : 0;
        } else {
            e.contra += asked == 1 ? REFUSED : REFUSED_LATER;
            if (asked == 1)
                break;
        }
    }
    if (good) {
        points_finish(d->points, d->n, r.raw, r.last, r.values);
        evidence_weigh(d, r.raw, r.values, r.texts, &e);
        c->good = e.good;
        c->asked = e.asked;
        c->evidence += e.pro - e.contra;
    }
    reading_close(&r, d);
    return good;
}

static bool fingerprints_match(struct trial *t, struct session *s, const struct device *d)
{
    for (size_t i = 0; i < d->fingerprint_count; i++) {
        const struct point *p = &d->fingerprints[i].point;
        struct modbus_ask a = {t->unit, p->table, p->address, p->words};
        struct modbus_answer answer = memory_ask(&t->memory, s, &a, true, d->timing.timeout_ns);
        if (answer.verdict != VERDICT_ANSWER || !fingerprint_matches(&d->fingerprints[i], answer.data))
            return false;
    }
    return true;
}

// ---- SunSpec ----

// Walks to a model of the book. False: there is none.
static bool locate(struct trial *t, struct session *s, const struct device *d, struct identity *out,
                   uint16_t *base)
{
    struct sunspec walk;
    struct sunspec_want want = sunspec_want_of(d);
    struct modbus_ask ask = {.unit = t->unit};
    sunspec_start(&walk, &want);
    while (sunspec_next(&walk, &ask) == SUNSPEC_ASK) {
        struct modbus_answer a = memory_ask(&t->memory, s, &ask, false, d->timing.timeout_ns);
        sunspec_answer(&walk, &a);
    }
    if (walk.manufacturer[0])
        snprintf(out->maker, sizeof out->maker, "%s %s", walk.manufacturer, walk.product);
    *base = walk.base;
    return walk.state == SUNSPEC_FOUND;
}

// ---- All of them ----

static void sort(struct candidate *c, const struct book **books, uint16_t *bases, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && c[k - 1].evidence < c[k].evidence; k--) {
            struct candidate one = c[k];
            const struct book *book = books[k];
            uint16_t base = bases[k];
            c[k] = c[k - 1];
            books[k] = books[k - 1];
            bases[k] = bases[k - 1];
            c[k - 1] = one;
            books[k - 1] = book;
            bases[k - 1] = base;
        }
}

struct field {
    struct candidate *candidates;
    const struct book **books;
    uint16_t *bases;
    size_t n;
};

// A device that answers whatever it is asked says nothing by answering.
static void discount(struct field *f, size_t tried, size_t answered)
{
    double strict = tried ? 1 - (double)answered / (double)tried : 1;
    for (size_t i = 0; i < f->n; i++) {
        f->candidates[i].found *= strict * strict;
        f->candidates[i].evidence += f->candidates[i].found;
    }
}

static bool first_look(struct trial *t, struct session *s, const struct book *b, struct field *f,
                       struct identity *out)
{
    struct candidate c = {.device = b->device, .order = b->order};
    uint16_t base = 0;
    if (b->device->sunspec) {
        if (!locate(t, s, b->device, out, &base))
            return !session_interrupted(s);
        c.by = BY_SUNSPEC;
        c.evidence = FINGERPRINT;
    } else if (b->device->fingerprint_count) {
        if (!fingerprints_match(t, s, b->device))
            return !session_interrupted(s);
        c.by = BY_FINGERPRINT;
        c.evidence = FINGERPRINT;
    }
    struct candidate seen = c;
    if (!look(t, s, b, base, 1, &seen))
        return false;
    f->books[f->n] = b;
    f->bases[f->n] = base;
    f->candidates[f->n++] = seen;
    return true;
}

// How likely each is, of all and of "none of them".
static void judge(struct field *f, size_t n, struct identity *out)
{
    double most = n && f->candidates[0].evidence > HALF_SURE ? f->candidates[0].evidence : HALF_SURE;
    double all = exp((HALF_SURE - most) / TEMPERATURE);
    for (size_t i = 0; i < n; i++)
        all += exp((f->candidates[i].evidence - most) / TEMPERATURE);
    for (size_t i = 0; i < n && out->n < CANDIDATES_MAX; i++) {
        struct candidate *c = &f->candidates[i];
        c->score = exp((c->evidence - most) / TEMPERATURE) / all;
        if (c->score >= SCORE_MIN)
            out->candidates[out->n++] = *c;
    }
}

static void try_all(struct trial *t, struct session *s, struct field *f, struct identity *out)
{
    struct library *l = t->library;
    for (size_t i = 0; i < l->n; i++)
        if (!first_look(t, s, &l->books[i], f, out))
            break;
    size_t answered = 0;
    for (size_t i = 0; i < f->n; i++)
        answered += f->candidates[i].found > 0;
    discount(f, f->n, answered);
    sort(f->candidates, f->books, f->bases, f->n);
    size_t n = f->n < FINALISTS ? f->n : FINALISTS;
    for (size_t i = 0; i < n; i++) {
        struct candidate *c = &f->candidates[i];
        struct candidate whole = {.device = c->device, .order = c->order, .by = c->by};
        whole.evidence = c->by == BY_VALUES ? 0 : FINGERPRINT;
        if (!look(t, s, f->books[i], f->bases[i], REQUESTS_PER_BOOK, &whole))
            break;
        *c = whole;
    }
    struct field finalists = *f;
    finalists.n = n;
    discount(&finalists, f->n, answered);
    sort(f->candidates, f->books, f->bases, n);
    judge(f, n, out);
}

void identify(struct library *l, struct session *s, uint8_t unit, struct identity *out,
              struct portrait *portrait)
{
    struct trial t = {.library = l, .unit = unit};
    size_t n = l->n ? l->n : 1;
    struct field f = {.candidates = calloc(n, sizeof *f.candidates),
                      .books = calloc(n, sizeof *f.books),
                      .bases = calloc(n, sizeof *f.bases)};
    *out = (struct identity){0};
    if (f.candidates && f.books && f.bases)
        try_all(&t, s, &f, out);
    else
        t.failed = true;
    out->no_memory = t.failed;
    out->requests = t.memory.asked;
    if (portrait)
        memory_tell(&t.memory, portrait);
    memory_free(&t.memory);
    free(f.candidates);
    free(f.books);
    free(f.bases);
}
