// SPDX-License-Identifier: Apache-2.0
// Profiles tried on a unit: fingerprints first, then numbers that make sense.
#include "cli/identify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "symbiont/plan.h"
#include "symbiont/profile.h"

// At most this many requests are spent on one profile: a wrong one shows itself in the first.
#define REQUESTS_PER_PROFILE 2

// A proposal below this is not worth a look.
#define SCORE_MIN 0.5

struct book {
    struct config *memory;
    const struct device *device;
    struct plan plan;
};

// What a unit said to a request, kept for the next profile that asks the same.
struct said {
    struct modbus_ask ask;
    struct modbus_answer answer;
    uint8_t data[2 * MODBUS_REGISTERS_MAX];
};

struct library {
    struct book *books;
    size_t n, cap;
    struct diagnostics *diagnostics;
    struct said *said;
    size_t said_count, said_cap;
};

// ---- The library ----

struct empty_root {
    struct settings common;
};
static const struct option no_options[] = {{0}};
static const struct section empty_section = {"library", sizeof(struct empty_root), no_options, "-"};

static void add_book(void *arg, const char *name, const char *file, bool unverified)
{
    struct library *l = arg;
    (void)file;
    if (unverified)
        return;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 128;
        struct book *books = realloc(l->books, cap * sizeof *books);
        if (!books)
            return;
        l->books = books;
        l->cap = cap;
    }
    struct book b = {.memory = config_read_text("", name, &empty_section, l->diagnostics)};
    if (!b.memory)
        return;
    struct profile_path path = profile_path_default();
    struct groups none = {0};
    struct device_request request = {.profile = name,
                                     .own_points = &none,
                                     .ct_ratio = 1,
                                     .vt_ratio = 1,
                                     .place = {name, 0},
                                     .subject = "the library"};
    b.device = device_compile(b.memory, &path, &request, l->diagnostics);
    if (b.device && !b.device->sunspec && plan_make(b.device, 0, &b.plan) == 0)
        l->books[l->n++] = b;
    else
        config_free(b.memory);
}

struct library *library_open(const struct command *c, int *status)
{
    struct library *l = calloc(1, sizeof *l);
    struct profile_path path = profile_path_default();
    if (l)
        l->diagnostics = diagnostics_new();
    if (!l || !l->diagnostics) {
        *status = command_fail(c, EX_OSERR, "out of memory");
        free(l);
        return NULL;
    }
    profile_each(&path, add_book, l);
    return l;
}

void library_close(struct library *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n; i++) {
        plan_free(&l->books[i].plan);
        config_free(l->books[i].memory);
    }
    diagnostics_free(l->diagnostics);
    free(l->books);
    free(l->said);
    free(l);
}

// ---- Asking, with a memory ----

static struct modbus_answer ask(struct library *l, struct session *s, const struct modbus_ask *a,
                                int64_t timeout_ns)
{
    for (size_t i = 0; i < l->said_count; i++) {
        struct said *k = &l->said[i];
        if (k->ask.function == a->function && k->ask.address == a->address && k->ask.count == a->count) {
            k->answer.data = k->data;
            return k->answer;
        }
    }
    struct modbus_answer answer = session_ask(s, a, timeout_ns);
    if (l->said_count == l->said_cap) {
        size_t cap = l->said_cap ? 2 * l->said_cap : 64;
        struct said *said = realloc(l->said, cap * sizeof *said);
        if (!said)
            return answer;
        l->said = said;
        l->said_cap = cap;
    }
    struct said *k = &l->said[l->said_count++];
    *k = (struct said){.ask = *a, .answer = answer};
    if (answer.verdict == VERDICT_ANSWER && answer.n <= sizeof k->data)
        memcpy(k->data, answer.data, answer.n);
    return answer;
}

// ---- Does it make sense? ----

// What these quantities are nearly always like on a live meter. The weight is how much a hit says: a
// voltage of 230 V is no accident, a small current may be.
static const struct {
    const char *quantity;
    double low, high, weight;
} typical[] = {
    {"voltage", 80, 320, 3},
    {"voltage_ll", 90, 800, 3},
    {"frequency", 45, 65, 5},
    {"power_factor", -1.01, 1.01, 1},
    {"ph", 1, 13.5, 2},
    {"temperature", -30, 150, 1},
    {"flow_temperature", 0, 180, 2},
    {"return_temperature", 0, 150, 2},
    {"current", -6300, 6300, 0.5},
    {"active_power", -20000, 20000, 0.5},
};

struct evidence {
    double pro, contra;
    size_t good, asked;
};

static void weigh(const struct point *p, struct value v, struct evidence *e)
{
    double low = p->min, high = p->max, weight = 0.25;
    for (size_t i = 0; i < sizeof typical / sizeof typical[0]; i++) {
        if (strcmp(p->quantity->name, typical[i].quantity) != 0)
            continue;
        low = typical[i].low;
        high = typical[i].high;
        weight = typical[i].weight;
    }
    if (v.reason == REASON_NOT_DUE || v.reason == REASON_DEPENDENCY || p->quantity->kind >= QUANTITY_STATE)
        return;
    e->asked++;
    double size = fabs(v.number);
    // Zero and "not available" say nothing: registers that do not exist are often zero.
    if (v.reason == REASON_NOT_AVAILABLE || (v.reason == REASON_GOOD && v.number == 0))
        return;
    bool sane = v.reason == REASON_GOOD && v.number >= low && v.number <= high && size > 1e-6 && size < 1e12;
    e->good += sane;
    *(sane ? &e->pro : &e->contra) += weight;
}

static bool fingerprints_match(struct library *l, struct session *s, uint8_t unit, const struct device *d,
                               int64_t timeout_ns)
{
    for (size_t i = 0; i < d->fingerprint_count; i++) {
        const struct point *p = &d->fingerprints[i].point;
        struct modbus_ask a = {unit, p->table, p->address, p->words};
        struct modbus_answer answer = ask(l, s, &a, timeout_ns);
        if (answer.verdict != VERDICT_ANSWER || !fingerprint_matches(&d->fingerprints[i], answer.data))
            return false;
    }
    return true;
}

static void decode(const struct book *b, const struct request *q, const uint8_t *data, struct value *raw,
                   const struct value *last)
{
    const struct point *points = b->device->points;
    for (size_t k = q->first; k < (size_t)q->first + q->n; k++) {
        size_t i = b->plan.order[k];
        uint8_t order;
        if (points[i].type != POINT_STRING && point_order(points, i, raw, last, &order))
            raw[i] = point_from_answer(&points[i], order, data, q->address);
    }
}

// Reads the profile's first requests and weighs what they say.
static struct evidence look(struct library *l, struct session *s, uint8_t unit, const struct book *b,
                            int64_t timeout_ns)
{
    struct evidence e = {0};
    size_t n = b->device->n;
    struct value *values = calloc(3 * (n ? n : 1), sizeof *values), *raw = values, *last = values + n;
    if (!values)
        return e;
    for (size_t i = 0; i < n; i++) {
        raw[i].reason = REASON_NOT_DUE;
        last[i].reason = REASON_NOT_YET;
    }
    for (size_t i = 0; i < b->plan.n && i < REQUESTS_PER_PROFILE; i++) {
        const struct request *q = &b->plan.requests[i];
        struct modbus_ask a = {unit, q->function, q->address, q->count};
        struct modbus_answer answer = ask(l, s, &a, timeout_ns);
        if (answer.verdict == VERDICT_ANSWER) {
            decode(b, q, answer.data, raw, last);
        } else {
            e.contra += 3; // it does not have what the model has
            break;
        }
    }
    points_finish(b->device->points, n, raw, last, values + 2 * n);
    for (size_t i = 0; i < n; i++)
        weigh(&b->device->points[i], values[2 * n + i], &e);
    free(values);
    return e;
}

static void keep_best(struct candidate *out, size_t *n, const struct candidate *c)
{
    size_t at = *n;
    while (at > 0 && out[at - 1].score < c->score)
        at--;
    if (at == CANDIDATES_MAX)
        return;
    size_t last = *n < CANDIDATES_MAX ? (*n)++ : CANDIDATES_MAX - 1;
    memmove(&out[at + 1], &out[at], (last - at) * sizeof *out);
    out[at] = *c;
}

size_t identify(struct library *l, struct session *s, uint8_t unit, int64_t timeout_ns,
                const volatile int *stop, struct candidate out[static CANDIDATES_MAX])
{
    size_t n = 0;
    l->said_count = 0;
    for (size_t i = 0; i < l->n && !*stop; i++) {
        const struct book *b = &l->books[i];
        struct candidate c = {.device = b->device};
        if (b->device->fingerprint_count) {
            if (!fingerprints_match(l, s, unit, b->device, timeout_ns))
                continue;
            c.fingerprint = true;
        }
        struct evidence e = look(l, s, unit, b, timeout_ns);
        c.good = e.good;
        c.asked = e.asked;
        c.score = e.pro / (e.pro + 3 * e.contra + 2);
        if (c.fingerprint)
            c.score = fmax(c.score, 0.9);
        if (c.score >= SCORE_MIN)
            keep_best(out, &n, &c);
    }
    return n;
}
