// SPDX-License-Identifier: Apache-2.0
// From hours to totals and balances.
#include <math.h>
#include <string.h>
#include "cli/report.h"

const char *const report_kind_words[REPORT_KINDS] = {"energy", "mass", "water"};
const char *const report_kind_units[REPORT_KINDS] = {"kWh", "kg", "m3"};

void report_add_hour(struct report_stream *s, const struct stream_hour *h)
{
    const double *from[] = {&h->amount, &h->internal, &h->surplus, &h->taken};
    double *to[] = {&s->amount, &s->internal, &s->surplus, &s->taken};
    for (int i = 0; i < 4; i++)
        *to[i] += isnan(*from[i]) ? 0 : *from[i];
    s->low = fmin(s->low, h->low); // of a number and NaN the number
    s->high = fmax(s->high, h->high);
    s->known_h += h->known_s / 3600.0;
    s->surplus_h += h->surplus_s / 3600.0;
    s->hours++;
}

enum report_kind report_kind_of(const struct report_stream *s)
{
    if (strcmp(s->amount_unit, "kWh") == 0)
        return REPORT_ENERGY;
    if (strcmp(s->amount_unit, "kg") == 0)
        return REPORT_MASS;
    return strcmp(s->amount_unit, "m3") == 0 && strcmp(s->resource, "water") == 0 ? REPORT_WATER
                                                                                  : REPORT_KINDS;
}

double report_coverage(const struct report *r, const struct report_stream *s)
{
    return r->period_h > 0 ? fmin(1, s->known_h / r->period_h) : NAN;
}

static void add_to(struct report_balance *b, const struct report_stream *s)
{
    static const struct {
        const char *direction;
        size_t offset;
    } places[] = {
        {"in", offsetof(struct report_balance, in)},
        {"out", offsetof(struct report_balance, out)},
        {"internal", offsetof(struct report_balance, internal)},
        {"product", offsetof(struct report_balance, product)},
        {"loss", offsetof(struct report_balance, loss)},
    };
    b->streams++;
    b->internal += s->internal;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i].direction, s->direction) == 0)
            *(double *)(void *)((char *)b + places[i].offset) += s->amount;
}

static double weight_of(const char *provenance)
{
    for (int p = PROVENANCE_MEASURED; p <= PROVENANCE_TYPICAL; p++)
        if (strcmp(provenance_word((enum provenance)p), provenance) == 0)
            return provenance_weight((enum provenance)p);
    return 0;
}

void report_finish(struct report *r)
{
    double coverage = 0, confidence = 0;
    size_t metered = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct report_stream *s = &r->streams[i];
        enum report_kind kind = report_kind_of(s);
        if (kind < REPORT_KINDS)
            add_to(&r->balances[kind], s);
        confidence += weight_of(s->provenance) * report_coverage(r, s);
        if (strcmp(s->provenance, "declared") == 0)
            continue;
        coverage += report_coverage(r, s);
        metered++;
    }
    r->coverage = metered ? coverage / (double)metered : NAN;
    r->confidence = r->n ? confidence / (double)r->n : NAN;
    for (int k = 0; k < REPORT_KINDS; k++) {
        struct report_balance *b = &r->balances[k];
        b->unexplained = b->in - b->out - b->internal - b->product - b->loss;
    }
}
