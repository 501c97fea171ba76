// SPDX-License-Identifier: Apache-2.0
// Readings as InfluxDB line protocol, for 1.x, 2.x, 3.x and VictoriaMetrics alike.
#include "symbiont/encode.h"

#include <math.h>
#include <string.h>

// Where each character needs a backslash: measurements do not escape '=', everything else does.
#define ESCAPED_IN_MEASUREMENT ", "
#define ESCAPED_IN_KEY         ", ="

// A backslash at the end would escape the separator after it, and a line break would end the line:
// neither can be escaped in a name or tag, so they are replaced.
static void escaped(struct buf *out, const char *s, const char *special)
{
    size_t plain = 0, i = 0;
    for (; s[i]; i++) {
        char c = s[i];
        if ((unsigned char)c > ',' && c != '=' && c != '\\')
            continue;
        char replaced = c == '\\' ? '/' : (unsigned char)c < ' ' ? ' ' : c;
        bool escape = strchr(special, replaced) != NULL;
        if (!escape && replaced == c)
            continue;
        buf_put(out, s + plain, i - plain);
        plain = i + 1;
        if (escape)
            buf_putc(out, '\\');
        buf_putc(out, replaced);
    }
    buf_put(out, s + plain, i - plain);
}

struct influx_line influx_line_begin(struct buf *out, const char *measurement)
{
    struct influx_line l = {out, out->len, false};
    escaped(out, measurement, ESCAPED_IN_MEASUREMENT);
    return l;
}

void influx_line_tag(struct influx_line *l, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    buf_putc(l->out, ',');
    escaped(l->out, key, ESCAPED_IN_KEY);
    buf_putc(l->out, '=');
    escaped(l->out, value, ESCAPED_IN_KEY);
}

static void field(struct influx_line *l, const char *key)
{
    buf_putc(l->out, l->fields ? ',' : ' ');
    l->fields = true;
    escaped(l->out, key, ESCAPED_IN_KEY);
    buf_putc(l->out, '=');
}

void influx_line_number(struct influx_line *l, const char *key, double value, bool single)
{
    if (!isfinite(value))
        return;
    field(l, key);
    buf_number(l->out, value, single);
}

void influx_line_integer(struct influx_line *l, const char *key, int64_t value)
{
    field(l, key);
    buf_int(l->out, value);
    buf_putc(l->out, 'i');
}

void influx_line_bool(struct influx_line *l, const char *key, bool value)
{
    field(l, key);
    buf_puts(l->out, value ? "true" : "false");
}

void influx_line_text(struct influx_line *l, const char *key, const char *value)
{
    field(l, key);
    buf_putc(l->out, '"');
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            buf_putc(l->out, '\\');
        buf_putc(l->out, (unsigned char)*value < ' ' ? ' ' : *value);
    }
    buf_putc(l->out, '"');
}

bool influx_line_end(struct influx_line *l, struct utc time)
{
    if (!l->fields) {
        l->out->len = l->begin;
        return false;
    }
    buf_putc(l->out, ' ');
    buf_int(l->out, time.ms);
    buf_putc(l->out, '\n');
    return true;
}

// Whole numbers up to 2^63 (exclusive) have an int64; a double beyond has none, and an integer field
// may never become a float field, so such a value is left out.
static bool fits_integer(double value)
{
    return value >= -9223372036854775808.0 && value < 9223372036854775808.0;
}

static void reading_fields(struct influx_line *l, const struct reading *r)
{
    for (size_t i = 0; i < r->meter->n; i++) {
        const struct point *p = &r->meter->points[i];
        struct value v = r->values[i];
        if (p->hidden || v.reason != REASON_GOOD || !isfinite(v.number) || (r->texts && r->texts[i]))
            continue;
        if (!p->integer)
            influx_line_number(l, p->name, v.number, p->single);
        else if (fits_integer(v.number))
            influx_line_integer(l, p->name, (int64_t)nearbyint(v.number));
    }
}

bool encode_line_reading(struct buf *out, const char *site, const struct reading *r)
{
    struct influx_line l = influx_line_begin(out, "meters");
    influx_line_tag(&l, "meter", r->meter->name);
    influx_line_tag(&l, "site", site);
    reading_fields(&l, r);
    if (l.fields && r->maintenance)
        influx_line_bool(&l, "maintenance", true);
    return influx_line_end(&l, r->time);
}
