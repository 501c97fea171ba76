/* SPDX-License-Identifier: Apache-2.0 */
/* The flow diagnosis of a period: what verb_report gathers, sums and prints. Private to the command-line
 * tool. */
#ifndef SYMBIONT_REPORT_H
#define SYMBIONT_REPORT_H

#include "cli/output.h"
#include "symbiont/stream.h"

struct report_stream {
    char name[64], title[128], resource[24], direction[16], provenance[16], unit[24], amount_unit[24],
        code[16];
    double amount, internal, surplus, taken; /* in amount_unit; taken in kg */
    double low, high;                        /* of the value; NaN */
    double known_h, surplus_h;
    int64_t hours; /* rows there were */
};

/* What is balanced: energy, mass and water each on their own, never one against the other. */
enum report_kind { REPORT_ENERGY, REPORT_MASS, REPORT_WATER, REPORT_KINDS };
extern const char *const report_kind_words[REPORT_KINDS];
extern const char *const report_kind_units[REPORT_KINDS]; /* "kWh", "kg", "m3" */

struct report_balance {
    double in, out, internal, product, loss;
    double unexplained; /* in - all others: losses nobody meters, stock, errors; negative: an input is not
                           metered */
    unsigned streams;
};

struct report {
    struct utc from, to; /* to excluded */
    char from_text[40], to_text[40], site[128], source[256], zone[64];
    double period_h;
    struct report_stream *streams;
    size_t n;
    struct report_balance balances[REPORT_KINDS];
    double coverage;   /* mean of the streams that are metered */
    double confidence; /* mean of weight of the provenance times coverage */
};

void report_add_hour(struct report_stream *s, const struct stream_hour *h);
/* REPORT_KINDS: it is in no balance (hours of equipment, compressed air). */
enum report_kind report_kind_of(const struct report_stream *s);
double report_coverage(const struct report *r, const struct report_stream *s);
void report_finish(struct report *r);

/* Text for people, or JSON. False: memory was out. */
bool report_print(const struct report *r, bool json, FILE *out);
void report_csv(const struct report *r, FILE *out);
/* One page that needs nothing else: tables, and a Sankey diagram of each balance as SVG. */
bool report_page(const struct report *r, FILE *out);

#endif
