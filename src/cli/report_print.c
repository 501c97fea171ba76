// SPDX-License-Identifier: Apache-2.0
// A report as text, JSON and CSV.
#include <math.h>
#include <string.h>
#include "cli/report.h"

// Four digits say all that a meter of 1 % can.
static double digits(double v)
{
    if (!isfinite(v) || !(fabs(v) > 0))
        return v;
    double scale = pow(10, 4 - ceil(log10(fabs(v))));
    return fabs(v) >= 10000 ? round(v) : round(v * scale) / scale;
}

static double shown(const struct output *o, double v)
{
    return o->json ? v : digits(v);
}

static double percent(const struct output *o, double share)
{
    return o->json ? 100 * share : round(1000 * share) / 10;
}

static void print_streams(struct output *o, const struct report *r)
{
    static const struct column columns[] = {{"stream", NULL},
                                            {"resource", NULL},
                                            {"direction", NULL},
                                            {"code", NULL},
                                            {"amount", NULL},
                                            {"unit", NULL},
                                            {"internal", "own use"},
                                            {"surplus", NULL},
                                            {"surplus_h", "surplus h"},
                                            {"taken_kg", "taken kg"},
                                            {"mean", NULL},
                                            {"low", NULL},
                                            {"high", NULL},
                                            {"value_unit", "of"},
                                            {"provenance", NULL},
                                            {"coverage_%", "coverage %"},
                                            {0}};
    output_table(o, "streams", columns);
    for (size_t i = 0; i < r->n; i++) {
        const struct report_stream *s = &r->streams[i];
        bool container = strcmp(s->unit, s->amount_unit) == 0;
        output_row(o);
        output_text(o, "stream", s->name);
        output_text(o, "title", *s->title ? s->title : NULL);
        output_text(o, "resource", s->resource);
        output_text(o, "direction", s->direction);
        output_text(o, "code", *s->code ? s->code : NULL);
        output_number(o, "amount", shown(o, s->amount));
        output_text(o, "unit", s->amount_unit);
        output_number(o, "internal", s->internal > 0 ? shown(o, s->internal) : o->json ? 0 : NAN);
        output_number(o, "surplus", container ? NAN : shown(o, s->surplus));
        output_number(o, "surplus_h", shown(o, s->surplus_h));
        output_number(o, "taken_kg", s->taken > 0 ? shown(o, s->taken) : NAN);
        output_number(o, "mean", s->known_h > 0 && !container ? shown(o, s->amount / s->known_h) : NAN);
        output_number(o, "low", shown(o, s->low));
        output_number(o, "high", shown(o, s->high));
        output_text(o, "value_unit", s->unit);
        output_text(o, "provenance", s->provenance);
        output_number(o, "coverage_%", percent(o, report_coverage(r, s)));
        output_row_end(o);
    }
    output_table_end(o);
}

static void print_balances(struct output *o, const struct report *r)
{
    static const struct column columns[] = {{"balance", NULL},
                                            {"unit", NULL},
                                            {"in", NULL},
                                            {"out", NULL},
                                            {"own_use", NULL},
                                            {"product", NULL},
                                            {"loss", NULL},
                                            {"unexplained", NULL},
                                            {"unexplained_%", "of in %"},
                                            {0}};
    output_table(o, "balances", columns);
    for (int k = 0; k < REPORT_KINDS; k++) {
        const struct report_balance *b = &r->balances[k];
        if (!b->streams)
            continue;
        output_row(o);
        output_text(o, "balance", report_kind_words[k]);
        output_text(o, "unit", report_kind_units[k]);
        output_number(o, "in", shown(o, b->in));
        output_number(o, "out", shown(o, b->out));
        output_number(o, "own_use", shown(o, b->internal));
        output_number(o, "product", shown(o, b->product));
        output_number(o, "loss", shown(o, b->loss));
        output_number(o, "unexplained", b->in > 0 ? shown(o, b->unexplained) : NAN);
        output_number(o, "unexplained_%", b->in > 0 ? percent(o, b->unexplained / b->in) : NAN);
        output_row_end(o);
    }
    output_table_end(o);
}

bool report_print(const struct report *r, bool json, FILE *out)
{
    struct output o = output_begin(json);
    output_object(&o, NULL);
    output_text(&o, "site", *r->site ? r->site : NULL);
    output_text(&o, "from", r->from_text);
    output_text(&o, "to", r->to_text);
    output_text(&o, "timezone", r->zone);
    output_number(&o, "hours", r->period_h);
    output_number(&o, "coverage_%", percent(&o, r->coverage));
    output_number(&o, "confidence", json ? r->confidence : round(100 * r->confidence) / 100);
    print_streams(&o, r);
    print_balances(&o, r);
    output_object_end(&o);
    return output_end(&o, out);
}

static void csv_text(const char *text, FILE *out)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void csv_number(double v, FILE *out)
{
    struct buf b = {0};
    fputc(',', out);
    if (isfinite(v)) {
        buf_number(&b, v, false);
        fputs(buf_text(&b), out);
    }
    buf_free(&b);
}

void report_csv(const struct report *r, FILE *out)
{
    fputs("from,to,stream,title,resource,direction,code,amount,unit,internal,surplus,surplus_h,taken_kg,low,"
          "high,value_unit,"
          "provenance,coverage\n",
          out);
    for (size_t i = 0; i < r->n; i++) {
        const struct report_stream *s = &r->streams[i];
        const char *texts[] = {r->from_text, r->to_text,   s->name, s->title,
                               s->resource,  s->direction, s->code};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
            if (k)
                fputc(',', out);
            csv_text(texts[k], out);
        }
        csv_number(s->amount, out);
        fprintf(out, ",%s", s->amount_unit);
        const double numbers[] = {s->internal, s->surplus, s->surplus_h, s->taken, s->low, s->high};
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            csv_number(numbers[k], out);
        fprintf(out, ",%s,%s", s->unit, s->provenance);
        csv_number(report_coverage(r, s), out);
        fputc('\n', out);
    }
}
