// SPDX-License-Identifier: Apache-2.0
// The description of a recording checked against a site: points, units, zone, format.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/replay_csv.h"
#include "symbiont/text.h"

static bool find_target(const struct site *s, const char *point, struct recording_target *out, char *why,
                        size_t why_size)
{
    struct site_scope scope;
    struct expression_names names = site_names_for_rules(s, &scope);
    struct expression_source source;
    const char *dot = strchr(point, '.');
    if (!dot) {
        snprintf(why, why_size, "\"%s\" is no point; a point is named meter.point", point);
        return false;
    }
    if (!names.resolve(names.arg, point, &source, why, why_size))
        return false;
    size_t meter = 0;
    while (s->first_source[meter + 1] <= source.index)
        meter++;
    *out = (struct recording_target){meter, source.index - s->first_source[meter]};
    if (s->devices[meter]->points[out->point].type != POINT_DERIVED)
        return true;
    snprintf(why, why_size, "\"%s\" is computed from others, so it cannot come from a file", point);
    return false;
}

// The unit that numbers of this column are in, before an amount is divided by its time.
static const struct unit *unit_of(const struct recording_column_config *c, const struct unit *point,
                                  char *why, size_t why_size)
{
    if (!c->unit)
        return c->kind == KIND_AMOUNT ? unit_multiply(point, unit_find("h")) : point;
    const struct unit *u = unit_find(c->unit);
    const char *near = u ? NULL : unit_nearest(c->unit);
    if (!u)
        snprintf(why, why_size, "the unit \"%s\" is not known%s%s%s", c->unit,
                 near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return u;
}

static bool convert(struct recording *r, struct recording_column *col, char *why, size_t why_size)
{
    const struct recording_column_config *c = col->config;
    const struct unit *wanted = r->site->devices[col->target.meter]->points[col->target.point].unit;
    const struct unit *unit = unit_of(c, wanted, why, why_size), *rate = unit;
    double factor, offset, hours = (double)r->config->step_ns / 3600e9;
    if (!unit)
        return false;
    if (c->kind == KIND_AMOUNT) {
        if (hours <= 0) {
            snprintf(why, why_size, "an amount needs the file's `step`: over what time did it come?");
            return false;
        }
        rate = unit_divide(unit, unit_find("h"));
    }
    if (!rate || !unit_conversion(rate, wanted, &factor, &offset)) {
        snprintf(why, why_size, "%s%s (%s) cannot be given in %s (%s)", unit_text(unit),
                 c->kind == KIND_AMOUNT ? " per time" : "", unit_dimension(rate ? rate : unit),
                 unit_text(wanted), unit_dimension(wanted));
        return false;
    }
    double per_hour = c->kind == KIND_AMOUNT ? 1 / hours : 1;
    col->factor = c->scale * per_hour * factor;
    col->offset = c->offset * per_hour * factor + offset;
    return true;
}

static bool parse_filter(struct recording_column *col, char *why, size_t why_size)
{
    const char *text = col->config->where, *equals = text ? strchr(text, '=') : NULL;
    if (!text)
        return true;
    size_t name = equals ? (size_t)(equals - text) : 0;
    while (name && text[name - 1] == ' ')
        name--;
    const char *value = equals ? equals + 1 + strspn(equals + 1, " ") : "";
    if (!name || name >= sizeof col->filter_name || strlen(value) >= sizeof col->filter_value) {
        snprintf(why, why_size, "where: \"%.60s\" is not of the form COLUMN=VALUE", text);
        return false;
    }
    snprintf(col->filter_name, sizeof col->filter_name, "%.*s", (int)name, text);
    snprintf(col->filter_value, sizeof col->filter_value, "%s", value);
    col->filtered = true;
    return true;
}

static void compile_column(struct recording *r, const struct recording_column_config *c,
                           struct diagnostics *d)
{
    struct recording_column *col = &r->columns[r->n];
    char why[300] = "";
    if (!c->column || !c->point)
        return; // said where the group is read
    *col = (struct recording_column){.config = c};
    if (find_target(r->site, c->point, &col->target, why, sizeof why) && convert(r, col, why, sizeof why) &&
        parse_filter(col, why, sizeof why))
        r->n++;
    else
        diag_error(d, c->common.place, "column \"%s\": %s", c->column, why);
}

bool recording_add(struct recording *r, const char *point, size_t cell, char *why, size_t why_size)
{
    struct recording_column *col = &r->columns[r->n];
    *col = (struct recording_column){.factor = 1, .cell = cell};
    if (!find_target(r->site, point, &col->target, why, why_size))
        return false;
    r->n++;
    return true;
}

static void compile_markers(struct recording *r, struct diagnostics *d)
{
    const struct texts *t = &r->config->missing;
    for (size_t i = 0; i < t->n; i++) {
        if (t->items[i][0] == '\0')
            r->empty_is_missing = true;
        else if (r->marker_count == MARKERS_MAX || strlen(t->items[i]) >= MARKER_BYTES)
            diag_error(d, r->config->common.place, "missing: at most %d markers of at most %d characters",
                       MARKERS_MAX, MARKER_BYTES - 1);
        else
            snprintf(r->markers[r->marker_count++], MARKER_BYTES, "%s", t->items[i]);
    }
}

static void compile_time(struct recording *r, struct diagnostics *d)
{
    const struct recording_time_config *t = &r->config->time;
    struct place at = t->common.place.file ? t->common.place : r->config->common.place;
    const struct zone *zone = r->site->zone;
    char why[300];
    if (!time_format_parse(&r->format, t->format, why, sizeof why))
        diag_error(d, at, "time format: %s", why);
    if (t->zone && strcmp(t->zone, "UTC") == 0) {
        zone = NULL;
    } else if (t->zone) {
        r->zone = zone_open(t->zone, why, sizeof why);
        zone = r->zone;
        if (!zone)
            diag_error(d, at, "time zone: %s", why);
    }
    if (t->stamp == STAMP_BEGIN && !r->config->step_ns)
        diag_error(d, at, "stamp = \"begin\" needs the file's `step`");
    time_track_begin(&r->track, zone);
}

static void compile_separator(struct recording *r, struct diagnostics *d)
{
    const char *s = r->config->separator;
    if (!s)
        return;
    if (strcmp(s, "tab") == 0)
        r->separator = '\t';
    else if (strlen(s) == 1 && *s != '"' && *s != '.' && (*s < '0' || *s > '9'))
        r->separator = *s;
    else
        diag_error(d, r->config->common.place, "separator: \"%.10s\" is not one character, or tab", s);
    if (r->separator == ',' && r->config->decimal_comma)
        diag_error(d, r->config->common.place, "separator: a comma is in the numbers already");
}

bool recording_compile(struct recording *r, struct diagnostics *d)
{
    size_t before = diag_errors(d);
    const struct groups *g = &r->config->columns;
    if (g->n > RECORDING_COLUMNS_MAX)
        diag_error(d, r->config->common.place, "more than %d columns", RECORDING_COLUMNS_MAX);
    for (size_t i = 0; i < g->n && i < RECORDING_COLUMNS_MAX; i++)
        compile_column(r, (const struct recording_column_config *)g->items + i, d);
    compile_markers(r, d);
    compile_time(r, d);
    compile_separator(r, d);
    return diag_errors(d) == before;
}
