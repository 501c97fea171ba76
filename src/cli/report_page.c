// SPDX-License-Identifier: Apache-2.0
// A report as one HTML page that needs no script, no font and no network: tables, and a Sankey diagram of
// each balance.
//
// The diagram: inputs stand on the left, the site in the middle, what becomes of it on the right. A band is
// as thick as its amount; all bands of a diagram have one scale. Labels of thin bands are pushed apart, so
// that none covers another.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "cli/html.h"
#include "cli/report.h"

#define WIDTH     960.0
#define HEIGHT    320.0 // of the thickest side
#define GAP       14.0
#define LABEL     30.0 // lines: name, amount
#define LEFT      250.0
#define RIGHT     710.0
#define NODE      14.0
#define MIDDLE    (WIDTH / 2)
#define FLOWS_MAX 60

struct flow {
    const char *name, *class;
    double amount, share; /* of the larger side */
    double y, thick, label_y;
};

struct side {
    struct flow flows[FLOWS_MAX];
    size_t n;
    double sum, height;
};

// "12 345 kWh", "1 234 MWh": thin spaces between thousands, four digits at least.
static void amount(struct buf *out, double v, const char *unit)
{
    static const struct {
        const char *small, *large;
    } larger[] = {{"kWh", "MWh"}, {"kg", "t"}};
    for (size_t i = 0; i < 2; i++)
        if (strcmp(unit, larger[i].small) == 0 && fabs(v) >= 10000) {
            v /= 1000;
            unit = larger[i].large;
        }
    char text[64];
    snprintf(text, sizeof text, fabs(v) >= 1000 ? "%.0f" : fabs(v) >= 10 ? "%.1f" : "%.3g", v);
    size_t n = strcspn(text, "."), sign = text[0] == '-';
    for (size_t i = 0; text[i]; i++) {
        if (i > sign && i < n && (n - i) % 3 == 0 && fabs(v) >= 10000)
            buf_puts(out, "&#8201;");
        buf_putc(out, text[i]);
    }
    buf_printf(out, " %s", strcmp(unit, "m3") == 0 ? "m&sup3;" : unit);
}

// ---- Sankey ----

static void add(struct side *s, const char *name, const char *class, double v)
{
    if (v > 0 && s->n < FLOWS_MAX) {
        s->flows[s->n++] = (struct flow){.name = name, .class = class, .amount = v};
        s->sum += v;
    }
}

static void layout(struct side *s, double scale, double sum)
{
    double y = 0, label = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct flow *f = &s->flows[i];
        f->thick = f->amount * scale;
        f->share = f->amount / sum;
        f->y = y;
        f->label_y = fmax(label, y + f->thick / 2 - LABEL / 2);
        label = f->label_y + LABEL + 4;
        y = fmax(y + f->thick + GAP, label - LABEL / 2 - 4);
    }
    s->height = fmax(y, label);
}

static void band(struct buf *out, double x1, double y1, double x2, double y2, double thick,
                 const struct flow *f, const char *unit)
{
    double m = (x1 + x2) / 2, t = fmax(thick, 0.8);
    buf_printf(out,
               "<path class=\"%s\" d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1fv%.1fC%.1f %.1f %.1f %.1f "
               "%.1f %.1fz\"><title>",
               f->class, x1, y1, m, y1, m, y2, x2, y2, t, m, y2 + t, m, y1 + t, x1, y1 + t);
    html_text(out, f->name);
    buf_puts(out, ": ");
    amount(out, f->amount, unit);
    buf_puts(out, "</title></path>\n");
}

static void label(struct buf *out, double x, const char *anchor, const struct flow *f, const char *unit,
                  double top)
{
    buf_printf(out, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"%s\"><tspan class=\"n\">", x,
               top + f->label_y + 12, anchor);
    html_text(out, f->name);
    buf_printf(out, "</tspan><tspan x=\"%.0f\" dy=\"15\">", x);
    amount(out, f->amount, unit);
    buf_printf(out, " &#183; %.1f&#8201;%%</tspan></text>\n", 100 * f->share);
}

static void draw_side(struct buf *out, const struct side *s, bool left, double top, double middle_top,
                      const char *unit)
{
    double at = middle_top, x = left ? LEFT : RIGHT;
    for (size_t i = 0; i < s->n; i++) {
        const struct flow *f = &s->flows[i];
        if (left)
            band(out, x + NODE, top + f->y, MIDDLE - NODE / 2, at, f->thick, f, unit);
        else
            band(out, MIDDLE + NODE / 2, at, x, top + f->y, f->thick, f, unit);
        buf_printf(out, "<rect class=\"%s b\" x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"%.1f\"/>\n",
                   f->class, x, top + f->y, NODE, fmax(f->thick, 0.8));
        label(out, left ? x - 8 : x + NODE + 8, left ? "end" : "start", f, unit, top);
        at += f->thick;
    }
}

static void gather(const struct report *r, enum report_kind kind, struct side *in, struct side *out)
{
    static const char *const order[] = {"product", "out", "internal", "loss"};
    const struct report_balance *b = &r->balances[kind];
    double own = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct report_stream *s = &r->streams[i];
        if (report_kind_of(s) == kind && strcmp(s->direction, "in") == 0)
            add(in, *s->title ? s->title : s->name, "in", s->amount);
        if (report_kind_of(s) == kind)
            own += s->internal;
    }
    for (size_t o = 0; o < sizeof order / sizeof *order; o++) {
        for (size_t i = 0; i < r->n; i++) {
            const struct report_stream *s = &r->streams[i];
            if (report_kind_of(s) == kind && strcmp(s->direction, order[o]) == 0)
                add(out, *s->title ? s->title : s->name, order[o], s->amount);
        }
        if (strcmp(order[o], "internal") == 0)
            add(out, "recovered on the site", "internal", own);
    }
    if (b->in > 0)
        add(b->unexplained > 0 ? out : in, b->unexplained > 0 ? "unexplained rest" : "input not metered",
            "rest", fabs(b->unexplained));
}

static void sankey(struct buf *out, const struct report *r, enum report_kind kind)
{
    struct side in = {0}, away = {0};
    const char *unit = report_kind_units[kind];
    gather(r, kind, &in, &away);
    double most = fmax(in.sum, away.sum);
    if (!(most > 0))
        return;
    double scale = HEIGHT / most;
    layout(&in, scale, most);
    layout(&away, scale, most);
    double height = fmax(fmax(in.height, away.height), HEIGHT) + 20, tall = most * scale;
    double middle_top = (height - tall) / 2;
    buf_printf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n", WIDTH, height,
               report_kind_words[kind]);
    draw_side(out, &in, true, (height - in.height) / 2, middle_top, unit);
    draw_side(out, &away, false, (height - away.height) / 2, middle_top, unit);
    buf_printf(out, "<rect class=\"site\" x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"%.1f\"/>\n",
               MIDDLE - NODE / 2, middle_top, NODE, tall);
    buf_puts(out, "</svg>\n");
}

// ---- Tables ----

static void cell(struct buf *out, double v, const char *unit)
{
    buf_puts(out, "<td class=\"r\">");
    if (isfinite(v))
        amount(out, v, unit);
    buf_puts(out, "</td>");
}

static void balances(struct buf *out, const struct report *r)
{
    for (int k = 0; k < REPORT_KINDS; k++) {
        const struct report_balance *b = &r->balances[k];
        const char *u = report_kind_units[k];
        if (!b->streams)
            continue;
        buf_printf(out, "<h2>%c%s</h2>\n", report_kind_words[k][0] - 'a' + 'A', report_kind_words[k] + 1);
        sankey(out, r, (enum report_kind)k);
        buf_puts(out, "<table><tr><th>in<th>out<th>own use<th>product<th>loss<th>unexplained</tr><tr>");
        const double cells[] = {b->in,      b->out,  b->internal,
                                b->product, b->loss, b->in > 0 ? b->unexplained : NAN};
        for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
            cell(out, cells[i], u);
        buf_puts(out, "</tr></table>\n");
        if (b->in > 0)
            buf_printf(out,
                       "<p>The unexplained rest is %.1f&#8201;%% of what came in: losses that nobody meters, "
                       "stock, and the "
                       "error of the meters.</p>\n",
                       100 * b->unexplained / b->in);
        else
            buf_puts(out, "<p>No input is metered: there is no balance.</p>\n");
    }
}

static void surplus_table(struct buf *out, const struct report *r)
{
    buf_puts(out, "<h2>To spare</h2>\n<table><tr><th class=\"l\">stream<th>hours<th>share of the "
                  "time<th>amount<th>taken away</tr>\n");
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct report_stream *s = &r->streams[i];
        if (strcmp(s->direction, "out") != 0 || !(s->surplus_h > 0 || s->taken > 0))
            continue;
        bool container = strcmp(s->unit, s->amount_unit) == 0;
        buf_puts(out, "<tr><td>");
        html_text(out, *s->title ? s->title : s->name);
        buf_printf(out, "<td class=\"r\">%.1f<td class=\"r\">%.1f&#8201;%%", s->surplus_h,
                   100 * s->surplus_h / r->period_h);
        cell(out, container ? NAN : s->surplus, s->amount_unit);
        cell(out, s->taken > 0 ? s->taken : NAN, "kg");
        buf_puts(out, "</tr>\n");
        n++;
    }
    buf_puts(out, n ? "</table>\n" : "<tr><td colspan=\"5\">Nothing in this time.</tr></table>\n");
}

static void streams_table(struct buf *out, const struct report *r)
{
    buf_puts(out, "<h2>Streams and the quality of their data</h2>\n<table><tr><th class=\"l\">stream<th "
                  "class=\"l\">resource<th "
                  "class=\"l\">direction<th>amount<th>own use<th>lowest<th>highest<th "
                  "class=\"l\">provenance<th>coverage</tr>\n");
    for (size_t i = 0; i < r->n; i++) {
        const struct report_stream *s = &r->streams[i];
        double coverage = report_coverage(r, s);
        buf_puts(out, "<tr><td>");
        html_text(out, *s->title ? s->title : s->name);
        if (*s->code)
            buf_printf(out, " <small>%s</small>", s->code);
        buf_printf(out, "<td>%s<td>%s", s->resource, s->direction);
        cell(out, s->amount, s->amount_unit);
        cell(out, s->internal > 0 ? s->internal : NAN, s->amount_unit);
        cell(out, s->low, s->unit);
        cell(out, s->high, s->unit);
        buf_printf(out, "<td>%s<td class=\"r%s\">%.1f&#8201;%%</tr>\n", s->provenance,
                   coverage < 0.9 ? " bad" : "", 100 * coverage);
    }
    buf_puts(out, "</table>\n");
}

static const char style[] =
    "body{font:15px/1.45 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}"
    "h1{font-size:1.5em;margin-bottom:0}h2{font-size:1.15em;margin-top:2em}svg{width:100%;height:auto}"
    "text{font-size:12.5px;fill:#555}.n{font-weight:600;fill:#222}"
    "table{border-collapse:collapse;width:100%;font-size:14px}th,td{padding:.3em .6em;border-bottom:1px "
    "solid #ddd}"
    "th{text-align:right;color:#666;font-weight:500}th.l{text-align:left}td.r{text-align:right;font-variant-"
    "numeric:tabular-nums;"
    "white-space:nowrap}.bad{color:#b3261e}small{color:#777;white-space:nowrap}"
    "path{fill-opacity:.45}path:hover{fill-opacity:.7}.in{fill:#4e79a7}.out{fill:#e8833a}.product{fill:#"
    "59a14f}"
    ".internal{fill:#76b7b2}.loss{fill:#9c755f}.rest{fill:#bab0ac}.site{fill:#333}"
    "@media print{body{margin:0}h2{break-after:avoid}svg,table{break-inside:avoid}}";

bool report_page(const struct report *r, FILE *file)
{
    struct buf out = {0};
    buf_puts(&out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                   "content=\"width=device-width\"><title>");
    html_text(&out, *r->site ? r->site : "Flow diagnosis");
    buf_printf(&out, "</title><style>%s</style></head><body>\n<h1>", style);
    html_text(&out, *r->site ? r->site : "Flow diagnosis");
    buf_puts(&out, "</h1>\n<p>Flow diagnosis from ");
    html_text(&out, r->from_text);
    buf_puts(&out, " to ");
    html_text(&out, r->to_text);
    buf_puts(&out, " (");
    html_text(&out, r->zone);
    buf_printf(&out, "), %.0f hours", r->period_h);
    if (isfinite(r->coverage))
        buf_printf(&out, "; data for %.1f&#8201;%% of the time, confidence %.2f", 100 * r->coverage,
                   r->confidence);
    buf_puts(&out, ".</p>\n");
    balances(&out, r);
    surplus_table(&out, r);
    streams_table(&out, r);
    buf_printf(&out, "<p><small>symbiont %s</small></p>\n</body></html>\n", SYMBIONT_VERSION);
    bool ok = !out.failed;
    if (ok)
        fwrite(out.data, 1, out.len, file);
    buf_free(&out);
    return ok;
}
